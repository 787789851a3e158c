"""Households into dwellings: counts exact, sharing only when it must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.controls.conflicts import HouseholdRoom
from synthestat.controls.reconcile import ZoneControls
from synthestat.synthesis.dwellings import OCCUPIED, UNRESOLVED, VACANT, place_in_dwellings


def zone(dwellings: int, vacant: int) -> ZoneControls:
    return ZoneControls(
        code="z",
        residents={},
        margins=(),
        quotas={},
        room=HouseholdRoom("z", 0, 0, dwellings - vacant, 10, 3),
        households=None,
        capped_persons=None,
        dwellings=dwellings,
        vacant=vacant,
    )


@given(
    st.lists(st.integers(1, 12), max_size=60),
    st.integers(0, 60),
    st.integers(0, 20),
    st.integers(0, 2**32 - 1),
)
def test_counts_are_exact(sizes: list[int], occupied: int, vacant: int, seed: int) -> None:
    households = np.array(sizes, dtype=np.int64)
    placed = place_in_dwellings(
        households, zone(occupied + vacant, vacant), np.random.default_rng(seed)
    )
    assert len(placed.occupancy) == occupied + vacant
    assert (placed.occupancy == VACANT).sum() == vacant
    if not occupied:
        assert (placed.dwelling_of == -1).all()
        return
    living = np.bincount(placed.dwelling_of, minlength=occupied + vacant)
    assert living.sum() == len(sizes)
    assert ((living > 0) == (placed.occupancy == OCCUPIED)).all()
    assert (placed.occupancy == UNRESOLVED).sum() == max(occupied - len(sizes), 0)
    if len(sizes) <= occupied:
        assert living.max(initial=0) <= 1
    else:
        assert living[placed.occupancy == OCCUPIED].min() >= 1
        assert living.max() == -(-len(sizes) // occupied)  # nobody gets a third before a second


def test_the_smallest_households_share() -> None:
    sizes = np.array([6, 1, 5, 2, 7, 1])
    placed = place_in_dwellings(sizes, zone(4, 0), np.random.default_rng(2))
    living = np.bincount(placed.dwelling_of, minlength=4)
    sharing = np.flatnonzero(living[placed.dwelling_of] > 1)
    assert sorted(sizes[sharing].tolist()) == [1, 1, 2, 5]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_stream_gives_the_same_dwellings(seed: int) -> None:
    sizes = np.arange(1, 20) % 5 + 1
    one, two = (
        place_in_dwellings(sizes, zone(25, 3), np.random.default_rng(seed)) for _ in range(2)
    )
    assert (one.dwelling_of == two.dwelling_of).all()
