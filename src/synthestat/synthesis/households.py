"""Persons into households: sizes, structures, positions by age and sex, family ages.

Sample-free synthesis in the line of Gargiulo et al. (2010) and Barthelemy & Toint (2013): how many
households of each size; which structures; which ages and sexes stand in which class of position;
who stands where. Each step is whole and exact in what the step before decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.household_totals import HouseholdTotal
from synthestat.controls.reconcile import Controls, ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.rounding import WeightedSum, round_to_margins
from synthestat.fitting.tilting import tilt_groups
from synthestat.fitting.two_way import round_two_way
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.first_ages import first_ages
from synthestat.synthesis.kinship import (
    Positions,
    Refinement,
    kinship_energies,
    refine_ages,
    untie,
)
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    PARTNERED,
    Position,
    Structures,
    household_structures,
)

MALE, FEMALE = 0, 1


@dataclass(frozen=True)
class Homes:
    """The private households of one zone and universe, persons in household order.

    All arrays have shape (persons,): `age` in years, `sex` 0 male 1 female; links in `positions`
    are cleared where a family tie could not be kept plausible (`untied` counts them).
    """

    zone: str
    universe: str
    positions: Positions
    age: NDArray[np.int16]
    sex: NDArray[np.int8]
    refinement: Refinement
    untied: int


def form_households(
    counts: Whole,
    zone: ZoneControls,
    total: HouseholdTotal,
    controls: Controls,
    pack: CountryPack,
    streams: RandomStreams,
) -> Homes:
    """Form the private households of one zone and universe.

    `counts` has shape (single ages, sexes) and is used up exactly. Raises NotConvergedError where
    persons and household counts leave no room for each other.
    """
    key = f"{zone.code}/{total.universe}"
    rng = streams.stream("households", key)
    published = total.universe == pack.country.household_universe
    sizes = household_sizes(
        int(counts.sum()),
        total.households,
        zone.capped_persons if published else None,
        controls,
        pack,
        rng,
        place=key,
    )
    structures = household_structures(pack.priors, len(sizes))
    chosen = choose_structures(counts, sizes, structures, pack, rng, place=key)
    by_class = classes_by_age(counts, chosen @ structures.positions, pack, rng, place=key)
    positions = _lay_out(chosen, structures, rng)
    age, sex = first_ages(positions, by_class, rng)
    energies = kinship_energies(pack.priors, pack.country.household_rules)
    refinement = refine_ages(positions, age, sex, energies, rng)
    untied = untie(positions, age, energies)
    return Homes(zone.code, total.universe, positions, age, sex, refinement, untied)


def nobody(zone: str, universe: str) -> Homes:
    """Return the homes of a zone without residents."""
    none = np.zeros(0, dtype=np.int32)
    positions = Positions(
        np.zeros(1, dtype=np.int32), none, none.astype(np.int8), none, none.copy(), none.copy()
    )
    still = Refinement((0.0,), 0.0, 0, 0)
    ages, sexes = none.astype(np.int16), none.astype(np.int8)
    return Homes(zone, universe, positions, ages, sexes, still, 0)


def household_sizes(
    persons: int,
    households: int,
    capped_persons: int | None,
    controls: Controls,
    pack: CountryPack,
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return households by size 1..largest, exact in households, persons and the capped total.

    The shape is the one nearest (in Kullback-Leibler divergence) to the registry's household-size
    entry under these totals.
    """
    largest = pack.country.household_rules.largest_household.value
    size = np.arange(1, largest + 1, dtype=np.float64)
    features, targets = [size], [float(persons)]
    if capped_persons is not None and controls.size_cap is not None:
        features.append(np.minimum(size, controls.size_cap))
        targets.append(float(capped_persons))
    fitted = tilt_groups(
        np.log(size_weights(controls.size_shape, pack, largest)),
        np.zeros(largest, dtype=np.int64),
        np.array([float(households)]),
        np.stack(features, axis=1),
        np.array(targets),
        ridge=1e-9,
    )
    return round_to_margins(
        np.maximum(fitted, 1e-12),
        [CellMargin(np.zeros(largest, dtype=np.int64), np.array([float(households)]))],
        rng,
        sums=[WeightedSum(f, t, t) for f, t in zip(features, targets, strict=True)],
        place=f"household sizes of {place}",
    )


def size_weights(shape: Floats, pack: CountryPack, largest: int) -> Floats:
    """Return a household-size shape over sizes 1..largest, its open class as a geometric tail.

    `shape` has one entry per size and a last one for its open class.
    """
    closed = len(shape) - 1
    tail = pack.priors.number("household_size", "tail_ratio") ** np.arange(largest - closed)
    return np.concatenate([shape[:-1], shape[-1] * tail / tail.sum()])


