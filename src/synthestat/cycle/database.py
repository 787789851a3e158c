"""Opening a board: SQLite in a file by default, PostgreSQL by address; migrated when opened.

Changes are serial. SQLite takes its write lock when a change begins, PostgreSQL the one row of
`chain`, which every change renews; so a claim is one worker's alone, and events have one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from synthestat.cycle.schema import CHAIN
from synthestat.errors import BoardError

MIGRATIONS = Path(__file__).parent / "migrations"
WAIT = 60_000  # milliseconds that a change waits for its turn: assumption
_UPGRADING = 5_396_712  # a number of ours for PostgreSQL's advisory lock: assumption


@dataclass(frozen=True)
class Board:
    """A board that is open; `clock` gives the moment of a change, in UTC."""

    engine: sa.Engine
    clock: Callable[[], datetime]

    @property
    def address(self) -> str:
        """Where the board is, without a password."""
        return self.engine.url.render_as_string(hide_password=True)


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def moment(at: datetime) -> str:
    """Return a moment as text of one width, whose order is that of time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def open_board(address: str | Path, *, clock: Callable[[], datetime] = now) -> Board:
    """Open the board at an address, made and migrated where that is needed.

    `address` is a file (SQLite) or an SQLAlchemy address (`postgresql://user@host/name`). Raises
    BoardError where nothing can be opened there, or a newer Synthestat made it.
    """
    url = _url(address)
    engine: sa.Engine | None = None
    try:
        if url.get_backend_name() == "sqlite":
            engine = _sqlite(url)
        else:
            engine = sa.create_engine(url, pool_pre_ping=True)
        with _locked(engine) as connection:
            _migrate(connection)
        return Board(engine, clock)
    except CommandError as error:
        raise BoardError(
            f"the board at {_shown(url)} cannot be read by this version",
            faults=[str(error)],
            remedy="use the Synthestat that last wrote to it, or a newer one",
        ) from None
    except (SQLAlchemyError, OSError) as error:
        raise BoardError(
            f"no board can be opened at {_shown(url)}",
            faults=[_first_line(error)],
            remedy="give a file in a folder that you may write to, or the address of a PostgreSQL "
            "database that answers",
        ) from None
    except ModuleNotFoundError as error:
        raise BoardError(
            f"no board can be opened at {_shown(url)}: {error.name} is not installed",
            remedy="install the extra: pip install 'synthestat[server]'",
        ) from None
    finally:
        if engine is not None:
            engine.dispose()  # of what opening used: whoever reads next connects anew


def _url(address: str | Path) -> sa.URL:
    text = str(address)
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).resolve()))
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise BoardError(
            "the board's address is none", remedy="give a file, or postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise BoardError(
            f"boards are kept in SQLite or PostgreSQL, not in {backend}",
            remedy="give a file, or postgresql://user@host/name",
        )
    return url.set(drivername="postgresql+psycopg") if backend == "postgresql" else url


def _shown(url: sa.URL) -> str:
    return url.render_as_string(hide_password=True)


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": WAIT / 1000})

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        """Let SQLAlchemy begin transactions itself, and have every commit reach the disk."""
        connection.isolation_level = None
        for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute("PRAGMA foreign_keys = ON").close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        """Take the write lock at once where a change is meant."""
        changes = connection.get_execution_options().get("changes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if changes else "BEGIN")

    return engine


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that no other process migrates beside."""
    with engine.connect().execution_options(changes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADING)))
        yield connection


def migration_config(connection: sa.Connection) -> Config:
    """Return alembic's configuration for a connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _migrate(connection: sa.Connection) -> None:
    config = migration_config(connection)
    held = sa.inspect(connection).get_table_names()
    if "alembic_version" not in held and held:
        raise BoardError(
            "the database holds other tables, and no board",
            faults=sorted(held)[:5],
            remedy="give a database, or a file, of its own",
        )
    head = ScriptDirectory.from_config(config).get_current_head()
    if held:
        version = sa.table("alembic_version", sa.column("version_num"))
        if connection.execute(sa.select(version.c.version_num)).scalar() == head:
            return
    command.upgrade(config, "head")


@contextmanager
def reading(board: Board) -> Iterator[sa.Connection]:
    """Open a transaction that sees one state of the board."""
    one_state = {"isolation_level": "REPEATABLE READ"}
    options = one_state if board.engine.dialect.name == "postgresql" else {}
    try:
        with board.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except DatabaseError as error:
        raise BoardError(
            f"the board at {board.address} could not be read",
            faults=[_first_line(error)],
            remedy="see that its database answers and is a board's, then try again",
        ) from error


@contextmanager
def changing(board: Board) -> Iterator[tuple[sa.Connection, int, str]]:
    """Open the one change at a time: the connection, the last event's number and its hash."""
    try:
        whole = board.engine.connect().execution_options(changes=True)
        with whole as connection, connection.begin():
            link = sa.select(CHAIN.c.last, CHAIN.c.hash).with_for_update()
            last, head = connection.execute(link).one()
            yield connection, int(last), str(head)
    except DatabaseError as error:
        raise BoardError(
            f"the board at {board.address} could not be changed; nothing of it was",
            faults=[_first_line(error)],
            remedy="try again; a board that many write to belongs in PostgreSQL",
        ) from error
