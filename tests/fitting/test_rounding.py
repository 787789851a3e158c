"""Controlled rounding: margins exact, zeros kept, no bias, and an honest refusal."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import binom, chi2

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin
from synthestat.fitting.rounding import (
    WeightedSum,
    largest_remainder,
    round_to_margins,
    systematic_split,
)

Floats = NDArray[np.float64]


def two_way(table: Floats, rows: Floats, columns: Floats) -> tuple[CellMargin, CellMargin]:
    """Return the row and column margins of a table, laid out row by row."""
    r, c = table.shape
    return CellMargin(np.repeat(np.arange(r), c), rows), CellMargin(
        np.tile(np.arange(c), r), columns
    )


@st.composite
def fitted_tables(draw: st.DrawFn) -> tuple[Floats, np.random.Generator]:
    """A table of fractions whose margins are whole, with structural zeros."""
    shape = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    whole = rng.integers(0, draw(st.sampled_from([2, 4, 50])), shape)
    whole = np.where(rng.random(shape) < 0.25, 0, whole).astype(float)
    table = whole.copy()
    for _ in range(draw(st.integers(0, 12))):  # push fractions round rectangles: margins stay
        (a, b), (c, d) = rng.integers(0, shape[0], 2), rng.integers(0, shape[1], 2)
        corners = (table[a, d], table[b, c])
        if a == b or c == d or min(corners) <= 0 or min(table[a, c], table[b, d]) <= 0:
            continue
        step = min(corners) * rng.random()
        table[a, c] += step
        table[b, d] += step
        table[a, d] -= step
        table[b, c] -= step
    return table, rng


@given(fitted_tables())
def test_two_way_tables_are_exact_and_never_leave_floor_and_ceiling(
    problem: tuple[Floats, np.random.Generator],
) -> None:
    table, rng = problem
    margins = two_way(table, np.rint(table.sum(axis=1)), np.rint(table.sum(axis=0)))
    whole = round_to_margins(table.ravel(), margins, rng).reshape(table.shape)
    assert (whole.sum(axis=1) == np.rint(table.sum(axis=1))).all()
    assert (whole.sum(axis=0) == np.rint(table.sum(axis=0))).all()
    assert (np.abs(whole - table) < 1 + 1e-6).all()
    assert (whole >= np.floor(table + 1e-9)).all()
    assert (whole <= np.ceil(table - 1e-9)).all()
    assert (whole[table == 0] == 0).all()


def test_a_whole_table_stays_as_it_is() -> None:
    table = np.array([[3.0, 0.0, 7.0], [1.0, 5.0, 2.0]])
    margins = two_way(table, table.sum(axis=1), table.sum(axis=0))
    for seed in range(20):
        whole = round_to_margins(table.ravel(), margins, np.random.default_rng(seed))
        assert whole.tolist() == table.ravel().tolist()


def test_without_margins_a_cell_rounds_up_as_often_as_its_fraction() -> None:
    """Exact binomial bounds, 12 cells at once; false alarm below 1e-6 in all (fixed seed)."""
    fractions = np.linspace(0.05, 0.95, 12)
    cells = np.tile(fractions + 3, 400)
    whole = round_to_margins(cells, [], np.random.default_rng(7), sums=[unbounded(len(cells))])
    ups = (whole.reshape(400, 12) - 3).sum(axis=0)
    for fraction, count in zip(fractions, ups, strict=True):
        low, high = binom.interval(1 - 1e-6 / 12, 400, fraction)
        assert low <= count <= high, (fraction, count)


def unbounded(cells: int) -> WeightedSum:
    return WeightedSum(np.ones(cells), 0.0, np.inf)


def test_with_one_total_no_cell_is_favoured() -> None:
    """Ten equal cells, four of them up: uniform by chi-square; false alarm 1e-6 (fixed seed)."""
    rng = np.random.default_rng(11)
    margin = [CellMargin(np.zeros(10, dtype=np.int64), np.array([4.0]))]
    runs = 500
    ups = sum(round_to_margins(np.full(10, 0.4), margin, rng) for _ in range(runs))
    # Each run has 4 ups of 10: cells have variance runs * 0.4 * 0.6 and are exchangeable.
    statistic = float(((ups - 0.4 * runs) ** 2).sum()) / (runs * 0.24) * 9 / 10
    assert statistic < chi2.ppf(1 - 1e-6, 9)


def test_with_margins_the_mean_stays_near_the_fit() -> None:
    """Rounding by a cost is not exactly unbiased; its bias stays under 0.1 of a person a cell.

    The bound is the project's own (no theorem behind it); noise adds at most 5 standard errors.
    """
    rng = np.random.default_rng(5)
    table = np.array([[0.2, 1.3, 0.5], [2.6, 0.9, 0.5], [1.2, 0.8, 2.0]])
    margins = two_way(table, table.sum(axis=1), table.sum(axis=0))
    runs = 600
    drawn = sum(round_to_margins(table.ravel(), margins, rng) for _ in range(runs)) / runs
    assert np.abs(drawn - table.ravel()).max() < 0.1 + 5 * 0.5 / sqrt(runs)


@pytest.mark.parametrize("columns", [[2.0, 3.0], [6.0, 0.0]])
def test_margins_that_no_whole_table_meets_are_refused_by_name(columns: list[float]) -> None:
    table = np.array([[1.0, 1.0], [1.0, 1.0]])
    margins = two_way(table, np.array([2.0, 2.0]), np.array(columns))
    with pytest.raises(NotConvergedError, match="of Elmau"):
        round_to_margins(table.ravel(), margins, np.random.default_rng(1), place="Elmau")


def test_structural_zeros_are_not_used_even_where_only_they_would_help() -> None:
    table = np.array([[1.0, 0.0], [0.0, 1.0]])
    margins = two_way(table, np.array([2.0, 0.0]), np.array([1.0, 1.0]))
    with pytest.raises(NotConvergedError):
        round_to_margins(table.ravel(), margins, np.random.default_rng(1))


def test_cells_leave_floor_and_ceiling_only_where_they_must() -> None:
    cells = np.array([0.5, 0.5, 10.0])
    margin = [CellMargin(np.zeros(3, dtype=np.int64), np.array([14.0]))]
    whole = round_to_margins(cells, margin, np.random.default_rng(3))
    assert whole.sum() == 14
    assert (whole >= 0).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_weighted_sums_hold(seed: int) -> None:
    """Households by size, exact in households and persons: sizes 1..8."""
    rng = np.random.default_rng(seed)
    size = np.arange(1.0, 9.0)
    truth = rng.integers(0, 30, 8)
    cells = np.maximum(truth + rng.normal(0, 0.3, 8), 0.01)
    persons = float(truth @ size)
    margin = [CellMargin(np.zeros(8, dtype=np.int64), np.array([float(truth.sum())]))]
    whole = round_to_margins(cells, margin, rng, sums=[WeightedSum(size, persons, persons)])
    assert whole.sum() == truth.sum()
    assert whole @ size == persons
    assert (whole >= 0).all()


positive = st.floats(0, 1e6, allow_subnormal=False)


@given(arrays(np.float64, st.integers(1, 30), elements=positive), st.integers(0, 10**7))
def test_largest_remainder_is_exact_and_fair(shares: Floats, total: int) -> None:
    if shares.sum() <= 0:
        return
    whole = largest_remainder(shares, total)
    exact = shares / shares.sum() * total
    assert whole.sum() == total
    assert (np.abs(whole - exact) < 1 + 1e-6).all()
    order = np.argsort(shares, kind="stable")
    assert (np.diff(whole[order]) >= -1).all()


def test_largest_remainder_gives_ties_to_the_earlier_entry() -> None:
    assert largest_remainder(np.ones(4), 6).tolist() == [2, 2, 1, 1]
    assert largest_remainder(np.array([0.0, 1.0]), 5).tolist() == [0, 5]


@given(
    arrays(np.int64, st.integers(0, 20), elements=st.integers(0, 10**6)),
    arrays(np.float64, st.integers(1, 12), elements=st.floats(0.0, 1.0)),
    st.integers(0, 2**32 - 1),
)
def test_a_systematic_split_is_exact_and_near(
    totals: NDArray[np.int64], weights: Floats, seed: int
) -> None:
    if weights.sum() <= 0:
        return
    shares = weights / weights.sum()
    split = systematic_split(totals, shares, np.random.default_rng(seed))
    assert split.shape == (len(totals), len(shares))
    assert (split.sum(axis=1) == totals).all()
    assert (split >= 0).all()
    assert (np.abs(split - totals[:, None] * shares) < 1 + 1e-6).all()


def test_a_systematic_split_is_unbiased() -> None:
    """Mean of 20,000 splits of one total; false alarm below 1e-6 over 4 shares (fixed seed)."""
    shares = np.array([0.17, 0.03, 0.55, 0.25])
    split = systematic_split(np.full(20_000, 7), shares, np.random.default_rng(13))
    spread = split.std(axis=0) / sqrt(20_000)
    assert (np.abs(split.mean(axis=0) - 7 * shares) < 5.2 * spread + 1e-12).all()
