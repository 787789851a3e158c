"""Checks of the hidden-population overlays: bounded, sourced, and beside the residents.

`hidden_population_overlays` has one row per category, zone and period: docs/layers.md gives its
columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from math import isfinite
from typing import Any

from synthestat.review.case import Case
from synthestat.review.record import Answer, found
from synthestat.review.residents import published_residents

METHODS: Mapping[str, tuple[int, int | None]] = {
    "multiple_systems": (3, None),
    "two_list": (2, 2),
    "one_list": (1, 1),
    "published": (0, None),
}
"""How an overlay was estimated, with the fewest and most lists that the method can have read."""
BANDED = ("two_list", "one_list")
"""Methods that rest on an assumed dependence, so that they state the band it was given."""
DE_JURE = ("inside", "outside")
"""Whether the residents of the run already hold these people, or do not."""
MANY = 3  # modelled rows from which one relative band for all is pasted; assumption, no source
SLACK = 1e-9  # of a person
_ADDRESS = re.compile(r"(https?://|doi:|10\.\d{4,}/)\S+")


def overlay_bounds(case: Case) -> Answer:
    """0 <= low <= mid <= high, low < high where modelled, and a band for each category."""
    rows = _rows(case)
    faults = []
    for row in rows:
        low, mid, high = (row[name] for name in ("low", "mid", "high"))
        if not all(isinstance(x, int | float) and isfinite(x) for x in (low, mid, high)):
            faults.append(f"{_named(row)}: low {low}, mid {mid}, high {high}")
        elif not 0 <= low <= mid <= high:
            faults.append(f"{_named(row)}: 0 <= {low:,} <= {mid:,} <= {high:,} is false")
        elif row["evidence"] == "modelled" and low == high:
            faults.append(f"{_named(row)}: modelled, and its band has no width")
    modelled = [row for row in rows if row["evidence"] == "modelled" and row["mid"]]
    bands = {
        tuple(round(row[end] / row["mid"], 4) for end in ("low", "high"))
        for row in modelled
        if None not in (row["low"], row["high"])
    }
    categories = {row["category"] for row in modelled}
    if len(modelled) >= MANY and len(categories) > 1 and len(bands) == 1:
        faults.append(f"one relative band is given to all {len(categories)} categories")
    figures = {"rows": len(rows), "categories": len({row["category"] for row in rows})}
    return found(faults, f"{len(rows)} bounded estimates", figures=figures)


def overlay_sources(case: Case) -> Answer:
    """Each estimate names its method, lists, dependence, source, date, period and de jure word."""
    finished = str(case.manifest.get("times", {}).get("finished", ""))[:10]
    faults: list[str] = []
    for row in _rows(case):
        faults += [f"{_named(row)}: {fault}" for fault in _method_faults(row)]
        faults += [f"{_named(row)}: {fault}" for fault in _origin_faults(case, row, finished)]
    return found(faults, "every estimate says how, from what, when and for whom")


def overlay_zones(case: Case) -> Answer:
    """Zones are those of geography.csv, each row once, and parts fit the country's band."""
    rows = _rows(case)
    known = {zone.code for zone in case.pack.geography}
    faults = [
        f"{_named(row)}: {row['zone_code']} is no zone of geography.csv"
        for row in rows
        if row["zone_code"] not in known
    ]
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in ("category", "zone_code", "period", "de_jure"))
        seen[key] = seen.get(key, 0) + 1
    faults += [f"{' '.join(key)}: {times} rows" for key, times in seen.items() if times > 1]
    faults += _whole_faults(case, rows)
    return found(faults, "each category, zone and period once, parts and whole in accord")


