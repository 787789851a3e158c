"""Defects of controls, summaries, geography, intervals and evidence: findings 9 to 27."""

from __future__ import annotations

import shutil

import polars as pl
from planted import (
    DWELLINGS,
    HOUSEHOLDS,
    INTERVALS,
    MANIFEST,
    NOTES,
    PERSONS,
    PROVENANCE,
    RELAXED,
    RESIDUALS,
    TIERS,
    defect,
)

DISTRIBUTIONS = "distribution_diagnostics.json"

# 9 to 15: controls, notes, universes --------------------------------------------------------------


@defect(9, "hard_exact")
def plant_hard_control_that_is_missed(run):
    adult = run.first(PERSONS, pl.col("age") == 40)
    run.put(PERSONS, "person_id", adult["person_id"], age=41)


@defect(9, "residual_rows")
def plant_residual_row_that_hides_a_miss(run):
    row = run.first(RESIDUALS, pl.col("level") == "HARD", pl.col("target") > 10)
    run.put(RESIDUALS, "constraint_id", row["constraint_id"], target=row["target"] - 1)


@defect(9, "recountable")
def plant_control_on_a_table_that_is_not_frozen(run):
    table = next(each["table"] for each in run.controls() if each["level"] == "HARD")
    run.edit_text("pack/controls.yaml", lambda t: t.replace(f"table: {table}", "table: other", 1))


@defect(10, "control_levels")
def plant_hard_control_called_firm_in_the_manifest(run):
    def demote(manifest):
        used = manifest["constraints_used"]
        used["FIRM"].append(used["HARD"].pop())

    run.edit_json(MANIFEST, demote)


@defect(10, "control_levels")
def plant_hard_rows_called_firm_in_the_residuals(run):
    row = run.first(RESIDUALS, pl.col("level") == "HARD")
    run.put(RESIDUALS, "control_id", row["control_id"], level="FIRM")


@defect(10, "control_levels")
def plant_hard_control_called_firm_in_the_pack(run):
    run.edit_text("pack/controls.yaml", lambda text: text.replace("level: HARD", "level: FIRM", 1))


@defect(10, "relaxations_logged")
def plant_relaxation_of_a_hard_control(run):
    row = run.first(RESIDUALS, pl.col("level") == "HARD", pl.col("target") > 10)
    name = f"relax.{row['constraint_id']}"
    run.put(RESIDUALS, "constraint_id", row["constraint_id"], relaxation_id=name, status="WARN")
    entry = {key: row[key] for key in ("constraint_id", "control_id", "zone", "category", "target")}
    entry |= {"id": name, "achieved": row["observed"], "moved": 0, "proof": "none", "cells": []}
    run.edit_json(RELAXED, lambda document: document["relaxations"].append(entry))
    run.edit_json(MANIFEST, lambda manifest: manifest["constraints_relaxed"].append(name))


@defect(11, "tables_exercised")
def plant_frozen_table_that_nothing_uses(run):
    table = next(each["table"] for each in run.controls() if each["level"] == "FIRM")
    run.edit_text("pack/controls.yaml", lambda text: text.replace(f"table: {table}", "table: gone"))


@defect(12, "tolerances")
def plant_vacancy_trimmed_without_a_relaxation(run):
    vacant = run.table(DWELLINGS).filter(pl.col("occupancy") == "vacant")["dwelling_id"].to_list()
    run.put(DWELLINGS, "dwelling_id", vacant[:7], occupancy="secondary_or_unresolved")


@defect(12, "tolerances")
def plant_relaxation_left_out(run):
    gone = run.read_json(RELAXED)["relaxations"][0]
    run.edit_json(RELAXED, lambda document: document["relaxations"].pop(0))
    run.edit_json(MANIFEST, lambda manifest: manifest["constraints_relaxed"].remove(gone["id"]))
    run.put(RESIDUALS, "relaxation_id", gone["id"], relaxation_id=None, status="PASS")


@defect(12, "relaxations_minimal")
def plant_relaxation_larger_than_it_must_be(run):
    def enlarge(document):
        entry = next(each for each in document["relaxations"] if not each["category"])
        entry["achieved"] -= 3
        entry["moved"] += 3

    run.edit_json(RELAXED, enlarge)


