"""Boards for tests, each new: in SQLite, and in a PostgreSQL that the tests start by themselves."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from synthestat.cycle.database import Board, now, open_board

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "cycle"), str(TESTS / "review")]  # fakes.py; layers made by hand
STARTS_WITHIN = 30.0  # seconds
BACKENDS = ("sqlite", "postgresql")


@dataclass
class Clock:
    """The real clock, which a test can put forward."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return now() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """The clock of `board`: `clock.forward(seconds)`."""
    return Clock()


@pytest.fixture(params=BACKENDS)
def board_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, which nothing else uses."""
    if request.param == "sqlite":
        return str(tmp_path / "board.sqlite")
    new_database: Callable[[], str] = request.getfixturevalue("postgresql")
    return new_database()


@pytest.fixture
def board(board_address: str, clock: Clock) -> Iterator[Board]:
    """An empty board."""
    opened = open_board(board_address, clock=clock)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """A PostgreSQL of this test process alone, on a socket; call it for a new database's address.

    It keeps nothing safe from a crash, and refuses every connection but those of this folder.
    """
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra `server` is not installed")
    folder = Path(tempfile.mkdtemp(prefix="synthestat-pg-", dir="/tmp"))  # a socket's path is short
    try:
        as_user = _owner(folder)
        server = _start(programs, folder, as_user)
        try:
            numbers = count(1)

            def new_database() -> str:
                name = f"board_{next(numbers)}"
                _query(folder, f"CREATE DATABASE {name}")
                return f"postgresql://synthestat@/{name}?host={folder}"

            yield new_database
        finally:
            server.send_signal(signal.SIGINT)  # ends its sessions, and itself
            try:
                server.wait(timeout=5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest there is."""
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(debian, key=lambda folder: (len(folder.parts[-2]), folder.parts[-2]))
    on_path = shutil.which("initdb")
    folders = [*reversed(newest), *([Path(on_path).resolve().parent] if on_path else [])]
    programs = ("initdb", "postgres")
    return next((f for f in folders if all((f / name).is_file() for name in programs)), None)


def _owner(folder: Path) -> dict[str, Any]:
    """Give the folder to somebody who may run a server (root may not); say how to become them."""
    if os.getuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _start(programs: Path, folder: Path, as_user: dict[str, Any]) -> subprocess.Popen[bytes]:
    import psycopg

    data, log = folder / "data", folder / "log"
    command = [programs / "initdb", "--pgdata", data, "--username", "synthestat", "--no-sync"]
    command += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
    with log.open("wb") as said:
        out: dict[str, Any] = {"stdout": said, "stderr": said, "cwd": folder, **as_user}
        subprocess.run(command, check=True, **out)
        options = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off"}
        options |= {"synchronous_commit": "off", "full_page_writes": "off"}
        options |= {"max_connections": 150, "shared_buffers": "16MB"}
        start = [programs / "postgres", "-D", data]
        start += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        server = subprocess.Popen(start, **out)
    until = time.monotonic() + STARTS_WITHIN
    while server.poll() is None and time.monotonic() < until:
        try:
            _query(folder, "SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return server
    server.kill()
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")


def _query(folder: Path, words: str) -> None:
    import psycopg

    address = f"host={folder} user=synthestat dbname=postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(words)
