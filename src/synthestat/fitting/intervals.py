"""Intervals of modelled counts: doubt about a model's shares, then whole persons or households.

A place has a table of R rows (age groups, or one row) over K categories, as a model gives it. Two
doubts are laid over it, and a third follows from counting:

* the country's shares may be others than the model's: one draw for the whole country, shared by all
  its places, so that sums over places are as uncertain as they must be;
* a place differs from what the country's shares make of it: Dirichlet around that, of a
  concentration that is learnt from tables by place of like things, or declared;
* whole units fall as they fall: multinomial within a row or, where margins are known, the spread
  that is left once the margins hold.

Bounds lie half a unit outside the whole draws that they include, so that `low < count < high` says
the same as "among the counts from the lowest to the highest", and no interval has zero width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synthestat.fitting.dense import TableMargin, fit_table
from synthestat.fitting.ipf import Floats
from synthestat.fitting.pooling import dirichlet, transfer_dependence

HALF = 0.5  # of a unit, beyond the outermost whole draw that an interval includes
LEAST_SHAPE = 1.0  # a share's standard deviation is at most the share itself; assumption
UNSEEN = 0.5  # units added to a possible category, which whole counts may leave empty (Jeffreys)
MARGIN_ERROR = 3e-5  # share of a place's units by which a fitted margin may be off; assumption
MOST_ROUNDS = 2_000
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Drawn:
    """Draws of one place: `expected` given the parameters, and `whole` units, (draws, R, K)."""

    expected: Floats
    whole: Floats

    @property
    def between(self) -> Floats:
        """Variance of the expected count over draws of the parameters, shape (R, K)."""
        return np.asarray(self.expected.var(axis=0), dtype=np.float64)

    @property
    def within(self) -> Floats:
        """Mean squared distance of whole draws from what their parameters expect, (R, K)."""
        return np.asarray(((self.whole - self.expected) ** 2).mean(axis=0), dtype=np.float64)


def national_lifts(
    counts: Floats, possible: Flags, concentration: float, rng: np.random.Generator, draws: int
) -> Floats:
    """Draw by how much the country's shares may differ from the model's, shape (draws, R, K).

    `counts` (R, K) are the model's for the whole country; shares of each row are drawn from a
    Dirichlet around them, of a concentration in units. A lift is the drawn share over the model's.
    The gamma variable of a category has a shape of at least one: a Dirichlet would have a rare
    category nearly always vanish, although the model says that there is some of it.
    """
    shares = _national_shares(counts, possible)
    shape = np.maximum(concentration * shares, LEAST_SHAPE)
    lifts = rng.standard_gamma(np.broadcast_to(shape, (draws, *shape.shape))) / shape
    whole = (shares * lifts).sum(axis=-1, keepdims=True)
    return np.asarray(np.where(possible, lifts / np.maximum(whole, 1e-300), 1.0))


def pooled_lifts(shares: Floats, counts: Floats, possible: Flags) -> Floats:
    """Return lifts (draws, R, K) of pooled draws of the country's shares, (draws, R, K)."""
    return np.asarray(np.where(possible, shares / _national_shares(counts, possible), 1.0))


def _national_shares(counts: Floats, possible: Flags) -> Floats:
    """Return shares by row (R, K), no possible category without any."""
    filled = np.where(possible, counts + UNSEEN, 0.0)
    return np.asarray(filled / np.maximum(filled.sum(axis=-1, keepdims=True), 1e-300))


