"""Writing a run: every file into a temporary folder, then moved into place in one step."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from synthestat.bundle.crate import crate_metadata
from synthestat.bundle.manifest import build_manifest, run_id, run_options
from synthestat.bundle.notes import model_notes
from synthestat.bundle.parquet import write_by_zone
from synthestat.bundle.provenance import source_provenance
from synthestat.bundle.replicates import write_replicates
from synthestat.controls.households import constrains
from synthestat.controls.relaxations import Relaxation
from synthestat.diagnostics.distributions import distribution_diagnostics
from synthestat.diagnostics.dwellings import dwelling_diagnostics
from synthestat.diagnostics.households import household_diagnostics
from synthestat.diagnostics.residuals import residual_rows, residual_summary
from synthestat.diagnostics.uncertainty import uncertainty
from synthestat.diagnostics.zones import degraded_zones, quality_tiers
from synthestat.errors import BlockedError, OutputError
from synthestat.packs.pack import DEFAULT_PRIORS, DEFINITIONS, CountryPack, default_priors
from synthestat.packs.spec import FAMILY_COLUMN, UnavailableLayer
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population
from synthestat.synthesis.institutions import institutions_in
from synthestat.tables import content_digest

_PARTIAL = ".partial-"
BASE_EVIDENCE = {
    "persons": {
        "person_id": "modelled",
        "household_id": "modelled",
        "zone_code": "constrained",
        "age": "constrained",
        "sex": "constrained",
        "universe": "constrained",
        "household_role": "modelled",
        "partner_id": "modelled",
        "mother_id": "modelled",
        "father_id": "modelled",
        FAMILY_COLUMN: "modelled",
    },
    "households": {
        "household_id": "modelled",
        "zone_code": "constrained",
        "universe": "constrained",
        "kind": "constrained",
        "institution": "constrained",
        "size": "modelled",
        "household_type": "modelled",
        "reference_person_id": "modelled",
        "dwelling_id": "modelled",
    },
    "dwellings": {
        "dwelling_id": "modelled",
        "zone_code": "constrained",
        "universe": "constrained",
        "occupancy": "constrained",
        "household_ids": "modelled",
        "household_count": "modelled",
        "dwelling_type": "unavailable",
        "building_id": "unavailable",
    },
}

NO_DWELLINGS = UnavailableLayer(
    layer="synthetic_dwellings",
    reason="No control of this pack counts dwellings.",
    evidence_needed=("dwellings by zone",),
    looked_in=("controls.yaml",),
)


@contextmanager
def staged_folder(out: Path, country: str, identity: str) -> Iterator[Path]:
    """Give a temporary folder beside the run's place; on success it becomes the run.

    On any error, and on interruption, nothing of it is left. Remains of a killed run are removed
    when the next run of the country starts. OutputError where the place cannot be written.
    """
    home = out / country
    staging = home / f".{identity}{_PARTIAL}{os.getpid()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        staging.mkdir()
    except OSError as error:
        raise OutputError(
            f"{home} cannot take a run: {error.strerror or error}",
            remedy="give --out a folder that you may write to",
        ) from None
    try:
        yield staging
        _move_into_place(staging, home / identity)
    except OSError as error:
        raise OutputError(
            f"the run could not be written below {home}: {error.strerror or error}",
            remedy="free space or give --out another folder; no partial run was left",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _sweep(home: Path) -> None:
    """Remove staging folders whose process is gone."""
    for left in home.glob(f".*{_PARTIAL}*"):
        pid = left.name.rsplit("-", 1)[-1]
        if not pid.isdigit() or (not Path(f"/proc/{pid}").exists() and Path("/proc").exists()):
            shutil.rmtree(left, ignore_errors=True)


def _move_into_place(staging: Path, place: Path) -> None:
    """Rename; a run that is already there has the same id, so the same tables, and is replaced."""
    replaced = staging.with_name(staging.name + "-replaced")
    if place.exists():
        place.rename(replaced)
    try:
        staging.rename(place)
    except OSError:
        if replaced.exists():
            replaced.rename(place)
        raise
    shutil.rmtree(replaced, ignore_errors=True)


def write_run(
    population: Population,
    snapshots: SnapshotStore,
    out: Path,
    started: datetime,
    workers: int = 1,
) -> Path:
    """Write the bundle of a built population below `out`; return the run's folder."""
    identity = run_id(population.pack, population.seed)
    with staged_folder(out, population.pack.code, identity) as folder:
        write_files(population, snapshots, folder, identity, started, workers)
    return out / population.pack.code / identity


