"""Checks of the sources: who published what, when, under which licence, in which bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from synthestat.errors import SynthestatError
from synthestat.review.case import Case
from synthestat.review.record import Answer, found
from synthestat.review.recount import read_table
from synthestat.sources.cube import CellStatus

SAID = (
    *("publisher", "address", "query", "retrieved"),
    *("reference_period", "licence", "sha256", "title"),
)
SLACK = 1e-6  # rounding of a sum of float64 figures, relative to the sum


def provenance_fields(case: Case) -> Answer:
    """Every table has owner, address, query, retrieval, reference period, licence and hash."""
    entries = _entries(case)
    faults = [
        f"{name}: nothing under {key!r}"
        for name, entry in entries.items()
        for key in SAID
        if not str(entry.get(key) or "").strip()
    ]
    for name, source in case.pack.sources.items():
        faults += [
            f"{name}: {key} is {entries[name].get(key)!r}, in pack/sources.yaml "
            f"{source.entry.get(key)!r}"
            for key in SAID
            if name in entries and str(entries[name].get(key)) != str(source.entry.get(key))
        ]
    return found(faults, f"{len(entries)} tables are fully described")


def snapshot_hashes(case: Case) -> Answer:
    """Provenance, manifest and pack give one hash for each table, and the frozen bytes have it."""
    provenance = {name: entry.get("sha256") for name, entry in _entries(case).items()}
    manifest = dict(case.manifest["snapshots"])
    pack = {name: source.sha256 for name, source in case.pack.sources.items()}
    faults = []
    for name in sorted({*provenance, *manifest, *pack}):
        hashes = {str(place.get(name)) for place in (provenance, manifest, pack)}
        if len(hashes) > 1:
            faults.append(f"{name}: {len(hashes)} hashes: {', '.join(sorted(hashes))}")
        for sha256 in sorted(hashes - {"None"}):
            try:
                case.snapshots.read(sha256)
            except SynthestatError as error:
                said = error.message.replace(str(_place(case, sha256)), sha256)
                faults.append(f"{name}: {said}")
    return found(faults, f"{len(pack)} snapshots hold the stated bytes")


def provenance_counts(case: Case) -> Answer:
    """Cell counts, sums and symbols of every table as recomputed from the frozen bytes."""
    faults: list[str] = []
    for name, entry in _entries(case).items():
        if name not in case.pack.sources:
            faults.append(f"{name}: not in pack/sources.yaml")
            continue
        try:
            faults += _count_faults(case, name, entry)
        except SynthestatError as error:
            faults.append(f"{name}: cannot be recomputed: {type(error).__name__}")
    return found(faults, "every count is that of the frozen table")


def _place(case: Case, sha256: str) -> Path | str:
    """Where a snapshot lies, so that a note can leave the folder out."""
    return case.snapshots.path(sha256) if case.snapshots.has(sha256) else sha256


def _entries(case: Case) -> dict[str, dict[str, Any]]:
    tables = case.json("source_provenance.json")["tables"]
    return {str(entry["id"]): entry for entry in tables}


def _count_faults(case: Case, name: str, entry: dict[str, Any]) -> Iterator[str]:
    cube = read_table(case.pack, case.snapshots, name)
    numeric = int(np.count_nonzero(~np.isnan(cube.values)))
    tally = {
        word: int(np.count_nonzero(cube.status == CellStatus[word.upper()]))
        for word in ("zero", "suppressed", "missing", "not_applicable")
    }
    wanted: dict[str, object] = {
        "bytes": len(case.snapshots.read(case.pack.sources[name].sha256)),
        "cells_expected": cube.size,
        "cells_numeric": numeric,
        "dimensions": {each.id: len(each.codes) for each in cube.dimensions},
        "symbols": tally,
    }
    for key, value in wanted.items():
        if entry.get(key) != value:
            yield f"{name}: {key} {entry.get(key)} stated, {value} in the frozen table"
    total = float(np.nansum(cube.values))
    if abs(float(entry["numeric_sum"]) - total) > SLACK * max(1.0, abs(total)):
        yield f"{name}: numeric_sum {entry['numeric_sum']} stated, {total} in the frozen table"
    if not numeric <= int(entry["cells_present"]) <= int(entry["cells_returned"]) <= cube.size:
        yield f"{name}: cells present, returned and expected do not nest"
