"""The fast dense fit: against the plain reference, and against what it must keep."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthestat.errors import InputError
from synthestat.fitting import dense
from synthestat.fitting.dense import TableMargin, fit_table, needed_margins, table_residual
from synthestat.fitting.ipf import CellMargin, fit_margins


def sums(table: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return table.sum(axis=tuple(axis for axis in range(table.ndim) if axis not in axes))


def as_cell_margin(shape: tuple[int, ...], margin: TableMargin) -> CellMargin:
    places = np.indices(shape)
    index = np.zeros(shape, dtype=np.int64)
    for axis in margin.axes:
        index = index * shape[axis] + places[axis]
    return CellMargin(index.ravel(), margin.low.ravel())


def a_problem(seed: int) -> tuple[np.ndarray, np.ndarray, list[TableMargin]]:
    """Return (seed table, truth, margins of the truth over random sets of axes)."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 5, size=rng.integers(2, 5)))
    truth = rng.gamma(0.7, 20.0, shape) * (rng.random(shape) > 0.2)
    start = rng.uniform(0.5, 2.0, shape) * (truth > 0)
    every = [
        axes
        for size in range(1, len(shape) + 1)
        for axes in itertools.combinations(range(len(shape)), size)
    ]
    chosen = rng.choice(len(every), size=min(len(every), 5), replace=False)
    margins = [TableMargin.exact(every[i], sums(truth, every[i])) for i in chosen]
    return start, truth, margins


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_it_is_the_plain_reference(seed: int) -> None:
    start, _, margins = a_problem(seed)
    fast = fit_table(start, margins, tolerance=1e-9, max_iterations=5000)
    plain = fit_margins(
        start.ravel(),
        [as_cell_margin(start.shape, margin) for margin in margins],
        tolerance=1e-13,
        max_iterations=5000,
    )
    if fast.converged and plain.residual < 1e-9:
        np.testing.assert_allclose(fast.cells.ravel(), plain.cells, rtol=1e-5, atol=1e-6)
    assert fast.residual == pytest.approx(table_residual(fast.cells, margins))
    assert (fast.cells[start == 0] == 0).all()
    assert (fast.cells >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_threads_change_no_bit(seed: int, workers: int) -> None:
    start, _, margins = a_problem(seed)
    one = fit_table(start, margins, max_iterations=50)
    many = fit_table(start, margins, max_iterations=50, workers=workers)
    assert one.cells.tobytes() == many.cells.tobytes()
    assert (one.residual, one.iterations) == (many.residual, many.iterations)


def test_an_easy_table_converges_and_says_so() -> None:
    rng = np.random.default_rng(5)
    truth = rng.gamma(1.0, 10.0, (6, 2, 9, 4))
    axes = [(0, 1), (0, 2), (1, 2), (2, 3), (3,)]
    margins = [TableMargin.exact(a, sums(truth, a)) for a in axes]
    fit = fit_table(np.ones(truth.shape), margins, tolerance=1e-8)
    assert fit.converged
    assert fit.residual <= 1e-8
    assert fit.iterations < 60


def test_contradicting_margins_are_not_called_converged() -> None:
    margins = [
        TableMargin.exact((0,), np.array([10.0, 10.0])),
        TableMargin.exact((1,), np.array([5.0, 16.0])),
    ]
    fit = fit_table(np.ones((2, 2)), margins, max_iterations=200)
    assert not fit.converged
    assert fit.iterations == 200
    assert fit.residual > 0.1


def test_structural_zeros_that_block_a_margin_are_not_called_converged() -> None:
    seed = np.array([[0.0, 0.0], [1.0, 1.0]])
    margins = [TableMargin.exact((0,), np.array([3.0, 1.0]))]
    fit = fit_table(seed, margins, max_iterations=20)
    assert not fit.converged
    assert fit.residual == pytest.approx(3.0)


def test_intervals_hold_and_bind_only_where_they_must() -> None:
    """Nearest to the seed: a sum already inside its interval is left alone."""
    seed = np.array([[4.0, 6.0], [10.0, 20.0]])
    low, high = np.array([5.0, 0.0]), np.array([20.0, 24.0])
    fit = fit_table(seed, [TableMargin((0,), low, high)], tolerance=1e-10)
    assert fit.converged
    np.testing.assert_allclose(fit.cells[0], seed[0])
    np.testing.assert_allclose(fit.cells[1], seed[1] * 24 / 30)


def test_an_interval_gives_back_what_another_margin_took() -> None:
    """The multiplier of an interval that no longer binds returns to one: order leaves no trace."""
    rng = np.random.default_rng(8)
    seed = rng.gamma(1.0, 5.0, (3, 4))
    rows = TableMargin((0,), np.full(3, 8.0), np.full(3, 30.0))
    columns = TableMargin.exact((1,), np.array([12.0, 9.0, 20.0, 15.0]))
    one = fit_table(seed, [rows, columns], tolerance=1e-11, max_iterations=20_000)
    other = fit_table(seed, [columns, rows], tolerance=1e-11, max_iterations=20_000)
    assert one.converged
    assert other.converged
    np.testing.assert_allclose(one.cells, other.cells, rtol=1e-7)
    held = (sums(one.cells, (0,)) > 8 + 1e-6) & (sums(one.cells, (0,)) < 30 - 1e-6)
    ratio = (one.cells / seed)[held]
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1], ratio.shape), rtol=1e-6)


