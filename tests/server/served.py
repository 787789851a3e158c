"""A served board for tests, with an account for each role, and clients by token and by session."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event

from synthestat.cycle import accounts
from synthestat.cycle.board import claim, create_task
from synthestat.cycle.database import Board, now, open_board
from synthestat.cycle.process import start_cycle
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask, Task
from synthestat.server.app import create_app
from synthestat.server.cookies import FORM, SESSION, form_token, form_word
from synthestat.site.site_files import MARK

with warnings.catch_warnings():  # httpx is what the tests have; its successor is asked for
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TINY = Path(__file__).parents[1] / "packs" / "tiny"
OPERATOR = Actor("command line", frozenset())
MANAGER = Actor.of("mia", "manager")
PASSWORD = "correct horse battery staple"
EACH = tuple(role for role in Role if role is not Role.PUBLIC)


@dataclass
class World:
    """A served board: `token(name)` and `session(name)` let an account in."""

    board: Board
    runs: Path
    site: Path
    apps: dict[bool, Any] = field(default_factory=dict)
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)

    def app(self, *, public: bool = False) -> Any:
        if public not in self.apps:
            self.apps[public] = create_app(
                self.board, runs=self.runs, site_folder=self.site, public=public
            )
        return self.apps[public]

    def client(self, *, public: bool = False, **options: Any) -> TestClient:
        return TestClient(self.app(public=public), follow_redirects=False, **options)

    def by_token(self, name: str | None, *, public: bool = False) -> TestClient:
        """A program that uses the API; None has no token."""
        client = self.client(public=public)
        if name is not None:
            client.headers["Authorization"] = f"Bearer {self.token(name)}"
        return client

    def by_session(self, name: str | None, *, public: bool = False) -> Browser:
        """A person at a browser; None has not signed in."""
        browser = Browser(self.client(public=public))
        if name is not None:
            browser.sit_down(self.session(name))
        return browser

    def token(self, name: str) -> str:
        if ("token", name) not in self.secrets:
            made = accounts.new_token(self.board, OPERATOR, name, "test")
            self.secrets["token", name] = made
        return self.secrets["token", name]

    def session(self, name: str) -> str:
        if ("session", name) not in self.secrets:
            made = accounts.begin_session(self.board, Actor(name, frozenset()))
            self.secrets["session", name] = made
        return self.secrets["session", name]

    def task(self, role: Role = Role.MODELER, **given: Any) -> Task:
        new = NewTask(given.pop("kind", "other"), given.pop("title", "A task"), role, **given)
        return create_task(self.board, MANAGER, new)

    def held(self, name: str, role: Role = Role.MODELER, **given: Any) -> tuple[int, str]:
        """A task that somebody of this name holds in a role, and its lease."""
        made = self.task(role, **given)
        got = claim(self.board, Actor(name, frozenset({role})), made.id)
        assert got is not None
        return made.id, got.lease

    def cycle(self) -> int:
        options = {"pack": str(TINY), "seed": 1, "out": str(self.runs)}
        return start_cycle(self.board, MANAGER, "ZZ", options)


@dataclass
class Browser:
    """A client that has cookies and sends the forms of our pages."""

    client: TestClient
    word: str = ""

    def sit_down(self, session: str) -> None:
        self.word = form_word(session)
        self.client.cookies.set(SESSION, session)
        self.client.cookies.set(FORM, self.word)

    def get(self, address: str, **options: Any) -> Any:
        return self.client.get(address, **options)

    def send(self, address: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        """Send a form as a browser does from one of our pages."""
        word = self.word or "nobody's"
        if not self.word:
            self.client.cookies.set(FORM, word)
        headers = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
        proved = {"form_token": form_token(word), **(data or {})}
        return self.client.post(address, data=proved, headers=headers, **options)


def make_world(folder: Path, clock: Callable[[], Any] = now) -> World:
    """Serve a new board with an account for each role, by its role's name, and one that is off."""
    runs, board = folder / "runs", folder / "board.sqlite"
    runs.mkdir()
    content, secrets = _first_board()
    board.write_bytes(content)
    opened = open_board(board, clock=clock)
    event.listen(opened.engine, "connect", _no_waiting)
    return World(opened, runs.resolve(), runs.resolve().parent / "site", secrets=dict(secrets))


def _no_waiting(connection: Any, _record: object) -> None:
    """Leave it to the system when it writes to disk: no test outlives a loss of power."""
    connection.execute("PRAGMA synchronous = OFF").close()


@cache
def _first_board() -> tuple[bytes, dict[tuple[str, str], str]]:
    """The file of a board with its accounts, and their secrets: every test has a copy of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.sqlite"
        world = World(open_board(path), Path(folder), Path(folder))
        for role in EACH:
            accounts.add_account(world.board, OPERATOR, role.value, [role], None)
        accounts.add_account(world.board, OPERATOR, "everything", EACH, None)
        accounts.add_account(world.board, OPERATOR, "off", EACH, None)
        for name in (*EACH, "everything", "off"):
            world.token(name)
            world.session(name)
        accounts.deactivate(world.board, OPERATOR, "off")
        assert not path.with_name("board.sqlite-wal").exists(), "the file alone holds the board"
        return path.read_bytes(), world.secrets


def make_site(world: World) -> Path:
    """A static site where the world's may stand: a page, a script and data."""
    (world.site / "assets").mkdir(parents=True)
    (world.site / "runs").mkdir()
    (world.site / MARK).write_text("{}")
    tell = "(word) => () => { document.documentElement.id = word; }"
    script = f"const tell = {tell}; fetch('/api/v1/tasks').then(tell('asked'), tell('refused'));"
    (world.site / "assets" / "site.js").write_text(script)
    head = '<title>index</title><link rel="icon" href="data:,">'
    (world.site / "index.html").write_text(f'{head}<script src="assets/site.js"></script>')
    (world.site / "runs" / "one.html").write_text("<title>one</title>")
    (world.site / "runs" / "map.csv").write_text("zone\r\n")
    return world.site
