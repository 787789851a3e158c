"""Which modelled counts a run states: tables of counts by zone, from the written tables and pack.

A count is modelled where no HARD or FIRM table (of households: no table that constrains) gives it,
and neither rules of age nor the margins of its table leave it only one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthestat.controls.household_tables import HouseholdMargin
from synthestat.controls.reconcile import ZoneControls
from synthestat.packs.attribute_odds import category_odds, given_odds, universe_of
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Floats
from synthestat.packs.spec import HOUSEHOLD_TYPES, SEXES, AttributeSpec, age_band_name
from synthestat.packs.spread import pool_of, weakest
from synthestat.story import Population
from synthestat.synthesis.uncertainty import Flags, Quantity

GROUP_STARTS = (0, 15, 30, 45, 65)  # age groups in which modelled counts are stated
GROUPS = tuple(
    age_band_name(first, None if last is None else last - 1)
    for first, last in zip(GROUP_STARTS, [*GROUP_STARTS[1:], None], strict=True)
)
Codes = NDArray[np.int64]
LAST_SIZE = 6  # households of this size and more are one class
SIZES = (*(f"size={size}" for size in range(1, LAST_SIZE)), f"size={LAST_SIZE}+")
TYPES = tuple(f"household_type={kind}" for kind in HOUSEHOLD_TYPES)
SEX_AGE_CELLS = tuple(f"sex={sex};age={group}" for sex in SEXES for group in GROUPS)


def bands_of(ages: pl.Series, starts: Sequence[int] = GROUP_STARTS) -> Codes:
    """Return the number of the age group, or of the band that begins at one of `starts`."""
    found = np.searchsorted(np.array(starts), ages.to_numpy(), side="right") - 1
    return np.asarray(found, dtype=np.int64)


def household_quantities(population: Population, households: pl.DataFrame) -> list[Quantity]:
    """Return households by size and by type, by universe, in all zones that have some.

    Zones with a table of their own are among them: what is stated of a zone is another question
    (`covered_households`).
    """
    pack = population.pack
    private = households.filter(pl.col("kind").cast(pl.String) == "private")
    entries = {
        "size": (pack.priors.used("household_size"),),
        "household_type": tuple(
            pack.priors.used(family) for family in ("household_structure", "living_arrangements")
        ),
    }
    found = []
    for universe in private.get_column("universe").cast(pl.String).unique().sort():
        own = private.filter(pl.col("universe").cast(pl.String) == universe)
        codes = {
            "size": np.minimum(own["size"].cast(pl.Int64).to_numpy(), LAST_SIZE) - 1,
            "household_type": coded(own["household_type"], HOUSEHOLD_TYPES),
        }
        for column, names in (("size", SIZES), ("household_type", TYPES)):
            zones, counts = _counted(own, [codes[column]], (len(names),), population)
            found.append(
                Quantity(
                    name="households_by_size" if column == "size" else "households_by_type",
                    universe=str(universe),
                    zones=zones,
                    counts=counts[:, None, :],
                    possible=np.ones((1, len(names)), dtype=np.bool_),
                    categories=names,
                    confidence=weakest([e.confidence for e in entries[column]]),
                    method="; ".join(e.id for e in entries[column]),
                )
            )
    return found


def covered_households(
    margins: Sequence[HouseholdMargin], quantity: Quantity, pack: CountryPack
) -> bool:
    """Tell whether one of a place's tables of households gives them by size, or by type."""
    column = "size" if quantity.name == "households_by_size" else "household_type"
    home = quantity.universe == pack.country.household_universe
    return home and any(column in margin.columns for margin in margins)


def attribute_quantities(population: Population, persons: pl.DataFrame) -> Iterator[Quantity]:
    """Yield for each attribute persons by category, or by age group and category under a table."""
    for attribute in population.pack.attributes:
        made = _attribute(attribute, population, persons)
        if made.counts.any():
            yield made


def _attribute(attribute: AttributeSpec, population: Population, persons: pl.DataFrame) -> Quantity:
    pack = population.pack
    names = pack.country.classifications[attribute.name]
    code = coded(persons[attribute.name], names)
    groups = bands_of(persons["age"])
    zones, counts = _counted(persons, [groups, code], (len(GROUPS), len(names)), population)
    families = [attribute.pattern, attribute.association]
    families += [] if attribute.given is None else [attribute.given.family]
    entries = [pack.priors.used(family) for family in families if family is not None]
    allowed = possible_categories(attribute, pack)
    made = Quantity(
        name=f"persons_by_{attribute.name}_and_age",
        universe=universe_of(attribute, pack.country, pack.controls),
        zones=zones,
        counts=counts,
        possible=_by_group(allowed),
        categories=tuple(f"age={g};{attribute.name}={n}" for g in GROUPS for n in names),
        confidence=weakest([e.confidence for e in entries]),
        method="; ".join(e.id for e in entries) or f"by chance within {attribute.control}",
        attribute=None if attribute.by_quotas_alone else attribute.name,
    )
    if attribute.control is not None:
        return made
    chosen = np.flatnonzero(undecided(allowed))
    open_ = replace(
        made,
        name=f"persons_by_{attribute.name}",
        counts=counts.sum(axis=1, keepdims=True)[:, :, chosen],
        possible=np.ones((1, len(chosen)), dtype=np.bool_),
        categories=tuple(f"{attribute.name}={names[at]}" for at in chosen),
    )
    return _with_pool(open_, attribute, persons, code, chosen.tolist(), population)


