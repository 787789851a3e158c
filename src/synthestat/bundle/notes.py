"""Notes written from a bundle's own files, never by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl


def figures(
    manifest: Mapping[str, Any], summary: Mapping[str, Any], households: Mapping[str, Any]
) -> dict[str, int | float | str]:
    """Return the figures that the notes state, by key; a reviewer recomputes each of them."""
    built = manifest["coverage"]["built"]
    universes = {f"persons_{u}": n for u, n in built["persons"].items() if u != "all"}
    homes = {f"households_{u}": n for u, n in built["households"].items() if u != "all"}
    housed = {}
    if built["dwellings"]["all"] is not None:
        housed["dwellings"] = built["dwellings"]["all"]
        housed["dwellings_vacant"] = built["dwellings"].get("vacant", 0)
    return {
        "persons": built["persons"]["all"],
        **universes,
        "person_shortfall": manifest["coverage"]["person_shortfall"],
        "households": built["households"]["all"],
        **homes,
        **housed,
        "hard_rows": summary["hard_rows"],
        "hard_failures": summary["hard_failures"],
        "max_marginal_deviation": f"{summary['max_marginal_deviation']:.6f}",
        "relaxations": len(manifest["constraints_relaxed"]),
        "largest_household": households["largest_household"],
        "child_only_households": households["child_only_households"],
        "under_age_reference_persons": households["under_age_reference_persons"],
        "institutional_households": households["institutional_households"],
        "institutional_residents": households["institutional_residents"],
    }


def model_notes(
    manifest: Mapping[str, Any],
    summary: Mapping[str, Any],
    relaxations: list[dict[str, Any]],
    households: Mapping[str, Any],
    rows: pl.DataFrame,
    limits: str,
) -> str:
    """Return `model_notes.md`; every number in it comes from the arguments."""
    lines = [
        f"# {manifest['country_name']} {manifest['edition']}: {manifest['run_id']}",
        "",
        "**SYNTHETIC.** Every person, household and dwelling in this run is invented.",
        "",
        "## Figures",
        "",
        "| figure | value |",
        "|---|---:|",
    ]
    for key, value in figures(manifest, summary, households).items():
        shown = f"{value:,}" if isinstance(value, int) else value
        lines.append(f"| `{key}` | {shown} |")
    lines += ["", "## Constraints", "", "| control | level | rows | exact | largest residual |"]
    lines.append("|---|---|---:|---:|---:|")
    judged = rows.filter(pl.col("status") != "SKIP")
    fitted = (
        judged.group_by("control_id", "level", maintain_order=True)
        .agg(
            rows=pl.len(),
            exact=(pl.col("residual") == 0).sum(),
            worst=pl.col("residual").abs().max(),
        )
        .rows()
    )
    lines += [f"| {c} | {lv} | {n:,} | {e:,} | {w:,} |" for c, lv, n, e, w in fitted]
    lines += ["", "## Relaxations", ""]
    if not relaxations:
        lines.append("None: every control is met.")
    for entry in relaxations:
        lines.append(
            f"* `{entry['id']}`: published {entry['target']:,}, reached {entry['achieved']:,}, "
            f"moved {entry['moved']:,} {entry['unit']}. {entry['proof']}."
        )
    lines += ["", "## Soft targets", "", *_targets(households["soft_targets"])]
    lines += ["", "## Layers", ""]
    lines += [f"* {layer}: {word}" for layer, word in manifest["layers"].items()]
    return "\n".join(lines) + "\n\n" + limits.strip() + "\n"


def _targets(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    if not targets:
        return ["None: the registry has no target."]
    return [
        f"* `{row['id']}`: value {row['value']:g}, tolerance {row['tolerance']:g}, observed "
        + ("nobody" if row["observed"] is None else f"{row['observed']:.6f}")
        + f": {'met' if row['met'] else 'missed'}"
        for row in targets
    ]
