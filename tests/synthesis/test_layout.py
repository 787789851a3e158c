"""Households laid out: links lead to whom they should, every tie stands at both of its ends."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthestat.synthesis.layout import Positions, Tie, assemble, lay_out
from synthestat.synthesis.structures import (
    NUCLEI,
    Nucleus,
    Parts,
    Position,
    Structures,
    _grammar,
)

P = Position
MOTHERS = {
    P.WIFE,
    P.WIFE_ONLY,
    P.LONE_MOTHER,
    P.ELDER_MOTHER,
    P.NESTED_WOMAN,
    P.NESTED_MOTHER,
    P.WOMAN_OF_TWO,
}
FATHERS = {P.HUSBAND, P.HUSBAND_ONLY, P.LONE_FATHER, P.ELDER_FATHER, P.NESTED_MAN, P.MAN_OF_TWO}
COUPLES = (
    {P.HUSBAND, P.WIFE},
    {P.HUSBAND_ONLY, P.WIFE_ONLY},
    {P.ELDER_MOTHER, P.ELDER_FATHER},
    {P.NESTED_MAN, P.NESTED_WOMAN},
    {P.MAN_OF_TWO},
    {P.WOMAN_OF_TWO},
)
Ties = Counter[tuple[int, int, Tie]]


@pytest.fixture(scope="module")
def grammar() -> Structures:
    return _grammar(8)


@pytest.fixture(scope="module")
def everyone(grammar: Structures) -> Positions:
    """One household of every structure."""
    return lay_out(grammar.parts, np.arange(len(grammar.parts)))


def ends(positions: Positions) -> Counter[tuple[int, int, int]]:
    """Every listed end of a tie: (position, other, table)."""
    owner = np.repeat(np.arange(len(positions.kind)), np.diff(positions.tie_start))
    columns = (owner, positions.tie_other, positions.tie_table)
    return Counter(zip(*(column.tolist() for column in columns), strict=True))


def expected_ties(positions: Positions) -> Ties:
    """The ties that links and classes ask for, (first, second, tie), written out anew."""
    found: Ties = Counter()
    partner, mother, father = (
        of.tolist() for of in (positions.partner, positions.mother, positions.father)
    )
    kinds = [P(kind) for kind in positions.kind]
    families: dict[tuple[int, int], list[int]] = {}
    for i, kind in enumerate(kinds):
        head = int(positions.start[positions.household[i]])
        if kind in FATHERS and partner[i] >= 0 and kinds[partner[i]] in MOTHERS:
            found[partner[i], i, Tie.PARTNER] += 1
        elif kind in (P.MAN_OF_TWO, P.WOMAN_OF_TWO) and partner[i] == head:
            found[i, head, Tie.SAME_SEX_PARTNER] += 1
        if mother[i] >= 0:
            found[i, mother[i], Tie.MOTHER] += 1
        if father[i] >= 0:
            found[i, father[i], Tie.FATHER if mother[i] < 0 else Tie.FATHER_BESIDE] += 1
        if mother[i] >= 0 or father[i] >= 0:
            families.setdefault((mother[i], father[i]), []).append(i)
        elif kind == P.GRANDCHILD:
            eldest = head + 1 if kinds[head] in (P.HUSBAND, P.HUSBAND_ONLY) else head
            found[i, eldest, Tie.GRANDPARENT] += 1
        further = {
            P.SIBLING: Tie.HEADS_SIBLING,
            P.RELATIVE: Tie.RELATIVE,
            P.NONRELATIVE: Tie.HOUSEMATE,
        }
        if kind in further:
            found[i, head, further[kind]] += 1
    for children in families.values():
        for one, other in combinations(children, 2):
            found[one, other, Tie.SIBLING] += 1
    return found


def test_every_tie_stands_at_both_of_its_ends(everyone: Positions) -> None:
    found = ends(everyone)
    assert max(found.values()) == 1
    for i, other, table in found:
        mirrored = table + len(Tie) if table < len(Tie) else table - len(Tie)
        assert found[other, i, mirrored] == 1
        assert i != other


def test_ties_are_those_that_links_and_classes_ask_for(everyone: Positions) -> None:
    listed = Counter({(i, j, Tie(t)): n for (i, j, t), n in ends(everyone).items() if t < len(Tie)})
    assert listed == expected_ties(everyone)
    assert {tie for _, _, tie in listed} == set(Tie)


def test_ties_and_links_stay_in_the_household_and_hold_it_together(everyone: Positions) -> None:
    household = everyone.household
    owner = np.repeat(np.arange(len(household)), np.diff(everyone.tie_start))
    assert (household[owner] == household[everyone.tie_other]).all()
    for links in (everyone.partner, everyone.mother, everyone.father):
        known = np.flatnonzero(links >= 0)
        assert (household[links[known]] == household[known]).all()
        assert (links[known] != known).all()
    reached = np.zeros(len(household), dtype=bool)
    reached[everyone.start[:-1]] = True
    for _ in range(8):
        reached[everyone.tie_other[reached[owner]]] = True
    assert reached.all()


def test_links_are_reciprocal_and_of_the_right_classes(everyone: Positions) -> None:
    kinds = [P(kind) for kind in everyone.kind]
    for i, other in enumerate(everyone.partner):
        if other >= 0:
            assert everyone.partner[other] == i
            assert {kinds[i], kinds[other]} in COUPLES
    pairs = zip(everyone.mother.tolist(), everyone.father.tolist(), strict=True)
    for kind, (mother, father) in zip(kinds, pairs, strict=True):
        assert mother < 0 or kinds[mother] in MOTHERS
        assert father < 0 or kinds[father] in FATHERS
        if mother >= 0 and father >= 0:
            assert everyone.partner[mother] == father
        if kind == P.CHILD:
            assert mother >= 0 or father >= 0


def test_a_grown_child_brings_the_partner_in() -> None:
    """Of a nested couple exactly one is a child of the heads: the man on the husband's side."""
    for side, child, other in ((True, 2, 3), (False, 3, 2)):
        home = assemble(Parts(Nucleus.COUPLE, couples=1, husbands_side=side, grandchildren=1))
        assert [P(k) for k in home.kind[2:]] == [P.NESTED_MAN, P.NESTED_WOMAN, P.GRANDCHILD]
        assert (home.mother[child], home.father[child]) == (1, 0)
        assert (home.mother[other], home.father[other]) == (-1, -1)
        assert (home.mother[4], home.father[4]) == (3, 2)


