"""A run appears whole or not at all: killed, interrupted, without room or without permission."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from synthestat.bundle import write
from synthestat.bundle.read import open_bundle
from synthestat.bundle.write import staged_folder, write_run
from synthestat.errors import OutputError
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
# Build, then halt in the middle of writing: the tables stand there, the manifest does not.
HALTING = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from synthestat.bundle import write
from synthestat.packs.pack import read_pack
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import build_population

def halt(*_):
    print("halted", flush=True)
    time.sleep(60)

write.write_json = halt
pack = read_pack(Path(sys.argv[1]))
store = SnapshotStore(pack.snapshots)
population = build_population(pack, store, seed=1)
write.write_run(population, store, Path(sys.argv[2]), datetime.now(UTC))
"""


def visible(out: Path) -> list[str]:
    return sorted(p.name for p in (out / "ZZ").iterdir() if not p.name.startswith("."))


def hidden(out: Path) -> list[str]:
    return sorted(p.name for p in (out / "ZZ").iterdir() if p.name.startswith("."))


@pytest.fixture
def halted(tiny_population: Population, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of writing a run below `tmp_path`."""
    command = [sys.executable, "-c", HALTING, str(tiny_population.pack.folder), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "halted\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_is_not_there_and_the_next_one_clears_up(
    halted: subprocess.Popen[str],
    how: signal.Signals,
    tiny_population: Population,
    tiny_snapshots: SnapshotStore,
    tmp_path: Path,
) -> None:
    assert visible(tmp_path) == []
    assert len(hidden(tmp_path)) == 1
    halted.send_signal(how)
    halted.wait(timeout=20)
    assert visible(tmp_path) == []
    if how == signal.SIGINT:
        assert hidden(tmp_path) == []  # an interruption clears up by itself
    run = write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    assert visible(tmp_path) == [run.name]
    assert hidden(tmp_path) == []
    assert open_bundle(run).run_id == run.name


def test_a_run_that_is_being_written_is_left_alone(
    halted: subprocess.Popen[str],
    tiny_population: Population,
    tiny_snapshots: SnapshotStore,
    tmp_path: Path,
) -> None:
    before = hidden(tmp_path)
    run = write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    assert visible(tmp_path) == [run.name]
    assert hidden(tmp_path) == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_leaves_nothing(
    number: int,
    tiny_population: Population,
    tiny_snapshots: SnapshotStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(write, "write_json", full)
    with pytest.raises(OutputError, match=os.strerror(number)) as caught:
        write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    assert caught.value.exit_code == 2
    assert "free space" in caught.value.remedy
    assert list((tmp_path / "ZZ").iterdir()) == []


def test_any_other_error_leaves_nothing_either(tmp_path: Path) -> None:
    def fail() -> None:
        with staged_folder(tmp_path, "ZZ", "zz_x") as folder:
            (folder / "half.json").write_text("{", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list((tmp_path / "ZZ").iterdir()) == []


def test_a_place_that_is_a_file_is_refused(
    tiny_population: Population, tiny_snapshots: SnapshotStore, tmp_path: Path
) -> None:
    (tmp_path / "runs").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot take a run") as caught:
        write_run(tiny_population, tiny_snapshots, tmp_path / "runs", STARTED)
    assert "--out" in caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_place_without_permission_is_refused(
    tiny_population: Population, tiny_snapshots: SnapshotStore, tmp_path: Path
) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot take a run"):
            write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    finally:
        tmp_path.chmod(0o700)


def test_building_again_replaces_the_whole_run(
    tiny_population: Population, tiny_snapshots: SnapshotStore, tmp_path: Path
) -> None:
    first = write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    digests = open_bundle(first).manifest["table_digests"]
    (first / "stray.txt").write_text("not of this run", encoding="utf-8")
    (first / "relaxations.json").unlink()
    second = write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    assert second == first
    assert not (second / "stray.txt").exists()
    assert (second / "relaxations.json").is_file()
    assert open_bundle(second).manifest["table_digests"] == digests
    assert visible(tmp_path) == [second.name]
    assert hidden(tmp_path) == []


def test_a_failed_rebuild_leaves_the_old_run_as_it_was(
    tiny_population: Population,
    tiny_snapshots: SnapshotStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}

    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "write_json", full)
    with pytest.raises(OutputError):
        write_run(tiny_population, tiny_snapshots, tmp_path, STARTED)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    assert hidden(tmp_path) == []


def test_a_failed_swap_puts_the_old_run_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames of a rebuild, the second may fail."""
    place = tmp_path / "ZZ" / "zz_x"
    with staged_folder(tmp_path, "ZZ", "zz_x") as folder:
        (folder / "old").write_text("", encoding="utf-8")
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if target == place and "replaced" not in self.name and (self / "new").exists():
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(OutputError), staged_folder(tmp_path, "ZZ", "zz_x") as folder:
        (folder / "new").write_text("", encoding="utf-8")
    assert (place / "old").is_file()
