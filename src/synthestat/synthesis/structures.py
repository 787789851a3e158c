"""Household structures: which positions a household of a given size may consist of.

A structure is a nucleus (one person, a couple, a lone parent) with its children and at most two
kinds of further members: elderly parents, the families of grown children and their offspring,
siblings, other relatives, non-relatives. Each position belongs to a class; a class says which role
a member has, not how old they are. The grammar is fixed; weights come from the registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from math import lgamma, log

import numpy as np

from synthestat.errors import PackError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES


class Position(IntEnum):
    """Classes of household positions; `_ONLY` are partners without children at home."""

    ALONE = 0
    SINGLE = 1
    HUSBAND = 2
    WIFE = 3
    MAN_OF_TWO = 4
    WOMAN_OF_TWO = 5
    LONE_MOTHER = 6
    LONE_FATHER = 7
    CHILD = 8
    ELDER_MOTHER = 9
    ELDER_FATHER = 10
    NESTED_MAN = 11
    NESTED_WOMAN = 12
    NESTED_MOTHER = 13
    GRANDCHILD = 14
    SIBLING = 15
    RELATIVE = 16
    NONRELATIVE = 17
    HUSBAND_ONLY = 18
    WIFE_ONLY = 19


P = Position
MALE_ONLY = (P.HUSBAND, P.HUSBAND_ONLY, P.MAN_OF_TWO, P.LONE_FATHER, P.ELDER_FATHER, P.NESTED_MAN)
FEMALE_ONLY = (
    P.WIFE,
    P.WIFE_ONLY,
    P.WOMAN_OF_TWO,
    P.LONE_MOTHER,
    P.ELDER_MOTHER,
    P.NESTED_WOMAN,
    P.NESTED_MOTHER,
)
PARTNERED = (
    P.HUSBAND,
    P.WIFE,
    P.HUSBAND_ONLY,
    P.WIFE_ONLY,
    P.MAN_OF_TWO,
    P.WOMAN_OF_TWO,
    P.NESTED_MAN,
    P.NESTED_WOMAN,
)
ANY_AGE = (P.CHILD, P.GRANDCHILD, P.SIBLING, P.RELATIVE, P.NONRELATIVE)

# How many of each part one household may hold: assumptions, generous beyond what censuses show.
_MOST_CHILDREN = 12
_MOST_COUPLES = 4
_MOST_MOTHERS = 2
_MOST_GRANDCHILDREN = 8
_MOST_SIBLINGS = 3
_MOST_RELATIVES = 8
_MOST_NONRELATIVES = 6
_KEPT = 64  # weighted structures, half a megabyte each; zones of replicates each have their own
_RAREST = 1e-5  # structures of a smaller share of their size are left out: assumption


class Nucleus(IntEnum):
    """Who heads a household."""

    PERSON = 0
    COUPLE = 1
    MEN = 2
    WOMEN = 3
    LONE_MOTHER = 4
    LONE_FATHER = 5


NUCLEI: dict[Nucleus, tuple[Position, ...]] = {
    Nucleus.PERSON: (P.SINGLE,),
    Nucleus.COUPLE: (P.HUSBAND, P.WIFE),
    Nucleus.MEN: (P.MAN_OF_TWO, P.MAN_OF_TWO),
    Nucleus.WOMEN: (P.WOMAN_OF_TWO, P.WOMAN_OF_TWO),
    Nucleus.LONE_MOTHER: (P.LONE_MOTHER,),
    Nucleus.LONE_FATHER: (P.LONE_FATHER,),
}
ELDERS: tuple[tuple[Position, ...], ...] = (
    (),
    (P.ELDER_MOTHER,),
    (P.ELDER_FATHER,),
    (P.ELDER_MOTHER, P.ELDER_FATHER),
)


@dataclass(frozen=True)
class Parts:
    """What one household consists of; `elders` indexes ELDERS.

    `couples` are grown children with their partners, sons where `husbands_side`, else daughters;
    `mothers` are grown daughters with children and no partner; `grandchildren` belong to them, or
    live without their parents where there are none.
    """

    nucleus: Nucleus
    children: int = 0
    elders: int = 0
    couples: int = 0
    husbands_side: bool = True
    mothers: int = 0
    grandchildren: int = 0
    siblings: int = 0
    relatives: int = 0
    nonrelatives: int = 0

    @property
    def size(self) -> int:
        """Persons in the household."""
        heads = len(NUCLEI[self.nucleus]) + len(ELDERS[self.elders])
        nested = 2 * self.couples + self.mothers + self.grandchildren
        others = self.siblings + self.relatives + self.nonrelatives
        return heads + self.children + nested + others

    @property
    def household_type(self) -> str:
        """The household type that these members make: the rule of `roles.household_types`."""
        if self.size == 1:
            return "single"
        nested = self.couples + self.mothers + self.grandchildren
        if self.elders or nested or self.siblings or self.relatives:
            return "extended"
        if self.nonrelatives or self.nucleus == Nucleus.PERSON:
            return "other"
        if self.nucleus in (Nucleus.COUPLE, Nucleus.MEN, Nucleus.WOMEN):
            return "couple_with_children" if self.children else "couple_without_children"
        return "lone_mother" if self.nucleus == Nucleus.LONE_MOTHER else "lone_father"

    def positions(self) -> tuple[Position, ...]:
        """Return the class of every member, heads first."""
        heads = (P.ALONE,) if self.size == 1 else NUCLEI[self.nucleus]
        if self.nucleus == Nucleus.COUPLE and not self.children + self.couples + self.mothers:
            heads = (P.HUSBAND_ONLY, P.WIFE_ONLY)
        return (
            heads
            + ELDERS[self.elders]
            + (P.NESTED_MAN, P.NESTED_WOMAN) * self.couples
            + (P.NESTED_MOTHER,) * self.mothers
            + (P.GRANDCHILD,) * self.grandchildren
            + (P.CHILD,) * self.children
            + (P.SIBLING,) * self.siblings
            + (P.RELATIVE,) * self.relatives
            + (P.NONRELATIVE,) * self.nonrelatives
        )

    def in_nucleus(self) -> tuple[bool, ...]:
        """Tell which members are in a family nucleus, in the order of `positions`.

        The rule of `nuclei.in_nucleus` for the links that `layout.assemble` gives.
        """
        heads, elders = NUCLEI[self.nucleus], len(ELDERS[self.elders])
        alone = self.nucleus == Nucleus.PERSON
        own = len(heads) == 2 or (self.elders > 0 if alone else self.children > 0)
        nested = 2 * self.couples + self.mothers
        others = self.siblings + self.relatives + self.nonrelatives
        return (
            (own,) * len(heads)
            + (alone or elders == 2,) * elders
            + (True,) * nested
            + (nested > 0,) * self.grandchildren
            + (True,) * self.children
            + (False,) * others
        )


@dataclass(frozen=True)
class Structures:
    """Structures with their sizes, types (codes into HOUSEHOLD_TYPES) and log weights, each of
    shape (structures,), and counts of positions, of all and of those in family nuclei, each of
    shape (structures, classes).
    """

    parts: tuple[Parts, ...]
    sizes: Whole
    types: Whole
    positions: Whole
    in_nucleus: Whole
    log_weights: Floats


def household_structures(registry: Registry, largest: int) -> Structures:
    """Return every structure of 1..largest persons that the registry gives weight to.

    Structures whose share of their size is below one in a hundred thousand are left out. Raises
    PackError where the weights, or the grammar, leave a size without any structure.
    """
    found = _weighted(_terms(registry), largest)
    missing = sorted(set(range(1, largest + 1)) - set(found.sizes.tolist()))
    if missing:
        entry = registry.used("household_structure").id
        sizes = ", ".join(str(size) for size in missing)
        raise PackError(
            f"priors.yaml: {entry}: no structure for households of {sizes} persons",
            remedy="give weight to parts that make such households, or lower `largest_household`",
        )
    return found


def _terms(registry: Registry) -> tuple[tuple[float, ...], ...]:
    """Return log weights of nuclei, elders, sides and counts of each further part."""
    family = "household_structure"

    def number(name: str) -> float:
        return registry.number(family, name)

    def logs(part: str, names: tuple[str, ...]) -> tuple[float, ...]:
        weights = registry.weights(family, part)
        return tuple(_log(weights.get(name, 0.0)) for name in names)

    def repeated(name: str, most: int) -> tuple[float, ...]:
        weights = registry.weights(family, name)
        first, more = (_log(weights.get(key, 0.0)) for key in ("first", "more"))
        return (0.0, first, *(first + k * more for k in range(1, most)))

    def spread(name: str, most: int, factor: float = 1.0) -> tuple[float, ...]:
        return _log_counts(number(name) * factor, number("dispersion"), most)

    fewer = number("children_beside_others")

    return (
        logs("nucleus", tuple(n.name.lower() for n in Nucleus)),
        logs("elders", ("none", "mother", "father", "both")),
        logs("side", ("wives", "husbands")),
        spread("children_of_couple", _MOST_CHILDREN),
        spread("children_of_lone_parent", _MOST_CHILDREN),
        spread("children_of_couple", _MOST_CHILDREN, fewer),
        spread("children_of_lone_parent", _MOST_CHILDREN, fewer),
        repeated("couples", _MOST_COUPLES),
        repeated("mothers", _MOST_MOTHERS),
        spread("grandchildren_of_each", _MOST_GRANDCHILDREN),
        repeated("grandchildren_alone", _MOST_GRANDCHILDREN),
        repeated("siblings", _MOST_SIBLINGS),
        repeated("relatives", _MOST_RELATIVES),
        repeated("nonrelatives", _MOST_NONRELATIVES),
    )


def _log_counts(mean: float, dispersion: float, most: int) -> tuple[float, ...]:
    """Return log-probabilities of 0..most, Poisson or (dispersion > 0) negative binomial.

    The variance is mean + dispersion x mean squared; a mean of zero leaves none at all.
    """
    if mean <= 0:
        return (0.0, *(-np.inf,) * most)
    if dispersion <= 0:
        return tuple(k * log(mean) - mean - lgamma(k + 1) for k in range(most + 1))
    shape = 1 / dispersion
    p = mean / (mean + shape)
    return tuple(
        lgamma(k + shape) - lgamma(shape) - lgamma(k + 1) + shape * log(1 - p) + k * log(p)
        for k in range(most + 1)
    )


def _log(weight: float) -> float:
    return log(weight) if weight > 0 else -np.inf


@lru_cache(maxsize=_KEPT)
def _weighted(terms: tuple[tuple[float, ...], ...], largest: int) -> Structures:
    grammar = _grammar(largest)
    table = np.array([_row(parts) for parts in grammar.parts])
    nucleus, child, elder, couple, side, mother, grand, sibling, relative, other = table.T
    w_nucleus, w_elders, w_side, *children, w_couples, w_mothers, w_grand, w_skip = (
        np.array(t) for t in terms[:-3]
    )
    w_siblings, w_relatives, w_nonrelatives = (np.array(t) for t in terms[-3:])
    paired = np.isin(nucleus, (Nucleus.COUPLE, Nucleus.MEN, Nucleus.WOMEN))
    nested = couple + mother
    weights = w_nucleus[nucleus] + w_elders[elder] + np.where(couple > 0, w_side[side], 0.0)
    beside = (elder + nested + grand + sibling + relative + other) > 0
    of_children = np.array(children)[2 * beside + ~paired, child]
    weights += np.where(nucleus != Nucleus.PERSON, of_children, 0.0)
    weights += w_couples[couple] + w_mothers[mother] + w_siblings[sibling]
    weights += w_relatives[relative] + w_nonrelatives[other]
    each = w_grand[grand] + grand * np.log(np.maximum(nested, 1)) + (nested - 1) * w_grand[0]
    weights += np.where(nested > 0, each, w_skip[grand])
    share = weights.copy()
    for size in range(1, largest + 1):
        same = grammar.sizes == size
        whole = np.logaddexp.reduce(weights[same])
        share[same] -= whole if whole > -np.inf else 0.0
    keep = np.flatnonzero(share > log(_RAREST))
    return Structures(
        parts=tuple(grammar.parts[i] for i in keep),
        sizes=grammar.sizes[keep],
        types=grammar.types[keep],
        positions=grammar.positions[keep],
        in_nucleus=grammar.in_nucleus[keep],
        log_weights=share[keep],
    )


def _row(parts: Parts) -> tuple[int, ...]:
    return (
        parts.nucleus,
        parts.children,
        parts.elders,
        parts.couples,
        int(parts.husbands_side),
        parts.mothers,
        parts.grandchildren,
        parts.siblings,
        parts.relatives,
        parts.nonrelatives,
    )


@cache
def _grammar(largest: int) -> Structures:
    """Return all structures of 1..largest persons, weights zero."""
    found = [parts for nucleus in Nucleus for parts in _of_nucleus(nucleus, largest)]
    found.sort(key=lambda parts: (parts.size, _row(parts)))
    codes = {name: code for code, name in enumerate(HOUSEHOLD_TYPES)}
    counts = np.zeros((len(found), len(Position)), dtype=np.int64)
    nuclei = np.zeros_like(counts)
    for row, parts in enumerate(found):
        for position, inside in zip(parts.positions(), parts.in_nucleus(), strict=True):
            counts[row, position] += 1
            nuclei[row, position] += inside
    return Structures(
        parts=tuple(found),
        sizes=counts.sum(axis=1),
        types=np.array([codes[parts.household_type] for parts in found]),
        positions=counts,
        in_nucleus=nuclei,
        log_weights=np.zeros(len(found)),
    )


def _of_nucleus(nucleus: Nucleus, largest: int) -> list[Parts]:
    """Return the structures of one nucleus: none, one or two kinds of further members."""
    simple = nucleus in (Nucleus.MEN, Nucleus.WOMEN)
    most = {Nucleus.PERSON: 0, Nucleus.MEN: 3, Nucleus.WOMEN: 3}.get(nucleus, _MOST_CHILDREN)
    kinds: list[list[dict[str, int]]] = [
        [{"nonrelatives": k} for k in range(1, (2 if simple else _MOST_NONRELATIVES) + 1)]
    ]
    if not simple:
        kinds.append([{"relatives": k} for k in range(1, _MOST_RELATIVES + 1)])
        kinds.append([{"siblings": k} for k in range(1, _MOST_SIBLINGS + 1)])
        kinds.append([{"elders": k} for k in (1, 2, 3)])
        kinds.append(_younger_families(nested=nucleus != Nucleus.PERSON))
    further = [{}, *(one for kind in kinds for one in kind)]
    for at, kind in enumerate(kinds):
        for other in kinds[at + 1 :]:
            further += [{**a, **b} for a in kind for b in other if _meet(a | b)]
    found = []
    lone = nucleus in (Nucleus.LONE_MOTHER, Nucleus.LONE_FATHER)
    for extra in further:
        for children in range(most + 1):
            families = extra.get("couples", 0) + extra.get("mothers", 0)
            parts = Parts(nucleus, children, **extra)  # type: ignore[arg-type]
            if parts.size <= largest and not (lone and not children + families):
                found.append(parts)
    return found


def _younger_families(*, nested: bool) -> list[dict[str, int]]:
    """Return grown children's families, and grandchildren who live without their parents."""
    grandchildren = range(1, _MOST_GRANDCHILDREN + 1)
    found = [{"grandchildren": g} for g in grandchildren]
    if nested:
        for side in (1, 0):
            found += [
                {"couples": c, "husbands_side": side, "grandchildren": g}
                for c in range(1, _MOST_COUPLES + 1)
                for g in (0, *grandchildren)
            ]
        found += [
            {"mothers": m, "grandchildren": g}
            for m in range(1, _MOST_MOTHERS + 1)
            for g in grandchildren
            if g >= m
        ]
        found += [{"couples": 1, "mothers": 1, "grandchildren": g} for g in grandchildren]
    return found


def _meet(extra: dict[str, int]) -> bool:
    """Keep pairs of further members small: elders meet no younger families."""
    if "elders" in extra and extra.keys() & {"couples", "mothers", "grandchildren"}:
        return False
    return extra.get("couples", 0) <= 2 and extra.get("grandchildren", 0) <= 4
