"""Checks of the summaries: notes, manifest and diagnostics say what the tables say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import Any

from synthestat.review.case import TABLES, Case
from synthestat.review.controls import EXACT, deviation, expected_status
from synthestat.review.definitions import BINDING
from synthestat.review.family_structure import observed_target
from synthestat.review.household_figures import figure_faults
from synthestat.review.notes_layout import layout_faults
from synthestat.review.proofs import noted_faults
from synthestat.review.record import Answer, found
from synthestat.review.recount import Cell

_FIGURE = re.compile(r"^\|\s*`(\w+)`\s*\|\s*([^|]+?)\s*\|", re.MULTILINE)
_CONTROL = re.compile(r"^\|\s*(\w+)\s*\|\s*([A-Z]+)\s*\|([^|]+)\|([^|]+)\|([^|]+)\|", re.MULTILINE)
_TARGET = re.compile(
    r"^\* `([^`]+)`: value (\S+), tolerance (\S+), observed (\S+): (met|missed)$", re.MULTILINE
)
_LAYER = re.compile(r"^\* (\w+): (\w+)$", re.MULTILINE)
ROUNDED = 5.1e-7  # the notes give ratios to six decimals
WORST = 50  # rows that the residual summary lists; the contract
LARGEST = "SELECT max(size) FROM households WHERE kind = 'private'"


def notes_figures(case: Case) -> Answer:
    """Each figure of model_notes.md as recomputed; no line of no section; every limit told."""
    text = case.text("model_notes.md")
    stated, known = dict(_FIGURE.findall(text)), dict(_figures(case))
    faults = [f"`{name}`: not in the notes" for name in known if name not in stated]
    for name, value in known.items():
        if name in stated and abs(_number(stated[name]) - value) > ROUNDED:
            faults.append(f"`{name}`: {stated[name]} in the notes, {value:,} recomputed")
    faults += _control_lines(case, text)
    faults += noted_faults(case, text)
    faults += _target_lines(case, text)
    faults += _layer_lines(case, text)
    faults += layout_faults(case, text)
    faults += [f"`{name}`: no figure of this run" for name in sorted(stated.keys() - known.keys())]
    return found(faults, f"{len(known)} figures as recomputed", figures={"compared": len(known)})


def manifest_coverage(case: Case) -> Answer:
    """The manifest's counts, built and aimed at, as recomputed."""
    coverage = case.manifest["coverage"]
    faults = []
    for part, recomputed in (("built", dict(_built(case))), ("targets", dict(_targets(case)))):
        for kind, counts in coverage[part].items():
            for name, stated in counts.items():
                wanted = recomputed.get((kind, name))
                if stated != wanted:
                    faults.append(f"{part}.{kind}.{name}: {stated} stated, {wanted} recomputed")
        missing = recomputed.keys() - {
            (k, n) for k, counts in coverage[part].items() for n in counts
        }
        faults += [f"{part}.{kind}.{name}: not stated" for kind, name in sorted(missing)]
    persons, target = (coverage[part]["persons"]["all"] for part in ("built", "targets"))
    if coverage["person_shortfall"] != target - persons:
        faults.append(f"person_shortfall: {coverage['person_shortfall']}, not {target - persons}")
    return found(faults, "built and published counts as recomputed")


def residual_summary(case: Case) -> Answer:
    """constraint_residuals.json sums up the rows as recounted; its worst rows are the worst."""
    stated = case.json("constraint_residuals.json")
    logged = {str(entry["constraint_id"]) for entry in case.relaxations}
    reported = dict(case.rows("SELECT constraint_id, status FROM residuals"))
    counts: dict[str, dict[str, int]] = {}
    for cell in case.cells:
        level = cell.control.level
        status = expected_status(cell, logged) if level in BINDING else reported.get(cell.id, "")
        counts.setdefault(level, {}).setdefault(status, 0)
        counts[level][status] += 1
    hard = [cell for cell in case.cells if cell.control.level == "HARD" and cell.judged]
    wanted: dict[str, object] = {
        "rows": len(case.cells),
        "hard_rows": len(hard),
        "hard_failures": sum(cell.residual != 0 for cell in hard),
    }
    faults = [
        f"{key}: {stated[key]} stated, {value} recounted"
        for key, value in wanted.items()
        if stated[key] != value
    ]
    faults += _status_faults(stated["by_level"], counts)
    faults += _worst_faults(stated["worst"], case.cells)
    return found(faults, "the summary is that of the rows")


