"""The board: making, claiming and ending tasks, each change whole and with its event.

A claim is a lease: its holder keeps it by signs of life, and a task whose lease ran out is ready
again for somebody else. Whoever lost a lease cannot end the task, so each is done once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from synthestat.cycle.database import Board, moment
from synthestat.cycle.events import Change, Row, change
from synthestat.cycle.queries import task
from synthestat.cycle.roles import Action, Actor, Role, demand
from synthestat.cycle.schema import COMMENTS, RUNS, TASKS
from synthestat.cycle.values import (
    ENDED,
    Claim,
    Comment,
    Document,
    NewTask,
    Status,
    Task,
)
from synthestat.errors import ConflictError, NotFoundError, RightsError

LEASE = 300.0  # seconds without a sign of life until a task is another's: assumption
MOST_TRIES = 3  # that failed or ran out, before a person must look: assumption
MOST_TEXT = 20_000  # characters of a comment, a body or an error: assumption
Follow = Callable[[Change, Task], None]
"""What is to happen in the same change as the end of a task."""

# Making and changing ----------------------------------------------------------------------------


def add_task(made: Change, actor: str, new: NewTask) -> int:
    """Make a task inside a change; return its id."""
    parents = [_row(made, parent) for parent in new.parents]
    if any(parent["status"] == Status.CANCELLED for parent in parents):
        raise ConflictError("a task cannot wait for one that is cancelled")
    waits = any(parent["status"] != Status.DONE for parent in parents)
    row: Row = {
        "id": made.new_id(TASKS),
        "cycle_id": new.cycle_id,
        "round": new.round,
        "kind": new.kind,
        "title": new.title.strip()[:300],
        "body": new.body[:MOST_TEXT],
        "role": new.role.value,
        "assignee": new.assignee,
        "status": (Status.TODO if waits else Status.READY).value,
        "priority": new.priority,
        "parents": list(new.parents),
        "payload": dict(new.payload),
        "result": {},
        "summary": "",
        "version": 1,
        "created": made.at,
        "started": None,
        "completed": None,
    }
    made.record(actor, "create", row["id"], {"tasks": [row]})
    return int(row["id"])


def create_task(board: Board, actor: Actor, new: NewTask) -> Task:
    """Make a task on somebody's word."""
    demand(actor, Action.CREATE)
    if not new.title.strip():
        raise ConflictError("a task needs a title")
    with change(board) as made:
        task_id = add_task(made, actor.name, new)
    return task(board, task_id)


def change_task(
    board: Board,
    actor: Actor,
    task_id: int,
    expect: int,
    *,
    title: str | None = None,
    body: str | None = None,
    priority: int | None = None,
    assignee: str | None = None,
) -> Task:
    """Change what a task says, from its version `expect`; ConflictError where it has another."""
    demand(actor, Action.CHANGE)
    if title is not None and not title.strip():
        raise ConflictError("a task needs a title")
    given: Row = {"title": title, "body": body, "priority": priority, "assignee": assignee}
    with change(board) as made:
        row = _row(made, task_id)
        if row["version"] != expect:
            raise ConflictError(
                f"task {task_id} was changed meanwhile: it is at version {row['version']}, "
                f"not {expect}",
                remedy="look at it again, and change it then",
            )
        _open(row)
        if assignee is not None and row["status"] == Status.RUNNING:
            raise ConflictError(f"task {task_id} is {row['assignee']}'s while it runs")
        new = {name: value for name, value in given.items() if value is not None}
        _write(made, actor.name, "change", row, **new)
    return task(board, task_id)


def comment(board: Board, actor: Actor, task_id: int, text: str) -> Comment:
    """Say something about a task."""
    demand(actor, Action.COMMENT)
    if not text.strip():
        raise ConflictError("a comment needs words")
    with change(board) as made:
        _row(made, task_id)
        said: Row = {
            "id": made.new_id(COMMENTS),
            "task_id": task_id,
            "author": actor.name,
            "at": made.at,
            "text": text.strip()[:MOST_TEXT],
        }
        made.record(actor.name, "comment", task_id, {"comments": [said]})
    return Comment(**said)


