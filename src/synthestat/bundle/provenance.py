"""Where every number came from: one record per frozen table."""

from __future__ import annotations

import numpy as np

from synthestat.packs.spec import SourceSpec
from synthestat.sources.cube import CellStatus, Cube
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population


def source_provenance(population: Population, snapshots: SnapshotStore) -> dict[str, object]:
    """Return one record per table: owner, address, licence, bytes, sha256 and cell counts."""
    published = population.controls.published
    used: dict[str, list[str]] = {}
    for control in population.pack.controls:
        used.setdefault(control.table, []).append(f"{control.id} ({control.level})")
    for entry in population.pack.priors.applying:
        if entry.kind == "table" and entry.status == "used":
            used.setdefault(str(entry.values.get("table")), []).append(f"{entry.id} (GUIDE)")
    return {
        "tables": [
            _record(source, published.cubes[source.id], snapshots, used.get(source.id, []))
            for source in population.pack.sources.values()
        ]
    }


def _record(
    source: SourceSpec, cube: Cube, snapshots: SnapshotStore, used: list[str]
) -> dict[str, object]:
    statuses = {status.name.lower(): int((cube.status == status).sum()) for status in CellStatus}
    numeric = statuses["value"] + statuses["zero"]
    return {
        "id": source.id,
        "title": source.title,
        "publisher": source.publisher,
        "address": source.address,
        "query": source.query,
        "licence": source.licence,
        "reference_period": source.reference_period,
        "retrieved": source.retrieved,
        "bytes": len(snapshots.read(source.sha256)),
        "sha256": source.sha256,
        "cells_expected": int(np.prod([len(d.codes) for d in cube.dimensions])),
        "cells_returned": cube.size,
        "cells_present": cube.size - statuses["missing"],
        "cells_numeric": numeric,
        "numeric_sum": float(np.nansum(cube.values)),
        "dimensions": {dimension.id: len(dimension.codes) for dimension in cube.dimensions},
        "symbols": {
            "zero": statuses["zero"],
            "suppressed": statuses["suppressed"],
            "missing": statuses["missing"],
            "not_applicable": statuses["not_applicable"],
        },
        "noise": source.noise,
        "quality_flags": list(source.quirks),
        "used_by": used,
    }