def _status_faults(
    stated: dict[str, dict[str, int]], counts: dict[str, dict[str, int]]
) -> Iterator[str]:
    """Numbers of rows by level and status that are not as recounted."""
    for level in sorted(stated.keys() | counts.keys()):
        said, wanted = stated.get(level, {}), counts.get(level, {})
        for status in sorted(said.keys() | wanted.keys()):
            if said.get(status) != wanted.get(status):
                told = f"{said.get(status)} stated, {wanted.get(status)} recounted"
                yield f"by_level.{level}.{status or 'without a row'}: {told}"


def household_summary(case: Case) -> Answer:
    """household_diagnostics.json as recomputed from persons and households."""
    stated = case.json("household_diagnostics.json")
    homes = "FROM households WHERE kind = 'private' GROUP BY ALL"
    apart = "FROM households WHERE kind = 'institutional' GROUP BY ALL"
    groups = {
        "by_size": f"SELECT size, count(*) {homes}",
        "by_type": f"SELECT household_type, count(*) {homes}",
        "by_universe": "SELECT universe, count(*) FROM households GROUP BY ALL",
        "roles": "SELECT household_role, count(*) FROM persons GROUP BY ALL",
        "mean_size": f"SELECT universe, avg(size) {homes}",
        "institutional_households_by_kind": f"SELECT institution, count(*) {apart}",
        "institutional_residents_by_kind": f"SELECT institution, sum(size) {apart}",
    }
    wanted: dict[str, Any] = {
        key: {str(group): number for group, number in case.rows(sql)} for key, sql in groups.items()
    }
    known = dict(_figures(case))
    for key in (
        *("households", "largest_household"),
        *("child_only_households", "under_age_reference_persons"),
        *("institutional_households", "institutional_residents"),
    ):
        wanted[key] = known[key]
    faults = [*_disagreements(stated, wanted), *figure_faults(case, stated)]
    return found(faults, "the diagnostics are those of the tables")


def dwelling_summary(case: Case) -> Answer:
    """dwelling_building_diagnostics.json as recomputed from dwellings and households."""
    stated = case.json("dwelling_building_diagnostics.json")
    occupancy = dict(case.rows("SELECT occupancy, count(*) FROM dwellings GROUP BY ALL"))
    wanted: dict[str, Any] = {
        word: occupancy.get(word, 0) for word in ("occupied", "vacant", "secondary_or_unresolved")
    }
    wanted["dwellings"] = sum(occupancy.values())
    homes = "SELECT dwelling_id, count(*) AS n FROM households WHERE dwelling_id > 0 GROUP BY ALL"
    wanted["shared"] = case.count(f"SELECT count(*) FROM ({homes}) WHERE n > 1")
    wanted["households_with_dwelling"] = case.count("SELECT count(dwelling_id) FROM households")
    faults = list(_disagreements(stated, wanted))
    words = ("occupied", "vacant", "secondary_or_unresolved")
    columns = ", ".join(f"count(*) FILTER (occupancy = '{word}') AS {word}" for word in words)
    zones = case.records(
        f"SELECT zone_code, count(*) AS number, {columns} FROM dwellings GROUP BY 1"
    )
    by_zone = {str(entry["zone_code"]): entry for entry in stated["by_zone"]}
    for row in zones:
        entry = by_zone.get(str(row["zone_code"]), {})
        own = {"dwellings": row["number"]} | {word: row[word] for word in words}
        faults += [f"{row['zone_code']}: {each}" for each in _disagreements(entry, own)]
    return found(faults, "the diagnostics are those of the tables")


