"""Attributes shared by households: quotas exact, households of one value where quotas allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.controls.reconcile import ZoneControls
from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Whole, fit_margins
from synthestat.fitting.two_way import round_two_way
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.random_streams import RandomStreams
from synthestat.synthesis.households import Homes
from synthestat.synthesis.institutions import Institutions


def spread_over_households(
    start: NDArray[np.int32],
    stratum: NDArray[np.int8],
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
    present = np.bincount(stratum, minlength=len(quotas))
    if (present != quotas.sum(axis=1)).any():
        raise NotConvergedError(
            f"quotas by stratum {quotas.sum(axis=1).tolist()} are not "
            f"the persons {present.tolist()}",
            remedy="look for two FIRM tables of one universe that disagree about the stratum",
        )
    order = np.argsort(quotas.sum(axis=0), kind="stable").astype(np.int64)
    households = rng.permutation(len(start) - 1).astype(np.int64)
    spread: NDArray[np.int8] = _spread(
        start, stratum, quotas.astype(np.int64).copy(), order, households
    )
    return spread


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
def _fits(value, stratum, first, last, quota, inside):  # type: ignore[no-untyped-def]
    """Tell whether a household has members without a value and the quota holds all of them."""
    inside[:] = 0
    for i in range(first, last):
        if value[i] < 0:
            inside[stratum[i]] += 1
    return inside.sum() > 0 and not (inside > quota).any()


@njit(cache=True, nogil=True)
def _fill(category, whole, start, stratum, quotas, households, value):  # type: ignore[no-untyped-def]
    """Give a category to whole households, or to single persons, until its quota is used up."""
    inside = np.zeros(len(quotas), dtype=np.int64)
    left = quotas[:, category].sum()
    for household in households:
        if left == 0:
            break
        first, last = start[household], start[household + 1]
        if whole and not _fits(value, stratum, first, last, quotas[:, category], inside):
            continue
        for i in range(first, last):
            if value[i] < 0 and quotas[stratum[i], category] > 0:
                value[i] = category
                quotas[stratum[i], category] -= 1
                left -= 1


@njit(cache=True, nogil=True)
def _spread(start, stratum, quotas, order, households):  # type: ignore[no-untyped-def]
    value = np.full(len(stratum), -1, dtype=np.int8)
    for category in order[:-1]:
        for whole in (True, False):
            _fill(category, whole, start, stratum, quotas, households, value)
    value[value < 0] = order[-1]
    return value


def draw_attributes(
    homes: Sequence[Homes | Institutions],
    zone: ZoneControls,
    pack: CountryPack,
    streams: RandomStreams,
) -> list[Mapping[str, NDArray[np.int8]]]:
    """Give the members of all universes' households their declared attributes, quotas exact.

    The universes that an attribute's control covers share its quotas; the others get none: unknown
    stays unknown. Members of private households tend to share a value, those of institutions not.
    """
    values: list[dict[str, NDArray[np.int8]]] = [{"sex": home.sex} for home in homes]
    for attribute in pack.attributes:
        control = pack.control(attribute.control)
        atoms = pack.country.atoms(control.universe)
        covered = [at for at, home in enumerate(homes) if home.universe in atoms]
        if not covered:
            continue
        alone = len(covered) == 1
        place = homes[covered[0]].universe if alone else control.universe
        rng = streams.stream(f"attribute {attribute.name}", f"{zone.code}/{place}")
        quotas = zone.quotas[attribute.name]
        strata = pack.country.classifications[attribute.stratum]
        stratum = np.concatenate([values[at][attribute.stratum] for at in covered])
        if attribute.association is not None:
            present = np.bincount(stratum, minlength=len(strata))
            names = (strata, pack.country.classifications[attribute.name])
            quotas = quotas_from_margin(
                present, quotas, pack.priors, attribute.association, names, rng, place=zone.code
            )
        start = shared_starts([homes[at] for at in covered])
        spread = spread_over_households(start, stratum, quotas, rng)
        ends = np.cumsum([len(homes[at].sex) for at in covered])
        for at, part in zip(covered, np.split(spread, ends[:-1]), strict=True):
            values[at][attribute.name] = part
    return [{name: v for name, v in of.items() if name != "sex"} for of in values]


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
