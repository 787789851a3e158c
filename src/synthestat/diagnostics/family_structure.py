"""Who lives with whom: living arrangements by age, age gaps beside their kernels, composition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from synthestat.packs.registry import Registry
from synthestat.packs.spec import HouseholdRules

ARRANGEMENTS = (
    "alone",
    "heading_couple",
    "couple_in_other_household",
    "lone_parent",
    "child_of_head",
    "parent_of_head",
    "grandchild",
    "other_relative",
    "head_of_others",
    "non_relative",
    "institutional",
)
"""Every resident lives in exactly one of these: the first that `living_arrangements` finds."""
OLDEST_GROUP = 95  # first age of the open group
ELDERLY = 65  # years from which a member counts as elderly: the usual statistical bound
LARGEST_SHOWN = 10  # households of this size and more are one row of the composition
_EVERY_GAP = (-120, 120)


def age_group_name(first: int) -> str:
    """Return the name of the five-year age group that begins at `first`: `0-4` ... `95+`."""
    return f"{first}+" if first >= OLDEST_GROUP else f"{first}-{first + 4}"


def living_arrangements(persons: pl.DataFrame) -> dict[str, dict[str, dict[str, int]]]:
    """Count residents by sex, five-year age group and living arrangement.

    Institutional; alone, in a household of one; with a partner present, heading the household or
    in another's; a reference person without partner is a lone parent where a child lives there,
    else head of others; everyone else by role. All arrangements of a group add up to its residents.
    """
    role, paired = pl.col("household_role").cast(pl.String), pl.col("partner_id").is_not_null()
    parents = pl.concat([persons["mother_id"], persons["father_id"]]).drop_nulls().unique()
    size = pl.len().over("household_id")
    a_child = (role == "child").any().over("household_id")
    has_child = pl.col("person_id").is_in(parents.implode()) | a_child
    arrangement = (
        pl.when(role == "institutional")
        .then(pl.lit("institutional"))
        .when(size == 1)
        .then(pl.lit("alone"))
        .when(paired & role.is_in(["reference", "partner"]))
        .then(pl.lit("heading_couple"))
        .when(paired)
        .then(pl.lit("couple_in_other_household"))
        .when((role == "reference") & has_child)
        .then(pl.lit("lone_parent"))
        .when(role == "reference")
        .then(pl.lit("head_of_others"))
        .when(role == "child")
        .then(pl.lit("child_of_head"))
        .when(role == "parent")
        .then(pl.lit("parent_of_head"))
        .when(role.is_in(["grandchild", "non_relative"]))
        .then(role)
        .otherwise(pl.lit("other_relative"))
    )
    counted = (
        persons.select(pl.col("sex").cast(pl.String), first=_five_years(), arrangement=arrangement)
        .group_by("sex", "first", "arrangement")
        .len()
        .sort("sex", "first")
    )
    found: dict[str, dict[str, dict[str, int]]] = {}
    for sex, first, kind, count in counted.iter_rows():
        group = found.setdefault(sex, {}).setdefault(age_group_name(first), {})
        group.update(group or dict.fromkeys(ARRANGEMENTS, 0))
        group[kind] = int(count)
    return found


def _five_years() -> pl.Expr:
    return (pl.col("age").cast(pl.Int32) // 5 * 5).clip(0, OLDEST_GROUP)


def age_gaps(
    persons: pl.DataFrame, registry: Registry, rules: HouseholdRules, mean_size: float
) -> dict[str, object]:
    """Count age gaps by whole year, each beside the kernel that it was drawn after.

    Partners: man's minus woman's age, of one sex the absolute difference; parents: parent's minus
    child's age, and the mother's minus her youngest child's at home. Kernels are densities by year
    that sum to 1 within the pack's band; entries that vary with mean size are taken at `mean_size`
    (persons; the country's mean, although each zone was built at its own).
    """
    at = registry.at_mean_size(mean_size)

    def kernel(family: str, band: tuple[int, int]) -> dict[str, object]:
        first, log_density = at.log_kernel(family, band)
        density = np.exp(log_density)
        by_year = {str(first + year): round(float(d), 8) for year, d in enumerate(density)}
        return {"entry": at.used(family).id, "density": by_year}

    folded = kernel("same_sex_partner_gap", _EVERY_GAP)
    folded["density"] = _folded(folded["density"])  # type: ignore[arg-type]
    mothers = rules.mother_age_at_birth.value
    ages = persons.select("person_id", "sex", their_age=pl.col("age").cast(pl.Int32))
    couples = _linked(persons, ages, "partner_id").with_columns(
        pl.col("sex").cast(pl.String), sex_right=pl.col("sex_right").cast(pl.String)
    )
    mixed = couples.filter((pl.col("sex") == "male") & (pl.col("sex_right") == "female"))
    same = couples.filter(
        (pl.col("sex") == pl.col("sex_right")) & (pl.col("person_id") < pl.col("partner_id"))
    )
    with_mother = _linked(persons, ages, "mother_id")
    youngest = with_mother.group_by("mother_id").agg(pl.col("gap").max())
    return {
        "mean_size_of_kernels": mean_size,
        "partner": {
            "counts": _by_year(-mixed["gap"]),
            "kernel": kernel("partner_age_gap", rules.partner_age_gap.value),
        },
        "same_sex_partner": {"counts": _by_year(same["gap"].abs()), "kernel": folded},
        "mother_child": {
            "counts": _by_year(with_mother["gap"]),
            "kernel": kernel("mother_child_gap", mothers),
        },
        "father_child": {
            "counts": _by_year(_linked(persons, ages, "father_id")["gap"]),
            "kernel": kernel("father_child_gap", rules.father_age_at_birth.value),
        },
        "mother_youngest_child": {"counts": _by_year(youngest["gap"]), "kernel": None},
    }


def _linked(persons: pl.DataFrame, ages: pl.DataFrame, link: str) -> pl.DataFrame:
    """Pair each linked person with who the link names; `gap` is the other's age minus their own."""
    pairs = persons.filter(pl.col(link).is_not_null()).select(
        "person_id", link, "sex", own=pl.col("age").cast(pl.Int32)
    )
    joined = pairs.join(ages, left_on=link, right_on="person_id")
    return joined.with_columns(gap=pl.col("their_age") - pl.col("own"))


def _by_year(gaps: pl.Series) -> dict[str, int]:
    counted = gaps.rename("gap").to_frame().group_by("gap").len().sort("gap")
    return {str(gap): int(count) for gap, count in counted.iter_rows()}


def _folded(density: Mapping[str, float]) -> dict[str, float]:
    """Return the density of the absolute gap."""
    found: dict[str, float] = {}
    for gap, share in density.items():
        years = str(abs(int(gap)))
        found[years] = found.get(years, 0.0) + share
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def composition_by_size(
    persons: pl.DataFrame, private: pl.DataFrame, adult: int
) -> dict[str, object]:
    """Count private households by size (10 and more together), members under age and elderly."""
    members = (
        persons.join(private.select("household_id"), on="household_id", how="semi")
        .group_by("household_id")
        .agg(
            size=pl.len().clip(0, LARGEST_SHOWN),
            children=(pl.col("age") < adult).sum(),
            elderly=(pl.col("age") >= ELDERLY).sum(),
        )
    )
    columns = ["size", "children", "elderly"]
    counted = members.group_by(columns).len().sort(columns)
    return {
        "columns": [*columns, "households"],
        "rows": [[int(number) for number in row] for row in counted.iter_rows()],
        "largest_size_is_open": LARGEST_SHOWN,
        "children_below": adult,
        "elderly_from": ELDERLY,
    }


def reference_ages(persons: pl.DataFrame, private: pl.DataFrame) -> dict[str, int]:
    """Count reference persons of private households by five-year age group."""
    heads = private.select(person_id="reference_person_id").join(persons, on="person_id")
    counted = heads.select(first=_five_years()).group_by("first").len().sort("first")
    return {age_group_name(first): int(count) for first, count in counted.iter_rows()}


def children_per_family(persons: pl.DataFrame) -> dict[str, int]:
    """Count families by children of any age at home.

    A family is a mother with her children, or a father with children who have no mother at home.
    """
    children = persons.select(parent=pl.coalesce("mother_id", "father_id")).drop_nulls()
    families = children.group_by("parent").len("children").group_by("children").len()
    return {str(number): int(count) for number, count in families.sort("children").iter_rows()}
