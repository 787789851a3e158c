"""Pages that show the board: tasks, one task, cycles, the log and its audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator
from starlette.responses import Response

from synthestat.cycle import events as log
from synthestat.cycle import queries
from synthestat.cycle.roles import Action, Role
from synthestat.cycle.values import Status, Task
from synthestat.server.rendering import page
from synthestat.server.site import Asked, Visit
from synthestat.server.starting import countries
from synthestat.server.words import LARGEST_NUMBER, Line, Number, storable

MOST_SHOWN = 200  # tasks of one status on the board; filters narrow it
EVENTS_SHOWN = 50
ORDER = (
    Status.RUNNING,
    Status.READY,
    Status.BLOCKED,
    Status.TODO,
    Status.DONE,
    Status.CANCELLED,
)
Filter = Annotated[str, Query(max_length=40), AfterValidator(storable)]
router = APIRouter(include_in_schema=False)


@router.get("/")
def board(asked: Asked, status: Filter = "", role: Filter = "", cycle: Filter = "") -> Response:
    """Show the tasks by status, what needs somebody first."""
    number = int(cycle) if cycle.isascii() and cycle.isdecimal() and len(cycle) < 10 else None
    found = queries.tasks(asked.board, status=status or None, role=role or None, cycle_id=number)
    groups = [(state, [task for task in found if task.status is state]) for state in ORDER]
    return page(
        "board",
        asked,
        groups=[(state, tasks[:MOST_SHOWN], len(tasks)) for state, tasks in groups if tasks],
        filters={"status": status, "role": role, "cycle": cycle},
        cycles=queries.cycles(asked.board),
    )


@router.get("/tasks/new")
def new_task(asked: Asked) -> Response:
    """Show the form that makes a task."""
    asked.demand(Action.CREATE)
    return page("new_task", asked, cycles=queries.cycles(asked.board))


@router.get("/tasks/{task_id}")
def one_task(asked: Asked, task_id: Number) -> Response:
    """Show a task, and the forms for what one may do with it."""
    return task_page(asked, task_id)


def task_page(asked: Visit, task_id: int, brought: object = None) -> Response:
    """Return the page of a task; `brought` is the pack that was just made of files."""
    task = queries.task(asked.board, task_id)
    children = set(queries.children(asked.board, task_id))
    around = {each.id: each for each in queries.tasks(asked.board, cycle_id=task.cycle_id)}
    related = {*task.parents, *children} - around.keys()
    around |= {number: queries.task(asked.board, number) for number in related}
    lease = None
    if task.status is Status.RUNNING and task.assignee == asked.actor.name and asked.signed_in:
        lease = queries.held_lease(asked.board, asked.actor.name, task_id)
    return page(
        "task",
        asked,
        task=task,
        parents=[around[number] for number in task.parents],
        children=[around[number] for number in sorted(children)],
        runs=queries.runs(asked.board, task_id),
        comments=queries.comments(asked.board, task_id),
        events=[e for e in queries.events(asked.board, task_id=task_id) if asked.sees(e)],
        lease=lease,
        decisions=task.payload.get("decisions") or ["done"],
        may_claim=_may_claim(asked, task),
        may_sign=_may_sign(asked, task),
        brought=brought,
    )


@router.get("/cycles")
def cycles(asked: Asked) -> Response:
    """Show every cycle, the newest first."""
    found = list(reversed(queries.cycles(asked.board)))
    return page("cycles", asked, cycles=found, countries=countries())


@router.get("/log")
def events(
    asked: Asked, before: Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER)] = None
) -> Response:
    """Show the log, the newest event first."""
    last = queries.last_event(asked.board)
    end = last if before is None else min(before - 1, last)
    after = max(0, end - EVENTS_SHOWN)
    found = queries.events(asked.board, after=after, limit=end - after)
    shown = [event for event in reversed(found) if asked.sees(event)]
    return page("log", asked, events=shown, older=after + 1 if after else None, last=last)


@router.get("/audit")
def audit(asked: Asked, expect: Line = "") -> Response:
    """Recompute the log's chain, replay it, and show what was found."""
    asked.demand(Action.AUDIT)
    found = log.audit(asked.board, expect=expect.strip() or None)
    return page("audit", asked, found=found, expect=expect)


def _may_claim(asked: Visit, task: Task) -> bool:
    own = task.role in asked.actor.roles and task.assignee in ("", asked.actor.name)
    claimed = task.status is Status.READY and task.role is not Role.HUMAN
    return claimed and own and asked.may(Action.WORK)


def _may_sign(asked: Visit, task: Task) -> bool:
    own = task.role is Role.HUMAN and task.assignee in ("", asked.actor.name)
    return task.status is Status.READY and own and asked.may(Action.SIGN_OFF)
