"""What the freezing scripts share: long CSV files of official figures into frozen extracts.

Each table becomes one JSON-stat 2.0 extract, codes and totals as published and every zone spelt as
that very table spells it; a cell that the file does not give is missing, never filled in.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from synthestat.errors import InputError, SynthestatError
from synthestat.sources.cube import CellStatus, Cube, Dimension, listed, number_status
from synthestat.sources.jsonstat import DEFAULT_SYMBOLS, read_jsonstat, write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

NO_FIGURE = ("", "NA")  # how the CSV files write a cell without a figure

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


def zone_dimension(rows: Iterable[Row], label: str) -> Dimension:
    """The zones by code, each labelled as these rows spell it; a country's code sorts first.

    Raises InputError if one table spells a zone in two ways.
    """
    names: dict[str, str] = {}
    for row in rows:
        if names.setdefault(row["code"], row["name"]) != row["name"]:
            raise InputError(f"{row['code']} is both {names[row['code']]} and {row['name']}")
    codes = tuple(sorted(names))  # "XK" sorts before "XK_MUNI_001"
    return Dimension("zone", label, codes, tuple(names[code] for code in codes))


def plain_dimension(id: str, label: str, codes: Iterable[str]) -> Dimension:
    """A dimension whose codes, in the order of their first occurrence, are their own labels."""
    distinct = tuple(dict.fromkeys(codes))
    return Dimension(id, label, distinct, distinct)


def labelled_dimension(id: str, label: str, labels: Mapping[str, str]) -> Dimension:
    """A dimension of {code: label}."""
    return Dimension(id, label, tuple(labels), tuple(labels.values()))


def coded_dimension(id: str, label: str, codes: Sequence[str], rows: Iterable[Row]) -> Dimension:
    """A dimension of exactly these codes, in this order. Raises InputError if the rows differ."""
    found = {row[id] for row in rows}
    if found != set(codes):
        odd = listed(sorted(found ^ set(codes)))
        raise InputError(f"{id}: the file's codes are not those expected: {odd}")
    return plain_dimension(id, label, codes)


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


def freeze_all(
    tables: Sequence[Callable[[Path], Extract]], snapshots: Path, documentation: str | None
) -> int:
    """Freeze every table of the folder that the command line names; returns the exit code.

    Prints one line of YAML for each extract: its sha256 and what was read back from its bytes.
    `--snapshots` freezes into another folder than the pack's.
    """
    parser = argparse.ArgumentParser(description=(documentation or "").partition("\n")[0])
    parser.add_argument("figures", type=Path, help="the folder that holds official/ and facts/")
    parser.add_argument("--snapshots", type=Path, default=snapshots, help="where extracts go")
    arguments = parser.parse_args()
    store = SnapshotStore(arguments.snapshots)
    try:
        for table in tables:
            sys.stdout.write(freeze(table(arguments.figures), store) + "\n")
    except SynthestatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
