"""The run page: what it says, what it must never do, and that it opens."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from synthestat.bundle.read import open_bundle, read_json
from synthestat.errors import BundleError, InputError, OutputError
from synthestat.packs.geography import read_geography
from synthestat.review.report import review_run
from synthestat.site import pages, run_charts
from synthestat.site.boundaries import read_boundaries
from synthestat.site.pages import write_run_page

HOSTILE = "<script>alert(1)</script>\"'"


@dataclass(frozen=True)
class Check:
    """Looks like one check of a verification."""

    id: str
    status: str
    notes: str


@dataclass(frozen=True)
class Verification:
    """Looks like what the reviewer returns."""

    checks: tuple[Check, ...]
    passed: bool


class Reader(HTMLParser):
    """Text, tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.style = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "wbr":  # a place where a word may break is no end of it
            self._inside = tag

    def handle_endtag(self, _tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "style":
            self.style += data
        elif self.tags and self.tags[-1][0] == "wbr":
            self.words[-1] += data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "tiny.html"
    return write_run_page(tiny_run, out=out).read_text(encoding="utf-8")


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / tiny_run.name))


def zones_of(run: Path):
    manifest = read_json(run / "build_manifest.json")
    zones = read_geography(run / "pack" / "geography.csv").zones
    return [zones[code] for code in manifest["geography"]["zones"]]


def rename_zone(run: Path, name: str) -> str:
    """Give the most populous zone another name in the bundle's geography; return its old one."""
    people = pl.read_parquet(run / "synthetic_persons.parquet", columns=["zone_code"])
    code = people.to_series().cast(pl.String).value_counts(sort=True)["zone_code"][0]
    path = run / "pack" / "geography.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    row = next(row for row in rows if row["code"] == code)
    old, row["name"] = row["name"], name
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return old


def geojson(tmp_path: Path, named: dict[str, tuple[float, float]], **more: str) -> Path:
    """A square of a tenth of a degree around each place."""
    features = []
    for name, (x, y) in named.items():
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
        ring = [[x + 0.05 * a, y + 0.05 * b] for a, b in corners]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"number": 7, "shapeName": name, "nothing": None, **more}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    path = tmp_path / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


# What it says -------------------------------------------------------------------------------------


def test_the_page_stands_beside_the_run_and_not_in_it(copied):
    before = sorted(path.name for path in copied.rglob("*"))
    path = write_run_page(copied)
    assert path == copied.with_name(copied.name + ".html")
    assert sorted(entry.name for entry in copied.rglob("*")) == before
    assert f'href="{copied.name}/model_notes.md"' in path.read_text(encoding="utf-8")


def test_it_says_that_all_is_synthetic_and_which_run_it_is(page, tiny_run):
    manifest = read_json(tiny_run / "build_manifest.json")
    text = Reader(page).text
    assert text.count("SYNTHETIC") >= 2
    for key in ("country", "country_name", "edition", "run_id", "reference_period"):
        assert str(manifest[key]) in text
    assert f"seed {manifest['seed']}" in text


def test_key_figures_are_those_of_the_bundle(page, tiny_run):
    text = Reader(page).text
    coverage = read_json(tiny_run / "build_manifest.json")["coverage"]
    households = read_json(tiny_run / "household_diagnostics.json")
    residuals = pl.read_parquet(tiny_run / "constraint_residuals.parquet")
    hard = residuals.filter((pl.col("level") == "HARD") & (pl.col("status") != "SKIP"))
    exact = hard.filter(pl.col("residual") == 0).height
    people, dwellings = coverage["built"]["persons"]["all"], coverage["built"]["dwellings"]["all"]
    assert f"People {people:,} target {coverage['targets']['persons']['all']:,}" in text
    assert f"Dwellings {dwellings:,}" in text
    assert f"HARD rows exact {exact:,} of {hard.height:,}" in text
    assert f"Largest household {households['largest_household']:,}" in text
    assert f"Households of children only {households['child_only_households']:,}" in text
    for part, target in coverage["targets"]["households"].items():
        built = coverage["built"]["households"][part]
        assert f"{built:,}" in text
        assert f"{target:,} published" in text
    for level, status, count in residuals.group_by("level", "status").len().iter_rows():
        assert level in text
        assert status in text
        assert f"{count:,}" in text


