"""Intervals and tiers: modelled values without honest bounds, findings 17 and 18."""

from __future__ import annotations

from typing import Any

import polars as pl

from planted.kinds import GRADED, MANY, NotApplicable, kind
from planted.kit import (
    INTERVALS,
    MANIFEST,
    PERSONS,
    RELAXED,
    RESIDUALS,
    SPREADS,
    TIERS,
    PlantedRun,
)

ESTIMATE = pl.col("estimate")


def alter(run: PlantedRun, chosen: pl.DataFrame, **values: pl.Expr) -> None:
    """Set columns in the interval rows chosen."""
    key = ["quantity", "zone", "universe", "category"]
    marks = chosen.select(*key, __chosen=pl.lit(True))

    def edit(table: pl.DataFrame) -> pl.DataFrame:
        marked = table.join(marks, on=key, how="left", nulls_equal=True, maintain_order="left")
        return marked.with_columns(
            pl.when("__chosen").then(value).otherwise(pl.col(column)).alias(column)
            for column, value in values.items()
        ).drop("__chosen")

    run.change(INTERVALS, edit)


def counted(run: PlantedRun) -> pl.DataFrame:
    """Interval rows of counts of some size."""
    return run.table(INTERVALS).filter(ESTIMATE > 5)


def quantity(run: PlantedRun, of: str) -> pl.DataFrame:
    """Interval rows of quantities whose name begins so, the last in the table."""
    rows = run.table(INTERVALS).filter(pl.col("quantity").str.starts_with(of))
    if not len(rows):
        raise NotApplicable(f"nothing is modelled by the name of {of}")
    return rows.filter(pl.col("quantity") == rows["quantity"][-1])


@kind(17, "intervals", *GRADED)
def interval_of_no_width(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), low=ESTIMATE, high=ESTIMATE)


@kind(17, "intervals", *GRADED)
def household_count_of_no_width(run: PlantedRun) -> None:
    rows = run.table(INTERVALS).filter(pl.col("quantity") == "households")
    alter(run, run.take(rows), low=ESTIMATE, high=ESTIMATE)


@kind(17, "intervals", *GRADED)
def household_count_without_an_interval(run: PlantedRun) -> None:
    rows = run.take(run.table(INTERVALS).filter(pl.col("quantity") == "households"))
    key = ["quantity", "zone", "universe", "category"]
    run.change(INTERVALS, lambda table: table.join(rows, on=key, how="anti"))


@kind(17, "intervals", *GRADED)
def interval_that_misses_the_count(run: PlantedRun) -> None:
    rows = run.take(run.table(INTERVALS).filter(pl.col("quantity") == "households"))
    away = {name: pl.col(name) * 9 for name in ("estimate", "low", "high")}
    alter(run, rows, **away)


@kind(17, "interval_rows", *GRADED)
def estimate_that_is_one_off(run: PlantedRun) -> None:
    alter(run, run.take(counted(run).reverse()), estimate=ESTIMATE + 1)


@kind(17, "interval_rows", *GRADED)
def modelled_counts_left_out(run: PlantedRun) -> None:
    rows = run.take(run.table(INTERVALS).filter(pl.col("quantity") != "households"))
    key = ["quantity", "zone", "universe", "category"]
    run.change(INTERVALS, lambda t: t.join(rows, on=key, how="anti", nulls_equal=True))


@kind(17, "interval_rows")
def attribute_without_intervals_in_one_zone(run: PlantedRun) -> None:
    rows = quantity(run, "persons_by_")
    gone = (pl.col("quantity") == rows["quantity"][0]) & (pl.col("zone") == rows["zone"][0])
    run.change(INTERVALS, lambda table: table.filter(~gone))


@kind(17, "interval_rows")
def quantity_without_its_country(run: PlantedRun) -> None:
    root = run.read_json(MANIFEST)["geography"]["root"]
    gone = (pl.col("quantity") == "households_by_type") & (pl.col("zone") == root)
    run.change(INTERVALS, lambda table: table.filter(~gone))


@kind(17, "interval_origins", MANY)
def one_interval_for_everything(run: PlantedRun) -> None:
    run.change(INTERVALS, lambda t: t.with_columns(low=ESTIMATE * 0.9, high=ESTIMATE * 1.1))