@defect(12, "relaxations_minimal")
def plant_cells_moved_further_than_their_margin_demands(run):
    def enlarge(document):
        for entry in document["relaxations"]:
            if entry["category"]:
                entry["achieved"] += 5
                entry["moved"] = abs(entry["achieved"] - entry["target"])

    run.edit_json(RELAXED, enlarge)


@defect(12, "relaxations_logged")
def plant_relaxation_that_the_manifest_hides(run):
    run.edit_json(MANIFEST, lambda manifest: manifest["constraints_relaxed"].clear())


def _notes_line(key, wrong):
    def edit(text):
        lines = [f"| `{key}` | {wrong} |" if f"`{key}`" in ln else ln for ln in text.split("\n")]
        return "\n".join(lines)

    return edit


@defect(13, "notes_figures")
def plant_notes_with_other_persons(run):
    run.edit_text(NOTES, _notes_line("persons", "1"))


@defect(13, "notes_figures")
def plant_notes_that_claim_no_deviation(run):
    run.edit_text(NOTES, _notes_line("max_marginal_deviation", "0.000000"))


@defect(13, "notes_figures")
def plant_residual_zero_beside_a_miss(run):
    missed = run.read_json(RELAXED)["relaxations"][-1]["control_id"]

    def claim(text):
        line = next(ln for ln in text.split("\n") if ln.startswith(f"| {missed} |"))
        return text.replace(line, line.rsplit("|", 2)[0] + "| 0 |")

    run.edit_text(NOTES, claim)


@defect(13, "manifest_coverage")
def plant_manifest_with_other_households(run):
    def add(manifest):
        manifest["coverage"]["built"]["households"]["all"] += 12

    run.edit_json(MANIFEST, add)


@defect(13, "residual_summary")
def plant_summary_that_counts_a_warning_as_a_pass(run):
    def pass_all(summary):
        firm = summary["by_level"]["FIRM"]
        firm["PASS"] += firm.pop("WARN")

    run.edit_json("constraint_residuals.json", pass_all)


@defect(13, "household_summary")
def plant_diagnostics_with_other_sizes(run):
    def shift(document):
        document["by_size"]["1"] += 1

    run.edit_json("household_diagnostics.json", shift)


@defect(13, "dwelling_summary")
def plant_diagnostics_with_other_vacancy(run):
    run.edit_json("dwelling_building_diagnostics.json", lambda d: d.update(vacant=d["vacant"] + 5))


@defect(15, "deviation_figure")
def plant_deviation_without_the_worst_row(run):
    run.edit_json("constraint_residuals.json", lambda d: d.update(max_marginal_deviation=0.0))


@defect(15, "deviation_figure")
def plant_deviation_that_counts_informational_rows(run):
    run.edit_json("constraint_residuals.json", lambda d: d.update(max_marginal_deviation=1.0))


@defect(15, "residual_rows")
def plant_failing_row_left_out(run):
    run.change(RESIDUALS, lambda table: table.filter(pl.col("status") != "WARN"))


# 16 to 18: geography, intervals, tiers ------------------------------------------------------------


@defect(16, "table_zones")
def plant_zone_without_persons(run):
    zone = run.table(PERSONS)["zone_code"][0]
    run.change(PERSONS, lambda table: table.filter(pl.col("zone_code") != zone))


@defect(16, "table_zones")
def plant_zone_that_is_a_whole_and_its_part(run):
    root = run.read_json(MANIFEST)["geography"]["root"]
    home = run.homes_of()[0]["household_id"]
    run.put(PERSONS, "household_id", home, zone_code=root)
    run.put(HOUSEHOLDS, "household_id", home, zone_code=root)


@defect(16, "same_place")
def plant_person_in_another_zone(run):
    zones = run.table(PERSONS)["zone_code"].unique().sort()
    person = run.first(PERSONS, pl.col("zone_code") == zones[0])
    run.put(PERSONS, "person_id", person["person_id"], zone_code=zones[1])


@defect(16, "geography_tree")
def plant_zone_that_stands_twice(run):
    run.edit_text(
        "pack/geography.csv", lambda text: text + text.rstrip("\n").split("\n")[-1] + "\n"
    )


