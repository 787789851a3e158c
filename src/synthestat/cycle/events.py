"""The log of a board: what was done, by whom, each event chained to the one before by its hash.

An event holds the rows that it wrote, whole. `audit` recomputes every hash and replays every row,
and compares with the tables, so a change of the log or behind its back is found. To be safe from
somebody who writes the whole log anew, keep the last hash elsewhere and give it to `audit`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from synthestat.cycle.database import Board, changing, moment, reading
from synthestat.cycle.schema import CHAIN, EVENTS, KEPT, SECRET, VOLATILE, canonical

FIRST = "0" * 64
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
        name: hashlib.sha256(value.encode()).hexdigest() if name in secret else value
        for name, value in row.items()
        if name not in VOLATILE.get(table, ())
    }


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

    Every fault names its event or row.
    """
    with reading(board) as connection:
        found = connection.execute(sa.select(EVENTS).order_by(EVENTS.c.id)).mappings()
        events = [dict(event) for event in found]
        head = connection.execute(sa.select(CHAIN)).mappings().one_or_none()
        tables = {
            name: {
                row["id"]: _kept(name, dict(row))
                for row in connection.execute(sa.select(table)).mappings()
            }
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
        for name, rows in event["data"].get("rows", {}).items():
            for row in rows:
                replayed[name][row["id"]] = row
    if head is None or (head["last"], head["hash"]) != (len(events), last):
        faults.append("the last events were removed, or the chain's end was changed")
    if expect is not None and expect not in seen:
        faults.append(f"no event has the hash {expect}: the log is not the one that had it")
    for name, rows in tables.items():
        faults += _differences(name, rows, replayed[name])
    return Audit(len(events), last, tuple(faults))


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
