"""Reconciliation: an exact HARD set, FIRM moved only where it must, each move with its proof.

The HARD cells are first proved consistent in whole numbers; a contradiction raises BlockedError
with an irreducible conflicting set (`conflicts.py`). Then every universe of every zone gets one
total, and each FIRM table that cannot be met is moved by the least amount that meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from synthestat.controls.conflicts import (
    block_on,
    dwelling_conflicts,
    household_conflicts,
    total_conflicts,
    tree_conflicts,
)
from synthestat.controls.control_tables import ControlTable, Counts, Published
from synthestat.controls.relaxations import (
    Relaxation,
    moved_to_total,
    reachable_capped_persons,
    relaxed_wholes,
)
from synthestat.controls.universes import universe_totals
from synthestat.errors import PackError
from synthestat.fitting.ipf import Floats
from synthestat.packs.pack import CountryPack

CORE_COLUMNS = ("age", "sex")


@dataclass(frozen=True)
class Margin:
    """Persons of some universes in one zone, split by core columns.

    `counts` has one entry per category of `columns` (age classes as published; sexes in the
    order of the classification); `universes` are indivisible ones.
    """

    control_id: str
    universes: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Counts


@dataclass(frozen=True)
class ZoneControls:
    """What one zone must hold, after reconciliation.

    `residents` by indivisible universe; `quotas` by attribute with shape (strata, categories) or
    (categories,); `households` and `capped_persons` are None where unpublished.
    """

    code: str
    residents: Mapping[str, int]
    margins: tuple[Margin, ...]
    quotas: Mapping[str, Counts]
    adults: int
    households: int | None
    capped_persons: int | None
    dwellings: int
    vacant: int

    @property
    def occupied(self) -> int:
        """Conventional dwellings that are not vacant."""
        return self.dwellings - self.vacant


@dataclass(frozen=True)
class Controls:
    """The reconciled controls of a country.

    `size_cap` is the size at which the published household-size total stops counting; `size_shape`
    are relative weights of sizes 1, 2, ... and a last open class, from the registry's table.
    """

    published: Published
    zones: tuple[ZoneControls, ...]
    national_households: int | None
    size_cap: int | None
    size_shape: Floats
    relaxations: tuple[Relaxation, ...] = field(default=())

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
    block_on(total_conflicts(published, pack))
    block_on(dwelling_conflicts(published))
    relaxations: list[Relaxation] = []
    zones = [
        _zone_controls(zone.code, zone.flags, published, pack, relaxations)
        for zone in pack.geography.at(pack.country.zone_level)
    ]
    relaxations += relaxed_wholes(published, pack, relaxations)
    household_table = _sole(published, "households", summed=False)
    capped_table = _sole(published, "households", summed=True)
    national = None if household_table is None else household_table.total(pack.geography.root.code)
    block_on(
        household_conflicts(
            household_table,
            {z.code: z.residents.get(pack.country.household_universe, 0) for z in zones},
            {z.code: z.adults for z in zones},
            pack.country.household_rules.largest_household.value,
            pack.geography.root.code,
        )
    )
    return Controls(
        published=published,
        zones=tuple(zones),
        national_households=national,
        size_cap=None if capped_table is None else capped_table.spec.cap,
        size_shape=_size_shape(published, pack),
        relaxations=tuple(relaxations),
    )


def _size_shape(published: Published, pack: CountryPack) -> Floats:
    """Return households by size pooled over the other dimensions of the registry's table."""
    entry = pack.priors.used("household_size")
    cube = published.cubes.get(str(entry.values.get("table")))
    if cube is None:
        raise PackError(f"priors.yaml: {entry.id}: its table is not in sources.yaml")
    dimension = cube.dimension(str(entry.values.get("dimension")))
    codes = [str(size) for size in range(1, len(dimension.codes))]
    codes.append(str(entry.values.get("open_class")))
    if sorted(codes) != sorted(dimension.codes):
        raise PackError(f"priors.yaml: {entry.id}: sizes must be 1, 2, ... and one open class")
    axis = [d.id for d in cube.dimensions].index(dimension.id)
    pooled = np.nansum(np.moveaxis(cube.values, axis, 0).reshape(len(codes), -1), axis=1)
    return np.asarray(pooled[[dimension.codes.index(code) for code in codes]], dtype=np.float64)