@defect(16, "published_totals")
def plant_table_whose_total_is_not_its_parts(run):
    table = next(each["table"] for each in run.controls() if each["level"] == "HARD")

    def raise_first(document):
        document["value"][0] += 5

    run.refreeze(table, raise_first)


def _interval(run, edit):
    run.change(INTERVALS, edit)


@defect(17, "intervals")
def plant_interval_of_no_width(run):
    _interval(run, lambda t: t.with_columns(low=pl.col("estimate"), high=pl.col("estimate")))


@defect(17, "intervals")
def plant_modelled_count_without_an_interval(run):
    _interval(run, lambda table: table.tail(-1))


@defect(17, "intervals")
def plant_interval_that_misses_the_count(run):
    away = {name: pl.col(name) * 9 for name in ("estimate", "low", "high")}
    _interval(run, lambda table: table.with_columns(**away))


@defect(17, "interval_origins")
def plant_one_interval_for_everything(run):
    estimate = pl.col("estimate")
    _interval(run, lambda t: t.with_columns(low=estimate * 0.9, high=estimate * 1.1))


@defect(17, "interval_rows")
def plant_estimate_that_is_one_off(run):
    first = pl.int_range(pl.len()) == pl.len() - 1
    _interval(run, lambda t: t.with_columns(estimate=pl.col("estimate") + first.cast(pl.Float64)))


@defect(17, "interval_rows")
def plant_attribute_without_intervals_in_one_zone(run):
    zone = run.table(PERSONS)["zone_code"][0]
    gone = (pl.col("quantity") == "persons_by_work") & (pl.col("zone") == zone)
    _interval(run, lambda table: table.filter(~gone))


@defect(17, "interval_rows")
def plant_quantity_without_its_country(run):
    root = run.read_json(MANIFEST)["geography"]["root"]
    gone = (pl.col("quantity") == "households_by_type") & (pl.col("zone") == root)
    _interval(run, lambda table: table.filter(~gone))


@defect(17, "interval_origins")
def plant_one_interval_for_all_of_an_attribute(run):
    estimate, work = pl.col("estimate"), pl.col("quantity") == "persons_by_work"
    _interval(
        run,
        lambda t: t.with_columns(
            low=pl.when(work).then(estimate * 0.9 - 0.001).otherwise("low"),
            high=pl.when(work).then(estimate * 1.1 + 0.001).otherwise("high"),
        ),
    )


@defect(17, "interval_origins")
def plant_one_width_by_root_for_sizes(run):
    sizes, reach = pl.col("quantity") == "households_by_size", pl.col("estimate").sqrt() * 2
    _interval(
        run,
        lambda t: t.with_columns(
            low=pl.when(sizes).then(pl.col("estimate") - reach - 0.0001).otherwise("low"),
            high=pl.when(sizes).then(pl.col("estimate") + reach + 0.0001).otherwise("high"),
        ),
    )


@defect(17, "interval_widths")
def plant_country_as_sure_as_one_zone(run):
    root = run.read_json(MANIFEST)["geography"]["root"]
    chosen = (pl.col("zone") == root) & (pl.col("quantity") == "persons_by_bond")
    _interval(
        run,
        lambda t: t.with_columns(
            low=pl.when(chosen).then(pl.col("estimate") - 1).otherwise("low"),
            high=pl.when(chosen).then(pl.col("estimate") + 1).otherwise("high"),
        ),
    )


@defect(17, "interval_widths")
def plant_variance_that_is_no_number(run):
    _interval(run, lambda t: t.with_columns(between=pl.lit(float("nan"))))


@defect(17, "interval_widths")
def plant_interval_without_a_probability(run):
    none = pl.lit(None, dtype=pl.Float64)
    _interval(run, lambda t: t.with_columns(interval=none))


@defect(17, "interval_summary")
def plant_summary_with_narrower_intervals(run):
    def narrow(document):
        document["quantities"][-1]["median_relative_width"] /= 2

    run.edit_json("uncertainty_summary.json", narrow)


@defect(17, "interval_summary")
def plant_spread_that_nobody_declared(run):
    def boast(document):
        document["quantities"][-1]["spread"]["country"] = {"declared": 1e6}

    run.edit_json("uncertainty_summary.json", boast)


