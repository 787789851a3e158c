"""Reading controls: cells of frozen tables, as published, disagreements intact."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.axes import column_axis
from synthestat.controls.merged_zones import bridge_fault, merger_faults, on_present_zones
from synthestat.errors import CubeError, PackError
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import ControlSpec, SourceSpec, TotalSpec
from synthestat.sources.cube import CellStatus, Cube
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore

UNPUBLISHED = -1
UNBOUNDED = 10**12  # more than any count: the upper end of a cell without a figure
CELLS = 100_000_000  # assumption: the most cells that a control may ask a table for (0.8 GB)
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ControlTable:
    """The cells of one control.

    `targets` has shape (zones, categories); UNPUBLISHED marks a cell without a figure. A category
    is a tuple of bundle values, one for each of `columns` (the empty tuple where nothing splits).
    """

    spec: ControlSpec
    source: SourceSpec
    zones: tuple[str, ...]
    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    targets: Counts
    suppressed: NDArray[np.bool_] | None = None

    @property
    def zeros(self) -> NDArray[np.bool_]:
        """Which categories the control declares to hold nobody, shape (categories,)."""
        empty = [
            any(
                all(category[self.columns.index(c)] == v for c, v in zero.items())
                for zero in self.spec.zeros
            )
            for category in self.categories
        ]
        return np.array(empty, dtype=np.bool_)

    def bounds(self, zone: str) -> tuple[Counts, Counts]:
        """Return (low, high) of each cell of a zone that the table speaks of, noise allowed for.

        A suppressed cell has the interval that its source declares; any other cell without a figure
        is unbounded.
        """
        row, reach = self.targets[self.zones.index(zone)], self.source.reach
        known = row != UNPUBLISHED
        low = np.where(known, np.maximum(row - reach, 0), 0)
        high = np.where(known, row + reach, UNBOUNDED)
        below = self.source.suppressed_below
        if self.suppressed is not None and below is not None:
            high = np.where(self.suppressed[self.zones.index(zone)], below - 1, high)
        low, high = np.where(self.zeros, 0, low), np.where(self.zeros, 0, high)
        return low.astype(np.int64), high.astype(np.int64)

    def row(self, zone: str) -> Counts | None:
        """Return the cells of one zone, or None where the table does not speak of it."""
        if zone not in self.zones:
            return None
        return np.asarray(self.targets[self.zones.index(zone)], dtype=np.int64)

    def total(self, zone: str) -> int | None:
        """Return the sum over all categories in a zone, or None where a cell is unpublished."""
        row = self.row(zone)
        return None if row is None or (row == UNPUBLISHED).any() else int(row.sum())

    def cell_name(self, zone: str, category: tuple[str, ...] = ()) -> str:
        """Return words that lead a reader to a cell: table, zone, category and publisher."""
        split = ", ".join(f"{c}={v}" for c, v in zip(self.columns, category, strict=False))
        fixed = ", ".join(f"{k}={v}" for k, v in self.spec.where.items())
        place = "; ".join(filter(None, [zone, split, fixed]))
        return f"{self.spec.id} [{place}] ({self.source.publisher}, {self.source.id})"


@dataclass(frozen=True)
class Published:
    """All controls of a country by control id, and the cubes that they came from, as frozen.

    Tables of an older geography stand in `tables` with the zones of today (`merged_zones.py`).
    """

    tables: Mapping[str, ControlTable]
    cubes: Mapping[str, Cube]


def read_controls(pack: CountryPack, snapshots: SnapshotStore) -> Published:
    """Read every control of a pack from its frozen tables, onto the pack's zones.

    Raises SnapshotError where bytes changed, CubeError where an extract is malformed, and PackError
    (all faults together) for unknown zones, spellings or codes, gaps, cells that are no whole
    non-negative number, and tables whose parts do not sum although no noise is declared.
    """
    cubes: dict[str, Cube] = {}
    faults: list[str] = []
    for source in pack.sources.values():
        document = snapshots.read(source.sha256)
        cubes[source.id] = read_jsonstat(document, name=source.id, symbols=source.symbols)
        faults.extend(_zone_faults(pack, source, cubes[source.id]))
        if not source.disturbs:
            for total in source.totals:
                faults.extend(_total_faults(source, cubes[source.id], total))
    tables: dict[str, ControlTable] = {}
    if not faults:
        for spec in pack.controls:
            table = _control_table(pack, spec, _present(pack, spec, cubes, faults), faults)
            if table is not None:
                tables[spec.id] = table
    if faults:
        raise PackError(
            f"the tables of {pack.code} cannot be used as declared",
            faults=faults,
            remedy="correct the pack's files, or declare the table's noise in sources.yaml",
        )
    return Published(tables, cubes)


def _present(
    pack: CountryPack, spec: ControlSpec, cubes: Mapping[str, Cube], faults: list[str]
) -> Cube:
    """Return a control's table on the zones of today; a fault where that would be no count."""
    source, cube = pack.sources[spec.table], cubes[spec.table]
    if source.zone_dimension is None:
        return cube
    present = on_present_zones(cube, source.zone_dimension, pack.merged)
    fault = None if present is cube else bridge_fault(spec, source)
    faults.extend([] if fault is None else [fault])
    return present


