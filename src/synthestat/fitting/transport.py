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
from synthestat.fitting.two_way import round_between, settle

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
    highest = np.where(live, rows.sum(), 0)
    return settled if settle(settled, highest, rows, columns) else None


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
