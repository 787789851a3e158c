"""Institutional households and their residents, in a run that has some: findings 3, 6, 13, 14."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, INSTITUTIONS, NotApplicable, kind
from planted.kit import HOUSEHOLDS, MANIFEST, NOTES, PERSONS, PlantedRun


def institutions(run: PlantedRun) -> pl.DataFrame:
    """Institutional households. NotApplicable if there are none."""
    found = run.table(HOUSEHOLDS).filter(pl.col("kind") == "institutional")
    if not len(found):
        raise NotApplicable("no resident lives in an institution")
    return found


def residents(run: PlantedRun) -> pl.DataFrame:
    """Their residents."""
    return run.people().join(institutions(run).select("household_id"), on="household_id")


def other_kind(run: PlantedRun) -> str:
    """A kind of institution that the run does not have."""
    there = institutions(run)["institution"].unique().to_list()
    return next(word for word in ("prison", "barracks", "religious") if word not in there)


@kind(14, "institutions_apart", *GRADED, base=INSTITUTIONS)
def patient_in_a_private_household(run: PlantedRun) -> None:
    people = run.take(residents(run))
    home = run.homes()["household_id"][0]
    relative = {"household_id": home, "household_role": "other_relative"}
    run.put(PERSONS, "person_id", people["person_id"], **relative)


@kind(14, "institutions_apart", *GRADED, base=INSTITUTIONS)
def private_resident_in_an_institution(run: PlantedRun) -> None:
    home = institutions(run)["household_id"][0]
    people = run.take(run.people(pl.col("household_role") == "other_relative"))
    moved = {"household_id": home, "household_role": "institutional"}
    run.put(PERSONS, "person_id", people["person_id"], **moved)


@kind(14, "institutions_apart", *GRADED, base=INSTITUTIONS)
def institution_of_another_kind(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, institution=other_kind(run))


@kind(14, "institutions_apart", *GRADED, base=INSTITUTIONS)
def institution_called_private(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, kind="private", institution=None)


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def institution_with_a_type(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, household_type="other")


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def institution_with_a_reference_person(run: PlantedRun) -> None:
    first = residents(run).unique("household_id", keep="first", maintain_order=True)
    chosen = run.take(first).select("household_id", reference_person_id="person_id")
    run.put_rows(HOUSEHOLDS, "household_id", chosen)


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def institution_in_a_dwelling(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, dwelling_id=1)


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def institution_of_no_kind(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, institution=None)


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def resident_with_a_family_role(run: PlantedRun) -> None:
    people = run.take(residents(run))["person_id"]
    run.put(PERSONS, "person_id", people, household_role="reference")


@kind(3, "institutional_households", *GRADED, base=INSTITUTIONS)
def family_member_with_the_role_institutional(run: PlantedRun) -> None:
    institutions(run)
    members = run.take(run.people(pl.col("household_role") == "child"))["person_id"]
    run.put(PERSONS, "person_id", members, household_role="institutional")


@kind(14, "institutional_links", *GRADED, base=INSTITUTIONS)
def couple_within_an_institution(run: PlantedRun) -> None:
    people = residents(run).with_columns(
        place=pl.int_range(pl.len()).over("household_id"),
        other=pl.col("person_id").shift(-1).over("household_id"),
    )
    pairs = run.take(people.filter(pl.col("place") % 2 == 0, pl.col("other").is_not_null()))
    ones = pairs.select("person_id", partner_id="other")
    others = pairs.select(person_id="other", partner_id="person_id")
    run.put_rows(PERSONS, "person_id", pl.concat([ones, others]))


@kind(14, "institutional_links", *GRADED, base=INSTITUTIONS)
def child_whose_mother_lives_in_an_institution(run: PlantedRun) -> None:
    mother = residents(run).filter(pl.col("sex") == "female")["person_id"][0]
    children = run.take(run.people(pl.col("household_role") == "child"))["person_id"]
    run.put(PERSONS, "person_id", children, mother_id=mother)


@kind(3, "closed_words", *GRADED, base=INSTITUTIONS)
def unknown_kind_of_institution(run: PlantedRun) -> None:
    homes = run.take(institutions(run))["household_id"]
    run.put(HOUSEHOLDS, "household_id", homes, institution="monastery")


@kind(17, "intervals", base=INSTITUTIONS)
def institutions_without_an_interval(run: PlantedRun) -> None:
    universes = institutions(run)["universe"].unique().implode()
    gone = pl.col("universe").is_in(universes) & (pl.col("quantity") == "households")
    if not len(run.table("uncertainty").filter(gone)):
        raise NotApplicable("the number of institutions is not stated")
    run.change("uncertainty", lambda table: table.filter(~gone))


@kind(13, "household_summary", *GRADED, base=INSTITUTIONS)
def residents_of_institutions_hidden_in_the_diagnostics(run: PlantedRun) -> None:
    institutions(run)

    def hide(figures: dict[str, Any]) -> None:
        by_kind = figures["institutional_residents_by_kind"]
        for word in run.pick([word for word, number in by_kind.items() if number]):
            by_kind[word] -= 1

    run.edit_json("household_diagnostics.json", hide)


@kind(13, "notes_figures", base=INSTITUTIONS)
def residents_of_institutions_hidden_in_the_notes(run: PlantedRun) -> None:
    there = f"{len(residents(run)):,}"
    run.edit_text(
        NOTES,
        lambda text: text.replace(
            f"| `institutional_residents` | {there} |", "| `institutional_residents` | 24 |"
        ),
    )


@kind(13, "manifest_coverage", base=INSTITUTIONS)
def institutions_left_out_of_the_manifest(run: PlantedRun) -> None:
    universe = institutions(run)["universe"][0]
    run.edit_json(MANIFEST, lambda m: m["coverage"]["built"]["households"].update({universe: 0}))
