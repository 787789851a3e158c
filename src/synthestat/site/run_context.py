"""Everything that the templates of one run are rendered with, read from its bundle once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthestat.bundle.read import Bundle
from synthestat.site import interval_facts, run_charts, run_facts
from synthestat.site.markdown import read_markdown
from synthestat.site.run_facts import Run
from synthestat.site.zone_map import ZoneFigures

SECTIONS = (
    ("review", "Verdict"),
    ("status", "Output status"),
    ("verified", "Verification"),
    ("facts", "Household facts"),
    ("map", "Map of zones"),
    ("ages", "Ages"),
    ("households", "Households and ties"),
    ("residuals", "Residuals"),
    ("intervals", "Modelled counts"),
    ("tiers", "Quality tiers"),
    ("sources", "Sources"),
    ("registry", "Distributions"),
    ("limits", "What it cannot tell"),
    ("layers", "Layers"),
    ("files", "Files"),
)
"""The sections of a run's page, in order: id (of its template too) and title."""


def run_context(
    run: Run,
    zones: list[ZoneFigures],
    *,
    maps: Mapping[str, Any],
    verified: Mapping[str, Any] | None,
    review: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the values of a run's templates, pictures included.

    `maps` are those of `run_charts.maps`, empty where a page has another map in their place;
    `verified` the counted checks of `run_facts.verified` or `recorded`.
    """
    return {
        **run_figures(run, review),
        "controls": run_facts.controls(run),
        "zones": zones,
        "tiers": run_facts.tiers(run, zones),
        "maps": maps,
        "picker": None,
        "age_figures": run_charts.ages(run),
        "household_figures": run_charts.households(run),
        "residual_figure": run_charts.residuals(run),
        "interval_figures": run_charts.intervals(run),
        "intervals": interval_facts.country_counts(run),
        "widest": interval_facts.widest(run),
        "quantities": interval_facts.quantities(run),
        "limits": _limits(run.bundle),
        "files": run_facts.files(run),
        "has_notes": run.bundle.path("model_notes.md").is_file(),
        "verified": verified,
        "sections": [entry for entry in SECTIONS if entry[0] != "review" or review is not None],
        "crumbs": (),
    }


def run_figures(run: Run, review: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a run states in figures, without pictures: a country's page shows it too."""
    return {
        "manifest": run.manifest,
        "words": run.words,
        "finished": run.manifest.get("times", {}).get("finished"),
        "household_universe": ", ".join(run.household_atoms()),
        "coverage": run_facts.coverage(run),
        "judgement": run_facts.judgement(run),
        "differences": run_facts.differences(run),
        "households": run.optional("household_diagnostics.json"),
        "dwellings": run.optional("dwelling_building_diagnostics.json"),
        "privacy": run.optional("privacy_report.json"),
        "uncertainty": run.optional("uncertainty_summary.json"),
        "distributions": run.optional("distribution_diagnostics.json"),
        "sources": run.optional("source_provenance.json").get("tables", []),
        "unavailable": run_facts.unavailable_layers(run),
        "review": review,
    }


def _limits(bundle: Bundle) -> Any:
    path = bundle.path("pack/LIMITS.md")
    return read_markdown(path.read_text(encoding="utf-8")) if path.is_file() else ()
