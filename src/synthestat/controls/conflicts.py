"""Contradictions among HARD cells as irreducible sets: drop any member and the rest can hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from synthestat.controls.age_bands import Key, shared_keys
from synthestat.controls.control_tables import UNPUBLISHED, ControlTable, Published
from synthestat.controls.joint import components, interval_words, is_acyclic, joint_conflict
from synthestat.controls.relaxations import sums_by_key
from synthestat.errors import BlockedError
from synthestat.packs.pack import CountryPack


@dataclass(frozen=True)
class Conflict:
    """Why a set of cells cannot hold together, and the cells with figures and sources."""

    reason: str
    cells: tuple[str, ...]


class ContradictionError(BlockedError):
    """HARD controls contradict each other; `conflicts` holds every conflicting set found."""

    def __init__(
        self, conflicts: Sequence[Conflict], message: str, *, faults: Iterable[str], remedy: str
    ) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__(message, faults=faults, remedy=remedy)


def block_on(conflicts: list[Conflict]) -> None:
    """Raise BlockedError with the first conflicting set, telling how many others there are."""
    if not conflicts:
        return
    first, others = conflicts[0], conflicts[1:]
    raise ContradictionError(
        conflicts,
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
            off = np.abs(rows[0] - np.sum(rows[1:], axis=0)) > len(rows) * table.source.reach
            for at in np.flatnonzero(known & off):
                category = table.categories[at]
                cells = tuple(
                    f"{table.cell_name(code, category)} = {row[at]:,}"
                    for code, row in zip((zone, *parts), rows, strict=True)
                )
                conflicts.append(Conflict(f"{zone} is not the sum of its parts", cells))
    return conflicts


def margin_conflicts(published: Published, pack: CountryPack) -> list[Conflict]:
    """Return zones in which two HARD tables of persons of one universe sum to different figures.

    Sums are compared over every category of the columns that both tables split by (over
    everybody, where they share none).
    """
    conflicts = []
    hard = _hard_person_tables(published)
    for one, other in itertools.combinations(hard, 2):
        if one.spec.universe != other.spec.universe:
            continue
        keys = shared_keys(one, other)
        for zone in pack.geography.zones:
            if zone not in one.zones or zone not in other.zones:
                continue
            conflicts += sum_conflicts((one, other), keys, zone, one.spec.universe)
    return conflicts


def sum_conflicts(
    pair: tuple[ControlTable, ControlTable], keys: tuple[list[Key], list[Key]], zone: str, what: str
) -> list[Conflict]:
    """Return sums of `what` in a zone that differ between two tables beyond their noise.

    `keys` gives, for each table, the key by which each of its categories is summed.
    """
    one, other = pair
    spans = [_spans(table, zone, key) for table, key in zip(pair, keys, strict=True)]
    conflicts = []
    for key, (low, high) in spans[0].items():
        least, most = spans[1][key]
        if high < least or most < low:
            at = " ".join(key) or "all"
            cells = (
                f"{one.cell_name(zone)} for {at} = {interval_words(low, high)}",
                f"{other.cell_name(zone)} for {at} = {interval_words(least, most)}",
            )
            conflicts.append(Conflict(f"two sums of {what} in {zone}", cells))
    return conflicts


def _spans(table: ControlTable, zone: str, keys: list[Key]) -> dict[Key, tuple[int, int]]:
    """Return (least, most) sum of a zone's cells by key, one key per cell."""
    low, high = (sums_by_key(keys, side) for side in table.bounds(zone))
    return {key: (low[key], high[key]) for key in low}


def joint_conflicts(published: Published, pack: CountryPack) -> list[Conflict]:
    """Return irreducible sets of HARD cells of one universe and zone that no population has.

    Looks at tables that pairwise agreement does not settle: cycles of columns, bands that do not
    nest, and figures that stand for intervals.
    """
    conflicts = []
    hard = _hard_person_tables(published)
    for universe in pack.country.universes:
        for group in components(t for t in hard if t.spec.universe == universe):
            if is_acyclic(group) and not any(t.source.inexact for t in group):
                continue
            for zone in pack.geography.zones:
                speaking = [table for table in group if zone in table.zones]
                cells = joint_conflict(speaking, zone) if len(speaking) > 1 else ()
                if cells:
                    reason = f"no table of {universe} in {zone} has all of these sums"
                    conflicts.append(Conflict(reason, cells))
    return conflicts


