"""From a chart to inline SVG: drawn once for light and once for dark, and kept harmless.

The SVG is parsed and written again from a short list of elements and attributes, so that no
script, link or outside address can ride along, whatever names a bundle carries.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup, escape

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = {
    *("svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "clipPath"),
    *("linearGradient", "stop"),
}
_ATTRIBUTES = {
    *("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "viewBox"),
    *("dx", "dy", "transform", "fill", "fill-opacity", "stroke", "stroke-width", "opacity"),
    *("stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
    *("stroke-miterlimit", "text-anchor", "font-size", "font-weight", "font-style", "display"),
    *("id", "clip-path", "offset", "stop-color"),
}
_LONG_FRACTION = re.compile(r"(\.\d{2})\d+")
_GEOMETRY = {"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height"}
_OWN_ADDRESS = re.compile(r"url\(#([\w-]+)\)")


@dataclass(frozen=True)
class Theme:
    """Colours of one appearance of the charts; `ramp` runs from little to much.

    `arrangements` are ten, in the order in which living arrangements are stacked.
    """

    name: str
    ink: str
    muted: str
    grid: str
    page: str
    land: str
    accent: str
    second: str
    ramp: tuple[str, ...]
    ranks: tuple[str, ...]
    kinds: tuple[str, ...]
    arrangements: tuple[str, ...]


LIGHT = Theme(
    name="light",
    ink="#1c2530",
    muted="#566170",
    grid="#e4e8ec",
    page="#ffffff",
    land="#eef1f3",
    accent="#0b6b74",
    second="#c2813a",
    ramp=("#e3f1f0", "#a9d3d3", "#5fa9ae", "#0b6b74", "#06383f"),
    ranks=("#0b6b74", "#69b1b4", "#e2b26a", "#b4532a"),
    kinds=("#8d99a6", "#9fd0cf", "#3f979c", "#e0b070", "#a8672c", "#3d5a80", "#8d6f95", "#c9c2b2"),
    arrangements=(
        *("#9fd0cf", "#d3e8e4", "#4a9ea3", "#0b6b74", "#c2813a"),
        *("#8d6f95", "#3d5a80", "#e5c08c", "#b9b3a6", "#7d8894"),
    ),
)
DARK = Theme(
    name="dark",
    ink="#e4e9ee",
    muted="#9fabb8",
    grid="#2c3641",
    page="#171e26",
    land="#232d37",
    accent="#4fb6bd",
    second="#d9a05b",
    ramp=("#1d3338", "#23545a", "#33868d", "#62bfc5", "#c9eeee"),
    ranks=("#4fb6bd", "#2b7278", "#c8954a", "#e07a4d"),
    kinds=("#7b8794", "#2f6d72", "#4fb6bd", "#d9a05b", "#94632f", "#87a6c6", "#9189ad", "#57534a"),
    arrangements=(
        *("#2f6d72", "#1f474c", "#9ad4d8", "#4fb6bd", "#d9a05b"),
        *("#a394c4", "#6f93bb", "#86602f", "#5d5950", "#8b96a2"),
    ),
)
THEMES = (LIGHT, DARK)

Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True)
class Figure:
    """A drawn chart: inline SVG for both appearances, with its title and caption.

    `specifications` are the Vega-Lite charts by theme, `rows` the data that the picture shows.
    """

    key: str
    title: str
    caption: str
    pictures: tuple[tuple[str, Markup], ...]
    specifications: Mapping[str, dict[str, Any]]
    rows: tuple[Mapping[str, Any], ...]


def plotted(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Return a chart of rows that stand in the specification itself."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def draw(
    key: str,
    title: str,
    alternative: str,
    caption: str,
    chart: Callable[[Theme], Chart],
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> Figure:
    """Draw one chart in every theme; `key` keeps its ids apart from other charts'.

    `rows` is the data behind it, by default what stands in the chart itself.
    """
    charts = {  # one chart in other colours, so one of them is held against the schema
        theme.name: (theme, chart(theme).to_dict(validate=theme is LIGHT)) for theme in THEMES
    }
    pictures = tuple(
        (name, inline_svg(_svg(drawn, theme), f"{key}-{name}-", alternative))
        for name, (theme, drawn) in charts.items()
    )
    specifications = {
        name: {**drawn, "config": _config(theme)} for name, (theme, drawn) in charts.items()
    }
    behind = shown_rows(charts[LIGHT.name][1]) if rows is None else tuple(rows)
    return Figure(key, title, caption, pictures, specifications, behind)


def shown_rows(specification: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the rows that stand in a Vega-Lite chart, layer by layer, each once."""
    datasets = specification.get("datasets", {})
    found: list[Mapping[str, Any]] = []

    def collect(unit: Mapping[str, Any]) -> None:
        data = unit.get("data", {})
        for row in data.get("values", datasets.get(data.get("name"), ())):
            plain = {key: value for key, value in row.items() if not isinstance(value, dict)}
            if plain not in found:
                found.append(plain)
        for layer in unit.get("layer", ()):
            collect(layer)

    collect(specification)
    return tuple(found)


def inline_svg(svg: str, prefix: str, alternative: str) -> Markup:
    """Return `svg` cut down to harmless elements and attributes, labelled, with its own ids."""
    root = ET.fromstring(svg)
    _keep_harmless(root, prefix)
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    inner = "".join(ET.tostring(child, encoding="unicode") for child in root)
    inner = inner.replace(' xmlns:ns0="http://www.w3.org/2000/svg"', "").replace("ns0:", "")
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(alternative)}">{inner}</svg>'
    )


def _svg(specification: dict[str, Any], theme: Theme) -> str:
    return str(
        vl_convert.vegalite_to_svg(
            specification,
            vl_version=".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2]),
            config=_config(theme),
            allowed_base_urls=[],
        )
    )


def _config(theme: Theme) -> dict[str, Any]:
    axis = {
        "labelColor": theme.muted,
        "titleColor": theme.muted,
        "gridColor": theme.grid,
        "domainColor": theme.muted,
        "tickColor": theme.muted,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "domain": False,
        "ticks": False,
        "labelPadding": 5,
        "titlePadding": 9,
    }
    legend = {
        "labelColor": theme.ink,
        "titleColor": theme.muted,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "columnPadding": 34,  # fonts of readers' systems may be wider than the one measured here
        "symbolOpacity": 1,
    }
    return {
        "background": None,
        "aria": False,
        "font": "sans-serif",
        "view": {"stroke": None},
        "axis": axis,
        "legend": legend,
        "text": {"color": theme.ink, "fontSize": 11},
    }


def _keep_harmless(element: ET.Element, prefix: str) -> None:
    for child in list(element):
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag.removeprefix(_SVG) not in _ELEMENTS or child.get("display") == "none":
            element.remove(child)
        else:
            _keep_harmless(child, prefix)
    for name, value in list(element.attrib.items()):
        if name not in _ATTRIBUTES:
            del element.attrib[name]
        elif name == "id":
            element.set(name, prefix + value)
        elif "url(" in value:
            own = _OWN_ADDRESS.fullmatch(value)
            if own:
                element.set(name, f"url(#{prefix}{own[1]})")
            else:
                del element.attrib[name]
        elif name in _GEOMETRY:
            element.set(name, _LONG_FRACTION.sub(r"\1", value))
