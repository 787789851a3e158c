"""How many households each zone holds: published where they are, modelled where they are not.

Modelled counts of the published universe sum, with the published ones, to the national count
exactly. Households of a universe that no household table covers stand beside it, outside that
count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthestat.controls.reconcile import Controls, ZoneControls
from synthestat.fitting.ipf import Floats, Whole
from synthestat.fitting.rounding import largest_remainder
from synthestat.fitting.small_area import predict_ratio
from synthestat.packs.pack import CountryPack


@dataclass(frozen=True)
class HouseholdTotal:
    """Households of one universe in one zone; `low` and `high` bound a modelled count."""

    zone: str
    universe: str
    households: int
    low: float
    high: float
    evidence: str
    method: str


def household_totals(controls: Controls, pack: CountryPack) -> tuple[HouseholdTotal, ...]:
    """Return one entry per zone and non-empty universe of private households, in zone order."""
    home = pack.country.household_universe
    modelled = _modelled_counts(controls, pack)
    totals = []
    for zone in controls.zones:
        for universe, residents in zone.residents.items():
            if not residents or pack.country.institution(universe) is not None:
                continue
            if universe != home:
                totals.append(_unpublished_universe(zone, universe, residents, pack))
            elif zone.households is not None:
                count = zone.households
                totals.append(
                    HouseholdTotal(zone.code, home, count, count, count, "constrained", "published")
                )
            else:
                totals.append(modelled[zone.code])
    return tuple(totals)


def _modelled_counts(controls: Controls, pack: CountryPack) -> dict[str, HouseholdTotal]:
    home = pack.country.household_universe
    zones = [z for z in controls.zones if z.residents.get(home, 0)]
    known = [z for z in zones if z.households is not None and z.occupied]
    rest = [z for z in zones if z.households is None]
    if not rest:
        return {}
    national = controls.national_households
    total = None if national is None else national - sum(z.households or 0 for z in zones)
    prediction = predict_ratio(
        np.array([z.households for z in known], dtype=np.float64),
        _base(known, home),
        _residents(known, home),
        _base(rest, home),
        _residents(rest, home),
        total=total,
        interval=pack.priors.number("household_count", "interval"),
    )
    least = np.array([z.room.least for z in rest])
    most = np.array([z.room.most for z in rest])
    mean = np.clip(prediction.mean, least, most)
    counts = largest_remainder(mean, round(float(mean.sum())) if total is None else total)
    counts = _within(counts, least, most)
    return {
        zone.code: HouseholdTotal(
            zone=zone.code,
            universe=home,
            households=int(count),
            low=float(max(low, bottom)),
            high=float(min(high, top)),
            evidence="modelled",
            method=pack.priors.used("household_count").id,
        )
        for zone, count, low, high, bottom, top in zip(
            rest, counts, prediction.low, prediction.high, least, most, strict=True
        )
    }


def _base(zones: list[ZoneControls], universe: str) -> Floats:
    """Occupied dwellings, or residents where a zone has no dwelling figure."""
    return np.array([z.occupied or z.residents[universe] for z in zones], dtype=np.float64)


def _residents(zones: list[ZoneControls], universe: str) -> Floats:
    return np.array([z.residents[universe] for z in zones], dtype=np.float64)


def _within(counts: Whole, least: Whole, most: Whole) -> Whole:
    """Bring counts inside their bounds while keeping the sum, moving as few as needed."""
    bounded: Whole = np.clip(counts, least, most)
    spare = int(counts.sum() - bounded.sum())
    room = (most - bounded) if spare > 0 else (bounded - least)
    for at in np.argsort(-room, kind="stable"):
        step = min(abs(spare), int(room[at]))
        bounded[at] += step if spare > 0 else -step
        spare -= step if spare > 0 else -step
    return bounded


def _unpublished_universe(
    zone: ZoneControls, universe: str, residents: int, pack: CountryPack
) -> HouseholdTotal:
    family = "mean_size_unpublished_universe"
    mean, low, high = (pack.priors.number(family, name) for name in ("mean", "low", "high"))
    count = max(1, round(residents / mean))
    return HouseholdTotal(
        zone=zone.code,
        universe=universe,
        households=count,
        low=residents / high,
        high=residents / low,
        evidence="modelled",
        method=pack.priors.used(family).id,
    )
