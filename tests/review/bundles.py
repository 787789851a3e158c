"""Invented bundles for verdicts: Tinyland with thresholds, targets, and layers made by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
from planted import DWELLINGS, HOUSEHOLDS, MANIFEST, PERSONS, TIERS, PlantedRun

import synthestat

TINY = Path(__file__).parents[1] / "packs" / "tiny"
THRESHOLDS = """
  - id: zz.review_thresholds
    family: review_thresholds
    label: What a review of Tinyland judges by
    kind: parameters
    geography: ZZ
    status: used
    variant: current
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {values}
"""
TARGET = """
  - id: zz.target.{name}
    family: soft_targets
    label: "{name}"
    kind: target
    geography: ZZ
    status: used
    variant: current
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values:
      measure: household_type_share
      types: [{name}]
      value: {value}
      tolerance: {tolerance}
      steers: false
"""
LOOKED = '{national_width: 100, places: ["tables frozen in this pack"]}'
"""Thresholds by which everything was looked for: wide intervals do, and there is one place."""


def pack_with(below: Path, *entries: str, looked: bool = False) -> Path:
    """Tinyland's pack with further entries of the registry; `looked`: in every place of LOOKED."""
    folder = Path(shutil.copytree(TINY, below / "tiny"))
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.writelines(entries)
        if looked:
            priors.write(THRESHOLDS.format(values=LOOKED))
    if looked:
        country = folder / "country.yaml"
        text = country.read_text(encoding="utf-8")
        country.write_text(
            text.replace('["tiny_dwellings (counts only)"]', '["tables frozen in this pack: all"]'),
            encoding="utf-8",
        )
    return folder


def run_of(pack: Path, below: Path) -> Path:
    """A run of a pack, seed 3."""
    return synthestat.build(pack, seed=3, out=below / "runs", workers=1)


def write_layers(run: PlantedRun) -> None:
    """Give a run the three layers that are not built yet, made by hand, in place of markers."""
    zones = run.table(DWELLINGS)["zone_code"].unique().sort()
    layers = {
        "hidden_population_overlays": pl.DataFrame(
            {
                "category": ["unregistered"] * len(zones),
                "zone_code": zones,
                "period": ["2021"] * len(zones),
                "low": [2.0] * len(zones),
                "mid": [4.0] * len(zones),
                "high": [7.0] * len(zones),
                "method": ["multiplier"] * len(zones),
                "source": ["invented"] * len(zones),
                "inside_de_jure": [False] * len(zones),
            }
        ),
        "work_school_assignments": run.table(PERSONS)
        .filter(pl.col("age").is_between(6, 60))
        .select("person_id", pl.col("zone_code").alias("place"), evidence=pl.lit("modelled")),
        "synthetic_building_assignments": run.table(DWELLINGS).select(
            "dwelling_id", building_id=pl.col("dwelling_id"), evidence=pl.lit("modelled")
        ),
    }
    run_id = run.read_json(MANIFEST)["run_id"]
    notice = run.said(HOUSEHOLDS)["notice"]
    for layer, table in layers.items():
        run.path(f"{layer}.unavailable.json").unlink()
        said = {"notice": notice, "run_id": run_id}
        said["evidence"] = dict.fromkeys(table.columns, "modelled")
        run.write(layer, table, said)

    def present(manifest: dict[str, Any]) -> None:
        for layer in layers:
            manifest["layers"][layer] = "modelled"
            manifest["table_digests"][layer] = ""
        built = manifest["coverage"]["built"]
        built["buildings"]["all"] = built["dwellings"]["all"]

    run.edit_json(MANIFEST, present)
    run.edit_json(TIERS, lambda tiers: tiers.update(missing_layers=[]))
