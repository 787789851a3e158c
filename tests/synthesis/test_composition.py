"""The joint fit of structures and roles, and whole households near it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthestat.errors import NotConvergedError
from synthestat.fitting.ipf import CellMargin, Floats, Whole
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.synthesis.composition import (
    _HOUSEHOLD_WEIGHT,
    TypeTarget,
    fit_composition,
    whole_structures,
)
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    Position,
    Structures,
)

AGES, ADULT, LARGEST = 101, 18, 8  # of conftest's zones
TYPES = len(HOUSEHOLD_TYPES)
P = Position


class Known(Protocol):
    """Totals of a zone whose households are known (`conftest.Known`)."""

    sizes: Whole
    counts: Whole
    size_by_type: Whole


def type_totals(structures: Structures, table: Whole) -> list[TypeTarget]:
    return [
        TypeTarget((structures.types == code).astype(np.float64), float(table[:, code].sum()))
        for code in range(TYPES - 1)
    ]


# The fit ------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(60, 900), st.booleans())
@settings(max_examples=20)
def test_the_fit_meets_classes_sizes_and_types(
    structures: Structures,
    shares: Floats,
    known: Callable[[int, int], Known],
    seed: int,
    households: int,
    typed: bool,
) -> None:
    zone = known(seed, households)
    targets = type_totals(structures, zone.size_by_type) if typed else []
    fit = fit_composition(structures, zone.sizes, zone.counts, shares, targets)
    places = fit.structures @ structures.positions
    assert np.abs(places - fit.roles.sum(axis=1)).max() <= 0.01
    assert np.abs(fit.roles.sum(axis=0) - zone.counts.ravel()).max() <= 1e-6
    by_size = np.bincount(structures.sizes - 1, fit.structures, minlength=LARGEST)
    assert by_size == pytest.approx(zone.sizes, abs=1e-6)
    for target in targets:
        assert float(target.members @ fit.structures) == pytest.approx(target.households, abs=0.01)
    assert fit.residual <= 0.01
    assert (fit.structures >= 0).all()


def test_the_fit_gives_nobody_a_role_that_the_rules_forbid(
    structures: Structures, shares: Floats, known: Callable[[int, int], Known]
) -> None:
    zone = known(1, 400)
    roles = fit_composition(structures, zone.sizes, zone.counts, shares).roles
    of = roles.reshape(len(Position), AGES, 2)
    for position in Position:
        if position not in ANY_AGE:
            assert of[position, :ADULT].sum() == 0
    assert of[list(MALE_ONLY), :, 1].sum() == 0
    assert of[list(FEMALE_ONLY), :, 0].sum() == 0


def prior_of_its_own(
    structures: Structures, seed: int
) -> tuple[Whole, Whole, Floats, Floats, Floats]:
    """Return sizes, counts and shares under which the prior meets every total, and the prior.

    Roles by age and sex are any table whose rows are the prior's positions and whose columns are
    whole persons: iterative proportional fitting of a random one.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.integers(5, 60, LARGEST)
    weight = np.exp(structures.log_weights)
    norm = np.bincount(structures.sizes - 1, weight)
    prior = weight * (sizes / norm)[structures.sizes - 1]
    places = prior @ structures.positions
    persons = int(sizes @ np.arange(1, LARGEST + 1))
    counts = rng.multinomial(persons, np.full(AGES * 2, 1 / (AGES * 2)))
    table = rng.random((len(places), AGES * 2)) + 0.05
    table[:, counts == 0] = 0.0
    for _ in range(300):
        table *= (places / np.maximum(table.sum(axis=1), 1e-300))[:, None]
        table *= counts / np.maximum(table.sum(axis=0), 1e-300)
    shares = np.where(counts > 0, table / np.maximum(counts, 1), 1 / len(places))
    of_age = (len(places), AGES, 2)
    return sizes, counts.reshape(AGES, 2), shares.reshape(of_age), prior, table


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("typed", [False, True])
def test_totals_of_the_prior_give_the_prior_back(
    structures: Structures, seed: int, typed: bool
) -> None:
    sizes, counts, shares, prior, roles = prior_of_its_own(structures, seed)
    cells = (structures.sizes - 1) * TYPES + structures.types
    table = np.bincount(cells, prior, minlength=LARGEST * TYPES).reshape(LARGEST, TYPES)
    targets = type_totals(structures, table) if typed else []
    fit = fit_composition(structures, sizes, counts, shares, targets)
    assert fit.structures == pytest.approx(prior, rel=1e-3, abs=1e-6)
    assert fit.roles == pytest.approx(roles, rel=1e-3, abs=1e-6)


