"""Types, roles and family nuclei that the members contradict: finding 3."""

from __future__ import annotations

import polars as pl

from planted.kinds import GRADED, Plant, kind
from planted.kit import HOUSEHOLDS, PERSONS, PlantedRun

# Types --------------------------------------------------------------------------------------------

SAID_INSTEAD = {
    "single": "other",
    "couple_without_children": "couple_with_children",
    "couple_with_children": "extended",
    "lone_mother": "lone_father",
    "lone_father": "lone_mother",
    "extended": "couple_with_children",
    "other": "couple_without_children",
}
"""Each of the seven types, and what a household of it is called in its stead."""


def mislabel(of: str, said: str) -> Plant:
    """Call households of one type by another."""

    def plant(run: PlantedRun) -> None:
        homes = run.take(run.homes_of(of))
        run.put(HOUSEHOLDS, "household_id", homes["household_id"], household_type=said)

    return plant


def claim(of: str, least: int) -> Plant:
    """Call households of another composition `of`: every type can be wrongly claimed."""

    def plant(run: PlantedRun) -> None:
        homes = run.homes().filter(pl.col("household_type") != of, pl.col("size") >= least)
        run.put(HOUSEHOLDS, "household_id", run.take(homes)["household_id"], household_type=of)

    return plant


for each, instead in SAID_INSTEAD.items():
    kind(3, "household_type", *GRADED, name=f"{each}_called_{instead}")(mislabel(each, instead))
    kind(3, "household_type", *GRADED, name=f"another_household_called_{each}")(
        claim(each, 1 if each == "other" else 2)
    )


@kind(3, "closed_words", *GRADED)
def unknown_household_type(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("other", "extended"))
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], household_type="age_30_single")


@kind(3, "household_type", *GRADED)
def only_child_called_a_non_relative(run: PlantedRun) -> None:
    homes = run.homes_of("lone_mother").filter(pl.col("size") == 2)["household_id"]
    children = run.people(pl.col("household_role") == "child")
    children = children.filter(pl.col("household_id").is_in(homes.implode()))
    run.put(PERSONS, "person_id", run.take(children)["person_id"], household_role="non_relative")


@kind(3, "household_type", *GRADED)
def private_household_without_a_type(run: PlantedRun) -> None:
    homes = run.take(run.homes())
    run.put(HOUSEHOLDS, "household_id", homes["household_id"], household_type=None)


# Roles --------------------------------------------------------------------------------------------

ROLES_SAID_INSTEAD = (
    ("child", "other_relative"),
    ("child", "sibling"),
    ("child", "grandchild"),
    ("sibling", "child_in_law"),
    ("child_in_law", "non_relative"),
    ("other_relative", "parent"),
    ("parent", "sibling"),
)
"""A role by the links, and what members of it are called in its stead."""


def rename(role: str, said: str) -> Plant:
    """Give members of a role another one."""

    def plant(run: PlantedRun) -> None:
        members = run.take(run.people(pl.col("household_role") == role))
        run.put(PERSONS, "person_id", members["person_id"], household_role=said)

    return plant


for each, instead in ROLES_SAID_INSTEAD:
    kind(3, "roles", *GRADED, name=f"{each}_called_{instead}")(rename(each, instead))


@kind(3, "roles", *GRADED)
def grandchild_called_another_relative(run: PlantedRun) -> None:
    child = pl.coalesce("mother_id", "father_id").is_not_null()
    members = run.take(run.people(pl.col("household_role") == "grandchild", child))
    run.put(PERSONS, "person_id", members["person_id"], household_role="other_relative")


@kind(3, "roles", *GRADED)
def child_in_law_without_a_child_as_partner(run: PlantedRun) -> None:
    inlaws = run.take(run.people(pl.col("household_role") == "child_in_law"))
    run.put(PERSONS, "person_id", inlaws["partner_id"], household_role="other_relative")


@kind(3, "roles", *GRADED)
def sibling_with_a_mother_of_the_own_generation(run: PlantedRun) -> None:
    heads = run.people(pl.col("household_role").is_in(["reference", "partner"]))
    women = heads.filter(pl.col("sex") == "female").select("household_id", mother="person_id")
    pairs = run.people(pl.col("household_role") == "sibling").join(women, on="household_id")
    run.put_rows(PERSONS, "person_id", run.take(pairs).select("person_id", mother_id="mother"))


@kind(3, "roles", *GRADED)
def non_relative_with_a_child_of_the_family(run: PlantedRun) -> None:
    strangers = run.people(pl.col("household_role") == "non_relative", pl.col("sex") == "female")
    women = strangers.select("household_id", mother="person_id")
    pairs = run.people(pl.col("household_role") != "non_relative").join(women, on="household_id")
    run.put_rows(PERSONS, "person_id", run.take(pairs).select("person_id", mother_id="mother"))


# Nuclei -------------------------------------------------------------------------------------------


@kind(3, "family_status", *GRADED)
def person_alone_called_a_family(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("single"))["household_id"]
    run.put(PERSONS, "household_id", homes, family_status="in a family nucleus")


@kind(3, "family_status", *GRADED)
def child_of_a_couple_called_outside(run: PlantedRun) -> None:
    children = run.take(run.people(pl.col("household_role") == "child", pl.col("age") < 10))
    run.put(PERSONS, "person_id", children["person_id"], family_status="in no family nucleus")


@kind(3, "family_status", *GRADED)
def private_household_without_family_status(run: PlantedRun) -> None:
    homes = run.take(run.homes_of("couple_with_children"))
    run.put(PERSONS, "household_id", homes["household_id"], family_status=None)
