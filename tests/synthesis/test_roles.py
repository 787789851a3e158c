"""Roles and types of households made by hand, ties cleared or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.synthesis.layout import lay_out
from synthestat.synthesis.roles import ROLES, household_roles, household_types
from synthestat.synthesis.structures import FEMALE_ONLY, Nucleus, Parts

N = Nucleus
Cleared = Mapping[int, Sequence[str]]


def roles_of(parts: Parts, ages: Sequence[int], cleared: Cleared | None = None) -> list[str]:
    """Return the roles, and last the type, of one household; `cleared`: links lost, by place."""
    positions = lay_out((parts,), np.zeros(1, dtype=np.int64))
    assert len(ages) == len(positions.kind)
    for place, links in (cleared or {}).items():
        for link in links:
            getattr(positions, link)[place] = -1
    sex = np.isin(positions.kind, FEMALE_ONLY).astype(np.int8)
    role = household_roles(positions, np.array(ages, dtype=np.int16))
    kind = household_types(positions, role, sex)
    return [*(ROLES[code] for code in role), HOUSEHOLD_TYPES[kind[0]]]


APART: Cleared = {0: ("partner",), 1: ("partner",)}
ORPHAN: Sequence[str] = ("mother", "father")


@pytest.mark.parametrize(
    ("parts", "ages", "expected"),
    [
        (Parts(N.PERSON), [40], "reference single"),
        (Parts(N.COUPLE), [40, 38], "reference partner couple_without_children"),
        (Parts(N.COUPLE), [38, 40], "partner reference couple_without_children"),
        (Parts(N.COUPLE), [40, 40], "partner reference couple_without_children"),
        (Parts(N.MEN), [40, 38], "reference partner couple_without_children"),
        (Parts(N.MEN), [38, 40], "partner reference couple_without_children"),
        (Parts(N.WOMEN), [40, 40], "reference partner couple_without_children"),
        (Parts(N.WOMEN, children=1), [30, 44, 9], "partner reference child couple_with_children"),
        (Parts(N.MEN, children=1), [44, 30, 9], "reference partner child couple_with_children"),
        (Parts(N.COUPLE, children=1), [40, 38, 9], "reference partner child couple_with_children"),
        (Parts(N.LONE_MOTHER, children=2), [40, 9, 7], "reference child child lone_mother"),
        (Parts(N.LONE_FATHER, children=1), [40, 9], "reference child lone_father"),
        (Parts(N.COUPLE, elders=3), [45, 43, 70, 74], "reference partner parent parent extended"),
        (Parts(N.COUPLE, elders=1), [43, 45, 70], "partner reference parent extended"),
        (Parts(N.LONE_MOTHER, 1, elders=2), [40, 70, 9], "reference parent child extended"),
        (Parts(N.PERSON, elders=1), [45, 70], "reference parent extended"),
        (
            Parts(N.COUPLE, couples=1, grandchildren=1),
            [60, 58, 30, 28, 2],
            "reference partner child child_in_law grandchild extended",
        ),
        (
            Parts(N.COUPLE, couples=1, husbands_side=False, grandchildren=1),
            [60, 58, 30, 28, 2],
            "reference partner child_in_law child grandchild extended",
        ),
        (
            Parts(N.LONE_MOTHER, couples=2),
            [60, 35, 33, 30, 28],
            "reference child child_in_law child child_in_law extended",
        ),
        (
            Parts(N.LONE_FATHER, mothers=1, grandchildren=2),
            [60, 30, 4, 2],
            "reference child grandchild grandchild extended",
        ),
        (Parts(N.PERSON, grandchildren=2), [66, 9, 7], "reference grandchild grandchild extended"),
        (
            Parts(N.COUPLE, children=1, grandchildren=1),
            [66, 64, 20, 7],
            "reference partner grandchild child extended",
        ),
        (Parts(N.PERSON, siblings=1), [30, 27], "reference sibling extended"),
        (Parts(N.PERSON, relatives=1), [30, 50], "reference other_relative extended"),
        (
            Parts(N.PERSON, nonrelatives=2),
            [30, 29, 28],
            "reference non_relative non_relative other",
        ),
        (
            Parts(N.COUPLE, 1, siblings=1, nonrelatives=1),
            [40, 38, 9, 33, 25],
            "reference partner child sibling non_relative extended",
        ),
        (Parts(N.COUPLE, nonrelatives=1), [40, 38, 20], "reference partner non_relative other"),
    ],
)
def test_roles_by_hand(parts: Parts, ages: list[int], expected: str) -> None:
    words = expected.split()
    positions = parts.positions()
    found = roles_of(parts, ages)
    assert found[-1] == words[-1] == parts.household_type
    assert found[:-1] == words[:-1], positions


@pytest.mark.parametrize(
    ("parts", "ages", "cleared", "expected"),
    [
        (Parts(N.COUPLE), [40, 90], APART, "reference other_relative extended"),
        (
            Parts(N.COUPLE, 1),
            [40, 90, 9],
            APART,
            "reference other_relative child extended",
        ),
        (
            Parts(N.COUPLE, 1),
            [40, 90, 9],
            {**APART, 2: ORPHAN},
            "reference other_relative other_relative extended",
        ),
        (
            Parts(N.COUPLE, 2),
            [40, 38, 30, 7],
            {2: ORPHAN},
            "reference partner other_relative child extended",
        ),
        (
            Parts(N.LONE_MOTHER, 1),
            [40, 39],
            {1: ORPHAN},
            "reference other_relative extended",
        ),
        (
            Parts(N.COUPLE, elders=3),
            [45, 43, 46, 47],
            {0: ORPHAN},
            "reference partner other_relative other_relative extended",
        ),
        (
            Parts(N.COUPLE, elders=3),
            [45, 43, 70, 120],
            {2: ("partner",), 3: ("partner",)},
            "reference partner parent parent extended",
        ),
        (
            Parts(N.COUPLE, couples=1, grandchildren=1),
            [60, 58, 55, 28, 2],
            {2: ORPHAN},
            "reference partner other_relative other_relative other_relative extended",
        ),
        (
            Parts(N.COUPLE, couples=1, grandchildren=1),
            [60, 58, 30, 80, 2],
            {2: ("partner",), 3: ("partner",)},
            "reference partner child other_relative grandchild extended",
        ),
        (
            Parts(N.COUPLE, couples=1, grandchildren=2),
            [60, 58, 30, 28, 27, 2],
            {4: ORPHAN},
            "reference partner child child_in_law other_relative grandchild extended",
        ),
        (
            Parts(N.LONE_MOTHER, mothers=1, grandchildren=1),
            [60, 30, 29],
            {2: ORPHAN},
            "reference child other_relative extended",
        ),
    ],
)
def test_who_lost_a_tie_is_another_relative(
    parts: Parts, ages: list[int], cleared: Cleared, expected: str
) -> None:
    assert roles_of(parts, ages, cleared) == expected.split()


def test_households_of_one_zone_do_not_mix() -> None:
    """A family, a person alone and housemates behind each other: each by its own members."""
    parts = (Parts(N.COUPLE, 1), Parts(N.PERSON), Parts(N.PERSON, nonrelatives=1))
    positions = lay_out(parts, np.array([1, 2, 0, 1]))
    age = np.array([30, 40, 41, 44, 46, 12, 80], dtype=np.int16)
    sex = np.array([0, 1, 0, 0, 1, 0, 1], dtype=np.int8)
    role = household_roles(positions, age)
    assert [ROLES[code] for code in role] == [
        *("reference", "reference", "non_relative"),
        *("partner", "reference", "child", "reference"),
    ]
    kinds = [HOUSEHOLD_TYPES[code] for code in household_types(positions, role, sex)]
    assert kinds == ["single", "other", "couple_with_children", "single"]
