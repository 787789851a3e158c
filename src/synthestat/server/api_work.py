"""The REST API: making, claiming and ending tasks. The board's own rules decide."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.responses import Response

from synthestat.cycle import board as acts
from synthestat.cycle.conduct import finish as finish_task
from synthestat.cycle.process import follow
from synthestat.cycle.roles import Action
from synthestat.cycle.values import Claim, Comment, Cycle, Task
from synthestat.server.api import BEARER
from synthestat.server.api import router as looking
from synthestat.server.bring import Brought, bring
from synthestat.server.problems import answers
from synthestat.server.site import Asked
from synthestat.server.starting import checked_task, start
from synthestat.server.words import (
    ChangeBody,
    ClaimBody,
    CommentBody,
    CycleBody,
    FailBody,
    FinishBody,
    KeepBody,
    LeaseBody,
    Line,
    NextBody,
    Number,
    SignOffBody,
    Strict,
    TaskBody,
    WhyBody,
)

router = APIRouter(
    prefix="/api/v1",
    dependencies=[Depends(BEARER)],
    responses={
        **looking.responses,
        **answers(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    },
)


class Held(Strict):
    """Until when a task is held."""

    until: str


@router.post("/cycles", status_code=201, tags=["managing"])
def start_cycle(asked: Asked, body: CycleBody) -> Cycle:
    """Begin a cycle of a country; the open one of the same inputs is that cycle."""
    return start(asked, body)


@router.post("/tasks", status_code=201, tags=["managing"])
def create_task(asked: Asked, body: TaskBody) -> Task:
    """Make a task."""
    return acts.create_task(asked.board, asked.actor, checked_task(asked, body))


@router.patch("/tasks/{task_id}", tags=["managing"])
def change_task(asked: Asked, task_id: Number, body: ChangeBody) -> Task:
    """Change what a task says; 409 where it is not at the version given any more."""
    new: dict[str, Any] = body.model_dump(exclude={"version"})
    return acts.change_task(asked.board, asked.actor, task_id, body.version, **new)


@router.post("/tasks/{task_id}/block", tags=["managing"])
def block(asked: Asked, task_id: Number, body: WhyBody) -> Task:
    """Keep a task from being claimed."""
    return acts.block(asked.board, asked.actor, task_id, body.why)


@router.post("/tasks/{task_id}/unblock", tags=["managing"])
def unblock(asked: Asked, task_id: Number) -> Task:
    """Let a blocked task be claimed again."""
    return acts.unblock(asked.board, asked.actor, task_id)


@router.post("/tasks/{task_id}/cancel", tags=["managing"])
def cancel(asked: Asked, task_id: Number, body: WhyBody) -> Task:
    """End a task undone, and those that wait for it."""
    return acts.cancel(asked.board, asked.actor, task_id, body.why)


@router.post("/tasks/{task_id}/comments", status_code=201, tags=["working"])
def comment(asked: Asked, task_id: Number, body: CommentBody) -> Comment:
    """Say something about a task."""
    return acts.comment(asked.board, asked.actor, task_id, body.text)


@router.post(
    "/claim",
    tags=["working"],
    response_model=Claim,
    responses={204: {"description": "No task is ready for you"}},
)
def claim_next(asked: Asked, body: NextBody) -> Claim | Response:
    """Claim the most urgent task that is ready for one of your roles; 204 where there is none."""
    cycle_id, lease = body.cycle_id, body.seconds
    claim = acts.claim(asked.board, asked.actor, cycle_id=cycle_id, lease=lease)
    return claim if claim is not None else Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/tasks/{task_id}/claim", tags=["working"])
def claim_task(asked: Asked, task_id: Number, body: ClaimBody) -> Claim:
    """Claim a task; its `lease` is the secret by which you keep and end it."""
    claim = acts.claim(asked.board, asked.actor, task_id, lease=body.seconds)
    assert claim is not None, "a given task is claimed, or it is an error"
    return claim


@router.post("/tasks/{task_id}/heartbeat", tags=["working"])
def heartbeat(asked: Asked, task_id: Number, body: KeepBody) -> Held:
    """Give a sign of life for a task you hold."""
    until = acts.keep(asked.board, asked.actor, task_id, body.lease, seconds=body.seconds)
    return Held(until=until)


@router.post("/tasks/{task_id}/finish", tags=["working"])
def finish(asked: Asked, task_id: Number, body: FinishBody) -> Task:
    """End a task you hold; what of the result the files must bear out is read from them."""
    asked.demand(Action.WORK)
    return finish_task(asked.board, asked.actor, task_id, body.lease, body.result, body.summary)


@router.post("/tasks/{task_id}/fail", tags=["working"])
def fail(asked: Asked, task_id: Number, body: FailBody) -> Task:
    """Say that a try failed; the task is ready again, or blocked after the last try."""
    return acts.fail(asked.board, asked.actor, task_id, body.lease, body.error, again=body.again)


@router.post("/tasks/{task_id}/give-back", tags=["working"])
def give_back(asked: Asked, task_id: Number, body: LeaseBody) -> Task:
    """Return a task you hold, untried."""
    return acts.give_back(asked.board, asked.actor, task_id, body.lease)


@router.post("/tasks/{task_id}/bring", tags=["working"])
def bring_files(
    asked: Asked,
    task_id: Number,
    lease: Annotated[Line, Form()],
    files: Annotated[list[UploadFile], File(description="Each named by its place in the pack.")],
) -> Brought:
    """Bring files for a task you hold: `pack/NAME` and `snapshots/NAME.json` by their file names.

    They are checked as a build would check them: either a new pack is made, to be named in the
    task's result as `{"pack": ...}`, or nothing is, and the faults are told.
    """
    return bring(asked, task_id, lease, [(str(file.filename), file.file) for file in files])


@router.post("/tasks/{task_id}/sign-off", tags=["working"])
def sign_off(asked: Asked, task_id: Number, body: SignOffBody) -> Task:
    """Decide about a task of the role human, with a reason; name and time are recorded."""
    return acts.sign_off(
        asked.board, asked.actor, task_id, body.decision, body.reason, follow=follow
    )
