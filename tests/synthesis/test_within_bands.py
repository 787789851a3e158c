"""Single years inside published age bands: smooth, never negative, the bands exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.controls.reconcile import Margin, ZoneControls
from synthestat.story import Population
from synthestat.synthesis.persons import within_bands

CLASSES = 21  # ages 0 to 19 and the open class 20+
STARTS = (0, 5, 10, 15, 20)


@pytest.fixture(scope="module")
def zone(tiny_population: Population) -> ZoneControls:
    return tiny_population.controls.zones[0]


def with_ages(zone: ZoneControls, counts: np.ndarray, columns: tuple[str, ...]) -> ZoneControls:
    return replace(zone, margins=(Margin("ages", ("enumerated",), columns, counts, STARTS),))


def persons(zone: ZoneControls, bands: np.ndarray) -> np.ndarray:
    widths = np.diff([*STARTS, CLASSES])
    return within_bands(zone, CLASSES) * np.repeat(bands / widths, widths)


@pytest.mark.parametrize("columns", [("age",), ("age", "sex"), ("sex", "age")])
def test_a_growing_population_grows_inside_its_bands(
    zone: ZoneControls, columns: tuple[str, ...]
) -> None:
    bands = np.array([100, 200, 300, 400, 80])
    split = np.stack([bands // 2, bands - bands // 2], axis=1)
    counts = {1: bands, 2: split}[len(columns)]
    flat = (counts.T if columns[0] == "sex" else counts).ravel()
    found = persons(with_ages(zone, flat, columns), bands)
    assert (np.diff(found[:18]) > -1e-9).all()
    assert found[19] > found[0] * 2


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5).filter(any))
def test_bands_stay_exact_and_no_age_is_negative(zone: ZoneControls, bands: list[int]) -> None:
    counts = np.array(bands)
    found = persons(with_ages(zone, counts, ("age",)), counts)
    assert (found >= 0).all()
    sums = np.add.reduceat(found, STARTS)
    assert np.abs(sums - counts).max() <= 0.01 * max(bands)  # the fit that follows makes them exact


def test_a_guide_gives_the_curve_where_no_margin_does(zone: ZoneControls) -> None:
    bands = np.array([100, 200, 300, 400, 80])
    guide = Margin("ages", ("enumerated",), ("age",), bands, STARTS)
    alone = replace(zone, margins=(), guides=(guide,))
    assert (
        within_bands(alone, CLASSES) == within_bands(with_ages(zone, bands, ("age",)), CLASSES)
    ).all()
    coarse = Margin("ages", ("enumerated",), ("age",), np.array([300, 780]), (0, 10))
    both = replace(zone, margins=(coarse,), guides=(guide,))
    assert (within_bands(both, CLASSES) == within_bands(alone, CLASSES)).all()  # the finer of both
    equal = Margin("ages", ("enumerated",), ("age",), bands[::-1].copy(), STARTS)
    first = within_bands(replace(zone, margins=(equal,), guides=(guide,)), CLASSES)
    assert (first == within_bands(with_ages(zone, equal.counts, ("age",)), CLASSES)).all()


def test_single_ages_are_left_alone(zone: ZoneControls) -> None:
    counts = np.arange(1, CLASSES + 1)
    margin = Margin("ages", ("enumerated",), ("age",), counts, tuple(range(CLASSES)))
    assert (within_bands(replace(zone, margins=(margin,)), CLASSES) == 1).all()
