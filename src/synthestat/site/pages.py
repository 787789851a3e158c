"""The run page: one HTML file about one run bundle, complete in itself, with no script.

Everything that a bundle says is text to this page: the template escapes all of it, charts are
written again from harmless SVG elements, and only http and https addresses become links.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from synthestat.bundle.read import Bundle, open_bundle
from synthestat.errors import OutputError
from synthestat.site import run_charts, run_facts
from synthestat.site.environment import environment
from synthestat.site.run_context import run_context


def write_run_page(
    folder: Path,
    *,
    out: Path | None = None,
    boundaries: Path | None = None,
    verification: object | None = None,
    review: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page of the run in `folder` and return its path.

    `out` is the page's file, beside the run's folder by default (`<run_id>.html`); it must not lie
    inside the bundle, whose checksums are sealed. `boundaries` is a GeoJSON file of the zones.
    `verification` has `checks` (each with id, status, notes) and `passed`; `review` is the document
    of review.json. The file appears whole or not at all. Raises BundleError, InputError
    (boundaries) or OutputError.
    """
    bundle = open_bundle(folder)
    page = out if out is not None else folder.resolve().with_name(folder.resolve().name + ".html")
    if page.resolve().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{page.name} would lie inside the bundle, whose checksums are sealed",
            remedy="give a place outside the run's folder",
        )
    text = run_page(bundle, page.resolve().parent, boundaries, verification, review)
    _write_whole(page, text)
    return page


def run_page(
    bundle: Bundle,
    place: Path,
    boundaries: Path | None,
    verification: object | None,
    review: Mapping[str, Any] | None = None,
) -> str:
    """Return the HTML of the page that will stand in the folder `place`."""
    run = run_facts.read_run(bundle)
    folder = Path(os.path.relpath(bundle.folder.resolve(), place)).as_posix()
    zones = run_facts.zone_figures(run)
    tiers = [tier["tier"] for tier in run_facts.tiers(run, zones)]
    context = run_context(
        run,
        zones,
        maps=run_charts.maps(run, zones, tiers, boundaries),
        verified=run_facts.verified(verification),
        review=review,
    )
    template = environment().get_template("run.html.j2")
    return template.render(context, root=None, folder=quote(folder))


def _write_whole(page: Path, text: str) -> None:
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{page.name}.", suffix=".part", dir=page.parent)
    except OSError as error:
        raise OutputError(f"{page.name} cannot be written: {error.strerror}") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        part.chmod(0o644)
        part.replace(page)
    except OSError as error:
        raise OutputError(f"{page.name} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
