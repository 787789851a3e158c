"""The command `synthestat`.

Exit codes: 0 done; 1 a claim of a run was found false, or a step did not converge; 2 bad input or
usage; 3 blocked, the HARD controls contradict each other.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from synthestat import __version__
from synthestat.cli.board import board_app
from synthestat.cli.cycle import cycle_app
from synthestat.cli.server import account_app, server_app
from synthestat.cli.shown import doing, errors, print_status, screen, write_site
from synthestat.errors import InputError, SynthestatError

if TYPE_CHECKING:
    from synthestat.packs.distributions import Distribution
    from synthestat.review.report import Review
    from synthestat.review.verify import Verification

HELP = """Build a country's 1:1 synthetic population from its official tables, and prove it.

Start with:  synthestat run XK        (build, review, and write the page; about a minute)
"""
app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
app.add_typer(cycle_app, name="cycle")
app.add_typer(board_app, name="board")
app.add_typer(server_app)
app.add_typer(account_app, name="account")

Country = Annotated[
    str,
    typer.Argument(
        help="Code of an embedded pack, as XK or LU-2021 (see `countries`), or a pack's folder."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder that takes the runs, as OUT/CC/run_id.")]
Seed = Annotated[int, typer.Option(help="Seed of all draws; equal seeds give equal tables.")]
Replicates = Annotated[
    int,
    typer.Option(help="Populations: the others meet the same controls, with other draws."),
]
Workers = Annotated[
    int | None, typer.Option(help="Threads; default all processors. Never changes a result.")
]
Run = Annotated[
    str, typer.Argument(help="A run's folder, or a folder of runs (its newest is taken).")
]
Snapshots = Annotated[
    Path | None,
    typer.Option(help="Folder of frozen extracts; default: those of the embedded packs."),
]
Boundaries = Annotated[
    Path | None, typer.Option(help="GeoJSON of zone polygons for the map; default: bubbles.")
]


def main() -> None:
    """Run the command line; every deliberate error becomes one message and an exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except SynthestatError as error:
        errors.print(f"error: {error}", markup=False, highlight=False, style="red", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        errors.print("stopped; no partial run was left")
        sys.exit(130)


def _show_version(wanted: bool) -> None:
    if wanted:
        screen.print(f"synthestat {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def countries() -> None:
    """List the country packs that ship with Synthestat, and their editions."""
    from synthestat.packs.pack import embedded_editions, embedded_packs, read_pack

    table = Table("code", "country", "edition", "zones", "tables", "controls", box=None)
    standing = embedded_packs()
    for name, folder in embedded_editions().items():
        pack = read_pack(folder)
        zones = len(pack.geography.at(pack.country.zone_level))
        is_default = name not in standing and folder == standing[pack.code]
        table.add_row(
            name,
            pack.country.name,
            f"{pack.country.edition} (default)" if is_default else pack.country.edition,
            f"{zones} x {pack.country.zone_level}",
            str(len(pack.sources)),
            str(len(pack.controls)),
        )
    screen.print(table)
    screen.print("Build one with:  synthestat build CODE", highlight=False)


@app.command()
def registry(
    country: Country,
    family: Annotated[
        str | None, typer.Option(help="One family in full: label, reason, citation, address.")
    ] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write every entry, as JSON, to this file.")
    ] = None,
) -> None:
    """List every distribution that a country's pack knows, and which of them a build takes.

    Controls (marginals and cross-tables), priors, kernels, targets, and the defaults for families
    that the pack leaves open. A star marks what is used. Of a family of priors it is the entry to
    which the pack gives the status used; the best by the rule (variant current, robust, comparable
    country, transferred; then confidence; then id) is named where it is another.

    Examples: synthestat registry XK;  synthestat registry LU --family partner_age_gap
    """
    from synthestat.packs.distributions import RULE, distributions, table_levels
    from synthestat.packs.pack import find_pack
    from synthestat.sources.snapshots import SnapshotStore

    pack = find_pack(country)
    entries = distributions(pack, table_levels(pack, SnapshotStore(pack.snapshots)))
    families = sorted({entry.family for entry in entries})
    if family is not None and family not in families:
        raise InputError(
            f"{pack.code} has no distribution of family {family!r}",
            faults=families,
            remedy="give --family one of these",
        )
    shown = [entry for entry in entries if family in (None, entry.family)]
    if json_path is not None:
        _write_json(
            json_path,
            {
                "country": pack.code,
                "edition": pack.country.edition,
                "rule": RULE,
                "entries": [vars(entry) for entry in shown],
            },
        )
    _print_registry(shown, in_full=family is not None)
    used = sum(entry.status == "used" for entry in shown)
    screen.print(
        f"\n{pack.country.name} {pack.country.edition}: {len(shown)} distributions of "
        f"{len({entry.family for entry in shown})} families, {used} used (*)",
        highlight=False,
    )
    if family is None:
        screen.print(f"Next     synthestat registry {country} --family FAMILY", highlight=False)


def _print_registry(entries: Sequence[Distribution], *, in_full: bool) -> None:
    """Print one line an entry (type, level, variant, confidence, evidence), or all of it."""
    family, widest = "", max((len(entry.id) for entry in entries), default=0)
    for entry in entries:
        mark = "*" if entry.status == "used" else " "
        if not in_full:
            if entry.family != family:
                screen.print(f"{entry.family}", highlight=False, style="bold")
            kind = f"{entry.type} {entry.binding}".strip()
            line = f"  {mark} {entry.id:<{widest}}  {kind}, {entry.geography_level}"
            line += f", {entry.variant}, {entry.confidence}, {entry.evidence}"
            screen.print(line, markup=False, highlight=False, soft_wrap=True)
            family = entry.family
            continue
        described = f"{entry.type}, {entry.status}, {entry.variant}"
        place = f"{entry.geography} ({entry.geography_level})"
        lines = {
            "what": entry.label,
            "is": f"{described}, {entry.confidence} confidence, {entry.evidence}",
            "of": ", ".join(filter(None, [place, entry.reference_period])),
            "why": entry.why,
            "citation": entry.citation,
            "address": entry.address or "none",
        }
        screen.print(f"{mark} {entry.id}", markup=False, highlight=False, style="bold")
        for name, words in lines.items():
            screen.print(f"    {name:<9}{words}", markup=False, highlight=False, soft_wrap=True)


def _write_json(path: Path, document: object) -> None:
    """Write a document; InputError where the place cannot take it."""
    text = json.dumps(document, indent=1, default=dict, ensure_ascii=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}",
            remedy="give --json a file in a folder that you may write to",
        ) from None


