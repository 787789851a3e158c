"""Every way to do something on a served board, by the API and by a form, with what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthestat.cycle.board import block, comment
from synthestat.cycle.roles import WORKERS, Action, Actor, Role

MANAGER = Actor.of("mia", "manager")
TINY = Path(__file__).parents[1] / "packs" / "tiny"
Ready = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """One endpoint: `path` as in the OpenAPI document, `given` its body, from what is ready."""

    action: Action
    method: str
    path: str
    given: Callable[[Ready], Ready] = lambda _: {}
    prepare: Callable[[Any, str, Role], Ready] = lambda *_: {}
    files: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, ready: Ready) -> str:
        return self.path.format(**ready)


def task(world: Any, _name: str, _role: Role) -> Ready:
    made = world.task()
    comment(world.board, MANAGER, made.id, "hello")
    return {"task_id": made.id, "version": made.version}


def blocked(world: Any, name: str, role: Role) -> Ready:
    ready = task(world, name, role)
    block(world.board, MANAGER, ready["task_id"], "for a test")
    return ready


def cycle(world: Any, _name: str, _role: Role) -> Ready:
    return {"cycle_id": world.cycle()}


def own_task(world: Any, name: str, role: Role) -> Ready:
    """A task that is this role's, where it is one that works, and meant for nobody else."""
    own = role if role in WORKERS else Role.MODELER
    return {"task_id": world.task(own, assignee=name, priority=9).id}


def held(world: Any, name: str, role: Role) -> Ready:
    """A task that one of this name holds: the role alone may be missing."""
    task_id, lease = world.held(name, role if role in WORKERS else Role.MODELER)
    return {"task_id": task_id, "lease": lease}


def held_in_cycle(world: Any, name: str, role: Role) -> Ready:
    own = role if role in WORKERS else Role.DOWNLOADER
    task_id, lease = world.held(name, own, kind="freeze", cycle_id=world.cycle())
    return {"task_id": task_id, "lease": lease}


def decision(world: Any, _name: str, _role: Role) -> Ready:
    return {"task_id": world.task(Role.HUMAN, payload={"decisions": ["yes", "no"]}).id}


def lease(ready: Ready) -> Ready:
    return {"lease": ready["lease"]}


def why(_: Ready) -> Ready:
    return {"why": "for a test"}


def text(_: Ready) -> Ready:
    return {"text": "hello"}


def new_task(_: Ready) -> Ready:
    return {"kind": "other", "title": "New", "role": "modeler"}


def change(ready: Ready) -> Ready:
    return {"version": ready["version"], "title": "Other"}


def failure(ready: Ready) -> Ready:
    return {**lease(ready), "error": "it broke"}


def signature(_: Ready) -> Ready:
    return {"decision": "yes", "reason": "for a test"}


def country(_: Ready) -> Ready:
    return {"country": "XK"}


def files(field: str) -> dict[str, Any]:
    return {field: ("pack/controls.yaml", (TINY / "controls.yaml").read_bytes())}


V1 = "/api/v1"
ONE, ONE_PAGE = f"{V1}/tasks/{{task_id}}", "/tasks/{task_id}"
API = (
    Door(Action.VIEW, "GET", f"{V1}/whoami"),
    Door(Action.VIEW, "GET", f"{V1}/tasks"),
    Door(Action.VIEW, "GET", ONE, prepare=task),
    Door(Action.VIEW, "GET", f"{ONE}/runs", prepare=task),
    Door(Action.VIEW, "GET", f"{ONE}/comments", prepare=task),
    Door(Action.VIEW, "GET", f"{ONE}/events", prepare=task),
    Door(Action.VIEW, "GET", f"{V1}/events"),
    Door(Action.VIEW, "GET", f"{V1}/cycles"),
    Door(Action.VIEW, "GET", f"{V1}/cycles/{{cycle_id}}", prepare=cycle),
    Door(Action.AUDIT, "GET", f"{V1}/audit"),
    Door(Action.START, "POST", f"{V1}/cycles", country),
    Door(Action.CREATE, "POST", f"{V1}/tasks", new_task),
    Door(Action.CHANGE, "PATCH", ONE, change, task),
    Door(Action.BLOCK, "POST", f"{ONE}/block", why, task),
    Door(Action.BLOCK, "POST", f"{ONE}/unblock", prepare=blocked),
    Door(Action.CANCEL, "POST", f"{ONE}/cancel", why, task),
    Door(Action.COMMENT, "POST", f"{ONE}/comments", text, task),
    Door(Action.WORK, "POST", f"{V1}/claim", prepare=own_task),
    Door(Action.WORK, "POST", f"{ONE}/claim", prepare=own_task),
    Door(Action.WORK, "POST", f"{ONE}/heartbeat", lease, held),
    Door(Action.WORK, "POST", f"{ONE}/finish", lease, held),
    Door(Action.WORK, "POST", f"{ONE}/fail", failure, held),
    Door(Action.WORK, "POST", f"{ONE}/give-back", lease, held),
    Door(Action.BRING, "POST", f"{ONE}/bring", lease, held_in_cycle, files=True),
    Door(Action.SIGN_OFF, "POST", f"{ONE}/sign-off", signature, decision),
)
PAGES = (
    Door(Action.VIEW, "GET", "/"),
    Door(Action.VIEW, "GET", ONE_PAGE, prepare=task),
    Door(Action.VIEW, "GET", "/cycles"),
    Door(Action.VIEW, "GET", "/runs"),
    Door(Action.VIEW, "GET", "/runs/{path}", prepare=lambda *_: {"path": "XK/page.html"}),
    Door(Action.VIEW, "GET", "/site/{path}", prepare=lambda *_: {"path": "index.html"}),
    Door(Action.VIEW, "GET", "/log"),
    Door(Action.AUDIT, "GET", "/audit"),
    Door(Action.CREATE, "GET", "/tasks/new"),
    Door(Action.START, "POST", "/cycles", country),
    Door(Action.CREATE, "POST", "/tasks", new_task),
    Door(Action.CHANGE, "POST", f"{ONE_PAGE}/change", change, task),
    Door(Action.BLOCK, "POST", f"{ONE_PAGE}/block", why, task),
    Door(Action.BLOCK, "POST", f"{ONE_PAGE}/unblock", prepare=blocked),
    Door(Action.CANCEL, "POST", f"{ONE_PAGE}/cancel", why, task),
    Door(Action.COMMENT, "POST", f"{ONE_PAGE}/comments", text, task),
    Door(Action.WORK, "POST", "/claim", prepare=own_task),
    Door(Action.WORK, "POST", f"{ONE_PAGE}/claim", prepare=own_task),
    Door(Action.WORK, "POST", f"{ONE_PAGE}/heartbeat", lease, held),
    Door(Action.WORK, "POST", f"{ONE_PAGE}/finish", lease, held),
    Door(Action.WORK, "POST", f"{ONE_PAGE}/fail", failure, held),
    Door(Action.WORK, "POST", f"{ONE_PAGE}/give-back", lease, held),
    Door(Action.BRING, "POST", f"{ONE_PAGE}/bring", lease, held_in_cycle, files=True),
    Door(Action.SIGN_OFF, "POST", f"{ONE_PAGE}/sign-off", signature, decision),
)
