"""Seconds and weight of a site of Kosovo and Luxembourg, and how long a large index takes to open.

    python benchmarks/site_build.py [--json PATH] [--runs FOLDER] [--countries 30]

Builds the two countries where `--runs` names no folder of runs. The index of many countries is
written from the lines of those two under other names; opening it is timed in headless Chromium, if
there is one: from navigation to the end of the load event, the median of five, each in a new page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

AIMS = {"seconds": 20.0, "megabytes": 40.0, "index_seconds": 1.0}
OPENINGS = 5


def build_runs(runs: Path) -> None:
    """Build Kosovo and Luxembourg below a folder, and review them."""
    from synthestat import api

    for country in ("XK", "LU"):
        api.review(api.build(country, out=runs))


def timed_site(runs: Path, out: Path) -> dict[str, float]:
    """Write the site, and count its pages and bytes."""
    from synthestat.site.static_site import write_site

    started = time.perf_counter()
    write_site(runs, out)
    seconds = time.perf_counter() - started
    files = [path for path in out.rglob("*") if path.is_file()]
    return {
        "seconds": seconds,
        "megabytes": sum(path.stat().st_size for path in files) / 1e6,
        "files": len(files),
        "pages": sum(path.suffix == ".html" for path in files),
    }


def many_countries(runs: Path, out: Path, number: int) -> Path:
    """Write an index of so many countries, from the lines of those that have a run."""
    from synthestat.site.country_facts import country_line
    from synthestat.site.environment import environment
    from synthestat.site.history import read_history
    from synthestat.site.static_site import write_assets, write_index
    from synthestat.site.writing import Site

    known = [line for line in map(country_line, read_history(runs)) if line.runs]
    lines = [
        replace(known[at % len(known)], code=f"{at:02d}", name=f"Country {at:02d}")
        for at in range(number)
    ]
    out.mkdir(parents=True)
    site = Site(out, environment())
    write_assets(site)
    write_index(site, lines)
    return out / "index.html"


def opening(page: Path) -> float | None:
    """Seconds until a page is loaded, the median; None without playwright and Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if found is None:
        return None
    script = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    times = []
    with sync_playwright() as started:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = started.chromium.launch(executable_path=found, args=flags)
        for _ in range(OPENINGS):
            tab = browser.new_page()
            tab.goto(page.as_uri(), wait_until="load")
            tab.wait_for_function(f"{script} > 0")
            times.append(tab.evaluate(script) / 1000)
            tab.close()
        browser.close()
    return statistics.median(times)


def main() -> None:
    """Measure, print, and write the figures where `--json` says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, help="a folder of runs; default: built anew")
    parser.add_argument("--countries", type=int, default=30)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        runs = arguments.runs or home / "runs"
        if arguments.runs is None:
            build_runs(runs)
        figures: dict[str, float | None] = {**timed_site(runs, home / "site")}
        index = many_countries(runs, home / "many", arguments.countries)
        figures["index_seconds"] = opening(index)
    ratios = {name: figures[name] / aim for name, aim in AIMS.items() if figures[name] is not None}
    for name, value in figures.items():
        aim = f"  (aim {AIMS[name]:g})" if name in AIMS else ""
        print(f"{name:<14} {'not measured' if value is None else f'{value:,.3f}'}{aim}")
    if arguments.json is not None:
        document = {"name": "site_build", "figures": figures, "ratios": ratios, "aims": AIMS}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
