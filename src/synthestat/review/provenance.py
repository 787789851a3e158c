"""Checks of the sources: who published what, when, under which licence, in which bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
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
_DAY = re.compile(r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b")
AHEAD = timedelta(hours=14)
"""How far the clock of the earliest time zone is ahead of UTC, in which runs give their times."""
_YEAR = re.compile(r"\b(?:1[89]|20)\d{2}\b")
SLACK = 1e-6  # rounding of a sum of float64 figures, relative to the sum


def provenance_fields(case: Case) -> Answer:
    """Every table has its owner, address, dates, licence, hash, quirks and uses as in the pack."""
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
        if name in entries:
            faults += [f"{name}: {fault}" for fault in _word_faults(case, name, entries[name])]
    faults += [
        f"{name}: in pack/sources.yaml alone"
        for name in sorted(case.pack.sources.keys() - entries.keys())
    ]
    return found(faults, f"{len(entries)} tables are fully described")


def _word_faults(case: Case, name: str, entry: dict[str, Any]) -> Iterator[str]:
    """Quirks, noise and uses that the pack has otherwise; a retrieval after the run was made."""
    source = case.pack.sources[name]
    noise = source.noise.get("kind") if isinstance(source.noise, Mapping) else source.noise
    wanted = {
        "quality_flags": list(source.entry.get("quirks") or ()),
        "noise": noise or "none",
        "used_by": _uses(case, name),
    }
    for key, value in wanted.items():
        if entry.get(key) != value:
            yield f"{key} is {entry.get(key)!r}, by the pack {value!r}"
    day = _DAY.search(str(entry.get("retrieved")))
    finished = str(case.manifest["times"]["finished"])
    if day and datetime.fromisoformat(day[0]) > datetime.fromisoformat(finished[:19]) + AHEAD:
        yield f"retrieved {day[0]}, after the run was made ({finished})"


def _uses(case: Case, table: str) -> list[str]:
    """The controls and distributions that take a table, each with its level."""
    controls = [f"{c.id} ({c.level})" for c in case.pack.controls if c.table == table]
    return controls + [
        f"{name} (GUIDE)"
        for name, entry in case.pack.registry.items()
        if entry["kind"] == "table"
        and entry["status"] == "used"
        and str(entry["values"].get("table")) == table
    ]


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
    faults += _two_hashes(case)
    return found(faults, f"{len(pack)} snapshots hold the stated bytes")


def _two_hashes(case: Case) -> Iterator[str]:
    """Tables that are one answer to one query, by their description, in different bytes."""
    answers: dict[tuple[str, ...], dict[str, str]] = {}
    for name, source in case.pack.sources.items():
        asked = tuple(str(source.entry.get(key)) for key in ("address", "query", "retrieved"))
        answers.setdefault(asked, {})[name] = source.sha256
    for (address, query, _), hashes in answers.items():
        if len(set(hashes.values())) > 1:
            yield f"{' and '.join(hashes)}: {query!r} of {address} is frozen with different hashes"


def source_years(case: Case) -> Answer:
    """The years that a table's title and the cells in use name are of its reference period.

    A control reads the cells of one year where its `where` names one; a table that tells years
    apart and a control that does not say which are left to the recount.
    """
    faults: list[str] = []
    compared = 0
    for name, source in case.pack.sources.items():
        period = _years(str(source.entry.get("reference_period")))
        if not period:
            continue
        titles = [("title", str(source.entry.get("title")))]
        try:
            titles.append(("frozen label", read_table(case.pack, case.snapshots, name).label))
        except SynthestatError as error:
            faults.append(f"{name}: {error.message}")
        for what, text in titles:
            if (named := _years(text)) and not named & period:
                faults.append(
                    f"{name}: its {what} is of {_listed(named)}, its period of {_listed(period)}"
                )
        for control in case.pack.controls:
            read = {code for code in control.where.values() if _YEAR.fullmatch(code)}
            compared += bool(read) and control.table == name
            if control.table == name and not read <= period:
                faults.append(
                    f"{control.id}: reads {_listed(read)} of {name}, whose period is "
                    f"{_listed(period)}"
                )
    figures = {"tables": len(case.pack.sources), "controls of one year": compared}
    return found(faults, "every table is of the years that it is said to be", figures=figures)


def _years(text: str) -> set[str]:
    return set(_YEAR.findall(text))


def _listed(years: set[str]) -> str:
    return " and ".join(sorted(years))


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
    whole = bool(np.all(np.isnan(cube.values) | (cube.values == np.round(cube.values))))
    slack = 0.0 if whole else SLACK * max(1.0, abs(total))  # sums of whole numbers are exact
    if not abs(float(entry["numeric_sum"]) - total) <= slack:
        yield f"{name}: numeric_sum {entry['numeric_sum']} stated, {total} in the frozen table"
    if not numeric <= int(entry["cells_present"]) <= int(entry["cells_returned"]) <= cube.size:
        yield f"{name}: cells present, returned and expected do not nest"
