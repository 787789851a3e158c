"""A registry as it might be as well: one draw of what its entries leave open, for a replicate.

Each replicate of a population is built with a registry of its own, so that replicates differ by
what is not known and not only by chance (multiple imputation: Rubin 1987). What an entry may be
wrong by follows from its confidence, by the concentrations of family `spread`: shares of its
categories are lifted by a Dirichlet draw around them, kernels move by a normal one. Entries that
pool comparable places give one posterior draw. Zeros stay zero, and nothing that a table gives is
touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from synthestat.fitting.pooling import draw_target
from synthestat.packs.registry import Registry
from synthestat.packs.spec import PriorSpec
from synthestat.packs.spread import FAMILY, PoolOf, pool_of, spread_of, values_of
from synthestat.random_streams import RandomStreams

_SIZE_PART = "sizes"  # of a household_size entry: its weights; the rest of it are no shares
_BY_SIZE = "by_mean_size"
_STRUCTURES = "household_structure"
Values = Mapping[object, object]


def drawn_registry(registry: Registry, streams: RandomStreams, zone: str = "") -> Registry:
    """Return a registry in which every used entry of shares, odds or kernels is drawn anew.

    For the whole country or, from the country's draw, for a zone of it, by the spread declared for
    each. The same draw for the same streams and zone. Entries of tables, parameters, targets and of
    the spread itself stay as they are.
    """
    spread = spread_of(registry)
    by_confidence = spread.zone if zone else spread.national

    def drawn(entry: PriorSpec) -> PriorSpec:
        if entry.status != "used":
            return entry
        rng = streams.stream(f"registry {entry.id}", zone)
        return _drawn(entry, by_confidence[entry.confidence], rng)

    return replace(
        registry,
        entries=tuple(map(drawn, registry.entries)),
        defaults=tuple(map(drawn, registry.defaults)),
    )


def _drawn(entry: PriorSpec, concentration: float, rng: np.random.Generator) -> PriorSpec:
    values: Values = cast(Values, entry.values)
    new: Values
    pool = pool_of(entry)
    if pool is not None:
        new = _of_pool(pool, rng)
    elif entry.family == FAMILY:
        return entry
    elif entry.kind == "kernel":
        new = _moved(values, rng.standard_normal() / np.sqrt(concentration))
    elif _SIZE_PART in values and isinstance(values[_SIZE_PART], Mapping):
        new = {**values, _SIZE_PART: _lifted(values[_SIZE_PART], concentration, rng)}
    elif entry.kind in ("anchors", "weights") or entry.family == _STRUCTURES:
        new = _categories_lifted(values, concentration, rng)
    else:
        return entry
    return entry.model_copy(update={"values": new})


def _of_pool(pool: PoolOf, rng: np.random.Generator) -> Values:
    """Return one posterior draw of a pool's shares, as a pattern of odds by age."""
    return values_of(pool, draw_target(pool.pool, rng, 1).draws[0])


def _moved(values: Values, away: float) -> Values:
    """Return a kernel whose location lies so many of its scales away, at every mean size."""
    if _BY_SIZE in values:
        sizes = values[_BY_SIZE]
        assert isinstance(sizes, Mapping)
        return {_BY_SIZE: {size: _moved(of, away) for size, of in sizes.items()}}
    location, scale = _number(values["location"]), _number(values["scale"])
    return {**values, "location": location + away * scale}


def _categories_lifted(values: Values, concentration: float, rng: np.random.Generator) -> Values:
    """Return values with one lift a category, whatever hangs below it: sexes, ages, mean sizes."""
    if _BY_SIZE in values:
        sizes = values[_BY_SIZE]
        assert isinstance(sizes, Mapping)
        names = list(next(iter(sizes.values())))
        lifts = _lifts(names, concentration, rng)
        return {_BY_SIZE: {size: _times(of, lifts) for size, of in sizes.items()}}
    if all(isinstance(key, int) or str(key).isdecimal() for key in values):  # one curve by age
        lift = _lifts(["this", "the rest"], concentration, rng)["this"]
        return {age: _scaled(value, lift) for age, value in values.items()}
    return _times(values, _lifts(list(values), concentration, rng))


def _lifted(weights: object, concentration: float, rng: np.random.Generator) -> Values:
    assert isinstance(weights, Mapping)
    return _times(weights, _lifts(list(weights), concentration, rng))


def _lifts(
    names: list[object], concentration: float, rng: np.random.Generator
) -> dict[object, float]:
    """Return by how much each share is lifted: a Dirichlet draw around equal shares, over them."""
    each = concentration / len(names)
    return dict(zip(names, (rng.standard_gamma(each, len(names)) / each).tolist(), strict=True))


def _times(values: Values, lifts: Mapping[object, float]) -> Values:
    return {name: _scaled(of, lifts[name]) for name, of in values.items()}


def _scaled(value: object, lift: float) -> object:
    """Return a number, or every number below, lifted; shares (0 to 1) as odds, so they stay so."""
    if isinstance(value, Mapping):
        return {key: _scaled(of, lift) for key, of in value.items()}
    if isinstance(value, list):
        return [_scaled(of, lift) for of in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if 0 < value < 1:
        return float(value * lift / (1 - value + value * lift))
    return float(value * lift) if value > 1 else value


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
