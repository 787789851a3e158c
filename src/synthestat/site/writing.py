"""Where the pages of a site stand, and how one is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from synthestat.cycle.values import Cycle
from synthestat.site.boundaries import Polygon, read_boundaries
from synthestat.site.run_facts import Run
from synthestat.site.site_files import slug


@dataclass
class Site:
    """A site while it is written: its folder, templates and options.

    `public` leaves out what a run's release mode keeps inside; `tasks` are lines of a country's
    page by country code (address, title, state, role) and `cycles` the newest of each country, both
    empty where nobody keeps a board.
    """

    folder: Path
    templates: jinja2.Environment
    boundaries: tuple[Path, ...] = ()
    public: bool = False
    tasks: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    cycles: dict[str, Cycle] = field(default_factory=dict)

    def write(self, address: str, template: str, context: dict[str, Any]) -> None:
        """Render one page to its address from the site's folder."""
        root = "../" * address.count("/")
        page = self.templates.get_template(template).render(context, root=root, current=address)
        self.put(address, page)

    def put(self, address: str, text: str) -> None:
        """Write one text file to its address."""
        path = self.folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def country_page(code: str) -> str:
    """Address of a country's page."""
    return f"country_{slug(code)}.html"


def run_page(name: str) -> str:
    """Address of a run's page."""
    return f"runs/{slug(name)}.html"


def run_files(name: str) -> str:
    """Address of the folder of a run's data."""
    return f"runs/{slug(name)}/"


def zone_page(name: str, zone: str) -> str:
    """Address of a zone's page in a run."""
    return f"zones/{slug(name)}/{slug(zone)}.html"


def comparison_page(older: str, newer: str) -> str:
    """Address of the comparison of two runs."""
    return f"compare/{slug(older)}--{slug(newer)}.html"


def shapes_of(run: Run, files: tuple[Path, ...]) -> dict[str, list[Polygon]]:
    """Return the zones' polygons from the first of the files that draws any of them."""
    zones = [run.zones[code] for code in run.manifest["geography"]["zones"] if code in run.zones]
    for path in files:
        if shapes := read_boundaries(path, zones):
            return shapes
    return {}
