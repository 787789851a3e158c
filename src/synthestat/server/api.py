"""The REST API: looking."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPBearer

from synthestat.cycle import events as log
from synthestat.cycle import queries
from synthestat.cycle.roles import Action, Role
from synthestat.cycle.values import Comment, Cycle, Event, Status, Task, TaskRun
from synthestat.server.problems import answers
from synthestat.server.site import Asked
from synthestat.server.words import LARGEST_NUMBER, Line, Listed, Number, Strict

MOST_LISTED = 500
BEARER = HTTPBearer(auto_error=False, description="A token from `synthestat account token NAME`.")
router = APIRouter(
    prefix="/api/v1",
    dependencies=[Depends(BEARER)],
    responses=answers(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
After = Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="List what follows this id.")]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="List no more than so many.")]
Numbered = TypeVar("Numbered", Task, TaskRun, Comment, Cycle, Event)


class WhoAmI(Strict):
    """Whose token it is, and what that allows."""

    name: str
    roles: list[Role]
    may: list[Action]


class TaskPage(Strict):
    """A task with what belongs to it."""

    task: Task
    children: list[int]
    runs: list[TaskRun]
    comments: list[Comment]


class AuditFound(Strict):
    """What an audit found: without faults the log and the tables are as they were left."""

    events: int
    hash: str
    faults: list[str]


@router.get("/whoami", tags=["looking"])
def whoami(asked: Asked) -> WhoAmI:
    """Tell whose token it is."""
    return WhoAmI(
        name=asked.actor.name,
        roles=[role for role in Role if role in asked.actor.roles],
        may=[action for action in Action if asked.may(action)],
    )


@router.get("/tasks", tags=["looking"])
def list_tasks(
    asked: Asked,
    status: Status | None = None,
    role: Role | None = None,
    cycle_id: Number | None = None,
    after: After = 0,
    limit: Limit = 50,
) -> Listed[Task]:
    """List tasks by id."""
    found = queries.tasks(
        asked.board,
        cycle_id=cycle_id,
        status=None if status is None else status.value,
        role=None if role is None else role.value,
    )
    return listed(found, after, limit)


@router.get("/tasks/{task_id}", tags=["looking"])
def get_task(asked: Asked, task_id: Number) -> TaskPage:
    """Get a task with its runs and comments, and the tasks that wait for it."""
    board = asked.board
    return TaskPage(
        task=queries.task(board, task_id),
        children=queries.children(board, task_id),
        runs=queries.runs(board, task_id),
        comments=queries.comments(board, task_id),
    )


@router.get("/tasks/{task_id}/runs", tags=["looking"])
def list_runs(
    asked: Asked, task_id: Number, after: After = 0, limit: Limit = 50
) -> Listed[TaskRun]:
    """List the tries at a task."""
    queries.task(asked.board, task_id)
    return listed(queries.runs(asked.board, task_id), after, limit)


@router.get("/tasks/{task_id}/comments", tags=["looking"])
def list_comments(
    asked: Asked, task_id: Number, after: After = 0, limit: Limit = 50
) -> Listed[Comment]:
    """List what was said about a task."""
    queries.task(asked.board, task_id)
    return listed(queries.comments(asked.board, task_id), after, limit)


@router.get("/tasks/{task_id}/events", tags=["looking"])
def list_task_events(
    asked: Asked, task_id: Number, after: After = 0, limit: Limit = 50
) -> Listed[Event]:
    """List the events of a task."""
    queries.task(asked.board, task_id)
    return _events(asked, after, limit, task_id)


@router.get("/events", tags=["looking"])
def list_events(asked: Asked, after: After = 0, limit: Limit = 50) -> Listed[Event]:
    """List the log. Events of accounts and sessions are listed for those who may audit."""
    return _events(asked, after, limit)


@router.get("/cycles", tags=["looking"])
def list_cycles(asked: Asked, after: After = 0, limit: Limit = 50) -> Listed[Cycle]:
    """List cycles by id."""
    return listed(queries.cycles(asked.board), after, limit)


@router.get("/cycles/{cycle_id}", tags=["looking"])
def get_cycle(asked: Asked, cycle_id: Number) -> Cycle:
    """Get a cycle."""
    return queries.cycle(asked.board, cycle_id)


@router.get("/audit", tags=["looking"])
def audit(asked: Asked, expect: Line | None = None) -> AuditFound:
    """Recompute the log's chain and replay it; `expect` is a hash that was kept elsewhere."""
    asked.demand(Action.AUDIT)
    found = log.audit(asked.board, expect=expect)
    return AuditFound(events=found.events, hash=found.hash, faults=list(found.faults))


def listed(found: Sequence[Numbered], after: int, limit: int) -> Listed[Numbered]:
    """Return the part of a list that follows an id."""
    rest = sorted((each for each in found if each.id > after), key=lambda each: each.id)
    items = rest[:limit]
    return Listed(items=items, next=items[-1].id if len(rest) > limit else None)


def _events(asked: Asked, after: int, limit: int, task_id: int | None = None) -> Listed[Event]:
    found = queries.events(asked.board, task_id=task_id, after=after, limit=limit)
    shown = [event for event in found if asked.sees(event)]
    return Listed(items=shown, next=found[-1].id if len(found) == limit else None)