def test_the_fit_is_nearest_to_both_priors(
    structures: Structures, shares: Floats, known: Callable[[int, int], Known]
) -> None:
    """Log-ratios to the priors are sums over positions of one multiplier per class, both sides."""
    zone = known(5, 500)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares)
    flat = shares.reshape(len(Position), -1)
    live = (flat > 0) & (zone.counts.ravel() > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(fit.roles / zone.counts.ravel()) - np.log(flat)
    ages = live.all(axis=0) | live[P.CHILD]
    base = ratio[P.CHILD]
    multiplier = np.full(len(Position), np.nan)
    for position in Position:
        both = live[position] & ages
        away = (ratio[position] - base)[both]
        assert np.ptp(away) < 1e-6
        multiplier[position] = -away.mean()
    score = np.log(fit.structures) - structures.log_weights
    score -= structures.positions @ multiplier / _HOUSEHOLD_WEIGHT
    for size in range(1, LARGEST + 1):
        assert np.ptp(score[structures.sizes == size]) < 1e-5


# Whole households ---------------------------------------------------------------------------------


def by_cell(structures: Structures, chosen: Whole) -> Whole:
    cells = (structures.sizes - 1) * TYPES + structures.types
    counted = np.bincount(cells, chosen, minlength=LARGEST * TYPES)
    return counted.reshape(LARGEST, TYPES).astype(np.int64)


def open_places(structures: Structures, chosen: Whole) -> int:
    """Positions that minors may take."""
    return int(chosen @ structures.positions[:, list(ANY_AGE)].sum(axis=1))


def places_of(structures: Structures, chosen: Whole, kinds: tuple[Position, ...]) -> int:
    return int(chosen @ structures.positions[:, list(kinds)].sum(axis=1))


@given(st.integers(0, 2**32 - 1), st.integers(20, 500))
@settings(max_examples=20)
def test_whole_households_are_exact_and_leave_room_for_everybody(
    structures: Structures,
    shares: Floats,
    known: Callable[[int, int], Known],
    seed: int,
    households: int,
) -> None:
    zone = known(seed, households)
    targets = type_totals(structures, zone.size_by_type)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares, targets)
    rng = np.random.default_rng(seed)
    chosen = whole_structures(
        fit.structures, structures, zone.size_by_type, zone.counts, ADULT, rng, place="x"
    )
    assert (by_cell(structures, chosen) == zone.size_by_type).all()
    assert (chosen >= 0).all()
    assert open_places(structures, chosen) >= zone.counts[:ADULT].sum()
    assert places_of(structures, chosen, MALE_ONLY) <= zone.counts[ADULT:, 0].sum()
    assert places_of(structures, chosen, FEMALE_ONLY) <= zone.counts[ADULT:, 1].sum()


def test_whole_households_follow_the_fit(
    structures: Structures, shares: Floats, known: Callable[[int, int], Known]
) -> None:
    """Systematic draws: a run of structures in one cell is off by less than one household."""
    zone = known(3, 600)
    targets = type_totals(structures, zone.size_by_type)
    fit = fit_composition(structures, zone.sizes, zone.counts, shares, targets)
    nobody = np.zeros_like(zone.counts)  # no limits: nobody under age, room for everybody
    nobody[ADULT:] = 10**6
    chosen = whole_structures(
        fit.structures,
        structures,
        zone.size_by_type,
        nobody,
        ADULT,
        np.random.default_rng(3),
        place="x",
    )
    cells = (structures.sizes - 1) * TYPES + structures.types
    for cell in np.unique(cells):
        mine = cells == cell
        households = zone.size_by_type.ravel()[cell]
        fitted = fit.structures[mine]
        expected = np.cumsum(fitted) / fitted.sum() * households
        assert np.abs(np.cumsum(chosen[mine]) - expected).max() < 1 + 1e-6


