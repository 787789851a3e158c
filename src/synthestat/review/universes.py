"""Checks of the universes: who is counted where, and that no count mixes them."""

from __future__ import annotations

from collections.abc import Iterator

from synthestat.review.case import Case
from synthestat.review.definitions import LEVELS
from synthestat.review.record import Answer, found, no_rows, skipped


def universe_words(case: Case) -> Answer:
    """Every row is of a declared universe without parts; the manifest nests them as the pack."""
    words, faults = case.pack.universe_words, []
    for view in ("persons", "households", "dwellings"):
        if case.declared_unavailable(view):
            continue
        sql = f"SELECT universe, count(*) FROM {view} GROUP BY ALL ORDER BY ALL"
        for word, number in case.rows(sql):
            if word not in words:
                faults.append(f"{view}: {number:,} rows of universe {word!r}")
    stated = {str(u): tuple(parts) for u, parts in case.manifest["universes"].items()}
    if stated != case.pack.universe_parts:
        faults.append(f"build_manifest.json: universes {stated}, pack {case.pack.universe_parts}")
    return found(faults, f"all rows are of {', '.join(words)}")


def universe_zones(case: Case) -> Answer:
    """A universe bound to a flag has rows only in zones that carry the flag."""
    flags = {zone.code: zone.flags for zone in case.pack.geography}
    faults = []
    for universe, entry in case.pack.country["universes"].items():
        if not (flag := entry.get("only_in")):
            continue
        for view in ("persons", "households"):
            sql = f"SELECT zone_code, universe, count(*) FROM {view} GROUP BY ALL ORDER BY ALL"
            faults += [
                f"{zone}: {number:,} {view} are {universe}, but it has no flag {flag!r}"
                for zone, word, number in case.rows(sql)
                if word == universe and flag not in flags.get(zone, ())
            ]
    return found(faults, "every universe keeps to its zones")


def universe_totals(case: Case) -> Answer:
    """In every zone the persons of each universe are as many as its tables publish or imply."""
    published = _published_persons(case)
    held = {
        (str(zone), str(universe)): int(number)
        for zone, universe, number in case.rows(
            "SELECT zone_code, universe, count(*) FROM persons GROUP BY ALL"
        )
    }
    faults, compared = [], 0
    for zone in case.pack.zones:
        wanted = {u: published[zone, u] for u in case.pack.universe_parts if (zone, u) in published}
        wanted |= dict(_implied(case.pack.universe_parts, wanted))
        for universe, number in wanted.items():
            there = sum(held.get((zone, part), 0) for part in case.pack.universe_parts[universe])
            compared += 1
            if there != number:
                faults.append(f"{zone}, {universe}: {number:,.0f} published, {there:,} persons")
    if not compared:
        return skipped("no control counts persons")
    return found(faults, f"{compared} totals agree", figures={"totals": compared})


def household_universe(case: Case) -> Answer:
    """Households of the published universe are as many as published; others stand outside it."""
    universe = case.pack.household_universe
    cells = [
        cell
        for cell in case.cells
        if cell.control.counts == "households"
        and cell.control.total_of is None
        and not (cell.control.by or cell.control.only)
        and cell.control.level == "HARD"
        and cell.zone == case.pack.root
        and cell.target is not None
    ]
    if not cells:
        return skipped("no HARD national household count is published")
    sql = "SELECT universe, count(*) FROM households GROUP BY ALL ORDER BY ALL"
    held = {str(word): int(number) for word, number in case.rows(sql)}
    faults = [
        f"{cell.control.id} is about {cell.control.universe}, the pack says {universe}"
        for cell in cells
        if cell.control.universe != universe
    ]
    faults += [
        f"{cell.id}: {cell.target:,.0f} published, {held.get(universe, 0):,} in the run"
        for cell in cells
        if held.get(universe, 0) != cell.target
    ]
    return found(faults, f"{held.get(universe, 0):,} households of {universe}", figures=held)


unmixed = no_rows(
    {
        "persons of another universe than their household": """
            SELECT p.person_id, p.universe, h.household_id, h.universe AS of_household
            FROM persons p JOIN households h USING (household_id)
            WHERE p.universe IS DISTINCT FROM h.universe"""
    },
    "no household mixes universes",
)


def institutions_apart(case: Case) -> Answer:
    """Residents of institutions live in institutions of their kind, all others in private homes."""
    kinds = case.pack.institutions
    rows = case.rows(
        """SELECT p.universe, h.kind, h.institution, count(*), min(p.person_id)
           FROM persons p JOIN households h USING (household_id) GROUP BY ALL ORDER BY ALL"""
    )
    faults = []
    for universe, kind, institution, number, first in rows:
        wanted = kinds.get(str(universe))
        place = "private" if wanted is None else "institutional"
        if (kind, institution) != (place, wanted):
            there = " ".join(str(word) for word in (kind, institution) if word is not None)
            due = f"institutional {wanted}" if wanted else place
            faults.append(
                f"{number:,} persons of {universe} (person_id {first} first) live in {there} "
                f"households, not in {due} ones"
            )
    residents = sum(int(row[3]) for row in rows if str(row[0]) in kinds)
    figures = {"institutional residents": residents}
    return found(faults, "institutions and private households are apart", figures=figures)


dwelling_universe = no_rows(
    {
        "dwellings outside the universe that dwelling tables cover": """
            SELECT dwelling_id, universe FROM dwellings
            WHERE universe IS DISTINCT FROM $household_universe""",
        "households of another universe with such a dwelling": """
            SELECT h.household_id, h.universe, h.dwelling_id FROM households h
            JOIN dwellings d USING (dwelling_id)
            WHERE h.universe IS DISTINCT FROM $household_universe""",
    },
    "dwellings house only the universe that their tables cover",
)


def _published_persons(case: Case) -> dict[tuple[str, str], float]:
    """Published persons by zone and universe, from the most binding control that has every cell."""
    chosen: dict[tuple[str, str], float] = {}
    telling = [control for control in case.pack.controls if control.level != "GUIDE"]
    binding = sorted(telling, key=lambda each: LEVELS.index(each.level))
    for control in binding:
        if control.counts != "persons" or control.total_of or control.only:
            continue
        sums: dict[str, list[float | None]] = {}
        for cell in case.cells:
            if cell.control == control:
                sums.setdefault(cell.zone, []).append(cell.target)
        for zone, targets in sums.items():
            known = [target for target in targets if target is not None]
            if len(known) == len(targets):
                chosen.setdefault((zone, control.universe), sum(known))
    return chosen


def _implied(
    parts: dict[str, tuple[str, ...]], known: dict[str, float]
) -> Iterator[tuple[str, float]]:
    """The one part that a published whole and its other published parts leave over."""
    for whole, inside in parts.items():
        open_parts = [part for part in inside if part not in known]
        if whole in known and len(inside) > 1 and len(open_parts) == 1:
            yield open_parts[0], known[whole] - sum(known[part] for part in inside if part in known)
