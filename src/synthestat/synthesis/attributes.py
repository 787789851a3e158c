"""Person attributes: quotas exact, ages kept to, members of a household alike where quotas allow.

Where quotas alone decide, households are handed out whole. Where a pattern by age, rules of age or
another attribute decide as well, the table of cells (quota group, sex, what is given, single age)
by category nearest to the pattern (in Kullback-Leibler divergence) is fitted under persons present
and quotas, made whole, and then spread over the persons of each cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.controls.reconcile import ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Whole, fit_margins
from synthestat.fitting.two_way import round_two_way
from synthestat.packs.attribute_odds import (
    category_odds,
    couple_shares,
    given_odds,
    universe_of,
)
from synthestat.packs.pack import CountryPack
from synthestat.packs.refinement import refinement_of
from synthestat.packs.registry import Registry
from synthestat.packs.spec import AttributeSpec
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.alike import at_random, exchange, housemates, pairs, partners_alike
from synthestat.synthesis.attribute_cells import categories_by_cell, sort_into_cells
from synthestat.synthesis.couples import COUPLE_IN, Members, couple_states, odds_by_state
from synthestat.synthesis.households import Homes
from synthestat.synthesis.institutions import Institutions


def spread_over_households(
    start: NDArray[np.int32],
    stratum: NDArray[np.int8] | NDArray[np.int64],
    quotas: Whole,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Return a category per person such that each (stratum, category) quota is met exactly.

    `start` bounds households of consecutive persons; `stratum` has shape (persons,), `quotas`
    (strata, categories), whose rows sum to the persons of each stratum. Rare categories choose
    first; households are taken whole where the quota holds all members, in random order; the rest
    of a quota is filled with single persons. The most frequent category takes the rest. Raises
    NotConvergedError where the quotas are not a table of the persons at hand.
    """
    check_persons(stratum, quotas)
    order = np.argsort(quotas.sum(axis=0), kind="stable").astype(np.int64)
    households = rng.permutation(len(start) - 1).astype(np.int64)
    spread: NDArray[np.int8] = _spread(
        start, stratum, quotas.astype(np.int64).copy(), order, households
    )
    return spread


def check_persons(stratum: NDArray[np.int8] | NDArray[np.int64], quotas: Whole) -> None:
    """Raise NotConvergedError where quotas (strata, categories) are not of these persons."""
    present = np.bincount(stratum, minlength=len(quotas))
    if (present != quotas.sum(axis=1)).any():
        raise NotConvergedError(
            f"quotas by stratum {quotas.sum(axis=1).tolist()} are not "
            f"the persons {present.tolist()}",
            remedy="look for two FIRM tables of one universe that disagree about the stratum",
        )


