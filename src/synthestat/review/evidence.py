"""Checks of how far the evidence reaches: fixed thresholds, missing layers, wide intervals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from synthestat.review.case import TABLES, Case
from synthestat.review.record import SHOWN, Answer, Status, found, skipped

WORDS = ("measured", "constrained", "modelled")
PACK_FILES = (
    *("country.yaml", "geography.csv", "sources.yaml", "controls.yaml", "priors.yaml"),
    *("attributes.yaml", "concordance.csv", "LIMITS.md", "default_priors.yaml"),
)
"""The files that a pack's digest covers, in its order; an absent one counts as empty."""
KEYS = (
    *("person_id", "household_id", "dwelling_id", "building_id", "reference_person_id"),
    *("partner_id", "mother_id", "father_id", "household_ids", "household_count"),
    *("zone_code", "universe", "kind", "institution"),
)
"""Columns that tie rows together or say where they are counted; all others describe."""
RECORDS = ("persons", "households", "dwellings")


def pack_digest(case: Case) -> Answer:
    """The pack in the bundle is the one that the manifest digests, and the run's id follows."""
    manifest = case.manifest
    digest = hashlib.sha256()
    for name in PACK_FILES:
        path = case.folder / "pack" / name
        digest.update(f"{name}\x1f".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    faults = []
    if digest.hexdigest() != manifest["pack_digest"]:
        said = f"{manifest['pack_digest']} in the manifest, {digest.hexdigest()} recomputed"
        faults.append(f"the pack's digest is {said}")
    identity = hashlib.sha256()
    options = [f"{name}={value}" for name, value in manifest["options"].items()]
    engine = manifest["engine"]
    parts = (manifest["pack_digest"], engine["version"], engine["source_digest"])
    for part in (*parts, f"seed={manifest['seed']}", *options):
        identity.update(str(part).encode() + b"\x1f")
    for table in case.pack.sources:  # the manifest's own order is by name
        identity.update(str(manifest["snapshots"][table]).encode())
    if f"_{identity.hexdigest()[:8]}_" not in str(manifest["run_id"]):
        said = f"its parts give {identity.hexdigest()[:8]}"
        faults.append(f"build_manifest.json: run_id {manifest['run_id']}, {said}")
    return found(faults, "the pack and the run's id are those of the build")


def review_thresholds(case: Case) -> Answer:
    """The pack's own thresholds are known ones, each a number, in one entry."""
    own = {t.id: t.value for t in case.thresholds.by_id.values() if t.origin != "engine"}
    fine = f"{len(own)} thresholds are the pack's own, the others the engine's"
    return found(case.thresholds.faults, fine, figures=dict(own))


def missing_layers(case: Case) -> Answer:
    """Layers that are declared unavailable, with the places where nobody looked for evidence."""
    gone = unavailable_layers(case)
    lines = [
        f"{layer['layer']}: needs {'; '.join(layer['evidence_needed']) or 'what it does not say'}; "
        f"places left: {', '.join(layer['places_left']) or 'none'}"
        for layer in gone
    ]
    figures = {
        "unavailable": len(gone),
        "with places left": sum(bool(layer["places_left"]) for layer in gone),
    }
    if not lines:
        return Answer(Status.PASS, "every layer has a table", figures)
    names = ", ".join(layer["layer"] for layer in gone)
    open_ = figures["with places left"]
    notes = f"unavailable: {names}; for {open_} of them places are left where nobody looked"
    return Answer(Status.WARN, notes, figures, tuple(lines))


def unavailable_layers(case: Case) -> list[dict[str, Any]]:
    """Each unavailable layer: its name, evidence_needed, looked_in and places_left."""
    layers = []
    for view, layer in TABLES.items():
        if case.declared_unavailable(view):
            marker = case.json(f"{layer}.unavailable.json")
            looked = [str(place) for place in marker.get("looked_in") or ()]
            layers.append(
                {
                    "layer": layer,
                    "evidence_needed": [str(e) for e in marker.get("evidence_needed") or ()],
                    "looked_in": looked,
                    "places_left": case.thresholds.left(looked),
                }
            )
    return layers


def national_widths(case: Case) -> Answer:
    """National counts whose interval is wide beside the estimate, the widest first."""
    judged, wide = wide_intervals(case)
    if not judged:
        return skipped("no modelled count is large enough to be judged")
    lines = [
        f"{row['quantity']} {row['universe']} {row['category']}: {row['low']:,.1f} to "
        f"{row['high']:,.1f} around {row['estimate']:,.0f}, {row['width']:.2f} of it; "
        f"places left: {', '.join(row['places_left']) or 'none'}"
        for row in wide
    ]
    figures = {
        "judged": judged,
        "wide": len(wide),
        "widest": wide[0]["width"] if wide else 0.0,
        "with places left": sum(bool(row["places_left"]) for row in wide),
    }
    if not lines:
        return Answer(Status.PASS, f"{judged} national counts are narrow enough", figures)
    notes = f"{len(wide)} of {judged} national counts have a wide interval; the widest: {lines[0]}"
    return Answer(Status.WARN, notes, figures, tuple(lines[:SHOWN]))


def wide_intervals(case: Case) -> tuple[int, list[dict[str, Any]]]:
    """How many national intervals are judged, and those wider than the threshold, widest first.

    Each with quantity, zone, universe, category, low, estimate, high, width (over the estimate)
    and places_left. Judged are counts of at least the share `national_share` of their universe.
    """
    most, share = case.limit("national_width"), case.limit("national_share")
    sizes = {
        view: {
            str(universe): int(number)
            for universe, number in case.rows(f"SELECT universe, count(*) FROM {view} GROUP BY ALL")
        }
        for view in ("persons", "households")
    }
    judged, wide = 0, []
    columns = "quantity, zone, universe, category, low, estimate, high"
    for row in case.records(f"SELECT {columns} FROM uncertainty ORDER BY ALL"):
        view = "households" if str(row["quantity"]).startswith("households") else "persons"
        parts = case.pack.universe_parts.get(str(row["universe"]), (str(row["universe"]),))
        whole = sum(sizes[view].get(part, 0) for part in parts)
        small = not row["estimate"] or row["estimate"] < share * whole
        if row["zone"] != case.pack.root or small:
            continue
        judged += 1
        width = round((row["high"] - row["low"]) / row["estimate"], 6)
        if width > most:
            places = case.thresholds.searched.get(str(row["quantity"]), ())
            wide.append({**row, "width": width, "places_left": case.thresholds.left(places)})
    wide.sort(key=lambda row: (-row["width"], row["quantity"], row["universe"], row["category"]))
    return judged, wide


def value_counts(case: Case, view: str) -> dict[str, dict[str, int]]:
    """Values of each describing column of a table by evidence word, word by row where it differs.

    Columns are those of `view` that describe, without the words themselves; {} where the layer is
    unavailable.
    """
    if case.declared_unavailable(view) or case.fault(f"{TABLES[view]}.parquet"):
        return {}
    path = case.folder / f"{TABLES[view]}.parquet"
    said = (pq.ParquetFile(path).metadata.metadata or {}).get(b"synthestat", b"{}")
    stated: Mapping[str, Any] = json.loads(said).get("evidence") or {}
    columns = case.columns(view)
    names = [name for name in columns if not name.endswith("_evidence") and name not in KEYS]
    parts, places = [], []
    for name in names:
        for word in WORDS:
            by_row = f"{name}_evidence" in columns
            kept = f"\"{name}_evidence\" = '{word}'" if by_row else str(stated.get(name) == word)
            parts.append(f'count("{name}") FILTER ({kept})')
            places.append((name, word))
    counted = case.rows(f"SELECT {', '.join(parts)} FROM {view}")[0]
    held: dict[str, dict[str, int]] = {}
    for (name, word), number in zip(places, counted, strict=True):
        held.setdefault(name, {})[word] = int(number)
    return held


def supported_share(case: Case) -> float:
    """The share of values of persons, households and dwellings called measured or constrained."""
    totals = dict.fromkeys(WORDS, 0)
    for view in RECORDS:
        for counts in value_counts(case, view).values():
            for word, number in counts.items():
                totals[word] += number
    values = sum(totals.values())
    return (totals["measured"] + totals["constrained"]) / values if values else 0.0
