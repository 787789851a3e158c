"""What is known about each zone: its figures, and its quality tier by declared rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from synthestat.controls.control_tables import UNPUBLISHED, ControlTable
from synthestat.controls.reconcile import ZoneControls
from synthestat.packs.tier_rules import tier_rules
from synthestat.story import Population


def quality_tiers(
    population: Population,
    persons: pl.DataFrame,
    uncertain: pl.DataFrame,
    layers: Mapping[str, str],
) -> dict[str, object]:
    """Return a tier A to D for every zone, with its figures and what lowers it, and the rules.

    `persons` is the written table, `uncertain` that of the intervals, `layers` the evidence word of
    every layer. Figures: the share of persons' values (age, sex, attributes) that are modelled, the
    median of its intervals' widths over their estimates, the share of residents who were not
    enumerated, relaxations, modelled numbers of households, and HARD and FIRM tables.
    """
    rules = tier_rules(population.pack.priors)
    missing = tuple(sorted(name for name, word in layers.items() if word == "unavailable"))
    shares = _modelled_shares(persons)
    widths = _median_widths(uncertain, rules.least_count)
    tiers = []
    for zone in population.controls.zones:
        tables = _tables_of(zone.code, population)
        figures: dict[str, float] = {
            "modelled_share": shares.get(zone.code, 0.0),
            "median_relative_width": widths.get(zone.code, 0.0),
            "estimated_share": _estimated_share(zone, population),
            "relaxations": sum(r.zone == zone.code for r in population.controls.relaxations),
            "modelled_household_counts": sum(
                t.zone == zone.code and t.evidence == "modelled" for t in population.totals
            ),
            "tables": sum(len(named) for level, named in tables.items() if level != "SOFT"),
        }
        tier, reasons = rules.tier(figures, missing)
        tiers.append(
            {
                "zone": zone.code,
                "tier": tier,
                "reasons": reasons,
                "figures": figures,
                "tables": tables,
            }
        )
    return {
        "entry": rules.entry,
        "rules": rules.words(),
        "missing_layers": list(missing),
        "tiers": tiers,
    }


def degraded_zones(tiers: Mapping[str, object]) -> list[str]:
    """Return the zones of tier C and D, sorted."""
    listed = tiers["tiers"]
    assert isinstance(listed, Sequence)
    return sorted(str(entry["zone"]) for entry in listed if entry["tier"] in ("C", "D"))


def _modelled_shares(persons: pl.DataFrame) -> dict[str, float]:
    """Return by zone the share of values with a word that is `modelled`, of those with a value."""
    columns = [name for name in persons.columns if name.endswith("_evidence")]
    words = [pl.col(name) for name in columns]
    counted = persons.group_by(pl.col("zone_code").cast(pl.String).alias("zone")).agg(
        modelled=pl.sum_horizontal((word == "modelled").sum() for word in words),
        valued=pl.sum_horizontal((word != "unavailable").sum() for word in words),
    )
    return {
        zone: round(modelled / valued, 6) if valued else 0.0
        for zone, modelled, valued in counted.iter_rows()
    }


def _median_widths(uncertain: pl.DataFrame, least: float) -> dict[str, float]:
    """Return by zone the median relative width of its intervals, small counts left out."""
    wide = uncertain.filter(pl.col("estimate") >= least).with_columns(
        width=(pl.col("high") - pl.col("low")) / pl.col("estimate")
    )
    medians = wide.group_by("zone").agg(pl.col("width").median().round(6))
    return {str(zone): float(width) for zone, width in medians.iter_rows()}


def _estimated_share(zone: ZoneControls, population: Population) -> float:
    """Return the share of residents of universes that only flagged zones have, no institutions."""
    country = population.pack.country
    partial = [
        universe
        for universe, spec in country.universes.items()
        if spec.only_in is not None and country.institution(universe) is None
    ]
    residents = sum(zone.residents.values())
    outside = sum(zone.residents.get(universe, 0) for universe in partial)
    return round(outside / residents, 6) if residents else 0.0


def _tables_of(zone: str, population: Population) -> dict[str, list[str]]:
    """Return the controls with a figure of the zone, by level that binds."""
    found: dict[str, list[str]] = {"HARD": [], "FIRM": [], "SOFT": []}
    for table in population.controls.published.tables.values():
        if table.spec.level in found and _speaks_of(table, zone):
            found[table.spec.level].append(table.spec.id)
    return found


def _speaks_of(table: ControlTable, zone: str) -> bool:
    row = table.row(zone)
    return row is not None and bool(np.any(row != UNPUBLISHED))