def _zone_faults(pack: CountryPack, source: SourceSpec, cube: Cube) -> list[str]:
    if source.zone_dimension is None:
        return []
    try:
        dimension = cube.dimension(source.zone_dimension)
    except CubeError as error:
        return [f"sources.yaml: {source.id}: {error.message}"]
    faults = merger_faults(source, dimension.codes, pack)
    for code, label in zip(dimension.codes, dimension.labels, strict=True):
        zone = pack.geography.zones.get(code)
        if code in pack.merged:
            continue
        if zone is None:
            faults.append(f"{source.id}: zone code {code!r} ({label}) is not in geography.csv")
        elif label != code and label not in zone.spellings:
            faults.append(f"{source.id}: {code} is spelt {label!r}, unknown to geography.csv")
    return faults


def _total_faults(source: SourceSpec, cube: Cube, total: TotalSpec) -> list[str]:
    """Compare each published total with the sum of its parts, wherever all parts are published."""
    try:
        dimension = cube.dimension(total.dimension)
        keep = [
            [d.codes.index(code) for code in total.only.get(d.id, d.codes)] for d in cube.dimensions
        ]
    except (CubeError, ValueError) as error:
        return [f"sources.yaml: {source.id}: totals of {total.dimension}: {error}"]
    axis = [d.id for d in cube.dimensions].index(total.dimension)
    within = [dimension.codes[at] for at in keep[axis]]
    others = total.parts or tuple(code for code in within if code != total.total)
    if unknown := [code for code in (total.total, *others) if code not in within]:
        return [f"sources.yaml: {source.id}: {unknown[0]!r} is no code of {total.dimension}"]
    values = cube.values[np.ix_(*keep)]
    whole = np.take(values, within.index(total.total), axis=axis)
    parts = np.take(values, [within.index(code) for code in others], axis=axis).sum(axis=axis)
    differs = np.abs(whole - parts) > 1e-9  # NaN (unpublished) compares false
    rest = [d for d in cube.dimensions if d.id != total.dimension]
    codes = [[d.codes[i] for i in keep[cube.dimensions.index(d)]] for d in rest]
    return [
        f"{source.id}: {total.dimension}={total.total} is {whole[tuple(place)]:.0f}, its parts "
        f"sum to {parts[tuple(place)]:.0f} "
        f"({', '.join(c[i] for c, i in zip(codes, place, strict=True))})"
        for place in np.argwhere(differs)
    ]


