"""Keys and links between persons, households and dwellings: findings 6 to 8."""

from __future__ import annotations

import json

import polars as pl

from planted.kinds import GRADED, kind
from planted.kit import DWELLINGS, HOUSEHOLDS, MANIFEST, PERSONS, PlantedRun

NOBODY = 10**9  # an id that no person, household or dwelling has


@kind(6, "dwelling_links", *GRADED)
def dwellings_that_name_nobody(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    run.put(DWELLINGS, "dwelling_id", homes["dwelling_id"], household_ids=None)


@kind(6, "dwelling_links", *GRADED)
def household_that_names_no_dwelling(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], dwelling_id=None)


@kind(6, "dwelling_links", *GRADED)
def dwelling_that_names_another_household(run: PlantedRun) -> None:
    """Dwellings name the household of the next one in the list."""
    homes = run.housed()
    shifted = homes.with_columns(other=pl.col("household_id").shift(-1).fill_null(1))
    chosen = run.take(shifted.filter(pl.col("other") != pl.col("household_id")))
    named = chosen.select("dwelling_id", household_ids=pl.concat_list("other"))
    run.put_rows(DWELLINGS, "dwelling_id", named)


@kind(6, "partner_links", *GRADED)
def partner_on_one_side_only(run: PlantedRun) -> None:
    people = run.take(run.people(pl.col("person_id") < pl.col("partner_id")))
    run.put(PERSONS, "person_id", people["person_id"], partner_id=None)


@kind(6, "parent_links", *GRADED)
def mother_who_is_a_man(run: PlantedRun) -> None:
    children = run.take(run.people(pl.col("mother_id").is_not_null()))
    run.put(PERSONS, "person_id", children["mother_id"], sex="male")


@kind(6, "parent_links", *GRADED)
def father_who_is_a_woman(run: PlantedRun) -> None:
    children = run.take(run.people(pl.col("father_id").is_not_null()))
    run.put(PERSONS, "person_id", children["father_id"], sex="female")


@kind(6, "household_members", *GRADED)
def size_that_is_not_the_members(run: PlantedRun) -> None:
    homes = run.take(run.homes())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], size=2 + pl.col("size"))


@kind(6, "household_members", *GRADED)
def two_reference_persons(run: PlantedRun) -> None:
    partners = run.take(run.people(pl.col("household_role") == "partner"))
    run.put(PERSONS, "person_id", partners["person_id"], household_role="reference")


@kind(6, "household_members", *GRADED)
def household_without_a_reference_person(run: PlantedRun) -> None:
    homes = run.take(run.homes())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], reference_person_id=None)


@kind(6, "household_members", *GRADED)
def persons_lost(run: PlantedRun) -> None:
    """Persons are gone from the table; their households still count them."""
    gone = run.take(run.people(pl.col("household_role") == "child"))["person_id"]
    run.change(PERSONS, lambda table: table.filter(~pl.col("person_id").is_in(gone.implode())))


@kind(7, "keys", *GRADED)
def key_that_occurs_twice(run: PlantedRun) -> None:
    """Persons have the id of their predecessor in the table."""
    people = run.people().with_columns(before=pl.col("person_id").shift(1))
    chosen = run.take(people.filter(pl.col("before").is_not_null()))
    before = chosen.select("person_id", "before")
    run.change(
        PERSONS,
        lambda table: (
            table.join(before, on="person_id", how="left", maintain_order="left")
            .with_columns(person_id=pl.coalesce("before", "person_id"))
            .drop("before")
        ),
    )


@kind(7, "keys", *GRADED)
def household_row_twice(run: PlantedRun) -> None:
    rows = run.take(run.homes())
    run.change(HOUSEHOLDS, lambda table: pl.concat([table, rows.select(table.columns)]))


@kind(7, "keys")
def household_of_a_placeholder_id(run: PlantedRun) -> None:
    home = run.homes()["household_id"][0]
    run.put(HOUSEHOLDS, "household_id", home, household_id=0)


