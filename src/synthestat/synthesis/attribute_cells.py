"""How many persons of each cell (age, sex, what is given) are in each category of an attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import Floats, Whole
from synthestat.fitting.transport import whole_two_way


@dataclass(frozen=True)
class Cells:
    """Persons of one zone sorted into cells of one quota group, sex, given category and age.

    `of` has shape (persons,); the others (cells,), in this order of sorting: `stripe` numbers the
    runs of cells that differ by `age` alone, `group` is the quota group; `persons` are never zero.
    """

    of: NDArray[np.int64]
    stripe: Whole
    group: Whole
    sex: Whole
    given: Whole
    age: Whole
    persons: Whole


def sort_into_cells(
    group: NDArray[np.int8],
    sex: NDArray[np.int8],
    given: NDArray[np.int8] | NDArray[np.int64],
    age: NDArray[np.int16],
) -> Cells:
    """Return the cells of persons; all arguments have shape (persons,)."""
    stripe = (group.astype(np.int64) * 2 + sex) * (int(given.max(initial=0)) + 1) + given
    ages = int(age.max(initial=0)) + 1
    key = stripe * ages + age
    counts = np.bincount(key)
    cells = np.flatnonzero(counts)
    place = np.zeros(len(counts), dtype=np.int64)
    place[cells] = np.arange(len(cells))
    of = place[key]
    first = np.zeros(len(cells), dtype=np.int64)
    first[of] = np.arange(len(key))
    return Cells(
        of=of,
        stripe=cells // ages,
        group=group[first].astype(np.int64),
        sex=sex[first].astype(np.int64),
        given=given[first].astype(np.int64),
        age=cells % ages,
        persons=counts[cells].astype(np.int64),
    )


def categories_by_cell(
    cells: Cells,
    odds: Floats,
    quotas: Whole | None,
    names: tuple[str, ...],
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return persons by cell and category, shape (cells, categories).

    `odds` has that shape; `quotas`, shape (groups, categories), are met exactly, and without them
    every category gets what its odds give in the mean, rounded. Zero odds hold nobody. Raises
    NotConvergedError naming `place` where the quotas leave no such table.
    """
    if quotas is None:
        expected = cells.persons[:, None] * odds / odds.sum(axis=1, keepdims=True)
        table = whole_two_way(expected, cells.persons, _near(expected, rng), rng)
        return _row_by_row(expected, rng) if table is None else table
    counts = np.zeros(odds.shape, dtype=np.int64)
    for group, quota in enumerate(quotas):
        rows = np.flatnonzero(cells.group == group)
        if len(rows):
            seed = cells.persons[rows][:, None] * odds[rows]
            table = whole_two_way(seed, cells.persons[rows], quota, rng)
            if table is None:
                raise _no_table(cells.persons[rows], odds[rows], quota, names, place)
            counts[rows] = table
    return counts


def _near(expected: Floats, rng: np.random.Generator) -> Whole:
    """Round the totals of all categories to whole numbers, their sum kept (Madow 1949)."""
    edges = np.floor(np.round(np.cumsum(expected.sum(axis=0)), 6) + rng.random())
    totals: Whole = np.diff(edges, prepend=0.0).astype(np.int64)
    return totals


def _row_by_row(expected: Floats, rng: np.random.Generator) -> Whole:
    """Round every row by itself, its sum kept: where structural zeros allow no nearer totals."""
    edges = np.floor(np.round(np.cumsum(expected, axis=1), 6) + rng.random((len(expected), 1)))
    counts: Whole = np.diff(edges, axis=1, prepend=0.0).astype(np.int64)
    return counts


def _no_table(
    persons: Whole, odds: Floats, quota: Whole, names: tuple[str, ...], place: str
) -> NotConvergedError:
    may = (persons[:, None] * (odds > 0)).sum(axis=0)
    too_many = [
        f"{name}: {wanted:,} published, {most:,} persons of an age and sex that may be in it"
        for name, wanted, most in zip(names, quota.tolist(), may.tolist(), strict=True)
        if wanted > most
    ]
    return NotConvergedError(
        f"{place}: published categories and the ages of the persons leave no table without "
        "persons in categories that rules or odds of zero forbid",
        faults=too_many,
        remedy="widen the rules in attributes.yaml, or give odds above zero at more ages",
    )
