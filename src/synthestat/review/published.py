"""What the published cells and a run's own counts ask of a population, as systems of rows.

Two systems are made, both by name and from the files alone, so that whoever doubts a witness can
make them again: the cells of a zone (persons by class, households by size and type, dwellings by
occupancy), and the households of the country by size and type with its soft targets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import Any

from synthestat.review.case import Case
from synthestat.review.definitions import BINDING, HOUSEHOLD_TYPES
from synthestat.review.recount import COUNTABLE, Cell
from synthestat.review.systems import Row, System

SMALLEST = {"single": 1, "couple_with_children": 3}
"""Fewest members by type; every other type has two or more."""
LARGEST = {"single": 1, "couple_without_children": 2}
IN_NUCLEI = {
    "single": (0, 0),
    "couple_without_children": (1, 1),
    "couple_with_children": (1, 1),
    "lone_mother": (1, 1),
    "lone_father": (1, 1),
    "extended": (0, 1),
    "other": (0, 1),
}
"""Least and largest share of a household's members who are in a family nucleus, by type."""
NUCLEUS = "family_status=in a family nucleus"
BY_NUMBER = ("age", "size")
REST = "(any other)"
Span = tuple[int, int | None]


def system_of(case: Case, spec: Mapping[str, Any]) -> System:
    """The system that a witness names. LookupError, TypeError or ValueError where none is."""
    if spec["kind"] == "zone_cells":
        system = zone_cells(case, str(spec["zone"]), tuple(spec["levels"]))
        if system is None:
            raise ValueError(f"the system of {spec['zone']} has too many unknowns")
        return system
    if spec["kind"] == "household_table":
        targets = [str(target) for target in spec["targets"]]
        return household_table(case, targets, run_sizes=bool(spec["run_sizes"]))
    raise ValueError(f"{spec['kind']!r} is no kind of system")


# The cells of a zone


def zone_cells(case: Case, zone: str, levels: tuple[str, ...]) -> System | None:
    """The published cells of a zone at these levels, persons and households tied by sizes.

    A zone made up of several has their cells beside its own, of the tables that count the same.
    None where there would be more unknowns than the threshold allows.
    """
    places = sorted(case.pack.covered[zone])
    cells = [
        cell
        for cell in case.cells
        if cell.target is not None
        and cell.control.level in levels
        and cell.control.counts in COUNTABLE
        and (cell.zone == zone or cell.zone in places)
    ]
    unknowns: list[str] = []
    rows: list[Row] = []
    blocks: dict[str, list[dict[str, Any]]] = {}
    for counts in COUNTABLE:
        own = [cell for cell in cells if cell.control.counts == counts]
        block = _block(case, counts, own, places) if own else []
        if len(unknowns) + len(block) > case.limit("witness_variables"):
            return None
        blocks[counts] = [each | {"at": len(unknowns) + at} for at, each in enumerate(block)]
        unknowns += [_name(counts, each) for each in block]
        rows += [_cell_row(case, cell, blocks[counts]) for cell in own]
    if len(places) == 1 and blocks["persons"] and blocks["households"]:
        rows += _members(case, blocks)
    return System(tuple(unknowns), tuple(rows))


def _block(
    case: Case, counts: str, cells: Sequence[Cell], places: Sequence[str]
) -> list[dict[str, Any]]:
    """The unknowns of one kind: place, universe and a class of every column that a cell tells."""
    universes = sorted({u for c in cells for u in case.pack.universe_parts[c.control.universe]})
    named = [_classes_of(cell) for cell in cells]
    columns: dict[str, list[Any]] = {}
    for column in sorted({name for classes in named for name in classes}):
        texts = sorted({classes[column] for classes in named if column in classes})
        columns[column] = _spans(texts) if column in BY_NUMBER else _values(case, column, texts)
    if counts == "households":
        largest = int(case.pack.rules["largest_household"])
        columns["size"] = [(size, size) for size in range(1, largest + 1)]
    names = ["place", "universe", *columns]
    return [
        dict(zip(names, chosen, strict=True))
        for chosen in product(places, universes, *columns.values())
        if _can_be(dict(zip(names, chosen, strict=True)))
    ]


def _can_be(unknown: Mapping[str, Any]) -> bool:
    """Whether a household type can have a size; true of all else."""
    kind, size = unknown.get("household_type"), unknown.get("size")
    if kind is None or size is None or kind not in HOUSEHOLD_TYPES:
        return True
    return bool(SMALLEST.get(kind, 2) <= size[0] <= LARGEST.get(kind, size[0]))


def _classes_of(cell: Cell) -> dict[str, str]:
    """The value of every column that a cell is about."""
    parts = filter(None, cell.category.split(";"))
    split = dict(part.split("=", 1) for part in parts)
    return {str(name): str(value) for name, value in cell.control.only.items()} | split


