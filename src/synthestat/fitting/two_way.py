"""Controlled rounding of a two-way table, without bias and without a solver.

Fractional cells are the edges of a graph between rows and columns. Round a cycle of it, cells can
go up and down in turn without a change of any margin, until one of them is whole; which of the two
ways is drawn so that no cell changes in the mean (Cox 1987, doi 10.1080/01621459.1987.10478456;
dependent rounding, Gandhi et al. 2006, doi 10.1145/1147954.1147956; for the theory of unbiased
rounding see Doerr 2006, arXiv cs/0604068). Where the fit itself misses its margins by a little, the
few units that are left are moved along augmenting paths (Ford & Fulkerson 1956), still between
floor and ceiling.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole
from synthestat.fitting.rounding import round_to_margins

_WHOLE = 1e-9  # a cell nearer than this to a whole number is whole


def round_two_way(
    fitted: Floats,
    row_totals: Floats | Whole,
    column_totals: Floats | Whole,
    rng: np.random.Generator,
    *,
    place: str = "",
) -> Whole:
    """Return whole counts of shape (r, c) near `fitted`, exact in rows (r,) and columns (c,).

    Every cell is the floor or the ceiling of its fitted value, and equals it in the mean as far as
    the fit meets its margins. Zero cells are structural and stay zero. Where no such table exists
    because the fit misses its margins, the general routine decides (`round_to_margins`), which may
    leave floor and ceiling. Raises NotConvergedError naming `place` where that finds none either.
    """
    rows, columns = np.rint(row_totals).astype(np.int64), np.rint(column_totals).astype(np.int64)
    if rows.sum() != columns.sum():
        raise NotConvergedError(
            f"rows hold {rows.sum():,} and columns {columns.sum():,}"
            f"{f' in {place}' if place else ''}",
            remedy="look for two tables of one universe that disagree about its total",
        )
    whole = round_between(np.asarray(fitted, dtype=np.float64), rows, columns, rng)
    if whole is not None:
        return whole
    index = np.arange(fitted.size)
    margins = (
        CellMargin(index // fitted.shape[1], rows.astype(np.float64)),
        CellMargin(index % fitted.shape[1], columns.astype(np.float64)),
    )
    return round_to_margins(fitted.ravel(), margins, rng, place=place).reshape(fitted.shape)


def round_between(
    fitted: Floats, rows: Whole, columns: Whole, rng: np.random.Generator
) -> Whole | None:
    """Return the table of `round_two_way` between floor and ceiling, or None where there is none.

    Takes from `rng` one permutation and one number for each fractional cell.
    """
    floor = np.floor(fitted + _WHOLE)
    fraction = np.ascontiguousarray(fitted - floor)
    free = (fraction > _WHOLE) & (fraction < 1 - _WHOLE)
    edges = rng.permutation(np.flatnonzero(free))
    step = np.where(free, fraction, 0.0)
    _walk_cycles(step, edges, rng.random(len(edges)))
    whole: Whole = np.rint(step).astype(np.int64)
    least: Whole = floor.astype(np.int64)
    wanted = rows - least.sum(axis=1), columns - least.sum(axis=0)
    return whole + least if settle(whole, free.astype(np.int64), *wanted) else None


@njit(cache=True, nogil=True)
def _walk_cycles(step, edges, draws):  # type: ignore[no-untyped-def]
    """Push fractions round cycles until none is left; `step` (r, c) ends within 1e-9 of 0 or 1.

    `edges` are the flat places of the fractional cells in the order in which they are tried. A
    node with one fractional cell left (the fit missed a margin) has it rounded to the nearest.
    """
    r, c = step.shape
    incident, place, degree = _incidence(r, c, edges)
    flat = step.ravel()
    seen = np.full(r + c, -1, dtype=np.int64)  # the node's depth on the path
    nodes, path = np.empty(r + c + 1, dtype=np.int64), np.empty(r + c + 1, dtype=np.int64)
    draw = 0
    for first in edges:
        root = first // c
        while flat[first] != 0.0 and flat[first] != 1.0 and degree[root] > 0:
            depth, node = 0, root
            nodes[0], seen[root] = root, 0
            while True:
                edge = incident[node, degree[node] - 1]
                if depth > 0 and edge == path[depth - 1]:
                    if degree[node] == 1:  # a dead end
                        flat[edge] = np.rint(flat[edge])
                        _drop(edge, r, c, incident, place, degree)
                        break
                    edge = incident[node, degree[node] - 2]
                elif depth == 0 and degree[node] == 1:
                    flat[edge] = np.rint(flat[edge])
                    _drop(edge, r, c, incident, place, degree)
                    break
                path[depth] = edge
                node = r + edge % c if node < r else edge // c
                depth += 1
                nodes[depth] = node
                if seen[node] >= 0:
                    _push(flat, path[seen[node] : depth], draws[draw])
                    draw += 1
                    for k in range(seen[node], depth):
                        if flat[path[k]] == 0.0 or flat[path[k]] == 1.0:
                            _drop(path[k], r, c, incident, place, degree)
                    break
                seen[node] = depth
            for k in range(depth + 1):
                seen[nodes[k]] = -1


@njit(cache=True, nogil=True)
def _incidence(r, c, edges):  # type: ignore[no-untyped-def]
    """Return the fractional cells at each row and column, where each stands, and how many.

    Shapes: incident (r + c, max(r, c)), place (2, r * c), degree (r + c,).
    """
    incident = np.empty((r + c, max(r, c)), dtype=np.int64)
    place = np.empty((2, r * c), dtype=np.int64)
    degree = np.zeros(r + c, dtype=np.int64)
    for edge in edges:
        for side, node in enumerate((edge // c, r + edge % c)):
            incident[node, degree[node]] = edge
            place[side, edge] = degree[node]
            degree[node] += 1
    return incident, place, degree


@njit(cache=True, nogil=True)
def _drop(edge, r, c, incident, place, degree):  # type: ignore[no-untyped-def]
    """Take a cell that has become whole out of the lists of its row and column."""
    for side, node in enumerate((edge // c, r + edge % c)):
        degree[node] -= 1
        last = incident[node, degree[node]]
        incident[node, place[side, edge]] = last
        place[side, last] = place[side, edge]


@njit(cache=True, nogil=True)
def _push(flat, cycle, draw):  # type: ignore[no-untyped-def]
    """Move the cells of a cycle up and down in turn, as far as one goes, unbiased."""
    up, down = 1.0, 1.0
    for k in range(len(cycle)):
        value = flat[cycle[k]] if k % 2 == 0 else 1.0 - flat[cycle[k]]
        up, down = min(up, 1.0 - value), min(down, value)
    move = up if draw * (up + down) < down else -down
    for k in range(len(cycle)):
        value = flat[cycle[k]] + (move if k % 2 == 0 else -move)
        flat[cycle[k]] = 0.0 if value < 1e-9 else (1.0 if value > 1 - 1e-9 else value)


@njit(cache=True, nogil=True)
def settle(whole, highest, rows, columns):  # type: ignore[no-untyped-def]
    """Move single units along augmenting paths until all margins hold; tell whether they do.

    `whole` (r, c) changes in place, every cell between 0 and its `highest` (r, c); `rows` and
    `columns` are its wanted sums.
    """
    r, c = whole.shape
    short = np.concatenate((rows - whole.sum(axis=1), columns - whole.sum(axis=0)))
    came, queue = np.empty(r + c, dtype=np.int64), np.empty(r + c, dtype=np.int64)
    for start in range(r + c):
        while (short[start] > 0) if start < r else (short[start] < 0):
            end = _augmenting_path(start, whole, highest, short, came, queue)
            if end < 0:
                return False
            short[start] += -1 if start < r else 1
            short[end] += 1 if end < r else -1
            while end != start:
                before = came[end]
                if before < r:
                    whole[before, end - r] += 1
                else:
                    whole[end, before - r] -= 1
                end = before
    return not short.any()


@njit(cache=True, nogil=True)
def _augmenting_path(start, whole, highest, short, came, queue):  # type: ignore[no-untyped-def]
    """Search breadth first for a column that wants a unit or a row that has one too many."""
    r, c = whole.shape
    came[:] = -1
    queue[0], came[start] = start, start
    head, tail = 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        if node != start and ((short[node] < 0) if node < r else (short[node] > 0)):
            return node
        for other in range(c if node < r else r):
            row, column = (node, other) if node < r else (other, node - r)
            reached = r + other if node < r else other
            cell = whole[row, column]
            open_way = cell < highest[row, column] if node < r else cell > 0
            if open_way and came[reached] < 0:
                came[reached] = node
                queue[tail] = reached
                tail += 1
    return -1
