"""Two runs side by side: figures, verdicts, residuals that changed, households by size and type."""

from __future__ import annotations

from typing import Any

import polars as pl

from synthestat.site.country_facts import run_line
from synthestat.site.history import Entry
from synthestat.site.run_facts import Run, coverage

MOST_CHANGED = 200


def compared(older: tuple[Entry, Run], newer: tuple[Entry, Run]) -> dict[str, Any]:
    """Return what the comparison page of two runs shows, the older first everywhere."""
    lines = [run_line(entry) for entry, _ in (older, newer)]
    runs = [run for _, run in (older, newer)]
    changed, shared, only = _residuals(*runs)
    return {
        "lines": lines,
        "same": _same(*runs),
        "counts": _counts(*(coverage(run) for run in runs)),
        "needs": _needs(older[0], newer[0]),
        "findings": _findings(older[0], newer[0]),
        "changed": changed,
        "shared": shared,
        "only": only,
        "shapes": _shapes(*runs),
    }


def _same(one: Run, other: Run) -> list[tuple[str, bool, str, str]]:
    """What made the runs: name, whether it is equal, and both values."""
    found = []
    for name, keys in (
        ("country pack", ("pack_digest",)),
        ("frozen tables", ("snapshots",)),
        ("engine", ("engine", "source_digest")),
        ("seed", ("seed",)),
        ("options", ("options",)),
    ):
        values: list[Any] = [one.manifest, other.manifest]
        for key in keys:
            values = [v.get(key) if isinstance(v, dict) else None for v in values]
        shown = [f"{len(v)} entries" if isinstance(v, dict | list) else str(v)[:12] for v in values]
        found.append((name, values[0] == values[1], shown[0], shown[1]))
    return found


def _counts(one: dict[str, Any], other: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for counts, before in one.items():
        values = (before, other[counts])
        rows.append(
            {
                "what": counts,
                "target": [v["target"] for v in values],
                "built": [v["built"] for v in values],
            }
        )
    return rows


def _needs(one: Entry, other: Entry) -> list[dict[str, Any]]:
    """The ten needs with both gaps; empty where either run is not reviewed."""
    if one.review is None or other.review is None:
        return []
    before = {need["id"]: need for need in one.review.get("rubric", [])}
    return [
        {"title": need["title"], "gaps": (before[need["id"]]["gap"], need["gap"])}
        for need in other.review.get("rubric", [])
        if need["id"] in before
    ]


def _findings(one: Entry, other: Entry) -> dict[str, list[str]]:
    """Ids of checks that were found at fault in the older run alone, and in the newer alone."""
    found = []
    for entry in (one, other):
        both = (entry.review or {}).get("findings", {})
        listed = [*both.get("blocking", []), *both.get("non_blocking", [])]
        found.append({str(finding.get("check")) for finding in listed})
    return {"gone": sorted(found[0] - found[1]), "new": sorted(found[1] - found[0])}


def _residuals(one: Run, other: Run) -> tuple[list[dict[str, Any]], int, tuple[int, int]]:
    """Rows whose residual or status differs, largest change first; rows of both; of one alone."""
    columns = ("target", "observed", "residual", "status")
    key = "constraint_id"
    left, right = (
        run.residuals.select(key, "zone", "control_id", "category", *columns)
        for run in (one, other)
    )
    both = left.join(right.select(key, *columns), on=key, suffix="_newer")
    differ = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(f"{name}_newer")) for name in ("residual", "status")
    )
    change = (pl.col("residual_newer").fill_null(0) - pl.col("residual").fill_null(0)).abs()
    changed = (
        both.filter(differ)
        .with_columns(change=change)
        .sort("change", key, descending=[True, False])
    )
    rows = [
        {**row, "zone_name": other.zone_name(row["zone"])}
        for row in changed.head(MOST_CHANGED).to_dicts()
    ]
    return rows, both.height, (left.height - both.height, right.height - both.height)


def _shapes(one: Run, other: Run) -> list[dict[str, Any]]:
    """Households by size and type of both runs: one row a pair that either has."""
    tables = [
        run.optional("household_diagnostics.json").get("size_by_type", {}) for run in (one, other)
    ]
    sizes = sorted({int(size) for table in tables for size in table})
    rows = []
    for size in sizes:
        kinds = list(dict.fromkeys(kind for t in tables for kind in t.get(str(size), {})))
        for kind in kinds:
            counts = [int(t.get(str(size), {}).get(kind, 0)) for t in tables]
            rows.append({"size": size, "kind": kind, "counts": counts})
    return rows
