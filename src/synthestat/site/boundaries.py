"""Zone boundaries from a GeoJSON file (RFC 7946): read, matched to zones, projected, simplified."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthestat.errors import InputError
from synthestat.packs.geography import Zone

Ring = npt.NDArray[np.float64]  # (points, 2): longitude and latitude, or x and y
Polygon = list[Ring]  # the outer ring first, then its holes

_AREA_WORDS = (" of ", " de ", " d'")  # what may stand between "Municipality" and a name


def read_boundaries(path: Path, zones: Iterable[Zone]) -> dict[str, list[Polygon]]:
    """Return the polygons of each zone that the file draws, by zone code, in degrees.

    A feature belongs to a zone where any of its property values equals the zone's code or one of
    its spellings, without regard to case; where none does, accents and a leading phrase such as
    "Municipality of" are left out of the comparison. InputError where the file is not GeoJSON.
    """
    features = _features(path)
    zones = tuple(zones)
    exact = _names(zones, _folded)
    loose = _names(zones, _bare)
    found: dict[str, list[Polygon]] = {}
    for feature in features:
        values = [str(value) for value in (feature.get("properties") or {}).values() if value]
        code = _owner((_folded(value) for value in values), exact) or _owner(
            (_bare(part) for value in values for part in _name_parts(value)), loose
        )
        if code is not None:
            found.setdefault(code, []).extend(_polygons(feature.get("geometry") or {}, path))
    return {code: polygons for code, polygons in found.items() if polygons}


def simplified(ring: Ring, tolerance: float) -> Ring:
    """Return `ring` with points left out that lie within `tolerance` of the line without them.

    Douglas and Peucker (1973). The ring is closed; what shrinks to fewer than four points is
    returned empty.
    """
    if len(ring) < 4:
        return ring[:0]
    middle = int(np.argmax(np.hypot(*(ring - ring[0]).T)))
    keep = np.zeros(len(ring), dtype=bool)
    keep[[0, middle, len(ring) - 1]] = True
    spans = [(0, middle), (middle, len(ring) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distance = _distances(ring[first + 1 : last], ring[first], ring[last])
        farthest = int(np.argmax(distance))
        if distance[farthest] > tolerance:
            split = first + 1 + farthest
            keep[split] = True
            spans += [(first, split), (split, last)]
    kept: Ring = ring[keep]
    return kept if len(kept) >= 4 else ring[:0]


def wound(polygon: Polygon) -> Polygon:
    """Return the polygon with its outer ring one way round and its holes the other."""
    return [
        ring if (_signed_area(ring) > 0) == (place == 0) else ring[::-1]
        for place, ring in enumerate(polygon)
    ]


def _features(path: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name} cannot be read as GeoJSON: {error}",
            remedy="give a GeoJSON FeatureCollection in longitude and latitude",
        ) from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise InputError(
            f"{path.name} holds no list of features, so it is not GeoJSON",
            remedy="give a GeoJSON FeatureCollection in longitude and latitude",
        )
    return features


def _polygons(geometry: Mapping[str, Any], path: Path) -> list[Polygon]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates") or []
    if kind not in {"Polygon", "MultiPolygon"}:
        return []
    try:
        parts = [coordinates] if kind == "Polygon" else coordinates
        polygons = [[_ring(ring) for ring in part] for part in parts]
    except (TypeError, ValueError, IndexError):
        raise InputError(f"{path.name}: a {kind} has coordinates that are no rings") from None
    if any(np.abs(ring).max(initial=0) > 360 for polygon in polygons for ring in polygon):
        raise InputError(
            f"{path.name}: coordinates are not in degrees",
            remedy="write the boundaries in longitude and latitude (WGS 84), as GeoJSON demands",
        )
    return polygons


def _ring(points: list[list[float]]) -> Ring:
    ring = np.array([(float(point[0]), float(point[1])) for point in points], dtype=np.float64)
    if ring.ndim != 2 or not np.isfinite(ring).all():
        raise ValueError("not a ring")
    return ring


def _names(zones: Iterable[Zone], fold: Any) -> dict[str, str | None]:
    """Folded code or spelling -> zone code, or None where two zones share it."""
    names: dict[str, str | None] = {}
    for zone in zones:
        for word in {fold(word) for word in (zone.code, *zone.spellings)} - {""}:
            names[word] = zone.code if word not in names else None
    return names


def _owner(words: Iterable[str], names: Mapping[str, str | None]) -> str | None:
    return next((code for word in words if (code := names.get(word)) is not None), None)


def _name_parts(value: str) -> list[str]:
    tails = [value.casefold().partition(word)[2] for word in _AREA_WORDS]
    return [value, *filter(None, tails)]


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _bare(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).split())


def _distances(points: Ring, start: Ring, end: Ring) -> npt.NDArray[np.float64]:
    """Distance of each point from the straight line between `start` and `end`."""
    line = end - start
    length = math.hypot(*line)
    away = points - start
    apart = np.abs(line[0] * away[:, 1] - line[1] * away[:, 0])
    distances: npt.NDArray[np.float64] = np.hypot(*away.T) if length == 0 else apart / length
    return distances


def _signed_area(ring: Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2
