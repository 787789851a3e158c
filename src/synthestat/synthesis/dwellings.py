"""Households into conventional dwellings: counts exact, sharing and spare dwellings said openly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.reconcile import ZoneControls

OCCUPIED, VACANT, UNRESOLVED = 0, 1, 2
OCCUPANCY = ("occupied", "vacant", "secondary_or_unresolved")


@dataclass(frozen=True)
class Dwellings:
    """The conventional dwellings of one zone.

    `occupancy` has shape (dwellings,), codes into OCCUPANCY; `dwelling_of` (households,) gives each
    household's dwelling, -1 where the zone has no occupied dwelling.
    """

    occupancy: NDArray[np.int8]
    dwelling_of: NDArray[np.int64]


def place_in_dwellings(
    sizes: NDArray[np.int64], zone: ZoneControls, rng: np.random.Generator
) -> Dwellings:
    """Place households of the given sizes, shape (households,), into a zone's occupied dwellings.

    With fewer households than occupied dwellings, the rest is `secondary_or_unresolved`: counted as
    not vacant, with no household to name. With more, the surplus households share: the smallest
    households move in with the next smallest, one to a dwelling before any gets a third.
    """
    households, occupied = len(sizes), zone.occupied
    if not occupied:
        empty = np.full(zone.dwellings, VACANT, dtype=np.int8)
        return Dwellings(empty, np.full(households, -1, dtype=np.int64))
    order = np.argsort(sizes + rng.random(households), kind="stable")
    surplus = max(households - occupied, 0)
    hosts = order[surplus:]
    dwelling_of = np.empty(households, dtype=np.int64)
    dwelling_of[hosts] = rng.permutation(occupied)[: len(hosts)]
    guests = order[:surplus]
    if surplus:
        dwelling_of[guests] = dwelling_of[hosts[np.arange(surplus) % len(hosts)]]
    occupancy = np.full(zone.dwellings, VACANT, dtype=np.int8)
    occupancy[:occupied] = UNRESOLVED
    occupancy[dwelling_of] = OCCUPIED
    return Dwellings(occupancy, dwelling_of)
