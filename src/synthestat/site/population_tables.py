"""The small tables behind the charts, counted from a bundle's Parquet files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

_AGE_CLASS = re.compile(r"(?P<low>\d+)(?:(?P<open>\+)|\s*[-–]\s*(?P<high>\d+))?")


@dataclass(frozen=True)
class OfficialAges:
    """Published counts by age class: columns low, high, label, people and, where given, sex.

    `summed` zones were added up; 0 where the office gives the country itself.
    """

    control_id: str
    universe: str
    table: pl.DataFrame
    summed: int = 0

    @property
    def by_sex(self) -> bool:
        """Whether the office publishes the classes by sex."""
        return "sex" in self.table.columns

    def totals(self) -> pl.DataFrame:
        """Return low, high, label, people of both sexes together."""
        keys = ("low", "high", "label")
        return self.table.group_by(keys).agg(pl.col("people").sum()).sort("low")


def people_by_age_and_sex(persons: Path, universes: Sequence[str]) -> pl.DataFrame:
    """Count persons of the given universes: age, sex, people (columns read: age, sex, universe)."""
    return (
        pl.scan_parquet(persons)
        .filter(pl.col("universe").cast(pl.String).is_in(list(universes)))
        .group_by("age", pl.col("sex").cast(pl.String))
        .agg(people=pl.len().cast(pl.Int64))
        .sort("age", "sex")
        .collect()
    )


def official_ages(residuals: pl.DataFrame, root: str, zones: Sequence[str]) -> OfficialAges | None:
    """Return what the office publishes by age for the whole country; None where nothing.

    Reads the targets of controls that count persons in classes of age: the row of the root or,
    where a control has none, the sum over `zones` (the zones of one level that make up the
    country) if every one of them has every class. Of several controls, the finest counts.
    """
    persons = residuals.filter(pl.col("counts") == "persons")
    found: list[OfficialAges] = []
    for (control, universe), part in persons.group_by(
        "control_id", "universe", maintain_order=True
    ):
        whole = part.filter((pl.col("zone") == root) & pl.col("target").is_not_null())
        summed = 0
        if whole.is_empty():
            whole, summed = _sum_over_zones(part, zones), len(zones)
        classes = [
            read
            for category, target in whole.select("category", "target").iter_rows()
            if (read := age_row(category, int(target))) is not None
        ]
        if classes and len(classes) == whole.height:
            columns = set.intersection(*(set(row) for row in classes))
            table = pl.DataFrame([{key: row[key] for key in columns} for row in classes])
            keys = sorted(columns - {"people"})
            table = table.group_by(keys).agg(pl.col("people").sum()).sort("low")
            found.append(OfficialAges(str(control), str(universe), table, summed))
    return max(found, key=lambda ages: ages.table.height, default=None)


def _sum_over_zones(rows: pl.DataFrame, zones: Sequence[str]) -> pl.DataFrame:
    """Sum targets by category over the zones; empty where a zone lacks one of them."""
    published = rows.filter(pl.col("zone").is_in(list(zones)) & pl.col("target").is_not_null())
    totals = published.group_by("category", maintain_order=True).agg(
        pl.col("target").sum(), zones=pl.col("zone").n_unique()
    )
    return totals if (totals["zones"] == len(zones)).all() else totals.clear()


def in_classes(by_age: pl.DataFrame, classes: pl.DataFrame) -> pl.DataFrame:
    """Count `by_age` (age, people) in the classes (low, high, label; high null = open)."""
    return (
        by_age.join(classes.select("low", "high", "label"), how="cross")
        .filter(
            (pl.col("age") >= pl.col("low"))
            & (pl.col("high").is_null() | (pl.col("age") <= pl.col("high")))
        )
        .group_by("low", "high", "label")
        .agg(pl.col("people").sum())
        .sort("low")
    )


def in_declared_order(table: Path, column: str, values: Sequence[str]) -> list[str]:
    """Return `values` in the order of the column's declared categories, otherwise sorted."""
    kind = pl.scan_parquet(table).collect_schema()[column]
    declared = kind.categories.to_list() if isinstance(kind, pl.Enum) else []
    place = {value: number for number, value in enumerate(declared)}
    return sorted(values, key=lambda value: (place.get(value, len(place)), value))


def zone_people(persons: Path) -> dict[str, int]:
    """Count persons of all universes by zone code."""
    return _by_zone(pl.scan_parquet(persons))


def zone_households(households: Path, universes: Sequence[str]) -> dict[str, tuple[int, float]]:
    """Return (private households, their mean size) of the given universes by zone code."""
    counted = (
        pl.scan_parquet(households)
        .filter(
            (pl.col("kind").cast(pl.String) == "private")
            & pl.col("universe").cast(pl.String).is_in(list(universes))
        )
        .group_by(pl.col("zone_code").cast(pl.String))
        .agg(households=pl.len(), mean=pl.col("size").mean())
        .collect()
    )
    return {zone: (int(count), float(mean)) for zone, count, mean in counted.iter_rows()}


def _by_zone(rows: pl.LazyFrame) -> dict[str, int]:
    counted = rows.group_by(pl.col("zone_code").cast(pl.String)).agg(count=pl.len()).collect()
    return {zone: int(count) for zone, count in counted.iter_rows()}


def age_row(category: str, target: int) -> dict[str, int | str | None] | None:
    """Read "age=85+" or "age=10-14;sex=male"; None where there is no age in it."""
    parts = dict(part.partition("=")[::2] for part in category.split(";"))
    match = _AGE_CLASS.fullmatch(parts.get("age", ""))
    if match is None:
        return None
    low = int(match["low"])
    high = None if match["open"] else int(match["high"] or low)
    row: dict[str, int | str | None] = {"low": low, "high": high, "people": target}
    row["label"] = parts["age"]
    if "sex" in parts:
        row["sex"] = parts["sex"]
    return row
