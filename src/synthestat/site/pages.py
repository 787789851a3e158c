"""The run page: one HTML file about one run bundle, complete in itself, with no script.

Everything that a bundle says is text to this page: the template escapes all of it, charts are
written again from harmless SVG elements, and only http and https addresses become links.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from markupsafe import Markup, escape

from synthestat.bundle.read import Bundle, open_bundle
from synthestat.errors import OutputError
from synthestat.site import interval_facts, run_charts, run_facts
from synthestat.site.charts import spoken
from synthestat.site.markdown import read_markdown, read_spans

TEMPLATES = Path(__file__).parent / "templates"


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
    zones = run_facts.zone_figures(run)
    tiers = run_facts.tiers(run, zones)
    folder = Path(os.path.relpath(bundle.folder.resolve(), place)).as_posix()
    return (
        _environment()
        .get_template("run.html.j2")
        .render(
            style=_style(),
            manifest=run.manifest,
            words=run.words,
            finished=_moment(run.manifest.get("times", {}).get("finished")),
            household_universe=", ".join(run.household_atoms()),
            coverage=run_facts.coverage(run),
            judgement=run_facts.judgement(run),
            controls=run_facts.controls(run),
            differences=run_facts.differences(run),
            households=run.optional("household_diagnostics.json"),
            dwellings=run.optional("dwelling_building_diagnostics.json"),
            privacy=run.optional("privacy_report.json"),
            uncertainty=run.optional("uncertainty_summary.json"),
            distributions=run.optional("distribution_diagnostics.json"),
            sources=run.optional("source_provenance.json").get("tables", []),
            zones=zones,
            tiers=tiers,
            maps=run_charts.maps(run, zones, [tier["tier"] for tier in tiers], boundaries),
            age_figures=run_charts.ages(run),
            household_figures=run_charts.households(run),
            residual_figure=run_charts.residuals(run),
            interval_figures=run_charts.intervals(run),
            intervals=interval_facts.country_counts(run),
            widest=interval_facts.widest(run),
            quantities=interval_facts.quantities(run),
            limits=_limits(bundle),
            unavailable=run_facts.unavailable_layers(run),
            files=run_facts.files(run),
            has_notes=bundle.path("model_notes.md").is_file(),
            verified=run_facts.verified(verification),
            review=review,
            folder=quote(folder),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure,
        "percent": percent,
        "measured": measured,
        "margin": margin,
        "spans": read_spans,
        "breakable": breakable,
        "size": file_size,
        "link": safe_link,
        "spoken": spoken,
        "quote": quote,
    }
    return environment


def figure(value: object) -> str:
    """Write a number with thousands separators, decimals only where there are any; "–" for None."""
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)


def percent(share: float | None, places: int = 2) -> str:
    """Write a share as a percentage, without needless zeros; "–" for None."""
    if share is None:
        return "–"
    text = f"{share * 100:.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def measured(value: float | None, measure: str) -> str:
    """Write a soft target's figure: shares as a percentage, means in years; "–" for None."""
    if value is None:
        return "–"
    return percent(value) if measure.endswith("_share") else f"{value:.2f} years"


def margin(tolerance: float, measure: str) -> str:
    """Write a soft target's tolerance: percentage points for shares, years for means."""
    return f"{tolerance * 100:g} points" if measure.endswith("_share") else f"{tolerance:.2f} years"


def breakable(name: str) -> Markup:
    """Escape an id that may break into lines after a dot or an underscore."""
    text = str(escape(name))
    return Markup(text.replace(".", ".<wbr>").replace("_", "_<wbr>"))


def file_size(size: int | None) -> str:
    """Write bytes as B, kB or MB; "absent" for None."""
    if size is None:
        return "absent"
    if size < 1_000:
        return f"{size} B"
    return f"{size / 1_000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"


def safe_link(address: object) -> str | None:
    """Return an http or https address, or None: nothing else may become a link."""
    text = str(address or "").strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def _moment(text: object) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return "not stated"
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".strip()


def _style() -> Markup:
    return Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))


def _limits(bundle: Bundle) -> Any:
    path = bundle.path("pack/LIMITS.md")
    return read_markdown(path.read_text(encoding="utf-8")) if path.is_file() else ()


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
