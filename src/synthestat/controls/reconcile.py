"""Reconciliation: an exact HARD set, FIRM moved only where it must, each move with its proof.

The HARD cells are first proved consistent in whole numbers; a contradiction raises BlockedError
with an irreducible conflicting set (`conflicts.py`). Then every universe of every zone gets one
total, and each FIRM table that cannot be met is moved by the least amount that meets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthestat.controls.age_bands import band_starts, block_of
from synthestat.controls.conflicts import (
    HouseholdRoom,
    block_on,
    dwelling_conflicts,
    joint_conflicts,
    margin_conflicts,
    tree_conflicts,
    universe_conflicts,
)
from synthestat.controls.control_tables import ControlTable, Counts, Published
from synthestat.controls.guides import (
    CORE_COLUMNS,
    core_guides,
    family_share,
    guide_faults,
    guide_row,
)
from synthestat.controls.household_tables import HouseholdMargin
from synthestat.controls.households import (
    HouseholdTables,
    all_household_conflicts,
    constrains,
    household_faults,
    household_tables,
    national_households,
    zone_households,
)
from synthestat.controls.joint import settle_jointly
from synthestat.controls.relaxations import Relaxation, relaxed_wholes, settle_rows, within_bounds
from synthestat.controls.universes import universe_totals
from synthestat.errors import PackError
from synthestat.fitting.ipf import Floats
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import FAMILY_COLUMN, HOUSEHOLD_COLUMNS, LEVELS_IN_DEVIATION

_CORE = set(CORE_COLUMNS)
_VACANT = {"occupancy": "vacant"}


@dataclass(frozen=True)
class Margin:
    """Persons of some universes in one zone, split by core columns.

    `counts` has one entry per category of `columns` (age bands as published, youngest first; sexes
    in the order of the classification); `universes` are indivisible ones; `age_starts` are the
    first ages of the bands, the last one open (empty where `columns` has no age). Of a GUIDE only
    the shares of `counts` mean something.
    """

    control_id: str
    universes: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Counts
    age_starts: tuple[int, ...] = ()


@dataclass(frozen=True)
class ZoneControls:
    """What one zone must hold, after reconciliation.

    `residents` by indivisible universe; `quotas` by attribute with shape (strata, categories) or
    (categories,); `households` and `capped_persons` are None where unpublished; `rows` are the
    cells of each table of persons, by control, as settled; `household_margins` are the tables of
    households by size and type, as settled. `families` are persons of the household universe by
    sex and FAMILY_STATUS, shape (2, 2), None where no table tells; `guides` are GUIDE tables by
    core columns, `family_share` the share in family nuclei that a GUIDE gives.
    """

    code: str
    residents: Mapping[str, int]
    margins: tuple[Margin, ...]
    quotas: Mapping[str, Counts]
    room: HouseholdRoom
    households: int | None
    capped_persons: int | None
    dwellings: int
    vacant: int
    rows: Mapping[str, Counts] = field(default_factory=dict)
    household_margins: tuple[HouseholdMargin, ...] = ()
    families: Counts | None = None
    guides: tuple[Margin, ...] = ()
    family_share: float | None = None

    @property
    def occupied(self) -> int:
        """Conventional dwellings that are not vacant."""
        return self.dwellings - self.vacant

    def split_by(self, universe: str) -> frozenset[str]:
        """Return the core columns by which a table that binds splits an indivisible universe."""
        return frozenset(c for m in self.margins if universe in m.universes for c in m.columns)


@dataclass(frozen=True)
class Controls:
    """The reconciled controls of a country.

    `size_cap` is the size at which the published household-size total stops counting; `size_shape`
    are relative weights of sizes 1, 2, ... and a last open class, from the registry.
    `national_household_margins` are tables of the whole country that not every zone has: the sum
    over all zones, those with a margin of their own included, meets them.
    """

    published: Published
    zones: tuple[ZoneControls, ...]
    national_households: int | None
    size_cap: int | None
    size_shape: Floats
    relaxations: tuple[Relaxation, ...] = field(default=())
    national_household_margins: tuple[HouseholdMargin, ...] = ()

    def zone(self, code: str) -> ZoneControls:
        """Return one zone's controls."""
        return next(zone for zone in self.zones if zone.code == code)


