"""Whole tables that differ by seed and spread over all tables between floor and ceiling.

A replicate starts at a vertex of random cost and then walks: moves that keep every margin (Diaconis
& Sturmfels 1998, doi 10.1214/aos/1030563990) are accepted by Metropolis' rule, such that a table's
probability is in proportion to the product of weights of the cells that are rounded up. A first
walk learns the weights for which each cell's mean is its fitted value (stochastic approximation,
Robbins & Monro 1951, doi 10.1214/aoms/1177729586): of all distributions with these means that is
the one of most entropy. Random vertices alone are no such sample: they are corners of the set.

Moves are swaps of two pairs of cells with the same margins (for a two-way table its 2 x 2 minors)
and, for tables whose margins leave no such pairs, differences of random vertices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.fitting.ipf import CellMargin, Floats, Whole
from synthestat.fitting.rounding import ZoneFit, round_zones

_MOST_PAIRS = 2_000_000  # pairs of cells looked at for swaps; a random part where there are more
_LEAST_FRACTION = 1e-9


@dataclass(frozen=True)
class Moves:
    """Changes of single units that keep every margin.

    Move k changes `cells[start[k]:start[k + 1]]` by the entries of `change` beside them.
    """

    start: Whole
    cells: Whole
    change: Whole


def find_moves(
    fitted: Floats,
    margins: Sequence[CellMargin],
    rng: np.random.Generator,
    *,
    vertices: int = 16,
    workers: int = 1,
) -> Moves:
    """Return moves among the fractional cells of a fitted table, shape (cells,).

    Swaps +a +d -b -c have the same two targets in every margin on both sides; `vertices` is the
    number of random whole tables whose differences are added.
    """
    free = np.flatnonzero(np.abs(fitted - np.rint(fitted)) > _LEAST_FRACTION)
    moves = [_move([a, d], [b, c]) for a, d, b, c in _swaps(free, margins, rng)]
    zones = [ZoneFit(fitted, margins)] * vertices
    corners = round_zones(zones, rng.spawn(vertices), workers=workers)
    for one, other in combinations(corners, 2):
        moves.append(_move(np.flatnonzero(one > other), np.flatnonzero(one < other)))
    moves = [move for move in moves if len(move[0])]
    start = np.cumsum([0, *(len(cells) for cells, _ in moves)])
    none = np.zeros(0, dtype=np.int64)
    cells = np.concatenate([none, *(cells for cells, _ in moves)])
    return Moves(start, cells, np.concatenate([none, *(change for _, change in moves)]))


def _move(up: Whole | list[int], down: Whole | list[int]) -> tuple[Whole, Whole]:
    cells = np.concatenate([np.asarray(up), np.asarray(down)]).astype(np.int64)
    return cells, np.repeat(np.array([1, -1]), [len(up), len(down)])


def _swaps(free: Whole, margins: Sequence[CellMargin], rng: np.random.Generator) -> Whole:
    """Return rows (a, d, b, c) of cells such that a and d together count for what b and c do.

    Each target gets a random 62-bit word; pairs of cells with the same sum of words count for the
    same targets. Neighbours among equal sums make the swaps.
    """
    word = np.zeros(len(free), dtype=np.uint64)
    for margin in margins:
        words = rng.integers(0, 2**62, len(margin.targets), dtype=np.uint64)
        index = margin.index[free]
        word += np.where(index >= 0, words[index], np.uint64(0))
    one, other = _pairs(len(free), rng)
    sums = word[one] + word[other]  # uint64 wraps round, alike on both sides
    order = np.argsort(sums, kind="stable")
    same = np.flatnonzero(sums[order[1:]] == sums[order[:-1]])
    left, right = order[same], order[same + 1]
    swaps = np.stack([one[left], other[left], one[right], other[right]], axis=1)
    distinct = (swaps[:, 0] != swaps[:, 2]) & (swaps[:, 0] != swaps[:, 3])
    distinct &= (swaps[:, 1] != swaps[:, 2]) & (swaps[:, 1] != swaps[:, 3])
    return np.asarray(free[swaps[distinct]], dtype=np.int64).reshape(-1, 4)


def _pairs(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs among `count` cells, or all pairs of as many random cells as are allowed."""
    cells = np.sort(rng.permutation(count)[: int(np.sqrt(2 * _MOST_PAIRS))])
    one, other = np.triu_indices(len(cells), 1)
    return cells[one], cells[other]


