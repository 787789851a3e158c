"""A case: one run's bundle and the frozen snapshots, opened for judging."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from synthestat.bundle.read import read_json
from synthestat.errors import BundleError
from synthestat.review.definitions import BINDING, Definitions, read_yaml
from synthestat.review.recount import COUNTABLE, Cell, recount
from synthestat.review.thresholds import Thresholds, read_thresholds
from synthestat.sources.snapshots import SnapshotStore

TABLES = {
    "persons": "synthetic_persons",
    "households": "synthetic_households",
    "dwellings": "synthetic_dwellings",
    "buildings": "synthetic_building_assignments",
    "overlays": "hidden_population_overlays",
    "places": "work_school_assignments",
}
"""The six layers: the name of the table in the reviewer's SQL, and the layer's name."""
LEDGERS = {"residuals": "constraint_residuals", "uncertainty": "uncertainty"}
IDS = ("person_id", "household_id", "dwelling_id", "zone_code")
"""The columns by which a row is named, in their order."""
MEMORY = "1GB"  # what DuckDB may hold before it spills to a temporary folder; assumption


class Case:
    """A bundle as it lies there: nothing is assumed sound, and what is damaged is said by name."""

    def __init__(
        self, folder: Path, snapshots: SnapshotStore, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.folder = folder
        self.snapshots = snapshots
        self.connection = connection
        self.pack = Definitions(folder / "pack")
        self.used: set[str] = set()
        self._documents: dict[str, dict[str, Any]] = {}
        self._faults: dict[str, str] = {}
        self._asked: dict[str, list[tuple[Any, ...]]] = {}

    def json(self, file: str) -> dict[str, Any]:
        """One JSON file of the bundle. BundleError, naming it, if absent or malformed."""
        if file not in self._documents:
            self._documents[file] = read_json(self.folder / file)
        return self._documents[file]

    @cached_property
    def thresholds(self) -> Thresholds:
        """What is judged by: the engine's thresholds, and the pack's in their place."""
        return read_thresholds(self.pack)

    def limit(self, name: str) -> float:
        """A threshold's value, noted in `used` as one that was asked for."""
        self.used.add(name)
        return self.thresholds.by_id[name].value

    @property
    def manifest(self) -> dict[str, Any]:
        """build_manifest.json."""
        return self.json("build_manifest.json")

    def text(self, file: str) -> str:
        """One text file of the bundle. BundleError, naming it, if absent or not UTF-8."""
        try:
            return (self.folder / file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{file} cannot be read: {error}") from None

    def fault(self, file: str) -> str:
        """What keeps a file from being read at all, naming the file; "" if nothing does."""
        if file not in self._faults:
            try:
                self._open(file)
                self._faults[file] = ""
            except (BundleError, duckdb.Error, OSError) as error:
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                self._faults[file] = said if file in said else f"{file}: {said}"
        return self._faults[file]

    def _open(self, file: str) -> None:
        path = self.folder / file
        if not path.is_file():
            raise BundleError(f"{file} is absent")
        if path.suffix == ".json":
            self.json(file)
        elif path.suffix == ".yaml":
            read_yaml(path)
        elif path.suffix == ".parquet":
            view = next(v for v, name in (TABLES | LEDGERS).items() if name == path.stem)
            place = str(path).replace("'", "''")
            self.connection.execute(
                f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM read_parquet('{place}')"
            )
        else:
            self.text(file)

    def declared_unavailable(self, view: str) -> bool:
        """Whether a layer has no table and a marker that says so."""
        layer = TABLES[view]
        marker = self.folder / f"{layer}.unavailable.json"
        return marker.is_file() and not (self.folder / f"{layer}.parquet").exists()

    def unavailable_in(self, sql: str) -> list[str]:
        """The tables that a query names and the bundle declares unavailable."""
        words = set(re.findall(r"\w+", sql))
        return [view for view in TABLES if view in words and self.declared_unavailable(view)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query; `$name` in it is a rule of country.yaml."""
        return self._execute(sql).fetchall()

    def rows_once(self, sql: str) -> list[tuple[Any, ...]]:
        """As `rows`, for a query that several checks ask: it is carried out once."""
        if sql not in self._asked:
            self._asked[sql] = self.rows(sql)
        return self._asked[sql]

    def columns(self, view: str) -> dict[str, str]:
        """The columns of a table with their SQL types."""
        return {str(row[0]): str(row[1]) for row in self.rows(f"DESCRIBE {view}")}

    def records(self, sql: str) -> list[dict[str, Any]]:
        """All rows of a query, each by column name."""
        result = self._execute(sql)
        names = [str(column[0]) for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def offenders(self, sql: str, shown: int) -> tuple[int, list[str]]:
        """How many rows a query returns, and the first of them as `column=value` texts."""
        counted = f"SELECT *, count(*) OVER () AS all_rows FROM ({sql}) ORDER BY ALL LIMIT {shown}"
        records = self.records(counted)
        total = int(records[0]["all_rows"]) if records else 0
        return total, [
            ", ".join(f"{name}={value}" for name, value in row.items() if name != "all_rows")
            for row in records
        ]

    def such_as(self, view: str, condition: str) -> str:
        """`; the first: ...` with the ids of a row that meets a condition, "" without any."""
        ids = [name for name in IDS if name in self.columns(view)]
        sql = f"SELECT {', '.join(ids)} FROM {view} WHERE {condition}"
        rows = self.offenders(sql, 1)[1] if ids else []
        return f"; the first: {rows[0]}" if rows else ""

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        for view, name in (TABLES | LEDGERS).items():
            if re.search(rf"\b{view}\b", sql) and (fault := self.fault(f"{name}.parquet")):
                raise BundleError(fault)
        named = re.findall(r"\$(\w+)", sql)
        rules: Mapping[str, Any] = {name: self.pack.rules[name] for name in named}
        return self.connection.execute(sql, rules) if rules else self.connection.execute(sql)

    @cached_property
    def recounted(self) -> tuple[tuple[Cell, ...], dict[str, str]]:
        """Every cell of every control, recomputed; and what kept a control from it, by id."""
        layer = self.folder / f"{TABLES['buildings']}.parquet"
        counted = (*COUNTABLE, "buildings") if layer.exists() else COUNTABLE
        return recount(self.pack, self.snapshots, self.rows, counted)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of every control that could be recomputed."""
        return self.recounted[0]

    @cached_property
    def published_households(self) -> frozenset[tuple[str, str]]:
        """(zone, universe) whose number of households a table gives.

        A table by size or type gives it where it binds.
        """
        return frozenset(
            (cell.zone, cell.control.universe)
            for cell in self.cells
            if cell.control.counts == "households"
            and cell.control.total_of is None
            and not cell.control.only
            and (cell.control.level in BINDING or not cell.control.by)
            and cell.target is not None
        )

    @cached_property
    def relaxations(self) -> list[dict[str, Any]]:
        """The entries of relaxations.json."""
        return list(self.json("relaxations.json")["relaxations"])

    def count(self, sql: str) -> int:
        """The single whole number that a query returns; null is 0."""
        return int(self.rows(sql)[0][0] or 0)


def says(column: str, *words: str | None) -> str:
    """SQL that holds in the rows where a column says one of some words; None is no word."""
    texts = ", ".join(
        "'" + str(word).replace("'", "''") + "'" for word in words if word is not None
    )
    listed = [f'"{column}"::VARCHAR IN ({texts})'] if texts else []
    blank = [f'"{column}" IS NULL'] if None in words else []
    return f"({' OR '.join(listed + blank)})"


@contextmanager
def open_case(folder: Path, snapshots: SnapshotStore) -> Iterator[Case]:
    """Open a run's folder for judging. BundleError if there is no such folder."""
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder", remedy="give the folder of one run bundle")
    with tempfile.TemporaryDirectory(prefix="synthestat-review-") as spill:
        settings: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": spill}
        with duckdb.connect(":memory:", config=settings) as connection:
            connection.execute("SET enable_progress_bar = false")  # it writes over what we say
            yield Case(folder.resolve(), snapshots, connection)