def scarce(structures: Structures, kind: str, size: int, households: int) -> tuple[Whole, Floats]:
    """A table with one cell, and a fit that spreads it evenly over the cell's structures."""
    table = np.zeros((LARGEST, TYPES), dtype=np.int64)
    table[size - 1, HOUSEHOLD_TYPES.index(kind)] = households
    mine = (structures.sizes == size) & (structures.types == HOUSEHOLD_TYPES.index(kind))
    return table, np.where(mine, households / mine.sum(), 0.0)


def test_scarce_adults_make_households_of_many_children(structures: Structures) -> None:
    table, fitted = scarce(structures, "extended", 6, 100)
    counts = np.zeros((AGES, 2), dtype=np.int64)
    counts[5], counts[40] = 240, 60  # 480 minors and 120 adults in 100 households
    plenty = np.zeros_like(counts)
    plenty[40] = 600
    drawn = [
        whole_structures(fitted, structures, table, of, ADULT, np.random.default_rng(1), place="x")
        for of in (plenty, counts)
    ]
    assert open_places(structures, drawn[0]) < 480  # the plain draw would not do
    assert open_places(structures, drawn[1]) >= 480
    for chosen in drawn:
        assert (by_cell(structures, chosen) == table).all()


@pytest.mark.parametrize(("scarce_sex", "kinds"), [(0, MALE_ONLY), (1, FEMALE_ONLY)])
def test_a_scarce_sex_gets_no_more_places_than_there_are(
    structures: Structures, scarce_sex: int, kinds: tuple[Position, ...]
) -> None:
    table, fitted = scarce(structures, "extended", 4, 200)
    counts = np.zeros((AGES, 2), dtype=np.int64)
    counts[40, scarce_sex], counts[40, 1 - scarce_sex] = 60, 740
    even = np.zeros_like(counts)
    even[40] = 400
    drawn = [
        whole_structures(fitted, structures, table, of, ADULT, np.random.default_rng(1), place="x")
        for of in (even, counts)
    ]
    assert places_of(structures, drawn[0], kinds) > 60
    assert places_of(structures, drawn[1], kinds) <= 60
    for chosen in drawn:
        assert (by_cell(structures, chosen) == table).all()


def test_households_that_cannot_be_are_refused_by_place(structures: Structures) -> None:
    table, fitted = scarce(structures, "single", 1, 10)
    counts = np.zeros((AGES, 2), dtype=np.int64)
    counts[5, 0], counts[50, 0] = 4, 6
    rng = np.random.default_rng(1)
    with pytest.raises(NotConvergedError, match="household structures of Z9"):
        whole_structures(fitted, structures, table, counts, ADULT, rng, place="Z9")


def test_few_persons_move_types_that_no_table_fixes(structures: Structures) -> None:
    """Two couples, one with a child, of three adults: what is published stays, the rest gives."""
    table = np.zeros((LARGEST, TYPES), dtype=np.int64)
    table[1, HOUSEHOLD_TYPES.index("couple_without_children")] = 1
    table[2, HOUSEHOLD_TYPES.index("couple_with_children")] = 1
    counts = np.zeros((AGES, 2), dtype=np.int64)
    counts[40], counts[7, 0] = (2, 1), 2
    fitted = np.full(len(structures.parts), 1e-3)
    rng = np.random.default_rng(1)
    with pytest.raises(NotConvergedError, match="household structures of Z2"):
        whole_structures(fitted, structures, table, counts, ADULT, rng, place="Z2")
    sizes = CellMargin(structures.sizes - 1, table.sum(axis=1).astype(np.float64))
    chosen = whole_structures(
        fitted, structures, table, counts, ADULT, rng, published=[sizes], place="Z2"
    )
    assert by_cell(structures, chosen).sum(axis=1).tolist() == table.sum(axis=1).tolist()
    assert open_places(structures, chosen) >= 2
    assert places_of(structures, chosen, FEMALE_ONLY) <= 1
    couples = CellMargin(  # published: both are couples, which no three adults make
        np.where(np.isin(structures.types, (1, 2)), 0, 1), np.array([2.0, 0.0])
    )
    with pytest.raises(NotConvergedError, match="household structures of Z2"):
        whole_structures(
            fitted, structures, table, counts, ADULT, rng, published=[sizes, couples], place="Z2"
        )