def _with_pool(
    made: Quantity,
    attribute: AttributeSpec,
    persons: pl.DataFrame,
    code: Codes,
    chosen: Sequence[int],
    population: Population,
) -> Quantity:
    """Return a quantity with the comparable places of its pattern, where they are its source."""
    pack = population.pack
    pool = None if attribute.pattern is None else pool_of(pack.priors.used(attribute.pattern))
    if pool is None:
        return made
    names = pack.country.classifications[attribute.name]
    bands = bands_of(persons["age"], pool.starts)
    _, counts = _counted(persons, [bands, code], (len(pool.starts), len(names)), population)
    return replace(
        made,
        pool=pool,
        bands=counts.sum(axis=0)[:, None, chosen],
        pool_columns=tuple(pool.categories.index(names[at]) for at in chosen),
    )


def possible_categories(attribute: AttributeSpec, pack: CountryPack) -> Flags:
    """Return whether each category can be at each age and sex, (sexes, single ages, categories)."""
    odds = category_odds(attribute, pack.country, pack.priors) > 0
    given = (given_odds(attribute, pack.country, pack.priors) > 0).any(axis=0)
    return np.asarray(odds & given, dtype=np.bool_)


def undecided(allowed: Flags) -> Flags:
    """Return the categories (K,) that share some age and sex with another one."""
    choice = allowed.sum(axis=2, keepdims=True) > 1
    return np.asarray((allowed & choice).any(axis=(0, 1)), dtype=np.bool_)


def _by_group(allowed: Flags) -> Flags:
    """Return whether each category can be in each age group, (groups, categories)."""
    ends = [*GROUP_STARTS[1:], allowed.shape[1]]
    spans = zip(GROUP_STARTS, ends, strict=True)
    return np.stack([allowed[:, first:last].any(axis=(0, 1)) for first, last in spans])


def persons_by_sex_and_age(
    population: Population, persons: pl.DataFrame
) -> tuple[tuple[str, ...], tuple[str, ...], Floats]:
    """Return indivisible universes, zones, and persons (zones, universes, sexes, age groups)."""
    country = population.pack.country
    universes = tuple(name for name, spec in country.universes.items() if not spec.parts)
    sex = coded(persons["sex"], SEXES)
    of = coded(persons["universe"], universes)
    shape = (len(universes), len(SEXES), len(GROUPS))
    zones, counts = _counted(persons, [of, sex, bands_of(persons["age"])], shape, population)
    return universes, zones, counts


def known_margins(
    zone: ZoneControls, present: Sequence[str], pack: CountryPack
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return what HARD and FIRM tables know of a zone's persons, as `draw_persons` takes it.

    `present` are the universes with residents there. Ages are known where bands of the table start
    at every age group's first age; a table of some universes, neither one nor all, is left out.
    """
    levels = {control.id: control.level for control in pack.controls}
    found = []
    for margin in zone.margins:
        if levels.get(margin.control_id) not in ("HARD", "FIRM"):
            continue
        of = tuple(at for at, universe in enumerate(present) if universe in margin.universes)
        nested = set(GROUP_STARTS) <= set(margin.age_starts)
        axes = tuple(
            axis
            for axis, column in ((1, "sex"), (2, "age"))
            if column in margin.columns and (column == "sex" or nested)
        )
        if axes and len(of) in (1, len(present)) and (of, axes) not in found:
            found.append((of, axes))
    return found


def _counted(
    table: pl.DataFrame, columns: Sequence[Codes], shape: tuple[int, ...], population: Population
) -> tuple[tuple[str, ...], Floats]:
    """Count rows by zone and codes: all zones in order, counts of shape (zones, *shape).

    A row with a negative code is not counted.
    """
    zones = tuple(zone.code for zone in population.controls.zones)
    codes = [coded(table["zone_code"], zones), *columns]
    counted = np.ones(len(table), dtype=np.bool_)
    for code in columns:
        counted &= code >= 0
    size = (len(zones), *shape)
    flat = np.ravel_multi_index(tuple(code[counted] for code in codes), size)
    counts = np.bincount(flat, minlength=int(np.prod(size))).reshape(size)
    return zones, counts.astype(np.float64)


def coded(column: pl.Series, words: Sequence[str]) -> Codes:
    """Return the place of each row's word among `words`, -1 for null and for any other word."""
    kind = column.dtype
    if not isinstance(kind, pl.Enum):
        kind = pl.Enum(column.cast(pl.String).drop_nulls().unique().sort())
        column = column.cast(pl.String).cast(kind)
    at = {word: place for place, word in enumerate(words)}
    categories = kind.categories.to_list()
    place = np.array([*(at.get(word, -1) for word in categories), -1], dtype=np.int64)
    own = column.to_physical().cast(pl.Int64).fill_null(len(categories)).to_numpy()
    return np.asarray(place[own], dtype=np.int64)
