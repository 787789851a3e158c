"""Pages from templates: all that they are given is text to them, and none holds a script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

import synthestat.site
from synthestat.cycle.roles import Action, Role
from synthestat.cycle.values import Status
from synthestat.server.cookies import form_token, form_word
from synthestat.server.site import Visit

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STYLES = ("assets/style.css", "templates/style.css")
"""Where the pages of runs keep their style, in their own room."""


def page(
    name: str, visit: Visit | None, /, *, status: int = HTTPStatus.OK, **values: object
) -> HTMLResponse:
    """Return a page made from a template."""
    token = form_token(form_word(visit.session)) if visit and visit.session else ""
    shown: Mapping[str, Any] = {"visit": visit, "form_token": token, **values}
    return HTMLResponse(_environment().get_template(f"{name}.html.j2").render(shown), int(status))


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
    """Return the style of all pages: that of the runs' pages, and what a board needs beside it."""
    shared = Path(next(iter(synthestat.site.__path__)))
    files = [*(shared / name for name in STYLES), TEMPLATES / "server.css"]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "document": document}
    environment.globals |= {
        "Action": Action,
        "statuses": [status.value for status in Status],
        "roles": [role.value for role in Role if role is not Role.PUBLIC],
    }
    return environment


def moment(at: str | None) -> str:
    """Write a moment of a board to the second, in UTC."""
    return f"{at[:10]} {at[11:19]} UTC" if at else "–"


def document(held: object) -> str:
    """Write a document as JSON for a reader."""
    return json.dumps(held, indent=1, ensure_ascii=False, sort_keys=True, default=dict)
