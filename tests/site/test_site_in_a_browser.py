"""The site in a real browser: it opens from disk, asks for nothing outside, and can be used."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthestat.site.static_site import write_site

pytestmark = pytest.mark.browser
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """A headless Chromium of the system; skipped where there is none, or no playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=flags)
        yield opened
        opened.close()


class Visit:
    """A page of a site, with what it complained of and asked for."""

    def __init__(self, browser, site: Path, *, scheme: str = "light", width: int = 1280) -> None:
        self.site = site
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True
        )
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: Path) -> None:
        """Open a page; it may not complain, nor ask for anything outside the site."""
        self.complaints.clear()
        self.asked.clear()
        self.page.goto(path.as_uri(), wait_until="load")
        self.check(path)

    def check(self, path: Path) -> None:
        root = self.site.resolve().as_uri()
        outside = [url for url in self.asked if not url.startswith((root, "data:", "blob:"))]
        assert not outside, f"{path.name} asks for {outside}"
        assert not self.complaints, f"{path.name}: {self.complaints}"
        assert self.page.evaluate("window.ran === undefined")

    def wide(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )


def pages_of(site: Path, zones: int | None = None) -> list[Path]:
    """Every page of a site; of zones only so many a run where a number is given."""
    found = [path for path in sorted(site.rglob("*.html")) if "zones" not in path.parts]
    for folder in sorted((site / "zones").iterdir()):
        found += sorted(folder.glob("*.html"))[:zones]
    return found


def kinds_of(site: Path) -> list[Path]:
    """Every page that differs from others in kind: of the runs of a country, one."""
    found = [*site.glob("*.html"), *sorted(site.glob("compare/*.html"))[:1]]
    for folder in sorted((site / "zones").iterdir()):
        found.append(min(folder.glob("*.html")))
        pages = site / "runs" / folder.name
        found += [pages / "residuals.html", pages / "sample.html", pages / "review~2ejson.html"]
    return [path for path in found if path.is_file()]


def grave_issues(page) -> list[str]:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    found = axe.Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{issue['id']} at {issue['nodes'][0]['target']}"
        for issue in found
        if issue["impact"] in GRAVE
    ]


@pytest.mark.parametrize(
    ("scheme", "width"),
    [("light", 1280), pytest.param("dark", 380, marks=pytest.mark.slow)],
)
def test_every_page_opens_and_can_be_used_by_all(browser, tiny_site, scheme, width):
    visit = Visit(browser, tiny_site, scheme=scheme, width=width)
    for path in pages_of(tiny_site, zones=2):
        visit.open(path)
        assert visit.wide() <= 0, f"{path.name} is wider than its window"
    for path in kinds_of(tiny_site):
        visit.open(path)
        assert not (grave := grave_issues(visit.page)), f"{path.name}: {grave}"


def test_hostile_words_run_nowhere(browser, hostile_site):
    visit = Visit(browser, hostile_site)
    for path in pages_of(hostile_site):
        visit.open(path)
    visit.open(hostile_site / "country_ZZ_run.html")
    for button in visit.page.locator("button[data-picture]").all():
        button.click()
        visit.page.wait_for_timeout(50)
    visit.page.wait_for_selector(".live svg")
    for drawn in visit.page.locator(".live svg").all():
        drawn.scroll_into_view_if_needed()
        box = drawn.bounding_box()
        for share in (0.3, 0.5, 0.7):  # tooltips
            visit.page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
    visit.check(hostile_site / "country_ZZ_run.html")


