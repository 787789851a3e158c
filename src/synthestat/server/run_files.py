"""The pages of runs and their review records, read from the folder of runs; nothing else of it.

A run's page is made from files that others may have written, so it is served in a sandbox: no
script, no form, no request to anywhere, and an origin that is not ours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from synthestat.bundle.read import read_json
from synthestat.errors import SynthestatError
from synthestat.server.folders import file_below
from synthestat.server.rendering import page
from synthestat.server.site import Asked

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action "
    "'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"
)
MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".md": "text/plain; charset=utf-8",
}
RECORD = ".review.json"
MANIFEST = "build_manifest.json"
DEEPEST = 4  # folders below that of runs in which pages are looked for
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class RunFiles:
    """A run of which there is a page or a record: addresses below /runs/, "" where absent."""

    name: str
    page: str
    record: str
    verdict: str


@router.get("/runs")
def list_runs(asked: Asked) -> Response:
    """Show the runs of which there are pages or records."""
    return page("runs", asked, runs=found_runs(asked.site.runs))


@router.get("/runs/{path:path}")
def run_file(asked: Asked, path: str) -> Response:
    """Give one page, record or picture of a run, or a file of a bundle that holds no records."""
    place = place_of(asked.site.runs, path)
    if place is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such page among the runs")
    headers = {"Content-Security-Policy": POLICY}
    return FileResponse(place, media_type=MEDIA[place.suffix], headers=headers)


def place_of(runs: Path | None, path: str) -> Path | None:
    """Return the file of an address, None where there is none that may be shown.

    Only kinds of files that tell about a run are shown, and none that lies elsewhere, whatever
    the address says and wherever links lead.
    """
    place = file_below(runs, path, MEDIA)
    if place is None:
        return None
    tells = place.suffix not in (".json", ".md") or place.name.endswith(RECORD)
    return place if tells or (place.parent / MANIFEST).is_file() else None


def found_runs(runs: Path | None) -> list[RunFiles]:
    """Return the runs with a page or a record, by address."""
    if runs is None or not runs.is_dir():
        return []
    stems: dict[str, set[str]] = {}
    for folder, folders, files in os.walk(runs):
        here = Path(folder).relative_to(runs)
        inside = MANIFEST in files or len(here.parts) >= DEEPEST
        folders[:] = [] if inside else sorted(f for f in folders if not f.startswith("."))
        for file in files if not inside else ():
            for suffix in (".html", RECORD):
                if file.endswith(suffix) and place_of(runs, (here / file).as_posix()):
                    stem = (here / file.removesuffix(suffix)).as_posix()
                    stems.setdefault(stem, set()).add(suffix)
    return [_run(runs, stem, suffixes) for stem, suffixes in sorted(stems.items())]


def _run(runs: Path, stem: str, suffixes: set[str]) -> RunFiles:
    record = f"{stem}{RECORD}" if RECORD in suffixes else ""
    return RunFiles(
        name=stem,
        page=f"{stem}.html" if ".html" in suffixes else "",
        record=record,
        verdict=_verdict(runs / record) if record else "",
    )


def _verdict(record: Path) -> str:
    try:
        said = read_json(record)
        return str(said.get("verdict", "")) if isinstance(said, dict) else ""
    except (SynthestatError, OSError):
        return "not readable"
