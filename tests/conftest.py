"""What several rooms of tests share: the invented country, runs of it, and packs to damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from synthestat.bundle.write import write_run
from synthestat.packs.pack import CountryPack, find_pack, read_pack
from synthestat.sources.cube import CellStatus, Cube, Dimension, number_status
from synthestat.sources.jsonstat import read_jsonstat, write_jsonstat
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

TINY = Path(__file__).parent / "packs" / "tiny"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
Figure = float | CellStatus

# The same examples on every machine; compiled kernels make the first of them slow.
settings.register_profile("synthestat", deadline=None, derandomize=True)
settings.load_profile("synthestat")


@pytest.fixture(scope="session")
def tiny_pack() -> CountryPack:
    """The pack of Tinyland, an invented country."""
    return read_pack(TINY)


@pytest.fixture(scope="session")
def tiny_snapshots(tiny_pack: CountryPack) -> SnapshotStore:
    """Tinyland's frozen tables."""
    return SnapshotStore(tiny_pack.snapshots)


@pytest.fixture(scope="session")
def tiny_population(tiny_pack: CountryPack, tiny_snapshots: SnapshotStore) -> Population:
    """Tinyland built under seed 1."""
    return build_population(tiny_pack, tiny_snapshots, seed=1)


@pytest.fixture(scope="session")
def tiny_run(
    tiny_population: Population,
    tiny_snapshots: SnapshotStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run folder of Tinyland. Tests that alter it must copy it first."""
    out = tmp_path_factory.mktemp("tiny_runs")
    return write_run(tiny_population, tiny_snapshots, out, STARTED)


@pytest.fixture(scope="session")
def xk_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of Kosovo, seed 1: about half a minute, for tests marked `national`."""
    pack = find_pack("XK")
    snapshots = SnapshotStore(pack.snapshots)
    population = build_population(pack, snapshots, seed=1, workers=2)
    return write_run(population, snapshots, tmp_path_factory.mktemp("xk_runs"), STARTED)


@pytest.fixture(scope="session")
def lu_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of Luxembourg 2021, seed 1: about half a minute, for tests marked `national`."""
    pack = find_pack("LU-2021")
    snapshots = SnapshotStore(pack.snapshots)
    population = build_population(pack, snapshots, seed=1, workers=2)
    return write_run(population, snapshots, tmp_path_factory.mktemp("lu_runs"), STARTED)


@pytest.fixture(scope="session")
def lu_2025_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of Luxembourg 2025, seed 1: about half a minute, for tests marked `national`."""
    pack = find_pack("LU-2025")
    snapshots = SnapshotStore(pack.snapshots)
    population = build_population(pack, snapshots, seed=1, workers=2)
    return write_run(population, snapshots, tmp_path_factory.mktemp("lu_2025_runs"), STARTED)


@pytest.fixture(scope="session")
def copy_pack() -> Callable[[Path], Path]:
    """Copy Tinyland's pack below a folder, to be damaged there: `copy_pack(tmp_path)`."""

    def copy(below: Path) -> Path:
        return Path(shutil.copytree(TINY, below / "tiny"))

    return copy


@pytest.fixture(scope="session")
def edit_table() -> Callable[[Path, str, Mapping[tuple[str, ...], Figure]], None]:
    """Freeze a copied pack's table anew with other figures, and record the new hash.

    `edit_table(folder, "tiny_age", {("01", "3"): 12})`: one code per dimension, in order; a
    CellStatus in place of a number leaves the cell without one.
    """

    def edit(folder: Path, table: str, figures: Mapping[tuple[str, ...], Figure]) -> None:
        source = read_pack(folder).sources[table]
        store = SnapshotStore(folder / "snapshots")
        symbols = {"c": "suppressed", ":": "missing", ".": "not_applicable"}
        cube = read_jsonstat(store.read(source.sha256), name=table, symbols=symbols)
        values, blanks = cube.values.copy(), cube.status.copy()
        for codes, figure in figures.items():
            place = tuple(d.position(code) for d, code in zip(cube.dimensions, codes, strict=True))
            empty = isinstance(figure, CellStatus)
            values[place] = np.nan if empty else figure
            blanks[place] = figure if empty else CellStatus.VALUE
        status = np.where(np.isnan(values), blanks, number_status(values)).astype(np.uint8)
        sha256 = store.put(write_jsonstat(replace(cube, values=values, status=status)))
        change(folder / "sources.yaml", source.sha256, sha256)

    return edit


@pytest.fixture(scope="session")
def change_text() -> Callable[[Path, str, str], None]:
    """Replace a text that stands exactly once in a file: `change_text(path, old, new)`."""
    return change


def change(path: Path, old: str, new: str) -> None:
    """Replace a text that stands exactly once in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


INSTITUTION_AGES = {
    ("care", "01"): {"70": 5, "74": 5, "75+": 120},
    ("care", "03"): {"70": 8, "74": 2, "75+": 15},
    ("halls", "02"): {"18": 40, "19": 30, "20": 20},
}
"""Residents of institutions by universe, zone and published age: Tinyland's own has none."""
INSTITUTION_UNIVERSES = """
  care:
    label: Residents of care homes
    institution: care_home
  halls:
    label: Residents of student halls
    institution: student_hall
    only_in: students

household_universe:"""
INSTITUTION_SOURCE = """
  - id: tiny_institutions
    title: "Residents of institutions by municipality and kind"
    publisher: Tinyland Statistical Office
    address: https://example.org/tinyland/tiny_institutions
    query: "zone, kind: all"
    licence: "CC0-1.0 (invented figures)"
    reference_period: "2021 census"
    retrieved: "2021-12-31 (drawn by tests/conftest.py)"
    sha256: {sha256}
    zone_dimension: zone
    totals:
      - {{dimension: zone, total: ZZ}}
"""
INSTITUTION_CONTROL = """
  - id: persons_{universe}
    label: Residents of institutions ({universe})
    family: institutions
    table: tiny_institutions
    level: HARD
    universe: {universe}
    counts: persons
    where: {{kind: {universe}}}
"""


@pytest.fixture(scope="session")
def institution_pack(
    tmp_path_factory: pytest.TempPathFactory,
    edit_table: Callable[[Path, str, Mapping[tuple[str, ...], Figure]], None],
) -> CountryPack:
    """Tinyland with care homes in two zones and a student hall in a third, beside its households.

    Their residents are added to the table by age; a table of their own counts them by kind.
    """
    folder = Path(shutil.copytree(TINY, tmp_path_factory.mktemp("institutions") / "tiny"))
    store = SnapshotStore(folder / "snapshots")
    ages = read_jsonstat(store.read(read_pack(folder).sources["tiny_age"].sha256), name="ages")
    zones = ages.dimension("zone")
    extra, residents = np.zeros(ages.values.shape), np.zeros((len(zones.codes), 2))
    for (universe, zone), people in INSTITUTION_AGES.items():
        for at in (0, zones.position(zone)):
            residents[at, ["care", "halls"].index(universe)] += sum(people.values())
            for age, number in people.items():
                extra[at, ages.dimension("age").position(age)] += number
    figures = {
        (zones.codes[zone], ages.dimension("age").codes[age]): float(
            ages.values[zone, age] + extra[zone, age]
        )
        for zone, age in np.argwhere(extra)
    }
    edit_table(folder, "tiny_age", figures)
    kinds = Dimension("kind", "kind", ("care", "halls"), ("Care homes", "Student halls"))
    status = number_status(residents)
    cube = Cube("Institutions", "Tinyland", "", (zones, kinds), residents, status, {})
    sha256 = store.put(write_jsonstat(cube))
    with (folder / "sources.yaml").open("a", encoding="utf-8") as sources:
        sources.write(INSTITUTION_SOURCE.format(sha256=sha256))
    with (folder / "controls.yaml").open("a", encoding="utf-8") as controls:
        controls.writelines(INSTITUTION_CONTROL.format(universe=u) for u in ("care", "halls"))
    country = folder / "country.yaml"
    change(country, "[enumerated, estimated]", "[enumerated, estimated, care, halls]")
    change(country, "\nhousehold_universe:", INSTITUTION_UNIVERSES)
    change(folder / "geography.csv", "38.5,", "38.5,students")
    return read_pack(folder)


@pytest.fixture(scope="session")
def institution_run(
    institution_pack: CountryPack, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run folder of Tinyland with institutions, seed 1. Tests that alter it must copy it."""
    snapshots = SnapshotStore(institution_pack.snapshots)
    population = build_population(institution_pack, snapshots, seed=1)
    return write_run(population, snapshots, tmp_path_factory.mktemp("runs"), STARTED)
