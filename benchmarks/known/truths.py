"""Known truths in one form: a row per person, as `synthestat.diagnostics.recovery` wants them.

Ghana: the living standards survey of the R package simPop, every household counted once (survey
weights are not used), zones are its ten regions; a parent is not linked, since the survey does not
part parents from parents-in-law. Pseudopeople: the simulated town of the package of that name,
with group quarters; it has no districts, so households are dealt to `PSEUDOPEOPLE_ZONES` zones by a
hash of their number. Any other truth comes as a CSV (`read_csv`).

Links follow from roles: reference person and their only partner; a child's mother and father are
the woman and the man among reference person and partner, where there is one each; what is not known
is null.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.diagnostics.recovery import (
    COLUMNS,
    ROLES,
    TYPES,
    check_persons,
    hard_counts,
    household_table,
)
from synthestat.errors import InputError

FOLDER = Path(__file__).parents[2] / "../shared/data/truth"
GHANA, PSEUDOPEOPLE = "ghanaS.csv.gz", "pseudopeople_decennial_2020.csv.gz"
OPEN_AGE, OPEN_SIZE = 85, 8  # first of the open classes, as offices print them
PSEUDOPEOPLE_ZONES = 4  # assumption: districts of about a thousand households
GHANA_ROLES = {
    "head": "reference",
    "spouse": "partner",
    "child": "child",
    "adopted child": "child",
    "son/daughterlaw": "child_in_law",
    "grandchild": "grandchild",
    "parent/parentlaw": "parent",
    "other relative": "other_relative",
    "househelp": "non_relative",
    "non_relative": "non_relative",
}
PSEUDOPEOPLE_ROLES = {
    "Reference person": "reference",
    "Opposite-sex spouse": "partner",
    "Opposite-sex unmarried partner": "partner",
    "Same-sex spouse": "partner",
    "Same-sex unmarried partner": "partner",
    "Biological child": "child",
    "Adopted child": "child",
    "Stepchild": "child",
    "Child-in-law": "child_in_law",
    "Grandchild": "grandchild",
    "Parent": "parent",
    "Parent-in-law": "parent",
    "Sibling": "sibling",
    "Other relative": "other_relative",
    "Foster child": "non_relative",  # as the US census counts them
    "Roommate or housemate": "non_relative",
    "Other nonrelative": "non_relative",
    "Institutionalized group quarters population": "institutional",
    "Noninstitutionalized group quarters population": "institutional",
}


@dataclass(frozen=True)
class Truth:
    """A known population: `persons` in the form of `recovery.COLUMNS`; notes say what is odd."""

    name: str
    persons: pl.DataFrame
    notes: dict[str, int]


def read_truth(name: str, folder: Path = FOLDER) -> Truth:
    """Read a truth: `ghana`, `pseudopeople` or the path of a CSV file.

    Raises InputError where the file is absent or is not what its reader expects.
    """
    if name == "ghana":
        persons = _ghana(folder / GHANA)
    elif name == "pseudopeople":
        persons = _pseudopeople(folder / PSEUDOPEOPLE)
    else:
        persons = read_csv(Path(name))
    check_persons(persons)
    return Truth(Path(name).name.split(".")[0], persons, odd_households(persons))


def odd_households(persons: pl.DataFrame) -> dict[str, int]:
    """Count households and ties of a truth that no office's rules would allow."""
    private = persons.filter(pl.col("role") != "institutional")
    heads = private.group_by("household").agg(heads=(pl.col("role") == "reference").sum())
    counts = hard_counts(persons)
    return {
        "without_exactly_one_reference": len(heads.filter(pl.col("heads") != 1)),
        **{k: counts[k] for k in ("child_only", "reference_under_18", "impossible_gaps")},
    }


