"""Who goes where to work and to school, on invented layers: findings 7, 8, 13 and 16."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.invented_layers import ASSIGNED, PLACES
from planted.kinds import GRADED, LAYERED, kind
from planted.kit import PERSONS, PlantedRun


def sent(run: PlantedRun, destination: str) -> pl.Series:
    """Persons to damage, of those who go there."""
    return run.take(run.table(PLACES).filter(pl.col("destination") == destination))["person_id"]


def of_kind(run: PlantedRun, word: str) -> pl.Series:
    """Persons to damage, of those who work or learn."""
    return run.take(run.table(PLACES).filter(pl.col("kind") == word))["person_id"]


def places(run: PlantedRun) -> list[str]:
    """Places of work and school to damage, each of more than five persons."""
    rows = run.table(PLACES).filter(pl.col("destination") == "place", pl.len().over("place_id") > 5)
    return run.pick(rows["place_id"].unique(maintain_order=True).to_list())


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def worker_who_does_not_exist(run: PlantedRun) -> None:
    more = 10**9 + pl.col("person_id")
    run.put(PLACES, "person_id", sent(run, "place"), person_id=more)


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def worker_at_two_places(run: PlantedRun) -> None:
    rows = run.take(run.table(PLACES))
    run.change(PLACES, lambda table: pl.concat([table, rows]))


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def placeholder_place(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), place_id="n/a")


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def assigned_to_no_place(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), place_id=None)


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def abroad_and_at_a_place(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "external"), place_id="Mill 01-0", zone_code="01")


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def unassigned_with_a_distance(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "unassigned"), distance_km=3.0)


@kind(7, "assignment_rows", *GRADED, base=LAYERED)
def distance_below_nothing(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), distance_km=-3.0)


@kind(19, "closed_words", *GRADED, base=LAYERED)
def assignment_of_an_unknown_kind(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), kind="leisure")


@kind(19, "closed_words", *GRADED, base=LAYERED)
def assignment_of_an_unknown_evidence(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), evidence="observed")


@kind(8, "assignment_places", *GRADED, base=LAYERED)
def overfull_place(run: PlantedRun) -> None:
    run.put(PLACES, "place_id", places(run), capacity=5)


@kind(8, "assignment_places", *GRADED, base=LAYERED)
def place_in_two_zones(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "place"), zone_code="06")


@kind(8, "assignment_places", *GRADED, base=LAYERED)
def place_in_an_unknown_zone(run: PlantedRun) -> None:
    run.put(PLACES, "place_id", places(run), zone_code="99")


@kind(16, "external_zones", *GRADED, base=LAYERED)
def zone_abroad_that_nobody_listed(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", sent(run, "external"), external_zone="ELSEWHERE")


@kind(16, "external_zones", base=LAYERED)
def own_zone_called_abroad(run: PlantedRun) -> None:
    run.edit_text("pack/assignment.yaml", lambda text: text.replace("code: NEXT", 'code: "01"'))


@kind(None, "assignment_ages", *GRADED, base=LAYERED)
def worker_of_twelve(run: PlantedRun) -> None:
    run.put(PERSONS, "person_id", of_kind(run, "work"), age=12)


@kind(None, "assignment_ages", *GRADED, base=LAYERED)
def pack_that_lets_children_work(run: PlantedRun) -> None:
    run.put(PERSONS, "person_id", of_kind(run, "work"), age=12)
    run.edit_text("pack/assignment.yaml", lambda text: text.replace("[15, 99]", "[10, 99]"))


@kind(None, "assignment_ages", *GRADED, base=LAYERED)
def pupil_of_sixty(run: PlantedRun) -> None:
    run.put(PERSONS, "person_id", of_kind(run, "school"), age=60)


@kind(None, "assignment_totals", *GRADED, base=LAYERED)
def worker_who_is_left_out(run: PlantedRun) -> None:
    gone = sent(run, "unassigned").implode()
    run.change(PLACES, lambda t: t.filter(~pl.col("person_id").is_in(gone)))


@kind(None, "assignment_totals", *GRADED, base=LAYERED)
def pupil_with_a_place_of_work(run: PlantedRun) -> None:
    run.put(PLACES, "person_id", of_kind(run, "school"), kind="work")


@kind(13, "assignment_summary", *GRADED, base=LAYERED)
def flow_that_is_not_in_the_table(run: PlantedRun) -> None:
    def raise_some(document: dict[str, Any]) -> None:
        for flow in run.pick(document["flows"]):
            flow["persons"] += 1

    run.edit_json(ASSIGNED, raise_some)


@kind(13, "assignment_summary", base=LAYERED)
def shorter_ways_to_work(run: PlantedRun) -> None:
    run.edit_json(ASSIGNED, lambda d: d["trip_lengths"]["work"].update(mean_km=0.5))


@kind(13, "assignment_summary", base=LAYERED)
def unassigned_called_assigned(run: PlantedRun) -> None:
    def hide(document: dict[str, Any]) -> None:
        work = document["persons"]["work"]
        work["place"] += work.pop("unassigned")

    run.edit_json(ASSIGNED, hide)


@kind(13, "assignment_summary", base=LAYERED)
def larger_schools(run: PlantedRun) -> None:
    run.edit_json(ASSIGNED, lambda d: d["capacities"]["school"].update(capacity=1e6))
