"""The charts of a run page, as Altair specifications; each takes small tables and a theme."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from synthestat.site.drawing import Chart, Theme, plotted

WIDE = 340  # pixels of a plot's width; the page scales it to the room there is
LONGEST_NAME = 30  # letters beside a chart
LETTER_WIDTH = 6.3  # pixels, generous for the size of axis labels
Drawing = Callable[[Theme], Chart]


def pyramid(people: pl.DataFrame, official: pl.DataFrame | None) -> Drawing:
    """Bars of age x sex (age, sex, people), men to the left; official (low, high, sex, people)."""
    sexes = ("male", "female")
    rows = _mirrored(people.rename({"age": "low"}), sexes)
    outline = [] if official is None else _mirrored(official, sexes)
    most = max((abs(row["side"]) for row in rows), default=1)
    oldest = max((row["low"] for row in rows), default=1)

    def chart(theme: Theme) -> Chart:
        x = alt.X(
            "side:Q",
            title="Residents of each single age",
            scale=alt.Scale(domain=[-most * 1.05, most * 1.05], nice=False),
            axis=alt.Axis(labelExpr="format(abs(datum.value), '~s')", tickCount=7, grid=True),
        )
        y = alt.Y("low:Q", title="Age", scale=alt.Scale(domain=[0, oldest + 1], nice=False))
        colour = alt.Color(
            "sex:N",
            scale=alt.Scale(domain=list(sexes), range=[theme.accent, theme.second]),
            legend=alt.Legend(title=None, orient="top", symbolType="square", labelExpr=_PEOPLE),
        )
        layers: list[alt.Chart] = []
        for sex in sexes:
            side = plotted([row for row in rows if row["sex"] == sex])
            area = side.mark_area(interpolate="step-after", orient="horizontal", opacity=0.9)
            layers.append(area.encode(x=x, x2=alt.datum(0), y=y, color=colour))
        for sex in sexes if outline else ():
            official_side = [row for row in outline if row["sex"] == sex]
            line = plotted(official_side).mark_line(
                interpolate="step-before", color=theme.ink, strokeWidth=1
            )
            layers.append(line.encode(x="side:Q", y="low:Q", order="low:Q"))
        return alt.layer(*layers).properties(width=WIDE, height=310)

    return chart


_PEOPLE = "datum.label == 'male' ? 'Men and boys' : 'Women and girls'"


def age_totals(synthetic: pl.DataFrame, official: pl.DataFrame | None) -> Drawing:
    """Bars of low, high, label, people a year of age; the official classes as an outline."""
    bars = _steps(synthetic, "synthetic")
    steps = [] if official is None else _steps(official, "official")
    last = int(synthetic["low"].max() or 0)  # type: ignore[arg-type]
    is_open = bool(synthetic["high"].is_null().any())

    def chart(theme: Theme) -> Chart:
        ticks = [*range(0, last - 9, 20), last]
        named = f"datum.value == {last} ? '{last}+' : datum.label" if is_open else "datum.label"
        axis = alt.Axis(values=ticks, grid=False, labelExpr=named, labelOverlap=False)
        x = alt.X(
            "low:Q", title="Age", axis=axis, scale=alt.Scale(domain=[0, last + 1.5], nice=False)
        )
        y = alt.Y("people:Q", title="Residents per year of age", axis=alt.Axis(format="~s"))
        key = alt.Scale(
            domain=["synthetic", "official"][: 2 if steps else 1],
            range=[theme.accent, theme.ink][: 2 if steps else 1],
        )
        legend = alt.Legend(title=None, orient="top", symbolType="square")
        bars_drawn = plotted(bars).mark_area(interpolate="step-after", opacity=0.75)
        colour = alt.Color("source:N", scale=key, legend=legend)
        layers = [bars_drawn.encode(x=x, y=y.stack(None), color=colour)]
        if steps:
            line = plotted(steps).mark_line(interpolate="step-after", strokeWidth=1.4)
            layers.append(line.encode(x="low:Q", y="people:Q", color=colour))
        return alt.layer(*layers).properties(width=WIDE, height=290)

    return chart


def household_sizes(built: Sequence[float], guide: Sequence[float]) -> Drawing:
    """Bars of the built share of households by size from 1; the guide's shape as ticks."""
    shown = max((size for size, share in enumerate(built, 1) if share >= 0.0005), default=1)
    rows = [
        {"size": size, "share": share, "what": what}
        for what, shares in (("built", built), ("guide", guide))
        for size, share in enumerate(shares[:shown], 1)
    ]

    def chart(theme: Theme) -> Chart:
        x = alt.X("size:O", title="Persons in the household", axis=alt.Axis(labelAngle=0))
        y = alt.Y("share:Q", title="Share of households", axis=alt.Axis(format=".0%"))
        key = alt.Scale(domain=["built", "guide"], range=[theme.accent, theme.ink])
        legend = alt.Legend(title=None, orient="top", symbolType="square")
        colour = alt.Color("what:N", scale=key, legend=legend)
        bars = plotted([row for row in rows if row["what"] == "built"])
        ticks = plotted([row for row in rows if row["what"] == "guide"])
        return alt.layer(
            bars.mark_bar(opacity=0.8).encode(x=x, y=y, color=colour),
            ticks.mark_tick(thickness=2.4).encode(x=x, y=y, color=colour),
        ).properties(width=WIDE, height=230)

    return chart


