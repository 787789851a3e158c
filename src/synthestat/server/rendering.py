"""Pages in the site's frame: all that they are given is text to them, and none holds a script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from synthestat.cycle.roles import Action, Role
from synthestat.cycle.values import Status
from synthestat.server.cookies import form_token, form_word
from synthestat.server.site import Visit
from synthestat.site.environment import environment
from synthestat.site.environment import style as site_style

TEMPLATES = Path(__file__).parent / "templates"
NAVIGATION = (("", "Board"), ("cycles", "Cycles"), ("runs", "Runs"), ("log", "Log"))
SITE = ("site/index.html", "Site")
PLACES = {"board": "", "cycles": "cycles", "runs": "runs", "log": "log"}
"""The address of a template's page, by which the header says where one is."""


def page(
    name: str, visit: Visit | None, /, *, status: int = HTTPStatus.OK, **values: object
) -> HTMLResponse:
    """Return a page made from a template."""
    token = form_token(form_word(visit.session)) if visit and visit.session else ""
    navigation = _navigation(visit) if visit else ()
    shown: Mapping[str, Any] = {
        "visit": visit,
        "form_token": token,
        "further_navigation": navigation,
        "current": PLACES.get(name),
        **values,
    }
    made = _environment().get_template(f"server/{name}.html.j2").render(shown)
    return HTMLResponse(made, int(status))


def _navigation(visit: Visit) -> tuple[tuple[str, str], ...]:
    """Return where the header leads: nowhere for who may not look."""
    if not visit.looks:
        return ()
    return (*NAVIGATION, SITE) if visit.site.has_pages else NAVIGATION


def error_page(
    status: int,
    detail: str,
    *,
    faults: Sequence[str] = (),
    remedy: str = "",
    visit: Visit | None = None,
) -> HTMLResponse:
    """Return a page that tells of an error."""
    title = HTTPStatus(status).phrase
    said = {"title": title, "detail": detail, "faults": faults, "remedy": remedy}
    return page("error", visit, status=status, signs_in=status == HTTPStatus.UNAUTHORIZED, **said)


@cache
def style() -> str:
    """Return the style of all pages: the site's, and what a board needs beside it."""
    return f"{site_style()}\n{(TEMPLATES / 'server.css').read_text(encoding='utf-8')}"


@cache
def _environment() -> jinja2.Environment:
    """Return the site's environment, with our templates below `server/`."""
    made = environment()
    assert made.loader is not None, "the site has templates"
    own = jinja2.PrefixLoader({"server": jinja2.FileSystemLoader(TEMPLATES)})
    made.loader = jinja2.ChoiceLoader([own, made.loader])
    made.filters |= {"to_second": to_second, "document": document}
    made.globals |= {
        "root": "/",
        "home": "",
        "navigation": (),
        "Action": Action,
        "statuses": [status.value for status in Status],
        "roles": [role.value for role in Role if role is not Role.PUBLIC],
    }
    return made


def to_second(at: str | None) -> str:
    """Write a moment of a board to the second, in UTC."""
    return f"{at[:10]} {at[11:19]} UTC" if at else "–"


def document(held: object) -> str:
    """Write a document as JSON for a reader."""
    return json.dumps(held, indent=1, ensure_ascii=False, sort_keys=True, default=dict)
