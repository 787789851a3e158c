"""Many workers at once, and workers killed at any moment: nothing done twice, lost or stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.conduct import by_id
from synthestat.cycle.database import open_board
from synthestat.cycle.events import audit
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask, Status

HERE = Path(__file__).parent
TINY = HERE.parent / "packs" / "tiny"
ANN = Actor.of("ann", "manager")


def started(*arguments: str, script: str = "board_worker.py") -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_32_workers_do_each_task_once(board, board_address):
    for number in range(64):
        acts.create_task(board, ANN, NewTask("other", f"task {number}", Role.MODELER))
    processes = [started(board_address, "8", str(number)) for number in range(4)]
    told = [process.communicate(timeout=240)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    done = Counter(int(line.split()[0]) for lines in told for line in lines)
    assert done == Counter(range(1, 65))
    assert {task.status for task in queries.tasks(board)} == {Status.DONE}
    assert all(len(queries.runs(board, number)) == 1 for number in (1, 32, 64))
    assert audit(board).faults == ()


@pytest.mark.parametrize("wait", [0.05, 0.4])
def test_a_killed_worker_loses_nothing_that_was_acknowledged(board, board_address, clock, wait):
    process = started(board_address, "2", "k", "--forever")
    assert process.stdout is not None
    lines = [process.stdout.readline()]  # it works
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGKILL)
    lines += process.communicate()[0].splitlines()
    finished = {int(line.split()[0]) for line in lines if line.strip()}
    assert finished
    done = {task.id for task in queries.tasks(board, status="done")}
    assert finished <= done
    assert audit(board).faults == ()
    clock.forward(601)
    bo = Actor.of("bo", "modeler")
    left = [task.id for task in queries.tasks(board) if task.status is not Status.DONE]
    for _ in left:
        claim = acts.claim(board, bo)
        acts.finish(board, bo, claim.task.id, claim.lease, result={}, summary="taken up")
    assert {task.status for task in queries.tasks(board)} == {Status.DONE}
    assert audit(board).faults == ()


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("building zones", marks=pytest.mark.slow),
        "writing the bundle",
        "reviewing",
        pytest.param("looking for", marks=pytest.mark.slow),
    ],
)
def test_a_killed_cycle_goes_on_where_it_was(tmp_path, at):
    process = started(str(tmp_path), str(TINY), script="cycle_worker.py")
    assert process.stdout is not None
    for line in process.stdout:
        if at in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.communicate()
    board = open_board(tmp_path / "board.sqlite")
    assert queries.cycles(board)[0].status == "running"
    again = started(str(tmp_path), str(TINY), script="cycle_worker.py")
    told = again.communicate(timeout=120)[0]
    assert again.returncode == 0, told
    (cycle,) = queries.cycles(board)
    assert (cycle.status, cycle.verdict) == ("waiting", "NEEDS_MORE_SOURCES")
    tasks = by_id(board, cycle.id)
    assert [t.kind for t in tasks if t.kind in ("build", "review", "freeze", "decide")] == [
        *("build", "review", "freeze", "build", "review", "decide"),
    ]
    outcomes = [run.outcome for task in tasks for run in queries.runs(board, task.id)]
    assert Counter(outcomes) == {"done": len(tasks) - 1, "expired": 1}
    assert audit(board).faults == ()
    assert not list((tmp_path / "ZZ").glob(".*partial*"))
