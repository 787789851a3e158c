"""A country's intervals beside its zones': deviations add up at most, widths with some room."""

from __future__ import annotations

import polars as pl
import pytest
from planted.kit import INTERVALS, PlantedRun

from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run

ROOT = "ZZ"
KEY = ("quantity", "universe", "category")


@pytest.fixture
def planted(tiny_run, tiny_snapshots, tmp_path) -> PlantedRun:
    return PlantedRun(tiny_run, tiny_snapshots, tmp_path)


def widest(run: PlantedRun) -> dict:
    """The country's row with the widest interval, and what its zones come to together."""
    table = run.table(INTERVALS)
    zones = (
        table.filter(pl.col("zone") != ROOT)
        .group_by(KEY)
        .agg(
            widths=(pl.col("high") - pl.col("low")).sum(),
            deviations=(pl.col("between") + pl.col("within")).sqrt().sum(),
        )
    )
    country = table.filter(pl.col("zone") == ROOT).join(zones, on=KEY)
    return country.sort(pl.col("high") - pl.col("low"), descending=True).row(0, named=True)


def judged(run: PlantedRun, row: dict, **values: float) -> Check:
    """The check of widths, once the row has other values."""
    same = pl.all_horizontal(pl.col("zone") == ROOT, *(pl.col(k) == row[k] for k in KEY))
    run.change(
        INTERVALS,
        lambda table: table.with_columns(
            pl.when(same).then(pl.lit(v)).otherwise(pl.col(k)).alias(k) for k, v in values.items()
        ),
    )
    run.seal()
    checks = verify_run(run.folder, run.snapshots).checks
    return next(check for check in checks if check.id == "interval_widths")


@pytest.mark.parametrize(("times", "status"), [(1.05, Status.PASS), (1.2, Status.FAIL)])
def test_a_country_is_little_wider_than_its_zones_together(planted, times, status):
    row = widest(planted)
    check = judged(planted, row, high=row["low"] + times * row["widths"])
    assert check.status is status, check.offending


@pytest.mark.parametrize(("times", "status"), [(1.0, Status.PASS), (1.01, Status.FAIL)])
def test_a_country_varies_no_more_than_its_zones_together(planted, times, status):
    row = widest(planted)
    variance = (times * row["deviations"]) ** 2
    check = judged(planted, row, between=variance, within=0.0)
    assert check.status is status, check.offending
    if status is Status.FAIL:
        assert "standard deviation" in check.offending[0]
