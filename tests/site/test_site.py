"""The static site: what stands on it, that it is whole, and what it does with what it is given."""

from __future__ import annotations

import csv
import gettext
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from synthestat.api import build
from synthestat.bundle.read import open_bundle, read_json
from synthestat.errors import InputError, OutputError
from synthestat.site import static_site
from synthestat.site.environment import environment
from synthestat.site.static_site import write_site

TINY = Path(__file__).parents[1] / "packs" / "tiny"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def run_folders(runs: Path) -> list[Path]:
    return sorted(path.parent for path in runs.glob("*/*/build_manifest.json"))


def newest(runs: Path) -> Path:
    return max(
        run_folders(runs),
        key=lambda run: read_json(run / "build_manifest.json")["times"]["finished"],
    )


# What stands on it --------------------------------------------------------------------------------


def test_every_kind_of_page_is_there(tiny_site, tiny_runs):
    names = {path.relative_to(tiny_site).as_posix() for path in tiny_site.rglob("*.html")}
    assert {"index.html", "country_ZZ.html", "country_ZZ_run.html", "methods.html"} <= names
    assert "calibration.html" in names
    first, second = (run.name for run in run_folders(tiny_runs))
    for run in (first, second):
        assert {
            f"runs/{run}.html",
            f"runs/{run}/residuals.html",
            f"runs/{run}/sample.html",
        } <= names
    assert len([name for name in names if name.startswith("compare/")]) == 1
    zones = [name for name in names if name.startswith("zones/")]
    assert sorted(zones) == [f"zones/{newest(tiny_runs).name}/0{zone}.html" for zone in range(1, 7)]


def test_a_country_that_ships_and_has_no_run_is_on_the_index(tiny_site):
    text = text_of(tiny_site / "index.html")
    assert "Kosovo" in text
    assert "synthestat run XK" in text
    assert 'aria-current="step"><b>Kickoff</b>' in text_of(tiny_site / "country_XK.html")


def test_links_resolve_within_the_site(tiny_site, read_page):
    pages = {path: read_page(path) for path in tiny_site.rglob("*.html")}
    ids = {path.resolve(): set(page.ids) for path, page in pages.items()}
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), f"an id stands twice in {path.name}"
        for link in page.links:
            if re.match(r"https?://", link) or link == "data:,":
                continue
            assert not link.startswith("/"), link
            address, _, anchor = link.partition("#")
            target = (path.parent / unquote(address)).resolve() if address else path.resolve()
            assert target.is_file(), f"{path.name} leads to {link}"
            assert target.is_relative_to(tiny_site.resolve())
            if anchor and "=" not in anchor:
                assert unquote(anchor) in ids[target], f"{path.name}: {link}"


def test_a_page_runs_no_script_but_those_beside_it(tiny_site, read_page):
    for path in tiny_site.rglob("*.html"):
        page = read_page(path)
        for tag, attributes in page.tags:
            assert not any(name.startswith("on") for name in attributes), path.name
            if tag == "script":
                assert attributes.get("src"), f"a script stands in {path.name}"
        assert "script-src 'self' file:" in text_of(path)