def _control_table(
    pack: CountryPack, spec: ControlSpec, cube: Cube, faults: list[str]
) -> ControlTable | None:
    source = pack.sources[spec.table]
    place = f"controls.yaml: {spec.id}"
    used = {m.dimension for m in spec.by.values()} | set(spec.where) | {source.zone_dimension}
    present = {dimension.id for dimension in cube.dimensions}
    wrong = [f"{place}: no dimension {d!r} in {source.id}" for d in used - present - {None}]
    wrong += [f"{place}: dimension {d!r} is neither fixed nor split" for d in present - used]
    if wrong or source.zone_dimension is None:
        faults.extend(wrong or [f"{place}: {source.id} has no zone dimension"])
        return None
    asked = prod(len(cube.dimension(d).codes) for d in present - set(spec.where))
    if asked > CELLS:
        faults.append(f"{place}: {asked:,} cells of {source.id}, more than {CELLS:,} for a control")
        return None
    zones = cube.dimension(source.zone_dimension).codes
    axes = [column_axis(pack, spec, column, cube, faults) for column in spec.by]
    if any(axis is None for axis in axes):
        return None
    try:
        targets, absent, hidden = _cells(spec, source.zone_dimension, cube, axes)
    except CubeError as error:
        faults.append(f"{place}: {error.message}")
        return None
    categories = tuple(itertools.product(*(tuple(axis.values()) for axis in axes if axis)))
    told = absent & ~hidden if source.suppressed_below is not None else absent
    faults.extend(_cell_faults(place, zones, categories, targets, (absent, told), spec))
    whole = np.where(absent | ~np.isfinite(targets), UNPUBLISHED, np.nan_to_num(targets))
    counts = whole.astype(np.int64)
    table = ControlTable(spec, source, zones, tuple(spec.by), categories, counts, hidden)
    faults.extend(_zero_faults(place, table, axes))
    return table


def _zero_faults(place: str, table: ControlTable, axes: list[dict[str, str] | None]) -> list[str]:
    """Return declared zeros that name no category, or that the table fills beyond its noise."""
    values = dict(zip(table.columns, (set((axis or {}).values()) for axis in axes), strict=True))
    unknown = [
        f"{place}: zeros: {column}={value} is no category of the table"
        for zero in table.spec.zeros
        for column, value in zero.items()
        if value not in values.get(column, ())
    ]
    if unknown or not table.spec.zeros:
        return unknown
    filled = (table.targets > table.source.reach) & table.zeros[None, :]
    return [
        f"{place}: zeros: {table.cell_name(table.zones[z], table.categories[c])} = "
        f"{table.targets[z, c]:,}, declared to hold nobody"
        for z, c in np.argwhere(filled)
    ]


def _cells(
    spec: ControlSpec, zone_dimension: str, cube: Cube, axes: list[dict[str, str] | None]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (values, unpublished, suppressed) of shape (zones, categories), in order."""
    wanted = {m.dimension: list(axis or ()) for m, axis in zip(spec.by.values(), axes, strict=True)}
    picks = []
    for dimension in cube.dimensions:
        codes = wanted.get(dimension.id)
        if codes is None and dimension.id in spec.where:
            codes = [spec.where[dimension.id]]
        elif codes is None:
            codes = list(dimension.codes)
        unknown = [code for code in codes if code not in dimension.codes]
        if unknown:
            raise CubeError(f"{dimension.id} has no code {', '.join(map(repr, unknown))}")
        picks.append([dimension.codes.index(code) for code in codes])
    values = cube.values[np.ix_(*picks)]
    status = cube.status[np.ix_(*picks)]
    names = [dimension.id for dimension in cube.dimensions]
    order = [names.index(zone_dimension), *(names.index(m.dimension) for m in spec.by.values())]
    order += [axis for axis in range(len(names)) if axis not in order]
    zones = len(picks[order[0]])
    flat = values.transpose(order).reshape(zones, -1)
    state = status.transpose(order).reshape(zones, -1)
    return flat, state > CellStatus.ZERO, state == CellStatus.SUPPRESSED


def _cell_faults(
    place: str,
    zones: tuple[str, ...],
    categories: tuple[tuple[str, ...], ...],
    targets: NDArray[np.float64],
    without: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    spec: ControlSpec,
) -> list[str]:
    """Return cells that are no whole count, and cells whose figure is `missing` but needed.

    `without` holds (cells without a figure, those of them that no interval stands for).
    """
    absent, missing = without
    with np.errstate(invalid="ignore"):
        odd = ~absent & ~((targets >= 0) & (targets == np.floor(targets)) & (targets < UNBOUNDED))
    faults = [
        f"{place}: {zones[z]} {'/'.join(categories[c])}: {targets[z, c]} is no whole count"
        for z, c in np.argwhere(odd)
    ]
    if spec.missing == "fault" and spec.level in ("HARD", "FIRM", "SOFT"):
        faults += [
            f"{place}: {zones[z]} {'/'.join(categories[c])}: the table gives no figure"
            for z, c in np.argwhere(missing)
        ]
    return faults
