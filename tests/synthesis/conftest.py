"""What tests of households share: registries, and households whose members are drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.pack import CountryPack, find_pack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.synthesis.arrangements import arrangement_shares
from synthestat.synthesis.layout import Positions, lay_out
from synthestat.synthesis.structures import (
    FEMALE_ONLY,
    MALE_ONLY,
    PARTNERED,
    Position,
    Structures,
    household_structures,
)

P = Position
AGES_OF_ZONES, LARGEST, TYPES = 101, 8, len(HOUSEHOLD_TYPES)
Filled = tuple[Positions, NDArray[np.int16], NDArray[np.int8]]
Fill = Callable[[Structures, NDArray[np.int64], np.random.Generator], Filled]
AGES = {
    P.CHILD: (0, 40),
    P.GRANDCHILD: (0, 30),
    P.SIBLING: (10, 70),
    P.RELATIVE: (0, 80),
    P.NONRELATIVE: (10, 70),
    P.ELDER_MOTHER: (50, 96),
    P.ELDER_FATHER: (50, 96),
    P.NESTED_MAN: (18, 50),
    P.NESTED_WOMAN: (18, 50),
    P.NESTED_MOTHER: (18, 50),
}
"""First age and the age after the last of a class; all others are 18 to 90."""


@pytest.fixture(scope="session")
def xk_pack() -> CountryPack:
    """Kosovo's pack, for its rules and priors."""
    return find_pack("XK")


@pytest.fixture(scope="session")
def broad(tiny_pack: CountryPack) -> Registry:
    """The default registry as it stands for households of 2.9 persons."""
    return Registry((), tiny_pack.priors.defaults).at_mean_size(2.9)


@pytest.fixture(scope="session")
def fill() -> Fill:
    """Lay out structures and give every position an age and a sex that its class allows."""

    def make(structures: Structures, which: NDArray[np.int64], rng: np.random.Generator) -> Filled:
        positions = lay_out(structures.parts, which)
        kind = positions.kind
        bounds = np.array([AGES.get(position, (18, 90)) for position in Position])
        age = rng.integers(bounds[kind, 0], bounds[kind, 1])
        sex = rng.integers(0, 2, len(kind))
        sex = np.where(np.isin(kind, FEMALE_ONLY), 1, np.where(np.isin(kind, MALE_ONLY), 0, sex))
        assert (age[np.isin(kind, PARTNERED)] >= 18).all()
        return positions, age.astype(np.int16), sex.astype(np.int8)

    return make


@dataclass(frozen=True)
class Known:
    """Totals of a zone whose households are known, so that they do not contradict each other."""

    sizes: Whole
    counts: Whole
    size_by_type: Whole


@pytest.fixture(scope="session")
def structures(broad: Registry) -> Structures:
    return household_structures(broad, LARGEST)


@pytest.fixture(scope="session")
def shares(broad: Registry, tiny_pack: CountryPack) -> Floats:
    return arrangement_shares(AGES_OF_ZONES, broad, tiny_pack.country.household_rules)


@pytest.fixture(scope="session")
def known(structures: Structures, fill: Fill) -> Callable[[int, int], Known]:
    """Return the totals of households drawn by the registry's weights, ages at random."""

    def make(seed: int, households: int) -> Known:
        rng = np.random.default_rng(seed)
        by_size = np.array([0.0, 0.25, 0.3, 0.15, 0.14, 0.08, 0.04, 0.02, 0.02])
        weights = np.exp(structures.log_weights) * by_size[structures.sizes]
        which = rng.choice(len(weights), households, p=weights / weights.sum())
        _, age, sex = fill(structures, which, rng)
        counts = np.zeros((AGES_OF_ZONES, 2), dtype=np.int64)
        np.add.at(counts, (age, sex), 1)
        cells = (structures.sizes[which] - 1) * TYPES + structures.types[which]
        table = np.bincount(cells, minlength=LARGEST * TYPES).reshape(LARGEST, TYPES)
        return Known(table.sum(axis=1), counts, table)

    return make
