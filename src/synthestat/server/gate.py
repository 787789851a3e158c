"""The gate: every request passes it first. Who asks, how much they send, what answers carry.

Programs are known by a bearer token, at the API alone; people by the cookie of a session, at the
pages alone: so a browser never calls the API on somebody's behalf. Nobody known is let in only to
sign in, or to look where the board is public.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthestat.cycle.accounts import actor_of_token
from synthestat.cycle.intake import LARGEST
from synthestat.cycle.roles import PUBLIC, Action, Actor, may
from synthestat.errors import SynthestatError
from synthestat.server.cookies import session_of
from synthestat.server.problems import AWAY, problem
from synthestat.server.rendering import error_page
from synthestat.server.site import Site, Visit

log = logging.getLogger("synthestat.server")
MOST_BODY = 1_000_000  # bytes of a request by somebody known: assumption
MOST_UNKNOWN = 16_384  # bytes of a request by nobody known: a form to sign in
MOST_BROUGHT = LARGEST + MOST_BODY  # bytes of files that are brought, all together
BRINGS = re.compile(r"(?:/api/v1)?/tasks/\d+/bring")
OPEN = ("/sign-in", "/assets/style.css")
"""Paths that need nobody known."""
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, browsers hide the origin of our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
A_YEAR = "max-age=31536000"


class Gate:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app, self.site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        refused = None
        try:
            visit = await run_in_threadpool(_visit, self.site, request)
            refused = _refusal(request, visit)
            if refused is None:
                refused, receive = await _body(request, visit)
        except (SynthestatError, SQLAlchemyError):
            log.exception("who asks could not be told")
            visit = Visit(self.site, PUBLIC)
            refused = refuse(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, "try again")
        scope.setdefault("state", {})["visit"] = visit
        answer = self.app if refused is None else refused
        await answer(scope, receive, _guarded(send, self.site, request))


def is_api(request: Request) -> bool:
    """Tell whether a program asks, who understands problem documents."""
    return request.url.path.startswith("/api/") or request.url.path == "/openapi.json"


def refuse(request: Request, status: int, detail: str, remedy: str = "") -> Response:
    """Return an error as who asks can read it."""
    if is_api(request):
        return problem(status, detail, remedy=remedy)
    return error_page(status, detail, remedy=remedy)


def _visit(site: Site, request: Request) -> Visit:
    """Return who asks."""
    nobody = Visit(site, PUBLIC)
    if is_api(request):
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        bearer = secret.strip() if kind.lower() == "bearer" else ""
        actor = actor_of_token(site.board, bearer) if bearer else None
        return nobody if actor is None else Visit(site, actor)
    session = session_of(request)
    actor = actor_of_token(site.board, session, session=True) if session else None
    return nobody if actor is None else Visit(site, actor, session)


def _refusal(request: Request, visit: Visit) -> Response | None:
    looks = request.method in ("GET", "HEAD")
    given = is_api(request) and "authorization" in request.headers
    if visit.signed_in or request.url.path in OPEN or (visit.site.public and looks and not given):
        return None
    if looks and not is_api(request):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", HTTPStatus.SEE_OTHER)
    remedy = "sign in" if not is_api(request) else "send a token: Authorization: Bearer TOKEN"
    why = "this token lets nobody in" if given else "nobody is signed in"
    return refuse(request, HTTPStatus.UNAUTHORIZED, why, remedy)


async def _body(request: Request, visit: Visit) -> tuple[Response | None, Receive]:
    """Read the whole body, as far as one may send; return a refusal, and the body to be read."""
    most = _most(request.url.path, visit.actor)
    size = request.headers.get("content-length", "0")
    parts: list[bytes] = []
    read = 0
    if not size.isdecimal() or int(size[:20]) > most:
        read = most + 1
    more = read <= most
    while more and read <= most:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        read += len(parts[-1])
        more = message.get("more_body", False)
    if read > most:
        detail = f"a request has no more than {most:,} bytes here"
        return refuse(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail), request.receive
    return None, _replay(b"".join(parts), request.receive)


def _most(path: str, actor: Actor) -> int:
    if actor is PUBLIC:
        return MOST_UNKNOWN
    brings = BRINGS.fullmatch(path) and may(actor, Action.BRING)
    return MOST_BROUGHT if brings else MOST_BODY


def _replay(body: bytes, after: Receive) -> Receive:
    waiting = [body]

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await after()

    return receive


def _guarded(send: Send, site: Site, request: Request) -> Send:
    """Return `send` with the headers that protect whoever reads the answer."""
    headers: Mapping[str, Any] = HEADERS
    if site.https or request.url.scheme == "https":
        headers = {**HEADERS, "Strict-Transport-Security": A_YEAR}

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            held = MutableHeaders(scope=message)
            for name, value in headers.items():
                held.setdefault(name, value)
        await send(message)

    return guarded
