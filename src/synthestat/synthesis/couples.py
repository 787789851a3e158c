"""Which couples are in a category together, such as married, under quotas met by other persons too.

A declared share of couples at each age is in the category, and a declared share of persons who live
without a partner. Both bend to a zone's quotas by one multiplier of the odds for each quota group
(each sex, as a rule): of all ways to meet the quotas in the mean, that is the one nearest to the
declared shares in Kullback-Leibler divergence, a couple counting once. Couples are then drawn
systematically in the order of their ages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthestat.fitting.ipf import Floats, Whole
from synthestat.packs.attribute_odds import CoupleShares

NO_PARTNER, COUPLE_OUT, COUPLE_IN = 0, 1, 2
"""States of a person: without a partner here; in a couple that is not, or is, in the category."""
UNLIKELY = 1e-6  # factor of odds against a person's state: only where quotas leave no other way
_STEPS = 60  # of Newton's method, which needs about six; assumption
_FURTHEST = 12.0  # log of the multiplier, either way: quotas beyond are out of reach. Assumption
_CLOSE = 1e-6  # persons by which the mean may miss a quota


@dataclass(frozen=True)
class Members:
    """Persons of one zone, all of shape (persons,).

    `partner` is a person or -1, `group` the quota group, `may` whether the category is possible at
    the person's age and sex.
    """

    partner: NDArray[np.int64]
    group: NDArray[np.int8]
    age: NDArray[np.int16]
    sex: NDArray[np.int8]
    may: NDArray[np.bool_]


def couple_states(
    people: Members, quota: Whole, shares: CoupleShares, rng: np.random.Generator
) -> NDArray[np.int8]:
    """Return the state of every person, shape (persons,): both partners of a couple have one.

    `quota` are the persons in the category by group, shape (groups,).
    """
    partner, group, may = people.partner, people.group.astype(np.int64), people.may
    ones = np.flatnonzero(partner > np.arange(len(partner)))
    others = partner[ones]
    mean_age = (people.age[ones].astype(np.int64) + people.age[others]) // 2
    of_couple = np.where(may[ones] & may[others], shares.together[mean_age], 0.0)
    single = np.flatnonzero(partner < 0)
    of_single = np.where(may[single], shares.apart[people.sex[single], people.age[single]], 0.0)
    pair = np.stack([group[ones], group[others]], axis=1)
    tilt = _tilts(of_couple, pair, of_single, group[single], quota)
    likely = _tilted(of_couple, tilt[pair].sum(axis=1))
    order = np.lexsort([rng.random(len(ones)), mean_age])
    edges = np.floor(np.concatenate([[0.0], np.cumsum(likely[order])]) + rng.random())
    drawn = np.zeros(len(ones), dtype=np.bool_)
    drawn[order] = np.diff(edges) > 0
    state = np.full(len(partner), NO_PARTNER, dtype=np.int8)
    state[ones] = np.where(drawn, COUPLE_IN, COUPLE_OUT)
    state[others] = state[ones]
    return state


def _tilted(share: Floats, tilt: Floats) -> Floats:
    """Return shares whose odds are multiplied by exp(tilt)."""
    raised = share * np.exp(tilt)
    return np.asarray(raised / (1.0 - share + raised), dtype=np.float64)


def _tilts(of_couple: Floats, pair: Whole, of_single: Floats, of: Whole, quota: Whole) -> Floats:
    """Return the log of every group's multiplier, shape (groups,), by Newton's method.

    The mean number of persons in the category is the gradient of a convex function of the logs.
    Where a quota is out of reach the multiplier ends at its bound.
    """
    groups = len(quota)
    tilt = np.zeros(groups)
    for _ in range(_STEPS):
        p, q = _tilted(of_couple, tilt[pair].sum(axis=1)), _tilted(of_single, tilt[of])
        mean = sum(np.bincount(pair[:, end], p, groups) for end in (0, 1))
        missing = quota - mean - np.bincount(of, q, groups)
        if np.abs(missing).max(initial=0.0) < _CLOSE:
            break
        slope = np.diag(np.bincount(of, q * (1 - q), groups) + UNLIKELY)
        for a in (0, 1):
            for b in (0, 1):
                np.add.at(slope, (pair[:, a], pair[:, b]), p * (1 - p))
        step = np.clip(np.linalg.solve(slope, missing), -1.0, 1.0)
        tilt = np.clip(tilt + step, -_FURTHEST, _FURTHEST)
    return tilt


def odds_by_state(odds: Floats, state: Whole, apart: Floats, category: int) -> Floats:
    """Return odds of cells, shape (cells, categories), given the state of their persons.

    `odds` has that shape; `state` and `apart`, the share in the category of those without a
    partner, have shape (cells,). What a state speaks against stays possible, if unlikely; zeros
    stay.
    """
    bent = odds.copy()
    rest = odds.sum(axis=1) - odds[:, category]
    share = np.clip(apart, UNLIKELY, 1 - UNLIKELY)
    wanted = np.where(rest > 0, share / (1 - share) * rest, 1.0)
    factor = np.where(state == COUPLE_OUT, UNLIKELY, 1.0)
    bent[:, category] = np.where(
        odds[:, category] > 0, np.where(state == NO_PARTNER, wanted, odds[:, category] * factor), 0
    )
    others = np.arange(odds.shape[1]) != category
    bent[np.ix_(state == COUPLE_IN, others)] *= UNLIKELY
    return bent
