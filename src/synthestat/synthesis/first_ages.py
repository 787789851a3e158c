"""A first placement of persons: positions and persons of each class matched by rank of age.

Each position gets a wished-for age from its family; within a class, positions in order of wished
age take persons in order of age. The refinement that follows corrects what ranks cannot see, so the
numbers here only save it work (assumptions, without effect on what it converges to).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthestat.fitting.ipf import Floats, Whole
from synthestat.synthesis.layout import Positions
from synthestat.synthesis.structures import Position

P = Position
_GENERATION = 28.0
_MATCHING_ORDER = (  # heads before those whose wishes follow from the age of the head
    P.ALONE,
    P.SINGLE,
    P.WIFE,
    P.HUSBAND,
    P.WIFE_ONLY,
    P.HUSBAND_ONLY,
    P.MAN_OF_TWO,
    P.WOMAN_OF_TWO,
    P.LONE_MOTHER,
    P.LONE_FATHER,
    P.ELDER_MOTHER,
    P.ELDER_FATHER,
    P.NESTED_MAN,
    P.NESTED_WOMAN,
    P.NESTED_MOTHER,
    P.CHILD,
    P.GRANDCHILD,
    P.SIBLING,
    P.RELATIVE,
    P.NONRELATIVE,
)


def first_ages(
    positions: Positions, group: NDArray[np.int8], by_group: Whole, rng: np.random.Generator
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return (age, sex) per position; uses up `by_group` (groups, ages, sexes) exactly.

    `group` has shape (positions,): the class, or another group of positions of that class that
    stands a multiple of all classes further.
    """
    age = np.zeros(len(positions.kind), dtype=np.int16)
    sex = np.zeros(len(positions.kind), dtype=np.int8)
    stage = _family_stage(positions, rng)
    for kind in _MATCHING_ORDER:
        for number in range(kind, len(by_group), len(Position)):
            places = np.flatnonzero(group == number)
            if not len(places):
                continue
            wished = _wished_age(kind, places, positions, age, stage, rng)
            ages, sexes = _persons_of(by_group[number], rng)
            order = places[np.argsort(wished, kind="stable")]
            age[order], sex[order] = ages, sexes
    return age, sex


def _persons_of(cells: Whole, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Return ages and sexes of one class in order of age, the sexes of one age shuffled."""
    ages = np.repeat(np.arange(len(cells)), cells.sum(axis=1))
    sexes = np.repeat(np.tile([0, 1], len(cells)), cells.ravel())
    return ages, sexes[np.lexsort((rng.random(len(ages)), ages))]


def _family_stage(positions: Positions, rng: np.random.Generator) -> Floats:
    """Return a wished-for age of the woman (or only head) per household, shape (households,)."""
    households = len(positions.start) - 1

    def has(kind: Position) -> NDArray[np.bool_]:
        found = positions.household[positions.kind == kind]
        return np.bincount(found, minlength=households) > 0

    children = np.bincount(positions.household[positions.kind == P.CHILD], minlength=households)
    elders = has(P.ELDER_MOTHER) | has(P.ELDER_FATHER)
    centre = np.where(children > 0, 41.0, 60.0)
    centre = np.where(elders, 40.0, centre)
    centre = np.where(has(P.NESTED_MAN) | has(P.NESTED_MOTHER), 60.0, centre)
    return np.asarray(centre + rng.standard_normal(households) * 9.0, dtype=np.float64)


def _wished_age(
    kind: Position,
    places: Whole,
    positions: Positions,
    age: NDArray[np.int16],
    stage: Floats,
    rng: np.random.Generator,
) -> Floats:
    noise = rng.standard_normal(len(places))
    mother, father = positions.mother[places], positions.father[places]
    partner = positions.partner[places]
    head = positions.start[positions.household[places]]
    if kind in (P.HUSBAND, P.HUSBAND_ONLY, P.NESTED_WOMAN):
        return age[partner] + (-3.0 if kind == P.NESTED_WOMAN else 3.0) + 4.0 * noise
    if kind == P.ELDER_FATHER:
        known = np.where(partner >= 0, age[partner] + 3.0, age[head] + _GENERATION + 3.0)
        return known + 4.0 * noise
    if kind == P.ELDER_MOTHER:
        return age[head] + _GENERATION + 5.0 * noise
    if kind in (P.NESTED_MAN, P.NESTED_MOTHER, P.CHILD, P.GRANDCHILD):
        older = np.where(
            mother >= 0, age[mother], np.where(father >= 0, age[father], age[head]) - 3
        )
        return older - _GENERATION + 5.5 * noise
    if kind in (P.SIBLING, P.NONRELATIVE):
        return age[head] + 8.0 * noise
    anybody = kind in (P.ALONE, P.SINGLE, P.RELATIVE)
    return noise if anybody else stage[positions.household[places]]
