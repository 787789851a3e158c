"""Attributes by cell: quotas exact, zero odds hold nobody, partners alike where quotas allow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.fitting.transport import whole_two_way
from synthestat.synthesis.alike import (
    YEARS_APART,
    at_random,
    exchange,
    housemates,
    pairs,
    partners_alike,
)
from synthestat.synthesis.attribute_cells import Cells, categories_by_cell, sort_into_cells
from synthestat.synthesis.attributes import spread_over_households

NAMES = ("free", "wed", "gone")


class Town:
    """Persons of random ages and sexes, some of them in couples, with odds and a true value."""

    def __init__(self, seed: int, persons: int = 60) -> None:
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.age = rng.integers(10, 40, persons).astype(np.int16)
        self.sex = rng.integers(0, 2, persons).astype(np.int8)
        self.group = self.sex if rng.random() < 0.5 else np.zeros(persons, dtype=np.int8)
        given = rng.integers(0, 2, persons).astype(np.int8)
        self.given = given if rng.random() < 0.3 else np.zeros_like(given)
        self.cells = sort_into_cells(self.group, self.sex, self.given, self.age)
        self.odds = rng.random((len(self.cells.age), 3)) ** 3
        self.odds[self.cells.age < 18, 1:] = 0.0
        self.odds[rng.random(self.odds.shape) < 0.1] = 0.0
        self.odds[:, 0] += 0.01
        shares = self.odds / self.odds.sum(axis=1, keepdims=True)
        true = np.array([rng.choice(3, p=shares[cell]) for cell in self.cells.of], dtype=np.int64)
        self.quotas = np.zeros((2, 3), dtype=np.int64)
        np.add.at(self.quotas, (self.group, true), 1)
        grown = rng.permutation(np.flatnonzero(self.age >= 18))
        grown = grown[: len(grown) // 3 * 2]
        self.partner = np.full(persons, -1, dtype=np.int64)
        half = len(grown) // 2
        self.partner[grown[:half]] = grown[half : 2 * half]
        self.partner[grown[half : 2 * half]] = grown[:half]

    def counts(self) -> Whole:
        return categories_by_cell(
            self.cells, self.odds, self.quotas, NAMES, self.rng, place="bond of here"
        )

    def draw(self) -> NDArray[np.int8]:
        value = partners_alike(self.cells, self.counts(), self.partner, (1,), self.rng)
        exchange(value, self.cells, self.odds > 0, pairs(self.partner), KINDS, self.rng, 5)
        return value


KINDS = np.array([-1, 1, -1], dtype=np.int8)
seeds = st.integers(0, 2**32 - 1)


def alike(value: NDArray[np.int8], partner: NDArray[np.int64]) -> int:
    return int(((value == 1) == (value[partner] == 1))[partner >= 0].sum()) // 2


def held(cells: Cells, value: NDArray[np.int8], categories: int = 3) -> Whole:
    table = np.zeros((len(cells.age), categories), dtype=np.int64)
    np.add.at(table, (cells.of, value), 1)
    return table


@given(seeds)
def test_cells_number_the_persons_of_one_group_sex_given_and_age(seed: int) -> None:
    town = Town(seed)
    cells = town.cells
    for name in ("group", "sex", "given", "age"):
        assert (getattr(cells, name)[cells.of] == getattr(town, name)).all()
    assert (np.bincount(cells.of) == cells.persons).all()
    assert len(np.unique(np.stack([cells.stripe, cells.age]), axis=1).T) == len(cells.age)


@given(seeds)
def test_quotas_are_exact_and_zero_odds_hold_nobody(seed: int) -> None:
    town = Town(seed)
    counts = town.counts()
    assert (counts.sum(axis=1) == town.cells.persons).all()
    for group in range(2):
        assert (counts[town.cells.group == group].sum(axis=0) == town.quotas[group]).all()
    assert not counts[town.odds == 0].any()


@given(seeds)
def test_partners_and_exchanges_keep_quotas_and_zeros(seed: int) -> None:
    town = Town(seed)
    value = town.draw()
    found = np.zeros_like(town.quotas)
    np.add.at(found, (town.group, value), 1)
    assert (found == town.quotas).all()
    assert not held(town.cells, value)[town.odds == 0].any()


@given(seeds)
def test_no_exchange_is_left_that_makes_more_partners_alike(seed: int) -> None:
    town = Town(seed, 24)
    value = town.draw()
    best = alike(value, town.partner)
    cells = town.cells
    for a in range(len(value)):
        for b in range(a):
            one, two = cells.of[a], cells.of[b]
            near = abs(int(town.age[a]) - int(town.age[b])) <= YEARS_APART
            allowed = town.odds[one, value[b]] > 0 and town.odds[two, value[a]] > 0
            if cells.stripe[one] == cells.stripe[two] and near and allowed:
                other = value.copy()
                other[a], other[b] = value[b], value[a]
                assert alike(other, town.partner) <= best


@given(seeds, st.integers(0, 20), st.integers(0, 10))
def test_all_couples_agree_where_quotas_allow_it(seed: int, couples: int, singles: int) -> None:
    """Men of one age, women of one age, and as many of each married as there are couples."""
    rng = np.random.default_rng(seed)
    each = couples + singles
    sex = np.repeat([0, 1], each).astype(np.int8)
    age = np.where(sex == 0, 33, 31).astype(np.int16)
    partner = np.full(2 * each, -1, dtype=np.int64)
    partner[:couples] = each + rng.permutation(couples)
    partner[partner[:couples]] = np.arange(couples)
    married = int(rng.integers(0, each + 1))
    cells = sort_into_cells(np.zeros_like(sex), sex, np.zeros_like(sex), age)
    counts = np.tile([each - married, married, 0], (len(cells.age), 1)).astype(np.int64)
    value = partners_alike(cells, counts, partner, (1,), rng)
    assert alike(value, partner) == couples
    assert (held(cells, value) == counts).all()
    together = min(couples, married)
    assert (value[:couples] == 1).sum() == together


@given(seeds)
def test_housemates_are_all_other_members(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.concatenate([[0], np.cumsum(rng.integers(1, 5, 8))]).astype(np.int32)
    starts, others = housemates(start)
    for a, b in pairwise(start):
        for person in range(a, b):
            mine = others[starts[person] : starts[person + 1]].tolist()
            assert mine == [other for other in range(a, b) if other != person]


@given(seeds)
def test_exchanges_never_make_households_less_alike(seed: int) -> None:
    town = Town(seed)
    sizes = town.rng.multinomial(len(town.age), np.full(15, 1 / 15))
    start = np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(np.int32)
    counts = town.counts()
    before = spread_over_households(start, town.cells.of, counts, town.rng)
    assert (held(town.cells, before) == counts).all()
    after = before.copy()
    kinds = np.arange(3, dtype=np.int8)
    mates = housemates(start)
    made = exchange(after, town.cells, town.odds > 0, mates, kinds, town.rng, 5)
    person = np.repeat(np.arange(len(after)), np.diff(mates[0]))
    same = [int((v[person] == v[mates[1]]).sum()) for v in (before, after)]
    assert same[1] >= same[0] + 2 * made
    assert not held(town.cells, after)[town.odds == 0].any()


@given(seeds, st.integers(0, 500))
def test_without_quotas_counts_are_those_of_the_odds(seed: int, persons: int) -> None:
    town = Town(seed, persons)
    counts = categories_by_cell(town.cells, town.odds, None, NAMES, town.rng, place="here")
    expected = town.cells.persons[:, None] * town.odds / town.odds.sum(axis=1, keepdims=True)
    assert (counts.sum(axis=1) == town.cells.persons).all()
    assert not counts[town.odds == 0].any()
    assert np.abs(counts.sum(axis=0) - expected.sum(axis=0)).max(initial=0) < 2 + persons**0.5


def test_categories_that_share_no_person_are_still_drawn() -> None:
    """Two groups of ages with two categories each, in turn: few totals are possible."""
    sex = np.zeros(10, dtype=np.int8)
    age = np.repeat([5, 40], 5).astype(np.int16)
    cells = sort_into_cells(sex, sex, sex, age)
    odds = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    for seed in range(40):
        rng = np.random.default_rng(seed)
        counts = categories_by_cell(cells, odds, None, ("a", "b", "c", "d"), rng, place="here")
        assert (counts.sum(axis=1) == 5).all()
        assert not counts[odds == 0].any()


def test_quotas_that_the_ages_forbid_name_the_category() -> None:
    sex = np.zeros(6, dtype=np.int8)
    cells = sort_into_cells(sex, sex, sex, np.array([5, 6, 7, 8, 30, 40], dtype=np.int16))
    odds = np.array([[1.0, 0.0, 0.0]] * 4 + [[1.0, 1.0, 1.0]] * 2)
    quotas = np.array([[3, 3, 0]])
    rng = np.random.default_rng(1)
    with pytest.raises(NotConvergedError, match="bond of here") as caught:
        categories_by_cell(cells, odds, quotas, NAMES, rng, place="bond of here")
    assert caught.value.faults == (
        "wed: 3 published, 2 persons of an age and sex that may be in it",
    )


@given(seeds)
def test_a_whole_table_is_found_whenever_there_is_one(seed: int) -> None:
    """Margins of a known table on sparse cells, with a seed that points far from it."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 7)), int(rng.integers(1, 6)))
    known = rng.integers(0, 9, shape) * (rng.random(shape) < 0.5)
    live = (known > 0) | (rng.random(shape) < 0.2)
    seed_table: Floats = np.where(live, rng.random(shape) ** 6 + 1e-9, 0.0)
    whole = whole_two_way(seed_table, known.sum(axis=1), known.sum(axis=0), rng)
    assert whole is not None
    assert (whole.sum(axis=1) == known.sum(axis=1)).all()
    assert (whole.sum(axis=0) == known.sum(axis=0)).all()
    assert (whole >= 0).all()
    assert not whole[~live].any()


def test_no_table_is_none() -> None:
    seed = np.array([[1.0, 0.0], [1.0, 0.0]])
    rng = np.random.default_rng(1)
    assert whole_two_way(seed, np.array([2, 2]), np.array([3, 1]), rng) is None
    assert whole_two_way(seed, np.array([2, 2]), np.array([3, 2]), rng) is None


@given(seeds)
def test_at_random_gives_every_cell_its_counts(seed: int) -> None:
    town = Town(seed)
    counts = town.counts()
    assert (held(town.cells, at_random(town.cells, counts, town.rng)) == counts).all()
