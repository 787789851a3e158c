"""Soft targets: measured by the build and the reviewer alike, and told apart where they are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from planted.kit import NOTES, PlantedRun

import synthestat
from synthestat.packs.targets import Measure
from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

DIAGNOSTICS = "household_diagnostics.json"
ENTRY = """
  - id: zz.target.{measure}
    family: soft_targets
    label: "{measure}"
    kind: target
    geography: ZZ
    status: used
    variant: current
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {values}
"""
TARGETS = {
    "mean_partner_gap": "{measure: mean_partner_gap, value: 3, tolerance: 20}",
    "mean_age_at_birth": "{measure: mean_age_at_birth, value: 30, tolerance: 20}",
    "mean_age_at_first_birth": "{measure: mean_age_at_first_birth, value: 80, tolerance: 1}",
    "three_generation_share": "{measure: three_generation_share, value: 0.5, tolerance: 0.5}",
    "household_type_share": "{measure: household_type_share, value: 0.5, tolerance: 0.5, "
    "types: [lone_mother, lone_father]}",
    "person_share": "{measure: person_share, value: 0.6, tolerance: 0.5, attribute: work, "
    "categories: [Fields, Mill], ages: [20, 60], steers: false}",
    "couples_in_category_share": "{measure: couples_in_category_share, value: 0.5, tolerance: 0.5, "
    "attribute: bond, categories: [Wed], ages: [30, 44]}",
}
"""One target of each measure; nobody can meet a first birth at eighty."""
MISSED = "zz.target.mean_age_at_first_birth"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tinyland with a soft target of each measure."""
    tiny = Path(__file__).parents[1] / "packs" / "tiny"
    folder = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("targets") / "tiny"))
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        for measure, values in TARGETS.items():
            priors.write(ENTRY.format(measure=measure, values=values))
    return folder


@pytest.fixture(scope="module")
def run(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthestat.build(pack, seed=3, out=tmp_path_factory.mktemp("runs"), workers=1)


@pytest.fixture
def planted(run: Path, pack: Path, tmp_path: Path) -> PlantedRun:
    return PlantedRun(run, SnapshotStore(pack / "snapshots"), tmp_path)


def judge(run: Path, pack: Path, name: str = "soft_targets") -> Check:
    checks = verify_run(run, SnapshotStore(pack / "snapshots")).checks
    return next(check for check in checks if check.id == name)


def rows(run: Path) -> dict[str, dict[str, object]]:
    document = json.loads((run / DIAGNOSTICS).read_text(encoding="utf-8"))
    return {row["measure"]: row for row in document["soft_targets"]}


def test_every_measure_is_observed_and_recomputed(run: Path, pack: Path) -> None:
    stated = rows(run)
    assert set(stated) == set(Measure.__args__) == set(TARGETS)
    check = judge(run, pack)
    for measure, row in stated.items():
        assert row["observed"] == pytest.approx(check.figures[f"zz.target.{measure}"], abs=1e-9)
    assert 0 < stated["three_generation_share"]["observed"] < 0.5
    assert 0 < stated["household_type_share"]["observed"] < 0.5
    assert 0.6 < stated["person_share"]["observed"] < 1  # few of these ages are at school
    assert 0.5 < stated["couples_in_category_share"]["observed"] < 1
    assert -20 < stated["mean_partner_gap"]["observed"] < 20
    first, any_birth = stated["mean_age_at_first_birth"], stated["mean_age_at_birth"]
    assert 15 < first["observed"] < any_birth["observed"] < 50


def test_a_missed_target_is_a_warning_by_name(run: Path, pack: Path) -> None:
    check = judge(run, pack)
    assert check.status is Status.WARN
    assert MISSED in check.notes
    assert len(check.offending) == 1
    assert [name for name, row in rows(run).items() if not row["met"]] == [
        MISSED.removeprefix("zz.target.")
    ]
    assert verify_run(run, SnapshotStore(pack / "snapshots")).passed


def test_notes_say_each_target_in_a_line(run: Path, pack: Path) -> None:
    notes = (run / NOTES).read_text(encoding="utf-8")
    for measure, row in rows(run).items():
        verdict = "met" if row["met"] else "missed"
        line = f"observed {row['observed']:.6f}: {verdict}\n"
        assert line in notes.split(f"* `zz.target.{measure}`: ")[1]
    assert judge(run, pack, "notes_figures").status is Status.PASS


@pytest.mark.parametrize("measure", TARGETS)
def test_an_altered_observation_fails(planted: PlantedRun, pack: Path, measure: str) -> None:
    def alter(document):
        row = next(row for row in document["soft_targets"] if row["measure"] == measure)
        row["observed"] += 0.001

    planted.edit_json(DIAGNOSTICS, alter)
    planted.seal()
    check = judge(planted.folder, pack)
    assert check.status is Status.FAIL
    assert f"zz.target.{measure}: observed" in check.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"met": True}, "met True stated, False recomputed"),
        ({"tolerance": 100.0}, "tolerance 100.0 stated, 1 recomputed"),
        ({"value": 30.0}, "value 30.0 stated, 80 recomputed"),
        ({"measure": "mean_age_at_birth"}, "measure mean_age_at_birth stated"),
        ({"ages": [0, 4]}, "ages [0, 4] stated, None recomputed"),
    ],
)
def test_a_missed_target_made_to_look_met_fails(planted, pack, change, said) -> None:
    def alter(document):
        next(row for row in document["soft_targets"] if row["id"] == MISSED).update(change)

    planted.edit_json(DIAGNOSTICS, alter)
    planted.seal()
    check = judge(planted.folder, pack)
    assert check.status is Status.FAIL
    assert said in check.notes


def test_a_target_left_out_fails(planted: PlantedRun, pack: Path) -> None:
    planted.edit_json(DIAGNOSTICS, lambda document: document["soft_targets"].clear())
    planted.seal()
    check = judge(planted.folder, pack)
    assert check.status is Status.FAIL
    assert len(check.offending) == len(TARGETS)


@pytest.mark.parametrize(("old", "new"), [(": missed", ": met"), ("tolerance 20", "tolerance 2")])
def test_altered_notes_fail(planted: PlantedRun, pack: Path, old: str, new: str) -> None:
    planted.edit_text(NOTES, lambda text: text.replace(old, new, 1))
    planted.seal()
    check = judge(planted.folder, pack, "notes_figures")
    assert check.status is Status.FAIL
    assert "zz.target." in check.notes
