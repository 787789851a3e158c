"""How many households each zone holds: published where they are, modelled where they are not.

Modelled counts of the published universe sum, with the published ones, to the national count
exactly: in proportion to what the zones with a figure show or, where there is none, to the
households that the registry expects of a zone's persons: so many for each person that a published
table counts, or heads of household by age and sex. Households of a universe that no household table
covers stand beside it, outside that count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import ndtri

from synthestat.controls.control_tables import ControlTable
from synthestat.controls.guides import PER_PERSON, guide_row
from synthestat.controls.reconcile import Controls, ZoneControls
from synthestat.errors import PackError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.fitting.rounding import largest_remainder
from synthestat.fitting.small_area import Prediction, predict_ratio, predict_share
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import SEXES

HEADSHIP = "headship_rates"
Persons = Mapping[str, Mapping[str, Whole]]
"""Persons of each zone and universe, shape (single ages, sexes)."""


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


def household_totals(
    controls: Controls,
    pack: CountryPack,
    persons: Persons,
    doubt: np.random.Generator | None = None,
) -> tuple[HouseholdTotal, ...]:
    """Return one entry per zone and non-empty universe of private households, in zone order.

    Modelled counts are what is expected or, with a generator of `doubt`, a draw from it by their
    intervals (normal).
    """
    home = pack.country.household_universe
    modelled = _modelled_counts(controls, pack, persons, doubt)
    totals = []
    for zone in controls.zones:
        for universe, residents in zone.residents.items():
            if not residents or pack.country.institution(universe) is not None:
                continue
            if universe != home:
                totals.append(_unpublished_universe(zone, universe, residents, pack, doubt))
            elif zone.households is not None:
                count = zone.households
                totals.append(
                    HouseholdTotal(zone.code, home, count, count, count, "constrained", "published")
                )
            else:
                totals.append(modelled[zone.code])
    return tuple(totals)


def _modelled_counts(
    controls: Controls, pack: CountryPack, persons: Persons, doubt: np.random.Generator | None
) -> dict[str, HouseholdTotal]:
    home = pack.country.household_universe
    zones = [z for z in controls.zones if z.residents.get(home, 0)]
    lived_in = any(z.occupied for z in zones)
    known = [z for z in zones if z.households and (z.occupied or not lived_in)]
    rest = [z for z in zones if z.households is None]
    if not rest:
        return {}
    national = controls.national_households
    total = None if national is None else national - sum(z.households or 0 for z in zones)
    method = "household_count"
    if known:
        prediction = _by_ratio(known, rest, home, total, pack.priors)
    elif PER_PERSON in pack.priors.used(method).values:
        prediction = _by_expectation(_per_person(rest, controls, pack), total, pack.priors)
    else:
        method = HEADSHIP
        counts = np.stack([persons[zone.code][home] for zone in rest])
        prediction = _by_expectation(_heads(counts, total, pack.priors), total, pack.priors)
    least = np.array([z.room.least for z in rest])
    adult = pack.country.household_rules.adult_age.value
    heads = np.array([persons[z.code][home][adult:].sum() for z in rest], dtype=np.int64)
    most = np.minimum([z.room.most for z in rest], np.maximum(heads, least))
    mean = np.clip(_drawn(prediction, pack.priors, doubt), least, most)
    counts = largest_remainder(mean, round(float(mean.sum())) if total is None else total)
    counts = _within(counts, least, most)
    return {
        zone.code: HouseholdTotal(
            zone=zone.code,
            universe=home,
            households=int(count),
            low=min(float(max(low, bottom)), count - 0.5),
            high=max(float(min(high, top)), count + 0.5),
            evidence="modelled",
            method=pack.priors.used(method).id,
        )
        for zone, count, low, high, bottom, top in zip(
            rest, counts, prediction.low, prediction.high, least, most, strict=True
        )
    }


def _drawn(prediction: Prediction, registry: Registry, doubt: np.random.Generator | None) -> Floats:
    """Return the expected counts or, with doubt, normal draws of which the intervals are made.

    What the rates miss in every zone alike is one draw, what is a zone's own another.
    """
    if doubt is None:
        return prediction.mean
    reach = float(ndtri(0.5 + registry.number("household_count", "interval") / 2))
    deviation = (prediction.high - prediction.low) / (2 * reach)
    shared = np.minimum(shared_level(registry) * prediction.mean, deviation)
    own = np.sqrt(deviation**2 - shared**2) * doubt.standard_normal(len(deviation))
    drawn: Floats = prediction.mean + shared * doubt.standard_normal() + own
    return drawn


def _by_ratio(
    known: list[ZoneControls],
    rest: list[ZoneControls],
    home: str,
    total: int | None,
    registry: Registry,
) -> Prediction:
    """Predict from the zones with a figure: households over dwellings and persons."""
    return predict_ratio(
        np.array([z.households for z in known], dtype=np.float64),
        _base(known, home),
        _residents(known, home),
        _base(rest, home),
        _residents(rest, home),
        total=total,
        interval=registry.number("household_count", "interval"),
    )


def _by_expectation(expected: Floats, total: int | None, registry: Registry) -> Prediction:
    """Predict in proportion to the expected households of each zone."""
    return predict_share(
        expected,
        registry.number("household_count", "variation"),
        level=shared_level(registry),
        total=total,
        interval=registry.number("household_count", "interval"),
    )


def shared_level(registry: Registry) -> float:
    """Return the standard deviation that all zones share, over their counts; 0 where none."""
    given = "level" in registry.used("household_count").values
    return registry.number("household_count", "level") if given else 0.0


def _per_person(zones: list[ZoneControls], controls: Controls, pack: CountryPack) -> Floats:
    """Return expected households of each zone: the registry's rates for the persons of tables.

    A rate is of all persons of a control, or of those of each category that it names. A GUIDE's
    persons are scaled by what its universe has now over what it had then. Raises PackError where a
    rate is of no control or category, or a zone has no figure.
    """
    entry = pack.priors.used("household_count")
    place = f"priors.yaml: {entry.id}: {PER_PERSON}"
    expected = np.zeros(len(zones))
    for control, rate in cast(Mapping[str, object], entry.values[PER_PERSON]).items():
        table = controls.published.tables.get(control)
        if table is None or table.spec.counts != "persons":
            raise PackError(f"{place}: {control!r} is no control that counts persons")
        totals = [table.total(zone.code) for zone in zones]
        gaps = [z.code for z, number in zip(zones, totals, strict=True) if number is None]
        if gaps:
            raise PackError(f"{place}: {control} gives no figure for {', '.join(gaps)}")
        scale = _since(table, zones, controls, pack) if table.spec.level == "GUIDE" else 1.0
        cells = np.array([table.row(zone.code) for zone in zones], dtype=np.float64)
        expected += scale * (cells @ _rates(rate, table, f"{place}: {control}"))
    positive: Floats = np.maximum(expected, 1e-6)
    return positive


def _since(
    table: ControlTable, zones: list[ZoneControls], controls: Controls, pack: CountryPack
) -> Floats:
    """Return persons of a GUIDE's universe now over those of its table, shape (zones,).

    The table's are its own, unless it counts `only` some of them: then those of a GUIDE control of
    the same table and universe that counts all of it. Raises PackError where there is none, or
    where it counts nobody in a zone.
    """
    whole = (
        [table]
        if not table.spec.only
        else [
            other
            for other in controls.published.tables.values()
            if other.spec.level == "GUIDE"
            and (other.spec.table, other.spec.universe) == (table.spec.table, table.spec.universe)
            and other.spec.counts == "persons"
            and not other.spec.only
            and set(other.columns) <= {"age", "sex"}
        ]
    )
    if not whole:
        raise PackError(
            f"controls.yaml: no GUIDE control counts all persons of {table.spec.universe} in "
            f"{table.spec.table}, by which {table.spec.id} is scaled",
            remedy="add one, with the same table and universe and no `only`",
        )
    then = np.array([guide_row(whole[0], zone.code).sum() for zone in zones], dtype=np.float64)
    atoms = pack.country.atoms(table.spec.universe)
    now = [sum(zone.residents.get(atom, 0) for atom in atoms) for zone in zones]
    return np.asarray(np.array(now, dtype=np.float64) / then, dtype=np.float64)


def _rates(rate: object, table: ControlTable, place: str) -> Floats:
    """Return households per person of each category of a table, shape (categories,)."""
    if not isinstance(rate, Mapping):
        return np.full(len(table.categories), _number(rate, place))
    known = {value for category in table.categories for value in category}
    if unknown := sorted(map(str, set(rate) - known)):
        raise PackError(f"{place}: {unknown[0]!r} is no category", faults=sorted(known))
    rates = [
        sum(_number(of, place) for name, of in rate.items() if name in category)
        for category in table.categories
    ]
    return np.array(rates, dtype=np.float64)


def _number(rate: object, place: str) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < np.inf:
        raise PackError(f"{place}: a rate is a number of 0 or more, not {rate!r}")
    return float(rate)


def _heads(persons: Whole, total: int | None, registry: Registry) -> Floats:
    """Return expected heads of household; `persons` has shape (zones, ages, sexes).

    Rates may depend on the country's mean household size: the published one, else the one that the
    rates themselves lead to.
    """
    residents = int(persons.sum())

    def heads(mean_size: float) -> Floats:
        at_size = registry.at_mean_size(mean_size)
        rates = [at_size.by_age(HEADSHIP, persons.shape[1], sex) for sex in SEXES]
        expected: Floats = np.maximum(np.einsum("zas,sa->z", persons, np.stack(rates)), 1e-6)
        return expected

    if total:
        return heads(residents / total)
    expected = heads(3.0)
    for _ in range(20):  # the mean size moves by less than a tenth of the step before
        expected = heads(residents / float(expected.sum()))
    return expected


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
    zone: ZoneControls,
    universe: str,
    residents: int,
    pack: CountryPack,
    doubt: np.random.Generator | None,
) -> HouseholdTotal:
    family = "mean_size_unpublished_universe"
    mean, low, high = (pack.priors.number(family, name) for name in ("mean", "low", "high"))
    if doubt is not None:
        mean = float(doubt.triangular(low, mean, high))
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
