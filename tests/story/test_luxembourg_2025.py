"""Luxembourg on 1 January 2025: residents exact, the census of 2021 carried forward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from synthestat.packs.pack import find_pack
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

pytestmark = pytest.mark.national
COMMUNES = 100
MERGED = {"LU0000711": 2_352, "LU0001209": 3_270}


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def residuals(folder: Path, control: str) -> pl.DataFrame:
    rows = pl.read_parquet(folder / "constraint_residuals.parquet")
    return rows.filter(pl.col("control_id") == control)


def test_the_country_is_there_to_the_last_person(lu_2025_run: Path) -> None:
    built = load(lu_2025_run, "build_manifest.json")["coverage"]["built"]
    assert built["persons"] == {"all": 681_973, "private": 670_642, "institutional": 11_331}
    assert built["dwellings"] == {"all": None}
    persons = pl.read_parquet(lu_2025_run / "synthetic_persons.parquet")
    assert persons["zone_code"].n_unique() == COMMUNES
    counts = dict(persons.group_by(pl.col("zone_code").cast(pl.String)).len().iter_rows())
    assert {zone: counts[zone] for zone in MERGED} == MERGED


def test_what_binds_is_exact_and_nothing_is_relaxed(lu_2025_run: Path) -> None:
    rows = pl.read_parquet(lu_2025_run / "constraint_residuals.parquet")
    judged = rows.filter(pl.col("level").is_in(["HARD", "FIRM"]))
    assert judged.filter(pl.col("level") == "HARD").height == COMMUNES
    assert judged.filter(pl.col("level") == "FIRM").height == COMMUNES * 2
    assert (judged["residual"] == 0).all()
    assert load(lu_2025_run, "relaxations.json")["relaxations"] == []


def test_the_review_finds_nothing_false(lu_2025_run: Path) -> None:
    verification = verify_run(lu_2025_run, SnapshotStore(find_pack("LU-2025").snapshots))
    assert not [check for check in verification.checks if check.status == "FAIL"]


def test_guides_of_merged_communes_are_the_sums_of_2021(lu_2025_run: Path) -> None:
    for control in ("persons_sex_age", "persons_citizenship", "persons_marital_status"):
        rows = residuals(lu_2025_run, control)
        assert rows["target"].sum() == 643_941
        assert rows["zone"].n_unique() == COMMUNES
        assert set(rows["status"]) == {"SKIP"}


def test_every_commune_has_the_pyramid_of_2021(lu_2025_run: Path) -> None:
    rows = residuals(lu_2025_run, "persons_sex_age")
    sums = pl.col("observed").sum().over("zone") / pl.col("target").sum().over("zone")
    rows = rows.with_columns(apart=(pl.col("observed") - pl.col("target") * sums).abs())
    assert rows["apart"].max() < 8  # whole persons in ten cells of single years each
    assert rows["apart"].mean() < 1.2


def test_what_the_census_told_is_called_modelled(lu_2025_run: Path) -> None:
    names = ("age", "sex", "citizenship", "country_of_birth", "marital_status")
    persons = pl.read_parquet(lu_2025_run / "synthetic_persons.parquet")
    words = persons.select(pl.col(f"{name}_evidence").cast(pl.String) for name in names).unique()
    assert words.rows() == [("modelled",) * len(names)]


def test_households_have_intervals_in_communes_and_country(lu_2025_run: Path) -> None:
    homes = pl.read_parquet(lu_2025_run / "uncertainty.parquet").filter(
        pl.col("quantity") == "households", pl.col("universe") == "private"
    )
    country = homes.row(by_predicate=pl.col("zone") == "LU", named=True)
    communes = homes.filter(pl.col("zone") != "LU")
    assert communes.height == COMMUNES
    assert communes["estimate"].sum() == country["estimate"]
    assert 258_000 < country["estimate"] < 272_000
    assert 0.03 < country["high"] / country["estimate"] - 1 < 0.06
    assert (communes["low"] < communes["estimate"]).all()
    assert (communes["estimate"] < communes["high"]).all()


def test_soft_targets_are_met_but_the_one_that_cannot_be(lu_2025_run: Path) -> None:
    rows = {r["id"]: r for r in load(lu_2025_run, "household_diagnostics.json")["soft_targets"]}
    assert {name for name, row in rows.items() if not row["met"]} == {"lu.target.couples"}
    assert rows["lu.target.foreigners"]["observed"] == pytest.approx(0.473, abs=1e-5)


def test_the_old_live_in_institutions_and_nobody_under_age_was_married(lu_2025_run: Path) -> None:
    persons = pl.read_parquet(lu_2025_run / "synthetic_persons.parquet")
    old = persons.filter(pl.col("age").is_between(85, 89))
    apart = pl.col("universe").cast(pl.String) == "institutional"
    share = dict(old.group_by(pl.col("sex").cast(pl.String)).agg(apart.mean()).iter_rows())
    assert 0.17 < share["male"] < 0.22
    assert 0.32 < share["female"] < 0.375
    status = pl.col("marital_status").cast(pl.String)
    young = persons.filter(pl.col("age") < 18)
    assert young.filter(status.is_in(["married", "widowed", "divorced"])).is_empty()
