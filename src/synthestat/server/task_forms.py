"""Forms that change the board: each does what the API does, by the same rules."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from synthestat.cycle import board as acts
from synthestat.cycle.conduct import finish as finish_task
from synthestat.cycle.process import follow
from synthestat.cycle.roles import Action
from synthestat.errors import InputError
from synthestat.server.bring import bring
from synthestat.server.own_forms import Proof, checked
from synthestat.server.pages import task_page
from synthestat.server.problems import places
from synthestat.server.site import Asked
from synthestat.server.starting import checked_task, start
from synthestat.server.words import (
    ChangeBody,
    CommentBody,
    CycleBody,
    FailBody,
    LeaseBody,
    Number,
    SignOffBody,
    TaskBody,
    Text,
    WhyBody,
    read_document,
)

router = APIRouter(include_in_schema=False, dependencies=[Depends(checked)])


class CommentForm(CommentBody, Proof):
    """A comment."""


class LeaseForm(LeaseBody, Proof):
    """What a holder's form has."""


class FailForm(FailBody, Proof):
    """Why a try failed."""


class WhyForm(WhyBody, Proof):
    """A reason."""


class ChangeForm(ChangeBody, Proof):
    """What a task is to say."""


class SignOffForm(SignOffBody, Proof):
    """A decision and its reason."""


class CycleForm(CycleBody, Proof):
    """A cycle to begin."""


class FinishForm(LeaseBody, Proof):
    """What came of a task: the result as JSON."""

    result: Text = "{}"
    summary: Text = ""


class NewTaskForm(Proof):
    """A task to be made, as a form has it: everything is text."""

    kind: str
    title: str
    role: str
    body: str = ""
    cycle_id: str = ""
    assignee: str = ""
    priority: str = "0"
    parents: str = ""

    def read(self) -> TaskBody:
        """Return it as the API takes it; InputError with every fault."""
        given: dict[str, Any] = self.model_dump(exclude={"form_token"})
        given["cycle_id"] = self.cycle_id.strip() or None
        given["parents"] = self.parents.replace(",", " ").split()
        try:
            return TaskBody.model_validate(given)
        except ValidationError as error:
            raise InputError(
                "the task is not as it must be", faults=places(error.errors())
            ) from None


@router.post("/cycles")
def start_cycle(asked: Asked, form: Annotated[CycleForm, Form()]) -> Response:
    """Begin a cycle."""
    start(asked, CycleBody(country=form.country, seed=form.seed))
    return _to("/cycles")


@router.post("/tasks")
def create_task(asked: Asked, form: Annotated[NewTaskForm, Form()]) -> Response:
    """Make a task."""
    asked.demand(Action.CREATE)
    made = acts.create_task(asked.board, asked.actor, checked_task(asked, form.read()))
    return _to_task(made.id)


@router.post("/claim")
def claim_next(asked: Asked) -> Response:
    """Claim the most urgent task for one's roles."""
    claim = acts.claim(asked.board, asked.actor)
    return _to("/?claimed=none") if claim is None else _to_task(claim.task.id)


@router.post("/tasks/{task_id}/claim")
def claim_task(asked: Asked, task_id: Number) -> Response:
    """Claim a task."""
    acts.claim(asked.board, asked.actor, task_id)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/change")
def change_task(asked: Asked, task_id: Number, form: Annotated[ChangeForm, Form()]) -> Response:
    """Change what a task says."""
    new: dict[str, Any] = form.model_dump(exclude={"version", "form_token"})
    acts.change_task(asked.board, asked.actor, task_id, form.version, **new)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/block")
def block(asked: Asked, task_id: Number, form: Annotated[WhyForm, Form()]) -> Response:
    """Keep a task from being claimed."""
    acts.block(asked.board, asked.actor, task_id, form.why)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/unblock")
def unblock(asked: Asked, task_id: Number) -> Response:
    """Let a blocked task be claimed again."""
    acts.unblock(asked.board, asked.actor, task_id)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/cancel")
def cancel(asked: Asked, task_id: Number, form: Annotated[WhyForm, Form()]) -> Response:
    """End a task undone."""
    acts.cancel(asked.board, asked.actor, task_id, form.why)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/comments")
def comment(asked: Asked, task_id: Number, form: Annotated[CommentForm, Form()]) -> Response:
    """Say something about a task."""
    acts.comment(asked.board, asked.actor, task_id, form.text)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/heartbeat")
def heartbeat(asked: Asked, task_id: Number, form: Annotated[LeaseForm, Form()]) -> Response:
    """Hold a task for longer."""
    acts.keep(asked.board, asked.actor, task_id, form.lease)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/finish")
def finish(asked: Asked, task_id: Number, form: Annotated[FinishForm, Form()]) -> Response:
    """End a task one holds."""
    asked.demand(Action.WORK)
    try:
        result = read_document(form.result)
    except ValueError as error:
        raise InputError("the result is not as it must be", faults=[str(error)]) from None
    finish_task(asked.board, asked.actor, task_id, form.lease, result, form.summary)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/fail")
def fail(asked: Asked, task_id: Number, form: Annotated[FailForm, Form()]) -> Response:
    """Say that a try failed."""
    acts.fail(asked.board, asked.actor, task_id, form.lease, form.error, again=form.again)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/give-back")
def give_back(asked: Asked, task_id: Number, form: Annotated[LeaseForm, Form()]) -> Response:
    """Return a task one holds, untried."""
    acts.give_back(asked.board, asked.actor, task_id, form.lease)
    return _to_task(task_id)


@router.post("/tasks/{task_id}/bring")
async def bring_files(request: Request, asked: Asked, task_id: Number) -> Response:
    """Bring files for a task one holds; each file's place in the pack stands beside it."""
    asked.demand(Action.BRING)
    form = await request.form()
    pairs = zip(form.getlist("place"), form.getlist("file"), strict=False)
    files = [
        (str(place).strip(), file.file)
        for place, file in pairs
        if isinstance(file, UploadFile) and file.filename
    ]
    lease = str(form.get("lease", ""))
    made = await run_in_threadpool(bring, asked, task_id, lease, files)
    return await run_in_threadpool(task_page, asked, task_id, made)


@router.post("/tasks/{task_id}/sign-off")
def sign_off(asked: Asked, task_id: Number, form: Annotated[SignOffForm, Form()]) -> Response:
    """Decide, with a reason."""
    decision, reason = form.decision, form.reason
    acts.sign_off(asked.board, asked.actor, task_id, decision, reason, follow=follow)
    return _to_task(task_id)


def _to_task(task_id: int) -> Response:
    return _to(f"/tasks/{task_id}")


def _to(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)