@kind(17, "interval_origins", MANY)
def one_interval_for_all_of_an_attribute(run: PlantedRun) -> None:
    rows = quantity(run, "persons_by_")
    alter(run, rows, low=ESTIMATE * 0.9 - 0.001, high=ESTIMATE * 1.1 + 0.001)


@kind(17, "interval_origins", MANY)
def one_width_by_root_for_sizes(run: PlantedRun) -> None:
    reach = ESTIMATE.sqrt() * 2
    rows = quantity(run, "households_by_size")
    alter(run, rows, low=ESTIMATE - reach - 0.0001, high=ESTIMATE + reach + 0.0001)


@kind(17, "interval_origins", *GRADED)
def interval_without_a_method(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), method=pl.lit(""))


@kind(17, "interval_widths", *GRADED)
def country_as_sure_as_one_zone(run: PlantedRun) -> None:
    root = run.read_json(MANIFEST)["geography"]["root"]
    rows = counted(run).filter(
        pl.col("zone") == root, pl.col("quantity").str.starts_with("persons_by_"), ESTIMATE > 50
    )
    alter(run, run.take(rows), low=ESTIMATE - 1, high=ESTIMATE + 1)


@kind(17, "interval_widths", *GRADED)
def country_that_varies_more_than_its_zones(run: PlantedRun) -> None:
    """A tenth more than their deviations together: no dependence between zones allows that."""
    root, key = run.read_json(MANIFEST)["geography"]["root"], ["quantity", "universe", "category"]
    whole = pl.col("zone") == root
    rows = counted(run).filter(whole).join(counted(run).filter(~whole), on=key, how="semi")
    reach = (pl.col("between") + pl.col("within")).sqrt()
    together = reach.filter(~whole).sum().over(key)
    alter(run, run.take(rows), between=(1.1 * together + 1) ** 2, within=pl.lit(0.0))


@kind(17, "interval_widths", *GRADED)
def variance_that_is_no_number(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), between=pl.lit(float("nan")))


@kind(17, "interval_widths", *GRADED)
def interval_without_a_probability(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), interval=pl.lit(None, dtype=pl.Float64))


@kind(17, "interval_summary", *GRADED)
def probability_that_nobody_declared(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), interval=pl.lit(0.8))


@kind(17, "interval_widths", *GRADED)
def interval_far_narrower_than_its_variance(run: PlantedRun) -> None:
    """Bounds a tenth as far from the estimate as the draws that they are said to span."""
    rows = run.take(counted(run).filter(pl.col("high") - pl.col("low") > 40))
    narrow = {side: ESTIMATE + (pl.col(side) - ESTIMATE) / 10 for side in ("low", "high")}
    alter(run, rows, **narrow)


@kind(17, "interval_summary", *GRADED)
def summary_with_narrower_intervals(run: PlantedRun) -> None:
    def narrow(document: dict[str, Any]) -> None:
        for entry in run.pick(document["quantities"]):
            entry["median_relative_width"] /= 2

    run.edit_json(SPREADS, narrow)


@kind(17, "interval_summary")
def spread_that_nobody_declared(run: PlantedRun) -> None:
    def boast(document: dict[str, Any]) -> None:
        document["quantities"][-1]["spread"]["country"] = {"declared": 1e6}

    run.edit_json(SPREADS, boast)


def root_of(run: PlantedRun) -> str:
    """The whole country's zone."""
    return str(run.read_json(MANIFEST)["geography"]["root"])


@kind(17, "intervals", *GRADED)
def bound_below_nobody(run: PlantedRun) -> None:
    alter(run, run.take(counted(run)), low=-ESTIMATE - 2)


@kind(17, "intervals", *GRADED)
def bound_above_everybody(run: PlantedRun) -> None:
    """Part of a zone's persons may be more than all of them."""
    people = run.table(PERSONS).group_by("zone_code").len().rename({"zone_code": "zone"})
    rows = counted(run).filter(pl.col("quantity").str.starts_with("persons_by_"))
    chosen = run.take(rows.join(people, on="zone"))
    alter(run, chosen, high=pl.lit(float(people["len"].sum())) + 30.5)