@app.command()
def build(
    country: Country,
    out: Out = Path("runs"),
    seed: Seed = 420987,
    replicates: Replicates = 1,
    workers: Workers = None,
) -> None:
    """Build a country's population and write its run bundle.

    Example: synthestat build XK --out runs --seed 1
    """
    from synthestat.packs.pack import find_pack, is_embedded

    folder = _build(country, out, seed, workers, replicates)
    print_status(folder)
    own = not is_embedded(country)
    extracts = f" --snapshots {find_pack(country).snapshots}" if own else ""
    screen.print(f"\nRun      {folder}", soft_wrap=True, highlight=False)
    screen.print(f"Next     synthestat review {folder}{extracts}", soft_wrap=True, highlight=False)


@app.command()
def verify(
    run: Run,
    snapshots: Snapshots = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write every check, as JSON, to this file.")
    ] = None,
) -> None:
    """Recompute a run's claims from its files alone.

    Reads the bundle and the frozen extracts, and nothing of the program that built it. Exits with
    1 if a claim is false.
    """
    if not _verify(run, snapshots, json_path):
        raise typer.Exit(1)


@app.command()
def review(
    run: Run,
    snapshots: Snapshots = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write the record to this file as well.")
    ] = None,
) -> None:
    """Judge a run: every check, then the verdict, its witnesses, and the distance from the ideal.

    Writes RUN.review.json beside the run's folder, in which nothing is changed. With --snapshots
    only that folder of extracts is read: the run's pack need not be installed. Exits with 1 if a
    claim is false; a verdict that asks for better models or sources alone ends with 0.

    Example: synthestat review runs/XK
    """
    from synthestat import api
    from synthestat.bundle.read import find_run

    with doing("reviewing from the files"):
        judged = api.review(run, snapshots=snapshots)
    _print_findings(judged)
    if json_path is not None:
        _write_json(json_path, judged.document)
    place = find_run(run).resolve()
    _print_verdict(judged)
    screen.print(
        f"Record   {place.with_name(place.name + '.review.json')}", soft_wrap=True, highlight=False
    )
    if not judged.passed:
        raise typer.Exit(1)


