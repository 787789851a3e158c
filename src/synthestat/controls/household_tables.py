"""Tables of private households by size, by type, by both: one system of rows for a place.

The joint of a place is its households by size 1..largest and by type, without what the types
themselves exclude (a single person is one person). Every table, the plain count, the capped sum and
the persons who live there are sums over it, so contradictions and least movements are those of one
system of whole numbers (`fitting/feasibility.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from synthestat.controls.age_bands import Key
from synthestat.controls.conflicts import Conflict, sum_conflicts
from synthestat.controls.control_tables import (
    UNBOUNDED,
    UNPUBLISHED,
    ControlTable,
    Counts,
)
from synthestat.controls.joint import interval_words
from synthestat.controls.relaxations import (
    Relaxation,
    category_name,
    published_figure,
)
from synthestat.errors import PackError
from synthestat.fitting.feasibility import feasible, irreducible_conflict, least_relaxation
from synthestat.fitting.ipf import Floats
from synthestat.packs.spec import (
    HOUSEHOLD_COLUMNS,
    HOUSEHOLD_TYPES,
    LEVELS_IN_DEVIATION,
    Level,
    age_band,
    type_group,
)


@dataclass(frozen=True)
class HouseholdMargin:
    """Households of the published universe in one place, by size, by type or by both.

    `columns` are some of ("size", "household_type"), in this order; `counts` has one entry per
    category of them, row-major. `size_starts` are the first sizes of the classes, the last one open
    (empty without size); `types` are the members of each group of types (empty without type).
    """

    control_id: str
    columns: tuple[str, ...]
    counts: Counts
    size_starts: tuple[int, ...]
    types: tuple[tuple[str, ...], ...]
    level: Level


@dataclass(frozen=True)
class Place:
    """A zone, or the whole country, that households must fill.

    `persons` live in households of 1 to `largest` members; `least` and `most` households fit.
    """

    zone: str
    persons: int
    least: int
    most: int
    largest: int


@dataclass(frozen=True)
class Row:
    """One row low <= sum(weight * households) <= high; `weight` has shape (sizes, types).

    `level` is 0 for HARD, 1 for FIRM, 2 for SOFT; `table` is None where no control says it.
    """

    words: str
    weight: Floats
    low: float
    high: float
    level: int = 0
    table: ControlTable | None = None
    category: int = 0

    @property
    def cell(self) -> str:
        """The row with its figure, as conflicting sets name it."""
        return f"{self.words} = {interval_words(int(self.low), int(min(self.high, UNBOUNDED)))}"


def possible_households(largest: int) -> NDArray[np.bool_]:
    """Return which sizes each type may have, shape (largest, types).

    A single person lives alone, a couple without children is two, with children at least three;
    every other type has at least two members.
    """
    first = {"single": 1, "couple_with_children": 3}
    last = {"single": 1, "couple_without_children": 2}
    size = np.arange(1, largest + 1)[:, None]
    low = np.array([first.get(kind, 2) for kind in HOUSEHOLD_TYPES])
    high = np.array([last.get(kind, largest) for kind in HOUSEHOLD_TYPES])
    return np.asarray((size >= low) & (size <= high), dtype=np.bool_)


def is_complete(table: ControlTable, zone: str) -> bool:
    """Tell whether a table gives every cell of a zone, if only as an interval."""
    return zone in table.zones and bool((table.bounds(zone)[1] < UNBOUNDED).all())


def size_starts(table: ControlTable) -> tuple[int, ...]:
    """Return the first sizes of a table's classes, smallest first."""
    if "size" not in table.columns:
        return ()
    at = table.columns.index("size")
    return tuple(sorted({age_band(category[at])[0] for category in table.categories}))


def type_groups(table: ControlTable) -> tuple[tuple[str, ...], ...]:
    """Return the groups of types that a table tells apart, in order."""
    if "household_type" not in table.columns:
        return ()
    at = table.columns.index("household_type")
    return tuple(type_group(name) for name in dict.fromkeys(c[at] for c in table.categories))


