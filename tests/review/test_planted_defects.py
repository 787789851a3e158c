"""The gate, measured: each defect is planted in a good run, and the check for it must find it.

The kinds stand in `benchmarks/planted/`, a file for each family; `kinds.py` there says how one is
added. Each is planted here at its least severity (`benchmarks/reviewer_calibration.py` plants it at
all). The copy is sealed again before it is judged, so that only the planted claim is false.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from planted import every_kind
from planted.families import SAID_INSTEAD
from planted.kinds import PLAIN, Kind
from planted.kit import (
    DWELLINGS,
    MANIFEST,
    NOTES,
    PERSONS,
    PROVENANCE,
    RELAXED,
    RESIDUALS,
    PlantedRun,
)
from planted.planting import plant

from synthestat.errors import BundleError
from synthestat.packs.spec import HOUSEHOLD_TYPES
from synthestat.review.record import Check, Status
from synthestat.review.verify import Verification, verify_run
from synthestat.sources.snapshots import SnapshotStore

NOT_IN_TINYLAND = {
    "attributes.guided_value_exchanged": "no guide",
    "summaries.missed_target_said_to_be_met": "no target",
}
"""Kinds for which Tinyland has nothing to damage; national countries have."""
SINGLE = [
    pytest.param(kind, id=kind.id)
    for kind in every_kind()
    if kind.base == PLAIN and kind.id not in NOT_IN_TINYLAND
]


@pytest.fixture
def planted(tiny_run: Path, tiny_snapshots: SnapshotStore, tmp_path: Path) -> PlantedRun:
    """A copy of Tinyland's run, to be damaged."""
    return PlantedRun(tiny_run, tiny_snapshots, tmp_path)


def judge(run: PlantedRun) -> Verification:
    return verify_run(run.folder, run.snapshots)


def check_of(verification: Verification, name: str) -> Check:
    return next(check for check in verification.checks if check.id == name)


MUST_BE_PLANTED = set(range(1, 29))
METHODS = Path(__file__).resolve().parents[2] / "docs" / "methods.md"


@pytest.mark.parametrize("kind", SINGLE)
def test_a_planted_defect_is_found(planted: PlantedRun, kind: Kind) -> None:
    planted.severity = kind.severities[0]
    plant(kind, planted)
    verification = judge(planted)
    found = check_of(verification, kind.check)
    assert found.status is (Status.FAIL if found.required else Status.WARN), found.notes
    assert found.offending or found.figures
    assert found.remedy
    assert not (verification.passed and found.required)
    if kind.sealed:
        assert check_of(verification, "checksums").status is Status.PASS
    if found.finding is not None and kind.finding not in (3, 10, 14, 15):
        assert found.finding == kind.finding


def test_every_household_type_is_wrongly_said_and_wrongly_claimed() -> None:
    assert set(SAID_INSTEAD) == set(HOUSEHOLD_TYPES)


def planted_checks() -> dict[int, set[str]]:
    """The checks that must find a planted defect, by finding."""
    by_finding: dict[int, set[str]] = {}
    for kind in every_kind():
        by_finding.setdefault(kind.finding or 0, set()).add(kind.check)
    return by_finding


def test_every_finding_has_a_planted_defect():
    assert planted_checks().keys() >= MUST_BE_PLANTED


def test_the_table_of_findings_names_checks_that_have_planted_defects():
    text = METHODS.read_text(encoding="utf-8")
    text = text.partition("### What the review must catch")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == sorted(MUST_BE_PLANTED)
    known = planted_checks()
    for number, named in rows:
        assert set(re.findall(r"`(\w+)`", named)) <= known[int(number)], number
        assert "`" in named, number


@pytest.mark.parametrize("file", ["pack/controls.yaml", "pack/LIMITS.md"])
def test_a_pack_changed_after_the_build_is_named(planted, file):
    planted.edit_text(file, lambda text: text + "\n# \n")
    planted.seal(identity=False)
    check = check_of(judge(planted), "pack_digest")
    assert check.status is Status.FAIL
    assert "the pack's digest is" in check.notes


def test_an_engine_that_is_not_the_one_of_the_run_id_is_found(planted):
    planted.edit_json(MANIFEST, lambda manifest: manifest["engine"].update(source_digest="0" * 64))
    planted.seal()
    check = check_of(judge(planted), "pack_digest")
    assert check.status is Status.FAIL
    assert "run_id" in check.notes


