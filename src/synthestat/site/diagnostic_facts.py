"""Diagnostics of a run that have no picture of their own elsewhere: each as picture and table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthestat.site.charts import spoken
from synthestat.site.run_facts import Run
from synthestat.site.svg_parts import bars, trend

MOST_CATEGORIES = 24


def diagnostic_pictures(run: Run) -> list[dict[str, Any]]:
    """Return pictures (title, caption, drawn, rows of label and value) of a run's diagnostics."""
    distributions = run.optional("distribution_diagnostics.json")
    households = run.optional("household_diagnostics.json")
    found = [_attribute(entry) for entry in distributions.get("attributes", [])]
    found.append(_counts("Roles in the household", "Residents by role.", households.get("roles")))
    by_universe = households.get("by_universe")
    found.append(_counts("Households by universe", "All households.", by_universe))
    found += _dwellings(run.optional("dwelling_building_diagnostics.json"))
    found.append(_refinement(households.get("refinement")))
    return [picture for picture in found if picture is not None]


def fit_by_control(run: Run) -> list[dict[str, Any]]:
    """Return the fit of each control, as the run's diagnostics have it."""
    return list(run.optional("distribution_diagnostics.json").get("families", []))


def diagnostic_csv_rows(pictures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows behind all pictures, each under its picture's title."""
    return [{"picture": each["title"], **row} for each in pictures for row in each["rows"]]


def _attribute(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    told = [f"{str(entry['evidence']).capitalize()}: {entry['method']}."]
    if entry.get("control"):
        told.append(f"Control {entry['control']}.")
    couples = entry.get("couples")
    if couples and entry.get("couples_alike") is not None:
        told.append(f"Alike in {entry['couples_alike'] / couples:.2%} of {couples:,} couples.")
    title = f"Residents by {spoken(str(entry['name']))}"
    return _counts(title, " ".join(told), entry.get("categories"))


def _dwellings(facts: Mapping[str, Any]) -> list[dict[str, Any] | None]:
    kinds = ("occupied", "vacant", "secondary_or_unresolved", "institutional")
    occupancy = {kind: facts[kind] for kind in kinds if kind in facts}
    shared = {
        "none" if number == "0" else number: count
        for number, count in facts.get("dwellings_by_households", {}).items()
    }
    return [
        _counts("Dwellings by occupancy", f"Capacity {facts.get('capacity')}.", occupancy),
        _counts("Dwellings by number of households", "Sharing is modelled.", shared),
    ]


def _counts(title: str, caption: str, counts: Mapping[str, int] | None) -> dict[str, Any] | None:
    if not counts:
        return None
    rows = [{"label": spoken(str(name)), "value": float(value)} for name, value in counts.items()]
    return {
        "title": title,
        "caption": caption,
        "drawn": bars(rows[:MOST_CATEGORIES], title),
        "rows": rows,
    }


def _refinement(by_zone: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The distance of family ages from their kernels, sweep by sweep, the mean over all zones."""
    parts = [part for zone in (by_zone or {}).values() for part in zone.values()]
    curves = [part["energies"] for part in parts if part.get("energies")]
    if not curves:
        return None
    longest = max(map(len, curves))
    means = [
        sum(curve[min(sweep, len(curve) - 1)] for curve in curves) / len(curves)
        for sweep in range(longest)
    ]
    settled = sum(bool(part.get("settled")) for part in parts)
    title = "Family ages by sweep of exchanges"
    return {
        "title": title,
        "caption": f"Mean distance from the kernels over zones, from {means[0]:.3f} to "
        f"{means[-1]:.3f}. {settled} of {len(parts)} places settled before the last sweep.",
        "drawn": trend(means, f"{title}: from {means[0]:.3f} to {means[-1]:.3f}", width=360),
        "rows": [{"label": f"sweep {at}", "value": mean} for at, mean in enumerate(means, 1)],
    }