def _figures(case: Case) -> Iterator[tuple[str, float]]:
    """The figures of the notes, by key, recomputed from the tables."""
    built, targets = dict(_built(case)), dict(_targets(case))
    for view in ("persons", "households"):
        yield view, built[view, "all"] or 0
        for word in case.pack.universe_words:
            yield f"{view}_{word}", built[view, word] or 0
    yield "person_shortfall", (targets["persons", "all"] or 0) - (built["persons", "all"] or 0)
    if not case.declared_unavailable("dwellings"):
        yield "dwellings", built["dwellings", "all"] or 0
        yield "dwellings_vacant", built["dwellings", "vacant"] or 0
    hard = [cell for cell in case.cells if cell.control.level == "HARD" and cell.judged]
    yield "hard_rows", len(hard)
    yield "hard_failures", sum(cell.residual != 0 for cell in hard)
    yield "max_marginal_deviation", deviation(case)
    yield "relaxations", len(case.relaxations)
    yield "largest_household", case.count(LARGEST)
    minors = (
        "SELECT household_id FROM persons JOIN households USING (household_id) "
        "WHERE kind = 'private' GROUP BY household_id HAVING max(age) < $adult_age"
    )
    yield "child_only_households", case.count(f"SELECT count(*) FROM ({minors})")
    young = (
        "SELECT count(*) FROM households h JOIN persons p ON p.person_id = h.reference_person_id "
        "WHERE h.kind = 'private' AND p.age < $adult_age"
    )
    yield "under_age_reference_persons", case.count(young)
    apart = "FROM households WHERE kind = 'institutional'"
    yield "institutional_households", case.count(f"SELECT count(*) {apart}")
    yield "institutional_residents", case.count(f"SELECT sum(size) {apart}")


def _built(case: Case) -> Iterator[tuple[tuple[str, str], int | None]]:
    """(kind, group) and how many the run has: all, and by universe or occupancy."""
    for view, column in (
        *(("persons", "universe"), ("households", "universe")),
        ("dwellings", "occupancy"),
    ):
        if case.declared_unavailable(view):
            yield (view, "all"), None
            continue
        groups = dict(case.rows(f"SELECT {column}, count(*) FROM {view} GROUP BY ALL"))
        yield (view, "all"), sum(groups.values())
        words = case.pack.universe_words if column == "universe" else ()
        for word in sorted({*groups, *words}):
            yield (view, str(word)), int(groups.get(word, 0))
    gone = case.declared_unavailable("buildings")
    yield (
        ("buildings", "all"),
        None if gone else case.count("SELECT count(DISTINCT building_id) FROM buildings"),
    )


def _targets(case: Case) -> Iterator[tuple[tuple[str, str], int]]:
    """(kind, group) and the country's published figure, from its row or else from all its zones."""
    parts, seen = case.pack.universe_parts, set()
    persons: dict[str, float] = {}
    telling = [control for control in case.pack.controls if control.level != "GUIDE"]
    for control in sorted(telling, key=lambda each: each.level != "HARD"):
        own_cells = [cell for cell in case.cells if cell.control == control]
        cells = [cell for cell in own_cells if cell.zone == case.pack.root]
        if not cells and {cell.zone for cell in own_cells} >= set(case.pack.zones):
            cells = [cell for cell in own_cells if cell.zone in case.pack.zones]
        targets = [cell.target for cell in cells if cell.target is not None]
        if control.total_of or not targets or len(targets) < len(cells):
            continue
        if control.counts == "persons":
            persons.setdefault(control.universe, sum(targets))
        else:
            own = control.universe if control.counts == "households" else "all"
            group = next(iter(control.only.values()), own)
            if (control.counts, group) not in seen:
                seen.add((control.counts, group))
                yield (control.counts, group), int(sum(targets))
    for whole, inside in parts.items():
        left = [part for part in inside if part not in persons]
        if whole in persons and len(inside) > 1 and len(left) == 1:
            known = sum(persons[part] for part in inside if part in persons)
            persons[left[0]] = persons[whole] - known
    widest = max(parts, key=lambda universe: len(parts[universe]))
    for universe, number in persons.items():
        if universe == widest:
            yield ("persons", "all"), int(number)
        if parts[universe] == (universe,) or universe != widest:
            yield ("persons", universe), int(number)


def _control_lines(case: Case, text: str) -> Iterator[str]:
    """Lines of the table of controls that the recounted cells contradict, or that are not there."""
    known = {control.id: control for control in case.pack.controls}
    told = _CONTROL.findall(text)
    judged = {cell.control.id for cell in case.cells if cell.judged}
    for name in sorted(judged - {line[0] for line in told}):
        yield f"{name}: not in the table of controls"
    for name, level, *numbers in told:
        if name not in known:
            yield f"{name}: no control of the pack"
            continue
        cells = [cell for cell in case.cells if cell.control.id == name and cell.judged]
        exact = sum(cell.residual == 0 for cell in cells)
        largest = max((abs(cell.residual) for cell in cells), default=0)
        if level != known[name].level:
            yield f"{name}: {level} in the notes, {known[name].level} in the pack"
        stated = [_number(number) for number in numbers]
        if stated != [len(cells), exact, largest]:
            yield (
                f"{name}: {stated} in the notes; recounted {len(cells)} rows, {exact} exact, "
                f"largest residual {largest:.0f}"
            )


