"""Counts of areas without a figure: benchmark exact, intervals as wide as they say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from synthestat.errors import NotConvergedError
from synthestat.fitting.small_area import Prediction, predict_ratio, predict_share


def country(
    rng: np.random.Generator, areas: int, sigma: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (households, dwellings, persons) of areas that follow the model."""
    dwellings = np.exp(rng.normal(8.5, 0.6, areas))
    persons = dwellings * np.exp(rng.normal(1.3, 0.2, areas))
    log_ratio = -0.4 + 0.3 * np.log(persons / dwellings) + rng.normal(0, sigma, areas)
    return dwellings * np.exp(log_ratio), dwellings, persons


def predicted(
    rng: np.random.Generator, *, known: int, areas: int, sigma: float, interval: float
) -> tuple[Prediction, np.ndarray]:
    households, dwellings, persons = country(rng, areas, sigma)
    prediction = predict_ratio(
        households[:known],
        dwellings[:known],
        persons[:known],
        dwellings[known:],
        persons[known:],
        total=float(households[known:].sum()),
        interval=interval,
    )
    return prediction, households[known:]


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 25))
def test_the_benchmark_is_met(seed: int, known: int, new: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, truth = predicted(rng, known=known, areas=known + new, sigma=0.05, interval=0.95)
    assert prediction.mean.sum() == pytest.approx(truth.sum(), rel=1e-9)
    assert (prediction.low <= prediction.mean + 1e-9).all()
    assert (prediction.high >= prediction.mean - 1e-9).all()
    assert (prediction.low >= 0).all()


@pytest.mark.parametrize(
    ("known", "areas", "interval"), [(15, 38, 0.95), (15, 38, 0.5), (6, 12, 0.9)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    known: int, areas: int, interval: float
) -> None:
    """One area of each of 600 invented countries, so that trials are independent.

    Exact binomial bounds around the stated rate, widened by 2 points for the first-order (delta)
    step from logs to counts; false alarm below 1e-4 (fixed seed).
    """
    rng = np.random.default_rng(2024)
    trials = 600
    inside = 0
    for _ in range(trials):
        prediction, truth = predicted(rng, known=known, areas=areas, sigma=0.06, interval=interval)
        at = int(rng.integers(len(truth)))
        inside += bool(prediction.low[at] <= truth[at] <= prediction.high[at])
    low = binom.ppf(0.5e-4, trials, max(interval - 0.02, 0.0))
    high = binom.ppf(1 - 0.5e-4, trials, min(interval + 0.02, 1.0))
    assert low <= inside <= high, inside / trials


def test_the_slope_is_found_again() -> None:
    rng = np.random.default_rng(3)
    households, dwellings, persons = country(rng, 400, 0.02)
    prediction = predict_ratio(
        households, dwellings, persons, dwellings[:2], persons[:2], total=None, interval=0.9
    )
    assert prediction.slope == pytest.approx(0.3, abs=0.03)
    assert prediction.sigma == pytest.approx(0.02, rel=0.2)
    np.testing.assert_allclose(prediction.mean, households[:2], rtol=0.1)


def test_more_confidence_is_wider() -> None:
    spans = []
    for interval in (0.5, 0.8, 0.95, 0.99):
        prediction, _ = predicted(
            np.random.default_rng(1), known=12, areas=20, sigma=0.05, interval=interval
        )
        spans.append(prediction.high - prediction.low)
    assert all((wide > narrow).all() for narrow, wide in pairwise(spans))


def test_no_area_to_learn_from_is_refused() -> None:
    none = np.zeros(0)
    with pytest.raises(NotConvergedError, match="no area has a figure"):
        predict_ratio(none, none, none, np.ones(1), np.ones(1), total=5.0, interval=0.9)


@pytest.mark.parametrize("known", [1, 2, 3])
def test_with_few_areas_the_slope_is_zero(known: int) -> None:
    prediction, truth = predicted(
        np.random.default_rng(8), known=known, areas=known + 3, sigma=0.05, interval=0.9
    )
    assert prediction.slope == 0.0
    assert prediction.mean.sum() == pytest.approx(truth.sum())


def test_areas_of_one_ratio_have_no_slope_and_no_spread() -> None:
    base = np.array([100.0, 200.0, 300.0, 400.0, 500.0])
    prediction = predict_ratio(
        0.8 * base, base, 3 * base, np.array([50.0]), np.array([200.0]), total=None, interval=0.95
    )
    assert prediction.slope == 0.0
    assert prediction.mean[0] == pytest.approx(40.0)
    assert prediction.sigma == pytest.approx(0.0, abs=1e-9)


def test_no_new_area_predicts_nothing() -> None:
    rng = np.random.default_rng(1)
    households, dwellings, persons = country(rng, 8, 0.05)
    none = np.zeros(0)
    prediction = predict_ratio(households, dwellings, persons, none, none, total=0.0, interval=0.9)
    assert prediction.mean.shape == (0,)


def test_one_new_area_is_what_is_left() -> None:
    """With the total known, the only area without a figure is a subtraction: no interval."""
    prediction, truth = predicted(
        np.random.default_rng(4), known=10, areas=11, sigma=0.05, interval=0.95
    )
    assert prediction.mean[0] == pytest.approx(truth[0])
    assert prediction.high[0] - prediction.low[0] == pytest.approx(0.0, abs=1e-6)


def test_shares_of_a_total_follow_expectations() -> None:
    expected = np.array([10.0, 30.0, 60.0])
    shared = predict_share(expected, 0.1, total=1000, interval=0.95)
    assert np.allclose(shared.mean, [100, 300, 600])
    assert (shared.low < shared.mean).all()
    assert (shared.mean < shared.high).all()
    alone = predict_share(np.array([3.0]), 0.1, total=7, interval=0.95)
    assert alone.mean == alone.low == alone.high == 7  # the total leaves nothing open
    free = predict_share(expected, 0.1, total=None, interval=0.95)
    assert np.allclose(free.mean, expected)
    assert np.allclose(free.high - free.mean, 1.959964 * 0.1 * expected)


def test_intervals_of_shares_cover_what_they_say() -> None:
    """Areas that differ from expectation by 8 % each: their 90 % intervals hold 90 % of them."""
    rng = np.random.default_rng(5)
    inside = tried = 0
    for _ in range(300):
        expected = np.exp(rng.normal(7, 1, 20))
        true = expected * (1 + rng.normal(0, 0.08, 20))
        found = predict_share(expected, 0.08, total=float(true.sum()), interval=0.9)
        inside += int(((found.low <= true) & (true <= found.high)).sum())
        tried += 20
    low, high = binom.ppf([0.0005, 0.9995], tried, 0.9)
    assert low <= inside <= high