@defect(18, "quality_tiers")
def plant_better_tier_than_the_zone_earns(run):
    def improve(document):
        worst = max(document["tiers"], key=lambda entry: entry["tier"])
        worst["tier"] = "C"

    run.edit_json(TIERS, improve)


@defect(18, "quality_tiers")
def plant_tier_with_a_flattering_figure(run):
    def flatter(document):
        document["tiers"][0]["figures"]["modelled_share"] = 0.1

    run.edit_json(TIERS, flatter)


@defect(18, "quality_tiers")
def plant_tiers_that_forget_a_missing_layer(run):
    run.edit_json(TIERS, lambda document: document["missing_layers"].pop())


@defect(18, "quality_tiers")
def plant_best_tier_without_buildings(run):
    run.edit_json(TIERS, lambda document: document["tiers"][0].update(tier="A"))


@defect(18, "quality_tiers")
def plant_zone_without_a_tier(run):
    run.edit_json(TIERS, lambda document: document["tiers"].pop())


@defect(18, "quality_tiers")
def plant_good_tier_where_a_control_is_relaxed(run):
    relaxed = {entry["zone"] for entry in run.read_json(RELAXED)["relaxations"]}
    tiers = {entry["zone"]: entry["tier"] for entry in run.read_json(TIERS)["tiers"]}
    zone = min(zone for zone, tier in tiers.items() if zone in relaxed and tier == "C")

    def improve(document):
        next(each for each in document["tiers"] if each["zone"] == zone)["tier"] = "B"

    run.edit_json(TIERS, improve)
    run.edit_json(MANIFEST, lambda manifest: manifest["zones_degraded"].remove(zone))


# 19 to 27: evidence and honesty -------------------------------------------------------------------


@defect(19, "registry_entries")
def plant_default_distribution_of_high_confidence(run):
    def praise(document):
        entry = next(e for e in document["registry"] if e["id"].startswith("default."))
        entry["confidence"] = "high"

    run.edit_json("distribution_diagnostics.json", praise)


@defect(19, "registry_entries")
def plant_modelled_distribution_called_measured(run):
    def promote(document):
        entry = next(e for e in document["distributions_used"] if e["evidence"] == "modelled")
        entry["evidence"] = "measured"

    run.edit_json("build_manifest.json", promote)


@defect(19, "registry_entries")
def plant_distribution_used_and_not_said(run):
    def leave_out(document):
        del document["distributions_used"][0]

    run.edit_json("build_manifest.json", leave_out)


@defect(19, "registry_entries")
def plant_default_distribution_left_out(run):
    def leave_out(document):
        kept = [e for e in document["registry"] if e["family"] != "institution_size"]
        document["registry"] = kept

    run.edit_json("distribution_diagnostics.json", leave_out)


@defect(19, "evidence_words")
def plant_evidence_word_in_the_manifest(run):
    run.edit_json(MANIFEST, lambda manifest: manifest["layers"].update({PERSONS: "estimated"}))


@defect(19, "evidence_words")
def plant_evidence_word_in_the_table(run):
    said = run.said(PERSONS)
    said["evidence"]["age"] = "real"
    run.write(PERSONS, run.table(PERSONS), said)


@defect(19, "evidence_words")
def plant_evidence_word_in_one_row(run):
    person = run.table(PERSONS)["person_id"][0]
    run.put(PERSONS, "person_id", person, age_evidence="imputed")


@defect(19, "evidence_words")
def plant_evidence_word_misspelt_in_the_table(run):
    said = run.said(HOUSEHOLDS)
    said["evidence"]["size"] = "modeled"
    run.write(HOUSEHOLDS, run.table(HOUSEHOLDS), said)


@defect(19, "evidence_words")
def plant_evidence_word_in_capitals_in_the_manifest(run):
    def shout(manifest):
        manifest["layers"][PERSONS] = manifest["layers"][PERSONS].capitalize()

    run.edit_json(MANIFEST, shout)


@defect(19, "evidence_words")
def plant_evidence_word_misspelt_in_one_row(run):
    known = run.first(PERSONS, pl.col("language").is_not_null())
    run.put(PERSONS, "person_id", known["person_id"], language_evidence="constraint")


@defect(19, "evidence_words")
def plant_column_without_an_evidence_word(run):
    said = run.said(PERSONS)
    del said["evidence"]["sex"]
    run.write(PERSONS, run.table(PERSONS), said)


