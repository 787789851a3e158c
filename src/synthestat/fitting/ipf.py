"""Iterative proportional fitting over any set of overlapping margins.

Deming & Stephan (1940), doi 10.1214/aoms/1177731829; the limit is the table of least
Kullback-Leibler divergence from the seed (Csiszár 1975, doi 10.1214/aop/1176996454).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class CellMargin:
    """A margin over flat cells: `index[i]` is the target that cell i counts for, -1 for none.

    `index` has shape (cells,), `targets` shape (targets,) in units of the table.
    """

    index: Whole
    targets: Floats

    def sums(self, cells: Floats) -> Floats:
        """Return the margin of a table, shape (targets,)."""
        within = self.index >= 0
        sums = np.bincount(self.index[within], cells[within], minlength=len(self.targets))
        return np.asarray(sums, dtype=np.float64)


@dataclass(frozen=True)
class Fit:
    """A fitted table and how far the fit came: `residual` is the largest absolute margin error."""

    cells: Floats
    residual: float
    iterations: int
    converged: bool


def fit_margins(
    seed: Floats,
    margins: Sequence[CellMargin],
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 2000,
) -> Fit:
    """Fit a flat, non-negative seed of shape (cells,) to margins by iterative proportional fitting.

    Zero cells of the seed are structural and stay zero. `tolerance` is relative to the largest
    target. Convergence is a returned fact: margins that contradict each other or the zeros end at
    `max_iterations` with `converged` False and the residual that was left.
    """
    cells = seed.astype(np.float64).copy()
    allowed = tolerance * max((float(m.targets.max(initial=0.0)) for m in margins), default=0.0)
    residual, iteration = np.inf, 0
    while residual > allowed and iteration < max_iterations:
        iteration += 1
        for margin in margins:
            sums = margin.sums(cells)
            factors = np.divide(margin.targets, sums, out=np.zeros_like(sums), where=sums > 0)
            within = margin.index >= 0
            cells[within] *= factors[margin.index[within]]
        residual = largest_error(cells, margins)
    return Fit(cells, residual, iteration, residual <= allowed)


def largest_error(cells: Floats, margins: Sequence[CellMargin]) -> float:
    """Return the largest absolute difference between a table's margins and their targets."""
    errors = (float(np.abs(m.sums(cells) - m.targets).max(initial=0.0)) for m in margins)
    return max(errors, default=0.0)
