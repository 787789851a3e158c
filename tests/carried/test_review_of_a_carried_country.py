"""Defects planted in the run of a country carried forward: the reviewer must find each."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from planted.kit import PERSONS, RESIDUALS, PlantedRun

from synthestat.review.record import Status
from synthestat.review.verify import verify_run


def one_part_for_the_sum(run: PlantedRun) -> None:
    """The merged zone's guide row for one cell counts one of its parts alone."""
    row = run.first(RESIDUALS, pl.col("control_id") == "persons_sex", pl.col("zone") == "07")
    smaller = int(row["target"] * 0.53)
    run.put(
        RESIDUALS,
        "constraint_id",
        row["constraint_id"],
        target=smaller,
        residual=row["observed"] - smaller,
        relative_error=(row["observed"] - smaller) / smaller,
    )


def another_merger(run: PlantedRun) -> None:
    """The pack in the bundle says that 02 went to another zone than the build had it in."""
    run.edit_text("pack/concordance.csv", lambda text: text.replace("02,07,", "02,03,"))


def no_merger(run: PlantedRun) -> None:
    """The pack in the bundle says nothing of the merger: its old zones lead nowhere."""
    run.remove("pack/concordance.csv")


def an_age_called_constrained(run: PlantedRun) -> None:
    run.change(PERSONS, lambda t: t.with_columns(age_evidence=pl.lit("constrained")))


def a_guided_attribute_called_constrained(run: PlantedRun) -> None:
    run.change(PERSONS, lambda t: t.with_columns(faith_evidence=pl.lit("constrained")))


def one_faith_for_everybody(run: PlantedRun) -> None:
    run.change(PERSONS, lambda t: t.with_columns(faith=pl.lit("Sun")))


def faiths_exchanged_between_zones(run: PlantedRun) -> None:
    """Nine persons of one zone and nine of another exchange their faiths: the country's stay."""
    table = run.table(PERSONS)
    for faith, zone, other in (("Sun", "07", "Moon"), ("Moon", "03", "Sun")):
        chosen = table.filter((pl.col("faith") == faith) & (pl.col("zone_code") == zone))
        run.put(PERSONS, "person_id", chosen["person_id"].to_list()[:9], faith=other)


def as_if_nothing_had_steered(run: PlantedRun) -> None:
    """A tenth of those who speak Hill speak Plain: the share that the target gives is missed."""
    hill = run.table(PERSONS).filter(pl.col("language") == "Hill")["person_id"].to_list()
    run.put(PERSONS, "person_id", hill[::10], language="Plain")


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (one_part_for_the_sum, "residual_rows"),
        (another_merger, "recountable"),
        (no_merger, "recountable"),
        (an_age_called_constrained, "evidence_words"),
        (a_guided_attribute_called_constrained, "attributes_rules"),
        (one_faith_for_everybody, "attribute_shares"),
        (faiths_exchanged_between_zones, "attribute_shares"),
        (as_if_nothing_had_steered, "attribute_shares"),
    ],
)
def test_a_planted_defect_is_found(
    planted: PlantedRun, plant: Callable[[PlantedRun], None], check: str
) -> None:
    plant(planted)
    planted.seal()
    verification = verify_run(planted.folder, planted.snapshots)
    found = next(each for each in verification.checks if each.id == check)
    assert found.status is Status.FAIL, found.notes
    assert found.offending
    assert not verification.passed
