"""Defects of families: types, roles, generations (findings 1 to 5), and how they are summed up."""

from __future__ import annotations

import polars as pl
from planted import HOUSEHOLDS, NOTES, PERSONS, defect

DIAGNOSTICS = "household_diagnostics.json"

# 1 and 2: who is of age -----------------------------------------------------------------------


@defect(1, "child_only")
def plant_grandchildren_left_alone(run):
    grandchild = run.first(PERSONS, pl.col("household_role") == "grandchild")
    run.put(PERSONS, "household_id", grandchild["household_id"], age=7)


@defect(2, "reference_age")
def plant_lone_mother_under_age(run):
    home = run.homes_of("lone_mother")[0]
    run.put(PERSONS, "person_id", home["reference_person_id"], age=17)


@defect(2, "reference_age")
def plant_child_called_the_reference_person(run):
    child = run.first(PERSONS, pl.col("household_role") == "child", pl.col("age") < 10)
    run.put(PERSONS, "person_id", child["person_id"], household_role="reference")
    home = pl.col("household_id") == child["household_id"]
    old = run.first(PERSONS, home, pl.col("household_role") == "reference", pl.col("age") > 17)
    run.put(PERSONS, "person_id", old["person_id"], household_role="other_relative")
    run.put(
        *(HOUSEHOLDS, "household_id", child["household_id"]),
        reference_person_id=child["person_id"],
    )


# 3: family nuclei -----------------------------------------------------------------------------


@defect(3, "family_status")
def plant_person_alone_called_a_family(run):
    home = run.homes_of("single")[0]
    run.put(*(PERSONS, "household_id", home["household_id"]), family_status="in a family nucleus")


@defect(3, "family_status")
def plant_child_of_a_couple_called_outside(run):
    child = run.first(PERSONS, pl.col("household_role") == "child", pl.col("age") < 10)
    run.put(PERSONS, "person_id", child["person_id"], family_status="in no family nucleus")


@defect(3, "family_status")
def plant_private_household_without_family_status(run):
    home = run.homes_of("couple_with_children")[0]
    run.put(PERSONS, "household_id", home["household_id"], family_status=None)


# 3: types and roles ---------------------------------------------------------------------------

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


def mislabel(kind, said):
    def plant(run):
        home = run.homes_of(kind)[0]
        run.put(HOUSEHOLDS, "household_id", home["household_id"], household_type=said)

    plant.__name__ = f"plant_{kind}_called_{said}"
    return plant


def claim(kind, least):
    """Call a household of another composition `kind`: every type can be wrongly claimed."""

    def plant(run):
        homes = run.homes().filter(pl.col("household_type") != kind, pl.col("size") >= least)
        run.put(HOUSEHOLDS, "household_id", homes["household_id"][0], household_type=kind)

    plant.__name__ = f"plant_another_household_called_{kind}"
    return plant


for each, instead in SAID_INSTEAD.items():
    defect(3, "household_type")(mislabel(each, instead))
    defect(3, "household_type")(claim(each, 1 if each == "other" else 2))


ROLES_SAID_INSTEAD = (
    ("child", "other_relative"),
    ("child", "sibling"),
    ("child", "grandchild"),
    ("sibling", "child_in_law"),
    ("child_in_law", "non_relative"),
    ("other_relative", "parent"),
    ("parent", "sibling"),
)
"""A role by the links, and what one member of it is called in its stead."""


def rename(role, said):
    """Give the first member of a role another one."""

    def plant(run):
        member = run.first(PERSONS, pl.col("household_role") == role)
        run.put(PERSONS, "person_id", member["person_id"], household_role=said)

    plant.__name__ = f"plant_{role}_called_{said}"
    return plant


for each, instead in ROLES_SAID_INSTEAD:
    defect(3, "roles")(rename(each, instead))


@defect(3, "household_type")
def plant_only_child_called_a_non_relative(run):
    home = next(home for home in run.homes_of("lone_mother") if home["size"] == 2)
    here = pl.col("household_id") == home["household_id"]
    child = run.first(PERSONS, here, pl.col("household_role") == "child")
    run.put(PERSONS, "person_id", child["person_id"], household_role="non_relative")


@defect(3, "roles")
def plant_grandchild_called_another_relative(run):
    child = pl.coalesce("mother_id", "father_id").is_not_null()
    member = run.first(PERSONS, pl.col("household_role") == "grandchild", child)
    run.put(PERSONS, "person_id", member["person_id"], household_role="other_relative")


@defect(3, "roles")
def plant_child_in_law_without_a_child_as_partner(run):
    child = run.first(PERSONS, pl.col("household_role") == "child_in_law")["partner_id"]
    run.put(PERSONS, "person_id", child, household_role="other_relative")