def learn_weights(
    counts: Whole,
    fitted: Floats,
    moves: Moves,
    rng: np.random.Generator,
    *,
    rounds: int = 4_000,
    pace: int = 50,
) -> Floats:
    """Return the log weights, shape (cells,), under which a walk's mean is the fitted table.

    Walks from `counts` for `rounds` of `pace` steps, after each of which a cell's weight moves
    towards its fraction; the mean over the second half is returned. Cells whose fitted value no
    mixture of whole tables has end at large weights, near their nearest possible mean.
    """
    floor = np.floor(fitted + _LEAST_FRACTION)
    fraction = np.clip(fitted - floor, 1e-3, 1 - 1e-3)
    weights = np.asarray(np.log(fraction / (1 - fraction)), dtype=np.float64)
    late, step = np.zeros_like(weights), counts - floor.astype(np.int64)
    for done in range(rounds):
        _steps(step, weights, moves, rng, pace)
        weights = weights + 0.5 / (1 + done / 200) * (fitted - floor - step)
        if done >= rounds // 2:
            late += weights
    return np.asarray(late / (rounds - rounds // 2), dtype=np.float64)


def spread(
    counts: Whole,
    fitted: Floats,
    weights: Floats,
    moves: Moves,
    rng: np.random.Generator,
    steps: int,
) -> Whole:
    """Return whole counts after `steps` tried moves from `counts`, shape (cells,).

    Margins stay as they are; no cell leaves the floor and ceiling of `fitted`. `weights` are those
    of `learn_weights`. Takes three random numbers a step from `rng`.
    """
    floor = np.floor(fitted + _LEAST_FRACTION).astype(np.int64)
    step = counts - floor
    _steps(step, weights, moves, rng, steps)
    return step + floor


def _steps(
    step: Whole, weights: Floats, moves: Moves, rng: np.random.Generator, steps: int
) -> None:
    """Try `steps` random moves on `step`, in place."""
    if len(moves.start) > 1:
        which = rng.integers(0, len(moves.start) - 1, steps)
        sign = 2 * rng.integers(0, 2, steps) - 1
        draws = rng.random(steps)
        _walk(step, weights, moves.start, moves.cells, moves.change, which, sign, draws)


@njit(cache=True, nogil=True)
def _walk(step, weights, start, cells, change, which, sign, draws):  # type: ignore[no-untyped-def]
    """Try moves `which` with `sign`; `step` (cells,) holds 0 or 1 where a move may change it."""
    for i in range(len(which)):
        first, last = start[which[i]], start[which[i] + 1]
        gain = 0.0
        allowed = True
        for k in range(first, last):
            value = step[cells[k]] + sign[i] * change[k]
            if value < 0 or value > 1:
                allowed = False
                break
            gain += sign[i] * change[k] * weights[cells[k]]
        if allowed and (gain >= 0 or draws[i] < np.exp(gain)):
            for k in range(first, last):
                step[cells[k]] += sign[i] * change[k]


def replicates(
    fitted: Floats,
    margins: Sequence[CellMargin],
    rng: np.random.Generator,
    count: int,
    *,
    steps: int = 20_000,
    workers: int = 1,
) -> Whole:
    """Return `count` whole tables near `fitted`, shape (count, cells), each with every margin.

    Each starts at a vertex of its own random cost and walks `steps` moves in its own stream, so the
    result does not depend on `workers`. Raises NotConvergedError where there is no whole table.
    """
    moves = find_moves(fitted, margins, rng, workers=workers)
    streams = rng.spawn(count)
    starts = round_zones([ZoneFit(fitted, margins)] * count, streams, workers=workers)
    if not count:
        return np.zeros((0, len(fitted)), dtype=np.int64)
    weights = learn_weights(starts[0], fitted, moves, rng)
    walked = [
        spread(start, fitted, weights, moves, stream, steps)
        for start, stream in zip(starts, streams, strict=True)
    ]
    return np.stack(walked)
