"""The door for what others bring: a change comes in whole and sound, or not at all."""

from __future__ import annotations

import hashlib
import json

import pytest

from synthestat.cycle.intake import take_in
from synthestat.errors import CubeError, InputError, OutputError, PackError, SnapshotError


@pytest.fixture
def pack(copy_pack, tmp_path):
    return copy_pack(tmp_path)


def text(pack, name):
    return (pack / name).read_text(encoding="utf-8")


def test_a_changed_definition_makes_a_new_pack(pack, tmp_path):
    changed = text(pack, "LIMITS.md") + "\nOne more limit.\n"
    made = take_in(pack, {"pack/LIMITS.md": changed.encode()}, tmp_path / "new")
    assert made.folder == tmp_path / "new"
    assert text(made.folder, "LIMITS.md") == changed
    assert "One more" not in text(pack, "LIMITS.md")
    assert sorted(p.name for p in made.snapshots.iterdir()) == sorted(
        p.name for p in (pack / "snapshots").iterdir()
    )


def refused(pack, tmp_path, brought, error, said):
    with pytest.raises(error) as caught:
        take_in(pack, brought, tmp_path / "new")
    assert said in str(caught.value)
    left = [path.name for path in tmp_path.iterdir() if path.name not in ("tiny",)]
    assert left == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pack/../../escape.yaml", "no such place"),
        ("pack/unknown.yaml", "definition files are"),
        ("pack\\controls.yaml", "no such place"),
        ("/etc/passwd", "no such place"),
        ("snapshots/..", "an extract is a .json file"),
        ("elsewhere/x.json", "no such place"),
        ("controls.yaml", "no such place"),
    ],
)
def test_a_place_that_is_none_is_refused(pack, tmp_path, name, said):
    refused(pack, tmp_path, {name: b"x"}, InputError, said)


def test_a_pack_with_faults_is_refused_with_all_of_them(pack, tmp_path):
    controls = text(pack, "controls.yaml").replace("table: tiny_age", "table: nowhere")
    controls = controls.replace("level: FIRM", "level: HARDEST", 1)
    refused(
        pack, tmp_path, {"pack/controls.yaml": controls.encode()}, PackError, "persons_sex: level"
    )


def test_an_extract_that_no_table_names_is_refused(pack, tmp_path):
    refused(pack, tmp_path, {"snapshots/x.json": b"{}"}, PackError, "no table of sources.yaml")


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"not json", CubeError), (b'{"version": "2.0", "value": [NaN]}', CubeError)],
)
def test_an_extract_that_is_no_table_is_refused(pack, tmp_path, content, error):
    old = hashlib.sha256(b"").hexdigest()
    sources = text(pack, "sources.yaml")
    old = sources.partition("sha256: ")[2][:64]
    sources = sources.replace(old, hashlib.sha256(content).hexdigest())
    brought = {"pack/sources.yaml": sources.encode(), "snapshots/x.json": content}
    refused(pack, tmp_path, brought, error, "")


def test_a_table_whose_extract_is_not_there_is_refused(pack, tmp_path):
    sources = text(pack, "sources.yaml")
    sources = sources.replace(sources.partition("sha256: ")[2][:64], "a" * 64)
    refused(pack, tmp_path, {"pack/sources.yaml": sources.encode()}, SnapshotError, "aaaa")


def test_an_extract_is_frozen_under_its_hash(pack, tmp_path):
    sources = text(pack, "sources.yaml")
    old = sources.partition("sha256: ")[2][:64]
    table = json.loads((pack / "snapshots" / f"{old}.json").read_text("utf-8"))
    content = json.dumps(table | {"note": ["printed again"]}).encode()
    new = hashlib.sha256(content).hexdigest()
    brought = {
        "pack/sources.yaml": sources.replace(old, new).encode(),
        "snapshots/any-name.json": content,
    }
    made = take_in(pack, brought, tmp_path / "new")
    assert (made.snapshots / f"{new}.json").read_bytes() == content


def test_nothing_that_is_there_is_written_over(pack, tmp_path):
    (tmp_path / "new").mkdir()
    with pytest.raises(OutputError, match="there already"):
        take_in(pack, {"pack/LIMITS.md": b"x"}, tmp_path / "new")


def test_nothing_brought_is_nothing(pack, tmp_path):
    refused(pack, tmp_path, {}, InputError, "0 files")
