"""Household structures: every one of them is a household that could be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthestat.packs.pack import CountryPack, find_pack
from synthestat.synthesis.structures import Position, Structures, household_structures

P = Position
CHILDREN_OF = {P.CHILD, P.SON}


@pytest.fixture(scope="module", params=["tiny", "XK"])
def structures(request: pytest.FixtureRequest, tiny_pack: CountryPack) -> Structures:
    pack = tiny_pack if request.param == "tiny" else find_pack("XK")
    return household_structures(pack.priors, pack.country.household_rules.largest_household.value)


def test_every_size_can_be_made(structures: Structures) -> None:
    assert set(structures.sizes) == set(range(1, structures.sizes.max() + 1))


def test_each_structure_has_as_many_positions_as_persons(structures: Structures) -> None:
    assert (structures.positions.sum(axis=1) == structures.sizes).all()
    assert len(structures.flat.kind) == structures.sizes.sum()
    assert (np.diff(structures.flat.start) == structures.sizes[:-1]).all()
    first = np.repeat(np.arange(len(structures.sizes)), structures.sizes)
    counts = np.zeros_like(structures.positions)
    np.add.at(counts, (first, structures.flat.kind), 1)
    assert (counts == structures.positions).all()


def test_links_are_well_formed(structures: Structures) -> None:
    flat = structures.flat
    for start, size in zip(flat.start, structures.sizes, strict=True):
        kinds = flat.kind[start : start + size]
        partner, mother, father = (
            links[start : start + size] for links in (flat.partner, flat.mother, flat.father)
        )
        for links in (partner, mother, father):
            assert ((links >= -1) & (links < size)).all()
            assert (links != np.arange(size)).all()
        for at, other in enumerate(partner):
            if other >= 0:
                assert partner[other] == at
                assert {P(kinds[at]), P(kinds[other])} in (
                    {P.HUSBAND, P.WIFE},
                    {P.ELDER_MOTHER, P.ELDER_FATHER},
                    {P.SON, P.SONS_WIFE},
                )
        for at in range(size):
            if mother[at] >= 0:
                assert kinds[mother[at]] in (P.WIFE, P.LONE_MOTHER, P.ELDER_MOTHER, P.SONS_WIFE)
            if father[at] >= 0:
                assert kinds[father[at]] in (P.HUSBAND, P.LONE_FATHER, P.ELDER_FATHER, P.SON)
            if kinds[at] in (P.CHILD, P.GRANDCHILD, P.SON):
                assert mother[at] >= 0 or father[at] >= 0
            if mother[at] >= 0 and father[at] >= 0:
                assert partner[mother[at]] == father[at]
        assert (
            sum(kind in (P.SINGLE, P.HUSBAND, P.LONE_MOTHER, P.LONE_FATHER) for kind in kinds) == 1
        )


def test_no_structure_stands_twice(structures: Structures) -> None:
    flat = structures.flat
    seen = set()
    for start, size in zip(flat.start, structures.sizes, strict=True):
        span = slice(start, start + size)
        seen.add((*flat.kind[span], *flat.mother[span], *flat.father[span]))
    assert len(seen) == len(structures.sizes)


def test_lone_parents_have_children(structures: Structures) -> None:
    of = structures.positions
    lone = (of[:, P.LONE_MOTHER] + of[:, P.LONE_FATHER]) > 0
    assert ((of[lone][:, P.CHILD] + of[lone][:, P.SON]) > 0).all()


def test_elders_and_married_sons_do_not_meet(structures: Structures) -> None:
    of = structures.positions
    elders = of[:, P.ELDER_MOTHER] + of[:, P.ELDER_FATHER]
    assert not ((elders > 0) & (of[:, P.SON] > 0)).any()
    alone = of[:, P.SINGLE] > 0
    assert (elders[alone] == 0).all()
    assert (of[alone][:, P.CHILD] == 0).all()


def test_a_weight_of_zero_rules_a_structure_out(tiny_pack: CountryPack) -> None:
    entry = tiny_pack.priors.used("household_structure")
    values = {**entry.values, "elders": {"none": 1.0, "mother": 0.0, "father": 0.0, "both": 0.0}}
    changed = entry.model_copy(update={"values": values})
    others = tuple(e for e in tiny_pack.priors.entries if e is not entry)
    registry = replace(tiny_pack.priors, entries=(*others, changed))
    of = household_structures(registry, 8).positions
    assert of[:, [P.ELDER_MOTHER, P.ELDER_FATHER]].sum() == 0
