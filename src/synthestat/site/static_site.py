"""A static site from a folder of runs: every page, its data and its pictures, opened from disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
import vl_convert

from synthestat.cycle.database import Board
from synthestat.errors import InputError, SynthestatError
from synthestat.site.calibration_facts import read_calibration
from synthestat.site.country_facts import CountryLine, country_line
from synthestat.site.country_pages import write_country
from synthestat.site.environment import ASSETS, environment
from synthestat.site.history import Country, Entry, Left, read_history, without
from synthestat.site.method_facts import method_facts
from synthestat.site.run_facts import Run, read_run
from synthestat.site.run_pages import write_page, write_run
from synthestat.site.site_files import MARK, staged_site
from synthestat.site.task_pages import write_tasks
from synthestat.site.writing import (
    Site,
    country_page,
    run_files,
    run_page,
    shapes_of,
    zone_page,
)
from synthestat.site.zone_pages import write_zones

Progress = Callable[[str, int, int], None]
INDEX = "index.html"


def write_site(
    runs: Path,
    out: Path,
    *,
    boundaries: Iterable[Path] = (),
    public: bool = False,
    board: Board | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the site of all runs below `runs` to the folder `out`; return its index.

    The site appears whole or not at all; one of ours that is there is replaced. A run without a
    review, or whose review is of other files, is shown as not reviewed; one that cannot be read is
    named with the reason. `boundaries` are GeoJSON files: each country takes the first that draws
    its zones. `public` leaves out households that a run's release mode keeps inside. The tasks
    of a `board` get pages. Raises InputError (no runs folder, boundaries) or OutputError.
    """
    if not runs.is_dir():
        raise InputError(f"{runs} is no folder of runs", remedy="build one: synthestat run XK")
    if out.resolve().is_relative_to(runs.resolve()) or runs.resolve().is_relative_to(out.resolve()):
        raise InputError(
            f"the site {out} and the runs {runs} would lie in one another",
            remedy="give --out a folder beside the runs",
        )
    countries = read_history(runs)
    with staged_site(out) as folder:
        site = Site(folder, environment(), tuple(boundaries), public)
        write_assets(site)
        if board is not None:
            write_tasks(site, board, {e.name for c in countries for e in c.entries})
        done, every = 0, sum(len(country.entries) for country in countries)
        shown = []
        for country in countries:

            def tell(entry: Entry, before: int = done) -> None:
                if progress is not None:
                    progress(f"drawing {entry.name}", before, every)

            shown.append(_write_country(site, country, tell))
            done += len(country.entries)
        write_index(site, [country_line(country) for country in shown])
        site.write("methods.html", "methods.html.j2", method_facts())
        site.write("calibration.html", "calibration.html.j2", {"calibration": read_calibration()})
        mark = {"what": "a site of Synthestat", "countries": [country.code for country in shown]}
        site.put(MARK, json.dumps(mark, indent=1) + "\n")
    return out / INDEX


def write_assets(site: Site) -> None:
    """Write the style, our script, and the library that explores pictures, once for all pages."""
    target = site.folder / "assets"
    target.mkdir()
    for asset in ("style.css", "site.js"):
        shutil.copyfile(ASSETS / asset, target / asset)
    site.put("assets/vega.js", picture_library())


@cache
def picture_library() -> str:
    """Return the script that makes pictures live: Vega, from the package that drew them."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def write_index(site: Site, lines: list[CountryLine]) -> None:
    """Write the page of all countries."""
    people = sum(line.runs[0].people or 0 for line in lines if line.runs)
    addresses = [country_page(line.code) for line in lines]
    context = {"countries": lines, "addresses": addresses, "people": people}
    site.write(INDEX, "index.html.j2", context)


DAMAGE = (
    *(SynthestatError, KeyError, IndexError, TypeError, ValueError, AttributeError),
    *(jinja2.UndefinedError, pl.exceptions.PolarsError),
)
"""What a run of another version, or a damaged one, may raise while its pages are made."""


def _write_country(site: Site, country: Country, tell: Callable[[Entry], None]) -> Country:
    """Write all pages of a country; return it without the runs that turned out unreadable."""
    contexts: dict[str, dict[str, Any]] = {}
    runs: dict[str, Run] = {}
    for edition in country.editions:
        newest = True
        for entry in edition.entries:
            tell(entry)
            try:
                runs[entry.name] = run = read_run(entry.bundle)
                shapes = shapes_of(run, site.boundaries)
                context = write_run(site, country, entry, run, shapes, newest=newest)
                if newest:
                    write_zones(site, country, entry, run, context)
            except DAMAGE as error:
                _remove(site, entry)
                runs.pop(entry.name, None)
                country = without(country, entry, _left(entry, error))
                continue
            contexts[entry.name] = context
            newest = False
    if country.editions:
        first = country.editions[0].newest
        address = country_page(country.code).removesuffix(".html") + "_run.html"
        write_page(site, address, first, contexts[first.name])
    write_country(site, country, contexts, runs)
    return country


def _remove(site: Site, entry: Entry) -> None:
    """Remove what was written of a run whose pages could not be finished."""
    (site.folder / run_page(entry.name)).unlink(missing_ok=True)
    for folder in (run_files(entry.name), zone_page(entry.name, "").rpartition("/")[0]):
        shutil.rmtree(site.folder / folder, ignore_errors=True)


def _left(entry: Entry, error: Exception) -> Left:
    if isinstance(error, SynthestatError):
        return Left(entry.name, error.message, error.faults)
    return Left(entry.name, f"its files are not what a run holds: {error!r}")