def test_grandchildren_are_shared_out_and_every_lone_mother_has_one(grammar: Structures) -> None:
    for parts in grammar.parts:
        home = assemble(parts)
        mothers = [i for i, kind in enumerate(home.kind) if kind == P.NESTED_MOTHER]
        for mother in mothers:
            assert mother in home.mother
        families = [i for i, k in enumerate(home.kind) if k in (P.NESTED_WOMAN, P.NESTED_MOTHER)]
        numbers = [home.mother.count(i) for i in families]
        assert sum(numbers) == (parts.grandchildren if families else 0)
        assert not numbers or max(numbers) - min(numbers) <= 1


def test_elders_are_parents_of_the_head_and_each_others_partners() -> None:
    both = assemble(Parts(Nucleus.COUPLE, elders=3))
    assert (both.mother[0], both.father[0]) == (2, 3)
    assert (both.partner[2], both.partner[3]) == (3, 2)
    father = assemble(Parts(Nucleus.LONE_MOTHER, children=1, elders=2))
    assert (father.mother[0], father.father[0]) == (-1, 1)
    assert father.mother[2] == 0
    assert father.partner == (-1, -1, -1)


# Any households of a zone -------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**9), max_size=40))
@settings(max_examples=60)
def test_a_zone_is_its_households_one_behind_the_other(
    grammar: Structures, draws: list[int]
) -> None:
    which = np.array([draw % len(grammar.parts) for draw in draws], dtype=np.int64)
    positions = lay_out(grammar.parts, which)
    assert positions.start.tolist() == [0, *np.cumsum(grammar.sizes[which]).tolist()]
    assert len(positions.tie_start) == len(positions.kind) + 1
    at = 0
    for number, structure in enumerate(which):
        home = assemble(grammar.parts[structure])
        here = slice(positions.start[number], positions.start[number + 1])
        first = int(positions.start[number])
        assert (positions.household[here] == number).all()
        assert tuple(positions.kind[here]) == home.kind
        for name in ("partner", "mother", "father"):
            links = getattr(positions, name)[here]
            assert tuple(np.where(links >= 0, links - first, -1)) == getattr(home, name)
        ends_here = slice(at, at + len(home.tie_other))
        assert tuple(positions.tie_other[ends_here] - first) == home.tie_other
        assert tuple(positions.tie_table[ends_here]) == home.tie_table
        counts = np.diff(positions.tie_start[here.start : here.stop + 1])
        assert tuple(counts) == home.tie_counts
        at = ends_here.stop
    assert at == len(positions.tie_other) == positions.tie_start[-1]


def test_no_households_are_no_positions() -> None:
    positions = lay_out((), np.zeros(0, dtype=np.int64))
    assert positions.start.tolist() == [0]
    assert positions.tie_start.tolist() == [0]
    assert not len(positions.kind)


def test_heads_are_the_first_positions() -> None:
    for nucleus, kinds in NUCLEI.items():
        children = int(nucleus != Nucleus.PERSON)
        home = assemble(Parts(nucleus, children=children, nonrelatives=1))
        assert tuple(P(k) for k in home.kind[: len(kinds)]) == kinds


def test_partners_without_children_at_home_stand_in_classes_of_their_own() -> None:
    alone = {P.HUSBAND_ONLY, P.WIFE_ONLY}
    for parts in (Parts(Nucleus.COUPLE), Parts(Nucleus.COUPLE, grandchildren=2)):
        assert alone <= set(parts.positions())
    for parts in (Parts(Nucleus.COUPLE, 1), Parts(Nucleus.COUPLE, couples=1)):
        assert not alone & set(parts.positions())
