"""Relaxations: FIRM figures that no population can meet, moved by the least, with the proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthestat.controls.control_tables import UNPUBLISHED, ControlTable, Counts, Published
from synthestat.errors import BlockedError, PackError
from synthestat.fitting.rounding import largest_remainder
from synthestat.packs.pack import CountryPack


@dataclass(frozen=True)
class Relaxation:
    """One FIRM cell or margin that could not be met, and the proof that less would not do."""

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


def moved_to_total(
    table: ControlTable, code: str, total: int, relaxations: list[Relaxation]
) -> Counts:
    """Return a zone's cells, moved in proportion to `total` where their sum differs from it."""
    cells = table.row(code)
    if cells is None or (cells == UNPUBLISHED).any():
        raise PackError(f"{table.cell_name(code)} gives no complete row for this zone")
    published = int(cells.sum())
    if published == total:
        return cells
    if table.spec.level == "HARD":
        raise BlockedError(
            "HARD totals of one zone contradict each other",
            faults=[f"{table.cell_name(code)} sums to {published:,}; the zone holds {total:,}"],
        )
    moved = largest_remainder((cells if published else np.ones_like(cells)).astype(float), total)
    for category, before, after in zip(table.categories, cells, moved, strict=True):
        if before != after:
            relaxations.append(
                Relaxation(
                    control_id=table.spec.id,
                    zone=code,
                    category=category_name(table.columns, category),
                    target=int(before),
                    achieved=int(after),
                    unit="persons",
                    proof=(
                        f"the cells sum to {published:,} but the zone holds {total:,} residents "
                        f"of this universe; the row must move by {abs(published - total):,} in "
                        "all, and does"
                    ),
                    cells=(table.cell_name(code, category),),
                )
            )
    return moved


def relaxed_wholes(
    published: Published, pack: CountryPack, relaxations: list[Relaxation]
) -> list[Relaxation]:
    """Return what relaxed zones, or a disturbed table, do to the FIRM figures of the whole country.

    A population adds up: the whole reaches the sum of its zones, whatever was printed for it.
    """
    root = pack.geography.root.code
    zones = [zone.code for zone in pack.geography.at(pack.country.zone_level)]
    moved = {(r.control_id, r.zone, r.category): r.achieved for r in relaxations}
    found = []
    for table in published.tables.values():
        whole = table.row(root)
        if whole is None or table.spec.level != "FIRM" or table.spec.counts != "persons":
            continue
        for at, category in enumerate(table.categories):
            name = category_name(table.columns, category)
            target = int(whole[at])
            parts = [
                moved.get(
                    (table.spec.id, zone, name), int(table.targets[table.zones.index(zone), at])
                )
                for zone in zones
            ]
            if target in (UNPUBLISHED, sum(parts)):
                continue
            found.append(
                Relaxation(
                    control_id=table.spec.id,
                    zone=root,
                    category=name,
                    target=target,
                    achieved=sum(parts),
                    unit="persons",
                    proof=f"the zones, as relaxed or as published, sum to {sum(parts):,}",
                    cells=(table.cell_name(root, category),),
                )
            )
    return found


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
