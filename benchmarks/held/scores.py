"""How near a prediction comes to a table that was left out, and whether its intervals hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.errors import InputError
from synthestat.fitting.rounding import largest_remainder

Counts = NDArray[np.int64]
COVERED = ("zone", "category", "low", "high", "estimate")


@dataclass(frozen=True)
class Score:
    """Distance of a prediction from a table of counts.

    `srmse` is the root mean squared residual over the mean cell; `error` the sum of absolute
    residuals over all that is counted (standardised absolute error); `exact` the share of cells
    without a residual; `variation` the median over zones of the total variation of their
    distributions, None where a zone is one cell. Lower is better, but for `exact`.
    """

    cells: int
    srmse: float
    error: float
    exact: float
    variation: float | None


def score(published: Counts, predicted: Counts) -> Score:
    """Score a prediction; both have shape (zones, categories). InputError for unequal shapes."""
    if published.shape != predicted.shape:
        raise InputError(
            f"tables of shapes {published.shape} and {predicted.shape} cannot be compared",
            remedy="count both over the same zones and categories",
        )
    if not published.sum():
        raise InputError("an empty table cannot be scored", remedy="leave another table out")
    residual = (predicted - published).astype(np.float64)
    variation = None
    if published.shape[1] > 1:
        filled = (published.sum(axis=1) > 0) & (predicted.sum(axis=1) > 0)
        p, q = (t[filled] / t[filled].sum(axis=1, keepdims=True) for t in (published, predicted))
        variation = float(np.median(np.abs(p - q).sum(axis=1) / 2))
    return Score(
        cells=published.size,
        srmse=float(np.sqrt((residual**2).mean()) / published.mean()),
        error=float(np.abs(residual).sum() / published.sum()),
        exact=float((residual == 0).mean()),
        variation=variation,
    )


def national_shares(published: Counts, present: Counts) -> Counts:
    """Return the plain prediction: the country's rate of each category in every zone, rounded.

    `published` has shape (zones, categories), `present` (zones,): persons, or households, of each
    zone as built. Rounded by largest remainder within a zone.
    """
    rates = published.sum(axis=0) / max(int(present.sum()), 1)
    plain = np.zeros(published.shape, dtype=np.int64)
    for at in np.flatnonzero(present):
        expected = rates * present[at]
        plain[at] = largest_remainder(expected, round(float(expected.sum())))
    return plain


@dataclass(frozen=True)
class Coverage:
    """Intervals held against published cells: how many there are, hold the cell, and how wide.

    `without` are cells that have no interval; `width` is the median of the width over the estimate.
    """

    cells: int
    held: int
    without: int
    width: float | None

    @property
    def share(self) -> float | None:
        """The share of intervals that hold the published cell; None where there is none."""
        return self.held / self.cells if self.cells else None


def coverage(cells: Mapping[tuple[str, str], int], intervals: pl.DataFrame) -> Coverage:
    """Count how many published cells lie inside their interval, ends included.

    `cells` are counts by (zone, category); `intervals` has the columns COVERED, one row for each.
    """
    bounds = {(zone, category): rest for zone, category, *rest in intervals.rows()}
    found = [(number, bounds[key]) for key, number in cells.items() if key in bounds]
    widths = [(high - low) / mean for _, (low, high, mean) in found if mean > 0]
    return Coverage(
        cells=len(found),
        held=sum(low <= number <= high for number, (low, high, _) in found),
        without=len(cells) - len(found),
        width=float(np.median(widths)) if widths else None,
    )


def read_intervals(run: Path, column: str, universe: str) -> pl.DataFrame:
    """Return a run's 95 % intervals of persons by one column, with the columns COVERED.

    Rows of uncertainty.parquet of the quantity `persons_by_<column>`; an empty table where the run
    gives none, as a run does for what it takes from a table.
    """
    table = pl.read_parquet(run / "uncertainty.parquet")
    none = pl.DataFrame(
        schema=dict.fromkeys(COVERED[:2], pl.String) | dict.fromkeys(COVERED[2:], pl.Float64)
    )
    if "category" not in table.columns:
        return none
    wanted = (pl.col("quantity") == f"persons_by_{column}") & (pl.col("universe") == universe)
    rows = table.filter(wanted).drop_nulls(["category", "low", "high"])
    if "interval" in table.columns:
        rows = rows.filter((pl.col("interval") - 0.95).abs() < 1e-9)
    return rows.select(*COVERED) if len(rows) else none


def summed(
    published: Counts, zones: Sequence[str], categories: Sequence[str]
) -> dict[tuple[str, str], int]:
    """Return counts by (zone, category) of a table (zones, categories), like categories summed."""
    found: dict[tuple[str, str], int] = {}
    for z, zone in enumerate(zones):
        for c, category in enumerate(categories):
            key = (zone, category)
            found[key] = found.get(key, 0) + int(published[z, c])
    return found