def write_files(
    population: Population,
    snapshots: SnapshotStore,
    folder: Path,
    identity: str,
    started: datetime,
    workers: int = 1,
    replicates: Sequence[Callable[[], Population]] = (),
) -> None:
    """Write every file of the bundle; residuals are computed from the tables as written.

    `replicates` are built one at a time, after the population's own tables stand.
    """
    evidence = evidence_words(population)
    for name, words in evidence.items():
        zones = (getattr(zone, name) for zone in population.zones)
        write_by_zone(folder / f"synthetic_{name}.parquet", zones, words, identity)
    tables = {name: pl.read_parquet(folder / f"synthetic_{name}.parquet") for name in evidence}
    rows = residual_rows(population, tables)
    rows.write_parquet(folder / "constraint_residuals.parquet", compression="zstd")
    uncertain, uncertainty_summary = uncertainty(population, tables, evidence)
    uncertain.write_parquet(folder / "uncertainty.parquet", compression="zstd")
    uncertainty_summary["replicates"] = write_replicates(
        (build() for build in replicates), folder, identity, evidence, uncertain
    )
    dwellings = tables.get("dwellings")
    layers = write_layers(population.pack, folder, identity, dwellings=dwellings is not None)
    summary = residual_summary(rows)
    households = household_diagnostics(population, tables["persons"], tables["households"])
    relaxations = [logged(relaxation) for relaxation in population.controls.relaxations]
    finished = datetime.now(UTC)
    times = {
        "started": started.isoformat(timespec="seconds"),
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 1),
        "workers": workers,
    }
    digests = {f"synthetic_{name}": content_digest(table) for name, table in tables.items()}
    tiers = quality_tiers(population, tables["persons"], uncertain, layers)
    manifest = build_manifest(
        population, identity, times, tables, digests, layers, run_options(len(replicates) + 1)
    )
    manifest["zones_degraded"] = degraded_zones(tiers)
    provenance = source_provenance(population, snapshots)
    documents: dict[str, object] = {
        "build_manifest.json": manifest,
        "constraint_residuals.json": summary,
        "relaxations.json": {"relaxations": relaxations, "conflicts": []},
        "distribution_diagnostics.json": distribution_diagnostics(
            population, rows, tables["persons"], tables["households"]
        ),
        "household_diagnostics.json": households,
        "dwelling_building_diagnostics.json": dwelling_diagnostics(
            population.pack, tables["households"], dwellings
        ),
        "assignment_diagnostics.json": {
            "scope": "none",
            "status": "unavailable",
            "reason": "see work_school_assignments.unavailable.json",
        },
        "geography_quality_tiers.json": tiers,
        "uncertainty_summary.json": uncertainty_summary,
        "source_provenance.json": provenance,
        "privacy_report.json": privacy_report(identity),
    }
    for file, document in documents.items():
        write_json(folder / file, document)
    limits = (population.pack.folder / "LIMITS.md").read_text(encoding="utf-8")
    notes = model_notes(manifest, summary, relaxations, households, rows, limits)
    (folder / "model_notes.md").write_text(notes, encoding="utf-8")
    copy_definitions(population.pack, folder)
    files = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    crate = crate_metadata(manifest, provenance, [*files, "checksums.sha256"])
    write_json(folder / "ro-crate-metadata.json", crate)
    write_checksums(folder)


def logged(relaxation: Relaxation) -> dict[str, object]:
    """Return a relaxation as relaxations.json holds it."""
    return {
        "id": relaxation.id,
        "constraint_id": relaxation.id.removeprefix("relax."),
        "control_id": relaxation.control_id,
        "zone": relaxation.zone,
        "category": relaxation.category,
        "target": relaxation.target,
        "achieved": relaxation.achieved,
        "moved": relaxation.moved,
        "unit": relaxation.unit,
        "cells": list(relaxation.cells),
        "proof": relaxation.proof,
    }


