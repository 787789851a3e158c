"""What the checks of attributes say of single persons: never a crash, always somebody by id."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from planted.kit import PERSONS, PlantedRun

from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

WHO = "person_id={person_id}, household_id={household_id}, zone_code={zone_code}"


@pytest.fixture
def run(tiny_run: Path, tiny_snapshots: SnapshotStore, tmp_path: Path) -> PlantedRun:
    """A copy of Tinyland's run, to be damaged."""
    return PlantedRun(tiny_run, tiny_snapshots, tmp_path)


def checks(run: PlantedRun, *ids: str) -> list[Check]:
    run.seal()
    return [check for check in verify_run(run.folder, run.snapshots).checks if check.id in ids]


def married(run: PlantedRun) -> dict[str, object]:
    return run.first(PERSONS, pl.col("bond") == "Wed", pl.col("work") != "School")


def test_a_lost_value_that_another_attribute_is_given_hides_no_fault(run: PlantedRun) -> None:
    person = married(run)
    run.put(PERSONS, "person_id", person["person_id"], bond=None, bond_evidence="unavailable")
    rules, shares = checks(run, "attributes_rules", "attribute_shares")
    first = f"the first: {WHO.format(**person)}"
    assert f"bond: 1 persons are of enumerated, and have no value; {first}" in rules.offending
    assert f"work: 1 persons have no bond; {first}" in rules.offending
    assert shares.status is Status.PASS


def test_an_unknown_word_that_another_attribute_is_given_hides_no_fault(run: PlantedRun) -> None:
    person = married(run)
    run.put(PERSONS, "person_id", person["person_id"], bond="wed")
    closed, rules, shares = checks(run, "closed_words", "attributes_rules", "attribute_shares")
    first = f"the first: {WHO.format(**person)}"
    assert closed.offending == (
        f"synthetic_persons.bond: 1 rows say 'wed', not in its list; {first}",
    )
    assert f"bond: 1 persons are 'wed', which is no category of it; {first}" in rules.offending
    said = f"work: 1 persons have the bond 'wed', which is no category; {first}"
    assert said in rules.offending
    assert shares.status is Status.PASS


def test_an_impossible_category_names_a_person_and_one_age(run: PlantedRun) -> None:
    child = run.first(PERSONS, pl.col("age") == 7, pl.col("bond") == "Free")
    run.put(PERSONS, "person_id", child["person_id"], bond="Widowed")
    (rules,) = checks(run, "attributes_rules")
    said = f"bond: 1 persons are Widowed ({child['sex']}) at age 7, where its rules or odds forbid"
    assert f"{said} it; the first: {WHO.format(**child)}" in rules.offending


def test_a_value_called_unavailable_names_a_person(run: PlantedRun) -> None:
    person = married(run)
    run.put(PERSONS, "person_id", person["person_id"], bond_evidence="unavailable")
    (words,) = checks(run, "evidence_words")
    first = f"the first: {WHO.format(**person)}"
    said = "synthetic_persons.parquet: 1 rows with a value of bond are called unavailable"
    assert words.offending == (f"{said}; {first}",)
