"""The registry of distributions: priors by family, turned into arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synthestat.errors import PackError
from synthestat.packs.spec import PriorSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Registry:
    """All entries of a pack, and the defaults for families of which it has none.

    `used(family)` is the entry that the build takes.
    """

    entries: tuple[PriorSpec, ...]
    defaults: tuple[PriorSpec, ...] = ()

    @property
    def applying(self) -> tuple[PriorSpec, ...]:
        """The pack's entries, then the default entries of families that the pack leaves open."""
        own = {entry.family for entry in self.entries}
        return self.entries + tuple(e for e in self.defaults if e.family not in own)

    def at_mean_size(self, mean: float) -> Registry:
        """Return the registry as it stands for households of a mean size (persons).

        An entry may give its values at two or more mean sizes, under `by_mean_size`: numbers are
        linear between them and flat beyond the ends.
        """
        return Registry(
            tuple(_at_mean_size(entry, mean) for entry in self.entries),
            tuple(_at_mean_size(entry, mean) for entry in self.defaults),
        )

    def used(self, family: str) -> PriorSpec:
        """Return the entry in use of a family; PackError where there is not exactly one."""
        found = [e for e in self.applying if e.family == family and e.status == "used"]
        if len(found) != 1:
            families = sorted({entry.family for entry in self.applying})
            raise PackError(
                f"priors.yaml: family {family!r} has {len(found)} entries with status used",
                faults=[f"families in the registry: {', '.join(families)}"],
                remedy=f"give exactly one entry of family {family!r} the status used",
            )
        return found[0]

    def number(self, family: str, name: str) -> float:
        """Return one named number of the family's entry in use."""
        entry = self.used(family)
        value = entry.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise PackError(f"priors.yaml: {entry.id}: {name!r} is not a number ({value!r})")
        return float(value)

    def weights(self, family: str, part: str | None = None) -> dict[str, float]:
        """Return named non-negative weights of the family's entry in use (or of one `part`)."""
        entry = self.used(family)
        values = entry.values if part is None else entry.values.get(part)
        if isinstance(values, list):
            values = dict(enumerate(values))
        if not isinstance(values, Mapping):
            raise PackError(f"priors.yaml: {entry.id}: {part!r} is not a set of weights")
        weights = {str(key): float(cast(float, value)) for key, value in values.items()}
        if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise PackError(f"priors.yaml: {entry.id}: weights must be >= 0 and not all zero")
        return weights

    def by_age(self, family: str, ages: int, *path: str) -> Floats:
        """Return a curve over ages 0..ages-1, linear between the declared anchors."""
        entry = self.used(family)
        values: object = entry.values
        for key in path:
            values = values.get(key) if isinstance(values, Mapping) else None
        if not isinstance(values, Mapping) or not values:
            raise PackError(f"priors.yaml: {entry.id}: no anchors at {'/'.join(path) or 'values'}")
        anchors = sorted((int(age), float(cast(float, value))) for age, value in values.items())
        xs, ys = zip(*anchors, strict=True)
        return np.asarray(np.interp(np.arange(ages), xs, ys), dtype=np.float64)

    def log_kernel(self, family: str, band: tuple[int, int]) -> tuple[int, Floats]:
        """Return (first gap, log-density per whole year) of a Student t kernel cut to `band`.

        Gaps outside the band have no entry; the densities are normalised within the band.
        """
        location = self.number(family, "location")
        scale = self.number(family, "scale")
        df = self.number(family, "df")
        gaps = np.arange(band[0], band[1] + 1)
        log_density = -(df + 1.0) / 2.0 * np.log1p(((gaps - location) / scale) ** 2 / df)
        return band[0], log_density - np.logaddexp.reduce(log_density)

    def oldest_ages(self, first: int, oldest: int) -> Floats:
        """Return shares of single ages first..oldest by Gompertz survivorship (sum 1)."""
        start = self.number("oldest_ages", "from")
        hazard = self.number("oldest_ages", "hazard")
        growth = self.number("oldest_ages", "growth")
        years = np.arange(first, oldest + 1) - start
        survivors = np.exp(-hazard / growth * np.expm1(growth * years))
        return np.asarray(survivors / survivors.sum(), dtype=np.float64)


def _at_mean_size(entry: PriorSpec, mean: float) -> PriorSpec:
    patterns = entry.values.get("by_mean_size")
    if patterns is None:
        return entry
    if not isinstance(patterns, Mapping) or len(patterns) < 2 or len(entry.values) > 1:
        raise PackError(f"priors.yaml: {entry.id}: by_mean_size needs two mean sizes, and no more")
    try:
        at_size = {float(size): of for size, of in patterns.items()}
    except (TypeError, ValueError):
        at_size = {}
    sizes = sorted(size for size in at_size if 0 < size < np.inf)
    if len(sizes) != len(patterns):
        raise PackError(
            f"priors.yaml: {entry.id}: by_mean_size names mean sizes, each once, in persons"
        )
    at = np.interp(mean, sizes, np.arange(len(sizes)))
    low = min(int(at), len(sizes) - 2)
    values = _between(at_size[sizes[low]], at_size[sizes[low + 1]], float(at) - low, entry.id)
    return entry.model_copy(update={"values": values})


def _between(first: object, second: object, share: float, entry: str) -> object:
    """Return the point at `share` of the way from one set of values to another like it."""
    if isinstance(first, Mapping) and isinstance(second, Mapping) and first.keys() == second.keys():
        return {key: _between(first[key], second[key], share, entry) for key in first}
    numbers = isinstance(first, (int, float)) and isinstance(second, (int, float))
    if not numbers:
        raise PackError(f"priors.yaml: {entry}: its values by mean size have unlike parts")
    return first + share * (second - first)  # type: ignore[operator]
