"""The data cube: one published table, every cell a number or a stated reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.errors import CubeError

Number = TypeVar("Number", np.float64, np.uint8)

_LISTED = 20  # names shown in an error before the rest is only counted; assumption, no source


class CellStatus(IntEnum):
    """What a cell says. VALUE and ZERO carry a number, the other three carry none."""

    VALUE = 0
    ZERO = 1
    SUPPRESSED = 2
    """The office knows the figure and withholds it."""
    MISSING = 3
    """No figure is at hand: not collected, not available or not printed."""
    NOT_APPLICABLE = 4
    """No figure can exist: the combination is impossible by definition."""


@dataclass(frozen=True)
class Dimension:
    """One axis of a cube: `codes` and `labels` run in the published order and have equal length.

    Raises CubeError if the lengths differ or a code occurs twice.
    """

    id: str
    label: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        faults = []
        if len(self.codes) != len(self.labels):
            faults.append(f"{self.id}: {len(self.codes)} codes, {len(self.labels)} labels")
        if repeated := repeated_names(self.codes):
            faults.append(f"{self.id}: codes that occur more than once: {listed(repeated)}")
        if faults:
            raise CubeError("A dimension is not well formed", faults=faults)

    def position(self, code: str) -> int:
        """Where `code` stands on this axis, from 0. Raises CubeError if there is no such code."""
        try:
            return self.codes.index(code)
        except ValueError:
            raise CubeError(
                f'Dimension "{self.id}" has no code "{code}"',
                remedy=f"use one of: {listed(self.codes)}",
            ) from None


@dataclass(frozen=True, eq=False)
class Cube:
    """A published table.

    `values` (float64) and `status` (uint8, a CellStatus each) have one axis per dimension, in
    their order; `values` is NaN exactly where the status says that there is no number. Both
    are kept read-only. `label`, `source` and `updated` are "" where the office says nothing;
    `extension` is whatever it adds of its own.

    Raises CubeError, with every fault, if the parts do not fit together.
    """

    label: str
    source: str
    updated: str
    dimensions: tuple[Dimension, ...]
    values: NDArray[np.float64]
    status: NDArray[np.uint8]
    extension: Mapping[str, object]

    def __post_init__(self) -> None:
        faults = _dimension_faults(self.dimensions) + _array_faults(self)
        if faults:
            raise CubeError(f'The parts of the cube "{self.label}" do not fit', faults=faults)
        object.__setattr__(self, "values", _read_only(self.values))
        object.__setattr__(self, "status", _read_only(self.status))

    @property
    def size(self) -> int:
        """The number of cells, with or without a figure."""
        return int(self.values.size)

    def dimension(self, id: str) -> Dimension:
        """The dimension with this id. Raises CubeError, listing the ids, if there is none."""
        for dimension in self.dimensions:
            if dimension.id == id:
                return dimension
        raise CubeError(
            f'The cube "{self.label}" has no dimension "{id}"',
            remedy=f"use one of: {listed(each.id for each in self.dimensions)}",
        )

    def to_frame(self) -> pl.DataFrame:
        """One row per cell, the last dimension fastest.

        Columns made: one String column of codes per dimension id, `value` (Float64, null where
        there is no number) and `status` (String: the lower-case name of the CellStatus).
        Raises CubeError if a dimension is itself called `value` or `status`.
        """
        taken = [each.id for each in self.dimensions if each.id in ("value", "status")]
        if taken:
            raise CubeError(
                f'The cube "{self.label}" cannot become a table',
                faults=[f'a dimension is called "{id}", as is a column made here' for id in taken],
                remedy="make a cube whose dimension has another id first",
            )
        columns = [_code_column(self, axis) for axis in range(len(self.dimensions))]
        names = pl.Series([each.name.lower() for each in CellStatus], dtype=pl.String)
        columns.append(pl.Series("value", self.values.ravel()).fill_nan(None))
        columns.append(names.gather(self.status.ravel()).alias("status"))
        return pl.DataFrame(columns)

    def cell(self, /, **codes: str) -> tuple[float | None, CellStatus]:
        """The figure (None where there is none) and status of one cell: one code per dimension.

        Raises CubeError for a dimension or code that is unknown, and for a dimension left out.
        """
        ids = [each.id for each in self.dimensions]
        faults = [f'no dimension "{id}"; there are: {listed(ids)}' for id in codes if id not in ids]
        for each in self.dimensions:
            if each.id not in codes:
                faults.append(f'no code given for dimension "{each.id}"')
            elif codes[each.id] not in each.codes:
                faults.append(
                    f'dimension "{each.id}" has no code "{codes[each.id]}"; '
                    f"there are: {listed(each.codes)}"
                )
        if faults:
            raise CubeError(f'The cube "{self.label}" has no such cell', faults=faults)
        place = tuple(each.position(codes[each.id]) for each in self.dimensions)
        value, status = float(self.values[place]), CellStatus(int(self.status[place]))
        return (None if np.isnan(value) else value), status


def number_status(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """ZERO where the value is 0, VALUE elsewhere; NaN cells are for the caller to overwrite."""
    return np.where(values == 0, CellStatus.ZERO, CellStatus.VALUE).astype(np.uint8)


def listed(names: Iterable[str]) -> str:
    """Names for an error message: the first twenty, then how many more."""
    shown = list(names)
    rest = len(shown) - _LISTED
    return ", ".join(shown[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def repeated_names(names: Iterable[str]) -> list[str]:
    """The names that occur more than once, each once, in order of their second occurrence."""
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name in names:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    return list(repeated)


def _code_column(cube: Cube, axis: int) -> pl.Series:
    """The codes of one dimension, repeated so that there is one for each cell."""
    dimension = cube.dimensions[axis]
    along = [1] * len(cube.dimensions)
    along[axis] = len(dimension.codes)
    steps = np.arange(len(dimension.codes), dtype=np.uint32).reshape(along)
    positions = np.broadcast_to(steps, cube.values.shape).ravel()
    return pl.Series(dimension.codes, dtype=pl.String).gather(positions).alias(dimension.id)


def _read_only(array: NDArray[Number]) -> NDArray[Number]:
    """A view of the array that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def _dimension_faults(dimensions: tuple[Dimension, ...]) -> list[str]:
    """What is wrong with the dimensions taken together."""
    if not dimensions:
        return ["there is no dimension"]
    repeated = repeated_names(each.id for each in dimensions)
    return [f"dimension ids that occur more than once: {listed(repeated)}"] if repeated else []


def _array_faults(cube: Cube) -> list[str]:
    """Where the shapes, types or contents of `values` and `status` contradict the cube."""
    values, status = cube.values, cube.status
    shape = tuple(len(each.codes) for each in cube.dimensions)
    faults = []
    for name, array, wanted in (("values", values, np.float64), ("status", status, np.uint8)):
        if array.shape != shape:
            faults.append(f"{name}: shape {array.shape}, but the dimensions say {shape}")
        if array.dtype != wanted:
            faults.append(f"{name}: type {array.dtype}, must be {np.dtype(wanted)}")
    if faults:
        return faults
    if np.any(status > max(CellStatus)):
        faults.append(f"status: a number above {int(max(CellStatus))} is no CellStatus")
    if np.any(np.isinf(values)):
        faults.append("values: an infinite number")
    blank = np.isnan(values)
    numeric = np.where(values == 0, status == CellStatus.ZERO, status == CellStatus.VALUE)
    if wrong := int(np.sum(np.where(blank, status <= CellStatus.ZERO, ~numeric))):
        faults.append(f"status: {wrong} cells whose status contradicts their value")
    return faults
