"""How wide intervals are: the family `spread` of the registry, and pools of comparable places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from synthestat.errors import InputError, PackError
from synthestat.fitting.pooling import Pool, pool_sources
from synthestat.packs.registry import Floats, Registry
from synthestat.packs.spec import PriorSpec, age_band

FAMILY = "spread"
CONFIDENCE = ("high", "medium", "low")
FEWEST_DRAWS = 100  # below, the ends of a 95 % interval are the outermost draws; assumption
POOL = "pool"


@dataclass(frozen=True)
class Spread:
    """The declared spread: concentrations in units by confidence word, of country and zones."""

    entry: str
    national: Mapping[str, float]
    zone: Mapping[str, float]
    probability: float
    draws: int


def spread_of(registry: Registry) -> Spread:
    """Return the declared spread; PackError where a figure is absent or impossible."""
    entry = registry.used(FAMILY)
    probability = registry.number(FAMILY, "probability")
    draws = registry.number(FAMILY, "draws")
    if not 0.5 <= probability < 1.0:
        raise PackError(f"priors.yaml: {entry.id}: probability must lie in 0.5..1 ({probability})")
    if draws < FEWEST_DRAWS or draws != int(draws):
        raise PackError(f"priors.yaml: {entry.id}: draws must be a whole number >= {FEWEST_DRAWS}")
    parts = {part: registry.weights(FAMILY, part) for part in ("national", "zone")}
    for part, weights in parts.items():
        if set(weights) != set(CONFIDENCE) or min(weights.values()) <= 0:
            words = ", ".join(CONFIDENCE)
            raise PackError(f"priors.yaml: {entry.id}: {part} needs a figure above 0 for {words}")
    return Spread(entry.id, parts["national"], parts["zone"], probability, int(draws))


def spread_faults(registry: Registry) -> list[str]:
    """Return what is wrong with the declared spread, as faults of a pack."""
    try:
        spread_of(registry)
    except PackError as error:
        return [error.message, *error.faults]
    return []


def weakest(words: Sequence[str]) -> str:
    """Return the lowest of some confidence words; `low` where there is none."""
    return max(words, key=CONFIDENCE.index, default="low")


@dataclass(frozen=True)
class PoolOf:
    """A pool of comparable places: by age band (first ages; one band from 0: all) and category."""

    pool: Pool
    sources: tuple[str, ...]
    starts: tuple[int, ...]
    categories: tuple[str, ...]


def pool_of(entry: PriorSpec) -> PoolOf | None:
    """Return the pool of an entry whose values are `pool: [{source, counts}, ...]`, else None.

    Counts are `{category: number}`, or `{age band: {category: number}}` with the same bands in
    every source, the first from 0 and the last open. Raises PackError naming what is wrong.
    """
    listed = entry.values.get(POOL)
    if listed is None:
        return None
    place = f"priors.yaml: {entry.id}: pool"
    if not isinstance(listed, list) or len(listed) < 2 or len(entry.values) > 1:
        raise PackError(f"{place}: needs two sources or more, and nothing beside them")
    tables = []
    for at, item in enumerate(listed, start=1):
        counts = item.get("counts") if isinstance(item, Mapping) else None
        if not isinstance(counts, Mapping) or not counts or not item.get("source"):
            raise PackError(f"{place}: source {at} needs its name (source) and its counts")
        nested = all(isinstance(row, Mapping) for row in counts.values())
        tables.append(dict(counts) if nested else {"0+": dict(counts)})
    names = tuple(str(item["source"]) for item in listed)
    bands = [str(band) for band in tables[0]]
    categories = [str(name) for name in next(iter(tables[0].values()))]
    starts = _starts(bands, place)
    if (entry.variant, entry.evidence) != ("comparable_country", "modelled"):
        raise PackError(f"{place}: its variant is comparable_country, its evidence modelled")
    array = np.array(
        [_table(t, bands, categories, n, place) for t, n in zip(tables, names, strict=True)]
    )
    try:
        pool = pool_sources(array)
    except InputError as error:
        raise PackError(f"{place}: {error.message}", faults=error.faults) from None
    return PoolOf(pool, names, starts, tuple(categories))


def _starts(bands: Sequence[str], place: str) -> tuple[int, ...]:
    try:
        spans = [age_band(band) for band in bands]
    except ValueError as error:
        raise PackError(f"{place}: {error}") from None
    ends = [-1, *(last for _, last in spans[:-1])]
    follow = all(
        last is not None and first == last + 1 for last, (first, _) in zip(ends, spans, strict=True)
    )
    if not follow or spans[-1][1] is not None:
        raise PackError(f"{place}: bands must follow each other from 0, the last one open")
    return tuple(first for first, _ in spans)


def _table(
    table: Mapping[Any, Any], bands: Sequence[str], names: Sequence[str], source: str, place: str
) -> Floats:
    rows = {str(band): {str(k): v for k, v in row.items()} for band, row in table.items()}
    if list(rows) != list(bands) or any(set(row) != set(names) for row in rows.values()):
        raise PackError(f"{place}: {source} has other bands or categories than the first source")
    try:
        return np.array([[float(rows[band][name]) for name in names] for band in bands])
    except (TypeError, ValueError):
        raise PackError(f"{place}: {source} has a count that is no number") from None


def pooled_odds(entry: PriorSpec) -> Mapping[object, object]:
    """Return a pattern's values: as declared or, for a pool, its mean shares as odds by age."""
    of = pool_of(entry)
    if of is None:
        return cast(Mapping[object, object], entry.values)
    return values_of(of, of.pool.mean)


def values_of(of: PoolOf, shares: Floats) -> dict[object, object]:
    """Return shares of a pool's bands and categories, (bands, categories), as odds by age."""
    lasts = [start - 1 for start in of.starts[1:]] + [of.starts[-1]]
    return {
        name: {
            age: float(share)
            for first, last, share in zip(of.starts, lasts, shares[:, at], strict=True)
            for age in (first, last)
        }
        for at, name in enumerate(of.categories)
    }
