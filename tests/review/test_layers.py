"""The gate over layers that no build makes yet: invented ones pass, planted defects are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import every_kind
from planted.invented_layers import ASSIGNED, BUILDINGS, OVERLAYS, PLACES, add_layers
from planted.kinds import LAYERED, Kind
from planted.kit import PlantedRun
from planted.planting import plant
from planted.releases import release

from synthestat.review.case import open_case
from synthestat.review.questions import QUESTIONS
from synthestat.review.record import Check, Status
from synthestat.review.verify import ask, verify_run
from synthestat.sources.snapshots import SnapshotStore

FAMILIES = ("buildings", "overlays", "assignments")


@pytest.fixture(scope="module")
def layered(tiny_run: Path, tiny_snapshots: SnapshotStore, tmp_path_factory) -> PlantedRun:
    """Tinyland's run with three invented layers, sealed. Tests that alter it must copy it."""
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path_factory.mktemp("layered"))
    add_layers(run)
    run.seal()
    return run


@pytest.fixture
def planted(layered: PlantedRun, tmp_path: Path) -> PlantedRun:
    """A copy of the run with layers, to be damaged."""
    return PlantedRun(layered.folder, layered.snapshots, tmp_path)


def asked(run: PlantedRun, *names: str) -> dict[str, Check]:
    """Carry out the checks of these ids alone."""
    with open_case(run.folder, run.snapshots) as case:
        return {each.id: ask(each, case) for each in QUESTIONS if each.id in names}


def test_a_run_with_layers_passes(layered):
    checks = verify_run(layered.folder, layered.snapshots).checks
    assert [f"{c.id}: {c.notes}" for c in checks if c.status is Status.FAIL] == []
    own = [check for check in checks if check.family in FAMILIES]
    assert {check.status for check in own} == {Status.PASS}
    assert len(own) == 16


def test_a_run_without_the_layers_is_not_asked_about_them(tiny_run, tiny_snapshots):
    run = [q.id for q in QUESTIONS if q.family in FAMILIES]
    with open_case(tiny_run, tiny_snapshots) as case:
        ended = {each.id: ask(each, case).status for each in QUESTIONS if each.id in run}
    assert ended.pop("assignment_summary") is Status.PASS
    assert set(ended.values()) == {Status.SKIP}


@pytest.mark.parametrize(
    "kind", [pytest.param(k, id=k.id) for k in every_kind() if k.base == LAYERED]
)
def test_a_planted_defect_is_found(planted: PlantedRun, kind: Kind) -> None:
    plant(kind, planted)
    checks = asked(planted, kind.check, "checksums")
    found = checks[kind.check]
    warns = kind.check == "building_counts"
    assert found.status is (Status.WARN if warns else Status.FAIL), found.notes
    assert found.offending or found.figures
    assert found.remedy
    assert checks["checksums"].status is Status.PASS
    if found.finding is not None:
        assert found.finding == kind.finding


def test_a_release_with_its_checks_passes(planted):
    release(planted)
    planted.seal()
    names = ("release_mode", "disclosure_figures", "synthetic_notice", "evidence_words")
    checks = asked(planted, *names, "table_columns", "checksums")
    assert {c.id: c.notes for c in checks.values() if c.status is not Status.PASS} == {}
    assert checks["release_mode"].figures == {"mode": "public", "checks": 3}


def test_buildings_that_bind_must_be_met(planted):
    text = "    level: INFORMATIONAL\n    universe: enumerated\n    counts: buildings"
    binding = text.replace("INFORMATIONAL", "SOFT")
    planted.edit_text("pack/controls.yaml", lambda pack: pack.replace(text, binding))
    assert asked(planted, "building_counts")["building_counts"].status is Status.PASS
    rows = planted.table(BUILDINGS)["building_id"].unique(maintain_order=True)
    planted.put(BUILDINGS, "building_id", rows[0], building_id=rows[1])
    found = asked(planted, "building_counts")["building_counts"]
    assert found.status is Status.FAIL
    assert "published" in found.notes


def test_what_bounds_nothing_is_a_warning(planted):
    for name in (BUILDINGS, PLACES):
        planted.change(name, lambda t: t.with_columns(capacity=None).cast(t.schema))
    pack = "pack/assignment.yaml"
    planted.edit_text(pack, lambda text: text.replace("attribute: work, categories: [School]", ""))
    names = ("building_capacity", "assignment_places", "assignment_totals")
    checks = asked(planted, *names)
    assert {check.status for check in checks.values()} == {Status.WARN}


def test_a_layer_without_its_pack_file_names_the_file(planted):
    planted.path("pack/assignment.yaml").unlink()
    for check in asked(planted, "external_zones", "assignment_ages", "assignment_totals").values():
        assert check.status is Status.FAIL
        assert "assignment.yaml" in check.notes


def test_diagnostics_of_an_absent_layer_say_so(tiny_run, tiny_snapshots, tmp_path):
    run = PlantedRun(tiny_run, tiny_snapshots, tmp_path)
    run.edit_json(ASSIGNED, lambda document: document.update(status="modelled"))
    assert asked(run, "assignment_summary")["assignment_summary"].status is Status.FAIL


def test_an_overlay_changes_no_count_of_residents(layered, tiny_run, tiny_snapshots):
    with open_case(layered.folder, layered.snapshots) as case:
        beside = {cell.id: cell.observed for cell in case.cells if cell.control.counts == "persons"}
    with open_case(tiny_run, tiny_snapshots) as case:
        alone = {cell.id: cell.observed for cell in case.cells if cell.control.counts == "persons"}
    assert beside == alone
    assert len(layered.table(OVERLAYS)) == 4
