"""The command line as a person meets it: exit codes, messages, and what is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TINY = Path(__file__).parent / "packs" / "tiny"


def synthestat(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "synthestat", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_the_whole_job_of_a_pack_of_ones_own(tmp_path: Path) -> None:
    """Build, review and page a pack that does not ship, from a folder that is not the project's."""
    done = synthestat("run", TINY, "--out", "runs", "--seed", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "all claims recomputed and true" in done.stdout
    assert "SYNTHETIC" in done.stdout
    assert "Verdict  NEEDS_MORE_SOURCES" in done.stdout
    (run,) = (tmp_path / "runs" / "ZZ").glob("zz_national_*_seed3")
    assert 'id="review"' in run.with_name(run.name + ".html").read_text("utf-8")
    record = json.loads(run.with_name(run.name + ".review.json").read_text("utf-8"))
    assert record["verdict"] == "NEEDS_MORE_SOURCES"
    assert str(run.name) in done.stdout
    index = tmp_path / "site" / "index.html"
    assert done.stdout.rstrip().endswith(f"Site     {index.resolve().as_uri()}")
    assert f"runs/{run.name}.html" in (tmp_path / "site" / "country_ZZ.html").read_text("utf-8")
    shown = synthestat("show", tmp_path / "runs")
    assert shown.returncode == 0
    assert "3,541" in shown.stdout
    report = tmp_path / "checks.json"
    checked = synthestat(
        "verify", tmp_path / "runs", "--snapshots", TINY / "snapshots", "--json", report
    )
    assert checked.returncode == 0, checked.stdout
    assert json.loads(report.read_text(encoding="utf-8"))["passed"] is True


def test_a_run_whose_site_has_no_place_stops_before_it_builds(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine", encoding="utf-8")
    done = synthestat("run", TINY, "--out", "runs", cwd=tmp_path)
    assert done.returncode == 2
    assert "no site of Synthestat" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_review_says_the_verdict_and_ends_with_one_only_where_a_claim_is_false(
    tmp_path: Path, tiny_run: Path
) -> None:
    import shutil

    run = Path(shutil.copytree(tiny_run, tmp_path / tiny_run.name))
    record = run.with_name(f"{run.name}.review.json")
    other = tmp_path / "other.json"
    frozen = TINY / "snapshots"
    done = synthestat("review", run, "--snapshots", frozen, "--json", other)
    assert done.returncode == 0, done.stderr
    assert "Verdict  NEEDS_MORE_SOURCES" in done.stdout
    assert "Hidden-population overlays" in done.stdout
    assert json.loads(record.read_text("utf-8")) == json.loads(other.read_text("utf-8"))
    (run / "model_notes.md").write_text("SYNTHETIC\n", encoding="utf-8")
    done = synthestat("review", run, "--snapshots", frozen)
    assert done.returncode == 1
    assert "Verdict  BLOCKED_INVALID_OUTPUT" in done.stdout
    assert json.loads(record.read_text("utf-8"))["claims_false"] is True


def test_a_false_claim_ends_with_one(tmp_path: Path, tiny_run: Path) -> None:
    import shutil

    run = tmp_path / tiny_run.name
    shutil.copytree(tiny_run, run)
    notes = run / "model_notes.md"
    notes.write_text(notes.read_text(encoding="utf-8") + "one more line\n", encoding="utf-8")
    checked = synthestat("verify", run, "--snapshots", TINY / "snapshots")
    assert checked.returncode == 1
    assert "FAIL" in checked.stdout
    assert "model_notes.md" in checked.stdout


def test_the_registry_lists_every_distribution_and_marks_what_is_used(tmp_path: Path) -> None:
    listed = synthestat("registry", TINY)
    assert listed.returncode == 0, listed.stderr
    lines = listed.stdout.splitlines()
    (own,) = (line for line in lines if " zz.sex_ratio " in line)
    (default,) = (line for line in lines if " default.sex_ratio_by_age " in line)
    assert own.strip().startswith("*")
    assert not default.strip().startswith("*")
    assert any("persons_age" in line and "marginal HARD" in line for line in lines)
    report = tmp_path / "registry.json"
    one = synthestat("registry", TINY, "--family", "sex_ratio_by_age", "--json", report)
    assert one.returncode == 0, one.stderr
    assert "persons_age" not in one.stdout
    assert "the pack's choice" in one.stdout
    document = json.loads(report.read_text(encoding="utf-8"))
    assert {e["id"]: e["status"] for e in document["entries"]} == {
        "zz.sex_ratio": "used",
        "default.sex_ratio_by_age": "available",
    }
    assert document["rule"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build", "QQ"), "no country pack answers to 'QQ'"),
        (("build", "QQ"), "XK"),
        (("build", str(TINY), "--seed", "-1"), "negative"),
        (("build", str(TINY), "--workers", "0"), "0 workers"),
        (("verify", "nowhere"), "not a folder"),
        (("review", "nowhere"), "not a folder"),
        (("review", str(TINY), "--snapshots", "nowhere"), "nowhere is not a folder of frozen"),
        (("show", "nowhere"), "not a folder"),
        (("page", "nowhere"), "not a folder"),
        (("run", str(TINY), "QQ"), "no country pack answers to 'QQ'"),
        (("verify", str(TINY), "--snapshots", "nowhere"), "nowhere is not a folder of frozen"),
        (("registry", "QQ"), "no country pack answers to 'QQ'"),
        (("registry", str(TINY), "--family", "shoes"), "no distribution of family 'shoes'"),
        (("registry", str(TINY), "--json", "no/such/place.json"), "cannot be written"),
        (("fly",), "No such command"),
    ],
)
def test_bad_input_ends_with_two_and_one_error(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = synthestat(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if "Usage:" not in done.stderr:  # one error, and nothing of a progress bar
        assert "" not in done.stderr.splitlines()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_contradicting_figures_end_with_three_and_leave_the_conflict_alone(
    copy_pack: Callable[[Path], Path], edit_table: Callable[..., None], tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    edit_table(folder, "tiny_households", {("ZZ", "households"): 2000})
    done = synthestat("build", folder, "--out", tmp_path / "runs")
    assert done.returncode == 3
    assert "HARD controls contradict each other" in done.stderr
    assert "tiny_households" in done.stderr
    (kept,) = (path for path in (tmp_path / "runs").rglob("*") if path.is_file())
    assert kept.name.endswith(".blocked.json")
    (conflict,) = json.loads(kept.read_text(encoding="utf-8"))["conflicts"]
    assert any("tiny_households" in cell and "2,000" in cell for cell in conflict["cells"])


def test_a_changed_byte_in_a_snapshot_ends_with_two(
    copy_pack: Callable[[Path], Path], tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    extract = sorted((folder / "snapshots").glob("*.json"))[0]
    content = bytearray(extract.read_bytes())
    content[len(content) // 2] ^= 1
    extract.write_bytes(content)
    done = synthestat("build", folder, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert extract.name in done.stderr
    assert list((tmp_path / "runs").rglob("*.parquet")) == []


def test_help_teaches() -> None:
    first = synthestat("--help")
    assert first.returncode == 0
    assert "synthestat run XK" in first.stdout
    for command in ("countries", "registry", "build", "verify", "review", "page", "show", "run"):
        helped = synthestat(command, "--help")
        assert helped.returncode == 0
        assert "Usage" in helped.stdout


def test_the_front_door_from_python(tmp_path: Path) -> None:
    import synthestat as front

    run = front.build(TINY, seed=5, out=tmp_path, workers=1)
    assert front.verify(run, snapshots=TINY / "snapshots").passed
    judged = front.review_run(run, snapshots=TINY / "snapshots")
    assert judged.judgement.verdict == "NEEDS_MORE_SOURCES"
    assert 'id="review"' in front.page(run, review=judged).read_text(encoding="utf-8")