def margin_of(table: ControlTable, counts: Counts) -> HouseholdMargin:
    """Return a table's settled cells of one place, sizes before types."""
    columns = tuple(column for column in HOUSEHOLD_COLUMNS if column in table.columns)
    own = [len(dict.fromkeys(c[i] for c in table.categories)) for i in range(len(table.columns))]
    turned = counts.reshape(own).transpose([table.columns.index(column) for column in columns])
    return HouseholdMargin(
        control_id=table.spec.id,
        columns=columns,
        counts=np.ascontiguousarray(turned).ravel(),
        size_starts=size_starts(table),
        types=type_groups(table),
        level=table.spec.level,
    )


def category_weight(table: ControlTable, category: tuple[str, ...], largest: int) -> Floats:
    """Return what a household of each size and type adds to a cell, shape (largest, types)."""
    size = np.arange(1, largest + 1)
    weight = np.ones((largest, len(HOUSEHOLD_TYPES)))
    if table.spec.sum == "size":
        weight *= np.minimum(size, table.spec.cap or largest)[:, None]
    for column, value in zip(table.columns, category, strict=True):
        if column == "size":
            first, last = age_band(value)
            weight *= ((size >= first) & (size <= (last or largest)))[:, None]
        else:
            weight *= np.isin(HOUSEHOLD_TYPES, type_group(value))
    return weight


def table_rows(table: ControlTable, place: Place) -> list[Row]:
    """Return the rows of a table that is complete in a place."""
    low, high = table.bounds(place.zone)
    rank = LEVELS_IN_DEVIATION.index(table.spec.level)
    return [
        Row(
            table.cell_name(place.zone, category),
            category_weight(table, category, place.largest),
            float(low[number]),
            float(high[number]),
            rank,
            table,
            number,
        )
        for number, category in enumerate(table.categories)
    ]


def place_rows(place: Place) -> list[Row]:
    """Return what a place holds: its persons, and how many households they can form."""
    shape = (place.largest, len(HOUSEHOLD_TYPES))
    size = np.broadcast_to(np.arange(1.0, place.largest + 1)[:, None], shape)
    persons = float(place.persons)
    return [
        Row(f"residents in {place.zone}", size, persons, persons),
        Row(
            f"households that {place.zone} has room for",
            np.ones(shape),
            float(place.least),
            float(place.most),
        ),
    ]


def household_table_conflicts(
    tables: Sequence[ControlTable], place: Place, others: Iterable[Row] = ()
) -> list[Conflict]:
    """Return contradictions among the HARD tables of households of one place.

    First two tables that sum to different figures over what both tell apart; where there is none,
    an irreducible set of cells, persons and room that no households have. `others` are further
    rows of the place.
    """
    hard = sorted(
        (t for t in tables if t.spec.level == "HARD" and is_complete(t, place.zone)),
        key=lambda t: t.spec.id,
    )
    others = list(others)
    if not any(t.columns for t in hard) and not any(row.level == 0 for row in others):
        return []
    counted = [t for t in hard if t.spec.sum is None]
    conflicts = [
        conflict
        for one, other in itertools.combinations(counted, 2)
        for conflict in sum_conflicts(
            (one, other), _shared_keys(one, other), place.zone, "households"
        )
    ]
    if conflicts:
        return conflicts
    rows = [*place_rows(place), *(row for row in others if row.level == 0)]
    rows += [row for table in hard for row in table_rows(table, place)]
    matrix, low, high = _system(rows, place)
    if feasible(matrix, low, high) is not None:
        return []
    members = irreducible_conflict(matrix, low, high, range(len(rows)))
    reason = f"no households of {place.zone} have all of these counts"
    if 0 in members:
        reason = f"no households of these counts hold the {place.persons:,} persons of {place.zone}"
    return [Conflict(reason, tuple(rows[at].cell for at in members))]


