"""Names of files, thresholds and remedies that many questions share."""

from __future__ import annotations

from synthestat.review.assignments import PACK

PERSONS = "synthetic_persons.parquet"
HOUSEHOLDS = "synthetic_households.parquet"
DWELLINGS = "synthetic_dwellings.parquet"
BUILDINGS = "synthetic_building_assignments.parquet"
OVERLAYS = "hidden_population_overlays.parquet"
PLACES = "work_school_assignments.parquet"
RESIDUALS = "constraint_residuals.parquet"
SUMMARY = "constraint_residuals.json"
MANIFEST = "build_manifest.json"
RELAXED = "relaxations.json"
PROVENANCE = "source_provenance.json"
INTERVALS = "uncertainty.parquet"
SPREADS = "uncertainty_summary.json"
TIERS = "geography_quality_tiers.json"
NOTES = "model_notes.md"
COUNTRY = "pack/country.yaml"
CONTROLS = "pack/controls.yaml"
SOURCES = "pack/sources.yaml"
PRIORS = "pack/priors.yaml"
DEFAULTS = "pack/default_priors.yaml"
ATTRIBUTES = "pack/attributes.yaml"
ASSIGNMENT = f"pack/{PACK}"
LIMITS = "pack/LIMITS.md"
ZONES = "pack/geography.csv"
RECOUNT = (COUNTRY, CONTROLS, SOURCES, ZONES)

EXACT = "none may differ: the run bundle's contract"
REBUILD = "build the run again; never mend a table by hand"
REWRITE = "write the file anew from the tables of the run"
RESTORE = "fetch the bundle again from where it was published, or build it again"
