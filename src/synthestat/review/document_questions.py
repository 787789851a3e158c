"""Questions of what the documents say: intervals, summaries, sources, and how far evidence goes."""

from __future__ import annotations

from synthestat.review import (
    crate,
    evidence,
    family_structure,
    fit,
    notes,
    privacy,
    provenance,
    replicates,
    uncertainty,
)
from synthestat.review.question_words import (
    ATTRIBUTES,
    CONTROLS,
    COUNTRY,
    DEFAULTS,
    DWELLINGS,
    EXACT,
    HOUSEHOLDS,
    INTERVALS,
    LIMITS,
    MANIFEST,
    NOTES,
    PERSONS,
    PRIORS,
    PROVENANCE,
    REBUILD,
    RECOUNT,
    RELAXED,
    RESIDUALS,
    REWRITE,
    SOURCES,
    SPREADS,
    SUMMARY,
    ZONES,
)
from synthestat.review.record import Question

# fmt: off
DOCUMENT_QUESTIONS: tuple[Question, ...] = (
    # Uncertainty
    Question(
        "intervals", "uncertainty", 17, (INTERVALS, PERSONS, HOUSEHOLDS, *RECOUNT),
        "low < estimate < high around every count that no table publishes, no less than nobody, no "
        "more than everybody: the contract",
        "give each modelled count an interval of its own",
        uncertainty.intervals,
    ),
    Question(
        "interval_rows", "uncertainty", 17,
        (INTERVALS, PERSONS, HOUSEHOLDS, ATTRIBUTES, PRIORS, DEFAULTS, *RECOUNT),
        "a row for each modelled count of each zone and the country, estimates exact: the contract",
        "state every modelled count as the tables of the run hold it",
        uncertainty.interval_rows,
    ),
    Question(
        "interval_origins", "uncertainty", 17,
        (INTERVALS, RESIDUALS, HOUSEHOLDS, ATTRIBUTES, PRIORS, DEFAULTS, *RECOUNT),
        "the entries behind it as the method of each, no width shared by all: the contract",
        "give each modelled count an interval of its own",
        uncertainty.interval_origins,
    ),
    Question(
        "interval_widths", "uncertainty", 17, (INTERVALS, SPREADS, ZONES, COUNTRY),
        "{width_least} to {width_most} standard deviations; the country's {country_width_least} of "
        "its widest zone's to {country_width_most} of all zones' together, and its deviation at "
        "most theirs: deviations are subadditive; between draws at least {country_between_least} "
        "of its own declared doubt; within them at most {within_most} of the count",
        "draw the country with its zones, and state variances of the same draws",
        uncertainty.interval_widths,
    ),
    Question(
        "interval_summary", "uncertainty", 17,
        (INTERVALS, SPREADS, PERSONS, COUNTRY, ATTRIBUTES, PRIORS, DEFAULTS),
        "figures of the summary are those of the table, spreads those declared for the confidence "
        "of its entries, every modelled column without an interval listed: the contract", REWRITE,
        uncertainty.interval_summary,
    ),
    Question(
        "replicates", "uncertainty", 9,
        (MANIFEST, SPREADS, INTERVALS, PERSONS, HOUSEHOLDS, ATTRIBUTES, PRIORS, DEFAULTS, *RECOUNT),
        "HARD exact and households sound in every replicate: the contract", REBUILD,
        replicates.replicates,
    ),
    # Summaries
    Question(
        "notes_figures", "notes", 13,
        (NOTES, MANIFEST, RELAXED, PERSONS, HOUSEHOLDS, PRIORS, DEFAULTS, LIMITS, *RECOUNT),
        "none may differ, no line of no section, every limit of LIMITS.md: the contract",
        REWRITE, notes.notes_figures,
    ),
    Question(
        "manifest_coverage", "notes", 13, (MANIFEST, PERSONS, HOUSEHOLDS, *RECOUNT),
        EXACT, REWRITE, notes.manifest_coverage,
    ),
    Question(
        "residual_summary", "notes", 13, (SUMMARY, RESIDUALS, RELAXED, *RECOUNT),
        EXACT, REWRITE, notes.residual_summary,
    ),
    Question(
        "fit_summary", "notes", 13,
        ("distribution_diagnostics.json", HOUSEHOLDS, PRIORS, DEFAULTS, *RECOUNT),
        EXACT, REWRITE, fit.fit_summary,
    ),
    Question(
        "household_summary", "notes", 13,
        ("household_diagnostics.json", PERSONS, HOUSEHOLDS, COUNTRY, ZONES, PRIORS, DEFAULTS),
        EXACT, REWRITE, notes.household_summary,
    ),
    Question(
        "family_structure", "notes", 13,
        ("household_diagnostics.json", PERSONS, HOUSEHOLDS, COUNTRY, PRIORS, DEFAULTS),
        EXACT, REWRITE, family_structure.family_structure,
    ),
    Question(
        "soft_targets", "notes", 13,
        ("household_diagnostics.json", PERSONS, HOUSEHOLDS, COUNTRY, PRIORS, DEFAULTS),
        "within the tolerance of priors.yaml, else WARN; the figures exact: the contract",
        "mend the registry and build again; never widen a tolerance to meet it",
        family_structure.soft_targets,
    ),
    Question(
        "dwelling_summary", "notes", 13, ("dwelling_building_diagnostics.json", DWELLINGS),
        EXACT, REWRITE, notes.dwelling_summary,
    ),
    Question(
        "crate_entities", "notes", 13, (crate.CRATE, MANIFEST, privacy.REPORT, SOURCES),
        "the run's date, every file, every source as in sources.yaml: the contract",
        "write the crate anew from the manifest, the provenance and the folder",
        crate.crate_entities,
    ),
    # Provenance
    Question(
        "provenance_fields", "provenance", 21,
        (PROVENANCE, MANIFEST, SOURCES, CONTROLS, PRIORS, DEFAULTS),
        "owner, address, query, retrieval, period, licence, hash: the contract; quirks, noise and "
        "uses of the pack; retrieved before the run",
        "complete sources.yaml and build again", provenance.provenance_fields,
    ),
    Question(
        "snapshot_hashes", "provenance", 21, (PROVENANCE, MANIFEST, SOURCES),
        "one hash for each table, and the frozen bytes have it: the contract",
        "restore the frozen bytes; never adjust a recorded hash",
        provenance.snapshot_hashes,
    ),
    Question(
        "source_years", "provenance", 22, (SOURCES, CONTROLS),
        "titles, frozen labels and cells in use are of the reference period: sources.yaml",
        "freeze the table of the right year, or mend its description",
        provenance.source_years,
    ),
    Question(
        "provenance_counts", "provenance", 22, (PROVENANCE, SOURCES),
        "cell counts, sums and symbols of the frozen table", REWRITE,
        provenance.provenance_counts,
    ),
    # What more evidence would give
    Question(
        "missing_layers", "evidence", 26, (),
        "six layers, each with a table; else looked for in every place of the thresholds",
        "look for the evidence that the marker names; list the places under `looked_in`",
        evidence.missing_layers, required=False,
    ),
    Question(
        "national_widths", "evidence", 17, (INTERVALS, PERSONS, HOUSEHOLDS, COUNTRY),
        "{national_width} of the estimate at most, of counts of {national_share} of all or more",
        "find a table, survey or register for the quantity, or say where it was looked for",
        evidence.national_widths, required=False,
    ),
)
# fmt: on