def _shared_keys(one: ControlTable, other: ControlTable) -> tuple[list[Key], list[Key]]:
    """Return each category's key, for each table, in the finest classes that both sum to."""
    names: dict[str, dict[str, str]] = {}
    if "size" in one.columns and "size" in other.columns:
        starts = sorted(set(size_starts(one)) & set(size_starts(other)))
        lasts = [*(f"-{start - 1}" for start in starts[1:]), "+"]
        words = [f"size={first}{last}" for first, last in zip(starts, lasts, strict=True)]
        values = {c[t.columns.index("size")] for t in (one, other) for c in t.categories}
        names["size"] = {
            value: words[sum(start <= age_band(value)[0] for start in starts) - 1]
            for value in values
        }
    if "household_type" in one.columns and "household_type" in other.columns:
        blocks = _common_groups([*type_groups(one), *type_groups(other)])
        names["household_type"] = {
            "|".join(group): "|".join(next(b for b in blocks if set(group) <= set(b)))
            for group in (*type_groups(one), *type_groups(other))
        }
    first, second = (
        [
            tuple(
                names[c][category[table.columns.index(c)]] for c in HOUSEHOLD_COLUMNS if c in names
            )
            for category in table.categories
        ]
        for table in (one, other)
    )
    return first, second


def _common_groups(groups: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the finest partition of types that every group is a part of."""
    blocks: list[set[str]] = []
    for group in groups:
        touching = [block for block in blocks if block & set(group)]
        blocks = [block for block in blocks if block not in touching]
        blocks.append(set(group).union(*touching))
    return [tuple(kind for kind in HOUSEHOLD_TYPES if kind in block) for block in blocks]


def settle_households(
    tables: Sequence[ControlTable],
    place: Place,
    relaxations: list[Relaxation],
    others: Iterable[Row] = (),
) -> dict[str, Counts]:
    """Return the cells of each table of a place, by control, as its households can meet them.

    FIRM rows move by the least total that will do, then SOFT ones, logged in `relaxations`; figures
    that stand for intervals stay as near as they can to what was printed. Raises PackError where
    the rows that must hold leave no households.
    """
    rows = [*place_rows(place), *others]
    ordered = sorted(tables, key=lambda table: table.spec.id)
    rows += [row for table in ordered for row in table_rows(table, place)]
    matrix, low, high = _system(rows, place)
    owned = [at for at, row in enumerate(rows) if row.table is not None]
    if (low[owned] == high[owned]).all() and feasible(matrix, low, high) is not None:
        return {t.spec.id: t.bounds(place.zone)[0] for t in ordered}
    ranks = np.array([row.level for row in rows])
    _check_settleable(rows, matrix, low, high, ranks, place)
    wide = [at for at in owned if low[at] < high[at]]
    printed = np.array([_printed(rows[at], place.zone) for at in wide], dtype=np.float64)
    levels = np.concatenate([ranks, np.full(len(wide), len(LEVELS_IN_DEVIATION))])
    present = sorted({0, *levels.tolist()})
    found = least_relaxation(
        vstack([matrix, matrix[wide]]).tocsr() if wide else matrix,
        np.concatenate([low, printed]),
        np.concatenate([high, printed]),
        np.searchsorted(present, levels),
        np.ones(len(levels), dtype=np.int64),
    )
    reached = np.rint(matrix @ found.cells).astype(np.int64)
    proofs = {present[c.level]: (found.totals[c.level], c.words) for c in found.certificates}
    names = ", ".join(table.spec.id for table in ordered)
    for at in np.flatnonzero(found.moves[: len(rows)] != 0):
        relaxations.extend(_moved(rows[at], int(reached[at]), place, names, proofs))
    return {
        table.spec.id: reached[[at for at in owned if rows[at].table is table]] for table in ordered
    }


def _check_settleable(
    rows: Sequence[Row],
    matrix: csr_array,
    low: Floats,
    high: Floats,
    ranks: Counts,
    place: Place,
) -> None:
    kept = np.flatnonzero(ranks == 0)
    if feasible(matrix[kept], low[kept], high[kept]) is not None:
        return
    members = irreducible_conflict(matrix[kept], low[kept], high[kept], range(len(kept)))
    raise PackError(
        f"{place.zone}: HARD tables of households cannot stand beside the zones as settled",
        faults=[rows[kept[at]].cell for at in members],
        remedy="declare the weaker of these controls FIRM",
    )


def _printed(row: Row, zone: str) -> int:
    """Return the figure of a row's cell, or the least that its interval allows."""
    return 0 if row.table is None else published_figure(row.table, zone, row.category)


def _moved(
    row: Row, reached: int, place: Place, names: str, proofs: Mapping[int, tuple[int, str]]
) -> Iterator[Relaxation]:
    """Yield the relaxation of a control's row (no other row can move)."""
    if row.table is None:
        return
    table, category = row.table, row.table.categories[row.category]
    total, proof = proofs[row.level]
    yield Relaxation(
        control_id=table.spec.id,
        zone=place.zone,
        category=category_name(table.columns, category),
        target=_printed(row, place.zone),
        achieved=reached,
        unit="persons" if table.spec.sum else "households",
        proof=(
            f"no {place.least:,} to {place.most:,} households of {place.persons:,} persons have "
            f"all of {names} as their counts; the {table.spec.level} cells must move by "
            f"{total:,} in all, and do: {proof}"
        ),
        cells=(row.words,),
    )


def _system(rows: Sequence[Row], place: Place) -> tuple[csr_array, Floats, Floats]:
    """Return (matrix, low, high) of rows over the households that may be."""
    cells = possible_households(place.largest)
    matrix = csr_array(np.stack([row.weight[cells] for row in rows]))
    low = np.array([row.low for row in rows])
    high = np.array([row.high for row in rows])
    return matrix, low, np.where(high >= UNBOUNDED, np.inf, high)


def zone_sums(
    tables: Iterable[ControlTable],
    zones: Sequence[str],
    cells: Mapping[str, Mapping[str, tuple[Counts, Counts]]],
    largest: int,
) -> list[Row]:
    """Return what the zones' tables say of the whole country: the sum of each category, HARD.

    `cells` gives (low, high) by zone and control; where a zone has none the sum is a lower bound.
    """
    rows = []
    for table in tables:
        given = [cells[zone][table.spec.id] for zone in zones if table.spec.id in cells[zone]]
        if not given:
            continue
        open_ended = len(given) < len(zones)
        words = "the zones with a figure" if open_ended else "all zones"
        for number, category in enumerate(table.categories):
            low = float(sum(int(side[number]) for side, _ in given))
            high = float(sum(int(side[number]) for _, side in given))
            rows.append(
                Row(
                    table.cell_name(words, category),
                    category_weight(table, category, largest),
                    low,
                    float(UNBOUNDED) if open_ended else high,
                )
            )
    return rows


def household_table_faults(
    tables: Iterable[ControlTable], root: str, tree: Mapping[str, frozenset[str]]
) -> list[str]:
    """Return what keeps constraining tables of households from being met by any stage.

    `tree` gives the zones that make up each place of the geography (of a zone: itself).
    """
    faults = []
    for table in tables:
        place = f"controls.yaml: {table.spec.id}"
        if table.spec.only or table.spec.sum:
            faults.append(f"{place}: a table by size or type takes neither `only` nor `sum`")
        given = {zone for zone in table.zones if is_complete(table, zone)}
        for zone, row in zip(table.zones, table.targets, strict=True):
            if zone not in given and (row != UNPUBLISHED).any():
                faults.append(
                    f"{place}: {zone}: some cells of the row have no figure; give all or none, or "
                    "the count below which the source suppresses"
                )
        for zone in sorted(given - {root}):
            if not tree[zone] <= given:
                faults.append(f"{place}: {zone} has figures, but not all of its zones do")
        if not given & {root, *tree[root]}:
            faults.append(f"{place}: no row for {root} or any of its zones")
    return faults
