"""The three tables of one zone: persons, households and dwellings, linked both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.packs.pack import CountryPack
from synthestat.synthesis.dwellings import OCCUPANCY, Dwellings
from synthestat.synthesis.households import Homes
from synthestat.synthesis.kinship import Refinement
from synthestat.synthesis.roles import (
    HOUSEHOLD_TYPES,
    REFERENCE,
    ROLES,
    household_roles,
    household_types,
)

EVIDENCE = pl.Enum(["measured", "constrained", "modelled", "unavailable", "blocked"])


@dataclass(frozen=True)
class FirstIds:
    """The ids that the first person, household and dwelling of a zone take."""

    person: int
    household: int
    dwelling: int


@dataclass(frozen=True)
class ZoneTables:
    """One zone's finished tables, with the convergence record of each of its universes."""

    zone: str
    persons: pl.DataFrame
    households: pl.DataFrame
    dwellings: pl.DataFrame
    refinements: Mapping[str, Refinement]
    untied: Mapping[str, int]


def zone_tables(
    zone: str,
    homes: Sequence[Homes],
    attributes: Sequence[Mapping[str, NDArray[np.int8]]],
    housed: Dwellings,
    first: FirstIds,
    pack: CountryPack,
) -> ZoneTables:
    """Assemble the tables of one zone.

    `homes` has one entry per universe, the published household universe first if present;
    `attributes[k]` gives codes per person of `homes[k]` (absent where unknown); `housed` covers the
    households of the published universe, in order.
    """
    persons, households = [], []
    person, household = first.person, first.household
    for home, values in zip(homes, attributes, strict=True):
        published = home.universe == pack.country.household_universe
        role = household_roles(home.positions, home.age)
        dwelling = housed.dwelling_of if published else np.full(len(home.positions.start) - 1, -1)
        persons.append(_person_table(home, values, role, person, household, pack))
        households.append(_household_table(home, role, dwelling, person, household, first, pack))
        person += len(home.age)
        household += len(home.positions.start) - 1
    household_table = pl.concat(households)
    return ZoneTables(
        zone=zone,
        persons=pl.concat(persons),
        households=household_table,
        dwellings=_dwelling_table(zone, housed, household_table, first, pack),
        refinements={home.universe: home.refinement for home in homes},
        untied={home.universe: home.untied for home in homes},
    )


def _ids(links: NDArray[np.int32], first: int) -> pl.Series:
    ids = pl.Series(links.astype(np.int64) + first)
    return ids.set(pl.Series(links < 0), None)


def _codes(codes: NDArray[np.int8], names: Sequence[str]) -> pl.Series:
    return pl.Series(codes.astype(np.uint8)).cat.to(pl.Enum(list(names)))


def _constant(value: str, length: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(value, length, dtype=pl.String, eager=True).cast(dtype)


def _person_table(
    home: Homes,
    values: Mapping[str, NDArray[np.int8]],
    role: NDArray[np.int8],
    person: int,
    household: int,
    pack: CountryPack,
) -> pl.DataFrame:
    country, count = pack.country, len(home.age)
    published = home.universe == country.household_universe
    old = home.age >= country.ages.open_from
    columns: dict[str, pl.Series] = {
        "person_id": pl.Series(np.arange(person, person + count)),
        "household_id": pl.Series(home.positions.household.astype(np.int64) + household),
        "zone_code": _constant(home.zone, count, zone_type(pack)),
        "age": pl.Series(home.age),
        "sex": _codes(home.sex, country.classifications["sex"]),
        "universe": _constant(home.universe, count, universe_type(pack)),
        "household_role": _codes(role, ROLES),
        "partner_id": _ids(home.positions.partner, person),
        "mother_id": _ids(home.positions.mother, person),
        "father_id": _ids(home.positions.father, person),
    }
    evidence = {
        "age": pl.Series(np.where(old, "modelled", "constrained")).cast(EVIDENCE),
        "sex": _constant("constrained" if published else "modelled", count, EVIDENCE),
    }
    for attribute in pack.attributes:
        names = country.classifications[attribute.name]
        known = attribute.name in values
        columns[attribute.name] = (
            _codes(values[attribute.name], names)
            if known
            else pl.Series([None] * count, dtype=pl.Enum(list(names)))
        )
        word = "constrained" if known else "unavailable"
        evidence[attribute.name] = _constant(word, count, EVIDENCE)
    columns |= {f"{name}_evidence": series for name, series in evidence.items()}
    return pl.DataFrame(columns)


def _household_table(
    home: Homes,
    role: NDArray[np.int8],
    dwelling: NDArray[np.int64],
    person: int,
    household: int,
    first: FirstIds,
    pack: CountryPack,
) -> pl.DataFrame:
    count = len(home.positions.start) - 1
    return pl.DataFrame(
        {
            "household_id": pl.Series(np.arange(household, household + count)),
            "zone_code": _constant(home.zone, count, zone_type(pack)),
            "universe": _constant(home.universe, count, universe_type(pack)),
            "kind": _constant("private", count, pl.Enum(["private", "institutional"])),
            "size": pl.Series(np.diff(home.positions.start).astype(np.int16)),
            "household_type": _codes(
                household_types(home.positions, role, home.sex), HOUSEHOLD_TYPES
            ),
            "reference_person_id": pl.Series(np.flatnonzero(role == REFERENCE) + person),
            "dwelling_id": _ids(dwelling.astype(np.int32), first.dwelling),
        }
    )


def _dwelling_table(
    zone: str, housed: Dwellings, households: pl.DataFrame, first: FirstIds, pack: CountryPack
) -> pl.DataFrame:
    count = len(housed.occupancy)
    table = pl.DataFrame(
        {
            "dwelling_id": pl.Series(np.arange(first.dwelling, first.dwelling + count)),
            "zone_code": _constant(zone, count, zone_type(pack)),
            "universe": _constant(pack.country.household_universe, count, universe_type(pack)),
            "occupancy": _codes(housed.occupancy, OCCUPANCY),
        }
    )
    living = (
        households.filter(pl.col("dwelling_id").is_not_null())
        .group_by("dwelling_id")
        .agg(pl.col("household_id").sort().alias("household_ids"))
    )
    joined = table.join(living, on="dwelling_id", how="left", maintain_order="left")
    unknown = pl.lit(None, dtype=pl.String)
    return joined.with_columns(
        pl.col("household_ids").list.len().fill_null(0).cast(pl.Int16).alias("household_count"),
        unknown.alias("dwelling_type"),
        unknown.alias("building_id"),
    )


def zone_type(pack: CountryPack) -> pl.Enum:
    """Return the closed list of zone codes at the pack's zone level."""
    return pl.Enum([zone.code for zone in pack.geography.at(pack.country.zone_level)])


def universe_type(pack: CountryPack) -> pl.Enum:
    """Return the closed list of indivisible universes."""
    return pl.Enum([u for u in pack.country.universes if pack.country.atoms(u) == (u,)])
