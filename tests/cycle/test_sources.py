"""Real builds and reviews of Tinyland: a course that finds its source and passes, and stops."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from bundles import THRESHOLDS, write_layers
from planted.kit import PlantedRun

from synthestat import api
from synthestat.cycle.conduct import begin, by_id, conduct
from synthestat.cycle.database import open_board
from synthestat.cycle.events import audit
from synthestat.cycle.workers import Tools
from synthestat.packs.pack import read_pack
from synthestat.sources.snapshots import SnapshotStore

BOTH = '{national_width: 100, places: ["tables frozen in this pack", "statistical office"]}'
ZONES = {
    **{"ZZ": "Tinyland", "01": "Alderbridge", "02": "Birkholm", "03": "Çedar Hill"},
    **{"04": "Dømmeby", "05": "Elmau", "06": "Fenwick"},
}
HIDDEN = {
    "version": "2.0",
    "class": "dataset",
    "id": ["zone", "group"],
    "size": [7, 1],
    "dimension": {
        "zone": {"category": {"index": list(ZONES), "label": ZONES}},
        "group": {"category": {"index": ["hidden"], "label": {"hidden": "Hidden"}}},
    },
    "value": [21, 1, 2, 3, 4, 5, 6],
}
SOURCE = """
  - id: tiny_hidden
    title: "Hidden persons by municipality, from two lists"
    publisher: Tinyland Statistical Office
    address: https://example.org/tinyland/tiny_hidden
    query: "zone, group: all"
    licence: "CC0-1.0 (invented figures)"
    reference_period: "2021 census"
    retrieved: "2021-12-31"
    sha256: {sha256}
    zone_dimension: zone
