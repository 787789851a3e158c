"""Family nuclei: who is in one, and households that hold as many such persons as published.

A family nucleus is a couple with or without children, or a lone parent with at least one child; a
child is of any age, and has neither a partner nor own children in the household (Commission
Implementing Regulation (EU) 2017/543, topic family status). The published persons by sex and family
status are met in three whole steps: structures whose places in nuclei sum to the persons in them,
each class's men and women in and out of nuclei, and their ages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole, fit_margins
from synthestat.fitting.rounding import WeightedSum
from synthestat.fitting.two_way import round_two_way
from synthestat.synthesis.layout import Positions
from synthestat.synthesis.structures import FEMALE_ONLY, MALE_ONLY, Position, Structures

_MOST_MOVES = 2000  # of structures, to meet a zone's persons in nuclei: assumption, tens are needed
_MOST_OFF = 0.02  # of the largest group by which fitted positions may miss their places: assumption


@dataclass(frozen=True)
class Nuclei:
    """Published persons of one zone by sex and FAMILY_STATUS, shape (2, 2)."""

    counts: Whole

    @property
    def inside(self) -> int:
        """Persons in a family nucleus."""
        return int(self.counts[:, 0].sum())

    def limits(self, structures: Structures) -> list[WeightedSum]:
        """Return what the published persons ask of households by structure.

        Places in nuclei are exact; those of one sex, in nuclei and out, are at most its persons.
        """
        inside = structures.in_nucleus.astype(np.float64)
        outside = structures.positions - inside
        total = float(self.inside)
        limits = [WeightedSum(inside.sum(axis=1), total, total)]
        for sex, classes in enumerate((MALE_ONLY, FEMALE_ONLY)):
            for status, places in enumerate((inside, outside)):
                most = float(self.counts[sex, status])
                limits.append(WeightedSum(places[:, list(classes)].sum(axis=1), 0.0, most))
        return limits


def in_nucleus(
    partner: NDArray[np.int32], mother: NDArray[np.int32], father: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Tell who is in a family nucleus by links (positions, -1 for none), shape (positions,)."""
    parent = np.zeros(len(partner), dtype=np.bool_)
    for links in (mother, father):
        parent[links[links >= 0]] = True
    child = ((mother >= 0) | (father >= 0)) & (partner < 0) & ~parent
    inside = child | (partner >= 0)
    for links in (mother, father):
        inside[links[child & (links >= 0)]] = True
    return inside


def exchange_groups(positions: Positions, nuclei: Nuclei | None) -> NDArray[np.int8]:
    """Return groups of positions whose persons may be exchanged, shape (positions,).

    The class of the position; where persons by family status are published, those outside nuclei
    stand len(Position) further, so that an exchange leaves every sex's persons in nuclei.
    """
    if nuclei is None:
        return positions.kind
    outside = ~in_nucleus(positions.partner, positions.mother, positions.father)
    return np.asarray(positions.kind + len(Position) * outside, dtype=np.int8)


def meet_nuclei(
    chosen: Whole,
    fitted: Floats,
    group: Whole,
    structures: Structures,
    inside: int,
    rng: np.random.Generator,
) -> Whole:
    """Exchange structures of one size and type until their places in nuclei sum to `inside`.

    `chosen` and `fitted` are households by structure, `group` its cell of size and type, each of
    shape (structures,). Each exchange goes in proportion to the households chosen and to the fit.
    Returns what is reached: the sum is missed where no exchange brings it nearer.
    """
    members = structures.in_nucleus.sum(axis=1)
    kinds, place = np.unique(np.stack([group, members]), axis=1, return_inverse=True)
    households = np.bincount(place, chosen, minlength=kinds.shape[1])
    weight = np.bincount(place, np.maximum(fitted, 1e-12), minlength=kinds.shape[1])
    whole = np.bincount(kinds[0], weight)[kinds[0]]
    one, other = np.nonzero(kinds[0][:, None] == kinds[0][None, :])
    step = kinds[1][other] - kinds[1][one]
    chosen = chosen.copy()
    for _ in range(_MOST_MOVES):
        gap = inside - int(members @ chosen)
        useful = (step * np.sign(gap) > 0) & (np.abs(step) <= abs(gap)) & (households[one] > 0)
        if not useful.any():
            break
        odds = (households[one] * weight[other] / whole[other])[useful]
        pick = np.flatnonzero(useful)[_drawn(odds, rng)]
        leaves = np.flatnonzero(place == one[pick])
        enters = np.flatnonzero(place == other[pick])
        chosen[leaves[_drawn(chosen[leaves].astype(np.float64), rng)]] -= 1
        chosen[enters[_drawn(np.maximum(fitted[enters], 1e-12), rng)]] += 1
        households[one[pick]] -= 1
        households[other[pick]] += 1
    return chosen


