"""Accounts and tokens of a board: who is who when a board is served.

Passwords are kept as argon2id hashes, tokens as SHA-256; a token's text is told once, when it is
made. A session of the server is a token with the label `session`, which ends by itself. Who may
open the board's file may change accounts: so they are for the command line, and not for the web.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from synthestat.cycle.database import Board, changing, moment, reading
from synthestat.cycle.events import Change, Row, change
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.schema import ACCOUNTS, TOKENS
from synthestat.errors import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SESSION = "session"
SESSION_HOURS = 12.0  # of one sign-in: assumption, a working day
SHORTEST, LONGEST = 12, 1024  # characters of a password: assumption, OWASP asks for 8 or more
LONGEST_NAME = 80  # assumption
USED_EVERY = 600.0  # seconds between two notes of a token's use: assumption
PREFIX = "synthestat_"
"""How a token begins, so that one that leaked can be searched for."""
RESERVED = ("board", "process", "public", "command line")
"""Names by which the board's own changes are known; `built-in ...` are its workers'."""


@dataclass(frozen=True)
class Account:
    """Somebody known to a board. `has_password` is False where tokens alone let it in."""

    id: int
    name: str
    roles: tuple[Role, ...]
    active: bool
    has_password: bool
    created: str


@dataclass(frozen=True)
class Token:
    """A token, without its text. `used` is to the nearest ten minutes, "" where never."""

    id: int
    account: str
    label: str
    active: bool
    created: str
    used: str


# Changes ----------------------------------------------------------------------------------------


def add_account(
    board: Board, actor: Actor, name: str, roles: Iterable[Role], password: str | None
) -> Account:
    """Make an account; without a password it can sign in by tokens alone."""
    name, kept = _name(name), _roles(roles)
    hashed = "" if password is None else _hashed(password)
    with change(board) as made:
        if any(_same(row["name"], name) for row in made.rows(ACCOUNTS)):
            raise ConflictError(f"there is an account {name} already")
        row: Row = {
            "id": made.new_id(ACCOUNTS),
            "name": name,
            "roles": kept,
            "password": hashed,
            "active": 1,
            "created": made.at,
        }
        made.record(actor.name, "add account", None, {"accounts": [row]})
    return _account(row)


def set_password(board: Board, actor: Actor, name: str, password: str) -> None:
    """Give an account another password, which ends its sessions; its tokens stay."""
    hashed = _hashed(password)
    with change(board) as made:
        row = _row(made, name)
        ended = _ended(made, row, TOKENS.c.label == SESSION)
        rows = {"accounts": [{**row, "password": hashed}], **ended}
        made.record(actor.name, "set password", None, rows)


def set_roles(board: Board, actor: Actor, name: str, roles: Iterable[Role]) -> Account:
    """Give an account other roles, which hold at once."""
    kept = _roles(roles)
    with change(board) as made:
        row = {**_row(made, name), "roles": kept}
        made.record(actor.name, "set roles", None, {"accounts": [row]})
    return _account(row)


def deactivate(board: Board, actor: Actor, name: str) -> None:
    """Let an account in no more, by password or token; what it did stays told as its own."""
    with change(board) as made:
        row = _row(made, name)
        rows = {"accounts": [{**row, "active": 0}], **_ended(made, row)}
        made.record(actor.name, "deactivate account", None, rows)


def reactivate(board: Board, actor: Actor, name: str) -> None:
    """Let an account in again by its password; its tokens stay ended."""
    with change(board) as made:
        row = {**_row(made, name), "active": 1}
        made.record(actor.name, "reactivate account", None, {"accounts": [row]})


def new_token(board: Board, actor: Actor, name: str, label: str) -> str:
    """Make a token for an account; return its text, which is kept nowhere."""
    label = _plain(label, "a label")
    if label == SESSION:
        raise InputError("the label session is kept for who signs in", remedy="give another label")
    return _new_token(board, actor, name, label)


def end_token(board: Board, actor: Actor, token_id: int) -> None:
    """Let nobody in by this token any more."""
    with change(board) as made:
        found = made.rows(TOKENS, TOKENS.c.id == token_id)
        if not found:
            raise NotFoundError(f"there is no token {token_id}", remedy="synthestat account list")
        made.record(actor.name, "end token", None, {"tokens": [{**found[0], "active": 0}]})


# Signing in -------------------------------------------------------------------------------------


def sign_in(board: Board, name: str, password: str) -> Actor | None:
    """Return who has this name and password, None where nobody; it takes as long for both.

    A hash of weaker settings than those of today is made anew.
    """
    hasher = _hasher()
    from argon2.exceptions import InvalidHashError, VerificationError

    with reading(board) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(ACCOUNTS)).mappings()]
    found = next((r for r in rows if _same(r["name"], name) and r["active"]), None)
    held = found["password"] if found else ""
    try:
        hasher.verify(held or _nobody(), _said(password))
    except (VerificationError, InvalidHashError):
        return None
    if found is None or not held:
        return None
    actor = _actor(found)
    if hasher.check_needs_rehash(held):
        with change(board) as made:
            row = {**_row(made, found["name"]), "password": hasher.hash(_said(password))}
            made.record(actor.name, "renew hash", None, {"accounts": [row]})
    return actor


def begin_session(board: Board, actor: Actor) -> str:
    """Return the secret of a new session of somebody who signed in."""
    return _new_token(board, actor, actor.name, SESSION)


def end_session(board: Board, actor: Actor, secret: str) -> None:
    """End a session; nothing happens where it is none."""
    with change(board) as made:
        here = (TOKENS.c.digest == _digest(secret), TOKENS.c.label == SESSION)
        for row in made.rows(TOKENS, *here, TOKENS.c.active == 1):
            made.record(actor.name, "sign out", None, {"tokens": [{**row, "active": 0}]})


def actor_of_token(board: Board, secret: str, *, session: bool = False) -> Actor | None:
    """Return whose token (or session) this is, None where nobody's, or not any more."""
    query = (
        sa.select(ACCOUNTS, TOKENS.c.id.label("token"), TOKENS.c.created.label("since"))
        .add_columns(TOKENS.c.used, TOKENS.c.label)
        .join(TOKENS, TOKENS.c.account_id == ACCOUNTS.c.id)
        .where(TOKENS.c.digest == _digest(secret), TOKENS.c.active == 1, ACCOUNTS.c.active == 1)
    )
    with reading(board) as connection:
        row = connection.execute(query).mappings().first()
    if row is None or (row["label"] == SESSION) != session:
        return None
    at = board.clock()
    if session and _since(row["since"], at) > timedelta(hours=SESSION_HOURS):
        return None
    if not row["used"] or _since(row["used"], at) > timedelta(seconds=USED_EVERY):
        with changing(board) as (connection, _, _):
            used = sa.update(TOKENS).where(TOKENS.c.id == row["token"])
            connection.execute(used.values(used=moment(at)))
    return _actor(row)


