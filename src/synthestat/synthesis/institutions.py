"""Residents of institutions: one household of a declared kind for each institution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from synthestat.controls.reconcile import ZoneControls
from synthestat.errors import PackError
from synthestat.fitting.ipf import Whole
from synthestat.fitting.rounding import largest_remainder
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams

FAMILY = "institution_size"
VARIATION = 0.6
"""Standard deviation of sizes over their mean where the registry gives none: assumption."""
MEAN_WITHIN = 2.0
"""Factor by which the true mean size may differ from the registry's, either way: assumption."""


@dataclass(frozen=True)
class Institutions:
    """The institutional households of one zone and universe, persons in household order.

    `start` bounds the members, shape (institutions + 1,); `age` in years and `sex` (0 male, 1
    female) have shape (persons,). Nothing is known of who is related to whom.
    """

    zone: str
    universe: str
    kind: str
    start: NDArray[np.int32]
    age: NDArray[np.int16]
    sex: NDArray[np.int8]

    @property
    def household(self) -> NDArray[np.int32]:
        """The institution of each person, counted from 0 within the zone and universe."""
        sizes = np.diff(self.start)
        return np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)


@dataclass(frozen=True)
class InstitutionSize:
    """Sizes of one kind in persons: mean, most, and standard deviation over the mean."""

    mean: float
    largest: int
    variation: float

    def number(self, residents: int) -> int:
        """Return how many institutions so many residents live in."""
        if residents == 0:
            return 0
        return max(1, round(residents / self.mean), ceil(residents / self.largest))

    def bounds(self, residents: int) -> tuple[float, float]:
        """Return the least and the most institutions that are believable, around `number`."""
        count, usual = self.number(residents), residents / self.mean
        low, high = usual / MEAN_WITHIN, usual * MEAN_WITHIN
        return min(low, count - 0.5), max(high, count + 0.5)


def institution_size(kind: str, pack: CountryPack) -> InstitutionSize:
    """Return the registry's sizes of one kind; PackError where it has none that make sense."""
    entry = pack.priors.used(FAMILY)
    values = entry.values.get(kind)
    figures = dict(values) if isinstance(values, Mapping) else {}
    numbers = [figures.get("mean"), figures.get("largest"), figures.get("variation", VARIATION)]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise PackError(
            f"priors.yaml: {entry.id}: {kind} needs the numbers mean and largest ({values!r})",
            remedy=f"give family {FAMILY!r} an entry such as {kind}: {{mean: 60, largest: 250}}",
        )
    mean, largest, variation = (float(n) for n in numbers)
    if not (1 <= mean <= largest and variation >= 0):
        raise PackError(
            f"priors.yaml: {entry.id}: {kind} must have 1 <= mean <= largest and variation >= 0"
        )
    return InstitutionSize(mean, int(largest), variation)


def institutions_in(zone: ZoneControls, pack: CountryPack) -> dict[str, int]:
    """Return how many institutional households each universe of institutions has in a zone."""
    kinds = {universe: pack.country.institution(universe) for universe in zone.residents}
    return {
        universe: institution_size(kind, pack).number(zone.residents[universe])
        for universe, kind in kinds.items()
        if kind is not None
    }


def form_institutions(
    counts: Whole, zone: str, universe: str, pack: CountryPack, streams: RandomStreams
) -> Institutions:
    """Form the institutional households of one zone and universe.

    `counts` has shape (single ages, sexes) and is used up exactly; members are sorted into the
    institutions at random. Raises PackError where the registry has no sizes for the kind.
    """
    kind = pack.country.institution(universe)
    if kind is None:
        raise PackError(f"country.yaml: {universe} is not a universe of institutions")
    rng = streams.stream("institutions", f"{zone}/{universe}")
    size = institution_size(kind, pack)
    sizes = institution_sizes(int(counts.sum()), size, rng)
    people = rng.permutation(np.repeat(np.arange(counts.size), counts.ravel()))
    return Institutions(
        zone=zone,
        universe=universe,
        kind=kind,
        start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        age=(people // counts.shape[1]).astype(np.int16),
        sex=(people % counts.shape[1]).astype(np.int8),
    )


def institution_sizes(residents: int, size: InstitutionSize, rng: np.random.Generator) -> Whole:
    """Return residents of each institution: each at least 1, at most the largest, sum exact.

    Shares are drawn from a gamma distribution with the declared variation (assumption, no source);
    what exceeds the largest goes to the others by their room.
    """
    count = size.number(residents)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    even = size.variation < 1e-3
    shares = np.ones(count) if even else rng.gamma(size.variation**-2, size=count)
    shares = np.maximum(shares, 1e-9)
    sizes: Whole = 1 + largest_remainder(shares, residents - count)
    excess = int(np.maximum(sizes - size.largest, 0).sum())
    if excess:
        sizes = np.minimum(sizes, size.largest)
        sizes = sizes + largest_remainder((size.largest - sizes).astype(np.float64), excess)
    return sizes