@app.command()
def page(
    run: Run,
    out: Annotated[
        Path | None, typer.Option(help="The page's file; default: beside the run's folder.")
    ] = None,
    boundaries: Boundaries = None,
    snapshots: Snapshots = None,
) -> None:
    """Write a run's page, which opens offline."""
    from synthestat import api

    with doing("reviewing, for the page"):
        judged = api.review(run, snapshots=snapshots, write=False)
    with doing("drawing"):
        path = api.page(run, out=out, boundaries=boundaries, review=judged)
    screen.print(f"Page     {path}", soft_wrap=True, highlight=False)


@app.command()
def site(
    runs: Annotated[Path, typer.Argument(help="Folder of runs, as RUNS/CC/run_id.")] = Path("runs"),
    out: Annotated[
        Path, typer.Option(help="Folder of the site; a new one, or an older site.")
    ] = Path("site"),
    boundaries: Annotated[
        list[Path] | None,
        typer.Option(help="GeoJSON of zone polygons; may be given several times."),
    ] = None,
    public: Annotated[
        bool, typer.Option(help="Leave out households that a release mode keeps inside.")
    ] = False,
) -> None:
    """Write the site of all runs: countries, runs, zones, comparisons; it opens offline.

    Reads each run with the review beside it; review first what is to be shown as reviewed.

    Example: synthestat site runs --out site
    """
    write_site(runs, out, boundaries or [], public=public)


@app.command()
def show(run: Run) -> None:
    """Show a run's summary in the terminal."""
    from synthestat.bundle.read import find_run

    print_status(find_run(run))


@app.command("run")
def run_countries(
    country: Annotated[list[str], typer.Argument(help="Country codes or pack folders.")],
    out: Out = Path("runs"),
    seed: Seed = 420987,
    workers: Workers = None,
    boundaries: Boundaries = None,
    site_out: Annotated[
        Path | None, typer.Option("--site", help="Folder of the site; default: beside OUT.")
    ] = None,
) -> None:
    """Build, review and page each country, then write the site of all runs: the whole job.

    Example: synthestat run XK LU
    """
    from synthestat import api
    from synthestat.packs.pack import find_pack
    from synthestat.site.site_files import refuse_foreign

    site_folder = site_out or out.resolve().parent / "site"
    refuse_foreign(site_folder)  # before building, not after it

    packs = {name: find_pack(name) for name in country}  # a wrong name stops all, and at once
    ends = []
    for name, pack in packs.items():
        folder = _build(name, out, seed, workers)
        print_status(folder)
        with doing("reviewing from the files"):
            judged = api.review(folder, snapshots=pack.snapshots)
        with doing("drawing the page"):
            path = api.page(folder, boundaries=boundaries, review=judged)
        ends.append((folder, path, judged))
    for folder, path, judged in ends:
        screen.print(f"\nRun      {folder}", soft_wrap=True, highlight=False)
        said = "all claims recomputed and true"
        said = said if judged.passed else "FAILED; see synthestat review"
        screen.print(f"Verified {said}", highlight=False)
        _print_verdict(judged)
        screen.print(f"Page     {path.resolve().as_uri()}", soft_wrap=True, highlight=False)
    screen.print()
    write_site(out, site_folder, [boundaries] if boundaries else [])
    if not all(judged.passed for _, _, judged in ends):
        raise typer.Exit(1)