"""


@pytest.fixture
def searching(copy_pack, tmp_path) -> Path:
    """Tinyland as one that has looked everywhere but for its hidden persons."""
    folder = copy_pack(tmp_path)
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(THRESHOLDS.format(values=BOTH))
    country = folder / "country.yaml"
    text = country.read_text(encoding="utf-8")
    hidden, rest = text.split("  - layer: work_school_assignments")
    for said in ('["tables frozen in this pack"]', '["tiny_dwellings (counts only)"]'):
        rest = rest.replace(said, '["tables frozen in this pack", "statistical office"]')
    country.write_text(f"{hidden}  - layer: work_school_assignments{rest}", encoding="utf-8")
    return folder


def put_on_shelf(pack: Path, shelf: Path, *, table: dict | None = None) -> None:
    """Lay a table of hidden persons on a shelf, with the sources.yaml that describes it."""
    offer = shelf / "hidden"
    (offer / "snapshots").mkdir(parents=True)
    (offer / "pack").mkdir()
    content = json.dumps(table or HIDDEN).encode()
    (offer / "snapshots" / "hidden.json").write_bytes(content)
    sources = (pack / "sources.yaml").read_text(encoding="utf-8")
    sources += SOURCE.format(sha256=hashlib.sha256(content).hexdigest())
    (offer / "pack" / "sources.yaml").write_text(sources, encoding="utf-8")
    (offer / "offer.yaml").write_text(
        "id: hidden\ncloses: [hidden_population_overlays]\nplace: statistical office\n"
        "citation: two lists\naddress: https://example.org/tinyland/tiny_hidden\n",
        encoding="utf-8",
    )


def build_with_layers(pack: Path, seed: int, out: Path, tell) -> Path:
    """Build; with a table of hidden persons, add the layers that no build makes yet."""
    run = api.build(pack, seed=seed, out=out, workers=1, progress=tell)
    if "tiny_hidden" not in read_pack(pack).sources:
        return run
    below = out / ".by-hand"
    below.mkdir()
    made = PlantedRun(run, SnapshotStore(pack / "snapshots"), below)
    write_layers(made)
    made.seal()
    shutil.rmtree(run)
    made.folder.rename(run)
    shutil.rmtree(below)
    return run


def review(run: Path, snapshots: Path) -> None:
    api.review(run, snapshots=snapshots)


def course(pack: Path, below: Path, shelf: Path | None):
    """Conduct a cycle of a pack; its board, its end and its tasks."""
    board = open_board(below / "board.sqlite")
    options = {"pack": str(pack), "seed": 3, "out": str(below / "runs"), "shelf": str(shelf or "")}
    begun = begin(board, "ZZ", options)
    cycle = conduct(board, begun.id, Tools(build_with_layers, review), lambda *_: None)
    return board, cycle, by_id(board, cycle.id)


def test_a_country_that_needs_a_source_finds_it_and_passes(searching, tmp_path):
    put_on_shelf(searching, tmp_path / "shelf")
    board, cycle, tasks = course(searching, tmp_path, tmp_path / "shelf")
    assert [task.kind for task in tasks if task.round == 1] == ["build", "review"]
    assert tasks[1].result["verdict"] == "NEEDS_MORE_SOURCES"
    found = {t.result["gap"]: t.result["found"] for t in tasks if t.kind.startswith("research")}
    assert found["hidden_population_overlays"] == ["hidden"]
    assert found["work_school_assignments"] == []
    (freeze,) = (task for task in tasks if task.kind == "freeze")
    assert (freeze.result["taken"], freeze.result["refused"]) == (["hidden"], {})
    changed = read_pack(Path(freeze.result["pack"]))
    assert "tiny_hidden" in changed.sources
    assert "tiny_hidden" not in read_pack(searching).sources  # the pack that was given is untouched
    assert (cycle.verdict, cycle.status) == ("PASS", "waiting")
    assert tasks[-1].kind == "deliver"
    assert audit(board).faults == ()
    again = conduct(board, cycle.id, Tools(build_with_layers, review), lambda *_: None)
    assert (again, len(by_id(board, cycle.id))) == (cycle, len(tasks))


def test_a_source_that_is_not_sound_is_refused_and_the_course_stops(searching, tmp_path):
    put_on_shelf(searching, tmp_path / "shelf", table={**HIDDEN, "value": [1]})
    _, cycle, tasks = course(searching, tmp_path, tmp_path / "shelf")
    (freeze,) = (task for task in tasks if task.kind == "freeze")
    assert freeze.result["taken"] == []
    assert freeze.result["refused"]["hidden"]
    assert "pack" not in freeze.result
    assert cycle.verdict == "NEEDS_MORE_SOURCES"
    assert "plateau" in cycle.reason
    assert tasks[-1].kind == "decide"


def test_a_country_for_which_nothing_lies_ready_stops_for_a_person(searching, tmp_path):
    _, cycle, tasks = course(searching, tmp_path, None)
    assert cycle.reason.endswith("no source or model is new")
    assert [task.kind for task in tasks][-1] == "decide"
    assert "statistical office" in tasks[-1].body


def test_an_extract_that_was_lost_is_restored_by_its_hash(copy_pack, tmp_path):
    pack = copy_pack(tmp_path)
    lost = read_pack(pack).sources["tiny_faith"].sha256
    extract = pack / "snapshots" / f"{lost}.json"
    spare = tmp_path / "shelf" / "spare"
    (spare / "snapshots").mkdir(parents=True)
    (spare / "snapshots" / "faith.json").write_bytes(extract.read_bytes())
    (spare / "offer.yaml").write_text(
        "id: spare\ncloses: [nothing]\nplace: an archive\ncitation: a copy\naddress: ''\n", "utf-8"
    )
    extract.write_bytes(extract.read_bytes().replace(b"1", b"2", 1))
    _, cycle, tasks = course(pack, tmp_path, tmp_path / "shelf")
    assert tasks[0].result["blocked"]
    assert lost in tasks[0].result["missing"][0]["rows"][0]
    (freeze,) = (task for task in tasks if task.kind == "freeze" and task.round == 2)
    assert freeze.result["taken"] == [f"extract {lost[:12]}"]
    assert cycle.verdict == "NEEDS_MORE_SOURCES"  # it was built, and reviewed
    assert extract.read_bytes() != (spare / "snapshots" / "faith.json").read_bytes()
