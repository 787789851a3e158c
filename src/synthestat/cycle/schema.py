"""The tables of a board. Moments are UTC text of one width, documents canonical JSON.

Every row but those of `events` and `chain` is written together with an event that holds it whole,
so that replaying the events gives the tables; `VOLATILE` columns alone are left out of them.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

METADATA = sa.MetaData()
VOLATILE = {"runs": ("heartbeat", "lease_until"), "tokens": ("used",)}
"""Columns that change without an event: a worker's sign of life, a token's last use."""
SECRET = {"runs": ("lease",), "accounts": ("password",), "tokens": ("digest",)}
"""Columns of which an event holds the SHA-256 alone: whoever may read the log may not use them."""


def canonical(document: object) -> str:
    """Return JSON text that is the same for equal documents: sorted keys, no NaN, no blanks."""
    return json.dumps(
        document, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


class Document(TypeDecorator[Any]):
    """A JSON document as canonical text, the same on every database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        """Write a document."""
        return canonical(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Read a document."""
        return None if value is None else json.loads(value)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _document(name: str) -> sa.Column[Any]:
    return sa.Column(name, Document, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _of(name: str, table: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(f"{table}.id"), nullable=nullable, index=True)


CYCLES = sa.Table(
    "cycles",
    METADATA,
    _id(),
    _text("country"),
    _document("options"),
    _text("status"),
    _text("verdict"),
    _text("reason"),
    _text("created"),
    _text("ended", nullable=True),
)
TASKS = sa.Table(
    "tasks",
    METADATA,
    _id(),
    _of("cycle_id", "cycles", nullable=True),
    _number("round"),
    _text("kind"),
    _text("title"),
    _text("body"),
    _text("role"),
    _text("assignee"),
    _text("status"),
    _number("priority"),
    _document("parents"),
    _document("payload"),
    _document("result"),
    _text("summary"),
    _number("version"),
    _text("created"),
    _text("started", nullable=True),
    _text("completed", nullable=True),
    sa.Index("tasks_by_status", "status", "role"),
)
RUNS = sa.Table(
    "runs",
    METADATA,
    _id(),
    _of("task_id", "tasks"),
    _text("worker"),
    _text("lease"),
    _text("started"),
    _text("heartbeat"),
    _text("lease_until"),
    _text("ended", nullable=True),
    _text("outcome"),
    _text("error"),
)
COMMENTS = sa.Table(
    "comments",
    METADATA,
    _id(),
    _of("task_id", "tasks"),
    _text("author"),
    _text("at"),
    _text("text"),
)
ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    _document("roles"),
    _text("password"),
    _number("active"),
    _text("created"),
)
TOKENS = sa.Table(
    "tokens",
    METADATA,
    _id(),
    _of("account_id", "accounts"),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    _text("label"),
    _number("active"),
    _text("created"),
    _text("used"),
)
EVENTS = sa.Table(
    "events",
    METADATA,
    _id(),
    _text("at"),
    _text("actor"),
    _text("action"),
    sa.Column("task_id", sa.Integer, nullable=True, index=True),
    _document("data"),
    _text("previous"),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)
CHAIN = sa.Table("chain", METADATA, _id(), _number("last"), _text("hash"))

KEPT = {table.name: table for table in (CYCLES, TASKS, RUNS, COMMENTS, ACCOUNTS, TOKENS)}
"""The tables whose rows stand in events."""


def protections(dialect: str) -> list[str]:
    """Statements that make a database refuse to change or delete events."""
    said = "events are only ever added"
    if dialect == "postgresql":
        return [
            "CREATE OR REPLACE FUNCTION events_are_kept() RETURNS trigger AS $$ BEGIN "
            f"RAISE EXCEPTION '{said}'; END $$ LANGUAGE plpgsql",
            "CREATE TRIGGER events_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION events_are_kept()",
        ]
    return [
        f"CREATE TRIGGER events_no_{word.lower()} BEFORE {word} ON events "
        f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        for word in ("UPDATE", "DELETE")
    ]
