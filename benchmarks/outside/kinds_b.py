"""Kinds of defects in the documents and numbers around the micro-data, written from outside.

Their author had read the bundle's contract, the documents and a built run, and none of the checks.
Every docstring is the claim that the kind violates. They were committed before any was reviewed;
a later change may only mend the planting, and says so. Written for the invented country.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import polars as pl
from planted.kit import (
    DISTRIBUTIONS,
    DWELLING_FIGURES,
    HOUSEHOLD_FIGURES,
    INTERVALS,
    MANIFEST,
    NOTES,
    PERSONS,
    PROVENANCE,
    RELAXED,
    RESIDUALS,
    SOURCES,
    SUMMARY,
    TIERS,
    PlantedRun,
)

UNCERTAIN = "uncertainty_summary.json"
CRATE = "ro-crate-metadata.json"
GEOGRAPHY = "pack/geography.csv"
PRIORS = "pack/priors.yaml"
COUNTRY = "pack/country.yaml"
Row = dict[str, Any]
KINDS: list[Callable[[PlantedRun], None]] = []


def held(plant: Callable[[PlantedRun], None]) -> Callable[[PlantedRun], None]:
    """List a kind."""
    KINDS.append(plant)
    return plant


def replaced(run: PlantedRun, file: str, old: str, new: str, times: int | None = None) -> None:
    """Write a text with `new` for `old`, which must stand there (so many times, if given)."""
    found = run.path(file).read_text(encoding="utf-8").count(old)
    assert found in ([times] if times else range(1, 99)), (file, old, found)
    run.edit_text(file, lambda text: text.replace(old, new))


def rows_put(run: PlantedRun, table: str, chosen: pl.Expr, **values: object) -> None:
    """Set columns in the rows that meet a condition, which some must."""
    before = run.table(table)
    assert before.filter(chosen).height
    run.write(
        table,
        before.with_columns(
            pl.when(chosen)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value))
            .otherwise(pl.col(column))
            .cast(before.schema[column])
            .alias(column)
            for column, value in values.items()
        ),
    )


def edited(run: PlantedRun, file: str) -> Callable[[Callable[[Any], Any]], None]:
    """As a decorator: let a function change a document."""
    return lambda edit: run.edit_json(file, edit)


def tier_of(document: Row, zone: str) -> Row:
    """The tier of a zone."""
    return next(row for row in document["tiers"] if row["zone"] == zone)


def table_of(document: Row, name: str) -> Row:
    """The record of a source table."""
    return next(row for row in document["tables"] if row["id"] == name)


def crate_of(document: Row, name: str) -> Row:
    """An entity of the crate."""
    return next(row for row in document["@graph"] if row["@id"] == name)


def quantity_of(document: Row, name: str) -> Row:
    """The summary of a quantity among the enumerated."""
    wanted = (name, "enumerated")
    return next(r for r in document["quantities"] if (r["quantity"], r["universe"]) == wanted)


def interval(name: str, zone: str, category: str = "", universe: str = "enumerated") -> pl.Expr:
    """The row of a quantity, place and category."""
    return (
        (pl.col("quantity") == name)
        & (pl.col("zone") == zone)
        & (pl.col("category") == category)
        & (pl.col("universe") == universe)
    )


def moved_status(run: PlantedRun, level: str, old: str, new: str) -> None:
    """Let the summary of residuals say that one row of a level has another status."""

    @edited(run, SUMMARY)
    def _(document: Row) -> None:
        counts = document["by_level"][level]
        counts[old] -= 1
        counts[new] = counts.get(new, 0) + 1


# The manifest


@held
def times_backwards(run: PlantedRun) -> None:
    """A run finishes after it started, and its seconds are between (crate's date changed alike)."""

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        times = document["times"]
        times["started"], times["finished"] = times["finished"], times["started"]

    said = run.read_json(MANIFEST)["times"]["finished"]
    run.edit_json(CRATE, lambda d: crate_of(d, "./").update(datePublished=said))


@held
def seconds_of_a_slipped_point(run: PlantedRun) -> None:
    """`seconds` is the time between `started` and `finished`."""
    run.edit_json(MANIFEST, lambda d: d["times"].update(seconds=d["times"]["seconds"] * 10))


@held
def replicates_that_are_not_there(run: PlantedRun) -> None:
    """Replicates that the options (and the summary of intervals) count lie in the run."""
    run.identifies = False
    run.edit_json(MANIFEST, lambda d: d.update(options={"replicates": 3}))
    run.edit_json(UNCERTAIN, lambda d: d["replicates"].update(number=3))


@held
def engine_of_another_source(run: PlantedRun) -> None:
    """The run's id is the digest of pack, snapshots, the engine the manifest names, options."""
    run.identifies = False

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        digest = document["engine"]["source_digest"]
        document["engine"]["source_digest"] = digest[:-1] + ("0" if digest[-1] != "0" else "1")


@held
def modelled_households_as_a_target(run: PlantedRun) -> None:
    """Targets are official figures: no table gives the households of all universes."""

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        cover = document["coverage"]
        cover["targets"]["households"]["all"] = cover["built"]["households"]["all"]


@held
def dwelling_moved_from_secondary_to_vacant(run: PlantedRun) -> None:
    """Built dwellings by occupancy are those of the table (manifest, diagnostics, notes agree)."""

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        built = document["coverage"]["built"]["dwellings"]
        built["vacant"] += 1
        built["secondary_or_unresolved"] -= 1

    @edited(run, DWELLING_FIGURES)
    def _(document: Row) -> None:
        zone = next(z for z in document["by_zone"] if z["secondary_or_unresolved"])
        for place in (document, zone):
            place["vacant"] += 1
            place["secondary_or_unresolved"] -= 1

    replaced(run, NOTES, "| `dwellings_vacant` | 77 |", "| `dwellings_vacant` | 78 |", 1)


@held
def other_entry_called_used(run: PlantedRun) -> None:
    """Of two entries of a family the one is used that the pack says (registry listed alike)."""
    mine, other = "zz.household_size", "zz.household_size.flat"

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        entry = next(e for e in document["distributions_used"] if e["id"] == mine)
        entry.update(id=other, variant="robust")

    @edited(run, DISTRIBUTIONS)
    def _(document: Row) -> None:
        named = {entry["id"]: entry for entry in document["registry"]}
        named[mine]["status"], named[other]["status"] = "available", "used"
        document["household_size_guide"]["entry"] = other


@held
def households_called_constrained(run: PlantedRun) -> None:
    """Whose every link, size and type is modelled, that layer is modelled (manifest and notes)."""
    run.edit_json(MANIFEST, lambda d: d["layers"].update(synthetic_households="constrained"))
    replaced(run, NOTES, "synthetic_households: modelled", "synthetic_households: constrained", 1)


# Residuals and relaxations


@held
def hard_row_called_firm(run: PlantedRun) -> None:
    """A row has its control's level (counts of the summary and the notes changed alike)."""
    rows_put(run, RESIDUALS, pl.col("constraint_id") == "persons_age.02.age=28", level="FIRM")

    @edited(run, SUMMARY)
    def _(document: Row) -> None:
        document["by_level"]["HARD"]["PASS"] -= 1
        document["by_level"]["FIRM"]["PASS"] += 1
        document["hard_rows"] -= 1

    replaced(run, NOTES, "| `hard_rows` | 551 |", "| `hard_rows` | 550 |", 1)
    replaced(
        run,
        NOTES,
        "| persons_age | HARD | 532 | 532 | 0 |",
        "| persons_age | HARD | 531 | 531 | 0 |\n| persons_age | FIRM | 1 | 1 | 0 |",
        1,
    )


@held
def row_doubled_for_another(run: PlantedRun) -> None:
    """Every published cell has one row: one building count stands twice, another not at all."""
    table = run.table(RESIDUALS)
    lost = pl.col("constraint_id") == "residential_buildings.03"
    twin = table.filter(pl.col("constraint_id") == "residential_buildings.02")
    at = table.with_row_index().filter(lost)["index"][0]
    run.write(RESIDUALS, pl.concat([table[:at], twin, table[at + 1 :]]))


@held
def bounds_widened_over_a_relaxation(run: PlantedRun) -> None:
    """Bounds are the target within its tolerance, so a relaxed row is not a PASS."""
    name = "household_persons_capped.05"
    rows_put(run, RESIDUALS, pl.col("constraint_id") == name, low=260.0, status="PASS")
    moved_status(run, "FIRM", "WARN", "PASS")

    @edited(run, SUMMARY)
    def _(document: Row) -> None:
        row = next(row for row in document["worst"] if row["constraint_id"] == name)
        row.update(low=260.0, status="PASS")


@held
def relative_error_of_the_observed(run: PlantedRun) -> None:
    """A relative error is the residual over the target, not over what was observed."""
    name, value = "household_persons_capped.05", -4 / 260
    rows_put(run, RESIDUALS, pl.col("constraint_id") == name, relative_error=value)

    @edited(run, SUMMARY)
    def _(document: Row) -> None:
        row = next(row for row in document["worst"] if row["constraint_id"] == name)
        row["relative_error"] = value
        document["max_marginal_deviation"] = -value

    replaced(run, NOTES, "| 0.015152 |", f"| {-value:.6f} |", 1)


@held
def relaxations_of_two_rows_swapped(run: PlantedRun) -> None:
    """A row names its own relaxation: those of two cells of a zone are swapped in both files."""
    first, second = "persons_faith.03.faith=Sun", "persons_faith.03.faith=Moon"
    swap = {f"relax.{first}": f"relax.{second}", f"relax.{second}": f"relax.{first}"}
    rows_put(
        run,
        RESIDUALS,
        pl.col("constraint_id").is_in([first, second]),
        relaxation_id=pl.col("relaxation_id").replace(swap),
    )

    @edited(run, SUMMARY)
    def _(document: Row) -> None:
        for row in document["worst"]:
            row["relaxation_id"] = swap.get(row["relaxation_id"], row["relaxation_id"])


@held
def zero_target_passed_over(run: PlantedRun) -> None:
    """A HARD cell of zero is a figure and is judged, not skipped (summary and notes alike)."""
    name = "persons_age.03.age=62"
    rows_put(run, RESIDUALS, pl.col("constraint_id") == name, status="SKIP")
    moved_status(run, "HARD", "PASS", "SKIP")
    run.edit_json(SUMMARY, lambda d: d.update(hard_rows=550))
    replaced(run, NOTES, "| `hard_rows` | 551 |", "| `hard_rows` | 550 |", 1)
    replaced(run, NOTES, "| persons_age | HARD | 532 | 532 |", "| persons_age | HARD | 531 | 531 |")

    @edited(run, DISTRIBUTIONS)
    def _(document: Row) -> None:
        row = next(row for row in document["families"] if row["control_id"] == "persons_age")
        row.update(rows=531, exact=531)


@held
def row_with_another_interval(run: PlantedRun) -> None:
    """The bounds on the row of a modelled number of households are its interval's."""
    rows_put(
        run,
        RESIDUALS,
        pl.col("constraint_id") == "households_total.04",
        low=pl.col("low") + 6.0,
        high=pl.col("high") - 6.0,
    )


@held
def proof_with_another_sum(run: PlantedRun) -> None:
    """The sums in a proof are those of the published cells and the built zone (notes alike)."""
    name = "relax.persons_faith.03.faith=Sun"
    old, new = "sum to 711 but the zone holds 713", "sum to 701 but the zone holds 703"

    @edited(run, RELAXED)
    def _(document: Row) -> None:
        entry = next(entry for entry in document["relaxations"] if entry["id"] == name)
        entry["proof"] = entry["proof"].replace(old, new)

    run.edit_text(NOTES, lambda text: text.replace(old, new, 1))


@held
def relaxed_cell_of_another_table(run: PlantedRun) -> None:
    """A relaxation names the source table of its cell."""

    @edited(run, RELAXED)
    def _(document: Row) -> None:
        entry = document["relaxations"][0]
        entry["cells"] = [cell.replace("tiny_faith", "tiny_language") for cell in entry["cells"]]


@held
def relaxation_that_moves_nothing(run: PlantedRun) -> None:
    """A constraint is relaxed where it must yield: one is logged for a cell that is met."""
    name = "persons_faith.ZZ.faith=None"
    proof = "the zones, as relaxed or as published, sum to 396"
    entry = {
        "achieved": 396,
        "category": "faith=None",
        "cells": ["persons_faith [ZZ; faith=None] (Tinyland Statistical Office, tiny_faith)"],
        "constraint_id": name,
        "control_id": "persons_faith",
        "id": f"relax.{name}",
        "moved": 0,
        "proof": proof,
        "target": 396,
        "unit": "persons",
        "zone": "ZZ",
    }
    rows_put(run, RESIDUALS, pl.col("constraint_id") == name, relaxation_id=f"relax.{name}")
    run.edit_json(RELAXED, lambda d: d["relaxations"].append(entry))
    run.edit_json(MANIFEST, lambda d: d["constraints_relaxed"].append(f"relax.{name}"))
    replaced(run, NOTES, "| `relaxations` | 5 |", "| `relaxations` | 6 |", 1)
    line = f"* `relax.{name}`: published 396, reached 396, moved 0 persons. {proof}.\n"
    replaced(run, NOTES, "\n## Soft targets", f"{line}\n## Soft targets", 1)


# Tiers


@held
def widths_of_two_zones_swapped(run: PlantedRun) -> None:
    """The median width of a zone's intervals is its own (reasons swapped too; tiers hold)."""

    @edited(run, TIERS)
    def _(document: Row) -> None:
        one, two = tier_of(document, "02"), tier_of(document, "01")
        for place, width in (
            (one, two["figures"]["median_relative_width"]),
            (two, one["figures"]["median_relative_width"]),
        ):
            place["figures"]["median_relative_width"] = width
            place["reasons"][-1] = (
                f"B: median relative width {width:g}, tier A asks for at most 0.5"
            )


@held
def table_without_a_figure_of_the_zone(run: PlantedRun) -> None:
    """A zone counts only tables with a figure of it: 04 has no published number of households."""

    @edited(run, TIERS)
    def _(document: Row) -> None:
        place = tier_of(document, "04")
        place["tables"]["HARD"].insert(1, "households_total")
        place["figures"]["tables"] += 1


@held
def tier_rule_in_laxer_words(run: PlantedRun) -> None:
    """The rules are stated as the registry has them."""

    @edited(run, TIERS)
    def _(document: Row) -> None:
        words = document["rules"]["A"].replace("width at most 0.5", "width at most 1.5")
        assert words != document["rules"]["A"]
        document["rules"]["A"] = words


# Intervals


@held
def bound_below_nobody(run: PlantedRun) -> None:
    """No count is below zero, and bounds lie half a unit outside the counts that they include."""
    rows_put(run, INTERVALS, interval("persons_by_bond", "05", "bond=Widowed"), low=-7.5)


@held
def bound_above_everybody(run: PlantedRun) -> None:
    """No part of a zone's 260 enumerated persons can be 290 of them."""
    rows_put(run, INTERVALS, interval("persons_by_bond", "05", "bond=Free"), high=290.5)


@held
def methods_swapped(run: PlantedRun) -> None:
    """A method names the entries behind the quantity: two rows of a zone have each other's."""
    rows = {"persons_by_bond": "bond=Wed", "persons_by_work": "work=Mill"}
    table = run.table(INTERVALS)
    said = {n: table.filter(interval(n, "02", c))["method"][0] for n, c in rows.items()}
    for (name, category), method in zip(rows.items(), reversed(said.values()), strict=True):
        rows_put(run, INTERVALS, interval(name, "02", category), method=method)


@held
def country_as_if_zones_were_independent(run: PlantedRun) -> None:
    """The country's doubt moves all zones together: its variances are more than zones' in sum."""
    table = run.table(INTERVALS)
    chosen = (pl.col("quantity") == "persons_by_work") & (pl.col("zone") == "ZZ")
    for row in table.filter(chosen).iter_rows(named=True):
        zones = table.filter(
            pl.col("quantity") == "persons_by_work",
            pl.col("category") == row["category"],
            pl.col("zone") != "ZZ",
        )
        between, within = zones["between"].sum(), zones["within"].sum()
        half = 1.96 * (between + within) ** 0.5
        rows_put(
            run,
            INTERVALS,
            chosen & (pl.col("category") == row["category"]),
            between=between,
            within=within,
            low=round(row["estimate"] - half) - 0.5,
            high=round(row["estimate"] + half) + 0.5,
        )


@held
def households_of_two_zones_no_longer_mirror(run: PlantedRun) -> None:
    """The country's households are HARD, so what one of two unknown zones has the other lacks:
    one zone's interval is moved by 4, here and on its residual row."""
    moved = {"low": pl.col("low") + 4.0, "high": pl.col("high") + 4.0}
    rows_put(run, INTERVALS, interval("households", "04"), **moved)
    rows_put(run, RESIDUALS, pl.col("constraint_id") == "households_total.04", **moved)


@held
def spread_called_surer(run: PlantedRun) -> None:
    """The spread is what the registry declares for the weakest confidence behind the quantity."""
    run.edit_json(
        UNCERTAIN,
        lambda d: quantity_of(d, "persons_by_bond")["spread"]["country"].update(declared=400.0),
    )


@held
def column_no_longer_without_interval(run: PlantedRun) -> None:
    """Modelled columns without an interval are all listed (and counted in the status)."""

    @edited(run, UNCERTAIN)
    def _(document: Row) -> None:
        document["without_interval"].remove("persons: household_role")
        document["status"] = document["status"].replace("14 modelled", "13 modelled")


@held
def variances_of_a_row_swapped(run: PlantedRun) -> None:
    """Variance between and within are what they are called (summary follows the table)."""
    chosen = interval("persons_by_bond", "04", "bond=Free")
    row = run.table(INTERVALS).filter(chosen).row(0, named=True)
    change = row["within"] - row["between"]
    rows_put(run, INTERVALS, chosen, between=row["within"], within=row["between"])

    @edited(run, UNCERTAIN)
    def _(document: Row) -> None:
        stated = quantity_of(document, "persons_by_bond")
        stated["between_variance"] += change
        stated["within_variance"] -= change


# Sources, pack, snapshots


@held
def quirk_untold(run: PlantedRun) -> None:
    """Every known quirk of a table is among its quality flags."""
    run.edit_json(PROVENANCE, lambda d: table_of(d, "tiny_faith")["quality_flags"].pop())


@held
def retrieved_after_the_run(run: PlantedRun) -> None:
    """A table is retrieved before the run that is made of it (pack and provenance alike)."""
    replaced(run, SOURCES, "2021-12-31 (drawn", "2031-12-31 (drawn")

    @edited(run, PROVENANCE)
    def _(document: Row) -> None:
        for table in document["tables"]:
            table["retrieved"] = table["retrieved"].replace("2021-12-31", "2031-12-31")


@held
def publisher_other_than_the_extract_says(run: PlantedRun) -> None:
    """A table's publisher is whom the frozen extract names (pack, provenance and crate alike)."""
    other = "Statistical Office of the Neighbour"

    def language(text: str) -> str:
        head, name, tail = text.partition("- id: tiny_language")
        return head + name + tail.replace("Tinyland Statistical Office", other, 1)

    run.edit_text(SOURCES, language)
    run.edit_json(PROVENANCE, lambda d: table_of(d, "tiny_language").update(publisher=other))
    run.edit_json(CRATE, lambda d: crate_of(d, "#tiny_language").update(publisher=other))


@held
def printed_total_that_does_not_add(run: PlantedRun) -> None:
    """Where a table declares its total, the zones add up to it or the difference is told: the
    country's buildings are 850 in the extract, and wherever they are quoted."""
    text = next(
        path.read_bytes()
        for folder in run.snapshots.folders
        for path in folder.glob("*.json")
        if b'"Buildings and dwellings"' in path.read_bytes()
    )
    old, changed = hashlib.sha256(text).hexdigest(), text.replace(b"[840,", b"[850,")
    new = hashlib.sha256(changed).hexdigest()
    assert old != new
    for folder in run.snapshots.folders:
        (folder / f"{old}.json").unlink()
        (folder / f"{new}.json").write_bytes(changed)
    replaced(run, SOURCES, old, new, 1)

    @edited(run, MANIFEST)
    def _(document: Row) -> None:
        document["snapshots"]["tiny_dwellings"] = new
        document["coverage"]["targets"]["buildings"]["all"] = 850

    @edited(run, PROVENANCE)
    def _(document: Row) -> None:
        table = table_of(document, "tiny_dwellings")
        table.update(sha256=new, numeric_sum=table["numeric_sum"] + 10)

    run.edit_json(CRATE, lambda d: crate_of(d, "#tiny_dwellings").update(sha256=new))
    rows_put(
        run,
        RESIDUALS,
        pl.col("constraint_id") == "residential_buildings.ZZ",
        target=850,
        low=850.0,
        high=850.0,
    )


@held
def names_of_two_zones_swapped(run: PlantedRun) -> None:
    """A zone's code means the place that the frozen tables label so."""

    def names(text: str) -> str:
        swapped = text.replace("Alderbridge,Alder-Bridge", "@").replace("Birkholm,Birk", "%")
        return swapped.replace("@", "Birkholm,Birk").replace("%", "Alderbridge,Alder-Bridge")

    run.edit_text(GEOGRAPHY, names)


@held
def zone_far_away(run: PlantedRun) -> None:
    """A zone lies in its country: one has its longitude and latitude exchanged."""
    replaced(run, GEOGRAPHY, "9.90,49.90,25.3", "49.90,9.90,25.3", 1)


@held
def estimated_flag_on_another_zone(run: PlantedRun) -> None:
    """Estimated residents live only in the zones flagged so: the flag is on another zone."""
    replaced(run, GEOGRAPHY, "112.9,estimated", "112.9,", 1)
    replaced(run, GEOGRAPHY, "9.90,49.90,25.3,", "9.90,49.90,25.3,estimated", 1)


@held
def assumption_of_high_confidence(run: PlantedRun) -> None:
    """What only an assumption stands behind is not of high confidence (all documents alike)."""
    name = "zz.faith_by_language"

    def surer(text: str) -> str:
        head, own, tail = text.partition(f"- id: {name}\n")
        assert own
        return head + own + tail.replace("confidence: low", "confidence: high", 1)

    run.edit_text(PRIORS, surer)
    for file, listed in ((MANIFEST, "distributions_used"), (DISTRIBUTIONS, "registry")):
        run.edit_json(
            file,
            lambda d, listed=listed: next(e for e in d[listed] if e["id"] == name).update(
                confidence="high"
            ),
        )


@held
def neighbours_pattern_called_current(run: PlantedRun) -> None:
    """`current` is the country's own: an entry of another geography is not (all alike)."""
    name = "zz.household_size"
    replaced(run, PRIORS, "variant: comparable_country", "variant: current", 1)
    for file, listed in ((MANIFEST, "distributions_used"), (DISTRIBUTIONS, "registry")):
        run.edit_json(
            file,
            lambda d, listed=listed: next(e for e in d[listed] if e["id"] == name).update(
                variant="current"
            ),
        )


@held
def declared_gap_one_year_too_narrow(run: PlantedRun) -> None:
    """Partners keep the declared band of ages: the widest couple is just outside the pack's."""
    replaced(run, COUNTRY, "value: [-20, 30]", "value: [-20, 29]", 1)


@held
def kernel_moved_in_the_pack(run: PlantedRun) -> None:
    """The kernel shown beside the gaps is that of the pack's entry."""
    replaced(
        run, PRIORS, "{location: 29.0, scale: 5.5, df: 10}", "{location: 27.0, scale: 5.5, df: 10}"
    )


# Evidence words, markers, notes, summaries


@held
def year_within_the_open_class_called_constrained(run: PlantedRun) -> None:
    """A single year of age that only the split of 75+ gives is modelled: one person's is not."""
    person = run.take(run.people(pl.col("age") > 75, pl.col("age_evidence") == "modelled"))
    run.put(PERSONS, "person_id", person["person_id"], age_evidence="constrained")


@held
def place_that_nobody_looked_in(run: PlantedRun) -> None:
    """A marker says where evidence was looked for, as the pack does."""

    @edited(run, "synthetic_building_assignments.unavailable.json")
    def _(document: Row) -> None:
        document["looked_in"].append("national cadastre")


@held
def limit_untold_in_the_notes(run: PlantedRun) -> None:
    """The notes end with every limit of LIMITS.md."""
    line = "* **In Elmau the published size total needs four persons more than were enumerated.**\n"
    replaced(run, NOTES, line, "", 1)


@held
def children_of_another_age(run: PlantedRun) -> None:
    """Children of the composition are below the age that it states."""
    run.edit_json(HOUSEHOLD_FIGURES, lambda d: d["composition_by_size"].update(children_below=15))


@held
def settled_where_it_was_not(run: PlantedRun) -> None:
    """The share of settled exchanges is that of the records listed beside it."""
    run.edit_json(
        HOUSEHOLD_FIGURES, lambda d: d["refinement_summary"].update(settled_share=0.857143)
    )
