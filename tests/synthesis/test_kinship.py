"""Exchanges of persons between positions of one class, beside a slow, plain reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.packs.pack import CountryPack, find_pack
from synthestat.synthesis.kinship import (
    KinshipEnergies,
    Positions,
    forbidden_positions,
    kinship_energies,
    refine_ages,
    untie,
)
from synthestat.synthesis.structures import Position, household_structures

P = Position
MEN_IN_COUPLES = (P.HUSBAND, P.ELDER_FATHER, P.SON)
WOMEN = (P.WIFE, P.LONE_MOTHER, P.ELDER_MOTHER, P.SONS_WIFE)
MEN = (P.HUSBAND, P.LONE_FATHER, P.ELDER_FATHER, P.SON)
Filled = tuple[Positions, NDArray[np.int16], NDArray[np.int8]]
Fill = Callable[[int, int], Filled]


@pytest.fixture(scope="module")
def energies() -> KinshipEnergies:
    pack = find_pack("XK")
    return kinship_energies(pack.priors, pack.country.household_rules)


@pytest.fixture(scope="module")
def fill(tiny_pack: CountryPack) -> Fill:
    """Return households of random structures, with random ages, and the sex that each needs."""
    structures = household_structures(tiny_pack.priors, 8)
    flat = structures.flat

    def make(seed: int, households: int) -> Filled:
        rng = np.random.default_rng(seed)
        which = rng.integers(0, len(structures.sizes), households)
        sizes = structures.sizes[which]
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        spans = [np.arange(flat.start[k], flat.start[k] + structures.sizes[k]) for k in which]
        source = np.concatenate(spans)
        base = np.repeat(start[:-1], sizes)

        def link(local: NDArray[np.int64]) -> NDArray[np.int32]:
            return np.where(local[source] >= 0, local[source] + base, -1).astype(np.int32)

        kind = flat.kind[source].astype(np.int8)
        positions = Positions(
            start=start,
            household=np.repeat(np.arange(households), sizes).astype(np.int32),
            kind=kind,
            partner=link(flat.partner),
            mother=link(flat.mother),
            father=link(flat.father),
        )
        young = np.isin(kind, (P.CHILD, P.GRANDCHILD))
        age = np.where(young, rng.integers(0, 40, len(kind)), rng.integers(18, 96, len(kind)))
        sex = rng.integers(0, 2, len(kind))
        sex = np.where(np.isin(kind, WOMEN), 1, np.where(np.isin(kind, MEN), 0, sex))
        return positions, age.astype(np.int16), sex.astype(np.int8)

    return make


def plain_energy(positions: Positions, age: NDArray[np.int16], e: KinshipEnergies) -> float:
    """Sum minus log-densities over family links, written from the description of the method."""
    total = 0.0
    years = [int(a) for a in age]
    families: dict[tuple[int, int], list[int]] = {}
    for i, kind in enumerate(positions.kind):
        mother, father = int(positions.mother[i]), int(positions.father[i])
        if positions.partner[i] >= 0 and kind in MEN_IN_COUPLES:
            total += e.partner[years[i] - years[positions.partner[i]] + 120]
        if mother >= 0:
            total += e.mother[years[mother] - years[i] + 120]
        if father >= 0:
            away = e.father[years[father] - years[i] + 120]
            total += away if mother < 0 or away >= 60.0 else 0.0
        if mother >= 0 or father >= 0:
            families.setdefault((mother, father), []).append(years[i])
    for ages in families.values():
        for at, one in enumerate(ages):
            for other in ages[:at]:
                total += e.sibling[min(abs(one - other), 2)]
    return float(total)


def multiset(filled: Filled) -> Counter[tuple[int, int, int]]:
    positions, age, sex = filled
    return Counter(zip(positions.kind.tolist(), age.tolist(), sex.tolist(), strict=True))


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25)
def test_exchanges_keep_every_class_age_and_sex(
    fill: Fill, energies: KinshipEnergies, seed: int, households: int
) -> None:
    filled = fill(seed, households)
    before = multiset(filled)
    refine_ages(*filled, energies, np.random.default_rng(seed), sweeps=3, repair_tries=20)
    assert multiset(filled) == before


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
@settings(max_examples=25)
def test_the_recorded_energy_is_that_of_the_plain_reference(
    fill: Fill, energies: KinshipEnergies, seed: int, households: int
) -> None:
    """Without repair, the last recorded energy is that of the state that is left."""
    filled = fill(seed, households)
    positions, age, _ = filled
    record = refine_ages(*filled, energies, np.random.default_rng(seed), sweeps=2, repair_tries=0)
    assert record.energies[-1] * len(age) == pytest.approx(plain_energy(positions, age, energies))


def plain_forbidden(positions: Positions, age: NDArray[np.int16], e: KinshipEnergies) -> set[int]:
    bad = set()
    for i in range(len(age)):
        for links, table in ((positions.mother, e.mother), (positions.father, e.father)):
            if links[i] >= 0 and table[int(age[links[i]]) - int(age[i]) + 120] >= 60:
                bad.add(i)
        if positions.partner[i] >= 0 and positions.kind[i] in MEN_IN_COUPLES:
            other = positions.partner[i]
            if e.partner[int(age[i]) - int(age[other]) + 120] >= 60:
                bad.add(i)
    return bad


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_forbidden_links_are_those_outside_their_bands(
    fill: Fill, energies: KinshipEnergies, seed: int
) -> None:
    positions, age, _ = fill(seed, 30)
    found = set(forbidden_positions(positions, age, energies).tolist())
    assert found == plain_forbidden(positions, age, energies)


def test_the_refinement_lowers_energy_and_forbidden_links(
    fill: Fill, energies: KinshipEnergies
) -> None:
    filled = fill(3, 400)
    positions, age, _ = filled
    first = plain_energy(positions, age, energies)
    forbidden = len(forbidden_positions(positions, age, energies))
    record = refine_ages(*filled, energies, np.random.default_rng(1))
    assert plain_energy(positions, age, energies) < 0.5 * first
    assert record.forbidden <= record.forbidden_before_repair < forbidden
    assert record.forbidden == len(forbidden_positions(positions, age, energies))
    assert 0 < record.accepted < 1
    assert len(record.energies) == 30


def test_the_repair_never_raises_the_energy(fill: Fill, energies: KinshipEnergies) -> None:
    filled = fill(5, 60)
    positions, age, _ = filled
    first = plain_energy(positions, age, energies)
    refine_ages(*filled, energies, np.random.default_rng(1), sweeps=0, repair_tries=200)
    assert plain_energy(positions, age, energies) <= first


def test_ties_outside_their_bands_are_cleared_both_ways(
    fill: Fill, energies: KinshipEnergies
) -> None:
    positions, age, _ = fill(8, 80)
    links = (positions.partner, positions.mother, positions.father)
    before = [link.copy() for link in links]
    cleared = untie(positions, age, energies)
    assert not len(forbidden_positions(positions, age, energies))
    paired = np.flatnonzero(positions.partner >= 0)
    assert (positions.partner[positions.partner[paired]] == paired).all()
    gone = np.zeros(len(age), dtype=bool)
    for old, new in zip(before, links, strict=True):
        assert ((new == old) | (new == -1)).all()
        gone |= new != old
    assert 0 < gone.sum() <= cleared


def test_the_same_stream_gives_the_same_families(fill: Fill, energies: KinshipEnergies) -> None:
    ages = []
    for _ in range(2):
        filled = fill(4, 50)
        refine_ages(*filled, energies, np.random.default_rng(9), sweeps=4)
        ages.append(filled[1].tolist())
    assert ages[0] == ages[1]


def test_a_household_alone_has_nobody_to_exchange_with(
    fill: Fill, energies: KinshipEnergies
) -> None:
    filled = fill(2, 1)
    before = filled[1].tolist()
    record = refine_ages(*filled, energies, np.random.default_rng(1), sweeps=5, repair_tries=5)
    assert filled[1].tolist() == before
    assert record.accepted == 0.0


def test_energies_are_those_of_the_declared_kernels(energies: KinshipEnergies) -> None:
    """Inside the band a distribution, outside it forbidden; index = gap + 120."""
    rules = find_pack("XK").country.household_rules
    for table, band in (
        (energies.partner, rules.partner_age_gap.value),
        (energies.mother, rules.mother_age_at_birth.value),
        (energies.father, rules.father_age_at_birth.value),
    ):
        inside = np.arange(-120, 121)
        inside = (inside >= band[0]) & (inside <= band[1])
        assert (table[~inside] == 60.0).all()
        assert np.exp(-table[inside]).sum() == pytest.approx(1.0)
    assert int(np.argmin(energies.mother)) - 120 == 28