def block(board: Board, actor: Actor, task_id: int, why: str) -> Task:
    """Keep a task that nobody runs from being claimed."""
    demand(actor, Action.BLOCK)
    with change(board) as made:
        row = _row(made, task_id)
        _in_state(row, Status.TODO, Status.READY)
        _write(made, actor.name, "block", row, status=Status.BLOCKED, summary=why[:MOST_TEXT])
    return task(board, task_id)


def unblock(board: Board, actor: Actor, task_id: int) -> Task:
    """Let a blocked task be claimed again, once its parents are done."""
    demand(actor, Action.BLOCK)
    with change(board) as made:
        row = _row(made, task_id)
        _in_state(row, Status.BLOCKED)
        _write(made, actor.name, "unblock", row, status=_waiting(made, row["parents"]))
    return task(board, task_id)


def cancel(board: Board, actor: Actor, task_id: int, why: str) -> Task:
    """End a task undone, and those that wait for it."""
    demand(actor, Action.CANCEL)
    with change(board) as made:
        row = _row(made, task_id)
        _open(row)
        cancel_tasks(made, actor.name, [task_id], why)
    return task(board, task_id)


def cancel_tasks(made: Change, actor: str, task_ids: Iterable[int], why: str) -> None:
    """End tasks undone inside a change, with all that wait for them."""
    gone = set(task_ids)
    for row in made.rows(TASKS):  # by id: a task comes after those that it waits for
        if row["id"] not in gone and gone.isdisjoint(row["parents"]):
            continue
        gone.add(row["id"])
        if row["status"] in ENDED:
            continue
        _end_runs(made, actor, row, "cancelled", why)
        done: Row = {"status": Status.CANCELLED, "completed": made.at, "summary": why[:MOST_TEXT]}
        _write(made, actor, "cancel", row, **done)


# Working ----------------------------------------------------------------------------------------


def claim(
    board: Board,
    actor: Actor,
    task_id: int | None = None,
    *,
    cycle_id: int | None = None,
    kinds: Collection[str] | None = None,
    lease: float = LEASE,
    holder: str = "",
) -> Claim | None:
    """Take a task: the given one, or the most urgent that is ready for one of the actor's roles.

    `kinds` are those that the actor can do (None: all). `lease` is in seconds; `holder` begins its
    secret, where a process is to be told by it. Returns None where no task is ready; of a given
    task the reason is an error: ConflictError where it is not ready, RightsError where it may not
    be the actor's.
    """
    demand(actor, Action.WORK)
    with change(board) as made:
        _return_expired(made)
        ready = TASKS.c.status == Status.READY.value
        if task_id is not None:
            row = _row(made, task_id)
            _in_state(row, Status.READY)
            why = why_not(made, row, actor)
            if why:
                raise RightsError(f"task {task_id} cannot be {actor.name}'s: {why}")
            found = [row]
        else:
            here = [ready] if cycle_id is None else [ready, TASKS.c.cycle_id == cycle_id]
            here += [] if kinds is None else [TASKS.c.kind.in_(kinds)]
            found = sorted(made.rows(TASKS, *here), key=lambda row: (-row["priority"], row["id"]))
            found = [row for row in found if not why_not(made, row, actor)][:1]
        for row in found:
            return _lease(made, actor, row, lease, holder)
    return None


def _lease(made: Change, actor: Actor, row: Row, seconds: float, holder: str) -> Claim:
    until = _later(made.at, seconds)
    run: Row = {
        "id": made.new_id(RUNS),
        "task_id": row["id"],
        "worker": actor.name,
        "lease": holder + secrets.token_hex(16),
        "started": made.at,
        "heartbeat": made.at,
        "lease_until": until,
        "ended": None,
        "outcome": "running",
        "error": "",
    }
    started: Row = {"started": row["started"] or made.at, "assignee": actor.name}
    new = _write(made, actor.name, "claim", row, runs=[run], status=Status.RUNNING, **started)
    return Claim(Task.of(new), run["lease"], until)


