"""Intervals of modelled counts: what draws keep, what bounds include, which cells margins fix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.fitting.intervals import (
    bounds,
    national_lifts,
    open_cells,
    place_shares,
    whole_rows,
    whole_table,
)

DRAWS = 400


def shares_of(counts: np.ndarray, rng: np.random.Generator, a: float = 200.0) -> np.ndarray:
    possible = np.ones(counts.shape, dtype=bool)
    lifts = national_lifts(counts, possible, a, rng, DRAWS)
    return place_shares(counts, counts, possible, lifts, np.full(DRAWS, a), rng)


def test_lifts_vary_as_the_concentration_says() -> None:
    counts, rng = np.array([[3000.0, 7000.0]]), np.random.default_rng(1)
    for a in (50.0, 800.0):
        lifts = national_lifts(counts, np.ones((1, 2), bool), a, rng, 20_000)
        share = lifts[:, 0, 0] * 0.3
        assert share.mean() == pytest.approx(0.3, abs=0.01)
        assert share.std() == pytest.approx(np.sqrt(0.21 / (a + 1)), rel=0.05)


def test_a_rare_category_may_be_rarer_or_commoner_and_does_not_vanish() -> None:
    counts, rng = np.array([[20.0, 99_980.0]]), np.random.default_rng(2)
    lifts = national_lifts(counts, np.ones((1, 2), bool), 100.0, rng, 20_000)[:, 0, 0]
    assert lifts.mean() == pytest.approx(1.0, rel=0.05)
    assert lifts.std() == pytest.approx(1.0, rel=0.05)
    assert 0.01 < np.quantile(lifts, 0.025) < 0.05


def test_a_category_that_the_model_leaves_empty_is_rare_and_not_impossible() -> None:
    counts, rng = np.array([[0.0, 5000.0]]), np.random.default_rng(2)
    shares = shares_of(counts, rng, a=2_000.0)
    drawn = whole_rows(shares, np.full((DRAWS, 1), 5000.0), rng)
    assert 0.1 < drawn.whole[:, 0, 0].mean() < 2
    assert (drawn.whole.sum(axis=2) == 5000).all()


def test_a_row_without_anybody_takes_the_countrys_shares() -> None:
    counts, national = np.zeros((1, 2)), np.array([[30_000.0, 70_000.0]])
    possible, rng = np.ones((1, 2), dtype=bool), np.random.default_rng(6)
    lifts = national_lifts(national, possible, 1e6, rng, DRAWS)
    shares = place_shares(counts, national, possible, lifts, np.full(DRAWS, 1e6), rng)
    assert shares[:, 0, 0].mean() == pytest.approx(0.3, abs=0.001)


def test_impossible_categories_hold_nobody() -> None:
    counts, possible = np.array([[0.0, 40.0, 60.0]]), np.array([[False, True, True]])
    rng = np.random.default_rng(3)
    lifts = national_lifts(counts, possible, 50.0, rng, DRAWS)
    shares = place_shares(counts, counts, possible, lifts, np.full(DRAWS, 50.0), rng)
    assert (shares[:, 0, 0] == 0).all()


@given(st.integers(0, 2**32 - 1))
def test_margins_hold_in_every_draw(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 300, (4, 3)).astype(float)
    rows = np.broadcast_to(counts.sum(axis=1), (DRAWS, 4))
    drawn = whole_table(shares_of(counts, rng), rows, counts.sum(axis=0), rng)
    np.testing.assert_allclose(drawn.expected.sum(axis=2), rows, rtol=1e-4)
    np.testing.assert_allclose(drawn.expected.sum(axis=1)[0], counts.sum(axis=0), rtol=1e-4)
    assert np.abs(drawn.whole.sum(axis=2) - rows).max() <= 2  # three cells, each rounded
    assert (drawn.whole >= 0).all()
    assert (drawn.between >= 0).all()
    assert (drawn.within > 0).all()


def test_the_spread_that_margins_leave_is_that_of_the_conditional_distribution() -> None:
    """Fisher's hypergeometric in a two-by-two table, at an odds ratio of 1: known variance."""
    rows, columns, total = np.array([400.0, 600.0]), np.array([300.0, 700.0]), 1000.0
    even = np.tile(np.outer(rows, columns) / total**2, (20_000, 1, 1))
    drawn = whole_table(even, np.tile(rows, (20_000, 1)), columns, np.random.default_rng(4))
    exact = 400 * 0.3 * 0.7 * (1000 - 400) / 999
    assert drawn.whole[:, 0, 0].var() == pytest.approx(exact, rel=0.05)
    assert drawn.within[0, 0] == pytest.approx(exact, rel=0.05)
    assert drawn.between[0, 0] == pytest.approx(0.0, abs=1e-6)


def test_bounds_include_the_estimate_and_have_width() -> None:
    low, high = bounds(np.full((DRAWS, 3), 7.0), np.array([7.0, 3.0, 12.0]), 0.95)
    assert low.tolist() == [6.5, 2.5, 6.5]
    assert high.tolist() == [7.5, 7.5, 12.5]


def test_few_draws_do_not_make_bounds_narrow() -> None:
    """Order statistics at (draws + 1) p hold a further draw as often as they say."""
    rng = np.random.default_rng(5)
    draws, truth = rng.normal(0, 1e6, (100, 4000)), rng.normal(0, 1e6, 4000)
    low, high = bounds(draws, draws[0] * 0, 0.95)
    assert ((low < truth) & (truth < high)).mean() == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(
    ("possible", "open_"),
    [
        (["11", "11"], ["11", "11"]),
        (["10", "11"], ["00", "00"]),
        (["1"], ["0"]),
        (["1100", "1100", "0111", "0011"], ["1100", "1100", "0011", "0011"]),  # a bridge between
        (["110", "011", "101"], ["110", "011", "101"]),
    ],
)
def test_cells_that_margins_leave_open(possible: list[str], open_: list[str]) -> None:
    cells = np.array([[c == "1" for c in row] for row in possible])
    found = open_cells(cells)
    assert found.tolist() == [[c == "1" for c in row] for row in open_]
