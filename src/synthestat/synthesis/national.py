"""Tables and targets of the whole country, shared out to its zones before households form.

The country is fitted once as if it were one zone. What its tables and soft targets ask of
structures becomes log-weights for every zone; a table that must be met exactly is then shared out:
zones' expected households by category are fitted to the zones' totals and the country's (iterative
proportional fitting) and rounded with both exact (controlled rounding, Cox & Ernst 1982).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthestat.controls.household_tables import HouseholdMargin
from synthestat.controls.household_totals import HouseholdTotal
from synthestat.controls.reconcile import Controls, ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.rounding import WeightedSum, round_to_margins
from synthestat.packs.pack import CountryPack
from synthestat.packs.targets import SoftTarget, soft_targets
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.arrangements import arrangement_shares
from synthestat.synthesis.composition import TypeTarget, fit_composition
from synthestat.synthesis.households import (
    cell_of,
    expected_sizes,
    nuclei_targets,
    persons_inside,
    size_classes,
    size_weights,
    type_targets,
)
from synthestat.synthesis.leaning import Leaning, leant, members_of
from synthestat.synthesis.structures import Structures, household_structures

_ROUNDS = 50  # of scaling a country's shape of sizes: assumption, about ten are needed
_NEAR = 1e-3  # households by which a class may miss its total before rounding: assumption


@dataclass(frozen=True)
class Home:
    """One zone's persons by single age and sex in the household universe, and its households."""

    zone: ZoneControls
    counts: Whole
    households: int


def share_out(
    controls: Controls,
    totals: Sequence[HouseholdTotal],
    persons: Mapping[str, Mapping[str, Whole]],
    pack: CountryPack,
    streams: RandomStreams,
) -> tuple[Controls, tuple[Leaning, ...]]:
    """Return controls with a share of every national household table in each zone, and leanings.

    `persons[zone][universe]` has shape (single ages, sexes). Raises NotConvergedError where zones'
    households cannot be shared out so that a national table holds.
    """
    targets = [target for target in soft_targets(pack.priors) if target.is_share and target.steers]
    margins = controls.national_household_margins
    universe = pack.country.household_universe
    homes = [
        Home(controls.zone(t.zone), persons[t.zone][universe], t.households)
        for t in totals
        if t.universe == universe and t.households
    ]
    if not homes or not (targets or margins):
        return controls, ()
    rng = streams.stream("households", "whole country")
    sizes = _national_sizes(homes, margins, controls, pack)
    for margin in margins:
        if margin.columns == ("size",):
            expected = _by_size(homes, margin, sizes)
            homes = _shared(homes, margin, expected, rng, len(sizes))
    sizes = np.sum([_zone_sizes(home, sizes) for home in homes], axis=0)
    by_type = [margin for margin in margins if "household_type" in margin.columns]
    leaning = _leanings(homes, sizes, by_type, targets, pack)
    for margin in by_type:
        expected = {home.zone.code: _by_type(home, margin, sizes, leaning, pack) for home in homes}
        homes = _shared(homes, margin, expected, rng, len(sizes))
    ready = {home.zone.code: home.zone for home in homes}
    zones = tuple(ready.get(zone.code, zone) for zone in controls.zones)
    return replace(controls, zones=zones), leaning


def _national_sizes(
    homes: Sequence[Home], margins: Sequence[HouseholdMargin], controls: Controls, pack: CountryPack
) -> Floats:
    """Return the expected households of the country by size, shape (largest,)."""
    largest = pack.country.household_rules.largest_household.value
    households = sum(home.households for home in homes)
    classes, totals = size_classes(margins, households, largest)
    size = np.arange(1, largest + 1, dtype=np.float64)
    persons = float(sum(home.counts.sum() for home in homes))
    weights = size_weights(controls.size_shape, pack, largest)
    return expected_sizes(weights, classes[0], totals[0], [size], [persons])