# Looking ----------------------------------------------------------------------------------------


def accounts(board: Board) -> list[Account]:
    """Return every account, by name."""
    with reading(board) as connection:
        rows = connection.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.name)).mappings()
        return [_account(row) for row in rows]


def tokens(board: Board, *, sessions: bool = False) -> list[Token]:
    """Return every token that lets somebody in; those of sessions only where asked for."""
    query = sa.select(TOKENS, ACCOUNTS.c.name).join(ACCOUNTS).where(TOKENS.c.active == 1)
    query = query if sessions else query.where(TOKENS.c.label != SESSION)
    with reading(board) as connection:
        return [
            Token(r["id"], r["name"], r["label"], bool(r["active"]), r["created"], r["used"])
            for r in connection.execute(query.order_by(TOKENS.c.id)).mappings()
        ]


# Parts ------------------------------------------------------------------------------------------


def _new_token(board: Board, actor: Actor, name: str, label: str) -> str:
    secret = PREFIX + secrets.token_urlsafe(32)
    with change(board) as made:
        account = _row(made, name)
        if not account["active"]:
            raise ConflictError(f"the account {account['name']} is off")
        row: Row = {
            "id": made.new_id(TOKENS),
            "account_id": account["id"],
            "digest": _digest(secret),
            "label": label,
            "active": 1,
            "created": made.at,
            "used": "",
        }
        action = "sign in" if label == SESSION else "new token"
        made.record(actor.name, action, None, {"tokens": [row]})
    return secret


