"""Fixtures of Tinyland's edition of 2031; it and the planting kit are importable by plain names."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from synthestat.bundle.write import write_run
from synthestat.packs.pack import read_pack
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "carried"))

from carrying import Change, carry  # noqa: E402
from planted.kit import PlantedRun  # noqa: E402


@pytest.fixture
def carried(tmp_path: Path, change_text: Change) -> Path:
    """Tinyland of 2031, to be damaged."""
    return carry(Path(shutil.copytree(TESTS / "packs" / "tiny", tmp_path / "tiny")), change_text)


@pytest.fixture(scope="session")
def carried_population(tmp_path_factory: pytest.TempPathFactory, change_text: Change) -> Population:
    """Tinyland of 2031 built under seed 1."""
    below = tmp_path_factory.mktemp("carried")
    pack = read_pack(
        carry(Path(shutil.copytree(TESTS / "packs" / "tiny", below / "tiny")), change_text)
    )
    return build_population(pack, SnapshotStore(pack.snapshots), seed=1)


@pytest.fixture(scope="session")
def carried_run(carried_population: Population, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of Tinyland of 2031. Tests that alter it must copy it first."""
    snapshots = SnapshotStore(carried_population.pack.snapshots)
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return write_run(carried_population, snapshots, tmp_path_factory.mktemp("runs"), started)


@pytest.fixture
def planted(carried_run: Path, carried_population: Population, tmp_path: Path) -> PlantedRun:
    """A copy of the run, to be damaged."""
    return PlantedRun(carried_run, SnapshotStore(carried_population.pack.snapshots), tmp_path)
