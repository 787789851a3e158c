"""Releases and their disclosure checks, on invented layers: finding 27."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, LAYERED, kind
from planted.kit import PERSONS, RESIDUALS, PlantedRun

REPORT = "privacy_report.json"
STATEMENT = (
    "Made from published aggregate tables alone; three disclosure checks were run and passed."
)


def release(run: PlantedRun) -> None:
    """Make the run public, every file saying SYNTHETIC, with disclosure checks that hold."""
    people = run.table(PERSONS)
    keys = ["zone_code", "age", "sex"]
    sizes = people.group_by(keys).len()["len"]
    telling = [
        control["id"]
        for control in run.controls()
        if control["counts"] == "persons" and control.get("by")
    ]
    groups, determined = published_groups(run, telling)
    small, unique = int((sizes < 3).sum()), int((sizes == 1).sum())
    checks: list[dict[str, Any]] = [
        {"id": "small_cells", "keys": keys, "least": 3, "cells": len(sizes), "small": small},
        {"id": "uniqueness", "keys": keys, "unique": unique},
        {"id": "determined_claims", "controls": telling},
    ]
    checks[2] |= {"groups": groups, "determined": determined}
    for check, most in zip(checks, (small, unique, determined), strict=True):
        check |= {"most": most, "result": "PASS"}
    told = {"release_mode": "public", "checks": checks, "statement": STATEMENT}
    run.edit_json(REPORT, lambda report: report.update(told))
    for path in sorted(run.folder.rglob("*")):
        if not path.is_file() or path.parent.name == "pack" or path.suffix == ".sha256":
            continue
        if path.suffix == ".json":
            run.edit_json(path.name, lambda document: document.setdefault("notice", "SYNTHETIC"))
        elif path.suffix == ".parquet" and not run.said(path.stem):
            run.write(path.stem, run.table(path.stem), {"notice": "SYNTHETIC"})


def published_groups(run: PlantedRun, controls: list[str]) -> tuple[int, int]:
    """Groups of the residual rows, by control, zone and all but the last column, and given away."""
    rows = run.table(RESIDUALS).filter(pl.col("control_id").is_in(controls))
    rows = rows.filter(pl.col("target").is_not_null())
    inside = pl.when(pl.col("category").str.contains(";")).then(
        pl.col("category").str.replace(r";[^;]*$", "")
    )
    held = rows.group_by("control_id", "zone", inside.alias("group")).agg(
        pl.len(), pl.col("target").sum(), some=(pl.col("target") > 0).sum()
    )
    held = held.filter(pl.col("len") > 1, pl.col("target") > 0)
    return len(held), int((held["some"] == 1).sum())


def restate(run: PlantedRun, name: str, **values: object) -> None:
    """Make a release of which one disclosure check says something else."""

    def edit(report: dict[str, Any]) -> None:
        next(each for each in report["checks"] if each["id"] == name).update(values)

    release(run)
    run.edit_json(REPORT, edit)


@kind(27, "release_mode", base=LAYERED)
def release_of_an_unknown_mode(run: PlantedRun) -> None:
    release(run)
    run.edit_json(REPORT, lambda report: report.update(release_mode="open"))


@kind(27, "release_mode", base=LAYERED)
def release_without_a_check_of_uniqueness(run: PlantedRun) -> None:
    release(run)
    run.edit_json(REPORT, lambda report: report["checks"].pop(1))


@kind(27, "release_mode", base=LAYERED)
def check_without_a_result(run: PlantedRun) -> None:
    restate(run, "small_cells", result=None)


@kind(27, "release_mode", base=LAYERED)
def release_although_a_check_failed(run: PlantedRun) -> None:
    restate(run, "small_cells", result="FAIL", most=0)
    run.edit_json(REPORT, lambda report: report["findings"].append("small cells remain"))


@kind(27, "disclosure_figures", base=LAYERED)
def fewer_small_cells(run: PlantedRun) -> None:
    restate(run, "small_cells", small=0)


@kind(27, "disclosure_figures", base=LAYERED)
def nobody_unique(run: PlantedRun) -> None:
    restate(run, "uniqueness", unique=0)


@kind(27, "disclosure_figures", base=LAYERED)
def uniqueness_on_harmless_keys(run: PlantedRun) -> None:
    release(run)
    unique = int((run.table(PERSONS).group_by("sex").len()["len"] == 1).sum())
    restate(run, "uniqueness", keys=["sex"], unique=unique)


@kind(27, "disclosure_figures", base=LAYERED)
def no_claim_determined(run: PlantedRun) -> None:
    restate(run, "determined_claims", determined=0, groups=1)


@kind(27, "disclosure_figures", base=LAYERED)
def table_whose_claims_nobody_looked_at(run: PlantedRun) -> None:
    release(run)
    report = run.read_json(REPORT)
    named = report["checks"][2]["controls"][:1]
    groups, determined = published_groups(run, named)
    restate(run, "determined_claims", controls=named, groups=groups, determined=determined)


@kind(27, "disclosure_figures", base=LAYERED)
def failed_check_called_passed(run: PlantedRun) -> None:
    restate(run, "small_cells", most=-1)


@kind(27, "synthetic_notice", *GRADED, base=LAYERED)
def released_file_that_does_not_say_synthetic(run: PlantedRun) -> None:
    release(run)
    for path in run.pick(sorted(run.folder.glob("*.json"))):
        run.edit_json(path.name, lambda document: document.pop("notice"))
