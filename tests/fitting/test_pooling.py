"""Pooled shares: means, partial pooling, transferred odds ratios, and intervals that hold."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from synthestat.errors import InputError, NotConvergedError
from synthestat.fitting.pooling import (
    draw_source,
    draw_target,
    filtered_sum,
    interval,
    pool_sources,
    transfer_dependence,
)

ROOT = Path(__file__).parents[2]


def calibration_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "calibration", ROOT / "benchmarks" / "calibration.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = script  # its data classes look themselves up
    spec.loader.exec_module(script)
    return script


calibration = calibration_script()
WORLDS = {world.name: world for world in calibration.WORLDS}


def seen(sources: int, concentration: float, persons: int, seed: int = 1) -> np.ndarray:
    """Counts (sources, 2, 4) of places that follow the model."""
    rng = np.random.default_rng(seed)
    mean = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
    gammas = rng.standard_gamma(np.broadcast_to(concentration * mean, (sources, 2, 4)))
    return rng.multinomial(persons, gammas / gammas.sum(axis=2, keepdims=True)).astype(float)


# What is learnt ------------------------------------------------------------------------------


@pytest.mark.parametrize("concentration", [8.0, 60.0, 500.0])
def test_mean_and_concentration_are_found_again(concentration: float) -> None:
    pool = pool_sources(seen(200, concentration, 5000))
    assert pool.concentration == pytest.approx(concentration, rel=0.15)
    np.testing.assert_allclose(pool.mean[0], [0.4, 0.3, 0.2, 0.1], atol=0.03)
    assert pool.weights.sum() == pytest.approx(1.0)


def test_the_evidence_is_the_likelihood_of_each_source_under_the_other() -> None:
    """Two sources of two categories: the beta-binomial, by SciPy, at every concentration."""
    counts = np.array([[30.0, 70.0], [55.0, 45.0]])
    pool = pool_sources(counts)
    for a, evidence in zip(pool.grid[::10], pool.evidence[::10], strict=True):
        expected = 0.0
        for one, other in ((0, 1), (1, 0)):
            n = counts[other].sum()
            weight = n * (a + 1) / (n + a)
            mean = (weight * counts[other] / n + 0.5) / (weight + 1)
            wide = (a + 1) / (1 + a / (weight + 2)) - 1
            k, m = int(counts[one, 0]), int(counts[one].sum())
            choose = betabinom(m, 1, 1).logpmf(k) - betabinom(m, 1, 1).logpmf(0)  # both 1/(m+1)
            assert choose == pytest.approx(0.0)
            coefficient = np.log(float(_choose(m, k)))
            expected += betabinom(m, *(wide * mean)).logpmf(k) - coefficient
        assert evidence == pytest.approx(expected / 2, rel=1e-9)  # the power (J - 1) / J


def _choose(n: int, k: int) -> int:
    from math import comb

    return comb(n, k)


def test_places_that_do_not_differ_have_a_high_concentration_and_narrow_intervals() -> None:
    counts = np.tile([[400.0, 300.0, 200.0, 100.0]], (10, 1, 1))
    alike = pool_sources(counts)
    unlike = pool_sources(seen(10, 10.0, 1000)[:, :1])
    assert alike.concentration > 50 * unlike.concentration
    rng = np.random.default_rng(1)
    widths = [np.ptp(interval(draw_target(p, rng, 800).draws), axis=0) for p in (alike, unlike)]
    assert (widths[0] < widths[1] / 4).all()
    assert (widths[0] > 0).all()


def test_fewer_sources_say_less() -> None:
    """The tails grow as the concentration stays open; the centre stays where it is."""
    many = seen(40, 30.0, 20_000)
    spans = []
    for sources in (3, 40):
        pool = pool_sources(many[:sources])
        held = pool.grid[pool.weights > pool.weights.max() / 100]
        spans.append(held[-1] / held[0])
    assert spans[0] > 3 * spans[1]


def test_a_source_may_lack_a_row() -> None:
    counts = seen(8, 30.0, 500)
    counts[0, 1] = 0.0
    pooled = draw_target(pool_sources(counts), np.random.default_rng(2), 100)
    np.testing.assert_allclose(pooled.draws.sum(axis=2), 1.0)


def test_what_moves_together_is_noticed() -> None:
    """Rows that share a country's level: common exceeds special; independent rows: both 1."""
    rng = np.random.default_rng(3)
    levels = rng.dirichlet(10 * np.array([0.4, 0.3, 0.2, 0.1]), 30)
    same = rng.multinomial(20_000, np.repeat(levels[:, None], 3, axis=1)).astype(float)
    pool = pool_sources(same)
    assert pool.common > 3 * pool.special
    free = pool_sources(seen(30, 30.0, 20_000))
    assert free.common == pytest.approx(1.0, abs=0.15)
    assert free.special == pytest.approx(1.0, abs=0.15)


