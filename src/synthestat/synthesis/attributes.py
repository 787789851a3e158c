"""Attributes shared by households: every quota exact, households of one value where quotas allow."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.fitting.ipf import CellMargin, Whole, fit_margins
from synthestat.fitting.rounding import round_to_margins
from synthestat.packs.registry import Registry


def spread_over_households(
    start: NDArray[np.int32],
    stratum: NDArray[np.int8],
    quotas: Whole,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Return a category per person such that each (stratum, category) quota is met exactly.

    `start` bounds households of consecutive persons; `stratum` has shape (persons,), `quotas`
    (strata, categories), whose rows sum to the persons of each stratum. Rare categories choose first;
    households are taken whole where the quota holds all members, in random order; what is left of a
    quota is filled with single persons. The most frequent category takes the rest.
    """
    order = np.argsort(quotas.sum(axis=0), kind="stable").astype(np.int64)
    households = rng.permutation(len(start) - 1).astype(np.int64)
    return _spread(start, stratum, quotas.astype(np.int64).copy(), order, households)


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
    whole = round_to_margins(fit.cells, margins, rng, place=f"{family} of {place}")
    return whole.reshape(seed.shape)


@njit(cache=True, nogil=True)
def _spread(start, stratum, quotas, order, households):  # type: ignore[no-untyped-def]
    strata, categories = quotas.shape
    value = np.full(len(stratum), -1, dtype=np.int8)
    inside = np.zeros(strata, dtype=np.int64)
    for rank in range(categories - 1):
        category = order[rank]
        for whole in (True, False):
            left = quotas[:, category].sum()
            if left == 0:
                break
            for at in range(len(households)):
                first, last = start[households[at]], start[households[at] + 1]
                if whole:
                    inside[:] = 0
                    for i in range(first, last):
                        if value[i] < 0:
                            inside[stratum[i]] += 1
                    if inside.sum() == 0 or (inside > quotas[:, category]).any():
                        continue
                for i in range(first, last):
                    if value[i] < 0 and quotas[stratum[i], category] > 0:
                        value[i] = category
                        quotas[stratum[i], category] -= 1
                        left -= 1
                if left == 0:
                    break
    last_category = order[categories - 1]
    for i in range(len(value)):
        if value[i] < 0:
            value[i] = last_category
            quotas[stratum[i], last_category] -= 1
    return value