def test_the_residual_explorer_filters_sorts_and_gives_csv(browser, tiny_site):
    visit = Visit(browser, tiny_site)
    (path,) = sorted((tiny_site / "runs").glob("*_seed1/residuals.html"))
    visit.open(path)
    page = visit.page
    everything = page.locator("[role=status]").inner_text()
    page.get_by_label("zone").select_option("Birkholm")
    page.get_by_label("level").select_option("HARD")
    assert page.locator("[role=status]").inner_text() != everything
    assert set(page.locator("tbody th").all_inner_texts()) == {"Birkholm"}
    page.get_by_role("button", name="official").click()
    shown = page.locator("tbody tr td:nth-child(7)").all_inner_texts()
    numbers = [int(text.replace(",", "")) for text in shown if text != "–"]
    assert numbers == sorted(numbers, reverse=True)
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("official")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download these rows").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["zone"] for row in rows} == {"Birkholm"}
    visit.open(path.with_name("residuals.html"))
    page.goto(f"{path.as_uri()}#zone=Elmau")
    page.reload()
    assert set(page.locator("tbody th").all_inner_texts()) == {"Elmau"}


def test_a_csv_of_the_explorer_is_still(browser, hostile_site):
    visit = Visit(browser, hostile_site)
    (path,) = (hostile_site / "runs").glob("*/residuals.html")
    visit.open(path)
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Download these rows").click()
    with Path(waiting.value.path()).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    assert all(row["zone"].startswith("'=1+1") for row in rows)


def test_a_document_unfolds_whole(browser, tiny_site):
    visit = Visit(browser, tiny_site)
    (path,) = (tiny_site / "runs").glob("*_seed1/build_manifest~2ejson.html")
    visit.open(path)
    visit.page.get_by_role("button", name="Unfold all").click()
    text = visit.page.locator(".tree").inner_text()
    assert "source_digest" in text
    assert "snapshots" in text
    visit.page.get_by_role("button", name="Fold all", exact=True).click()
    assert visit.page.locator("details[open]").count() == 0


def test_the_map_shows_what_is_chosen_and_leads_to_zones(browser, tiny_site):
    visit = Visit(browser, tiny_site)
    visit.open(tiny_site / "country_ZZ.html")
    page = visit.page

    def colours() -> list[str]:
        script = "zones => zones.map(zone => getComputedStyle(zone).fill)"
        return list(page.locator(".map .zone").evaluate_all(script))

    before = colours()
    assert len(set(before)) > 2
    page.get_by_label("Show").select_option("tier")
    assert colours() != before
    assert page.locator(".legend:visible").count() == 1
    page.locator(".map a").first.click()
    assert "/zones/" in page.url


def test_a_picture_can_be_explored_and_put_back(browser, tiny_site):
    visit = Visit(browser, tiny_site)
    path = tiny_site / "country_ZZ_run.html"
    visit.open(path)
    button = visit.page.locator("button[data-picture=sizes]")
    button.click()
    visit.page.wait_for_selector(".exploring .live svg")
    assert visit.page.locator(".exploring .light").first.is_hidden()
    button.click()
    assert visit.page.locator(".live").is_hidden()
    visit.check(path)


def test_the_sample_can_be_searched(browser, tiny_site):
    visit = Visit(browser, tiny_site)
    (path,) = (tiny_site / "runs").glob("*_seed1/sample.html")
    visit.open(path)
    visit.page.get_by_label("Search").fill("couple with children")
    assert visit.page.locator("tbody tr").count() >= 1
    assert "SYNTHETIC" in visit.page.locator("thead").inner_text()


@pytest.mark.slow
@pytest.mark.national
def test_kosovo_and_luxembourg_open(browser, xk_run, lu_2025_run, tmp_path):
    runs = tmp_path / "runs"
    for run in (xk_run, lu_2025_run):
        shutil.copytree(run, runs / run.parent.name / run.name)
    site = write_site(runs, tmp_path / "site").parent
    for scheme, width, zones in (("light", 1280, None), ("dark", 380, 3)):
        visit = Visit(browser, site, scheme=scheme, width=width)
        for path in pages_of(site, zones):
            visit.open(path)
            assert visit.wide() <= 0, f"{path.name} is wider than its window"
        for path in kinds_of(site):
            visit.open(path)
            assert not (grave := grave_issues(visit.page)), f"{path.name}: {grave}"
