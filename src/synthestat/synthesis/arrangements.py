"""Living arrangements: the share of each age and sex in each class of position."""

from __future__ import annotations

import numpy as np

from synthestat.fitting.ipf import Floats
from synthestat.packs.registry import Registry
from synthestat.packs.spec import SEXES, HouseholdRules
from synthestat.synthesis.structures import (
    ANY_AGE,
    FEMALE_ONLY,
    MALE_ONLY,
    PARTNERED,
    Position,
)

MALE, FEMALE = 0, 1
_LEAST = 1e-7  # affinity where a curve says nobody but no rule forbids it: assumption
_CURVES = {
    Position.ALONE: "alone",
    Position.SINGLE: "single",
    Position.CHILD: "child",
    Position.NESTED_MOTHER: "nested_mother",
    Position.GRANDCHILD: "grandchild",
    Position.SIBLING: "sibling",
    Position.RELATIVE: "relative",
    Position.NONRELATIVE: "nonrelative",
}


def arrangement_shares(ages: int, registry: Registry, rules: HouseholdRules) -> Floats:
    """Return the share of each age and sex in each class, shape (classes, ages, sexes), sum 1.

    From the registry's `living_arrangements`. Zero is structural: adults only outside the classes
    of any age, one sex in the classes of one. Ages at which every share is zero are spread evenly
    over the classes that may hold them.
    """

    def curve(name: str) -> Floats:
        by_sex = [registry.by_age("living_arrangements", ages, name, sex) for sex in SEXES]
        return np.stack(by_sex, axis=1)

    shares = np.zeros((len(Position), ages, len(SEXES)))
    for position, name in _CURVES.items():
        shares[position] = curve(name)
    partnered, nested, same = curve("partnered"), curve("nested"), curve("same_sex")
    couple, childless = partnered * (1 - nested) * (1 - same), curve("childless")
    shares[[Position.HUSBAND, Position.WIFE]] = couple * (1 - childless)
    shares[[Position.HUSBAND_ONLY, Position.WIFE_ONLY]] = couple * childless
    shares[[Position.MAN_OF_TWO, Position.WOMAN_OF_TWO]] = partnered * (1 - nested) * same
    shares[[Position.NESTED_MAN, Position.NESTED_WOMAN]] = partnered * nested
    shares[[Position.LONE_MOTHER, Position.LONE_FATHER]] = curve("lone_parent")
    shares[[Position.ELDER_MOTHER, Position.ELDER_FATHER]] = curve("parent")
    shares += _LEAST
    for position in Position:
        if position not in ANY_AGE:
            shares[position, : rules.adult_age.value] = 0.0
        if position in PARTNERED:
            shares[position, : rules.partner_age.value] = 0.0
    shares[list(MALE_ONLY), :, FEMALE] = 0.0
    shares[list(FEMALE_ONLY), :, MALE] = 0.0
    return np.asarray(shares / shares.sum(axis=0), dtype=np.float64)
