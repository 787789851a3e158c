"""Levels, tolerances and the figures that follow from them: findings 9, 10, 11, 12 and 15."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, NotApplicable, kind
from planted.kit import (
    CONTROLS,
    DISTRIBUTIONS,
    DWELLINGS,
    MANIFEST,
    PERSONS,
    RELAXED,
    RESIDUALS,
    SUMMARY,
    PlantedRun,
)
from planted.seals import demote

HARD = pl.col("level") == "HARD"


def hard_rows(run: PlantedRun) -> pl.DataFrame:
    """Residual rows of HARD cells of some size."""
    return run.table(RESIDUALS).filter(HARD, pl.col("target") > 10)


def relaxed(run: PlantedRun) -> list[dict[str, Any]]:
    """The relaxations of the run. NotApplicable if there are none."""
    entries = list(run.read_json(RELAXED)["relaxations"])
    if not entries:
        raise NotApplicable("nothing is relaxed")
    return entries


# 9: HARD and not met ------------------------------------------------------------------------------


@kind(9, "hard_exact", *GRADED)
def residents_of_another_age(run: PlantedRun) -> None:
    """Persons of forty are forty-one: a HARD table by age counts one less there."""
    if not any(
        c["level"] == "HARD" and c["counts"] == "persons" and "age" in c.get("by", {})
        for c in run.controls()
    ):
        raise NotApplicable("no HARD control counts ages")
    adults = run.take(run.people(pl.col("age") == 40))
    run.put(PERSONS, "person_id", adults["person_id"], age=41)


@kind(9, "residual_rows", *GRADED)
def residual_row_that_hides_a_miss(run: PlantedRun) -> None:
    rows = run.take(hard_rows(run))["constraint_id"]
    run.put(RESIDUALS, "constraint_id", rows, target=pl.col("target") - 1)


@kind(9, "residual_rows", *GRADED)
def observed_figure_that_was_not_observed(run: PlantedRun) -> None:
    rows = run.take(hard_rows(run))["constraint_id"]
    run.put(RESIDUALS, "constraint_id", rows, observed=pl.col("observed") + 1)


@kind(9, "residual_status", *GRADED)
def met_row_called_a_warning(run: PlantedRun) -> None:
    rows = run.take(hard_rows(run))["constraint_id"]
    run.put(RESIDUALS, "constraint_id", rows, status="WARN")


@kind(9, "recountable")
def control_on_a_table_that_is_not_frozen(run: PlantedRun) -> None:
    table = run.control("HARD")["table"]
    run.edit_text(CONTROLS, lambda t: t.replace(f"table: {table}", "table: other", 1))


# 10: levels ---------------------------------------------------------------------------------------


@kind(10, "control_levels", *GRADED)
def rows_called_firm(run: PlantedRun) -> None:
    rows = run.take(hard_rows(run))["constraint_id"]
    run.put(RESIDUALS, "constraint_id", rows, level="FIRM")


@kind(10, "control_levels")
def hard_control_that_is_only_shown_in_the_pack(run: PlantedRun) -> None:
    run.edit_text(CONTROLS, lambda text: text.replace("level: HARD", "level: INFORMATIONAL", 1))


@kind(10, "control_levels")
def tolerance_widened_in_the_pack(run: PlantedRun) -> None:
    if "tolerance: 0.0" not in run.path(CONTROLS).read_text(encoding="utf-8"):
        raise NotApplicable("no control has a tolerance of zero")
    run.edit_text(CONTROLS, lambda text: text.replace("tolerance: 0.0", "tolerance: 0.05", 1))


@kind(10, "control_levels", *GRADED)
def tolerance_widened_in_the_residuals(run: PlantedRun) -> None:
    rows = run.take(run.table(RESIDUALS).filter(pl.col("level") == "FIRM"))["constraint_id"]
    run.put(RESIDUALS, "constraint_id", rows, tolerance=0.25)


@kind(10, "control_levels")
def control_of_two_levels(run: PlantedRun) -> None:
    def add(manifest: dict[str, Any]) -> None:
        used = manifest["constraints_used"]
        used["FIRM"].append(used["HARD"][0])

    run.edit_json(MANIFEST, add)


@kind(10, "control_levels")
def hard_control_called_firm_in_the_manifest(run: PlantedRun) -> None:
    def move(manifest: dict[str, Any]) -> None:
        used = manifest["constraints_used"]
        used["FIRM"].append(used["HARD"].pop())

    run.edit_json(MANIFEST, move)


@kind(10, "control_levels")
def hard_rows_called_firm_in_the_residuals(run: PlantedRun) -> None:
    control = run.first(RESIDUALS, HARD)["control_id"]
    run.put(RESIDUALS, "control_id", control, level="FIRM")


@kind(10, "control_levels")
def hard_control_called_firm_in_the_pack(run: PlantedRun) -> None:
    run.edit_text(CONTROLS, lambda text: text.replace("level: HARD", "level: FIRM", 1))


@kind(10, "pack_digest")
def hard_control_called_firm_in_every_file(run: PlantedRun) -> None:
    run.identifies = False  # whoever changes every file, but not what the build digested
    demote(run, run.control("HARD")["id"], "FIRM")


@kind(10, "fit_summary")
def hard_control_called_firm_in_the_diagnostics(run: PlantedRun) -> None:
    def move(document: dict[str, Any]) -> None:
        row = next(each for each in document["families"] if each["level"] == "HARD")
        row["level"] = "FIRM"

    run.edit_json(DISTRIBUTIONS, move)


@kind(10, "residual_summary")
def worst_row_called_soft(run: PlantedRun) -> None:
    worst_of(run)
    run.edit_json(SUMMARY, lambda document: document["worst"][0].update(level="SOFT"))


@kind(10, "relaxations_logged", *GRADED)
def relaxation_of_a_hard_control(run: PlantedRun) -> None:
    rows = run.take(hard_rows(run))
    own = ("constraint_id", "control_id", "zone", "category", "target")
    entries = [
        {key: row[key] for key in own}
        | {"id": f"relax.{row['constraint_id']}", "achieved": row["observed"], "moved": 0}
        | {"proof": "none", "cells": []}
        for row in rows.to_dicts()
    ]
    ids = rows["constraint_id"]
    name = "relax." + pl.col("constraint_id")
    run.put(RESIDUALS, "constraint_id", ids, relaxation_id=name, status="WARN")
    run.edit_json(RELAXED, lambda document: document["relaxations"].extend(entries))
    names = [entry["id"] for entry in entries]
    run.edit_json(MANIFEST, lambda manifest: manifest["constraints_relaxed"].extend(names))


# 11: what could bind ------------------------------------------------------------------------------


@kind(11, "controls_exercised")
def firm_control_that_is_only_shown(run: PlantedRun) -> None:
    for each in run.controls():
        if each["level"] == "FIRM" and each["counts"] == "persons" and not each.get("bridge"):
            demote(run, each["id"], "INFORMATIONAL")
            return
    raise NotApplicable("no FIRM control of persons speaks of this population alone")


@kind(11, "tables_exercised")
def frozen_table_that_nothing_uses(run: PlantedRun) -> None:
    table = run.control("FIRM")["table"]
    run.edit_text(CONTROLS, lambda text: text.replace(f"table: {table}", "table: gone"))


@kind(11, "tables_exercised")
def split_of_which_the_total_alone_is_used(run: PlantedRun) -> None:
    """The control that splits a table further is gone from every file."""
    controls = run.controls()
    totals = [each for each in controls if "Total" in each.get("where", {}).values()]
    finer = [
        (each, plain)
        for plain in totals
        for each in controls
        if each["table"] == plain["table"] and each != plain and each.get("by")
    ]
    if not finer:
        raise NotApplicable("no control takes the total of a table that another splits")
    chosen, _ = finer[0]

    def leave_out(text: str) -> str:
        head, rest = text.split(f"  - id: {chosen['id']}\n")
        return head + "  - id:" + rest.split("\n  - id:", 1)[1]

    run.edit_text(CONTROLS, leave_out)
    used = chosen["level"]
    run.edit_json(MANIFEST, lambda m: m["constraints_used"][used].remove(chosen["id"]))
    run.change(RESIDUALS, lambda table: table.filter(pl.col("control_id") != chosen["id"]))


# 12: trimmed counts and relaxations ---------------------------------------------------------------


@kind(12, "tolerances", *GRADED)
def vacancy_trimmed_without_a_relaxation(run: PlantedRun) -> None:
    vacant = run.take(run.table(DWELLINGS).filter(pl.col("occupancy") == "vacant"))
    run.put(*(DWELLINGS, "dwelling_id", vacant["dwelling_id"]), occupancy="secondary_or_unresolved")


@kind(12, "tolerances", *GRADED)
def relaxation_left_out(run: PlantedRun) -> None:
    gone = [entry["id"] for entry in run.pick(relaxed(run))]

    def keep(document: dict[str, Any]) -> None:
        document["relaxations"] = [e for e in document["relaxations"] if e["id"] not in gone]

    def forget(manifest: dict[str, Any]) -> None:
        kept = [name for name in manifest["constraints_relaxed"] if name not in gone]
        manifest["constraints_relaxed"] = kept

    run.edit_json(RELAXED, keep)
    run.edit_json(MANIFEST, forget)
    run.put(RESIDUALS, "relaxation_id", gone, relaxation_id=None, status="PASS")


@kind(12, "relaxations_minimal")
def relaxation_larger_than_it_must_be(run: PlantedRun) -> None:
    relaxed(run)

    def enlarge(document: dict[str, Any]) -> None:
        entry = next(each for each in document["relaxations"] if not each["category"])
        entry["achieved"] -= 3
        entry["moved"] += 3

    run.edit_json(RELAXED, enlarge)


@kind(12, "relaxations_minimal")
def cells_moved_further_than_their_margin_demands(run: PlantedRun) -> None:
    if not any(entry["category"] for entry in relaxed(run)):
        raise NotApplicable("no cell of a margin is relaxed")

    def enlarge(document: dict[str, Any]) -> None:
        for entry in document["relaxations"]:
            if entry["category"]:
                entry["achieved"] += 5
                entry["moved"] = abs(entry["achieved"] - entry["target"])

    run.edit_json(RELAXED, enlarge)


@kind(12, "relaxations_logged", *GRADED)
def relaxation_that_the_manifest_hides(run: PlantedRun) -> None:
    hidden = [entry["id"] for entry in run.pick(relaxed(run))]

    def hide(manifest: dict[str, Any]) -> None:
        kept = [name for name in manifest["constraints_relaxed"] if name not in hidden]
        manifest["constraints_relaxed"] = kept

    run.edit_json(MANIFEST, hide)


# 15: the deviation figure -------------------------------------------------------------------------


def worst_of(run: PlantedRun) -> list[dict[str, Any]]:
    """The worst rows by the summary. NotApplicable if every cell is met."""
    worst = list(run.read_json(SUMMARY)["worst"])
    if not worst:
        raise NotApplicable("every cell is met")
    return worst


@kind(15, "deviation_figure")
def deviation_that_counts_a_guide(run: PlantedRun) -> None:
    """The control with the worst row becomes GUIDE in every file; the figure still counts it."""
    worst = worst_of(run)[0]
    demote(run, worst["control_id"], "GUIDE")


@kind(15, "deviation_figure")
def deviation_of_the_second_worst_row(run: PlantedRun) -> None:
    worst = worst_of(run)
    errors = [abs(row["relative_error"] or 0.0) for row in worst]
    if len(worst) < 2 or errors[0] == errors[1]:
        raise NotApplicable("no second row is less wrong than the worst")

    def forget(document: dict[str, Any]) -> None:
        document["worst"].pop(0)
        document["max_marginal_deviation"] = errors[1]

    run.edit_json(SUMMARY, forget)


@kind(15, "deviation_figure")
def deviation_without_the_worst_row(run: PlantedRun) -> None:
    worst_of(run)
    run.edit_json(SUMMARY, lambda d: d.update(max_marginal_deviation=0.0))


@kind(15, "deviation_figure")
def deviation_that_counts_informational_rows(run: PlantedRun) -> None:
    run.edit_json(SUMMARY, lambda d: d.update(max_marginal_deviation=1.0))


@kind(15, "residual_summary", *GRADED)
def worst_rows_left_out_of_the_summary(run: PlantedRun) -> None:
    gone = run.pick([row["constraint_id"] for row in worst_of(run)])

    def forget(document: dict[str, Any]) -> None:
        kept = [row for row in document["worst"] if row["constraint_id"] not in gone]
        document["worst"] = kept

    run.edit_json(SUMMARY, forget)


@kind(15, "residual_summary")
def met_row_among_the_worst(run: PlantedRun) -> None:
    row = run.first(RESIDUALS, ~pl.col("level").is_in(["HARD", "FIRM"]), pl.col("target") > 0)
    run.edit_json(SUMMARY, lambda document: document["worst"].append(row))


@kind(15, "residual_rows")
def worst_row_left_out_of_every_file(run: PlantedRun) -> None:
    worst = worst_of(run)[0]

    def forget(document: dict[str, Any]) -> None:
        document["worst"].pop(0)
        document["rows"] -= 1
        document["by_level"][worst["level"]][worst["status"]] -= 1
        left = [abs(row["relative_error"] or 0.0) for row in document["worst"]]
        document["max_marginal_deviation"] = max(left, default=0.0)

    run.edit_json(SUMMARY, forget)
    name = worst["constraint_id"]
    run.change(RESIDUALS, lambda table: table.filter(pl.col("constraint_id") != name))


@kind(15, "residual_rows", *GRADED)
def rows_left_out(run: PlantedRun) -> None:
    """Rows of cells that bind, met or not, are gone from the residuals."""
    binding = run.table(RESIDUALS).filter(pl.col("level").is_in(["HARD", "FIRM"]))
    gone = run.take(binding.sort("status", "constraint_id", descending=True))["constraint_id"]
    run.change(
        RESIDUALS, lambda table: table.filter(~pl.col("constraint_id").is_in(gone.implode()))
    )


@kind(15, "fit_summary")
def fit_without_its_misses(run: PlantedRun) -> None:
    if not any(row["largest_residual"] for row in run.read_json(DISTRIBUTIONS)["families"]):
        raise NotApplicable("every cell is met")

    def smooth(document: dict[str, Any]) -> None:
        row = next(each for each in document["families"] if each["largest_residual"])
        row.update(largest_residual=0, total_absolute_error=0, srmse=0.0, exact=row["rows"])

    run.edit_json(DISTRIBUTIONS, smooth)
