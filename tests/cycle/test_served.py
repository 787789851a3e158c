"""A served board on both databases: text and numbers that one of them could not keep."""

from __future__ import annotations

import warnings

import pytest

from synthestat.cycle.accounts import add_account, begin_session, new_token
from synthestat.cycle.database import Board
from synthestat.cycle.events import audit
from synthestat.cycle.queries import tasks
from synthestat.cycle.roles import Actor, Role
from synthestat.server.app import create_app
from synthestat.server.cookies import SESSION

with warnings.catch_warnings():  # httpx is what the tests have; its successor is asked for
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROLES = [role for role in Role if role is not Role.PUBLIC]


@pytest.fixture
def client(board: Board) -> TestClient:
    operator = Actor("command line", frozenset())
    add_account(board, operator, "ana", ROLES, None)
    made = TestClient(create_app(board), follow_redirects=False)
    made.headers["Authorization"] = f"Bearer {new_token(board, operator, 'ana', 'test')}"
    return made


def test_a_task_from_first_to_last(board: Board, client: TestClient) -> None:
    new = {"kind": "other", "title": "é \u202e😀", "role": "modeler", "payload": {"ü": [1.5, None]}}
    made = client.post("/api/v1/tasks", json=new).json()
    assert (made["title"], made["payload"]) == (new["title"], new["payload"])
    got = client.post("/api/v1/claim", json={}).json()
    body = {"lease": got["lease"], "result": {"n": 2**70}, "summary": "😀"}
    assert client.post(f"/api/v1/tasks/{made['id']}/finish", json=body).json()["status"] == "done"
    client.cookies.set(SESSION, begin_session(board, Actor("ana", frozenset())))
    for path in ("/", f"/tasks/{made['id']}", "/log", "/audit", "/cycles"):
        assert client.get(path).status_code == 200
    assert audit(board).faults == ()


@pytest.mark.parametrize("wrong", ["\0", {"\0": 1}, 2**31], ids=range(3))
def test_what_a_database_cannot_keep_is_bad_input(
    board: Board, client: TestClient, wrong: object
) -> None:
    for field in ("title", "body", "assignee", "payload", "parents", "cycle_id", "priority"):
        given = [wrong] if field == "parents" else wrong
        new = {"kind": "other", "title": "t", "role": "modeler", field: given}
        assert client.post("/api/v1/tasks", json=new).status_code == 422
    assert client.get(f"/api/v1/tasks/{2**31}").status_code == 422
    assert client.get("/api/v1/audit", params={"expect": "\0"}).status_code == 422
    client.cookies.set(SESSION, begin_session(board, Actor("ana", frozenset())))
    for path in ("/?role=%00", "/?cycle=99999999999", "/log?before=0", "/audit?expect=%00"):
        assert client.get(path).status_code in (200, 422)
    assert client.get("/runs/%00").status_code == 404
    assert tasks(board) == []


def test_a_database_that_goes_away_is_no_fault_of_the_one_who_asks(
    board: Board, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from synthestat.cycle import queries

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the secret of the house"))

    monkeypatch.setattr(queries, "tasks", away)
    answer = client.get("/api/v1/tasks")
    assert answer.status_code == 503
    assert "secret" not in answer.text
