"""A two-way table of whole numbers near a seed, exact in its rows and columns.

The seed is fitted by iterative proportional fitting and rounded between floor and ceiling
(`two_way.py`). Where the fit stops short of its margins because they lean on structural zeros,
units are moved along augmenting paths until all margins hold (Ford & Fulkerson 1956, doi
10.4153/CJM-1956-045-5): a whole table is found whenever there is one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from synthestat.fitting.ipf import Floats, Whole
from synthestat.fitting.two_way import round_between

_ITERATIONS = 500  # of the fit; what it leaves is settled by paths. Assumption
_TOLERANCE = 1e-7  # relative to the largest row or column


def whole_two_way(
    seed: Floats, rows: Whole, columns: Whole, rng: np.random.Generator
) -> Whole | None:
    """Return whole counts of shape (r, c), exact in rows (r,) and columns (c,), or None.

    `seed` has shape (r, c); its zeros are structural and stay zero. None where no table of whole
    numbers on the other cells has these margins.
    """
    if rows.sum() != columns.sum():
        return None
    if not rows.sum():
        return np.zeros(seed.shape, dtype=np.int64)
    live = (seed > 0) & (rows[:, None] > 0) & (columns[None, :] > 0)
    table = np.where(live, seed, 0.0)
    _scale_two_way(table, rows.astype(np.float64), columns.astype(np.float64), _ITERATIONS)
    near = np.where(live, np.maximum(table, 1e-12), 0.0)
    whole = round_between(near, rows, columns, rng)
    if whole is not None:
        return whole
    settled: Whole = np.floor(near).astype(np.int64)
    return settled if _settle(settled, live, rows, columns) else None


@njit(cache=True, nogil=True)
def _scale_two_way(table, rows, columns, iterations):  # type: ignore[no-untyped-def]
    """Fit rows and columns in turn, in place, until every row is within the tolerance."""
    r, c = table.shape
    allowed = _TOLERANCE * max(rows.max(), columns.max())
    for _ in range(iterations):
        worst = 0.0
        for i in range(r):
            total = table[i].sum()
            worst = max(worst, abs(total - rows[i]))
            if total > 0.0:
                table[i] *= rows[i] / total
        for k in range(c):
            total = table[:, k].sum()
            if total > 0.0:
                table[:, k] *= columns[k] / total
        if worst <= allowed:
            break


@njit(cache=True, nogil=True)
def _settle(whole, live, rows, columns):  # type: ignore[no-untyped-def]
    """Move units along augmenting paths until all margins of `whole` (r, c) hold; tell if they do.

    Cells grow without bound where `live` and shrink to zero at most.
    """
    r, c = whole.shape
    short = np.concatenate((rows - whole.sum(axis=1), columns - whole.sum(axis=0)))
    came, queue = np.empty(r + c, dtype=np.int64), np.empty(r + c, dtype=np.int64)
    for start in range(r + c):
        while (short[start] > 0) if start < r else (short[start] < 0):
            end = _path(start, whole, live, short, came, queue)
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
def _path(start, whole, live, short, came, queue):  # type: ignore[no-untyped-def]
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
            open_way = live[row, column] if node < r else whole[row, column] > 0
            if open_way and came[reached] < 0:
                came[reached] = node
                queue[tail] = reached
                tail += 1
    return -1
