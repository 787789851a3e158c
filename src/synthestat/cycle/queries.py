"""Looking at a board: each function sees one state of it, and changes nothing."""

from __future__ import annotations

import sqlalchemy as sa

from synthestat.cycle.database import Board, reading
from synthestat.cycle.schema import COMMENTS, CYCLES, EVENTS, RUNS, TASKS
from synthestat.cycle.values import Comment, Cycle, Event, Task, TaskRun
from synthestat.errors import NotFoundError


def tasks(
    board: Board,
    *,
    cycle_id: int | None = None,
    status: str | None = None,
    role: str | None = None,
) -> list[Task]:
    """Return tasks, the most urgent first, then by id."""
    query = sa.select(TASKS).order_by(TASKS.c.priority.desc(), TASKS.c.id)
    for column, wanted in ((TASKS.c.cycle_id, cycle_id), (TASKS.c.status, status)):
        query = query if wanted is None else query.where(column == wanted)
    query = query if role is None else query.where(TASKS.c.role == role)
    with reading(board) as connection:
        return [Task.of(dict(row)) for row in connection.execute(query).mappings()]


def task(board: Board, task_id: int) -> Task:
    """Return one task; NotFoundError where there is none."""
    with reading(board) as connection:
        row = connection.execute(sa.select(TASKS).where(TASKS.c.id == task_id)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no task {task_id}", remedy="synthestat board list")
    return Task.of(dict(row))


def children(board: Board, task_id: int) -> list[int]:
    """Return the ids of the tasks that wait for one."""
    return [each.id for each in tasks(board) if task_id in each.parents]


def runs(board: Board, task_id: int) -> list[TaskRun]:
    """Return the tries at a task, in order."""
    names = [column for column in RUNS.c if column.name != "lease"]
    query = sa.select(*names).where(RUNS.c.task_id == task_id).order_by(RUNS.c.id)
    with reading(board) as connection:
        return [TaskRun(**row) for row in connection.execute(query).mappings()]


def held_lease(board: Board, worker: str, task_id: int) -> str | None:
    """Return the secret by which a worker holds a task, None where it does not: for that worker."""
    mine = (RUNS.c.task_id == task_id, RUNS.c.worker == worker, RUNS.c.outcome == "running")
    with reading(board) as connection:
        found = connection.execute(sa.select(RUNS.c.lease).where(*mine)).scalar()
    return None if found is None else str(found)


def comments(board: Board, task_id: int) -> list[Comment]:
    """Return what was said about a task, in order."""
    query = sa.select(COMMENTS).where(COMMENTS.c.task_id == task_id).order_by(COMMENTS.c.id)
    with reading(board) as connection:
        return [Comment(**row) for row in connection.execute(query).mappings()]


def all_runs(board: Board) -> list[TaskRun]:
    """Return the tries at all tasks, in order."""
    names = [column for column in RUNS.c if column.name != "lease"]
    with reading(board) as connection:
        found = connection.execute(sa.select(*names).order_by(RUNS.c.id)).mappings()
        return [TaskRun(**row) for row in found]


def all_comments(board: Board) -> list[Comment]:
    """Return what was said about all tasks, in order."""
    with reading(board) as connection:
        found = connection.execute(sa.select(COMMENTS).order_by(COMMENTS.c.id)).mappings()
        return [Comment(**row) for row in found]


def events(
    board: Board, *, task_id: int | None = None, after: int = 0, limit: int | None = None
) -> list[Event]:
    """Return the log, or what of it is about one task, in order: `limit` events after one."""
    query = sa.select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(limit)
    query = query if task_id is None else query.where(EVENTS.c.task_id == task_id)
    with reading(board) as connection:
        return [Event(**row) for row in connection.execute(query).mappings()]


def last_event(board: Board) -> int:
    """Return the number of the newest event, 0 where there is none."""
    with reading(board) as connection:
        return int(connection.execute(sa.select(sa.func.max(EVENTS.c.id))).scalar() or 0)


def cycles(board: Board) -> list[Cycle]:
    """Return every cycle, the newest last."""
    with reading(board) as connection:
        found = connection.execute(sa.select(CYCLES).order_by(CYCLES.c.id)).mappings()
        return [Cycle(**row) for row in found]


def cycle(board: Board, cycle_id: int) -> Cycle:
    """Return one cycle; NotFoundError where there is none."""
    for each in cycles(board):
        if each.id == cycle_id:
            return each
    raise NotFoundError(f"there is no cycle {cycle_id}", remedy="synthestat cycle status")
