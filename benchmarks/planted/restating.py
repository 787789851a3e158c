"""Documents written anew from damaged tables by the builder's own functions.

A builder that goes wrong describes what it built: documents and tables agree, and only the claim
about the tables is false. A kind that ends with `run.restate()` leaves that to be found.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from planted.kit import (
    DISTRIBUTIONS,
    DWELLING_FIGURES,
    DWELLINGS,
    HOUSEHOLD_FIGURES,
    HOUSEHOLDS,
    INTERVALS,
    MANIFEST,
    NOTES,
    PERSONS,
    RESIDUALS,
    SUMMARY,
    TIERS,
)
from synthestat.bundle.manifest import build_manifest, run_options
from synthestat.bundle.notes import model_notes
from synthestat.bundle.write import evidence_words, logged
from synthestat.diagnostics.distributions import distribution_diagnostics
from synthestat.diagnostics.dwellings import dwelling_diagnostics
from synthestat.diagnostics.households import household_diagnostics
from synthestat.diagnostics.residuals import residual_rows, residual_summary
from synthestat.diagnostics.uncertainty import uncertainty
from synthestat.diagnostics.zones import degraded_zones, quality_tiers
from synthestat.packs.pack import read_pack
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

if TYPE_CHECKING:
    from planted.kit import PlantedRun

SPREADS = "uncertainty_summary.json"


def restate(run: PlantedRun) -> None:
    """Write residuals, intervals and every document of figures anew from the run's tables."""
    before = run.read_json(MANIFEST)
    population = _population(run.origin / "pack", run.frozen_in, int(before["seed"]))
    tables = _tables(run)
    rows = residual_rows(population, tables)
    uncertain, spreads = uncertainty(population, tables, evidence_words(population))
    spreads["replicates"] = run.read_json(SPREADS)["replicates"]
    run.write(RESIDUALS, rows)
    run.write(INTERVALS, uncertain)
    households = household_diagnostics(population, tables["persons"], tables["households"])
    tiers = quality_tiers(population, tables["persons"], uncertain, before["layers"])
    summary = residual_summary(rows)
    stated = (before["run_id"], before["times"], tables, before["table_digests"], before["layers"])
    options = run_options(int(before["options"].get("replicates", 1)))
    manifest = build_manifest(population, *stated, options)
    manifest |= {"engine": before["engine"], "zones_degraded": degraded_zones(tiers)}
    documents = {
        MANIFEST: manifest,
        SUMMARY: summary,
        DISTRIBUTIONS: distribution_diagnostics(
            population, rows, tables["persons"], tables["households"]
        ),
        HOUSEHOLD_FIGURES: households,
        DWELLING_FIGURES: dwelling_diagnostics(
            population.pack, tables["households"], tables.get("dwellings")
        ),
        TIERS: tiers,
        SPREADS: spreads,
    }
    for file, document in documents.items():
        plain = json.loads(json.dumps(document, ensure_ascii=False))
        run.edit_json(file, lambda old, new=plain: (old.clear(), old.update(new)))
    relaxations = [logged(each) for each in population.controls.relaxations]
    limits = run.path("pack/LIMITS.md").read_text(encoding="utf-8")
    notes = model_notes(manifest, summary, relaxations, households, rows, limits)
    run.put_bytes(NOTES, notes.encode())


def _tables(run: PlantedRun) -> dict[str, pl.DataFrame]:
    """The run's tables with the builder's types of columns."""
    tables = {}
    for name in (PERSONS, HOUSEHOLDS, DWELLINGS):
        if run.path(f"{name}.parquet").is_file():
            schema = pl.read_parquet_schema(run.origin / f"{name}.parquet")
            tables[name.removeprefix("synthetic_")] = run.table(name).cast(dict(schema))
    return tables


@lru_cache(maxsize=1)
def _population(pack: Path, snapshots: tuple[Path, ...], seed: int) -> Population:
    """What the builder knew when it described the run: built once more."""
    return build_population(read_pack(pack), SnapshotStore(*snapshots), seed=seed)
