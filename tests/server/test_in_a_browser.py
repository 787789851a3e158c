"""The pages in a real browser: used, measured for access, and nothing complained of."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import MANAGER, OPERATOR, PASSWORD, make_site, make_world

from synthestat.cycle import accounts
from synthestat.cycle.board import comment
from synthestat.cycle.queries import tasks
from synthestat.cycle.roles import Role
from synthestat.site.pages import write_run_page

SIZES = {"desktop": (1280, 900), "phone": (360, 740)}
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A board with some work on it, served at a real address."""
    import uvicorn

    world = make_world(tmp_path_factory.mktemp("browsed"))
    (world.runs / "YY").mkdir()
    (world.runs / "YY" / "one.html").write_text("<title>one</title>")
    (world.runs / "YY" / "one.review.json").write_text('{"verdict": "PASS"}')
    make_site(world)
    every = [Role.MANAGER, Role.HUMAN, Role.DOWNLOADER, Role.MODELER]
    accounts.add_account(world.board, OPERATOR, "Ana Müller", every, PASSWORD)
    cycle = world.cycle()
    held, _ = world.held("Ana Müller", Role.DOWNLOADER, cycle_id=cycle, title="Freeze tables")
    comment(world.board, MANAGER, held, "The office moved them.\nSee its new address.")
    decide = world.task(Role.HUMAN, title="Decide about Tinyland")
    world.task(title="A title of <b>many</b> words and signs " * 6, priority=7)
    world.task(title="\u200f\u0639\u0646\u0648\u0627\u0646", body="x" * 400, parents=(decide.id,))
    world.held("reviewer", Role.REVIEWER, title="Review what was built")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(world.app(), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        world.address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        world.ids = {"held": held, "decide": decide.id}
        yield world
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser; skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=ARGS)
        yield opened
        opened.close()


def open_page(chromium: Any, size: str, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page of a new visitor, and what its console complains of."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in BAD else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    return page, said


BAD = ("error", "warning")


def sign_in(page: Any, served: Any) -> None:
    page.goto(f"{served.address}/")
    page.get_by_label("Name").fill("Ana Müller")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{served.address}/")


def faults_of_access(page: Any) -> list[str]:
    """Serious faults that axe finds."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in serious]


def looked_at(page: Any) -> list[str]:
    """What is wrong with how a page stands: faults of access, and a page wider than its window."""
    faults = faults_of_access(page)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    if page.evaluate(wide) > 0:
        faults.append(f"{page.url} is wider than its window by {page.evaluate(wide)} pixels")
    return faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_can_be_read(served: Any, chromium: Any, size: str, scheme: str) -> None:
    page, said = open_page(chromium, size, scheme)
    page.goto(f"{served.address}/sign-in")
    faults = looked_at(page)
    sign_in(page, served)
    held, decide = served.ids["held"], served.ids["decide"]
    more = ("/cycles", "/runs", "/log", "/audit", "/tasks/new")
    for path in ("/", f"/tasks/{held}", f"/tasks/{decide}", *more):
        page.goto(served.address + path)
        faults += looked_at(page)
    page.context.close()
    assert faults == []
    assert said == []


def test_a_task_is_claimed_worked_on_and_signed_off_by_forms(served: Any, chromium: Any) -> None:
    page, said = open_page(chromium, "desktop")
    sign_in(page, served)
    page.get_by_role("button", name="Claim the next task").click()
    page.get_by_label("Summary").fill("Done by hand")
    page.get_by_label("Result, as JSON").fill('{"n": 1}')
    page.get_by_role("button", name="Finish").click()
    page.locator(".status.done").first.wait_for()
    page.get_by_label("Comment").fill("<b>bold</b>")
    page.get_by_role("button", name="Comment").click()
    page.get_by_text("<b>bold</b>").wait_for()
    page.goto(f"{served.address}/tasks/{served.ids['decide']}")
    page.get_by_label("done").check()
    page.get_by_label("Reason").fill("it holds")
    page.get_by_role("button", name="Sign off as Ana Müller").click()
    page.get_by_text("done, by Ana Müller: it holds").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.context.close()
    assert said == []
    signed = next(each for each in tasks(served.board) if each.id == served.ids["decide"])
    assert signed.result["by"] == "Ana Müller"


def test_files_are_brought_by_a_form(served: Any, chromium: Any) -> None:
    page, said = open_page(chromium, "desktop")
    sign_in(page, served)
    page.goto(f"{served.address}/tasks/{served.ids['held']}")
    page.get_by_text("Bring files").click()
    tiny = Path(__file__).parents[1] / "packs" / "tiny"
    page.get_by_label("Place 1").fill("pack/controls.yaml")
    page.get_by_label("File 1").set_input_files(str(tiny / "controls.yaml"))
    page.get_by_role("button", name="Bring").click()
    page.get_by_text("A new pack was made of pack/controls.yaml").wait_for()
    assert '"pack": "' in page.get_by_label("Result, as JSON").input_value()
    page.context.close()
    assert said == []


def test_the_page_of_a_run_opens_in_its_sandbox(served: Any, chromium: Any, tiny_run: Path) -> None:
    shutil.copytree(tiny_run, served.runs / "ZZ" / tiny_run.name)
    write_run_page(served.runs / "ZZ" / tiny_run.name)
    page, said = open_page(chromium, "desktop")
    sign_in(page, served)
    page.goto(f"{served.address}/runs")
    page.get_by_role("link", name=f"ZZ/{tiny_run.name}").click()
    page.wait_for_load_state()
    assert "Tinyland" in page.locator("h1").inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('.masthead')).display") == "block"
    assert page.evaluate("self.origin") == "null"
    page.context.close()
    assert said == []


def test_the_site_runs_its_script_and_asks_the_board_for_nothing(
    served: Any, chromium: Any
) -> None:
    page, said = open_page(chromium, "desktop")
    sign_in(page, served)
    page.get_by_role("link", name="Site").click()
    page.locator("#refused").wait_for(state="attached")
    assert page.url == f"{served.address}/site/index.html"
    page.context.close()
    assert any("Content Security Policy" in each for each in said)
    assert all("/api/v1/tasks" in each for each in said)


def test_a_form_of_another_site_changes_nothing(served: Any, chromium: Any, tmp_path: Path) -> None:
    page, _ = open_page(chromium, "desktop")
    sign_in(page, served)
    before = len(tasks(served.board))
    evil = tmp_path / "evil.html"
    fields = '<input name="kind" value="x"><input name="title" value="t"><input name="role" '
    fields += 'value="modeler"><input name="form_token" value=""><button>Win</button>'
    evil.write_text(f'<form method="post" action="{served.address}/tasks">{fields}</form>')
    page.goto(evil.as_uri())
    page.get_by_role("button", name="Win").click()
    page.wait_for_url(f"{served.address}/tasks")
    page.get_by_role("heading", name=re.compile("Unauthorized|Forbidden")).wait_for()
    page.context.close()
    assert len(tasks(served.board)) == before
