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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array, vstack

from synthestat.fitting.ipf import Floats

BATCH_COLUMNS = 600  # columns of one block-diagonal programme; measured best on small areas
_ROUNDS = 4  # rounds of branching on fractional columns alone, before all columns are whole
_GAP, _NODES = 1e-4, 50_000  # where branching stops: relative gap and nodes (assumptions)
_CHEAP = 1.1  # columns freed beside a fractional vertex, per limit (assumption: a little over 1)
_SPARE_GAP = 5e-3  # what an answer among cheap columns may cost over the vertex (assumption)
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


@dataclass(frozen=True)
class Vertex:
    """A vertex of least cost: its counts and the reduced cost of each column, shape (columns,)."""

    counts: Floats
    reduced: Floats


def solve_whole(problem: WholeProblem) -> WholeAnswer:
    """Solve one problem."""
    return solve_all([problem])[0]


def solve_all(problems: Sequence[WholeProblem], *, workers: int = 1) -> list[WholeAnswer]:
    """Solve many problems, small ones together, in `workers` threads; answers in the same order."""
    batches = _batches(problems)
    if workers == 1 or len(batches) == 1:  # a thread costs as much as a small programme
        answers = [_solve_batch(batch) for batch in batches]
    else:
        with ThreadPoolExecutor(workers) as pool:
            answers = list(pool.map(_solve_batch, batches))
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
    vertex = _vertex(_stacked([small for _, small in reduced]))
    if vertex is None and len(problems) > 1:
        return [_solve_batch([problem])[0] for problem in problems]
    answers, first = [], 0
    for problem, (kept, small) in zip(problems, reduced, strict=True):
        last = first + len(small.cost)
        counts = None if vertex is None else vertex.counts[first:last]
        whole = counts is None or _is_whole(counts, small)
        if vertex is not None and counts is not None and not whole:
            counts = _branch(small, Vertex(counts, vertex.reduced[first:last]))
        answers.append(WholeAnswer(_spread_out(counts, kept, len(problem.cost)), not whole))
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


def _vertex(problem: WholeProblem) -> Vertex | None:
    """Return a vertex of least cost with the reduced costs of its columns, or None."""
    if not len(problem.cost):
        met = (problem.low <= _CLOSE).all() and (problem.high >= -_CLOSE).all()
        return Vertex(np.zeros(0), np.zeros(0)) if met else None
    rows = problem.matrix.tocsr()
    exact = problem.low == problem.high
    most, least = ~exact & np.isfinite(problem.high), ~exact & np.isfinite(problem.low)
    result = linprog(
        problem.cost,
        vstack([rows[most], -rows[least]]),
        np.concatenate([problem.high[most], -problem.low[least]]),
        rows[exact],
        problem.low[exact],
        list(zip(np.zeros(len(problem.upper)).tolist(), problem.upper.tolist(), strict=True)),
        method="highs-ds",
        options={"presolve": False},  # small programmes: it costs more than it saves
    )
    if result.x is None:
        return None
    reduced = result.lower.marginals + result.upper.marginals
    return Vertex(np.asarray(result.x, dtype=np.float64), np.asarray(reduced, dtype=np.float64))


def _minimum(problem: WholeProblem, whole: NDArray[np.bool_]) -> Floats | None:
    """Return the minimum with columns `whole` in whole numbers, or None."""
    if not len(problem.cost):
        met = (problem.low <= _CLOSE).all() and (problem.high >= -_CLOSE).all()
        return np.zeros(0) if met else None
    limits = (
        LinearConstraint(problem.matrix, problem.low, problem.high) if len(problem.low) else None
    )
    result = milp(
        problem.cost,
        integrality=whole.astype(np.int64),
        bounds=Bounds(0, problem.upper),
        constraints=limits,
        options={"mip_rel_gap": _GAP, "node_limit": _NODES},
    )
    return None if result.x is None else np.asarray(result.x, dtype=np.float64)


def _is_whole(counts: Floats, problem: WholeProblem) -> bool:
    """Tell whether counts are whole and, rounded, keep every limit."""
    nearest = np.rint(counts)
    sums = problem.matrix @ nearest
    kept = (sums >= problem.low - _CLOSE) & (sums <= problem.high + _CLOSE)
    return bool((np.abs(counts - nearest) < _CLOSE).all() and kept.all())


def _branch(problem: WholeProblem, vertex: Vertex) -> Floats | None:
    """Return whole counts near a fractional vertex: among its cheap columns, else among all."""
    found = _among_cheap(problem, vertex)
    if found is not None:
        return found
    branched = np.zeros(len(vertex.counts), dtype=np.bool_)
    counts = vertex.counts
    for attempt in range(_ROUNDS + 1):
        branched |= np.abs(counts - np.rint(counts)) >= _CLOSE
        if attempt == _ROUNDS or not branched.any():
            branched[:] = True
        whole = _minimum(problem, branched)
        if whole is None or _is_whole(whole, problem):
            return whole
        counts = whole
    return None


def _among_cheap(problem: WholeProblem, vertex: Vertex) -> Floats | None:
    """Return the best whole counts that move only columns of small reduced cost, or None.

    Moving any other column costs at least its reduced cost over the vertex, so the answer is the
    best of all wherever it costs no more than that; else it is taken if it costs at most
    _SPARE_GAP of the vertex. Reduced-cost fixing: Dantzig, Fulkerson & Johnson 1954.
    """
    bound = float(problem.cost @ vertex.counts)
    price = np.abs(vertex.reduced)
    price[np.abs(vertex.counts - np.rint(vertex.counts)) >= _CLOSE] = 0.0
    order = np.argsort(price, kind="stable")
    count = int(_CHEAP * len(problem.low)) + 1
    while count < len(order):
        free = np.sort(order[:count])
        fixed = np.rint(vertex.counts)
        fixed[free] = 0.0
        below = problem.matrix @ fixed
        part = WholeProblem(
            problem.cost[free],
            problem.upper[free],
            problem.matrix[:, free],
            problem.low - below,
            problem.high - below,
        )
        found = _minimum(part, np.ones(count, dtype=np.bool_))
        if found is not None and _is_whole(found, part):
            spent = float(problem.cost @ fixed + part.cost @ np.rint(found)) - bound
            if spent <= max(float(price[order[count]]), _SPARE_GAP * abs(bound)):
                fixed[free] = np.rint(found)
                return fixed
        count *= 2
    return None


def _spread_out(counts: Floats | None, kept: NDArray[np.int64], columns: int) -> Floats | None:
    if counts is None:
        return None
    out = np.zeros(columns)
    out[kept] = np.rint(counts)
    return out
