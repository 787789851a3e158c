"""Intervals of modelled counts on the rows of residuals."""

from __future__ import annotations

import polars as pl

from synthestat.controls.household_totals import HouseholdTotal
from synthestat.diagnostics.residuals import SCHEMA, with_intervals


def test_an_interval_stands_on_the_count_of_all_households_alone() -> None:
    """A cell by size without a figure is of the same family; that interval is not its own."""
    shared = {"zone": "04", "universe": "enumerated", "family": "household_count"}
    rows = pl.DataFrame(
        [
            shared | {"constraint_id": "total.04", "category": ""},
            shared | {"constraint_id": "sizes.04.size=1", "category": "size=1"},
            shared | {"constraint_id": "sizes.04.size=2", "category": "size=2", "high": 9.0},
            shared | {"constraint_id": "told.04", "category": "", "target": 140},
        ],
        schema=SCHEMA,
    )
    total = HouseholdTotal("04", "enumerated", 150, 120.0, 180.0, "modelled", "ratio")
    found = with_intervals(rows, (total,))
    assert found.select("low", "high").rows() == [
        (120.0, 180.0),
        (None, None),
        (None, 9.0),
        (None, None),
    ]
    assert found.columns == list(SCHEMA)
