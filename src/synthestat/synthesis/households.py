"""Persons into households: sizes, structures, positions by age and sex, family ages.

Sample-free synthesis in the line of Gargiulo et al. (2010) and Barthelemy & Toint (2013): how many
households of each size and type; which structures; which ages and sexes stand in which class of
position; who stands where. Each step is whole and exact in what the step before decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.household_tables import HouseholdMargin
from synthestat.controls.household_totals import HouseholdTotal
from synthestat.controls.reconcile import Controls, ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.rounding import WeightedSum, round_to_margins
from synthestat.fitting.tilting import tilt_groups
from synthestat.fitting.two_way import round_two_way
from synthestat.packs.pack import CountryPack
from synthestat.packs.refinement import refinement_of
from synthestat.packs.spec import HOUSEHOLD_TYPES, HouseholdRules
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.arrangements import arrangement_shares
from synthestat.synthesis.composition import (
    Composition,
    TypeTarget,
    fit_composition,
    whole_structures,
)
from synthestat.synthesis.first_ages import first_ages
from synthestat.synthesis.kinship import Refinement, kinship_energies, refine_ages, untie
from synthestat.synthesis.layout import Positions, lay_out
from synthestat.synthesis.leaning import Leaning, leant
from synthestat.synthesis.nuclei import (
    Nuclei,
    classes_by_nucleus,
    exchange_groups,
    in_nucleus,
)
from synthestat.synthesis.roles import household_roles, household_types
from synthestat.synthesis.structures import Structures, household_structures

_UNTIED = "cannot hold with family ties inside the bands of country.yaml"
_ATTEMPTS = 8  # at ages that keep ties inside their bands where a table needs it: assumption


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
    leaning: Sequence[Leaning] = (),
) -> Homes:
    """Form the private households of one zone and universe.

    `counts` has shape (single ages, sexes) and is used up exactly; `leaning` are log-weights that
    tables and targets of the whole country give to structures. Raises NotConvergedError where
    persons and household counts leave no room for each other.
    """
    key = f"{zone.code}/{total.universe}"
    rng = streams.stream("households", key)
    rules = pack.country.household_rules
    published = total.universe == pack.country.household_universe
    margins = zone.household_margins if published else ()
    registry = pack.priors.at_mean_size(counts.sum() / total.households)
    structures = household_structures(registry, rules.largest_household.value)
    structures = leant(structures, leaning)
    sizes = household_sizes(
        int(counts.sum()),
        total.households,
        zone.capped_persons if published else None,
        margins,
        structures,
        controls,
        pack,
        rng,
        place=key,
    )
    shares = arrangement_shares(len(counts), registry, rules)
    nuclei = Nuclei(zone.families) if published and zone.families is not None else None
    inside = persons_inside(zone, int(counts.sum())) if published else None
    targets = (*type_targets(margins, structures), *nuclei_targets(inside, structures))
    fit = fit_composition(structures, sizes, counts, shares, targets)
    cells = size_by_type(fit.structures, structures, sizes, margins, rng, place=key)
    plan = Plan(counts, structures, fit, cells, sizes, margins, nuclei, rules, key)
    energies = kinship_energies(registry, rules)
    sweeps = refinement_of(registry).ages
    for left in reversed(range(_ATTEMPTS)):
        positions, group, by_group = place_persons(plan, rng)
        age, sex = first_ages(positions, group, by_group, rng)
        refinement = refine_ages(
            *(positions, age, sex, energies, rules, rng), group=group, sweeps=sweeps
        )
        untied = untie(positions, age, energies)
        off = _off(positions, age, sex, plan) if untied else ""
        if not off:
            break
        if not left:
            raise NotConvergedError(
                f"{key}: {off}",
                remedy="look for households that the ages of this zone leave no room for",
            )
    return Homes(zone.code, total.universe, positions, age, sex, refinement, untied)


@dataclass(frozen=True)
class Plan:
    """What the households of one zone and universe must hold before persons are placed.

    `counts` (ages, sexes); `cells` are households by size and type, `sizes` by size; `fit` are
    expected structures and roles; `margins` and `nuclei` what is published.
    """

    counts: Whole
    structures: Structures
    fit: Composition
    cells: Whole
    sizes: Whole
    margins: Sequence[HouseholdMargin]
    nuclei: Nuclei | None
    rules: HouseholdRules
    key: str


def place_persons(
    plan: Plan, rng: np.random.Generator
) -> tuple[Positions, NDArray[np.int8], Whole]:
    """Return whole households laid out, their exchange groups, and persons by group.

    Groups have shape (positions,), persons by group (groups, single ages, sexes).
    """
    structures = plan.structures
    chosen = whole_structures(
        plan.fit.structures,
        structures,
        plan.cells,
        plan.counts,
        plan.rules.adult_age.value,
        rng,
        partner_age=plan.rules.partner_age.value,
        published=exact_tables(plan.margins, plan.sizes, structures.sizes, structures.types),
        nuclei=plan.nuclei,
        place=plan.key,
    )
    roles = plan.fit.roles
    if plan.nuclei is None:
        slots = chosen @ structures.positions
        by_group = classes_by_age(plan.counts, slots, roles, rng, place=plan.key)
    else:
        by_group = classes_by_nucleus(
            plan.counts, chosen, structures, roles, plan.nuclei, rng, place=plan.key
        )
    which = rng.permutation(np.repeat(np.arange(len(chosen)), chosen))
    positions = lay_out(structures.parts, which)
    return positions, exchange_groups(positions, plan.nuclei), by_group


def persons_inside(zone: ZoneControls, persons: int) -> float | None:
    """Return the persons in family nuclei that a zone should have: published, or by its GUIDE."""
    if zone.families is not None:
        return float(zone.families[:, 0].sum())
    return None if zone.family_share is None else zone.family_share * persons


def nuclei_targets(inside: float | None, structures: Structures) -> tuple[TypeTarget, ...]:
    """Return the persons in family nuclei as a target of the fit, if a table tells them."""
    if inside is None:
        return ()
    return (TypeTarget(structures.in_nucleus.sum(axis=1).astype(np.float64), inside),)


def _off(positions: Positions, age: NDArray[np.int16], sex: NDArray[np.int8], plan: Plan) -> str:
    """Return which published table cleared ties left unmet, and by how much; "" for none."""
    types = household_types(positions, household_roles(positions, age), sex).astype(np.int64)
    sizes = np.diff(positions.start).astype(np.int64)
    for margin in plan.margins:
        found = np.bincount(cell_of(margin, sizes, types), minlength=len(margin.counts))
        if off := int(np.abs(found - margin.counts).sum()):
            return f"{margin.control_id} {_UNTIED}: {off} households off"
    if plan.nuclei is not None:
        outside = ~in_nucleus(positions.partner, positions.mother, positions.father)
        found = np.bincount(2 * sex.astype(np.int64) + outside, minlength=4)
        if off := int(np.abs(found - plan.nuclei.counts.ravel()).sum()):
            return f"persons by family status {_UNTIED}: {off} persons off"
    return ""


def nobody(zone: str, universe: str) -> Homes:
    """Return the homes of a zone without residents."""
    positions = lay_out((), np.zeros(0, dtype=np.int64))
    still = Refinement((0.0,), 0.0, 0, 0)
    none = np.zeros(0, dtype=np.int16)
    return Homes(zone, universe, positions, none, none.astype(np.int8), still, 0)


def household_sizes(
    persons: int,
    households: int,
    capped_persons: int | None,
    margins: Sequence[HouseholdMargin],
    structures: Structures,
    controls: Controls,
    pack: CountryPack,
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return households by size 1..largest, exact in households, persons and published sizes.

    The shape is the one nearest (in Kullback-Leibler divergence) to the registry's household-size
    entry under these totals. Published types have room in the sizes: they are rounded over cells of
    size and type, of which only those with a structure may hold households.
    """
    largest = pack.country.household_rules.largest_household.value
    classes, totals = size_classes(margins, households, largest)
    size = np.arange(1, largest + 1, dtype=np.float64)
    features, targets = [size], [float(persons)]
    if capped_persons is not None and controls.size_cap is not None:
        features.append(np.minimum(size, controls.size_cap))
        targets.append(float(capped_persons))
    weights = size_weights(controls.size_shape, pack, largest)
    near = expected_sizes(weights, classes[0], totals[0], features, targets)
    near = np.where(totals[0][classes[0]] > 0, np.maximum(near, 1e-12), 0.0)
    size_of = np.arange(largest)
    told: list[CellMargin] = []
    if any("household_type" in margin.columns for margin in margins):
        near, told = room_for_types(near, margins, structures, features, targets)
        size_of = np.repeat(size_of, len(HOUSEHOLD_TYPES))
    exact = [CellMargin(index[size_of], of) for index, of in zip(classes, totals, strict=True)]
    sums = [WeightedSum(f[size_of], t, t) for f, t in zip(features, targets, strict=True)]
    place = f"household sizes of {place}"
    whole = round_to_margins(near, [*exact, *told], rng, sums=sums, place=place)
    return np.asarray(whole.reshape(largest, -1).sum(axis=1), dtype=np.int64)


