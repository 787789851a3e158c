"""Accounts and tokens: who is let in, what the log keeps of it, and what it never does."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import sqlalchemy as sa

from synthestat.cycle import accounts
from synthestat.cycle.accounts import (
    SESSION_HOURS,
    actor_of_token,
    add_account,
    begin_session,
    deactivate,
    end_session,
    end_token,
    new_token,
    reactivate,
    set_password,
    set_roles,
    sign_in,
    tokens,
)
from synthestat.cycle.database import Board, reading
from synthestat.cycle.events import audit
from synthestat.cycle.queries import events
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.schema import ACCOUNTS, TOKENS
from synthestat.errors import ConflictError, InputError, NotFoundError

OPERATOR = Actor("command line", frozenset())
PASSWORD = "correct horse battery"
ANA = Actor("Ana", frozenset({Role.MANAGER}))


@pytest.fixture
def ana(board: Board) -> Board:
    """A board on which Ana has an account."""
    add_account(board, OPERATOR, "Ana", [Role.MANAGER], PASSWORD)
    return board


def test_name_and_password_let_in_and_nothing_else_does(ana: Board) -> None:
    assert sign_in(ana, "Ana", PASSWORD) == ANA
    assert sign_in(ana, " ana ", PASSWORD) == ANA
    for name, password in (
        ("Ana", PASSWORD + " "),
        ("Ana", ""),
        ("Ana", "x" * 5000),
        ("Ana", "\ud800"),
        ("Ben", PASSWORD),
        ("", PASSWORD),
        ("\0", PASSWORD),
    ):
        assert sign_in(ana, name, password) is None


def test_an_unknown_name_costs_as_much_as_a_wrong_password(
    ana: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is counted, not the clock: each attempt verifies one hash of today's settings."""
    real, asked = accounts._hasher(), []

    class Counting:
        def verify(self, held: str, password: bytes) -> bool:
            asked.append(held)
            return real.verify(held, password)

        def check_needs_rehash(self, held: str) -> bool:
            return real.check_needs_rehash(held)

    accounts._nobody()
    monkeypatch.setattr(accounts, "_hasher", Counting)
    add_account(ana, OPERATOR, "robot", [Role.DOWNLOADER], None)
    for name in ("Ana", "nobody", "robot"):
        assert sign_in(ana, name, "a wrong password") is None
    assert len(asked) == 3
    assert len({held.rpartition("$")[0].rpartition("$")[0] for held in asked}) == 1


def test_an_account_without_a_password_is_let_in_by_tokens_alone(board: Board) -> None:
    add_account(board, OPERATOR, "robot", [Role.DOWNLOADER], None)
    assert sign_in(board, "robot", "") is None
    secret = new_token(board, OPERATOR, "robot", "nightly")
    assert actor_of_token(board, secret) == Actor("robot", frozenset({Role.DOWNLOADER}))
    assert [(t.account, t.label) for t in tokens(board)] == [("robot", "nightly")]


def test_a_hash_of_weaker_settings_is_made_anew(ana: Board) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with ana.engine.begin() as connection:
        connection.execute(sa.update(ACCOUNTS).values(password=weak))
    assert sign_in(ana, "Ana", PASSWORD) == ANA
    with reading(ana) as connection:
        held = connection.execute(sa.select(ACCOUNTS.c.password)).scalar()
    assert held is not None
    assert "m=65536,t=3" in held
    assert sign_in(ana, "Ana", PASSWORD) == ANA
    assert audit(ana).faults == ()


def test_a_deactivated_account_is_let_in_by_nothing(ana: Board) -> None:
    token, session = new_token(ana, OPERATOR, "Ana", "x"), begin_session(ana, ANA)
    deactivate(ana, OPERATOR, "ANA")
    assert sign_in(ana, "Ana", PASSWORD) is None
    assert actor_of_token(ana, token) is None
    assert actor_of_token(ana, session, session=True) is None
    with pytest.raises(ConflictError, match="off"):
        new_token(ana, OPERATOR, "Ana", "x")
    reactivate(ana, OPERATOR, "Ana")
    assert sign_in(ana, "Ana", PASSWORD) == ANA
    assert actor_of_token(ana, token) is None
    assert audit(ana).faults == ()


def test_another_password_ends_sessions_and_leaves_tokens(ana: Board) -> None:
    token, session = new_token(ana, OPERATOR, "Ana", "x"), begin_session(ana, ANA)
    set_password(ana, OPERATOR, "Ana", "another long password")
    assert sign_in(ana, "Ana", PASSWORD) is None
    assert actor_of_token(ana, session, session=True) is None
    assert actor_of_token(ana, token) == ANA


