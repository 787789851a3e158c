"""Draws of what a build models: zone by zone, each quantity under its own spread.

A quantity is a table of counts by zone, rows (age groups, or one row) and categories, as the build
has it. What is drawn for a zone comes from its stream, keyed (seed, "uncertainty <quantity>",
zone); what is drawn for the country, and moves all zones together, from the country's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.reconcile import ZoneControls
from synthestat.fitting.dense import TableMargin
from synthestat.fitting.intervals import (
    Drawn,
    bounds,
    national_lifts,
    open_cells,
    place_shares,
    pooled_lifts,
    whole_cube,
    whole_rows,
    whole_table,
)
from synthestat.fitting.ipf import Floats
from synthestat.fitting.pooling import Pool, draw_target, pool_sources
from synthestat.packs.pack import CountryPack
from synthestat.packs.spread import PoolOf, Spread
from synthestat.random_streams import RandomStreams

__all__ = ["Drawn"]  # draws of a place pass through here to whoever states them

FEWEST_ZONES = 8  # zones with a table from which their spread is learnt; assumption
SEX_AND_AGE = "persons_by_sex_and_age"
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Learnt:
    """How much zones differ, from their tables of some attributes, drawn from all alike.

    `attributes` name them; each of `pools` holds a posterior of the concentration, in persons.
    """

    attributes: tuple[str, ...]
    pools: tuple[Pool, ...]

    def draw(self, rng: np.random.Generator, draws: int) -> Floats:
        """Draw concentrations, shape (draws,): of an attribute at random, from its posterior."""
        which = rng.integers(len(self.pools), size=draws)
        each = [rng.choice(p.grid, size=draws, p=p.weights) for p in self.pools]
        return np.asarray(np.stack(each)[which, np.arange(draws)], dtype=np.float64)

    def of(self, attribute: str) -> Learnt:
        """Return what an attribute's own table says, else what those of all others say."""
        if attribute not in self.attributes:
            return self
        at = self.attributes.index(attribute)
        return Learnt((attribute,), (self.pools[at],))

    @property
    def median(self) -> float:
        """Median of the concentrations that `draw` draws from."""
        grid = np.concatenate([p.grid for p in self.pools])
        weights = np.concatenate([p.weights for p in self.pools])
        order = np.argsort(grid)
        passed = np.cumsum(weights[order]) / weights.sum()
        return float(grid[order][np.searchsorted(passed, 0.5)])


def learn_concentration(zones: Sequence[ZoneControls], pack: CountryPack) -> Learnt | None:
    """Learn how much zones differ from their tables of attributes that follow age; else None.

    An attribute drawn by quotas alone (ethnicity, religion) keeps to its own places and says
    nothing about others. Fewer than eight zones say too little (assumption).
    """
    names, pools = [], []
    for attribute in pack.attributes:
        if attribute.control is None or attribute.by_quotas_alone:
            continue
        rows = [zone.quotas[attribute.name] for zone in zones if attribute.name in zone.quotas]
        counts = np.array([np.atleast_2d(row).sum(axis=0) for row in rows], dtype=np.float64)
        if len(counts) < FEWEST_ZONES:
            continue
        counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
        if len(counts) >= FEWEST_ZONES and counts.shape[1] > 1:
            names.append(attribute.name)
            pools.append(pool_sources(counts))
    return Learnt(tuple(names), tuple(pools)) if pools else None


