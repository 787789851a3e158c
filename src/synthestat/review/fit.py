"""The check of distribution_diagnostics.json: fit by control, sizes by their guide, idle tables.

What an attribute's entry there says is held against persons and pack by the attributes' checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

import numpy as np

from synthestat.review.case import Case
from synthestat.review.controls import EXACT
from synthestat.review.record import Answer, found
from synthestat.review.recount import Cell, read_table

ROUNDED = 5.1e-7  # shares have six decimals
NONE_IDLE = "none: every table at hand constrains or shapes this build"


def fit_summary(case: Case) -> Answer:
    """Controls are summed up as recounted, sizes stand by their guide, idle tables are named."""
    stated = {
        str(row["control_id"]): row
        for row in case.json("distribution_diagnostics.json")["families"]
    }
    judged: dict[str, list[Cell]] = {}
    for cell in case.cells:
        if cell.judged:
            judged.setdefault(cell.control.id, []).append(cell)
    faults = [f"{name}: not recounted" for name in sorted(stated.keys() - judged.keys())]
    for name, cells in judged.items():
        row = stated.get(name)
        if row is None:
            faults.append(f"{name}: no row sums it up")
            continue
        residuals = [abs(cell.residual) for cell in cells]
        mean = sum(cell.target or 0.0 for cell in cells) / len(cells)
        error = sqrt(sum(each**2 for each in residuals) / len(cells))
        wanted: dict[str, Any] = {
            "family": cells[0].control.family,
            "level": cells[0].control.level,
            "rows": len(cells),
            "exact": residuals.count(0),
            "total_absolute_error": sum(residuals),
            "largest_residual": max(residuals),
        }
        if mean:
            wanted["srmse"] = error / mean
        faults += [
            f"{name}: {key} {row.get(key)} stated, {value} recounted"
            for key, value in wanted.items()
            if not _alike(row.get(key), value)
        ]
    document = case.json("distribution_diagnostics.json")
    faults += _size_guide_faults(case, document["household_size_guide"])
    idle = _held_out(case)
    if document["held_out_tables"] != idle:
        faults.append(f"held_out_tables: {document['held_out_tables']!r}, by the pack {idle!r}")
    return found(faults, f"{len(judged)} controls are summed up as recounted")


def _alike(stated: object, value: object) -> bool:
    if isinstance(stated, int | float) and isinstance(value, int | float):
        return abs(stated - value) <= EXACT * max(1.0, abs(value))
    return stated == value


def _held_out(case: Case) -> str:
    """The frozen tables that no control (but for show) and no distribution takes, in words."""
    used = {c.table for c in case.pack.controls if c.level != "INFORMATIONAL"}
    used |= {
        str(entry["values"].get("table"))
        for entry in case.pack.registry.values()
        if entry["status"] == "used"
    }
    return ", ".join(sorted(case.pack.sources.keys() - used)) or NONE_IDLE


def _size_guide_faults(case: Case, stated: Mapping[str, Any]) -> Iterator[str]:
    """Shares of private households by size, built and as the registry guides, and how far apart."""
    entry = case.pack.used["household_size"]
    if stated["entry"] != entry["id"]:
        yield f"household_size_guide: entry {stated['entry']}, the pack takes {entry['id']}"
    largest = int(case.pack.rules["largest_household"])
    sql = "SELECT size, count(*) FROM households WHERE kind = 'private' GROUP BY ALL"
    counts = {int(size): int(number) for size, number in case.rows(sql)}
    homes = max(sum(counts.values()), 1)
    built = [counts.get(size, 0) / homes for size in range(1, largest + 1)]
    guide = _guide(case, entry["values"], largest)
    for name, wanted in (("built", built), ("guide", guide)):
        told = list(stated[name])
        if len(told) != largest:
            yield f"household_size_guide: {name} has {len(told)} sizes, the largest is {largest}"
            continue
        for size, (share, own) in enumerate(zip(told, wanted, strict=True), start=1):
            if not abs(share - own) <= ROUNDED:
                yield f"household_size_guide: {name}, size {size}: {share} stated, {own} recomputed"
    apart = sum(abs(one - other) for one, other in zip(built, guide, strict=True)) / 2
    if not abs(stated["total_variation"] - apart) <= EXACT:
        said = f"{stated['total_variation']} stated, {apart} recomputed"
        yield f"household_size_guide: total_variation {said}"


def _guide(case: Case, values: Mapping[str, Any], largest: int) -> list[float]:
    """Shares of sizes 1 to the largest by the registry, the open class as a geometric tail."""
    if "sizes" in values:
        weights = {str(size): float(weight) for size, weight in values["sizes"].items()}
        closed = len(weights) - 1
        last = weights[f"{closed + 1}+"]
    else:
        cube = read_table(case.pack, case.snapshots, str(values["table"]))
        axis = [d.id for d in cube.dimensions].index(str(values["dimension"]))
        codes = cube.dimensions[axis].codes
        others = tuple(at for at in range(len(cube.dimensions)) if at != axis)
        weights = dict(zip(codes, np.nansum(cube.values, axis=others).tolist(), strict=True))
        closed = len(weights) - 1
        last = weights[str(values["open_class"])]
    tail = [float(values["tail_ratio"]) ** step for step in range(largest - closed)]
    shape = [weights[str(size)] for size in range(1, closed + 1)]
    shape += [last * each / sum(tail) for each in tail]
    return [each / sum(shape) for each in shape]
