"""Cookies of a session, and the tokens by which a form proves that it is one of our own.

A session has two cookies that hold the secret and a word made from it. The first (SameSite=Lax)
lets a person who follows a link from elsewhere look; the second (SameSite=Strict) is never sent
with a request that another site began, and nothing is changed without it. Before somebody is
signed in the second holds a random word, to which the form for signing in is bound.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from synthestat.cycle.accounts import SESSION_HOURS

SESSION, FORM = "synthestat_session", "synthestat_form"


def session_of(request: Request) -> str:
    """Return the secret of the session that a request carries, "" for none."""
    return request.cookies.get(_name(SESSION, request), "")


def form_word_of(request: Request) -> str:
    """Return the word of the strict cookie, "" for none."""
    return request.cookies.get(_name(FORM, request), "")


def form_word(session: str) -> str:
    """Return the word that the strict cookie of a session holds; a new one for nobody's."""
    return _made(session, "cookie") if session else secrets.token_hex(32)


def form_token(word: str) -> str:
    """Return what the forms of a page hold, from the word of the strict cookie."""
    return _made(word, "form")


def same(one: str, other: str) -> bool:
    """Compare secrets in a time that tells nothing."""
    return secrets.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def keep_session(request: Request, response: Response, session: str) -> None:
    """Give a browser the cookies of a session."""
    _set(request, response, SESSION, session, "lax")
    keep_word(request, response, form_word(session))


def keep_word(request: Request, response: Response, word: str) -> None:
    """Give a browser the strict cookie."""
    _set(request, response, FORM, word, "strict")


def drop_session(request: Request, response: Response) -> None:
    """Take the cookies of a session from a browser."""
    for name in (SESSION, FORM):
        secure = _is_secure(request)
        response.delete_cookie(_name(name, request), path="/", secure=secure, httponly=True)


def _set(request: Request, response: Response, name: str, value: str, strict: str) -> None:
    response.set_cookie(
        _name(name, request),
        value,
        max_age=int(SESSION_HOURS * 3600),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="strict" if strict == "strict" else "lax",
    )


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" or bool(request.app.state.site.https)


def _name(name: str, request: Request) -> str:
    """Return a cookie's name: with https one that no other host and no plain http can set."""
    return f"__Host-{name}" if _is_secure(request) else name


def _made(secret: str, use: str) -> str:
    return hmac.new(secret.encode("utf-8", "replace"), use.encode(), hashlib.sha256).hexdigest()
