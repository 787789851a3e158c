"""What protects people at their browsers: sessions, forms, headers, limits, text that is text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from served import MANAGER, OPERATOR, PASSWORD, make_site, make_world

from synthestat.cycle import accounts
from synthestat.cycle.board import comment
from synthestat.cycle.queries import comments, events, last_event
from synthestat.cycle.roles import Role
from synthestat.server.attempts import FREE, FREE_OF_ADDRESS, LONGEST_WAIT, Attempts
from synthestat.server.cookies import form_token, form_word
from synthestat.server.run_files import place_of
from synthestat.site.environment import ASSETS
from synthestat.site.site_files import MARK

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}&amp;\u202eevil\u202c"
HERE = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def ana(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A served board on which Ana, a manager who decides, has a password."""
    made = make_world(tmp_path_factory.mktemp("ana"))
    accounts.add_account(made.board, OPERATOR, "Ana", [Role.MANAGER, Role.HUMAN], PASSWORD)
    return made


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found, page
    return found[1]


def sign_in(client: Any, name: str = "Ana", password: str = PASSWORD, goes_to: str = "/") -> Any:
    page = client.get("/sign-in", params={"next": goes_to}).text
    given = {"name": name, "password": password, "next": hidden(page, "next")}
    given["form_token"] = hidden(page, "form_token")
    return client.post("/sign-in", data=given, headers=HERE)


# Sessions ---------------------------------------------------------------------------------------


def test_signing_in_and_out(ana: Any) -> None:
    client = ana.client()
    assert client.get("/tasks/1").headers["location"] == "/sign-in?next=%2Ftasks%2F1"
    answer = sign_in(client, goes_to="/tasks/1?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks/1?x=1")
    page = client.get("/")
    assert page.status_code == 200
    assert "Ana" in page.text
    kept = dict(client.cookies)
    proof = {"form_token": hidden(page.text, "form_token")}
    assert client.post("/sign-out", data=proof, headers=HERE).status_code == 303
    assert "synthestat_session" not in client.cookies
    client.cookies.update(kept)  # whoever kept the cookie has no session either
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("secure", [False, True])
def test_the_flags_of_cookies(ana: Any, secure: bool) -> None:
    from served import TestClient

    from synthestat.server.app import create_app

    app = create_app(ana.board, https=secure)
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    if not secure:
        client = TestClient(app, follow_redirects=False)
    page = client.get("/sign-in")
    given = {"name": "Ana", "password": PASSWORD, "form_token": hidden(page.text, "form_token")}
    answer = client.post("/sign-in", data=given)
    assert answer.status_code == 303
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie, name, site in zip(cookies, ("session", "form"), ("lax", "strict"), strict=True):
        parts = cookie.lower().split("; ")
        assert parts[0].startswith(
            f"__host-synthestat_{name}=" if secure else f"synthestat_{name}="
        )
        assert {"httponly", f"samesite={site}", "path=/", "max-age=43200"} <= set(parts)
        assert ("secure" in parts) is secure
        assert not any(part.startswith("domain") for part in parts)
    assert ("strict-transport-security" in answer.headers) is secure


def test_a_session_ends_with_its_hours(tmp_path: Path) -> None:
    from datetime import timedelta

    from synthestat.cycle.database import now

    ahead = [timedelta()]
    world = make_world(tmp_path, clock=lambda: now() + ahead[0])
    browser = world.by_session("manager")
    assert browser.get("/").status_code == 200
    ahead[0] = timedelta(hours=accounts.SESSION_HOURS, seconds=1)
    assert browser.get("/").status_code == 303
    assert browser.send("/tasks/1/comments", {"text": "late"}).status_code == 401


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/a b"]
)
def test_signing_in_leads_nowhere_else(ana: Any, address: str) -> None:
    assert sign_in(ana.client(), goes_to=address).headers["location"] == "/"


