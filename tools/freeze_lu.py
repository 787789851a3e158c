"""Freeze the 2021 census figures of Luxembourg, kept as long CSV files, into the pack's snapshots.

    python tools/freeze_lu.py FOLDER_OF_FIGURES

The folder holds `official/lu/*_2021.csv` and `facts/LU.csv`. For each extract one line of YAML is
written: table, sha256, and what was read back from the frozen bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from freezing import (
    Extract,
    coded_dimension,
    figures_by,
    freeze_all,
    labelled_dimension,
    read_rows,
    zone_dimension,
)

from synthestat.errors import InputError

SNAPSHOTS = Path(__file__).resolve().parents[1] / "src/synthestat/packs/lu/2021/snapshots"
STATEC = "STATEC, Institut national de la statistique et des études économiques"
CENSUS = "census 2021-11-08"
COMMUNE = "Commune"
AGES = (
    *("Y_LT5", "Y5T9", "Y10T14", "Y15T19", "Y20T24", "Y25T29", "Y30T34", "Y35T39", "Y40T44"),
    *("Y45T49", "Y50T54", "Y55T59", "Y60T64", "Y65T69", "Y70T74", "Y75T79", "Y80T84", "Y85T89"),
    *("Y90T94", "Y95T99", "Y_GE100"),
)
SEXES = {"M": "Male", "F": "Female", "_T": "Total"}
HOUSEHOLD_STATUS = {
    "PRV": "Persons living in a private household",
    "FAM": "Persons in a family nucleus",
    "NFAM": "Persons not in a family nucleus",
    "PRV_UNK": "Persons living in a private household, but category not stated",
    "NPRV": "Persons not living in a private household",
    "IST": "Persons in an institutional household",
    "NPRV_UNK": (
        "Persons not living in a private household (including homeless persons), "
        "but category not stated"
    ),
    "_T": "Total",
}
MARITAL_STATUS = {
    "SIN": "Never married and never in a registered partnership",
    "MAR_REP": "Married or in registered partnership",
    "WID_DTHREP": "Widowed or registered partnership ended with the death of partner",
    "DIV_DISREP": "Divorced or registered partnership legally dissolved",
    "UNK": "Not stated",
    "_T": "Total",
}
CITIZENSHIP = {
    "NAT": "Luxembourg",
    "FOR": "Foreign",
    "EU_FOR": "Foreign (EU-27)",
    "NEU": "Foreign (non EU-27)",
    "STLS": "Stateless",
    "UNK": "Not stated",
    "_T": "Total",
}
COUNTRY_OF_BIRTH = {
    "NAT": "Luxembourg",
    "FOR": "Foreign",
    "EU_OTH": "Other EU-27 Member State",
    "NEU": "Foreign (non EU-27)",
    "OTH": "Other",
    "UNK": "Not stated",
    "_T": "Total",
}
PRIVATE_HOUSEHOLDS = "250325"
"""Private households at the census: STATEC, RP2021, Ménages et types de familles; a single figure
of the publication, not a cell of a table at hand."""
FACTS = {
    "LU-0001": ("residents", "Usual residents"),
    "LU-0002": ("private_residents", "Persons living in private households"),
    "LU-0003": ("collective_residents", "Persons living in collective households"),
}


def population_by_age(data: Path) -> Extract:
    """Residents by commune, sex and five-year age band."""
    rows = read_rows(data / "official/lu/population_commune_sex_age5_2021.csv")
    sexes = {code: label for code, label in SEXES.items() if code != "_T"}
    return Extract(
        "DF_B1607",
        "Population by commune, sex and five-year age band, 2021",
        STATEC,
        CENSUS,
        (
            zone_dimension(rows, COMMUNE),
            labelled_dimension("sex", "Sex", sexes),
            coded_dimension("age_band", "Age band in completed years", AGES, rows),
        ),
        figures_by(rows, ("code", "sex", "age_band"), "persons"),
        ("All 102 communes as of the census; no total is at hand.",),
    )


def by_sex_and(
    data: Path, table: str, column: str, label: str, labels: Mapping[str, str]
) -> Extract:
    """Residents by commune, sex and one more column, with every printed total."""
    rows = read_rows(data / f"official/lu/population_commune_sex_{column}_2021.csv")
    coded_dimension(column, label, tuple(labels), rows)
    return Extract(
        table,
        f"Population by commune, {label.lower()} and sex, 2021",
        STATEC,
        CENSUS,
        (
            zone_dimension(rows, COMMUNE),
            labelled_dimension("sex", "Sex", SEXES),
            labelled_dimension(column, label, labels),
        ),
        figures_by(rows, ("code", "sex", column), "persons"),
        ("All 102 communes as of the census.",),
    )


def household_status(data: Path) -> Extract:
    """Residents by whether they live in a private household, and in a family nucleus."""
    return by_sex_and(data, "DF_B1608", "household_status", "Household status", HOUSEHOLD_STATUS)


def marital_status(data: Path) -> Extract:
    """Residents by legal marital status."""
    return by_sex_and(data, "DF_B1609", "marital_status", "Legal marital status", MARITAL_STATUS)


def citizenship(data: Path) -> Extract:
    """Residents by group of citizenships."""
    return by_sex_and(data, "DF_B1625", "citizenship", "Citizenship", CITIZENSHIP)


def country_of_birth(data: Path) -> Extract:
    """Residents by group of countries of birth."""
    return by_sex_and(data, "DF_B1626", "country_of_birth", "Country of birth", COUNTRY_OF_BIRTH)


def national_figures(data: Path) -> Extract:
    """Residents and private households of the whole country; communes are listed, without figures.

    Raises InputError unless the facts are there, official, and of the census.
    """
    communes = read_rows(data / "official/lu/communes.csv")
    facts = {row["id"]: row for row in read_rows(data / "facts/LU.csv")}
    figures = {("LU", "private_households"): PRIVATE_HOUSEHOLDS}
    labels = {"private_households": "Private households"}
    for id, (measure, label) in FACTS.items():
        fact = facts.get(id, {})
        if (fact.get("confidence"), fact.get("reference_period")) != ("official_text", CENSUS):
            raise InputError(f"facts/LU.csv: {id} is no official text of the {CENSUS}")
        figures["LU", measure] = fact["value"]
        labels[measure] = label
    zones = zone_dimension([{"code": "LU", "name": "Luxembourg"}, *communes], COMMUNE)
    return Extract(
        "rp2021_households",
        "Residents and private households, 2021",
        STATEC,
        CENSUS,
        (zones, labelled_dimension("measure", "Measure", labels)),
        figures,
        ("Single figures of the publication, for the country only; communes are missing.",),
    )


TABLES = (
    population_by_age,
    household_status,
    marital_status,
    citizenship,
    country_of_birth,
    national_figures,
)

if __name__ == "__main__":
    sys.exit(freeze_all(TABLES, SNAPSHOTS, __doc__))
