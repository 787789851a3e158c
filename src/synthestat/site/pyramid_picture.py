"""The pyramid of one zone: synthetic bars, the official count as marks, intervals as shades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from synthestat.site.svg_parts import line, picture, rect, text

WIDTH = 380.0
MIDDLE = 46.0  # pixels for the ages between the sexes
ROW = 13.0
SEXES = ("male", "female")


@dataclass(frozen=True)
class Band:
    """A modelled count of one sex over ages `low` to `high` (None: open).

    `least` and `most` are the ends of its interval over the count.
    """

    sex: str
    low: int
    high: int | None
    least: float
    most: float


def pyramid_picture(
    groups: Sequence[int],
    people: Mapping[tuple[int, str], int],
    official: Mapping[tuple[int, str], int],
    bands: Sequence[Band],
    alternative: str,
) -> Markup:
    """Draw men to the left and women to the right, oldest on top.

    `groups` are the first ages of groups of five years, the last open; `people` and `official`
    count by group and sex. A band's interval, relative to its count, stands at each of its groups.
    """
    shades = [shade for band in bands for shade in _shades(band, groups, people)]
    counts = [*people.values(), *official.values(), *(most for *_, most in shades)]
    reach = max(counts, default=1) or 1
    side = (WIDTH - MIDDLE) / 2
    height = ROW * len(groups) + 34

    def x(sex: str, count: float) -> float:
        away = MIDDLE / 2 + count / reach * side
        return WIDTH / 2 + (away if sex == "female" else -away)

    def top(group: int) -> float:
        return 18 + ROW * (len(groups) - 1 - groups.index(group))

    parts = [
        text(WIDTH / 2 - MIDDLE / 2, 11, "Men and boys", "label", "end"),
        text(WIDTH / 2 + MIDDLE / 2, 11, "Women and girls", "label"),
    ]
    for group in groups:
        y = top(group)
        parts.append(text(WIDTH / 2, y + 10, _ages(group, groups), "age", "middle"))
        for sex in SEXES:
            left, right = sorted((x(sex, 0), x(sex, people.get((group, sex), 0))))
            kind = "amount" if sex == "male" else "amount second"
            parts.append(rect(left, y + 1, right - left, ROW - 2, kind))
    for sex, group, least, most in shades:
        y = top(group)
        left, right = sorted((x(sex, least), x(sex, most)))
        parts.append(rect(left, y, right - left, ROW, "interval"))
    for (group, sex), count in official.items():
        if group in groups:
            at, y = x(sex, count), top(group)
            parts.append(line(at, y, at, y + ROW, "mark"))
    foot = height - 4
    parts += [
        text(0, foot, f"{reach:,.0f}", "age"),
        text(WIDTH, foot, f"{reach:,.0f}", "age", "end"),
        text(WIDTH / 2, foot, "residents", "age", "middle"),
    ]
    return picture(WIDTH, height, alternative, parts)


def _ages(group: int, groups: Sequence[int]) -> str:
    return f"{group}+" if group == groups[-1] else f"{group}–{group + 4}"


def _shades(
    band: Band, groups: Sequence[int], people: Mapping[tuple[int, str], int]
) -> list[tuple[str, int, float, float]]:
    """Sex, group, least and most of each group of a band; none where it cuts one."""
    ends = {g: (g + 4 if g != groups[-1] else None) for g in groups}
    inside = [g for g in groups if g >= band.low and (band.high is None or g <= band.high)]
    if not inside or inside[0] != band.low or ends[inside[-1]] != band.high:
        return []
    counts = {g: people.get((g, band.sex), 0) for g in inside}
    return [(band.sex, g, n * band.least, n * band.most) for g, n in counts.items()]