def reconcile(published: Published, pack: CountryPack) -> Controls:
    """Turn published tables into controls that one population can meet.

    Raises BlockedError where HARD cells contradict each other, PackError where a control is of a
    kind that the engine does not exercise.
    """
    _check_exercised(published, pack)
    block_on(tree_conflicts(published, pack))
    block_on(margin_conflicts(published, pack))
    block_on(joint_conflicts(published, pack))
    block_on(universe_conflicts(published, pack))
    block_on(dwelling_conflicts(published))
    tables = household_tables(published)
    zones: list[ZoneControls] = []
    moves: list[list[Relaxation]] = []
    for zone in pack.geography.at(pack.country.zone_level):
        moves.append([])
        zones.append(_zone_controls(zone.code, zone.flags, published, tables, pack, moves[-1]))
    rooms, root = [zone.room for zone in zones], pack.geography.root.code
    block_on(all_household_conflicts(tables, rooms, root))
    homes = {
        room.zone: zone_households(tables, room, pack, own)
        for room, own in zip(rooms, moves, strict=True)
    }
    relaxations = [relaxation for own in moves for relaxation in own]
    national, margins = national_households(tables, homes, rooms, root, relaxations)
    settled = {zone.code: {**zone.rows, **homes[zone.code].cells} for zone in zones}
    relaxations += relaxed_wholes(published, pack, relaxations, settled)
    zones = [
        replace(
            zone,
            households=homes[zone.code].households,
            capped_persons=homes[zone.code].capped_persons,
            household_margins=homes[zone.code].margins,
        )
        for zone in zones
    ]
    return Controls(
        published=published,
        zones=tuple(zones),
        national_households=national,
        size_cap=None if tables.capped is None else tables.capped.spec.cap,
        size_shape=_size_shape(published, pack),
        relaxations=tuple(relaxations),
        national_household_margins=margins,
    )


def _size_shape(published: Published, pack: CountryPack) -> Floats:
    """Return the weights of sizes 1, 2, ... and an open class that the registry gives.

    Either weights by size (`sizes`), or a frozen table, pooled over its other dimensions.
    """
    entry = pack.priors.used("household_size")
    if "sizes" in entry.values:
        weights = pack.priors.weights("household_size", "sizes")
        return np.array([weights[size] for size in _size_codes(entry.id, list(weights))])
    cube = published.cubes.get(str(entry.values.get("table")))
    if cube is None:
        raise PackError(
            f"priors.yaml: {entry.id}: its table is not in sources.yaml",
            remedy="name a frozen table, or give the weights themselves under sizes",
        )
    dimension = cube.dimension(str(entry.values.get("dimension")))
    codes = _size_codes(entry.id, dimension.codes, str(entry.values.get("open_class")))
    axis = [d.id for d in cube.dimensions].index(dimension.id)
    pooled = np.nansum(np.moveaxis(cube.values, axis, 0).reshape(len(codes), -1), axis=1)
    return np.asarray(pooled[[dimension.codes.index(code) for code in codes]], dtype=np.float64)


def _size_codes(entry: str, given: Sequence[str], last: str | None = None) -> list[str]:
    """Return the codes of sizes in order; `last` is the open class, by default `6+` after 5."""
    codes = [str(size) for size in range(1, len(given))]
    codes.append(f"{len(given)}+" if last is None else last)
    if sorted(codes) != sorted(given):
        raise PackError(f"priors.yaml: {entry}: sizes must be 1, 2, ... and one open class")
    return codes


def _check_exercised(published: Published, pack: CountryPack) -> None:
    """Refuse a constraining control that no stage would look at."""
    quotas = {attribute.control for attribute in pack.attributes if attribute.control}
    faults = []
    for table in published.tables.values():
        spec = table.spec
        if spec.level in ("GUIDE", "INFORMATIONAL"):
            continue
        core = spec.counts == "persons" and set(spec.by) <= set(CORE_COLUMNS) and not spec.sum
        households = spec.counts == "households" and set(spec.by) <= set(HOUSEHOLD_COLUMNS)
        households = households and spec.sum in (None, "size")
        dwellings = spec.counts == "dwellings" and spec.only in ({}, {"occupancy": "vacant"})
        families = spec.counts == "persons" and FAMILY_COLUMN in spec.by
        if not (core or households or dwellings or families or spec.id in quotas):
            faults.append(f"controls.yaml: {spec.id}: no stage of the build exercises this control")
    faults += guide_faults(published, pack)
    faults += household_faults(household_tables(published), pack)
    if faults:
        raise PackError(
            f"{pack.code} declares controls that would not be exercised",
            faults=faults,
            remedy="declare the control INFORMATIONAL, or name it in attributes.yaml",
        )


