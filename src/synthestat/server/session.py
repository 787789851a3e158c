"""Signing in and out, and the style that the page for it needs."""

from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from synthestat.cycle.accounts import begin_session, end_session, sign_in
from synthestat.server.cookies import (
    drop_session,
    form_token,
    form_word,
    form_word_of,
    keep_session,
    keep_word,
)
from synthestat.server.own_forms import Proof, checked
from synthestat.server.rendering import page, style
from synthestat.server.site import Asked, Site

LOCAL = re.compile(r"/(?![/\\])[!-~]*")
MOST_SECONDS = 2.0  # that one waits for others' passwords to be hashed: assumption
router = APIRouter(include_in_schema=False)


class SignInForm(Proof):
    """What one signs in with; `next` is where to go then."""

    name: str
    password: str
    next: str = "/"


@router.get("/assets/style.css")
def style_sheet() -> Response:
    """Give the style of all pages."""
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(style(), media_type="text/css", headers=headers)


@router.get("/sign-in")
def sign_in_page(request: Request, asked: Asked, next: str = "/") -> Response:
    """Show the form for signing in."""
    if asked.signed_in:
        return RedirectResponse(_local(next), HTTPStatus.SEE_OTHER)
    return _form(request, asked, next)


@router.post("/sign-in", dependencies=[Depends(checked)])
def begin(request: Request, asked: Asked, form: Annotated[SignInForm, Form()]) -> Response:
    """Sign somebody in, or say no: the same for a wrong name as for a wrong password."""
    site: Site = asked.site
    address = request.client.host if request.client else ""
    seconds = site.attempts.wait(form.name, address)
    if seconds > 0:
        return _slower(request, asked, form, seconds)
    if not site.hashing.acquire(timeout=MOST_SECONDS):
        return _slower(request, asked, form, MOST_SECONDS)
    try:
        actor = sign_in(site.board, form.name, form.password)
    finally:
        site.hashing.release()
    if actor is None:
        site.attempts.failed(form.name, address)
        fault = "No active account has this name and password."
        return _form(request, asked, form.next, form.name, fault, HTTPStatus.UNAUTHORIZED)
    site.attempts.succeeded(form.name, address)
    answer = RedirectResponse(_local(form.next), HTTPStatus.SEE_OTHER)
    keep_session(request, answer, begin_session(site.board, actor))
    return answer


@router.post("/sign-out", dependencies=[Depends(checked)])
def end(request: Request, asked: Asked) -> Response:
    """End the session, here and for whoever else may have its cookie."""
    end_session(asked.board, asked.actor, asked.session)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    drop_session(request, answer)
    answer.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return answer


def _slower(request: Request, asked: Asked, form: SignInForm, seconds: float) -> Response:
    wait = math.ceil(seconds)
    said = f"Too many attempts: try again in {wait} second{'' if wait == 1 else 's'}."
    status = HTTPStatus.TOO_MANY_REQUESTS
    answer = _form(request, asked, form.next, form.name, said, status)
    answer.headers["Retry-After"] = str(wait)
    return answer


def _form(
    request: Request,
    asked: Asked,
    goes_to: str,
    name: str = "",
    fault: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    word = form_word_of(request) or form_word("")
    values = {"form_token": form_token(word), "next": _local(goes_to), "name": name}
    answer = page("sign_in", asked, status=status, fault=fault, **values)
    keep_word(request, answer, word)
    return answer


def _local(address: str) -> str:
    """Return an address of ours to go to, the board where it is another's."""
    return address if LOCAL.fullmatch(address) else "/"