def choose_structures(
    counts: Whole,
    sizes: Whole,
    structures: Structures,
    pack: CountryPack,
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return how many households have each structure, exact by size.

    Couples, children at home and elderly parents come as near to the registry's living arrangements
    as sizes allow; positions that need an adult, a man or a woman never exceed those present.
    """
    shares = arrangement_shares(len(counts), pack)
    partnered = float((counts * shares["partnered"]).sum()) / 2
    targets = [partnered, float((counts * shares["child"]).sum())]
    targets.append(float((counts * shares["parent"]).sum()))
    of = structures.positions
    elders = of[:, Position.ELDER_MOTHER] + of[:, Position.ELDER_FATHER]
    couples = of[:, Position.HUSBAND] + of[:, Position.SON]
    couples = couples + np.minimum(of[:, Position.ELDER_MOTHER], of[:, Position.ELDER_FATHER])
    young = of[:, list(ANY_AGE)].sum(axis=1)
    fitted = tilt_groups(
        structures.log_weights,
        structures.sizes - 1,
        sizes.astype(np.float64),
        np.stack([couples, young, elders], axis=1).astype(np.float64),
        np.array(targets),
    )
    adult = pack.country.household_rules.adult_age.value
    limits = [
        WeightedSum(young.astype(np.float64), float(counts[:adult].sum()), np.inf),
        _at_most(of, MALE_ONLY, counts[adult:, MALE]),
        _at_most(of, FEMALE_ONLY, counts[adult:, FEMALE]),
    ]
    margin = CellMargin(structures.sizes - 1, sizes.astype(np.float64))
    fitted = np.where(sizes[structures.sizes - 1] > 0, np.maximum(fitted, 1e-12), 0.0)
    return round_to_margins(
        fitted, [margin], rng, sums=limits, place=f"household structures of {place}"
    )


def _at_most(of: Whole, kinds: tuple[Position, ...], persons: Whole) -> WeightedSum:
    return WeightedSum(of[:, list(kinds)].sum(axis=1).astype(np.float64), 0.0, float(persons.sum()))


def arrangement_shares(ages: int, pack: CountryPack) -> dict[str, Floats]:
    """Return curves, shape (ages, sexes), of living partnered, as child, as parent, alone."""
    return {
        name: np.stack(
            [
                pack.priors.by_age("living_arrangements", ages, name, sex)
                for sex in ("male", "female")
            ],
            axis=1,
        )
        for name in ("partnered", "child", "parent", "alone")
    }


def classes_by_age(
    counts: Whole, slots: Whole, pack: CountryPack, rng: np.random.Generator, *, place: str
) -> Whole:
    """Return persons by class of position, shape (classes, single ages, sexes).

    Exact in persons by age and sex (rows) and in positions of each class (columns).
    """
    seed = class_affinity(len(counts), pack)
    cells = np.broadcast_to(np.arange(counts.size).reshape(1, *counts.shape), seed.shape)
    kinds = np.broadcast_to(np.arange(len(slots))[:, None, None], seed.shape)
    margins = (
        CellMargin(cells.ravel().astype(np.int64), counts.ravel().astype(np.float64)),
        CellMargin(kinds.ravel().astype(np.int64), slots.astype(np.float64)),
    )
    live = (seed > 0) & (counts[None] > 0) & (slots[:, None, None] > 0)
    fit = fit_margins(np.where(live, seed, 0.0).ravel(), margins, tolerance=1e-6)
    if fit.residual > 0.02 * max(float(slots.max()), 1.0):
        raise NotConvergedError(
            f"{place}: persons by age and sex do not fit the household positions "
            f"({fit.residual:.1f} persons off)",
            remedy="look at the household count and the living arrangements of this zone",
        )
    near = np.where(live.ravel(), np.maximum(fit.cells, 1e-12), 0.0)
    table = near.reshape(len(slots), -1).T  # rows: ages and sexes, columns: classes
    whole = round_two_way(table, counts.ravel(), slots, rng, place=f"positions of {place}")
    return np.ascontiguousarray(whole.T).reshape(seed.shape)


def class_affinity(ages: int, pack: CountryPack) -> Floats:
    """Return how readily each age and sex stands in each class, shape (classes, ages, sexes).

    Zero is structural: adults only outside the classes of any age, one sex in the classes of one.
    The age bumps of married sons, lone parents and grandchildren are assumptions.
    """
    rules = pack.country.household_rules
    shares = arrangement_shares(ages, pack)
    partnered, child, parent = shares["partnered"], shares["child"], shares["parent"]
    years = np.arange(ages, dtype=np.float64)[:, None]
    alone = (1 - partnered) * (1 - child)
    affinity = np.zeros((len(Position), ages, 2))
    affinity[Position.SINGLE] = alone * (1 - parent) * shares["alone"]
    affinity[[Position.HUSBAND, Position.WIFE]] = partnered * (1 - parent)
    affinity[[Position.SON, Position.SONS_WIFE]] = partnered * _bump(years, 31, 7)
    affinity[[Position.LONE_MOTHER, Position.LONE_FATHER]] = alone * _bump(years, 47, 13)
    affinity[Position.CHILD] = child
    affinity[Position.GRANDCHILD] = child * _bump(years, 0, 12)
    affinity[[Position.ELDER_MOTHER, Position.ELDER_FATHER]] = parent
    affinity[Position.OTHER] = alone
    affinity += 1e-7
    for kind in Position:
        if kind not in ANY_AGE:
            affinity[kind, : rules.adult_age.value] = 0.0
        if kind in PARTNERED:
            affinity[kind, : rules.partner_age.value] = 0.0
    affinity[list(MALE_ONLY), :, FEMALE] = 0.0
    affinity[list(FEMALE_ONLY), :, MALE] = 0.0
    return affinity


def _bump(years: Floats, centre: float, spread: float) -> Floats:
    return np.asarray(np.exp(-0.5 * ((years - centre) / spread) ** 2), dtype=np.float64)


def _lay_out(chosen: Whole, structures: Structures, rng: np.random.Generator) -> Positions:
    """Lay out all positions of the chosen structures, households in random order."""
    which = rng.permutation(np.repeat(np.arange(len(chosen)), chosen))
    sizes = structures.sizes[which]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    household = np.repeat(np.arange(len(which), dtype=np.int32), sizes)
    within = np.arange(start[-1], dtype=np.int64) - start[household]
    flat = structures.flat
    source = flat.start[which][household] + within

    def link(of: Whole) -> NDArray[np.int32]:
        local = of[source]
        return np.where(local >= 0, local + start[household], -1).astype(np.int32)

    return Positions(
        start=start,
        household=household,
        kind=flat.kind[source].astype(np.int8),
        partner=link(flat.partner),
        mother=link(flat.mother),
        father=link(flat.father),
    )
