"""The positions of a zone's households laid out behind each other, with links and ties.

Links (partner, mother, father) are what the written tables say of a member. Ties are what members'
ages have to do with each other: one per pair of positions whose age gap follows a kernel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from synthestat.synthesis.structures import ELDERS, NUCLEI, Nucleus, Parts, Position

Ints = NDArray[np.int32]
P = Position


class Tie(IntEnum):
    """What ties two positions; the gap is the second's age minus the first's."""

    PARTNER = 0  # woman, man
    SAME_SEX_PARTNER = 1
    MOTHER = 2  # child, mother
    FATHER = 3  # child, father, where no mother is present
    FATHER_BESIDE = 4  # child, father, where the mother's age says the rest
    SIBLING = 5  # two children of the same parents
    GRANDPARENT = 6  # grandchild, head of the household, where no parent is present
    HEADS_SIBLING = 7  # brother or sister, head
    RELATIVE = 8  # other relative, head
    HOUSEMATE = 9  # non-relative, head


@dataclass(frozen=True)
class Positions:
    """All positions of the households of one zone and universe, households contiguous.

    `start` has shape (households + 1,); `household`, `kind` and the links `partner`, `mother` and
    `father` (positions, -1 for none) have shape (positions,). The ties of position i are entries
    `tie_start[i]` to `tie_start[i + 1]` of `tie_other` (a position) and `tie_table`: a Tie where i
    is its first, Tie + len(Tie) where i is its second. Every tie stands at both of its ends.
    """

    start: Ints
    household: Ints
    kind: NDArray[np.int8]
    partner: Ints
    mother: Ints
    father: Ints
    tie_start: Ints
    tie_other: Ints
    tie_table: NDArray[np.int8]


@dataclass(frozen=True)
class Household:
    """One household's positions, links and ties, numbered from 0."""

    kind: tuple[int, ...]
    partner: tuple[int, ...]
    mother: tuple[int, ...]
    father: tuple[int, ...]
    tie_counts: tuple[int, ...]
    tie_other: tuple[int, ...]
    tie_table: tuple[int, ...]


class _Draft:
    """The links and ties of a household while it is put together."""

    def __init__(self) -> None:
        self.partner: dict[int, int] = {}
        self.mother: dict[int, int] = {}
        self.father: dict[int, int] = {}
        self.ties: list[tuple[int, int, Tie]] = []

    def couple(self, man: int, woman: int, tie: Tie = Tie.PARTNER) -> None:
        """Join two partners; of one sex, in either order."""
        self.partner[man], self.partner[woman] = woman, man
        self.ties.append((woman, man, tie))

    def child(self, child: int, mother: int, father: int) -> None:
        """Give a child its parents, -1 for none."""
        self.mother[child], self.father[child] = mother, father
        if mother >= 0:
            self.ties.append((child, mother, Tie.MOTHER))
        if father >= 0:
            tie = Tie.FATHER_BESIDE if mother >= 0 else Tie.FATHER
            self.ties.append((child, father, tie))


@cache
def assemble(parts: Parts) -> Household:
    """Return the positions of one structure with their links and ties."""
    kind, draft = parts.positions(), _Draft()
    at = len(NUCLEI[parts.nucleus])
    mother, father = _nucleus(parts.nucleus, draft)
    if parts.elders:
        elders = ELDERS[parts.elders]
        if len(elders) == 2:
            draft.couple(at + 1, at)
        draft.child(
            0,
            at if elders[0] == P.ELDER_MOTHER else -1,
            at + len(elders) - 1 if elders[-1] == P.ELDER_FATHER else -1,
        )
        at += len(elders)
    families: list[tuple[int, int]] = []
    for _ in range(parts.couples):
        draft.couple(at, at + 1)
        draft.child(at if parts.husbands_side else at + 1, mother, father)
        families.insert(0, (at + 1, at))
        at += 2
    for _ in range(parts.mothers):  # first in turn: every lone mother has a child
        draft.child(at, mother, father)
        families.insert(0, (at, -1))
        at += 1
    for number in range(parts.grandchildren):
        if families:
            draft.child(at + number, *families[number % len(families)])
        else:
            eldest = 1 if parts.nucleus == Nucleus.COUPLE else 0
            draft.ties.append((at + number, eldest, Tie.GRANDPARENT))
    at += parts.grandchildren
    for place in range(at, at + parts.children):
        draft.child(place, mother, father)
    at += parts.children
    tie_of = {P.SIBLING: Tie.HEADS_SIBLING, P.RELATIVE: Tie.RELATIVE}
    for place, position in enumerate(kind[at:], start=at):
        draft.ties.append((place, 0, tie_of.get(position, Tie.HOUSEMATE)))
    draft.ties += _siblings(draft.mother, draft.father)
    return _household(kind, draft)


