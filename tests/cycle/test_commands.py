"""The commands `cycle` and `board`, as a person types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fakes import Scripted, verdict
from typer.testing import CliRunner

from synthestat import api
from synthestat.cli import app
from synthestat.cycle import queries
from synthestat.cycle.conduct import begin, conduct
from synthestat.errors import SynthestatError

TINY = Path(__file__).parents[1] / "packs" / "tiny"
FIX = verdict("NEEDS_MODEL_FIX", "soft_targets")


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A folder of runs with the board of a scripted cycle that waits for a person."""
    monkeypatch.delenv("SYNTHESTAT_BOARD", raising=False)
    monkeypatch.setenv("SYNTHESTAT_NAME", "ann")
    board = api.open_board(out=tmp_path)
    options = {"pack": str(TINY), "seed": 1, "out": str(tmp_path), "shelf": ""}
    begun = begin(board, "ZZ", options)
    conduct(board, begun.id, Scripted(lambda *_: FIX).tools, lambda *_: None)
    board.engine.dispose()
    return tmp_path


def said(out, *words, code=0):
    """What a command prints; errors that the program would print are raised."""
    result = CliRunner().invoke(app, [*words, "--out", str(out)], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return re.sub(r"\s+", " ", result.output)


def test_the_state_of_cycles_is_one_table(out):
    text = said(out, "cycle", "status")
    assert "ZZ waiting NEEDS_MODEL_FIX" in text


def test_a_board_without_cycles_says_how_to_begin(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNTHESTAT_BOARD", raising=False)
    for words in (("cycle", "status"), ("board", "list"), ("board", "audit")):
        with pytest.raises(SynthestatError, match=r"no board at[^$]*synthestat cycle XK"):
            said(tmp_path / "nowhere", *words)
    assert not (tmp_path / "nowhere").exists()
    api.open_board(out=tmp_path).engine.dispose()
    assert "synthestat cycle XK" in said(tmp_path, "cycle", "status")
    assert "no such task" in said(tmp_path, "board", "list")


def test_tasks_are_listed_and_written(out, tmp_path):
    listed = tmp_path / "tasks.json"
    text = said(out, "board", "list", "--role", "human", "--json", str(listed))
    assert "Decide about ZZ" in text
    assert "Build ZZ" not in text
    assert [task["kind"] for task in json.loads(listed.read_text("utf-8"))] == ["decide"]
    with pytest.raises(SynthestatError, match="no status"):
        said(out, "board", "list", "--status", "open")


def test_one_task_is_shown_whole(out):
    text = said(out, "board", "show", "6")
    for words in ("Decide about ZZ", "plateau: 2 rounds in a row", "soft_targets"):
        assert words in text
    assert "decisions accept with its limits; go on; abandon" in text
    assert f"Next synthestat board sign-off 6 --out {out} --decision" in text
    assert "after 1 " in said(out, "board", "show", "2")


def test_a_person_signs_off(out):
    words = ("board", "sign-off", "6", "--decision", "accept with its limits")
    text = said(out, *words, "--reason", "a target of the press")
    assert "accept with its limits, by ann: a target of the press" in text
    assert "ended" in said(out, "cycle", "status")


def test_a_task_is_added_claimed_kept_and_finished(out):
    assert "task 7 is ready" in said(out, "board", "add", "Look again", "--role", "modeler")
    text = said(out, "board", "claim", "7", "--role", "modeler")
    lease = re.search(r"Lease (\S+)", text).group(1)
    held = ("--role", "modeler", "--lease", lease)
    assert "is yours until" in said(out, "board", "keep", "7", *held)
    result = '{"seen": 3}'
    text = said(out, "board", "finish", "7", *held, "--summary", "looked", "--result", result)
    assert "task 7 is done: looked" in text
    board = api.open_board(out=out)
    assert queries.task(board, 7).result == {"seen": 3}
    board.engine.dispose()


def test_a_task_is_failed_given_back_blocked_and_cancelled(out):
    said(out, "board", "add", "Look again", "--role", "downloader")
    for end in (("fail", "--why", "no network"), ("give-back",)):
        text = said(out, "board", "claim", "--role", "downloader")
        lease = re.search(r"Lease (\S+)", text).group(1)
        name, *more = end
        done = said(out, "board", name, "7", "--role", "downloader", "--lease", lease, *more)
        assert "task 7 is ready" in done
    assert "no task is ready" in said(out, "board", "claim", "--role", "reviewer", code=1)
    assert "blocked" in said(out, "board", "block", "7", "--why", "wait")
    assert "ready" in said(out, "board", "ready", "7")
    assert "said" in said(out, "board", "comment", "7", "a word")
    assert "cancelled" in said(out, "board", "cancel", "7", "--why", "not needed")


def test_what_was_brought_is_taken_in(out, tmp_path):
    decision = ("--decision", "go on", "--reason", "there is a better registry")
    said(out, "board", "sign-off", "6", *decision)
    text = said(out, "board", "claim", "7", "--role", "modeler", "--as", "bo")
    lease = re.search(r"Lease (\S+)", text).group(1)
    brought = tmp_path / "brought" / "pack"
    brought.mkdir(parents=True)
    (brought / "LIMITS.md").write_text("Invented, and now limited.\n", encoding="utf-8")
    held = ("--role", "modeler", "--as", "bo", "--lease", lease, "--summary", "mine")
    board = api.open_board(out=out)
    run = queries.task(board, 1).result["run_id"]
    board.engine.dispose()
    more = ("--bring", str(brought.parent), "--result", json.dumps({"run_id": run}))
    with pytest.raises(SynthestatError, match="built from another pack"):
        said(out, "board", "finish", "7", *held, *more)
    (pack,) = (out / "cycles" / "1").glob("pack-7-*")
    assert (pack / "LIMITS.md").read_text("utf-8") == "Invented, and now limited.\n"
    made = Scripted(lambda *_: FIX).build(pack, 1, out, None)
    more = ("--result", json.dumps({"run_id": made.name, "pack": str(pack)}))
    assert "task 7 is done: mine" in said(out, "board", "finish", "7", *held, *more)
    assert queries.task(api.open_board(out=out), 7).result["pack"] == str(pack)


def test_an_audit_prints_its_hash_and_fails_on_tampering(out):
    text = said(out, "board", "audit")
    assert "as they were left" in text
    kept = re.search(r"hash (\w{64})", text).group(1)
    assert "as they were left" in said(out, "board", "audit", "--expect", kept)
    assert "NOT SOUND" in said(out, "board", "audit", "--expect", "0" * 63 + "1", code=1)


@pytest.mark.parametrize("result", ["[1]", "{", "@nowhere.json"])
def test_a_result_that_is_no_object_is_said(out, result):
    with pytest.raises(SynthestatError, match="--result"):
        said(
            *(out, "board", "finish", "6", "--role", "modeler", "--lease", "x"),
            *("--summary", "x", "--result", result),
        )


def test_a_whole_cycle_runs_and_is_taken_up(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNTHESTAT_BOARD", raising=False)
    site = ("--site", str(tmp_path / "site"))
    text = said(tmp_path / "runs", "cycle", str(TINY), "--workers", "1", *site)
    assert "Verdict NEEDS_MORE_SOURCES cycle 1 of ZZ waiting: plateau" in text
    assert "Next a person: synthestat board sign-off 13 --out" in text
    assert text.rstrip().endswith("site/index.html")
    assert (tmp_path / "site" / "task_13.html").is_file()
    again = said(tmp_path / "runs", "cycle", "run", str(TINY), *site)
    assert "cycle 1 of ZZ waiting" in again
    with pytest.raises(SynthestatError, match="no country pack"):
        said(tmp_path, "cycle", "NOWHERE")
