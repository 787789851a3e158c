"""Defects of persons, households, dwellings, links and universes: findings 1 to 8 and 14."""

from __future__ import annotations

import json

import polars as pl
from planted import DWELLINGS, HOUSEHOLDS, MANIFEST, PERSONS, RESIDUALS, defect

# 1 to 5: households -------------------------------------------------------------------------------


@defect(1, "child_only")
def plant_household_of_children(run):
    home = run.homes_of("couple_with_children")[0]
    run.put(PERSONS, "household_id", home["household_id"], age=9)


@defect(2, "reference_age")
def plant_reference_person_under_age(run):
    home = run.homes_of("extended", least=3)[0]
    run.put(PERSONS, "person_id", home["reference_person_id"], age=14)


@defect(3, "household_type")
def plant_couple_without_the_child(run):
    home = run.homes_of("couple_without_children")[0]
    run.put(HOUSEHOLDS, "household_id", home["household_id"], household_type="couple_with_children")


@defect(3, "household_type")
def plant_single_with_two_members(run):
    home = run.homes_of("lone_mother", "couple_without_children")[0]
    run.put(HOUSEHOLDS, "household_id", home["household_id"], household_type="single")


@defect(3, "closed_words")
def plant_unknown_household_type(run):
    home = run.homes_of("other", "extended")[0]
    run.put(HOUSEHOLDS, "household_id", home["household_id"], household_type="age_30_single")


@defect(4, "largest_household")
def plant_leftovers_in_one_household(run):
    home = run.homes_of("extended")[0]
    here = pl.col("household_id") == home["household_id"]
    zone = run.table(PERSONS).filter(pl.col("zone_code") == home["zone_code"])
    moved = zone.filter(~here & (pl.col("household_role") == "child")).head(60)
    run.put(PERSONS, "person_id", moved["person_id"].to_list(), household_id=home["household_id"])
    sizes = run.table(PERSONS).group_by("household_id").len("size")
    run.change(
        HOUSEHOLDS,
        lambda table: table.drop("size").join(sizes, on="household_id").select(table.columns),
    )


@defect(4, "mean_size")
def plant_residents_crowded_into_few_households(run):
    homes = run.homes()
    zone = homes.group_by("zone_code").len().sort("len", "zone_code")["zone_code"][-1]
    chosen = homes.filter(pl.col("zone_code") == zone).sort("household_id")
    place = pl.int_range(pl.len())
    merged = chosen.with_columns(pl.col("household_id").gather(place - place % 3).alias("into"))
    into = dict(zip(merged["household_id"], merged["into"], strict=True))
    run.change(PERSONS, lambda table: table.with_columns(pl.col("household_id").replace(into)))
    gone = [old for old, new in into.items() if old != new]
    run.change(HOUSEHOLDS, lambda table: table.filter(~pl.col("household_id").is_in(gone)))


@defect(5, "parent_gaps")
def plant_mother_too_young(run):
    child = run.first(PERSONS, pl.col("mother_id").is_not_null(), pl.col("age") > 12)
    run.put(PERSONS, "person_id", child["mother_id"], age=child["age"] + 5)


@defect(5, "parent_gaps")
def plant_father_younger_than_his_child(run):
    child = run.first(PERSONS, pl.col("father_id").is_not_null(), pl.col("age") > 20)
    run.put(PERSONS, "person_id", child["father_id"], age=child["age"] - 1)


@defect(5, "parent_gaps")
def plant_parent_as_old_as_the_couple(run):
    home = run.homes_of("couple_with_children")[0]
    child = run.members(home["household_id"]).filter(pl.col("household_role") == "child")
    run.put(PERSONS, "person_id", child["person_id"][0], household_role="parent")


@defect(5, "partner_gaps")
def plant_couple_sixty_years_apart(run):
    women = run.table(PERSONS).filter(pl.col("partner_id").is_not_null(), pl.col("sex") == "female")
    run.put(PERSONS, "person_id", women.row(0, named=True)["partner_id"], age=95)
    run.put(PERSONS, "person_id", women.row(0, named=True)["person_id"], age=25)


# 6 to 8: links and dwellings ----------------------------------------------------------------------


@defect(6, "dwelling_links")
def plant_dwellings_that_name_nobody(run):
    run.change(
        DWELLINGS, lambda t: t.with_columns(pl.lit(None).alias("household_ids")).cast(t.schema)
    )


@defect(6, "dwelling_links")
def plant_dwelling_that_names_another_household(run):
    one, other = run.homes_of()[:2]
    run.put(
        *(DWELLINGS, "dwelling_id", one["dwelling_id"]),
        household_ids=pl.lit([other["household_id"]]),
    )


@defect(6, "partner_links")
def plant_partner_on_one_side_only(run):
    person = run.first(PERSONS, pl.col("partner_id").is_not_null())
    run.put(PERSONS, "person_id", person["person_id"], partner_id=None)