def test_every_file_source_and_unavailable_layer_is_named(page, tiny_run):
    text = Reader(page).text
    for line in (tiny_run / "checksums.sha256").read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        assert name in text
        assert f'title="{digest}"' in page
    for table in read_json(tiny_run / "source_provenance.json")["tables"]:
        assert table["title"] in text
    for marker in tiny_run.glob("*.unavailable.json"):
        assert read_json(marker)["reason"] in text


def test_differences_come_with_their_proofs(page, tiny_run):
    text = Reader(page).text
    for entry in read_json(tiny_run / "relaxations.json")["relaxations"]:
        assert entry["proof"] in text


def test_it_says_whether_it_was_verified(page, tiny_run, tmp_path):
    assert "Not verified yet: run synthestat verify" in Reader(page).text
    checks = (Check("people.count", "PASS", "all"), Check("homes.size", "FAIL", HOSTILE))
    found = Verification(checks, passed=False)
    out = write_run_page(tiny_run, out=tmp_path / "p.html", verification=found)
    html = out.read_text(encoding="utf-8")
    text = Reader(html).text
    assert "Verified by recomputation Not passed." in text
    assert "FAIL 1" in text
    assert "homes.size" in text
    assert HOSTILE in text
    assert "<script" not in html


@pytest.fixture(scope="module")
def record(tiny_run, tiny_snapshots) -> dict:
    """The record of a review of Tinyland, with a hostile sentence in it."""
    document = review_run(tiny_run, tiny_snapshots).document
    document["findings"]["blocking"][0]["rows"].append(HOSTILE)
    return document


def test_a_review_stands_first_with_verdict_findings_and_gaps(record, tiny_run, tmp_path):
    out = write_run_page(tiny_run, out=tmp_path / "p.html", review=record)
    html = out.read_text(encoding="utf-8")
    reader = Reader(html)
    text = reader.text
    assert html.index('id="review"') < html.index('id="status"')
    assert record["verdict"] in text
    assert f"Confidence {record['confidence']['value']:.2f}" in text
    for finding in record["findings"]["blocking"]:
        assert finding["check"] in text
        assert finding["notes"] in text
        assert finding["rows"][0] in text
    widths = [a["style"] for tag, a in reader.tags if tag == "span" and a.get("style")]
    assert widths == [f"width: {need['gap']:.1f}%" for need in record["rubric"]]
    for need in record["rubric"]:
        for words in (need["title"], need["ideal"], need["impossible"], need["moves_most"]):
            assert words in text
    for action in record["next_actions"]:
        assert f"<strong>{action['role']}</strong>: {action['action']}" in html
    assert HOSTILE in text
    assert "<script" not in html


def test_without_a_review_there_is_no_verdict(page):
    assert 'id="review"' not in page
    assert "#review" not in page


# What it must never do ----------------------------------------------------------------------------


def test_no_request_leaves_the_page(page):
    reader = Reader(page)
    for tag, attributes in reader.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "image", "use"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in {"src", "href", "xlink:href", "srcset", "poster", "action"}:
                assert tag == "a", (tag, name, value)
            assert "url(" not in (value or "") or re.fullmatch(r"url\(#[\w-]+\)", value or "")
    assert "url(" not in reader.style
    assert "@import" not in reader.style
    assert "default-src 'none'" in page


def test_both_appearances_are_there_and_switched_by_style(page):
    assert page.count('<div class="light">') == page.count('<div class="dark">') >= 8
    assert "prefers-color-scheme: dark" in page
    charts = [attributes for tag, attributes in Reader(page).tags if tag == "svg"]
    assert charts
    assert all(chart.get("role") == "img" and chart.get("aria-label") for chart in charts)


