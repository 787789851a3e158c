"""The pack's soft targets, measured from the written tables and judged by their tolerance."""

from __future__ import annotations

import polars as pl

from synthestat.packs.registry import Registry
from synthestat.packs.targets import CHILDREN_BELOW, COUPLES, Measure, SoftTarget, soft_targets


def soft_target_rows(
    registry: Registry, persons: pl.DataFrame, private: pl.DataFrame, depths: pl.DataFrame
) -> list[dict[str, object]]:
    """Return each target in use with what was observed and whether it is met.

    `persons` are all persons; `private` are private households of the household universe; `depths`
    has household_id and depth, the longest chain of parents and children. `observed` is a share or
    years, None where there is nobody to measure, which does not meet a target.
    """
    at_home = persons.join(private.select("household_id"), on="household_id", how="semi")
    entries = {entry.id: entry for entry in registry.applying}
    rows: list[dict[str, object]] = []
    for target in soft_targets(registry):
        if target.measure == "person_share":
            observed = _person_share(target, persons)
        else:
            observed = _observed(target, at_home, private, depths)
        met = observed is not None and abs(observed - target.value) <= target.tolerance
        entry = entries[target.id]
        rows.append(
            {
                "id": target.id,
                "label": entry.label,
                "measure": target.measure,
                "types": list(target.types),
                "attribute": target.attribute,
                "categories": list(target.categories),
                "ages": None if target.ages is None else list(target.ages),
                "value": target.value,
                "tolerance": target.tolerance,
                "observed": observed,
                "met": met,
                "confidence": entry.confidence,
                "citation": entry.citation,
                "address": entry.address,
            }
        )
    return rows


def _observed(
    target: SoftTarget, at_home: pl.DataFrame, private: pl.DataFrame, depths: pl.DataFrame
) -> float | None:
    if target.measure == "household_type_share":
        return _mean(private["household_type"].cast(pl.String).is_in(list(target.types)))
    if target.measure == "three_generation_share":
        return _mean(private.join(depths, on="household_id", how="left")["depth"] >= 3)
    if target.measure == COUPLES:
        return _mean(_couples_in_category(target, at_home))
    return _mean(_gaps(target.measure, at_home))


def _person_share(target: SoftTarget, persons: pl.DataFrame) -> float | None:
    value = pl.col(target.attribute).cast(pl.String)
    known = persons.filter(value.is_not_null())
    if target.ages is not None:
        known = known.filter(pl.col("age").is_between(*target.ages))
    return _mean(known.select(value.is_in(list(target.categories))).to_series())


def _mean(values: pl.Series) -> float | None:
    return float(values.mean()) if values.len() else None  # type: ignore[arg-type]


def _couples_in_category(target: SoftTarget, at_home: pl.DataFrame) -> pl.Series:
    """Return for each person of the ages who has a partner whether both are in the categories."""
    if target.attribute not in at_home.columns:
        return pl.Series([], dtype=pl.Boolean)
    named = list(target.categories)
    value = pl.col(target.attribute).cast(pl.String)
    inside = pl.when(value.is_not_null()).then(value.is_in(named))
    people = at_home.select("person_id", "partner_id", "age", inside.alias("inside")).drop_nulls(
        "inside"
    )
    theirs = people.select(pl.col("person_id").alias("partner_id"), their_inside="inside")
    asked = people if target.ages is None else people.filter(pl.col("age").is_between(*target.ages))
    couples = asked.join(theirs, on="partner_id")
    return couples["inside"] & couples["their_inside"]


def _gaps(measure: Measure, at_home: pl.DataFrame) -> pl.Series:
    """Return the age differences, in years, whose mean the measure is."""
    people = at_home.select(
        "person_id", "partner_id", "mother_id", pl.col("sex").cast(pl.String), "age"
    ).with_columns(pl.col("age").cast(pl.Int32))
    other = people.select("person_id", their_sex="sex", their_age="age")
    if measure == "mean_partner_gap":
        men = people.filter((pl.col("sex") == "male") & pl.col("partner_id").is_not_null())
        couples = men.join(other, left_on="partner_id", right_on="person_id")
        couples = couples.filter(pl.col("their_sex") == "female")
        return couples["age"] - couples["their_age"]
    children = people.filter(pl.col("mother_id").is_not_null())
    if measure == "mean_age_at_first_birth":
        children = children.group_by("mother_id").agg(pl.col("age").max())
    born = children.filter(pl.col("age") < CHILDREN_BELOW)
    born = born.join(other, left_on="mother_id", right_on="person_id")
    return born["their_age"] - born["age"]
