"""Defects of layers that no build makes yet: buildings, overlays, work and school, and releases.

Each is planted in Tinyland's run with the invented layers of `invented_layers.py`.
"""

from __future__ import annotations

import polars as pl
import pytest
from invented_layers import ASSIGNED, BUILDINGS, HOMES, OVERLAYS, PLACES
from planted import DWELLINGS, HOUSEHOLDS, MANIFEST, PERSONS, RESIDUALS, PlantedRun

DEFECTS = []
REPORT = "privacy_report.json"


def defect(finding, check):
    """Register a function that plants a defect which the check with this id must find."""

    def register(plant):
        name = f"{finding or 0:02d}-{plant.__name__.removeprefix('plant_')}"
        DEFECTS.append(pytest.param(finding, check, plant, id=name))
        return plant

    return register


# Buildings ----------------------------------------------------------------------------------------


def _unit(run, **values):
    """Set columns in the row of the first dwelling."""
    run.put(BUILDINGS, "dwelling_id", run.table(BUILDINGS)["dwelling_id"][0], **values)


@defect(7, "building_rows")
def plant_dwelling_without_a_building(run):
    run.change(BUILDINGS, lambda table: table.tail(-1))


@defect(7, "building_rows")
def plant_dwelling_in_two_buildings(run):
    run.change(BUILDINGS, lambda table: pl.concat([table, table.head(1)]))


@defect(7, "building_rows")
def plant_row_of_a_dwelling_that_does_not_exist(run):
    _unit(run, dwelling_id=10**9)


@defect(7, "building_rows")
def plant_placeholder_building(run):
    _unit(run, building_id="unknown")
    run.put(DWELLINGS, "dwelling_id", run.table(BUILDINGS)["dwelling_id"][0], building_id="unknown")


@defect(7, "building_rows")
def plant_one_building_for_a_zone(run):
    here = pl.col("zone_code") == "01"
    for name in (BUILDINGS, DWELLINGS):
        own = pl.when(here).then("zone_code").otherwise("building_id").alias("building_id")
        run.change(name, lambda table, own=own: table.with_columns(own))


@defect(7, "building_rows")
def plant_building_in_two_zones(run):
    rows = run.table(BUILDINGS)
    far = rows.filter(pl.col("zone_code") != rows["zone_code"][0])["building_id"][0]
    _unit(run, building_id=far)
    run.put(DWELLINGS, "dwelling_id", rows["dwelling_id"][0], building_id=far)


@defect(7, "building_rows")
def plant_building_both_real_and_modelled(run):
    rows = run.table(BUILDINGS)
    shared = rows.filter(pl.len().over("building_id") > 1).row(0, named=True)
    other = {"real_footprint": "modelled_unit"}.get(shared["evidence"], "real_footprint")
    run.put(BUILDINGS, "dwelling_id", shared["dwelling_id"], evidence=other)


@defect(6, "building_links")
def plant_dwellings_that_name_no_building(run):
    said = run.said(DWELLINGS)
    said["evidence"]["building_id"] = "unavailable"
    table = run.table(DWELLINGS)
    empty = pl.lit(None, dtype=table.schema["building_id"]).alias("building_id")
    run.write(DWELLINGS, table.with_columns(empty), said)


@defect(6, "building_links")
def plant_dwelling_that_names_another_building(run):
    ids = run.table(BUILDINGS)["building_id"].unique(maintain_order=True)
    run.put(DWELLINGS, "building_id", ids[0], building_id=ids[1])


@defect(6, "building_links")
def plant_building_in_another_zone_than_its_dwelling(run):
    run.put(BUILDINGS, "building_id", run.table(BUILDINGS)["building_id"][0], zone_code="05")


@defect(8, "building_capacity")
def plant_overfull_building(run):
    full = run.table(BUILDINGS).filter(pl.col("capacity") > 2).row(0, named=True)
    run.put(BUILDINGS, "building_id", full["building_id"], capacity=1)


