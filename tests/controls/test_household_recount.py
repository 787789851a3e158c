"""Residuals of tables of households, and the reviewer's own count of the same cells."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl
import pytest
from household_figures import (
    BY_SIZE,
    BY_TYPE,
    ELMAU,
    ELMAU_BOTH,
    ELMAU_TYPES,
    SIZES,
    TYPES,
    Publish,
    publish,
    types,
)

from synthestat.diagnostics.residuals import _control_rows, observed_counts
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.review.controls import expected_status
from synthestat.review.definitions import Definitions
from synthestat.review.recount import recount

__all__ = ["publish"]  # a fixture, found by its name


def written() -> pl.DataFrame:
    """Return the private households of zone 05 that ELMAU_BOTH counts, and one of 06."""
    sizes, kinds = [], []
    first = {"1": 1, "2": 2, "3": 3, "4-5": 5, "6+": 9}
    one_of = dict(zip(TYPES, [*HOUSEHOLD_TYPES[:3], "lone_father", "other"], strict=True))
    for cell, count in enumerate(ELMAU_BOTH):
        sizes += [first[SIZES[cell // len(TYPES)]]] * count
        kinds += [one_of[TYPES[cell % len(TYPES)]]] * count
    return pl.DataFrame(
        {
            "zone_code": ["05"] * len(sizes) + ["06"],
            "universe": ["enumerated"] * (len(sizes) + 1),
            "size": [*sizes, 4],
            "household_type": [*kinds, "extended"],
        }
    )


@pytest.fixture
def elmau(workshop: Any, publish: Publish) -> Any:
    """A pack with Elmau's three tables, HARD, and no other figure of households by size."""
    publish("sizes", {"05": ELMAU})
    types(publish, {"05": ELMAU_TYPES})
    publish(
        "both", {"05": ELMAU_BOTH}, axes=[("size", SIZES), ("kind", TYPES)], by=[BY_SIZE, BY_TYPE]
    )
    return workshop


def reported(workshop: Any, households: pl.DataFrame) -> pl.DataFrame:
    published, pack = workshop.published(), workshop.pack()
    return pl.concat(
        _control_rows(table, observed_counts(table, pack, {"households": households}), {})
        for name, table in published.tables.items()
        if name.startswith("h_")
    )


def test_residuals_count_classes_and_groups(elmau: Any) -> None:
    rows = reported(elmau, written()).filter(pl.col("zone") == "05")
    assert rows.get_column("status").unique().to_list() == ["PASS"]
    both = rows.filter(pl.col("control_id") == "h_both")
    assert both.get_column("observed").to_list() == ELMAU_BOTH
    assert both.get_column("category")[1] == "size=1;household_type=couple_without_children"
    moved = written().with_columns(
        size=pl.when(pl.int_range(pl.len()) == 79).then(4).otherwise(pl.col("size"))
    )
    missed = reported(elmau, moved).filter(pl.col("zone") == "05", pl.col("status") == "FAIL")
    assert set(missed.get_column("constraint_id")) == {
        "h_sizes.05.size=4-5",
        "h_sizes.05.size=6+",
        "h_both.05.size=4-5;household_type=extended|other",
        "h_both.05.size=6+;household_type=extended|other",
    }


def test_the_reviewer_recounts_the_same_cells(elmau: Any) -> None:
    """Every row of the builder's residuals, recounted from the pack's files with SQL."""
    households = written()
    rows = reported(elmau, households)
    connection = duckdb.connect()
    connection.register("households", households)
    connection.register("persons", pl.DataFrame({"zone_code": ["05"], "universe": ["enumerated"]}))
    definitions = Definitions(elmau.folder)
    cells, faults = recount(
        definitions, elmau.store(), lambda sql: connection.execute(sql).fetchall()
    )
    assert not [fault for name, fault in faults.items() if name.startswith("h_")]
    mine = {cell.id: cell for cell in cells if cell.control.id.startswith("h_")}
    assert set(mine) == set(rows.get_column("constraint_id"))
    for row in rows.iter_rows(named=True):
        cell = mine[row["constraint_id"]]
        assert (cell.target, cell.observed) == (row["target"], row["observed"]), cell.id
        assert expected_status(cell, set()) == row["status"]
        assert cell.category == row["category"]


def test_the_reviewer_refuses_an_unknown_type(elmau: Any) -> None:
    path = elmau.folder / "controls.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("X: other|extended", "X: other|clan"), encoding="utf-8")
    _, faults = recount(Definitions(elmau.folder), elmau.store(), lambda _: [])
    assert "'clan' is no household type" in faults["h_types"]


def test_a_zone_without_a_row_is_skipped(elmau: Any) -> None:
    rows = reported(elmau, written()).filter(pl.col("zone") == "06")
    assert rows.get_column("status").unique().to_list() == ["SKIP"]
    assert rows.get_column("target").null_count() == rows.height
