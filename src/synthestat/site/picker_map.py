"""The map with a choice of variables: every zone a link, coloured by classes of the style sheet.

The classes of all variables stand in the picture, so choosing one only changes an attribute; zones
are filled where boundaries were given and are bubbles that grow with residents elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from synthestat.site.boundaries import Polygon
from synthestat.site.svg_parts import picture, short, text
from synthestat.site.wording import figure
from synthestat.site.zone_map import LABEL_SIZE, LARGEST_BUBBLE, ZoneFigures, lay_out

CLASSES = 5
ROOT = "{root}"  # no page's address has braces


@dataclass(frozen=True)
class Variable:
    """What a map may show: a value by zone code, as a number or as one of a few letters."""

    id: str
    label: str
    values: Mapping[str, float | str]
    as_share: bool = False


@dataclass(frozen=True)
class PickerMap:
    """The drawn map, its variables with the legend of each (class, words), and its rows."""

    drawn: Markup
    variables: tuple[tuple[Variable, tuple[tuple[str, str], ...]], ...]
    not_drawn: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def seen_from(self, root: str) -> Markup:
        """Return the picture for a page from which `root` leads to the site's root."""
        return Markup(str(self.drawn).replace(f'href="{ROOT}', f'href="{root}'))


def picker_map(
    zones: Sequence[ZoneFigures],
    variables: Sequence[Variable],
    boundaries: Mapping[str, list[Polygon]],
    address: Callable[[str], str | None],
    country: str,
) -> PickerMap | None:
    """Draw the map; None where no zone has a place.

    `address` gives the page of a zone, from the site's root; a zone without one is no link. The
    template writes the way to the root in place of ROOT.
    """
    layout = lay_out(zones, boundaries)
    shown = [variable for variable in variables if variable.values]
    if not layout.points or not shown:
        return None
    classed = [(variable, *_classes(variable)) for variable in shown]
    largest = max((f.residents for f in zones), default=0) or 1
    parts = []
    for zone in sorted(zones, key=lambda f: -f.residents):
        code = zone.zone.code
        if code not in layout.points:
            continue
        marks = " ".join(
            f'data-{variable.id}="{places[code]}"'
            for variable, places, _ in classed
            if code in places
        )
        said = [f"{zone.zone.name}: {figure(zone.residents)} residents"] + [
            f"{variable.label.lower()} {_said(variable, variable.values[code])}"
            for variable in shown
            if code in variable.values and variable.id != "residents"
        ]
        title = escape("; ".join(said))
        shape = _shape(layout.shapes.get(code), layout.points[code], zone.residents / largest)
        group = f'<g class="zone" {marks}><title>{title}</title>{shape}</g>'
        page = address(code)
        link = f'<a href="{ROOT}{escape(page)}" aria-label="{title}">{group}</a>'
        parts.append(group if page is None else link)
    for label in layout.labels["mean_size"]:
        y = float(label["y"]) + LABEL_SIZE - 1
        parts.append(text(label["x"], y, label["name"], "name", "middle"))
    drawn = picture(layout.width, layout.height, f"Map of the zones of {country}", parts)
    named = Markup(str(drawn).replace('role="img"', f'role="group" data-shown="{shown[0].id}"', 1))
    legends = tuple((variable, legend) for variable, _, legend in classed)
    return PickerMap(named, legends, layout.not_drawn, _rows(zones, shown))


def _shape(geometry: Mapping[str, Any] | None, spot: tuple[float, float], share: float) -> str:
    if geometry is None:
        radius = max(2.5, LARGEST_BUBBLE * math.sqrt(share))
        return f'<circle cx="{short(spot[0])}" cy="{short(spot[1])}" r="{short(radius)}"/>'
    rings = [ring for polygon in geometry["coordinates"] for ring in polygon]
    path = "".join("M" + "L".join(f"{x:g},{y:g}" for x, y in ring[:-1]) + "Z" for ring in rings)
    return f'<path fill-rule="evenodd" d="{path}"/>'


def _classes(variable: Variable) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Class of each zone, and the legend: quintiles of numbers, or the letters themselves."""
    values = variable.values
    if any(isinstance(value, str) for value in values.values()):
        letters = sorted({str(value) for value in values.values()})
        place = {letter: f"r{min(3, 'ABCD'.find(letter))}" for letter in letters}
        legend = tuple((place[letter], letter) for letter in letters)
        return {code: place[str(value)] for code, value in values.items()}, legend
    ordered = sorted(float(value) for value in values.values())
    cuts = sorted({ordered[len(ordered) * step // CLASSES] for step in range(1, CLASSES)})
    cuts = [cut for cut in cuts if cut > ordered[0]]

    def place_of(value: float) -> int:
        return sum(value >= cut for cut in cuts)

    spread = max(1, len(cuts))
    named = []
    for number in range(len(cuts) + 1):
        inside = [value for value in ordered if place_of(value) == number]
        low, high = _said(variable, inside[0]), _said(variable, inside[-1])
        words = low if low == high else f"{low} – {high}"
        named.append((f"q{round(number * (CLASSES - 1) / spread)}", words))
    return {code: named[place_of(float(v))][0] for code, v in values.items()}, tuple(named)


def _said(variable: Variable, value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1%}" if variable.as_share else figure(value)


def _rows(
    zones: Sequence[ZoneFigures], variables: Sequence[Variable]
) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "zone": f.zone.code,
            "name": f.zone.name,
            **{variable.id: variable.values.get(f.zone.code) for variable in variables},
        }
        for f in zones
    )
