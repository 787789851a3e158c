"""Maximum-entropy fitting of a dense table, fast: blocked by the first axis, threads over blocks.

The method is iterative proportional fitting, as in `ipf.py` (whose plain numpy version is the
reference that this kernel is tested against), extended to margins that are intervals by Bregman
projections with multipliers (Censor & Lent 1981, doi 10.1007/BF00934676). What makes it fast is the
order of work. Margins that split by the first axis (put the zone there) are independent from block
to block, so all of them are fitted to one block while it lies in the processor's cache; each other
margin costs one pass over the table, in which the factors of the margin before it are applied on
the way. A margin that is the sum of a finer one costs nothing. Sums of a pass are kept by block and
added in block order: the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.errors import InputError
from synthestat.fitting.ipf import Floats

MOST_CELLS = 100_000_000  # 800 MB of table; assumption: more is a mistake or wants another machine
Index = NDArray[np.int32]


@dataclass(frozen=True)
class TableMargin:
    """Sums of a table over all axes but `axes` (ascending), each within low..high.

    `low` and `high` have the shape of the kept axes; an exact margin has low equal to high.
    """

    axes: tuple[int, ...]
    low: Floats
    high: Floats

    @staticmethod
    def exact(axes: tuple[int, ...], targets: Floats) -> TableMargin:
        """Return a margin that must be met exactly."""
        targets = np.asarray(targets, dtype=np.float64)
        return TableMargin(axes, targets, targets)


@dataclass(frozen=True)
class TableFit:
    """A fitted table and how far the fit came.

    `residual` is the largest distance of any sum from its interval, in units of the table,
    measured on the final cells; `converged` tells whether it is within the tolerance asked for.
    """

    cells: Floats
    residual: float
    iterations: int
    converged: bool


@dataclass
class _Plan:
    """A margin laid out for the kernels.

    `index[k]` is the target that the k-th run of `run` cells of a block counts for; `low`, `high`
    and `applied` (the product of all factors so far) have shape (blocks or 1, targets).
    """

    own: bool
    index: Index
    run: int
    low: Floats
    high: Floats
    applied: Floats


def fit_table(
    seed: Floats,
    margins: Sequence[TableMargin],
    *,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    workers: int = 1,
) -> TableFit:
    """Fit a dense non-negative seed to margins; zero cells are structural and stay zero.

    The limit is the table nearest to the seed in Kullback-Leibler divergence among those that meet
    every margin. `tolerance` is in units of the table. Margins that contradict each other, or the
    zeros, end at `max_iterations` with `converged` False and the residual that was left. Beyond
    the seed it needs one copy of the table. Raises InputError where the input cannot be fitted,
    naming the place, before memory is taken.
    """
    check_table(seed.shape, seed, margins)
    table = np.array(seed, dtype=np.float64, order="C").reshape(seed.shape[0], -1)
    plans = [_plan(seed.shape, margin) for margin in needed_margins(margins, tolerance)]
    own = [plan for plan in plans if plan.own]
    shared = [plan for plan in plans if not plan.own]
    iteration, residual = 0, np.inf
    with ThreadPoolExecutor(workers) as pool:
        passes = _Passes(table, pool, _spans(len(table), workers))
        while iteration < max_iterations and residual > tolerance:
            iteration += 1
            error = passes.fit_own(own)
            for plan in shared:
                error = max(error, passes.fit_shared(plan))
            if error <= tolerance or iteration == max_iterations:
                passes.settle()
                residual = table_residual(table.reshape(seed.shape), margins)
    return TableFit(table.reshape(seed.shape), residual, iteration, residual <= tolerance)


def check_table(shape: tuple[int, ...], seed: Floats, margins: Sequence[TableMargin]) -> None:
    """Raise InputError with every fault of a fitting problem; touches no more than its margins."""
    if prod(shape) > MOST_CELLS:
        raise InputError(
            f"a table of {' x '.join(map(str, shape))} = {prod(shape):,} cells is more than "
            f"{MOST_CELLS:,}",
            remedy="fit zone by zone, or leave out a column and draw it afterwards",
        )
    faults = []
    for number, margin in enumerate(margins):
        place = f"margin {number} over axes {margin.axes}"
        if sorted(set(margin.axes)) != list(margin.axes) or not margin.axes:
            faults.append(f"{place}: axes must be given once each, ascending, at least one")
        elif max(margin.axes) >= len(shape) or min(margin.axes) < 0:
            faults.append(f"{place}: the table has {len(shape)} axes")
        elif margin.low.shape != tuple(shape[axis] for axis in margin.axes):
            faults.append(f"{place}: has shape {margin.low.shape}")
        elif margin.high.shape != margin.low.shape:
            faults.append(f"{place}: low and high differ in shape")
        elif not np.isfinite(margin.low).all() or np.isnan(margin.high).any():
            faults.append(f"{place}: holds a figure that is no number")
        elif (margin.low < 0).any() or (margin.high < margin.low).any():
            faults.append(f"{place}: figures must satisfy 0 <= low <= high")
    if not np.isfinite(seed).all() or (seed < 0).any():
        faults.append("the seed: holds a negative cell, or one that is no number")
    if faults:
        raise InputError("this table cannot be fitted", faults=faults)


def needed_margins(margins: Sequence[TableMargin], tolerance: float) -> list[TableMargin]:
    """Leave out exact margins that are sums of a finer exact one: it meets them by itself."""
    order = sorted(margins, key=lambda margin: -len(margin.axes))
    kept: list[TableMargin] = []
    for margin in order:
        if not any(_implies(finer, margin, tolerance) for finer in kept):
            kept.append(margin)
    return kept


def _implies(finer: TableMargin, margin: TableMargin, tolerance: float) -> bool:
    if not set(margin.axes) <= set(finer.axes):
        return False
    if (finer.low != finer.high).any() or (margin.low != margin.high).any():
        return False
    away = tuple(at for at, axis in enumerate(finer.axes) if axis not in margin.axes)
    return bool(np.abs(finer.low.sum(axis=away) - margin.low).max(initial=0.0) <= tolerance / 10)


def table_residual(table: Floats, margins: Sequence[TableMargin]) -> float:
    """Return the largest distance of any sum of a table from its margin's interval."""
    worst = 0.0
    for margin in margins:
        away = tuple(axis for axis in range(table.ndim) if axis not in margin.axes)
        sums = table.sum(axis=away)
        outside = np.maximum(margin.low - sums, sums - margin.high)
        worst = max(worst, float(outside.max(initial=0.0)))
    return worst


