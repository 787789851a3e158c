"""Household structures: which positions a household of a given size may consist of.

A structure is a nucleus (one person, a couple, a lone mother or father), its children, elderly
parents, married sons with wives and grandchildren, and other members. Each position belongs to a
class; persons are later exchanged only between positions of one class.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from math import lgamma, log

import numpy as np

from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.registry import Registry

_MOST_CHILDREN = 9  # of one nucleus at home: assumption
_MOST_GRANDCHILDREN = 7  # of one married son at home: assumption


class Position(IntEnum):
    """Classes of household positions."""

    SINGLE = 0
    HUSBAND = 1
    WIFE = 2
    LONE_MOTHER = 3
    LONE_FATHER = 4
    CHILD = 5
    ELDER_MOTHER = 6
    ELDER_FATHER = 7
    SON = 8
    SONS_WIFE = 9
    GRANDCHILD = 10
    OTHER = 11


P = Position
MALE_ONLY = (P.HUSBAND, P.LONE_FATHER, P.ELDER_FATHER, P.SON)
FEMALE_ONLY = (P.WIFE, P.LONE_MOTHER, P.ELDER_MOTHER, P.SONS_WIFE)
PARTNERED = (P.HUSBAND, P.WIFE, P.SON, P.SONS_WIFE)
ANY_AGE = (P.CHILD, P.GRANDCHILD)
_NUCLEI = {
    "person": (P.SINGLE,),
    "couple": (P.HUSBAND, P.WIFE),
    "lone_mother": (P.LONE_MOTHER,),
    "lone_father": (P.LONE_FATHER,),
}
_ELDERS: dict[str, tuple[Position, ...]] = {
    "none": (),
    "mother": (P.ELDER_MOTHER,),
    "father": (P.ELDER_FATHER,),
    "both": (P.ELDER_MOTHER, P.ELDER_FATHER),
}


@dataclass(frozen=True)
class Structure:
    """One household structure; links are positions within the household, -1 for none."""

    positions: tuple[Position, ...]
    partner: tuple[int, ...]
    mother: tuple[int, ...]
    father: tuple[int, ...]
    log_weight: float

    @property
    def size(self) -> int:
        """Persons in the household."""
        return len(self.positions)


@dataclass(frozen=True)
class FlatStructures:
    """All positions of all structures behind each other; structure k starts at `start[k]`."""

    start: Whole
    kind: Whole
    partner: Whole
    mother: Whole
    father: Whole


@dataclass(frozen=True)
class Structures:
    """All structures up to a size, with their counts of positions, shape (structures, classes)."""

    sizes: Whole
    log_weights: Floats
    positions: Whole
    flat: FlatStructures


def household_structures(registry: Registry, largest: int) -> Structures:
    """Return every structure of 1..largest persons that the registry gives weight to."""
    family = "household_structure"
    return _structures(
        tuple(registry.weights(family, "nucleus").items()),
        tuple(registry.weights(family, "elders").items()),
        tuple(registry.weights(family, "married_sons").values()),
        tuple(registry.weights(family, "others").values()),
        registry.number(family, "children_mean"),
        registry.number(family, "grandchildren_mean"),
        largest,
    )


@cache
def _structures(
    nuclei: tuple[tuple[str, float], ...],
    elders: tuple[tuple[str, float], ...],
    married_sons: tuple[float, ...],
    others: tuple[float, ...],
    children_mean: float,
    grandchildren_mean: float,
    largest: int,
) -> Structures:
    items = []
    for (nucleus, w1), (elder, w2), (sons, w3), (other, w4) in itertools.product(
        nuclei, elders, enumerate(married_sons), enumerate(others)
    ):
        if min(w1, w2, w3, w4) <= 0 or not _possible(nucleus, elder, sons):
            continue
        fixed = len(_NUCLEI[nucleus]) + len(_ELDERS[elder]) + 2 * sons + other
        alone = nucleus == "person"
        for children in range(0 if alone else _MOST_CHILDREN, -1, -1):
            for grandchildren in range(_MOST_GRANDCHILDREN * sons, -1, -1):
                parent = nucleus.startswith("lone")
                if fixed + children + grandchildren > largest or (parent and not children + sons):
                    continue
                weight = log(w1 * w2 * w3 * w4) + _log_poisson(children, children_mean)
                if sons:
                    weight += _log_poisson(grandchildren, grandchildren_mean * sons)
                items.append(
                    _assemble(nucleus, elder, sons, other, children, grandchildren, weight)
                )
    items.sort(key=lambda s: (s.size, s.positions))
    sizes = np.array([s.size for s in items])
    return Structures(
        sizes=sizes,
        log_weights=np.array([s.log_weight for s in items]),
        positions=np.array([[s.positions.count(p) for p in Position] for s in items]),
        flat=FlatStructures(
            start=np.cumsum(sizes) - sizes,
            kind=np.concatenate([s.positions for s in items]).astype(np.int64),
            partner=np.concatenate([s.partner for s in items]).astype(np.int64),
            mother=np.concatenate([s.mother for s in items]).astype(np.int64),
            father=np.concatenate([s.father for s in items]).astype(np.int64),
        ),
    )


def _possible(nucleus: str, elder: str, sons: int) -> bool:
    """Elders and married sons do not meet in one household; a single person has neither."""
    return not (elder != "none" and sons) and not (
        nucleus == "person" and (elder != "none" or sons)
    )


def _log_poisson(count: int, mean: float) -> float:
    return count * log(mean) - mean - lgamma(count + 1)


def _assemble(
    nucleus: str,
    elder: str,
    sons: int,
    other: int,
    children: int,
    grandchildren: int,
    log_weight: float,
) -> Structure:
    positions: list[Position] = []
    partner: dict[int, int] = {}
    mother: dict[int, int] = {}
    father: dict[int, int] = {}

    def add(*new: Position, of: tuple[int, int] = (-1, -1)) -> int:
        """Append positions with the given (mother, father); return the index of the first."""
        first = len(positions)
        for place, position in enumerate(new, start=first):
            positions.append(position)
            mother[place], father[place] = of
        return first

    def couple(first: int) -> None:
        partner[first], partner[first + 1] = first + 1, first

    head = add(*_NUCLEI[nucleus])
    parents = (-1, -1)
    if nucleus == "couple":
        couple(head)
        parents = (head + 1, head)
    elif nucleus == "lone_mother":
        parents = (head, -1)
    elif nucleus == "lone_father":
        parents = (-1, head)
    if elder != "none":
        first = add(*_ELDERS[elder])
        if elder == "both":
            couple(first)
        mother[head] = first if elder != "father" else -1
        father[head] = {"father": first, "both": first + 1}.get(elder, -1)
    families = []
    for _ in range(sons):
        first = add(P.SON, of=parents)
        add(P.SONS_WIFE)
        couple(first)
        families.append((first + 1, first))
    for number in range(grandchildren):
        add(P.GRANDCHILD, of=families[number % sons])
    add(*[P.CHILD] * children, of=parents)
    add(*[P.OTHER] * other)
    places = range(len(positions))
    return Structure(
        positions=tuple(positions),
        partner=tuple(partner.get(i, -1) for i in places),
        mother=tuple(mother[i] for i in places),
        father=tuple(father[i] for i in places),
        log_weight=log_weight,
    )
