"""What follows from members: reference person, roles, household type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthestat.synthesis.kinship import Positions
from synthestat.synthesis.structures import Position

P = Position
ROLES = ("reference", "partner", "child", "parent", "other_relative", "non_relative")
REFERENCE, PARTNER, CHILD, PARENT, OTHER_RELATIVE, NON_RELATIVE = range(6)
HOUSEHOLD_TYPES = (
    "single",
    "couple_without_children",
    "couple_with_children",
    "lone_mother",
    "lone_father",
    "extended",
    "other",
)
_ROLE_OF = {
    P.SINGLE: REFERENCE,
    P.HUSBAND: REFERENCE,
    P.WIFE: PARTNER,
    P.LONE_MOTHER: REFERENCE,
    P.LONE_FATHER: REFERENCE,
    P.CHILD: CHILD,
    P.ELDER_MOTHER: PARENT,
    P.ELDER_FATHER: PARENT,
    P.SON: CHILD,
    P.SONS_WIFE: OTHER_RELATIVE,
    P.GRANDCHILD: OTHER_RELATIVE,
    P.OTHER: OTHER_RELATIVE,
}


def household_roles(positions: Positions, age: NDArray[np.int16]) -> NDArray[np.int8]:
    """Return a code into ROLES per person.

    The reference person is the only adult head, or the older partner of the heading couple (the
    woman where both have one age). `child` is a child, `parent` a parent of the reference person
    or partner; someone whose tie to both was cleared is `other_relative`. Others in a household
    headed by a single person are non-relatives: nothing says that they are kin.
    """
    lookup = np.array([_ROLE_OF[kind] for kind in Position], dtype=np.int8)
    role = lookup[positions.kind]
    role[(positions.kind == P.WIFE) & (positions.partner < 0)] = OTHER_RELATIVE
    wives = np.flatnonzero((positions.kind == P.WIFE) & (positions.partner >= 0))
    husbands = positions.partner[wives]
    older = age[wives] >= age[husbands]
    role[wives[older]], role[husbands[older]] = REFERENCE, PARTNER
    tied = (positions.mother >= 0) | (positions.father >= 0)
    role[(role == CHILD) & ~tied] = OTHER_RELATIVE
    heading = (role == REFERENCE) | (role == PARTNER)
    parents = np.zeros(len(role), dtype=bool)
    for links in (positions.mother, positions.father):
        parents[links[heading & (links >= 0)]] = True
    role[(role == PARENT) & ~parents] = OTHER_RELATIVE
    headed_by_single = np.isin(positions.household, positions.household[positions.kind == P.SINGLE])
    role[headed_by_single & (positions.kind == P.OTHER)] = NON_RELATIVE
    return role


def household_types(
    positions: Positions, role: NDArray[np.int8], sex: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Return a code into HOUSEHOLD_TYPES per household, derived from its members' roles.

    One person: single. Any parent or other relative: extended. Any non-relative: other. Then by
    partner and children of the reference person; nobody of these: other.
    """
    households = len(positions.start) - 1

    def has(code: int) -> NDArray[np.bool_]:
        return np.bincount(positions.household[role == code], minlength=households) > 0

    sizes = np.diff(positions.start)
    partner, child = has(PARTNER), has(CHILD)
    woman_heads = np.zeros(households, dtype=bool)
    heads = np.flatnonzero(role == REFERENCE)
    woman_heads[positions.household[heads]] = sex[heads] == 1
    return np.select(
        [
            sizes == 1,
            has(PARENT) | has(OTHER_RELATIVE),
            has(NON_RELATIVE),
            partner & child,
            partner,
            child & woman_heads,
            child,
        ],
        [0, 5, 6, 2, 1, 3, 4],
        default=6,
    ).astype(np.int8)
