"""Intervals of persons by sex and age group, where no HARD or FIRM table of a universe has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthestat.controls.age_bands import band_starts
from synthestat.controls.reconcile import ZoneControls
from synthestat.diagnostics.ledger import Ledger, Place
from synthestat.diagnostics.quantities import (
    GROUP_STARTS,
    SEX_AGE_CELLS,
    known_margins,
    persons_by_sex_and_age,
)
from synthestat.packs.registry import Floats
from synthestat.packs.spread import CONFIDENCE
from synthestat.random_streams import RandomStreams
from synthestat.story import Population
from synthestat.synthesis.uncertainty import (
    SEX_AND_AGE,
    Drawn,
    Lifts,
    Total,
    draw_persons,
    sex_age_lifts,
    stage,
)

SEX_FAMILY = "sex_ratio_by_age"
INSTITUTION_FAMILY = "institutional_ages"


@dataclass(frozen=True)
class People:
    """Persons of the country (zones, universes, S, G), and what stands behind their spread.

    `words` are confidence words and `methods` registry entries by universe.
    """

    universes: tuple[str, ...]
    counts: Floats
    words: tuple[str, ...]
    methods: tuple[str, ...]
    lifts: Lifts
    concentration: float

    @property
    def national(self) -> Floats:
        """The country's persons, (universes, S, G)."""
        return np.asarray(self.counts.sum(axis=0), dtype=np.float64)


def sex_and_age(
    population: Population, persons: pl.DataFrame, ledger: Ledger
) -> dict[Place, Floats]:
    """State persons by sex and age group; return draws of ages by zone and universe.

    Those are of shape (draws, groups), for every universe with residents in a zone: as built where
    tables give them.
    """
    people = _people(population, persons, ledger)
    totals = [Total(people.national.shape[1:], ledger.spread.draws) for _ in people.universes]
    ages: dict[Place, Floats] = {}
    for at, zone in enumerate(population.controls.zones):
        drawn = _zone(at, zone, people, population)
        for place, universe in enumerate(people.universes):
            built = people.counts[at, place]
            if not built.any():
                continue
            if place not in drawn:
                totals[place].know(built)
                flat = np.broadcast_to(built.sum(axis=0), (ledger.spread.draws, len(GROUP_STARTS)))
                ages[zone.code, universe] = flat
                continue
            totals[place].add(drawn[place])
            ages[zone.code, universe] = drawn[place].expected.sum(axis=1)
            _state(people, place, zone.code, built, drawn[place], ledger)
    root = population.pack.geography.root.code
    for place, universe in enumerate(people.universes):
        if totals[place].zones and not _national_table(universe, people, population):
            _state(people, place, root, people.national[place], totals[place].draws, ledger)
    return ages


def _people(population: Population, persons: pl.DataFrame, ledger: Ledger) -> People:
    pack, spread = population.pack, ledger.spread
    universes, _, counts = persons_by_sex_and_age(population, persons)
    families = [
        INSTITUTION_FAMILY if pack.country.institution(universe) else SEX_FAMILY
        for universe in universes
    ]
    entries = [pack.priors.used(family) for family in families]
    lived = [e.confidence for e, n in zip(entries, counts.sum(axis=(0, 2, 3)), strict=True) if n]
    word = max(lived, key=CONFIDENCE.index, default="low")
    national = [spread.national[entry.confidence] for entry in entries]
    streams, root = RandomStreams(population.seed), pack.geography.root.code
    lifts = sex_age_lifts(counts.sum(axis=0), national, spread.draws, streams, root)
    for universe, figure in zip(universes, national, strict=True):
        ledger.sources[SEX_AND_AGE, universe] = {
            "country": {"declared": figure},
            "zones": {"declared": spread.zone[word]},
        }
    return People(
        universes,
        counts,
        tuple(entry.confidence for entry in entries),
        tuple(entry.id for entry in entries),
        lifts,
        spread.zone[word],
    )


def _zone(
    at: int, zone: ZoneControls, people: People, population: Population
) -> Mapping[int, Drawn]:
    """Return draws (draws, S, G) of each universe that no table covers in a zone, by its number."""
    here = [p for p in range(len(people.universes)) if people.counts[at, p].any()]
    known = known_margins(zone, [people.universes[p] for p in here], population.pack)
    open_ = [p for p in range(len(here)) if not covered(p, len(here), known)]
    if not open_:
        return {}
    rng = RandomStreams(population.seed).stream(stage(SEX_AND_AGE), zone.code)
    drawn = draw_persons(
        people.counts[at, here],
        people.national[here],
        known,
        people.lifts.of(here),
        people.concentration,
        rng,
    )
    return {here[p]: Drawn(drawn.expected[:, p], drawn.whole[:, p]) for p in open_}


def covered(
    place: int, present: int, known: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]
) -> bool:
    """Tell whether a table gives one of `present` universes by sex and age, it alone."""
    alone = {(place,)} | ({tuple(range(present))} if present == 1 else set())
    return any(of in alone and axes == (1, 2) for of, axes in known)


def _state(
    people: People, place: int, zone: str, built: Floats, drawn: Drawn, ledger: Ledger
) -> None:
    every = np.ones(built.shape, dtype=np.bool_)
    where, method = (zone, people.universes[place]), people.methods[place]
    ledger.state(SEX_AND_AGE, where, SEX_AGE_CELLS, built, drawn, every, method)


def _national_table(universe: str, people: People, population: Population) -> bool:
    """Tell whether a HARD or FIRM table of the whole country gives a universe by sex and age."""
    country, root = population.pack.country, population.pack.geography.root.code
    lived = {u for u, n in zip(people.universes, people.national, strict=True) if n.any()}
    for table in population.controls.published.tables.values():
        spec = table.spec
        if spec.counts != "persons" or set(table.columns) != {"sex", "age"}:
            continue
        same = lived & set(country.atoms(spec.universe)) == {universe}
        binds = spec.level in ("HARD", "FIRM") and table.total(root) is not None
        if same and binds and set(GROUP_STARTS) <= set(band_starts(table)):
            return True
    return False
