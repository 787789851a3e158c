"""Joint reconciliation: tables of persons of one universe and zone, as one system of rows.

Tables that agree pairwise and form an acyclic hypergraph always have a joint, in whole numbers too
(Vorob'ev 1962, doi 10.1137/1107014): tables are glued one at a time along what they share. Only a
cycle, such as age x sex, sex x language and language x age, needs the joint cells: the product of
the columns at their finest common bands.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.sparse import csr_array, vstack

from synthestat.controls.age_bands import (
    band_starts,
    block_names,
    block_of,
    finest,
    nests,
    shared_columns,
    shared_keys,
)
from synthestat.controls.control_tables import UNBOUNDED, ControlTable, Counts
from synthestat.controls.relaxations import (
    Relaxation,
    category_name,
    published_figure,
    sums_by_key,
)
from synthestat.errors import PackError
from synthestat.fitting.feasibility import feasible, irreducible_conflict, least_relaxation
from synthestat.fitting.ipf import Floats
from synthestat.packs.spec import LEVELS_IN_DEVIATION, age_band

JOINT_CELLS = 10_000_000  # assumption: what one zone may take (0.2 GB for each table)


@dataclass(frozen=True)
class System:
    """The rows of some tables over their joint cells: row i is category `category[i]` of a table.

    `matrix` has shape (rows, cells); `low` and `high` (rows,) are published intervals.
    """

    tables: tuple[ControlTable, ...]
    owner: Counts
    category: Counts
    matrix: csr_array
    low: Floats
    high: Floats


def components(tables: Iterable[ControlTable]) -> list[tuple[ControlTable, ...]]:
    """Return tables in groups that share columns, directly or through others, by control id."""
    groups: list[list[ControlTable]] = []
    for table in sorted(tables, key=lambda t: t.spec.id):
        touching = [g for g in groups if any(shared_columns(table, other) for other in g)]
        rest = [g for g in groups if g not in touching]
        groups = [*rest, [*itertools.chain.from_iterable(touching), table]]
    return [tuple(sorted(group, key=lambda t: t.spec.id)) for group in groups]


def is_acyclic(tables: Sequence[ControlTable]) -> bool:
    """Tell whether pairwise agreement is enough: an acyclic hypergraph of nested partitions.

    Graham's reduction: drop columns that stand in one edge only and edges inside others (Graham
    1979; Tarjan & Yannakakis 1984, doi 10.1137/0213035). A partition of ages is a column of its
    own, and a table by a finer partition holds the coarser one too.
    """
    parts = {t.spec.id: band_starts(t) for t in tables if "age" in t.columns}
    if not all(nests(a, b) for a, b in itertools.combinations(parts.values(), 2)):
        return False
    edges: list[set[object]] = []
    for table in tables:
        edge: set[object] = {column for column in table.columns if column != "age"}
        mine = parts.get(table.spec.id)
        if mine is not None:
            edge |= {other for other in parts.values() if set(other) <= set(mine)}
        edges.append(edge)
    return _reduces(edges)


def _reduces(edges: list[set[object]]) -> bool:
    """Tell whether Graham's reduction leaves nothing."""
    while True:
        before = sum(map(len, edges)) + len(edges)
        seen = [node for edge in edges for node in edge]
        edges = [{node for node in edge if seen.count(node) > 1} for edge in edges]
        kept: list[set[object]] = []
        for at, edge in enumerate(edges):
            if not any(edge <= other for other in [*kept, *edges[at + 1 :]]):
                kept.append(edge)
        edges = kept
        if sum(map(len, edges)) + len(edges) == before:
            return len(edges) <= 1


def agree_pairwise(tables: Sequence[ControlTable], rows: Mapping[str, Counts]) -> bool:
    """Tell whether every two tables sum to the same over the columns that they share."""
    for one, other in itertools.combinations(tables, 2):
        keys = shared_keys(one, other)
        sums = [
            sums_by_key(key, rows[t.spec.id]) for t, key in zip((one, other), keys, strict=True)
        ]
        if sums[0] != sums[1]:
            return False
    return True


def joint_system(tables: Sequence[ControlTable], zone: str) -> System:
    """Return the rows of tables over the joint cells of one zone.

    Raises PackError, naming the controls, before more than JOINT_CELLS cells are asked for.
    """
    columns = sorted({column for table in tables for column in table.columns})
    values = {column: _values(column, tables) for column in columns}
    shape = [len(values[column]) for column in columns]
    if prod(shape) > JOINT_CELLS:
        named = " x ".join(f"{c} ({n})" for c, n in zip(columns, shape, strict=True))
        raise PackError(
            f"{zone}: the joint of {named} has {prod(shape):,} cells, "
            f"more than {JOINT_CELLS:,} for one zone",
            faults=[f"controls.yaml: {table.spec.id}" for table in tables],
            remedy="declare one of these controls INFORMATIONAL, or by fewer columns or bands",
        )
    matrices = [_rows(table, columns, values, shape) for table in tables]
    bounds = [table.bounds(zone) for table in tables]
    high = np.concatenate([high for _, high in bounds]).astype(np.float64)
    counts = [len(table.categories) for table in tables]
    return System(
        tables=tuple(tables),
        owner=np.repeat(np.arange(len(tables)), counts),
        category=np.concatenate([np.arange(count) for count in counts]),
        matrix=vstack(matrices).tocsr(),
        low=np.concatenate([low for low, _ in bounds]).astype(np.float64),
        high=np.where(high >= UNBOUNDED, np.inf, high),
    )