def test_no_id_stands_twice(page):
    ids = [attributes["id"] for _, attributes in Reader(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_hostile_labels_stay_text(copied):
    rename_zone(copied, HOSTILE)
    sources = read_json(copied / "source_provenance.json")
    sources["tables"][0] |= {"title": HOSTILE, "address": "javascript:alert(1)"}
    (copied / "source_provenance.json").write_text(json.dumps(sources), encoding="utf-8")
    limits = f"# Limits\n\n* **{HOSTILE}** and `{HOSTILE}`\n"
    (copied / "pack" / "LIMITS.md").write_text(limits, encoding="utf-8")
    html = write_run_page(copied).read_text(encoding="utf-8")
    reader = Reader(html)
    assert "<script" not in html
    assert not any(tag == "script" for tag, _ in reader.tags)
    assert reader.text.count(HOSTILE) >= 4
    assert not any("javascript" in (attrs.get("href") or "") for _, attrs in reader.tags)
    drawn = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert any("&lt;script&gt;alert(1)" in svg for svg in drawn), "the map names its largest zone"


def test_nothing_is_left_where_a_chart_fails(copied, monkeypatch):
    def fail(*_):
        raise ValueError("no chart")

    monkeypatch.setattr(run_charts, "residuals", fail)
    with pytest.raises(ValueError, match="no chart"):
        write_run_page(copied)
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]


def test_an_older_page_survives_a_failed_write(copied, monkeypatch):
    page = write_run_page(copied)
    before = page.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pages.Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_run_page(copied)
    assert page.read_bytes() == before
    assert sorted(p.name for p in copied.parent.iterdir()) == sorted([copied.name, page.name])


def test_a_page_inside_the_bundle_is_refused(copied):
    with pytest.raises(OutputError, match="sealed"):
        write_run_page(copied, out=copied / "page.html")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BundleError, match=re.escape("build_manifest.json")):
        write_run_page(tmp_path)


# Bundles with less in them ------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["synthetic_persons", "synthetic_households", "uncertainty"])
def test_a_table_that_is_not_there_leaves_its_figures_out(copied, table):
    (copied / f"{table}.parquet").unlink()
    text = Reader(write_run_page(copied).read_text(encoding="utf-8")).text
    assert "Output status" in text


def test_diagnostics_that_are_not_there_are_said_so(copied):
    for name in ("household_diagnostics", "geography_quality_tiers", "uncertainty_summary"):
        (copied / f"{name}.json").unlink()
    text = Reader(write_run_page(copied).read_text(encoding="utf-8")).text
    assert "This bundle has no household diagnostics." in text
    assert "This bundle has no quality tiers." in text


def test_a_checksum_file_cannot_point_outside(copied):
    (copied / "checksums.sha256").write_text(f"{'0' * 64}  ../../other.txt\n", encoding="utf-8")
    with pytest.raises(BundleError, match="not in the bundle"):
        write_run_page(copied)


# Boundaries ---------------------------------------------------------------------------------------


def test_boundaries_fill_zones_and_the_others_are_named(copied, tmp_path):
    zones = zones_of(copied)
    places = {f"Municipality of {zones[0].name.upper()}": (zones[0].longitude, zones[0].latitude)}
    path = geojson(tmp_path, places)
    assert list(read_boundaries(path, zones)) == [zones[0].code]
    html = write_run_page(copied, boundaries=path).read_text(encoding="utf-8")
    text = Reader(html).text
    rest = ", ".join(zone.name for zone in zones[1:])
    assert f"No boundary matches {rest}" in text
    assert str(tmp_path) not in html


def test_boundaries_match_by_code_spelling_and_bare_letters(tiny_run, tmp_path):
    zones = zones_of(tiny_run)
    by_code = geojson(tmp_path, {zones[0].code.lower(): (1.0, 2.0)})
    assert list(read_boundaries(by_code, zones)) == [zones[0].code]
    for spelling in zones[-1].spellings:
        by_spelling = geojson(tmp_path, {f"District of {spelling}": (1.0, 2.0)})
        assert list(read_boundaries(by_spelling, zones)) == [zones[-1].code]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("no json", "cannot be read as GeoJSON"),
        ('{"type": "Topology"}', "no list of features"),
        ('{"features": []}', "no feature of"),
    ],
)
def test_boundaries_that_cannot_be_used_are_refused(copied, tmp_path, content, what):
    path = tmp_path / "zones.geojson"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=what):
        write_run_page(copied, boundaries=path)
    assert not copied.with_name(copied.name + ".html").exists()


def test_boundaries_in_metres_are_refused(tiny_run, tmp_path):
    zones = zones_of(tiny_run)
    path = geojson(tmp_path, {zones[0].code: (510000.0, 4730000.0)})
    with pytest.raises(InputError, match="not in degrees"):
        read_boundaries(path, zones)


