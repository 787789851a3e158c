"""What several rooms of tests share: the invented country, runs of it, and packs to damage."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from synthestat.bundle.write import write_run
from synthestat.packs.pack import CountryPack, find_pack, read_pack
from synthestat.sources.cube import CellStatus, number_status
from synthestat.sources.jsonstat import read_jsonstat, write_jsonstat
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from planted.institution_pack import with_institutions

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


@pytest.fixture(scope="session")
def institution_pack(tmp_path_factory: pytest.TempPathFactory) -> CountryPack:
    """Tinyland with care homes in two zones and a student hall in a third."""
    folder = tmp_path_factory.mktemp("institutions") / "tiny"
    return read_pack(with_institutions(TINY, folder))


@pytest.fixture(scope="session")
def institution_run(
    institution_pack: CountryPack, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run folder of Tinyland with institutions, seed 1. Tests that alter it must copy it."""
    snapshots = SnapshotStore(institution_pack.snapshots)
    population = build_population(institution_pack, snapshots, seed=1)
    return write_run(population, snapshots, tmp_path_factory.mktemp("runs"), STARTED)
