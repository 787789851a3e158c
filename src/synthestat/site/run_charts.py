"""The drawn figures of one run's page, by name; a figure whose tables are absent is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from synthestat.errors import InputError
from synthestat.site import charts, interval_facts, population_tables
from synthestat.site.boundaries import Polygon, read_boundaries
from synthestat.site.drawing import Figure, draw
from synthestat.site.family_charts import age_gaps, first_age, generations, living_arrangements
from synthestat.site.run_facts import Run
from synthestat.site.zone_map import ZoneFigures, lay_out, map_chart

MOST_INTERVALS = 40
MOST_COUNTRY = 40
MOST_CURVES = 6
LEAST_COUNT = 30  # units below which chance alone makes an interval wide; assumption
TAIL_SHARE = 0.003  # sizes that together hold less than this share of households are one bar

_NO_AGES = "No control of this run gives official counts by age for the whole country."


def maps(
    run: Run, zones: Sequence[ZoneFigures], tiers: Sequence[str], boundaries: Path | None
) -> dict[str, Any]:
    """Return the two maps with the names of zones that have no polygon or no place at all."""
    shapes: dict[str, list[Polygon]] = {}
    if boundaries is not None:
        shapes = read_boundaries(boundaries, [f.zone for f in zones])
        if not shapes:
            raise InputError(
                f"no feature of {boundaries.name} matches a zone of {run.manifest['country']}",
                remedy="give boundaries whose properties hold the zones' codes or names, "
                "or add the spellings to geography.csv",
            )
    layout = lay_out(zones, shapes)
    found: dict[str, Any] = {
        "figures": [],
        "boundaries": boundaries.name if boundaries is not None else None,
        "unmatched": [f.zone.name for f in zones if shapes and f.zone.code not in shapes],
        "not_drawn": list(layout.not_drawn),
    }
    if not layout.points:
        return found
    largest = max(zones, key=lambda f: f.residents)
    sized = (
        f"Bubbles grow with residents; the largest is {largest.zone.name}, {largest.residents:,}."
    )
    if any(f.mean_size is not None for f in zones):
        how = "" if shapes else f" {sized}"
        found["figures"].append(
            draw(
                "map-size",
                "Mean household size",
                f"Map of {len(zones)} zones coloured by mean household size",
                f"Persons per private household in the universe of the published household counts "
                f"({', '.join(run.household_atoms())}).{how}",
                map_chart(layout, zones, "mean_size", tiers),
            )
        )
    if any(f.tier is not None for f in zones):
        found["figures"].append(
            draw(
                "map-tier",
                "Quality tier and residents",
                f"Map of {len(zones)} zones: bubbles sized by residents, coloured by quality tier",
                f"{sized} What each tier means stands under Quality tiers.",
                map_chart(layout, zones, "tier", tiers),
            )
        )
    return found


def ages(run: Run) -> list[Figure]:
    """Return the pyramid by sex and the comparison of all residents with the official table."""
    if not run.has("synthetic_persons"):
        return []
    zones = run.manifest["geography"]["zones"]
    official = population_tables.official_ages(run.residuals, run.root, zones)
    built = run.manifest["coverage"]["built"].get("persons", {})
    everyone = [universe for universe in built if universe != "all"]
    atoms = run.atoms(official.universe) if official else everyone
    people = population_tables.people_by_age_and_sex(run.bundle.table("synthetic_persons"), atoms)
    by_sex = official.table if official and official.by_sex else None
    measured = (
        "The line is the official count by sex; a class of several years is drawn at its mean."
    )
    if official is None:
        measured = f"{_NO_AGES} What zones publish by age is judged under Residuals."
    elif by_sex is None:
        measured = (
            "The official table by age has no split by sex, so the sexes are synthetic alone."
        )
    figures = [
        draw(
            "pyramid",
            "Synthetic residents by age and sex",
            "Population pyramid of the synthetic residents by single age, men left, women right",
            measured,
            charts.pyramid(people, by_sex),
            [*_sourced(people, "synthetic"), *_sourced(by_sex, "official")],
        )
    ]
    return [*figures, _age_totals(people, official)]


def _age_totals(people: pl.DataFrame, official: population_tables.OfficialAges | None) -> Figure:
    totals = people.group_by("age").agg(pl.col("people").sum()).sort("age")
    if official is None:
        single = totals.select(
            low="age", high="age", label=pl.col("age").cast(pl.String), people="people"
        )
        caption = _NO_AGES
        chart = charts.age_totals(single, None)
    else:
        classes = official.totals()
        mine = population_tables.in_classes(totals, classes)
        apart = classes.join(mine, on="label", how="left", suffix="_mine").select(
            (pl.col("people") - pl.col("people_mine").fill_null(0)).abs().max()
        )
        summed = f", the sum of {official.summed} zones" if official.summed else ""
        caption = (
            f"Bars: synthetic, counted from the persons table. Outline: official, control "
            f"{official.control_id} ({official.universe}{summed}). Largest difference in any of "
            f"the {classes.height} classes: {int(apart.item() or 0):,}. "
            f"{_open_class(classes, mine)}"
        )
        chart = charts.age_totals(mine, classes)
    if official is None:
        rows = _sourced(single, "synthetic")
        return draw("ages", "Synthetic residents by age", "Residents by age", caption, chart, rows)
    alternative = "Residents by age, synthetic bars with the official counts as an outline"
    rows = [*_sourced(mine, "synthetic"), *_sourced(classes, "official")]
    return draw("ages", "Synthetic against official, by age", alternative, caption, chart, rows)


def _sourced(table: pl.DataFrame | None, source: str) -> list[dict[str, Any]]:
    """Rows of a table, each saying where its count is from."""
    return [] if table is None else [{"source": source, **row} for row in table.to_dicts()]


def _open_class(classes: pl.DataFrame, mine: pl.DataFrame) -> str:
    last = classes.filter(pl.col("high").is_null())
    if last.is_empty():
        return ""
    label, count = last["label"][0], int(last["people"][0])
    built = int(mine.filter(pl.col("label") == label)["people"].sum())
    return f"The last bar is the open class {label}: synthetic {built:,}, official {count:,}."


def households(run: Run) -> list[Figure]:
    """Return sizes against the guide, types by size, generations, arrangements and age gaps."""
    facts = run.optional("household_diagnostics.json")
    guide = run.optional("distribution_diagnostics.json").get("household_size_guide", {})
    figures = []
    if guide.get("built") and guide.get("guide"):
        figures.append(_sizes(guide))
    if facts.get("size_by_type"):
        figures.append(_types(run, facts["size_by_type"]))
    figures += _arrangements(facts.get("living_arrangements", {}))
    figures += _gaps(facts)
    if facts.get("generations"):
        figures.append(_generations(facts["generations"]))
    return figures


def _sizes(guide: dict[str, Any]) -> Figure:
    distance = guide.get("total_variation")
    apart = (
        ""
        if distance is None
        else f" Total variation distance {distance:.4f}: the share of households that would have "
        "to be of another size to match it."
    )
    return draw(
        "sizes",
        "Households by size",
        "Share of households by number of persons, built bars and guide marks",
        f"Bars: built. Marks: {guide.get('entry', 'a registry entry')}, the GUIDE that shaped the "
        f"fit; it is never reported as measured.{apart}",
        charts.household_sizes(guide["built"], guide["guide"]),
    )


def _types(run: Run, size_by_type: dict[str, dict[str, int]]) -> Figure:
    kinds = list({kind for kinds in size_by_type.values() for kind in kinds})
    if run.has("synthetic_households"):
        table = run.bundle.table("synthetic_households")
        kinds = population_tables.in_declared_order(table, "household_type", kinds)
    sizes = sorted(int(size) for size in size_by_type)
    totals = {size: sum(size_by_type[str(size)].values()) for size in sizes}
    whole = sum(totals.values()) or 1
    cap = next(
        (s for s in sizes if sum(totals[o] for o in sizes if o >= s) < TAIL_SHARE * whole), None
    )
    rows: dict[tuple[str, str], int] = {}
    for size in sizes:
        label = f"{cap}+" if cap is not None and size >= cap else str(size)
        for kind, count in size_by_type[str(size)].items():
            rows[label, kind] = rows.get((label, kind), 0) + count
    values = [
        {"size": size, "household_type": kind, "households": count}
        for (size, kind), count in rows.items()
    ]
    return draw(
        "types",
        "Household types by size",
        "Number of households by size, stacked by type",
        _type_evidence(run),
        charts.types_by_size(values, kinds),
    )


def _type_evidence(run: Run) -> str:
    controls = run.residuals.filter(pl.col("family") == "household_type")["control_id"].unique()
    if controls.is_empty():
        return "Types are modelled: no control of this run is an official table of them."
    return f"Types are constrained by {', '.join(sorted(controls))}."


def _arrangements(by_sex: dict[str, dict[str, dict[str, int]]]) -> list[Figure]:
    titles = {"female": "Women and girls", "male": "Men and boys"}
    figures: list[Figure] = []
    for sex in sorted(by_sex):
        who = titles.get(sex, charts.spoken(sex))
        groups = dict(sorted(by_sex[sex].items(), key=lambda item: first_age(item[0])))
        figures.append(
            draw(
                f"arrangements-{len(figures)}",
                f"{who}: how they live, by age",
                f"Stacked shares of living arrangements by five-year age group: {who.lower()}",
                f"{sum(sum(group.values()) for group in groups.values()):,} residents, each in one "
                "living arrangement. The head is the reference person or the partner. Modelled.",
                living_arrangements(groups),
            )
        )
    return figures


_GAPS = {
    "partner": (
        "Age gap of partners",
        "Share of couples by the man's age minus the woman's, bars with the kernel as a line",
        "couples of a man and a woman",
        "Man's age minus woman's, years",
    ),
    "mother_child": (
        "Age gap of mother and child",
        "Share of children by their mother's age minus theirs, bars with the kernel as a line",
        "residents live with their mother, at whatever age",
        "Mother's age minus child's, years",
    ),
}
"""Title, text alternative, what is counted and the axis of each gap that is drawn."""


def _gaps(facts: dict[str, Any]) -> list[Figure]:
    figures: list[Figure] = []
    for name, (title, alternative, counted, axis) in _GAPS.items():
        gap = facts.get("gaps", {}).get(name, {})
        counts = gap.get("counts", {})
        if not counts:
            continue
        kernel = gap.get("kernel") or {}
        pairs = sum(counts.values())
        mean = sum(int(year) * n for year, n in counts.items()) / pairs
        line = _kernel_line(kernel) if kernel else ""
        figures.append(
            draw(
                f"gap-{name}",
                title,
                alternative,
                f"Bars: {pairs:,} {counted}, mean {mean:.1f} years.{line} Modelled.",
                age_gaps(counts, kernel.get("density", {}), axis),
            )
        )
    return figures


def _kernel_line(kernel: dict[str, Any]) -> str:
    density = {int(year): share for year, share in kernel.get("density", {}).items()}
    whole = sum(density.values())
    mean = sum(year * share for year, share in density.items()) / whole if whole else None
    about = "" if mean is None else f", mean {mean:.1f}"
    return f" Line: {kernel['entry']}{about}, the kernel that draws ages together, as they allow."


def _generations(counts: dict[str, int]) -> Figure:
    grouped = {"1": 0, "2": 0, "3+": 0}
    for depth, number in counts.items():
        grouped[depth if depth in ("1", "2") else "3+"] += number
    return draw(
        "generations",
        "Generations under one roof",
        "Private households by number of generations: one, two, three or more",
        "The longest chain of parents and children among a household's members. Modelled.",
        generations(list(grouped.items())),
    )


def residuals(run: Run) -> Figure | None:
    """Return the strip of relative errors by control; None where no row has a target."""
    rows = run.residuals.filter(
        (pl.col("status") != "SKIP") & pl.col("relative_error").is_not_null()
    )
    if rows.is_empty():
        return None
    return draw(
        "residuals",
        "Relative error by control",
        "Dots of relative error by control, most of them at zero",
        "A dot is all rows of a control with the same relative error; its area grows with their "
        "number.",
        charts.residual_strip(rows),
    )


def intervals(run: Run) -> list[Figure]:
    """Return the intervals of the country's counts, and of zones' numbers of households."""
    drawn = (country_intervals(run), counts_with_intervals(run), interval_widths(run))
    return [figure for figure in drawn if figure is not None]


def country_intervals(run: Run) -> Figure | None:
    """Return the country's largest modelled counts with their intervals; None where none is."""
    counts = interval_facts.country_counts(run)
    rows = sorted(counts, key=lambda row: -row["estimate"])[:MOST_COUNTRY]
    if not rows:
        return None
    return draw(
        "country-intervals",
        "Modelled counts of the country",
        "Intervals around the built counts of the whole country, largest count first",
        f"The {len(rows)} largest of {len(counts)} counts that no table gives. Dot: the built "
        "count, beside the name. Bar: its interval, relative to it.",
        charts.intervals(rows),
    )


