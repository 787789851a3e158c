"""Residuals: every cell of every control against the written tables, in one schema."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthestat.controls.age_bands import band_starts, block_names, block_of
from synthestat.controls.control_tables import UNBOUNDED, UNPUBLISHED, ControlTable, Counts
from synthestat.controls.household_tables import size_starts, type_groups
from synthestat.controls.household_totals import HouseholdTotal
from synthestat.controls.relaxations import Relaxation, category_name
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import LEVELS_IN_DEVIATION, age_band
from synthestat.story import Population

SCHEMA: dict[str, pl.DataType] = {
    "constraint_id": pl.String(),
    "control_id": pl.String(),
    "family": pl.String(),
    "level": pl.String(),
    "universe": pl.String(),
    "counts": pl.String(),
    "zone": pl.String(),
    "category": pl.String(),
    "target": pl.Int64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "observed": pl.Int64(),
    "residual": pl.Int64(),
    "relative_error": pl.Float64(),
    "tolerance": pl.Float64(),
    "status": pl.String(),
    "relaxation_id": pl.String(),
}


def residual_rows(population: Population, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return one row per published cell of every control, columns as in SCHEMA.

    `tables` holds the written persons, households and dwellings. Cells without a figure appear
    with status SKIP and, for modelled counts, with the interval as low and high.
    """
    relaxations = {r.id: r for r in population.controls.relaxations}
    rows = [
        _control_rows(table, observed_counts(table, population.pack, tables), relaxations)
        for table in population.controls.published.tables.values()
    ]
    return with_intervals(pl.concat(rows), population.totals)


def observed_counts(
    table: ControlTable, pack: CountryPack, tables: Mapping[str, pl.DataFrame]
) -> Counts | None:
    """Count a control's cells in the written tables; shape (zones, categories), or None.

    None where no written table, or no column of it, tells what the control counts.
    """
    spec = table.spec
    if spec.counts not in tables or set(spec.only) - set(tables[spec.counts].columns):
        return None
    wanted = pl.col("universe").cast(pl.String).is_in(list(pack.country.atoms(spec.universe)))
    for column, word in spec.only.items():
        wanted = wanted & (pl.col(column).cast(pl.String) == word)
    keys = [_key(column, table, pack) for column in table.columns]
    value = (
        pl.len() if spec.sum is None else pl.col(spec.sum).cast(pl.Int64).clip(None, spec.cap).sum()
    )
    counted = (
        tables[spec.counts]
        .filter(wanted)
        .group_by(pl.col("zone_code").cast(pl.String), *keys)
        .agg(value.alias("observed"))
    )
    zone_at = {zone: at for at, zone in enumerate(table.zones)}
    category_at = {category: at for at, category in enumerate(table.categories)}
    observed = np.zeros(table.targets.shape, dtype=np.int64)
    ancestors = {zone: pack.geography.lineage(zone) for zone in pack.geography.zones}
    for zone, *category, count in counted.iter_rows():
        for above in ancestors[zone]:
            if above in zone_at:
                observed[zone_at[above], category_at[tuple(category)]] += count
    return observed


def _key(column: str, table: ControlTable, pack: CountryPack) -> pl.Expr:
    """Return the category of a row in one column: ages in the table's own bands, households in its
    classes of sizes and groups of types."""
    if column == "size":
        size = pl.col("size").cast(pl.Int64)
        starts = size_starts(table)
        names = [c[table.columns.index("size")] for c in table.categories]
        name_of = {age_band(name)[0]: name for name in names}
        return pl.coalesce(
            pl.when(size >= start).then(pl.lit(name_of[start])) for start in reversed(starts)
        ).alias("size_class")
    if column == "household_type":
        groups = {kind: "|".join(group) for group in type_groups(table) for kind in group}
        kind = pl.col("household_type").cast(pl.String)
        return kind.replace_strict(groups, return_dtype=pl.String).alias("type_group")
    if column != "age":
        return pl.col(column).cast(pl.String)
    starts = band_starts(table)
    blocks = block_names(starts)
    bands = {age: blocks[block_of(starts, age)] for age in range(pack.country.ages.oldest + 1)}
    return pl.col("age").cast(pl.Int64).replace_strict(bands, return_dtype=pl.String)


