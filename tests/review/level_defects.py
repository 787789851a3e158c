"""Defects of levels and of the figures that follow from them: findings 10, 11 and 15."""

from __future__ import annotations

import polars as pl
from planted import MANIFEST, RESIDUALS, defect

DISTRIBUTIONS = "distribution_diagnostics.json"
SUMMARY = "constraint_residuals.json"


@defect(10, "control_levels")
def plant_one_row_called_firm(run):
    row = run.first(RESIDUALS, pl.col("level") == "HARD", pl.col("target") > 10)
    run.put(RESIDUALS, "constraint_id", row["constraint_id"], level="FIRM")


@defect(10, "control_levels")
def plant_hard_control_that_is_only_shown_in_the_pack(run):
    run.edit_text(
        "pack/controls.yaml", lambda text: text.replace("level: HARD", "level: INFORMATIONAL", 1)
    )


@defect(10, "control_levels")
def plant_tolerance_widened_in_the_pack(run):
    run.edit_text(
        "pack/controls.yaml", lambda text: text.replace("tolerance: 0.0", "tolerance: 0.05", 1)
    )


@defect(10, "control_levels")
def plant_control_of_two_levels(run):
    def add(manifest):
        used = manifest["constraints_used"]
        used["FIRM"].append(used["HARD"][0])

    run.edit_json(MANIFEST, add)


@defect(10, "pack_digest")
def plant_hard_control_called_firm_in_every_file(run):
    run.identifies = False  # whoever changes every file, but not what the build digested
    run.demote(next(each["id"] for each in run.controls() if each["level"] == "HARD"), "FIRM")


@defect(10, "fit_summary")
def plant_hard_control_called_firm_in_the_diagnostics(run):
    def demote(document):
        row = next(each for each in document["families"] if each["level"] == "HARD")
        row["level"] = "FIRM"

    run.edit_json(DISTRIBUTIONS, demote)


@defect(10, "residual_summary")
def plant_worst_row_called_soft(run):
    run.edit_json(SUMMARY, lambda document: document["worst"][0].update(level="SOFT"))


@defect(11, "controls_exercised")
def plant_firm_control_that_is_only_shown(run):
    run.demote(_firm_of_persons(run)["id"], "INFORMATIONAL")


@defect(11, "tables_exercised")
def plant_split_of_which_the_total_alone_is_used(run):
    """The control that splits a table further is gone from every file."""
    plain = next(each for each in run.controls() if "Total" in each.get("where", {}).values())
    finer = next(
        each for each in run.controls() if each["table"] == plain["table"] and each != plain
    )
    assert set(plain["where"]) <= {how["dimension"] for how in finer["by"].values()}

    def leave_out(text):
        head, rest = text.split(f"  - id: {finer['id']}\n")
        return head + "  - id:" + rest.split("\n  - id:", 1)[1]

    run.edit_text("pack/controls.yaml", leave_out)
    used = finer["level"]
    run.edit_json(MANIFEST, lambda m: m["constraints_used"][used].remove(finer["id"]))
    run.change(RESIDUALS, lambda table: table.filter(pl.col("control_id") != finer["id"]))


def _firm_of_persons(run):
    return next(e for e in run.controls() if e["level"] == "FIRM" and e["counts"] == "persons")


@defect(15, "deviation_figure")
def plant_deviation_that_counts_a_guide(run):
    """The control with the worst row becomes GUIDE in every file; the figure still counts it."""
    worst = run.read_json(SUMMARY)["worst"][0]
    assert abs(worst["relative_error"]) == run.read_json(SUMMARY)["max_marginal_deviation"]
    run.demote(worst["control_id"], "GUIDE")


@defect(15, "deviation_figure")
def plant_deviation_of_the_second_worst_row(run):
    def forget(document):
        document["worst"].pop(0)
        document["max_marginal_deviation"] = abs(document["worst"][0]["relative_error"])

    run.edit_json(SUMMARY, forget)


@defect(15, "residual_summary")
def plant_worst_row_left_out_of_the_summary(run):
    run.edit_json(SUMMARY, lambda document: document["worst"].pop(0))


@defect(15, "residual_summary")
def plant_met_row_among_the_worst(run):
    row = run.first(RESIDUALS, pl.col("level") == "INFORMATIONAL", pl.col("target") > 0)
    run.edit_json(SUMMARY, lambda document: document["worst"].append(row))


@defect(15, "residual_rows")
def plant_worst_row_left_out_of_every_file(run):
    worst = run.read_json(SUMMARY)["worst"][0]

    def forget(document):
        document["worst"].pop(0)
        document["rows"] -= 1
        document["by_level"][worst["level"]][worst["status"]] -= 1
        document["max_marginal_deviation"] = abs(document["worst"][0]["relative_error"])

    run.edit_json(SUMMARY, forget)
    name = worst["constraint_id"]
    run.change(RESIDUALS, lambda table: table.filter(pl.col("constraint_id") != name))


@defect(15, "fit_summary")
def plant_fit_without_its_misses(run):
    def smooth(document):
        row = next(each for each in document["families"] if each["largest_residual"])
        row.update(largest_residual=0, total_absolute_error=0, srmse=0.0, exact=row["rows"])

    run.edit_json(DISTRIBUTIONS, smooth)