@defect(8, "building_capacity")
def plant_building_of_two_capacities(run):
    shared = run.table(BUILDINGS).filter(pl.len().over("building_id") > 1).row(0, named=True)
    run.put(BUILDINGS, "dwelling_id", shared["dwelling_id"], capacity=pl.col("capacity") + 1)


@defect(19, "closed_words")
def plant_building_of_an_unknown_evidence_word(run):
    _unit(run, evidence="satellite")


@defect(19, "building_sources")
def plant_real_buildings_without_a_source(run):
    said = {key: word for key, word in run.said(BUILDINGS).items() if key != "sources"}
    run.write(BUILDINGS, run.table(BUILDINGS), said)


@defect(19, "building_sources")
def plant_modelled_buildings_with_a_source(run):
    run.change(BUILDINGS, lambda t: t.with_columns(evidence=pl.lit("modelled_unit")))


@defect(9, "building_counts")
def plant_buildings_far_from_the_published_count(run):
    rows = run.table(BUILDINGS).filter(pl.col("zone_code") == "01")
    ids = rows["building_id"].unique(maintain_order=True).to_list()
    fewer = dict.fromkeys(ids[: len(ids) // 2], ids[0])
    for name in (BUILDINGS, DWELLINGS):
        run.change(name, lambda t: t.with_columns(pl.col("building_id").replace(fewer)))


@defect(9, "residual_rows")
def plant_buildings_that_the_residuals_do_not_count(run):
    row = run.first(RESIDUALS, pl.col("counts") == "buildings", pl.col("zone") == "02")
    run.put(RESIDUALS, "constraint_id", row["constraint_id"], observed=row["observed"] + 1)


@defect(13, "building_summary")
def plant_diagnostics_with_other_buildings(run):
    run.edit_json(HOMES, lambda document: document["buildings"].update(buildings=1))


@defect(13, "manifest_coverage")
def plant_manifest_that_counts_dwellings_as_buildings(run):
    built = {"all": len(run.table(BUILDINGS))}
    run.edit_json(MANIFEST, lambda m: m["coverage"]["built"].update(buildings=built))


# Overlays -----------------------------------------------------------------------------------------


def _group(run, category="shepherds", **values):
    """Set columns in the rows of a category."""
    run.put(OVERLAYS, "category", category, **values)


@defect(17, "overlay_bounds")
def plant_overlay_of_no_width(run):
    _group(run, low=pl.col("mid"), high=pl.col("mid"))


@defect(17, "overlay_bounds")
def plant_overlay_outside_its_band(run):
    _group(run, mid=pl.col("high") + 1)


@defect(17, "overlay_bounds")
def plant_overlay_below_nothing(run):
    _group(run, low=-1.0)


@defect(17, "overlay_bounds")
def plant_overlay_without_a_number(run):
    _group(run, high=float("nan"))


@defect(17, "overlay_bounds")
def plant_one_band_for_every_category(run):
    said = run.said(OVERLAYS)
    table = run.table(OVERLAYS).with_columns(low=pl.col("mid") * 0.5, high=pl.col("mid") * 2)
    run.write(OVERLAYS, table.with_columns(evidence=pl.lit("modelled")), said)


@defect(21, "overlay_sources")
def plant_overlay_from_nowhere(run):
    _group(run, source="an expert")


@defect(21, "overlay_sources")
def plant_overlay_of_no_day(run):
    _group(run, date="last year")


@defect(21, "overlay_sources")
def plant_overlay_of_tomorrow(run):
    _group(run, date="2999-01-01")


@defect(21, "overlay_sources")
def plant_two_lists_without_their_dependence(run):
    _group(run, dependence_high=None)


@defect(21, "overlay_sources")
def plant_independence_taken_for_granted(run):
    _group(run, dependence_low=1.0, dependence_high=1.0)


@defect(21, "overlay_sources")
def plant_many_systems_from_two_lists(run):
    _group(run, method="multiple_systems")


@defect(21, "overlay_sources")
def plant_estimate_called_measured(run):
    _group(run, evidence="measured")


@defect(19, "closed_words")
def plant_overlay_half_inside(run):
    _group(run, de_jure="partly")


@defect(16, "overlay_zones")
def plant_overlay_of_an_unknown_zone(run):
    run.put(OVERLAYS, "zone_code", "02", zone_code="99")


@defect(16, "overlay_zones")
def plant_overlay_row_twice(run):
    run.change(OVERLAYS, lambda table: pl.concat([table, table.head(1)]))


@defect(16, "overlay_zones")
def plant_overlay_whose_zones_exceed_the_country(run):
    table = run.table(OVERLAYS)
    one, zones = table.head(1), run.read_json(MANIFEST)["geography"]["zones"]
    each = [one.with_columns(zone_code=pl.lit(zone), mid=pl.lit(39.0)) for zone in zones]
    kept = table.filter(~pl.col("zone_code").is_in(zones))
    run.change(OVERLAYS, lambda _: pl.concat([kept, *each]))


@defect(24, "overlay_apart")
def plant_overlay_added_to_the_residents(run):
    people = run.table(PERSONS).filter(pl.col("zone_code") == "01").head(21)
    first = run.table(PERSONS)["person_id"].max() + 1
    more = people.with_columns(person_id=pl.int_range(first, first + 21, dtype=pl.Int64))
    run.change(PERSONS, lambda t: pl.concat([t, more.cast(t.schema)]))


@defect(24, "overlay_apart")
def plant_residents_taken_for_an_overlay(run):
    people = run.table(PERSONS)["person_id"].to_list()[:9]
    run.put(PERSONS, "person_id", people, universe="shepherds")


@defect(24, "overlay_apart")
def plant_household_of_an_overlay(run):
    home = run.homes_of()[0]["household_id"]
    run.put(HOUSEHOLDS, "household_id", home, universe="Sailors")


@defect(24, "overlay_apart")
def plant_more_inside_than_there_are_residents(run):
    _group(run, "sailors", low=1e9, mid=1e9, high=1e9)


# Work and school ----------------------------------------------------------------------------------


def _first(run, *conditions):
    return run.table(PLACES).filter(*conditions).row(0, named=True)


def _sent(run, destination):
    return _first(run, pl.col("destination") == destination)["person_id"]


@defect(7, "assignment_rows")
def plant_worker_who_does_not_exist(run):
    run.put(PLACES, "person_id", _sent(run, "place"), person_id=10**9)


@defect(7, "assignment_rows")
def plant_worker_at_two_places(run):
    run.change(PLACES, lambda table: pl.concat([table, table.head(1)]))


@defect(7, "assignment_rows")
def plant_placeholder_place(run):
    run.put(PLACES, "person_id", _sent(run, "place"), place_id="n/a")


@defect(7, "assignment_rows")
def plant_assigned_to_no_place(run):
    run.put(PLACES, "person_id", _sent(run, "place"), place_id=None)


@defect(7, "assignment_rows")
def plant_abroad_and_at_a_place(run):
    run.put(PLACES, "person_id", _sent(run, "external"), place_id="Mill 01-0", zone_code="01")


@defect(7, "assignment_rows")
def plant_unassigned_with_a_distance(run):
    run.put(PLACES, "person_id", _sent(run, "unassigned"), distance_km=3.0)


@defect(7, "assignment_rows")
def plant_distance_below_nothing(run):
    run.put(PLACES, "person_id", _sent(run, "place"), distance_km=-3.0)


@defect(19, "closed_words")
def plant_assignment_of_an_unknown_kind(run):
    run.put(PLACES, "person_id", _sent(run, "place"), kind="leisure")


@defect(19, "closed_words")
def plant_assignment_of_an_unknown_evidence(run):
    run.put(PLACES, "person_id", _sent(run, "place"), evidence="observed")


@defect(8, "assignment_places")
def plant_overfull_place(run):
    place = _first(run, pl.col("destination") == "place", pl.len().over("place_id") > 5)
    run.put(PLACES, "place_id", place["place_id"], capacity=5)


@defect(8, "assignment_places")
def plant_place_in_two_zones(run):
    run.put(PLACES, "person_id", _sent(run, "place"), zone_code="06")


@defect(8, "assignment_places")
def plant_place_in_an_unknown_zone(run):
    place = _first(run, pl.col("destination") == "place")
    run.put(PLACES, "place_id", place["place_id"], zone_code="99")


@defect(16, "external_zones")
def plant_zone_abroad_that_nobody_listed(run):
    run.put(PLACES, "destination", "external", external_zone="ELSEWHERE")


@defect(16, "external_zones")
def plant_own_zone_called_abroad(run):
    run.edit_text("pack/assignment.yaml", lambda text: text.replace("code: NEXT", 'code: "01"'))


@defect(None, "assignment_ages")
def plant_worker_of_twelve(run):
    worker = _first(run, pl.col("kind") == "work")["person_id"]
    run.put(PERSONS, "person_id", worker, age=12)


@defect(None, "assignment_ages")
def plant_pack_that_lets_children_work(run):
    worker = _first(run, pl.col("kind") == "work")["person_id"]
    run.put(PERSONS, "person_id", worker, age=12)
    run.edit_text("pack/assignment.yaml", lambda text: text.replace("[15, 99]", "[10, 99]"))


@defect(None, "assignment_ages")
def plant_pupil_of_sixty(run):
    pupil = _first(run, pl.col("kind") == "school")["person_id"]
    run.put(PERSONS, "person_id", pupil, age=60)


@defect(None, "assignment_totals")
def plant_worker_who_is_left_out(run):
    run.change(PLACES, lambda t: t.filter(pl.col("person_id") != _sent(run, "unassigned")))


@defect(None, "assignment_totals")
def plant_pupil_with_a_place_of_work(run):
    pupil = _first(run, pl.col("kind") == "school")["person_id"]
    run.put(PLACES, "person_id", pupil, kind="work")


@defect(13, "assignment_summary")
def plant_flow_that_is_not_in_the_table(run):
    run.edit_json(ASSIGNED, lambda d: d["flows"][0].update(persons=d["flows"][0]["persons"] + 3))


@defect(13, "assignment_summary")
def plant_shorter_ways_to_work(run):
    run.edit_json(ASSIGNED, lambda d: d["trip_lengths"]["work"].update(mean_km=0.5))


@defect(13, "assignment_summary")
def plant_unassigned_called_assigned(run):
    def hide(document):
        work = document["persons"]["work"]
        work["place"] += work.pop("unassigned")

    run.edit_json(ASSIGNED, hide)


@defect(13, "assignment_summary")
def plant_larger_schools(run):
    run.edit_json(ASSIGNED, lambda d: d["capacities"]["school"].update(capacity=1e6))


# Releases -----------------------------------------------------------------------------------------


def release(run: PlantedRun) -> None:
    """Make the run public, every file saying SYNTHETIC, with disclosure checks that hold."""
    people = run.table(PERSONS)
    keys = ["zone_code", "age", "sex"]
    sizes = people.group_by(keys).len()["len"]
    telling = [
        control["id"]
        for control in run.controls()
        if control["counts"] == "persons" and control.get("by")
    ]
    groups, determined = published_groups(run, telling)
    small, unique = int((sizes < 3).sum()), int((sizes == 1).sum())
    checks = [
        {"id": "small_cells", "keys": keys, "least": 3, "cells": len(sizes), "small": small},
        {"id": "uniqueness", "keys": keys, "unique": unique},
        {"id": "determined_claims", "controls": telling},
    ]
    checks[2] |= {"groups": groups, "determined": determined}
    for check, most in zip(checks, (small, unique, determined), strict=True):
        check |= {"most": most, "result": "PASS"}
    run.edit_json(REPORT, lambda report: report.update(release_mode="public", checks=checks))
    for path in sorted(run.folder.rglob("*")):
        if not path.is_file() or path.parent.name == "pack" or path.suffix == ".sha256":
            continue
        if path.suffix == ".json":
            run.edit_json(path.name, lambda document: document.setdefault("notice", "SYNTHETIC"))
        elif path.suffix == ".parquet" and not run.said(path.stem):
            run.write(path.stem, run.table(path.stem), {"notice": "SYNTHETIC"})


def published_groups(run: PlantedRun, controls: list[str]) -> tuple[int, int]:
    """Groups of the residual rows, by control, zone and all but the last column, and given away."""
    rows = run.table(RESIDUALS).filter(pl.col("control_id").is_in(controls))
    rows = rows.filter(pl.col("target").is_not_null())
    inside = pl.when(pl.col("category").str.contains(";")).then(
        pl.col("category").str.replace(r";[^;]*$", "")
    )
    held = rows.group_by("control_id", "zone", inside.alias("group")).agg(
        pl.len(), pl.col("target").sum(), some=(pl.col("target") > 0).sum()
    )
    held = held.filter(pl.col("len") > 1, pl.col("target") > 0)
    return len(held), int((held["some"] == 1).sum())


def _check(run, name, **values):
    def edit(report):
        next(each for each in report["checks"] if each["id"] == name).update(values)

    release(run)
    run.edit_json(REPORT, edit)


@defect(27, "release_mode")
def plant_release_of_an_unknown_mode(run):
    release(run)
    run.edit_json(REPORT, lambda report: report.update(release_mode="open"))


@defect(27, "release_mode")
def plant_release_without_a_check_of_uniqueness(run):
    release(run)
    run.edit_json(REPORT, lambda report: report["checks"].pop(1))


@defect(27, "release_mode")
def plant_check_without_a_result(run):
    _check(run, "small_cells", result=None)


@defect(27, "release_mode")
def plant_release_although_a_check_failed(run):
    _check(run, "small_cells", result="FAIL", most=0)
    run.edit_json(REPORT, lambda report: report["findings"].append("small cells remain"))


@defect(27, "disclosure_figures")
def plant_fewer_small_cells(run):
    _check(run, "small_cells", small=0)


@defect(27, "disclosure_figures")
def plant_nobody_unique(run):
    _check(run, "uniqueness", unique=0)


@defect(27, "disclosure_figures")
def plant_uniqueness_on_harmless_keys(run):
    release(run)
    unique = int((run.table(PERSONS).group_by("sex").len()["len"] == 1).sum())
    _check(run, "uniqueness", keys=["sex"], unique=unique)


@defect(27, "disclosure_figures")
def plant_no_claim_determined(run):
    _check(run, "determined_claims", determined=0, groups=1)


@defect(27, "disclosure_figures")
def plant_table_whose_claims_nobody_looked_at(run):
    release(run)
    report = run.read_json(REPORT)
    named = report["checks"][2]["controls"][:1]
    groups, determined = published_groups(run, named)
    _check(run, "determined_claims", controls=named, groups=groups, determined=determined)


@defect(27, "disclosure_figures")
def plant_failed_check_called_passed(run):
    _check(run, "small_cells", most=-1)


@defect(27, "synthetic_notice")
def plant_released_file_that_does_not_say_synthetic(run):
    release(run)
    run.edit_json("relaxations.json", lambda document: document.pop("notice"))


@defect(27, "synthetic_notice")
def plant_page_that_does_not_say_synthetic(run):
    run.path("map.html").write_text("<h1>The people of Tinyland</h1>", encoding="utf-8")


@defect(27, "synthetic_notice")
def plant_crate_that_does_not_say_synthetic(run):
    crate = "ro-crate-metadata.json"
    run.edit_text(crate, lambda text: text.replace("SYNTHETIC", "Data"))
