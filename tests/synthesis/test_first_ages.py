"""Persons placed by rank of age: every person used once, dependants by the age of their head."""

from __future__ import annotations

import numpy as np
import pytest

from synthestat.synthesis.first_ages import _MATCHING_ORDER, first_ages
from synthestat.synthesis.layout import lay_out
from synthestat.synthesis.structures import Nucleus, Parts, Position

P = Position


def test_every_class_is_placed_once() -> None:
    assert sorted(_MATCHING_ORDER) == list(P)


@pytest.mark.parametrize(
    ("parts", "dependant", "heads", "gap"),
    [
        (Parts(Nucleus.PERSON, elders=1), P.ELDER_MOTHER, (25, 65), 28),
        (Parts(Nucleus.PERSON, elders=2), P.ELDER_FATHER, (25, 60), 31),
        (Parts(Nucleus.PERSON, grandchildren=1), P.GRANDCHILD, (40, 80), -28),
        (Parts(Nucleus.PERSON, siblings=1), P.SIBLING, (20, 90), 0),
    ],
    ids=["mother", "father", "grandchild", "sibling"],
)
def test_dependants_of_a_single_head_follow_the_age_of_that_head(
    parts: Parts, dependant: Position, heads: tuple[int, int], gap: int
) -> None:
    households = 400
    rng = np.random.default_rng(1)
    positions = lay_out((parts,), np.zeros(households, dtype=np.int64))
    ages = rng.integers(*heads, households)
    others = np.maximum(ages + gap, 0)
    by_class = np.zeros((len(P), 111, 2), dtype=np.int64)
    np.add.at(by_class[P.SINGLE], (ages, rng.integers(0, 2, households)), 1)
    np.add.at(by_class[dependant], (others, int(dependant == P.ELDER_MOTHER)), 1)
    age, sex = first_ages(positions, positions.kind, by_class, rng)
    for kind in (P.SINGLE, dependant):
        found = np.zeros((111, 2), dtype=np.int64)
        np.add.at(found, (age[positions.kind == kind], sex[positions.kind == kind]), 1)
        assert (found == by_class[kind]).all()
    head, other = age[positions.kind == P.SINGLE], age[positions.kind == dependant]
    assert np.corrcoef(head, other)[0, 1] > 0.7
