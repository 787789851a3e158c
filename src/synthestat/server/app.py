"""The application: a board behind a gate, with its API and its pages."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from synthestat import __version__
from synthestat.cycle.database import Board
from synthestat.errors import RightsError, SynthestatError
from synthestat.server import api, api_work, pages, run_files, session, site_pages, task_forms
from synthestat.server.gate import HEADERS, Gate, is_api
from synthestat.server.problems import AWAY, Problem, places, problem, status_of
from synthestat.server.rendering import error_page
from synthestat.server.site import Site, Visit

ABOUT = """The board of a QA cycle: look at tasks, claim them, bring files, and end them.

Send a token with every request: `Authorization: Bearer TOKEN`. `synthestat account token NAME`
makes one. Errors are problem documents (RFC 9457)."""
UNAUTHORIZED = 401
log = logging.getLogger("synthestat.server")


class Described(FastAPI):
    """An application whose OpenAPI document, made when it is first asked for, has our problems."""

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        made = super().openapi()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return made


def create_app(
    board: Board,
    *,
    runs: Path | None = None,
    site_folder: Path | None = None,
    public: bool = False,
    https: bool = False,
) -> FastAPI:
    """Make the application that serves a board.

    `runs` is the folder of runs, whose pages are shown and to which a cycle writes; `site_folder`
    that of the static site, shown below /site/ while it is one. With `public` whoever is not
    signed in may look, and no more. `https` says that a proxy in front of it speaks
    TLS with browsers: cookies are then for https alone.
    """
    app = Described(
        title="Synthestat",
        description=ABOUT,
        version=__version__,
        docs_url=None,  # the page of documents would load its scripts from elsewhere
        redoc_url=None,
    )
    folder = None if runs is None else runs.resolve()
    pages_folder = None if site_folder is None else site_folder.resolve()
    site = Site(board, folder, public, https, pages_folder)
    app.state.site = site
    for part in (api, api_work, session, task_forms, pages, run_files, site_pages):
        app.include_router(part.router)
    app.add_api_route("/openapi.json", _openapi, include_in_schema=False)
    app.add_middleware(Gate, site=site)
    app.add_exception_handler(SynthestatError, _deliberate)
    app.add_exception_handler(SQLAlchemyError, _away)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)
    return app


def _openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


def _answer(
    request: Request, status: int, detail: str, faults: tuple[str, ...] = (), remedy: str = ""
) -> Response:
    if is_api(request):
        return problem(status, detail, faults=faults, remedy=remedy)
    visit: Visit | None = getattr(request.state, "visit", None)
    return error_page(status, detail, faults=faults, remedy=remedy, visit=visit)


async def _deliberate(request: Request, error: Exception) -> Response:
    assert isinstance(error, SynthestatError)
    status: int = status_of(error)
    if isinstance(error, RightsError) and not request.state.visit.signed_in:
        status = UNAUTHORIZED
    return _answer(request, status, error.message, error.faults, error.remedy)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    detail = "the request is not as it must be"
    return _answer(request, 422, detail, tuple(places(error.errors())))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _answer(request, error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _away(request: Request, error: Exception) -> Response:
    log.error("%s %s: the database", request.method, request.url.path, exc_info=error)
    return _answer(request, 503, AWAY, remedy="try again")


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    answer = _answer(request, 500, "this is a fault of the server; nothing was changed by it")
    answer.headers.update(HEADERS)  # it is given outside the gate
    return answer
