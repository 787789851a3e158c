"""The zone tree of a country, with every spelling seen."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from synthestat.errors import PackError

COLUMNS = (
    "code",
    "parent",
    "level",
    "name",
    "other_spellings",
    "longitude",
    "latitude",
    "area_km2",
    "flags",
)
CONCORDANCE = ("old", "new", "since", "source")


@dataclass(frozen=True)
class Zone:
    """One zone; `spellings` holds its name and every other spelling; degrees are WGS 84."""

    code: str
    parent: str | None
    level: str
    name: str
    spellings: frozenset[str]
    longitude: float | None
    latitude: float | None
    area_km2: float | None
    flags: frozenset[str]


@dataclass(frozen=True)
class Geography:
    """Zones by code, in file order; a tree with one root."""

    zones: dict[str, Zone]
    root: Zone
    _children: dict[str, tuple[Zone, ...]] = field(repr=False)

    def at(self, level: str) -> tuple[Zone, ...]:
        """Return the zones of one level, in file order."""
        return tuple(zone for zone in self.zones.values() if zone.level == level)

    def children(self, code: str) -> tuple[Zone, ...]:
        """Return the direct children of a zone, in file order."""
        return self._children.get(code, ())

    def lineage(self, code: str) -> tuple[str, ...]:
        """Return a zone's code and those of all zones that it lies in, the root last."""
        parent = self.zones[code].parent
        return (code,) if parent is None else (code, *self.lineage(parent))

    def code_of(self, spelling: str) -> str:
        """Return the code of the one zone that is spelt so; PackError where none or several are."""
        folded = spelling.strip().casefold()
        found = [
            z.code for z in self.zones.values() if folded in {s.casefold() for s in z.spellings}
        ]
        if len(found) != 1:
            what = "no zone is" if not found else f"zones {', '.join(found)} are"
            raise PackError(
                f"{what} spelt {spelling!r}",
                remedy="add the spelling to other_spellings of one zone in geography.csv",
            )
        return found[0]


def read_geography(path: Path) -> Geography:
    """Read `geography.csv`; PackError collects every fault with its line.

    Columns: code, parent (empty for the root), level, name, other_spellings (separated by `|`),
    longitude, latitude (degrees), area_km2, flags (separated by `|`).
    """
    if not path.is_file():
        raise PackError(f"{path} is absent", remedy="add the zone tree as geography.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise PackError(f"{path.name}: the columns must be {', '.join(COLUMNS)}")
        rows = list(reader)
    zones: dict[str, Zone] = {}
    faults: list[str] = []
    for number, row in enumerate(rows, start=2):
        zone = _zone(row, f"{path.name} line {number}", faults)
        if zone is None:
            continue
        if zone.code in zones:
            faults.append(f"{path.name} line {number}: code {zone.code} stands twice")
        zones[zone.code] = zone
    faults.extend(f"{path.name}: {fault}" for fault in _tree_faults(zones))
    if faults:
        raise PackError("the zone tree is not usable", faults=faults, remedy=f"correct {path}")
    children: dict[str, list[Zone]] = {}
    for zone in zones.values():
        if zone.parent is not None:
            children.setdefault(zone.parent, []).append(zone)
    root = next(zone for zone in zones.values() if zone.parent is None)
    return Geography(zones, root, {code: tuple(below) for code, below in children.items()})


def merged_zones(path: Path, geography: Geography) -> dict[str, str]:
    """Return {old zone: zone of the tree that it is part of now} of a sound `concordance.csv`.

    Empty where there is none, and where the tree still has the old zones.
    """
    rows = _concordance(path) or []
    return {row["old"]: row["new"] for row in rows if row["new"] in geography.zones}


def _concordance(path: Path) -> list[dict[str, str]] | None:
    """Return the rows of `concordance.csv`, none where it is absent; None for other columns."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != CONCORDANCE:
            return None
        return list(reader)


def concordance_faults(path: Path, geography: Geography) -> list[str]:
    """Return faults of `concordance.csv`, the pack's mergers of zones; none where it is absent.

    Columns: old (code of a zone that was merged), new (code of the zone that it became part of),
    since (date), source. A zone must not stand in the tree beside zones that were merged into it:
    its residents would be counted twice.
    """
    rows = _concordance(path)
    if rows is None:
        return [f"{path.name}: the columns must be {', '.join(CONCORDANCE)}"]
    parts: dict[str, list[str]] = {}
    for row in rows:
        parts.setdefault(row["new"] or "", []).append(row["old"] or "")
    olds = [old for merged in parts.values() for old in merged]
    twice = sorted({old for old in olds if olds.count(old) > 1})
    faults = [f"{path.name}: {old!r} is merged twice" for old in twice]
    for new, merged in parts.items():
        present = [old for old in merged if old in geography.zones]
        if new in geography.zones and present:
            faults.append(
                f"geography.csv: {new} stands beside {', '.join(present)}, which "
                f"{path.name} says were merged into it; keep the one or the others"
            )
        elif present and len(present) < len(merged):
            absent = ", ".join(old for old in merged if old not in present)
            faults.append(f"geography.csv: {', '.join(present)} without {absent}, merged with it")
    return faults


def _zone(row: dict[str, str], place: str, faults: list[str]) -> Zone | None:
    if None in row or any(value is None for value in row.values()):
        faults.append(f"{place}: has not {len(COLUMNS)} columns")
        return None
    numbers: dict[str, float | None] = {}
    for column in ("longitude", "latitude", "area_km2"):
        try:
            numbers[column] = float(row[column]) if row[column] else None
        except ValueError:
            faults.append(f"{place}: {column} {row[column]!r} is not a number")
            numbers[column] = None
    spellings = [row["name"], *filter(None, row["other_spellings"].split("|"))]
    return Zone(
        code=row["code"],
        parent=row["parent"] or None,
        level=row["level"],
        name=row["name"],
        spellings=frozenset(spellings),
        flags=frozenset(filter(None, row["flags"].split("|"))),
        **numbers,
    )


def _tree_faults(zones: dict[str, Zone]) -> list[str]:
    roots = [zone.code for zone in zones.values() if zone.parent is None]
    faults = [] if len(roots) == 1 else [f"one zone must have no parent, found {roots or 'none'}"]
    for zone in zones.values():
        if zone.parent is not None and zone.parent not in zones:
            faults.append(f"zone {zone.code} has the unknown parent {zone.parent}")
    for zone in zones.values():
        seen = {zone.code}
        above = zone.parent
        while above is not None and above in zones:
            if above in seen:
                faults.append(f"zone {zone.code} is its own ancestor")
                break
            seen.add(above)
            above = zones[above].parent
    faults.extend(_spelling_faults(zones))
    return faults


def _spelling_faults(zones: dict[str, Zone]) -> list[str]:
    owner: dict[tuple[str, str], str] = {}
    faults = []
    for zone in zones.values():
        for spelling in sorted(zone.spellings):
            key = (zone.level, spelling.casefold())
            if owner.setdefault(key, zone.code) != zone.code:
                faults.append(f"{spelling!r} spells both {owner[key]} and {zone.code}")
    return faults