def _plan(shape: tuple[int, ...], margin: TableMargin) -> _Plan:
    inner = [axis for axis in margin.axes if axis > 0]
    run = prod(shape[max(inner, default=0) + 1 :])
    index = np.zeros((1,) * (len(shape) - 1), dtype=np.int64)
    for axis in inner:
        place = [1] * (len(shape) - 1)
        place[axis - 1] = shape[axis]
        index = index * shape[axis] + np.arange(shape[axis]).reshape(place)
    spread = np.broadcast_to(index, shape[1:]).reshape(-1, run)[:, 0]
    own = margin.axes[0] == 0
    low = margin.low.reshape(shape[0] if own else 1, -1)
    return _Plan(
        own=own,
        index=np.ascontiguousarray(spread, dtype=np.int32),
        run=run,
        low=low,
        high=margin.high.reshape(low.shape),
        applied=np.ones_like(low),
    )


def _spans(blocks: int, workers: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, blocks, max(1, min(workers, blocks)) + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


@dataclass
class _Passes:
    """Passes over a table of shape (blocks, cells), each by threads over spans of blocks.

    `index`, `run` and `factors` are what a shared margin has still to apply: the next pass does it.
    """

    table: Floats
    pool: ThreadPoolExecutor
    spans: list[tuple[int, int]]
    index: Index | None = None
    run: int = 1
    factors: Floats | None = None

    def fit_own(self, plans: list[_Plan]) -> float:
        """Fit every block to the margins of its own; return the largest error met."""

        def work(block: int) -> float:
            worst = 0.0
            for p in plans:
                low, high, applied = p.low[block], p.high[block], p.applied[block]
                error = _fit_block(self.table[block], p.index, p.run, low, high, applied)
                worst = max(worst, error)
            return worst

        return self._each_block(work)

    def fit_shared(self, plan: _Plan) -> float:
        """Sum a margin across blocks and leave its factors to the next pass; return its error."""
        partial = np.zeros((len(self.table), plan.low.shape[1]))

        def work(block: int) -> float:
            _sum(self.table[block], plan.index, plan.run, partial[block])
            return 0.0

        self._each_block(work)
        sums = partial.sum(axis=0)
        self.index, self.run, self.factors = plan.index, plan.run, np.empty_like(sums)
        error = _factors(sums, plan.low[0], plan.high[0], plan.applied[0], self.factors)
        return float(error)

    def settle(self) -> None:
        """Apply what is left to apply."""
        self._each_block(_no_error)

    def _each_block(self, work: Callable[[int], float]) -> float:
        index, run, factors = self.index, self.run, self.factors

        def span(first: int, last: int) -> float:
            worst = 0.0
            for block in range(first, last):
                if index is not None:
                    _scale(self.table[block], index, run, factors)
                worst = max(worst, work(block))
            return worst

        if len(self.spans) == 1:  # a small table is not worth a thread
            worst = span(*self.spans[0])
        else:
            worst = max(self.pool.map(lambda ends: span(*ends), self.spans))
        self.index = None
        return worst


def _no_error(_block: int) -> float:
    return 0.0


@njit(cache=True, nogil=True)
def _sum(cells, index, run, sums):  # type: ignore[no-untyped-def]
    """Add runs of cells to their targets; four partial sums let the processor add in parallel."""
    if run == 1:
        for k in range(len(index)):
            sums[index[k]] += cells[k]
        return
    four = run // 4 * 4
    for k in range(len(index)):
        part = cells[k * run : (k + 1) * run]
        a = b = c = d = 0.0
        for i in range(0, four, 4):
            a += part[i]
            b += part[i + 1]
            c += part[i + 2]
            d += part[i + 3]
        for i in range(four, run):
            a += part[i]
        sums[index[k]] += (a + b) + (c + d)


@njit(cache=True, nogil=True)
def _scale(cells, index, run, factors):  # type: ignore[no-untyped-def]
    if run == 1:
        for k in range(len(index)):
            cells[k] *= factors[index[k]]
        return
    for k in range(len(index)):
        factor = factors[index[k]]
        for i in range(k * run, (k + 1) * run):
            cells[i] *= factor


@njit(cache=True, nogil=True)
def _factors(sums, low, high, applied, factors):  # type: ignore[no-untyped-def]
    """Set the factor of each sum, the middle of low/sum, high/sum and 1/applied; return the error.

    For an exact margin that is target/sum; an interval that holds lets its multiplier go back to 1.
    """
    worst = 0.0
    for c in range(len(sums)):
        worst = max(worst, low[c] - sums[c], sums[c] - high[c])
        if sums[c] > 0.0:
            least, most = low[c] / sums[c], high[c] / sums[c]
            factors[c] = least if least == most else min(max(1.0 / applied[c], least), most)
            if factors[c] > 0.0:
                applied[c] *= factors[c]
        else:
            factors[c] = 1.0
    return worst


@njit(cache=True, nogil=True)
def _fit_block(cells, index, run, low, high, applied):  # type: ignore[no-untyped-def]
    sums = np.zeros(len(low))
    _sum(cells, index, run, sums)
    factors = np.empty(len(low))
    worst = _factors(sums, low, high, applied, factors)
    _scale(cells, index, run, factors)
    return worst
