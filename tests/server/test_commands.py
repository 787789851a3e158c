"""The commands for accounts and serving, and the page of docs that tells of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthestat.cli import app
from synthestat.cli.server import account_app, server_app
from synthestat.cycle.accounts import actor_of_token, sign_in
from synthestat.cycle.database import open_board
from synthestat.cycle.events import audit
from synthestat.cycle.roles import RIGHTS, Action, Actor, Role
from synthestat.errors import ConflictError, InputError, NotFoundError, RightsError
from synthestat.site.site_files import MARK

DOCS = Path(__file__).parents[2] / "docs" / "server.md"
PASSWORD = "correct horse battery"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the board is that the commands take by default."""
    monkeypatch.setenv("SYNTHESTAT_BOARD", str(tmp_path / "board.sqlite"))
    return tmp_path / "board.sqlite"


def account(*words: str, given: str = "") -> str:
    done = CliRunner().invoke(account_app, words, input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_account_from_first_to_last(place: Path) -> None:
    account("add", "Ana", "--role", "manager", "--role", "human", given=PASSWORD + "\n")
    board = open_board(place)
    assert sign_in(board, "ana", PASSWORD) == Actor.of("Ana", "manager", "human")
    account("password", "ana", given="another long one\n")
    assert sign_in(board, "ana", PASSWORD) is None
    account("roles", "ana", "--role", "marginals-researcher")
    assert sign_in(board, "ana", "another long one") == Actor.of("Ana", "marginals researcher")
    secret = account("token", "ana", "--label", "nightly").strip().splitlines()[0]
    assert actor_of_token(board, secret) is not None
    listed = account("list")
    assert "nightly" in listed
    assert secret not in listed
    account("token", "ana", "--end", "1")
    assert actor_of_token(board, secret) is None
    account("off", "ana")
    assert sign_in(board, "ana", "another long one") is None
    account("on", "ana")
    assert sign_in(board, "ana", "another long one") is not None
    assert audit(board).faults == ()


def test_mistakes_are_told(place: Path) -> None:
    account("add", "robot", "--role", "downloader", "--no-password")
    for words, given, error in (
        (("add", "robot", "--role", "human", "--no-password"), "", ConflictError),
        (("add", "Ben", "--role", "king", "--no-password"), "", RightsError),
        (("add", "Ben", "--role", "human"), "short\n", InputError),
        (("add", "Ben", "--role", "human"), "", InputError),
        (("token", "Ben"), "", NotFoundError),
        (("token", "robot", "--end", "7"), "", InputError),
        (("off", "Ben"), "", NotFoundError),
    ):
        with pytest.raises(error):
            account(*words, given=given)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "board.example"])
def test_serving_others_without_tls_is_refused(place: Path, host: str) -> None:
    done = CliRunner().invoke(server_app, ["--host", host])
    assert isinstance(done.exception, InputError)
    assert "without TLS" in str(done.exception)
    assert not place.exists()


@pytest.mark.parametrize(
    ("words", "host", "proxied", "public"),
    [
        ([], "127.0.0.1", False, False),
        (["--host", "0.0.0.0", "--https", "--public"], "0.0.0.0", True, True),
    ],
)
def test_how_a_board_is_served(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    host: str,
    proxied: bool,
    public: bool,
) -> None:
    import uvicorn

    served = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **how: served.update(how, app=app))
    done = CliRunner().invoke(server_app, [*words, "--runs", str(place.parent / "runs")])
    assert done.exit_code == 0, done.output
    assert (served["host"], served["port"], served["proxy_headers"]) == (host, 8000, proxied)
    site = served["app"].state.site
    assert (site.https, site.public) == (proxied, public)
    assert site.runs == place.parent / "runs"
    assert site.pages == place.parent / "site"
    assert not site.has_pages


def test_a_site_to_serve_must_be_one_of_ours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn

    served = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **how: served.update(how, app=app))
    folder = place.parent / "elsewhere"
    folder.mkdir()
    done = CliRunner().invoke(server_app, ["--site", str(folder)])
    assert isinstance(done.exception, InputError)
    assert "no site of Synthestat" in str(done.exception)
    assert not served
    (folder / MARK).write_text("{}")
    done = CliRunner().invoke(server_app, ["--site", str(folder)])
    assert done.exit_code == 0, done.output
    assert served["app"].state.site.pages == folder


@pytest.mark.parametrize("words", ["serve", "account", "account add", "account token"])
def test_help_teaches_by_example(words: str) -> None:
    done = CliRunner().invoke(app, [*words.split(), "--help"])
    assert done.exit_code == 0
    assert re.search(r"Examples?: +synthestat ", done.output)


def test_the_table_of_rights_in_the_docs_is_the_one_that_holds() -> None:
    text = DOCS.read_text("utf-8")
    lines = text[text.index("| | manager |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    roles = [Role(word) for word in rows[0][1:]]
    assert set(roles) == set(Role)
    told = {
        Action(row[0]): {role for role, word in zip(roles, row[1:], strict=True) if word == "yes"}
        for row in rows[2:]
    }
    assert told == {action: set(may) for action, may in RIGHTS.items()}
    assert [row[-1] for row in rows[2:] if row[0] == "view"] == ["with `--public`"]


def test_every_address_in_the_docs_is_one_of_the_api(tmp_path: Path) -> None:
    from synthestat.server.app import create_app

    known = create_app(open_board(tmp_path / "board.sqlite")).openapi()["paths"]
    shown = re.findall(r'\$api/([a-z0-9/-]+)|"\$api/([a-z]+)\?', DOCS.read_text("utf-8"))
    paths = {re.sub(r"/\d+", "/{task_id}", one or other) for one, other in shown}
    assert len(paths) >= 6
    assert {f"/api/v1/{path}" for path in paths} <= set(known)
