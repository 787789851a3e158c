"""How many residents each universe has in each zone."""

from __future__ import annotations

from collections.abc import Iterable

from synthestat.controls.control_tables import ControlTable
from synthestat.errors import PackError
from synthestat.packs.spec import CountrySpec


def universe_totals(
    code: str, flags: frozenset[str], tables: Iterable[ControlTable], country: CountrySpec
) -> dict[str, int]:
    """Return residents of each indivisible universe in one zone.

    A universe's total comes from its HARD tables (which agree, proved before), else from the
    median of its FIRM totals (the value of least total movement). A universe confined to flagged
    zones is empty elsewhere; one unpublished part of a known whole is the difference.
    """
    totals: dict[str, int] = {}
    for name, universe in country.universes.items():
        for level in ("HARD", "FIRM"):
            known = [t.total(code) for t in tables if _speaks(t, name, level)]
            figures = sorted(figure for figure in known if figure is not None)
            if figures and name not in totals:
                totals[name] = figures[(len(figures) - 1) // 2]
        if universe.only_in is not None and universe.only_in not in flags:
            totals[name] = 0
    for name, universe in country.universes.items():
        unknown = [part for part in universe.parts if part not in totals]
        rest = totals.get(name, 0) - sum(totals.get(part, 0) for part in universe.parts)
        if not universe.parts or name not in totals:
            continue
        if len(unknown) == 1:
            totals[unknown[0]] = max(rest, 0)
        elif len(unknown) > 1:
            raise PackError(f"{code}: no table tells {', '.join(unknown)} of {name} apart")
        if rest < 0 or not unknown:  # a published part yields to the published whole
            largest = max(universe.parts, key=lambda part: totals[part])
            totals[largest] += totals[name] - sum(totals[part] for part in universe.parts)
    atoms = {a for name in country.universes for a in country.atoms(name)}
    missing = sorted(atoms - set(totals))
    if missing:
        raise PackError(f"{code}: no table gives the residents of {', '.join(missing)}")
    return {name: totals[name] for name in country.universes if name in atoms}


def _speaks(table: ControlTable, universe: str, level: str) -> bool:
    return table.spec.universe == universe and table.spec.level == level
