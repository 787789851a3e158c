"""What the households look like: sizes, types, gaps, generations, living alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthestat.story import Population

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def household_diagnostics(
    population: Population, persons: pl.DataFrame, households: pl.DataFrame
) -> dict[str, object]:
    """Measure household structure from the written tables (all figures are counts or years)."""
    rules = population.pack.country.household_rules
    adult = rules.adult_age.value
    by_id = persons.select("person_id", pl.col("age").cast(pl.Int32), pl.col("sex").cast(pl.String))
    members = persons.group_by("household_id").agg(
        adults=(pl.col("age") >= adult).sum(), members=pl.len()
    )
    heads = households.join(by_id, left_on="reference_person_id", right_on="person_id", how="left")
    sizes = households.get_column("size")
    return {
        "households": households.height,
        "by_universe": _counts(households, "universe"),
        "by_type": _counts(households, "household_type"),
        "by_size": _counts(households, "size"),
        "size_by_type": _table(households, "size", "household_type"),
        "mean_size": {
            str(u): float(m)
            for u, m in households.group_by("universe")
            .agg(pl.col("size").mean())
            .sort("universe")
            .rows()
        },
        "largest_household": int(sizes.max() or 0),  # type: ignore[arg-type]
        "declared_largest": rules.largest_household.value,
        "child_only_households": members.filter(pl.col("adults") == 0).height,
        "under_age_reference_persons": heads.filter(pl.col("age") < adult).height,
        "institutional_households": households.filter(
            pl.col("kind").cast(pl.String) == "institutional"
        ).height,
        "roles": _counts(persons, "household_role"),
        "partner_gap_years": _gap(persons, by_id, "partner_id", men_only=True),
        "mother_child_gap_years": _gap(persons, by_id, "mother_id"),
        "mother_minor_child_gap_years": _gap(
            persons.filter(pl.col("age") < adult), by_id, "mother_id"
        ),
        "father_child_gap_years": _gap(persons, by_id, "father_id"),
        "generations": generations(persons),
        "living_alone_by_age_and_sex": _alone(persons, households),
        "lone_parent_households": households.filter(
            pl.col("household_type").cast(pl.String).str.starts_with("lone_")
        ).height,
        "ties_cleared": sum(sum(zone.untied.values()) for zone in population.zones),
        "refinement": {
            zone.zone: {
                universe: {
                    "energy_first_sweep": record.energies[0],
                    "energy_last_sweep": record.energies[-1],
                    "accepted_share": record.accepted,
                    "forbidden_before_repair": record.forbidden_before_repair,
                    "forbidden": record.forbidden,
                }
                for universe, record in zone.refinements.items()
            }
            for zone in population.zones
        },
    }


def _counts(table: pl.DataFrame, column: str) -> dict[str, int]:
    counted = table.group_by(column).len().sort(column)
    return {str(value): int(count) for value, count in counted.iter_rows()}


def _table(table: pl.DataFrame, rows: str, columns: str) -> dict[str, dict[str, int]]:
    result: dict[str, dict[str, int]] = {}
    for row, column, count in table.group_by(rows, columns).len().sort(rows, columns).iter_rows():
        result.setdefault(str(row), {})[str(column)] = int(count)
    return result


def _gap(
    persons: pl.DataFrame, by_id: pl.DataFrame, link: str, *, men_only: bool = False
) -> Mapping[str, float | int]:
    """Summarise linked person's age minus own age (for partners: man's minus woman's)."""
    linked = persons.filter(pl.col(link).is_not_null())
    if men_only:
        linked = linked.filter(pl.col("sex").cast(pl.String) == "male")
    pairs = linked.select(link, own=pl.col("age").cast(pl.Int32)).join(
        by_id, left_on=link, right_on="person_id"
    )
    gap = pairs.get_column("age") - pairs.get_column("own")
    if men_only:
        gap = -gap
    if not gap.len():
        return {"pairs": 0}
    summary: dict[str, float | int] = {"pairs": gap.len(), "mean": float(gap.mean() or 0)}  # type: ignore[arg-type]
    summary["sd"] = float(gap.std() or 0)  # type: ignore[arg-type]
    summary["min"], summary["max"] = int(gap.min()), int(gap.max())  # type: ignore[arg-type]
    summary["over_10_share"] = float((gap.abs() > 10).mean() or 0)  # type: ignore[arg-type]
    for quantile in _QUANTILES:
        summary[f"q{round(100 * quantile):02d}"] = float(gap.quantile(quantile) or 0)
    return summary


def generations(persons: pl.DataFrame) -> dict[str, int]:
    """Count households by generations: the longest chain of parent links among members.

    Persons must be in order of person_id, whose ids are consecutive.
    """
    first = int(persons.get_column("person_id")[0]) if persons.height else 0
    parents = [
        (persons.get_column(link).fill_null(first - 1) - first).to_numpy()
        for link in ("mother_id", "father_id")
    ]
    depth = np.ones(persons.height + 1, dtype=np.int64)
    depth[-1] = 0  # the place that a missing link (-1) points to
    for _ in range(5):
        depth[:-1] = 1 + np.maximum(depth[parents[0]], depth[parents[1]])
    longest = (
        persons.select("household_id", depth=pl.Series(depth[:-1]))
        .group_by("household_id")
        .agg(pl.col("depth").max())
    )
    return _counts(longest, "depth")


def _alone(persons: pl.DataFrame, households: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return the share living alone by sex and ten-year age group."""
    single = households.filter(pl.col("size") == 1).select("household_id", alone=pl.lit(True))
    decade = (pl.col("age") // 10 * 10).clip(None, 90)
    shares = (
        persons.select("household_id", "sex", decade=decade)
        .join(single, on="household_id", how="left")
        .group_by("sex", "decade")
        .agg(pl.col("alone").fill_null(False).mean())
        .sort("sex", "decade")
    )
    result: dict[str, dict[str, float]] = {}
    for sex, start, share in shares.iter_rows():
        result.setdefault(str(sex), {})[f"{start}-{start + 9}" if start < 90 else "90+"] = share
    return result