def _drawn(odds: Floats, rng: np.random.Generator) -> int:
    """Return one place, drawn in proportion to odds."""
    edges = np.cumsum(odds)
    return int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))


def classes_by_nucleus(
    counts: Whole,
    chosen: Whole,
    structures: Structures,
    roles: Floats,
    nuclei: Nuclei,
    rng: np.random.Generator,
    *,
    place: str,
) -> Whole:
    """Return persons by exchange group, shape (2 x classes, single ages, sexes).

    Exact in persons by age and sex, in positions of each group, and in persons by sex and family
    status. `chosen` are households by structure; `roles` the expected persons by class and by age
    and sex, shape (classes, ages x sexes). Raises NotConvergedError naming `place` where the
    published persons by family status leave no such table.
    """
    inside = chosen @ structures.in_nucleus
    slots = np.concatenate([inside, chosen @ structures.positions - inside])
    seed = np.tile(roles.reshape(len(inside), *counts.shape), (2, 1, 1))
    groups, ages, sexes = np.indices(seed.shape)
    status = groups // len(inside)
    margins = (
        CellMargin((ages * 2 + sexes).ravel(), counts.ravel().astype(np.float64)),
        CellMargin((sexes * 2 + status).ravel(), nuclei.counts.ravel().astype(np.float64)),
        CellMargin(groups.ravel(), slots.astype(np.float64)),
    )
    live = (seed > 0) & (counts[None] > 0) & (slots[:, None, None] > 0)
    fit = fit_margins(np.where(live, seed, 0.0).ravel(), margins, tolerance=1e-6)
    if fit.residual > max(_MOST_OFF * float(slots.max()), 1.0):
        raise NotConvergedError(
            f"{place}: persons by age, sex and family status do not fit the household positions "
            f"({fit.residual:.1f} persons off)",
            remedy="look at the household count and the persons in family nuclei of this zone",
        )
    fitted = np.where(live, np.maximum(fit.cells.reshape(seed.shape), 1e-12), 0.0)
    by_sex = _sexes_by_group(fitted, slots, nuclei, rng, place)
    columns = [
        round_two_way(
            _towards(fitted[:, :, sex].T, by_sex[:, sex]),
            counts[:, sex],
            by_sex[:, sex],
            rng,
            place=f"positions of {place}",
        ).T
        for sex in range(2)
    ]
    return np.stack(columns, axis=2)


def _sexes_by_group(
    fitted: Floats, slots: Whole, nuclei: Nuclei, rng: np.random.Generator, place: str
) -> Whole:
    """Return men and women of each exchange group, shape (2 x classes, 2), exact in both sums."""
    halves = np.split(np.arange(len(slots)), 2)
    parts = [
        round_two_way(
            fitted[half].sum(axis=1),
            slots[half],
            nuclei.counts[:, status],
            rng,
            place=f"persons by family status of {place}",
        )
        for status, half in enumerate(halves)
    ]
    return np.concatenate(parts)


def _towards(table: Floats, columns: Whole) -> Floats:
    """Scale the columns of a table to whole sums from which they are less than one away."""
    sums = table.sum(axis=0)
    return np.asarray(table * np.where(sums > 0, columns / np.maximum(sums, 1e-12), 0.0))
