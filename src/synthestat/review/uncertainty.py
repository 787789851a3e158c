"""Checks of the intervals: each modelled count has one of its own, true, of an honest width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import isfinite, sqrt
from statistics import median
from typing import Any

from synthestat.review.case import Case
from synthestat.review.interval_bounds import (
    counting_faults,
    country_faults,
    mirror_faults,
    named,
    reach_faults,
)
from synthestat.review.modelled import household_numbers, modelled_counts
from synthestat.review.origins import method_faults, spread_faults, without_faults
from synthestat.review.record import Answer, found, skipped

SLACK = 1e-6  # rounding of a float64 bound
FIGURES = 1e-4  # relative rounding of a figure of the summary
DECLARED = "households"  # the quantity that may have declared bounds in place of a probability


def intervals(case: Case) -> Answer:
    """Every interval lies around its estimate, and every modelled household count has one."""
    rows = case.records("SELECT * FROM uncertainty")
    keyed: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        keyed.setdefault(_key(row), []).append(row)
    faults = [f"{_said(key)}: {len(held)} intervals" for key, held in keyed.items() if held[1:]]
    for row in rows:
        if not (_finite(row) and row["low"] < row["estimate"] < row["high"]):
            faults.append(
                f"{named(row)}: {row['low']} < {row['estimate']} < {row['high']} is false"
            )
    modelled = dict(household_numbers(case))
    for key, built in modelled.items():
        if key not in keyed:
            faults.append(f"{_said(key)}: {built:,} is modelled, and has no interval")
        elif not keyed[key][0]["low"] <= built <= keyed[key][0]["high"]:
            faults.append(f"{_said(key)}: the run has {built:,}, outside its interval")
    faults += reach_faults(case, rows)
    faults += mirror_faults(case, rows)
    if not rows and not modelled:
        return skipped("nothing is modelled, and no interval is given")
    figures = {"modelled": len(modelled), "intervals": len(rows)}
    return found(faults, f"{len(rows)} intervals", figures=figures)


def interval_rows(case: Case) -> Answer:
    """Every modelled count of zones and country is stated, and is what the run holds."""
    stated = {_key(row): row["estimate"] for row in case.records("SELECT * FROM uncertainty")}
    counts = modelled_counts(case)
    faults = [
        f"{_said(key)}: {counts[key]:,} is modelled, and has no interval"
        for key in sorted(counts.keys() - stated.keys())
    ]
    faults += [
        f"{_said(key)}: stated, and is no modelled count of this run"
        for key in sorted(stated.keys() - counts.keys())
    ]
    faults += [
        f"{_said(key)}: {stated[key]:,.1f} is stated, the run holds {counts[key]:,}"
        for key in sorted(counts.keys() & stated.keys())
        if stated[key] != counts[key]
    ]
    if not counts and not stated:
        return skipped("nothing is modelled")
    figures = {"counts": len(counts), "quantities": len({key[0] for key in counts})}
    return found(faults, f"{len(counts):,} modelled counts, each with its row", figures=figures)


def interval_origins(case: Case) -> Answer:
    """Intervals name their method, differ between methods, and are those of the residuals."""
    rows = case.records("SELECT * FROM uncertainty")
    faults = [f"{named(row)}: no method" for row in rows if not row["method"]]
    faults += method_faults(case, rows)
    faults += _pasted(case, rows)
    bounds = {_key(row): row for row in rows}
    columns = "counts, zone, universe, constraint_id, low, high"
    sql = f"SELECT {columns} FROM residuals WHERE target IS NULL AND low IS NOT NULL"
    for reported in case.records(sql):
        own = bounds.get((reported["counts"], reported["zone"], reported["universe"], ""))
        if own is None or any(abs(own[end] - reported[end]) > SLACK for end in ("low", "high")):
            faults.append(f"{reported['constraint_id']}: its bounds are not in uncertainty.parquet")
    return found(faults, "every interval has its method and its own width")


def _pasted(case: Case, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Widths that are one figure for all: in units, relative to the count or to its root."""
    least, fewest = case.limit("alike_count"), case.limit("alike_fewest")
    groups: dict[tuple[str, str], set[tuple[float, float]]] = {}
    quantities: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["estimate"] and _finite(row):
            widths = tuple(round(row[end] / row["estimate"], 4) for end in ("low", "high"))
            group = (str(row["quantity"]), str(row["universe"]))
            groups.setdefault(group, set()).add((widths[0], widths[1]))
            if row["estimate"] >= least:
                quantities.setdefault(str(row["quantity"]), []).append(row)
    many = len(rows) >= case.limit("alike_intervals") and len(groups) > 1
    if many and len(set().union(*groups.values())) == 1:
        yield f"one relative interval is given to all {len(rows)} quantities"
    for quantity, own in quantities.items():
        if quantity == DECLARED or len(own) < fewest:
            continue
        for power, said in ((0.0, "one width"), (0.5, "one width by root"), (1.0, "one share")):
            alike = Counter(round((r["high"] - r["low"]) / r["estimate"] ** power, 3) for r in own)
            width, number = alike.most_common(1)[0]
            if number > case.limit("alike_share") * len(own):
                yield f"{quantity}: {said} of {width} is given to {number} of {len(own)} intervals"


