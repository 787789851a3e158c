"""Checks of the bundle as a set of files: whole, unchanged, complete, and named honestly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from synthestat.review import assignments, buildings, overlays
from synthestat.review.case import TABLES, Case, says
from synthestat.review.definitions import BINDING, read_yaml
from synthestat.review.record import Answer, found
from synthestat.tables import content_digest

CHECKSUMS = "checksums.sha256"
COLUMNS = {
    "persons": {
        "person_id": "whole number",
        "household_id": "whole number",
        "zone_code": "text",
        "age": "whole number",
        "sex": "text",
        "universe": "text",
        "household_role": "text",
        "partner_id": "whole number",
        "mother_id": "whole number",
        "father_id": "whole number",
        "family_status": "text",
    },
    "households": {
        "household_id": "whole number",
        "zone_code": "text",
        "size": "whole number",
        "household_type": "text",
        "kind": "text",
        "institution": "text",
        "reference_person_id": "whole number",
        "dwelling_id": "whole number",
        "universe": "text",
    },
    "dwellings": {
        "dwelling_id": "whole number",
        "zone_code": "text",
        "occupancy": "text",
        "household_ids": "list of whole numbers",
        "household_count": "whole number",
        "dwelling_type": "text",
        "building_id": "text or whole number",
    },
    "buildings": {
        "dwelling_id": "whole number",
        "building_id": "text or whole number",
        "zone_code": "text",
        "evidence": "text",
        "capacity": "whole number",
    },
    "overlays": {
        "category": "text",
        "zone_code": "text",
        "period": "text",
        "low": "decimal or whole number",
        "mid": "decimal or whole number",
        "high": "decimal or whole number",
        "method": "text",
        "lists": "whole number",
        "dependence_low": "decimal or whole number",
        "dependence_high": "decimal or whole number",
        "source": "text",
        "date": "text",
        "de_jure": "text",
        "evidence": "text",
    },
    "places": {
        "person_id": "whole number",
        "kind": "text",
        "destination": "text",
        "place_id": "text or whole number",
        "zone_code": "text",
        "external_zone": "text",
        "capacity": "whole number",
        "distance_km": "decimal or whole number",
        "evidence": "text",
    },
}
"""The columns of each table; those of the last three are described in docs/layers.md."""
INSTITUTIONS = (
    *("care_home", "prison", "student_hall", "barracks"),
    *("reception_centre", "religious", "hospital", "other"),
)
WORDS = {
    ("persons", "household_role"): (
        *("reference", "partner", "child", "child_in_law", "grandchild"),
        *("parent", "sibling", "other_relative", "non_relative", "institutional"),
    ),
    ("persons", "family_status"): ("in a family nucleus", "in no family nucleus"),
    ("households", "kind"): ("private", "institutional"),
    ("households", "household_type"): (
        *("single", "couple_without_children", "couple_with_children"),
        *("lone_mother", "lone_father", "extended", "other"),
    ),
    ("households", "institution"): INSTITUTIONS,
    ("dwellings", "occupancy"): (
        *("occupied", "vacant", "secondary_or_unresolved", "institutional"),
    ),
    ("buildings", "evidence"): buildings.EVIDENCE,
    ("overlays", "method"): tuple(overlays.METHODS),
    ("overlays", "de_jure"): overlays.DE_JURE,
    ("overlays", "evidence"): ("measured", "modelled"),
    ("places", "kind"): assignments.KINDS,
    ("places", "destination"): assignments.DESTINATIONS,
    ("places", "evidence"): ("measured", "constrained", "modelled"),
}
MAY_BE_BLANK = {
    "persons": ("partner_id", "mother_id", "father_id", "family_status"),
    "households": ("dwelling_id", "institution", "household_type", "reference_person_id"),
    "dwellings": ("household_ids", "dwelling_type", "building_id"),
    "buildings": ("capacity",),
    "overlays": ("lists", "dependence_low", "dependence_high"),
    "places": ("place_id", "zone_code", "external_zone", "capacity", "distance_km"),
}
"""Columns that may be empty in a row; the checks of links, roles and layers say when."""
MARKER_TEXTS = ("country", "run_id", "layer", "reason", "evidence_needed", "looked_in")


def checksums(case: Case) -> Answer:
    """Every file listed once, none extra or absent, every SHA-256 as recomputed."""
    listed: dict[str, str] = {}
    faults = []
    for number, line in enumerate(case.text(CHECKSUMS).splitlines(), 1):
        sha256, _, name = line.partition("  ")
        if not name or len(sha256) != 64:
            faults.append(f"{CHECKSUMS} line {number} is not `<sha256>  <file>`")
        elif listed.setdefault(name, sha256) != sha256:
            faults.append(f"{name}: two hashes stand in {CHECKSUMS}")
    there = {
        path.relative_to(case.folder).as_posix(): path
        for path in sorted(case.folder.rglob("*"))
        if path.is_file() and path != case.folder / CHECKSUMS
    }
    faults += [f"{name}: listed but absent" for name in listed if name not in there]
    faults += [
        f"{name}: in the folder, but not listed in {CHECKSUMS}"
        for name in there
        if name not in listed
    ]
    for name in sorted(listed.keys() & there.keys()):
        if _sha256(there[name]) != listed[name]:
            faults.append(f"{name}: its bytes are not those of the listed hash")
    figures = {"files": len(there), "listed": len(listed)}
    return found(faults, f"all {len(there)} files as listed", figures=figures)


def table_digests(case: Case) -> Answer:
    """The content digest of every table as the manifest states it."""
    stated = dict(case.manifest["table_digests"])
    faults = []
    for layer in TABLES.values():
        path = case.folder / f"{layer}.parquet"
        if not path.is_file():
            if layer in stated:
                faults.append(f"{layer}.parquet: absent, but the manifest has its digest")
            continue
        if layer not in stated:
            faults.append(f"{layer}: the manifest has no digest of it")
            continue
        try:
            digest = content_digest(pl.read_parquet(path))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            faults.append(f"{path.name}: cannot be read: {error}")
            continue
        if digest != stated[layer]:
            faults.append(f"{path.name}: content digest {digest}, manifest {stated[layer]}")
    return found(faults, "every table has the content that the manifest states")


def layers(case: Case) -> Answer:
    """One of table and marker for each layer, as the manifest says; markers explain as the pack."""
    faults = []
    stated = case.manifest["layers"]
    faults += [f"{name}: no such layer" for name in stated if name not in TABLES.values()]
    for layer in TABLES.values():
        marker = case.folder / f"{layer}.unavailable.json"
        table, marked = (case.folder / f"{layer}.parquet").is_file(), marker.is_file()
        if table == marked:
            faults.append(f"{layer}: {'both' if table else 'neither'} table and marker")
        absent = stated.get(layer) in ("unavailable", "blocked")
        if layer not in stated or absent == table:
            faults.append(f"{layer}: the manifest calls it {stated.get(layer)!r}")
        if marked:
            faults += _marker_faults(case, marker)
    for layer in ("synthetic_persons", "synthetic_households"):
        if (case.folder / f"{layer}.unavailable.json").is_file():
            faults.append(f"{layer}: a population cannot be without it")
    return found(faults, "each layer has a table or says why not", figures=dict(stated))


def table_columns(case: Case) -> Answer:
    """Each table has the contract's columns, of the right kind, with a value in every row."""
    faults = []
    for view, wanted in COLUMNS.items():
        if case.declared_unavailable(view):
            continue
        file = f"{TABLES[view]}.parquet"
        if fault := case.fault(file):
            faults.append(fault)
            continue
        columns = case.columns(view)
        for name, kind in wanted.items():
            if name not in columns:
                faults.append(f"{file}: no column {name}")
            elif _kind(columns[name]) not in kind:
                faults.append(f"{file}: {name} is {columns[name]}, must be {kind}")
        full = [name for name in _full_columns(view) if name in columns]
        blanks = case.rows(
            f"SELECT {', '.join(f'count(*) - count({n})' for n in full)} FROM {view}"
        )
        for name, number in zip(full, blanks[0], strict=True):
            if number:
                faults.append(f"{file}: {name} is empty in {number:,} rows")
    attributes = [str(entry["name"]) for entry in _attributes(case)]
    persons = case.columns("persons")
    faults += [f"no column {name}, which the pack declares" for name in attributes - persons.keys()]
    return found(faults, "every table keeps the contract")


