"""Joint reconciliation: cycles of tables, with conflict sets and least moves."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthestat.controls import joint
from synthestat.controls.conflicts import ContradictionError, block_on, joint_conflicts
from synthestat.controls.control_tables import ControlTable, Published
from synthestat.controls.joint import components, is_acyclic, joint_conflict, settle_jointly
from synthestat.controls.relaxations import Relaxation, settle_rows
from synthestat.errors import PackError

Make = Callable[..., ControlTable]
VALUES = {"age": ("0-17", "18+"), "sex": ("male", "female"), "language": ("Plain", "Hill")}
CYCLE = (("age", "sex"), ("sex", "language"), ("language", "age"))


@pytest.fixture
def make(workshop: Any) -> Make:
    """Make a table of zone 01: `make("name", ("age", "sex"), [1, 2, 3, 4], "FIRM")`."""
    model = workshop.published().tables["persons_sex_language"]

    def table(
        name: str, columns: tuple[str, ...], cells: list[int], level: str = "FIRM", **values: Any
    ) -> ControlTable:
        spec = model.spec.model_copy(update={"id": name, "level": level, "zeros": ()})
        kinds = [values.get(column, VALUES[column]) for column in columns]
        return ControlTable(
            spec,
            model.source,
            ("01",),
            columns,
            tuple(itertools.product(*kinds)),
            np.array([cells], dtype=np.int64),
        )

    return table


def cycle(make: Make, *levels: str) -> list[ControlTable]:
    """Everybody of one sex is of one age and one language, but ages and languages cross."""
    cells = [[4, 0, 0, 4], [4, 0, 0, 4], [0, 4, 4, 0]]
    names = ("one", "three", "two")
    return [
        make(n, c, x, level) for n, c, x, level in zip(names, CYCLE, cells, levels, strict=True)
    ]


def test_only_cycles_and_crossing_bands_need_the_joint(make: Make) -> None:
    three = cycle(make, "FIRM", "FIRM", "FIRM")
    assert is_acyclic(three[:2])
    assert not is_acyclic(three)
    whole = make("whole", ("age", "sex", "language"), [1] * 8)
    assert is_acyclic([*three, whole])
    bands = [("0-4", "5+"), ("0-4", "5-9", "10+"), ("0-6", "7+")]
    tables = [make(f"a{i}", ("age",), [1] * len(b), age=b) for i, b in enumerate(bands)]
    assert is_acyclic(tables[:2])
    assert not is_acyclic(tables)


def test_tables_without_a_common_column_are_apart(make: Make) -> None:
    tables = [make("a", ("age",), [1, 1]), make("s", ("sex",), [1, 1])]
    assert len(components(tables)) == 2
    assert len(components([*tables, make("x", ("sex", "age"), [1] * 4)])) == 1


def test_a_hard_cycle_is_an_irreducible_conflict(make: Make, workshop: Any) -> None:
    tables = cycle(make, "HARD", "HARD", "HARD")
    cells = joint_conflict(tables, "01")
    assert cells
    assert all("Tinyland Statistical Office" in cell and " = " in cell for cell in cells)
    found = joint_conflicts(Published({t.spec.id: t for t in tables}, {}), workshop.pack())
    with pytest.raises(ContradictionError) as caught:
        block_on(found)
    assert caught.value.faults == cells
    assert caught.value.conflicts[0].cells == cells


def settled(tables: list[ControlTable], total: int) -> tuple[dict[str, Any], list[Relaxation]]:
    moves: list[Relaxation] = []
    rows = settle_rows(tables, "01", {"enumerated": total}, moves)
    settle_jointly(tables, "01", total, rows, moves)
    return rows, moves


def test_a_firm_cycle_moves_by_the_least_in_any_order(make: Make) -> None:
    tables = cycle(make, "HARD", "FIRM", "FIRM")
    rows, moves = settled(tables, 8)
    assert rows["one"].tolist() == [4, 0, 0, 4]
    assert (
        sum(r.moved for r in moves) == 16
    )  # each of 8 persons must leave a cell of `two` or `three`
    assert all("dual solution" in r.proof or "gap 0" in r.proof for r in moves)
    for order in itertools.permutations(tables):
        again, others = settled(list(order), 8)
        assert {k: v.tolist() for k, v in again.items()} == {k: v.tolist() for k, v in rows.items()}
        assert sorted(r.id for r in others) == sorted(r.id for r in moves)


def test_a_soft_table_yields_before_a_firm_one(make: Make) -> None:
    _, moves = settled(cycle(make, "HARD", "SOFT", "FIRM"), 8)
    assert {r.control_id for r in moves} == {"three"}


def test_a_possible_cycle_stays_as_published(make: Make) -> None:
    tables = [make(f"t{i}", columns, [2, 2, 2, 2]) for i, columns in enumerate(CYCLE)]
    rows, moves = settled(tables, 8)
    assert not moves
    assert all(row.tolist() == [2, 2, 2, 2] for row in rows.values())


def test_bands_that_cross_settle_together(make: Make) -> None:
    """5 persons below 5 but only 3 below 7: two must move, in one table or the other."""
    tables = [
        make("a", ("age",), [5, 5], "HARD", age=("0-4", "5+")),
        make("b", ("age",), [3, 7], "FIRM", age=("0-6", "7+")),
    ]
    rows, moves = settled(tables, 10)
    assert rows["a"].tolist() == [5, 5]
    assert rows["b"].tolist() == [5, 5]
    assert sum(r.moved for r in moves) == 4


def test_figures_may_move_inside_their_noise_without_a_relaxation(make: Make) -> None:
    noisy = make("a", ("age",), [5, 5], "HARD")
    source = type(noisy.source).model_validate(
        {
            **noisy.source.model_dump(exclude={"noise_model"}),
            "noise": {"kind": "rounded", "base": 5},
        }
    )
    noisy = replace(noisy, source=source)
    assert [side.tolist() for side in noisy.bounds("01")] == [[3, 3], [7, 7]]
    rows, moves = settled([noisy, make("s", ("sex",), [6, 6], "HARD")], 12)
    assert rows["a"].sum() == 12
    assert not moves


def test_a_joint_that_is_too_large_is_refused_before_it_is_built(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "_rows", lambda *_: pytest.fail("memory was taken"))
    many = {c: tuple(f"{c}{i}" for i in range(500)) for c in ("sex", "language")}
    ages = (*(str(i) for i in range(499)), "499+")
    table = make("wide", ("sex", "language"), [0], **many)
    with pytest.raises(PackError, match="125,000,000 cells") as caught:
        joint.joint_system([table, make("deep", ("age",), [0], age=ages)], "01")
    assert caught.value.faults == ("controls.yaml: wide", "controls.yaml: deep")
