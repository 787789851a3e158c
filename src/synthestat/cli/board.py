"""The commands `board`: looking at tasks and doing them."""

from __future__ import annotations

import getpass
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from synthestat.cli.shown import screen
from synthestat.errors import InputError

if TYPE_CHECKING:
    from synthestat.cycle.database import Board
    from synthestat.cycle.roles import Actor
    from synthestat.cycle.values import Task

COLOURS = {"running": "bold yellow", "ready": "cyan", "done": "green", "blocked": "bold red"}


board_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the tasks of a board, and do them: people and programs by the same rules.\n\n"
    "A task is claimed under a lease, kept by signs of life, and finished with what came of it; "
    "what is kept of that is read from the files.\n\n"
    "Example: synthestat board list;  synthestat board claim 7 --role reviewer",
)

Out = Annotated[Path, typer.Option(help="Folder of the runs; the board lies in it by default.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--board",
        help="The board: a file, or postgresql://user@host/name. "
        "Default: $SYNTHESTAT_BOARD, else OUT/board.sqlite.",
    ),
]
Name = Annotated[str, typer.Option("--as", help="Who acts; default: your name on this machine.")]
Number = Annotated[int, typer.Argument(help="The task's number, as in `board list`.", min=1)]
Lease = Annotated[str, typer.Option(help="The secret that `board claim` told.")]
WIDE, ROLE, OTHERS = 100, 25, 20  # columns: of a terminal that shows roles, of these, of the rest
TASK_ROLES = "modeler, reviewer, marginals researcher, distribution researcher, downloader"
RoleName = Annotated[str, typer.Option("--role", help=f"In which role: {TASK_ROLES}.")]


def open_board(address: str | None, out: Path) -> Board:
    """Open a board that is there, by default that of a folder of runs; InputError where none is."""
    from synthestat import api
    from synthestat.cycle.conduct import default_board

    place = address or default_board(out)
    if "://" not in place and not Path(place).is_file():
        raise InputError(
            f"there is no board at {place}",
            remedy="begin a cycle, which makes one (synthestat cycle XK), or give --out or --board",
        )
    return api.open_board(place)


def _actor(name: str, role: str) -> Actor:
    from synthestat.cycle.roles import Actor

    return Actor.of(name or _user(), role)


def task_table(tasks: list[Task], now: dict[int, str] | None = None) -> Table:
    """Return the tasks as a table of one line each; `now` says what is being done on some.

    A narrow terminal shows no role: most titles tell it.
    """
    wide = screen.width >= WIDE
    table = Table("", "task", *(["role"] if wide else []), "status", "what came of it", box=None)
    table.columns[0].justify = "right"
    taken = OTHERS + max((len(task.title) for task in tasks), default=0) + wide * ROLE
    room = max(screen.width - taken, 10)
    for task in tasks:
        said = (now or {}).get(task.id) or task.summary
        status = f"[{COLOURS.get(task.status, 'dim')}]{task.status}[/]"
        first = said.splitlines()[0] if said else ""
        cells = [str(task.id), plain(task.title), *([task.role.value] if wide else []), status]
        table.add_row(*cells, plain(first if len(first) <= room else first[: room - 1] + "…"))
    return table


def _second(moment: str) -> str:
    """Return a moment of the board without its fraction of a second."""
    return re.sub(r"\.\d+", "", moment)


def plain(text: str) -> str:
    """Return text in which no bracket is markup."""
    return text.replace("[", r"\[")


def _user() -> str:
    return os.environ.get("SYNTHESTAT_NAME") or getpass.getuser()


@board_app.command("list")
def list_tasks(
    out: Out = Path("runs"),
    board: Address = None,
    status: Annotated[
        str | None, typer.Option(help="todo, ready, running, blocked, done or cancelled.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="Those for one role.")] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write them, as JSON, to this file.")
    ] = None,
) -> None:
    """List the tasks of a board, the most urgent first."""
    from synthestat.cycle.queries import tasks
    from synthestat.cycle.roles import read_role
    from synthestat.cycle.values import Status

    if status is not None and status not in list(Status):
        raise InputError(
            f"{status!r} is no status", faults=list(Status), remedy="give one of these"
        )
    wanted = None if role is None else read_role(role).value
    found = tasks(open_board(board, out), status=status, role=wanted)
    if json_path is not None:
        _write(json_path, [vars(task) for task in found])
    screen.print(task_table(found) if found else "no such task")


