"""How much of a known truth a synthetic population recovers: joints that nobody was given.

Both sides come as one table with a row per person (`COLUMNS`). Every score compares two normalised
distributions over the same cells: total variation, half the sum of absolute differences of shares,
and SRMSE, the root mean squared difference of shares over the mean share, over the cells that are
not empty on both sides (Voas & Williamson 2001; Mueller & Axhausen 2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.errors import InputError
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.synthesis.roles import ROLES

TYPES = HOUSEHOLD_TYPES
COLUMNS = {
    "zone": pl.String,
    "household": pl.Int64,
    "person": pl.Int64,
    "age": pl.Int64,
    "sex": pl.String,
    "role": pl.String,
    "partner": pl.Int64,
    "mother": pl.Int64,
    "father": pl.Int64,
}
ADULT, ELDERLY = 18, 65
LARGEST_SIZE = 10  # stands for 10 and more
MOST_CHILDREN, MOST_ADULTS, MOST_ELDERLY = 7, 7, 3  # each stands for itself and more
PARTNER_GAP = 25  # years, either way; wider gaps count as this
MOTHER_GAP = (10, 60)  # years; what lies outside counts as the end
POSSIBLE_BIRTH = (12, 55)  # mother's age at birth; assumption, the absolute band of the project
AGE_GROUPS = 9  # of ten years; the last is 80 and over
_EXTENDED = ("parent", "child_in_law", "grandchild", "sibling", "other_relative")
_GENERATION = {
    "parent": 1,
    "reference": 0,
    "partner": 0,
    "sibling": 0,
    "child": -1,
    "child_in_law": -1,
    "grandchild": -2,
}
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """Distance of two distributions: `srmse` from 0 up, `tv` (total variation) from 0 to 1."""

    srmse: float
    tv: float


def compare(truth: Counts, synthetic: Counts) -> Score:
    """Return the distance of two tables of counts of one shape.

    Cells that are empty on both sides are left out of SRMSE; they add nothing to total variation.
    Two empty tables are equal; where one side alone is empty, total variation is 1.
    """
    if truth.shape != synthetic.shape:
        raise InputError(
            f"tables of shapes {truth.shape} and {synthetic.shape} cannot be compared",
            remedy="count both sides over the same cells",
        )
    p, q = (table.ravel() / max(int(table.sum()), 1) for table in (truth, synthetic))
    filled = (p > 0) | (q > 0)
    if not filled.any():
        return Score(0.0, 0.0)
    if not p.any() or not q.any():
        return Score(float("inf"), 1.0)
    difference = p[filled] - q[filled]
    srmse = np.sqrt(np.mean(difference**2)) / np.mean(p[filled])
    return Score(float(srmse), float(np.abs(difference).sum() / 2))


def composition_scores(truth: pl.DataFrame, synthetic: pl.DataFrame) -> dict[str, Score]:
    """Return the distance of each distribution of `distributions`, truth first.

    Raises InputError where either table is not in the form of `COLUMNS`.
    """
    known, built = distributions(truth), distributions(synthetic)
    return {name: compare(known[name], built[name]) for name in known}


def sampling_floor(
    truth: pl.DataFrame, rng: np.random.Generator, repeats: int = 10
) -> dict[str, Score]:
    """Return scores of one random half of the truth's households against the other, averaged.

    Institutional residents are halved one by one, so that no institution is all on one side. This
    is the plain halves score: two halves of n/2 households differ by about twice as much as one
    fresh sample of n households differs from the law that it was drawn from, so a synthetic
    population may well score below it.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repeats give no floor", remedy="ask for one or more")
    apart = pl.when(pl.col("role") == "institutional").then("person")
    units = truth.select(household="household", person=apart)
    unit = units.select(pl.struct("household", "person").rank("dense")).to_series().to_numpy() - 1
    count = int(unit.max()) + 1 if len(unit) else 0
    found: list[dict[str, Score]] = []
    for _ in range(repeats):
        first = np.zeros(count, dtype=np.bool_)
        first[rng.permutation(count)[: count // 2]] = True
        inside = pl.Series(first[unit])
        found.append(composition_scores(truth.filter(inside), truth.filter(~inside)))
    return {
        name: Score(
            float(np.mean([scores[name].srmse for scores in found])),
            float(np.mean([scores[name].tv for scores in found])),
        )
        for name in found[0]
    }


def distributions(persons: pl.DataFrame) -> dict[str, Counts]:
    """Return every distribution that is scored, zones together, as counts over fixed cells.

    size_by_type: households, size (1..10+) x type. ages_by_size: households, size x children under
    18 x adults x elderly from 65. partner_gap: pairs of reference person and partner of opposite
    sex, man's age minus woman's, -25..25. mother_youngest_gap: households, age of the woman among
    reference person and partner (the youngest of several) minus that of the youngest child, 10..60.
    alone: persons alone in a private household, ten-year age group x sex. generations: households
    by number of generations, 1..4. roles: persons, role x ten-year age group x sex, institutional
    residents included; all others are of private households.
    """
    check_persons(persons)
    private = persons.filter(pl.col("role") != "institutional")
    households = household_table(private)
    return {
        "size_by_type": _size_by_type(households),
        "ages_by_size": _ages_by_size(households),
        "partner_gap": _partner_gaps(private),
        "mother_youngest_gap": _mother_gaps(private),
        "alone": _alone(private, households),
        "generations": _counted((4,), households.get_column("generations").to_numpy() - 1),
        "roles": _counted(
            (len(ROLES), AGE_GROUPS, 2),
            _place(persons.get_column("role"), ROLES),
            _age_group(persons),
            _place(persons.get_column("sex"), ("male", "female")),
        ),
    }


def household_table(persons: pl.DataFrame) -> pl.DataFrame:
    """Return one row per private household, in order of `household`.

    Columns: household, size, type, children (under 18), adults, elderly (from 65), generations
    (distinct levels among members whose level is known; at least 1). Type follows from the roles by
    the rule of `synthestat.synthesis.roles.household_types`.
    """
    age, role = pl.col("age"), pl.col("role")
    level = role.replace_strict(_GENERATION, default=None, return_dtype=pl.Int8)
    woman_heads = ((role == "reference") & (pl.col("sex") == "female")).any()
    members = persons.filter(role != "institutional").group_by("household")
    table = members.agg(
        size=pl.len(),
        children=(age < ADULT).sum(),
        adults=((age >= ADULT) & (age < ELDERLY)).sum(),
        elderly=(age >= ELDERLY).sum(),
        generations=level.drop_nulls().n_unique().clip(lower_bound=1),
        extended=role.is_in(_EXTENDED).any(),
        strangers=(role == "non_relative").any(),
        partner=(role == "partner").any(),
        child=(role == "child").any(),
        woman_heads=woman_heads,
    ).sort("household")
    kind = (
        pl.when(pl.col("size") == 1)
        .then(pl.lit("single"))
        .when("extended")
        .then(pl.lit("extended"))
        .when("strangers")
        .then(pl.lit("other"))
        .when(pl.col("partner") & pl.col("child"))
        .then(pl.lit("couple_with_children"))
        .when("partner")
        .then(pl.lit("couple_without_children"))
        .when(pl.col("child") & pl.col("woman_heads"))
        .then(pl.lit("lone_mother"))
        .when("child")
        .then(pl.lit("lone_father"))
        .otherwise(pl.lit("other"))
    )
    return table.select(
        "household", "size", kind.alias("type"), "children", "adults", "elderly", "generations"
    )


def hard_counts(persons: pl.DataFrame) -> dict[str, int]:
    """Count what no household may be, beside the numbers of households and persons.

    `child_only`: private households without anybody from 18. `reference_under_18`: reference
    persons under 18. `impossible_gaps`: persons whose linked mother was under 12 or over 55 at
    their birth, and persons in role child with no mother linked who are less than 12 years younger
    than (or older than) each of the household's reference persons and partners.
    """
    check_persons(persons)
    private = persons.filter(pl.col("role") != "institutional")
    oldest = private.group_by("household").agg(oldest=pl.col("age").max())
    return {
        "private_households": len(oldest),
        "persons": len(persons),
        "child_only": int((oldest.get_column("oldest") < ADULT).sum()),
        "reference_under_18": len(
            private.filter((pl.col("role") == "reference") & (pl.col("age") < ADULT))
        ),
        "impossible_gaps": _impossible_links(persons) + _impossible_children(private),
    }


def check_persons(persons: pl.DataFrame) -> None:
    """Raise InputError, all faults together, where a table is not in the form of `COLUMNS`."""
    absent = [name for name in COLUMNS if name not in persons.columns]
    faults = [f"no column {name}" for name in absent]
    for name in ("zone", "household", "person", "age", "sex", "role"):
        if name not in absent and (empty := persons.get_column(name).null_count()):
            faults.append(f"{name}: {empty} row(s) without a value")
    for name, allowed in (("role", ROLES), ("sex", ("male", "female"))):
        if name not in absent:
            found = persons.get_column(name).cast(pl.String).drop_nulls().unique().sort()
            faults += [f"{name}: unknown value {word!r}" for word in found if word not in allowed]
    if "age" not in absent and persons.schema["age"].is_integer():
        outside = (persons.get_column("age") < 0) | (persons.get_column("age") > 130)
        faults += [f"age: {outside.sum()} row(s) outside 0..130"] if outside.any() else []
    elif "age" not in absent:
        faults.append(f"age: {persons.schema['age']}, not whole years")
    if "person" not in absent and persons.get_column("person").is_duplicated().any():
        twice = persons.filter(pl.col("person").is_duplicated()).get_column("person")
        shown = ", ".join(str(person) for person in twice.unique().sort().head(5))
        faults.append(f"person: ids that stand more than once, such as {shown}")
    if faults:
        raise InputError(
            "the table of persons cannot be scored",
            faults=faults,
            remedy=f"give the columns {', '.join(COLUMNS)}, one row a person",
        )


def _counted(shape: tuple[int, ...], *places: NDArray[np.integer]) -> Counts:
    """Count rows by cell; a place beyond an axis counts as its nearest end."""
    clipped = [np.clip(place, 0, length - 1) for place, length in zip(places, shape, strict=True)]
    flat = np.ravel_multi_index(tuple(p.astype(np.int64) for p in clipped), shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape)))
    return counts.astype(np.int64).reshape(shape)