def test_a_token_ends(ana: Board) -> None:
    secret = new_token(ana, OPERATOR, "Ana", "x")
    (held,) = tokens(ana)
    end_token(ana, OPERATOR, held.id)
    assert actor_of_token(ana, secret) is None
    assert tokens(ana) == []
    with pytest.raises(NotFoundError):
        end_token(ana, OPERATOR, 99)


def test_a_session_ends_by_itself_and_by_signing_out(ana: Board, clock: Any) -> None:
    first, second = begin_session(ana, ANA), begin_session(ana, ANA)
    token = new_token(ana, OPERATOR, "Ana", "x")
    end_session(ana, ANA, first)
    end_session(ana, ANA, token)  # no session: nothing happens
    assert actor_of_token(ana, first, session=True) is None
    assert actor_of_token(ana, second, session=True) == ANA
    clock.forward(SESSION_HOURS * 3600 + 1)
    assert actor_of_token(ana, second, session=True) is None
    assert actor_of_token(ana, token) == ANA


def test_a_session_is_no_token_and_a_token_no_session(ana: Board) -> None:
    assert actor_of_token(ana, begin_session(ana, ANA)) is None
    assert actor_of_token(ana, new_token(ana, OPERATOR, "Ana", "x"), session=True) is None
    with pytest.raises(InputError, match="session"):
        new_token(ana, OPERATOR, "Ana", "session")


def test_the_use_of_a_token_is_noted_now_and_then(ana: Board, clock: Any) -> None:
    secret = new_token(ana, OPERATOR, "Ana", "x")
    assert tokens(ana)[0].used == ""
    used = []
    for seconds in (0, 60, 700):
        clock.forward(seconds)
        actor_of_token(ana, secret)
        used.append(tokens(ana)[0].used)
    assert used[0] == used[1] < used[2]
    assert audit(ana).faults == ()


def test_no_secret_is_kept_or_logged(ana: Board) -> None:
    token, session = new_token(ana, OPERATOR, "Ana", "x"), begin_session(ana, ANA)
    with reading(ana) as connection:
        hashed = connection.execute(sa.select(ACCOUNTS.c.password)).scalar()
        digests = list(connection.execute(sa.select(TOKENS.c.digest)).scalars())
    assert set(digests) == {hashlib.sha256(s.encode()).hexdigest() for s in (token, session)}
    told = json.dumps([dict(event.data) for event in events(ana)])
    for secret in (token, session, PASSWORD, hashed, *digests):
        assert secret not in told


def test_every_change_is_in_the_log(ana: Board) -> None:
    set_roles(ana, OPERATOR, "Ana", [Role.HUMAN, Role.REVIEWER])
    session = begin_session(ana, ANA)
    end_session(ana, ANA, session)
    said = [(event.actor, event.action) for event in events(ana)]
    assert said == [
        ("command line", "add account"),
        ("command line", "set roles"),
        ("Ana", "sign in"),
        ("Ana", "sign out"),
    ]
    assert audit(ana).faults == ()
    with ana.engine.begin() as connection:
        connection.execute(sa.update(ACCOUNTS).values(roles=["manager"]))
    assert audit(ana).faults == ("accounts 1 was changed without an event: roles",)


@pytest.mark.parametrize(
    "name", ["", " ", "board", "Public", "built-in modeler", "x" * 81, "a\u202eb", "a\0b"]
)
def test_names_that_would_mislead_are_refused(board: Board, name: str) -> None:
    with pytest.raises(InputError):
        add_account(board, OPERATOR, name, [Role.HUMAN], None)


def test_what_an_account_needs(ana: Board) -> None:
    with pytest.raises(ConflictError, match="already"):
        add_account(ana, OPERATOR, "ANA ", [Role.HUMAN], None)
    for roles in ([], [Role.PUBLIC]):
        with pytest.raises(InputError, match="role"):
            add_account(ana, OPERATOR, "Ben", roles, None)
    for password in ("short", "x" * 1025):
        with pytest.raises(InputError, match="characters"):
            add_account(ana, OPERATOR, "Ben", [Role.HUMAN], password)
    with pytest.raises(NotFoundError):
        set_roles(ana, OPERATOR, "Ben", [Role.HUMAN])
    with pytest.raises(InputError, match="cannot be seen"):
        new_token(ana, OPERATOR, "Ana", "a\u200fb")
    assert [each.name for each in accounts.accounts(ana)] == ["Ana"]