@board_app.command("show")
def show_task(
    number: Number,
    out: Out = Path("runs"),
    board: Address = None,
    result: Annotated[bool, typer.Option(help="The whole result as well, as JSON.")] = False,
) -> None:
    """Show one task: what is to be done, who tried it, what was said, what came of it."""
    from synthestat.cycle import queries
    from synthestat.cycle.roles import Role
    from synthestat.cycle.values import Status

    where = open_board(board, out)
    task = queries.task(where, number)
    lines = {
        "status": f"{task.status}, priority {task.priority}, version {task.version}",
        "role": task.role.value + (f", {task.assignee}" if task.assignee else ""),
        "after": ", ".join(map(str, task.parents)),
        "before": ", ".join(map(str, queries.children(where, number))),
        "created": _second(task.created),
        "started": _second(task.started or ""),
        "completed": _second(task.completed or ""),
        "summary": task.summary,
        "decisions": "; ".join(task.payload.get("decisions", [])),
    }
    screen.print(f"{task.id}  {plain(task.title)}", style="bold", highlight=False)
    for name, words in lines.items():
        if words:
            screen.print(f"  {name:<10}{plain(words)}", highlight=False, soft_wrap=True)
    if task.body:
        screen.print(f"\n{task.body}\n", markup=False, highlight=False, soft_wrap=True)
    for run in queries.runs(where, number):
        said = f"  {_second(run.started)}  {run.worker}: {run.outcome} {run.error}"
        screen.print(said.rstrip(), markup=False, highlight=False, soft_wrap=True)
    for comment in queries.comments(where, number):
        said = f"  {_second(comment.at)}  {comment.author}: {comment.text}"
        screen.print(said, markup=False, highlight=False, soft_wrap=True)
    if result:
        screen.print(json.dumps(task.result, indent=1, ensure_ascii=False), markup=False)
    if task.status is Status.READY and task.role is Role.HUMAN:
        place = f" --out {out}" if board is None else f" --board {board}"
        ask = f"synthestat board sign-off {number}{place} --decision '...' --reason '...'"
        screen.print(f"Next     {ask}", markup=False, highlight=False, soft_wrap=True)


