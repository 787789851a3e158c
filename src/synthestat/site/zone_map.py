"""The map of zones: polygons where boundaries are given, bubbles at the pack's coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np

from synthestat.packs.geography import Zone
from synthestat.site.boundaries import Polygon, Ring, simplified, wound
from synthestat.site.drawing import Chart, Theme, plotted

WIDTH = 400.0  # pixels of the drawing; small, so that names stay legible on a phone
MARGIN = 22.0  # room for bubbles at the edge
TALLEST = 540.0
TOLERANCE = 0.45  # pixels by which a simplified boundary may differ from the given one
LARGEST_BUBBLE = 20.0  # radius in pixels
LABELS = 16  # most names on the map; all zones are in the table
LABEL_SIZE = 10
LETTER_WIDTH = 5.9  # pixels, a generous mean at this size
LONGEST_LABEL = 22

Colour = Literal["mean_size", "tier"]


@dataclass(frozen=True)
class ZoneFigures:
    """What the map and the table of zones show of one zone."""

    zone: Zone
    residents: int
    households: int | None
    mean_size: float | None
    tier: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class MapLayout:
    """Where everything lies, in pixels from the top left; shapes are GeoJSON geometries."""

    width: float
    height: float
    shapes: Mapping[str, dict[str, Any]]
    points: Mapping[str, tuple[float, float]]
    labels: Mapping[Colour, tuple[dict[str, Any], ...]]
    not_drawn: tuple[str, ...]


def lay_out(zones: Sequence[ZoneFigures], boundaries: Mapping[str, list[Polygon]]) -> MapLayout:
    """Project all zones to pixels: equirectangular, true to scale at the middle latitude."""
    shapes = {f.zone.code: boundaries[f.zone.code] for f in zones if f.zone.code in boundaries}
    points = {
        f.zone.code: place for f in zones if (place := _place(f.zone, shapes.get(f.zone.code)))
    }
    corners = [np.array(place) for place in points.values()]
    corners += [ring for polygons in shapes.values() for polygon in polygons for ring in polygon]
    lost = tuple(f.zone.name for f in zones if f.zone.code not in points)
    if not corners:
        return MapLayout(WIDTH, 0.0, {}, {}, {}, lost)
    everything = np.vstack(corners)
    west, south = everything.min(axis=0)
    east, north = everything.max(axis=0)
    squeeze = math.cos(math.radians((south + north) / 2))
    margin = MARGIN if len(shapes) < len(points) else MARGIN / 3
    wide, tall = max((east - west) * squeeze, 1e-6), max(north - south, 1e-6)
    scale = min((WIDTH - 2 * margin) / wide, (TALLEST - 2 * margin) / tall)
    left = (WIDTH - wide * scale) / 2

    def project(ring: Ring) -> Ring:
        x = left + (ring[:, 0] - west) * squeeze * scale
        return np.column_stack([x, margin + (north - ring[:, 1]) * scale])

    drawn = {code: _geometry([[project(r) for r in p] for p in s]) for code, s in shapes.items()}
    spots = {code: (float(xy[0]), float(xy[1])) for code, xy in _projected(points, project)}
    height = tall * scale + 2 * margin
    labels: dict[Colour, tuple[dict[str, Any], ...]] = {
        "mean_size": _labels(zones, spots, height, without_bubble=frozenset(shapes)),
        "tier": _labels(zones, spots, height, without_bubble=frozenset()),
    }
    return MapLayout(WIDTH, height, drawn, spots, labels, lost)


def map_chart(
    layout: MapLayout, zones: Sequence[ZoneFigures], colour: Colour, tiers: Sequence[str]
) -> Any:
    """Return what draws the map in a theme; `colour` says what the colour stands for.

    Zones with a polygon are filled when the colour is the mean household size; bubbles show the
    residents of zones without one, and of all zones when the colour is the tier.
    """

    def chart(theme: Theme) -> Chart:
        layers: list[alt.Chart] = []
        scale = _colours(zones, colour, tiers, theme)
        filled = [f for f in zones if f.zone.code in layout.shapes]
        if filled:
            layers.append(_polygons(layout, filled, theme))
        if colour == "mean_size" and filled:
            known = [f for f in filled if f.mean_size is not None]
            layers.append(_polygons(layout, known, theme, _shade(colour, scale)))
        bubbles = [
            f
            for f in zones
            if f.zone.code in layout.points
            and (colour == "tier" or f.zone.code not in layout.shapes)
            and getattr(f, colour) is not None
        ]
        layers.append(_bubbles(layout, zones, bubbles, colour, scale, theme))
        layers += _names(layout, colour, theme)
        return alt.layer(*layers).properties(width=layout.width, height=layout.height)

    return chart


def _colours(
    zones: Sequence[ZoneFigures], colour: Colour, tiers: Sequence[str], theme: Theme
) -> alt.Scale:
    if colour == "tier":
        ranks = [theme.ranks[min(place, len(theme.ranks) - 1)] for place in range(len(tiers))]
        return alt.Scale(domain=list(tiers), range=ranks)
    sizes = [f.mean_size for f in zones if f.mean_size is not None] or [0.0]
    low, high = min(sizes), max(sizes)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return alt.Scale(domain=[low, high], range=list(theme.ramp), type="linear")


def _shade(colour: Colour, scale: alt.Scale) -> alt.Color:
    if colour == "tier":
        legend = alt.Legend(
            title="Tier", orient="bottom", direction="horizontal", symbolType="circle"
        )
        return alt.Color("value:N", scale=scale, legend=legend)
    legend = alt.Legend(
        title="Mean household size",
        orient="bottom",
        format=".1f",
        gradientLength=220,
        gradientThickness=10,
        titleLimit=300,
    )
    return alt.Color("value:Q", scale=scale, legend=legend)


def _polygons(
    layout: MapLayout, zones: Sequence[ZoneFigures], theme: Theme, shade: alt.Color | None = None
) -> alt.Chart:
    features = [
        {"type": "Feature", "geometry": layout.shapes[f.zone.code], "value": f.mean_size}
        for f in zones
    ]
    chart: alt.Chart = plotted(features).project(
        type="identity", scale=1, translate=[0, 0], reflectY=False
    )
    drawn: alt.Chart = chart.mark_geoshape(fill=theme.land, stroke=theme.muted, strokeWidth=0.4)
    if shade is not None:
        drawn = chart.mark_geoshape(stroke=theme.page, strokeWidth=0.7).encode(color=shade)
    return drawn


def _bubbles(
    layout: MapLayout,
    zones: Sequence[ZoneFigures],
    shown: Sequence[ZoneFigures],
    colour: Colour,
    scale: alt.Scale,
    theme: Theme,
) -> alt.Chart:
    largest = max((f.residents for f in zones), default=0) or 1
    rows = [
        {
            "x": layout.points[f.zone.code][0],
            "y": layout.points[f.zone.code][1],
            "residents": f.residents,
            "value": getattr(f, colour),
        }
        for f in sorted(shown, key=lambda f: -f.residents)
    ]
    size = alt.Size(
        "residents:Q",
        scale=alt.Scale(domain=[0, largest], range=[0, math.pi * LARGEST_BUBBLE**2]),
        legend=None,
    )
    drawn: alt.Chart = (
        plotted(rows)
        .mark_circle(opacity=0.9, stroke=theme.muted, strokeWidth=0.4)
        .encode(*_position(layout), size=size, color=_shade(colour, scale))
    )
    return drawn


def _names(layout: MapLayout, colour: Colour, theme: Theme) -> list[alt.Chart]:
    chart = plotted(list(layout.labels[colour])).encode(*_position(layout), text=alt.Text("name:N"))
    halo = chart.mark_text(
        align="center",
        baseline="top",
        fontSize=LABEL_SIZE,
        stroke=theme.page,
        strokeWidth=2.6,
        strokeJoin="round",
        opacity=0.85,
    )
    ink = chart.mark_text(align="center", baseline="top", fontSize=LABEL_SIZE, color=theme.ink)
    return [halo, ink]


def _position(layout: MapLayout) -> tuple[alt.X, alt.Y]:
    x = alt.Scale(domain=[0, layout.width], nice=False, zero=False)
    y = alt.Scale(domain=[layout.height, 0], nice=False, zero=False)
    return alt.X("x:Q", scale=x, axis=None), alt.Y("y:Q", scale=y, axis=None)


def _place(zone: Zone, polygons: list[Polygon] | None) -> tuple[float, float] | None:
    if zone.longitude is not None and zone.latitude is not None:
        return (zone.longitude, zone.latitude)
    if polygons:
        largest = max((polygon[0] for polygon in polygons), key=lambda ring: float(np.ptp(ring)))
        return (float(largest[:, 0].mean()), float(largest[:, 1].mean()))
    return None


def _projected(points: Mapping[str, tuple[float, float]], project: Any) -> Iterable[Any]:
    return zip(points, project(np.array(list(points.values()))), strict=True)


def _geometry(polygons: list[Polygon]) -> dict[str, Any]:
    """Simplify polygons in pixels; keep at least the outer ring of each zone's largest part."""
    parts = []
    for polygon in polygons:
        rings = [simplified(ring, TOLERANCE) for ring in polygon]
        if len(rings[0]):
            parts.append([ring for ring in rings if len(ring)])
    if not parts:
        parts = [[max((polygon[0] for polygon in polygons), key=len)]]
    coordinates = [[np.round(ring, 1).tolist() for ring in wound(part)] for part in parts]
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _labels(
    zones: Sequence[ZoneFigures],
    spots: Mapping[str, tuple[float, float]],
    height: float,
    without_bubble: frozenset[str],
) -> tuple[dict[str, Any], ...]:
    """Place names of the largest zones where they cover no other name and no large bubble.

    A name stands in the middle of a zone without a bubble, and beside the bubble of any other.
    """
    ranked = sorted((f for f in zones if f.zone.code in spots), key=lambda f: -f.residents)
    largest = max((f.residents for f in ranked), default=0) or 1
    radii = {
        f.zone.code: LARGEST_BUBBLE * math.sqrt(f.residents / largest)
        for f in ranked
        if f.zone.code not in without_bubble
    }
    taken = [_box(spots[code], 0.7 * radius) for code, radius in radii.items()]
    labels: list[dict[str, Any]] = []
    for figures in ranked:
        if len(labels) == LABELS:
            break
        name = figures.zone.name
        if len(name) > LONGEST_LABEL:
            name = name[: LONGEST_LABEL - 1] + "…"
        wide, tall = LETTER_WIDTH * len(name), LABEL_SIZE + 2.0
        radius = radii.get(figures.zone.code)
        for left, top in _places(spots[figures.zone.code], radius, wide, tall):
            box = (left - 2, top, left + wide + 2, top + tall)
            inside = left >= 0 and left + wide <= WIDTH and top >= 0 and top + tall <= height
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                labels.append({"x": left + wide / 2, "y": top, "name": name})
                break
    return tuple(labels)


def _places(
    spot: tuple[float, float], radius: float | None, wide: float, tall: float
) -> tuple[tuple[float, float], ...]:
    """Left and top of a name, best place first: beside, above, below, then at the corners."""
    x, y = spot
    if radius is None:
        return tuple((x - wide / 2, y - tall / 2 + step) for step in (0.0, -tall, tall))
    away = radius + 2
    beside = (0.7 * away, -0.7 * away - tall)
    return (
        (x + away, y - tall / 2),
        (x - wide / 2, y - away - tall),
        (x - wide / 2, y + away),
        (x - away - wide, y - tall / 2),
        *((x + step * wide - wide / 2, y + rise) for step in (0.5, -0.5) for rise in beside),
    )


def _box(spot: tuple[float, float], reach: float) -> tuple[float, float, float, float]:
    return (spot[0] - reach, spot[1] - reach, spot[0] + reach, spot[1] + reach)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
