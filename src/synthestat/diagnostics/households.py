"""What the households look like: sizes, types, gaps, generations, living alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthestat.diagnostics.family_structure import (
    age_gaps,
    children_per_family,
    composition_by_size,
    living_arrangements,
    reference_ages,
)
from synthestat.diagnostics.soft_targets import soft_target_rows
from synthestat.packs.refinement import refinement_of
from synthestat.story import Population

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def household_diagnostics(
    population: Population, persons: pl.DataFrame, households: pl.DataFrame
) -> dict[str, object]:
    """Measure household structure from the written tables (all figures are counts or years).

    But for `households`, `by_universe`, `roles`, `living_arrangements` and what is named
    institutional, every figure is of private households and their members alone.
    """
    country = population.pack.country
    rules = country.household_rules
    adult = rules.adult_age.value
    by_id = persons.select("person_id", pl.col("age").cast(pl.Int32), pl.col("sex").cast(pl.String))
    private, apart = private_and_institutional(households)
    at_home = persons.join(private.select("household_id"), on="household_id", how="semi")
    members = at_home.group_by("household_id").agg(
        adults=(pl.col("age") >= adult).sum(), members=pl.len()
    )
    heads = private.join(by_id, left_on="reference_person_id", right_on="person_id", how="left")
    sizes = private.get_column("size")
    depths = generation_depths(persons, private)
    home = pl.col("universe").cast(pl.String).is_in(country.atoms(country.household_universe))
    published = private.filter(home)
    mean_size = float(published.get_column("size").mean() or 1.0)  # type: ignore[arg-type]
    return {
        "households": households.height,
        "private_households": private.height,
        "by_universe": _counts(households, "universe"),
        "by_type": _counts(private, "household_type"),
        "by_size": _counts(private, "size"),
        "size_by_type": _table(private, "size", "household_type"),
        "mean_size": {
            str(u): float(m)
            for u, m in private.group_by("universe")
            .agg(pl.col("size").mean())
            .sort("universe")
            .rows()
        },
        "largest_household": int(sizes.max() or 0),  # type: ignore[arg-type]
        "declared_largest": rules.largest_household.value,
        "child_only_households": members.filter(pl.col("adults") == 0).height,
        "under_age_reference_persons": heads.filter(pl.col("age") < adult).height,
        **_institutional(apart),
        "roles": _counts(persons, "household_role"),
        "partner_gap_years": _gap(persons, by_id, "partner_id", men_only=True),
        "mother_child_gap_years": _gap(persons, by_id, "mother_id"),
        "mother_minor_child_gap_years": _gap(
            persons.filter(pl.col("age") < adult), by_id, "mother_id"
        ),
        "father_child_gap_years": _gap(persons, by_id, "father_id"),
        "generations": _counts(depths, "depth"),
        "living_alone_by_age_and_sex": _alone(persons, private),
        "lone_parent_households": private.filter(
            pl.col("household_type").cast(pl.String).str.starts_with("lone_")
        ).height,
        "ties_cleared": sum(sum(zone.untied.values()) for zone in population.zones),
        "living_arrangements": living_arrangements(persons),
        "gaps": age_gaps(persons, population.pack.priors, rules, mean_size),
        "composition_by_size": composition_by_size(persons, private, adult),
        "reference_age": reference_ages(persons, private),
        "same_sex_couples": _same_sex_couples(persons, by_id),
        "children_per_family": children_per_family(persons),
        "soft_targets": soft_target_rows(population.pack.priors, persons, published, depths),
        **_refinement(population),
    }


def private_and_institutional(households: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of private and of institutional households."""
    private = pl.col("kind").cast(pl.String) == "private"
    return households.filter(private), households.filter(~private)


def _same_sex_couples(persons: pl.DataFrame, by_id: pl.DataFrame) -> int:
    paired = persons.filter(pl.col("partner_id").is_not_null()).select(
        "partner_id", own_sex=pl.col("sex").cast(pl.String)
    )
    both = paired.join(by_id, left_on="partner_id", right_on="person_id")
    return both.filter(pl.col("own_sex") == pl.col("sex")).height // 2


def _refinement(population: Population) -> dict[str, object]:
    """Return the convergence record of each zone and universe, and what they come to together.

    Energies are means per position after each sweep (minus log-density of its ties); a record is
    settled where the exchange stopped of itself before the largest number of sweeps.
    """
    most = refinement_of(population.pack.priors).ages
    records = [(zone.zone, u, r) for zone in population.zones for u, r in zone.refinements.items()]
    by_zone: dict[str, dict[str, object]] = {}
    for zone, universe, record in records:
        by_zone.setdefault(zone, {})[universe] = {
            "energies": [round(energy, 4) for energy in record.energies],
            "accepted_share": round(record.accepted, 4),
            "forbidden_before_repair": record.forbidden_before_repair,
            "forbidden": record.forbidden,
            "settled": len(record.energies) < most,
        }
    sweeps = [len(record.energies) for _, _, record in records]
    return {
        "refinement": by_zone,
        "refinement_summary": {
            "records": len(records),
            "most_sweeps": most,
            "sweeps": sum(sweeps),
            "largest_number_of_sweeps": max(sweeps, default=0),
            "settled_share": sum(n < most for n in sweeps) / max(len(sweeps), 1),
            "forbidden_before_repair": sum(r.forbidden_before_repair for _, _, r in records),
            "forbidden": sum(r.forbidden for _, _, r in records),
        },
    }


def _institutional(households: pl.DataFrame) -> dict[str, object]:
    """Count institutional households and their residents, in all and by kind of institution."""
    kinds = (
        households.group_by(pl.col("institution").cast(pl.String))
        .agg(number=pl.len(), residents=pl.col("size").cast(pl.Int64).sum())
        .sort("institution")
        .rows()
    )
    return {
        "institutional_households": households.height,
        "institutional_residents": sum(int(residents) for _, _, residents in kinds),
        "institutional_households_by_kind": {str(kind): int(n) for kind, n, _ in kinds},
        "institutional_residents_by_kind": {str(kind): int(n) for kind, _, n in kinds},
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
    """Summarise linked person's age minus own age.

    For partners, `men_only`: man's minus woman's, couples of one sex left out.
    """
    linked = persons.filter(pl.col(link).is_not_null())
    if men_only:
        men = pl.col("sex").cast(pl.String) == "male"
        women = persons.filter(~men).select(pl.col("person_id").alias(link))
        linked = linked.filter(men).join(women, on=link, how="semi")
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


def generation_depths(persons: pl.DataFrame, private: pl.DataFrame) -> pl.DataFrame:
    """Return household_id and depth of private households: the longest chain of parent links.

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
    return (
        persons.select("household_id", depth=pl.Series(depth[:-1]))
        .join(private.select("household_id"), on="household_id", how="semi")
        .group_by("household_id")
        .agg(pl.col("depth").max())
    )


def _alone(persons: pl.DataFrame, private: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return the share of all residents living alone by sex and ten-year age group."""
    single = private.filter(pl.col("size") == 1).select("household_id", alone=pl.lit(True))
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