@defect(3, "roles")
def plant_sibling_with_a_mother_of_the_own_generation(run):
    women = run.table(PERSONS).filter(pl.col("sex") == "female")
    women = women.filter(pl.col("household_role").is_in(["reference", "partner"]))
    member = run.table(PERSONS).filter(pl.col("household_role") == "sibling")
    pair = member.join(women.select("household_id", mother="person_id"), on="household_id")
    run.put(PERSONS, "person_id", pair["person_id"][0], mother_id=pair["mother"][0])


@defect(3, "roles")
def plant_non_relative_with_a_child_of_the_family(run):
    women = run.table(PERSONS).filter(pl.col("household_role") == "non_relative")
    women = women.filter(pl.col("sex") == "female").select("household_id", mother="person_id")
    others = run.table(PERSONS).filter(pl.col("household_role") != "non_relative")
    pair = others.join(women, on="household_id")
    run.put(PERSONS, "person_id", pair["person_id"][0], mother_id=pair["mother"][0])


# 4 and 5: size and generations ----------------------------------------------------------------


@defect(4, "largest_household")
def plant_open_class_one_above_the_largest(run):
    largest = run.homes().sort("size").row(-1, named=True)
    short = run.homes().filter(pl.col("household_id") != largest["household_id"])["household_id"]
    moved = run.table(PERSONS).filter(pl.col("household_id").is_in(short.to_list()))
    chosen = moved.filter(pl.col("household_role") == "child")["person_id"].to_list()[:8]
    run.put(PERSONS, "person_id", chosen, household_id=largest["household_id"])


@defect(5, "parent_gaps")
def plant_mother_too_old_at_birth(run):
    child = run.first(PERSONS, pl.col("mother_id").is_not_null(), pl.col("age") < 20)
    run.put(PERSONS, "person_id", child["mother_id"], age=child["age"] + 56)


@defect(5, "parent_gaps")
def plant_grandchild_as_old_as_a_child(run):
    heads = run.table(PERSONS).filter(pl.col("household_role").is_in(["reference", "partner"]))
    oldest = heads.group_by("household_id").agg(oldest=pl.col("age").max())
    members = run.table(PERSONS).filter(pl.col("household_role") == "grandchild")
    pair = members.join(oldest, on="household_id").row(0, named=True)
    run.put(PERSONS, "person_id", pair["person_id"], age=pair["oldest"] - 25)


@defect(5, "parent_gaps")
def plant_generations_out_of_order(run):
    parent = run.first(PERSONS, pl.col("household_role") == "parent")
    run.put(PERSONS, "person_id", parent["person_id"], age=19)


@defect(5, "partner_gaps")
def plant_partner_under_the_age_of_marriage(run):
    inlaw = run.first(PERSONS, pl.col("household_role") == "child_in_law")
    run.put(PERSONS, "person_id", inlaw["person_id"], age=16)


# 13: what is said of them ---------------------------------------------------------------------


@defect(13, "family_structure")
def plant_living_arrangements_altered(run):
    def move(document):
        group = document["living_arrangements"]["female"]["30-34"]
        group["alone"] += 3
        group["heading_couple"] -= 3

    run.edit_json(DIAGNOSTICS, move)


@defect(13, "family_structure")
def plant_age_group_left_out(run):
    def leave_out(document):
        groups = document["living_arrangements"]["male"]
        del groups[next(iter(groups))]

    run.edit_json(DIAGNOSTICS, leave_out)


def shift_gap(name):
    def plant(run):
        def move(document):
            counts = document["gaps"][name]["counts"]
            year = next(iter(counts))
            counts[str(int(year) + 1)] = counts.get(str(int(year) + 1), 0) + counts.pop(year)

        run.edit_json(DIAGNOSTICS, move)

    plant.__name__ = f"plant_{name}_gaps_a_year_off"
    return plant


for each in ("partner", "mother_child", "father_child", "mother_youngest_child"):
    defect(13, "family_structure")(shift_gap(each))


@defect(13, "family_structure")
def plant_generations_altered(run):
    def move(document):
        document["generations"]["3"] -= 1
        document["generations"]["2"] += 1

    run.edit_json(DIAGNOSTICS, move)


@defect(13, "family_structure")
def plant_composition_altered(run):
    def move(document):
        document["composition_by_size"]["rows"][0][-1] += 1

    run.edit_json(DIAGNOSTICS, move)


@defect(13, "family_structure")
def plant_couples_of_one_sex_that_are_not_there(run):
    run.edit_json(DIAGNOSTICS, lambda document: document.update(same_sex_couples=99))


@defect(13, "soft_targets")
def plant_target_that_no_registry_has(run):
    target = {"id": "zz.target", "measure": "mean_partner_gap", "types": [], "value": 3.0}
    target |= {"tolerance": 1.0, "observed": 3.0, "met": True}
    run.edit_json(DIAGNOSTICS, lambda document: document["soft_targets"].append(target))


@defect(13, "notes_figures")
def plant_target_only_in_the_notes(run):
    line = "* `zz.target`: value 3, tolerance 1, observed 3.000000: met\n"
    run.edit_text(NOTES, lambda text: text + line)