def test_sums_of_a_finer_margin_are_left_out() -> None:
    truth = np.arange(24.0).reshape(2, 3, 4)
    margins = [TableMargin.exact(axes, sums(truth, axes)) for axes in [(0,), (0, 1), (1,), (2,)]]
    assert [margin.axes for margin in needed_margins(margins, 1e-8)] == [(0, 1), (2,)]
    other = TableMargin.exact((0,), sums(truth, (0,)) + 1)
    assert other in needed_margins([other, *margins[1:]], 1e-8)


@pytest.mark.parametrize(
    ("margin", "fault"),
    [
        (TableMargin.exact((1, 0), np.ones((2, 2))), "ascending"),
        (TableMargin.exact((0, 0), np.ones((2, 2))), "ascending"),
        (TableMargin.exact((5,), np.ones(2)), "2 axes"),
        (TableMargin.exact((0,), np.ones(3)), "shape"),
        (TableMargin.exact((0,), np.array([1.0, -1.0])), "0 <= low"),
        (TableMargin.exact((0,), np.array([1.0, np.nan])), "no number"),
        (TableMargin.exact((0,), np.array([1.0, np.inf])), "no number"),
        (TableMargin((0,), np.ones(2) * 2, np.ones(2)), "0 <= low"),
        (TableMargin((0,), np.ones(2), np.ones(3)), "differ in shape"),
    ],
)
def test_bad_margins_are_refused(margin: TableMargin, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as caught:
        fit_table(np.ones((2, 2)), [margin])
    assert "margin 0" in caught.value.faults[0]


@pytest.mark.parametrize("cell", [-1.0, np.nan, np.inf])
def test_bad_seeds_are_refused(cell: float) -> None:
    seed = np.ones((2, 2))
    seed[1, 0] = cell
    with pytest.raises(InputError, match="the seed"):
        fit_table(seed, [TableMargin.exact((0,), np.ones(2))])


def test_a_table_too_large_is_refused_before_memory_is_taken() -> None:
    """The seed here is a view of one number: 10^9 cells without their memory."""
    seed = np.broadcast_to(np.ones(1), (1000, 1000, 1000))
    assert prod(seed.shape) > dense.MOST_CELLS
    with pytest.raises(InputError, match="1,000,000,000 cells"):
        fit_table(seed, [TableMargin.exact((0,), np.ones(1000))])
