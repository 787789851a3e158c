"""Exchanges of persons between positions, beside a slow, plain reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.fitting.ipf import Floats
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.synthesis.kinship import (
    Refinement,
    _swap,
    _tie_energy,
    _total_energy,
    forbidden_positions,
    kinship_energies,
    refine_ages,
    untie,
)
from synthestat.synthesis.layout import Positions, Tie, lay_out
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    Nucleus,
    Parts,
    Position,
    Structures,
)

P = Position
WOMEN_IN_COUPLES = (P.WIFE, P.WIFE_ONLY, P.ELDER_MOTHER, P.NESTED_WOMAN)
FURTHER = {
    P.SIBLING: Tie.HEADS_SIBLING,
    P.RELATIVE: Tie.RELATIVE,
    P.NONRELATIVE: Tie.HOUSEMATE,
}
Filled = tuple[Positions, NDArray[np.int16], NDArray[np.int8]]
Fill = Callable[[Structures, NDArray[np.int64], np.random.Generator], Filled]
Draw = Callable[[int, int], Filled]
Refine = Callable[..., Refinement]


@pytest.fixture(scope="module")
def energies(xk_pack: CountryPack) -> Floats:
    return kinship_energies(xk_pack.priors, xk_pack.country.household_rules)


@pytest.fixture(scope="module")
def draw(structures: Structures, fill: Fill) -> Draw:
    """Return households of random structures, with random ages, and the sex that each needs."""

    def make(seed: int, households: int) -> Filled:
        rng = np.random.default_rng(seed)
        return fill(structures, rng.integers(0, len(structures.sizes), households), rng)

    return make


@pytest.fixture(scope="module")
def refine(energies: Floats, xk_pack: CountryPack) -> Refine:
    """Refine households in place: `refine(filled, seed, sweeps=..., repair_tries=...)`."""

    def run(filled: Filled, seed: int, **changes: int) -> Refinement:
        rng = np.random.default_rng(seed)
        return refine_ages(
            *filled, energies, xk_pack.country.household_rules, rng, **{"sweeps": 15, **changes}
        )

    return run


def plain_ties(positions: Positions) -> list[tuple[int, int, Tie]]:
    """The ties of households, read off links and classes."""
    found = []
    families: dict[tuple[int, int], list[int]] = {}
    for i, number in enumerate(positions.kind):
        kind = P(number)
        mother, father = int(positions.mother[i]), int(positions.father[i])
        partner, head = int(positions.partner[i]), int(positions.start[positions.household[i]])
        if partner >= 0 and kind in WOMEN_IN_COUPLES:
            found.append((i, partner, Tie.PARTNER))
        if partner > i and kind in (P.MAN_OF_TWO, P.WOMAN_OF_TWO):
            found.append((i, partner, Tie.SAME_SEX_PARTNER))
        if mother >= 0:
            found.append((i, mother, Tie.MOTHER))
        if father >= 0:
            found.append((i, father, Tie.FATHER if mother < 0 else Tie.FATHER_BESIDE))
        if mother >= 0 or father >= 0:
            families.setdefault((mother, father), []).append(i)
        elif kind == P.GRANDCHILD:
            elder = head + 1 if positions.kind[head] in (P.HUSBAND, P.HUSBAND_ONLY) else head
            found.append((i, elder, Tie.GRANDPARENT))
        if kind in FURTHER:
            found.append((i, head, FURTHER[kind]))
    for children in families.values():
        found += [(one, other, Tie.SIBLING) for one, other in combinations(children, 2)]
    return found


def plain_energy(positions: Positions, age: NDArray[np.int16], energies: Floats) -> float:
    """Sum minus log-densities over ties, written from the description of the method."""
    gaps = [(tie, int(age[j]) - int(age[i])) for i, j, tie in plain_ties(positions)]
    return float(sum(energies[tie, gap + 120] for tie, gap in gaps))


def plain_forbidden(positions: Positions, age: NDArray[np.int16], energies: Floats) -> set[int]:
    return {
        end
        for i, j, tie in plain_ties(positions)
        if energies[tie, int(age[j]) - int(age[i]) + 120] >= 60
        for end in (i, j)
    }


def multiset(filled: Filled) -> Counter[tuple[int, int, int]]:
    positions, age, sex = filled
    return Counter(zip(positions.kind.tolist(), age.tolist(), sex.tolist(), strict=True))


def ties_of(positions: Positions) -> tuple[NDArray[np.int32], ...]:
    return (positions.tie_start, positions.tie_other, positions.tie_table)


# Energies -----------------------------------------------------------------------------------------


def test_energies_are_those_of_the_declared_kernels(energies: Floats, xk_pack: CountryPack) -> None:
    """Inside the band a distribution, outside it forbidden; index = gap + 120."""
    rules = xk_pack.country.household_rules
    mothers = rules.mother_age_at_birth.value
    gaps = np.arange(-120, 121)
    for tie, band in (
        (Tie.PARTNER, rules.partner_age_gap.value),
        (Tie.MOTHER, mothers),
        (Tie.FATHER, rules.father_age_at_birth.value),
        (Tie.GRANDPARENT, (2 * mothers[0], 120)),
        (Tie.SAME_SEX_PARTNER, (-120, 120)),
        (Tie.RELATIVE, (-120, 120)),
        (Tie.HOUSEMATE, (-120, 120)),
    ):
        inside = (gaps >= band[0]) & (gaps <= band[1])
        assert (energies[tie][~inside] == 60.0).all()
        assert (energies[tie][inside] < 60.0).all()
        assert np.exp(-energies[tie][inside]).sum() == pytest.approx(1.0)
    fathers = rules.father_age_at_birth.value
    widest = max(mothers[1] - mothers[0], fathers[1] - fathers[0])
    siblings = energies[Tie.HEADS_SIBLING]
    assert ((siblings < 60.0) == (np.abs(gaps) <= widest)).all()
    assert 0.99 < np.exp(-siblings[np.abs(gaps) <= widest]).sum() < 1
    mode = round(xk_pack.priors.number("mother_child_gap", "location"))
    assert int(np.argmin(energies[Tie.MOTHER])) - 120 == mode
    beside = energies[Tie.FATHER_BESIDE]
    assert ((beside == 60) == (energies[Tie.FATHER] == 60)).all()
    assert set(beside) == {0.0, 60.0}


def test_the_second_half_is_the_same_tie_from_its_other_end(energies: Floats) -> None:
    assert energies.shape == (2 * len(Tie), 241)
    for tie in Tie:
        for gap in (-120, -30, -1, 0, 3, 28, 120):
            assert energies[tie, gap + 120] == energies[tie + len(Tie), -gap + 120]
    siblings = energies[Tie.SIBLING]
    assert siblings[120] > siblings[121] > siblings[122] == siblings[120 + 40]
    assert (siblings == siblings[::-1]).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=25)
def test_the_whole_energy_is_that_of_the_plain_reference(
    draw: Draw, energies: Floats, seed: int, households: int
) -> None:
    positions, age, _ = draw(seed, households)
    whole = _total_energy(age, *ties_of(positions), energies)
    assert whole == pytest.approx(plain_energy(positions, age, energies))


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
@settings(max_examples=40)
def test_what_a_move_changes_is_what_the_whole_energy_changes(
    draw: Draw, energies: Floats, seed: int, households: int
) -> None:
    """One person with one of another household, any classes; and couples at once."""
    positions, age, sex = draw(seed, households)
    ties, rng = ties_of(positions), np.random.default_rng(seed)
    for attempt in range(30):
        i = rng.integers(len(age))
        alike = (positions.kind == positions.kind[i]) & (positions.partner >= 0)
        couples = attempt % 2 == 1 and positions.partner[i] >= 0
        j = rng.choice(np.flatnonzero(alike)) if couples else rng.integers(len(age))
        if positions.household[i] == positions.household[j]:
            continue
        mates = (positions.partner[i], positions.partner[j])
        moved = [(i, j), mates] if couples else [(i, j)]
        ends = [end for pair in moved for end in pair]
        before = _total_energy(age, *ties, energies)
        here = sum(_tie_energy(end, age, *ties, energies) for end in ends)
        for one, other in moved:
            _swap(one, other, age, sex)
        there = sum(_tie_energy(end, age, *ties, energies) for end in ends)
        rise = _total_energy(age, *ties, energies) - before
        if couples and positions.kind[mates[0]] != positions.kind[mates[1]]:
            continue  # such couples are not exchanged at once
        assert there - here == pytest.approx(rise, abs=1e-8)


def test_states_are_visited_as_often_as_their_kernels_say(
    energies: Floats, xk_pack: CountryPack
) -> None:
    """Three couples: six ways to pair them, each as often as exp(-energy) has it."""
    positions = lay_out((Parts(Nucleus.COUPLE),), np.zeros(3, dtype=np.int64))
    men, women = (30, 33, 38), (28, 32, 35)
    age = np.array([30, 28, 33, 32, 38, 35], dtype=np.int16)
    sex = np.array([0, 1] * 3, dtype=np.int8)
    table = energies[Tie.PARTNER]
    weights = {
        way: np.exp(-sum(table[m - w + 120] for m, w in zip(way, women, strict=True)))
        for way in permutations(men)
    }
    rng = np.random.default_rng(1)
    rules = xk_pack.country.household_rules
    visits: Counter[tuple[int, ...]] = Counter()
    for _ in range(6_000):
        refine_ages(positions, age, sex, energies, rules, rng, sweeps=1, repair_tries=0)
        pairs = {int(age[w]): int(age[w - 1]) for w in (1, 3, 5)}
        visits[tuple(pairs[w] for w in women)] += 1
    whole = sum(weights.values())
    away = sum(abs(visits[way] / 6_000 - weight / whole) for way, weight in weights.items()) / 2
    assert max(weights.values()) / whole < 0.6
    assert away < 0.03


# Exchanges ----------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25)
def test_exchanges_keep_every_class_age_and_sex(
    draw: Draw, refine: Refine, seed: int, households: int
) -> None:
    filled = draw(seed, households)
    before = multiset(filled)
    refine(filled, seed, sweeps=3, repair_tries=0)
    assert multiset(filled) == before


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=25)
def test_the_repair_keeps_persons_and_what_each_class_allows(
    draw: Draw, refine: Refine, energies: Floats, seed: int, households: int
) -> None:
    """Repair alone: ages and sexes of all stay, adults stay where adults must be, energy falls."""
    filled = draw(seed, households)
    positions, age, sex = filled
    before = Counter(zip(age.tolist(), sex.tolist(), strict=True))
    first = plain_energy(positions, age, energies)
    record = refine(filled, seed, sweeps=0, repair_tries=200)
    assert Counter(zip(age.tolist(), sex.tolist(), strict=True)) == before
    assert (age[~np.isin(positions.kind, ANY_AGE)] >= 18).all()
    assert (sex[np.isin(positions.kind, MALE_ONLY)] == 0).all()
    assert (sex[np.isin(positions.kind, FEMALE_ONLY)] == 1).all()
    assert plain_energy(positions, age, energies) <= first + 1e-9
    assert record.energies == (0.0,)
    assert record.accepted == 0.0


def test_the_repair_crosses_classes_where_no_exchange_within_them_would_do(
    refine: Refine, energies: Floats
) -> None:
    """A child of 40 with a mother of 45 and a lodger of 15: the two change places."""
    lone = Parts(Nucleus.LONE_MOTHER, children=1)
    lodged = Parts(Nucleus.PERSON, nonrelatives=1)
    positions = lay_out((lone, lodged), np.array([0, 1]))
    age = np.array([45, 40, 50, 15], dtype=np.int16)
    sex = np.array([1, 0, 0, 0], dtype=np.int8)
    record = refine((positions, age, sex), 1)
    assert record.forbidden_before_repair == 2
    assert record.forbidden == 0
    assert not len(forbidden_positions(positions, age, energies))
    assert age[1] <= 45 - 15


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
@settings(max_examples=25)
def test_the_recorded_energy_is_that_of_the_state_that_is_left(
    draw: Draw, refine: Refine, energies: Floats, seed: int, households: int
) -> None:
    filled = draw(seed, households)
    positions, age, _ = filled
    record = refine(filled, seed, sweeps=2, repair_tries=0)
    assert record.energies[-1] * len(age) == pytest.approx(plain_energy(positions, age, energies))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_forbidden_positions_are_those_outside_their_bands(
    draw: Draw, energies: Floats, seed: int
) -> None:
    positions, age, _ = draw(seed, 30)
    found = set(forbidden_positions(positions, age, energies).tolist())
    assert found == plain_forbidden(positions, age, energies)


def test_the_refinement_lowers_energy_and_forbidden_ties(
    draw: Draw, refine: Refine, energies: Floats
) -> None:
    filled = draw(3, 400)
    positions, age, _ = filled
    first = plain_energy(positions, age, energies)
    forbidden = len(forbidden_positions(positions, age, energies))
    record = refine(filled, 1)
    assert plain_energy(positions, age, energies) < 0.5 * first
    assert record.forbidden <= record.forbidden_before_repair < forbidden
    assert record.forbidden == len(forbidden_positions(positions, age, energies))
    assert 0 < record.accepted < 1
    assert 3 <= len(record.energies) <= 15
    assert record.energies[-1] < record.energies[0]


def test_a_scrambled_town_finds_its_gaps_again(refine: Refine, energies: Floats) -> None:
    """Families drawn from the kernels, then everybody put into a random place of their class."""
    rng = np.random.default_rng(4)
    parts = tuple(Parts(Nucleus.COUPLE, children=k) for k in range(4))
    positions = lay_out(parts, rng.integers(0, 4, 900))
    kind, age = positions.kind, np.zeros(len(positions.kind), dtype=np.int16)
    gaps = np.arange(-120, 121)

    def drawn(tie: Tie, number: int) -> NDArray[np.int64]:
        weight = np.where(energies[tie] < 60, np.exp(-energies[tie]), 0.0)
        return rng.choice(gaps, number, p=weight / weight.sum())

    wives, husbands, children = (np.flatnonzero(kind == k) for k in (P.WIFE, P.HUSBAND, P.CHILD))
    age[wives] = rng.integers(46, 80, len(wives))
    age[husbands] = np.clip(age[wives] + drawn(Tie.PARTNER, len(wives)), 18, 95)
    age[children] = np.maximum(
        age[positions.mother[children]] - drawn(Tie.MOTHER, len(children)), 0
    )
    sex = np.where(kind == P.WIFE, 1, 0).astype(np.int8)

    def means() -> tuple[float, float, float]:
        partner = age[husbands].astype(int) - age[positions.partner[husbands]]
        mother = age[positions.mother[children]].astype(int) - age[children]
        return float(partner.mean()), float(np.abs(partner).mean()), float(mother.std())

    known = means()
    for places in (wives, husbands, children):
        age[places] = age[rng.permutation(places)]
    scrambled = means()
    record = refine((positions, age, sex), 1)
    found = means()
    assert scrambled[1] > 2 * known[1]
    assert scrambled[2] > 1.5 * known[2]
    assert found[0] == pytest.approx(known[0], abs=0.2)
    assert found[1] == pytest.approx(known[1], abs=0.6)
    assert found[2] == pytest.approx(known[2], abs=0.8)
    assert record.forbidden == 0


def test_ties_outside_their_bands_are_cleared_at_both_ends(draw: Draw, energies: Floats) -> None:
    positions, age, _ = draw(8, 300)
    links = (positions.partner, positions.mother, positions.father)
    before = [link.copy() for link in links]
    kind = positions.kind.copy()
    ties = plain_ties(positions)
    outside = [t for t in ties if energies[t[2], int(age[t[1]]) - int(age[t[0]]) + 120] >= 60]
    cleared = untie(positions, age, energies)
    paired = np.flatnonzero(positions.partner >= 0)
    assert (positions.partner[positions.partner[paired]] == paired).all()
    parental = (Tie.MOTHER, Tie.FATHER, Tie.FATHER_BESIDE)
    apart = {end for i, j, tie in outside if tie == Tie.PARTNER for end in (i, j)}
    orphans = {i for i, _, tie in outside if tie in parental}
    strangers = {i for i, _, tie in outside if tie in (Tie.GRANDPARENT, Tie.HEADS_SIBLING)}
    assert apart
    assert orphans
    assert strangers
    for i in range(len(age)):
        assert positions.partner[i] == (-1 if i in apart else before[0][i])
        for link, old in zip(links[1:], before[1:], strict=True):
            assert link[i] == (-1 if i in orphans else old[i])
        assert positions.kind[i] == (P.RELATIVE if i in strangers else kind[i])
    assert cleared == len(apart) + len(orphans) + len(strangers)


def test_nothing_is_cleared_where_nothing_is_forbidden(
    draw: Draw, energies: Floats, fill: Fill, structures: Structures
) -> None:
    which = np.zeros(20, dtype=np.int64)  # persons alone
    positions, age, _ = fill(structures, which, np.random.default_rng(1))
    assert untie(positions, age, energies) == 0


def test_the_same_stream_gives_the_same_families(draw: Draw, refine: Refine) -> None:
    ages = []
    for _ in range(2):
        filled = draw(4, 50)
        refine(filled, 9, sweeps=4)
        ages.append(filled[1].tolist())
    assert ages[0] == ages[1]


def test_a_household_alone_has_nobody_to_exchange_with(draw: Draw, refine: Refine) -> None:
    filled = draw(2, 1)
    before = filled[1].tolist()
    record = refine(filled, 1, sweeps=5, repair_tries=5)
    assert filled[1].tolist() == before
    assert record.accepted == 0.0


# Values of the registry at their limits -----------------------------------------------------------


def with_values(pack: CountryPack, family: str, values: dict[str, float]) -> Registry:
    """Return a pack's registry in which the entry in use of a family has other values."""
    of = {"values": values}
    return Registry(
        tuple(
            entry.model_copy(update=of) if entry.family == family else entry
            for entry in pack.priors.applying
        )
    )


