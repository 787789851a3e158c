"""How many residents each universe has in each zone."""

from __future__ import annotations

from collections.abc import Iterable

from synthestat.controls.control_tables import ControlTable
from synthestat.errors import PackError
from synthestat.packs.spec import LEVELS_IN_DEVIATION, CountrySpec

_DECLARED = 0  # as strong as HARD: the pack says that the universe is empty here


def universe_totals(
    code: str, flags: frozenset[str], tables: Iterable[ControlTable], country: CountrySpec
) -> dict[str, int]:
    """Return residents of each indivisible universe in one zone.

    A universe's total comes from its HARD tables (which agree, proved before), else from the
    median of its FIRM totals (the value of least total movement), else of its SOFT ones. A
    universe confined to flagged zones is empty elsewhere; one unpublished part of a known whole is
    the difference. Where whole and parts disagree, the figure of the weaker level yields.
    """
    rank, totals = _published_totals(code, flags, list(tables), country)
    for name, universe in country.universes.items():
        if not universe.parts or name not in totals:
            continue
        unknown = [part for part in universe.parts if part not in totals]
        if len(unknown) > 1:
            raise PackError(f"{code}: no table tells {', '.join(unknown)} of {name} apart")
        for part in unknown:
            rank[part] = len(LEVELS_IN_DEVIATION)
            totals[part] = totals[name] - sum(totals.get(p, 0) for p in universe.parts)
        _yield_to_the_stronger(name, universe.parts, rank, totals)
    atoms = {a for name in country.universes for a in country.atoms(name)}
    missing = sorted(atoms - set(totals))
    if missing:
        raise PackError(f"{code}: no table gives the residents of {', '.join(missing)}")
    return {name: totals[name] for name in country.universes if name in atoms}


def _published_totals(
    code: str, flags: frozenset[str], tables: list[ControlTable], country: CountrySpec
) -> tuple[dict[str, int], dict[str, int]]:
    """Return (rank of the level, total) of each universe that a table or the pack speaks of."""
    rank: dict[str, int] = {}
    totals: dict[str, int] = {}
    for name, universe in country.universes.items():
        for place, level in enumerate(LEVELS_IN_DEVIATION):
            speaking = [t for t in tables if (t.spec.universe, t.spec.level) == (name, level)]
            exact = [t for t in speaking if not t.source.inexact]
            totals_here = (t.total(code) for t in exact or speaking)
            figures = sorted(f for f in totals_here if f is not None)
            if figures and name not in totals:
                rank[name], totals[name] = place, figures[(len(figures) - 1) // 2]
        if universe.only_in is not None and universe.only_in not in flags:
            rank[name], totals[name] = _DECLARED, 0
    return rank, totals


def _yield_to_the_stronger(
    whole: str, parts: tuple[str, ...], rank: dict[str, int], totals: dict[str, int]
) -> None:
    """Make a whole the sum of its parts by moving the figures of the weakest level first."""
    for part in sorted(parts, key=lambda p: (-rank[p], -totals[p])):
        gap = totals[whole] - sum(totals[p] for p in parts)
        if gap and rank[part] >= rank[whole] and rank[part] > _DECLARED:
            totals[part] = max(totals[part] + gap, 0)
    totals[whole] = sum(totals[p] for p in parts)
