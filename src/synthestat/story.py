"""The story: from a country's frozen tables to its synthetic population, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.control_tables import read_controls
from synthestat.controls.household_totals import HouseholdTotal, household_totals
from synthestat.controls.reconcile import Controls, ZoneControls, reconcile
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams
from synthestat.sources.snapshots import SnapshotStore
from synthestat.synthesis.attributes import quotas_from_margin, spread_over_households
from synthestat.synthesis.dwellings import place_in_dwellings
from synthestat.synthesis.households import Homes, form_households, nobody
from synthestat.synthesis.persons import fit_joint, integerize
from synthestat.synthesis.zone_tables import FirstIds, ZoneTables, zone_tables

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Population:
    """A built country: its controls, its household counts and its zones' tables, in zone order."""

    pack: CountryPack
    seed: int
    controls: Controls
    totals: tuple[HouseholdTotal, ...]
    zones: tuple[ZoneTables, ...]


def build_population(
    pack: CountryPack,
    snapshots: SnapshotStore,
    *,
    seed: int,
    workers: int = 1,
    progress: Progress | None = None,
) -> Population:
    """Build a country's population; the same tables for the same inputs on any number of workers.

    `progress(step, done, of)` is called as work advances. Zones are independent of each other: the
    hot loops release the interpreter's lock, so `workers` threads share them.
    """
    tell = progress or _silent
    tell("reading controls", 0, 1)
    published = read_controls(pack, snapshots)
    tell("reconciling", 0, 1)
    controls = reconcile(published, pack)
    totals = household_totals(controls, pack)
    streams = RandomStreams(seed)
    plans = [
        (zone, first)
        for zone, first in zip(controls.zones, first_ids(controls, totals), strict=True)
    ]

    def build(plan: tuple[ZoneControls, FirstIds]) -> ZoneTables:
        zone, first = plan
        mine = [total for total in totals if total.zone == zone.code]
        return build_zone(zone, mine, first, controls, pack, streams)

    largest_first = sorted(plans, key=lambda plan: -sum(plan[0].residents.values()))
    built: dict[str, ZoneTables] = {}
    pool = ThreadPoolExecutor(workers)
    try:
        for tables in pool.map(build, largest_first):
            built[tables.zone] = tables
            tell("building zones", len(built), len(plans))
    finally:  # an error or an interruption does not wait for zones that have not begun
        pool.shutdown(cancel_futures=True)
    zones = tuple(built[zone.code] for zone in controls.zones)
    return Population(pack, seed, controls, totals, zones)


def _silent(_step: str, _done: int, _of: int) -> None:
    """Say nothing."""


def build_zone(
    zone: ZoneControls,
    totals: list[HouseholdTotal],
    first: FirstIds,
    controls: Controls,
    pack: CountryPack,
    streams: RandomStreams,
) -> ZoneTables:
    """Build one zone: persons, households, attributes, dwellings."""
    homes = [nobody(zone.code, pack.country.household_universe)]
    if totals:
        joint = fit_joint(zone, pack)
        counts = integerize(joint, zone.code, pack, streams)
        of = dict(zip(joint.universes, counts, strict=True))
        homes = [
            form_households(of[total.universe], zone, total, controls, pack, streams)
            for total in totals
        ]
    attributes = [draw_attributes(home, zone, pack, streams) for home in homes]
    sizes = published_sizes(homes, pack)
    housed = place_in_dwellings(sizes, zone, streams.stream("dwellings", zone.code))
    return zone_tables(zone.code, homes, attributes, housed, first, pack)


def draw_attributes(
    home: Homes, zone: ZoneControls, pack: CountryPack, streams: RandomStreams
) -> Mapping[str, NDArray[np.int8]]:
    """Give the members of one universe's households their declared attributes, quotas exact.

    Universes that an attribute's control does not cover get none: unknown stays unknown.
    """
    values: dict[str, NDArray[np.int8]] = {"sex": home.sex}
    for attribute in pack.attributes:
        control = pack.control(attribute.control)
        if home.universe not in pack.country.atoms(control.universe):
            continue
        rng = streams.stream(f"attribute {attribute.name}", f"{zone.code}/{home.universe}")
        quotas = zone.quotas[attribute.name]
        strata = pack.country.classifications[attribute.stratum]
        if attribute.association is not None:
            present = np.bincount(values[attribute.stratum], minlength=len(strata))
            names = (strata, pack.country.classifications[attribute.name])
            quotas = quotas_from_margin(
                present, quotas, pack.priors, attribute.association, names, rng, place=zone.code
            )
        values[attribute.name] = spread_over_households(
            home.positions.start, values[attribute.stratum], quotas, rng
        )
    return {name: codes for name, codes in values.items() if name != "sex"}


def published_sizes(homes: list[Homes], pack: CountryPack) -> NDArray[np.int64]:
    """Return sizes of the households that the dwelling tables cover, shape (households,)."""
    covered = [h for h in homes if h.universe == pack.country.household_universe]
    sizes = [np.diff(home.positions.start).astype(np.int64) for home in covered]
    return np.concatenate(sizes) if sizes else np.zeros(0, dtype=np.int64)


def first_ids(controls: Controls, totals: tuple[HouseholdTotal, ...]) -> Iterator[FirstIds]:
    """Yield the first ids of each zone, in zone order, counting from 1."""
    persons = [sum(zone.residents.values()) for zone in controls.zones]
    households = [
        sum(t.households for t in totals if t.zone == zone.code) for zone in controls.zones
    ]
    dwellings = [zone.dwellings for zone in controls.zones]
    starts = (accumulate(counts, initial=1) for counts in (persons, households, dwellings))
    for person, household, dwelling, _ in zip(*starts, controls.zones, strict=False):
        yield FirstIds(person, household, dwelling)