def _place(values: pl.Series, names: Sequence[str]) -> Counts:
    """Return the place of each value among `names`."""
    order: Mapping[str, int] = {name: number for number, name in enumerate(names)}
    places = values.cast(pl.String).replace_strict(order, return_dtype=pl.Int64)
    return np.asarray(places.to_numpy(), dtype=np.int64)


def _age_group(persons: pl.DataFrame) -> Counts:
    return np.asarray(persons.get_column("age").to_numpy() // 10, dtype=np.int64)


def _size_by_type(households: pl.DataFrame) -> Counts:
    size = households.get_column("size").to_numpy().astype(np.int64)
    shape = (LARGEST_SIZE, len(TYPES))
    return _counted(shape, size - 1, _place(households.get_column("type"), TYPES))


def _ages_by_size(households: pl.DataFrame) -> Counts:
    names = ("size", "children", "adults", "elderly")
    size, *parts = (households.get_column(n).to_numpy().astype(np.int64) for n in names)
    shape = (LARGEST_SIZE, MOST_CHILDREN + 1, MOST_ADULTS + 1, MOST_ELDERLY + 1)
    return _counted(shape, size - 1, *parts)


def _partner_gaps(private: pl.DataFrame) -> Counts:
    """Count pairs of a reference person and each partner of the opposite sex by their gap."""
    columns = ("household", "age", "sex")
    heads = private.filter(pl.col("role") == "reference").select(columns)
    partners = private.filter(pl.col("role") == "partner").select(columns)
    pairs = heads.join(partners, on="household").filter(pl.col("sex") != pl.col("sex_right"))
    gap = (pl.col("age").cast(pl.Int64) - pl.col("age_right").cast(pl.Int64)) * (
        pl.when(pl.col("sex") == "male").then(1).otherwise(-1)
    )
    gaps = pairs.select(gap.alias("gap")).get_column("gap").to_numpy()
    return _counted((2 * PARTNER_GAP + 1,), gaps + PARTNER_GAP)


def _mother_gaps(private: pl.DataFrame) -> Counts:
    woman = pl.col("role").is_in(["reference", "partner"]) & (pl.col("sex") == "female")
    gaps = (
        private.group_by("household")
        .agg(
            woman=pl.col("age").filter(woman).min().cast(pl.Int64),
            child=pl.col("age").filter(pl.col("role") == "child").min().cast(pl.Int64),
        )
        .drop_nulls()
        .select(gap=pl.col("woman") - pl.col("child"))
    )
    first, last = MOTHER_GAP
    return _counted((last - first + 1,), gaps.get_column("gap").to_numpy() - first)


def _alone(private: pl.DataFrame, households: pl.DataFrame) -> Counts:
    singles = households.filter(pl.col("size") == 1).select("household")
    alone = private.join(singles, on="household", how="semi")
    sex = _place(alone.get_column("sex"), ("male", "female"))
    return _counted((AGE_GROUPS, 2), _age_group(alone), sex)


def _impossible_links(persons: pl.DataFrame) -> int:
    """Count persons whose linked mother's age at their birth lies outside the possible band."""
    mothers = persons.select(pl.col("person").cast(pl.Int64), mother_age=pl.col("age"))
    linked = persons.with_columns(pl.col("mother").cast(pl.Int64)).join(
        mothers, left_on="mother", right_on="person"
    )
    gap = pl.col("mother_age").cast(pl.Int64) - pl.col("age").cast(pl.Int64)
    return len(linked.filter(~gap.is_between(*POSSIBLE_BIRTH)))


def _impossible_children(private: pl.DataFrame) -> int:
    """Count children without a linked mother who are too old for everybody who heads."""
    heading = pl.col("role").is_in(["reference", "partner"])
    heads = private.filter(heading).group_by("household").agg(head=pl.col("age").max())
    children = private.filter((pl.col("role") == "child") & pl.col("mother").is_null())
    gap = pl.col("head").cast(pl.Int64) - pl.col("age").cast(pl.Int64)
    return len(children.join(heads, on="household").filter(gap < POSSIBLE_BIRTH[0]))