@kind(17, "intervals")
def two_zones_that_no_longer_mirror(run: PlantedRun) -> None:
    """One of two zones that share a HARD rest is moved, here and on its residual row."""
    home, root = run.country()["household_universe"], root_of(run)
    rows = run.table(INTERVALS).filter(
        pl.col("quantity") == "households", pl.col("universe") == home
    )
    hard = run.table(RESIDUALS).filter(
        pl.col("counts") == "households", pl.col("zone") == root, pl.col("level") == "HARD"
    )
    if len(rows) != 2 or root in rows["zone"] or not len(hard):
        raise NotApplicable("no two zones share the rest of a HARD number of households")
    moved = {end: pl.col(end) + 3.0 for end in ("low", "high")}
    alter(run, rows[:1], **moved)
    own = run.table(RESIDUALS).filter(
        pl.col("counts") == "households",
        pl.col("zone") == rows["zone"][0],
        pl.col("target").is_null(),
    )
    run.put(RESIDUALS, "constraint_id", own["constraint_id"], **moved)


@kind(17, "interval_origins", *GRADED)
def method_of_another_quantity(run: PlantedRun) -> None:
    rows = run.take(counted(run))
    methods = run.table(INTERVALS)["method"].unique().sort()
    for method in methods:
        chosen = rows.filter(pl.col("method") == method)
        other = next((each for each in methods if each != method), None)
        if len(chosen) and other is not None:
            alter(run, chosen, method=pl.lit(other))


@kind(17, "interval_summary", *GRADED)
def spread_called_surer(run: PlantedRun) -> None:
    """Another figure of the registry than the one for the confidence of the entries."""
    used = [p for p in registry(run) if p["family"] == "spread" and p["status"] == "used"]
    figures = [float(figure) for figure in used[-1]["values"]["national"].values()]

    def boast(document: dict[str, Any]) -> None:
        with_one = [
            e for e in document["quantities"] if "declared" in e["spread"].get("country", {})
        ]
        for entry in run.pick(with_one):
            said = entry["spread"]["country"]
            said["declared"] = next(f for f in sorted(figures)[::-1] if f != said["declared"])

    run.edit_json(SPREADS, boast)


def registry(run: PlantedRun) -> list[dict[str, Any]]:
    """The registry's entries: the pack's, before them the defaults."""
    return [*run.pack("default_priors.yaml")["priors"], *run.pack("priors.yaml")["priors"]]


@kind(17, "interval_summary", *GRADED)
def column_no_longer_without_interval(run: PlantedRun) -> None:
    """Columns are taken from the list, and its number in the status follows."""

    def forget(document: dict[str, Any]) -> None:
        listed = document["without_interval"]
        gone = run.pick([each for each in listed if " " not in each.partition(": ")[2]])
        document["without_interval"] = [each for each in listed if each not in gone]
        before, after = (f"{n} modelled" for n in (len(listed), len(listed) - len(gone)))
        document["status"] = document["status"].replace(before, after)

    run.edit_json(SPREADS, forget)


@kind(17, "interval_widths")
def country_as_if_its_zones_were_independent(run: PlantedRun) -> None:
    """The country's variances are those of its zones in sum: its own doubt is left out."""
    root, key = root_of(run), ["quantity", "universe", "category"]
    rows = run.table(INTERVALS).filter(
        pl.col("quantity").str.starts_with("persons_by_"), ~pl.col("category").str.contains(";")
    )
    zones = (
        rows.filter(pl.col("zone") != root)
        .group_by(key)
        .agg(own=pl.col("between").sum(), inside=pl.col("within").sum(), persons=ESTIMATE.sum())
    )
    whole = rows.filter(pl.col("zone") == root).join(zones, on=key).sort("persons")
    if not len(whole):
        raise NotApplicable("no attribute is without a table")
    row = whole.row(-1, named=True)
    half = 1.96 * (row["own"] + row["inside"]) ** 0.5
    alter(
        run,
        whole[-1:].select(*key, "zone"),
        between=pl.lit(row["own"]),
        within=pl.lit(row["inside"]),
        low=ESTIMATE - half,
        high=ESTIMATE + half,
    )


@kind(17, "interval_widths", *GRADED)
def variances_exchanged(run: PlantedRun) -> None:
    """What is between draws stands within them, and the other way round."""
    rows = counted(run).filter(
        pl.col("between") > 4 * pl.col("high"), ESTIMATE > 20, pl.col("within") > 0
    )
    alter(run, run.take(rows), between=pl.col("within"), within=pl.col("between"))


