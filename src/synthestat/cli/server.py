"""The commands that serve a board, and those for its accounts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from synthestat.errors import InputError

if TYPE_CHECKING:
    from synthestat.cycle.database import Board
    from synthestat.cycle.roles import Actor, Role

LOOPBACK = ("127.0.0.1", "::1", "localhost")
RUNS = Path("runs")
screen = Console()
errors = Console(stderr=True)
server_app = typer.Typer(rich_markup_mode=None)
account_app = typer.Typer(
    help="""Accounts of a board: who may sign in, with which roles.

Whoever may open the board's file may change them; nobody can over the web.

Example:  synthestat account add ana --role manager --role human
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)

BoardAddress = Annotated[
    str | None,
    typer.Option(
        "--board",
        help="The board: a file, or postgresql://user@host/name. "
        "Default: $SYNTHESTAT_BOARD, else board.sqlite in the folder of runs.",
        show_default=False,
    ),
]
Name = Annotated[str, typer.Argument(help="Name of the account.")]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role",
        help="manager, modeler, reviewer, marginals-researcher, distribution-researcher, "
        "downloader or human; once for each.",
    ),
]


@server_app.command()
def serve(
    board: BoardAddress = None,
    runs: Annotated[Path, typer.Option(help="Folder of runs, whose pages are shown.")] = RUNS,
    site: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the static site, shown below /site/. "
            "Default: `site` beside the folder of runs, where it is one.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    public: Annotated[
        bool, typer.Option("--public", help="Let whoever is not signed in look, and no more.")
    ] = False,
    https: Annotated[
        bool,
        typer.Option(
            "--https",
            help="A proxy before this server speaks TLS with browsers: cookies are for https "
            "alone, and the proxy's word on the visitor's address is taken.",
        ),
    ] = False,
) -> None:
    """Serve a board: pages and a REST API. Ends with Ctrl-C.

    Listening elsewhere than on this machine needs --https: without TLS, passwords would travel
    readable. The proxy's address, where it is not 127.0.0.1, stands in $FORWARDED_ALLOW_IPS.

    Examples: synthestat serve;  synthestat serve --host 0.0.0.0 --https --public
    """
    if host not in LOOPBACK and not https:
        raise InputError(
            f"listening on {host} without TLS would let others read passwords and tokens",
            remedy="put a proxy that speaks TLS before it and say --https, or leave --host out",
        )
    try:
        import uvicorn

        from synthestat.server.app import create_app
        from synthestat.server.site_pages import where_site_stands
    except ModuleNotFoundError as error:
        raise InputError(
            f"serving needs {error.name}, which is not installed",
            remedy="install the extra: pip install 'synthestat[server]'",
        ) from None
    from synthestat.cycle.accounts import accounts

    site_folder = where_site_stands(site, runs)
    opened = _open(board, runs)
    if not accounts(opened) and not public:
        errors.print(
            "No account can sign in yet: synthestat account add NAME --role manager",
            highlight=False,
        )
    app = create_app(opened, runs=runs, site_folder=site_folder, public=public, https=https)
    errors.print(f"Board    {opened.address}", highlight=False, soft_wrap=True)
    uvicorn.run(app, host=host, port=port, proxy_headers=https, server_header=False)


