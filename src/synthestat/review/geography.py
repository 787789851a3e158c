"""Checks of the geography: a sound tree, every zone once, wholes that are the sum of parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from synthestat.errors import SynthestatError
from synthestat.review.case import Case
from synthestat.review.definitions import Source, Zone
from synthestat.review.record import Answer, found
from synthestat.review.recount import read_table, zone_codes, zone_parts
from synthestat.sources.cube import Cube

SLACK = 1e-6  # rounding of a sum of float64 figures


def geography_tree(case: Case) -> Answer:
    """Codes occur once, one root, every parent known, no loops, all zones below the root."""
    zones = case.pack.geography
    codes = [zone.code for zone in zones]
    faults = [f"{code}: stands twice" for code in sorted(set(codes)) if codes.count(code) > 1]
    roots = [zone.code for zone in zones if not zone.parent]
    if len(roots) != 1:
        faults.append(f"{len(roots)} zones without a parent: {', '.join(roots)}")
    known = {zone.code: zone for zone in zones}
    faults += [
        f"{zone.code}: its parent {zone.parent} is not in geography.csv"
        for zone in zones
        if zone.parent and zone.parent not in known
    ]
    faults += [f"{zone.code}: above itself" for zone in zones if _loops(zone, known)]
    if not case.pack.zones:
        faults.append(f"no zone at level {case.pack.country['zone_level']!r}")
    nested = [z.code for z in zones if z.code in case.pack.zones and z.parent in case.pack.zones]
    faults += [f"{code}: its parent is at the same level" for code in nested]
    return found(faults, f"{len(codes)} zones below {roots[0] if roots else 'no root'}")


def zone_spellings(case: Case) -> Answer:
    """No spelling leads to two zones of one level; tables name zones as geography.csv does."""
    spelled: dict[tuple[str, str], set[str]] = {}
    for zone in case.pack.geography:
        for name in zone.names:
            spelled.setdefault((zone.level, name.casefold()), set()).add(zone.code)
    faults = [
        f"{name!r} leads to {', '.join(sorted(codes))}"
        for (_, name), codes in spelled.items()
        if len(codes) > 1
    ]
    for source, cube in _readable(case):
        if source.zone_dimension is None:
            continue
        dimension = cube.dimension(source.zone_dimension)
        unknown = _unknown(case, dimension.codes)
        faults += [
            f"{source.id}: {code!r} is no code and no spelling of geography.csv" for code in unknown
        ]
        if unknown:
            continue
        mapped = zone_codes(case.pack, dimension.codes)
        names = {zone.code: [n.casefold() for n in zone.names] for zone in case.pack.geography}
        faults += [
            f"{source.id}: {code} is called {label!r}, not a spelling of {mapped[code]}"
            for code, label in zip(dimension.codes, dimension.labels, strict=True)
            if label != code
            and code not in case.pack.merged
            and label.casefold() not in names[mapped[code]]
        ]
    return found(faults, "every spelling leads to one zone")


def table_zones(case: Case) -> Answer:
    """The run's tables and manifest, and the frozen tables, have each zone, and no other."""
    zones, faults = set(case.pack.zones), []
    stated = [str(code) for code in case.manifest["geography"]["zones"]]
    if sorted(stated) != sorted(zones):
        faults.append("build_manifest.json: " + _difference(stated, zones))
    for view in ("persons", "households", "dwellings"):
        if case.declared_unavailable(view):
            continue
        there = [str(row[0]) for row in case.rows(f"SELECT DISTINCT zone_code FROM {view}")]
        if set(there) != zones:
            faults.append(f"{view}: {_difference(there, zones)}")
    wanted = {zone for zone in case.pack.geography if zone.code in zones}
    for source, cube in _readable(case):
        if source.zone_dimension is None:
            continue
        codes = zone_parts(case.pack, cube.dimension(source.zone_dimension).codes)
        there = [code for code in codes if code in zones]
        if sorted(there) != sorted(zone.code for zone in wanted):
            faults.append(f"{source.id}: {_difference(there, zones)}")
    return found(faults, f"{len(zones)} zones everywhere", figures={"zones": len(zones)})