@dataclass(frozen=True)
class Quantity:
    """Counts of which a build models the split: `counts` (zones, R, K), of `zones`.

    `name` is that of uncertainty.parquet; `possible` (R, K) excludes cells that rules forbid;
    `categories` (R * K) are the cells' names in the order of the table; `confidence` is the word of
    the entries behind it, `method` says which; `attribute` is named where it follows age, and
    so is like others that do. `pool` are comparable places by age band, with
    `bands` (bands, 1, K) the country's counts in each and `pool_columns` the categories there.
    """

    name: str
    universe: str
    zones: tuple[str, ...]
    counts: Floats
    possible: Flags
    categories: tuple[str, ...]
    confidence: str
    method: str
    attribute: str | None = None
    pool: PoolOf | None = None
    bands: Floats | None = None
    pool_columns: tuple[int, ...] = ()

    @property
    def national(self) -> Floats:
        """The country's counts, (R, K)."""
        return np.asarray(self.counts.sum(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class Doubt:
    """What the spread of a quantity comes from: the country's lifts, and concentrations.

    `lifts` (draws, R, K); `learnt` or, where None, `concentration` of zones in units.
    """

    lifts: Floats
    learnt: Learnt | None
    concentration: float

    def concentrations(self, rng: np.random.Generator) -> Floats:
        """Return the concentration of one zone in each draw, shape (draws,)."""
        if self.learnt is not None:
            return self.learnt.draw(rng, len(self.lifts))
        return np.full(len(self.lifts), self.concentration)


def stage(quantity: str) -> str:
    """Return the name of the streams of a quantity."""
    return f"uncertainty {quantity}"


def doubt_of(
    quantity: Quantity, spread: Spread, learnt: Learnt | None, streams: RandomStreams, root: str
) -> Doubt:
    """Draw what moves all zones of a quantity together, from the country's stream."""
    rng = streams.stream(stage(quantity.name), root)
    if quantity.pool is not None and quantity.bands is not None:
        lifts = _lifts_of_pool(quantity.pool, quantity, rng, spread.draws)
    else:
        a = spread.national[quantity.confidence]
        lifts = national_lifts(quantity.national, quantity.possible, a, rng, spread.draws)
    return Doubt(lifts, learnt, spread.zone[quantity.confidence])


def _lifts_of_pool(of: PoolOf, quantity: Quantity, rng: np.random.Generator, draws: int) -> Floats:
    """Return lifts by pooled draws of comparable places: share by band moves as they differ."""
    drawn = draw_target(of.pool, rng, draws).draws  # draws, bands, categories
    assert quantity.bands is not None
    moved = (drawn / of.pool.mean)[:, :, list(quantity.pool_columns)]
    bands = quantity.bands[None] * moved[:, :, None, :]
    shares = bands.sum(axis=1)
    shares /= np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300)
    return pooled_lifts(shares, quantity.national, quantity.possible)


def draw_zone(
    quantity: Quantity,
    at: int,
    doubt: Doubt,
    streams: RandomStreams,
    *,
    totals: Floats | None = None,
) -> Drawn:
    """Draw a zone's cells whose rows alone are known; `totals` (draws, R), by default as built."""
    rng = streams.stream(stage(quantity.name), quantity.zones[at])
    counts = quantity.counts[at]
    shares = _shares(quantity, counts, doubt, rng)
    known = np.broadcast_to(counts.sum(axis=1), shares.shape[:2]) if totals is None else totals
    return whole_rows(shares, known, rng)


def draw_table(
    quantity: Quantity,
    at: int,
    doubt: Doubt,
    streams: RandomStreams,
    *,
    rows: Floats | None = None,
) -> Drawn:
    """Draw a zone's cells under both its margins; `rows` (draws, R), by default as built.

    Rows and columns that hold nobody are left out of the fit, and hold nobody in every draw.
    """
    rng = streams.stream(stage(quantity.name), quantity.zones[at])
    counts = quantity.counts[at]
    shares = _shares(quantity, counts, doubt, rng)
    known = counts.sum(axis=1)
    if rows is not None:
        known = rows * (counts.sum() / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300))
    known = np.broadcast_to(known, shares.shape[:2])
    levels = counts.sum(axis=0)
    kept = np.ix_(np.ones(len(shares), bool), known.sum(axis=0) > 0, levels > 0)
    seed = shares[kept] * np.where(known[:, kept[1].ravel()] > 0, 1.0, 0.0)[..., None]
    drawn = whole_table(seed, known[:, kept[1].ravel()], levels[levels > 0], rng)
    expected, whole = np.zeros_like(shares), np.zeros_like(shares)
    expected[kept], whole[kept] = drawn.expected, drawn.whole
    return Drawn(expected, whole)


def _shares(quantity: Quantity, counts: Floats, doubt: Doubt, rng: np.random.Generator) -> Floats:
    return place_shares(
        counts,
        quantity.national,
        quantity.possible,
        doubt.lifts,
        doubt.concentrations(rng),
        rng,
    )


@dataclass(frozen=True)
class Lifts:
    """How the country's persons by sex and age may differ from the model's.

    `sex` (draws, universes, G, S) are lifts of sexes at each age, `age` (draws, universes, G) of
    age groups.
    """

    sex: Floats
    age: Floats

    def of(self, universes: Sequence[int]) -> Lifts:
        """Return the lifts of some universes, in this order."""
        return Lifts(self.sex[:, universes], self.age[:, universes])