def _print_verdict(judged: Review) -> None:
    """Print the verdict, loudly, with what it rests on and who should act next."""
    colour = "bold green" if judged.judgement.verdict == "PASS" else "bold yellow"
    colour = colour if judged.passed else "bold red"
    screen.print(f"Verdict  [{colour}]{judged.judgement.verdict}[/]", highlight=False)
    confidence = judged.document["confidence"]["value"]
    when = f"         {judged.judgement.when}; confidence {confidence:.2f}"
    screen.print(when, highlight=False, soft_wrap=True)
    for action in judged.document["next_actions"][:2]:
        words = f"Next     {action['role']}: {action['action']}"
        screen.print(words, markup=False, highlight=False, soft_wrap=True)


def _print_findings(judged: Review) -> None:
    """Print what keeps the verdict from PASS, other warnings, and the rubric."""
    table = Table("finding", "status", "what was found", box=None)
    for finding in (*judged.judgement.blocking, *judged.judgement.other):
        colour = "bold red" if finding.check.status == "FAIL" else "yellow"
        leads_to = finding.rule.verdict.value if finding.rule else "not blocking"
        notes = f"{leads_to}: {finding.check.notes}".replace("[", r"\[")
        table.add_row(finding.check.id, f"[{colour}]{finding.check.status}[/]", notes)
    if table.row_count:
        screen.print(table)
    ideal = Table("need", "state", "gap", "what would move it most", box=None)
    ideal.columns[2].justify = "right"
    for need in judged.document["rubric"]:
        ideal.add_row(need["title"], need["state"], f"{need['gap']:.0f}", need["moves_most"])
    screen.print(ideal)
    _print_counts(judged.verification)


def _print_counts(verification: Verification) -> None:
    words = ", ".join(f"{n} {status}" for status, n in verification.counts.items())
    screen.print(f"\n{verification.run_id}: {words}", highlight=False)


def _build(country: str, out: Path, seed: int, workers: int | None, replicates: int = 1) -> Path:
    from synthestat import api

    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn())
    quiet = not errors.is_terminal
    with Progress(
        *columns, TimeElapsedColumn(), console=errors, transient=True, disable=quiet
    ) as bar:
        task = bar.add_task("starting", total=None)
        spoken: set[str] = set()

        def tell(step: str, done: int, of: int) -> None:
            bar.update(task, description=step, completed=done, total=of)
            if quiet and step not in spoken:
                spoken.add(step)
                errors.print(f"{country}: {step}", highlight=False)

        return api.build(
            country, seed=seed, out=out, replicates=replicates, workers=workers, progress=tell
        )


def _verify(run: str, snapshots: Path | None, json_path: Path | None) -> bool:
    from synthestat import api

    with doing("verifying from the files"):
        verification = api.verify(run, snapshots=snapshots)
    table = Table("check", "status", "what was found", box=None)
    colours = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red", "SKIP": "dim"}
    for check in verification.checks:
        status = f"[{colours[check.status]}]{check.status}[/]"
        table.add_row(check.id, status, check.notes.replace("[", r"\["))
        if check.status == "FAIL":
            for line in (*check.offending[:5], f"remedy: {check.remedy}"):
                table.add_row("", "", line.replace("[", r"\["))
    screen.print(table)
    _print_counts(verification)
    if json_path is not None:
        document = {
            "run_id": verification.run_id,
            "passed": verification.passed,
            "checks": [vars(check) for check in verification.checks],
        }
        _write_json(json_path, document)
    return verification.passed