@account_app.command("add")
def add(
    name: Name,
    role: Roles,
    board: BoardAddress = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For a program: it has tokens alone.")
    ] = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input.

    Examples: synthestat account add ana --role manager --role human;
    synthestat account add robot --role downloader --no-password
    """
    from synthestat.cycle import accounts

    opened, roles = _open(board), _roles(role)
    password = None if no_password else _password(name)
    made = accounts.add_account(opened, _operator(), name, roles, password)
    said = ", ".join(made.roles)
    screen.print(f"Account  {made.name} ({said})", markup=False, highlight=False)
    if no_password:
        screen.print(f"Next     synthestat account token {made.name}", highlight=False)


@account_app.command("password")
def password_(name: Name, board: BoardAddress = None) -> None:
    """Give an account another password, asked for or read from standard input.

    Its sessions end.

    Examples: synthestat account password ana;  pass show ana | synthestat account password ana
    """
    from synthestat.cycle.accounts import set_password

    opened = _open(board)
    set_password(opened, _operator(), name, _password(name))
    screen.print("The password is changed, and sessions ended", highlight=False)


@account_app.command("roles")
def roles_(name: Name, role: Roles, board: BoardAddress = None) -> None:
    """Give an account other roles in place of those it has.

    Example: synthestat account roles ana --role reviewer
    """
    from synthestat.cycle.accounts import set_roles

    made = set_roles(_open(board), _operator(), name, _roles(role))
    screen.print(f"Account  {made.name} ({', '.join(made.roles)})", markup=False, highlight=False)


@account_app.command("off")
def off(name: Name, board: BoardAddress = None) -> None:
    """Let an account in no more, by password or token. What it did stays told.

    Example: synthestat account off ana
    """
    from synthestat.cycle.accounts import deactivate

    deactivate(_open(board), _operator(), name)
    screen.print(f"{name} is off; its sessions and tokens ended", markup=False, highlight=False)


@account_app.command("on")
def on(name: Name, board: BoardAddress = None) -> None:
    """Let an account in again by its password; it needs new tokens.

    Example: synthestat account on ana
    """
    from synthestat.cycle.accounts import reactivate

    reactivate(_open(board), _operator(), name)
    screen.print(f"{name} is on again", markup=False, highlight=False)


@account_app.command("token")
def token(
    name: Name,
    board: BoardAddress = None,
    label: Annotated[str, typer.Option(help="What the token is for.")] = "token",
    end: Annotated[
        int | None, typer.Option("--end", help="End the token of this number instead.")
    ] = None,
) -> None:
    """Make a token for the REST API, shown this once on standard output.

    Examples: synthestat account token robot --label nightly;
    synthestat account token robot --end 3
    """
    from synthestat.cycle import accounts

    opened = _open(board)
    if end is None:
        print_once = accounts.new_token(opened, _operator(), name, label)
        typer.echo(print_once)
        errors.print("Keep it now: it is shown this once", highlight=False)
        return
    own = [
        each.id for each in accounts.tokens(opened) if each.account.casefold() == name.casefold()
    ]
    if end not in own:
        raise InputError(
            f"{name} has no token {end}", faults=map(str, own), remedy="synthestat account list"
        )
    accounts.end_token(opened, _operator(), end)
    screen.print(f"Token {end} lets nobody in any more", highlight=False)


@account_app.command("list")
def list_(board: BoardAddress = None) -> None:
    """List accounts, and the tokens that let somebody in.

    Example: synthestat account list --board runs/board.sqlite
    """
    from synthestat.cycle import accounts

    opened = _open(board)
    known = Table("account", "roles", "state", "signs in by", "made", box=None)
    for each in accounts.accounts(opened):
        how = "password or token" if each.has_password else "token"
        state = "on" if each.active else "off"
        roles = ", ".join(each.roles)
        known.add_row(each.name.replace("[", r"\["), roles, state, how, each.created[:10])
    screen.print(known)
    held = Table("token", "account", "label", "made", "last used", box=None)
    for one in accounts.tokens(opened):
        words = (one.account.replace("[", r"\["), one.label.replace("[", r"\["))
        held.add_row(str(one.id), *words, one.created[:10], one.used[:16] or "never")
    if held.row_count:
        screen.print()
        screen.print(held)


def _open(address: str | None, runs: Path = RUNS) -> Board:
    from synthestat import api

    return api.open_board(address, out=runs)


def _operator() -> Actor:
    from synthestat.cycle.roles import Actor

    return Actor("command line", frozenset())


def _roles(words: list[str]) -> list[Role]:
    from synthestat.cycle.roles import read_role

    return [read_role(word) for word in words]


def _password(name: str) -> str:
    """Ask for a password twice, or read a line of standard input; it is never an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True)
    return asked