def published_totals(case: Case) -> Answer:
    """Every declared total of a frozen table is the sum of its parts, unless noise is declared."""
    faults, sums, unread = [], 0, 0
    for table in case.pack.sources:
        try:
            cube = read_table(case.pack, case.snapshots, table)
        except SynthestatError as error:
            faults.append(f"{table}: {error.message}")
            unread += 1
            continue
        if case.pack.sources[table].noise:
            continue
        for total in case.pack.sources[table].totals:
            number, wrong = _sum_faults(case.pack.sources[table], cube, dict(total))
            sums += number
            faults += wrong
    return found(faults, f"{sums:,} totals are sums of their parts", figures={"sums": sums})


def _unknown(case: Case, codes: tuple[str, ...]) -> list[str]:
    """The codes of a table's zones that lead to no zone."""
    spelled = {name.casefold() for zone in case.pack.geography for name in zone.names}
    known = {zone.code for zone in case.pack.geography} | case.pack.merged.keys()
    return [code for code in codes if code not in known and code.casefold() not in spelled]


def _readable(case: Case) -> Iterator[tuple[Source, Cube]]:
    """The frozen tables that can be read; `published_totals` names those that cannot."""
    for table, source in case.pack.sources.items():
        try:
            yield source, read_table(case.pack, case.snapshots, table)
        except SynthestatError:
            continue


def _sum_faults(source: Source, cube: Cube, total: dict[str, object]) -> tuple[int, list[str]]:
    """How many sums one declared total has, and those that do not hold.

    Parts are those declared, else the codes of the dimension that are no total of it themselves. A
    sum with a missing total is not judged; with missing parts, the others must not exceed it.
    """
    name, code = str(total["dimension"]), str(total["total"])
    totals = {str(each["total"]) for each in source.totals if each["dimension"] == name}
    only = total.get("only") or {}
    assert isinstance(only, dict)
    axis = [each.id for each in cube.dimensions].index(name)
    values = cube.values
    kept = [list(range(len(each.codes))) for each in cube.dimensions]
    for place, dimension in enumerate(cube.dimensions):
        if dimension.id in only:
            kept[place] = [dimension.position(str(each)) for each in only[dimension.id]]
    whole, parts = list(kept), list(kept)
    codes = cube.dimension(name).codes
    whole[axis] = [cube.dimension(name).position(code)]
    named = total.get("parts") or [each for each in codes if each not in totals]
    assert isinstance(named, list)
    parts[axis] = [cube.dimension(name).position(str(each)) for each in named]
    published = values[np.ix_(*whole)].squeeze(axis)
    split = values[np.ix_(*parts)]
    summed, complete = np.nansum(split, axis=axis), ~np.isnan(split).any(axis=axis)
    judged = ~np.isnan(published) & ~np.isnan(split).all(axis=axis)
    off = np.where(complete, abs(summed - published) > SLACK, summed > published + SLACK)
    wrong = np.argwhere(judged & off)
    return int(judged.sum()), [
        f"{source.id}: {name} {code} is {published[tuple(at)]:,.0f}, its parts make "
        f"{summed[tuple(at)]:,.0f} ({_of_cell(cube, axis, kept, at)})"
        for at in wrong
    ]


def _of_cell(cube: Cube, axis: int, kept: list[list[int]], at: Iterable[int]) -> str:
    """The codes of a total's other dimensions that lie at a place of the judged cells."""
    others = [place for place in range(len(kept)) if place != axis]
    codes = (
        f"{cube.dimensions[place].id} {cube.dimensions[place].codes[kept[place][int(step)]]}"
        for place, step in zip(others, at, strict=True)
    )
    return ", ".join(codes) or "its only cell"


def _difference(there: list[str], wanted: set[str]) -> str:
    """How a list of zones differs from the wanted set."""
    missing, extra = sorted(wanted - set(there)), sorted(set(there) - wanted)
    twice = sorted({code for code in there if there.count(code) > 1})
    said = [
        f"{what}: {', '.join(map(str, codes[:20]))}"
        for what, codes in (("missing", missing), ("extra", extra), ("twice", twice))
        if codes
    ]
    return "zones " + "; ".join(said)


def _loops(zone: Zone, known: dict[str, Zone]) -> bool:
    seen: set[str] = set()
    at: Zone | None = zone
    while at is not None and at.code not in seen:
        seen.add(at.code)
        at = known.get(at.parent)
    return at is not None