def room_for_types(
    near: Floats,
    margins: Sequence[HouseholdMargin],
    structures: Structures,
    features: Sequence[Floats],
    targets: Sequence[float],
) -> tuple[Floats, list[CellMargin]]:
    """Return expected households by size and type, shape (sizes x types,), and the typed tables.

    `near` (sizes,) are the households by size to keep to; where no table is by size, those that the
    types make likely replace them. Cells without a structure are zero, all others positive.
    `features`, each (sizes,), have the sums `targets`.
    """
    largest, kinds = len(near), len(HOUSEHOLD_TYPES)
    size_of = np.repeat(np.arange(largest), kinds)
    told = type_tables(margins, size_of + 1, np.tile(np.arange(kinds), largest))
    possible = np.zeros(len(size_of), dtype=bool)
    possible[(structures.sizes - 1) * kinds + structures.types] = True
    seed = np.where(possible, near[size_of], 0.0)
    if not any("size" in margin.columns for margin in margins):
        weights, columns = np.maximum(seed, 1e-12), [feature[size_of] for feature in features]
        by_type = expected_sizes(weights, told[0].index, told[0].targets, columns, targets)
        near = np.bincount(size_of, by_type, minlength=largest).astype(np.float64)
    fit = fit_margins(seed, (CellMargin(size_of, near), *told), max_iterations=200)
    return np.where(possible, np.maximum(fit.cells, 1e-12), 0.0), told


