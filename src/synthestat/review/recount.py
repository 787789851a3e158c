"""Counting again: each control's published cells, and what the bundle's files hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import duckdb
import numpy as np

from synthestat.errors import SynthestatError
from synthestat.review.definitions import (
    BINDING,
    HOUSEHOLD_TYPES,
    Breakdown,
    Control,
    Definitions,
)
from synthestat.sources.cube import Cube
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore

COUNTABLE = ("persons", "households", "dwellings")
"""What is counted of every run; buildings are, where the run has a table of them."""
RELATIONS = {
    "buildings": (
        "(SELECT b.building_id, b.zone_code, d.universe "
        "FROM buildings b JOIN dwellings d USING (dwelling_id))"
    )
}
"""What rows of a kind are counted from, if not from the table of that name."""
Rows = Callable[[str], list[tuple[Any, ...]]]
Key = tuple[str, ...]


_SLACK = 1e-9  # of a person, for products with a tolerance in floating point


@dataclass(frozen=True)
class Cell:
    """One published cell of a control, and the bundle's own count of it.

    `target` is None where nothing is published, `observed` where the bundle has no such table;
    `reach` is how far the office's declared noise may have moved the figure.
    """

    control: Control
    zone: str
    category: str
    target: float | None
    observed: int | None
    reach: int = 0

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest count that keeps the figure: its noise, then the tolerance."""
        figure, share = self.target or 0.0, self.control.tolerance
        return max(figure - self.reach, 0.0) * (1 - share), (figure + self.reach) * (1 + share)

    @property
    def id(self) -> str:
        """`<control>.<zone>` and, if there is one, `.<category>`."""
        return ".".join(filter(None, (self.control.id, self.zone, self.category)))

    @property
    def compared(self) -> bool:
        """Whether the cell has a target and a count."""
        return self.target is not None and self.observed is not None

    @property
    def judged(self) -> bool:
        """Whether the cell has a target, a count and a level that binds."""
        return self.compared and self.control.level in BINDING

    @property
    def residual(self) -> float:
        """Observed minus published; 0 for a cell without a target or a count."""
        if self.target is None or self.observed is None:
            return 0.0
        return self.observed - self.target

    @property
    def relative_error(self) -> float | None:
        """The residual over the published figure; None where one is absent or that is 0."""
        return self.residual / self.target if self.compared and self.target else None

    @property
    def within_tolerance(self) -> bool:
        """Whether the count keeps the control's tolerance around the figure; HARD has none."""
        if self.observed is None:
            return True
        low, high = self.bounds
        return low - _SLACK <= self.observed <= high + _SLACK


def recount(
    pack: Definitions,
    snapshots: SnapshotStore,
    rows: Rows,
    countable: tuple[str, ...] = COUNTABLE,
) -> tuple[tuple[Cell, ...], dict[str, str]]:
    """Recompute every cell of every control; faults, by control id, of those that cannot be.

    Cells of what is not `countable` have no count of their own.
    """
    cells: list[Cell] = []
    faults: dict[str, str] = {}
    cubes: dict[str, Cube] = {}
    for control in pack.controls:
        try:
            if control.table not in cubes:
                cubes[control.table] = read_table(pack, snapshots, control.table)
            counted = rows if control.counts in countable else None
            cells += _cells(control, cubes[control.table], pack, counted)
        except (SynthestatError, duckdb.Error, LookupError, TypeError, ValueError) as error:
            faults[control.id] = f"{control.id}: {str(error).strip() or type(error).__name__}"
    return tuple(cells), faults


def read_table(pack: Definitions, snapshots: SnapshotStore, table: str) -> Cube:
    """Read a frozen table by the hash that sources.yaml gives. SnapshotError or CubeError."""
    source = pack.sources[table]
    return read_jsonstat(snapshots.read(source.sha256), name=table, symbols=source.symbols)


def zone_codes(pack: Definitions, codes: tuple[str, ...]) -> dict[str, str]:
    """The code of geography.csv for each zone code of a table, by code or by a known spelling.

    A zone that concordance.csv says was merged has the code of the zone that it is part of now.
    """
    known = {zone.code: zone.code for zone in pack.geography} | pack.merged
    spelled = {name.casefold(): zone.code for zone in pack.geography for name in zone.names}
    return {code: known[code] if code in known else spelled[code.casefold()] for code in codes}


