"""Contradictions among HARD cells as irreducible sets: drop any member and the rest can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthestat.controls.control_tables import UNPUBLISHED, ControlTable, Published
from synthestat.errors import BlockedError
from synthestat.packs.pack import CountryPack


@dataclass(frozen=True)
class Conflict:
    """Why a set of cells cannot hold together, and the cells with figures and sources."""

    reason: str
    cells: tuple[str, ...]


def block_on(conflicts: list[Conflict]) -> None:
    """Raise BlockedError with the first conflicting set, telling how many others there are."""
    if not conflicts:
        return
    first, others = conflicts[0], conflicts[1:]
    raise BlockedError(
        f"HARD controls contradict each other: {first.reason}",
        faults=first.cells,
        remedy=(
            "correct the figures at their source, or declare the weaker of these controls FIRM"
            + (f"; {len(others)} more conflicting set(s) stand behind this one" if others else "")
        ),
    )


def tree_conflicts(published: Published, pack: CountryPack) -> list[Conflict]:
    """Return HARD cells of a zone that are not the sum of the same cells of its parts."""
    conflicts = []
    for table in published.tables.values():
        if table.spec.level != "HARD":
            continue
        for zone in table.zones:
            parts = [z.code for z in pack.geography.children(zone) if z.code in table.zones]
            rows = [table.targets[table.zones.index(code)] for code in (zone, *parts)]
            if not parts or len(parts) < len(pack.geography.children(zone)):
                continue
            known = (np.stack(rows) != UNPUBLISHED).all(axis=0)
            for at in np.flatnonzero(known & (rows[0] != np.sum(rows[1:], axis=0))):
                category = table.categories[at]
                cells = tuple(
                    f"{table.cell_name(code, category)} = {row[at]:,}"
                    for code, row in zip((zone, *parts), rows, strict=True)
                )
                conflicts.append(Conflict(f"{zone} is not the sum of its parts", cells))
    return conflicts


def total_conflicts(published: Published, pack: CountryPack) -> list[Conflict]:
    """Return zones in which two HARD tables of persons of one universe have different totals."""
    conflicts = []
    hard = [
        t
        for t in published.tables.values()
        if t.spec.level == "HARD" and t.spec.counts == "persons"
    ]
    for zone in pack.geography.zones:
        seen: dict[str, tuple[ControlTable, int]] = {}
        for table in hard:
            total = table.total(zone)
            if total is None:
                continue
            first, figure = seen.setdefault(table.spec.universe, (table, total))
            if figure != total:
                cells = (
                    f"{first.cell_name(zone)} = {figure:,}",
                    f"{table.cell_name(zone)} = {total:,}",
                )
                reason = f"two totals of {table.spec.universe} in {zone}"
                conflicts.append(Conflict(reason, cells))
    return conflicts


def dwelling_conflicts(published: Published) -> list[Conflict]:
    """Return zones with more dwellings of one kind than dwellings."""
    dwellings = [t for t in published.tables.values() if t.spec.counts == "dwellings"]
    wholes = [t for t in dwellings if not t.spec.only and t.spec.level == "HARD"]
    parts = [t for t in dwellings if t.spec.only and t.spec.level == "HARD"]
    conflicts = []
    for whole in wholes:
        for part in parts:
            for zone in part.zones:
                few, many = whole.total(zone), part.total(zone)
                if few is not None and many is not None and many > few:
                    kind = ", ".join(f"{k} {v}" for k, v in part.spec.only.items())
                    cells = (
                        f"{part.cell_name(zone)} = {many:,}",
                        f"{whole.cell_name(zone)} = {few:,}",
                    )
                    conflicts.append(Conflict(f"more dwellings with {kind} than dwellings", cells))
    return conflicts


def household_conflicts(
    table: ControlTable | None,
    persons: Mapping[str, int],
    adults: Mapping[str, int],
    largest: int,
    root: str,
) -> list[Conflict]:
    """Return contradictions of HARD household counts with persons, adults and the national count.

    Every household needs an adult and holds 1 to `largest` persons.
    """
    if table is None or table.spec.level != "HARD":
        return []
    conflicts = _national_conflicts(table, root)
    for zone, residents in persons.items():
        count = table.total(zone)
        if count is None:
            continue
        cell = f"{table.cell_name(zone)} = {count:,}"
        if count > min(adults[zone], residents):
            people = f"adults in {zone} = {min(adults[zone], residents):,}"
            conflicts.append(Conflict("more households than adults", (cell, people)))
        if count * largest < residents:
            people = f"residents in {zone} = {residents:,}"
            conflicts.append(Conflict(f"over {largest} persons a household", (cell, people)))
    return conflicts


def _national_conflicts(table: ControlTable, root: str) -> list[Conflict]:
    national = table.total(root)
    if national is None:
        return []
    parts = {
        zone: int(row.sum())
        for zone, row in zip(table.zones, table.targets, strict=True)
        if zone != root and not (row == UNPUBLISHED).any()
    }
    complete = len(parts) == len(table.zones) - 1
    whole = f"{table.cell_name(root)} = {national:,}"
    if complete and sum(parts.values()) < national:
        cells = tuple(f"{table.cell_name(zone)} = {count:,}" for zone, count in parts.items())
        return [Conflict("all zones together fall short of the national count", (whole, *cells))]
    descending = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    running = np.cumsum([count for _, count in descending])
    beyond = np.flatnonzero(running > national)
    if not beyond.size:
        return []
    needed = descending[: int(beyond[0]) + 1]
    cells = tuple(f"{table.cell_name(zone)} = {count:,}" for zone, count in needed)
    return [Conflict("zones together exceed the national count", (whole, *cells))]
