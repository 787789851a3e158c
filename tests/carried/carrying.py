"""Tinyland carried forward: residents of 2031 after a merger, the structure of 2021 as a guide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from synthestat.sources.cube import Cube, Dimension, number_status
from synthestat.sources.jsonstat import write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

RESIDENTS = {"03": 900, "04": 500, "05": 310, "06": 260, "07": 2100}
"""Residents of 2031 by zone; 07 is Alderholm, which 01 and 02 merged into."""
UNIVERSES = """universes:
  enumerated:
    label: All residents

"""
SOURCE = """
  - id: tiny_now
    title: "Residents by municipality, 2031"
    publisher: Tinyland Statistical Office
    address: https://example.org/tinyland/tiny_now
    query: "zone, year: all"
    licence: "CC0-1.0 (invented figures)"
    reference_period: "1 January 2031"
    retrieved: "2021-12-31 (invented by tests/carried/conftest.py)"
    sha256: {sha256}
    zone_dimension: zone
"""
CONTROLS = """controls:
  - id: residents
    label: Residents by municipality, 2031
    family: population
    table: tiny_now
    level: HARD
    universe: enumerated
    counts: persons
    where: {year: "2031"}

  - id: persons_age
    label: Residents by single year of age, 2021
    family: age
    table: tiny_age
    level: GUIDE
    universe: enumerated
    counts: persons
    by:
      age: {dimension: age, open_class: "75+"}

  - id: persons_sex
    label: Enumerated residents by sex, 2021
    family: sex
    table: tiny_language
    level: GUIDE
    universe: enumerated
    counts: persons
    where: {language: Total}
    by:
      sex: {dimension: sex, codes: {Male: male, Female: female}, leave_out: [Total]}

  - id: hill_speakers
    label: Speakers of Hill, 2021
    family: language
    table: tiny_language
    level: GUIDE
    universe: enumerated
    counts: persons
    only: {tongue: Hill}
    where: {language: Hill, sex: Total}

  - id: persons_sex_language
    label: Enumerated residents by sex and language, 2021
    family: language
    table: tiny_language
    level: GUIDE
    universe: enumerated
    counts: persons
    by:
      sex: {dimension: sex, codes: {Male: male, Female: female}, leave_out: [Total]}
      language: {dimension: language, leave_out: [Total]}

  - id: persons_faith
    label: Enumerated residents by faith, 2021
    family: faith
    table: tiny_faith
    level: GUIDE
    universe: enumerated
    counts: persons
    by:
      faith: {dimension: faith, leave_out: [Total]}
"""
ATTRIBUTES = """attributes:
  - name: language
    guide: persons_sex_language
  - name: faith
    guide: persons_faith
    pattern: faith_by_age
  - name: bond
    pattern: bond_by_age
    household: partners
    alike: [Wed]
    rules:
      Wed: {from_age: 18}
      Widowed: {from_age: 18}
"""
PRIORS = """
  - id: zz.faith_by_age
    family: faith_by_age
    label: Faith at every age
    kind: anchors
    geography: ZZ
    status: used
    variant: robust
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {Sun: 1, Moon: {0: 0.5, 90: 2}, None: 1, Unknown: 1}

  - id: zz.target.hill
    family: soft_targets
    label: Speakers of Hill
    kind: target
    geography: ZZ
    status: used
    variant: current
    confidence: medium
    evidence: modelled
    citation: assumption
    address: ""
    values:
      {measure: person_share, attribute: language, categories: [Hill], value: 0.3, tolerance: 0.01}
"""
RATES = (
    "{interval: 0.95, variation: 0.05, level: 0.02, "
    "per_person: {persons_sex: 0.3, hill_speakers: 0.1}}"
)
Change = Callable[[Path, str, str], None]


def freeze_now(folder: Path, residents: dict[str, int]) -> str:
    """Freeze residents of 2031 by zone into a pack's snapshots; return the hash."""
    codes = tuple(sorted(residents))
    values = np.array([[float(residents[code])] for code in codes])
    dimensions = (
        Dimension("zone", "Zone", codes, codes),
        Dimension("year", "Year", ("2031",), ("2031",)),
    )
    cube = Cube("Residents", "Tinyland", "", dimensions, values, number_status(values), {})
    return SnapshotStore(folder / "snapshots").put(write_jsonstat(cube))


def carry(folder: Path, change: Change) -> Path:
    """Turn a copy of Tinyland's pack, in `folder`, into its edition of 2031."""
    country = (folder / "country.yaml").read_text(encoding="utf-8")
    start, end = country.index("universes:"), country.index("household_universe:")
    absent = (
        "unavailable_layers:\n  - {layer: synthetic_dwellings, reason: none, "
        "evidence_needed: [x], looked_in: [y]}\n"
    )
    country = country[:start] + UNIVERSES + country[end:]
    country = country.replace("unavailable_layers:\n", absent).replace('"2021"', '"2031"')
    (folder / "country.yaml").write_text(country, encoding="utf-8")
    geography = (folder / "geography.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in geography if not line.startswith(("01,", "02,"))]
    kept.append("07,ZZ,municipality,Alderholm,,10.00,50.10,79.5,")
    (folder / "geography.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    merged = "old,new,since,source\n01,07,2025,invented\n02,07,2025,invented\n"
    (folder / "concordance.csv").write_text(merged, encoding="utf-8")
    (folder / "controls.yaml").write_text(CONTROLS, encoding="utf-8")
    (folder / "attributes.yaml").write_text(ATTRIBUTES, encoding="utf-8")
    with (folder / "sources.yaml").open("a", encoding="utf-8") as sources:
        sources.write(SOURCE.format(sha256=freeze_now(folder, RESIDENTS)))
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(PRIORS)
    change(folder / "priors.yaml", "    values: {interval: 0.95}", f"    values: {RATES}")
    return folder