def expected_sizes(
    weights: Floats,
    classes: Whole,
    totals: Floats,
    features: Sequence[Floats],
    targets: Sequence[float],
) -> Floats:
    """Return expected households by size: nearest to `weights`, exact by class of size.

    `weights`, `classes` and each of `features` have shape (sizes,), `totals` (classes,).
    """
    columns, means = np.stack(features, axis=1), np.array(targets)
    return tilt_groups(np.log(weights), classes, totals, columns, means, ridge=1e-9)


def size_classes(
    margins: Sequence[HouseholdMargin], households: int, largest: int
) -> tuple[list[Whole], list[Floats]]:
    """Return the classes of sizes 1..largest of each table by size, the finest first."""
    found = []
    for margin in sorted(margins, key=lambda m: -len(m.size_starts)):
        if "size" not in margin.columns and ("single",) in margin.types:
            one = margin.counts[margin.types.index(("single",))]  # one person is one size
            split = np.minimum(np.arange(largest), 1)
            found.append((split, np.array([float(one), float(households - one)])))
        elif "size" in margin.columns:
            index = np.searchsorted(margin.size_starts, np.arange(1, largest + 1), "right") - 1
            counts = margin.counts.reshape(len(margin.size_starts), -1).sum(axis=1)
            found.append((index.astype(np.int64), counts.astype(np.float64)))
    found = found or [(np.zeros(largest, dtype=np.int64), np.array([float(households)]))]
    return [index for index, _ in found], [counts for _, counts in found]


