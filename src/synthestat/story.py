"""The story: from a country's frozen tables to its synthetic population, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.control_tables import read_controls
from synthestat.controls.household_totals import HouseholdTotal, household_totals
from synthestat.controls.reconcile import Controls, ZoneControls, reconcile
from synthestat.fitting.ipf import Whole
from synthestat.packs.drawn import drawn_registry
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams
from synthestat.sources.snapshots import SnapshotStore
from synthestat.synthesis.attributes import draw_attributes
from synthestat.synthesis.dwellings import place_in_dwellings
from synthestat.synthesis.guided import guided_quotas
from synthestat.synthesis.households import Homes, form_households, nobody
from synthestat.synthesis.institutions import (
    Institutions,
    form_institutions,
    institutions_in,
)
from synthestat.synthesis.leaning import Leaning
from synthestat.synthesis.national import share_out
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
    replicate: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Population:
    """Build a country's population; the same tables for the same inputs on any number of workers.

    `progress(step, done, of)` is called as work advances. Zones are independent of each other: the
    hot loops release the interpreter's lock, so `workers` threads share them. A `replicate` above 0
    meets the same controls with a draw of what is not known: registry and household counts.
    """
    tell = progress or _silent
    streams = RandomStreams(seed, replicate)
    if replicate:
        pack = replace(pack, priors=drawn_registry(pack.priors, streams))
    tell("reading controls", 0, 1)
    published = read_controls(pack, snapshots)
    tell("reconciling", 0, 1)
    controls = reconcile(published, pack)
    packs = {zone.code: zone_pack(zone, pack, streams) for zone in controls.zones}
    persons = {z.code: zone_persons(z, packs[z.code], streams) for z in controls.zones}
    doubt = streams.stream("household counts") if replicate else None
    totals = household_totals(controls, pack, persons, doubt)
    controls, leaning = share_out(controls, totals, persons, pack, streams)
    controls = guided_quotas(controls, persons, pack, streams)
    firsts = first_ids(controls, totals, pack)
    plans = list(zip(controls.zones, firsts, strict=True))

    def build(plan: tuple[ZoneControls, FirstIds]) -> ZoneTables:
        zone, first = plan
        mine = [total for total in totals if total.zone == zone.code]
        own = packs[zone.code]
        homes = form_homes(persons[zone.code], zone, mine, controls, leaning, own, streams)
        return build_zone(zone, homes, first, own, streams)

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


def zone_pack(zone: ZoneControls, pack: CountryPack, streams: RandomStreams) -> CountryPack:
    """Return the pack of a zone: in a replicate, with a registry that is drawn for it."""
    if not streams.replicate:
        return pack
    return replace(pack, priors=drawn_registry(pack.priors, streams, zone.code))


def zone_persons(zone: ZoneControls, pack: CountryPack, streams: RandomStreams) -> dict[str, Whole]:
    """Return whole persons of a zone by universe, each of shape (single ages, sexes)."""
    if not any(zone.residents.values()):
        return {}
    joint = fit_joint(zone, pack)
    counts = integerize(joint, zone.code, pack, streams)
    return dict(zip(joint.universes, counts, strict=True))


def form_homes(
    persons: Mapping[str, Whole],
    zone: ZoneControls,
    totals: Sequence[HouseholdTotal],
    controls: Controls,
    leaning: Sequence[Leaning],
    pack: CountryPack,
    streams: RandomStreams,
) -> list[Homes | Institutions]:
    """Form the private households and the institutions of one zone."""
    homes: list[Homes | Institutions] = [
        form_households(persons[total.universe], zone, total, controls, pack, streams, leaning)
        for total in totals
    ]
    homes += [
        form_institutions(persons[universe], zone.code, universe, pack, streams)
        for universe, number in institutions_in(zone, pack).items()
        if number
    ]
    return homes or [nobody(zone.code, pack.country.household_universe)]


def build_zone(
    zone: ZoneControls,
    homes: Sequence[Homes | Institutions],
    first: FirstIds,
    pack: CountryPack,
    streams: RandomStreams,
) -> ZoneTables:
    """Give the members of one zone's households attributes and dwellings."""
    attributes = draw_attributes(homes, zone, pack, streams)
    sizes = published_sizes(homes, pack)
    housed = place_in_dwellings(sizes, zone, streams.stream("dwellings", zone.code))
    constrained = {home.universe: zone.split_by(home.universe) for home in homes}
    return zone_tables(zone.code, homes, attributes, housed, first, pack, constrained)


def published_sizes(homes: Sequence[Homes | Institutions], pack: CountryPack) -> NDArray[np.int64]:
    """Return sizes of the households that the dwelling tables cover, shape (households,)."""
    home = pack.country.household_universe
    covered = [h for h in homes if isinstance(h, Homes) and h.universe == home]
    sizes = [np.diff(home.positions.start).astype(np.int64) for home in covered]
    return np.concatenate(sizes) if sizes else np.zeros(0, dtype=np.int64)


def first_ids(
    controls: Controls, totals: tuple[HouseholdTotal, ...], pack: CountryPack
) -> Iterator[FirstIds]:
    """Yield the first ids of each zone, in zone order, counting from 1."""
    persons = [sum(zone.residents.values()) for zone in controls.zones]
    households = [
        sum(t.households for t in totals if t.zone == zone.code)
        + sum(institutions_in(zone, pack).values())
        for zone in controls.zones
    ]
    dwellings = [zone.dwellings for zone in controls.zones]
    starts = (accumulate(counts, initial=1) for counts in (persons, households, dwellings))
    for person, household, dwelling, _ in zip(*starts, controls.zones, strict=False):
        yield FirstIds(person, household, dwelling)
