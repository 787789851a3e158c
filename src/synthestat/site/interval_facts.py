"""What a run's page says of intervals: by quantity, of the country, and the widest of zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from synthestat.site.run_facts import Run

WIDEST = 15  # intervals of zones that are listed; assumption
LEAST_LISTED = (
    100  # units of a count whose width is listed: below, chance alone is wide; assumption
)
HOUSEHOLDS = "households"


def interval_table(run: Run) -> pl.DataFrame:
    """Return uncertainty.parquet, empty where the run has none."""
    path = run.bundle.table("uncertainty")
    return pl.read_parquet(path) if path.is_file() else pl.DataFrame()


def household_numbers(run: Run) -> list[dict[str, Any]]:
    """Return the modelled numbers of households of zones, largest first, with zone names."""
    table = interval_table(run)
    if table.is_empty():
        return []
    own = table.filter(pl.col("quantity") == HOUSEHOLDS, pl.col("zone") != run.root)
    published = run.household_atoms()
    named = []
    for row in own.sort("estimate", descending=True).to_dicts():
        name = run.zone_name(row["zone"])
        if len(published) > 1 or row["universe"] not in published:
            name = f"{name} ({row['universe']})"
        named.append({**row, "name": name, "kind": kind(row)})
    return named


def country_counts(run: Run) -> list[dict[str, Any]]:
    """Return the country's modelled counts, as the table has them, each with a name and kind."""
    table = interval_table(run)
    if table.is_empty():
        return []
    rows = table.filter(pl.col("zone") == run.root).to_dicts()
    return [{**row, "name": category(row), "kind": kind(row)} for row in rows]


def widest(run: Run) -> list[dict[str, Any]]:
    """Return the widest intervals of zones relative to their counts, those of 100 units or more."""
    table = interval_table(run)
    if table.is_empty():
        return []
    relative = (pl.col("high") - pl.col("low")) / pl.col("estimate")
    zones = table.filter(pl.col("zone") != run.root, pl.col("estimate") >= LEAST_LISTED)
    chosen = zones.with_columns(width=relative).sort("width", descending=True).head(WIDEST)
    return [
        {**row, "zone_name": run.zone_name(row["zone"]), "name": category(row)}
        for row in chosen.to_dicts()
    ]


def quantities(run: Run) -> list[dict[str, Any]]:
    """Return the summary's quantities, each with the sources of its spread in words."""
    listed = run.optional("uncertainty_summary.json").get("quantities", [])
    return [{**entry, "spread_words": spread_words(entry.get("spread", {}))} for entry in listed]


def spread_words(spread: Mapping[str, Any]) -> str:
    """Return in words where the spread of the country and of its zones comes from."""
    said = []
    for part in ("country", "zones"):
        of = spread.get(part, {})
        if "learnt" in of:
            names = ", ".join(name.replace("_", " ") for name in of.get("from", {}))
            said.append(f"{part}: {of['learnt']:g}, learnt from {names}")
        elif "pooled" in of:
            said.append(f"{part}: pooled from {', '.join(of['pooled'])}")
        elif "entries" in of:
            said.append(f"{part}: {', '.join(of['entries'])}")
        elif "declared" in of:
            figures = of["declared"]
            figures = sorted(set(figures.values())) if isinstance(figures, dict) else [figures]
            said.append(f"{part}: {', '.join(f'{figure:g}' for figure in figures)}, declared")
    return "; ".join(said)


def kind(row: Mapping[str, Any]) -> str:
    """Return in words what an interval is: of which probability, or declared bounds."""
    return "declared bounds" if row["interval"] is None else f"{row['interval']:.0%} interval"


def category(row: Mapping[str, Any]) -> str:
    """Return a cell in words: its categories, or the quantity where nothing splits it."""
    parts = [part.replace("_", " ").partition("=") for part in row["category"].split(";")]
    plain = ("sex", "age", "size", "household type")
    values = [value if name in plain else f"{name} {value}" for name, _, value in parts]
    if row["quantity"] == HOUSEHOLDS:
        return f"households ({row['universe']})"
    if row["quantity"].startswith("households_by_size"):
        return f"households of {values[0]} ({row['universe']})"
    return ", ".join(values)
