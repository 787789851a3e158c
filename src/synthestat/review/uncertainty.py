"""Checks of the intervals: every modelled count has one of its own, and lies inside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthestat.review.case import Case
from synthestat.review.record import Answer, found, skipped

SLACK = 1e-6  # rounding of a float64 bound
MANY = 3  # intervals from which one relative width for all is suspicious; assumption, no source
Key = tuple[str, str, str]


def intervals(case: Case) -> Answer:
    """Every modelled household count has an interval around its estimate and the count built."""
    rows = case.records("SELECT * FROM uncertainty")
    keyed: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        key = (str(row["quantity"]), str(row["zone"]), str(row["universe"]))
        keyed.setdefault(key, []).append(row)
    faults = [f"{' '.join(key)}: {len(held)} intervals" for key, held in keyed.items() if held[1:]]
    for row in rows:
        if not (_finite(row) and row["low"] < row["estimate"] < row["high"]):
            faults.append(
                f"{_named(row)}: {row['low']} < {row['estimate']} < {row['high']} is false"
            )
    modelled = dict(_modelled(case))
    for key, built in modelled.items():
        if key not in keyed:
            faults.append(f"{' '.join(key)}: {built:,} is modelled, and has no interval")
        elif not keyed[key][0]["low"] <= built <= keyed[key][0]["high"]:
            faults.append(f"{' '.join(key)}: the run has {built:,}, outside its interval")
    if not rows and not modelled:
        return skipped("nothing is modelled, and no interval is given")
    figures = {"modelled": len(modelled), "intervals": len(rows)}
    return found(faults, f"{len(rows)} intervals", figures=figures)


def interval_origins(case: Case) -> Answer:
    """Intervals name their method, differ between methods, and are those of the residuals."""
    rows = case.records("SELECT * FROM uncertainty")
    faults = [f"{_named(row)}: no method" for row in rows if not row["method"]]
    groups: dict[tuple[str, str], set[tuple[float, float]]] = {}
    for row in rows:
        if row["estimate"] and _finite(row):
            widths = tuple(round(row[end] / row["estimate"], 4) for end in ("low", "high"))
            group = (str(row["quantity"]), str(row["universe"]))
            groups.setdefault(group, set()).add((widths[0], widths[1]))
    if len(rows) >= MANY and len(groups) > 1 and len(set().union(*groups.values())) == 1:
        faults.append(f"one relative interval is given to all {len(rows)} quantities")
    bounds = {(str(row["quantity"]), str(row["zone"]), str(row["universe"])): row for row in rows}
    columns = "counts, zone, universe, constraint_id, low, high"
    sql = f"SELECT {columns} FROM residuals WHERE target IS NULL AND low IS NOT NULL"
    for reported in case.records(sql):
        own = bounds.get((reported["counts"], reported["zone"], reported["universe"]))
        if own is None or any(abs(own[end] - reported[end]) > SLACK for end in ("low", "high")):
            faults.append(f"{reported['constraint_id']}: its bounds are not in uncertainty.parquet")
    return found(faults, "every interval has its method and its own width")


def _modelled(case: Case) -> Iterator[tuple[Key, int]]:
    """Household counts, by zone and universe, that no table publishes, as counted in the files."""
    sql = "SELECT zone_code, universe, count(*) FROM households GROUP BY ALL ORDER BY ALL"
    for zone, universe, number in case.rows(sql):
        if (zone, universe) not in case.published_households:
            yield ("households", str(zone), str(universe)), int(number)


def _finite(row: dict[str, Any]) -> bool:
    return all(
        isinstance(row[key], int | float) and row[key] == row[key]
        for key in ("low", "estimate", "high")
    )


def _named(row: dict[str, Any]) -> str:
    return f"{row['quantity']} {row['zone']} {row['universe']}"