def place_shares(
    counts: Floats,
    national: Floats,
    possible: Flags,
    lifts: Floats,
    concentration: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Draw shares by row of one place, shape (draws, R, K).

    `counts` (R, K) are the model's there, `national` (R, K) the country's, of which a place with an
    empty category expects half a unit at most; `lifts` (draws, R, K) move them with the country,
    `concentration` (draws,) says how far the place stands from that.
    """
    shares, units = _national_shares(national, possible), counts.sum(axis=-1, keepdims=True)
    own = np.where(units > 0, counts + np.minimum(UNSEEN, units * shares), shares)
    mean = np.where(possible, own, 0.0) * lifts
    mean /= np.maximum(mean.sum(axis=-1, keepdims=True), 1e-300)
    return dirichlet(np.asarray(concentration)[:, None, None] * mean, rng)


def whole_rows(shares: Floats, totals: Floats, rng: np.random.Generator) -> Drawn:
    """Draw whole units by row: multinomial; `totals` (draws, R) are the units of each row."""
    units = np.rint(totals).astype(np.int64)
    safe = shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300)
    whole = rng.multinomial(units, safe).astype(np.float64)
    return Drawn(units[..., None] * shares, whole)


def whole_table(shares: Floats, rows: Floats, columns: Floats, rng: np.random.Generator) -> Drawn:
    """Draw whole units under known margins: odds ratios from the shares, levels from the margins.

    `rows` (draws, R) and `columns` (K,) have equal sums. The spread that is left once the margins
    hold is that of gamma variables of the expected counts, fitted to the same margins: in the
    normal limit the variance of the conditional (non-central hypergeometric) distribution.
    """
    expected = transfer_dependence(shares, rows, columns, error=MARGIN_ERROR)
    noisy = _shaken(expected, rng)
    fitted = transfer_dependence(noisy, rows, columns, error=MARGIN_ERROR)
    return Drawn(expected, np.rint(fitted))


def _shaken(expected: Floats, rng: np.random.Generator) -> Floats:
    """Return gamma variables of mean and variance `expected`, as shares of each table."""
    size = expected.shape
    flat = expected.reshape(size[0], -1)
    shares = dirichlet(flat, rng)
    return np.asarray(shares.reshape(size), dtype=np.float64)


def whole_cube(seed: Floats, margins: list[TableMargin], rng: np.random.Generator) -> Drawn:
    """Draw whole units of tables of any shape under margins, exact or intervals.

    `seed` has shape (draws, ...), each table summing to its units; margins keep the last axis of
    `np.moveaxis(seed, 0, -1)`, over which draws stand side by side.
    """
    expected = _fitted(seed, margins)
    noisy = _shaken(expected, rng) * expected.sum(axis=tuple(range(1, seed.ndim)), keepdims=True)
    return Drawn(expected, np.rint(_fitted(noisy, margins)))


def _fitted(seed: Floats, margins: list[TableMargin]) -> Floats:
    cells = np.ascontiguousarray(np.moveaxis(seed, 0, -1))
    tolerance = MARGIN_ERROR * max(float(seed[0].sum()), 1.0)
    fit = fit_table(cells, margins, tolerance=tolerance, max_iterations=MOST_ROUNDS)
    return np.moveaxis(fit.cells, -1, 0)


def bounds(whole: Floats, estimate: Floats, probability: float) -> tuple[Floats, Floats]:
    """Return (low, high) of the central interval of whole draws (draws, ...) around an estimate.

    Order statistics at (draws + 1) p (Weibull), so that few draws do not make it narrow.
    """
    tail = (1.0 - probability) / 2.0
    low, high = np.quantile(whole, (tail, 1.0 - tail), axis=0, method="weibull")
    return np.minimum(low, estimate) - HALF, np.maximum(high, estimate) + HALF


def open_cells(possible: Flags) -> Flags:
    """Return which cells (R, K) known margins leave open.

    A possible cell is fixed by the margins of its table exactly if it lies on no cycle of the graph
    that ties its rows and columns by possible cells.
    """
    return _open_cells(possible.shape, possible.tobytes()).copy()


@lru_cache(maxsize=4096)
def _open_cells(shape: tuple[int, int], cells: bytes) -> Flags:
    possible = np.frombuffer(cells, dtype=np.bool_).reshape(shape)
    found = np.zeros(shape, dtype=np.bool_)
    for row, column in np.argwhere(possible):
        rest = possible.copy()
        rest[row, column] = False
        found[row, column] = _joined(rest, int(row), int(column))
    return found


def _joined(possible: Flags, row: int, column: int) -> bool:
    """Tell whether a row and a column are tied by a chain of possible cells."""
    rows = np.zeros(len(possible), dtype=np.bool_)
    rows[row] = True
    while True:
        columns = np.asarray(possible[rows].any(axis=0), dtype=np.bool_)
        if columns[column]:
            return True
        grown = np.asarray(rows | possible[:, columns].any(axis=1), dtype=np.bool_)
        if (grown == rows).all():
            return False
        rows = grown
