"""Conducting a cycle: built-in workers take its tasks, one by one, until none is theirs."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthestat.bundle.manifest import run_id
from synthestat.cycle import board as acts
from synthestat.cycle.database import Board
from synthestat.cycle.events import Change, change
from synthestat.cycle.intake import take_in
from synthestat.cycle.process import follow, start_cycle, stop_for_person
from synthestat.cycle.queries import cycle as read_cycle
from synthestat.cycle.queries import runs, task, tasks
from synthestat.cycle.results import completed, pack_before
from synthestat.cycle.roles import Action, Actor, Role, demand
from synthestat.cycle.schema import RUNS
from synthestat.cycle.values import Claim, Cycle, Status, Task
from synthestat.cycle.workers import HANDLERS, WORKERS, Job, Tools
from synthestat.errors import ConflictError, InputError, SynthestatError
from synthestat.packs.pack import CountryPack, find_pack

LEASE = 60.0  # seconds; renewed at a third of it. Assumption
MANAGER = Actor("built-in manager", frozenset({Role.MANAGER}))
Heard = Callable[[Task, str, int, int], None]
"""Told a task, what is being done, and how far it is."""


def cycle_options(
    name: str, pack: CountryPack, seed: int, out: Path, shelf: Path | None = None
) -> dict[str, Any]:
    """Return what a cycle starts from; equal options are those of one cycle, which is taken up.

    `name` is that of an embedded pack, or its folder; `inputs` change with pack, engine and seed.
    """
    return {
        "pack": name,
        "seed": seed,
        "out": str(out.resolve()),
        "shelf": "" if shelf is None else str(shelf.resolve()),
        "inputs": run_id(pack, seed),
    }


def begin(board: Board, country: str, options: Mapping[str, Any]) -> Cycle:
    """Begin a cycle, or return the open one of the same country and options, to be taken up."""
    return read_cycle(board, start_cycle(board, MANAGER, country, options))


def finish(
    board: Board, actor: Actor, task_id: int, lease: str, result: Mapping[str, Any], summary: str
) -> Task:
    """End a task one holds: its result as the files bear it out, and what follows from it.

    Raises ConflictError or BundleError, and the task stays held, where they do not.
    """
    held = task(board, task_id)
    cycle = None if held.cycle_id is None else read_cycle(board, held.cycle_id)
    own = [] if cycle is None else by_id(board, cycle.id)
    result = completed(held, cycle, own, result)
    if "verdict" in result:
        summary = f"{result['verdict']}: {result['when']}"
    return acts.finish(
        *(board, actor, task_id, lease), result=result, summary=summary, follow=follow
    )


def bring(
    board: Board, actor: Actor, task_id: int, lease: str, brought: Mapping[str, bytes]
) -> CountryPack:
    """Take in files for a task one holds; the new pack's folder may be named in its result.

    `brought` as `intake.take_in` takes it, with the same errors. The pack is that of the cycle.
    """
    demand(actor, Action.BRING)
    acts.keep(board, actor, task_id, lease)
    held = task(board, task_id)
    if held.cycle_id is None:
        raise ConflictError(f"task {task_id} is of no cycle, so there is no pack to change")
    cycle = read_cycle(board, held.cycle_id)
    pack = find_pack(pack_before(cycle, by_id(board, cycle.id), task_id))
    home = Path(cycle.options["out"]) / "cycles" / str(cycle.id)
    home.mkdir(parents=True, exist_ok=True)
    return take_in(pack.folder, brought, home / f"pack-{task_id}-{secrets.token_hex(4)}")


def by_id(board: Board, cycle_id: int) -> list[Task]:
    """Return the tasks of a cycle in the order in which they were made."""
    return sorted(tasks(board, cycle_id=cycle_id), key=lambda each: each.id)


def conduct(
    board: Board, cycle_id: int, tools: Tools, heard: Heard, *, pause: float = 1.0
) -> Cycle:
    """Do every task of a cycle that a built-in worker can do; return the cycle as it then stands.

    Tasks held by others are waited for, looking every `pause` seconds. An interruption gives the
    task back; a killed conductor's is taken up by the next.
    """
    return_dead(board)
    while True:
        found = _next(board, cycle_id)
        if found is not None:
            _work(board, *found, tools, heard)
            continue
        own = tasks(board, cycle_id=cycle_id)
        running = [each for each in own if each.status is Status.RUNNING]
        if not running:
            break
        heard(running[0], f"waiting for {running[0].assignee}", 0, 1)
        time.sleep(pause)
    stuck = [each for each in own if each.status is Status.BLOCKED and _failed(board, each)]
    if stuck and read_cycle(board, cycle_id).status == "running":
        stop_for_person(board, cycle_id, f"task {stuck[0].id} failed: {stuck[0].summary}")
    return read_cycle(board, cycle_id)


def _failed(board: Board, blocked: Task) -> bool:
    """Whether a blocked task failed; one that a manager blocked waits for the manager."""
    return any(run.outcome in ("failed", "expired") for run in runs(board, blocked.id)[-1:])


def _next(board: Board, cycle_id: int) -> tuple[Actor, Claim] | None:
    for actor in WORKERS:
        claim = acts.claim(
            *(board, actor), cycle_id=cycle_id, kinds=HANDLERS, lease=LEASE, holder=holder()
        )
        if claim is not None:
            return actor, claim
    return None


def _work(board: Board, actor: Actor, claim: Claim, tools: Tools, heard: Heard) -> None:
    held = claim.task
    assert held.cycle_id is not None

    def tell(step: str, done: int, of: int) -> None:
        heard(held, step, done, of)

    tell("starting", 0, 1)
    own = by_id(board, held.cycle_id)
    job = Job(held, read_cycle(board, held.cycle_id), own, tools, tell)
    try:
        with _kept(board, actor, claim):
            result, summary = HANDLERS[held.kind](job)
        finish(board, actor, held.id, claim.lease, result, summary)
    except SynthestatError as error:  # bad input stays bad: it is not tried again
        again = not isinstance(error, InputError)
        acts.fail(board, actor, held.id, claim.lease, str(error), again=again)
    except BaseException:
        acts.give_back(board, actor, held.id, claim.lease)
        raise
    heard(task(board, held.id), "", 1, 1)


@contextmanager
def _kept(board: Board, actor: Actor, claim: Claim) -> Iterator[None]:
    """Give signs of life while a task is worked on."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(LEASE / 3):
            try:
                acts.keep(board, actor, claim.task.id, claim.lease, seconds=LEASE)
            except SynthestatError:
                return  # lost: the end of the task will say so

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def holder() -> str:
    """Return what tells this process apart on this machine."""
    return f"{socket.gethostname()}:{os.getpid()}:"


def return_dead(board: Board) -> None:
    """Make tasks ready again that processes of this machine held that are no more."""
    here = f"{socket.gethostname()}:"
    with change(board) as made:
        running = RUNS.c.outcome == "running"
        for run in made.rows(RUNS, running, RUNS.c.lease.startswith(here, autoescape=True)):
            pid = run["lease"].removeprefix(here).partition(":")[0]
            if pid.isdigit() and not _alive(int(pid)):
                _dead(made, run)


def _dead(made: Change, run: Mapping[str, Any]) -> None:
    acts.return_task(made, "board", run["task_id"], "expired", "its process is no more")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def default_board(out: Path) -> str:
    """Return the address of the board that belongs to a folder of runs."""
    return os.environ.get("SYNTHESTAT_BOARD") or str(out / "board.sqlite")