def why_not(made: Change, row: Row, actor: Actor) -> str:
    """Return why a ready task may not be an actor's, "" where it may."""
    if row["role"] == Role.HUMAN:
        return "a person ends it by a decision, with a reason: it is signed off, not claimed"
    if row["role"] not in actor.roles:
        return f"it is for the {row['role']}"
    if row["assignee"] not in ("", actor.name):
        return f"it is meant for {row['assignee']}"
    apart = {Role.REVIEWER.value: Role.MODELER.value, Role.MODELER.value: Role.REVIEWER.value}
    other = apart.get(row["role"])
    if other and actor.name in workers_as(made, row["cycle_id"], other):
        return f"who worked as {other} in this cycle may not be its {row['role']}"
    return ""


def workers_as(made: Change, cycle_id: int | None, role: str) -> set[str]:
    """Return who has worked on tasks of a role in a cycle, with success or without."""
    if cycle_id is None:
        return set()
    own = sa.select(TASKS.c.id).where(TASKS.c.cycle_id == cycle_id, TASKS.c.role == role)
    return {row["worker"] for row in made.rows(RUNS, RUNS.c.task_id.in_(own))}


def keep(board: Board, actor: Actor, task_id: int, lease: str, *, seconds: float = LEASE) -> str:
    """Give a sign of life for a task one holds; return until when it is held."""
    demand(actor, Action.WORK)
    with change(board) as made:
        run = _held(made, actor, task_id, lease)
        until = _later(made.at, seconds)
        new = {"heartbeat": made.at, "lease_until": until}
        made.connection.execute(sa.update(RUNS).where(RUNS.c.id == run["id"]).values(**new))
    return until


def finish(
    board: Board,
    actor: Actor,
    task_id: int,
    lease: str,
    *,
    result: Document,
    summary: str,
    follow: Follow | None = None,
) -> Task:
    """End a task one holds with what came of it; those that waited for it alone are ready."""
    demand(actor, Action.WORK)
    with change(board) as made:
        run = _held(made, actor, task_id, lease)
        _done(made, actor.name, _row(made, task_id), run, result, summary, follow)
    return task(board, task_id)


def fail(
    board: Board, actor: Actor, task_id: int, lease: str, error: str, *, again: bool = True
) -> Task:
    """Say that a try at a task failed: it is ready again, or blocked after the last try.

    With `again` False it is blocked at once, for it would fail again.
    """
    demand(actor, Action.WORK)
    with change(board) as made:
        _held(made, actor, task_id, lease)
        return_task(made, actor.name, task_id, "failed", error, again=again)
    return task(board, task_id)


def give_back(board: Board, actor: Actor, task_id: int, lease: str) -> Task:
    """Return a task one holds, untried."""
    demand(actor, Action.WORK)
    with change(board) as made:
        _held(made, actor, task_id, lease)
        return_task(made, actor.name, task_id, "given back", "")
    return task(board, task_id)


def sign_off(
    board: Board,
    actor: Actor,
    task_id: int,
    decision: str,
    reason: str,
    *,
    follow: Follow | None = None,
) -> Task:
    """End a task of the role human by a decision, with a name and a reason.

    The payload's `decisions` are those there are. RightsError where the person built in the cycle.
    """
    demand(actor, Action.SIGN_OFF)
    with change(board) as made:
        row = _row(made, task_id)
        _in_state(row, Status.READY)
        offered = row["payload"].get("decisions") or ["done"]
        if row["role"] != Role.HUMAN:
            raise RightsError(f"task {task_id} is not for a person's decision")
        if row["assignee"] not in ("", actor.name):
            raise RightsError(f"task {task_id} is meant for {row['assignee']}")
        if actor.name in workers_as(made, row["cycle_id"], Role.MODELER):
            raise RightsError(f"{actor.name} built in this cycle, and may not pass own work")
        if decision not in offered:
            raise ConflictError(f"{decision!r} is no decision here", faults=offered)
        if not reason.strip():
            raise ConflictError("a decision needs its reason")
        signed = {"decision": decision, "reason": reason.strip()[:MOST_TEXT], "by": actor.name}
        row = {**row, "assignee": actor.name, "started": row["started"] or made.at}
        summary = f"{decision}, by {actor.name}: {signed['reason']}"
        _done(made, actor.name, row, None, {**signed, "at": made.at}, summary, follow, "sign off")
    return task(board, task_id)


# Parts ------------------------------------------------------------------------------------------


