"""The templates' environment: what renders every page, in a static site or behind a server.

A page extends `base.html.j2`. Whoever renders it gives `root`, the relative address of the folder
in which `assets/` stands ("" or "../" in a site, "/" behind a server), or None for a page that is
one file: its style then stands in it and no script does. All text is escaped; visible words go
through gettext, so a catalogue of another language may be given.
"""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from synthestat.site import wording
from synthestat.site.charts import spoken
from synthestat.site.markdown import read_spans

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = Path(__file__).parent / "assets"
NAVIGATION = (
    ("index.html", "Countries"),
    ("methods.html", "Methods"),
    ("calibration.html", "The reviewer, measured"),
)
"""Pages that every page's header leads to: address from the root, and title."""


def environment(
    translations: gettext.NullTranslations | None = None, language: str = "en"
) -> jinja2.Environment:
    """Return an environment with the pages' templates, filters and words in one language."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue: Any = made
    catalogue.install_gettext_translations(translations or gettext.NullTranslations())
    made.filters |= {
        "figure": wording.figure,
        "percent": wording.percent,
        "measured": wording.measured,
        "margin": wording.margin,
        "moment": wording.moment,
        "day": wording.day,
        "spans": read_spans,
        "breakable": wording.breakable,
        "size": wording.file_size,
        "link": wording.safe_link,
        "spoken": spoken,
        "quote": quote,
        "zip": zip,
    }
    made.globals |= {
        "language": language,
        "navigation": NAVIGATION,
        "further_navigation": (),
        "home": "index.html",
        "style": style,
        "current": "",
        "root": None,
        "data": None,
    }
    return made


@cache
def style() -> Markup:
    """Return the text of the one style sheet, for a page that stands alone."""
    return Markup((ASSETS / "style.css").read_text(encoding="utf-8"))
