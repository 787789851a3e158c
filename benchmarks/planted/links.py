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


def grandparents(run: PlantedRun, roles: list[str], sex: str) -> pl.DataFrame:
    """Members of some roles with the `grandparent` of a sex who lives with them.

    Of an age to be their own parent; `elder` is that age.
    """
    link = "mother" if sex == "female" else "father"
    low, high = run.country()["household_rules"][f"{link}_age_at_birth"]["value"]
    elders = run.people(pl.col("household_role") == "parent", pl.col("sex") == sex)
    elders = elders.select("household_id", grandparent="person_id", elder="age")
    members = run.people(pl.col("household_role").is_in(roles)).join(elders, on="household_id")
    return members.filter((pl.col("elder") - pl.col("age")).is_between(int(low), int(high)))


@kind(6, "partner_links", *GRADED)
def partners_who_share_a_mother(run: PlantedRun) -> None:
    """The mother of one partner, who lives with the couple, is said to be the other's too."""
    own = run.people().select(partner_id="person_id", grandparent="mother_id")
    bare = pl.col("mother_id").is_null() & pl.col("father_id").is_null()
    couples = grandparents(run, ["reference", "partner"], "female").filter(bare)
    couples = run.take(couples.join(own, on=["partner_id", "grandparent"], maintain_order="left"))
    run.put_rows(PERSONS, "person_id", couples.select("person_id", mother_id="grandparent"))
    run.restate()


@kind(6, "partner_links", *GRADED)
def mother_and_child_a_couple(run: PlantedRun) -> None:
    """Lone mothers and a child of theirs are each other's partners."""
    alone = run.people(pl.col("partner_id").is_null(), pl.col("household_role") == "reference")
    children = run.people(pl.col("household_role") == "child", pl.col("partner_id").is_null())
    children = children.filter(pl.col("mother_id").is_in(alone["person_id"].implode()))
    children = run.take(children.unique("mother_id", keep="first", maintain_order=True))
    ends = [("person_id", "mother_id"), ("mother_id", "person_id")]
    told = pl.concat(children.select(person_id=a, partner_id=b) for a, b in ends)
    run.put_rows(PERSONS, "person_id", told)


@kind(6, "parent_links", *GRADED)
def fathered_by_the_grandfather(run: PlantedRun) -> None:
    """The father of a couple's child is said to be the grandfather who lives with them."""
    couple = pl.col("mother_id").is_not_null() & pl.col("father_id").is_not_null()
    children = run.take(grandparents(run, ["child"], "male").filter(couple))
    run.put_rows(PERSONS, "person_id", children.select("person_id", father_id="grandparent"))
    nucleus = {"family_status": "in a family nucleus"}
    run.put(PERSONS, "person_id", children["grandparent"], **nucleus)
    run.restate()


@kind(6, "parent_links", *GRADED)
def fathered_by_the_mothers_father(run: PlantedRun) -> None:
    """The child of a mother without a partner is said to be her own father's."""
    low, high = run.country()["household_rules"]["father_age_at_birth"]["value"]
    people, alone = run.people(), pl.col("partner_id").is_null()
    old = people.filter(pl.col("sex") == "male").select(elder="person_id", of="age")
    mothers = people.filter(alone).select(mother_id="person_id", elder="father_id")
    children = people.filter(pl.col("father_id").is_null()).join(mothers, on="mother_id")
    children = children.join(old, on="elder").sort("person_id")
    told = children.filter((pl.col("of") - pl.col("age")).is_between(int(low), int(high)))
    run.put_rows(PERSONS, "person_id", run.take(told).select("person_id", father_id="elder"))
    run.restate()


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


def alone_in_a_dwelling(run: PlantedRun) -> pl.DataFrame:
    """Homes that share their dwelling with no other."""
    return run.housed().filter(pl.len().over("dwelling_id") == 1)


def left_empty(dwellings: pl.Series) -> pl.DataFrame:
    """The rows of dwellings that nobody is said to live in any more, but that are not vacant."""
    nobody = pl.lit([], dtype=pl.List(pl.Int64))
    return pl.DataFrame({"dwelling_id": dwellings}).with_columns(
        household_ids=nobody,
        household_count=pl.lit(0),
        occupancy=pl.lit("secondary_or_unresolved"),
    )


@kind(8, "dwelling_occupancy", *GRADED)
def household_without_a_dwelling(run: PlantedRun) -> None:
    """Households live nowhere, and their dwellings stand as secondary or unresolved."""
    homes = run.take(alone_in_a_dwelling(run))
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], dwelling_id=None)
    run.put_rows(DWELLINGS, "dwelling_id", left_empty(homes["dwelling_id"]))
    run.restate()


@kind(8, "dwelling_occupancy", *GRADED)
def sharing_beside_a_free_dwelling(run: PlantedRun) -> None:
    """Households move in with others, and leave dwellings of the zone secondary or unresolved."""
    homes = alone_in_a_dwelling(run).sort("zone_code", "household_id")
    next_one = (
        pl.col("household_id", "dwelling_id").shift(-1).over("zone_code").name.suffix("_host")
    )
    guests = homes.with_columns(next_one, place=pl.int_range(pl.len()).over("zone_code"))
    hosted = pl.col("household_id_host").is_not_null() & (pl.col("place") % 2 == 0)
    guests = run.take(guests.filter(hosted))
    moved = guests.select("household_id", dwelling_id="dwelling_id_host")
    run.put_rows(HOUSEHOLDS, "household_id", moved)
    held = guests.select(
        dwelling_id="dwelling_id_host",
        household_ids=pl.concat_list("household_id", "household_id_host"),
        household_count=pl.lit(2),
    )
    run.put_rows(DWELLINGS, "dwelling_id", held)
    run.put_rows(DWELLINGS, "dwelling_id", left_empty(guests["dwelling_id"]))
    run.restate()


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