def counts_with_intervals(run: Run) -> Figure | None:
    """Return the modelled numbers of households with their intervals; None where there is none."""
    rows = [
        {key: row[key] for key in ("name", "estimate", "low", "high", "kind")}
        for row in interval_facts.household_numbers(run)
    ][:MOST_INTERVALS]
    if not rows:
        return None
    more = f" The {MOST_INTERVALS} largest." if len(rows) == MOST_INTERVALS else ""
    return draw(
        "intervals",
        "Modelled numbers of households",
        "Intervals around the built counts by zone, largest count first",
        f"Counts that no table at hand gives, largest first. Dot: the built count, beside the "
        f"name. Bar: its interval, relative to it.{more}",
        charts.intervals(rows),
    )


def interval_widths(run: Run) -> Figure | None:
    """Return how wide the intervals of zones are, by quantity; None where there are none."""
    table = interval_facts.interval_table(run)
    if table.is_empty():
        return None
    known = table.filter(pl.col("zone") != run.root, pl.col("estimate") >= LEAST_COUNT)
    widths = known.select("quantity", width=(pl.col("high") - pl.col("low")) / pl.col("estimate"))
    curves = {
        str(quantity[0]): sorted(part["width"].to_list())
        for quantity, part in widths.group_by("quantity", maintain_order=True)
    }
    if not curves:
        return None
    every = len(curves)
    curves = dict(sorted(curves.items(), key=lambda item: -len(item[1]))[:MOST_CURVES])
    shown = "" if every == len(curves) else f" The {MOST_CURVES} quantities with most intervals."
    return draw(
        "interval-widths",
        "How wide the intervals of zones are",
        "Share of intervals that are at most so wide, one curve a quantity",
        f"Of the {known.height:,} intervals of zones around counts of {LEAST_COUNT} and more: the "
        f"share that is at most so wide. The further left a curve, the more is known.{shown}",
        charts.width_curves(curves),
    )
