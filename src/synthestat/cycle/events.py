"""The log of a board: what was done, by whom, each event chained to the one before by its hash.

An event holds the rows that it wrote, whole. `audit` recomputes every hash and replays every row,
and compares with the tables, so a change of the log or behind its back is found. To be safe from
somebody who writes the whole log anew, keep the last hash elsewhere and give it to `audit`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from synthestat.cycle.database import Board, changing, moment, reading
from synthestat.cycle.schema import CHAIN, EVENTS, KEPT, SECRET, VOLATILE, Document, canonical
from synthestat.errors import InputError

FIRST = "0" * 64
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it
Row = dict[str, Any]


@dataclass
class Change:
    """One change of a board while it is made: it happens whole, with its events, or not at all."""

    connection: sa.Connection
    at: str
    last: int
    hash: str
    _next: dict[str, int] = field(default_factory=dict)

    def rows(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[Row]:
        """Return rows of a table by id."""
        found = self.connection.execute(sa.select(table).where(*conditions).order_by(table.c.id))
        return [dict(row) for row in found.mappings()]

    def new_id(self, table: sa.Table) -> int:
        """Return the next id of a table; rows are never deleted."""
        if table.name not in self._next:
            highest = self.connection.execute(sa.select(sa.func.max(table.c.id))).scalar()
            self._next[table.name] = int(highest or 0)
        self._next[table.name] += 1
        return self._next[table.name]

    def record(
        self,
        actor: str,
        action: str,
        task_id: int | None,
        rows: Mapping[str, list[Row]],
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """Write rows (by table, inserted or replaced by id) and the event that holds them.

        `said` is what the event tells beside its rows.
        """
        _storable(rows, said)
        for name, changed in rows.items():
            for row in changed:
                self._put(KEPT[name], row)
        data: Row = {"rows": {name: [_kept(name, r) for r in rows[name]] for name in sorted(rows)}}
        if said:
            data["said"] = dict(said)
        event: Row = {
            "id": self.last + 1,
            "at": self.at,
            "actor": actor,
            "action": action,
            "task_id": task_id,
            "data": data,
            "previous": self.hash,
        }
        event["hash"] = event_hash(event)
        self.connection.execute(sa.insert(EVENTS).values(**event))
        self.last, self.hash = self.last + 1, event["hash"]
        self.connection.execute(sa.update(CHAIN).values(last=self.last, hash=self.hash))

    def _put(self, table: sa.Table, row: Row) -> None:
        same = table.c.id == row["id"]
        if self.connection.execute(sa.update(table).where(same).values(**row)).rowcount == 0:
            self.connection.execute(sa.insert(table).values(**row))


def _kept(table: str, row: Mapping[str, Any]) -> Row:
    """Return a row as an event holds it: without what changes silently, secrets hashed."""
    secret = SECRET.get(table, ())
    return {
        name: hashlib.sha256(str(value).encode()).hexdigest() if name in secret else value
        for name, value in row.items()
        if name not in VOLATILE.get(table, ())
    }


def _storable(rows: Mapping[str, list[Row]], said: Mapping[str, Any] | None) -> None:
    """Raise InputError where a text is one that a database cannot keep."""
    text = canonical([rows, said])
    if _NUL.search(text) or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputError(
            "a text holds a NUL or half of a surrogate pair, which no board can keep",
            remedy="give text that is valid UTF-8 and without NUL",
        )


@contextmanager
def change(board: Board) -> Iterator[Change]:
    """Begin a change; an error inside undoes all of it."""
    with changing(board) as (connection, last, head):
        yield Change(connection, moment(board.clock()), last, head)


def event_hash(event: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an event with the hash of the one before it."""
    names = ("id", "at", "actor", "action", "task_id", "data", "previous")
    return hashlib.sha256(canonical([event[name] for name in names]).encode()).hexdigest()


@dataclass(frozen=True)
class Audit:
    """What an audit found: `faults` is empty where the log and the tables are as they were left."""

    events: int
    hash: str
    faults: tuple[str, ...]


def audit(board: Board, *, expect: str | None = None) -> Audit:
    """Recompute the chain of events and replay it; `expect` is a hash that was kept elsewhere.

    Every fault names its event or row; what cannot be read is a fault, never an error.
    """
    with reading(board) as connection:
        events = _raw(connection, EVENTS)
        head = connection.execute(sa.select(CHAIN)).mappings().one_or_none()
        tables = {
            name: {row["id"]: _kept(name, row) for row in _raw(connection, table)}
            for name, table in KEPT.items()
        }
    faults: list[str] = []
    replayed: dict[str, dict[int, Row]] = {name: {} for name in KEPT}
    last, seen = FIRST, {FIRST}
    for number, event in enumerate(events, start=1):
        if event["id"] != number:
            faults.append(f"event {number} is missing: the next is {event['id']}")
            break
        if event["previous"] != last:
            faults.append(f"event {number} does not follow the one before")
        if event_hash(event) != event["hash"]:
            faults.append(f"event {number} was changed: its hash is another")
        last = event["hash"]
        seen.add(last)
        _replay(event["data"], replayed)
    if head is None or (head["last"], head["hash"]) != (len(events), last):
        faults.append("the last events were removed, or the chain's end was changed")
    if expect is not None and expect not in seen:
        faults.append(f"no event has the hash {expect}: the log is not the one that had it")
    for name, rows in tables.items():
        faults += _differences(name, rows, replayed[name])
    return Audit(len(events), last, tuple(faults))


def _raw(connection: sa.Connection, table: sa.Table) -> list[Row]:
    """Return the rows of a table by id; a document that is no JSON stays the text that it is."""
    documents = [c.name for c in table.c if isinstance(c.type, Document)]
    columns = [
        sa.type_coerce(c, sa.Text).label(c.name) if c.name in documents else c for c in table.c
    ]
    found = connection.execute(sa.select(*columns).order_by(table.c.id)).mappings()
    return [{n: _read(v) if n in documents else v for n, v in row.items()} for row in found]


def _read(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def _replay(data: object, onto: dict[str, dict[int, Row]]) -> None:
    """Take up the rows of an event; of one that was tampered with, those that are rows still."""
    held = data.get("rows") if isinstance(data, dict) else None
    for name, rows in held.items() if isinstance(held, dict) else ():
        for row in rows if isinstance(rows, list) else ():
            if name in onto and isinstance(row, dict) and isinstance(row.get("id"), int):
                onto[name][row["id"]] = row


def _differences(table: str, held: Mapping[int, Row], said: Mapping[int, Row]) -> list[str]:
    """Return where a table is not what its events left."""
    faults = []
    for row_id in sorted(held.keys() | said.keys()):
        if row_id not in held:
            faults.append(f"{table} {row_id} was deleted")
        elif row_id not in said:
            faults.append(f"{table} {row_id} came without an event")
        else:
            other = [n for n in held[row_id] if held[row_id][n] != said[row_id].get(n)]
            if other:
                faults.append(f"{table} {row_id} was changed without an event: {', '.join(other)}")
    return faults
