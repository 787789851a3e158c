"""Feasibility, irreducible conflicts and least relaxations, against plain enumeration."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthestat.errors import NotConvergedError
from synthestat.fitting.feasibility import (
    check_certificate,
    feasible,
    irreducible_conflict,
    least_relaxation,
)

Floats = NDArray[np.float64]


def margins_of(shape: tuple[int, ...], subsets: list[tuple[int, ...]]) -> csr_array:
    """Return the rows that sum a table of `shape` over each subset of its columns."""
    places = np.indices(shape).reshape(len(shape), -1)
    rows = []
    for subset in subsets:
        sizes = [shape[axis] for axis in subset]
        at = np.ravel_multi_index([places[axis] for axis in subset], sizes)
        rows += [(at == row).astype(np.float64) for row in range(int(np.prod(sizes)))]
    return csr_array(np.array(rows))


CYCLE = [(0, 1), (1, 2), (0, 2)]
TWO_BY_TWO_BY_TWO = margins_of((2, 2, 2), CYCLE)


@given(st.lists(st.integers(0, 9), min_size=12, max_size=12), st.integers(0, 3))
def test_margins_of_a_table_are_feasible(cells: list[int], spread: int) -> None:
    matrix = margins_of((3, 2, 2), CYCLE)
    sums = matrix @ np.array(cells, dtype=np.float64)
    found = feasible(matrix, sums - spread, sums + spread)
    assert found is not None
    reached = matrix @ found.cells
    assert (np.abs(reached - sums) <= spread).all()
    assert irreducible_conflict(matrix, sums, sums, range(len(sums))) == ()


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12))
@settings(max_examples=60)
def test_a_conflict_is_irreducible(figures: list[int]) -> None:
    target = np.array(figures, dtype=np.float64)
    names = irreducible_conflict(TWO_BY_TWO_BY_TWO, target, target, range(12))
    assert bool(names) == (feasible(TWO_BY_TWO_BY_TWO, target, target) is None)
    for dropped in names:
        kept = [row for row in names if row != dropped]
        assert feasible(TWO_BY_TWO_BY_TWO[kept], target[kept], target[kept]) is not None
    if names:
        rows = list(names)
        assert feasible(TWO_BY_TWO_BY_TWO[rows], target[rows], target[rows]) is None


def test_a_conflict_names_groups_of_rows() -> None:
    target = np.array([2, 3, 4, 1, 0, 5], dtype=np.float64)  # two rows: 5; two: 5; two: 5
    matrix = margins_of((2, 2), [(0,), (1,), (0,)])
    assert irreducible_conflict(matrix, target, target, [0, 0, 1, 1, 2, 2]) == (0, 2)


def test_parity_is_a_conflict_that_only_whole_numbers_have() -> None:
    """Three pairs of three cells sum to 1 each: only 1/2, 1/2, 1/2 would do."""
    matrix = csr_array(np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]]))
    one = np.ones(3)
    assert feasible(matrix, one, one) is None
    assert irreducible_conflict(matrix, one, one, range(3)) == (0, 1, 2)
    level, weight = np.ones(3, dtype=np.int64), np.ones(3, dtype=np.int64)
    found = least_relaxation(matrix, one, one, level, weight)
    assert found.totals == {1: 1}
    assert found.certificates[0].nodes >= 0
    assert "gap 0" in found.certificates[0].words


def least_by_enumeration(
    matrix: csr_array, low: Floats, high: Floats, level: NDArray[np.int64], largest: int
) -> tuple[int, int] | None:
    """Return (movement of level 1, of level 2), least in that order, over every small table."""
    tables = np.array(list(itertools.product(range(largest + 1), repeat=matrix.shape[1])))
    reached = tables @ matrix.toarray().T
    moved = np.abs(reached - np.clip(reached, low, high))
    kept = moved[:, level == 0].sum(axis=1) == 0
    pairs = [(int(row[level == 1].sum()), int(row[level == 2].sum())) for row in moved[kept]]
    return min(pairs, default=None)


@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=8),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
    st.integers(0, 1),
)
@settings(max_examples=80)
def test_a_relaxation_is_the_least(figures: list[int], levels: list[int], spread: int) -> None:
    """Sums of a 2 x 2 table, each published twice; no cell needs to exceed 6."""
    matrix = margins_of((2, 2), [(0,), (1,), (0,), (1,)])
    low = np.maximum(np.array(figures, dtype=np.float64) - spread, 0)
    high = np.array(figures, dtype=np.float64) + spread
    level, weight = np.array(levels), np.ones(8, dtype=np.int64)
    expected = least_by_enumeration(matrix, low, high, level, 6)
    if expected is None:
        with pytest.raises(NotConvergedError):
            least_relaxation(matrix, low, high, level, weight)
        return
    found = least_relaxation(matrix, low, high, level, weight)
    totals = (found.totals.get(1, 0), found.totals.get(2, 0))
    assert totals == expected
    for rank in (1, 2):
        assert np.abs(found.moves[level == rank]).sum() == totals[rank - 1]
    spent: list[int] = []
    for proof in found.certificates:
        by_duals = check_certificate(proof, matrix, low, high, level, weight, spent)
        assert by_duals or proof.nodes >= 0
        lie = replace(proof, bound=proof.bound + 1)
        assert not check_certificate(lie, matrix, low, high, level, weight, spent)
        spent.append(proof.bound)


@given(st.lists(st.integers(0, 5), min_size=12, max_size=12), st.permutations(range(12)))
@settings(max_examples=60)
def test_the_order_of_rows_does_not_matter(figures: list[int], order: list[int]) -> None:
    target, weight = np.array(figures, dtype=np.float64), np.ones(12, dtype=np.int64)
    level = np.repeat([1, 1, 2], 4)
    one = least_relaxation(TWO_BY_TWO_BY_TWO, target, target, level, weight)
    shuffled = TWO_BY_TWO_BY_TWO[order], target[order], target[order], level[order]
    other = least_relaxation(*shuffled, weight)
    assert one.totals == other.totals
    assert (one.cells == other.cells).all()
    assert (one.moves[order] == other.moves).all()


def test_duals_prove_a_cyclic_contradiction() -> None:
    """Pairwise consistent, no joint: a = b, b = c, but a and c always differ (8 persons)."""
    target = np.array([4, 0, 0, 4, 4, 0, 0, 4, 0, 4, 4, 0], dtype=np.float64)
    level, weight = np.ones(12, dtype=np.int64), np.ones(12, dtype=np.int64)
    assert feasible(TWO_BY_TWO_BY_TWO, target, target) is None
    found = least_relaxation(TWO_BY_TWO_BY_TWO, target, target, level, weight)
    proof = found.certificates[0]
    assert found.totals[1] > 0
    assert check_certificate(proof, TWO_BY_TWO_BY_TWO, target, target, level, weight, [])
    assert "dual solution" in proof.words


def test_a_search_ends_at_its_node_limit() -> None:
    rng = np.random.default_rng(0)
    matrix = csr_array(rng.integers(0, 100, size=(4, 40)).astype(np.float64))
    target = np.floor(matrix @ np.full(40, 0.5))
    with pytest.raises(NotConvergedError, match="nodes"):
        feasible(matrix, target, target, node_limit=1)