def _zone_sizes(home: Home, national: Floats) -> Floats:
    """Return the expected households of one zone by size, shaped as the country's."""
    classes, totals = size_classes(home.zone.household_margins, home.households, len(national))
    size = np.arange(1, len(national) + 1, dtype=np.float64)
    weights = np.maximum(national, 1e-9)
    return expected_sizes(weights, classes[0], totals[0], [size], [float(home.counts.sum())])


def _by_size(homes: Sequence[Home], margin: HouseholdMargin, national: Floats) -> dict[str, Floats]:
    """Return each zone's expected households by category of a table by size.

    Zones without the table keep their persons and households; the country's shape is scaled class
    by class until they add up to what the others leave of the table (cyclic Bregman projections).
    """
    cell = cell_of(margin, np.arange(1, len(national) + 1), np.zeros(len(national), dtype=np.int64))
    others, left = _without_own(homes, margin)
    shape = national.copy()
    for _ in range(_ROUNDS):
        expected = {
            home.zone.code: _summed(cell, _zone_sizes(home, shape), len(left)) for home in others
        }
        have = np.sum(list(expected.values()), axis=0)
        ratio = np.where(have > 0, left / np.maximum(have, 1e-12), 1.0)
        shape = shape * np.maximum(ratio, 1e-12)[cell]
        if np.abs(have - left).max() < _NEAR:
            break
    return expected


def _leanings(
    homes: Sequence[Home],
    sizes: Floats,
    by_type: Sequence[HouseholdMargin],
    targets: Sequence[SoftTarget],
    pack: CountryPack,
) -> tuple[Leaning, ...]:
    """Fit the country as one zone; return the log-weights that its tables and targets need."""
    counts = np.sum([home.counts for home in homes], axis=0)
    structures, shares = _priors(counts, float(sizes.sum()), len(sizes), pack)
    wanted = [
        TypeTarget(members_of(target)(structures), target.value * float(sizes.sum()))
        for target in targets
    ]
    wanted += type_targets(by_type, structures)
    wanted += nuclei_targets(_all_inside(homes), structures)
    fit = fit_composition(structures, sizes, counts, shares, wanted)
    found = [
        Leaning(members_of(target), float(weight))
        for target, weight in zip(targets, fit.multipliers, strict=False)
    ]
    at = len(targets)
    for margin in by_type:
        for number in range(len(margin.counts) - 1):
            found.append(Leaning(_in_cell(margin, number), float(fit.multipliers[at])))
            at += 1
    return tuple(found)


def _all_inside(homes: Sequence[Home]) -> float | None:
    """Return the country's persons in family nuclei, None unless every zone's are told."""
    told = [persons_inside(home.zone, int(home.counts.sum())) for home in homes]
    known = [number for number in told if number is not None]
    return sum(known) if len(known) == len(told) else None


def _in_cell(margin: HouseholdMargin, number: int) -> Callable[[Structures], Floats]:
    def members(structures: Structures) -> Floats:
        cell = cell_of(margin, structures.sizes, structures.types)
        return np.asarray(cell == number, dtype=np.float64)

    return members


def _by_type(
    home: Home,
    margin: HouseholdMargin,
    national: Floats,
    leaning: Sequence[Leaning],
    pack: CountryPack,
) -> Floats:
    """Return one zone's expected households by category of a table by type."""
    sizes = _zone_sizes(home, national)
    structures, shares = _priors(home.counts, home.households, len(sizes), pack)
    structures = leant(structures, leaning)
    inside = nuclei_targets(persons_inside(home.zone, int(home.counts.sum())), structures)
    own = (*type_targets(home.zone.household_margins, structures), *inside)
    fit = fit_composition(structures, sizes, home.counts, shares, own)
    cell = cell_of(margin, structures.sizes, structures.types)
    return _summed(cell, fit.structures, len(margin.counts))


