"""Every role at every endpoint, by token and by session: let in exactly where RIGHTS says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from doors import API, PAGES, Door, files
from fastapi.routing import APIRoute
from served import make_site

from synthestat.cycle.queries import last_event
from synthestat.cycle.roles import RIGHTS, Action, Role

ROLES = [role for role in Role if role is not Role.PUBLIC]
NOBODY = ("public", "signed out", "off")
WHO = [*(role.value for role in ROLES), *NOBODY]
OPEN = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/assets/style.css"),
}
OPEN |= {("GET", "/openapi.json")}


def allowed(who: str, action: Action) -> bool:
    if who in NOBODY:
        return who == "public" and action is Action.VIEW
    return Role(who) in RIGHTS[action]


def role_of(who: str) -> Role:
    return Role.MODELER if who in NOBODY else Role(who)


def name_of(who: str) -> str | None:
    return {"public": None, "signed out": None}.get(who, who)


def ask_api(world: Any, who: str, door: Door, ready: dict[str, Any]) -> Any:
    client = world.by_token(name_of(who), public=who == "public")
    given = door.given(ready)
    if door.files:
        return client.post(door.address(ready), data=given, files=files("files"))
    body = None if door.method == "GET" or door.path.endswith("/unblock") else given
    return client.request(door.method, door.address(ready), json=body)


def ask_page(world: Any, who: str, door: Door, ready: dict[str, Any]) -> Any:
    browser = world.by_session(name_of(who), public=who == "public")
    if door.method == "GET":
        return browser.get(door.address(ready))
    given = door.given(ready)
    if door.files:
        given = {**given, "place": "pack/controls.yaml"}
        return browser.send(door.address(ready), given, files=files("file"))
    return browser.send(door.address(ready), given)


@pytest.mark.parametrize("who", WHO)
def test_by_token(shared: Any, subtests: pytest.Subtests, who: str) -> None:
    for door in API:
        with subtests.test(str(door)):
            ready = door.prepare(shared, who, role_of(who))
            before = last_event(shared.board)
            answer = ask_api(shared, who, door, ready)
            if allowed(who, door.action):
                assert answer.status_code in (200, 201), answer.text
                continue
            assert answer.status_code == (401 if who in NOBODY else 403), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert last_event(shared.board) == before


@pytest.fixture(scope="module")
def with_pages(shared: Any) -> Any:
    """The shared board, with a page among its runs and a site beside them."""
    page = shared.runs / "XK" / "page.html"
    page.parent.mkdir()
    page.write_text("a page")
    make_site(shared)
    return shared


@pytest.mark.parametrize("who", WHO)
def test_by_session(with_pages: Any, subtests: pytest.Subtests, who: str) -> None:
    for door in PAGES:
        with subtests.test(str(door)):
            ready = door.prepare(with_pages, who, role_of(who))
            before = last_event(with_pages.board)
            answer = ask_page(with_pages, who, door, ready)
            sent_away = answer.headers.get("location", "").startswith("/sign-in")
            if allowed(who, door.action):
                done = 303 if door.method == "POST" and not door.files else 200
                assert answer.status_code == done, answer.text
                assert not sent_away
                continue
            if who in NOBODY and door.method == "GET" and who != "public":
                assert sent_away
            else:
                assert answer.status_code == (401 if who in NOBODY else 403), answer.text
            assert last_event(with_pages.board) == before


def routes(app: Any) -> Iterator[tuple[str, str]]:
    for each in app.routes:
        router = getattr(each, "original_router", None)
        for route in router.routes if router is not None else [each]:
            if isinstance(route, APIRoute):
                path = route.path_format.replace(":path", "")
                yield from ((method, path) for method in route.methods)


def test_no_endpoint_is_left_out_of_the_matrix(shared: Any) -> None:
    known = {(door.method, door.path) for door in (*API, *PAGES)}
    found = set(routes(shared.app()))
    assert len(found) > 40
    assert found == known | OPEN


def test_the_openapi_document_names_every_endpoint_of_the_api(shared: Any) -> None:
    described = shared.app().openapi()["paths"]
    found = {(method.upper(), path) for path, ways in described.items() for method in ways}
    assert found == {(door.method, door.path) for door in API}


def test_every_action_has_a_door() -> None:
    for doors in (API, PAGES):
        assert {door.action for door in doors} == set(Action)


@pytest.mark.parametrize("path", ["/openapi.json", "/nowhere", "/api/v1/nowhere", "/docs"])
def test_without_an_account_there_is_nothing_else_to_see(shared: Any, path: str) -> None:
    answer = shared.client().get(path)
    assert answer.status_code in (401, 303)


def test_a_token_is_none_at_the_pages_and_a_session_none_at_the_api(shared: Any) -> None:
    client = shared.client()
    client.headers["Authorization"] = f"Bearer {shared.session('manager')}"
    assert client.get("/api/v1/tasks").status_code == 401
    client.headers["Authorization"] = f"Bearer {shared.token('manager')}"
    assert client.get("/").status_code == 303
    browser = shared.by_session(None)
    browser.sit_down(shared.token("manager"))
    assert browser.get("/").status_code == 303
    browser.sit_down(shared.session("manager"))
    assert browser.get("/").status_code == 200
    assert browser.get("/api/v1/tasks").status_code == 401


def test_a_wrong_token_sees_nothing_even_where_the_board_is_public(shared: Any) -> None:
    client = shared.client(public=True)
    for header in ("Bearer wrong", "Bearer ", "Basic bWlhOnBhc3M=", "Bearer " + "é" * 9):
        answer = client.get("/api/v1/tasks", headers={"Authorization": header.encode("utf-8")})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_roles_hold_at_once(world: Any) -> None:
    from synthestat.cycle.accounts import set_roles

    client = world.by_token("modeler")
    new = {"kind": "other", "title": "New", "role": "modeler"}
    assert client.post("/api/v1/tasks", json=new).status_code == 403
    from served import OPERATOR

    set_roles(world.board, OPERATOR, "modeler", [Role.MANAGER])
    assert client.post("/api/v1/tasks", json=new).status_code == 201
