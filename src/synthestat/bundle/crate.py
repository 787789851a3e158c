"""The RO-Crate description of a run (Research Object Crate 1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_FORMATS = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
    ".sha256": "text/plain",
}


def crate_metadata(
    manifest: Mapping[str, Any], provenance: Mapping[str, Any], files: Iterable[str]
) -> dict[str, Any]:
    """Return `ro-crate-metadata.json`: the run as a dataset, its files and its source tables."""
    names = sorted(files)
    sources = [
        {
            "@id": f"#{table['id']}",
            "@type": "Dataset",
            "name": table["title"],
            "publisher": table["publisher"],
            "url": table["address"],
            "license": table["licence"],
            "temporalCoverage": table["reference_period"],
            "sha256": table["sha256"],
        }
        for table in provenance["tables"]
    ]
    parts = [
        {
            "@id": name,
            "@type": "File",
            "name": name,
            "encodingFormat": _FORMATS.get(
                "." + name.rsplit(".", 1)[-1], "application/octet-stream"
            ),
        }
        for name in names
    ]
    return {
        "@context": _CONTEXT,
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
                "about": {"@id": "./"},
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": f"Synthetic population of {manifest['country_name']}: {manifest['run_id']}",
                "description": "SYNTHETIC: every record is invented; none describes a real person.",
                "datePublished": manifest["times"]["finished"],
                "license": "not licensed for release; see privacy_report.json",
                "hasPart": [{"@id": name} for name in names],
                "isBasedOn": [{"@id": source["@id"]} for source in sources],
            },
            *parts,
            *sources,
        ],
    }
