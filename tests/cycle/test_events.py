"""The log: every change in it, and every tampering found by an audit."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.database import Board
from synthestat.cycle.events import audit, event_hash
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.schema import CHAIN, COMMENTS, EVENTS, RUNS, TASKS
from synthestat.cycle.values import NewTask
from synthestat.errors import InputError

ANN, BO = Actor.of("ann", "manager"), Actor.of("bo", "modeler")


@pytest.fixture
def used(board: Board) -> Board:
    """A board on which something happened."""
    for title in ("one", "two"):
        acts.create_task(board, ANN, NewTask("other", title, Role.MODELER))
    claim = acts.claim(board, BO)
    acts.comment(board, BO, claim.task.id, "hm")
    acts.finish(board, BO, claim.task.id, claim.lease, result={"n": 1.5}, summary="ok")
    return board


def tamper(board: Board, statement: sa.Executable, *, unlocked: bool = True) -> None:
    """Do behind the board's back what its database would refuse."""
    with board.engine.connect().execution_options(changes=True) as connection:
        if unlocked and board.engine.dialect.name == "sqlite":
            for word in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS events_no_{word}")
        elif unlocked:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS events_are_kept ON events")
        connection.execute(statement)
        connection.commit()


def test_an_untouched_board_is_sound(used):
    found = audit(used)
    assert found.faults == ()
    assert found.events == len(queries.events(used)) == 5
    assert audit(used, expect=found.hash).faults == ()


def test_the_database_refuses_to_change_events(used):
    for statement in (sa.delete(EVENTS), sa.update(EVENTS).values(actor="x")):
        with pytest.raises(DBAPIError, match="only ever added"):
            tamper(used, statement, unlocked=False)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (sa.update(EVENTS).where(EVENTS.c.id == 3).values(actor="eve"), "event 3 was changed"),
        (sa.update(EVENTS).where(EVENTS.c.id == 2).values(data={"rows": {}}), "event 2 was"),
        (sa.update(EVENTS).where(EVENTS.c.id == 4).values(at="2000"), "event 4 was changed"),
        (sa.delete(EVENTS).where(EVENTS.c.id == 3), "event 3 is missing"),
        (sa.delete(EVENTS).where(EVENTS.c.id == 5), "the last events were removed"),
        (sa.delete(EVENTS), "the last events were removed"),
        (sa.update(CHAIN).values(last=4), "the chain's end was changed"),
        (sa.delete(CHAIN), "the chain's end was changed"),
        (sa.update(TASKS).where(TASKS.c.id == 1).values(result={"n": 2}), "tasks 1 was changed"),
        (sa.update(TASKS).where(TASKS.c.id == 2).values(status="done"), "event: status"),
        (sa.delete(COMMENTS), "comments 1 was deleted"),
        (sa.text("UPDATE events SET data = 'no json' WHERE id = 2"), "event 2 was changed"),
        (sa.text("UPDATE events SET data = '[1]' WHERE id = 2"), "tasks 2 came without an event"),
        (sa.text("UPDATE tasks SET result = '{' WHERE id = 1"), "changed without an event: result"),
        (sa.update(RUNS).values(worker="eve"), "runs 1 was changed without an event: worker"),
        (sa.update(RUNS).values(lease="known"), "runs 1 was changed without an event: lease"),
    ],
)
def test_tampering_is_found(used, statement, said):
    tamper(used, statement)
    assert any(said in fault for fault in audit(used).faults), audit(used).faults


def test_a_row_that_came_without_an_event_is_found(used):
    row = {"id": 9, "task_id": 1, "author": "eve", "at": "now", "text": "hello"}
    tamper(used, sa.insert(COMMENTS).values(**row))
    assert audit(used).faults == ("comments 9 came without an event",)


def test_a_log_written_anew_is_found_by_a_hash_kept_elsewhere(used):
    kept = audit(used).hash
    events = [vars(event) for event in queries.events(used)]
    last = "0" * 64
    for event in events:
        event |= {"actor": "eve", "previous": last}
        last = event["hash"] = event_hash(event)
        changed = {name: event[name] for name in ("actor", "previous", "hash")}
        tamper(used, sa.update(EVENTS).where(EVENTS.c.id == event["id"]).values(**changed))
    tamper(used, sa.update(CHAIN).values(hash=last))
    assert audit(used).faults == ()
    assert any(kept in fault for fault in audit(used, expect=kept).faults)


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 of a pair", {"deep": ["\0"]}])
def test_text_that_no_database_keeps_is_refused(used, text):
    before = audit(used)
    new = NewTask("other", "three", Role.MODELER, payload={"said": text})
    with pytest.raises(InputError, match="no board can keep"):
        acts.create_task(used, ANN, new)
    assert audit(used) == before
    told = NewTask("other", "three", Role.MODELER, body="\\u0000 is how JSON writes it")
    assert acts.create_task(used, ANN, told).body == told.body


def test_the_log_tells_no_secret(used):
    acts.create_task(used, ANN, NewTask("other", "three", Role.MODELER))
    lease = acts.claim(used, BO).lease
    assert not any(lease in str(event.data) for event in queries.events(used))


def test_events_tell_who_did_what_to_a_task(used):
    told = [(event.actor, event.action) for event in queries.events(used, task_id=1)]
    assert told == [("ann", "create"), ("bo", "claim"), ("bo", "comment"), ("bo", "finish")]
    assert [event.id for event in queries.events(used, after=3)] == [4, 5]
