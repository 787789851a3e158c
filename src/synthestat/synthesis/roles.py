"""What follows from members: reference person, roles, household type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthestat.synthesis.layout import Positions
from synthestat.synthesis.structures import Position

P = Position
ROLES = (
    "reference",
    "partner",
    "child",
    "child_in_law",
    "grandchild",
    "parent",
    "sibling",
    "other_relative",
    "non_relative",
    "institutional",
)
REFERENCE, PARTNER, CHILD, CHILD_IN_LAW, GRANDCHILD = range(5)
PARENT, SIBLING, OTHER_RELATIVE, NON_RELATIVE, INSTITUTIONAL = range(5, 10)
_ROLE_OF = {
    P.ALONE: REFERENCE,
    P.SINGLE: REFERENCE,
    P.HUSBAND: REFERENCE,
    P.WIFE: PARTNER,
    P.HUSBAND_ONLY: REFERENCE,
    P.WIFE_ONLY: PARTNER,
    P.MAN_OF_TWO: PARTNER,
    P.WOMAN_OF_TWO: PARTNER,
    P.LONE_MOTHER: REFERENCE,
    P.LONE_FATHER: REFERENCE,
    P.CHILD: CHILD,
    P.ELDER_MOTHER: PARENT,
    P.ELDER_FATHER: PARENT,
    P.NESTED_MAN: CHILD,
    P.NESTED_WOMAN: CHILD,
    P.NESTED_MOTHER: CHILD,
    P.GRANDCHILD: GRANDCHILD,
    P.SIBLING: SIBLING,
    P.RELATIVE: OTHER_RELATIVE,
    P.NONRELATIVE: NON_RELATIVE,
}


def household_roles(positions: Positions, age: NDArray[np.int16]) -> NDArray[np.int8]:
    """Return a code into ROLES per person.

    The reference person is the only adult head, or the older partner of the heading couple (the
    woman where both have one age). Every other role is towards the reference person or the
    partner; someone whose tie to both was cleared is `other_relative`.
    """
    lookup = np.array([_ROLE_OF[kind] for kind in Position], dtype=np.int8)
    kind, partner = positions.kind, positions.partner
    role = lookup[kind]
    wife = np.isin(kind, (P.WIFE, P.WIFE_ONLY))
    role[wife & (partner < 0)] = OTHER_RELATIVE
    wives = np.flatnonzero(wife & (partner >= 0))
    older = age[wives] >= age[partner[wives]]
    role[wives[older]], role[partner[wives][older]] = REFERENCE, PARTNER
    same = np.flatnonzero(np.isin(kind, (P.MAN_OF_TWO, P.WOMAN_OF_TWO)))
    first = same[positions.start[positions.household[same]] == same]
    heads = np.where(age[first] >= age[partner[first]], first, partner[first])
    role[heads] = REFERENCE
    heading = (role == REFERENCE) | (role == PARTNER)
    tied = _has_parent_among(positions, heading)
    children_in_law = (role == CHILD) & ~tied & (partner >= 0)
    children_in_law[children_in_law] = tied[partner[children_in_law]]
    role[(role == CHILD) & ~tied] = OTHER_RELATIVE
    role[children_in_law] = CHILD_IN_LAW
    parents = np.zeros(len(role), dtype=bool)
    for links in (positions.mother, positions.father):
        parents[links[heading & (links >= 0)]] = True
    role[(role == PARENT) & ~parents] = OTHER_RELATIVE
    generation = (role == CHILD) | (role == CHILD_IN_LAW)
    orphaned = (positions.mother < 0) & (positions.father < 0)
    nested = np.isin(positions.household, positions.household[_nested_parents(kind)])
    lost = np.where(nested & orphaned, True, ~orphaned & ~_has_parent_among(positions, generation))
    role[(role == GRANDCHILD) & lost] = OTHER_RELATIVE
    return role


def _nested_parents(kind: NDArray[np.int8]) -> NDArray[np.bool_]:
    return np.isin(kind, (P.NESTED_MAN, P.NESTED_WOMAN, P.NESTED_MOTHER))


def _has_parent_among(positions: Positions, who: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which persons have a mother or father among the persons that `who` marks."""
    found = np.zeros(len(who), dtype=bool)
    for links in (positions.mother, positions.father):
        known = links >= 0
        found[known] |= who[links[known]]
    return found


def household_types(
    positions: Positions, role: NDArray[np.int8], sex: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Return a code into HOUSEHOLD_TYPES per household, derived from its members' roles.

    One person: single. Anyone related to the reference person who is neither partner nor child:
    extended. Any non-relative: other. Then by partner and children of the reference person; nobody
    of these: other.
    """
    households = len(positions.start) - 1

    def has(*codes: int) -> NDArray[np.bool_]:
        found = positions.household[np.isin(role, codes)]
        return np.bincount(found, minlength=households) > 0

    sizes = np.diff(positions.start)
    partner, child = has(PARTNER), has(CHILD)
    woman_heads = np.zeros(households, dtype=bool)
    heads = np.flatnonzero(role == REFERENCE)
    woman_heads[positions.household[heads]] = sex[heads] == 1
    return np.select(
        [
            sizes == 1,
            has(CHILD_IN_LAW, GRANDCHILD, PARENT, SIBLING, OTHER_RELATIVE),
            has(NON_RELATIVE),
            partner & child,
            partner,
            child & woman_heads,
            child,
        ],
        [0, 5, 6, 2, 1, 3, 4],
        default=6,
    ).astype(np.int8)
