"""Universes mixed, and persons in the wrong place: findings 9, 14 and 16."""

from __future__ import annotations

import polars as pl

from planted.kinds import GRADED, NotApplicable, kind
from planted.kit import DWELLINGS, HOUSEHOLDS, MANIFEST, PERSONS, RESIDUALS, PlantedRun


def move_households(run: PlantedRun, homes: pl.Series, universe: str) -> None:
    """Count households and their members in another universe."""
    run.put(PERSONS, "household_id", homes, universe=universe)
    run.put(HOUSEHOLDS, "household_id", homes, universe=universe)


def zones_of(run: PlantedRun, universe: str) -> list[str]:
    """Zones with persons of a universe."""
    return run.people(pl.col("universe") == universe)["zone_code"].unique().to_list()


@kind(14, "unmixed_households", *GRADED)
def household_of_two_universes(run: PlantedRun) -> None:
    _, other, _ = run.universes()
    homes = run.take(run.homes_of(least=2))
    run.put(PERSONS, "person_id", homes["reference_person_id"], universe=other)


@kind(14, "universe_zones", *GRADED)
def estimated_residents_where_all_were_enumerated(run: PlantedRun) -> None:
    _, other, _ = run.universes()
    homes = run.homes().filter(~pl.col("zone_code").is_in(zones_of(run, other)))
    move_households(run, run.take(homes)["household_id"], other)


@kind(14, "universe_totals", *GRADED)
def enumerated_counted_as_estimated(run: PlantedRun) -> None:
    _, other, _ = run.universes()
    homes = run.homes().filter(pl.col("zone_code").is_in(zones_of(run, other)))
    move_households(run, run.take(homes)["household_id"], other)


@kind(14, "household_universe", *GRADED)
def estimated_households_in_the_published_count(run: PlantedRun) -> None:
    published, other, _ = run.universes()
    homes = run.table(HOUSEHOLDS).filter(pl.col("universe") == other)
    move_households(run, run.take(homes)["household_id"], published)


@kind(14, "universe_words", *GRADED)
def persons_of_the_whole_universe(run: PlantedRun) -> None:
    people = run.take(run.people())
    run.put(PERSONS, "person_id", people["person_id"], universe=run.whole())


@kind(14, "dwelling_universe", *GRADED)
def dwelling_of_another_universe(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    _, other, _ = run.universes()
    run.put(DWELLINGS, "dwelling_id", homes["dwelling_id"], universe=other)


@kind(14, "control_levels", *GRADED)
def control_that_counts_another_universe(run: PlantedRun) -> None:
    widest = run.whole()
    rows = run.table(RESIDUALS).filter(pl.col("universe") != widest)
    if not len(rows):
        raise NotApplicable("every control counts the widest universe")
    run.put(RESIDUALS, "constraint_id", run.take(rows)["constraint_id"], universe=widest)


@kind(16, "table_zones")
def zone_without_persons(run: PlantedRun) -> None:
    zone = run.people()["zone_code"][0]
    run.change(PERSONS, lambda table: table.filter(pl.col("zone_code") != zone))


@kind(16, "table_zones", *GRADED)
def zone_that_is_a_whole_and_its_part(run: PlantedRun) -> None:
    root = run.read_json(MANIFEST)["geography"]["root"]
    homes = run.take(run.homes())["household_id"]
    run.put(PERSONS, "household_id", homes, zone_code=root)
    run.put(HOUSEHOLDS, "household_id", homes, zone_code=root)


@kind(16, "same_place", *GRADED)
def person_in_another_zone(run: PlantedRun) -> None:
    """Persons stand in another zone than their household."""
    zones = run.people()["zone_code"].unique().sort()
    people = run.take(run.people(pl.col("zone_code") == zones[0]))
    run.put(PERSONS, "person_id", people["person_id"], zone_code=zones[1])


@kind(16, "same_place", *GRADED)
def dwelling_in_another_zone(run: PlantedRun) -> None:
    zones = run.people()["zone_code"].unique().sort()
    homes = run.take(run.housed().filter(pl.col("zone_code") == zones[0]))
    run.put(DWELLINGS, "dwelling_id", homes["dwelling_id"], zone_code=zones[1])


@kind(9, "hard_exact", *GRADED)
def households_moved_to_another_zone(run: PlantedRun) -> None:
    """Households, their members and their dwelling move whole: every link holds, no count does."""
    zones = run.homes()["zone_code"].unique().sort()
    homes = run.take(run.homes().filter(pl.col("zone_code") == zones[0]))
    for name in (PERSONS, HOUSEHOLDS):
        run.put(name, "household_id", homes["household_id"], zone_code=zones[1])
    housed = homes["dwelling_id"].drop_nulls()
    if len(housed):
        run.put(DWELLINGS, "dwelling_id", housed, zone_code=zones[1])
