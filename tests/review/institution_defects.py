"""Defects of institutional households and their residents, planted in a run that has some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from planted import HOUSEHOLDS, MANIFEST, NOTES, PERSONS, Edit

DEFECTS: list[Any] = []
"""(finding, id of the check that must find it, function that plants it), as pytest parameters."""


def defect(finding: int, check: str) -> Callable[[Edit], Edit]:
    """Register a function that plants a defect in a run with institutions."""

    def register(plant: Edit) -> Edit:
        name = f"{finding:02d}-{plant.__name__.removeprefix('plant_')}"
        DEFECTS.append(pytest.param(finding, check, plant, id=name))
        return plant

    return register


def institution(run, kind="care_home"):
    return run.first(HOUSEHOLDS, pl.col("institution") == kind)


def resident(run, kind="care_home"):
    return run.members(institution(run, kind)["household_id"]).row(0, named=True)


@defect(14, "institutions_apart")
def plant_patient_in_a_private_household(run):
    home = run.homes_of()[0]
    run.put(
        *(PERSONS, "person_id", resident(run)["person_id"]),
        household_id=home["household_id"],
        household_role="other_relative",
    )


@defect(14, "institutions_apart")
def plant_private_resident_in_an_institution(run):
    home = run.homes_of("extended")[0]
    member = run.members(home["household_id"]).filter(pl.col("household_role") != "reference")
    run.put(
        *(PERSONS, "person_id", member["person_id"][0]),
        household_id=institution(run)["household_id"],
        household_role="institutional",
    )


@defect(14, "institutions_apart")
def plant_care_home_called_a_prison(run):
    run.put(HOUSEHOLDS, "household_id", institution(run)["household_id"], institution="prison")


@defect(14, "institutions_apart")
def plant_institution_called_private(run):
    run.put(
        *(HOUSEHOLDS, "household_id", institution(run)["household_id"]),
        kind="private",
        institution=None,
    )


@defect(3, "institutional_households")
def plant_institution_with_a_type(run):
    home = institution(run)["household_id"]
    run.put(HOUSEHOLDS, "household_id", home, household_type="other")


@defect(3, "institutional_households")
def plant_institution_with_a_reference_person(run):
    home = institution(run, "student_hall")["household_id"]
    someone = run.members(home)["person_id"][0]
    run.put(HOUSEHOLDS, "household_id", home, reference_person_id=someone)


@defect(3, "institutional_households")
def plant_institution_in_a_dwelling(run):
    home = institution(run)["household_id"]
    run.put(HOUSEHOLDS, "household_id", home, dwelling_id=run.homes_of()[0]["dwelling_id"])


@defect(3, "institutional_households")
def plant_institution_of_no_kind(run):
    run.put(HOUSEHOLDS, "household_id", institution(run)["household_id"], institution=None)


@defect(3, "institutional_households")
def plant_resident_with_a_family_role(run):
    run.put(PERSONS, "person_id", resident(run)["person_id"], household_role="reference")


@defect(3, "institutional_households")
def plant_family_member_with_the_role_institutional(run):
    member = run.first(PERSONS, pl.col("household_role") == "child")
    run.put(PERSONS, "person_id", member["person_id"], household_role="institutional")


@defect(3, "household_type")
def plant_private_household_without_a_type(run):
    run.put(HOUSEHOLDS, "household_id", run.homes_of()[0]["household_id"], household_type=None)


@defect(6, "household_members")
def plant_private_household_without_a_reference_person(run):
    run.put(HOUSEHOLDS, "household_id", run.homes_of()[0]["household_id"], reference_person_id=None)


@defect(14, "institutional_links")
def plant_couple_within_an_institution(run):
    one, other = run.members(institution(run)["household_id"])["person_id"][:2]
    run.put(PERSONS, "person_id", one, partner_id=other)
    run.put(PERSONS, "person_id", other, partner_id=one)


@defect(14, "institutional_links")
def plant_child_whose_mother_lives_in_a_care_home(run):
    home = institution(run)["household_id"]
    mother = run.members(home).filter(pl.col("sex") == "female")["person_id"][0]
    child = run.first(PERSONS, pl.col("household_role") == "child")
    run.put(PERSONS, "person_id", child["person_id"], mother_id=mother)


@defect(3, "closed_words")
def plant_unknown_kind_of_institution(run):
    run.put(HOUSEHOLDS, "household_id", institution(run)["household_id"], institution="monastery")


@defect(17, "intervals")
def plant_institutions_without_an_interval(run):
    run.change("uncertainty", lambda table: table.filter(pl.col("universe") != "care"))


@defect(13, "household_summary")
def plant_residents_of_institutions_hidden_in_the_diagnostics(run):
    run.edit_json(
        "household_diagnostics.json",
        lambda figures: figures["institutional_residents_by_kind"].update(care_home=15),
    )


@defect(13, "notes_figures")
def plant_residents_of_institutions_hidden_in_the_notes(run):
    run.edit_text(
        NOTES,
        lambda text: text.replace(
            "| `institutional_residents` | 245 |", "| `institutional_residents` | 24 |"
        ),
    )


@defect(13, "manifest_coverage")
def plant_institutions_left_out_of_the_manifest(run):
    run.edit_json(MANIFEST, lambda m: m["coverage"]["built"]["households"].update(care=0))
