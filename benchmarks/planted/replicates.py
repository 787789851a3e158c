"""Further populations of a run with replicates: each must hold what the first does (finding 9)."""

from __future__ import annotations

import shutil
from typing import Any

import polars as pl

from planted.kinds import GRADED, REPLICATES, kind
from planted.kit import DWELLINGS, HOUSEHOLDS, PERSONS, PlantedRun

SECOND = "replicates/002"


@kind(9, "replicates", *GRADED, base=REPLICATES)
def persons_of_a_replicate_lost(run: PlantedRun) -> None:
    name = f"{SECOND}/{PERSONS}"
    gone = run.take(run.table(name))["person_id"].implode()
    run.change(name, lambda table: table.filter(~pl.col("person_id").is_in(gone)))


@kind(9, "replicates", *GRADED, base=REPLICATES)
def persons_of_a_replicate_a_year_older(run: PlantedRun) -> None:
    name = f"{SECOND}/{PERSONS}"
    people = run.take(run.table(name).filter(pl.col("age") == 40))["person_id"]
    run.put(name, "person_id", people, age=41)


@kind(9, "replicates", *GRADED, base=REPLICATES)
def dwellings_of_a_replicate_that_name_nobody(run: PlantedRun) -> None:
    name = f"{SECOND}/{DWELLINGS}"
    lived_in = run.take(run.table(name).filter(pl.col("household_count") > 0))["dwelling_id"]
    run.put(name, "dwelling_id", lived_in, household_ids=None)


@kind(9, "replicates", *GRADED, base=REPLICATES)
def vacant_dwellings_of_a_replicate_that_are_lived_in(run: PlantedRun) -> None:
    name = f"{SECOND}/{DWELLINGS}"
    lived_in = run.take(run.table(name).filter(pl.col("household_count") > 0))["dwelling_id"]
    run.put(name, "dwelling_id", lived_in, occupancy="vacant")


@kind(9, "replicates", *GRADED, base=REPLICATES)
def types_of_a_replicate_that_its_members_contradict(run: PlantedRun) -> None:
    name = f"{SECOND}/{HOUSEHOLDS}"
    homes = run.table(name).filter(pl.col("household_type") == "couple_with_children")
    run.put(name, "household_id", run.take(homes)["household_id"], household_type="single")


@kind(9, "replicates", base=REPLICATES)
def replicate_missing(run: PlantedRun) -> None:
    shutil.rmtree(run.path(SECOND))
    run.altered.add(SECOND)


@kind(9, "replicates", base=REPLICATES)
def replicate_unstated(run: PlantedRun) -> None:
    shutil.copytree(run.path(SECOND), run.path("replicates/009"))
    run.altered.add("replicates/009")


@kind(9, "replicates", *GRADED, base=REPLICATES)
def share_inside_the_intervals_altered(run: PlantedRun) -> None:
    def lower(summary: dict[str, Any]) -> None:
        for entry in run.pick(summary["replicates"]["quantities"]):
            entry["inside"] -= 0.001

    run.edit_json("uncertainty_summary.json", lower)
