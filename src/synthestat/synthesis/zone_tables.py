"""The three tables of one zone: persons, households and dwellings, linked both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import FAMILY_COLUMN, FAMILY_STATUS, HOUSEHOLD_TYPES, INSTITUTIONS
from synthestat.synthesis.dwellings import OCCUPANCY, Dwellings
from synthestat.synthesis.households import Homes
from synthestat.synthesis.institutions import Institutions
from synthestat.synthesis.kinship import Refinement
from synthestat.synthesis.nuclei import in_nucleus
from synthestat.synthesis.roles import (
    INSTITUTIONAL,
    REFERENCE,
    ROLES,
    household_roles,
    household_types,
)

EVIDENCE = pl.Enum(["measured", "constrained", "modelled", "unavailable", "blocked"])


@dataclass(frozen=True)
class FirstIds:
    """The ids that the first person, household and dwelling of a zone or universe take."""

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
    homes: Sequence[Homes | Institutions],
    attributes: Sequence[Mapping[str, NDArray[np.int8]]],
    housed: Dwellings,
    first: FirstIds,
    pack: CountryPack,
    constrained: Mapping[str, frozenset[str]],
) -> ZoneTables:
    """Assemble the tables of one zone.

    `homes` has one entry per universe, the published household universe first if present,
    institutions last; `attributes[k]` gives codes per person of `homes[k]` (absent where unknown);
    `housed` covers the households of the published universe, in order; `constrained` names, by
    universe, those of age and sex by which a table that binds splits its persons in this zone.
    """
    persons, households = [], []
    person, household = first.person, first.household
    for home, values in zip(homes, attributes, strict=True):
        rows = FirstIds(person, household, first.dwelling)
        living = _apart(home, rows) if isinstance(home, Institutions) else _at_home(home, rows)
        published = home.universe == pack.country.household_universe
        dwelling = housed.dwelling_of if published else np.full(len(living.sizes), -1)
        persons.append(_person_table(home, values, living, rows, pack, constrained[home.universe]))
        households.append(_household_table(home, living, dwelling, rows, pack))
        person += len(home.age)
        household += len(living.sizes)
    household_table = pl.concat(households)
    return ZoneTables(
        zone=zone,
        persons=pl.concat(persons),
        households=household_table,
        dwellings=_dwelling_table(zone, housed, household_table, first, pack),
        refinements={h.universe: h.refinement for h in homes if isinstance(h, Homes)},
        untied={h.universe: h.untied for h in homes if isinstance(h, Homes)},
    )


def _ids(links: NDArray[np.int32], first: int) -> pl.Series:
    ids = pl.Series(links.astype(np.int64) + first)
    return ids.set(pl.Series(links < 0), None)


def _codes(codes: NDArray[np.int8], names: Sequence[str]) -> pl.Series:
    return pl.Series(codes.astype(np.uint8)).cat.to(pl.Enum(list(names)))


def _constant(value: str, length: int, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(value, length, dtype=pl.String, eager=True).cast(dtype)


@dataclass(frozen=True)
class Living:
    """How the persons of one universe live together, as columns of the tables.

    `household` counts from 0 within the universe; links are ids, null where there is none.
    `institution` is null for private households.
    """

    household: NDArray[np.int32]
    role: NDArray[np.int8]
    partner: pl.Series
    mother: pl.Series
    father: pl.Series
    sizes: NDArray[np.int64]
    household_type: pl.Series
    reference: pl.Series
    family: pl.Series
    institution: str | None


def _at_home(home: Homes, first: FirstIds) -> Living:
    """Return how members of private households live: roles, ties, types."""
    role = household_roles(home.positions, home.age)
    links = home.positions.partner, home.positions.mother, home.positions.father
    inside = in_nucleus(*links)
    return Living(
        household=home.positions.household,
        role=role,
        partner=_ids(home.positions.partner, first.person),
        mother=_ids(home.positions.mother, first.person),
        father=_ids(home.positions.father, first.person),
        sizes=np.diff(home.positions.start).astype(np.int64),
        household_type=_codes(household_types(home.positions, role, home.sex), HOUSEHOLD_TYPES),
        reference=pl.Series(np.flatnonzero(role == REFERENCE) + first.person),
        family=_codes((~inside).astype(np.int8), FAMILY_STATUS),
        institution=None,
    )


def _apart(home: Institutions, first: FirstIds) -> Living:
    """Return how residents of institutions live: one role, no ties, no type, no reference."""
    count = len(home.start) - 1
    nobody = _ids(np.full(len(home.age), -1, dtype=np.int32), first.person)
    return Living(
        household=home.household,
        role=np.full(len(home.age), INSTITUTIONAL, dtype=np.int8),
        partner=nobody,
        mother=nobody,
        father=nobody,
        sizes=np.diff(home.start).astype(np.int64),
        household_type=pl.Series([None] * count, dtype=pl.Enum(list(HOUSEHOLD_TYPES))),
        reference=_ids(np.full(count, -1, dtype=np.int32), first.person),
        family=pl.Series([None] * len(home.age), dtype=pl.Enum(list(FAMILY_STATUS))),
        institution=home.kind,
    )


def _person_table(
    home: Homes | Institutions,
    values: Mapping[str, NDArray[np.int8]],
    living: Living,
    first: FirstIds,
    pack: CountryPack,
    constrained: frozenset[str],
) -> pl.DataFrame:
    country, count = pack.country, len(home.age)
    sexed = home.universe == country.household_universe and "sex" in constrained
    old = (home.age >= country.ages.open_from) | ("age" not in constrained)
    columns: dict[str, pl.Series] = {
        "person_id": pl.Series(np.arange(first.person, first.person + count)),
        "household_id": pl.Series(living.household.astype(np.int64) + first.household),
        "zone_code": _constant(home.zone, count, zone_type(pack)),
        "age": pl.Series(home.age),
        "sex": _codes(home.sex, country.classifications["sex"]),
        "universe": _constant(home.universe, count, universe_type(pack)),
        "household_role": _codes(living.role, ROLES),
        "partner_id": living.partner,
        "mother_id": living.mother,
        "father_id": living.father,
        FAMILY_COLUMN: living.family,
    }
    evidence = {
        "age": pl.Series(np.where(old, "modelled", "constrained")).cast(EVIDENCE),
        "sex": _constant("constrained" if sexed else "modelled", count, EVIDENCE),
    }
    for attribute in pack.attributes:
        names = country.classifications[attribute.name]
        known = attribute.name in values
        columns[attribute.name] = (
            _codes(values[attribute.name], names)
            if known
            else pl.Series([None] * count, dtype=pl.Enum(list(names)))
        )
        word = attribute.evidence if known else "unavailable"
        evidence[attribute.name] = _constant(word, count, EVIDENCE)
    columns |= {f"{name}_evidence": series for name, series in evidence.items()}
    return pl.DataFrame(columns)


def _household_table(
    home: Homes | Institutions,
    living: Living,
    dwelling: NDArray[np.int64],
    first: FirstIds,
    pack: CountryPack,
) -> pl.DataFrame:
    count = len(living.sizes)
    kind = "private" if living.institution is None else "institutional"
    return pl.DataFrame(
        {
            "household_id": pl.Series(np.arange(first.household, first.household + count)),
            "zone_code": _constant(home.zone, count, zone_type(pack)),
            "universe": _constant(home.universe, count, universe_type(pack)),
            "kind": _constant(kind, count, pl.Enum(["private", "institutional"])),
            "institution": pl.Series(
                [living.institution] * count, dtype=pl.Enum(list(INSTITUTIONS))
            ),
            "size": pl.Series(living.sizes.astype(np.int16)),
            "household_type": living.household_type,
            "reference_person_id": living.reference,
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