def _check_exercised(published: Published, pack: CountryPack) -> None:
    """Refuse a constraining control that no stage would look at."""
    quotas = {attribute.control for attribute in pack.attributes}
    faults = []
    for table in published.tables.values():
        spec = table.spec
        if spec.level in ("GUIDE", "INFORMATIONAL"):
            continue
        core = spec.counts == "persons" and set(spec.by) <= set(CORE_COLUMNS) and not spec.sum
        households = spec.counts == "households" and not spec.by and spec.sum in (None, "size")
        dwellings = spec.counts == "dwellings" and spec.only in ({}, {"occupancy": "vacant"})
        if not (core or households or dwellings or spec.id in quotas):
            faults.append(f"controls.yaml: {spec.id}: no stage of the build exercises this control")
    if faults:
        raise PackError(
            f"{pack.code} declares controls that would not be exercised",
            faults=faults,
            remedy="declare the control INFORMATIONAL, or name it in attributes.yaml",
        )


def _sole(published: Published, counts: str, *, summed: bool) -> ControlTable | None:
    found = [
        table
        for table in published.tables.values()
        if table.spec.counts == counts
        and bool(table.spec.sum) == summed
        and table.spec.level in ("HARD", "FIRM")
        and not table.spec.only
    ]
    if len(found) > 1:
        names = ", ".join(table.spec.id for table in found)
        raise PackError(f"more than one control counts {counts} in the same way: {names}")
    return found[0] if found else None


def _zone_controls(
    code: str,
    flags: frozenset[str],
    published: Published,
    pack: CountryPack,
    relaxations: list[Relaxation],
) -> ZoneControls:
    persons = [t for t in published.tables.values() if t.spec.counts == "persons"]
    persons = [t for t in persons if t.spec.level in ("HARD", "FIRM")]
    residents = universe_totals(code, flags, persons, pack.country)
    margins, quotas = [], {}
    for table in persons:
        atoms = pack.country.atoms(table.spec.universe)
        cells = moved_to_total(table, code, sum(residents[a] for a in atoms), relaxations)
        if set(table.columns) <= set(CORE_COLUMNS):
            margins.append(Margin(table.spec.id, atoms, table.columns, cells))
        for attribute in pack.attributes:
            if attribute.control == table.spec.id:
                shape = [len(pack.country.classifications[c]) for c in table.columns]
                quotas[attribute.name] = cells.reshape(shape)
    household_universe = residents.get(pack.country.household_universe, 0)
    households = _figure(_sole(published, "households", summed=False), code)
    capped = _sole(published, "households", summed=True)
    return ZoneControls(
        code=code,
        residents=residents,
        margins=tuple(margins),
        quotas=quotas,
        adults=_adults(margins, pack),
        households=households,
        capped_persons=reachable_capped_persons(
            capped, code, household_universe, households, pack, relaxations
        ),
        dwellings=_dwelling_figure(published, code, vacant=False),
        vacant=_dwelling_figure(published, code, vacant=True),
    )


def _figure(table: ControlTable | None, code: str) -> int | None:
    return None if table is None else table.total(code)


def _dwelling_figure(published: Published, code: str, *, vacant: bool) -> int:
    wanted = {"occupancy": "vacant"} if vacant else {}
    for table in published.tables.values():
        if table.spec.counts == "dwellings" and table.spec.only == wanted:
            return _figure(table, code) or 0
    return 0


def _adults(margins: list[Margin], pack: CountryPack) -> int:
    """Return residents of adult age, from the first margin by age."""
    adult = pack.country.household_rules.adult_age.value
    for margin in margins:
        if "age" in margin.columns:
            by_age = margin.counts.reshape(pack.country.ages.open_from + 1, -1).sum(axis=1)
            return int(by_age[adult:].sum())
    raise PackError(f"{pack.code}: no HARD or FIRM control gives persons by age")
