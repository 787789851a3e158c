"""Charts of families on a run page: living arrangements, age gaps beside kernels, generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from synthestat.site.charts import WIDE, Drawing
from synthestat.site.drawing import Chart, Theme, plotted

SHOWN_ARRANGEMENTS = {
    "child_of_head": "child of the head",
    "grandchild": "grandchild",
    "couple_in_other_household": "couple in another's home",
    "heading_couple": "couple heading a home",
    "lone_parent": "lone parent",
    "alone": "alone",
    "parent_of_head": "parent of the head",
    "other_relative": "other relative",
    "head_of_others": "with non-relatives",
    "non_relative": "with non-relatives",
    "institutional": "in an institution",
}
"""What each arrangement is called in the picture, from the bottom of the stack up."""
RAREST_YEAR = 0.0005  # share of pairs below which a year at either end is not drawn


def living_arrangements(groups: Mapping[str, Mapping[str, int]]) -> Drawing:
    """Stacked bars of shares by five-year age group; counts by arrangement of each group."""
    names = list(dict.fromkeys(SHOWN_ARRANGEMENTS.values()))
    rows: list[dict[str, Any]] = []
    present: set[str] = set()
    for group, counts in groups.items():
        whole = sum(counts.values()) or 1
        shares = dict.fromkeys(names, 0.0)
        for kind, count in counts.items():
            name = SHOWN_ARRANGEMENTS.get(kind, SHOWN_ARRANGEMENTS["other_relative"])
            shares[name] += count / whole
        present |= {name for name, share in shares.items() if share > 0}
        rows += [
            {"age": first_age(group), "share": share, "how": name, "place": names.index(name)}
            for name, share in shares.items()
        ]
    shown = [name for name in names if name in present]
    rows = [row for row in rows if row["how"] in present]

    def chart(theme: Theme) -> Chart:
        colours = [theme.arrangements[names.index(name)] for name in shown]
        labels = (
            "datum.value == 95 ? '95+' : datum.value % 10 == 0 && datum.value < 90 ? "
            "toString(datum.value) : ''"
        )
        x = alt.X(
            "age:O",
            title="Age, in groups of five years",
            scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
            axis=alt.Axis(labelAngle=0, labelExpr=labels, labelOverlap=False),
        )
        y = alt.Y("share:Q", title="Share of the age group", axis=alt.Axis(format=".0%"))
        colour = alt.Color(
            "how:N",
            scale=alt.Scale(domain=shown, range=colours),
            legend=alt.Legend(
                title=None, orient="top", columns=2, labelLimit=240, symbolType="square"
            ),
        )
        drawn: alt.Chart = (
            plotted(rows)
            .mark_bar()
            .encode(
                x=x,
                y=y.scale(domain=[0, 1]),
                color=colour,
                order=alt.Order("place:Q"),
            )
            .properties(width=WIDE, height=250)
        )
        return drawn

    return chart


def first_age(group: str) -> int:
    """Return the first age of a group named `0-4` or `95+`."""
    return int(group.rstrip("+").split("-")[0])


def age_gaps(counts: Mapping[str, int], density: Mapping[str, float], title: str) -> Drawing:
    """Bars of the share of pairs at each gap in years, the kernel's density as a line."""
    whole = sum(counts.values()) or 1
    years = {int(year) for year in (*counts, *density)}
    shares = {year: counts.get(str(year), 0) / whole for year in years}
    drawn = [
        year
        for year in years
        if max(shares[year], density.get(str(year), 0.0)) >= RAREST_YEAR or shares[year] > 0.001
    ]
    reach = range(min(drawn, default=0), max(drawn, default=0) + 1)
    bars = [{"gap": year, "share": shares.get(year, 0.0), "what": "synthetic"} for year in reach]
    line = [
        {"gap": year, "share": density[str(year)], "what": "kernel"}
        for year in reach
        if str(year) in density
    ]

    def chart(theme: Theme) -> Chart:
        x = alt.X(
            "gap:Q",
            title=title,
            axis=alt.Axis(grid=False, labelFlush=False),
            scale=alt.Scale(domain=[reach.start - 0.6, reach.stop - 0.4], nice=False),
        )
        y = alt.Y("share:Q", title="Share of pairs", axis=alt.Axis(format=".0%"))
        key = alt.Scale(domain=["synthetic", "kernel"], range=[theme.accent, theme.second])
        legend = alt.Legend(
            title=None,
            orient="top",
            symbolType="square",
            labelLimit=300,
            labelExpr="datum.label == 'kernel' ? 'kernel of the registry' : 'synthetic pairs'",
        )
        colour = alt.Color("what:N", scale=key, legend=legend)
        width = max(1.5, 0.78 * WIDE / max(1, len(reach)))
        return alt.layer(
            plotted(bars).mark_bar(width=width, opacity=0.75).encode(x=x, y=y, color=colour),
            plotted(line).mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        ).properties(width=WIDE, height=200)

    return chart


def generations(counts: Sequence[tuple[str, int]]) -> Drawing:
    """Bars across of households by generations, each with its number and share."""
    whole = sum(count for _, count in counts) or 1
    rows = [
        {"generations": name, "share": n / whole, "said": f"{n:,} ({n / whole:.1%})"}
        for name, n in counts
    ]
    most = max((n for _, n in counts), default=1) / whole
    names = [name for name, _ in counts]

    def chart(theme: Theme) -> Chart:
        y = alt.Y("generations:N", sort=names, title="Generations", axis=alt.Axis(grid=False))
        x = alt.X(
            "share:Q",
            title="Share of private households",
            axis=alt.Axis(format=".0%", tickCount=5),
            scale=alt.Scale(domain=[0, most * 1.42], nice=False),  # room for the words
        )
        base = plotted(rows).encode(x=x, y=y)
        return alt.layer(
            base.mark_bar(color=theme.accent, opacity=0.85),
            base.mark_text(align="left", dx=6, color=theme.ink).encode(text="said:N"),
        ).properties(width=WIDE, height=130)

    return chart
