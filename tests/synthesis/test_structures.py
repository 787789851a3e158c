"""Household structures: every one of them is a household that could be, of the type it says."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack, find_pack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.synthesis.kinship import forbidden_positions, kinship_energies
from synthestat.synthesis.layout import lay_out
from synthestat.synthesis.roles import PARTNER, REFERENCE, household_roles, household_types
from synthestat.synthesis.structures import (
    ELDERS,
    FEMALE_ONLY,
    MALE_ONLY,
    NUCLEI,
    Nucleus,
    Parts,
    Position,
    Structures,
    _grammar,
    household_structures,
)

P = Position
PLAUSIBLE = {
    P.ELDER_MOTHER: 72,
    P.ELDER_FATHER: 74,
    P.NESTED_MAN: 25,
    P.NESTED_WOMAN: 24,
    P.NESTED_MOTHER: 23,
    P.GRANDCHILD: 2,
    P.CHILD: 20,
    P.SIBLING: 40,
    P.RELATIVE: 30,
    P.NONRELATIVE: 33,
}
"""Ages at which every tie of every structure is possible; heads are about 45."""


def with_values(registry: Registry, **values: object) -> Registry:
    entry = registry.used("household_structure")
    changed = entry.model_copy(update={"values": {**entry.values, **values}})
    return replace(registry, entries=tuple(changed if e is entry else e for e in registry.entries))


@pytest.fixture(scope="module", params=["tiny", "XK", "default"])
def structures(request: pytest.FixtureRequest, tiny_pack: CountryPack) -> Structures:
    pack = find_pack("XK") if request.param == "XK" else tiny_pack
    registry = pack.priors
    if request.param == "default":
        registry = Registry((), registry.defaults).at_mean_size(3.3)
    return household_structures(registry, pack.country.household_rules.largest_household.value)


# The grammar --------------------------------------------------------------------------------------


def test_every_structure_is_as_large_as_its_positions_are_many() -> None:
    grammar = _grammar(10)
    assert len(grammar.parts) > 5000
    for row, parts in enumerate(grammar.parts):
        positions = parts.positions()
        assert len(positions) == parts.size == grammar.sizes[row]
        counted = np.bincount(positions, minlength=len(Position))
        assert (counted == grammar.positions[row]).all()


def test_every_structure_has_one_head_or_one_heading_couple_and_it_stands_first() -> None:
    heads = {(P.ALONE,), (P.HUSBAND_ONLY, P.WIFE_ONLY), *NUCLEI.values()}
    kinds = {kind for nucleus in heads for kind in nucleus}
    for parts in _grammar(8).parts:
        positions = parts.positions()
        found = tuple(kind for kind in positions if kind in kinds)
        assert found in heads
        assert positions[: len(found)] == found
        assert (P.ALONE in positions) == (parts.size == 1)


def test_no_structure_stands_twice_and_all_stand_in_order_of_size() -> None:
    grammar = _grammar(10)
    assert len(set(grammar.parts)) == len(grammar.parts)
    assert (np.diff(grammar.sizes) >= 0).all()
    positions = lay_out(grammar.parts, np.arange(len(grammar.parts)))
    start, seen = positions.start, set()
    for first, last in pairwise(start):
        links = (positions.partner, positions.mother, positions.father)
        local = tuple(tuple(np.where(of >= 0, of - first, -1)[first:last]) for of in links)
        seen.add((tuple(positions.kind[first:last]), *local))
    assert len(seen) == len(grammar.parts)


def test_lone_parents_have_children_at_home() -> None:
    for parts in _grammar(9).parts:
        if parts.nucleus in (Nucleus.LONE_MOTHER, Nucleus.LONE_FATHER):
            assert parts.children + parts.couples + parts.mothers > 0


def test_elders_and_younger_families_do_not_meet() -> None:
    for parts in _grammar(9).parts:
        younger = parts.couples + parts.mothers + parts.grandchildren
        assert not (parts.elders and younger)
        if parts.nucleus == Nucleus.PERSON:
            assert parts.children + parts.couples + parts.mothers == 0
        if parts.nucleus in (Nucleus.MEN, Nucleus.WOMEN):
            assert parts.size == 2 + parts.children + parts.nonrelatives


def test_every_grown_daughter_alone_has_a_child() -> None:
    for parts in _grammar(9).parts:
        assert not parts.mothers or parts.grandchildren >= parts.mothers


@pytest.mark.parametrize("older", [Nucleus.LONE_FATHER, Nucleus.LONE_MOTHER], ids=["man", "woman"])
def test_the_type_of_every_structure_is_the_type_of_its_members(older: Nucleus) -> None:
    """All structures of up to seven persons, whether the man or the woman of a couple is older."""
    grammar = _grammar(7)
    positions = lay_out(grammar.parts, np.arange(len(grammar.parts)))
    head = {P.HUSBAND: 46, P.WIFE: 44 if older == Nucleus.LONE_FATHER else 48}
    years = np.array([PLAUSIBLE.get(kind, head.get(kind, 45)) for kind in Position])
    age = years[positions.kind].astype(np.int16)
    sex = np.isin(positions.kind, FEMALE_ONLY).astype(np.int8)
    rules = find_pack("XK").country.household_rules
    energies = kinship_energies(find_pack("XK").priors, rules)
    assert not len(forbidden_positions(positions, age, energies))
    role = household_roles(positions, age)
    found = household_types(positions, role, sex)
    assert [HOUSEHOLD_TYPES[code] for code in found] == [p.household_type for p in grammar.parts]
    assert (found == grammar.types).all()
    assert (np.bincount(positions.household[role == REFERENCE]) == 1).all()
    assert np.bincount(positions.household[role == PARTNER]).max() == 1


def test_all_seven_types_are_there() -> None:
    found = {parts.household_type for parts in _grammar(4).parts}
    assert found == set(HOUSEHOLD_TYPES)


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        (Parts(Nucleus.PERSON), "single"),
        (Parts(Nucleus.MEN), "couple_without_children"),
        (Parts(Nucleus.WOMEN, children=1), "couple_with_children"),
        (Parts(Nucleus.COUPLE, children=2, nonrelatives=1), "other"),
        (Parts(Nucleus.COUPLE, relatives=1, nonrelatives=1), "extended"),
        (Parts(Nucleus.LONE_FATHER, children=1), "lone_father"),
        (Parts(Nucleus.LONE_MOTHER, couples=1), "extended"),
        (Parts(Nucleus.PERSON, elders=1), "extended"),
        (Parts(Nucleus.PERSON, nonrelatives=2), "other"),
        (Parts(Nucleus.PERSON, grandchildren=1), "extended"),
    ],
)
def test_types_of_structures_by_hand(parts: Parts, kind: str) -> None:
    assert parts.household_type == kind


def test_classes_of_one_sex_are_not_of_both() -> None:
    assert not set(MALE_ONLY) & set(FEMALE_ONLY)
    assert {kind for elders in ELDERS for kind in elders} == {P.ELDER_MOTHER, P.ELDER_FATHER}


# Weights ------------------------------------------------------------------------------------------


def test_every_size_can_be_made(structures: Structures) -> None:
    assert sorted(set(structures.sizes)) == list(range(1, structures.sizes.max() + 1))
    assert (np.diff(structures.sizes) >= 0).all()


def test_weights_of_each_size_are_shares_of_nearly_one(structures: Structures) -> None:
    assert np.isfinite(structures.log_weights).all()
    shares = np.bincount(structures.sizes, np.exp(structures.log_weights))[1:]
    assert (shares <= 1 + 1e-9).all()
    assert (shares > 0.97).all()


def test_a_weight_of_zero_rules_a_structure_out(tiny_pack: CountryPack) -> None:
    no_elders = with_values(tiny_pack.priors, elders={"none": 1.0})
    of = household_structures(no_elders, 8).positions
    assert of[:, [P.ELDER_MOTHER, P.ELDER_FATHER]].sum() == 0
    assert of[:, P.NESTED_MAN].sum() > 0


def test_no_further_member_of_a_kind_leaves_the_first(tiny_pack: CountryPack) -> None:
    few = with_values(tiny_pack.priors, relatives={"first": 0.1, "more": 0.0})
    of = household_structures(few, 8).positions
    assert of[:, P.RELATIVE].max() == 1
    none = with_values(tiny_pack.priors, relatives={"first": 0.0, "more": 0.5})
    assert household_structures(none, 8).positions[:, P.RELATIVE].max() == 0


def test_a_mean_of_zero_leaves_no_children(tiny_pack: CountryPack) -> None:
    barren = with_values(tiny_pack.priors, children_of_lone_parent=0.0)
    found = household_structures(barren, 8)
    for parts in found.parts:
        if parts.nucleus in (Nucleus.LONE_MOTHER, Nucleus.LONE_FATHER):
            assert not parts.children


def test_weights_multiply(tiny_pack: CountryPack) -> None:
    """Twice the weight of a couple: twice the odds of a couple against a lone mother."""
    values = dict(tiny_pack.priors.weights("household_structure", "nucleus"))
    odds = []
    for factor in (1.0, 2.0):
        changed = with_values(tiny_pack.priors, nucleus={**values, "couple": factor})
        found = household_structures(changed, 6)
        at = {parts: number for number, parts in enumerate(found.parts)}
        pair = [
            at[Parts(Nucleus.COUPLE, children=2)],
            at[Parts(Nucleus.LONE_MOTHER, children=3)],
        ]
        odds.append(np.exp(np.diff(found.log_weights[pair])[0]))
    assert odds[0] / odds[1] == pytest.approx(2.0)


def test_numbers_of_children_have_the_declared_mean_and_spread(tiny_pack: CountryPack) -> None:
    """Ratios of weights along couples with children alone are those of a negative binomial."""
    mean, dispersion = 1.8, 0.1
    registry = with_values(tiny_pack.priors, children_of_couple=mean, dispersion=dispersion)
    found = household_structures(registry, 9)
    at = {parts: number for number, parts in enumerate(found.parts)}
    # weights are shares of their size, so a lone parent with one child more is the measure
    grown = {k: found.log_weights[at[Parts(Nucleus.COUPLE, children=k)]] for k in range(7)}
    alone = {k: found.log_weights[at[Parts(Nucleus.LONE_MOTHER, children=k)]] for k in range(1, 8)}
    lone = registry.number("household_structure", "children_of_lone_parent")

    def step(k: int, of: float) -> float:
        p = of / (of + 1 / dispersion)
        return float(np.log(p * (k + 1 / dispersion) / (k + 1)))

    for k in range(1, 5):
        ours = (grown[k + 1] - alone[k + 2]) - (grown[k] - alone[k + 1])
        assert ours == pytest.approx(step(k, mean) - step(k + 1, lone))


def test_a_size_without_any_structure_is_named(tiny_pack: CountryPack) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        no_one_alone = with_values(tiny_pack.priors, nucleus={"couple": 1.0})
        with pytest.raises(
            PackError, match=r"zz\.household_structure: no structure .* of 1 persons"
        ):
            household_structures(no_one_alone, 8)
        with pytest.raises(PackError, match="households of 31 persons") as caught:
            household_structures(tiny_pack.priors, 31)
    assert "largest_household" in caught.value.remedy


def test_couples_of_one_sex_are_there_by_default_and_never_where_the_pack_says_so(
    broad: Registry, xk_pack: CountryPack
) -> None:
    same = [P.MAN_OF_TWO, P.WOMAN_OF_TWO]
    assert (household_structures(broad, 8).positions[:, same].sum(axis=0) > 0).all()
    for mean in (1.5, 3.0, 6.0):
        found = household_structures(xk_pack.priors.at_mean_size(mean), 8)
        assert found.positions[:, same].sum() == 0
