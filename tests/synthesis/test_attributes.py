"""Attributes over households: quotas exact whatever they are, whole households where they allow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.errors import NotConvergedError
from synthestat.packs.pack import CountryPack
from synthestat.synthesis.attributes import (
    loosened,
    quotas_from_margin,
    spread_over_households,
)

Problem = tuple[NDArray[np.int32], NDArray[np.int8], NDArray[np.int64], int]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Households of random sizes, strata, and quotas that sum to each stratum: zeros included."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, draw(st.integers(1, 40)))
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    strata, categories = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    stratum = rng.integers(0, strata, start[-1]).astype(np.int8)
    weights = rng.random(categories) ** draw(st.sampled_from([1, 8]))
    weights[rng.random(categories) < 0.3] = 0.0
    weights[int(rng.integers(categories))] += 0.1
    quotas = np.stack(
        [rng.multinomial((stratum == s).sum(), weights / weights.sum()) for s in range(strata)]
    )
    return start, stratum, quotas.astype(np.int64), seed


@given(problems())
def test_every_quota_is_met_exactly(problem: Problem) -> None:
    start, stratum, quotas, seed = problem
    before = quotas.copy()
    value = spread_over_households(start, stratum, quotas, np.random.default_rng(seed))
    found = np.zeros_like(quotas)
    np.add.at(found, (stratum, value), 1)
    assert (found == quotas).all()
    assert (quotas == before).all()


def test_households_keep_together_where_quotas_allow() -> None:
    start = np.arange(0, 404, 4, dtype=np.int32)
    stratum = np.tile(np.array([0, 1, 0, 1], dtype=np.int8), 100 + 1)[: start[-1]]
    quotas = np.array([[180, 22], [180, 22]], dtype=np.int64)
    quotas[:, 0] += len(stratum) // 2 - quotas.sum(axis=1)
    value = spread_over_households(start, stratum, quotas, np.random.default_rng(1))
    mixed = sum(len(set(value[a:b])) > 1 for a, b in pairwise(start))
    assert mixed == 0  # 22 of each sex are eleven whole households of two and two


def test_quotas_of_other_people_are_refused() -> None:
    start = np.array([0, 2], dtype=np.int32)
    stratum = np.zeros(2, dtype=np.int8)
    with pytest.raises(NotConvergedError, match=r"\[3\] are not the persons \[2\]"):
        spread_over_households(start, stratum, np.array([[2, 1]]), np.random.default_rng(1))


@given(st.integers(0, 2**32 - 1), st.integers(0, 400))
def test_quotas_from_a_margin_meet_both(tiny_pack: CountryPack, seed: int, persons: int) -> None:
    rng = np.random.default_rng(seed)
    names = (
        tiny_pack.country.classifications["language"],
        tiny_pack.country.classifications["faith"],
    )
    rows = rng.multinomial(persons, rng.dirichlet(np.full(4, 0.4)))
    columns = rng.multinomial(persons, rng.dirichlet(np.full(4, 0.4)))
    quotas = quotas_from_margin(
        rows, columns, tiny_pack.priors, "faith_by_language", names, rng, place="here"
    )
    assert (quotas.sum(axis=1) == rows).all()
    assert (quotas.sum(axis=0) == columns).all()
    assert (quotas >= 0).all()


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_loosened_households_are_whole_or_single_persons(seed: int, together: float) -> None:
    rng = np.random.default_rng(seed)
    start = np.concatenate([[0], np.cumsum(rng.integers(1, 6, 200))]).astype(np.int32)
    kept = set(pairwise(loosened(start, together, rng).tolist()))
    whole = 0
    for a, b in pairwise(start.tolist()):
        singles = {(i, i + 1) for i in range(a, b)}
        assert (a, b) in kept or singles <= kept
        whole += (a, b) in kept
    single = int((np.diff(start) == 1).sum())
    assert abs(whole - single - together * (200 - single)) <= 5 * (200 * 0.25) ** 0.5
    assert {a for a, _ in kept} | {int(start[-1])} >= set(start.tolist())