def _zone_controls(
    code: str,
    flags: frozenset[str],
    published: Published,
    households: HouseholdTables,
    pack: CountryPack,
    relaxations: list[Relaxation],
) -> ZoneControls:
    """Return one zone's controls; its household figures are left open until all zones are read."""
    tables = published.tables.values()
    persons = [t for t in tables if t.spec.counts == "persons" and constrains(t)]
    residents = universe_totals(code, flags, persons, pack.country)
    totals = {u: sum(residents[a] for a in pack.country.atoms(u)) for u in pack.country.universes}
    moved: list[Relaxation] = []
    rows = settle_rows(persons, code, totals, moved)
    for universe, total in totals.items():
        same = [table for table in persons if table.spec.universe == universe]
        settle_jointly(same, code, total, rows, moved)
    relaxations += moved
    margins = [_margin(t, rows[t.spec.id], pack) for t in persons if set(t.columns) <= _CORE]
    guides = [
        _margin(t, guide_row(t, code), pack)
        for t in core_guides(published)
        if totals[t.spec.universe]
    ]
    quotas = {}
    for attribute in pack.attributes:
        if attribute.control is not None:
            columns = published.tables[attribute.control].columns
            shape = [len(pack.country.classifications[column]) for column in columns]
            table = rows[attribute.control].reshape(shape)
            quotas[attribute.name] = np.moveaxis(table, columns.index(attribute.name), -1)
    aged = any(guide.age_starts for guide in guides)
    adults = _adults(margins, pack, sum(residents.values()) if aged else None)
    room = _room(code, residents, adults, published, households, pack, relaxations)
    dwellings = _dwelling_figure(published, code, {}) or 0
    return ZoneControls(
        code=code,
        residents=residents,
        margins=tuple(margins),
        quotas=quotas,
        room=room,
        households=None,
        capped_persons=None,
        dwellings=dwellings,
        vacant=dwellings - (room.occupied or 0),
        rows=rows,
        families=_families(persons, rows),
        guides=tuple(guides),
        family_share=family_share(published, code) if any(residents.values()) else None,
    )


def _families(persons: Sequence[ControlTable], rows: Mapping[str, Counts]) -> Counts | None:
    """Return persons by sex and family status as the strongest table of them settled, or None."""
    tables = [table for table in persons if FAMILY_COLUMN in table.columns]
    if not tables:
        return None
    first = min(tables, key=lambda t: (LEVELS_IN_DEVIATION.index(t.spec.level), t.spec.id))
    counts = rows[first.spec.id].reshape(2, 2)
    return counts if first.columns[0] == "sex" else counts.T


def _margin(table: ControlTable, counts: Counts, pack: CountryPack) -> Margin:
    starts = band_starts(table) if "age" in table.columns else ()
    universes = pack.country.atoms(table.spec.universe)
    return Margin(table.spec.id, universes, table.columns, counts, starts)


def _room(
    code: str,
    residents: Mapping[str, int],
    adults: int,
    published: Published,
    tables: HouseholdTables,
    pack: CountryPack,
    relaxations: list[Relaxation],
) -> HouseholdRoom:
    """Return how many households the published universe can form in a zone."""
    rules = pack.country.household_rules
    dwellings = _dwelling_figure(published, code, {})
    vacant = _dwelling_figure(published, code, _VACANT) or 0
    table = _dwelling_table(published, {})
    part = _dwelling_table(published, _VACANT)
    persons = residents.get(pack.country.household_universe, 0)
    if part is not None and dwellings is not None and part.spec.level != "HARD":
        figure = tables.total(code)
        homes = -(-persons // rules.largest_household.value) if figure is None else figure
        lived_in = -(-homes // rules.households_per_dwelling.value)
        bounds = (0, max(dwellings - lived_in, 0))
        vacant = within_bounds(part, code, vacant, bounds, "dwellings and households", relaxations)
    return HouseholdRoom(
        zone=code,
        residents=persons,
        adults=adults,
        occupied=None if dwellings is None else dwellings - vacant,
        largest=rules.largest_household.value,
        per_dwelling=rules.households_per_dwelling.value,
        dwelling_cell="" if table is None else table.cell_name(code),
    )


def _dwelling_table(published: Published, only: Mapping[str, str]) -> ControlTable | None:
    found = [t for t in published.tables.values() if t.spec.counts == "dwellings"]
    return next((t for t in found if t.spec.only == only and constrains(t)), None)


def _dwelling_figure(published: Published, code: str, only: Mapping[str, str]) -> int | None:
    """Return a zone's dwellings (of one kind), or None where no table counts them.

    Raises PackError where a table counts them elsewhere but not here: a gap is no zero.
    """
    table = _dwelling_table(published, only)
    figure = None if table is None else table.total(code)
    if table is not None and figure is None:
        raise PackError(
            f"{table.cell_name(code)} gives no figure, and dwellings are not modelled yet",
            remedy="declare the control INFORMATIONAL, or leave the zone's figure to its source",
        )
    return figure


def _adults(margins: list[Margin], pack: CountryPack, residents: int | None) -> int:
    """Return residents of adult age, from a margin by age with a band that begins there.

    Where there is none, all of the band that holds the adult age count: the most there can be; so
    do all `residents` where ages are only guided (`residents` is None where nothing tells them).
    """
    adult = pack.country.household_rules.adult_age.value
    by_age = [margin for margin in margins if margin.age_starts]
    for margin in sorted(by_age, key=lambda m: adult not in m.age_starts):
        at = margin.columns.index("age")
        sizes = [len(margin.age_starts) if c == "age" else 2 for c in margin.columns]
        counts = np.moveaxis(margin.counts.reshape(sizes), at, 0)
        return int(counts[block_of(margin.age_starts, adult) :].sum())
    if residents is None:
        raise PackError(f"{pack.code}: no HARD, FIRM or GUIDE control gives persons by age")
    return residents
