"""The REST API as a worker uses it: the life of a task, conflicts, files that are brought."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synthestat.cycle.events import audit
from synthestat.cycle.queries import cycles, events, runs, task, tasks
from synthestat.cycle.roles import Role
from synthestat.packs.pack import read_pack

TINY = Path(__file__).parents[1] / "packs" / "tiny"
V1 = "/api/v1"


def test_the_life_of_a_task(world: Any) -> None:
    manager, worker = world.by_token("manager"), world.by_token("modeler")
    new = {"kind": "other", "title": " Fit ", "role": "modeler", "payload": {"a": [1, "é"]}}
    first = manager.post(f"{V1}/tasks", json=new).json()
    second = manager.post(f"{V1}/tasks", json={**new, "parents": [first["id"]]}).json()
    assert (first["title"], first["status"], second["status"]) == ("Fit", "ready", "todo")
    got = worker.post(f"{V1}/claim", json={"seconds": 30}).json()
    assert got["task"]["id"] == first["id"]
    assert worker.post(f"{V1}/claim", json={}).status_code == 204
    here, lease = f"{V1}/tasks/{first['id']}", {"lease": got["lease"]}
    kept = worker.post(f"{here}/heartbeat", json={**lease, "seconds": 600}).json()
    assert kept["until"] > got["until"]
    done = worker.post(f"{here}/finish", json={**lease, "result": {"n": 1}, "summary": "done"})
    assert (done.json()["status"], done.json()["result"]) == ("done", {"n": 1})
    seen = worker.get(here).json()
    assert seen["children"] == [second["id"]]
    assert [run["outcome"] for run in seen["runs"]] == ["done"]
    assert "lease" not in seen["runs"][0]
    assert task(world.board, second["id"]).status == "ready"
    assert audit(world.board).faults == ()


def test_a_try_that_fails_and_one_given_back(world: Any) -> None:
    worker = world.by_token("modeler")
    here = f"{V1}/tasks/{world.task().id}"
    lease = worker.post(f"{here}/claim", json={}).json()["lease"]
    failed = worker.post(f"{here}/fail", json={"lease": lease, "error": "no memory"}).json()
    assert (failed["status"], failed["summary"]) == ("ready", "failed: no memory")
    lease = worker.post(f"{here}/claim", json={}).json()["lease"]
    assert worker.post(f"{here}/give-back", json={"lease": lease}).json()["status"] == "ready"
    lease = worker.post(f"{here}/claim", json={}).json()["lease"]
    last = {"lease": lease, "error": "never", "again": False}
    assert worker.post(f"{here}/fail", json=last).json()["status"] == "blocked"
    assert world.by_token("manager").post(f"{here}/unblock").json()["status"] == "ready"


def test_who_changes_an_old_version_is_told_so(world: Any) -> None:
    one, other = world.by_token("manager"), world.by_token("everything")
    here = f"{V1}/tasks/{world.task().id}"
    assert one.patch(here, json={"version": 1, "title": "One"}).json()["version"] == 2
    answer = other.patch(here, json={"version": 1, "priority": 5})
    assert answer.status_code == 409
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert "version 2, not 1" in problem["detail"]
    assert "look at it again" in problem["remedy"]
    assert problem["status"] == 409
    assert other.patch(here, json={"version": 2, "priority": 5}).json()["title"] == "One"


def test_a_task_that_is_taken_is_a_conflict(world: Any) -> None:
    made = world.task()
    world.by_token("modeler").post(f"{V1}/tasks/{made.id}/claim", json={})
    answer = world.by_token("everything").post(f"{V1}/tasks/{made.id}/claim", json={})
    assert answer.status_code == 409
    assert "running by modeler" in answer.json()["detail"]


def test_a_lease_is_needed_and_only_its_holder_has_it(world: Any) -> None:
    task_id, lease = world.held("modeler")
    for name, secret in (("modeler", "wrong"), ("everything", lease)):
        answer = world.by_token(name).post(
            f"{V1}/tasks/{task_id}/finish", json={"lease": secret, "summary": "mine"}
        )
        assert answer.status_code == 409
    assert task(world.board, task_id).status == "running"


def test_lists_come_in_pages(world: Any) -> None:
    made = [world.task().id for _ in range(5)]
    client, found, after = world.by_token("reviewer"), [], 0
    while after is not None:
        part = client.get(f"{V1}/tasks", params={"after": after, "limit": 2}).json()
        found += [each["id"] for each in part["items"]]
        after = part["next"]
    assert found == made
    assert client.get(f"{V1}/tasks", params={"status": "done"}).json()["items"] == []
    assert client.get(f"{V1}/tasks", params={"limit": 501}).status_code == 422
    seen, after = [], 0
    while after is not None:
        part = client.get(f"{V1}/events", params={"after": after, "limit": 3}).json()
        seen += [each["id"] for each in part["items"]]
        after = part["next"]
    assert seen == [event.id for event in events(world.board)]


def test_account_events_are_for_auditors_and_secrets_for_nobody(world: Any) -> None:
    accounts = {"add account", "deactivate account", "new token", "sign in"}
    for name, public, sees in (
        ("manager", False, True),
        ("downloader", False, False),
        (None, True, False),
    ):
        client = world.by_token(name, public=public)
        answer = client.get(f"{V1}/events", params={"limit": 500})
        acts = {event["action"] for event in answer.json()["items"]}
        assert accounts <= acts if sees else accounts.isdisjoint(acts)
        for secret in world.secrets.values():
            assert secret not in answer.text
        page = world.by_session(name, public=public).get("/log").text
        assert ("add account" in page) is sees


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"kind": "x", "title": " ", "role": "modeler"}, "body.title: Value error, it must not"),
        ({"kind": "x", "title": "t", "role": "king"}, "body.role"),
        ({"kind": "x", "title": "t", "role": "modeler", "extra": 1}, "body.extra"),
        ({"kind": "x", "title": "t", "role": "modeler", "cycle_id": 2**31}, "body.cycle_id"),
        ({"kind": "x", "title": "a\0b", "role": "modeler"}, "text holds no NUL"),
        ({"kind": "x", "title": "t", "role": "modeler", "payload": {"a": "\0"}}, "no NUL"),
        ({"kind": "x", "title": "t" * 301, "role": "modeler"}, "body.title"),
        ({"kind": "x", "title": "t", "role": "modeler", "body": "t" * 20_001}, "body.body"),
        ({"kind": "x", "title": "t", "role": "public"}, ""),
    ],
)
def test_bad_input_is_told_by_place(world: Any, body: dict[str, Any], fault: str) -> None:
    answer = world.by_token("manager").post(f"{V1}/tasks", json=body)
    assert answer.status_code == 422
    assert fault in "\n".join(answer.json()["faults"])
    assert tasks(world.board) == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"kind": "x", "title": "\\ud800", "role": "modeler"}',
        b'{"kind": "x", "title": "t", "role": "modeler", "payload": {"a": NaN}}',
        b'{"kind": "x", "title": "t", "role": "modeler", "payload": {"a": 1e999}}',
        b'{"kind": "x", "title": "t", "role": "modeler", "payload": {"a": "\\udfff"}}',
        b'{"kind": "x", "title": "t", "role": "modeler", "payload": {"\\u0000": 1}}',
        b'{"kind": "x", "title": "t", "role": "modeler", "priority": ' + b"9" * 5000 + b"}",
        b'{"kind": "x", "title": "t", "role": "modeler", "payload": {"a": '
        + b"[" * 40
        + b"]" * 40
        + b"}}",
        b"[" * 200_000,
        b"\xff\xfe",
        b"{",
        b"",
    ],
    ids=range(11),
)
def test_bodies_that_no_board_can_keep(world: Any, raw: bytes) -> None:
    client = world.by_token("manager")
    kind = {"Content-Type": "application/json"}
    answer = client.post(f"{V1}/tasks", content=raw, headers=kind)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert tasks(world.board) == []


def test_bodies_have_a_size(world: Any) -> None:
    client = world.by_token("modeler")
    long = b'{"kind": "' + b"x" * 1_000_001 + b'"}'
    assert client.post(f"{V1}/tasks", content=long).status_code == 413
    assert client.post(f"{V1}/tasks", content=iter([long[:9], long[9:]])).status_code == 413
    nobody = world.client()
    assert nobody.post("/sign-in", content=b"x" * 20_000).status_code == 413
    lying = {"Content-Length": "-1"}
    assert client.post(f"{V1}/tasks", content=b"{}", headers=lying).status_code == 413
    known = world.by_token("reviewer")  # who may not bring files has no need for large ones
    path = f"{V1}/tasks/1/bring"
    assert known.post(path, content=b"x" * 1_000_001).status_code == 413
    assert client.post(path, content=b"x" * 1_000_001).status_code == 422


def test_a_cycle_begins_with_the_pack_it_is_asked_for(world: Any) -> None:
    manager = world.by_token("manager")
    made = manager.post(f"{V1}/cycles", json={"country": "LU-2021", "seed": 7}).json()
    (held,) = cycles(world.board)
    assert (made["id"], held.country, held.options["seed"]) == (held.id, "LU", 7)
    assert held.options["out"] == str(world.runs)
    assert [each.kind for each in tasks(world.board)] == ["build", "review"]
    for country in ("/etc", "../xk", "", "XK\0", str(TINY)):
        answer = manager.post(f"{V1}/cycles", json={"country": country})
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"run_id": ".."},
        {"run_id": "x" * 5000},
        {"run_id": "../../etc/passwd"},
        {"run_id": 7},
        {"run_id": "zz_none", "blocked": True},
        {"run_id": ["a"], "blocked": "x"},
    ],
    ids=range(7),
)
def test_a_build_that_the_files_do_not_bear_out_is_refused(
    world: Any, result: dict[str, Any]
) -> None:
    world.cycle()
    worker = world.by_token("modeler")
    got = worker.post(f"{V1}/claim", json={}).json()
    here = f"{V1}/tasks/{got['task']['id']}"
    body = {"lease": got["lease"], "result": result, "summary": "built"}
    answer = worker.post(f"{here}/finish", json=body)
    assert answer.status_code in (409, 422), answer.text
    assert worker.get(here).json()["task"]["status"] == "running"


# Bringing ---------------------------------------------------------------------------------------


def held_freeze(world: Any) -> tuple[str, dict[str, str]]:
    task_id, lease = world.held(
        "downloader", Role.DOWNLOADER, kind="freeze", cycle_id=world.cycle()
    )
    return f"{V1}/tasks/{task_id}", {"lease": lease}


def test_files_that_are_sound_become_a_pack_that_the_result_names(world: Any) -> None:
    client = world.by_token("downloader")
    here, lease = held_freeze(world)
    country = (TINY / "country.yaml").read_text("utf-8").replace("Tinyland", "Tinierland")
    files = [("files", ("pack/country.yaml", country.encode()))]
    answer = client.post(f"{here}/bring", data=lease, files=files)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    pack = read_pack(Path(said["pack"]))
    assert pack.country.name == "Tinierland"
    assert (said["digest"], said["files"]) == (pack.digest, ["pack/country.yaml"])
    body = {**lease, "result": {"pack": said["pack"]}, "summary": "froze"}
    done = client.post(f"{here}/finish", json=body).json()
    assert done["result"]["pack_digest"] == pack.digest


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("pack/controls.yaml", b"- id: [", "controls.yaml"),
        ("pack/controls.yaml", b"\xff", "UTF-8"),
        ("snapshots/new.json", b"{}", "sha256"),
        ("pack/../../evil.yaml", b"x", "no such place"),
        ("../pack/controls.yaml", b"x", "no such place"),
        ("/etc/passwd", b"x", "no such place"),
        ("pack/evil.py", b"x", "definition files are"),
        ("controls.yaml", b"x", "no such place"),
        ("snapshots\\a.json", b"x", "no such place"),
    ],
)
def test_files_that_are_not_sound_leave_nothing(
    world: Any, name: str, content: bytes, fault: str
) -> None:
    here, lease = held_freeze(world)
    before = sorted(world.runs.rglob("*"))
    client = world.by_token("downloader")
    answer = client.post(f"{here}/bring", data=lease, files=[("files", (name, content))])
    assert answer.status_code == 422, answer.text
    assert fault in answer.text
    left = [path for path in world.runs.rglob("*") if path.is_file()]
    assert left == [path for path in before if path.is_file()]


def test_files_are_brought_for_a_task_one_holds_and_no_other(world: Any) -> None:
    here, lease = held_freeze(world)
    files = [("files", ("pack/controls.yaml", (TINY / "controls.yaml").read_bytes()))]
    modeler, downloader = world.by_token("modeler"), world.by_token("downloader")
    assert modeler.post(f"{here}/bring", data=lease, files=files).status_code == 409
    answer = downloader.post(f"{here}/bring", data={"lease": "x"}, files=files)
    assert answer.status_code == 409
    assert downloader.post(f"{here}/bring", data=lease).status_code == 422
    assert downloader.post(f"{here}/bring", data=lease, files=files * 2).status_code == 422
    many = [("files", (f"snapshots/{n}.json", b"{}")) for n in range(201)]
    assert downloader.post(f"{here}/bring", data=lease, files=many).status_code == 422
    task_id, alone = world.held("downloader", Role.DOWNLOADER)
    answer = downloader.post(f"{V1}/tasks/{task_id}/bring", data={"lease": alone}, files=files)
    assert answer.status_code == 409
    assert "of no cycle" in answer.json()["detail"]


def test_a_pack_that_was_not_taken_in_is_no_result(world: Any) -> None:
    here, lease = held_freeze(world)
    for folder in (str(TINY), "/", "../x", "x" * 9000, 7):
        body = {**lease, "result": {"pack": folder}}
        answer = world.by_token("downloader").post(f"{here}/finish", json=body)
        assert answer.status_code in (409, 422), answer.text


# Deciding ---------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_name_time_and_reason(world: Any) -> None:
    decide = world.task(Role.HUMAN, payload={"decisions": ["accept", "abandon"]})
    human = world.by_token("human")
    here = f"{V1}/tasks/{decide.id}/sign-off"
    for body in ({"decision": "accept", "reason": " "}, {"decision": "accept"}):
        assert human.post(here, json=body).status_code == 422
    answer = human.post(here, json={"decision": "maybe", "reason": "why not"})
    assert answer.status_code == 409
    assert answer.json()["faults"] == ["accept", "abandon"]
    done = human.post(here, json={"decision": "accept", "reason": "good enough"}).json()
    result = done["result"]
    assert (result["by"], result["decision"], result["reason"]) == (
        "human",
        "accept",
        "good enough",
    )
    assert result["at"] == done["completed"]
    assert done["summary"] == "accept, by human: good enough"
    (event,) = [e for e in events(world.board, task_id=decide.id) if e.action == "sign off"]
    assert (event.actor, event.at) == ("human", result["at"])


def test_who_built_in_a_cycle_may_not_pass_it(world: Any) -> None:
    """Not even somebody who has every role: the log says who built."""
    cycle = world.cycle()
    builder = world.by_token("everything")
    build = builder.post(f"{V1}/claim", json={"cycle_id": cycle}).json()
    assert build["task"]["kind"] == "build"
    given_back = {"lease": build["lease"]}
    builder.post(f"{V1}/tasks/{build['task']['id']}/give-back", json=given_back)
    decide = world.task(Role.HUMAN, cycle_id=cycle, payload={"decisions": ["accept"]})
    body = {"decision": "accept", "reason": "I built it well"}
    answer = builder.post(f"{V1}/tasks/{decide.id}/sign-off", json=body)
    assert answer.status_code == 403
    assert "may not pass own work" in answer.json()["detail"]
    review = world.task(Role.REVIEWER, cycle_id=cycle)
    assert builder.post(f"{V1}/tasks/{review.id}/claim", json={}).status_code == 403
    browser = world.by_session("everything")
    assert browser.send(f"/tasks/{decide.id}/sign-off", body).status_code == 403
    assert world.by_token("human").post(f"{V1}/tasks/{decide.id}/sign-off", json=body).is_success
    assert [run.outcome for run in runs(world.board, build["task"]["id"])] == ["given back"]


def test_a_decision_cannot_be_claimed_and_finished_in_place_of_signed(world: Any) -> None:
    """Else who built, and decides too, could pass own work by the door of the workers."""
    decide = world.task(Role.HUMAN, payload={"decisions": ["accept"]})
    client = world.by_token("everything")
    answer = client.post(f"{V1}/tasks/{decide.id}/claim", json={})
    assert answer.status_code == 403
    assert "signed off, not claimed" in answer.json()["detail"]
    assert client.post(f"{V1}/claim", json={}).status_code == 204
    page = world.by_session("everything").get(f"/tasks/{decide.id}").text
    assert "Claim this task" not in page
    assert "Sign off as everything" in page


def test_an_audit_by_the_api(world: Any) -> None:
    auditor = world.by_token("reviewer")
    found = auditor.get(f"{V1}/audit").json()
    assert found["faults"] == []
    assert auditor.get(f"{V1}/audit", params={"expect": found["hash"]}).json()["faults"] == []
    other = auditor.get(f"{V1}/audit", params={"expect": "0" * 63 + "1"}).json()
    assert "the log is not the one" in other["faults"][0]


def test_the_openapi_document_is_one(world: Any) -> None:
    described = world.by_token("human").get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    text = json.dumps(described)
    assert "HTTPValidationError" not in text
    assert "#/components/schemas/Problem" in text
    assert "Problem" in described["components"]["schemas"]
