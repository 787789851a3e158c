"""Defects of person attributes: impossible ages, wrong words and figures, and finding 25."""

from __future__ import annotations

import polars as pl
from planted import PERSONS, defect

DISTRIBUTIONS = "distribution_diagnostics.json"


@defect(25, "attributes_rules")
def plant_married_child(run):
    child = run.first(PERSONS, pl.col("age") == 12, pl.col("bond") == "Free")
    run.put(PERSONS, "person_id", child["person_id"], bond="Wed")


@defect(25, "attributes_rules")
def plant_pupil_of_sixty(run):
    old = run.first(PERSONS, pl.col("age") >= 60, pl.col("bond") == "Free")
    run.put(PERSONS, "person_id", old["person_id"], work="School")


@defect(25, "attributes_rules")
def plant_category_that_another_attribute_forbids(run):
    wed = run.first(PERSONS, pl.col("age") < 30, pl.col("bond") == "Wed")
    run.put(PERSONS, "person_id", wed["person_id"], work="School")


@defect(25, "attributes_rules")
def plant_worker_at_an_age_of_zero_odds(run):
    child = run.first(PERSONS, pl.col("age") < 13, pl.col("work") == "School")
    run.put(PERSONS, "person_id", child["person_id"], work="Fields")


@defect(19, "attributes_rules")
def plant_modelled_attribute_called_constrained(run):
    known = run.table(PERSONS).filter(pl.col("work").is_not_null())["person_id"].to_list()
    run.put(PERSONS, "person_id", known, work_evidence="constrained")


@defect(13, "attributes_rules")
def plant_partners_said_to_agree_more(run):
    def raise_agreement(document):
        entry = next(e for e in document["attributes"] if e["name"] == "work")
        entry["couples_alike"] = entry["couples"]

    run.edit_json(DISTRIBUTIONS, raise_agreement)


@defect(25, "attribute_shares")
def plant_one_occupation_for_everybody(run):
    known = run.table(PERSONS).filter(pl.col("work").is_not_null())["person_id"].to_list()
    run.put(PERSONS, "person_id", known, work="Mill")


@defect(25, "attribute_shares")
def plant_one_language_for_everybody(run):
    known = run.table(PERSONS).filter(pl.col("language").is_not_null())["person_id"].to_list()
    run.put(PERSONS, "person_id", known, language="Plain")


@defect(25, "attribute_shares")
def plant_default_category_for_those_over_thirty(run):
    some = run.table(PERSONS).filter(pl.col("work").is_not_null() & (pl.col("age") > 30))
    run.put(PERSONS, "person_id", some["person_id"].to_list(), work="Mill")
