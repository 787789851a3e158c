"""Relaxations: figures that no population can meet, moved by the least, with the proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from synthestat.controls.age_bands import shared_columns, shared_keys
from synthestat.controls.control_tables import (
    UNBOUNDED,
    UNPUBLISHED,
    ControlTable,
    Counts,
    Published,
)
from synthestat.errors import PackError
from synthestat.fitting.rounding import largest_remainder
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import LEVELS_IN_DEVIATION


@dataclass(frozen=True)
class Relaxation:
    """One FIRM or SOFT cell or margin that could not be met, with proof that less would not do."""

    control_id: str
    zone: str
    category: str
    target: int
    achieved: int
    unit: str
    proof: str
    cells: tuple[str, ...]

    @property
    def id(self) -> str:
        """Stable name: control, zone and category."""
        return ".".join(filter(None, ["relax", self.control_id, self.zone, self.category]))

    @property
    def moved(self) -> int:
        """Total movement, in units."""
        return abs(self.target - self.achieved)


def category_name(columns: tuple[str, ...], category: tuple[str, ...]) -> str:
    """Return the name of a category as residual rows print it: `sex=male;ethnicity=Turk`."""
    return ";".join(f"{c}={v}" for c, v in zip(columns, category, strict=True))


def settle_rows(
    tables: Iterable[ControlTable],
    code: str,
    residents: Mapping[str, int],
    relaxations: list[Relaxation],
) -> dict[str, Counts]:
    """Return one zone's cells of each table of persons, by control, as a population can meet them.

    `residents` are totals by universe. Tables settle in the order HARD, FIRM, SOFT, finer before
    coarser; each keeps the sums, over the columns that it shares with a settled table of its
    universe, of that table (else the universe's total), and moves by the least that does so.
    """
    order = sorted(
        tables,
        key=lambda t: (LEVELS_IN_DEVIATION.index(t.spec.level), -len(t.columns), t.spec.id),
    )
    settled: dict[str, Counts] = {}
    for table in order:
        cells = table.row(code)
        if cells is None or (table.bounds(code)[1] == UNBOUNDED).any():
            raise PackError(f"{table.cell_name(code)} gives no complete row for this zone")
        low, high = table.bounds(code)
        cells = np.clip(cells, low, high)  # an unpublished cell starts at its least
        kin = [t for t in order if t.spec.id in settled and t.spec.universe == table.spec.universe]
        lead = max(kin, key=lambda t: len(shared_columns(t, table)), default=None)
        group, sums = (
            np.zeros(len(cells), dtype=np.int64),
            np.array([residents[table.spec.universe]]),
        )
        if lead is not None and shared_columns(lead, table):
            group, sums = _group_sums(table, lead, settled[lead.spec.id])
        moved = np.zeros_like(cells)
        for at, total in enumerate(sums):
            inside = group == at
            moved[inside] = _nearest(cells[inside], low[inside], high[inside], int(total))
        settled[table.spec.id] = moved
        relaxations += _moves(table, code, cells, moved, group, sums)
    return settled


def _nearest(cells: Counts, low: Counts, high: Counts, total: int) -> Counts:
    """Return cells that sum to `total`, inside their intervals if they can be, else in proportion.

    Within the intervals the difference is shared in proportion to the room that each cell has.
    """
    gap = total - int(cells.sum())
    room = high - cells if gap > 0 else cells - low
    if 0 < abs(gap) <= int(room.sum()):
        step = largest_remainder(room.astype(np.float64), abs(gap))
        return np.asarray(cells + step if gap > 0 else cells - step, dtype=np.int64)
    weights = cells if cells.any() else np.ones(len(cells))
    return largest_remainder(weights.astype(np.float64), total)


def sums_by_key(keys: Iterable[tuple[str, ...]], cells: Counts) -> dict[tuple[str, ...], int]:
    """Return sums of a row's cells by key, one key per cell."""
    sums: dict[tuple[str, ...], int] = {}
    for key, count in zip(keys, cells, strict=True):
        sums[key] = sums.get(key, 0) + int(count)
    return sums


def _group_sums(table: ControlTable, lead: ControlTable, cells: Counts) -> tuple[Counts, Counts]:
    """Return (group of each cell of `table`, sum that each group must have) by shared columns."""
    theirs, ours = shared_keys(lead, table)
    sums = sums_by_key(theirs, cells)
    place = {key: number for number, key in enumerate(sums)}
    return np.array([place[key] for key in ours]), np.array(list(sums.values()))


def published_figure(table: ControlTable, code: str, number: int) -> int:
    """Return a zone's figure of one category, or the most that its suppression allows."""
    low, high = table.bounds(code)
    figure = int(table.targets[table.zones.index(code), number])
    return min(max(figure, int(low[number])), int(high[number]))


def _moves(
    table: ControlTable, code: str, cells: Counts, moved: Counts, group: Counts, sums: Counts
) -> Iterator[Relaxation]:
    published = np.bincount(group, cells, minlength=len(sums)).astype(np.int64)
    needed = int(np.abs(published - sums).sum())
    low, high = table.bounds(code)
    for number, (category, after, at) in enumerate(
        zip(table.categories, moved, group, strict=True)
    ):
        if not low[number] <= after <= high[number]:
            yield Relaxation(
                control_id=table.spec.id,
                zone=code,
                category=category_name(table.columns, category),
                target=published_figure(table, code, number),
                achieved=int(after),
                unit="persons",
                proof=(
                    f"the cells that must add up sum to {published[at]:,} but the zone holds "
                    f"{sums[at]:,} such residents; the row must move by {needed:,} in all, and does"
                ),
                cells=(table.cell_name(code, category),),
            )


def within_bounds(
    table: ControlTable,
    code: str,
    target: int,
    bounds: tuple[int, int],
    reason: str,
    relaxations: list[Relaxation],
) -> int:
    """Return the reachable figure nearest to a published one; log the move where there is one."""
    reached = min(max(target, bounds[0]), bounds[1])
    if reached != target:
        relaxations.append(
            Relaxation(
                control_id=table.spec.id,
                zone=code,
                category="",
                target=target,
                achieved=reached,
                unit=table.spec.counts,
                proof=(
                    f"{reason} leave room for {bounds[0]:,} to {bounds[1]:,} {table.spec.counts}; "
                    f"the published {target:,} is missed by {abs(target - reached):,}, no less"
                ),
                cells=(table.cell_name(code),),
            )
        )
    return reached


def relaxed_wholes(
    published: Published,
    pack: CountryPack,
    relaxations: list[Relaxation],
    settled: Mapping[str, Mapping[str, Counts]],
) -> list[Relaxation]:
    """Return what relaxed zones, or a disturbed table, do to the FIRM figures of the whole country.

    A population adds up: the whole reaches the sum of its zones, whatever was printed for it.
    `settled` holds each zone's cells by control, where they may differ from the published ones
    without a relaxation (inside the interval that an office's noise leaves).
    """
    root = pack.geography.root.code
    zones = [zone.code for zone in pack.geography.at(pack.country.zone_level)]
    moved = {(r.control_id, r.zone, r.category): r.achieved for r in relaxations}
    found = []
    for table in published.tables.values():
        whole = table.row(root)
        if whole is None or table.spec.level not in ("FIRM", "SOFT"):
            continue
        for at, category in enumerate(table.categories):
            name = category_name(table.columns, category)
            target = int(whole[at])
            parts = [_reached(table, zone, at, name, moved, settled[zone]) for zone in zones]
            if UNPUBLISHED in (target, *parts) or (table.spec.id, root, name) in moved:
                continue
            if abs(target - sum(parts)) <= table.source.reach:
                continue
            found.append(
                Relaxation(
                    control_id=table.spec.id,
                    zone=root,
                    category=name,
                    target=target,
                    achieved=sum(parts),
                    unit=table.spec.counts,
                    proof=f"the zones, as relaxed or as published, sum to {sum(parts):,}",
                    cells=(table.cell_name(root, category),),
                )
            )
    return found


def _reached(
    table: ControlTable,
    zone: str,
    at: int,
    name: str,
    moved: Mapping[tuple[str, str, str], int],
    settled: Mapping[str, Counts],
) -> int:
    """Return what a zone's cell becomes: as settled, as relaxed, as published or UNPUBLISHED."""
    if table.spec.id in settled:
        return int(settled[table.spec.id][at])
    if (table.spec.id, zone, name) in moved or zone not in table.zones:
        return moved.get((table.spec.id, zone, name), UNPUBLISHED)
    return int(table.targets[table.zones.index(zone), at])


def reachable_capped_persons(
    table: ControlTable | None,
    code: str,
    persons: int,
    households: int | None,
    pack: CountryPack,
    relaxations: list[Relaxation],
) -> int | None:
    """Return the reachable total of min(size, cap) nearest to the published one.

    With N persons in H households of at most M, the total lies between the least over k top
    households of max(N - (M - cap) k, H + (cap - 1) k) and min(N, cap H); both ends are reached.
    """
    target = None if table is None else table.total(code)
    if table is None or target is None or households is None or table.spec.cap is None:
        return None
    cap, largest = table.spec.cap, pack.country.household_rules.largest_household.value
    upper = min(persons, cap * households)
    lower = upper
    if largest > cap:
        crossing = (persons - households) / (largest - 1)
        lower = min(
            max(persons - (largest - cap) * k, households + (cap - 1) * k)
            for k in {max(int(np.floor(crossing)), 0), min(int(np.ceil(crossing)), households)}
        )
    reached = min(max(target, lower), upper)
    if reached != target:
        bound = (
            f"a household of s persons counts min(s, {cap}) <= s, so {persons:,} residents in "
            f"{households:,} households reach at most {upper:,}"
            if reached == upper
            else f"households hold at most {largest} persons, so the total is at least {lower:,}"
        )
        relaxations.append(
            Relaxation(
                control_id=table.spec.id,
                zone=code,
                category="",
                target=target,
                achieved=reached,
                unit="persons",
                proof=(
                    f"{bound}; the published {target:,} is missed by {abs(target - reached):,}, "
                    "no less"
                ),
                cells=(table.cell_name(code),),
            )
        )
    return reached
