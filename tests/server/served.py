"""A served board for tests, with an account for each role, and clients by token and by session."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthestat.cycle import accounts
from synthestat.cycle.board import claim, create_task
from synthestat.cycle.database import Board, now, open_board
from synthestat.cycle.process import start_cycle
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask, Task
from synthestat.server.app import create_app
from synthestat.server.cookies import FORM, SESSION, form_token, form_word

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
    apps: dict[bool, Any] = field(default_factory=dict)
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)

    def app(self, *, public: bool = False) -> Any:
        if public not in self.apps:
            self.apps[public] = create_app(self.board, runs=self.runs, public=public)
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
    runs = folder / "runs"
    runs.mkdir()
    world = World(open_board(folder / "board.sqlite", clock=clock), runs.resolve())
    for role in EACH:
        accounts.add_account(world.board, OPERATOR, role.value, [role], None)
    accounts.add_account(world.board, OPERATOR, "everything", EACH, None)
    accounts.add_account(world.board, OPERATOR, "off", EACH, None)
    for name in (*EACH, "everything", "off"):
        world.token(name)
        world.session(name)
    accounts.deactivate(world.board, OPERATOR, "off")
    return world