def zone_parts(pack: Definitions, codes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Each zone of a table as of now, with the table's codes that make it up, in their order.

    ValueError where a zone stands beside its own parts, or without some of them.
    """
    parts: dict[str, list[str]] = {}
    for code, zone in zone_codes(pack, codes).items():
        parts.setdefault(zone, []).append(code)
    for zone, own in parts.items():
        wanted = {old for old, new in pack.merged.items() if new == zone}
        if wanted & set(own) and set(own) != wanted:
            raise ValueError(f"{zone} is made up of {', '.join(own)}, not of its merged parts")
    return {zone: tuple(own) for zone, own in parts.items()}


def _cells(control: Control, cube: Cube, pack: Definitions, rows: Rows | None) -> Iterator[Cell]:
    """The cells of one control, zone by zone, the last breakdown fastest."""
    counted = None if rows is None else _counted(control, cube, pack, rows)
    zones = _zones(pack, cube, control)
    reach = pack.sources[control.table].reach
    classes = [_classes(part, cube) for part in control.by]
    for zone, codes in zones.items():
        for chosen in product(*classes):
            place = {part.dimension: c for part, (c, _) in zip(control.by, chosen, strict=True)}
            figures = [_published(control, cube, place, pack, code) for code in codes]
            known = [figure for figure in figures if figure is not None]
            target = sum(known) if len(known) == len(figures) else None
            key = tuple(value for _, value in chosen)
            observed = None if counted is None else _inside(counted, pack.covered[zone], key)
            pairs = zip(control.by, key, strict=True)
            category = ";".join(f"{part.column}={value}" for part, value in pairs)
            yield Cell(control, zone, category, target, observed, reach)


def _zones(pack: Definitions, cube: Cube, control: Control) -> dict[str, tuple[str, ...]]:
    """Zones of geography.csv with the table's codes of each; the root for a table without zones."""
    dimension = pack.sources[control.table].zone_dimension
    if dimension is None:
        return {pack.root: ("",)}
    return zone_parts(pack, cube.dimension(dimension).codes)


def _classes(part: Breakdown, cube: Cube) -> list[tuple[str, str]]:
    """(code in the table, value in the bundle) of each class of a breakdown."""
    codes = cube.dimension(part.dimension).codes
    kept = [code for code in codes if code not in part.leave_out]
    if part.column == "household_type":
        return [(code, "|".join(_types(part, code))) for code in kept]
    if part.by_bands:
        spans = {code: _span(part, code) for code in kept}
        return [(c, _span_name(spans[c])) for c in sorted(kept, key=lambda c: spans[c][0])]
    return [(code, part.values.get(code, code)) for code in kept]


def _types(part: Breakdown, code: str) -> tuple[str, ...]:
    """The household types of a code, `lone_mother|lone_father` being two, in their order."""
    named = [word.strip() for word in part.values.get(code, code).split("|")]
    if unknown := sorted(set(named) - set(HOUSEHOLD_TYPES)):
        raise ValueError(f"{unknown[0]!r} is no household type")
    return tuple(kind for kind in HOUSEHOLD_TYPES if kind in named)


def _span(part: Breakdown, code: str) -> tuple[int, int | None]:
    """The ages or sizes of a code: as declared, else as its value says (`7`, `5-9`, `85+`)."""
    if code in part.bands:
        return part.bands[code]
    value = part.values.get(code, code)
    if value.endswith("+"):
        return int(value[:-1]), None
    if code == part.open_class:
        return int(value), None
    first, _, last = value.partition("-")
    return int(first), int(last or first)


def _span_name(span: tuple[int, int | None]) -> str:
    first, last = span
    if last is None:
        return f"{first}+"
    return f"{first}-{last}" if last > first else f"{first}"


def _published(
    control: Control, cube: Cube, place: dict[str, str], pack: Definitions, code: str
) -> float | None:
    """The published figure of one cell, None where the table has none; ValueError if ambiguous."""
    zone_dimension = pack.sources[control.table].zone_dimension
    whole = {**control.where, **place}
    if zone_dimension is not None:
        whole[zone_dimension] = code
    positions = []
    for dimension in cube.dimensions:
        if dimension.id not in whole and len(dimension.codes) > 1:
            raise ValueError(f"nothing says which code of {dimension.id!r} of {control.table}")
        positions.append(dimension.position(whole.get(dimension.id, dimension.codes[0])))
    value = float(cube.values[tuple(positions)])
    return None if np.isnan(value) else value


def _counted(
    control: Control, cube: Cube, pack: Definitions, rows: Rows
) -> dict[str, dict[Key, int]] | None:
    """Count the control's rows by zone and class, with SQL over the bundle's file.

    None for a control that does not bind and is about a column that the file does not have.
    """
    if control.only and control.level not in BINDING:
        there = {str(row[0]) for row in rows(f"DESCRIBE {control.counts}")}
        if control.only.keys() - there:
            return None
    words = ", ".join(_literal(word) for word in pack.universe_parts[control.universe])
    kept = [f"universe IN ({words})"]
    kept += [f"{_name(column)} = {_literal(value)}" for column, value in control.only.items()]
    classes = [_class_sql(part, cube) for part in control.by]
    counts = "count(DISTINCT building_id)" if control.counts == "buildings" else "count(*)"
    if control.total_of:
        column = _name(control.total_of)
        counts = f"sum({column if control.cap is None else f'least({column}, {control.cap})'})"
    sql = (
        f"SELECT {', '.join(['zone_code', *classes, counts])} "
        f"FROM {RELATIONS.get(control.counts, control.counts)} "
        f"WHERE {' AND '.join(kept)} GROUP BY ALL"
    )
    counted: dict[str, dict[Key, int]] = {}
    for zone, *key, number in rows(sql):
        counted.setdefault(str(zone), {})[tuple(str(part) for part in key)] = int(number)
    return counted


def _class_sql(part: Breakdown, cube: Cube) -> str:
    """The class of a row as text: its value, its band, or the open class from its bound up."""
    column = _name(part.column)
    if part.column == "household_type":
        cases = [
            f"WHEN {column} IN ({', '.join(map(_literal, name.split('|')))}) THEN {_literal(name)}"
            for _, name in _classes(part, cube)
        ]
        return f"CASE {' '.join(cases)} END"
    if part.by_bands:
        cases = [
            f"WHEN {column} >= {name.rstrip('+').partition('-')[0]} THEN {_literal(name)}"
            for _, name in reversed(_classes(part, cube))
        ]
        return f"CASE {' '.join(cases)} END"
    if part.open_class is None:
        return f"CAST({column} AS VARCHAR)"
    bound = int(part.open_class.rstrip("+"))
    return (
        f"CASE WHEN {column} >= {bound} THEN {_literal(part.open_class)} "
        f"ELSE CAST({column} AS VARCHAR) END"
    )


def _inside(counted: dict[str, dict[Key, int]], zones: frozenset[str], key: Key) -> int:
    return sum(counted.get(zone, {}).get(key, 0) for zone in zones)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