def _span(text: str) -> Span:
    found = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
    if found is None:
        raise ValueError(f"{text!r} is neither an age or size nor a band of them")
    return int(found[1]), None if found[2] else int(found[3] or found[1])


def _spans(texts: Iterable[str]) -> list[Span]:
    """The finest bands that every named band is made up of, from 0 up."""
    spans = [_span(text) for text in texts]
    starts = (
        {0} | {first for first, _ in spans} | {last + 1 for _, last in spans if last is not None}
    )
    cuts = sorted(starts)
    return [(a, b - 1) for a, b in pairwise(cuts)] + [(cuts[-1], None)]


def _values(case: Case, column: str, texts: Sequence[str]) -> list[str]:
    """The words of a column: all of its classification, else those named and any other."""
    if column == "household_type":
        return list(HOUSEHOLD_TYPES)
    words = [str(word) for word in case.pack.country["classifications"].get(column, ())]
    extra = [text for text in texts if text not in words]
    return [*words, *extra] if words else [*extra, REST]


def _name(counts: str, unknown: Mapping[str, Any]) -> str:
    said = {k: _band(v) if isinstance(v, tuple) else v for k, v in unknown.items() if k != "at"}
    return f"{counts}: " + "; ".join(f"{key}={value}" for key, value in said.items())


def _band(span: Span) -> str:
    if span[1] is None:
        return f"{span[0]}+"
    return f"{span[0]}" if span[0] == span[1] else f"{span[0]}-{span[1]}"


def _cell_row(case: Case, cell: Cell, block: Sequence[Mapping[str, Any]]) -> Row:
    wanted, inside = _classes_of(cell), case.pack.covered[cell.zone]
    parts, cap = case.pack.universe_parts[cell.control.universe], cell.control.cap
    terms = {}
    for each in block:
        chosen = each["place"] in inside and each["universe"] in parts
        if chosen and all(_holds(each[name], value) for name, value in wanted.items()):
            size = each["size"][0] if cell.control.total_of else 1
            terms[each["at"]] = float(size if cap is None else min(size, cap))
    low, high = cell.bounds
    return Row(cell.id, terms, low, high)


def _holds(held: str | Span, value: str) -> bool:
    """Whether a class of an unknown lies inside a cell's value."""
    if isinstance(held, str):
        return held in value.split("|") if held in HOUSEHOLD_TYPES else held == value
    first, last = _span(value)
    return held[0] >= first and (last is None or (held[1] is not None and held[1] <= last))


def _members(case: Case, blocks: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Row]:
    """By universe with private households: its persons are the members of its households."""
    rows = []
    for universe in sorted({each["universe"] for each in blocks["households"]}):
        terms = {e["at"]: 1.0 for e in blocks["persons"] if e["universe"] == universe}
        homes = {
            e["at"]: -float(e["size"][0]) for e in blocks["households"] if e["universe"] == universe
        }
        if terms and universe not in case.pack.institutions:
            rows.append(
                Row(f"persons of {universe} are its households' members", terms | homes, 0, 0)
            )
    return rows


# The households of the country


def household_targets(case: Case) -> dict[str, Mapping[str, Any]]:
    """The soft targets in use that are shares of household types, by id."""
    return {
        name: entry["values"]
        for name, entry in case.pack.registry.items()
        if entry["kind"] == "target"
        and entry["status"] == "used"
        and entry["values"]["measure"] == "household_type_share"
    }


def household_table(case: Case, targets: Sequence[str], *, run_sizes: bool) -> System:
    """Private households of the household universe in the country, by size and type.

    Rows: the published cells that bind (zones added up where all have one), a logged relaxation
    included; the members of these households; those in family nuclei where they are published; the
    run's own sizes if asked for; and soft targets by id. KeyError for a target that there is not.
    """
    largest = int(case.pack.rules["largest_household"])
    classes = [
        (size, kind)
        for size in range(1, largest + 1)
        for kind in HOUSEHOLD_TYPES
        if _can_be({"size": (size, size), "household_type": kind})
    ]
    unknowns = tuple(f"size={size};household_type={kind}" for size, kind in classes)
    known = household_targets(case)
    rows = [*_published_rows(case, classes), *_nuclei_rows(case, classes)]
    words = ", ".join(f"'{word}'" for word in _universe(case))
    sql = f"SELECT size, count(*) FROM households WHERE kind = 'private' AND universe IN ({words})"
    sizes = {int(size): int(n) for size, n in case.rows(f"{sql} GROUP BY ALL ORDER BY ALL")}
    members = float(sum(size * number for size, number in sizes.items()))
    terms = {at: float(size) for at, (size, _) in enumerate(classes)}
    rows.append(Row("members of private households, as the run has them", terms, members, members))
    homes = float(sum(sizes.values()))
    every = dict.fromkeys(range(len(classes)), 1.0)
    rows.append(Row("private households, as the run has them", every, homes, homes))
    if run_sizes:
        for size in range(1, largest + 1):
            own = {at: 1.0 for at, (s, _) in enumerate(classes) if s == size}
            number = float(sizes.get(size, 0))
            rows.append(Row(f"households of {size}, as the run has them", own, number, number))
    rows += [_target_row(name, known[name], classes, homes) for name in targets]
    return System(unknowns, tuple(rows))