def universe_conflicts(published: Published, pack: CountryPack) -> list[Conflict]:
    """Return zones in which HARD totals of universes do not nest: parts exceed or miss a whole."""
    conflicts = []
    hard = _hard_person_tables(published)
    for zone in pack.geography.at(pack.country.zone_level):
        totals = {
            table.spec.universe: (table, total)
            for table in hard
            if (total := table.total(zone.code)) is not None and not table.source.inexact
        }
        for name, universe in pack.country.universes.items():
            if name not in totals or not universe.parts:
                continue
            parts = [totals[part] for part in universe.parts if part in totals]
            empty = [
                part
                for part in universe.parts
                if (flag := pack.country.universes[part].only_in) and flag not in zone.flags
            ]
            known = len(set(empty) | {part for part in universe.parts if part in totals})
            gap = totals[name][1] - sum(figure for _, figure in parts)
            if gap < 0 or (gap > 0 and known == len(universe.parts)):
                cells = tuple(
                    f"{table.cell_name(zone.code)} = {figure:,}"
                    for table, figure in (totals[name], *parts)
                )
                conflicts.append(Conflict(f"{name} of {zone.code} is not its parts", cells))
    return conflicts


def _hard_person_tables(published: Published) -> list[ControlTable]:
    tables = published.tables.values()
    hard = [t for t in tables if t.spec.level == "HARD" and t.spec.counts == "persons"]
    return sorted(hard, key=lambda table: table.spec.id)


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


@dataclass(frozen=True)
class HouseholdRoom:
    """How many households a zone can hold, and why.

    Every household needs an adult and holds 1 to `largest` persons; dwellings, where they are
    counted, take `per_dwelling` households each.
    """

    zone: str
    residents: int
    adults: int
    occupied: int | None
    largest: int
    per_dwelling: int
    dwelling_cell: str = ""

    @property
    def least(self) -> int:
        """The fewest households that hold everybody."""
        return -(-self.residents // self.largest)

    @property
    def most(self) -> int:
        """The most households that have an adult, and a place, each."""
        heads = min(self.adults, self.residents)
        return heads if self.occupied is None else min(heads, self.occupied * self.per_dwelling)


def household_conflicts(
    table: ControlTable | None, rooms: Sequence[HouseholdRoom], root: str
) -> list[Conflict]:
    """Return contradictions of HARD household counts with persons, adults, dwellings, the whole."""
    if table is None or table.spec.level != "HARD":
        return []
    conflicts = _national_conflicts(table, rooms, root)
    for room in rooms:
        count = table.total(room.zone)
        if count is None:
            continue
        cell = f"{table.cell_name(room.zone)} = {count:,}"
        heads = min(room.adults, room.residents)
        if count > heads:
            people = f"adults in {room.zone} = {heads:,}"
            conflicts.append(Conflict("more households than adults", (cell, people)))
        elif count > room.most:
            places = f"{room.dwelling_cell}: occupied = {room.occupied:,}"
            reason = f"over {room.per_dwelling} households an occupied dwelling"
            conflicts.append(Conflict(reason, (cell, places)))
        if count < room.least:
            people = f"residents in {room.zone} = {room.residents:,}"
            conflicts.append(Conflict(f"over {room.largest} persons a household", (cell, people)))
    return conflicts


def _national_conflicts(
    table: ControlTable, rooms: Sequence[HouseholdRoom], root: str
) -> list[Conflict]:
    national = table.total(root)
    if national is None:
        return []
    parts = {r.zone: count for r in rooms if (count := table.total(r.zone)) is not None}
    rest = [room for room in rooms if room.zone not in parts]
    least, most = sum(room.least for room in rest), sum(room.most for room in rest)
    whole = f"{table.cell_name(root)} = {national:,}"
    others = tuple(
        f"{room.zone} (no figure): households = {room.least:,} to {room.most:,}" for room in rest
    )
    if sum(parts.values()) + most < national:
        cells = tuple(f"{table.cell_name(zone)} = {count:,}" for zone, count in parts.items())
        return [Conflict("the zones fall short of the national count", (whole, *cells, *others))]
    if sum(parts.values()) + least <= national:
        return []
    return [_too_many(table, parts, {r.zone: r.least for r in rest}, national, whole)]


def _too_many(
    table: ControlTable, parts: dict[str, int], least: dict[str, int], national: int, whole: str
) -> Conflict:
    """Return the fewest zones whose households alone exceed the national count."""
    counts = {**parts, **least}
    descending = sorted(counts, key=lambda zone: (-counts[zone], zone))
    running = np.cumsum([counts[zone] for zone in descending])
    needed = descending[: int(np.flatnonzero(running > national)[0]) + 1]
    cells = [
        f"{table.cell_name(zone)} = {counts[zone]:,}"
        if zone in parts
        else f"{zone} (no figure): households at least {counts[zone]:,}"
        for zone in needed
    ]
    return Conflict("zones together exceed the national count", (whole, *cells))
