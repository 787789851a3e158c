"""Overlapping margins: exact in batches, branching where a vertex is fractional, replicates."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.replicates import find_moves, replicates
from synthestat.fitting.rounding import ZoneFit, round_to_margins, round_zones
from synthestat.fitting.whole import WholeProblem, solve_all, solve_whole


def zone(seed: int, shape: tuple[int, ...], orders: int = 2) -> ZoneFit:
    """Return a zone fitted to all margins of `orders` axes of a random whole table with zeros."""
    rng = np.random.default_rng(seed)
    truth = (rng.integers(0, 6, shape) * (rng.random(shape) < 0.8)).ravel().astype(float)
    margins = margins_of(truth, shape, orders)
    return ZoneFit(fit_margins(rng.gamma(3.0, size=truth.size), margins).cells, margins)


def margins_of(truth: Floats, shape: tuple[int, ...], orders: int) -> list[CellMargin]:
    place = np.indices(shape).reshape(len(shape), -1)
    margins = []
    for axes in combinations(range(len(shape)), orders):
        index = np.ravel_multi_index([place[a] for a in axes], [shape[a] for a in axes])
        size = int(np.prod([shape[a] for a in axes]))
        margins.append(CellMargin(index, np.bincount(index, truth, minlength=size)))
    return margins


def assert_exact(whole: Whole, zone: ZoneFit) -> None:
    for margin in zone.margins:
        assert margin.sums(whole.astype(float)).tolist() == margin.targets.tolist()
    assert (whole[zone.fitted == 0] == 0).all()
    assert (whole >= 0).all()


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_zones_are_exact_alike_alone_and_together_in_any_number_of_threads(
    seed: int, nearest: bool
) -> None:
    zones = [zone(seed + k, shape) for k, shape in enumerate([(2, 3, 4), (3, 3, 2), (2, 2, 2)])]

    def streams() -> list[np.random.Generator]:
        return np.random.default_rng(seed).spawn(len(zones))

    one = round_zones(zones, streams(), workers=1, nearest=nearest)
    two = round_zones(zones, streams(), workers=3, nearest=nearest)
    for whole, again, of in zip(one, two, zones, strict=True):
        assert_exact(whole, of)
        assert whole.tolist() == again.tolist()


ODD_CYCLE = csc_array(np.array([[1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]))


def odd_cycle(spare: float) -> WholeProblem:
    """Three cells in pairs, each pair worth one: halves fit; whole only by the spare cell."""
    ones = np.ones(3)
    return WholeProblem(
        np.array([0.0, 0.0, 0.0, 1.0]), np.array([1, 1, 1, spare]), ODD_CYCLE, ones, ones
    )


def test_a_fractional_vertex_is_branched_upon() -> None:
    answer = solve_whole(odd_cycle(1.0))
    assert answer.branched
    assert answer.counts is not None
    assert answer.counts.tolist() == [0, 0, 0, 1]


def test_where_only_halves_fit_there_is_no_answer_and_neighbours_keep_theirs() -> None:
    none, found = solve_all([odd_cycle(0.0), odd_cycle(1.0)])
    assert none.counts is None
    assert found.counts is not None


def test_margins_that_only_halves_meet_are_refused() -> None:
    pairs = [np.array([0, 0, -1]), np.array([-1, 0, 0]), np.array([0, -1, 0])]
    margins = [CellMargin(index, np.ones(1)) for index in pairs]
    with pytest.raises(NotConvergedError, match="of Elmau"):
        round_to_margins(np.full(3, 0.5), margins, np.random.default_rng(1), place="Elmau")


def test_nearest_is_the_table_of_least_squares() -> None:
    """Against all 2 x 3 tables between floor and ceiling."""
    fitted = np.array([1.2, 0.5, 2.3, 0.8, 1.5, 0.7])
    margins = margins_of(np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0]), (2, 3), 1)
    whole = round_to_margins(fitted, margins, np.random.default_rng(1), nearest=True)
    tables = np.floor(fitted) + np.indices((2,) * 6).reshape(6, -1).T
    kept = [t for t in tables if all((m.sums(t) == m.targets).all() for m in margins)]
    least = min(((t - fitted) ** 2).sum() for t in kept)
    assert ((whole - fitted) ** 2).sum() == pytest.approx(least)


@pytest.mark.parametrize("orders", [1, 2])
def test_replicates_are_exact_differ_and_have_the_fit_as_their_mean(orders: int) -> None:
    """300 replicates; root mean square error of a cell's mean under 0.1 of a person, or 0.15.

    Noise alone gives at most 0.5 / sqrt(300) = 0.029; a false alarm needs three times that over
    all cells at once, far below 1e-6. The rest is room for bias, the project's own bound: with
    two-way margins of a three-way table the fit may lie beyond every mixture of whole tables.
    """
    of = zone(3, (5, 4, 3), orders)
    drawn = replicates(of.fitted, of.margins, np.random.default_rng(8), 300, steps=3_000)
    for whole in drawn:
        assert_exact(whole, of)
    assert (np.abs(drawn - of.fitted) < 1 + 1e-6).all()
    assert len({whole.tobytes() for whole in drawn}) > 5
    assert np.sqrt(((drawn.mean(axis=0) - of.fitted) ** 2).mean()) < {1: 0.1, 2: 0.15}[orders]
    again = replicates(of.fitted, of.margins, np.random.default_rng(8), 300, steps=3_000, workers=2)
    assert (drawn == again).all()


def test_moves_keep_every_margin() -> None:
    of = zone(5, (4, 3, 2), 1)
    moves = find_moves(of.fitted, of.margins, np.random.default_rng(2))
    assert len(moves.start) > 10
    for first, last in zip(moves.start[:-1], moves.start[1:], strict=True):
        change = np.zeros(len(of.fitted))
        np.add.at(change, moves.cells[first:last], moves.change[first:last])
        assert change.any()
        assert all(not margin.sums(change).any() for margin in of.margins)
