"""Defects of sources, zones, years, markers and notes: findings 7, 13, 16, 20 to 23 and 26."""

from __future__ import annotations

import polars as pl
from planted import HOUSEHOLDS, MANIFEST, NOTES, PROVENANCE, RESIDUALS, defect

SOURCES = "pack/sources.yaml"
CONTROLS = "pack/controls.yaml"
MARKER = "work_school_assignments.unavailable.json"


def _swap(run, file, old, new):
    run.edit_text(file, lambda text: text.replace(old, new, 1))


def _hard(run):
    """The id of the table behind the first HARD control."""
    return next(each["table"] for each in run.controls() if each["level"] == "HARD")


@defect(7, "keys")
def plant_household_of_a_placeholder_id(run):
    run.put(HOUSEHOLDS, "household_id", run.homes_of()[0]["household_id"], household_id=0)


@defect(13, "notes_figures")
def plant_layer_that_the_notes_alone_have(run):
    _swap(run, NOTES, "work_school_assignments: unavailable", "work_school_assignments: measured")


@defect(16, "table_zones")
def plant_merged_zone_counted_with_its_parts(run):
    one, other = run.read_json(MANIFEST)["geography"]["zones"][:2]
    lines = f"old,new,since,source\n{other},{one},2020-01-01,invented\n"
    run.path("pack/concordance.csv").write_text(lines, encoding="utf-8")


@defect(20, "whole_country")
def plant_country_whose_residents_nothing_counts(run):
    _swap(run, CONTROLS, "level: HARD", "level: GUIDE")


@defect(20, "real_sources")
def plant_invented_country_under_the_code_of_a_real_one(run):
    _swap(run, "pack/country.yaml", 'country: "ZZ"', 'country: "XK"')


@defect(21, "snapshot_hashes")
def plant_two_hashes_for_one_answer(run):
    one, other = run.read_json(PROVENANCE)["tables"][:2]
    for key in ("address", "query"):
        _swap(run, SOURCES, str(other[key]), str(one[key]))

    def agree(document):
        document["tables"][1] |= {key: one[key] for key in ("address", "query")}

    run.edit_json(PROVENANCE, agree)


@defect(21, "provenance_fields")
def plant_source_without_an_address(run):
    run.edit_json(PROVENANCE, lambda document: document["tables"][0].update(address=" "))


@defect(22, "source_years")
def plant_table_of_another_year(run):
    title = run.read_json(PROVENANCE)["tables"][0]["title"]
    _swap(run, SOURCES, f'title: "{title}"', f'title: "{title}, 2011"')


@defect(22, "source_years")
def plant_control_that_reads_another_year(run):
    _swap(run, CONTROLS, "where: {measure: households}", 'where: {measure: "2011"}')


@defect(22, "provenance_counts")
def plant_suppressed_cells_frozen_as_zero(run):
    row = run.first(RESIDUALS, pl.col("target").is_null())
    table = next(c["table"] for c in run.controls() if c["id"] == row["control_id"])

    def fill(document):
        document["value"] = [0 if value is None else value for value in document["value"]]
        document.pop("status", None)

    run.refreeze(table, fill)


@defect(22, "missing_declared")
def plant_missing_figures_that_nobody_declared(run):
    _swap(run, CONTROLS, "    missing: modelled\n", "")


@defect(23, "zone_spellings")
def plant_zone_joined_to_none(run):
    zone = run.read_json(MANIFEST)["geography"]["zones"][1]

    def rename(document):
        category = document["dimension"]["zone"]["category"]
        index = category["index"]
        codes = list(index) if isinstance(index, list) else sorted(index, key=index.get)
        category["index"] = ["Nowhere" if code == zone else code for code in codes]
        category["label"] = {code: code for code in category["index"]}

    run.refreeze(_hard(run), rename)


@defect(23, "zone_spellings")
def plant_two_zones_under_each_other_s_names(run):
    one, other = run.read_json(MANIFEST)["geography"]["zones"][:2]

    def exchange(document):
        label = document["dimension"]["zone"]["category"]["label"]
        label[one], label[other] = label[other], label[one]

    run.refreeze(_hard(run), exchange)


@defect(26, "layers")
def plant_marker_without_a_reason(run):
    run.edit_json(MARKER, lambda marker: marker.update(reason=""))


@defect(26, "layers")
def plant_marker_of_another_run(run):
    run.edit_json(MARKER, lambda marker: marker.update(run_id="zz_national_00000000_seed1"))


@defect(26, "layers")
def plant_layer_that_the_manifest_alone_has(run):
    run.edit_json(MANIFEST, lambda m: m["layers"].update(work_school_assignments="modelled"))