def test_a_sibling_gap_of_weight_zero_is_prohibitive(xk_pack: CountryPack) -> None:
    registry = with_values(xk_pack, "sibling_spacing", {"0": 0.0, "1": 0.5, "2+": 1.0})
    energies = kinship_energies(registry, xk_pack.country.household_rules)
    siblings = energies[Tie.SIBLING]
    assert np.isfinite(energies).all()
    assert siblings[120] == 60.0
    assert siblings[[119, 121]] == pytest.approx(-np.log(0.5))
    assert (siblings[122:] == 0.0).all()


def test_a_gap_inside_its_band_is_never_taken_for_one_outside(xk_pack: CountryPack) -> None:
    """A kernel so narrow that the ends of the band have next to no density."""
    narrow = {"location": 28.0, "scale": 0.5, "df": 60.0}
    registry = with_values(xk_pack, "mother_child_gap", narrow)
    rules = xk_pack.country.household_rules
    mothers = kinship_energies(registry, rules)[Tie.MOTHER]
    first, last = rules.mother_age_at_birth.value
    inside = np.arange(first + 120, last + 121)
    assert (mothers[inside] < 60.0).all()
    assert (np.delete(mothers, inside) == 60.0).all()
    assert int(np.argmin(mothers)) - 120 == 28