def _control_rows(
    table: ControlTable, observed: Counts | None, relaxations: Mapping[str, Relaxation]
) -> pl.DataFrame:
    spec = table.spec
    categories = [category_name(table.columns, category) for category in table.categories]
    count = len(table.zones) * len(categories)
    frame = pl.DataFrame(
        {
            "zone": np.repeat(np.array(table.zones, dtype=object), len(categories)),
            "category": categories * len(table.zones),
            "target": table.targets.ravel(),
            "least": np.concatenate([table.bounds(zone)[0] for zone in table.zones]),
            "most": np.concatenate([table.bounds(zone)[1] for zone in table.zones]),
            "observed": [None] * count if observed is None else observed.ravel(),
        },
        schema_overrides={"observed": pl.Int64, "zone": pl.String},
    ).with_columns(target=pl.when(pl.col("target") != UNPUBLISHED).then(pl.col("target")))
    share = spec.allowed
    known = pl.col("most") < UNBOUNDED
    constrains = spec.level in LEVELS_IN_DEVIATION
    frame = frame.with_columns(
        constraint_id=pl.concat_str(
            pl.lit(spec.id),
            "zone",
            pl.when(pl.col("category") != "").then("category"),
            separator=".",
            ignore_nulls=True,
        ),
        control_id=pl.lit(spec.id),
        family=pl.lit(spec.family),
        level=pl.lit(spec.level),
        universe=pl.lit(spec.universe),
        counts=pl.lit(spec.counts),
        tolerance=pl.lit(share),
        low=pl.when(known).then(pl.col("least") * (1 - share)),
        high=pl.when(known).then(pl.col("most") * (1 + share)),
        residual=pl.col("observed") - pl.col("target"),
    )
    relaxed = pl.concat_str(pl.lit("relax."), "constraint_id")
    frame = frame.with_columns(
        relative_error=pl.when(pl.col("target") > 0).then(pl.col("residual") / pl.col("target")),
        relaxation_id=pl.when(relaxed.is_in(list(relaxations))).then(relaxed),
    )
    achieved = pl.DataFrame(
        {
            "relaxation_id": list(relaxations),
            "achieved": [r.achieved for r in relaxations.values()],
        },
        schema={"relaxation_id": pl.String, "achieved": pl.Int64},
    )
    within = pl.col("observed").is_between(pl.col("low") - 1e-9, pl.col("high") + 1e-9)
    missed = pl.lit("WARN" if spec.level == "SOFT" else "FAIL")
    skipped = pl.col("target").is_null() | pl.col("observed").is_null() | pl.lit(not constrains)
    frame = frame.join(
        achieved, on="relaxation_id", how="left", maintain_order="left"
    ).with_columns(
        status=pl.when(skipped)
        .then(pl.lit("SKIP"))
        .when(within)
        .then(pl.lit("PASS"))
        .when(pl.col("observed") == pl.col("achieved"))
        .then(pl.lit("WARN"))
        .otherwise(missed)
    )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def with_intervals(rows: pl.DataFrame, totals: tuple[HouseholdTotal, ...]) -> pl.DataFrame:
    """Put the interval of each modelled household count on its row, which has no target."""
    modelled = pl.DataFrame(
        [(t.zone, t.universe, t.low, t.high) for t in totals if t.evidence == "modelled"],
        schema={"zone": pl.String, "universe": pl.String, "l": pl.Float64, "h": pl.Float64},
        orient="row",
    ).with_columns(family=pl.lit("household_count"))
    joined = rows.join(
        modelled, on=["zone", "universe", "family"], how="left", maintain_order="left"
    )
    empty = pl.col("target").is_null() & (pl.col("category") == "")
    return joined.with_columns(
        low=pl.when(empty).then(pl.coalesce("l", "low")).otherwise("low"),
        high=pl.when(empty).then(pl.coalesce("h", "high")).otherwise("high"),
    ).drop("l", "h")


def residual_summary(rows: pl.DataFrame) -> dict[str, object]:
    """Return counts by level and status, the deviation figure, and the worst rows.

    Max marginal deviation is the largest absolute relative error over HARD, FIRM and SOFT rows with
    a non-zero target; rows with target zero are reported as an absolute count beside it.
    """
    judged = rows.filter(pl.col("level").is_in(LEVELS_IN_DEVIATION), pl.col("status") != "SKIP")
    zero = judged.filter(pl.col("target") == 0)
    status = rows.group_by("level", "status").len().sort("level", "status").rows()
    by_level: dict[str, dict[str, int]] = {}
    for level, word, count in status:
        by_level.setdefault(level, {})[word] = count
    worst = judged.filter(pl.col("residual") != 0).sort(
        pl.col("relative_error").abs(), "constraint_id", descending=[True, False]
    )
    hard = judged.filter(pl.col("level") == "HARD")
    return {
        "rows": rows.height,
        "by_level": by_level,
        "hard_rows": hard.height,
        "hard_failures": hard.filter(pl.col("status") != "PASS").height,
        "max_marginal_deviation": judged.get_column("relative_error").abs().max() or 0.0,
        "max_absolute_on_zero_targets": zero.get_column("residual").abs().max() or 0,
        "worst": worst.head(50).to_dicts(),
    }
