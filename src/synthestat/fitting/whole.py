"""Whole numbers of least cost under linear limits: a vertex first, branching only where it must.

Most margins of official tables leave a linear programme whose vertices are already whole, so the
vertex is taken first and only columns that came out fractional are made whole by branching (HiGHS:
Huangfu & Hall 2018, doi 10.1007/s12532-017-0130-5). Small problems share one block-diagonal
programme, and programmes run in threads: the solver works without Python's lock. How problems are
batched depends on their sizes alone, and searches stop on gaps and node counts, never on a clock,
so the answer depends neither on the machine nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

from synthestat.fitting.ipf import Floats

BATCH_COLUMNS = 600  # columns of one block-diagonal programme; measured best on small areas
_ROUNDS = 4  # rounds of branching on fractional columns alone, before all columns are whole
_GAP, _NODES = 1e-4, 50_000  # where branching stops: relative gap and nodes (assumptions)
_DIVES, _DIVE_GAP = 24, 5e-3  # most columns fixed in a dive, and what it may cost (assumptions)
_CLOSE = 1e-6  # how far from a whole number, or beyond a limit, the solver may end


@dataclass(frozen=True)
class WholeProblem:
    """Find whole x, 0 <= x <= upper, low <= matrix x <= high, of least cost . x.

    Shapes: cost and upper (columns,), matrix (limits, columns), low and high (limits,); upper and
    high may be infinite.
    """

    cost: Floats
    upper: Floats
    matrix: csc_array
    low: Floats
    high: Floats


@dataclass(frozen=True)
class WholeAnswer:
    """The counts x, shape (columns,), None where there are none; `branched`: no whole vertex."""

    counts: Floats | None
    branched: bool


def solve_whole(problem: WholeProblem) -> WholeAnswer:
    """Solve one problem."""
    return solve_all([problem])[0]


def solve_all(problems: Sequence[WholeProblem], *, workers: int = 1) -> list[WholeAnswer]:
    """Solve many problems, small ones together, in `workers` threads; answers in the same order."""
    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(_solve_batch, _batches(problems)))
    return [answer for batch in answers for answer in batch]


def _batches(problems: Sequence[WholeProblem]) -> list[list[WholeProblem]]:
    """Split problems, in order, into batches of about BATCH_COLUMNS columns."""
    batches: list[list[WholeProblem]] = []
    room = 0
    for problem in problems:
        room -= len(problem.cost)
        if not batches or room < 0:
            batches.append([])
            room = BATCH_COLUMNS - len(problem.cost)
        batches[-1].append(problem)
    return batches


def _solve_batch(problems: list[WholeProblem]) -> list[WholeAnswer]:
    """Solve a batch by one vertex; blocks that are fractional, or all if it failed, one by one."""
    reduced = [_without_empty(problem) for problem in problems]
    vertex = _minimum(_stacked([small for _, small in reduced]))
    if vertex is None and len(problems) > 1:
        return [_solve_batch([problem])[0] for problem in problems]
    answers, first = [], 0
    for problem, (kept, small) in zip(problems, reduced, strict=True):
        last = first + len(small.cost)
        part = None if vertex is None else vertex[first:last]
        whole = part is None or _is_whole(part, small)
        if part is not None and not whole:
            part = _branch(small, part)
        answers.append(WholeAnswer(_spread_out(part, kept, len(problem.cost)), not whole))
        first = last
    return answers


def _without_empty(problem: WholeProblem) -> tuple[NDArray[np.int64], WholeProblem]:
    """Return the columns that may hold anybody, and the problem without all others.

    A limit of zero on a sum of non-negative weights empties its columns. Zero limits without a
    column are dropped as well.
    """
    matrix = problem.matrix
    limits = matrix.shape[0]
    negative = np.bincount(matrix.indices, matrix.data < 0, minlength=limits) > 0
    zero = (problem.high <= 0) & (problem.low <= 0) & ~negative
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    emptied = np.bincount(column, zero[matrix.indices], minlength=matrix.shape[1]) > 0
    live = (problem.upper > 0) & ~emptied
    kept = np.flatnonzero(live)
    inside = live[column]
    used = np.bincount(matrix.indices[inside], minlength=limits) > 0
    used |= (problem.low > 0) | (problem.high < 0)
    place = np.cumsum(used) - 1
    pointers = np.concatenate([[0], np.cumsum(np.diff(matrix.indptr)[kept])])
    small = csc_array(
        (matrix.data[inside], place[matrix.indices[inside]], pointers),
        shape=(int(used.sum()), len(kept)),
    )
    return kept, WholeProblem(
        problem.cost[kept], problem.upper[kept], small, problem.low[used], problem.high[used]
    )


def _stacked(problems: list[WholeProblem]) -> WholeProblem:
    """Return problems as one block-diagonal problem."""
    if len(problems) == 1:
        return problems[0]
    rows = np.cumsum([0, *(len(p.low) for p in problems)])
    entries = np.cumsum([0, *(p.matrix.nnz for p in problems)])
    pointers = [p.matrix.indptr[1:] + e for p, e in zip(problems, entries[:-1], strict=True)]
    indices = [p.matrix.indices + r for p, r in zip(problems, rows[:-1], strict=True)]
    cost = np.concatenate([p.cost for p in problems])
    matrix = csc_array(
        (
            np.concatenate([p.matrix.data for p in problems]),
            np.concatenate(indices),
            np.concatenate([[0], *pointers]),
        ),
        shape=(int(rows[-1]), len(cost)),
    )
    return WholeProblem(
        cost,
        np.concatenate([p.upper for p in problems]),
        matrix,
        np.concatenate([p.low for p in problems]),
        np.concatenate([p.high for p in problems]),
    )


def _minimum(
    problem: WholeProblem,
    whole: NDArray[np.bool_] | None = None,
    least: Floats | None = None,
) -> Floats | None:
    """Return the minimum with columns `whole` in whole numbers, a vertex where none, or None.

    `least` are lower bounds of the columns (columns,), 0 where not given.
    """
    if not len(problem.cost):
        met = (problem.low <= _CLOSE).all() and (problem.high >= -_CLOSE).all()
        return np.zeros(0) if met else None
    limits = (
        LinearConstraint(problem.matrix, problem.low, problem.high) if len(problem.low) else None
    )
    result = milp(
        problem.cost,
        integrality=None if whole is None else whole.astype(np.int64),
        bounds=Bounds(0 if least is None else least, problem.upper),
        constraints=limits,
        options={"presolve": False}
        if whole is None
        else {"mip_rel_gap": _GAP, "node_limit": _NODES},
    )
    return None if result.x is None else np.asarray(result.x, dtype=np.float64)


def _is_whole(counts: Floats, problem: WholeProblem) -> bool:
    """Tell whether counts are whole and, rounded, keep every limit."""
    nearest = np.rint(counts)
    sums = problem.matrix @ nearest
    kept = (sums >= problem.low - _CLOSE) & (sums <= problem.high + _CLOSE)
    return bool((np.abs(counts - nearest) < _CLOSE).all() and kept.all())


def _branch(problem: WholeProblem, counts: Floats) -> Floats | None:
    """Return whole counts near the vertex: by a dive, or by branching on fractional columns."""
    dived = _dive(problem, counts)
    if dived is not None:
        return dived
    branched = np.zeros(len(counts), dtype=np.bool_)
    for attempt in range(_ROUNDS + 1):
        branched |= np.abs(counts - np.rint(counts)) >= _CLOSE
        if attempt == _ROUNDS or not branched.any():
            branched[:] = True
        found = _minimum(problem, branched)
        if found is None or _is_whole(found, problem):
            return found
        counts = found
    return None


def _dive(problem: WholeProblem, counts: Floats) -> Floats | None:
    """Return whole counts by fixing one fractional column after another, or None.

    Gives up where that costs more than _DIVE_GAP of the vertex's cost, or finds nothing.
    """
    bound = float(problem.cost @ counts)
    worst = bound + _DIVE_GAP * max(abs(bound), 1.0)
    least, upper = np.zeros(len(counts)), problem.upper.copy()
    for _ in range(_DIVES):
        off = np.abs(counts - np.rint(counts))
        near = np.where(off >= _CLOSE, off, np.inf)
        column = int(np.argmin(near + 1e-9 * problem.cost))
        for value in _ways(float(counts[column]), float(problem.cost[column])):
            least[column] = upper[column] = value
            fixed = replace(problem, upper=upper)
            found = _minimum(fixed, least=least)
            if found is not None:
                break
        if found is None or float(problem.cost @ found) > worst:
            return None
        if _is_whole(found, problem):
            return found
        if (np.abs(found - np.rint(found)) < _CLOSE).all():
            return None
        counts = found
    return None


def _ways(value: float, cost: float) -> tuple[float, float]:
    """Return the whole numbers beside a value, the nearer one first, the cheaper one at a tie."""
    floor = float(np.floor(value))
    up = value - floor > 0.5 + _CLOSE or (abs(value - floor - 0.5) <= _CLOSE and cost < 0)
    return (floor + 1, floor) if up else (floor, floor + 1)


def _spread_out(counts: Floats | None, kept: NDArray[np.int64], columns: int) -> Floats | None:
    if counts is None:
        return None
    out = np.zeros(columns)
    out[kept] = np.rint(counts)
    return out
