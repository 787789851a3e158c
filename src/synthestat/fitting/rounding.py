"""Whole numbers near a fitted table, with every margin exact.

A table is rounded by choosing, for each cell, the whole number below or above it, such that all
margins hold: controlled rounding (Cox & Ernst 1982, doi 10.1080/03155986.1982.11731875). For
two-way margins the constraint matrix is a network, so a vertex of the linear programme is whole.
The cost of rounding a cell of fraction f up is logit(u) - logit(f) with u uniform: without margins
the cheapest choice rounds up with probability f, and with them it stays away from cells that
should be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, vstack
from scipy.special import logit

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole

_LEAST_FRACTION = 1e-9
_FAR = 2 * float(logit(1 - _LEAST_FRACTION))  # a step outside floor and ceiling costs more than any
_SLACKS = (0, 1, 4, 16, 64)  # how far beyond floor and ceiling a cell may go, tried in turn


@dataclass(frozen=True)
class WeightedSum:
    """A limit on a weighted sum of cells: low <= weights . cells <= high."""

    weights: Floats
    low: float
    high: float


def round_to_margins(
    fitted: Floats,
    margins: Sequence[CellMargin],
    rng: np.random.Generator,
    *,
    sums: Sequence[WeightedSum] = (),
    place: str = "",
) -> Whole:
    """Return whole counts of shape (cells,) near `fitted` that meet every margin and sum exactly.

    Zero cells of the fit are structural and stay zero. Raises NotConvergedError naming `place`
    where no whole table near the fit exists.
    """
    floor = np.floor(fitted + 1e-9)
    fraction = np.clip(fitted - floor, _LEAST_FRACTION, 1 - _LEAST_FRACTION)
    cost = logit(rng.random(len(fitted))) - logit(fraction)
    matrix = vstack(
        [*(_indicator(m) for m in margins), *(csr_array(s.weights[None, :]) for s in sums)]
    ).tocsr()
    low = np.concatenate([*(m.targets for m in margins), [s.low for s in sums]]) - matrix @ floor
    high = np.concatenate([*(m.targets for m in margins), [s.high for s in sums]]) - matrix @ floor
    for slack in _SLACKS:
        up = np.where(fitted > 0, 1 + slack, 0).astype(np.float64)
        step = _cheapest_step(cost, np.minimum(floor, slack), up, matrix, low, high)
        if step is not None:
            return np.rint(floor + step).astype(np.int64)
    raise NotConvergedError(
        f"no whole table near the fit meets every margin{f' of {place}' if place else ''}",
        remedy="look for margins that contradict each other, or that lean on structural zeros",
    )


def _cheapest_step(
    cost: Floats, down: Floats, up: Floats, matrix: csr_array, low: Floats, high: Floats
) -> Floats | None:
    """Return whole steps from the floor, -down <= step <= up, of least cost, or None.

    A step beyond floor and ceiling costs far more, so cells leave them only where they must.
    """
    far = np.concatenate([np.minimum(up, 1), np.maximum(up - 1, 0), down])
    result = milp(
        np.concatenate([cost, cost + _FAR, _FAR - cost]),
        integrality=np.ones(len(far), dtype=np.int64),
        bounds=Bounds(0, far),
        constraints=LinearConstraint(hstack([matrix, matrix, -matrix]).tocsc(), low, high),
    )
    if result.x is None:
        return None
    first, more, less = np.split(np.rint(result.x), 3)
    return np.asarray(first + more - less, dtype=np.float64)


def _indicator(margin: CellMargin) -> csr_array:
    within = np.flatnonzero(margin.index >= 0)
    shape = (len(margin.targets), len(margin.index))
    return csr_array((np.ones(len(within)), (margin.index[within], within)), shape=shape)


def largest_remainder(shares: Floats, total: int) -> Whole:
    """Split `total` in proportion to `shares`; ties go to the earlier entry (Hamilton's method)."""
    exact = shares / shares.sum() * total
    whole: Whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def systematic_split(totals: Whole, shares: Floats, rng: np.random.Generator) -> Whole:
    """Split each total by shares (sum 1) with one random start each; unbiased, sums exact.

    Systematic sampling (Madow 1949): shapes totals (n,), shares (k,), result (n, k).
    """
    start = rng.random(len(totals))[:, None]
    edges = np.concatenate([[0.0], np.cumsum(shares)])
    edges[-1] = 1.0
    steps: Whole = np.diff(np.floor(totals[:, None] * edges + start), axis=1).astype(np.int64)
    return steps