def types_by_size(rows: Sequence[Mapping[str, Any]], kinds: Sequence[str]) -> Drawing:
    """Stacked bars of size, household_type, households; `kinds` in stacking order."""
    order = {kind: place for place, kind in enumerate(kinds)}
    values = [
        {**row, "place": order[row["household_type"]], "kind": spoken(row["household_type"])}
        for row in rows
    ]
    sizes = list(dict.fromkeys(row["size"] for row in rows))

    def chart(theme: Theme) -> Chart:
        colours = [theme.kinds[place % len(theme.kinds)] for place in range(len(kinds))]
        colour = alt.Color(
            "kind:N",
            scale=alt.Scale(domain=[spoken(kind) for kind in kinds], range=colours),
            legend=alt.Legend(title=None, orient="top", columns=2, labelLimit=240),
        )
        x = alt.X("size:O", title="Persons in the household", sort=sizes)
        drawn: alt.Chart = (
            plotted(values)
            .mark_bar()
            .encode(
                x=x.axis(labelAngle=0),
                y=alt.Y("households:Q", title="Households", axis=alt.Axis(format="~s")),
                color=colour,
                order=alt.Order("place:Q"),
            )
            .properties(width=WIDE, height=230)
        )
        return drawn

    return chart


def residual_strip(rows: pl.DataFrame) -> Drawing:
    """Dots of relative error in % by control; a dot's area grows with how many rows share it."""
    counted = (
        rows.filter(pl.col("relative_error").is_not_null())
        .with_columns(percent=(pl.col("relative_error") * 100).round(2))
        .group_by("control_id", "percent", maintain_order=True)
        .agg(rows=pl.len().cast(pl.Int64))
    )
    counted = counted.with_columns(control=pl.col("control_id").map_elements(brief, pl.String))
    controls = list(dict.fromkeys(counted["control"].to_list()))
    errors = counted.select(pl.col("percent").abs().max()).item() or 0.0
    reach = max(0.5, float(errors) * 1.15)

    def chart(theme: Theme) -> Chart:
        x = alt.X(
            "percent:Q",
            title="Relative error, %",
            scale=alt.Scale(domain=[-reach, reach], nice=False),
        )
        y = alt.Y(
            "control:N",
            sort=controls,
            title=None,
            axis=_name_axis(controls, theme),
        )
        most = int(counted["rows"].max() or 1)  # type: ignore[arg-type]
        size = alt.Size(
            "rows:Q",
            scale=alt.Scale(type="sqrt", domain=[1, max(2, most)], range=[28, 420]),
            legend=None,
        )
        dots = plotted(counted.to_dicts()).mark_circle(color=theme.accent, opacity=0.7)
        drawn: alt.Chart = dots.encode(x=x, y=y, size=size).properties(
            width=WIDE - 130, height=26 * max(1, len(controls))
        )
        return drawn

    return chart


