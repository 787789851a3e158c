"""The static site of the runs, below /site/: its files alone, read-only, with its own scripts.

Its pages may run the scripts that stand beside them and do nothing else: they can ask for nothing,
so neither for the board. No other page of the server runs a script.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from synthestat.errors import InputError
from synthestat.server.folders import file_below
from synthestat.server.site import Asked
from synthestat.site.site_files import MARK

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
    "data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}
"""The kinds of files that a site is made of."""
INDEX = "index.html"
router = APIRouter(include_in_schema=False)


@router.get("/site/{path:path}")
def site_file(asked: Asked, path: str) -> Response:
    """Give one file of the static site."""
    folder = asked.site.pages if asked.site.has_pages else None
    place = file_below(folder, path or INDEX, MEDIA)
    if place is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such page of the site")
    headers = {"Content-Security-Policy": POLICY}
    return FileResponse(place, media_type=MEDIA[place.suffix], headers=headers)


def where_site_stands(given: Path | None, runs: Path) -> Path:
    """Return where the site is looked for: the folder that is given, else `site` beside the runs.

    Raises InputError where the given folder is no site of ours.
    """
    if given is not None and not (given / MARK).is_file():
        raise InputError(
            f"{given} is no site of Synthestat",
            remedy=f"write one: synthestat site {runs} --out {given}",
        )
    return (given or runs.resolve().parent / "site").resolve()
