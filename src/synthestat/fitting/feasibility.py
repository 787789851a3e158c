"""Whether rows low <= a . x <= high have whole non-negative cells x, and what to do where not.

Rows are margins of a table of counts. Three questions, each answered with a proof:

- `feasible`: a vertex of the linear programme, branched on only where it is fractional;
- `irreducible_conflict`: rows that cannot hold together although all but any one of them can. The
  phase-1 elastic programme gives a Farkas certificate whose support is infeasible; the deletion
  filter makes it irreducible (Chinneck & Dravnieks 1991, doi 10.1287/ijoc.3.2.157);
- `least_relaxation`: the least movement of the weaker rows, level by level, with a dual solution
  that bounds every other movement from below (weak duality), checked in whole numbers.

Rows are solved in a canonical order, so that answers do not depend on the order of the tables.
Searches stop on nodes and gaps, never on the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, eye_array, hstack, vstack

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import Floats, Whole

NODE_LIMIT = 10_000  # branch-and-bound nodes; assumption, no source
_NEAR_NODES = 200  # nodes of the first search, near the vertex; assumption, no source
_WHOLE = 1e-6  # HiGHS keeps rows to 1e-7
_DENOMINATORS = range(1, 121)  # duals of margin systems are small fractions
_OPTIMAL, _INFEASIBLE = 0, 2  # status words of scipy.optimize


@dataclass(frozen=True)
class Solution:
    """Whole cells that keep every row; `nodes` is 0 where the linear vertex is already whole."""

    cells: Whole
    nodes: int


@dataclass(frozen=True)
class Certificate:
    """Why no whole table moves the rows of `level` by less than `bound`.

    With y = duals / denominator per row and z = budgets / denominator per earlier level: cells have
    A' y <= 0, rows of the level |y| <= weight, rows of an earlier level |y| <= z weight, rows of
    a later one y = 0. Then the movement is at least sum(max(y, 0) low - max(-y, 0) high) - z . F,
    with F the movement of the earlier levels. Where whole numbers need more than that, `nodes` is
    the size of the closed branch-and-bound tree (gap 0); it is -1 where the duals suffice.
    """

    level: int
    bound: int
    duals: Whole
    budgets: Whole
    denominator: int
    nodes: int = -1

    @property
    def words(self) -> str:
        """One sentence for people."""
        if self.nodes < 0:
            rows = int(np.count_nonzero(self.duals))
            return f"a dual solution over {rows} rows proves that less than {self.bound:,} fails"
        return f"branch and bound: least movement {self.bound:,}, gap 0, {self.nodes} nodes"


@dataclass(frozen=True)
class Relaxed:
    """Whole cells, the move of each row beyond its interval (signed), totals by level, proofs."""

    cells: Whole
    moves: Whole
    totals: dict[int, int]
    certificates: tuple[Certificate, ...]


def feasible(
    matrix: csr_array, low: Floats, high: Floats, *, node_limit: int = NODE_LIMIT
) -> Solution | None:
    """Return whole cells with low <= matrix @ cells <= high, or None where there are none.

    Shapes: matrix (rows, cells) of whole numbers; low, high (rows,), which may be infinite. Raises
    NotConvergedError where the node limit ends the search.
    """
    order = _canonical(matrix, low, high)
    matrix, low, high = matrix[order], low[order], high[order]
    cost = np.zeros(matrix.shape[1])
    if not matrix.shape[1]:
        return Solution(np.zeros(0, dtype=np.int64), 0) if _holds(matrix, low, high, cost) else None
    vertex, _ = _solve(cost, matrix, low, high, whole=0, node_limit=node_limit)
    if vertex is None:
        return None
    if _holds(matrix, low, high, vertex):
        return Solution(np.rint(vertex).astype(np.int64), 0)
    near = _near(vertex, matrix, low, high, whole=len(cost))
    if near is not None:
        return Solution(np.rint(near[0]).astype(np.int64), near[1])
    cells, nodes = _solve(cost, matrix, low, high, whole=len(cost), node_limit=node_limit)
    if cells is None:
        return None
    if not _holds(matrix, low, high, cells):
        raise NotConvergedError("a whole table misses its rows by rounding errors")
    return Solution(np.rint(cells).astype(np.int64), nodes)


def irreducible_conflict(
    matrix: csr_array,
    low: Floats,
    high: Floats,
    groups: Sequence[int],
    *,
    node_limit: int = NODE_LIMIT,
) -> tuple[int, ...]:
    """Return groups of rows that cannot hold together, while all but any one of them can.

    `groups` names the group of each row (all different to judge row by row). Empty where the
    rows can hold together. Raises NotConvergedError at the node limit.
    """
    owner = np.asarray(groups)
    order = _canonical(matrix, low, high)
    names = list(dict.fromkeys(int(owner[row]) for row in order))

    def fails(kept: Sequence[int]) -> bool:
        rows = np.flatnonzero(np.isin(owner, kept))
        return feasible(matrix[rows], low[rows], high[rows], node_limit=node_limit) is None

    if not fails(names):
        return ()
    support = set(owner[order[_farkas_support(matrix[order], low[order], high[order])]].tolist())
    start = [name for name in names if name in support]
    members = start if start and fails(start) else names
    for name in list(members):
        fewer = [other for other in members if other != name]
        if fails(fewer):
            members = fewer
    return tuple(sorted(members))


def least_relaxation(
    matrix: csr_array,
    low: Floats,
    high: Floats,
    level: Whole,
    weight: Whole,
    *,
    node_limit: int = NODE_LIMIT,
) -> Relaxed:
    """Return whole cells that keep rows of level 0 and move the others least, level by level.

    `level` and `weight` have shape (rows,), weights are whole and positive. The weighted L1
    movement of level 1 is made least, then that of level 2 without adding to it, and so on. Raises
    NotConvergedError where the rows of level 0 contradict each other, or at the node limit.
    """
    order = _canonical(matrix, low, high, level, weight)
    rows = matrix[order], low[order], high[order], level[order], weight[order]
    spent: list[int] = []
    certificates: list[Certificate] = []
    back = np.argsort(order)
    kept = level == 0
    start = feasible(matrix[kept], low[kept], high[kept], node_limit=node_limit)
    if start is None:
        raise NotConvergedError(
            "the rows that must hold contradict each other",
            remedy="ask irreducible_conflict for a set of them",
        )
    cells = start.cells.astype(np.float64)
    for rank in range(1, int(level.max(initial=0)) + 1):
        cells, certificate = _least_at(rank, rows, spent, node_limit)
        spent.append(certificate.bound)
        duals = certificate.duals[back]
        certificates.append(
            Certificate(
                rank,
                certificate.bound,
                duals,
                certificate.budgets,
                certificate.denominator,
                certificate.nodes,
            )
        )
    whole = np.rint(cells).astype(np.int64)
    reached = matrix @ whole
    moves = np.rint(reached - np.clip(reached, low, high)).astype(np.int64)
    return Relaxed(whole, moves, dict(enumerate(spent, start=1)), tuple(certificates))


def check_certificate(
    certificate: Certificate,
    matrix: csr_array,
    low: Floats,
    high: Floats,
    level: Whole,
    weight: Whole,
    spent: Sequence[int],
) -> bool:
    """Tell whether the duals alone prove the bound, in whole numbers (False: branching did).

    `spent` holds the movement of the earlier levels, first to last.
    """
    y, z, q = certificate.duals, certificate.budgets, certificate.denominator
    if len(z) != len(spent) or (z < 0).any():
        return False
    if (np.rint(matrix.T @ y).astype(np.int64) > 0).any():
        return False
    allowed = np.zeros(len(y), dtype=np.int64)
    for rank in range(1, certificate.level + 1):
        price = q if rank == certificate.level else int(z[rank - 1])
        allowed = np.where(level == rank, price * weight, allowed)
    if ((np.abs(y) > allowed) & (level > 0)).any():
        return False
    rises, falls = y > 0, y < 0
    if np.isinf(low[rises]).any() or np.isinf(high[falls]).any():
        return False
    proved = int(np.rint(y[rises] @ low[rises] + y[falls] @ high[falls]))
    proved -= sum(int(price) * total for price, total in zip(z, spent, strict=True))
    return -(-proved // q) >= certificate.bound  # a whole movement is at least the next whole


_Rows = tuple[csr_array, Floats, Floats, Whole, Whole]


def _least_at(
    rank: int, rows: _Rows, spent: Sequence[int], node_limit: int
) -> tuple[Floats, Certificate]:
    """Return (cells, certificate) of the least movement of one level; rows in canonical order."""
    matrix, low, high, level, weight = rows
    kept = np.flatnonzero(level <= rank)
    elastic = np.flatnonzero(level[kept] > 0)
    count, cells = len(elastic), matrix.shape[1]
    pick = csr_array((np.ones(count), (elastic, np.arange(count))), shape=(len(kept), count))
    system = hstack([matrix[kept], -pick, pick]).tocsr()
    level_of, price = level[kept][elastic], weight[kept][elastic].astype(np.float64)
    extra = [np.where(level_of == earlier, price, 0.0) for earlier in range(1, rank)]
    budgets = [csr_array(np.concatenate([np.zeros(cells), e, e])[None, :]) for e in extra]
    system = vstack([system, *budgets]).tocsr() if budgets else system
    bottom = np.concatenate([low[kept], np.full(len(spent), -np.inf)])
    top = np.concatenate([high[kept], np.asarray(spent, dtype=np.float64)])
    here = np.where(level_of == rank, price, 0.0)
    cost = np.concatenate([np.zeros(cells), here, here])
    value, vertex, dual = _linear(cost, system, bottom, top)
    nodes = -1
    limit = np.ceil(value - _WHOLE)
    price_row = vstack([system, csr_array(cost[None, :])]).tocsr()
    near = None
    if not _holds(system, bottom, top, vertex):
        within = np.append(bottom, -np.inf), np.append(top, limit)
        near = _near(vertex, price_row, *within, whole=cells)
    if near is not None:
        vertex, value = near[0], float(limit)
    elif not _holds(system, bottom, top, vertex):
        found, nodes = _solve(cost, system, bottom, top, whole=cells, node_limit=node_limit)
        if found is None:
            raise NotConvergedError("no whole table keeps the rows that must hold")
        vertex, value = found, float(cost @ np.rint(found))
    bound = round(value)
    duals, budget, denominator = _whole_duals(dual, len(kept))
    full = np.zeros(len(level), dtype=np.int64)
    full[kept] = duals
    certificate = Certificate(rank, bound, full, budget, denominator)
    if not check_certificate(certificate, matrix, low, high, level, weight, spent):
        if nodes < 0:
            _, nodes = _solve(cost, system, bottom, top, whole=cells, node_limit=node_limit)
        certificate = Certificate(rank, bound, full, budget, denominator, max(nodes, 0))
    return vertex[:cells], certificate


def _linear(
    cost: Floats, matrix: csr_array, low: Floats, high: Floats
) -> tuple[float, Floats, Floats]:
    """Return (value, vertex, dual of each row) of the linear programme over x >= 0."""
    upper, lower = np.isfinite(high), np.isfinite(low)
    exact = upper & lower & (low == high)
    upper, lower = upper & ~exact, lower & ~exact
    result = linprog(
        cost,
        A_ub=vstack([matrix[upper], -matrix[lower]]).tocsr(),
        b_ub=np.concatenate([high[upper], -low[lower]]),
        A_eq=matrix[exact],
        b_eq=low[exact],
        bounds=(0, None),
        method="highs-ds",
    )
    if result.status != _OPTIMAL:
        raise NotConvergedError(f"a linear programme over {len(low):,} rows has no optimum")
    dual = np.zeros(len(low))
    dual[exact] = result.eqlin.marginals
    sides = result.ineqlin.marginals
    dual[upper] += sides[: upper.sum()]
    dual[lower] -= sides[upper.sum() :]
    vertex = np.asarray(result.x, dtype=np.float64)
    return float(cost @ vertex), vertex, dual


def _whole_duals(dual: Floats, rows: int) -> tuple[Whole, Whole, int]:
    """Return (row duals, budget prices, denominator) as whole numbers, as near as they come."""
    best = min(
        _DENOMINATORS,
        key=lambda q: (float(np.abs(dual * q - np.rint(dual * q)).max(initial=0.0)) > _WHOLE, q),
    )
    whole = np.rint(dual * best).astype(np.int64)
    return whole[:rows], -whole[rows:], best


def _farkas_support(matrix: csr_array, low: Floats, high: Floats) -> Whole:
    """Return rows with a non-zero dual in the elastic programme: infeasible by themselves."""
    count, cells = matrix.shape
    slack = eye_array(count, format="csr")
    system = hstack([matrix, slack, -slack]).tocsr()
    cost = np.concatenate([np.zeros(cells), np.ones(2 * count)])
    _, _, dual = _linear(cost, system, low, high)
    return np.flatnonzero(np.abs(dual) > _WHOLE)


def _solve(
    cost: Floats, matrix: csr_array, low: Floats, high: Floats, *, whole: int, node_limit: int
) -> tuple[Floats | None, int]:
    """Return (cheapest x >= 0 or None, nodes); the first `whole` cells are whole numbers."""
    integrality = np.zeros(len(cost), dtype=np.int64)
    integrality[:whole] = 1
    result = milp(
        cost,
        integrality=integrality,
        bounds=Bounds(0, np.inf),
        constraints=LinearConstraint(matrix.tocsc(), low, high),
        options={"node_limit": node_limit, "mip_rel_gap": 0.0},
    )
    nodes = int(getattr(result, "mip_node_count", 0) or 0)
    if result.status == _INFEASIBLE:
        return None, nodes
    if result.status != _OPTIMAL:
        raise NotConvergedError(
            f"a search for whole numbers over {matrix.shape[0]:,} rows and {whole:,} cells stopped "
            f"at {nodes:,} nodes without an answer",
            remedy="declare coarser tables, or weaken one of them to SOFT",
        )
    return np.asarray(result.x), nodes


def _near(
    vertex: Floats, matrix: csr_array, low: Floats, high: Floats, *, whole: int
) -> tuple[Floats, int] | None:
    """Return (whole cells within two of a fractional vertex that keep every row, nodes), or None.

    Costs that differ from cell to cell make the restricted vertex nearly whole, where equal costs
    leave the search to branching alone; they are multiples of the golden ratio, so no draw.
    """
    floor = np.floor(vertex + _WHOLE)
    integrality = np.zeros(len(vertex), dtype=np.int64)
    integrality[:whole] = 1
    result = milp(
        np.modf(np.arange(1, len(vertex) + 1) * 0.6180339887498949)[0],
        integrality=integrality,
        bounds=Bounds(np.maximum(floor - 1, 0), floor + 2),
        constraints=LinearConstraint(matrix.tocsc(), low, high),
        options={"node_limit": _NEAR_NODES, "mip_rel_gap": 1.0},
    )
    if result.x is None or not _holds(matrix, low, high, np.asarray(result.x)):
        return None
    return np.asarray(result.x), int(getattr(result, "mip_node_count", 0) or 0)


def _holds(matrix: csr_array, low: Floats, high: Floats, cells: Floats) -> bool:
    """Tell whether cells are whole and keep every row exactly."""
    whole = np.rint(cells)
    sums = matrix @ whole
    near = bool((np.abs(cells - whole) <= _WHOLE).all() and (whole >= 0).all())
    return near and bool(((sums >= low) & (sums <= high)).all())


def _canonical(matrix: csr_array, low: Floats, high: Floats, *keys: Whole) -> Whole:
    """Return an order of the rows that depends on what they say and not on where they stand."""
    rows = matrix.tocsr()
    rows.sort_indices()

    def words(row: int) -> tuple[object, ...]:
        inside = slice(rows.indptr[row], rows.indptr[row + 1])
        fixed = (*(int(key[row]) for key in keys), float(low[row]), float(high[row]))
        return (*fixed, tuple(rows.indices[inside].tolist()), tuple(rows.data[inside].tolist()))

    return np.array(sorted(range(rows.shape[0]), key=words), dtype=np.int64)