@defect(6, "parent_links")
def plant_mother_who_is_a_man(run):
    child = run.first(PERSONS, pl.col("mother_id").is_not_null())
    run.put(PERSONS, "person_id", child["mother_id"], sex="male")


@defect(6, "household_members")
def plant_size_that_is_not_the_members(run):
    run.put(HOUSEHOLDS, "household_id", run.homes_of()[0]["household_id"], size=2 + pl.col("size"))


@defect(6, "household_members")
def plant_two_reference_persons(run):
    partner = run.first(PERSONS, pl.col("household_role") == "partner")
    run.put(PERSONS, "person_id", partner["person_id"], household_role="reference")


@defect(7, "keys")
def plant_key_that_occurs_twice(run):
    ids = run.table(PERSONS)["person_id"]
    run.put(PERSONS, "person_id", ids[1], person_id=ids[0])


@defect(7, "foreign_keys")
def plant_mother_who_does_not_exist(run):
    child = run.first(PERSONS, pl.col("mother_id").is_not_null())
    run.put(PERSONS, "person_id", child["person_id"], mother_id=10**9)


@defect(7, "foreign_keys")
def plant_placeholder_dwellings(run):
    marker = run.read_json("synthetic_building_assignments.unavailable.json")
    marker["layer"] = DWELLINGS
    run.path(f"{DWELLINGS}.unavailable.json").write_text(json.dumps(marker), encoding="utf-8")
    run.path(f"{DWELLINGS}.parquet").unlink()
    run.edit_json(MANIFEST, lambda manifest: manifest["layers"].update({DWELLINGS: "unavailable"}))


@defect(8, "dwelling_occupancy")
def plant_vacant_dwelling_with_a_household(run):
    run.put(DWELLINGS, "dwelling_id", run.homes_of()[0]["dwelling_id"], occupancy="vacant")


@defect(8, "dwelling_occupancy")
def plant_occupied_dwelling_without_a_household(run):
    empty = run.first(DWELLINGS, pl.col("occupancy") == "vacant")
    run.put(DWELLINGS, "dwelling_id", empty["dwelling_id"], occupancy="occupied")


@defect(8, "dwelling_occupancy")
def plant_overfull_dwelling(run):
    homes = run.homes_of()
    ids = [home["household_id"] for home in homes if home["zone_code"] == homes[0]["zone_code"]][:9]
    run.put(HOUSEHOLDS, "household_id", ids, dwelling_id=homes[0]["dwelling_id"])
    run.put(
        *(DWELLINGS, "dwelling_id", homes[0]["dwelling_id"]),
        household_ids=pl.lit(ids),
        household_count=len(ids),
    )


# 14: universes --------------------------------------------------------------------------------


def move_household(run, household, universe):
    run.put(PERSONS, "household_id", household, universe=universe)
    run.put(HOUSEHOLDS, "household_id", household, universe=universe)


@defect(14, "unmixed_households")
def plant_household_of_two_universes(run):
    _, other, _ = run.universes()
    run.put(PERSONS, "person_id", run.homes_of()[0]["reference_person_id"], universe=other)


@defect(14, "universe_zones")
def plant_estimated_residents_where_all_were_enumerated(run):
    _, other, _ = run.universes()
    zones = run.table(PERSONS).filter(pl.col("universe") == other)["zone_code"].unique().to_list()
    home = next(home for home in run.homes_of() if home["zone_code"] not in zones)
    move_household(run, home["household_id"], other)


@defect(14, "universe_totals")
def plant_enumerated_counted_as_estimated(run):
    _, other, _ = run.universes()
    zones = run.table(PERSONS).filter(pl.col("universe") == other)["zone_code"].unique().to_list()
    home = next(home for home in run.homes_of() if home["zone_code"] in zones)
    move_household(run, home["household_id"], other)


@defect(14, "household_universe")
def plant_estimated_households_in_the_published_count(run):
    published, other, _ = run.universes()
    home = run.first(HOUSEHOLDS, pl.col("universe") == other)
    move_household(run, home["household_id"], published)


@defect(14, "universe_words")
def plant_persons_of_the_whole_universe(run):
    _, _, whole = run.universes()
    run.put(PERSONS, "person_id", run.table(PERSONS)["person_id"][0], universe=whole)


@defect(14, "dwelling_universe")
def plant_dwelling_of_another_universe(run):
    _, other, _ = run.universes()
    run.put(DWELLINGS, "dwelling_id", run.homes_of()[0]["dwelling_id"], universe=other)


@defect(14, "control_levels")
def plant_control_that_counts_another_universe(run):
    _, _, widest = run.universes()
    row = run.first(RESIDUALS, pl.col("universe") != widest)
    run.put(RESIDUALS, "control_id", row["control_id"], universe=widest)
