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
from scipy.sparse import csc_array, csr_array, hstack, vstack
from scipy.special import logit

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole
from synthestat.fitting.whole import WholeProblem, solve_all, solve_whole

_LEAST_FRACTION = 1e-9
_FAR = 2 * float(logit(1 - _LEAST_FRACTION))  # a step outside floor and ceiling costs more than any
_SLACKS = (1, 4, 16, 64)  # how far beyond floor and ceiling a cell may go, tried in turn


@dataclass(frozen=True)
class WeightedSum:
    """A limit on a weighted sum of cells: low <= weights . cells <= high."""

    weights: Floats
    low: float
    high: float


@dataclass(frozen=True)
class ZoneFit:
    """The fitted cells of one zone, shape (cells,), and the margins and sums that it must meet."""

    fitted: Floats
    margins: Sequence[CellMargin]
    sums: Sequence[WeightedSum] = ()
    place: str = ""


def round_to_margins(
    fitted: Floats,
    margins: Sequence[CellMargin],
    rng: np.random.Generator,
    *,
    sums: Sequence[WeightedSum] = (),
    place: str = "",
    nearest: bool = False,
) -> Whole:
    """Return whole counts of shape (cells,) near `fitted` that meet every margin and sum exactly.

    Zero cells of the fit are structural and stay zero. With `nearest` the result is the table of
    least squared distance between floor and ceiling, and `rng` is not used. Raises
    NotConvergedError naming `place` where no whole table near the fit exists.
    """
    return round_zones([ZoneFit(fitted, margins, sums, place)], [rng], nearest=nearest)[0]


def round_zones(
    zones: Sequence[ZoneFit],
    rngs: Sequence[np.random.Generator],
    *,
    workers: int = 1,
    nearest: bool = False,
) -> list[Whole]:
    """Round every zone as `round_to_margins` does, each with its own generator, many at once.

    The result depends neither on `workers` nor on the zones that are rounded beside a zone.
    """
    limited = [_limited(zone) for zone in zones]
    costs = [_costs(zone.fitted, rng, nearest) for zone, rng in zip(zones, rngs, strict=True)]
    problems = [limits.within(cost) for limits, cost in zip(limited, costs, strict=True)]
    answers = solve_all(problems, workers=workers)
    rounded = []
    for zone, limits, cost, answer in zip(zones, limited, costs, answers, strict=True):
        step = answer.counts if answer.counts is not None else _step_beyond(limits, cost, zone)
        rounded.append(np.rint(limits.floor + step).astype(np.int64))
    return rounded


def _costs(fitted: Floats, rng: np.random.Generator, nearest: bool) -> Floats:
    """Return the cost of rounding each cell up rather than down."""
    fraction = fitted - np.floor(fitted + 1e-9)
    if nearest:
        return np.asarray(1 - 2 * fraction, dtype=np.float64)
    fraction = np.clip(fraction, _LEAST_FRACTION, 1 - _LEAST_FRACTION)
    return np.asarray(logit(rng.random(len(fitted))) - logit(fraction), dtype=np.float64)


@dataclass(frozen=True)
class _Limits:
    """What the steps from the floor must add up to; `open` is 1 where a cell may hold anybody."""

    floor: Floats
    open: Floats
    matrix: csc_array
    low: Floats
    high: Floats

    def within(self, cost: Floats) -> WholeProblem:
        """Return the problem of steps between floor and ceiling."""
        return WholeProblem(cost, self.open, self.matrix, self.low, self.high)

    def beyond(self, cost: Floats, slack: int) -> WholeProblem:
        """Return the problem whose columns are: first steps up, further ones, and steps down.

        A step beyond floor and ceiling costs far more, so cells leave them only where they must.
        """
        matrix = hstack([self.matrix, self.matrix, -self.matrix]).tocsc()
        steps = np.concatenate([self.open, slack * self.open, np.minimum(self.floor, slack)])
        costs = np.concatenate([cost, cost + _FAR, _FAR - cost])
        return WholeProblem(costs, steps, matrix, self.low, self.high)


def _limited(zone: ZoneFit) -> _Limits:
    """Return the limits on the steps that a zone's cells take from their floors."""
    floor = np.floor(zone.fitted + 1e-9)
    weights = [csr_array(s.weights[None, :]) for s in zone.sums]
    matrix = vstack([*(_indicator(m) for m in zone.margins), *weights]).tocsc()
    below = matrix @ floor
    low = np.concatenate([*(m.targets for m in zone.margins), [s.low for s in zone.sums]])
    high = np.concatenate([*(m.targets for m in zone.margins), [s.high for s in zone.sums]])
    may_hold = (zone.fitted > 0).astype(np.float64)
    return _Limits(floor, may_hold, matrix, low - below, high - below)


def _step_beyond(limits: _Limits, cost: Floats, zone: ZoneFit) -> Floats:
    """Return steps that leave floor and ceiling where they must, or raise NotConvergedError."""
    for slack in _SLACKS:
        counts = solve_whole(limits.beyond(cost, slack)).counts
        if counts is not None:
            first, more, less = np.split(counts, 3)
            return np.asarray(first + more - less, dtype=np.float64)
    place = f" of {zone.place}" if zone.place else ""
    raise NotConvergedError(
        f"no whole table near the fit meets every margin{place}",
        remedy="look for margins that contradict each other, or that lean on structural zeros",
    )


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
