"""Household controls of the zones and of the country: plain counts, capped sums, split tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthestat.controls.conflicts import Conflict, HouseholdRoom, household_conflicts
from synthestat.controls.control_tables import ControlTable, Counts, Published
from synthestat.controls.household_tables import (
    HouseholdMargin,
    Place,
    household_table_conflicts,
    household_table_faults,
    is_complete,
    margin_of,
    settle_households,
    zone_sums,
)
from synthestat.controls.relaxations import Relaxation, reachable_capped_persons, within_bounds
from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import LEVELS_IN_DEVIATION


@dataclass(frozen=True)
class HouseholdTables:
    """The constraining tables of households: one plain count, one capped sum, any split ones."""

    plain: ControlTable | None
    capped: ControlTable | None
    split: tuple[ControlTable, ...]

    @property
    def counts(self) -> tuple[ControlTable, ...]:
        """The tables that count households, the plain one first, the others by level."""
        return (*([] if self.plain is None else [self.plain]), *self.split)

    def total(self, zone: str) -> int | None:
        """Return a zone's published households, from the first table that gives them."""
        totals = (table.total(zone) for table in self.counts)
        return next((total for total in totals if total is not None), None)

    def complete(self, zone: str) -> list[ControlTable]:
        """Return every table that gives all of its cells in a zone."""
        tables = [self.plain, self.capped, *self.split]
        return [t for t in tables if t is not None and is_complete(t, zone)]


@dataclass(frozen=True)
class HouseholdControls:
    """What one zone's households must be; None or nothing where nothing is published.

    `cells` are the settled cells of the split tables, by control.
    """

    households: int | None = None
    capped_persons: int | None = None
    margins: tuple[HouseholdMargin, ...] = ()
    cells: Mapping[str, Counts] = field(default_factory=dict)


def constrains(table: ControlTable) -> bool:
    """Tell whether a table's level makes it a constraint."""
    return table.spec.level in LEVELS_IN_DEVIATION


def household_tables(published: Published) -> HouseholdTables:
    """Return the constraining tables of households; PackError where two count in the same way."""
    split = [
        t
        for t in published.tables.values()
        if t.spec.counts == "households" and t.spec.by and constrains(t)
    ]
    split.sort(key=lambda t: (LEVELS_IN_DEVIATION.index(t.spec.level), t.spec.id))
    plain, capped = _sole(published, summed=False), _sole(published, summed=True)
    return HouseholdTables(plain, capped, tuple(split))


def _sole(published: Published, *, summed: bool) -> ControlTable | None:
    found = [
        table
        for table in published.tables.values()
        if table.spec.counts == "households"
        and bool(table.spec.sum) == summed
        and constrains(table)
        and not (table.spec.only or table.spec.by)
    ]
    if len(found) > 1:
        names = ", ".join(table.spec.id for table in found)
        raise PackError(f"more than one control counts households in the same way: {names}")
    return found[0] if found else None


def household_faults(tables: HouseholdTables, pack: CountryPack) -> list[str]:
    """Return what keeps the split tables of a pack from being met by any stage."""
    zones = {zone.code for zone in pack.geography.at(pack.country.zone_level)}
    tree: dict[str, set[str]] = {code: set() for code in pack.geography.zones}
    for code in zones:
        for above in pack.geography.lineage(code):
            tree[above].add(code)
    return household_table_faults(
        tables.split,
        pack.geography.root.code,
        {code: frozenset(inside) for code, inside in tree.items()},
    )


def all_household_conflicts(
    tables: HouseholdTables, rooms: Sequence[HouseholdRoom], root: str
) -> list[Conflict]:
    """Return contradictions of the HARD household counts of zones and country."""
    conflicts = [
        conflict
        for table in tables.counts
        if table is tables.plain or not table.source.inexact
        for conflict in household_conflicts(table, rooms, root)
    ]
    for room in rooms:
        if any(is_complete(table, room.zone) for table in tables.split):
            conflicts += household_table_conflicts(tables.complete(room.zone), _place(room))
    return conflicts + _national_conflicts(tables, rooms, root)


def _place(room: HouseholdRoom) -> Place:
    return Place(room.zone, room.residents, room.least, room.most, room.largest)


