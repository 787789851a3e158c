"""Who is in which category: the counts of every cell exact, members of a household alike.

Two steps. The first hands out the categories of every cell: partners in pairs, households whole, or
at random. The second exchanges the categories of two persons of one quota group, sex and given
category whose ages are at most five years apart, where that leaves more pairs alike and nobody in a
category that is impossible at the person's age. Quotas stay exact, since an exchange moves nobody
between quota groups.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synthestat.fitting.ipf import Whole
from synthestat.synthesis.attribute_cells import Cells

YEARS_APART = 5  # between two persons who exchange categories: assumption
_TRIES = 30  # persons of one cell with whom an exchange is tried in a sweep: assumption


def at_random(cells: Cells, counts: Whole, rng: np.random.Generator) -> NDArray[np.int8]:
    """Return a category per person, shape (persons,), at random within every cell."""
    order = rng.permutation(len(cells.of))
    order = order[np.argsort(cells.of[order], kind="stable")]
    value = np.empty(len(order), dtype=np.int8)
    categories = np.tile(np.arange(counts.shape[1], dtype=np.int8), len(counts))
    value[order] = np.repeat(categories, counts.ravel())
    return value


def partners_alike(
    cells: Cells,
    counts: Whole,
    partner: NDArray[np.int64],
    alike: tuple[int, ...],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Return a category per person such that partners are both in one of `alike`, or both in none.

    `partner` has shape (persons,), -1 for none. Couples come first, then persons without a partner,
    then the rest of those who have one.
    """
    value = np.full(len(partner), -1, dtype=np.int8)
    left = counts.copy()
    ones = rng.permutation(np.flatnonzero(partner > np.arange(len(partner))))
    order = rng.permutation(len(partner))
    order = order[np.argsort(partner[order] >= 0, kind="stable")]
    for category in sorted(alike, key=lambda c: (int(counts[:, c].sum()), c)):
        _take_pairs(category, ones, partner, cells.of, left, value)
    for category in alike:
        _take_singly(category, order, cells.of, left, value)
    rest = np.flatnonzero(value < 0)
    value[rest] = at_random(replace(cells, of=cells.of[rest]), left, rng)
    return value


def exchange(
    value: NDArray[np.int8],
    cells: Cells,
    possible: NDArray[np.bool_],
    mates: tuple[NDArray[np.int64], NDArray[np.int64]],
    kinds: NDArray[np.int8],
    rng: np.random.Generator,
    sweeps: int,
) -> int:
    """Exchange categories, in place, until no exchange makes more mates alike; return how many.

    `possible` has shape (cells, categories). `mates` are (starts, others): those of person i are
    entries starts[i] to starts[i + 1] of `others`, each pair at both of its ends. Two mates are
    alike where the `kinds` (categories,) of their categories are the same. At most `sweeps` are
    made.
    """
    within = np.argsort(cells.of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(cells.persons)]).astype(np.int64)
    near = _neighbours(cells)
    made = 0
    for _ in range(sweeps):
        draws = rng.random(len(value))
        moved = _sweep(value, cells.of, within, starts, near, possible, *mates, kinds, draws)
        made += moved
        if not moved:
            break
    return made


def pairs(partner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return partners as mates: (starts, others)."""
    paired = partner >= 0
    return np.concatenate([[0], np.cumsum(paired)]).astype(np.int64), partner[paired]


def housemates(start: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the other members of every person's household as mates; `start` bounds households."""
    sizes = np.diff(start).astype(np.int64)
    of = np.repeat(sizes, sizes)
    starts = np.concatenate([[0], np.cumsum(of - 1)]).astype(np.int64)
    person = np.repeat(np.arange(len(of)), of - 1)
    step = np.arange(starts[-1]) - starts[person]
    first = np.repeat(start[:-1].astype(np.int64), sizes)[person]
    others = first + step
    return starts, others + (others >= person)


def _neighbours(cells: Cells) -> NDArray[np.int64]:
    """Return the first and the last cell with which each may exchange, shape (cells, 2)."""
    key = cells.stripe * 1000 + cells.age
    low = np.searchsorted(key, np.maximum(key - YEARS_APART, cells.stripe * 1000))
    high = np.searchsorted(key, key + YEARS_APART, side="right") - 1
    return np.stack([low, high], axis=1).astype(np.int64)


@njit(cache=True, nogil=True)
def _take_pairs(category, ones, partner, cell, left, value):  # type: ignore[no-untyped-def]
    """Put couples without a category into this one while both of their cells have room for it."""
    for one in ones:
        other = partner[one]
        a, b = cell[one], cell[other]
        room = left[a, category] > (1 if a == b else 0) and left[b, category] > 0
        if value[one] < 0 and value[other] < 0 and room:
            value[one], value[other] = category, category
            left[a, category] -= 1
            left[b, category] -= 1


@njit(cache=True, nogil=True)
def _take_singly(category, order, cell, left, value):  # type: ignore[no-untyped-def]
    for person in order:
        if value[person] < 0 and left[cell[person], category] > 0:
            value[person] = category
            left[cell[person], category] -= 1


@njit(cache=True, nogil=True)
def _same(person, category, skip, value, starts, others, kinds):  # type: ignore[no-untyped-def]
    """Count mates alike with a person who is in a category; -1 where `skip` is one of them."""
    same = 0
    for i in range(starts[person], starts[person + 1]):
        if others[i] == skip:
            return -1
        same += kinds[value[others[i]]] == kinds[category]
    return same


@njit(cache=True, nogil=True)
def _sweep(value, cell, within, firsts, near, possible, starts, others, kinds, draws):  # type: ignore[no-untyped-def]
    """Let every person who has mates of another kind look for an exchange; return how many did.

    The nearest ages come first; `draws` (persons,) say where in a cell the search begins.
    """
    moved = 0
    for person in np.argsort(draws):
        have = _same(person, value[person], -1, value, starts, others, kinds)
        if have == starts[person + 1] - starts[person]:
            continue
        at = cell[person]
        low, high = near[at]
        done = False
        for step in range(2 * (high - low) + 1):
            there = at + ((step + 1) // 2 if step % 2 else -(step // 2))
            if done or there < low or there > high:
                continue
            number = firsts[there + 1] - firsts[there]
            begin = int(draws[person] * number)
            for k in range(min(number, _TRIES)):
                other = within[firsts[there] + (begin + k) % number]
                if not (possible[at, value[other]] and possible[there, value[person]]):
                    continue
                if _gain(person, other, have, value, starts, others, kinds) > 0:
                    value[person], value[other] = value[other], value[person]
                    moved += 1
                    done = True
                    break
    return moved


@njit(cache=True, nogil=True)
def _gain(person, other, have, value, starts, others, kinds):  # type: ignore[no-untyped-def]
    """Return by how many pairs an exchange makes more mates alike; 0 for one among mates."""
    own, gets = value[person], value[other]
    if kinds[own] == kinds[gets]:
        return 0
    mine = _same(person, gets, other, value, starts, others, kinds)
    if mine <= have:
        return 0
    after = _same(other, own, person, value, starts, others, kinds)
    before = _same(other, gets, -1, value, starts, others, kinds)
    return mine + after - have - before