@kind(7, "foreign_keys", *GRADED)
def mother_who_does_not_exist(run: PlantedRun) -> None:
    children = run.take(run.people(pl.col("mother_id").is_not_null()))
    run.put(PERSONS, "person_id", children["person_id"], mother_id=NOBODY)


@kind(7, "foreign_keys", *GRADED)
def household_that_does_not_exist(run: PlantedRun) -> None:
    people = run.take(run.people(pl.col("household_role") == "child"))
    run.put(PERSONS, "person_id", people["person_id"], household_id=NOBODY)


@kind(7, "foreign_keys", *GRADED)
def household_row_missing(run: PlantedRun) -> None:
    gone = run.take(run.homes())["household_id"]
    run.change(
        HOUSEHOLDS, lambda table: table.filter(~pl.col("household_id").is_in(gone.implode()))
    )


@kind(7, "foreign_keys", *GRADED)
def dwelling_that_does_not_exist(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], dwelling_id=NOBODY)


@kind(7, "foreign_keys")
def placeholder_dwellings(run: PlantedRun) -> None:
    """Dwellings are declared unavailable, and households still name some."""
    run.housed()
    marker = run.read_json("synthetic_building_assignments.unavailable.json")
    marker["layer"] = DWELLINGS
    run.put_bytes(f"{DWELLINGS}.unavailable.json", json.dumps(marker).encode())
    run.remove(f"{DWELLINGS}.parquet")
    run.edit_json(MANIFEST, lambda manifest: manifest["layers"].update({DWELLINGS: "unavailable"}))


@kind(7, "foreign_keys", *GRADED)
def dwelling_where_none_is_available(run: PlantedRun) -> None:
    """Households name dwellings of which the run has no table, from one household on."""
    if run.path(f"{DWELLINGS}.parquet").is_file():
        placeholder_dwellings(run)
        named = run.homes().filter(pl.col("dwelling_id").is_not_null())
        kept = run.take(named)["household_id"]
        run.change(
            HOUSEHOLDS,
            lambda t: t.with_columns(
                pl.when(pl.col("household_id").is_in(kept.implode())).then("dwelling_id")
            ),
        )
        return
    homes = run.take(run.homes())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], dwelling_id=1)


@kind(8, "dwelling_occupancy", *GRADED)
def vacant_dwelling_with_a_household(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    run.put(DWELLINGS, "dwelling_id", homes["dwelling_id"], occupancy="vacant")


@kind(8, "dwelling_occupancy", *GRADED)
def occupied_dwelling_without_a_household(run: PlantedRun) -> None:
    empty = run.take(run.table(DWELLINGS).filter(pl.col("occupancy") == "vacant"))
    run.put(DWELLINGS, "dwelling_id", empty["dwelling_id"], occupancy="occupied")


@kind(6, "dwelling_links", *GRADED)
def count_of_households_that_is_not_theirs(run: PlantedRun) -> None:
    homes = run.take(run.housed())
    more = pl.col("household_count") + 1
    run.put(DWELLINGS, "dwelling_id", homes["dwelling_id"], household_count=more)


@kind(8, "dwelling_occupancy", *GRADED)
def overfull_dwelling(run: PlantedRun) -> None:
    """Nine households of a zone live in one dwelling, in one zone or in several."""
    homes = run.housed()
    place = pl.int_range(pl.len()).over("zone_code")
    nine = homes.filter(pl.len().over("zone_code") > 9, place < 9)
    zones = run.pick(nine["zone_code"].unique(maintain_order=True).to_list())
    nine = nine.filter(pl.col("zone_code").is_in(zones))
    shared = nine.select("household_id", pl.col("dwelling_id").first().over("zone_code"))
    run.put_rows(HOUSEHOLDS, "household_id", shared)
    held = shared.group_by("dwelling_id", maintain_order=True).agg(
        household_ids="household_id", household_count=pl.len()
    )
    run.put_rows(DWELLINGS, "dwelling_id", held)