# In a browser -------------------------------------------------------------------------------------


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    found = found or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


@pytest.mark.browser
def test_it_opens_in_a_browser_without_a_complaint(chromium, record, tiny_run, tmp_path):
    page = write_run_page(tiny_run, out=tmp_path / "tiny.html", review=record)
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    shown = subprocess.run(
        [
            *(
                chromium,
                *flags.split(),
                "--disable-sync",
                f"--user-data-dir={tmp_path / 'profile'}",
            ),
            *("--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    manifest = open_bundle(tiny_run).manifest
    assert manifest["run_id"] in shown.stdout
    assert shown.stdout.rstrip().endswith("</html>")
    assert "CONSOLE" not in shown.stderr
    assert "Content Security Policy" not in shown.stderr


def test_residents_of_institutions_are_shown_by_kind(institution_run, tmp_path):
    text = write_run_page(institution_run, out=tmp_path / "run.html").read_text(encoding="utf-8")
    tile = text[text.index("Institutional households") :].split("</div>")[0]
    assert "<b>4</b>" in tile
    assert "<li>care home: 155 residents</li><li>student hall: 90 residents</li>" in tile
    assert "default.institution_size" in text


# Families -----------------------------------------------------------------------------------------

FAMILY_PICTURES = (
    "Household types by size",
    "Women and girls: how they live, by age",
    "Men and boys: how they live, by age",
    "Age gap of partners",
    "Age gap of mother and child",
    "Generations under one roof",
)


def test_families_are_drawn_with_the_figures_of_the_diagnostics(page, tiny_run):
    facts = read_json(tiny_run / "household_diagnostics.json")
    text = Reader(page).text
    for title in FAMILY_PICTURES:
        assert text.count(title) == 1
    for groups in facts["living_arrangements"].values():
        residents = sum(sum(kinds.values()) for kinds in groups.values())
        assert f"{residents:,} residents, each in one living arrangement" in text
    couples = facts["gaps"]["partner"]
    assert f"{sum(couples['counts'].values()):,} couples of a man and a woman" in text
    density = {int(gap): share for gap, share in couples["kernel"]["density"].items()}
    mean = sum(gap * share for gap, share in density.items()) / sum(density.values())
    assert f"Line: {couples['kernel']['entry']}, mean {mean:.1f}, the kernel" in text
    chains = facts["generations"]
    households = facts["private_households"]
    for depth in ("1", "2"):
        assert f"{chains[depth]:,} ({chains[depth] / households:.1%})" in text
    deep = sum(number for depth, number in chains.items() if int(depth) >= 3)
    assert f"{deep:,} ({deep / households:.1%})" in text


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("living_arrangements", "Women and girls: how they live"),
        ("gaps", "Age gap of"),
        ("generations", "Generations under one roof"),
    ],
)
def test_a_picture_without_its_figures_is_left_out(copied, key, title):
    facts = read_json(copied / "household_diagnostics.json")
    del facts[key]
    (copied / "household_diagnostics.json").write_text(json.dumps(facts), encoding="utf-8")
    text = Reader(write_run_page(copied).read_text(encoding="utf-8")).text
    assert title not in text
    assert "Household types by size" in text


def test_soft_targets_are_told_with_what_was_observed(copied, page):
    assert "Soft targets" not in Reader(page).text
    facts = read_json(copied / "household_diagnostics.json")
    row = {"id": "zz.t", "label": HOSTILE, "types": [], "confidence": "low", "citation": "office"}
    row |= {"address": "https://example.org/t", "measure": "mean_partner_gap", "met": True}
    row |= {"value": 3.0, "tolerance": 0.5, "observed": 3.1234}
    share = {"id": "zz.s", "measure": "three_generation_share", "met": False, "value": 0.25}
    share |= {"tolerance": 0.01, "observed": None}
    facts["soft_targets"] = [row, row | share]
    (copied / "household_diagnostics.json").write_text(json.dumps(facts), encoding="utf-8")
    text = Reader(write_run_page(copied).read_text(encoding="utf-8")).text
    assert f"{HOSTILE} zz.t 3.00 years 0.50 years 3.12 years met office address" in text
    assert "zz.s 25 % 1 points – missed office" in text