def evidence_words(population: Population) -> dict[str, dict[str, str]]:
    """Return the evidence word of every column of every table that the run has."""
    words = {name: dict(columns) for name, columns in BASE_EVIDENCE.items()}
    if not counts_dwellings(population):
        del words["dwellings"]
        words["households"]["dwelling_id"] = "unavailable"
    for attribute in population.pack.attributes:
        words["persons"][attribute.name] = attribute.evidence
    if any(zone.families is not None for zone in population.controls.zones):
        words["persons"][FAMILY_COLUMN] = "constrained"
    home = population.pack.country.household_universe
    told = {column for zone in population.controls.zones for column in zone.split_by(home)}
    words["persons"] |= dict.fromkeys({"age", "sex"} - told, "modelled")
    if not any(
        any(institutions_in(z, population.pack).values()) for z in population.controls.zones
    ):
        words["households"]["institution"] = "unavailable"
    return words


def counts_dwellings(population: Population) -> bool:
    """Tell whether a table counts dwellings: without one, none are invented."""
    tables = population.controls.published.tables.values()
    return any(constrains(table) and table.spec.counts == "dwellings" for table in tables)


def write_layers(
    pack: CountryPack, folder: Path, identity: str, *, dwellings: bool
) -> dict[str, str]:
    """Write a marker for each layer without evidence; return the evidence word of every layer.

    `dwellings` tells whether the run has a table of them.
    """
    layers = {"synthetic_persons": "constrained", "synthetic_households": "modelled"}
    unavailable = list(pack.country.unavailable_layers)
    if dwellings:
        layers["synthetic_dwellings"] = "constrained"
    elif not any(absent.layer == "synthetic_dwellings" for absent in unavailable):
        unavailable.append(NO_DWELLINGS)
    for absent in unavailable:
        layers[absent.layer] = "unavailable"
        marker = {
            "country": pack.code,
            "run_id": identity,
            "layer": absent.layer,
            "evidence": "unavailable",
            "reason": absent.reason,
            "categories": [],
            "evidence_needed": list(absent.evidence_needed),
            "looked_in": list(absent.looked_in),
        }
        write_json(folder / f"{absent.layer}.unavailable.json", marker)
    return layers


def privacy_report(identity: str) -> dict[str, object]:
    """Return what can honestly be said about disclosure before any check is built."""
    return {
        "run_id": identity,
        "release_mode": "internal",
        "statement": (
            "Made from published aggregate tables alone; no microdata record was read. No "
            "disclosure check has been run, so this run is not for public release."
        ),
        "checks": [],
        "findings": [],
    }


def copy_definitions(pack: CountryPack, folder: Path) -> None:
    """Copy the pack's definition files and the default registry: a reviewer needs no package."""
    target = folder / "pack"
    target.mkdir()
    for name in DEFINITIONS:
        if (pack.folder / name).is_file():
            shutil.copyfile(pack.folder / name, target / name)
    shutil.copyfile(default_priors(pack.folder), target / DEFAULT_PRIORS)


def write_blocked(path: Path, identity: str, error: BlockedError) -> None:
    """Keep the conflicting set of a blocked build, beside where its run would have been."""
    conflict = {"reason": error.message, "cells": list(error.faults), "remedy": error.remedy}
    write_json(path, {"run_id": identity, "relaxations": [], "conflicts": [conflict]})


def write_json(path: Path, document: object) -> None:
    """Write strict, stable JSON: sorted keys, no NaN, UTF-8."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_checksums(folder: Path) -> Mapping[str, str]:
    """Write `checksums.sha256` over every other file, in the format of sha256sum."""
    sums: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != "checksums.sha256":
            sums[name] = file_sha256(path)
    lines = [f"{digest}  {name}" for name, digest in sums.items()]
    (folder / "checksums.sha256").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sums


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