def _target_lines(case: Case, text: str) -> Iterator[str]:
    """Lines of soft targets that the registry and the tables contradict."""
    told = {name: rest for name, *rest in _TARGET.findall(text)}
    known: dict[str, list[Any]] = {}
    for name, entry in case.pack.registry.items():
        if entry["kind"] == "target" and entry["status"] == "used":
            value, tolerance = (float(entry["values"][key]) for key in ("value", "tolerance"))
            observed = observed_target(case, entry["values"])
            met = observed is not None and abs(observed - value) <= tolerance
            known[name] = [value, tolerance, observed, "met" if met else "missed"]
    for name in sorted(known.keys() | told.keys()):
        stated, wanted = told.get(name), known.get(name)
        if stated is None or wanted is None:
            yield f"{name}: {stated} in the notes, {wanted} recomputed"
            continue
        numbers = [None if word == "nobody" else _number(word) for word in stated[:3]]
        same = all(
            number == figure or (None not in (number, figure) and abs(number - figure) <= ROUNDED)
            for number, figure in zip(numbers, wanted[:3], strict=True)
        )
        if not same or stated[3] != wanted[3]:
            yield f"{name}: {', '.join(stated)} in the notes, {wanted} recomputed"


def _layer_lines(case: Case, text: str) -> Iterator[str]:
    """Lines of the layers that the manifest contradicts."""
    known = {str(layer): str(word) for layer, word in case.manifest["layers"].items()}
    told = {name: word for name, word in _LAYER.findall(text) if name in TABLES.values()}
    for name in sorted(known.keys() | told.keys()):
        if told.get(name) != known.get(name):
            yield f"{name}: {told.get(name)} in the notes, {known.get(name)} in the manifest"


def _worst_faults(worst: list[dict[str, Any]], cells: tuple[Cell, ...]) -> Iterator[str]:
    known = {cell.id: cell for cell in cells}
    for row in worst:
        cell = known.get(str(row["constraint_id"]))
        if cell is None or (cell.target, cell.observed) != (row["target"], row["observed"]):
            yield f"worst: {row['constraint_id']} is not as recounted"
    listed = {str(row["constraint_id"]) for row in worst}
    for row in worst:
        cell = known.get(str(row["constraint_id"]))
        if cell is not None and not (cell.judged and cell.residual):
            yield f"worst: {cell.id} is met, or its level ({cell.control.level}) is not judged"
        elif cell is not None and row["level"] != cell.control.level:
            yield f"worst: {cell.id}: level {row['level']}, {cell.control.level} in the pack"
    missed = [cell for cell in cells if cell.judged and cell.residual]
    left_out = [cell for cell in missed if cell.id not in listed]
    least = min((_badness(known[name]) for name in listed if name in known), default=inf)
    for cell in left_out:
        if len(worst) < min(WORST, len(missed)) or _badness(cell) > least + EXACT:
            yield f"worst: {cell.id} is left out, with a residual of {cell.residual:,.0f}"


def _badness(cell: Cell) -> float:
    """The absolute relative error of a cell; a miss of a target of 0 is beyond all others."""
    return inf if cell.relative_error is None else abs(cell.relative_error)


def _disagreements(stated: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for key, value in wanted.items():
        if key not in stated:
            yield f"{key}: not stated"
        elif isinstance(value, dict):
            inner = {str(group): number for group, number in stated[key].items() if number}
            for group in sorted(value.keys() | inner.keys()):
                if abs((inner.get(group) or 0) - (value.get(group) or 0)) > EXACT:
                    yield f"{key}.{group}: {inner.get(group)} stated, {value.get(group)} recomputed"
        elif stated[key] != value:
            yield f"{key}: {stated[key]} stated, {value} recomputed"


def _number(text: str) -> float:
    return float(text.replace(",", "").strip())
