"""The snapshot store: bytes come back as they were frozen, or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.errors import SnapshotError
from synthestat.sources.snapshots import SnapshotStore

DOCUMENT = b'{"version": "2.0", "class": "dataset"}\n'
SHA256 = hashlib.sha256(DOCUMENT).hexdigest()


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_put_and_read(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "packs" / "snapshots")
    assert not store.has(SHA256)
    assert store.put(DOCUMENT) == SHA256
    assert store.has(SHA256)
    assert store.read(SHA256) == DOCUMENT
    assert store.path(SHA256) == tmp_path / "packs" / "snapshots" / f"{SHA256}.json"
    assert names_in(tmp_path / "packs" / "snapshots") == [f"{SHA256}.json"]


def test_putting_twice_leaves_the_file_alone(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path))
    store.put(DOCUMENT)
    os.utime(store.path(SHA256), ns=(1, 1))
    assert store.put(DOCUMENT) == SHA256
    assert store.path(SHA256).stat().st_mtime_ns == 1
    assert len(names_in(tmp_path)) == 1


@given(place=st.integers(0, len(DOCUMENT) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    store = SnapshotStore(tmp_path_factory.mktemp("flip"))
    store.put(DOCUMENT)
    damaged = bytearray(DOCUMENT)
    damaged[place] ^= 1 << bit
    store.path(SHA256).write_bytes(damaged)
    with pytest.raises(SnapshotError):
        store.read(SHA256)


def test_a_flipped_byte_names_file_hashes_and_remedy(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path)
    store.put(DOCUMENT)
    damaged = DOCUMENT.replace(b"2", b"3")
    store.path(SHA256).write_bytes(damaged)
    with pytest.raises(SnapshotError) as caught:
        store.read(SHA256)
    assert str(tmp_path / f"{SHA256}.json") in caught.value.message
    assert caught.value.faults[0].endswith(SHA256)
    assert caught.value.faults[1].endswith(hashlib.sha256(damaged).hexdigest())
    assert "never adjust the recorded hash" in caught.value.remedy


@pytest.mark.parametrize("damage", [b"", DOCUMENT[:-1], DOCUMENT + b"\n"])
def test_a_cut_or_longer_file_is_found_and_put_mends_it(tmp_path: Path, damage: bytes) -> None:
    store = SnapshotStore(tmp_path)
    store.put(DOCUMENT)
    store.path(SHA256).write_bytes(damage)
    assert store.has(SHA256)  # asks for the file only
    with pytest.raises(SnapshotError, match="not what was frozen"):
        store.read(SHA256)
    store.put(DOCUMENT)
    assert store.read(SHA256) == DOCUMENT


def test_absent(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "one", tmp_path / "two")
    for ask in (store.read, store.path):
        with pytest.raises(SnapshotError) as caught:
            ask(SHA256)
        assert caught.value.message == f"There is no snapshot {SHA256}"
        assert len(caught.value.faults) == 2
        assert caught.value.remedy
    assert not store.has(SHA256)


@pytest.mark.parametrize(
    "name", ["", "abc", SHA256.upper(), SHA256 + "0", "../" + SHA256[3:], SHA256 + "\n"]
)
def test_what_is_no_hash_is_refused(tmp_path: Path, name: str) -> None:
    store = SnapshotStore(tmp_path)
    for ask in (store.read, store.path, store.has):
        with pytest.raises(SnapshotError, match="is no sha256"):
            ask(name)


def test_reads_from_the_first_folder_that_holds_it_and_writes_to_the_first(tmp_path: Path) -> None:
    mine, packed = tmp_path / "mine", tmp_path / "packed"
    SnapshotStore(packed).put(DOCUMENT)
    store = SnapshotStore(mine, packed)
    assert store.path(SHA256).parent == packed
    assert store.read(SHA256) == DOCUMENT
    other = store.put(b"{}")
    assert names_in(mine) == [f"{other}.json"]
    store.put(DOCUMENT)
    assert store.path(SHA256).parent == mine


def test_a_damaged_copy_in_the_first_folder_is_not_passed_over(tmp_path: Path) -> None:
    mine, packed = tmp_path / "mine", tmp_path / "packed"
    SnapshotStore(packed).put(DOCUMENT)
    SnapshotStore(mine).put(DOCUMENT)
    (mine / f"{SHA256}.json").write_bytes(b"{}")
    with pytest.raises(SnapshotError, match="mine"):
        SnapshotStore(mine, packed).read(SHA256)


def test_a_store_needs_a_folder() -> None:
    with pytest.raises(SnapshotError, match="needs a folder"):
        SnapshotStore()


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SnapshotError) as caught:
        SnapshotStore(tmp_path).put(DOCUMENT)
    assert caught.value.faults == ("No space left on device",)
    assert names_in(tmp_path) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(SnapshotError, match="cannot be written"):
        SnapshotStore(tmp_path / "taken").put(DOCUMENT)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(tmp_path)
    store.put(DOCUMENT)

    def barred(self: Path) -> bytes:
        raise PermissionError("Permission denied")

    monkeypatch.setattr(Path, "read_bytes", barred)
    with pytest.raises(SnapshotError, match="cannot be read"):
        store.read(SHA256)


@given(document=st.binary(max_size=300))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, document: bytes) -> None:
    store = SnapshotStore(tmp_path_factory.mktemp("any"))
    assert store.read(store.put(document)) == document