# 18: tiers ----------------------------------------------------------------------------------------

BETTER = {"D": "C", "C": "B", "B": "A"}


@kind(18, "quality_tiers", *GRADED)
def better_tier_than_the_zone_earns(run: PlantedRun) -> None:
    def improve(document: dict[str, Any]) -> None:
        worst = sorted(document["tiers"], key=lambda entry: entry["tier"], reverse=True)
        for entry in run.pick([entry for entry in worst if entry["tier"] in BETTER]):
            entry["tier"] = BETTER[entry["tier"]]

    run.edit_json(TIERS, improve)


@kind(18, "quality_tiers", *GRADED)
def tier_with_a_flattering_figure(run: PlantedRun) -> None:
    def flatter(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tiers"]):
            entry["figures"]["modelled_share"] /= 10

    run.edit_json(TIERS, flatter)


@kind(18, "quality_tiers")
def tiers_that_forget_a_missing_layer(run: PlantedRun) -> None:
    run.edit_json(TIERS, lambda document: document["missing_layers"].pop())


@kind(18, "quality_tiers", *GRADED)
def best_tier_without_buildings(run: PlantedRun) -> None:
    def praise(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tiers"]):
            entry["tier"] = "A"

    run.edit_json(TIERS, praise)


@kind(18, "quality_tiers", *GRADED)
def zone_without_a_tier(run: PlantedRun) -> None:
    def forget(document: dict[str, Any]) -> None:
        gone = [entry["zone"] for entry in run.pick(document["tiers"])]
        document["tiers"] = [e for e in document["tiers"] if e["zone"] not in gone]

    run.edit_json(TIERS, forget)


@kind(18, "quality_tiers")
def good_tier_where_a_control_is_relaxed(run: PlantedRun) -> None:
    relaxed = {entry["zone"] for entry in run.read_json(RELAXED)["relaxations"]}
    tiers = {entry["zone"]: entry["tier"] for entry in run.read_json(TIERS)["tiers"]}
    zone = min((z for z, tier in tiers.items() if z in relaxed and tier == "C"), default="")
    if not zone:
        raise NotApplicable("no zone of tier C has a relaxation")

    def improve(document: dict[str, Any]) -> None:
        next(each for each in document["tiers"] if each["zone"] == zone)["tier"] = "B"

    run.edit_json(TIERS, improve)
    run.edit_json(MANIFEST, lambda manifest: manifest["zones_degraded"].remove(zone))


@kind(18, "quality_tiers")
def rule_of_a_tier_in_laxer_words(run: PlantedRun) -> None:
    """The rules are told with a bound that the registry does not have."""

    def relax(document: dict[str, Any]) -> None:
        head, word, bound = document["rules"]["A"].partition(" at most ")
        if not word:
            raise NotApplicable("tier A has no bound")
        document["rules"]["A"] = f"{head}{word}9{bound}"

    run.edit_json(TIERS, relax)


@kind(18, "quality_tiers", *GRADED)
def reasons_with_another_figure(run: PlantedRun) -> None:
    """What lowers a zone is said to be better than its own figure."""

    def better(document: dict[str, Any]) -> None:
        for entry in run.pick([e for e in document["tiers"] if e["reasons"]]):
            head = entry["reasons"][-1].partition(":")[0]
            entry["reasons"][-1] = f"{head}: modelled share 0.01, tier A asks for at most 0.001"

    run.edit_json(TIERS, better)


@kind(18, "quality_tiers", *GRADED)
def table_listed_for_a_zone_that_it_leaves_out(run: PlantedRun) -> None:
    def add(document: dict[str, Any]) -> None:
        for entry in run.pick(document["tiers"]):
            entry["tables"]["HARD"].append("persons_by_income")

    run.edit_json(TIERS, add)


@kind(17, "interval_summary")
def status_that_counts_other_columns(run: PlantedRun) -> None:
    def boast(document: dict[str, Any]) -> None:
        listed = document["without_interval"]
        document["status"] = document["status"].replace(f"; {len(listed)} modelled", "; 0 modelled")

    run.edit_json(SPREADS, boast)