def interval_widths(case: Case) -> Answer:
    """Probabilities are stated, variances are numbers that fit the widths, and zones the country's.

    The country's interval is about as wide as its widest zone's at least and as all together at
    most, with the room that draws leave.
    """
    rows = case.records("SELECT * FROM uncertainty")
    faults = []
    least, most = case.limit("width_least"), case.limit("width_most")
    small = case.limit("alike_count")
    drawn = case.pack.universe_parts[case.pack.household_universe]
    for row in rows:
        stated = row["interval"]
        if stated is None and row["quantity"] == DECLARED and row["universe"] not in drawn:
            pass  # bounds declared, not drawn: residents not enumerated, institutions
        elif not isinstance(stated, float) or not 0.5 <= stated < 1.0:
            faults.append(f"{named(row)}: its probability is {stated}")
        parts = [row["between"], row["within"]]
        if not all(isinstance(part, float) and isfinite(part) and part >= 0 for part in parts):
            faults.append(f"{named(row)}: variances {parts[0]} between and {parts[1]} within")
            continue
        reach, width = _deviation(row), row["high"] - row["low"]
        rare = row["estimate"] < small  # draws far out make the deviation, not the width
        if not (rare or least * reach <= width) or width > most * reach + 2:
            faults.append(f"{named(row)}: {width:,.1f} wide, its standard deviation {reach:,.1f}")
    faults += counting_faults(case, rows)
    faults += _countries(case, rows)
    faults += country_faults(case, rows)
    if not rows:
        return skipped("nothing is modelled")
    return found(faults, "probabilities, variances and widths fit together")


def _countries(case: Case, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Return countries that do not fit their zones.

    Standard deviations add up at most to their sum, whatever the counts have to do with each other;
    widths between quantiles of skewed counts need not, so those have some room.
    """
    fewer, more = case.limit("country_width_least"), case.limit("country_width_most")
    zones: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if row["zone"] != case.pack.root:
            zones.setdefault((row["quantity"], row["universe"], row["category"]), []).append(row)
    for row in rows:
        own = zones.get((row["quantity"], row["universe"], row["category"]), [])
        if row["zone"] != case.pack.root or not own:
            continue
        width, widths = row["high"] - row["low"], [zone["high"] - zone["low"] for zone in own]
        if not fewer * max(widths) <= width <= more * sum(widths) + 1 + SLACK:
            yield (
                f"{named(row)}: {width:,.1f} wide, its zones {max(widths):,.1f} at most and "
                f"{sum(widths):,.1f} together"
            )
        reach, together = _deviation(row), sum(map(_deviation, own))
        if reach > together * (1 + SLACK) + SLACK:
            yield (
                f"{named(row)}: its standard deviation {reach:,.1f}, those of its zones "
                f"{together:,.1f} together"
            )


def _deviation(row: Mapping[str, Any]) -> float:
    """The standard deviation that a row states; 0 where its variances are none."""
    parts = [row["between"], row["within"]]
    sound = all(isinstance(part, float) and isfinite(part) and part >= 0 for part in parts)
    return sqrt(sum(parts)) if sound else 0.0


def interval_summary(case: Case) -> Answer:
    """Figures are those of the table, sources of spread those declared, gaps those there are."""
    summary = case.json("uncertainty_summary.json")
    rows = case.records("SELECT * FROM uncertainty")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["quantity"]), str(row["universe"])), []).append(row)
    stated = {(str(e["quantity"]), str(e["universe"])): e for e in summary["quantities"]}
    faults = [
        f"{' '.join(key)}: in one of table and summary" for key in sorted(groups ^ stated.keys())
    ]
    for key in sorted(groups.keys() & stated.keys()):
        for name, figure in _figures(groups[key], case.pack.root).items():
            said = stated[key].get(name)
            if not isinstance(said, int | float) or abs(said - figure) > FIGURES * max(figure, 1):
                faults.append(f"{' '.join(key)}: {name} {said} stated, {figure:,.6g} recounted")
    faults += spread_faults(case, summary, rows)
    faults += without_faults(case, summary, {str(row["quantity"]) for row in rows})
    faults += _probability_faults(case, rows)
    return found(faults, f"{len(groups)} quantities as summed up")


def _figures(rows: list[dict[str, Any]], root: str) -> dict[str, float]:
    zones = [row for row in rows if row["zone"] != root]
    return {
        "rows": len(rows),
        "zones": len({row["zone"] for row in zones}),
        "median_relative_width": median(
            (row["high"] - row["low"]) / max(row["estimate"], 1.0) for row in zones
        ),
        "between_variance": sum(row["between"] for row in zones),
        "within_variance": sum(row["within"] for row in zones),
    }


def _probability_faults(case: Case, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Intervals of another probability than the registry declares for all of them."""
    declared = next(
        (
            entry["values"]["interval"]
            for entry in case.pack.registry.values()
            if entry["family"] == "household_count" and entry["status"] == "used"
        ),
        None,
    )
    for row in rows:
        if row["interval"] is not None and row["interval"] != declared:
            yield f"{named(row)}: its probability is {row['interval']}, {declared} is declared"


def _key(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    quantity, zone, universe = str(row["quantity"]), str(row["zone"]), str(row["universe"])
    return quantity, zone, universe, str(row["category"])


def _finite(row: dict[str, Any]) -> bool:
    return all(
        isinstance(row[key], int | float) and row[key] == row[key]
        for key in ("low", "estimate", "high")
    )


def _said(key: tuple[str, ...]) -> str:
    return " ".join(part for part in key if part)