def _values(column: str, tables: Sequence[ControlTable]) -> tuple[str, ...]:
    """Return what a column takes in the joint: its categories, ages in their finest blocks."""
    holding = [table for table in tables if column in table.columns]
    if column == "age":
        return block_names(finest(band_starts(table) for table in holding))
    found = {c[t.columns.index(column)] for t in holding for c in t.categories}
    return tuple(sorted(found))


def _rows(
    table: ControlTable,
    columns: Sequence[str],
    values: Mapping[str, tuple[str, ...]],
    shape: Sequence[int],
) -> csr_array:
    """Return the table's rows, shape (categories, cells): which cells each category sums."""
    own = [tuple(dict.fromkeys(c[i] for c in table.categories)) for i in range(len(table.columns))]
    index = np.zeros([1] * len(shape), dtype=np.int32)
    for column, mine in zip(table.columns, own, strict=True):
        place = {value: number for number, value in enumerate(mine)}
        if column == "age":
            starts = tuple(sorted(age_band(value)[0] for value in mine))
            names = dict(zip(starts, sorted(mine, key=lambda v: age_band(v)[0]), strict=True))
            at = [
                place[names[starts[block_of(starts, age_band(value)[0])]]]
                for value in values[column]
            ]
        else:
            at = [place[value] for value in values[column]]
        turned = [1] * len(shape)
        turned[columns.index(column)] = -1
        index = index * len(mine) + np.array(at, dtype=np.int32).reshape(turned)
    flat = np.broadcast_to(index, shape).ravel()
    cells = np.arange(len(flat), dtype=np.int32)
    return csr_array((np.ones(len(flat)), (flat, cells)), shape=(len(table.categories), len(flat)))


def joint_conflict(tables: Sequence[ControlTable], zone: str) -> tuple[str, ...]:
    """Return published cells that no population of a zone can meet together; empty where it can.

    The set is irreducible: without any one of its cells the others can be met.
    """
    system = joint_system(tables, zone)
    members = irreducible_conflict(system.matrix, system.low, system.high, range(len(system.owner)))
    words = []
    for row in members:
        table = system.tables[system.owner[row]]
        category = table.categories[system.category[row]]
        words.append(f"{table.cell_name(zone, category)} = {interval_words(*_span(system, row))}")
    return tuple(sorted(words))


def _span(system: System, row: int) -> tuple[int, int]:
    return int(system.low[row]), int(min(system.high[row], UNBOUNDED))


def interval_words(low: int, high: int) -> str:
    """Return a figure, or the interval that it stands for, in words."""
    if low == high:
        return f"{low:,}"
    return f"at least {low:,}" if high >= UNBOUNDED else f"{low:,} to {high:,}"


def settle_jointly(
    tables: Sequence[ControlTable],
    zone: str,
    total: int,
    settled: dict[str, Counts],
    relaxations: list[Relaxation],
) -> None:
    """Make the settled rows of one universe's tables margins of one whole table of persons.

    Groups of tables whose settled rows already are, stay; the others are settled again, from what
    was published, by the least movement of FIRM, then SOFT rows. `settled` and `relaxations` are
    changed in place.
    """
    for group in components(tables):
        if _has_joint(group, zone, settled):
            continue
        names = {table.spec.id for table in group}
        relaxations[:] = [r for r in relaxations if not (r.zone == zone and r.control_id in names)]
        _settle_group(group, zone, total, settled, relaxations)


def _has_joint(group: Sequence[ControlTable], zone: str, settled: Mapping[str, Counts]) -> bool:
    for table in group:
        low, high = table.bounds(zone)
        row = settled[table.spec.id]
        if table.spec.level == "HARD" and ((row < low) | (row > high)).any():
            return False
    if not agree_pairwise(group, settled):
        return False
    if is_acyclic(group):
        return True
    system = joint_system(group, zone)
    exact = np.concatenate([settled[table.spec.id] for table in group]).astype(np.float64)
    return feasible(system.matrix, exact, exact) is not None


def _settle_group(
    group: Sequence[ControlTable],
    zone: str,
    total: int,
    settled: dict[str, Counts],
    relaxations: list[Relaxation],
) -> None:
    system = joint_system(group, zone)
    everybody = csr_array(np.ones((1, system.matrix.shape[1])))
    ranks = np.array([LEVELS_IN_DEVIATION.index(t.spec.level) for t in group])
    found = least_relaxation(
        vstack([system.matrix, everybody]).tocsr(),
        np.append(system.low, total),
        np.append(system.high, total),
        np.append(ranks[system.owner], 0),
        np.ones(len(system.owner) + 1, dtype=np.int64),
    )
    reached = np.rint(system.matrix @ found.cells).astype(np.int64)
    proofs = {c.level: c.words for c in found.certificates}
    others = ", ".join(table.spec.id for table in group)
    for number, table in enumerate(group):
        inside = system.owner == number
        settled[table.spec.id] = reached[inside]
        rank = int(ranks[number])
        for row in np.flatnonzero(inside & (found.moves[:-1] != 0)):
            category = table.categories[system.category[row]]
            relaxations.append(
                Relaxation(
                    control_id=table.spec.id,
                    zone=zone,
                    category=category_name(table.columns, category),
                    target=published_figure(table, zone, int(system.category[row])),
                    achieved=int(reached[row]),
                    unit="persons",
                    proof=(
                        f"no table of persons has all of {others} as its sums; the "
                        f"{table.spec.level} cells must move by {found.totals[rank]:,} in all, "
                        f"and do: {proofs[rank]}"
                    ),
                    cells=(table.cell_name(zone, category),),
                )
            )