def intervals(rows: Sequence[Mapping[str, Any]]) -> Drawing:
    """Interval of name, estimate, low, high around its estimate, in % of it; kind colours it."""
    names = _distinct([f"{brief(str(row['name']))}  {row['estimate']:,.0f}" for row in rows])
    values = [
        {
            "name": name,
            "kind": row["kind"],
            "built": 0,
            **{side: row[side] / row["estimate"] - 1 for side in ("low", "high")},
        }
        for name, row in zip(names, rows, strict=True)
        if row["estimate"] > 0
    ]
    reach = max((max(-row["low"], row["high"]) for row in values), default=0.1) * 1.08

    def chart(theme: Theme) -> Chart:
        y = alt.Y("name:N", sort=names, title=None, axis=_name_axis(names, theme))
        scale = alt.Scale(domain=[-reach, reach], nice=False)
        signed = "datum.value == 0 ? '0%' : datum.label"
        axis = alt.Axis(format="+.0%", tickCount=5, labelExpr=signed)
        x = alt.X("low:Q", title="Interval around the built count", scale=scale, axis=axis)
        kinds = list(dict.fromkeys(row["kind"] for row in values))
        key = alt.Scale(domain=kinds, range=[theme.accent, theme.second][: len(kinds)])
        legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=260)
        colour = alt.Color("kind:N", scale=key, legend=legend)
        base = plotted(values)
        return alt.layer(
            base.mark_rule(strokeWidth=3.4, opacity=0.55).encode(
                x=x, x2="high:Q", y=y, color=colour
            ),
            base.mark_circle(size=40, opacity=1).encode(
                x=alt.X("built:Q", scale=scale), y=y, color=colour
            ),
        ).properties(width=WIDE - 150, height=15 * max(1, len(values)))

    return chart


def width_curves(curves: Mapping[str, Sequence[float]], points: int = 60) -> Drawing:
    """Curves of the share of values (sorted) up to each width, one for each name."""
    widest = max((values[int(0.95 * (len(values) - 1))] for values in curves.values()), default=1.0)
    widest = widest or 1.0
    rows = [
        {
            "quantity": spoken(name),
            "width": round(widest * step / points, 4),
            "share": round(bisect_right(values, widest * step / points) / len(values), 4),
        }
        for name, values in curves.items()
        for step in range(points + 1)
    ]
    names = [spoken(name) for name in curves]

    def chart(theme: Theme) -> Chart:
        colours = [theme.accent, theme.second, theme.ink, *theme.kinds[5:7], theme.muted]
        legend = alt.Legend(title=None, orient="top", columns=2, labelLimit=320)
        colour = alt.Color(
            "quantity:N", scale=alt.Scale(domain=names, range=colours), legend=legend
        )
        axis = alt.Axis(format=".0%", tickCount=5)
        x = alt.X("width:Q", title="Width over count, at most", axis=axis)
        y = alt.Y("share:Q", title="Share of intervals", axis=alt.Axis(format=".0%"))
        line = plotted(rows).mark_line(strokeWidth=2)
        drawn: alt.Chart = line.encode(
            x=x.scale(domain=[0, widest], nice=False), y=y.scale(domain=[0, 1]), color=colour
        ).properties(width=WIDE, height=230)
        return drawn

    return chart


def brief(name: str) -> str:
    """Cut a name to what fits beside a chart; the tables have it whole."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names as they look, made unlike by spaces without width."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        found.append(name + "\u200b" * seen.get(name, 0))
        seen[name] = seen.get(name, 0) + 1
    return found


def _name_axis(names: Sequence[str], theme: Theme) -> alt.Axis:
    """An axis with room for the longest name in whatever font the reader's system has."""
    room = LETTER_WIDTH * max(map(len, names), default=0) + 10
    return alt.Axis(minExtent=room, labelLimit=400, grid=True, labelColor=theme.ink)


def spoken(code: str) -> str:
    """Return a code in words: "couple_with_children" -> "couple with children"."""
    return code.replace("_", " ")


def _mirrored(table: pl.DataFrame, sexes: tuple[str, str]) -> list[dict[str, Any]]:
    """Steps of low, sex, side: people a year of age, negative for the first sex."""
    rows = []
    for sex in sexes:
        sign = -1 if sex == sexes[0] else 1
        for step in _steps(table.filter(pl.col("sex") == sex).sort("low"), sex):
            rows.append({"low": step["low"], "sex": sex, "side": sign * step["people"]})
    return rows


def _steps(classes: pl.DataFrame, source: str) -> list[dict[str, Any]]:
    """Steps of low, people (a year of age), source; the last step is closed at its upper end.

    An open class counts as one year wide.
    """
    rows: list[dict[str, Any]] = []
    end = 0
    for row in classes.to_dicts():
        high = row.get("high", row["low"])
        years = 1 if high is None else high - row["low"] + 1
        rows.append({"low": row["low"], "people": row["people"] / years, "source": source})
        end = row["low"] + years
    return [*rows, {**rows[-1], "low": end}] if rows else []
