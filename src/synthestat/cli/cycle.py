"""The command `cycle`: a country's course to its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from typer.core import TyperGroup

from synthestat.cli.board import Address, Out, open_board, plain, task_table
from synthestat.cli.shown import errors, print_status, screen, write_site

if TYPE_CHECKING:
    from synthestat.cycle.conduct import Heard
    from synthestat.cycle.database import Board
    from synthestat.cycle.values import Cycle, Task


class CountryFirst(TyperGroup):
    """A group whose first word may be left out: `cycle XK` is `cycle run XK`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take a word that is no command for a country."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


cycle_app = typer.Typer(
    cls=CountryFirst,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Take a country round, build and review, until its verdict passes or a person decides.\n\n"
    "Example: synthestat cycle XK;  synthestat cycle status",
)


@cycle_app.command("run")
def run_cycles(
    country: Annotated[list[str], typer.Argument(help="Country codes or pack folders.")],
    out: Out = Path("runs"),
    board: Address = None,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 420987,
    shelf: Annotated[
        Path | None,
        typer.Option(help="Folder of offers: evidence that lies ready for the researchers."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Threads; default all processors. Never changes a result.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Folder of the site; default: beside OUT.")
    ] = None,
    boundaries: Annotated[
        list[Path] | None, typer.Option(help="GeoJSON of zone polygons for the site's maps.")
    ] = None,
) -> None:
    """Run each country's cycle to its verdict, with a live view, and write the site of all runs.

    What was interrupted goes on where it was. A cycle that waits for a person is shown, not begun
    again; with other inputs (pack, seed, engine) a new one begins. Exits with 1 if the last review
    of a country found a claim false.

    Example: synthestat cycle XK LU
    """
    from synthestat import api
    from synthestat.packs.pack import find_pack
    from synthestat.site.site_files import refuse_foreign

    site_folder = site or out.resolve().parent / "site"
    refuse_foreign(site_folder)  # before building, not after it
    for name in country:
        find_pack(name)  # a wrong name stops all, and at once
    where = api.open_board(board, out=out)
    ended = []
    for name in country:
        with _view(where) as heard:
            cycle = api.cycle(
                *(name,), seed=seed, out=out, board=where, shelf=shelf, workers=workers, heard=heard
            )
        ended.append(cycle)
        print_cycle(where, cycle)
    false = [print_end(where, cycle, out, board) for cycle in ended]
    screen.print()
    write_site(out, site_folder, boundaries or [])
    if any(false):
        raise typer.Exit(1)


@contextmanager
def _view(board: Board) -> Iterator[Heard]:
    """Show the tasks of a cycle while it runs: live in a terminal, else one line a step."""
    from synthestat.cycle.conduct import by_id

    spoken: set[tuple[int, str]] = set()
    if not errors.is_terminal:

        def say(task: Task, step: str, _done: int, _of: int) -> None:
            if step and step != "starting" and (task.id, step) not in spoken:
                spoken.add((task.id, step))
                errors.print(f"task {task.id}, {task.title}: {step}", highlight=False)

        yield say
        return
    with Live(console=errors, refresh_per_second=8, transient=True) as live:
        held: dict[str, list[Task]] = {"tasks": []}

        def draw(task: Task, step: str, done: int, of: int) -> None:
            if (step in ("", "starting") or not held["tasks"]) and task.cycle_id is not None:
                held["tasks"] = by_id(board, task.cycle_id)
            now = f"{step} {done:,} of {of:,}" if of > 1 else step
            live.update(task_table(held["tasks"], {task.id: now}))

        yield draw


def print_cycle(board: Board, cycle: Cycle) -> None:
    """Print a cycle's tasks."""
    from synthestat.cycle.conduct import by_id

    screen.print(f"\n{cycle.country}: cycle {cycle.id}", highlight=False, style="bold")
    screen.print(task_table(by_id(board, cycle.id)))


def print_end(board: Board, cycle: Cycle, out: Path, address: str | None) -> bool:
    """Print where a cycle stands and what comes next; tell whether its last run claims falsely."""
    from synthestat.cycle.conduct import by_id
    from synthestat.cycle.process import rounds_of
    from synthestat.cycle.results import run_folder

    tasks = by_id(board, cycle.id)
    runs = [each.run_id for each in rounds_of(tasks) if each.run_id]
    screen.print()
    if runs and (folder := run_folder(out, runs[-1])).is_dir():
        print_status(folder)
        screen.print(f"\nRun      {folder}", highlight=False, soft_wrap=True)
        screen.print(f"Record   {folder}.review.json", highlight=False, soft_wrap=True)
    reviews = [task for task in tasks if "claims_false" in task.result]
    false = bool(reviews and reviews[-1].result["claims_false"])
    if reviews:
        words = "FAILED; see synthestat review" if false else "all claims recomputed and true"
        screen.print(f"Verified {words}", highlight=False)
    colour = "bold green" if cycle.verdict == "PASS" else "bold yellow"
    screen.print(f"Verdict  [{colour}]{cycle.verdict or 'none'}[/]", highlight=False)
    said = f"cycle {cycle.id} of {cycle.country} {cycle.status}: {cycle.reason}"
    screen.print(f"         {plain(said)}", highlight=False, soft_wrap=True)
    where = "" if out == Path("runs") else f" --out {out}"
    where += f" --board {address}" if address else ""
    for task in tasks:
        if task.role == "human" and task.status == "ready":
            words = " | ".join(f'"{word}"' for word in task.payload.get("decisions", []))
            line = (
                f"Next     a person: synthestat board sign-off {task.id}{where} --decision {words}"
            )
            screen.print(f"{line} --reason ...", markup=False, highlight=False, soft_wrap=True)
    return false


@cycle_app.command("status")
def cycle_status(out: Out = Path("runs"), board: Address = None) -> None:
    """Show every cycle of a board: its country, where it stands, its verdict, what comes next."""
    from synthestat.cycle.queries import cycles

    table = Table("cycle", "country", "status", "verdict", "why", box=None)
    for each in cycles(open_board(board, out)):
        table.add_row(str(each.id), each.country, each.status, each.verdict, plain(each.reason))
    screen.print(table if table.row_count else "no cycle yet; begin one:  synthestat cycle XK")
