"""Freeze the official figures of Kosovo, kept as long CSV files, into the pack's snapshots.

    python tools/freeze_xk.py FOLDER_OF_FIGURES

The folder holds `official/xk/*.csv` and `facts/XK_proxy_household_size.csv`. Each table becomes
one JSON-stat 2.0 extract, codes and totals as published and every zone spelt as that very table
spells it; a cell that the file does not give is missing, never filled in. For each extract one
line of YAML is written: table, sha256, and what was read back from the frozen bytes.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from synthestat.errors import InputError, SynthestatError
from synthestat.sources.cube import CellStatus, Cube, Dimension, listed, number_status
from synthestat.sources.jsonstat import DEFAULT_SYMBOLS, read_jsonstat, write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

SNAPSHOTS = Path(__file__).resolve().parents[1] / "src/synthestat/packs/xk/snapshots"
ASK = "Kosovo Agency of Statistics (ASK)"
COUNTRY = "XK"
NO_FIGURE = ("", "NA")  # how the CSV files write a cell without a figure
ENUMERATED = (
    "Enumerated persons only, without the agency's estimate for the four northern municipalities."
)

Row = dict[str, str]
Figures = Mapping[tuple[str, ...], str]


@dataclass(frozen=True)
class Extract:
    """One table as printed: `figures` by code, one code per dimension; absent or NA is missing."""

    table: str
    label: str
    source: str
    reference_period: str
    dimensions: tuple[Dimension, ...]
    figures: Figures
    note: tuple[str, ...] = ()

    def cube(self) -> Cube:
        """The table as a cube. Raises InputError for figures outside its dimensions."""
        shape = [len(dimension.codes) for dimension in self.dimensions]
        places = list(product(*(dimension.codes for dimension in self.dimensions)))
        if strays := self.figures.keys() - set(places):
            named = listed(sorted("/".join(codes) for codes in strays))
            raise InputError(f"{self.table}: figures outside the table's dimensions: {named}")
        texts = [self.figures.get(codes, "") for codes in places]
        flat = [math.nan if text in NO_FIGURE else float(text) for text in texts]
        values = np.array(flat, dtype=np.float64).reshape(shape)
        status = number_status(values)
        status[np.isnan(values)] = CellStatus.MISSING
        about = {"table": self.table, "reference_period": self.reference_period}
        return Cube(self.label, self.source, "", self.dimensions, values, status, about)


# Reading the CSV files ----------------------------------------------------------------------------


def read_rows(file: Path) -> list[Row]:
    """The rows of a CSV file (UTF-8, header first). Raises InputError if there is no such file."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, strict=True))
    except OSError as error:
        raise InputError(
            f"{file} cannot be read",
            faults=[str(error)],
            remedy="name the folder that holds official/ and facts/",
        ) from error


def figures_by(rows: Iterable[Row], keys: Sequence[str], column: str) -> dict[tuple[str, ...], str]:
    """{codes: figure as printed} of one column. Raises InputError if a cell is given twice."""
    figures: dict[tuple[str, ...], str] = {}
    for row in rows:
        codes = tuple(row[key] for key in keys)
        if codes in figures:
            raise InputError(f"{column} of {'/'.join(codes)} is given twice")
        figures[codes] = row[column]
    return figures


def figures_by_measure(
    rows: Sequence[Row], keys: Sequence[str], measures: Sequence[str]
) -> Figures:
    """{(*codes, measure): figure as printed} where each measure is a column of its own."""
    return {
        (*codes, measure): figure
        for measure in measures
        for codes, figure in figures_by(rows, keys, measure).items()
    }


def zone_dimension(rows: Iterable[Row]) -> Dimension:
    """The zones by code, the country first, each labelled as these rows spell it.

    Raises InputError if one table spells a zone in two ways.
    """
    names: dict[str, str] = {}
    for row in rows:
        if names.setdefault(row["code"], row["name"]) != row["name"]:
            raise InputError(f"{row['code']} is both {names[row['code']]} and {row['name']}")
    codes = tuple(sorted(names))  # "XK" sorts before "XK_MUNI_001"
    return Dimension("zone", "Municipality", codes, tuple(names[code] for code in codes))


def plain_dimension(id: str, label: str, codes: Iterable[str]) -> Dimension:
    """A dimension whose codes, in the order of their first occurrence, are their own labels."""
    distinct = tuple(dict.fromkeys(codes))
    return Dimension(id, label, distinct, distinct)


def labelled_dimension(id: str, label: str, labels: Mapping[str, str]) -> Dimension:
    """A dimension of {code: label}."""
    return Dimension(id, label, tuple(labels), tuple(labels.values()))


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
        (zone_dimension(rows), classification(rows, "age", "Age in completed years")),
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
            zone_dimension(rows),
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
        (zone_dimension(rows), classification(rows, "religion", "Religion")),
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
            zone_dimension(rows),
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
        (zone_dimension(every), labelled_dimension("measure", "Measure", measures)),
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


# Freezing -----------------------------------------------------------------------------------------


def freeze(extract: Extract, store: SnapshotStore) -> str:
    """Put the extract into the store; returns its line of YAML, from the bytes read back."""
    sha256 = store.put(write_jsonstat(extract.cube(), note=extract.note))
    cube = read_jsonstat(store.read(sha256), name=extract.table, symbols=DEFAULT_SYMBOLS)
    numbers = cube.values[~np.isnan(cube.values)]
    total = round(math.fsum(numbers.tolist()), 6)
    return (
        f'{extract.table}: {{sha256: "{sha256}", cells: {cube.size}, '
        f"numeric_cells: {numbers.size}, numeric_sum: {total:.15g}}}"
    )


def main() -> int:
    """Freeze every table; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("figures", type=Path, help="the folder that holds official/ and facts/")
    data = parser.parse_args().figures
    store = SnapshotStore(SNAPSHOTS)
    try:
        for table in TABLES:
            sys.stdout.write(freeze(table(data), store) + "\n")
    except SynthestatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