def closed_words(case: Case) -> Answer:
    """Coded columns hold only words of their closed lists."""
    lists = dict(WORDS)
    for name, words in case.pack.country["classifications"].items():
        lists["persons", str(name)] = tuple(str(word) for word in words)
    faults = []
    for (view, column), words in lists.items():
        if case.declared_unavailable(view) or column not in case.columns(view):
            continue
        used = case.rows(f'SELECT "{column}", count(*) FROM {view} GROUP BY ALL ORDER BY 1')
        faults += [
            f"{TABLES[view]}.{column}: {number:,} rows say {word!r}, not in its list"
            f"{case.such_as(view, says(column, word))}"
            for word, number in used
            if word is not None and word not in words
        ]
    return found(faults, f"{len(lists)} coded columns keep their lists")


def _marker_faults(case: Case, marker: Path) -> Iterator[str]:
    document = case.json(marker.name)
    for key in MARKER_TEXTS:
        if not document.get(key):
            yield f"{marker.name}: nothing under {key!r}"
    for key, wanted in (
        ("run_id", case.manifest["run_id"]),
        ("country", case.manifest["country"]),
        ("layer", marker.name.removesuffix(".unavailable.json")),
    ):
        if document.get(key) != wanted:
            yield f"{marker.name}: {key} is {document.get(key)!r}, must be {wanted!r}"
    declared = _declared(case, str(document.get("layer")))
    if declared is None:
        yield f"{marker.name}: pack/country.yaml declares no such layer unavailable"
        return
    for key, wanted in declared.items():
        if document.get(key) != wanted:
            yield f"{marker.name}: {key} is {document.get(key)!r}, in the pack {wanted!r}"


