"""Small pictures written as SVG directly: one text for light, dark and print.

Colours are classes of the style sheet, so a picture follows the page; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

LETTER = 7.1  # pixels a letter of a label takes; generous for any system's font


def picture(width: float, height: float, alternative: str, parts: Iterable[str]) -> Markup:
    """Return an SVG of so many pixels with its text alternative."""
    inner = "".join(parts)
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawn" width="{width:g}" '
        f'height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="{escape(alternative)}">{inner}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle of class `kind`."""
    return (
        f'<rect class="{kind}" x="{short(x)}" y="{short(y)}" width="{short(max(width, 0))}" '
        f'height="{short(height)}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line of class `kind`."""
    ends = f'x1="{short(x1)}" y1="{short(y1)}" x2="{short(x2)}" y2="{short(y2)}"'
    return f'<line class="{kind}" {ends}/>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return a text at its baseline."""
    return (
        f'<text class="{kind}" x="{short(x)}" y="{short(y)}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def short(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def bars(rows: Sequence[Mapping[str, Any]], alternative: str, width: float = 360) -> Markup:
    """Bars across of label, value and, where given, low and high (a whisker) and official (a mark).

    The value stands at the right end; labels are cut to the room that they have.
    """
    longest = max((len(str(row["label"])) for row in rows), default=0)
    left = max(34.0, min(longest, 24) * LETTER + 8)
    numbers = max((len(f"{row['value']:,.0f}") for row in rows), default=1) * LETTER + 8
    room = width - left - numbers
    reach = max((_most(row) for row in rows), default=1) or 1
    parts = []
    for place, row in enumerate(rows):
        y = place * 19.0
        label = str(row["label"])
        label = label if len(label) <= 24 else f"{label[:23]}…"
        parts.append(text(left - 6, y + 13, label, "label", "end"))
        parts.append(rect(left, y + 3, row["value"] / reach * room, 13, "amount"))
        if row.get("low") is not None:
            x1, x2 = (left + row[end] / reach * room for end in ("low", "high"))
            parts.append(line(x1, y + 9.5, x2, y + 9.5, "whisker"))
            parts += [line(x, y + 6.5, x, y + 12.5, "whisker") for x in (x1, x2)]
        if row.get("official") is not None:
            x = left + row["official"] / reach * room
            parts.append(line(x, y + 1, x, y + 18, "mark"))
        parts.append(text(width, y + 13, f"{row['value']:,.0f}", "label", "end"))
    return picture(width, 19.0 * len(rows) + 2, alternative, parts)


def trend(values: Sequence[float | None], alternative: str, width: float = 120) -> Markup:
    """A line through values from the oldest to the newest, the last one as a dot."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(v for _, v in known), max(v for _, v in known)
    span = (high - low) or 1
    step = (width - 12) / max(1, len(values) - 1)
    spots = [(6 + p * step, 26 - (v - low) / span * 20 if high > low else 16.0) for p, v in known]
    path = " ".join(f"{short(x)},{short(y)}" for x, y in spots)
    x, y = spots[-1]
    dot = f'<circle class="dot" cx="{short(x)}" cy="{short(y)}" r="3.2"/>'
    return picture(width, 32, alternative, [f'<polyline class="trend" points="{path}"/>', dot])


def _most(row: Mapping[str, Any]) -> float:
    return max(float(row.get(key) or 0) for key in ("value", "high", "official"))
