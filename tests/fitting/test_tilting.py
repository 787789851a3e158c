"""Exponential tilting: means met, group totals exact, and the least divergence of all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthestat.fitting.tilting import tilt_groups

Floats = NDArray[np.float64]


@st.composite
def tilts(draw: st.DrawFn) -> tuple[Floats, NDArray[np.int64], Floats, Floats, Floats]:
    """(log weights, group, totals, features, targets), the targets those of a random table."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups, per_group, k = draw(st.integers(1, 5)), draw(st.integers(4, 9)), draw(st.integers(1, 3))
    group = np.repeat(np.arange(groups), per_group)
    features = rng.integers(0, 5, (len(group), k)).astype(float)
    truth = rng.random(len(group)) + 0.1
    totals = rng.integers(1, 500, groups).astype(float)
    truth *= (totals / np.bincount(group, truth))[group]
    return np.log(rng.random(len(group)) + 0.05), group, totals, features, truth @ features


@given(tilts())
def test_group_totals_are_exact_and_targets_met(
    problem: tuple[Floats, NDArray[np.int64], Floats, Floats, Floats],
) -> None:
    log_weights, group, totals, features, targets = problem
    x = tilt_groups(log_weights, group, totals, features, targets, ridge=1e-12)
    np.testing.assert_allclose(np.bincount(group, x), totals, rtol=1e-12)
    np.testing.assert_allclose(x @ features, targets, atol=1e-5 * totals.sum())
    assert (x >= 0).all()


@given(tilts())
def test_what_is_left_of_the_weights_is_linear_in_the_features(
    problem: tuple[Floats, NDArray[np.int64], Floats, Floats, Floats],
) -> None:
    """The signature of least divergence: log(x / w) is a group's constant plus features . t."""
    log_weights, group, totals, features, targets = problem
    x = tilt_groups(log_weights, group, totals, features, targets, ridge=1e-12)
    excess = np.log(np.maximum(x, 1e-300)) - log_weights
    basis = np.column_stack([np.eye(len(totals))[group], features])
    left = excess - basis @ np.linalg.lstsq(basis, excess, rcond=None)[0]
    assert np.abs(left).max() < 1e-6


def test_targets_that_are_met_already_change_nothing() -> None:
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    group, totals = np.zeros(4, dtype=np.int64), np.array([10.0])
    features = np.arange(4.0)[:, None]
    x = tilt_groups(np.log(weights), group, totals, features, weights @ features)
    np.testing.assert_allclose(x, weights, rtol=1e-9)


def test_targets_out_of_reach_are_missed_smoothly() -> None:
    """A mean size of 9 with sizes 1 to 4: all weight goes to 4, nothing breaks."""
    size = np.arange(1.0, 5.0)
    x = tilt_groups(
        np.zeros(4),
        np.zeros(4, dtype=np.int64),
        np.array([100.0]),
        size[:, None],
        np.array([900.0]),
    )
    assert np.isfinite(x).all()
    assert x.sum() == pytest.approx(100.0)
    assert x[3] > 99.0


def test_an_empty_group_stays_empty() -> None:
    group = np.array([0, 0, 1, 1])
    features = np.array([[1.0], [2.0], [1.0], [2.0]])
    x = tilt_groups(np.zeros(4), group, np.array([0.0, 8.0]), features, np.array([11.0]))
    assert x[:2].tolist() == [0.0, 0.0]
    assert x[2:] @ np.array([1.0, 2.0]) == pytest.approx(11.0, abs=1e-2)
