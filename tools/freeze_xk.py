"""Freeze the official figures of Kosovo, kept as long CSV files, into the pack's snapshots.

    python tools/freeze_xk.py FOLDER_OF_FIGURES

The folder holds `official/xk/*.csv` and `facts/XK_proxy_household_size.csv`. For each extract one
line of YAML is written: table, sha256, and what was read back from the frozen bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from freezing import (
    Extract,
    Row,
    figures_by,
    figures_by_measure,
    freeze_all,
    labelled_dimension,
    plain_dimension,
    read_rows,
    zone_dimension,
)

from synthestat.sources.cube import Dimension

SNAPSHOTS = Path(__file__).resolve().parents[1] / "src/synthestat/packs/xk/snapshots"
ASK = "Kosovo Agency of Statistics (ASK)"
COUNTRY = "XK"
ENUMERATED = (
    "Enumerated persons only, without the agency's estimate for the four northern municipalities."
)


def classification(rows: Iterable[Row], id: str, label: str) -> Dimension:
    """The categories of a column in the order in which the country's own rows print them."""
    return plain_dimension(id, label, (row[id] for row in rows if row["code"] == COUNTRY))


# The tables ---------------------------------------------------------------------------------------


def population_by_age(data: Path) -> Extract:
    """All residents by single year of age, both sexes together."""
    rows = read_rows(data / "official/xk/population_municipality_age_2024.csv")
    return Extract(
        "census2024_00",
        "Population by municipality and single year of age, 2024",
        ASK,
        "2024",
        (
            zone_dimension(rows, "Municipality"),
            classification(rows, "age", "Age in completed years"),
        ),
        figures_by(rows, ("code", "age"), "persons"),
        ("Includes the agency's estimate for the four northern municipalities.",),
    )


def population_by_ethnicity(data: Path) -> Extract:
    """Enumerated persons by sex and ethnicity, with every printed total."""
    rows = read_rows(data / "official/xk/population_municipality_sex_ethnicity_2024_enumerated.csv")
    return Extract(
        "census24_05",
        "Population by municipality, sex and ethnicity, 2024",
        ASK,
        "2024",
        (
            zone_dimension(rows, "Municipality"),
            classification(rows, "sex", "Sex"),
            classification(rows, "ethnicity", "Ethnicity"),
        ),
        figures_by(rows, ("code", "sex", "ethnicity"), "persons"),
        (ENUMERATED,),
    )


def population_by_religion(data: Path) -> Extract:
    """Enumerated persons by religion; only the country has a printed total."""
    rows = read_rows(data / "official/xk/population_municipality_religion_2024_enumerated.csv")
    return Extract(
        "census2024_10",
        "Population by municipality and religion, 2024",
        ASK,
        "2024",
        (zone_dimension(rows, "Municipality"), classification(rows, "religion", "Religion")),
        figures_by(rows, ("code", "religion"), "persons"),
        (ENUMERATED, "The total is at hand for the country only."),
    )


def dwellings(data: Path) -> Extract:
    """Buildings and dwellings at the two last censuses."""
    rows = read_rows(data / "official/xk/dwellings_municipality_2011_2024.csv")
    measures = {
        "residential_buildings": "Residential buildings",
        "dwellings_per_building": "Dwellings per residential building",
        "conventional_dwellings": "Conventional dwellings",
        "vacant_dwellings": "Vacant dwellings",
    }
    return Extract(
        "census2024_51",
        "Residential buildings and dwellings by municipality, 2011 and 2024",
        ASK,
        "2011, 2024",
        (
            zone_dimension(rows, "Municipality"),
            plain_dimension("year", "Census year", sorted(row["year"] for row in rows)),
            labelled_dimension("measure", "Measure", measures),
        ),
        figures_by_measure(rows, ("code", "year"), tuple(measures)),
        ("Missing for 2011: the four northern municipalities, which were not enumerated then.",),
    )


def households(data: Path) -> Extract:
    """Households; zones beyond the partial file are labelled as municipalities.csv spells them."""
    rows = read_rows(data / "official/xk/households_municipality_2024_partial.csv")
    printed = {row["code"] for row in rows}
    others = read_rows(data / "official/xk/municipalities.csv")
    every = rows + [row for row in others if row["code"] not in printed]
    measures = {
        "households": "Households",
        "persons_lower_bound_10plus_as_10": "Persons, households of 10 or more counted as 10",
    }
    return Extract(
        "census2024_52",
        "Households by municipality, 2024 (partial)",
        ASK,
        "2024",
        (zone_dimension(every, "Municipality"), labelled_dimension("measure", "Measure", measures)),
        figures_by_measure(rows, ("code",), tuple(measures)),
        (
            "Households of enumerated persons only.",
            "At hand for the country and the first fifteen municipalities only.",
            "The persons are a lower bound: the open size class 10+ is counted as 10 persons.",
        ),
    )


def household_sizes_nearby(data: Path) -> Extract:
    """Households by size in two Albanian-majority municipalities of Serbia; the means left out."""
    rows = read_rows(data / "facts/XK_proxy_household_size.csv")
    zones = {
        "RS_PRESEVO": "Preševo (Serbia)",
        "RS_BUJANOVAC": "Bujanovac (Serbia)",
    }
    code_of = {name.replace(")", ", PROXY)"): code for code, name in zones.items()}
    sizes = [
        {
            "municipality": code_of[row["geography_code_or_name"]],
            "size": row["category"].removesuffix(" members"),
            "households": row["value"],
        }
        for row in rows
        if row["category"] != "mean"
    ]
    return Extract(
        "rs2022_household_size",
        "Households by size in Preševo and Bujanovac, 2022",
        rows[0]["publisher"],
        "2022",
        (
            labelled_dimension("municipality", "Municipality", zones),
            plain_dimension("size", "Persons in the household", (row["size"] for row in sizes)),
        ),
        figures_by(sizes, ("municipality", "size"), "households"),
        ("Not Kosovo: a comparable population across the border, quoted by Bujanovačke.",),
    )


TABLES = (
    population_by_age,
    population_by_ethnicity,
    population_by_religion,
    dwellings,
    households,
    household_sizes_nearby,
)


if __name__ == "__main__":
    sys.exit(freeze_all(TABLES, SNAPSHOTS, __doc__))
