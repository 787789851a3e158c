"""Age bands: partitions of 0, 1, 2, ... that differ between tables, and what they share.

A band is named as residual rows print it: `3` (a single year), `0-4`, `85+`. A partition is given
by the first ages of its bands; the last band is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from synthestat.controls.control_tables import ControlTable
from synthestat.packs.spec import age_band, age_band_name

Key = tuple[str, ...]


def band_starts(table: ControlTable) -> tuple[int, ...]:
    """Return the first ages of a table's bands, youngest first."""
    at = table.columns.index("age")
    return tuple(sorted({age_band(category[at])[0] for category in table.categories}))


def finest(partitions: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the finest common refinement: every age at which some partition starts a band."""
    return tuple(sorted({start for partition in partitions for start in partition}))


def block_names(starts: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of a partition's bands."""
    lasts = [*(start - 1 for start in starts[1:]), None]
    return tuple(age_band_name(first, last) for first, last in zip(starts, lasts, strict=True))


def block_of(starts: tuple[int, ...], age: int) -> int:
    """Return the number of the block that holds an age."""
    return sum(start <= age for start in starts) - 1


def shared_columns(one: ControlTable, other: ControlTable) -> tuple[str, ...]:
    """Return the columns that both tables split by."""
    return tuple(column for column in one.columns if column in other.columns)


def shared_keys(one: ControlTable, other: ControlTable) -> tuple[list[Key], list[Key]]:
    """Return, for each table, the key of each category in the columns that both split by.

    Ages are put into the blocks of the finest partition that both tables can be summed to.
    """
    columns = shared_columns(one, other)
    names: Mapping[int, str] = {}
    if "age" in columns:
        starts = tuple(sorted(set(band_starts(one)) & set(band_starts(other))))
        blocks = block_names(starts)
        every = finest([band_starts(one), band_starts(other)])
        names = {age: blocks[block_of(starts, age)] for age in every}
    return _keys(one, columns, names), _keys(other, columns, names)


def _keys(table: ControlTable, columns: tuple[str, ...], names: Mapping[int, str]) -> list[Key]:
    at = [table.columns.index(column) for column in columns]
    return [
        tuple(
            names[age_band(category[i])[0]] if table.columns[i] == "age" else category[i]
            for i in at
        )
        for category in table.categories
    ]


def nests(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether one partition refines the other, either way."""
    return set(one) <= set(other) or set(other) <= set(one)