def without_child_only(persons: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the persons without child-only private households, and how many of these there were.

    No population that gives every household an adult can meet tables that count such households.
    """
    oldest = pl.col("age").max().over("household")
    gone = (pl.col("role") != "institutional") & (oldest < 18)
    dropped = persons.filter(gone).get_column("household").n_unique()
    return persons.filter(~gone), dropped


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputError(
            f"there is no file {path}", remedy="give its path, or its folder by --data"
        )
    return pl.read_csv(path, infer_schema=False)


def _ghana(path: Path) -> pl.DataFrame:
    raw = _read(path)
    persons = raw.select(
        zone="region",
        household=pl.col("hhid").cast(pl.Int64),
        person=pl.int_range(1, pl.len() + 1),
        age=pl.col("age").cast(pl.Int64),
        sex="sex",
        role=pl.col("relate").replace_strict(GHANA_ROLES),
    )
    return with_links(persons)


def _pseudopeople(path: Path) -> pl.DataFrame:
    raw = _read(path)
    numbers = {h: n for n, h in enumerate(raw.get_column("household_id").unique().sort(), 1)}
    household, relationship = pl.col("household_id"), pl.col("relationship_to_reference_person")
    zones = {h: f"{_hash(h) % PSEUDOPEOPLE_ZONES + 1:02d}" for h in numbers}
    persons = raw.select(
        zone=household.replace_strict(zones),
        household=household.replace_strict(numbers, return_dtype=pl.Int64),
        person=pl.int_range(1, pl.len() + 1),
        age=pl.col("age").cast(pl.Float64).cast(pl.Int64),
        sex=pl.col("sex").str.to_lowercase(),
        role=relationship.replace_strict(PSEUDOPEOPLE_ROLES),
    )
    return with_links(
        persons, own_parent=(raw.get_column(relationship.meta.output_name()) == "Parent")
    )


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def with_links(persons: pl.DataFrame, own_parent: pl.Series | None = None) -> pl.DataFrame:
    """Return the persons with partner, mother and father from roles, columns as in `COLUMNS`.

    `own_parent` marks those in role parent who are the reference person's own (default: nobody).
    """
    own = pl.lit(False) if own_parent is None else own_parent.alias("own")
    role, sex, person = pl.col("role"), pl.col("sex"), pl.col("person")
    marked = persons.with_columns(own.alias("own"))

    def only(condition: pl.Expr) -> pl.Expr:
        found = person.filter(condition)
        return pl.when(found.len() == 1).then(found.first())

    heading = role.is_in(["reference", "partner"])
    kin = marked.group_by("household").agg(
        head=only(role == "reference"),
        mate=only(role == "partner"),
        woman=only(heading & (sex == "female")),
        man=only(heading & (sex == "male")),
        grandmother=only(pl.col("own") & (sex == "female")),
        grandfather=only(pl.col("own") & (sex == "male")),
    )
    joined = marked.join(kin, on="household", how="left", maintain_order="left")

    def tie(child: str, reference: str) -> pl.Expr:
        return (
            pl.when(role == "child")
            .then(pl.col(child))
            .when(role == "reference")
            .then(pl.col(reference))
        )

    paired = pl.col("mate").is_not_null() & pl.col("head").is_not_null()
    return joined.with_columns(
        partner=pl.when(paired & (role == "reference"))
        .then(pl.col("mate"))
        .when(paired & (role == "partner"))
        .then(pl.col("head")),
        mother=tie("woman", "grandmother"),
        father=tie("man", "grandfather"),
    ).select([pl.col(name).cast(kind) for name, kind in COLUMNS.items()])


def read_csv(path: Path) -> pl.DataFrame:
    """Read a truth from a CSV file (plain or gzip) with a line per person.

    Columns: household (any text), age (whole years), sex (male, female), role (see
    `recovery.ROLES`); optional zone (default: one zone), person, partner, mother, father (texts of
    `person`, empty where unknown; where none of the three is given they follow from roles) and
    institution (kind of institution: whoever has one gets role institutional).

    Raises InputError, all faults together.
    """
    raw = _read(path)
    absent = [n for n in ("household", "age", "sex", "role") if n not in raw.columns]
    ties = [n for n in ("partner", "mother", "father") if n in raw.columns]
    faults = [f"no column {name}" for name in absent]
    if ties and "person" not in raw.columns:
        faults.append("no column person, to which partner, mother and father refer")
    if not faults:
        faults = _value_faults(raw, ties)
    if faults:
        raise InputError(
            f"{path.name} cannot be read as a truth",
            faults=faults,
            remedy="give the columns household, age, sex, role; optional zone, person, partner, "
            "mother, father, institution",
        )
    numbers = {
        h: n for n, h in enumerate(raw.get_column("household").unique(maintain_order=True), 1)
    }
    ids = raw.get_column("person") if "person" in raw.columns else None
    people = {} if ids is None else {text: n for n, text in enumerate(ids, 1)}
    role = pl.col("role")
    if "institution" in raw.columns:
        role = (
            pl.when(pl.col("institution").is_null()).then(role).otherwise(pl.lit("institutional"))
        )
    persons = raw.select(
        zone="zone" if "zone" in raw.columns else pl.lit("01"),
        household=pl.col("household").replace_strict(numbers, return_dtype=pl.Int64),
        person=pl.int_range(1, pl.len() + 1),
        age=pl.col("age").cast(pl.Int64),
        sex="sex",
        role=role,
        **{t: pl.col(t).replace_strict(people, return_dtype=pl.Int64) for t in ties},
    )
    if not ties:
        return with_links(persons)
    missing = [pl.lit(None).alias(n) for n in ("partner", "mother", "father") if n not in ties]
    return persons.with_columns(missing).select(
        [pl.col(name).cast(kind) for name, kind in COLUMNS.items()]
    )


def _value_faults(raw: pl.DataFrame, ties: list[str]) -> list[str]:
    """Return the faults of a CSV's values; its columns are there."""
    faults = []
    for name in ("household", "age", "sex", *(n for n in ("zone", "person") if n in raw.columns)):
        if empty := raw.get_column(name).null_count():
            faults.append(f"{name}: {empty} line(s) without a value")
    housed = "institution" not in raw.columns
    lost = raw if housed else raw.filter(pl.col("institution").is_null())
    if empty := lost.get_column("role").null_count():
        faults.append(f"role: {empty} line(s) without a value")
    for name, allowed in (("sex", ("male", "female")), ("role", ROLES)):
        words = raw.get_column(name).drop_nulls().unique().sort()
        unknown = [repr(word) for word in words if word not in allowed]
        if unknown:
            faults.append(f"{name}: unknown {', '.join(unknown)}; known: {', '.join(allowed)}")
    ages = raw.get_column("age").drop_nulls()
    odd = ages.filter(ages.str.contains(r"^\d{1,3}$").not_()).unique().sort().head(5)
    faults += [f"age: {text!r} is no whole number of years" for text in odd]
    if "person" in raw.columns:
        person = raw.get_column("person")
        twice = person.filter(person.is_duplicated()).drop_nulls().unique().sort().head(5)
        faults += [f"person: {text} stands more than once" for text in twice]
        for name in ties:
            named = raw.get_column(name).drop_nulls()
            nobody = named.filter(~named.is_in(person.to_list())).unique().sort().head(5)
            faults += [f"{name}: {text} is no person of the file" for text in nobody]
    if "zone" in raw.columns:
        zones = raw.group_by("household").agg(zones=pl.col("zone").n_unique())
        split = zones.filter(pl.col("zones") > 1).get_column("household").sort().head(5)
        faults += [f"household {text} stands in several zones" for text in split]
    return faults


@dataclass(frozen=True)
class Published:
    """What an office prints of a truth, by zone.

    `ages` has shape (zones, 86, 2): residents by single year of age (the last: 85 and over) and sex
    (male, female); `sizes` (zones, 8): private households by size (the last: 8 and more); `types`
    (zones, 7): private households by type, None where not published; `institutional` (zones,):
    residents of institutions.
    """

    zones: tuple[str, ...]
    ages: NDArray[np.int64]
    sizes: NDArray[np.int64]
    types: NDArray[np.int64] | None
    institutional: NDArray[np.int64]

    def private(self, zone: int) -> int:
        """Return the persons of private households of a zone, by place."""
        return int(self.ages[zone].sum() - self.institutional[zone])


def publish(persons: pl.DataFrame, *, types: bool) -> Published:
    """Count a truth into the tables that an office would print, with or without types."""
    zones = tuple(persons.get_column("zone").unique().sort())
    place = {zone: number for number, zone in enumerate(zones)}
    zone_of = pl.col("zone").replace_strict(place, return_dtype=pl.Int64)

    def counted(table: pl.DataFrame, lengths: list[int], keys: list[pl.Expr]) -> NDArray[np.int64]:
        found = table.select([zone_of.alias("z"), *keys])
        flat = np.ravel_multi_index(tuple(found.to_numpy().T), (len(zones), *lengths))
        counts = np.bincount(flat, minlength=len(zones) * int(np.prod(lengths)))
        return counts.reshape(len(zones), *lengths)

    home = persons.group_by("household").agg(pl.col("zone").first())
    households = household_table(persons).join(home, on="household", maintain_order="left")
    sex = (pl.col("sex") == "female").cast(pl.Int64).alias("s")
    age = pl.col("age").clip(0, OPEN_AGE).cast(pl.Int64).alias("a")
    size = (pl.col("size").clip(1, OPEN_SIZE) - 1).cast(pl.Int64).alias("n")
    order = {name: number for number, name in enumerate(TYPES)}
    kind = pl.col("type").replace_strict(order, return_dtype=pl.Int64).alias("t")
    living = persons.filter(pl.col("role") == "institutional")
    return Published(
        zones=zones,
        ages=counted(persons, [OPEN_AGE + 1, 2], [age, sex]),
        sizes=counted(households, [OPEN_SIZE], [size]),
        types=counted(households, [len(TYPES)], [kind]) if types else None,
        institutional=counted(living, [], []) if len(living) else np.zeros(len(zones), np.int64),
    )
