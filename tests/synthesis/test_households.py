"""Households of one zone: sizes, types and their tables exact; persons used up; ties possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthestat.controls.household_tables import HouseholdMargin
from synthestat.controls.household_totals import HouseholdTotal
from synthestat.controls.reconcile import ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.random_streams import RandomStreams
from synthestat.story import Population
from synthestat.synthesis.composition import fit_composition
from synthestat.synthesis.households import (
    Homes,
    classes_by_age,
    form_households,
    household_sizes,
    nobody,
    size_by_type,
    type_targets,
)
from synthestat.synthesis.kinship import forbidden_positions, kinship_energies
from synthestat.synthesis.persons import fit_joint, integerize
from synthestat.synthesis.roles import household_roles, household_types
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    Position,
    Structures,
    household_structures,
)

P = Position
TYPES = len(HOUSEHOLD_TYPES)
EACH = tuple((name,) for name in HOUSEHOLD_TYPES)
COARSE = (
    ("single", "other"),
    ("couple_without_children", "couple_with_children"),
    ("lone_mother", "lone_father"),
    ("extended",),
)
SAME_SEX = (P.MAN_OF_TWO, P.WOMAN_OF_TWO)


class Known(Protocol):
    """Totals of a zone whose households are known (`conftest.Known`)."""

    sizes: Whole
    counts: Whole
    size_by_type: Whole


KnownZone = Callable[[int, int], Known]


def margin(
    table: Whole, starts: tuple[int, ...], types: tuple[tuple[str, ...], ...]
) -> HouseholdMargin:
    """Count a table of size x type into classes of sizes and groups of types (either may be ())."""
    sizes = np.arange(1, len(table) + 1)
    rows = (
        [sizes >= 1]
        if not starts
        else [
            (sizes >= first) & (sizes < last)
            for first, last in zip(starts, [*starts[1:], 99], strict=True)
        ]
    )
    columns = [np.isin(HOUSEHOLD_TYPES, group) for group in types or (HOUSEHOLD_TYPES,)]
    counts = [int(table[np.ix_(row, column)].sum()) for row in rows for column in columns]
    names = (("size",) if starts else ()) + (("household_type",) if types else ())
    return HouseholdMargin("c", names, np.array(counts, dtype=np.int64), starts, types, "HARD")


TABLES = {
    "size": [((1, 2, 3, 4, 5, 6), ())],
    "type": [((), EACH)],
    "coarse type": [((), COARSE)],
    "size by type": [((1, 2, 3, 4, 5, 6), EACH)],
    "size by coarse type": [((1, 2, 4), COARSE)],
    "several": [((1, 2, 3, 4, 5, 6, 7), ()), ((), EACH), ((1, 3), COARSE)],
}


# Tables of sizes and types ------------------------------------------------------------------------


@pytest.mark.parametrize("tables", TABLES.values(), ids=TABLES.keys())
@given(seed=st.integers(0, 2**32 - 1), households=st.integers(30, 600))
@settings(max_examples=8)
def test_every_published_table_is_exact(
    structures: Structures,
    shares: Floats,
    known: KnownZone,
    tables: list[tuple[tuple[int, ...], tuple[tuple[str, ...], ...]]],
    seed: int,
    households: int,
) -> None:
    zone = known(seed, households)
    margins = [margin(zone.size_by_type, starts, types) for starts, types in tables]
    targets = type_targets(margins, structures)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares, targets)
    rng = np.random.default_rng(seed)
    found = size_by_type(fit.structures, structures, zone.sizes, margins, rng, place="x")
    assert (found >= 0).all()
    assert (found.sum(axis=1) == zone.sizes).all()
    for asked in margins:
        counted = margin(found, asked.size_starts, asked.types)
        assert counted.counts.tolist() == asked.counts.tolist()
    possible = {(p.size, p.household_type) for p in structures.parts}
    for size, kind in np.argwhere(found):
        assert (size + 1, HOUSEHOLD_TYPES[kind]) in possible


def test_targets_are_the_published_cells_but_the_last(
    structures: Structures, known: KnownZone
) -> None:
    table = known(1, 300).size_by_type
    both = margin(table, (1, 2, 4), COARSE)
    sizes_only = margin(table, (1, 2, 3), ())
    targets = type_targets([sizes_only, both], structures)
    assert [t.households for t in targets] == both.counts[:-1].tolist()
    marked = np.sum([t.members for t in targets], axis=0)
    last = (structures.sizes >= 4) & (structures.types == HOUSEHOLD_TYPES.index("extended"))
    assert (marked == np.where(last, 0, 1)).all()
    lone = targets[6].members > 0  # sizes 2-3, lone parents
    assert set(structures.sizes[lone]) == {2, 3}
    assert {structures.parts[i].household_type for i in np.flatnonzero(lone)} == {
        "lone_mother",
        "lone_father",
    }


def test_tables_that_no_households_meet_are_refused_by_place(
    structures: Structures, shares: Floats, known: KnownZone
) -> None:
    zone = known(1, 200)
    asked = margin(zone.size_by_type, (), EACH)
    counts = asked.counts.copy()
    counts[0] += 5  # more single persons than households of one
    counts[1] -= 5
    fit = fit_composition(structures, zone.sizes, zone.counts, shares)
    rng = np.random.default_rng(1)
    with pytest.raises(NotConvergedError, match="household types of Z7"):
        size_by_type(
            fit.structures,
            structures,
            zone.sizes,
            [replace(asked, counts=counts)],
            rng,
            place="Z7",
        )


@pytest.mark.parametrize(
    "starts", [[], [(1, 2, 3, 4, 5, 6)], [(1, 3, 6), (1, 2, 5)], [(1, 2, 3, 4, 5, 6), (1, 4)]]
)
def test_sizes_are_exact_in_persons_and_tables(
    tiny_population: Population,
    known: KnownZone,
    starts: list[tuple[int, ...]],
    broad: Registry,
) -> None:
    zone = known(2, 400)
    persons = int(zone.counts.sum())
    margins = [margin(zone.size_by_type, of, ()) for of in starts]
    controls, pack = tiny_population.controls, tiny_population.pack
    rng = np.random.default_rng(1)
    largest = pack.country.household_rules.largest_household.value
    structures = household_structures(broad, largest)
    found = household_sizes(persons, 400, None, margins, structures, controls, pack, rng, place="x")
    sizes = np.arange(1, len(found) + 1)
    assert found.sum() == 400
    assert found @ sizes == persons
    table = np.pad(found[:, None], ((0, 0), (0, TYPES - 1)))
    for asked in margins:
        counted = margin(table, asked.size_starts, ())
        assert counted.counts.tolist() == asked.counts.tolist()


# Classes by age -----------------------------------------------------------------------------------


def test_classes_use_up_persons_and_places(
    structures: Structures, shares: Floats, known: KnownZone
) -> None:
    zone = known(4, 300)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares)
    rng = np.random.default_rng(1)
    slots = np.rint(fit.roles.sum(axis=1)).astype(np.int64)
    slots[P.CHILD] += zone.counts.sum() - slots.sum()
    found = classes_by_age(zone.counts, slots, fit.roles, rng, place="x")
    assert (found.sum(axis=0) == zone.counts).all()
    assert (found.sum(axis=(1, 2)) == slots).all()
    assert (np.abs(found.reshape(len(slots), -1) - fit.roles) < 2).all()


def test_places_that_nobody_can_fill_are_refused(
    structures: Structures, shares: Floats, known: KnownZone
) -> None:
    zone = known(4, 300)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares)
    slots = np.zeros(len(Position), dtype=np.int64)
    slots[P.HUSBAND] = zone.counts.sum()
    with pytest.raises(NotConvergedError, match="Z4: persons by age and sex"):
        classes_by_age(zone.counts, slots, fit.roles, np.random.default_rng(1), place="Z4")


# Whole zones --------------------------------------------------------------------------------------


def homes_of(population: Population, pack: CountryPack, seed: int) -> list[tuple[Homes, Whole]]:
    """Form the households of every zone and universe, beside the persons that they take."""
    streams, found = RandomStreams(seed), []
    for zone in population.controls.zones:
        joint = fit_joint(zone, pack)
        counts = dict(
            zip(joint.universes, integerize(joint, zone.code, pack, streams), strict=True)
        )
        for total in population.totals:
            if total.zone == zone.code:
                of = counts[total.universe]
                homes = form_households(of, zone, total, population.controls, pack, streams)
                found.append((homes, of))
    return found


@pytest.fixture(scope="module", params=["own", "default", "XK"])
def tiny_homes(
    request: pytest.FixtureRequest, tiny_population: Population, xk_pack: CountryPack
) -> list[tuple[Homes, Whole]]:
    """Tinyland's households under its own registry, the default one and Kosovo's."""
    pack = tiny_population.pack
    families = {"living_arrangements", "household_structure"}
    kept = tuple(e for e in pack.priors.entries if e.family not in families)
    theirs = tuple(e for e in xk_pack.priors.entries if e.family in families)
    entries = {"own": pack.priors.entries, "default": kept, "XK": (*kept, *theirs)}
    priors = Registry(entries[request.param], pack.priors.defaults)
    found = homes_of(tiny_population, replace(pack, priors=priors), 1)
    same = sum(int(np.isin(homes.positions.kind, SAME_SEX).sum()) for homes, _ in found)
    assert (same > 0) == (request.param == "default")
    return found


def test_persons_are_used_up(tiny_homes: list[tuple[Homes, Whole]]) -> None:
    for homes, counts in tiny_homes:
        found = np.zeros_like(counts)
        np.add.at(found, (homes.age, homes.sex), 1)
        assert (found == counts).all()


def test_no_tie_is_outside_its_band_in_an_ordinary_zone(
    tiny_homes: list[tuple[Homes, Whole]], tiny_pack: CountryPack
) -> None:
    energies = kinship_energies(tiny_pack.priors, tiny_pack.country.household_rules)
    assert len(tiny_homes) == 7
    for homes, _ in tiny_homes:
        assert homes.refinement.forbidden == 0
        assert homes.untied == 0
        assert not len(forbidden_positions(homes.positions, homes.age, energies))


def test_classes_hold_whom_they_may(tiny_homes: list[tuple[Homes, Whole]]) -> None:
    for homes, _ in tiny_homes:
        kind = homes.positions.kind
        assert (homes.age[~np.isin(kind, ANY_AGE)] >= 18).all()
        assert (homes.sex[np.isin(kind, MALE_ONLY)] == 0).all()
        assert (homes.sex[np.isin(kind, FEMALE_ONLY)] == 1).all()


def test_couples_of_one_sex_are_couples(
    tiny_population: Population, tiny_pack: CountryPack
) -> None:
    """Under the default registry: linked, of one sex, adult, reference person and partner."""
    kept = tuple(
        e
        for e in tiny_pack.priors.entries
        if e.family not in {"living_arrangements", "household_structure"}
    )
    pack = replace(tiny_pack, priors=Registry(kept, tiny_pack.priors.defaults))
    seen = {0: 0, 1: 0}
    for seed in (1, 2, 3):
        for homes, _ in homes_of(tiny_population, pack, seed):
            of = homes.positions
            pairs = np.flatnonzero(np.isin(of.kind, SAME_SEX))
            role = household_roles(of, homes.age)
            types = household_types(of, role, homes.sex)
            for one in pairs:
                other = of.partner[one]
                assert homes.sex[one] == homes.sex[other]
                assert {role[one], role[other]} == {0, 1}
                assert homes.age[one] >= 18
                assert HOUSEHOLD_TYPES[types[of.household[one]]] in (
                    "couple_without_children",
                    "couple_with_children",
                    "other",
                )
                seen[int(homes.sex[one])] += 1
    assert min(seen.values()) > 0


def typed_zone(table: Whole, zone: ZoneControls) -> ZoneControls:
    return replace(
        zone,
        household_margins=(margin(table, (1, 2, 3, 4, 5, 6), ()), margin(table, (), COARSE)),
        capped_persons=None,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_written_types_are_the_published_ones(
    tiny_population: Population, known: KnownZone, seed: int
) -> None:
    """Sizes and types counted from members, after all exchanges, meet both tables."""
    pack, controls = tiny_population.pack, tiny_population.controls
    truth = known(seed, 700)
    zone = typed_zone(truth.size_by_type, controls.zones[0])
    home = pack.country.household_universe
    total = HouseholdTotal(zone.code, home, 700, 700.0, 700.0, "measured", "c")
    homes = form_households(truth.counts, zone, total, controls, pack, RandomStreams(seed))
    of = homes.positions
    assert homes.untied == 0
    kinds = household_types(of, household_roles(of, homes.age), homes.sex)
    sizes = np.diff(of.start)
    table = np.zeros((sizes.max(), TYPES), dtype=np.int64)
    np.add.at(table, (sizes - 1, kinds), 1)
    for asked in zone.household_margins:
        counted = margin(table, asked.size_starts, asked.types)
        assert counted.counts.tolist() == asked.counts.tolist()


def test_a_table_by_type_that_cleared_ties_break_stops_the_build(
    tiny_population: Population,
) -> None:
    """Twenty couples with a child, by the table, of sixty persons who are all forty years old."""
    pack, controls = tiny_population.pack, tiny_population.controls
    table = np.zeros((3, TYPES), dtype=np.int64)
    table[2, HOUSEHOLD_TYPES.index("couple_with_children")] = 20
    zone = replace(
        controls.zones[0], household_margins=(margin(table, (), EACH),), capped_persons=None
    )
    counts = np.zeros((96, 2), dtype=np.int64)
    counts[40] = 30
    home = pack.country.household_universe
    total = HouseholdTotal(zone.code, home, 20, 20.0, 20.0, "measured", "c")
    with pytest.raises(NotConvergedError, match=r"cannot hold with family ties .* 40 households"):
        form_households(counts, zone, total, controls, pack, RandomStreams(1))
    untyped = replace(zone, household_margins=())
    assert form_households(counts, untyped, total, controls, pack, RandomStreams(1)).untied


@given(
    seed=st.integers(0, 2**32 - 1),
    adults=st.integers(1, 14),
    minors=st.integers(0, 14),
    share=st.floats(0, 1),
)
@settings(max_examples=40)
def test_every_small_zone_forms_its_households(
    tiny_population: Population, seed: int, adults: int, minors: int, share: float
) -> None:
    """Any few persons of any ages, in any number of households that have room and an adult."""
    rng, pack = np.random.default_rng(seed), tiny_population.pack
    counts = np.zeros((96, 2), dtype=np.int64)
    ages = np.concatenate([rng.integers(18, 96, adults), rng.integers(0, 18, minors)])
    np.add.at(counts, (ages, rng.integers(0, 2, len(ages))), 1)
    least = -(-len(ages) // pack.country.household_rules.largest_household.value)
    if least > adults:
        return
    households = least + round(share * (adults - least))
    zone = tiny_population.controls.zones[0]
    total = HouseholdTotal(zone.code, "estimated", households, 1.0, 99.0, "modelled", "c")
    controls, streams = tiny_population.controls, RandomStreams(seed % 1000)
    homes = form_households(counts, zone, total, controls, pack, streams)
    of = homes.positions
    assert len(of.start) - 1 == households
    found = np.zeros_like(counts)
    np.add.at(found, (homes.age, homes.sex), 1)
    assert (found == counts).all()
    grown = np.bincount(of.household, homes.age >= 18, minlength=households)
    assert (grown > 0).all()


def test_the_same_stream_forms_the_same_households(
    tiny_population: Population, tiny_pack: CountryPack
) -> None:
    one, other, third = (homes_of(tiny_population, tiny_pack, seed) for seed in (5, 5, 6))
    ages = [[homes.age.tolist() for homes, _ in found] for found in (one, other, third)]
    assert ages[0] == ages[1]
    assert ages[0] != ages[2]


def test_a_zone_without_residents_has_no_homes() -> None:
    homes = nobody("Z1", "u")
    assert (homes.zone, homes.universe, homes.untied) == ("Z1", "u", 0)
    assert len(homes.age) == len(homes.positions.kind) == 0
