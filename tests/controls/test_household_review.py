"""Runs with tables of households by size and type, as the reviewer judges them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from household_figures import Publish, publish, types

import synthestat
from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run

__all__ = ["publish"]  # a fixture, found by its name
FLORA = [20, 30, 30, 50, 20]  # zone 04, whose households nobody counts otherwise
CROWDED = [30, 16, 8, 16, 10]  # zone 05: ten households of six and more hold a hundred persons
CROWDED_TYPES = [34, 10, 20, 8, 8]  # FIRM: four single persons more than there are homes of one


@pytest.fixture
def run(workshop: Any, publish: Publish, tmp_path: Path) -> Path:
    """Tinyland with sizes of zones 04 and 05, types of 05, and a table of 06 that is only shown."""
    publish("sizes", {"04": FLORA, "05": CROWDED})
    types(publish, {"05": CROWDED_TYPES}, level="FIRM")
    publish("shown", {"06": [10, 10, 10, 20, 10]}, level="INFORMATIONAL")
    return synthestat.build(workshop.folder, seed=2, out=tmp_path / "runs", workers=1)


def check_of(workshop: Any, run: Path, name: str) -> Check:
    checks = verify_run(run, workshop.store()).checks
    return next(check for check in checks if check.id == name)


def test_a_binding_table_publishes_the_count_and_a_shown_one_does_not(
    workshop: Any, run: Path, tmp_path: Path
) -> None:
    path = run / "uncertainty.parquet"
    uncertain = pl.read_parquet(path)
    homes = pl.col("quantity") == "households"
    counted = homes & (pl.col("universe") == "enumerated")
    assert uncertain.filter(counted).get_column("zone").to_list() == ["06"]
    assert check_of(workshop, run, "intervals").status is Status.PASS
    planted = Path(shutil.copytree(run, tmp_path / "planted"))
    uncertain.filter(~counted).write_parquet(planted / path.name)
    check = check_of(workshop, planted, "intervals")
    assert check.status is Status.FAIL
    assert "households 06 enumerated: " in check.notes
    assert "is modelled, and has no interval" in check.notes


def test_what_tables_of_households_force_is_a_doubt_and_no_fault(workshop: Any, run: Path) -> None:
    """Sizes hold the capped sum below what persons alone could reach; types move inside one sum."""
    verification = verify_run(run, workshop.store())
    assert [f"{c.id}: {c.notes}" for c in verification.checks if c.status is Status.FAIL] == []
    check = next(c for c in verification.checks if c.id == "relaxations_minimal")
    assert check.status is Status.WARN
    capped = "relax.household_persons_capped.05: tables by size or type bound it too"
    moved = "h_types, 05: 8 moved, the margin itself demands 0"
    assert {capped, moved} <= set(check.offending)


def test_a_false_figure_of_a_shown_table_is_found(workshop: Any, run: Path, tmp_path: Path) -> None:
    planted = Path(shutil.copytree(run, tmp_path / "planted"))
    path = planted / "constraint_residuals.parquet"
    row = pl.col("constraint_id") == "h_shown.06.size=1"
    shown = pl.read_parquet(path)
    assert shown.filter(row).get_column("residual")[0] not in (None, 0)
    for column in ("residual", "relative_error"):
        shown.with_columns(pl.when(~row).then(column)).write_parquet(path)
        check = check_of(workshop, planted, "residual_rows")
        assert check.status is Status.FAIL
        assert "h_shown.06.size=1: " in check.notes