@defect(19, "evidence_words")
def plant_evidence_word_misspelt_of_a_distribution(run):
    """In the pack and in both lists of the run alike, so that they agree."""

    def misspell(entries):
        next(each for each in entries if each["id"] == name)["evidence"] = "modeled"

    name = run.read_json(DISTRIBUTIONS)["registry"][0]["id"]
    run.edit_text(
        "pack/priors.yaml", lambda text: text.replace("evidence: modelled", "evidence: modeled", 1)
    )
    run.edit_json(DISTRIBUTIONS, lambda document: misspell(document["registry"]))
    run.edit_json(MANIFEST, lambda manifest: misspell(manifest["distributions_used"]))


@defect(19, "attributes_rules")
def plant_modelled_attribute_called_measured_in_the_diagnostics(run):
    def promote(document):
        row = next(each for each in document["attributes"] if each["evidence"] == "modelled")
        row["evidence"] = "measured"

    run.edit_json(DISTRIBUTIONS, promote)


@defect(19, "evidence_words")
def plant_unavailable_layer_called_measured(run):
    run.edit_json(
        "work_school_assignments.unavailable.json", lambda m: m.update(evidence="measured")
    )


@defect(19, "evidence_words")
def plant_empty_column_called_measured(run):
    said = run.said(DWELLINGS)
    said["evidence"]["building_id"] = "measured"
    run.write(DWELLINGS, run.table(DWELLINGS), said)


@defect(20, "whole_country")
def plant_seeded_slice_called_a_country(run):
    zones = pl.col("zone_code") == run.table(PERSONS)["zone_code"][0]
    few = pl.int_range(pl.len()).over("zone_code") < 20
    run.change(PERSONS, lambda table: table.filter(zones | few))


@defect(20, "run_identity")
def plant_slice_that_says_so_in_one_file_only(run):
    run.edit_json(MANIFEST, lambda manifest: manifest.update(scope="slice"))


@defect(21, "provenance_fields")
def plant_source_without_a_licence(run):
    run.edit_json(PROVENANCE, lambda document: document["tables"][0].update(licence=""))


@defect(21, "snapshot_hashes")
def plant_two_hashes_for_one_table(run):
    def swap(manifest):
        one, other = list(manifest["snapshots"])[:2]
        manifest["snapshots"][one] = manifest["snapshots"][other]

    run.edit_json(MANIFEST, swap)


@defect(21, "snapshot_hashes")
def plant_snapshot_whose_bytes_changed(run):
    sha256 = next(iter(run.read_json(MANIFEST)["snapshots"].values()))
    file = run.snapshots.path(sha256)
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))


@defect(21, "snapshot_hashes")
def plant_snapshot_that_is_gone(run):
    run.snapshots.path(next(iter(run.read_json(MANIFEST)["snapshots"].values()))).unlink()


@defect(22, "provenance_counts")
def plant_missing_cells_read_as_zero(run):
    def fill(document):
        symbols = next(each["symbols"] for each in document["tables"] if each["symbols"]["missing"])
        symbols["zero"] += symbols.pop("missing")

    run.edit_json(PROVENANCE, fill)


@defect(23, "zone_spellings")
def plant_spelling_of_two_zones(run):
    def share(text):
        lines = text.split("\n")
        name = lines[2].split(",")[3]
        cells = lines[3].split(",")
        cells[4] = name
        return "\n".join([*lines[:3], ",".join(cells), *lines[4:]])

    run.edit_text("pack/geography.csv", share)


@defect(26, "layers")
def plant_layer_neither_there_nor_declared(run):
    run.path("work_school_assignments.unavailable.json").unlink()


@defect(26, "layers")
def plant_layer_both_there_and_declared(run):
    shutil.copy(
        run.path(f"{DWELLINGS}.parquet"), run.path("synthetic_building_assignments.parquet")
    )


@defect(27, "synthetic_notice")
def plant_table_that_does_not_say_synthetic(run):
    run.write(PERSONS, run.table(PERSONS), run.said(PERSONS) | {"notice": "persons"})


@defect(27, "release_mode")
def plant_release_without_disclosure_checks(run):
    run.edit_json("privacy_report.json", lambda report: report.update(release_mode="public"))
