"""What bounds and variances of modelled counts may be: no less than nobody, no more than all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from synthestat.review.case import Case

HALF = 0.5  # bounds lie half a unit outside the counts that they include: the run's policy
SLACK = 1e-6  # rounding of a float64 bound
Row = Mapping[str, Any]
Sizes = dict[tuple[str, str], int]


def named(row: Row) -> str:
    """A row of uncertainty.parquet in words."""
    parts = (row["quantity"], row["zone"], row["universe"], row["category"])
    return " ".join(str(part) for part in parts if part)


def _numbers(row: Row, *names: str) -> bool:
    return all(isinstance(row[name], int | float) and isfinite(row[name]) for name in names)


def reach_faults(case: Case, rows: Iterable[Row]) -> Iterator[str]:
    """Bounds below nobody, or above everybody that there is to count.

    Parts of persons, and of households whose number is published, are at most all of them; other
    households are at most as many as their members.
    """
    sizes = {view: _sizes(case, view) for view in ("persons", "households")}
    for row in rows:
        if not _numbers(row, "low", "high"):
            continue
        place = (str(row["zone"]), str(row["universe"]))
        homes = str(row["quantity"]).startswith("households")
        given = place in case.published_households
        most = sizes["households" if homes and given else "persons"].get(place)
        if row["low"] < -HALF - SLACK:
            yield f"{named(row)}: from {row['low']:,.1f}, and no count is below 0"
        if most is not None and row["high"] > most + HALF + SLACK:
            yield f"{named(row)}: up to {row['high']:,.1f}, and there are {most:,} in all"


def _sizes(case: Case, view: str) -> Sizes:
    """Rows of a table by zone (and in the country) and universe, made up of others or not."""
    sizes: Sizes = {}
    sql = f"SELECT zone_code, universe, count(*) FROM {view} GROUP BY ALL"
    for zone, word, number in case.rows(sql):
        for universe, parts in case.pack.universe_parts.items():
            if str(word) in parts:
                for place in {str(zone), case.pack.root}:
                    sizes[place, universe] = sizes.get((place, universe), 0) + int(number)
    return sizes


def counting_faults(case: Case, rows: Iterable[Row]) -> Iterator[str]:
    """Variances `within` that whole units cannot have: of counts they are at most their mean."""
    most, least = case.limit("within_most"), case.limit("within_count")
    for row in rows:
        if row["interval"] is None or not _numbers(row, "within", "low", "high", "estimate"):
            continue
        middle = (row["low"] + row["high"]) / 2
        if min(middle, row["estimate"]) >= least and row["within"] > most * middle:
            yield (
                f"{named(row)}: variance within {row['within']:,.1f}, of counts around "
                f"{middle:,.1f} it is at most that"
            )


def country_faults(case: Case, rows: Iterable[Row]) -> Iterator[str]:
    """Countries that vary less between draws than the declared doubt of the country alone.

    A share p of N drawn with concentration a varies by N^2 p (1 - p) / (a + 1), whatever the zones
    add. Judged are quantities of one column, and shares that are a few units of concentration:
    rarer ones vary by draws far out, of which there are too few.
    """
    least, fewest = case.limit("country_between_least"), case.limit("country_between_share")
    concentrations = _concentrations(case)
    held: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        key, category = (str(row["quantity"]), str(row["universe"])), str(row["category"])
        alone = key in concentrations and ";" not in category
        if row["zone"] != case.pack.root and alone and _numbers(row, "estimate"):
            parts = held.setdefault(key, {})
            parts[category] = parts.get(category, 0.0) + float(row["estimate"])
    for row in rows:
        key, category = (str(row["quantity"]), str(row["universe"])), str(row["category"])
        if row["zone"] != case.pack.root or category not in held.get(key, {}):
            continue
        total, a = sum(held[key].values()), concentrations[key]
        share = held[key][category] / total if total else 0.0
        doubt = total**2 * share * (1 - share) / (a + 1)
        sound = _numbers(row, "between")
        if share * a >= fewest and sound and row["between"] < least * doubt:
            yield (
                f"{named(row)}: variance between {row['between']:,.1f}; the doubt declared for the "
                f"country alone makes it {doubt:,.1f}"
            )


def _concentrations(case: Case) -> dict[tuple[str, str], float]:
    """The country's declared concentrations of the summary, by quantity and universe."""
    found = {}
    for each in case.json("uncertainty_summary.json")["quantities"]:
        country = each["spread"].get("country") or {}
        if isinstance(a := country.get("declared"), int | float) and a > 0:
            found[str(each["quantity"]), str(each["universe"])] = float(a)
    return found


def mirror_faults(case: Case, rows: Iterable[Row]) -> Iterator[str]:
    """Two zones that share a HARD number of households, and do not mirror each other.

    What one has the other lacks: the least of one and the most of the other make up the rest. Ends
    that are whole or half numbers are those of what a zone can hold, and are not compared.
    """
    universe, root = case.pack.household_universe, case.pack.root
    hard = any(
        cell.control.level == "HARD"
        and cell.control.counts == "households"
        and (cell.zone, cell.control.universe) == (root, universe)
        and not (cell.control.by or cell.control.only or cell.control.total_of)
        and cell.target is not None
        for cell in case.cells
    )
    own = [row for row in rows if (row["quantity"], row["universe"]) == ("households", universe)]
    sound = all(_numbers(row, "low", "high", "estimate") for row in own)
    if not hard or not sound or len(own) != 2 or any(row["zone"] == root for row in own):
        return
    rest = sum(row["estimate"] for row in own)
    for one, other in (own, own[::-1]):
        ends = (one["low"], other["high"])
        free = all(abs(2 * end - round(2 * end)) > SLACK for end in ends)
        if free and abs(sum(ends) - rest) > SLACK * max(rest, 1):
            yield (
                f"{named(one)}: from {ends[0]:,.2f}, and {named(other)} up to {ends[1]:,.2f}; "
                f"together they hold {rest:,.0f}"
            )
