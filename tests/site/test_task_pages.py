"""The pages of tasks: from the board that lies with the runs, every word of it as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthestat import api
from synthestat.cycle import board as acts
from synthestat.cycle.events import change
from synthestat.cycle.process import process, start_cycle
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.schema import CYCLES
from synthestat.cycle.values import NewTask
from synthestat.site.process import STEPS, lanes, standing, stops

ANN = Actor.of("ann", "manager")
BO = Actor.of("bo <b>", "modeler")


@pytest.fixture
def runs(tiny_run, tmp_path, monkeypatch) -> Path:
    """A folder with a run of Tinyland and a board: a cycle, and a task with hostile words."""
    monkeypatch.delenv("SYNTHESTAT_BOARD", raising=False)
    home = tmp_path / "runs" / "ZZ"
    home.mkdir(parents=True)
    (home / tiny_run.name).symlink_to(tiny_run)
    return tmp_path / "runs"


@pytest.fixture
def board(runs):
    opened = api.open_board(out=runs)
    yield opened
    opened.engine.dispose()


def test_tasks_have_pages_and_stand_on_their_countrys(runs, board, tiny_run, tmp_path, read_page):
    cycle = start_cycle(board, ANN, "ZZ", {"out": str(runs)})
    claim = acts.claim(board, BO, cycle_id=cycle)
    result = {"run_id": tiny_run.name, "note": "=1+1"}
    acts.finish(board, BO, claim.task.id, claim.lease, result=result, summary="built it")
    with change(board) as made:
        (row,) = made.rows(CYCLES)
        said = {**row, "verdict": "NEEDS_MODEL_FIX", "reason": "a <i>reason</i>"}
        made.record("x", "cycle", None, {"cycles": [said]})
    index = api.site(runs, out=tmp_path / "site")
    country = (index.parent / "country_ZZ.html").read_text("utf-8")
    for words in ("task_1.html", "Build ZZ, round 1", "task_2.html", "a &lt;i&gt;reason&lt;/i&gt;"):
        assert words in country
    page = (index.parent / "task_1.html").read_text("utf-8")
    for words in ("built it", "bo &lt;b&gt;", f"runs/{tiny_run.name}.html", "task_2.html", "claim"):
        assert words in page
    assert "tasks.html" in read_page(index).links
    for name in ("task_1.html", "task_2.html", "tasks.html"):
        for link in read_page(index.parent / name).links:
            assert link.startswith(("#", "data:")) or (index.parent / link.split("#")[0]).is_file()


def test_hostile_words_of_a_task_are_text(runs, board, tmp_path, hostile_words, read_page):
    new = NewTask("other", hostile_words, Role.MODELER, body=hostile_words)
    acts.create_task(board, ANN, new)
    acts.comment(board, ANN, 1, hostile_words)
    index = api.site(runs, out=tmp_path / "site")
    for name in ("task_1.html", "tasks.html"):
        page = read_page(index.parent / name)
        assert [tag for tag, _ in page.tags if tag == "img"] == []
        assert all("src" in found for tag, found in page.tags if tag == "script")


def test_a_site_without_a_board_has_no_tasks(runs, tmp_path, read_page):
    index = api.site(runs, out=tmp_path / "site")
    assert not (index.parent / "tasks.html").exists()
    assert "tasks.html" not in read_page(index).links


def test_every_step_of_the_process_has_its_words():
    declared = process()
    steps = {step for branch in declared["branches"].values() for step in branch["steps"]}
    assert steps | set(declared["on_stop"]) | set(declared["go_on"]) == set(STEPS)
    assert [name for name, _ in lanes()] == list(declared["branches"])
    assert any("6 rounds" in said for _, said in stops())


def test_where_a_country_stands_is_said_by_its_cycle(runs, board):
    cycle = start_cycle(board, ANN, "ZZ", {})
    with change(board) as made:
        (row,) = made.rows(CYCLES)
        new = {**row, "verdict": "BLOCKED_BUILD", "status": "waiting", "reason": "plateau"}
        made.record("x", "cycle", None, {"cycles": [new]})
    from synthestat.cycle.queries import cycle as read

    found = standing(None, built=False, blocked=True, cycle=read(board, cycle))
    assert (found.step, found.verdict) == ("verdict", "BLOCKED_BUILD")
    assert found.said == "cycle 1 is waiting, plateau"
