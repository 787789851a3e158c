"""Two-way rounding: exact, between floor and ceiling, unbiased, and robust to a fit that is off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.two_way import round_between, round_two_way


def fitted_table(seed: int, shape: tuple[int, int], tolerance: float) -> tuple[Floats, Whole]:
    """Return a fitted table with structural zeros, and a whole table of the same margins."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 9, shape) * (rng.random(shape) < 0.7)
    index = np.arange(truth.size)
    margins = (
        CellMargin(index // shape[1], truth.sum(axis=1).astype(float)),
        CellMargin(index % shape[1], truth.sum(axis=0).astype(float)),
    )
    weights = np.where(truth > 0, rng.gamma(2.0, size=shape), 0.0).ravel()
    return fit_margins(weights, margins, tolerance=tolerance).cells.reshape(shape), truth


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from([1e-12, 1e-6, 1e-3]),
)
def test_margins_are_exact_between_floor_and_ceiling(
    seed: int, shape: tuple[int, int], tolerance: float
) -> None:
    fitted, truth = fitted_table(seed, shape, tolerance)
    rows, columns = truth.sum(axis=1), truth.sum(axis=0)
    whole = round_two_way(fitted, rows, columns, np.random.default_rng(seed))
    assert (whole.sum(axis=1) == rows).all()
    assert (whole.sum(axis=0) == columns).all()
    assert (whole[fitted == 0] == 0).all()
    assert (whole >= 0).all()
    if tolerance == 1e-12:
        assert (np.abs(whole - fitted) < 1 + 1e-6).all()
    again = round_two_way(fitted, rows, columns, np.random.default_rng(seed))
    assert (whole == again).all()


def test_every_cell_has_its_fitted_value_as_its_mean() -> None:
    """Normal bounds on 4,000 means of 40 cells; false alarm near 1e-6 in all (fixed seed)."""
    fitted, truth = fitted_table(4, (8, 5), 1e-13)
    rng, runs = np.random.default_rng(6), 4_000
    rows, columns = truth.sum(axis=1), truth.sum(axis=0)
    mean = sum(round_two_way(fitted, rows, columns, rng) for _ in range(runs)) / runs
    part = fitted - np.floor(fitted)
    bound = norm.isf(1e-6 / 80) * np.sqrt(part * (1 - part) / runs) + 1e-3
    assert (np.abs(mean - fitted) <= bound).all()


def test_units_that_the_fit_lost_are_moved_along_paths() -> None:
    fitted = np.array([[0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [0.2, 0.2, 0.2]])
    rows, columns = np.array([1, 1, 1]), np.array([0, 1, 2])
    whole = round_between(fitted, rows, columns, np.random.default_rng(1))
    assert whole is not None
    assert whole.sum(axis=1).tolist() == [1, 1, 1]
    assert whole.sum(axis=0).tolist() == [0, 1, 2]


def test_the_general_routine_takes_over_beyond_floor_and_ceiling() -> None:
    fitted = np.array([[2.0, 1.0], [1.0, 2.0]])
    rows = np.array([4, 2])
    assert round_between(fitted, rows, np.array([3, 3]), np.random.default_rng(1)) is None
    whole = round_two_way(fitted, rows, np.array([3, 3]), np.random.default_rng(1))
    assert whole.sum(axis=1).tolist() == [4, 2]
    assert whole.sum(axis=0).tolist() == [3, 3]


@pytest.mark.parametrize("columns", [[1, 2], [2, 0]])
def test_margins_without_a_table_are_refused_by_name(columns: list[int]) -> None:
    fitted = np.array([[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(NotConvergedError, match="Elmau"):
        round_two_way(
            fitted, np.array([1, 1]), np.array(columns), np.random.default_rng(1), place="Elmau"
        )
