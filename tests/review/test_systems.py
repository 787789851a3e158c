"""Systems of published cells: solutions and conflicts, against a search through all tables."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.review.systems import (
    Found,
    Row,
    System,
    conflicting,
    irreducible_faults,
    solve,
)

MOST = 4  # of one unknown, in the search through all


def rows_of(number: int) -> st.SearchStrategy[list[Row]]:
    one = st.tuples(
        st.lists(st.integers(0, 2), min_size=number, max_size=number),
        st.integers(0, 5),
        st.integers(0, 3),
    )
    return st.lists(one, min_size=1, max_size=5).map(
        lambda drawn: [
            Row(
                f"row {at}",
                {place: float(w) for place, w in enumerate(weights) if w},
                float(low),
                float(low + span),
            )
            for at, (weights, low, span) in enumerate(drawn)
        ]
    )


@st.composite
def systems(draw: st.DrawFn) -> System:
    number = draw(st.integers(1, 3))
    names = tuple(f"x{place}" for place in range(number))
    most = [Row(f"most {name}", {at: 1.0}, None, MOST) for at, name in enumerate(names)]
    return System(names, (*draw(rows_of(number)), *most))


def brute(system: System) -> bool:
    tables = product(range(MOST + 1), repeat=len(system.unknowns))
    return any(
        not system.faults(dict(zip(system.unknowns, table, strict=True))) for table in tables
    )


def bounded(system: System, labels: list[str]) -> System:
    """Some rows of a system, with the bounds without which a search would have no end."""
    return system.only([*labels, *(f"most {name}" for name in system.unknowns)])


@given(systems())
def test_a_solution_is_found_where_there_is_one(system: System) -> None:
    ended, solution = solve(system, nodes=50_000)
    assert ended is (Found.SOLUTION if brute(system) else Found.NONE)
    if ended is Found.SOLUTION:
        assert system.faults(solution) == []
        assert all(solution.values())


@given(systems())
def test_a_conflict_is_irreducible(system: System) -> None:
    labels = conflicting(system, nodes=50_000)
    assert bool(labels) is not brute(system)
    if not labels:
        return
    assert irreducible_faults(system, labels, nodes=50_000) == []
    known = {row.label for row in system.rows}
    for extra in sorted(known - set(labels))[:1]:
        assert irreducible_faults(system, [*labels, extra], nodes=50_000)
    assert irreducible_faults(system, labels[1:], nodes=50_000)


def test_the_nearest_solution_is_taken() -> None:
    system = System(("a", "b"), (Row("sum", {0: 1.0, 1: 1.0}, 10, 10), Row("a", {0: 1.0}, 0, 4)))
    assert solve(system, nodes=50_000, near={"a": 7, "b": 3}) == (Found.SOLUTION, {"a": 4, "b": 6})


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": 11}, "the table gives 11"),
        ({"a": 10.0}, "10.0 is no whole number"),
        ({"a": True, "b": 9}, "True is no whole number"),
        ({"a": -1, "b": 11}, "-1 is no whole number"),
        ({"a": 10, "c": 0}, "c: there is no such unknown"),
    ],
)
def test_what_is_no_solution_is_said(table: dict[str, object], said: str) -> None:
    system = System(("a", "b"), (Row("sum", {0: 1.0, 1: 1.0}, 10, 10),))
    assert said in " ".join(system.faults(table))


def test_a_set_with_an_unknown_row_or_none_is_no_conflict() -> None:
    system = System(("a",), (Row("low", {0: 1.0}, 3, None), Row("high", {0: 1.0}, None, 2)))
    assert conflicting(system, nodes=50_000) == ("low", "high")
    assert irreducible_faults(system, ["low", "none"], nodes=50_000) == ["none: no such row"]
    assert irreducible_faults(system, [], nodes=50_000) == ["the set is empty"]
    assert irreducible_faults(system, ["low"], nodes=50_000)