def sex_age_lifts(
    national: Floats,
    concentrations: Sequence[float],
    draws: int,
    streams: RandomStreams,
    root: str,
) -> Lifts:
    """Draw lifts of persons by sex and age for the country's counts (universes, S, G)."""
    rng = streams.stream(stage(SEX_AND_AGE), root)
    sex, age = [], []
    for counts, a in zip(national, concentrations, strict=True):
        by_age = counts.T
        sex.append(national_lifts(by_age, np.ones(by_age.shape, bool), a, rng, draws))
        ages = counts.sum(axis=0)[None]
        age.append(national_lifts(ages, np.ones(ages.shape, bool), a, rng, draws)[:, 0])
    return Lifts(np.stack(sex, axis=1), np.stack(age, axis=1))


def draw_persons(
    cube: Floats,
    national: Floats,
    known: Sequence[tuple[tuple[int, ...], tuple[int, ...]]],
    lifts: Lifts,
    concentration: float,
    rng: np.random.Generator,
) -> Drawn:
    """Draw persons of one zone by universe, sex and age group, under the margins that are known.

    `cube` and `national` are counts (universes, S, G), here and in the country; each of `known`
    gives universes and axes (of the cube, 1: sex, 2: age) by which a table has them. The total of
    each is known. `lifts` are those of these universes. Returns draws (draws, universes, S, G).
    """
    parts, sexes, groups = cube.shape
    draws = len(lifts.sex)
    of_sex = cube.transpose(0, 2, 1).reshape(parts * groups, sexes)
    of_all = national.transpose(0, 2, 1).reshape(parts * groups, sexes)
    a = np.full(draws, concentration)
    everywhere = np.ones(of_sex.shape, dtype=np.bool_)
    by_sex = lifts.sex.reshape(draws, parts * groups, sexes)
    sex = place_shares(of_sex, of_all, everywhere, by_sex, a, rng)
    ages = cube.sum(axis=1)
    age = place_shares(ages, national.sum(axis=1), np.ones(ages.shape, bool), lifts.age, a, rng)
    shares = sex.reshape(draws, parts, groups, sexes) * age[..., None]
    seed = shares.transpose(0, 1, 3, 2) * cube.sum(axis=(1, 2))[None, :, None, None]
    margins = [_margin((0,), cube, range(parts), draws)]
    margins += [_margin((0, *axes), cube, of, draws) for of, axes in known if len(of) < parts]
    margins += [_margin(axes, cube, of, draws) for of, axes in known if len(of) == parts]
    return whole_cube(seed, margins, rng)


def _margin(axes: tuple[int, ...], cube: Floats, of: Sequence[int], draws: int) -> TableMargin:
    """Return a margin of all draws: exact for the universes `of`, open for the others."""
    away = tuple(axis for axis in range(cube.ndim) if axis not in axes)
    target = np.repeat(cube.sum(axis=away)[..., None], draws, axis=-1)
    low, high = target, target
    if 0 in axes:
        others = [part for part in range(len(cube)) if part not in of]
        low, high = target.copy(), target.copy()
        low[others], high[others] = 0.0, cube.sum()
    return TableMargin((*axes, cube.ndim), low, high)


class Total:
    """Draws of the country: the sum over zones of drawn counts and of counts that are known."""

    def __init__(self, shape: tuple[int, ...], draws: int) -> None:
        self.draws = Drawn(np.zeros((draws, *shape)), np.zeros((draws, *shape)))
        self.zones = 0

    def know(self, counts: Floats) -> None:
        """Add a zone's counts that a table gives."""
        self.draws = Drawn(self.draws.expected + counts, self.draws.whole + counts)

    def add(self, zone: Drawn) -> None:
        """Add the draws of one zone."""
        expected, whole = self.draws.expected, self.draws.whole
        self.draws = Drawn(expected + zone.expected, whole + zone.whole)
        self.zones += 1


def stated(drawn: Drawn, built: Floats, chosen: Flags, probability: float) -> dict[str, Floats]:
    """Return estimate, low, high, between and within of the chosen cells, one figure a cell."""
    low, high = bounds(drawn.whole[:, chosen], built[chosen], probability)
    return {
        "estimate": built[chosen],
        "low": low,
        "high": high,
        "between": drawn.between[chosen],
        "within": drawn.within[chosen],
    }


def modelled_cells(built: Floats, possible: Flags) -> Flags:
    """Return which cells (R, K) of a zone a model decides.

    Of one row all that are possible, if there are two or more; of a table under its margins those
    that rows and columns with persons leave open.
    """
    if len(built) == 1:
        return np.asarray(possible & (possible.sum() > 1), dtype=np.bool_)
    rows, columns = built.sum(axis=1) > 0, built.sum(axis=0) > 0
    return open_cells(possible & rows[:, None] & columns)
