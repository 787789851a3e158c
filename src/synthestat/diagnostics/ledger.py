"""The rows of uncertainty.parquet as they come, and what the spread of each quantity comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.packs.registry import Floats
from synthestat.packs.spread import Spread
from synthestat.synthesis.uncertainty import Drawn, stated

SCHEMA: dict[str, pl.DataType] = {
    "quantity": pl.String(),
    "zone": pl.String(),
    "universe": pl.String(),
    "category": pl.String(),
    "estimate": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "interval": pl.Float64(),
    "between": pl.Float64(),
    "within": pl.Float64(),
    "method": pl.String(),
}
"""Columns of uncertainty.parquet: `interval` is a probability, null where bounds are declared;
`between` and `within` are variances, over parameters and given them."""
Place = tuple[str, str]
"""A zone and a universe."""


@dataclass
class Ledger:
    """Columns so far, and where the spread of each (quantity, universe) comes from."""

    spread: Spread
    columns: dict[str, list[object]] = field(default_factory=lambda: {name: [] for name in SCHEMA})
    sources: dict[Place, Mapping[str, object]] = field(default_factory=dict)

    def add(
        self,
        quantity: str,
        place: Place,
        categories: Sequence[str],
        figures: Mapping[str, Floats],
        interval: float | None,
        method: str,
    ) -> None:
        """Add cells of one quantity and place; `figures` are those of the schema, one a cell."""
        many = len(categories)
        columns: dict[str, list[object]] = {
            "quantity": [quantity] * many,
            "zone": [place[0]] * many,
            "universe": [place[1]] * many,
            "category": list(categories),
            "interval": [interval] * many,
            "method": [method] * many,
            **{
                name: np.asarray(values, dtype=np.float64).tolist()
                for name, values in figures.items()
            },
        }
        for name, kept in self.columns.items():
            kept.extend(columns[name])

    def state(
        self,
        quantity: str,
        place: Place,
        categories: Sequence[str],
        built: Floats,
        drawn: Drawn,
        chosen: NDArray[np.bool_],
        method: str,
    ) -> None:
        """Add the chosen cells of a place, with intervals from its draws."""
        if chosen.any():
            names = [name for name, kept in zip(categories, chosen.ravel(), strict=True) if kept]
            probability = self.spread.probability
            figures = stated(drawn, built, chosen, probability)
            self.add(quantity, place, names, figures, probability, method)

    def table(self) -> pl.DataFrame:
        """Return all rows, columns as in SCHEMA."""
        return pl.DataFrame(self.columns, schema=SCHEMA)