def test_a_sum_of_whole_numbers_is_exact(planted):
    """However large the sum: a slack relative to it would hide one person in a million."""

    def add(document):
        document["tables"][0]["numeric_sum"] += 0.001

    planted.edit_json(PROVENANCE, add)
    planted.seal()
    check = check_of(judge(planted), "provenance_counts")
    assert check.status is Status.FAIL
    assert "numeric_sum" in check.notes


def test_a_clean_run_passes(tiny_run, tiny_snapshots):
    told = []
    verification = verify_run(tiny_run, tiny_snapshots, progress=told.append)
    assert [f"{c.id}: {c.notes}" for c in verification.checks if c.status is Status.FAIL] == []
    assert verification.passed
    assert tuple(told) == verification.checks
    assert sum(verification.counts.values()) == len(verification.checks)
    assert verification.run_id == tiny_run.name
    stated = json.loads((tiny_run / "constraint_residuals.json").read_text(encoding="utf-8"))
    assert verification.deviation == pytest.approx(stated["max_marginal_deviation"])
    assert len(verification.residuals) == stated["rows"]


def test_sealing_alone_changes_no_status(planted, tiny_run, tiny_snapshots):
    planted.seal()
    before = verify_run(tiny_run, tiny_snapshots).checks
    after = judge(planted).checks
    assert [(c.id, c.status) for c in after] == [(c.id, c.status) for c in before]


def test_check_ids_are_distinct(tiny_run, tiny_snapshots):
    ids = [check.id for check in verify_run(tiny_run, tiny_snapshots).checks]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("file", [f"{PERSONS}.parquet", NOTES, "pack/controls.yaml"])
def test_one_flipped_byte_is_found_by_the_checksums(planted, file):
    path = planted.path(file)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    check = check_of(judge(planted), "checksums")
    assert check.status is Status.FAIL
    assert file in check.notes


DAMAGES = {
    "absent": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "noise": lambda path: path.write_bytes(b"\xff\x00 no such format"),
}


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_any_damaged_file_is_named_and_the_other_checks_run(planted, tiny_run, damage):
    for original in sorted(path for path in tiny_run.rglob("*") if path.is_file()):
        name = original.relative_to(tiny_run).as_posix()
        damage(planted.path(name))
        verification = judge(planted)
        failed = [check for check in verification.checks if check.status is Status.FAIL]
        assert any(name in check.notes + " ".join(check.offending) for check in failed), name
        assert len(failed) < len(verification.checks), name
        shutil.copy(original, planted.path(name))


@pytest.mark.parametrize(
    ("file", "check"),
    [
        (f"{PERSONS}.parquet", "child_only"),
        (f"{DWELLINGS}.parquet", "dwelling_links"),
        (f"{RESIDUALS}.parquet", "residual_rows"),
        (MANIFEST, "run_identity"),
        (RELAXED, "tolerances"),
        ("pack/country.yaml", "reference_age"),
        ("checksums.sha256", "checksums"),
    ],
)
@pytest.mark.parametrize("damage", ["absent", "noise"])
def test_a_check_fails_with_the_name_of_its_damaged_file(planted, file, check, damage):
    DAMAGES[damage](planted.path(file))
    failed = check_of(judge(planted), check)
    assert failed.status is Status.FAIL
    assert Path(file).name in failed.notes + " ".join(failed.offending)


def test_a_table_of_other_columns_is_named(planted):
    planted.change(PERSONS, lambda table: table.drop("partner_id"))
    planted.seal()
    verification = judge(planted)
    assert "partner_id" in check_of(verification, "table_columns").notes
    assert f"{PERSONS}.parquet" in check_of(verification, "partner_links").notes
    assert check_of(verification, "child_only").status is Status.PASS


def test_a_folder_that_is_none_is_an_error(tmp_path, tiny_snapshots):
    with pytest.raises(BundleError, match="not a folder"):
        verify_run(tmp_path / "none", tiny_snapshots)


@pytest.mark.national
@pytest.mark.slow
def test_a_national_run_passes(xk_run):
    from synthestat.packs.pack import find_pack

    verification = verify_run(xk_run, SnapshotStore(find_pack("XK").snapshots))
    assert [f"{c.id}: {c.notes}" for c in verification.checks if c.status is Status.FAIL] == []