@board_app.command("add")
def add_task(
    title: Annotated[str, typer.Argument(help="What is to be done, in one line.")],
    role: Annotated[str, typer.Option(help=f"Who is to do it: {TASK_ROLES}, human.")],
    body: Annotated[str, typer.Option(help="All that needs to be known.")] = "",
    after: Annotated[list[int] | None, typer.Option(help="Tasks that must be done before.")] = None,
    priority: Annotated[int, typer.Option(help="The higher, the sooner.")] = 0,
    assignee: Annotated[str, typer.Option(help="Who alone may take it.")] = "",
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Make a task of your own, as a manager."""
    from synthestat.cycle.board import create_task
    from synthestat.cycle.roles import read_role
    from synthestat.cycle.values import NewTask

    new = NewTask(
        *("other", title, read_role(role), body),
        assignee=assignee,
        priority=priority,
        parents=tuple(after or ()),
    )
    made = create_task(open_board(board, out), _actor(name, "manager"), new)
    screen.print(f"task {made.id} is {made.status}", highlight=False)


@board_app.command("claim")
def claim_task(
    role: RoleName,
    number: Annotated[
        int | None, typer.Argument(help="The task's number; default: the next one ready.")
    ] = None,
    hours: Annotated[float, typer.Option(help="How long it is yours without a sign of life.")] = 8,
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Take a task. Prints the lease by which you keep and finish it.

    Example: synthestat board claim 7 --role "marginals researcher"
    """
    from synthestat.cycle.board import claim

    actor = _actor(name, role)
    held = claim(open_board(board, out), actor, number, lease=hours * 3600)
    if held is None:
        screen.print(f"no task is ready for the {role}")
        raise typer.Exit(1)
    task = held.task
    screen.print(f"{task.id}  {plain(task.title)}\n", style="bold", highlight=False)
    screen.print(task.body, markup=False, highlight=False, soft_wrap=True)
    screen.print(f"\nLease    {held.lease}   until {held.until}", highlight=False, soft_wrap=True)
    own = f"--as {actor.name} --role '{role}' --out {out} --lease {held.lease}"
    screen.print(
        f"Next     synthestat board finish {task.id} {own} --summary ...",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@board_app.command("keep")
def keep_task(
    number: Number,
    lease: Lease,
    role: RoleName,
    hours: Annotated[float, typer.Option(help="How much longer it is yours.")] = 8,
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Give a sign of life for a task you hold."""
    from synthestat.cycle.board import keep

    until = keep(open_board(board, out), _actor(name, role), number, lease, seconds=hours * 3600)
    screen.print(f"task {number} is yours until {until}", highlight=False)


@board_app.command("finish")
def finish_task(
    number: Number,
    lease: Lease,
    role: RoleName,
    summary: Annotated[str, typer.Option(help="What came of it, in a sentence.")],
    result: Annotated[
        str,
        typer.Option(help='A JSON object, or @FILE: {"run_id": "..."} of a build.'),
    ] = "{}",
    bring: Annotated[
        Path | None,
        typer.Option(help="A folder with pack/ and snapshots/ that is taken in, if it is sound."),
    ] = None,
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Finish a task you hold. A review needs no result: its record beside the run is read.

    Example: synthestat board finish 4 --role modeler --lease ... --result '{"run_id": "xk_..."}'
    """
    from synthestat.cycle import conduct
    from synthestat.cycle.intake import brought_from

    where, actor = open_board(board, out), _actor(name, role)
    said = _json_object(result)
    if bring is not None:
        pack = conduct.bring(where, actor, number, lease, brought_from(bring))
        said["pack"] = str(pack.folder)
        screen.print(f"taken in: {pack.folder}", soft_wrap=True, highlight=False)
    task = conduct.finish(where, actor, number, lease, said, summary)
    screen.print(f"task {task.id} is {task.status}: {plain(task.summary)}", highlight=False)


def _json_object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise InputError(f"--result is not JSON: {error}", remedy="give an object") from None
    if not isinstance(said, dict):
        raise InputError("--result is no JSON object", remedy='give {"name": value}')
    return said


@board_app.command("fail")
def fail_task(
    number: Number,
    lease: Lease,
    role: RoleName,
    why: Annotated[str, typer.Option(help="What went wrong.")],
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Say that your try at a task failed; it is ready again, or blocked after the third."""
    from synthestat.cycle.board import fail

    task = fail(open_board(board, out), _actor(name, role), number, lease, why)
    screen.print(f"task {number} is {task.status}", highlight=False)


@board_app.command("give-back")
def give_back_task(
    number: Number,
    lease: Lease,
    role: RoleName,
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Return a task you hold, untried."""
    from synthestat.cycle.board import give_back

    task = give_back(open_board(board, out), _actor(name, role), number, lease)
    screen.print(f"task {number} is {task.status}", highlight=False)


@board_app.command("comment")
def comment_task(
    number: Number,
    text: Annotated[str, typer.Argument(help="What you have to say.")],
    role: Annotated[str, typer.Option(help="In which role.")] = "human",
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Say something about a task."""
    from synthestat.cycle.board import comment

    comment(open_board(board, out), _actor(name, role), number, text)
    screen.print(f"said about task {number}", highlight=False)


@board_app.command("sign-off")
def sign_off_task(
    number: Number,
    decision: Annotated[str, typer.Option(help="One of the decisions that the task offers.")],
    reason: Annotated[str, typer.Option(help="Why: it is recorded with your name and the time.")],
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Decide, as a person, what a cycle waits for.

    Example: synthestat board sign-off 13 --decision "accept with its limits" --reason "..."
    """
    from synthestat.cycle.board import sign_off
    from synthestat.cycle.process import follow

    task = sign_off(
        *(open_board(board, out), _actor(name, "human"), number, decision, reason), follow=follow
    )
    screen.print(f"task {number} is {task.status}: {plain(task.summary)}", highlight=False)


@board_app.command("block")
def block_task(
    number: Number,
    why: Annotated[str, typer.Option(help="Why nobody is to take it.")],
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """Keep a task from being taken, as a manager; `board ready` lets it go on."""
    from synthestat.cycle.board import block

    block(open_board(board, out), _actor(name, "manager"), number, why)
    screen.print(f"task {number} is blocked", highlight=False)


@board_app.command("ready")
def ready_task(
    number: Number, name: Name = "", out: Out = Path("runs"), board: Address = None
) -> None:
    """Let a blocked task go on, as a manager."""
    from synthestat.cycle.board import unblock

    task = unblock(open_board(board, out), _actor(name, "manager"), number)
    screen.print(f"task {number} is {task.status}", highlight=False)


@board_app.command("cancel")
def cancel_task(
    number: Number,
    why: Annotated[str, typer.Option(help="Why it is not to be done.")],
    name: Name = "",
    out: Out = Path("runs"),
    board: Address = None,
) -> None:
    """End a task undone, and those that wait for it, as a manager."""
    from synthestat.cycle.board import cancel

    cancel(open_board(board, out), _actor(name, "manager"), number, why)
    screen.print(f"task {number} is cancelled", highlight=False)


@board_app.command("audit")
def audit_board(
    out: Out = Path("runs"),
    board: Address = None,
    expect: Annotated[
        str | None, typer.Option(help="A hash that was kept elsewhere: the log must hold it.")
    ] = None,
) -> None:
    """Recompute the chain of events and replay it against the tables; exits with 1 on a fault.

    Keep the hash that it prints elsewhere: with --expect it shows a log that was written anew.
    """
    from synthestat.cycle.events import audit

    found = audit(open_board(board, out), expect=expect)
    for fault in found.faults:
        screen.print(fault, markup=False, highlight=False, style="red", soft_wrap=True)
    said = "the log and the tables are as they were left" if not found.faults else "NOT SOUND"
    screen.print(f"{found.events:,} events, hash {found.hash}", highlight=False, soft_wrap=True)
    screen.print(said, highlight=False)
    if found.faults:
        raise typer.Exit(1)


def _write(path: Path, document: object) -> None:
    """Write JSON; InputError where the place cannot take it."""
    try:
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}", remedy="give another file"
        ) from None