def _declared(case: Case, layer: str) -> dict[str, Any] | None:
    """What the pack says of a layer that it cannot support; None where it says nothing.

    Dwellings that no control counts need no entry: nobody has looked beyond the controls.
    """
    for entry in case.pack.country.get("unavailable_layers") or ():
        if str(entry["layer"]) == layer:
            lists = {key: list(entry[key]) for key in ("evidence_needed", "looked_in")}
            return {"reason": entry["reason"], **lists}
    counted = any(
        control.counts == "dwellings" and control.level in BINDING for control in case.pack.controls
    )
    if layer == "synthetic_dwellings" and not counted:
        return {"looked_in": ["controls.yaml"]}
    return None


def _full_columns(view: str) -> list[str]:
    return [name for name in COLUMNS[view] if name not in MAY_BE_BLANK[view]]


def _attributes(case: Case) -> list[dict[str, Any]]:
    path = case.folder / "pack" / "attributes.yaml"
    return list(read_yaml(path)["attributes"]) if path.is_file() else []


def _kind(sql_type: str) -> str:
    """The plain name of a SQL type."""
    if sql_type.endswith("[]"):
        return f"list of {_kind(sql_type[:-2])}s"
    if "INT" in sql_type:
        return "whole number"
    if sql_type in ("DOUBLE", "FLOAT") or sql_type.startswith("DECIMAL"):
        return "decimal"
    return "text" if sql_type == "VARCHAR" or sql_type.startswith("ENUM") else sql_type


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