def _done(
    made: Change,
    actor: str,
    row: Row,
    run: Row | None,
    result: Document,
    summary: str,
    follow: Follow | None,
    action: str = "finish",
) -> None:
    ended = [] if run is None else [{**run, "ended": made.at, "outcome": "done"}]
    new = {"status": Status.DONE, "completed": made.at, "result": dict(result)}
    row = _write(made, actor, action, row, runs=ended, summary=summary[:MOST_TEXT], **new)
    for child in made.rows(TASKS, TASKS.c.status == Status.TODO.value):
        if row["id"] in child["parents"]:
            status = _waiting(made, child["parents"])
            if status is Status.READY:
                _write(made, actor, "ready", child, status=status)
    if follow is not None:
        follow(made, Task.of(row))


def _waiting(made: Change, parents: list[int]) -> Status:
    states = [row["status"] for row in made.rows(TASKS, TASKS.c.id.in_(parents))]
    return Status.READY if all(state == Status.DONE for state in states) else Status.TODO


def _write(
    made: Change, actor: str, action: str, row: Row, runs: list[Row] | None = None, **new: Any
) -> Row:
    """Write a task with new values under its next version; return its row."""
    changed = {**row, **new, "version": row["version"] + 1}
    changed["status"] = str(changed["status"])
    made.record(actor, action, row["id"], {"tasks": [changed], **({"runs": runs} if runs else {})})
    return changed


def _row(made: Change, task_id: int) -> Row:
    found = made.rows(TASKS, TASKS.c.id == task_id)
    if not found:
        raise NotFoundError(f"there is no task {task_id}", remedy="synthestat board list")
    return found[0]


def _in_state(row: Row, *states: Status) -> None:
    if row["status"] not in states:
        holder = f" by {row['assignee']}" if row["status"] == Status.RUNNING else ""
        raise ConflictError(
            f"task {row['id']} is {row['status']}{holder}, not {' or '.join(states)}",
            remedy="look at it again: synthestat board show " + str(row["id"]),
        )


def _open(row: Row) -> None:
    _in_state(row, *(state for state in Status if state not in ENDED))


def _held(made: Change, actor: Actor, task_id: int, lease: str) -> Row:
    """Return the run by which an actor holds a task; ConflictError where it does not any more."""
    _row(made, task_id)
    mine = (RUNS.c.task_id == task_id, RUNS.c.worker == actor.name, RUNS.c.outcome == "running")
    for run in made.rows(RUNS, *mine):
        if secrets.compare_digest(run["lease"].encode(), lease.encode()):
            if run["lease_until"] > made.at:
                return run
            break
    raise ConflictError(
        f"task {task_id} is not held by {actor.name} under this lease",
        remedy="its lease ran out, or another holds it: claim it again",
    )


def _return_expired(made: Change) -> None:
    for run in made.rows(RUNS, RUNS.c.outcome == "running", RUNS.c.lease_until <= made.at):
        last = f"no sign of life since {run['heartbeat']}"
        return_task(made, "board", run["task_id"], "expired", last)


def return_expired(board: Board) -> None:
    """Make the tasks of workers that gave no sign of life ready again."""
    with change(board) as made:
        _return_expired(made)


def return_task(
    made: Change, actor: str, task_id: int, outcome: str, error: str, *, again: bool = True
) -> None:
    """End the run of a task without success; ready again, or blocked after the last try."""
    row = _row(made, task_id)
    _end_runs(made, actor, row, outcome, error)
    tries = made.rows(RUNS, RUNS.c.task_id == task_id, RUNS.c.outcome.in_(["failed", "expired"]))
    status = Status.READY if again and len(tries) < MOST_TRIES else Status.BLOCKED
    summary = f"{outcome}: {error}"[:MOST_TEXT] if error else outcome
    _write(made, actor, outcome, row, status=status, assignee="", summary=summary)


def _end_runs(made: Change, actor: str, row: Row, outcome: str, error: str) -> None:
    open_ = made.rows(RUNS, RUNS.c.task_id == row["id"], RUNS.c.outcome == "running")
    ended = [
        {**run, "ended": made.at, "outcome": outcome, "error": error[:MOST_TEXT]} for run in open_
    ]
    if ended:
        made.record(actor, "end run", row["id"], {"runs": ended})


def _later(at: str, seconds: float) -> str:
    return moment(datetime.fromisoformat(at) + timedelta(seconds=seconds))
