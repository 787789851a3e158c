"""How many residents each zone has, as its published tables say."""

from __future__ import annotations

from synthestat.review.case import Case


def published_residents(case: Case) -> dict[str, float]:
    """Residents of each zone that a binding table counts, whole or part by part; {} if none does.

    Tables of all residents come before the sum of tables of every part; a zone that a table leaves
    open is not in the answer.
    """
    parts = case.pack.universe_parts
    widest = max(parts, key=lambda universe: len(parts[universe]))
    by_universe: dict[str, dict[str, float]] = {}
    for control in case.pack.controls:
        if control.counts != "persons" or control.level == "GUIDE":
            continue
        if control.total_of or control.only or control.universe in by_universe:
            continue
        if told := _told(case, control.id):
            by_universe[control.universe] = told
    whole = by_universe.get(widest)
    if whole is not None:
        return whole
    own = [by_universe.get(part, {}) for part in parts[widest]]
    everywhere = set.intersection(*(set(each) for each in own)) if own else set()
    return {zone: sum(each[zone] for each in own) for zone in case.pack.zones if zone in everywhere}


def _told(case: Case, control: str) -> dict[str, float]:
    """Persons by zone that a control publishes, where no cell of the zone is missing."""
    sums: dict[str, float] = {}
    open_: set[str] = set()
    for cell in case.cells:
        if cell.control.id == control and cell.zone in case.pack.zones:
            if cell.target is None:
                open_.add(cell.zone)
            sums[cell.zone] = sums.get(cell.zone, 0.0) + (cell.target or 0.0)
    return {zone: number for zone, number in sums.items() if zone not in open_}
