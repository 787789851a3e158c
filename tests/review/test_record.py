"""review.json: complete, strict, the same for equal reviews, and made without the builder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundles import THRESHOLDS, pack_with, run_of, write_layers
from planted.kit import PERSONS, PlantedRun

import synthestat
from synthestat.bundle.read import read_json
from synthestat.errors import BundleError, InputError
from synthestat.review.report import review_run, reviewer_digest
from synthestat.review.rubric import texts
from synthestat.review.thresholds import engine_thresholds
from synthestat.sources.snapshots import SnapshotStore

SECTIONS = (
    *("country", "edition", "run_id", "bundle_digest", "verdict", "because", "confidence"),
    *("findings", "witnesses", "next_actions", "status", "rubric", "checks", "thresholds"),
    *("reviewer", "reviewed"),
)
ROLES = {
    *("manager", "modeler", "reviewer", "marginals researcher", "distribution researcher"),
    *("downloader", "human"),
}
REVIEW = """
import sys
for room in ("packs", "controls", "synthesis", "story", "fitting", "diagnostics", "site"):
    sys.modules[f"synthestat.{room}"] = None
from synthestat import api
print(api.review(sys.argv[1], snapshots=sys.argv[2]).judgement.verdict)
"""


@pytest.fixture(scope="module")
def record(tiny_run: Path, tiny_snapshots: SnapshotStore) -> dict[str, Any]:
    return review_run(tiny_run, tiny_snapshots).document


def reviewed_elsewhere(run: Path, snapshots: Path, seed: str) -> dict[str, Any]:
    """Review a run in another process, which may import nothing that builds; its record."""
    done = subprocess.run(
        [sys.executable, "-c", REVIEW, str(run), str(snapshots)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr
    return read_json(run.with_name(f"{run.name}.review.json"))


def test_it_says_all_that_it_must(record, tiny_run):
    assert set(SECTIONS) <= record.keys()
    assert record["run_id"] == tiny_run.name
    assert len(record["bundle_digest"]) == 64
    assert record["reviewer"]["digest"] == reviewer_digest()
    for kind in ("blocking", "non_blocking"):
        for finding in record["findings"][kind]:
            assert finding["rows"]
            assert finding["remedy"]
            assert set(finding["roles"]) <= ROLES
    assert {action["role"] for action in record["next_actions"]} <= ROLES
    assert record["status"]["hard_constraints"]["status"] == "PASS"
    assert record["status"]["hidden_populations"]["state"] == "unavailable"
    assert record["status"]["privacy"]["release_mode"] == "internal"
    entries = {entry["id"]: entry for entry in record["thresholds"]["entries"]}
    widths = next(f for f in record["findings"]["blocking"] if f["check"] == "national_widths")
    assert {t["id"] for t in widths["thresholds"]} == {"national_share", "national_width"}
    assert all(entries[t["id"]] == t for t in widths["thresholds"])


def test_confidence_is_what_its_parts_make(record):
    parts = record["confidence"]
    product = parts["supported"] * parts["judged"] * parts["sound"]
    assert parts["value"] == pytest.approx(product, abs=1e-4)
    skipped = sum(check["status"] == "SKIP" for check in record["checks"])
    assert parts["judged"] == pytest.approx(1 - skipped / len(record["checks"]), abs=1e-6)
    assert 0 < parts["supported"] < 1


def test_equal_reviews_give_equal_records_without_the_builder(tiny_run, tiny_snapshots, tmp_path):
    """Two places, two hash seeds, many faults: only the moment differs."""
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path)
    homes = run.homes_of("single")["household_id"].to_list()
    run.put(PERSONS, "household_id", homes, age=9, universe="nobody", sex="unknown")
    run.path("uncertainty_summary.json").write_text('{"quantities": []}', encoding="utf-8")
    run.seal()
    other = Path(shutil.copytree(run.folder, tmp_path / "elsewhere" / "run"))
    first = reviewed_elsewhere(run.folder, run.snapshots.folders[0], "1")
    second = reviewed_elsewhere(other, run.snapshots.folders[0], "2")
    assert first.pop("reviewed")
    assert second.pop("reviewed")
    assert json.dumps(first) == json.dumps(second)
    assert str(tmp_path) not in json.dumps(first)
    assert len(first["findings"]["blocking"]) > 10


def test_the_record_lies_beside_the_run_and_nothing_in_it_changes(
    tiny_run, tiny_snapshots, tmp_path
):
    run = Path(shutil.copytree(tiny_run, tmp_path / tiny_run.name))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    judged = synthestat.review_run(run, snapshots=tiny_snapshots.folders[0])
    (written,) = tmp_path.glob("*.json")
    assert written.name == f"{tiny_run.name}.review.json"
    assert read_json(written) == judged.document
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    written.unlink()
    synthestat.review_run(run, snapshots=tiny_snapshots.folders[0], write=False)
    assert list(tmp_path.glob("*.json")) == []


def test_bad_input_is_said(tiny_run, tiny_snapshots, tmp_path):
    with pytest.raises(BundleError, match="not a folder"):
        synthestat.review_run(tmp_path / "none", snapshots=tiny_snapshots.folders[0])
    with pytest.raises(InputError, match="not a folder of frozen extracts"):
        synthestat.review_run(tiny_run, snapshots=tmp_path / "none")


def test_an_empty_folder_is_judged_as_one(tmp_path, tiny_snapshots):
    empty = tmp_path / "empty"
    empty.mkdir()
    document = review_run(empty, tiny_snapshots).document
    assert document["verdict"] == "BLOCKED_INVALID_OUTPUT"
    assert document["confidence"]["value"] == 0
    assert all(need["state"] == "blocked" for need in document["rubric"])


# Thresholds


def test_a_pack_may_set_thresholds_before_the_build_and_it_shows(record, tmp_path):
    entry = THRESHOLDS.format(values="{national_width: 7.5, mean_size_ratio: 0.5}")
    pack = pack_with(tmp_path, entry)
    run = run_of(pack, tmp_path)
    own = review_run(run, SnapshotStore(pack / "snapshots")).document
    assert own["thresholds"]["digest"] != record["thresholds"]["digest"]
    set_by = {t["id"]: t["origin"] for t in own["thresholds"]["entries"]}
    assert set_by["national_width"] == set_by["mean_size_ratio"] == "zz.review_thresholds"
    assert set_by["national_share"] == "engine"
    (failed,) = (f for f in own["findings"]["blocking"] if f["check"] == "mean_size")
    assert "at most 0.5 times" in failed["threshold"]
    assert {t["id"]: t["value"] for t in failed["thresholds"]}["mean_size_ratio"] == 0.5
    checks = {check["id"]: check for check in own["checks"]}
    assert checks["registry_entries"]["status"] == "PASS"
    assert checks["review_thresholds"]["status"] == "PASS"


def test_a_threshold_changed_after_the_build_is_found(tmp_path):
    pack = pack_with(tmp_path, THRESHOLDS.format(values="{national_width: 0.1}"))
    run = PlantedRun(run_of(pack, tmp_path), SnapshotStore(pack / "snapshots"), tmp_path)
    run.edit_text("pack/priors.yaml", lambda text: text.replace("width: 0.1", "width: 100"))
    run.seal(identity=False)
    document = review_run(run.folder, run.snapshots).document
    assert document["verdict"] == "BLOCKED_INVALID_OUTPUT"
    assert [f["check"] for f in document["findings"]["blocking"]][:1] == ["pack_digest"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("{national_wideness: 1}", "national_wideness is no threshold"),
        ("{national_width: wide}", "not a number"),
        ("{national_width: .nan}", "not a number"),
        ("{national_width: true}", "not a number"),
        ("{places: []}", "names no place"),
    ],
)
def test_a_wrong_threshold_is_refused_by_name(tiny_run, tiny_snapshots, tmp_path, values, said):
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path)
    run.edit_text("pack/priors.yaml", lambda text: text + THRESHOLDS.format(values=values))
    run.seal()
    document = review_run(run.folder, run.snapshots).document
    (wrong,) = (f for f in document["findings"]["blocking"] if f["check"] == "review_thresholds")
    assert said in wrong["notes"]
    values_of = {t["id"]: t["value"] for t in document["thresholds"]["entries"]}
    assert values_of == {name: t.value for name, t in engine_thresholds().by_id.items()}


# The ideal country


def test_the_rubric_has_ten_needs_whose_gaps_are_what_their_terms_make(record):
    needs = record["rubric"]
    declared = {entry["id"]: entry for entry in texts()["needs"]}
    assert len(needs) == len(declared) == 10
    for need in needs:
        terms = declared[need["id"]]["terms"]
        assert all(need[text] for text in ("ideal", "evidence", "impossible", "moves_most"))
        assert need["state"] in ("measured", "constrained", "modelled", "unavailable", "blocked")
        assert {part["id"] for part in need["parts"]} <= terms.keys()
        weights = {part["id"]: terms[part["id"]]["weight"] for part in need["parts"]}
        gaps = {part["id"]: part["gap"] for part in need["parts"]}
        assert all(0 <= gap <= 1 for gap in gaps.values())
        mean = sum(weights[name] * gap for name, gap in gaps.items()) / sum(weights.values())
        assert need["gap"] == pytest.approx(100 * mean, abs=0.06)
        most = max(need["parts"], key=lambda part: part["points"])
        assert need["moves_most"] == (
            terms[most["id"]]["move"] if most["points"] else "nothing is missing"
        )


def test_a_layer_that_is_there_narrows_its_gap(record, tiny_run, tiny_snapshots, tmp_path):
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path)
    write_layers(run)
    run.seal()
    after = {n["id"]: n for n in review_run(run.folder, run.snapshots).document["rubric"]}
    before = {need["id"]: need for need in record["rubric"]}
    for need in ("overlays", "assignments"):
        assert (before[need]["state"], before[need]["gap"]) == ("unavailable", 100)
        assert after[need]["state"] == "modelled"
        assert after[need]["gap"] < 100
    rows = run.table("hidden_population_overlays")
    width = (rows["high"].sum() - rows["low"].sum()) / (2 * rows["mid"].sum())
    # with a weight of 2 of 6; all rows are called modelled
    assert after["overlays"]["gap"] == pytest.approx(100 * 2 * width / 6, abs=0.06)
    assert after["assignments"]["gap"] == pytest.approx(100 * 2 / 6, abs=0.06)


def test_a_need_whose_checks_fail_is_blocked(tiny_run, tiny_snapshots, tmp_path):
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path)
    run.put(PERSONS, "household_id", run.homes_of("single")["household_id"][0], age=9)
    run.seal()
    needs = {n["id"]: n for n in review_run(run.folder, run.snapshots).document["rubric"]}
    assert (needs["households"]["state"], needs["households"]["gap"]) == ("blocked", 100)
    assert "child_only" in needs["households"]["blocked_by"]
    assert needs["lag"]["state"] == "measured"