def run_households(case: Case) -> dict[str, int]:
    """The run's own table of private households by size and type, by unknown."""
    words = ", ".join(f"'{word}'" for word in _universe(case))
    sql = (
        "SELECT size, household_type::VARCHAR, count(*) FROM households "
        f"WHERE kind = 'private' AND universe IN ({words}) GROUP BY ALL ORDER BY ALL"
    )
    return {f"size={s};household_type={kind}": int(n) for s, kind, n in case.rows(sql)}


def _universe(case: Case) -> tuple[str, ...]:
    parts = case.pack.universe_parts[case.pack.household_universe]
    return tuple(word.replace("'", "''") for word in parts)


def _target_row(
    name: str, target: Mapping[str, Any], classes: Sequence[tuple[int, str]], homes: float
) -> Row:
    kinds = {str(kind) for kind in target["types"]}
    terms = {at: 1.0 for at, (_, kind) in enumerate(classes) if kind in kinds}
    value, margin = float(target["value"]), float(target["tolerance"])
    return Row(f"target {name}", terms, (value - margin) * homes, (value + margin) * homes)


def _national(case: Case, counts: str) -> list[tuple[Cell, str, float, float]]:
    """Binding cells of the household universe in the country: a cell, its label and its bounds.

    The country's own cell; else the sum of all zones' where each has one. A cell whose relaxation
    is logged may also be what the run holds.
    """
    logged = {str(entry["constraint_id"]) for entry in case.relaxations}
    parts = set(_universe(case))
    held: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in case.cells:
        control = cell.control
        same = set(case.pack.universe_parts[control.universe]) == parts
        binds = control.counts == counts and control.level in BINDING
        if same and binds and cell.target is not None:
            held.setdefault((control.id, cell.category), {})[cell.zone] = cell
    found = []
    for (control_id, category), by_zone in held.items():
        root = case.pack.root
        places = [root] if root in by_zone else list(case.pack.zones)
        if not set(places) <= by_zone.keys():
            continue
        cells = [by_zone[place] for place in places]
        where = root if places == [root] else f"sum of {len(places)} zones"
        low = sum(_ends(cell, logged)[0] for cell in cells)
        high = sum(_ends(cell, logged)[1] for cell in cells)
        label = ".".join(filter(None, (control_id, where, category)))
        found.append((cells[0], label, low, high))
    return found


def _ends(cell: Cell, logged: set[str]) -> tuple[float, float]:
    low, high = cell.bounds
    if cell.id in logged and cell.observed is not None:
        return min(low, cell.observed), max(high, cell.observed)
    return low, high


def _published_rows(case: Case, classes: Sequence[tuple[int, str]]) -> list[Row]:
    rows = []
    for cell, label, low, high in _national(case, "households"):
        wanted, cap = _classes_of(cell), cell.control.cap
        if wanted.keys() - {"size", "household_type"}:
            continue
        terms = {}
        for at, (size, kind) in enumerate(classes):
            held: dict[str, str | Span] = {"size": (size, size), "household_type": kind}
            if all(_holds(held[name], value) for name, value in wanted.items()):
                weight = size if cell.control.total_of else 1
                terms[at] = float(weight if cap is None else min(weight, cap))
        rows.append(Row(label, terms, low, high))
    return rows


def _nuclei_rows(case: Case, classes: Sequence[tuple[int, str]]) -> list[Row]:
    """Two rows: the published persons in family nuclei lie between what the types can hold."""
    cells = [
        (low, high)
        for cell, _, low, high in _national(case, "persons")
        if NUCLEUS in cell.category.split(";")
        and set(_classes_of(cell)) <= {"sex", "family_status"}
    ]
    if not cells:
        return []
    low, high = sum(each[0] for each in cells), sum(each[1] for each in cells)
    least, most = (
        {at: float(size * IN_NUCLEI[kind][end]) for at, (size, kind) in enumerate(classes)}
        for end in (0, 1)
    )
    return [
        Row("persons in family nuclei, at least those whom the types ask for", least, None, high),
        Row("persons in family nuclei, at most those whom the types can hold", most, low, None),
    ]
