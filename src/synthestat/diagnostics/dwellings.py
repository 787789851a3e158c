"""Dwellings: occupancy, sharing and what stays unresolved."""

from __future__ import annotations

import polars as pl

from synthestat.packs.pack import CountryPack


def dwelling_diagnostics(
    pack: CountryPack, households: pl.DataFrame, dwellings: pl.DataFrame | None
) -> dict[str, object]:
    """Measure occupancy and sharing from the written tables, nationally and by zone.

    `dwellings` is None where the run has no such table.
    """
    if dwellings is None:
        return {
            "scope": "none",
            "status": "unavailable",
            "reason": "see synthetic_dwellings.unavailable.json",
        }
    occupancy = pl.col("occupancy").cast(pl.String)
    per_zone = (
        dwellings.group_by(pl.col("zone_code").cast(pl.String))
        .agg(
            dwellings=pl.len(),
            vacant=(occupancy == "vacant").sum(),
            occupied=(occupancy == "occupied").sum(),
            secondary_or_unresolved=(occupancy == "secondary_or_unresolved").sum(),
            shared=(pl.col("household_count") > 1).sum(),
            most_households_in_one=pl.col("household_count").max(),
        )
        .sort("zone_code")
    )
    covered = households.filter(
        pl.col("universe").cast(pl.String) == pack.country.household_universe
    )
    totals = per_zone.select(pl.exclude("zone_code", "most_households_in_one").sum()).row(
        0, named=True
    )
    sharing = dwellings.group_by("household_count").len().sort("household_count").rows()
    return {
        **totals,
        "households_covered": covered.height,
        "households_with_dwelling": covered.filter(pl.col("dwelling_id").is_not_null()).height,
        "households_outside_dwelling_universe": households.height - covered.height,
        "dwellings_by_households": {str(k): n for k, n in sharing},
        "declared_most_households": pack.country.household_rules.households_per_dwelling.value,
        "by_zone": per_zone.to_dicts(),
        "capacity": "unavailable: no floor area or rooms are frozen for this country",
    }
