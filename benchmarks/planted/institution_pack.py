"""Tinyland with institutions: its own pack has none, so residents of some are invented."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthestat.packs.pack import read_pack
from synthestat.sources.cube import Cube, Dimension, number_status
from synthestat.sources.jsonstat import read_jsonstat, write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

AGES = {
    ("care", "01"): {"70": 5, "74": 5, "75+": 120},
    ("care", "03"): {"70": 8, "74": 2, "75+": 15},
    ("halls", "02"): {"18": 40, "19": 30, "20": 20},
}
"""Residents of institutions by universe, zone and published age."""
UNIVERSES = """
  care:
    label: Residents of care homes
    institution: care_home
  halls:
    label: Residents of student halls
    institution: student_hall
    only_in: students

household_universe:"""
SOURCE = """
  - id: tiny_institutions
    title: "Residents of institutions by municipality and kind"
    publisher: Tinyland Statistical Office
    address: https://example.org/tinyland/tiny_institutions
    query: "zone, kind: all"
    licence: "CC0-1.0 (invented figures)"
    reference_period: "2021 census"
    retrieved: "2021-12-31 (drawn by benchmarks/planted/institution_pack.py)"
    sha256: {sha256}
    zone_dimension: zone
    totals:
      - {{dimension: zone, total: ZZ}}
"""
CONTROL = """
  - id: persons_{universe}
    label: Residents of institutions ({universe})
    family: institutions
    table: tiny_institutions
    level: HARD
    universe: {universe}
    counts: persons
    where: {{kind: {universe}}}
"""


def with_institutions(tiny: Path, folder: Path) -> Path:
    """Copy Tinyland's pack to `folder`, with care homes in two zones and a hall in a third.

    Their residents are added to the table by age; a table of their own counts them by kind.
    """
    shutil.copytree(tiny, folder)
    store = SnapshotStore(folder / "snapshots")
    source = read_pack(folder).sources["tiny_age"]
    ages = read_jsonstat(store.read(source.sha256), name="ages")
    zones = ages.dimension("zone")
    values, residents = ages.values.copy(), np.zeros((len(zones.codes), 2))
    for (universe, zone), people in AGES.items():
        for at in (0, zones.position(zone)):
            residents[at, ["care", "halls"].index(universe)] += sum(people.values())
            for age, number in people.items():
                values[at, ages.dimension("age").position(age)] += number
    more = replace(ages, values=values, status=number_status(values))
    _change(folder / "sources.yaml", source.sha256, store.put(write_jsonstat(more)))
    kinds = Dimension("kind", "kind", ("care", "halls"), ("Care homes", "Student halls"))
    status = number_status(residents)
    cube = Cube("Institutions", "Tinyland", "", (zones, kinds), residents, status, {})
    with (folder / "sources.yaml").open("a", encoding="utf-8") as sources:
        sources.write(SOURCE.format(sha256=store.put(write_jsonstat(cube))))
    with (folder / "controls.yaml").open("a", encoding="utf-8") as controls:
        controls.writelines(CONTROL.format(universe=universe) for universe in ("care", "halls"))
    country = folder / "country.yaml"
    _change(country, "[enumerated, estimated]", "[enumerated, estimated, care, halls]")
    _change(country, "\nhousehold_universe:", UNIVERSES)
    _change(folder / "geography.csv", "38.5,", "38.5,students")
    return folder


def _change(path: Path, old: str, new: str) -> None:
    """Replace a text that stands exactly once in a file."""
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times in {path.name}")
    path.write_text(text.replace(old, new), encoding="utf-8")