def _row(made: Change, name: str) -> Row:
    for row in made.rows(ACCOUNTS):
        if _same(row["name"], name):
            return row
    raise NotFoundError(f"there is no account {name}", remedy="synthestat account list")


def _ended(made: Change, account: Row, *which: sa.ColumnElement[bool]) -> dict[str, list[Row]]:
    own = (TOKENS.c.account_id == account["id"], TOKENS.c.active == 1)
    rows = [{**row, "active": 0} for row in made.rows(TOKENS, *own, *which)]
    return {"tokens": rows} if rows else {}


def _actor(row: sa.RowMapping | Row) -> Actor:
    return Actor.of(row["name"], *row["roles"])


def _account(row: sa.RowMapping | Row) -> Account:
    roles = tuple(Role(role) for role in row["roles"])
    has = bool(row["password"])
    return Account(row["id"], row["name"], roles, bool(row["active"]), has, row["created"])


def _roles(roles: Iterable[Role]) -> list[str]:
    kept = set(roles) - {Role.PUBLIC}
    if not kept:
        raise InputError("an account needs a role", faults=[r for r in Role if r != Role.PUBLIC])
    return [role.value for role in Role if role in kept]


def _plain(text: str, what: str) -> str:
    """Return text of one line, in one spelling; InputError where it could mislead a reader."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    if any(unicodedata.category(sign)[0] == "C" for sign in text):
        raise InputError(f"{what} holds a sign that cannot be seen")
    if not 0 < len(text) <= LONGEST_NAME:
        raise InputError(f"{what} has 1 to {LONGEST_NAME} characters")
    return text


def _name(name: str) -> str:
    name = _plain(name, "a name")
    if name.casefold() in RESERVED or name.casefold().startswith("built-in"):
        raise InputError(
            f"{name} is a name of the board's own", remedy="give another, such as a person's"
        )
    return name


def _same(held: str, given: str) -> bool:
    """Tell whether two names are of one account: case and spelling of signs tell none apart."""
    return held.casefold() == unicodedata.normalize("NFC", " ".join(given.split())).casefold()


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"the password has {len(password)} characters",
            remedy=f"give one of {SHORTEST} to {LONGEST}",
        )
    return _hasher().hash(_said(password))


def _said(password: str) -> bytes:
    """Return what is hashed of a password: the same, however a keyboard composes its signs."""
    return unicodedata.normalize("NFKC", password[: LONGEST + 1]).encode("utf-8", "replace")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _since(text: str, at: datetime) -> timedelta:
    return at - datetime.fromisoformat(text)


@cache
def _hasher() -> PasswordHasher:
    """Return argon2id with the settings of RFC 9106 for memory that is not plentiful."""
    try:
        from argon2 import PasswordHasher
        from argon2.profiles import RFC_9106_LOW_MEMORY
    except ModuleNotFoundError:
        raise InputError(
            "passwords need argon2, which is not installed",
            remedy="install the extra: pip install 'synthestat[server]'",
        ) from None
    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _nobody() -> str:
    """Return a hash that is nobody's, to be compared with where a name is unknown."""
    return _hasher().hash(secrets.token_urlsafe(32))
