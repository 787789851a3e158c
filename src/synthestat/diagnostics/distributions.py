"""How well each family of controls is met, and which registry entries shaped the rest."""

from __future__ import annotations

import numpy as np
import polars as pl

from synthestat.diagnostics.attributes import attribute_diagnostics
from synthestat.packs.pack import CountryPack
from synthestat.story import Population
from synthestat.synthesis.households import size_weights


def distribution_diagnostics(
    population: Population,
    rows: pl.DataFrame,
    persons: pl.DataFrame,
    households: pl.DataFrame,
) -> dict[str, object]:
    """Return fit by family, household sizes beside their GUIDE, attributes, registry entries.

    SRMSE is the root mean squared residual over the mean target (Voas & Williamson 2001).
    """
    judged = rows.filter(pl.col("status").is_in(["PASS", "WARN", "FAIL"]))
    fit = (
        judged.group_by("family", "control_id", "level")
        .agg(
            rows=pl.len(),
            exact=(pl.col("residual") == 0).sum(),
            total_absolute_error=pl.col("residual").abs().sum(),
            largest_residual=pl.col("residual").abs().max(),
            srmse=(pl.col("residual").cast(pl.Float64) ** 2).mean().sqrt()
            / pl.col("target").mean(),
        )
        .sort("family", "control_id")
    )
    return {
        "families": fit.to_dicts(),
        "attributes": attribute_diagnostics(population.pack, persons),
        "household_size_guide": _size_guide(population, households),
        "held_out_tables": held_out_tables(population.pack),
        "registry": [
            {
                "id": entry.id,
                "family": entry.family,
                "kind": entry.kind,
                "label": entry.label,
                "status": entry.status,
                "geography": entry.geography,
                "variant": entry.variant,
                "confidence": entry.confidence,
                "evidence": entry.evidence,
                "reference_period": entry.reference_period,
                "citation": entry.citation,
                "address": entry.address,
            }
            for entry in population.pack.priors.applying
        ],
    }


def held_out_tables(pack: CountryPack) -> str:
    """Name the tables that nothing in the build takes: no control but for show, no distribution."""
    used = {control.table for control in pack.controls if control.level != "INFORMATIONAL"}
    used |= {str(e.values.get("table")) for e in pack.priors.applying if e.status == "used"}
    held_out = sorted(pack.sources.keys() - used)
    return ", ".join(held_out) or "none: every table at hand constrains or shapes this build"


def _size_guide(population: Population, households: pl.DataFrame) -> dict[str, object]:
    """Compare the sizes of private households with their GUIDE, which never constrains."""
    largest = population.pack.country.household_rules.largest_household.value
    guide = size_weights(population.controls.size_shape, population.pack, largest)
    guide = guide / guide.sum()
    private = households.filter(pl.col("kind").cast(pl.String) == "private")
    sizes = private.get_column("size").to_numpy()
    built = np.bincount(sizes, minlength=largest + 1)[1 : largest + 1] / max(len(sizes), 1)
    return {
        "entry": population.pack.priors.used("household_size").id,
        "guide": [round(float(share), 6) for share in guide],
        "built": [round(float(share), 6) for share in built],
        "total_variation": float(np.abs(guide - built).sum() / 2),
    }