def _nucleus(nucleus: Nucleus, draft: _Draft) -> tuple[int, int]:
    """Join the heads of a household; return the (mother, father) of its children, -1 for none."""
    if nucleus == Nucleus.COUPLE:
        draft.couple(0, 1)
        return 1, 0
    if nucleus in (Nucleus.MEN, Nucleus.WOMEN):
        draft.couple(0, 1, Tie.SAME_SEX_PARTNER)
    of_men = nucleus in (Nucleus.MEN, Nucleus.LONE_FATHER)
    return (-1, -1) if nucleus == Nucleus.PERSON else (-1, 0) if of_men else (0, -1)


def _siblings(mother: dict[int, int], father: dict[int, int]) -> list[tuple[int, int, Tie]]:
    families: dict[tuple[int, int], list[int]] = defaultdict(list)
    for child in mother:
        families[mother[child], father[child]].append(child)
    return [
        (first, second, Tie.SIBLING)
        for children in families.values()
        for number, second in enumerate(children)
        for first in children[:number]
    ]


def _household(kind: tuple[Position, ...], draft: _Draft) -> Household:
    ends: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for first, second, tie in draft.ties:
        ends[first].append((second, int(tie)))
        ends[second].append((first, int(tie) + len(Tie)))
    places = range(len(kind))
    listed = [end for place in places for end in ends[place]]
    return Household(
        kind=tuple(int(k) for k in kind),
        partner=tuple(draft.partner.get(i, -1) for i in places),
        mother=tuple(draft.mother.get(i, -1) for i in places),
        father=tuple(draft.father.get(i, -1) for i in places),
        tie_counts=tuple(len(ends[i]) for i in places),
        tie_other=tuple(other for other, _ in listed),
        tie_table=tuple(table for _, table in listed),
    )


def lay_out(structures: Sequence[Parts], which: NDArray[np.int64]) -> Positions:
    """Lay out households; `which` has shape (households,) and indexes `structures`."""
    used, which = np.unique(which, return_inverse=True)
    homes = [assemble(structures[i]) for i in used]

    def flat(name: str) -> Ints:
        parts = [np.array(getattr(home, name), dtype=np.int32) for home in homes]
        return np.concatenate([np.zeros(0, dtype=np.int32), *parts])

    sizes = np.array([len(home.kind) for home in homes], dtype=np.int64)
    household, source, start = _gather(sizes, which)
    base = start[household]

    def link(name: str) -> Ints:
        local = flat(name)[source]
        return np.where(local >= 0, local + base, -1).astype(np.int32)

    counts = np.array([len(home.tie_other) for home in homes], dtype=np.int64)
    of, tie_source, _ = _gather(counts, which)
    tie_start = np.concatenate([[0], np.cumsum(flat("tie_counts")[source])])
    return Positions(
        start=start.astype(np.int32),
        household=household.astype(np.int32),
        kind=flat("kind")[source].astype(np.int8),
        partner=link("partner"),
        mother=link("mother"),
        father=link("father"),
        tie_start=tie_start.astype(np.int32),
        tie_other=(flat("tie_other")[tie_source] + start[of]).astype(np.int32),
        tie_table=flat("tie_table")[tie_source].astype(np.int8),
    )


def _gather(
    lengths: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (household of each entry, its place among all structures' entries, starts)."""
    if not len(which):
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(1, dtype=np.int64)
    mine = lengths[which]
    start = np.concatenate([[0], np.cumsum(mine)])
    household = np.repeat(np.arange(len(which)), mine)
    first = (np.cumsum(lengths) - lengths)[which]
    source = first[household] + np.arange(start[-1]) - start[household]
    return household, source, start
