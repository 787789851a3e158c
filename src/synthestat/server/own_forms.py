"""Forms that change something, and the proof that they are our own.

Three things must agree: the browser says that the request began on one of our pages (Sec-Fetch-Site
and Origin, where it says so at all), the strict cookie came with it, and the form holds the token
made from that cookie's word.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from synthestat.server.cookies import form_token, form_word, form_word_of, same
from synthestat.server.site import Visit


class Proof(BaseModel):
    """A form of ours: each has the token, and nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid")

    form_token: str = ""


async def checked(request: Request) -> AsyncIterator[None]:
    """Refuse a form (403) that is not proved to be our own; its files are closed at the end."""
    async with request.form() as form:
        _demand_proof(request, form)
        yield


def _demand_proof(request: Request, form: FormData) -> None:
    visit: Visit = request.state.visit
    word = form_word_of(request)
    token = form.get("form_token", "")
    proved = isinstance(token, str) and bool(word) and same(token, form_token(word))
    if visit.session:
        proved = proved and same(word, form_word(visit.session))
    if not proved or not _began_here(request):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            "this form did not come from a page of this server that is still valid: "
            "go back, load the page anew, and send it again",
        )


def _began_here(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