def size_weights(shape: Floats, pack: CountryPack, largest: int) -> Floats:
    """Return a household-size shape over sizes 1..largest, its open class as a geometric tail.

    `shape` has one entry per size and a last one for its open class.
    """
    closed = len(shape) - 1
    tail = pack.priors.number("household_size", "tail_ratio") ** np.arange(largest - closed)
    return np.concatenate([shape[:-1], shape[-1] * tail / tail.sum()])


def type_targets(
    margins: Sequence[HouseholdMargin], structures: Structures
) -> tuple[TypeTarget, ...]:
    """Return the published households by type, or by size and type, as targets of the fit.

    A table's last category follows from the others and is left out.
    """
    targets = []
    for margin in margins:
        if "household_type" in margin.columns:
            cell = cell_of(margin, structures.sizes, structures.types)
            for number, count in enumerate(margin.counts[:-1]):
                members = (cell == number).astype(np.float64)
                targets.append(TypeTarget(members, float(count)))
    return tuple(targets)


def cell_of(margin: HouseholdMargin, sizes: Whole, types: Whole) -> Whole:
    """Return the category of a table that households of given sizes and types count in."""
    cell = np.zeros(len(sizes), dtype=np.int64)
    if "size" in margin.columns:
        cell = np.searchsorted(margin.size_starts, sizes, side="right") - 1
    if "household_type" in margin.columns:
        group = {name: at for at, names in enumerate(margin.types) for name in names}
        of = np.array([group[name] for name in HOUSEHOLD_TYPES])
        cell = cell * len(margin.types) + of[types]
    return np.asarray(cell, dtype=np.int64)


def size_by_type(
    fitted: Floats,
    structures: Structures,
    sizes: Whole,
    margins: Sequence[HouseholdMargin],
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return households by size and type, shape (largest, types), every published table exact."""
    types = len(HOUSEHOLD_TYPES)
    group = (structures.sizes - 1) * types + structures.types
    weights = np.maximum(fitted, 1e-9)
    expected = np.bincount(group, weights, minlength=len(sizes) * types).astype(np.float64)
    cell = np.arange(len(expected), dtype=np.int64)
    size, kind = cell // types + 1, cell % types
    expected = np.where(sizes[size - 1] > 0, expected, 0.0)
    exact = exact_tables(margins, sizes, size, kind)
    whole = round_to_margins(expected, exact, rng, place=f"household types of {place}")
    return whole.reshape(len(sizes), types)


def exact_tables(
    margins: Sequence[HouseholdMargin], sizes: Whole, size: Whole, kind: Whole
) -> list[CellMargin]:
    """Return the households by size, and the tables with types, over cells of a size and type."""
    return [CellMargin(size - 1, sizes.astype(np.float64)), *type_tables(margins, size, kind)]


def type_tables(margins: Sequence[HouseholdMargin], size: Whole, kind: Whole) -> list[CellMargin]:
    """Return the tables with types over cells of a size and type."""
    return [
        CellMargin(cell_of(margin, size, kind), margin.counts.astype(np.float64))
        for margin in margins
        if "household_type" in margin.columns
    ]


def classes_by_age(
    counts: Whole, slots: Whole, roles: Floats, rng: np.random.Generator, *, place: str
) -> Whole:
    """Return persons by class of position, shape (classes, single ages, sexes).

    Exact in persons by age and sex (rows) and in positions of each class (columns); `roles` are the
    expected persons by class and by age and sex, shape (classes, ages x sexes).
    """
    seed = roles.reshape(len(slots), *counts.shape)
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
