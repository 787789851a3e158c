"""Invented bundles for verdicts: Tinyland with thresholds, targets, and layers made by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

from planted.invented_layers import add_layers
from planted.kit import TIERS, PlantedRun

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
    add_layers(run)
    run.edit_json(TIERS, lambda tiers: tiers.update(missing_layers=[]))
