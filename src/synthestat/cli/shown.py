"""What several commands show: a run's figures, the site's address, what is being done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

screen = Console()
errors = Console(stderr=True)


def print_status(folder: Path) -> None:
    """Print what a run holds beside what it was to reach."""
    from synthestat.bundle.read import open_bundle

    bundle = open_bundle(folder)
    manifest, residuals = bundle.manifest, bundle.json("constraint_residuals.json")
    targets, built = manifest["coverage"]["targets"], manifest["coverage"]["built"]
    table = Table("", "official", "built", box=None, show_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for what in ("persons", "households", "dwellings", "buildings"):
        for part in sorted(set(targets[what]) | set(built[what]), key=lambda p: (p != "all", p)):
            name = what if part == "all" else f"  {part}"
            row = (targets[what].get(part), built[what].get(part))
            if row == (None, None):
                continue
            table.add_row(name, *("-" if value is None else f"{value:,}" for value in row))
    screen.print(f"{manifest['country_name']} {manifest['edition']}  SYNTHETIC  {bundle.run_id}")
    screen.print(table)
    hard = residuals["hard_rows"] - residuals["hard_failures"]
    seconds, workers = manifest["times"]["seconds"], manifest["times"]["workers"]
    pace = built["persons"]["all"] / max(seconds * workers, 1e-9)
    screen.print(
        f"HARD rows exact        {hard:,} of {residuals['hard_rows']:,}\n"
        f"max marginal deviation {residuals['max_marginal_deviation']:.4%}\n"
        f"relaxations            {len(manifest['constraints_relaxed'])}\n"
        f"built in               {seconds:.0f} s by {workers} workers: "
        f"{pace:,.0f} persons a second and worker",
        highlight=False,
    )


def write_site(runs: Path, out: Path, boundaries: Sequence[Path], *, public: bool = False) -> None:
    """Write the site of a folder of runs, and print its address."""
    from synthestat import api

    with doing("drawing the site"):
        index = api.site(runs, out=out, boundaries=boundaries, public=public)
    screen.print(f"Site     {index.resolve().as_uri()}", soft_wrap=True, highlight=False)


@contextmanager
def doing(words: str) -> Iterator[None]:
    """Say what is being done: while it lasts in a terminal, else once."""
    if errors.is_terminal:
        with errors.status(words):
            yield
    else:
        errors.print(words, highlight=False)
        yield