def zone_households(
    tables: HouseholdTables,
    room: HouseholdRoom,
    pack: CountryPack,
    relaxations: list[Relaxation],
) -> HouseholdControls:
    """Return a zone's household controls, FIRM and SOFT ones as its persons can meet them."""
    split = [table for table in tables.split if is_complete(table, room.zone)]
    if split:
        cells = settle_households(tables.complete(room.zone), _place(room), relaxations)
        capped = None if tables.capped is None else cells.get(tables.capped.spec.id)
        return HouseholdControls(
            households=int(cells[split[0].spec.id].sum()),
            capped_persons=None if capped is None else int(capped[0]),
            margins=tuple(margin_of(table, cells[table.spec.id]) for table in split),
            cells={table.spec.id: cells[table.spec.id] for table in split},
        )
    households = _plain_households(tables.plain, room, relaxations)
    capped_persons = reachable_capped_persons(
        tables.capped, room.zone, room.residents, households, pack, relaxations
    )
    return HouseholdControls(households, capped_persons)


def _plain_households(
    table: ControlTable | None, room: HouseholdRoom, relaxations: list[Relaxation]
) -> int | None:
    """Return a zone's published households; a FIRM figure yields to what the zone can hold."""
    figure = None if table is None else table.total(room.zone)
    if table is None or figure is None or table.spec.level == "HARD":
        return figure
    bounds = (room.least, room.most)
    return within_bounds(table, room.zone, figure, bounds, "persons and dwellings", relaxations)


def national_households(
    tables: HouseholdTables,
    zones: Mapping[str, HouseholdControls],
    rooms: Sequence[HouseholdRoom],
    root: str,
    relaxations: list[Relaxation],
) -> tuple[int | None, tuple[HouseholdMargin, ...]]:
    """Return (the national count, margins of the tables that not every zone has)."""
    known = {code: z.households for code, z in zones.items() if z.households is not None}
    place = _country(root, rooms, known)
    national = _national_tables(tables, rooms, root)
    plain = tables.plain
    if plain is not None and (plain.total(root) is None or not is_complete(plain, root)):
        plain = None
    if national:
        cells = {
            code: {name: (row, row) for name, row in z.cells.items()} for code, z in zones.items()
        }
        sums = zone_sums(tables.split, _lived_in(rooms), cells, place.largest)
        asked = [*national, *([] if plain is None else [plain])]
        settled = settle_households(asked, place, relaxations, sums)
        margins = tuple(margin_of(table, settled[table.spec.id]) for table in national)
        return int(margins[0].counts.sum()), margins
    if plain is None:
        return None, ()
    figure = plain.total(root)
    if figure is None or plain.spec.level == "HARD":
        return figure, ()
    bounds = (place.least, place.most)
    return within_bounds(plain, root, figure, bounds, "the zones", relaxations), ()


def _country(root: str, rooms: Sequence[HouseholdRoom], known: Mapping[str, int]) -> Place:
    """Return the whole country as a place, its zones' counts given where they are known."""
    return Place(
        root,
        sum(room.residents for room in rooms),
        sum(known.get(room.zone, room.least) for room in rooms),
        sum(known.get(room.zone, room.most) for room in rooms),
        max(room.largest for room in rooms),
    )


def _lived_in(rooms: Sequence[HouseholdRoom]) -> list[str]:
    return [room.zone for room in rooms if room.residents]


def _national_tables(
    tables: HouseholdTables, rooms: Sequence[HouseholdRoom], root: str
) -> list[ControlTable]:
    """Return split tables with a row for the country, but not one for every zone lived in."""
    return [
        table
        for table in tables.split
        if is_complete(table, root)
        and not all(is_complete(table, zone) for zone in _lived_in(rooms))
    ]


def _national_conflicts(
    tables: HouseholdTables, rooms: Sequence[HouseholdRoom], root: str
) -> list[Conflict]:
    """Return contradictions of HARD national tables with each other and with the zones' tables."""
    national = _national_tables(tables, rooms, root)
    if not national:
        return []
    hard = HouseholdTables(
        None if tables.plain is None or tables.plain.spec.level != "HARD" else tables.plain,
        None,
        tuple(table for table in tables.split if table.spec.level == "HARD"),
    )
    totals = {room.zone: hard.total(room.zone) for room in rooms}
    place = _country(root, rooms, {z: count for z, count in totals.items() if count is not None})
    cells = {
        room.zone: {t.spec.id: t.bounds(room.zone) for t in hard.split if is_complete(t, room.zone)}
        for room in rooms
    }
    sums = zone_sums(hard.split, _lived_in(rooms), cells, place.largest)
    asked = [t for t in (*national, hard.plain) if t is not None and is_complete(t, root)]
    return household_table_conflicts(asked, place, sums)