def test_the_country_page_says_where_the_country_stands(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    review = read_json(run.with_name(f"{run.name}.review.json"))
    text = text_of(tiny_site / "country_ZZ.html")
    lane = text[text.index('<li class="lane here"') :].split("</code>")[0]
    assert "NEEDS_<wbr>MORE_<wbr>SOURCES" in lane
    for need in review["rubric"]:
        assert need["title"] in text
    for finding in review["findings"]["blocking"]:
        assert "held up by" in text
        assert finding["check"].replace("_", "_<wbr>") in text
    manifest = read_json(run / "build_manifest.json")
    assert f"{manifest['coverage']['built']['persons']['all']:,}" in text
    for ids in manifest["constraints_used"].values():
        for control in ids:
            assert control.replace("_", "_<wbr>") in text
    assert text.count('<svg xmlns="http://www.w3.org/2000/svg" class="drawn" width="120"') >= 1


def test_tasks_are_shown_where_there_are_some_and_only_there():
    template = environment().get_template("country.html.j2")
    nothing = {"runs": (), "name": "Nowhere", "status": "no run yet", "code": "NW", "left": 0}
    context = {
        **{"line": nothing, "left": (), "editions": [], "pages": {}, "main_steps": (), "lanes": ()},
        **{"stops": (), "gates": [], "gate_edition": "", "reviewed": False, "history": []},
        **{"trends": [], "comparisons": [], "root": "/", "current": ""},
        "standing": {"step": "kickoff", "verdict": "", "said": "not built yet"},
    }
    task = {"address": "task_1.html", "title": "Find <tables>", "state": "open", "role": "human"}
    assert 'id="tasks"' not in template.render(context, tasks=[])
    shown = template.render(context, tasks=[task])
    assert 'id="tasks"' in shown
    assert "Find &lt;tables&gt;" in shown
    assert 'href="/assets/style.css"' in shown


def test_words_come_from_a_catalogue():
    class Shouting(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return message.upper()

    page = environment(Shouting(), "xx").get_template("methods.html.j2")
    shown = page.render(static_site.method_facts(), root="", current="methods.html")
    assert '<html lang="xx">' in shown
    assert "HOW A VERDICT COMES ABOUT" in shown


def test_zone_pages_have_the_zone_s_own_figures(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    people = pl.read_parquet(run / "synthetic_persons.parquet")
    counts = dict(people.group_by(pl.col("zone_code").cast(pl.String)).len().iter_rows())
    folder = tiny_site / "zones" / run.name
    for zone, count in counts.items():
        text = text_of(folder / f"{zone}.html")
        assert f"<dd>{count:,}</dd>" in text
        with (folder / f"{zone}.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        ages = [row for row in rows if row["picture"] == "residents by age"]
        assert sum(int(row["synthetic"]) for row in ages) == count
        assert all(row["synthetic"] == row["official"] for row in ages)  # HARD in this country


def test_every_picture_has_its_data(tiny_site, tiny_runs):
    run = newest(tiny_runs).name
    text = text_of(tiny_site / "country_ZZ_run.html")
    keys = set(re.findall(r'data-picture="([^"]+)"', text))
    assert {"pyramid", "ages", "residuals", "arrangements-0", "gap-partner"} <= keys
    for key in keys:
        assert len(text_of(tiny_site / "runs" / run / f"{key}.csv").splitlines()) > 1
    script = text_of(tiny_site / "runs" / run / "pictures.js")
    assert set(json.loads(handed(script))) == keys


def handed(script: str) -> str:
    """The JSON that a script of data hands over."""
    return re.fullmatch(r'synthestatData\("\w+", (.*)\);\n', script, re.DOTALL)[1]


def test_diagnostics_are_pictures_with_their_numbers(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    text = text_of(tiny_site / "runs" / f"{run.name}.html")
    rows = list(
        csv.DictReader(io.StringIO(text_of(tiny_site / "runs" / run.name / "diagnostics.csv")))
    )
    shown = {row["picture"] for row in rows}
    roles = read_json(run / "household_diagnostics.json")["roles"]
    assert sum(float(r["value"]) for r in rows if r["picture"] == "Roles in the household") == sum(
        roles.values()
    )
    attributes = read_json(run / "distribution_diagnostics.json")["attributes"]
    assert {f"Residents by {entry['name']}" for entry in attributes} <= shown
    for title in shown:
        assert f"<h3>{title}</h3>" in text


def test_documents_are_whole(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    for path in run.glob("*.json"):
        script = tiny_site / "runs" / run.name / f"{path.name.replace('.', '~2e')}.js"
        assert json.loads(handed(text_of(script))) == read_json(path)
        assert (
            tiny_site / "runs" / run.name / "files" / path.name
        ).read_bytes() == path.read_bytes()


def test_residuals_are_all_there(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    table = json.loads(handed(text_of(tiny_site / "runs" / run.name / "residuals.js")))
    rows = pl.read_parquet(run / "constraint_residuals.parquet")
    assert table["rows"] == rows.height
    columns = {column["id"]: column for column in table["columns"]}
    assert columns["observed"]["values"] == rows["observed"].to_list()
    words = columns["control_id"]["words"]
    assert [words[at] for at in columns["control_id"]["values"]] == rows["control_id"].to_list()
    lines = list(
        csv.DictReader(io.StringIO(text_of(tiny_site / "runs" / run.name / "residuals.csv")))
    )
    assert len(lines) == rows.height


def test_two_runs_stand_side_by_side(tiny_site):
    (page,) = (tiny_site / "compare").glob("*.html")
    text = text_of(page)
    assert "Households by size and type" in text
    assert "<dt>country pack</dt><dd>the same</dd>" in text
    assert '<dt>seed</dt><dd><span class="changed">changed</span>: 1 → 2</dd>' in text
    assert "Findings that are gone:" in text


# Whole, and the same again ------------------------------------------------------------------------


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_equal_runs_give_equal_sites(tiny_site, tiny_runs, tmp_path):
    again = write_site(tiny_runs, tmp_path / "site").parent
    assert digests(again) == digests(tiny_site)


def test_a_site_is_replaced_and_nothing_is_left_beside_it(one_run, tmp_path):
    out = tmp_path / "site"
    write_site(one_run, out)
    (out / "stale.html").write_text("old", encoding="utf-8")
    write_site(one_run, out)
    assert not (out / "stale.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "site"]


def test_a_site_that_fails_leaves_the_old_one(one_run, tmp_path, monkeypatch):
    out = tmp_path / "site"
    write_site(one_run, out)
    before = digests(out)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(static_site, "write_index", full)
    with pytest.raises(OutputError, match="No space left"):
        write_site(one_run, out)
    assert digests(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs", "site"]


def test_a_foreign_folder_is_refused(one_run, tmp_path):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="no site of Synthestat"):
        write_site(one_run, out)
    assert text_of(out / "chapter.txt") == "mine"


def test_a_site_among_the_runs_is_refused(one_run):
    with pytest.raises(InputError, match="in one another"):
        write_site(one_run, one_run / "site")
    with pytest.raises(InputError, match="in one another"):
        write_site(one_run, one_run.parent)
    with pytest.raises(InputError, match="no folder of runs"):
        write_site(one_run / "none", one_run.parent / "site")


# Runs as they come --------------------------------------------------------------------------------


def test_a_run_without_a_review_says_so(one_run, tmp_path):
    for record in one_run.glob("*/*.review.json"):
        record.unlink()
    site = write_site(one_run, tmp_path / "site").parent
    assert "not reviewed" in text_of(site / "country_ZZ.html")
    assert "Not reviewed: run" in text_of(site / "country_ZZ_run.html")
    assert 'aria-current="step"><b>Review</b>' in text_of(site / "country_ZZ.html")


def test_a_review_of_other_files_counts_for_nothing(one_run, tmp_path):
    for run in run_folders(one_run):
        with (run / "checksums.sha256").open("a", encoding="utf-8") as sums:
            sums.write("\n")
    site = write_site(one_run, tmp_path / "site").parent
    assert "reviewed when its files were others" in text_of(site / "country_ZZ.html")


@pytest.mark.parametrize("damage", ["manifest", "residuals", "persons", "diagnostics"])
def test_a_damaged_run_is_named_and_the_others_shown(copied_runs, tmp_path, damage):
    run = newest(copied_runs)
    if damage == "manifest":
        (run / "build_manifest.json").write_text("{", encoding="utf-8")
    elif damage == "residuals":
        (run / "constraint_residuals.parquet").unlink()
    elif damage == "persons":
        (run / "synthetic_persons.parquet").write_bytes(b"no table")
    else:
        (run / "household_diagnostics.json").write_text('{"size_by_type": 7}', encoding="utf-8")
    site = write_site(copied_runs, tmp_path / "site").parent
    text = text_of(site / "country_ZZ.html")
    assert "Builds and folders without a readable run" in text
    assert not (site / "runs" / f"{run.name}.html").exists()
    assert not (site / "runs" / run.name).exists()
    (other,) = (path for path in run_folders(copied_runs) if path != run)
    assert (site / "runs" / f"{other.name}.html").is_file()
    assert (site / "zones" / other.name).is_dir()


def test_a_blocked_build_is_told_with_its_conflict(tmp_path):
    runs = tmp_path / "runs"
    (runs / "QQ").mkdir(parents=True)
    blocked = {"conflicts": [{"cells": ["a <b>"]}], "relaxations": []}
    (runs / "QQ" / "qq_x.blocked.json").write_text(json.dumps(blocked), encoding="utf-8")
    site = write_site(runs, tmp_path / "site").parent
    text = text_of(site / "country_QQ.html")
    assert "its HARD figures contradict each other" in text
    assert "a &lt;b&gt;" in text
    assert 'aria-current="step"><b>Build</b>' in text


def test_households_are_shown_as_far_as_the_release_mode_allows(one_run, tmp_path):
    shown = write_site(one_run, tmp_path / "site").parent
    text = text_of(shown / "country_ZZ_run.html")
    assert "Release mode: internal; not to be passed on." in text
    assert 'aria-label="Synthetic household, ' in text
    kept = write_site(one_run, tmp_path / "published", public=True).parent
    assert "for internal use, and this site is to be published" in text_of(
        kept / "country_ZZ_run.html"
    )
    assert not list(kept.rglob("sample.*"))
    for run in run_folders(one_run):
        report = read_json(run / "privacy_report.json") | {"release_mode": "tables only"}
        (run / "privacy_report.json").write_text(json.dumps(report), encoding="utf-8")
    closed = write_site(one_run, tmp_path / "closed").parent
    assert not list(closed.rglob("sample.*"))
    assert "Synthetic household, " not in text_of(closed / "country_ZZ_run.html")


def test_a_sample_holds_whole_households(tiny_site, tiny_runs):
    run = newest(tiny_runs)
    table = json.loads(handed(text_of(tiny_site / "runs" / run.name / "sample.js")))
    columns = {column["id"]: column["values"] for column in table["columns"]}
    for size, members in zip(columns["size"], columns["members"], strict=True):
        assert len(members) == size
    assert table["name"].startswith("SYNTHETIC")


def test_boundaries_fill_the_map(one_run, tmp_path):
    ring = [[9.8, 50.0], [10.0, 50.0], [10.0, 50.2], [9.8, 50.2], [9.8, 50.0]]
    feature = {
        "type": "Feature",
        "properties": {"name": "Alderbridge"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    site = write_site(one_run, tmp_path / "site", boundaries=[path]).parent
    text = text_of(site / "country_ZZ.html")
    assert text.count('<path fill-rule="evenodd"') == 1
    assert text.count("<circle cx=") >= 5


def test_the_calibration_is_shown_as_its_record_says(tmp_path):
    from planted.good_runs import Variant
    from planted.kinds import Kind
    from planted.outcomes import record_of, text_of
    from planted.planting import Row

    from synthestat.review.report import reviewer_digest
    from synthestat.site import calibration_facts

    path = tmp_path / "calibration.json"
    page = environment().get_template("calibration.html.j2")

    def shown():
        said = calibration_facts.read_calibration(path)
        return page.render(calibration=said, root="", current="")

    assert "Not yet calibrated" in shown()
    kinds = [
        Kind("orphan", "links", 3, "<check>", ("one", "many"), lambda _run: None),
        Kind("late", "sources", None, "years", ("one",), lambda _run: None),
    ]
    rows = [
        Row("XK", "orphan", "one", "caught", review=2.0),
        Row("XK", "orphan", "many", "caught_by_another", failed=("other",), review=4.0),
        Row("LU", "orphan", "one", "missed", review=1.0),
        Row("LU", "late", "one", "changes_no_claim"),
    ]
    clean = [Variant("XK", "seed 2", (), (), 9.0), Variant("LU", "seed 2", ("links",), (), 9.0)]
    path.write_text(text_of(record_of(kinds, rows, clean, 7)), encoding="utf-8")
    text = shown()
    assert "<strong>2</strong> of 3 plantings that change a claim" in text
    assert "1 of 2 clean runs were accused wrongly" in text
    assert "&lt;check&gt;" in text
    assert "<li>orphan, one, LU</li>" in text
    assert "caught by another" in text
    assert "is another than the one measured" not in text
    said = path.read_text("utf-8")
    path.write_text(said.replace(reviewer_digest(), "0" * 64), encoding="utf-8")
    assert "is another than the one measured" in shown()
    path.write_text("[]", encoding="utf-8")
    assert "Not yet calibrated" in shown()


def test_the_command_writes_a_site_and_says_where(one_run, tmp_path):
    command = [sys.executable, "-m", "synthestat", "site", str(one_run), "--out", "pages"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    index = tmp_path / "pages" / "index.html"
    assert f"Site     {index.resolve().as_uri()}" in done.stdout
    assert index.is_file()
    again = subprocess.run(
        [*command[:-1], "runs"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert again.returncode == 2
    assert "in one another" in again.stderr


def test_it_can_be_called_from_python(one_run, tmp_path):
    import synthestat

    index = synthestat.write_site(one_run, out=tmp_path / "pages")
    assert index == tmp_path / "pages" / "index.html"


def test_editions_share_a_page(tiny_runs, tmp_path):
    """A second edition of the same country, by its pack's word alone."""
    pack = Path(shutil.copytree(TINY, tmp_path / "pack"))
    country = pack / "country.yaml"
    country.write_text(
        text_of(country).replace('edition: "2021"', 'edition: "2031"'), encoding="utf-8"
    )
    runs = Path(shutil.copytree(tiny_runs, tmp_path / "runs"))
    newer = build(pack, seed=1, out=runs)
    site = write_site(runs, tmp_path / "site").parent
    text = text_of(site / "country_ZZ.html")
    assert text.index('id="edition-2031"') < text.index('id="edition-2021"')
    assert open_bundle(newer).run_id in text_of(site / "country_ZZ_run.html")
    assert len(list((site / "zones").iterdir())) == 2
    assert len(list((site / "compare").iterdir())) == 2
