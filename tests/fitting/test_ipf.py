"""Iterative proportional fitting beside a slow, plain reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.fitting.ipf import CellMargin, fit_margins, largest_error

Floats = NDArray[np.float64]


def plain_ipf(seed: Floats, sums: list[tuple[tuple[int, ...], Floats]], sweeps: int) -> Floats:
    """Deming & Stephan by loops: each margin in turn is `(axes kept, target)`."""
    cells = seed.astype(float).copy()
    for _ in range(sweeps):
        for axes, target in sums:
            for key in itertools.product(*(range(seed.shape[axis]) for axis in axes)):
                place = [slice(None)] * seed.ndim
                for axis, at in zip(axes, key, strict=True):
                    place[axis] = at
                total = cells[tuple(place)].sum()
                cells[tuple(place)] *= target[key] / total if total > 0 else 0.0
    return cells


def margin(shape: tuple[int, ...], axes: tuple[int, ...], target: Floats) -> CellMargin:
    """Return the margin of a table of some shape over the axes kept."""
    index = np.zeros(shape, dtype=np.int64)
    for axis in axes:
        index = index * shape[axis] + np.arange(shape[axis]).reshape(
            [-1 if at == axis else 1 for at in range(len(shape))]
        )
    return CellMargin(index.ravel(), target.ravel())


def sums_of(table: Floats, axes: tuple[int, ...]) -> Floats:
    return table.sum(axis=tuple(axis for axis in range(table.ndim) if axis not in axes))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, list[tuple[tuple[int, ...], Floats]]]:
    """A seed with structural zeros, and margins of a table that shares them: they can be met."""
    shape = tuple(draw(st.lists(st.integers(2, 4), min_size=2, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    zero = rng.random(shape) < draw(st.sampled_from([0.0, 0.15]))
    seed = np.where(zero, 0.0, 0.2 + rng.random(shape))
    truth = np.where(zero, 0.0, rng.integers(1, 60, shape).astype(float))
    kept = draw(st.sampled_from([((0,), (1,)), ((0, 1), (len(shape) - 1,)), ((1,), (0,), (0, 1))]))
    return seed, [(axes, sums_of(truth, axes)) for axes in kept]


@given(problems())
def test_margins_are_met_and_zeros_kept(
    problem: tuple[Floats, list[tuple[tuple[int, ...], Floats]]],
) -> None:
    seed, sums = problem
    margins = [margin(seed.shape, axes, target) for axes, target in sums]
    fit = fit_margins(seed.ravel(), margins)
    assert fit.converged
    assert fit.residual <= 1e-9 * max(target.max() for _, target in sums)
    assert (fit.cells >= 0).all()
    assert (fit.cells[seed.ravel() == 0] == 0).all()
    assert fit.residual == largest_error(fit.cells, margins)


@given(problems())
def test_the_plain_reference_gives_the_same_table(
    problem: tuple[Floats, list[tuple[tuple[int, ...], Floats]]],
) -> None:
    seed, sums = problem
    margins = [margin(seed.shape, axes, target) for axes, target in sums]
    fit = fit_margins(seed.ravel(), margins)
    slow = plain_ipf(seed, sums, fit.iterations)
    np.testing.assert_allclose(fit.cells.reshape(seed.shape), slow, rtol=1e-9, atol=1e-9)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_margins_and_of_cells_does_not_matter(
    problem: tuple[Floats, list[tuple[tuple[int, ...], Floats]]], random: object
) -> None:
    seed, sums = problem
    margins = [margin(seed.shape, axes, target) for axes, target in sums]
    forward = fit_margins(seed.ravel(), margins, tolerance=1e-12)
    backward = fit_margins(seed.ravel(), margins[::-1], tolerance=1e-12)
    scale = max(target.max() for _, target in sums)
    np.testing.assert_allclose(forward.cells, backward.cells, atol=1e-6 * scale)
    shuffled = list(range(seed.size))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    order = np.array(shuffled)
    moved = [CellMargin(m.index[order], m.targets) for m in margins]
    again = fit_margins(seed.ravel()[order], moved, tolerance=1e-12)
    np.testing.assert_allclose(again.cells, forward.cells[order], atol=1e-6 * scale)


def test_the_odds_ratios_of_the_seed_are_kept() -> None:
    """The fit is the table of least divergence: it moves margins, never the association."""
    seed = np.array([[4.0, 1.0], [2.0, 3.0]])
    margins = [
        margin((2, 2), (0,), np.array([30.0, 70.0])),
        margin((2, 2), (1,), np.array([45.0, 55.0])),
    ]
    cells = fit_margins(seed.ravel(), margins).cells.reshape(2, 2)
    odds = cells[0, 0] * cells[1, 1] / (cells[0, 1] * cells[1, 0])
    assert odds == pytest.approx(4 * 3 / (1 * 2))


def test_margins_that_contradict_each_other_are_not_called_converged() -> None:
    margins = [
        margin((2, 2), (0,), np.array([30.0, 70.0])),
        margin((2, 2), (1,), np.array([45.0, 56.0])),
    ]
    fit = fit_margins(np.ones(4), margins, max_iterations=50)
    assert not fit.converged
    assert fit.iterations == 50
    assert fit.residual > 0.3  # the one person too many is seen by some row


def test_margins_that_lean_on_structural_zeros_are_not_called_converged() -> None:
    seed = np.array([[1.0, 0.0], [0.0, 1.0]])
    margins = [
        margin((2, 2), (0,), np.array([30.0, 70.0])),
        margin((2, 2), (1,), np.array([40.0, 60.0])),
    ]
    fit = fit_margins(seed.ravel(), margins, max_iterations=60)
    assert not fit.converged
    assert fit.residual == pytest.approx(10.0)
    assert fit.cells[1] == fit.cells[2] == 0.0


def test_a_target_without_any_cell_is_not_called_converged() -> None:
    fit = fit_margins(np.zeros(2), [CellMargin(np.array([0, 1]), np.array([1.0, 0.0]))])
    assert not fit.converged
    assert fit.residual == 1.0


def test_cells_outside_a_margin_are_left_alone() -> None:
    fit = fit_margins(
        np.array([1.0, 2.0, 3.0]), [CellMargin(np.array([0, 0, -1]), np.array([9.0]))]
    )
    assert fit.cells.tolist() == [3.0, 6.0, 3.0]
    assert fit.converged


def test_a_margin_of_zero_empties_its_cells() -> None:
    fit = fit_margins(np.array([1.0, 2.0]), [CellMargin(np.array([0, 1]), np.array([0.0, 5.0]))])
    assert fit.cells.tolist() == [0.0, 5.0]
    assert fit.converged