# What is drawn -------------------------------------------------------------------------------


@given(
    st.integers(0, 2**32 - 1),
    st.integers(2, 7),
    st.integers(1, 3),
    st.integers(2, 5),
    st.sampled_from([0, 1, 30, 100_000]),
)
def test_draws_are_shares(seed: int, sources: int, rows: int, cells: int, persons: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(persons, rng.dirichlet(np.full(cells, 0.5), (sources, rows)))
    counts[0] += rng.integers(0, 2, (rows, cells))
    counts[0, :, 0] += 1
    pooled = draw_target(pool_sources(counts.astype(float)), rng, 20)
    assert (pooled.draws > 0).all()
    np.testing.assert_allclose(pooled.draws.sum(axis=2), 1.0, rtol=1e-9)
    np.testing.assert_allclose(pooled.mean.sum(axis=1), 1.0, rtol=1e-9)


def test_cells_that_hold_nobody_stay_empty() -> None:
    counts = seen(6, 30.0, 1000)
    counts[:, 0, 3] = 0.0
    possible = np.ones((2, 4), bool)
    possible[0, 3] = False
    rng = np.random.default_rng(4)
    pooled = draw_target(pool_sources(counts, possible=possible), rng, 50)
    assert (pooled.draws[:, 0, 3] == 0).all()
    assert (draw_target(pool_sources(counts), rng, 50).draws[:, 0, 3] > 0).all()


def test_equal_streams_give_equal_draws() -> None:
    pool = pool_sources(seen(6, 30.0, 1000))
    first, second = (draw_target(pool, np.random.default_rng(9), 40).draws for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_counts_of_its_own_take_over_as_they_grow() -> None:
    pool = pool_sources(seen(20, 30.0, 5000))
    own = np.array([[0.1, 0.1, 0.1, 0.7], [0.0, 0.0, 0.0, 0.0]])
    rng = np.random.default_rng(5)
    means = [draw_target(pool, rng, 2000, own=n * own).mean[0, 3] for n in (0, 30, 3000)]
    assert means[0] == pytest.approx(pool.mean[0, 3], abs=0.02)
    assert means[0] + 0.1 < means[1] < means[2] - 0.1
    assert means[2] == pytest.approx(0.7, abs=0.02)


def test_a_source_with_few_persons_borrows_and_one_with_many_does_not() -> None:
    counts = seen(20, 60.0, 4000)
    counts[0, 0] = [0.0, 0.0, 0.0, 3.0]
    counts[1, 0] = [0.0, 0.0, 0.0, 40_000.0]
    pool = pool_sources(counts)
    rng = np.random.default_rng(6)
    small, large = (draw_source(pool, source, rng, 500) for source in (0, 1))
    assert small.mean[0, 3] < 0.5
    assert large.mean[0, 3] > 0.98
    low, high = interval(small.draws[:, 0, 3])
    assert low < pool.mean[0, 3] < high


def test_filtered_sums_weigh_rows() -> None:
    draws = np.array([[[0.25, 0.75], [0.5, 0.5]]])
    cells = np.array([[True, False], [True, True]])
    assert filtered_sum(draws, cells)[0] == pytest.approx(1.25)
    assert filtered_sum(draws, cells, np.array([100.0, 10.0]))[0] == pytest.approx(35.0)


# Dependence, not levels ----------------------------------------------------------------------


def odds_ratios(table: np.ndarray) -> np.ndarray:
    return table[1:, 1:] * table[0, 0] / (table[1:, :1] * table[:1, 1:])


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(2, 5))
def test_margins_are_met_and_odds_ratios_stay(seed: int, rows: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(cells, 2.0), (3, rows)) + 0.01
    aim = rng.uniform(1, 20, (rows, cells))
    fitted = transfer_dependence(shares, aim.sum(axis=1), aim.sum(axis=0))
    np.testing.assert_allclose(fitted.sum(axis=2), np.tile(aim.sum(axis=1), (3, 1)), rtol=1e-5)
    np.testing.assert_allclose(fitted.sum(axis=1), np.tile(aim.sum(axis=0), (3, 1)), rtol=1e-5)
    for before, after in zip(shares, fitted, strict=True):
        np.testing.assert_allclose(odds_ratios(after), odds_ratios(before), rtol=1e-6)
    again = transfer_dependence(fitted[0] / fitted[0].sum(), *_margins(shares[0]))
    np.testing.assert_allclose(again, shares[0], rtol=1e-4, atol=1e-6)


def _margins(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return table.sum(axis=1), table.sum(axis=0)


def test_margins_of_two_universes_are_refused() -> None:
    with pytest.raises(InputError, match="rows sum to 30 and columns to 31"):
        transfer_dependence(np.ones((2, 2)), np.array([10.0, 20.0]), np.array([15.0, 16.0]))


def test_zeros_that_must_hold_somebody_are_said() -> None:
    with pytest.raises(NotConvergedError, match="away from its figure"):
        transfer_dependence(np.eye(2), np.array([10.0, 20.0]), np.array([15.0, 15.0]))


# Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([[[1.0, 2.0]]], "one source says nothing"),
        ([[[1.0, -2.0]], [[1.0, 2.0]]], "source 0, row 0: a count is negative"),
        ([[[1.0, 2.0]], [[1.0, np.nan]]], "source 1, row 0: a count is negative or no number"),
        ([[[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [0.0, 0.0]]], "row 1: no source has counts"),
    ],
)
def test_counts_that_say_nothing_are_refused(counts: list[object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        pool_sources(np.array(counts))


def test_other_bad_input_is_named() -> None:
    counts = seen(3, 10.0, 100)
    possible = np.ones((2, 4), bool)
    possible[1, 2] = False
    with pytest.raises(InputError, match="row 1: a count in a cell that is declared impossible"):
        pool_sources(counts, possible=possible)
    with pytest.raises(InputError, match="is not a positive number"):
        pool_sources(counts, concentration=0.0)
    with pytest.raises(InputError, match="counts of shape"):
        pool_sources(np.ones(3))
    pool = pool_sources(counts[:1], concentration=25.0)
    assert pool.concentration == 25.0
    spread = draw_target(pool, np.random.default_rng(1), 400).draws.std(axis=0)
    assert (spread > 0.02).all()


# Calibration ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [w.name for w in calibration.WORLDS if w.judged])
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    """A few cases of each simulated world; exact binomial bounds, false alarm below 1e-4."""
    cases, at = 60, calibration.RATES.index(0.95)
    half = calibration.RATES.index(0.5)
    for kind, held in calibration.coverage(WORLDS[name], cases, draws=400).items():
        for rate, share in ((0.95, held[at]), (0.5, held[half])):
            low, high = (binom.ppf(p, cases, rate) / cases for p in (0.5e-4, 1 - 0.5e-4))
            assert low <= share <= high, (kind, rate, share)


def test_without_variance_between_sources_sums_would_miss() -> None:
    """The known failure, planted: intervals from the error of the mean alone miss the truth."""
    world, rng = WORLDS["12 countries, shared levels"], np.random.default_rng(8)
    held = []
    for _ in range(60):
        truth = calibration.true_shares(world, rng)
        counts = rng.multinomial(world.persons, truth[:-1]).sum(axis=0)
        draws = np.array([rng.dirichlet(row + 1.0, 200) for row in counts]).transpose(1, 0, 2)
        cells = np.arange(truth[-1].size).reshape(truth[-1].shape) % 2 == 0
        low, high = interval(filtered_sum(draws, cells))
        held.append(low <= filtered_sum(truth[-1:], cells)[0] <= high)
    assert np.mean(held) < 0.5


@pytest.mark.slow
def test_coverage_over_a_thousand_cases() -> None:
    """95 % intervals hold the truth in 93.6 to 96.4 % of 1,000 cases, by world and kind of cell.

    Draws the curves of docs/images/coverage.svg anew.
    """
    found = {name: calibration.coverage(world, 1000) for name, world in WORLDS.items()}
    calibration.draw_curve(found, ROOT / "docs" / "images" / "coverage.svg")
    assert calibration.outside(found) == [], calibration.table(found)