def quotas_from_margin(
    strata: Whole,
    categories: Whole,
    registry: Registry,
    family: str,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return stratum x category counts that meet both margins, shaped by the declared association.

    `strata` and `categories` are the margins, `names` the names of their entries in the registry.
    """
    seed = np.array(
        [[registry.weights(family, row)[column] for column in names[1]] for row in names[0]]
    )
    seed = np.where((strata[:, None] > 0) & (categories[None, :] > 0), np.maximum(seed, 1e-6), 0.0)
    rows = np.repeat(np.arange(len(strata)), len(categories))
    columns = np.tile(np.arange(len(categories)), len(strata))
    margins = (
        CellMargin(rows, strata.astype(np.float64)),
        CellMargin(columns, categories.astype(np.float64)),
    )
    fit = fit_margins(seed.ravel(), margins, tolerance=1e-7)
    fitted = fit.cells.reshape(seed.shape)
    return round_two_way(fitted, strata, categories, rng, place=f"{family} of {place}")


@njit(cache=True, nogil=True)
def _fits(value, stratum, first, last, category, quotas, inside):  # type: ignore[no-untyped-def]
    """Tell whether a household has members without a value and the quota holds all of them."""
    members, room = 0, True
    for i in range(first, last):
        if value[i] < 0:
            members += 1
            inside[stratum[i]] += 1
            room = room and inside[stratum[i]] <= quotas[stratum[i], category]
    for i in range(first, last):
        inside[stratum[i]] = 0
    return members > 0 and room


@njit(cache=True, nogil=True)
def _fill(category, whole, start, stratum, quotas, households, value, inside):  # type: ignore[no-untyped-def]
    """Give a category to whole households, or to single persons, until its quota is used up."""
    left = quotas[:, category].sum()
    for household in households:
        if left == 0:
            break
        first, last = start[household], start[household + 1]
        if whole and not _fits(value, stratum, first, last, category, quotas, inside):
            continue
        for i in range(first, last):
            if value[i] < 0 and quotas[stratum[i], category] > 0:
                value[i] = category
                quotas[stratum[i], category] -= 1
                left -= 1


@njit(cache=True, nogil=True)
def _spread(start, stratum, quotas, order, households):  # type: ignore[no-untyped-def]
    value = np.full(len(stratum), -1, dtype=np.int8)
    inside = np.zeros(len(quotas), dtype=np.int64)
    for category in order[:-1]:
        for whole in (True, False):
            _fill(category, whole, start, stratum, quotas, households, value, inside)
    value[value < 0] = order[-1]
    return value


@dataclass(frozen=True)
class People:
    """The persons of the universes that one attribute covers, in order.

    `start` bounds the groups that share values, shape (groups + 1,); `partner` is a person or -1,
    `known` what was drawn before; both and the others have shape (persons,).
    """

    age: NDArray[np.int16]
    sex: NDArray[np.int8]
    start: NDArray[np.int32]
    partner: NDArray[np.int64]
    known: Mapping[str, NDArray[np.int8]]


def draw_attributes(
    homes: Sequence[Homes | Institutions],
    zone: ZoneControls,
    pack: CountryPack,
    streams: RandomStreams,
) -> list[Mapping[str, NDArray[np.int8]]]:
    """Give the members of all universes' households their declared attributes, quotas exact.

    The universes that an attribute covers share its quotas, or its pattern; the others get none:
    unknown stays unknown. Members of private households may share a value, those of institutions
    do not.
    """
    values: list[dict[str, NDArray[np.int8]]] = [{"sex": home.sex} for home in homes]
    for attribute in pack.attributes:
        universe = universe_of(attribute, pack.country, pack.controls)
        atoms = pack.country.atoms(universe)
        covered = [at for at, home in enumerate(homes) if home.universe in atoms]
        if not covered:
            continue
        place = f"{zone.code}/{homes[covered[0]].universe if len(covered) == 1 else universe}"
        rng = streams.stream(f"attribute {attribute.name}", place)
        people = gather([homes[at] for at in covered], [values[at] for at in covered])
        if attribute.together < 1:
            people = replace(people, start=loosened(people.start, attribute.together, rng))
        group, quotas = quotas_of(attribute, people, zone, pack, rng)
        if attribute.couples is not None:
            assert quotas is not None  # couples goes with a control or guide
            drawn = draw_by_couple(attribute, people, group, quotas, pack, rng, place=place)
        elif attribute.by_quotas_alone and attribute.household_rule == "shared":
            assert quotas is not None  # quotas are all that there is
            drawn = spread_over_households(people.start, group, quotas, rng)
        else:
            drawn = draw_by_cell(attribute, people, group, quotas, pack, rng, place=place)
        ends = np.cumsum([len(homes[at].sex) for at in covered])
        for at, part in zip(covered, np.split(drawn, ends[:-1]), strict=True):
            values[at][attribute.name] = part
    return [{name: v for name, v in of.items() if name != "sex"} for of in values]


def quotas_of(
    attribute: AttributeSpec,
    people: People,
    zone: ZoneControls,
    pack: CountryPack,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int8], Whole | None]:
    """Return every person's quota group, and the quotas (groups, categories), None for none."""
    alone = np.zeros(len(people.sex), dtype=np.int8)
    if attribute.table is None:
        return alone, None
    quotas = zone.quotas[attribute.name]
    others = [c for c in pack.control(attribute.table).by if c != attribute.name]
    if others:
        return people.known[others[0]], quotas
    if attribute.association is None or attribute.stratum is None:
        return alone, quotas[None, :]
    strata = pack.country.classifications[attribute.stratum]
    group = people.known[attribute.stratum]
    present = np.bincount(group, minlength=len(strata))
    names = (strata, pack.country.classifications[attribute.name])
    family = attribute.association
    return group, quotas_from_margin(
        present, quotas, pack.priors, family, names, rng, place=zone.code
    )


def draw_by_cell(
    attribute: AttributeSpec,
    people: People,
    group: NDArray[np.int8],
    quotas: Whole | None,
    pack: CountryPack,
    rng: np.random.Generator,
    *,
    place: str,
) -> NDArray[np.int8]:
    """Return a category per person by pattern, rules and what is given, quotas exact."""
    if quotas is not None:
        check_persons(group, quotas)
    names = pack.country.classifications[attribute.name]
    given = np.zeros(len(people.sex), dtype=np.int8)
    if attribute.given is not None:
        given = people.known[attribute.given.attribute]
    cells = sort_into_cells(group, people.sex, given, people.age)
    odds = category_odds(attribute, pack.country, pack.priors)[cells.sex, cells.age]
    odds = odds * given_odds(attribute, pack.country, pack.priors)[cells.given]
    where = f"{attribute.name} of {place}"
    counts = categories_by_cell(cells, odds, quotas, names, rng, place=where)
    kinds = np.arange(len(names), dtype=np.int8)
    sweeps = refinement_of(pack.priors).attributes
    if attribute.household_rule == "shared":
        value = spread_over_households(people.start, cells.of, counts, rng)
        exchange(value, cells, odds > 0, housemates(people.start), kinds, rng, sweeps)
    elif attribute.household_rule == "partners":
        alike = tuple(names.index(name) for name in attribute.alike)
        value = partners_alike(cells, counts, people.partner, alike, rng)
        kinds = np.where(np.isin(kinds, alike), kinds, -1).astype(np.int8)
        exchange(value, cells, odds > 0, pairs(people.partner), kinds, rng, sweeps)
    else:
        value = at_random(cells, counts, rng)
    return value


def draw_by_couple(
    attribute: AttributeSpec,
    people: People,
    group: NDArray[np.int8],
    quotas: Whole,
    pack: CountryPack,
    rng: np.random.Generator,
    *,
    place: str,
) -> NDArray[np.int8]:
    """Return a category per person, quotas exact, the declared share of couples alike in one.

    Couples are drawn first (`couples.py`); every cell is then split by whether its persons live
    without a partner, in a couple that is in the category, or in one that is not.
    """
    check_persons(group, quotas)
    shares = couple_shares(attribute, pack.country, pack.priors)
    assert shares is not None  # the caller asks for couples only where they are declared
    names = pack.country.classifications[attribute.name]
    category = names.index(attribute.alike[0])
    given = np.zeros(len(people.sex), dtype=np.int8)
    if attribute.given is not None:
        given = people.known[attribute.given.attribute]
    odds = category_odds(attribute, pack.country, pack.priors)
    beside = given_odds(attribute, pack.country, pack.priors)
    may = odds[people.sex, people.age, category] * beside[given, category] > 0
    quota = quotas[:, category]
    together = Members(people.partner, group, people.age, people.sex, may)
    state = couple_states(together, quota, shares, rng)
    split = given.astype(np.int64) * (COUPLE_IN + 1) + state
    cells = sort_into_cells(group, people.sex, split, people.age)
    own = cells.given % (COUPLE_IN + 1)
    apart = shares.apart[cells.sex, cells.age]
    plain = odds[cells.sex, cells.age] * beside[cells.given // (COUPLE_IN + 1)]
    bent = odds_by_state(plain, own, apart, category)
    where = f"{attribute.name} of {place}"
    counts = categories_by_cell(cells, bent, quotas, names, rng, place=where)
    return at_random(cells, counts, rng)


def gather(
    homes: Sequence[Homes | Institutions], values: Sequence[Mapping[str, NDArray[np.int8]]]
) -> People:
    """Return the persons of several universes behind each other."""
    known = set.intersection(*(set(of) for of in values))
    partners, first = [], 0
    for home in homes:
        own = np.full(len(home.sex), -1, dtype=np.int64)
        if isinstance(home, Homes):
            link = home.positions.partner.astype(np.int64)
            own = np.where(link >= 0, link + first, -1)
        partners.append(own)
        first += len(home.sex)
    return People(
        age=np.concatenate([home.age for home in homes]),
        sex=np.concatenate([home.sex for home in homes]),
        start=shared_starts(homes),
        partner=np.concatenate(partners),
        known={name: np.concatenate([of[name] for of in values]) for name in sorted(known)},
    )


def loosened(
    start: NDArray[np.int32], together: float, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return bounds of households, all but a share `together` of them cut into single persons.

    `start` has shape (households + 1,); so has the result for as many groups as are left.
    """
    sizes = np.diff(start)
    loose = np.repeat(rng.random(len(sizes)) >= together, sizes)
    bound = np.zeros(int(start[-1]) + 1, dtype=np.bool_)
    bound[start] = True
    bound[:-1] |= loose
    return np.flatnonzero(bound).astype(np.int32)


def shared_starts(homes: Sequence[Homes | Institutions]) -> NDArray[np.int32]:
    """Return bounds of the groups that share values: private households, single residents of
    institutions; shape (groups + 1,)."""
    bounds = [np.zeros(1, dtype=np.int64)]
    for home in homes:
        own = (
            np.arange(len(home.sex) + 1)
            if isinstance(home, Institutions)
            else home.positions.start.astype(np.int64)
        )
        bounds.append(bounds[-1][-1] + own[1:])
    return np.concatenate(bounds).astype(np.int32)
