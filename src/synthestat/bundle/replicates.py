"""Replicates of a run: the same controls met again, with another draw of what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from synthestat.bundle.parquet import write_by_zone
from synthestat.diagnostics.uncertainty import uncertainty
from synthestat.story import Population

FOLDER = "replicates"
_KEYS = ("quantity", "zone", "universe", "category")


def write_replicates(
    replicates: Iterable[Population],
    folder: Path,
    identity: str,
    evidence: Mapping[str, Mapping[str, str]],
    intervals: pl.DataFrame,
) -> dict[str, object]:
    """Write each replicate's tables to `replicates/<number>/`; return what they say of intervals.

    The population itself is number 1, so folders begin with 002. `intervals` has the columns of
    uncertainty.parquet. Returned, by quantity: rows, the share of the replicates' counts inside the
    population's intervals, and the mean variance between replicates (null for fewer than two)
    beside the one that the intervals state.
    """
    found: list[pl.DataFrame] = []
    for number, population in enumerate(replicates, start=2):
        place = folder / FOLDER / f"{number:03d}"
        place.mkdir(parents=True)
        for name, words in evidence.items():
            zones = (getattr(zone, name) for zone in population.zones)
            write_by_zone(place / f"synthetic_{name}.parquet", zones, words, identity)
        tables = {name: pl.read_parquet(place / f"synthetic_{name}.parquet") for name in evidence}
        own, _ = uncertainty(population, tables, evidence)
        found.append(own.select(*_KEYS, "estimate"))
    return {"number": len(found) + 1, "quantities": compared(found, intervals)}


def compared(found: list[pl.DataFrame], intervals: pl.DataFrame) -> list[dict[str, object]]:
    """Return the replicates' counts beside the intervals, a row a quantity.

    A count that a replicate has none of is 0, where the population states an interval of it.
    """
    if not found:
        return []
    stated = pl.concat(
        [
            intervals.join(own, on=_KEYS, how="left", suffix="_here").with_columns(
                pl.col("estimate_here").fill_null(0.0)
            )
            for own in found
        ]
    )
    cells = stated.group_by(*_KEYS, maintain_order=True).agg(
        inside=pl.col("estimate_here").is_between(pl.col("low"), pl.col("high")).mean(),
        between_replicates=pl.col("estimate_here").var(),
        stated=(pl.col("between") + pl.col("within")).first(),
    )
    return (
        cells.group_by("quantity", maintain_order=True)
        .agg(
            rows=pl.len(),
            inside=pl.col("inside").mean().round(6),
            variance_between_replicates=pl.col("between_replicates").mean(),
            variance_stated=pl.col("stated").mean(),
        )
        .to_dicts()
    )