def _summed(cell: Whole, values: Floats, cells: int) -> Floats:
    return np.asarray(np.bincount(cell, values, minlength=cells), dtype=np.float64)


def _priors(
    counts: Whole, households: float, largest: int, pack: CountryPack
) -> tuple[Structures, Floats]:
    registry = pack.priors.at_mean_size(counts.sum() / households)
    rules = pack.country.household_rules
    shares = arrangement_shares(len(counts), registry, rules)
    return household_structures(registry, largest), shares


def _shared(
    homes: Sequence[Home],
    margin: HouseholdMargin,
    expected: Mapping[str, Floats],
    rng: np.random.Generator,
    largest: int,
) -> list[Home]:
    """Give each zone its whole share of a national table, zones' totals and the table exact.

    Zones that publish the table keep their own figures; the others share what these leave. A share
    by size always leaves room for the zone's persons.
    """
    others, left = _without_own(homes, margin)
    near = np.array([expected[home.zone.code] for home in others])
    rows = np.array([home.households for home in others])
    zone, category = (of.ravel() for of in np.indices(near.shape))
    margins = (
        CellMargin(zone, rows.astype(np.float64)),
        CellMargin(category, left.astype(np.float64)),
    )
    live = (near > 1e-9) & (left[None, :] > 0)
    fit = fit_margins(np.where(live, near, 0.0).ravel(), margins, tolerance=1e-6)
    if fit.residual > 0.5 or (left < 0).any():
        raise NotConvergedError(
            f"{margin.control_id}: zones' households cannot be shared out so that the country's "
            f"table holds ({fit.residual:.0f} households off)",
            remedy="compare the table with the zones' households and persons",
        )
    fitted = np.where(live, np.maximum(fit.cells.reshape(near.shape), 1e-9), 0.0)
    sums = _room_for_persons(others, margin, zone, category, largest)
    whole = round_to_margins(fitted.ravel(), margins, rng, sums=sums, place=margin.control_id)
    shares = dict(zip((h.zone.code for h in others), whole.reshape(near.shape), strict=True))
    return [
        replace(home, zone=_with(home.zone, margin, shares[home.zone.code]))
        if home.zone.code in shares
        else home
        for home in homes
    ]


def _room_for_persons(
    homes: Sequence[Home], margin: HouseholdMargin, zone: Whole, category: Whole, largest: int
) -> list[WeightedSum]:
    """Return limits: the smallest sizes of classes ask for no more persons than a zone has, the
    largest for no fewer."""
    if "size" not in margin.columns:
        return []
    each = len(margin.types) or 1
    first = np.array(margin.size_starts)[category // each].astype(np.float64)
    last = np.array([*margin.size_starts[1:], largest + 1])[category // each] - 1.0
    limits = []
    for number, home in enumerate(homes):
        mine, persons = zone == number, float(home.counts.sum())
        limits.append(WeightedSum(np.where(mine, first, 0.0), 0.0, persons))
        limits.append(WeightedSum(np.where(mine, last, 0.0), persons, np.inf))
    return limits


def _without_own(homes: Sequence[Home], margin: HouseholdMargin) -> tuple[list[Home], Whole]:
    """Return the zones that do not publish a national table, and what the others leave of it."""
    own = {home.zone.code: _own(home.zone, margin) for home in homes}
    told = [counts for counts in own.values() if counts is not None]
    left = margin.counts - np.sum(told, axis=0, dtype=np.int64)
    return [home for home in homes if own[home.zone.code] is None], left


def _own(zone: ZoneControls, margin: HouseholdMargin) -> Whole | None:
    found = [own for own in zone.household_margins if own.control_id == margin.control_id]
    return found[0].counts if found else None


def _with(zone: ZoneControls, margin: HouseholdMargin, counts: Whole) -> ZoneControls:
    mine = replace(margin, counts=counts)
    return replace(zone, household_margins=(*zone.household_margins, mine))
