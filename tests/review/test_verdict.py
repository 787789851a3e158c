"""The verdict: each one reached by an invented bundle, and its witness true, or found false."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bundles import TARGET, pack_with, run_of, write_layers
from planted.kit import DWELLINGS, HOUSEHOLDS, NOTES, PERSONS, PlantedRun
from planted.seals import refreeze

from synthestat.review.report import review_run
from synthestat.review.verdict import RULES, Verdict
from synthestat.review.witness import check_witness
from synthestat.sources.snapshots import SnapshotStore

Made = tuple[Path, SnapshotStore]
NEVER = TARGET.format(name="single", value=0.99, tolerance=0.001)
"""So many single persons that the others would be more than ten to a household: nobody can."""


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Tinyland where everything was looked for."""
    below = tmp_path_factory.mktemp("looked")
    pack = pack_with(below, looked=True)
    return run_of(pack, below), SnapshotStore(pack / "snapshots")


@pytest.fixture(scope="module")
def possible(looked: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Tinyland with a soft target that it misses and a population could meet."""
    below = tmp_path_factory.mktemp("possible")
    homes = pl.read_parquet(looked[0] / f"{HOUSEHOLDS}.parquet")
    types = homes.filter(pl.col("universe") == "enumerated")["household_type"].cast(pl.String)
    share = float((types == "extended").mean())
    target = TARGET.format(name="extended", value=round(share - 0.02, 4), tolerance=0.005)
    pack = pack_with(below, target, looked=True)
    return run_of(pack, below), SnapshotStore(pack / "snapshots")


@pytest.fixture(scope="module")
def impossible(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Tinyland with a soft target that no population can meet."""
    below = tmp_path_factory.mktemp("impossible")
    pack = pack_with(below, NEVER, looked=True)
    return run_of(pack, below), SnapshotStore(pack / "snapshots")


def judged(run: Path, snapshots: SnapshotStore) -> dict[str, Any]:
    """The record of a review; every one of its witnesses holds, as read from its JSON."""
    document = json.loads(json.dumps(review_run(run, snapshots).document))
    assert document["witnesses"]
    for witness in every_witness(document):
        assert check_witness(witness, run, snapshots) == [], witness["kind"]
    return dict(document)


def every_witness(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = list(document["witnesses"])
    for kind in ("blocking", "non_blocking"):
        for finding in document["findings"][kind]:
            found += [witness for witness in finding["witnesses"] if witness not in found]
    return found


def of_kind(document: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(w for w in every_witness(document) if w["kind"] == kind)


def planted_in(made: Made, below: Path) -> PlantedRun:
    return PlantedRun(*made, below)


# Each verdict


def test_a_run_without_layers_needs_sources_while_places_are_left(tiny_run, tiny_snapshots):
    document = judged(tiny_run, tiny_snapshots)
    assert document["verdict"] == "NEEDS_MORE_SOURCES"
    assert not document["claims_false"]
    layers = of_kind(document, "missing_layers")["layers"]
    assert len(layers) == 3
    assert all("administrative registers" in layer["places_left"] for layer in layers)
    assert {action["role"] for action in document["next_actions"]} >= {"marginals researcher"}


def test_where_everything_was_looked_for_a_human_decides(looked):
    document = judged(*looked)
    assert document["verdict"] == "EVIDENCE_EXHAUSTED_HUMAN_REVIEW"
    assert document["next_actions"][0]["role"] == "human"
    assert document["thresholds"]["places"] == ["tables frozen in this pack"]


def test_a_run_with_all_that_is_asked_for_passes(looked, tmp_path):
    run = planted_in(looked, tmp_path)
    write_layers(run)
    run.seal()
    document = judged(run.folder, run.snapshots)
    assert document["findings"]["blocking"] == []
    assert document["verdict"] == "PASS"
    assert document["next_actions"][0]["role"] == "manager"
    assert [w["kind"] for w in document["witnesses"]] == ["nothing_open"]


def test_a_target_that_a_population_could_meet_asks_for_the_model(possible):
    document = judged(*possible)
    assert document["verdict"] == "NEEDS_MODEL_FIX"
    (finding,) = (f for f in document["findings"]["blocking"] if f["check"] == "soft_targets")
    assert finding["rule"] == "target_missed"
    solution = of_kind(document, "feasible_solution")
    assert sum(solution["solution"].values()) > 500
    assert solution["system"]["run_sizes"] is True


def test_a_target_that_no_population_could_meet_asks_a_human(impossible):
    document = judged(*impossible)
    assert document["verdict"] == "MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW"
    conflicts = [w for w in document["witnesses"] if w["kind"] == "conflicting_set"]
    assert [w["system"]["run_sizes"] for w in conflicts] == [True, False]
    assert any("target zz.target.single" in row["row"] for row in conflicts[1]["rows"])
    assert len(conflicts[1]["rows"]) <= 4


def test_a_child_alone_asks_for_the_model(looked, tmp_path):
    run = planted_in(looked, tmp_path)
    home = run.homes_of("single")["household_id"][0]
    run.put(PERSONS, "household_id", home, age=9)
    run.seal()
    document = judged(run.folder, run.snapshots)
    assert document["verdict"] == "NEEDS_MODEL_FIX"
    assert document["claims_false"]
    (finding,) = (f for f in document["findings"]["blocking"] if f["check"] == "child_only")
    assert str(home) in finding["rows"][0]


def test_a_missed_hard_cell_that_could_be_met_asks_for_the_model(looked, tmp_path):
    run = planted_in(looked, tmp_path)
    one = run.first(PERSONS, pl.col("age") == 40)
    run.put(PERSONS, "person_id", one["person_id"], age=41)
    run.seal()
    document = judged(run.folder, run.snapshots)
    assert document["verdict"] == "NEEDS_MODEL_FIX"
    witness = of_kind(document, "feasible_solution")
    assert witness["system"] == {
        "kind": "zone_cells",
        "zone": one["zone_code"],
        "levels": ["HARD"],
    }


def test_hard_figures_that_contradict_each_other_ask_for_sources(looked, tmp_path):
    run = planted_in(looked, tmp_path)

    def more_vacant_than_there_are(table: dict[str, Any]) -> None:
        measures = list(table["dimension"]["measure"]["category"]["index"])
        zones = list(table["dimension"]["zone"]["category"]["index"])
        width = len(measures)
        assert table["id"] == ["zone", "measure"]
        vacant, dwellings = measures.index("vacant"), measures.index("dwellings")
        own, all_ = zones.index("01"), zones.index("ZZ")
        values = table["value"]
        extra = values[own * width + dwellings] + 5 - values[own * width + vacant]
        for zone in (own, all_):
            values[zone * width + vacant] += extra

    refreeze(run, "tiny_dwellings", more_vacant_than_there_are)
    run.seal()
    document = judged(run.folder, run.snapshots)
    assert document["verdict"] == "NEEDS_SOURCE_UPGRADE"
    assert document["rule"] == "hard_conflict"
    conflict = of_kind(document, "conflicting_set")
    assert {row["row"] for row in conflict["rows"]} == {"dwellings_total.01", "dwellings_vacant.01"}


def test_a_snapshot_whose_bytes_changed_asks_for_sources(looked, tmp_path):
    run = planted_in(looked, tmp_path)
    sha256 = run.read_json("build_manifest.json")["snapshots"]["tiny_faith"]
    path = run.snapshots.path(sha256)
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    document = judged(run.folder, run.snapshots)
    assert document["verdict"] == "NEEDS_SOURCE_UPGRADE"
    assert document["rule"] == "sources_false"
    assert any(sha256 in row for f in document["findings"]["blocking"] for row in f["rows"])


def flip(run: PlantedRun) -> None:
    path = run.path(NOTES)
    path.write_bytes(path.read_bytes() + b" ")


def break_a_link(run: PlantedRun) -> None:
    lived_in = run.homes()["dwelling_id"][0]
    run.put(DWELLINGS, "dwelling_id", lived_in, household_count=9)
    run.seal()


def misstate(run: PlantedRun) -> None:
    run.edit_text(NOTES, lambda text: text.replace("SYNTHETIC", "REAL"))
    run.seal()


def spoil(run: PlantedRun) -> None:
    run.path("uncertainty.parquet").write_bytes(b"no table")
    run.seal()


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        (flip, "invalid_output"),
        (break_a_link, "invalid_output"),
        (spoil, "invalid_output"),
        (misstate, "untrue_statement"),
    ],
)
def test_a_broken_bundle_is_blocked(looked, tmp_path, plant: Callable[..., None], rule: str):
    run = planted_in(looked, tmp_path)
    plant(run)
    document = judged(run.folder, run.snapshots)
    assert (document["verdict"], document["rule"]) == ("BLOCKED_INVALID_OUTPUT", rule)
    assert document["claims_false"]


def test_every_verdict_has_a_rule():
    assert {rule.verdict for rule in RULES} | {Verdict.PASS} == set(Verdict)
    assert len({rule.id for rule in RULES}) == len(RULES)


# Doctored witnesses


def refuted(made: Made, witness: dict[str, Any]) -> list[str]:
    return check_witness(witness, *made)


def test_a_solution_that_is_none_is_refuted(possible):
    true = of_kind(judged(*possible), "feasible_solution")
    name, number = max(true["solution"].items(), key=lambda item: item[1])
    for value in (number + 1, number - 1, float(number), -number):
        doctored = copy.deepcopy(true)
        doctored["solution"][name] = value
        assert refuted(possible, doctored)
    wished = copy.deepcopy(true) | {"system": true["system"] | {"targets": ["zz.no.target"]}}
    assert "cannot be checked" in refuted(possible, wished)[0]


def test_a_conflict_that_is_none_is_refuted(impossible):
    true = of_kind(judged(*impossible), "conflicting_set")
    for rows in (true["rows"][1:], [], [*true["rows"], true["rows"][0] | {"row": "other"}]):
        assert refuted(impossible, true | {"rows": rows})
    altered = copy.deepcopy(true)
    altered["rows"][0]["says"] += "0"
    assert "by the files" in refuted(impossible, altered)[0]


def test_rows_layers_intervals_and_statuses_that_are_not_there_are_refuted(
    tiny_run, tiny_snapshots
):
    made = (tiny_run, tiny_snapshots)
    document = judged(*made)
    layers, widths = of_kind(document, "missing_layers"), of_kind(document, "wide_intervals")
    doctored = copy.deepcopy(layers)
    doctored["layers"][0]["places_left"] = []
    assert refuted(made, doctored)
    doctored = copy.deepcopy(layers)
    doctored["layers"][0]["layer"] = "synthetic_persons"
    assert refuted(made, doctored)
    assert refuted(made, layers | {"layers": []})
    doctored = copy.deepcopy(widths)
    doctored["rows"][0]["high"] += 1
    assert refuted(made, doctored)
    assert refuted(made, widths | {"limit": 0.1})
    assert refuted(made, widths | {"rows": []})
    rows = {"kind": "failing_rows", "check": "child_only", "status": "FAIL", "rows": ["x"]}
    assert len(refuted(made, rows)) == 2
    assert refuted(made, rows | {"check": "no_such_check"})
    statuses = {check["id"]: check["status"] for check in document["checks"]}
    nothing = {"kind": "nothing_open", "statuses": statuses}
    assert refuted(made, nothing) == [
        "missing_layers keeps the verdict from PASS",
        "national_widths keeps the verdict from PASS",
    ]
    nothing["statuses"] |= {"missing_layers": "PASS"}
    assert "missing_layers: PASS stated, WARN found" in refuted(made, nothing)
    assert refuted(made, {"kind": "hearsay"})
    assert refuted(made, {})