def test_a_wrong_name_is_answered_as_a_wrong_password(ana: Any) -> None:
    answers = [sign_in(ana.client(), name, "wrong") for name in ("Ana", "Nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [re.sub(r'value="[^"]*"', "", answer.text) for answer in answers]
    assert texts[0] == texts[1]


def test_attempts_are_slowed_and_then_let_through(ana: Any) -> None:
    client = ana.client()
    time = [0.0]
    attempts = ana.app().state.site.attempts
    attempts.clock = lambda: time[0]
    attempts._failed.clear()
    for _ in range(FREE):
        assert sign_in(client, "Ana", "wrong").status_code == 401
    answer = sign_in(client)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert "Too many attempts" in answer.text
    time[0] = 1.1
    assert sign_in(client).status_code == 303
    assert sign_in(ana.client(), "Ana", "wrong").status_code == 401


def test_how_attempts_are_counted() -> None:
    time = [0.0]
    attempts = Attempts(clock=lambda: time[0])
    for _ in range(FREE + 3):
        attempts.failed("Ana", "10.0.0.1")
    assert attempts.wait("ANA", "10.0.0.1") == 8.0
    assert attempts.wait("Ben", "10.0.0.1") == 0.0
    assert attempts.wait("Ana", "10.0.0.2") == 0.0, "nobody locks others out"
    for number in range(FREE_OF_ADDRESS):
        attempts.failed(f"name {number}", "10.0.0.3")
    assert attempts.wait("Ben", "10.0.0.3") > 0
    for _ in range(40):
        attempts.failed("Ana", "10.0.0.1")
    assert attempts.wait("Ana", "10.0.0.1") == LONGEST_WAIT
    time[0] = 4000.0
    assert attempts.wait("Ana", "10.0.0.1") == 0.0


# Forms ------------------------------------------------------------------------------------------


def forged(world: Any, **changes: Any) -> dict[str, Any]:
    """A form that is right but for what is changed."""
    session = world.session("manager")
    sent = {"token": form_token(form_word(session)), "headers": HERE, "form": form_word(session)}
    return {**sent, "session": session, **changes}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 303),
        ({"headers": {}}, 303),  # an old browser says nothing; token and cookie decide
        ({"token": ""}, 403),
        ({"token": "0" * 64}, 403),
        ({"token": form_token("another")}, 403),
        ({"form": ""}, 403),  # the strict cookie does not come with another site's request
        ({"form": "another", "token": form_token("another")}, 403),
        ({"headers": {"Origin": "https://evil.example"}}, 403),
        ({"headers": {"Origin": "null"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
        ({"headers": {"Sec-Fetch-Site": "same-site"}}, 403),
        ({"session": ""}, 401),
    ],
)
def test_a_form_must_be_our_own(shared: Any, changes: dict[str, Any], status: int) -> None:
    sent, made = forged(shared, **changes), shared.task()
    client, before = shared.client(), last_event(shared.board)
    for name in ("session", "form"):
        if sent[name]:
            client.cookies.set(f"synthestat_{name}", sent[name])
    data = {"text": "hello", "form_token": sent["token"]}
    answer = client.post(f"/tasks/{made.id}/comments", data=data, headers=sent["headers"])
    assert answer.status_code == status
    assert (last_event(shared.board) > before) is (status == 303)


def test_nobody_is_signed_in_by_another_site(ana: Any) -> None:
    client = ana.client()
    given = {"name": "Ana", "password": PASSWORD}
    assert client.post("/sign-in", data=given, headers=HERE).status_code == 403
    client.get("/sign-in")
    assert client.post("/sign-in", data=given, headers=HERE).status_code == 403
    token = hidden(client.get("/sign-in").text, "form_token")
    elsewhere = {"Origin": "https://evil.example"}
    answer = client.post("/sign-in", data={**given, "form_token": token}, headers=elsewhere)
    assert answer.status_code == 403


class Forms(HTMLParser):
    """Every form of a page, its method and fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, set[str]]] = []
        self.tags: set[str] = set()
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "form":
            self.forms.append((given.get("method") or "get", set()))
        if tag in ("input", "textarea", "select") and self.forms:
            self.forms[-1][1].add(given.get("name") or "")


def test_every_form_that_changes_something_has_its_proof_and_no_page_a_script(world: Any) -> None:
    held, _ = world.held("everything", cycle_id=world.cycle())
    decide, ready = world.task(Role.HUMAN), world.task(title=HOSTILE)
    browser, seen = world.by_session("everything"), 0
    pages = ["/", "/cycles", "/runs", "/log", "/audit", "/tasks/new", "/tasks/999", "/sign-in"]
    for path in (*pages, *(f"/tasks/{number}" for number in (held, decide.id, ready.id))):
        read = Forms()
        read.feed(browser.get(path).text)
        assert not read.tags & {"script", "iframe", "object", "embed", "base", "style"}
        assert not read.handlers
        posted = [fields for method, fields in read.forms if method == "post"]
        assert all("form_token" in fields for fields in posted)
        seen += len(posted)
    assert seen > 20


# Headers ----------------------------------------------------------------------------------------

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/log", 200),
        ("/tasks/999", 404),
        ("/tasks/x", 422),
        ("/nowhere", 404),
        ("/runs/none.html", 404),
        ("/openapi.json", 401),
        ("/api/v1/tasks", 401),
        ("/api/v1/nowhere", 401),
    ],
)
def test_every_answer_is_protected(shared: Any, path: str, status: int) -> None:
    answer = shared.by_session("manager").get(path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


def test_a_fault_of_ours_is_told_without_what_is_inside(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthestat.cycle import queries

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(queries, "tasks", broken)
    client = world.client(raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {world.token('human')}"
    answer = client.get("/api/v1/tasks")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY


def test_a_board_that_does_not_answer_is_said_to(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthestat.errors import BoardError
    from synthestat.server import gate

    def absent(*_: Any, **__: Any) -> None:
        raise BoardError("the board is away")

    monkeypatch.setattr(gate, "actor_of_token", absent)
    assert world.by_token("human").get("/api/v1/tasks").status_code == 503
    assert world.by_session("human").get("/").status_code == 503


# Text -------------------------------------------------------------------------------------------


def test_hostile_text_is_shown_as_text(world: Any) -> None:
    made = world.task(
        title=HOSTILE, body=HOSTILE, kind=HOSTILE, assignee=HOSTILE, payload={HOSTILE: HOSTILE}
    )
    comment(world.board, MANAGER, made.id, HOSTILE)
    browser = world.by_session("everything")
    for path in ("/", f"/tasks/{made.id}", "/log"):
        text = browser.get(path).text
        assert "<script" not in text
        assert "<img" not in text
        assert "49" not in re.findall(r"\{\{.*?\}\}|>49<", text)
    page = browser.get(f"/tasks/{made.id}").text
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6
    assert f"<bdi>{HOSTILE[:0]}" in page  # marks of direction end with the words that hold them
    assert "{{ 7*7 }}" in page


def test_a_hostile_comment_comes_back_as_it_was_given(world: Any) -> None:
    made = world.task()
    browser = world.by_session("human")
    assert browser.send(f"/tasks/{made.id}/comments", {"text": HOSTILE + "\r\nbye"}).is_redirect
    (held,) = comments(world.board, made.id)
    assert held.text == HOSTILE + "\nbye"


def test_forms_tell_what_is_wrong_with_them(world: Any) -> None:
    manager, worker = world.by_session("manager"), world.by_session("modeler")
    new = {"kind": "x", "title": "t", "role": "modeler"}
    for wrong in ({"priority": "high"}, {"parents": "1, x"}, {"title": " "}, {"cycle_id": "9e9"}):
        assert manager.send("/tasks", {**new, **wrong}).status_code == 422
    assert manager.send("/tasks", {**new, "parents": "7"}).status_code == 404
    assert manager.send("/tasks", {**new, "extra": "1"}).status_code == 422
    task_id, lease = world.held("modeler")
    for result in ("[1]", "{", "[" * 9000, '{"a": NaN}', '{"a": "\\ud800"}'):
        answer = worker.send(f"/tasks/{task_id}/finish", {"lease": lease, "result": result})
        assert answer.status_code == 422
    page = worker.get(f"/tasks/{task_id}").text
    assert lease in page
    assert lease not in world.by_session("human").get(f"/tasks/{task_id}").text
    assert lease not in world.by_session(None, public=True).get(f"/tasks/{task_id}").text
    sent = {"lease": lease, "result": '{"n": 1}', "summary": "done"}
    assert worker.send(f"/tasks/{task_id}/finish", sent).status_code == 303


def test_a_form_from_an_old_page_is_a_conflict(world: Any) -> None:
    made, manager = world.task(), world.by_session("manager")
    sent = {"version": "1", "title": "One", "body": "", "assignee": "", "priority": "1"}
    assert manager.send(f"/tasks/{made.id}/change", sent).status_code == 303
    answer = manager.send(f"/tasks/{made.id}/change", sent)
    assert answer.status_code == 409
    assert "version 2, not 1" in answer.text


def test_a_person_decides_by_a_form(world: Any) -> None:
    decide = world.task(Role.HUMAN, payload={"decisions": ["accept", "abandon"]})
    human = world.by_session("human")
    page = human.get(f"/tasks/{decide.id}").text
    assert 'value="abandon"' in page
    for wrong in ({"reason": "x"}, {"decision": "accept", "reason": ""}):
        assert human.send(f"/tasks/{decide.id}/sign-off", wrong).status_code == 422
    sent = {"decision": "abandon", "reason": "no evidence"}
    assert human.send(f"/tasks/{decide.id}/sign-off", sent).status_code == 303
    page = human.get(f"/tasks/{decide.id}").text
    assert "abandon, by human: no evidence" in page
    assert events(world.board, task_id=decide.id)[-1].action == "sign off"


# Runs -------------------------------------------------------------------------------------------


@pytest.fixture
def runs(world: Any) -> Any:
    """A folder of runs with a page, a record and a bundle, beside what is not to be shown."""
    folder: Path = world.runs / "XK"
    (folder / "run" / "pack").mkdir(parents=True)
    (folder / "run.html").write_text("<title>run</title>")
    (folder / "run.review.json").write_text('{"verdict": "PASS"}')
    (folder / "run" / "build_manifest.json").write_text("{}")
    (folder / "run" / "persons.parquet").write_text("no")
    (folder / "run" / "pack" / "sources.json").write_text("no")
    (folder / "notes.json").write_text("no")
    (folder / ".hidden.html").write_text("no")
    (folder / "broken.review.json").write_text("{")
    (world.runs.parent / "secret.html").write_text("no")
    (folder / "link.html").symlink_to(world.runs.parent / "secret.html")
    (folder / "away").symlink_to(world.runs.parent)
    return world


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("XK/run.html", True),
        ("XK/run.review.json", True),
        ("XK/run/build_manifest.json", True),
        ("XK/run/persons.parquet", False),
        ("XK/run/pack/sources.json", False),
        ("XK/notes.json", False),
        ("XK/.hidden.html", False),
        ("XK/link.html", False),
        ("XK/away/secret.html", False),
        ("board.sqlite", False),
        ("../board.sqlite", False),
        ("../secret.html", False),
        ("XK/../../secret.html", False),
        ("%2e%2e/secret.html", False),
        ("..%2fsecret.html", False),
        ("..%5csecret.html", False),
        ("/etc/passwd", False),
        ("XK", False),
        ("XK/", False),
        ("XK//run.html", False),
        ("XK/run.html%00.html", False),
        ("x" * 5000 + ".html", False),
    ],
)
def test_only_pages_and_records_of_runs_are_shown(runs: Any, path: str, shown: bool) -> None:
    answer = runs.by_session("human").get(f"/runs/{path}")
    assert answer.status_code == (200 if shown else 404), path
    if shown:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self' 'unsafe-inline'")
        assert policy.endswith("sandbox")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert runs.by_session(None).get(f"/runs/{path}").status_code in (303, 404)


@pytest.mark.parametrize("path", ["..", "../secret.html", "/etc/passwd", "a\0.html", "", "XK/.."])
def test_no_address_leads_out_of_the_runs(runs: Any, path: str) -> None:
    assert place_of(runs.runs, path) is None
    assert place_of(None, "XK/run.html") is None


def test_the_list_of_runs(runs: Any) -> None:
    text = runs.by_session("human").get("/runs").text
    assert 'href="/runs/XK/run.html"' in text
    assert "PASS" in text
    assert "not readable" in text
    assert ".hidden" not in text
    assert json.loads(runs.by_session("human").get("/runs/XK/run.review.json").text)


def test_a_public_board_shows_no_way_to_change_it(runs: Any) -> None:
    made = runs.task()
    browser = runs.by_session(None, public=True)
    for path in ("/", f"/tasks/{made.id}", "/cycles", "/runs", "/log"):
        text = browser.get(path).text
        assert 'method="post"' not in text
        assert "Sign in" in text
    assert browser.get("/audit").status_code == 401
    assert browser.send(f"/tasks/{made.id}/comments", {"text": "hi"}).status_code == 401


# The static site --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sited(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A board with a site, and beside and in the site what is not to be shown."""
    made = make_world(tmp_path_factory.mktemp("sited"))
    folder = make_site(made)
    (folder / ".hidden.html").write_text("no")
    (folder / "persons.parquet").write_text("no")
    (folder.parent / "secret.html").write_text("no")
    (folder.parent / "site-old").mkdir()
    (folder.parent / "site-old" / "secret.html").write_text("no")
    (folder / "link.html").symlink_to(folder.parent / "secret.html")
    (folder / "away").symlink_to(folder.parent)
    return made


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("", "text/html"),
        ("index.html", "text/html"),
        ("assets/site.js", "text/javascript"),
        ("runs/one.html", "text/html"),
        ("runs/map.csv", "text/csv"),
        ("runs", ""),
        ("runs/", ""),
        ("none.html", ""),
        ("persons.parquet", ""),
        (".hidden.html", ""),
        ("link.html", ""),
        ("away/secret.html", ""),
        ("../board.sqlite", ""),
        ("../secret.html", ""),
        ("%2e%2e/secret.html", ""),
        ("..%2fsecret.html", ""),
        ("..%5csecret.html", ""),
        ("%2e%2e%2fsite-old%2fsecret.html", ""),
        ("runs/..%2f..%2fsecret.html", ""),
        ("/etc/passwd", ""),
        ("runs//one.html", ""),
        ("index.html%00.html", ""),
        ("x" * 5000 + ".html", ""),
    ],
)
def test_only_files_of_the_site_are_shown(sited: Any, path: str, media: str) -> None:
    answer = sited.by_session("human").get(f"/site/{path}")
    assert answer.status_code == (200 if media else 404), path
    assert answer.headers["x-content-type-options"] == "nosniff"
    if not media:
        assert "script-src" not in answer.headers["content-security-policy"]
        return
    assert answer.headers["content-type"].startswith(media)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["form-action"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "connect-src" not in policy


@pytest.mark.parametrize("path", ["", "index.html", "assets/site.js", "../secret.html", "x.html"])
def test_the_site_is_for_who_may_look(sited: Any, path: str) -> None:
    for name in (None, "off"):
        answer = sited.by_session(name).get(f"/site/{path}")
        assert (answer.status_code, answer.text) == (303, "")
        assert answer.headers["location"].startswith("/sign-in?next=")
    shown = path in ("", "index.html", "assets/site.js")
    assert sited.by_session(None, public=True).get(f"/site/{path}").is_success is shown
    assert sited.by_session("human").client.post(f"/site/{path}").status_code in (404, 405)


def test_scripts_run_below_the_site_alone(sited: Any) -> None:
    browser = sited.by_session("everything")
    sited.task()
    for path in ("/", "/tasks/1", "/cycles", "/runs", "/log", "/sign-in", "/nowhere"):
        assert browser.get(path).headers["content-security-policy"] == POLICY


def test_a_site_is_linked_and_shown_while_it_is_one(world: Any) -> None:
    browser = world.by_session("human")
    assert 'href="/site/index.html"' not in browser.get("/").text
    assert browser.get("/site/").status_code == 404
    make_site(world)
    assert 'href="/site/index.html"' in browser.get("/").text
    assert browser.get("/site/").status_code == 200
    (world.site / MARK).unlink()
    assert browser.get("/site/index.html").status_code == 404
    assert 'href="/site/index.html"' not in world.by_session(None).get("/sign-in").text


def test_pages_stand_in_the_frame_of_the_site(world: Any) -> None:
    text = world.by_session("human").get("/cycles").text
    assert '<a href="/cycles" aria-current="page">Cycles</a>' in text
    assert text.count("aria-current") == 1
    assert '<link rel="stylesheet" href="/assets/style.css">' in text
    assert "http-equiv" not in text
    assert "no-referrer" not in text, "with it, browsers would hide the origin of our forms"
    assert "Countries" not in text
    style = world.client().get("/assets/style.css").text
    assert style.startswith((ASSETS / "style.css").read_text(encoding="utf-8"))
    assert ".status.running" in style
