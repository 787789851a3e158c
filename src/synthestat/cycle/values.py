"""What a board holds, as values: cycles, tasks, their runs and comments, events, claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from synthestat.cycle.roles import Role

Document = Mapping[str, Any]


class Status(StrEnum):
    """Where a task stands: `todo` waits for its parents, `ready` for somebody to claim it."""

    TODO = "todo"
    READY = "ready"
    RUNNING = "running"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"


ENDED = (Status.DONE, Status.CANCELLED)


@dataclass(frozen=True)
class Cycle:
    """One course of a country to its verdict. `status`: running, waiting (for a person), ended."""

    id: int
    country: str
    options: Document
    status: str
    verdict: str
    reason: str
    created: str
    ended: str | None


@dataclass(frozen=True)
class Task:
    """One thing to do. `parents` are the ids of tasks that must be done before.

    `payload` is what it starts from, `result` what came of it; `version` counts its changes.
    """

    id: int
    cycle_id: int | None
    round: int
    kind: str
    title: str
    body: str
    role: Role
    assignee: str
    status: Status
    priority: int
    parents: tuple[int, ...]
    payload: Document
    result: Document
    summary: str
    version: int
    created: str
    started: str | None
    completed: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Task:
        """Read a row of the table."""
        read = {"role": Role(row["role"]), "status": Status(row["status"])}
        return cls(**{**row, **read, "parents": tuple(row["parents"])})


@dataclass(frozen=True)
class NewTask:
    """A task to be made. `parents` are ids; without open ones it is ready at once."""

    kind: str
    title: str
    role: Role
    body: str = ""
    cycle_id: int | None = None
    round: int = 0
    assignee: str = ""
    priority: int = 0
    parents: tuple[int, ...] = ()
    payload: Document = field(default_factory=dict)


@dataclass(frozen=True)
class TaskRun:
    """One try at a task by one worker. `outcome`: running, done, failed, given back, expired."""

    id: int
    task_id: int
    worker: str
    started: str
    heartbeat: str
    lease_until: str
    ended: str | None
    outcome: str
    error: str


@dataclass(frozen=True)
class Comment:
    """What somebody said about a task."""

    id: int
    task_id: int
    author: str
    at: str
    text: str


@dataclass(frozen=True)
class Event:
    """One link of the log."""

    id: int
    at: str
    actor: str
    action: str
    task_id: int | None
    data: Document
    previous: str
    hash: str


@dataclass(frozen=True)
class Claim:
    """A task that is one worker's until `until`, unless it gives a sign of life before.

    `lease` is the secret by which it keeps and ends the task.
    """

    task: Task
    lease: str
    until: str