def overlay_apart(case: Case) -> Answer:
    """Residents are as published with and without the overlay, and no row is one of its people."""
    residents = published_residents(case)
    held = dict(case.rows("SELECT zone_code::VARCHAR, count(*) FROM persons GROUP BY ALL"))
    rows = _rows(case)
    faults = []
    for zone, published in residents.items():
        extra = held.get(zone, 0) - published
        if extra:
            own = [row for row in rows if row["zone_code"] == zone]
            added = [_named(row) for row in own if row["low"] <= abs(extra) <= row["high"]]
            said = f", which {' and '.join(added)} would account for" if added else ""
            faults.append(f"{zone}: {published:,.0f} residents published, {extra:+,.0f} held{said}")
    for row in rows:
        if row["de_jure"] == "inside" and row["low"] > held.get(
            row["zone_code"], sum(held.values())
        ):
            faults.append(f"{_named(row)}: inside the de jure count, and more than it")
    categories = {str(row["category"]).casefold(): str(row["category"]) for row in rows}
    faults += _rows_of(case, categories)
    faults += [
        f"{control.id}: a control that counts overlays"
        for control in case.pack.controls
        if control.counts in ("overlays", "hidden_population_overlays")
    ]
    figures = {"zones": len(residents), "residents": sum(held.values())}
    return found(faults, "the overlay stands beside the residents", figures=figures)


def _rows(case: Case) -> list[dict[str, Any]]:
    """All rows of the overlay, with coded columns as text."""
    texts = ("category", "zone_code", "period", "method", "source", "date", "de_jure", "evidence")
    cast = ", ".join(f"{name}::VARCHAR AS {name}" for name in texts)
    return case.records(f"SELECT * REPLACE ({cast}) FROM overlays ORDER BY ALL")


def _method_faults(row: Mapping[str, Any]) -> Iterator[str]:
    method, lists = str(row["method"]), row["lists"]
    if method not in METHODS:
        yield f"method {method!r} is none of {', '.join(METHODS)}"
        return
    fewest, most = METHODS[method]
    if fewest and (lists is None or lists < fewest or (most is not None and lists > most)):
        yield f"{method} from {lists} lists"
    band = (row["dependence_low"], row["dependence_high"])
    if method in BANDED and None in band:
        yield f"{method} without the band of its dependence"
    elif None not in band and not 0 < band[0] < band[1]:
        yield f"a dependence from {band[0]} to {band[1]}"
    if method != "published" and row["evidence"] != "modelled":
        yield f"{method} is called {row['evidence']}, an estimate is modelled"


def _origin_faults(case: Case, row: Mapping[str, Any], finished: str) -> Iterator[str]:
    source = str(row["source"] or "").strip()
    if source not in case.pack.sources and not _ADDRESS.search(source):
        yield f"source {source!r} is no table of pack/sources.yaml and no address"
    try:
        day = date.fromisoformat(str(row["date"]))
        if finished and day > date.fromisoformat(finished):
            yield f"dated {day}, after the run was made ({finished})"
    except ValueError:
        yield f"date {row['date']!r} is no day (YYYY-MM-DD)"
    if not str(row["period"] or "").strip():
        yield "no period"
    if row["de_jure"] not in DE_JURE:
        yield f"de_jure {row['de_jure']!r} is neither of {', '.join(DE_JURE)}"


def _whole_faults(case: Case, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Estimates of the country that the estimates of all its zones leave."""
    parts: dict[tuple[str, ...], dict[str, float]] = {}
    for row in rows:
        if row["zone_code"] in case.pack.zones and row["mid"] is not None:
            key = (row["category"], row["period"], row["de_jure"])
            parts.setdefault(key, {})[row["zone_code"]] = row["mid"]
    for row in rows:
        own = parts.get((row["category"], row["period"], row["de_jure"]), {})
        if row["zone_code"] != case.pack.root or set(own) != set(case.pack.zones):
            continue
        total = sum(own.values())
        if not row["low"] - SLACK <= total <= row["high"] + SLACK:
            yield (
                f"{_named(row)}: {row['low']:,} to {row['high']:,} in the country, "
                f"its zones make {total:,}"
            )


def _rows_of(case: Case, categories: Mapping[str, str]) -> Iterator[str]:
    """Rows of persons and households that carry an overlay's category as a value."""
    for view in ("persons", "households"):
        for column, kind in case.columns(view).items():
            if not (kind == "VARCHAR" or kind.startswith("ENUM")) or column == "zone_code":
                continue
            sql = f'SELECT "{column}"::VARCHAR, count(*) FROM {view} GROUP BY ALL ORDER BY ALL'
            for word, number in case.rows(sql):
                if word is not None and word.casefold() in categories:
                    yield f"{view}: {number:,} rows whose {column} is the overlay's {word!r}"


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['category']} {row['zone_code']} {row['period']}"
