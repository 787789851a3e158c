"""What the reviewer catches: defects planted in good runs, and clean runs that must stay silent.

    python benchmarks/reviewer_calibration.py [--quick] [--every] [--countries XK ...]
        [--kinds links ...] [--seed 1] [--workers 2] [--journal PATH] [--json PATH] [--publish]

Every kind of defect of `planted/` is planted in a copy of a good run at every severity it has, from
one row, cell or byte up; the copy is sealed again, so that its checksums and digests are true and
only the planted claim is false; and the whole review judges it (`verify_run`, every check). Rows
are chosen by what they are, never by a country's codes. A planting is `caught` by the check that is
named for its kind, `caught_by_another` if only other required checks fail, else `missed`. One that
changes no claim, and one of which the country has no such row, are counted apart; both are decided
while planting, without the reviewer.

Tinyland, an invented country, takes every kind at every severity; besides its own run it has one
with invented layers (buildings, overlays, work and school), one with institutions and one of three
populations. A national review takes ten seconds, so XK and LU-2025 share the kinds out: each takes
every other kind at its least severity, and what the other has nothing to damage of; of each family
the first graded kind is planted in both at every severity. `--every` plants all kinds in both.

Clean runs are other seeds, one worker, replicates, an older edition, the bundle in another folder,
sealed anew, and written anew in other bytes. A false alarm is a required check that fails on one.

`--quick` is Tinyland alone; `--journal` keeps what is done in a file, with which an interrupted run
is taken up; `--publish` writes the record that ships with the package and the table
of docs/reviewer.md (only for a whole run without `--countries` and `--kinds`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from planted import every_kind
from planted.good_runs import COUNTRIES, TINYLAND, Variant, base_runs, clean_variants
from planted.journal import Journal
from planted.kinds import Kind
from planted.outcomes import AIMS, figures_of, record_of
from planted.planting import NOT_APPLICABLE, GoodRun, Row, try_kind
from planted.publishing import publish, table_of

Task = tuple[str, str, GoodRun, int]


def first_graded(kinds: Sequence[Kind]) -> set[str]:
    """Of each family the first kind with several severities."""
    found: dict[str, str] = {}
    for kind in kinds:
        if len(kind.severities) > 1:
            found.setdefault(kind.family, kind.id)
    return set(found.values())


def shares(
    kinds: Sequence[Kind], countries: Sequence[str], every: bool
) -> dict[str, list[tuple[Kind, str]]]:
    """What each country takes: (kind, severity), in the order of the kinds.

    Tinyland takes everything. National countries share the kinds out in turn, each at its least
    severity, and all take the first graded kind of each family at every severity.
    """
    graded = first_graded(kinds)
    nations = [country for country in countries if country != TINYLAND]
    taken: dict[str, list[tuple[Kind, str]]] = {country: [] for country in countries}
    for at, kind in enumerate(kinds):
        for country in countries:
            turn = every or country == TINYLAND or nations[at % len(nations)] == country
            if country == TINYLAND or kind.id in graded:
                taken[country] += [(kind, severity) for severity in kind.severities]
            elif turn:
                taken[country].append((kind, kind.severities[0]))
    return taken


def tasks_of(
    wanted: Sequence[tuple[Kind, str]],
    country: str,
    bases: dict[str, GoodRun],
    seed: int,
    journal: Journal,
) -> list[Task | Row]:
    """What to plant in a country; a row at once where it is done or there is no run of its base."""
    found: list[Task | Row] = []
    for kind, severity in wanted:
        if kind.base not in bases:
            why = f"no run of {country} is {kind.base}"
            found.append(Row(country, kind.id, severity, NOT_APPLICABLE, why=why))
        else:
            done = journal.row(country, kind.id, severity)
            found.append(done or (kind.id, severity, bases[kind.base], seed))
    return found


def carry_out(task: Task) -> Row:
    """One planting, in a process of its own."""
    name, severity, good, seed = task
    kind = next(each for each in every_kind() if each.id == name)
    return try_kind(kind, severity, good, seed)


def quiet() -> None:
    """Keep what a damaged file makes native code write to the terminal away from it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def plant_all(tasks: Sequence[Task | Row], workers: int, journal: Journal) -> list[Row]:
    """Carry out plantings side by side; the rows in the order of the tasks."""
    rows = {at: task for at, task in enumerate(tasks) if isinstance(task, Row)}
    todo = {at: task for at, task in enumerate(tasks) if not isinstance(task, Row)}
    if workers == 1:
        for at, task in todo.items():
            rows[at] = carry_out(task)
            journal.add(rows[at])
        return [rows[at] for at in range(len(tasks))]
    context = multiprocessing.get_context("spawn")  # a fork after polars would deadlock
    with ProcessPoolExecutor(workers, mp_context=context, initializer=quiet) as pool:
        running = {pool.submit(carry_out, task): at for at, task in todo.items()}
        for done, future in enumerate(as_completed(running), 1):
            row = future.result()
            rows[running[future]] = row
            journal.add(row)
            if row.outcome in ("missed", "caught_by_another") or done % 50 == 0:
                told = f"{row.kind} {row.severity} {row.outcome} {' '.join(row.failed)}"
                print(f"{done} of {len(running)} in {row.country}: {told}", flush=True)
    return [rows[at] for at in range(len(tasks))]


def calibrate(
    kinds: Sequence[Kind],
    countries: Sequence[str],
    below: Path,
    journal: Journal,
    *,
    seed: int = 1,
    workers: int = 1,
    every: bool = False,
) -> tuple[list[Row], list[Variant]]:
    """Build the good runs of countries, review their clean variants, and plant every kind."""
    rows: list[Row] = []
    variants: list[Variant] = []
    bases: dict[str, dict[str, GoodRun]] = {}
    for country, wanted in shares(kinds, countries, every).items():
        started = time.perf_counter()
        bases[country] = base_runs(country, below, seed, workers)
        variants += clean_runs(country, bases[country], below, journal, seed, workers)
        tasks = tasks_of(wanted, country, bases[country], seed, journal)
        rows += plant_all(tasks, workers, journal)
        print(f"{country}: {time.perf_counter() - started:.0f} s", flush=True)
    rows += plant_all(handed_on(kinds, rows, bases, seed, journal), workers, journal)
    return rows, variants


def clean_runs(
    country: str,
    bases: dict[str, GoodRun],
    below: Path,
    journal: Journal,
    seed: int,
    workers: int,
) -> list[Variant]:
    """Review the clean runs of a country, and tell of each that is accused."""
    found = []
    for what, review in clean_variants(country, bases, below, seed, workers):
        variant = journal.variant(country, what)
        if variant is None:
            variant = review()
            journal.add(variant)
        if variant.failed:
            print(f"false alarm in {country}, {what}: {' '.join(variant.failed)}", flush=True)
        found.append(variant)
    return found


def handed_on(
    kinds: Sequence[Kind],
    rows: Sequence[Row],
    bases: dict[str, dict[str, GoodRun]],
    seed: int,
    journal: Journal,
) -> list[Task | Row]:
    """What the national country whose turn it was has nothing to damage of, for the others."""
    asked = {(row.country, row.kind) for row in rows}
    empty = {row.kind for row in rows if row.outcome == NOT_APPLICABLE and row.country != TINYLAND}
    wanted = [(kind, kind.severities[0]) for kind in kinds if kind.id in empty]
    return [
        task
        for country in bases
        if country != TINYLAND
        for task in tasks_of(
            [each for each in wanted if (country, each[0].id) not in asked],
            *(country, bases[country], seed, journal),
        )
    ]


def chosen(named: Sequence[str] | None) -> list[Kind]:
    """The kinds whose id is one of those named, or begins with it as its family."""
    kinds = every_kind()
    if not named:
        return list(kinds)
    found = [kind for kind in kinds if kind.id in named or kind.family in named]
    if not found:
        families = ", ".join(dict.fromkeys(kind.family for kind in kinds))
        raise SystemExit(f"no kind {', '.join(named)}; the families are {families}")
    return found


def main() -> None:
    """Calibrate, print the table, write figures and what is published."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--quick", action="store_true", help="Tinyland alone")
    parser.add_argument("--countries", nargs="+", choices=COUNTRIES)
    parser.add_argument("--kinds", nargs="+", help="families, or kinds such as links.row_twice")
    parser.add_argument("--every", action="store_true", help="plant every kind in every country")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--journal", type=Path, help="keep what is done here, and take it up")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    parser.add_argument("--publish", action="store_true", help="renew the record and the docs")
    options = parser.parse_args()
    partial = options.countries or options.kinds or options.quick
    if options.publish and partial:
        parser.error("--publish is for a whole run")
    countries = options.countries or ([TINYLAND] if options.quick else list(COUNTRIES))
    kinds = chosen(options.kinds)
    journal = Journal(options.journal, options.seed)
    with tempfile.TemporaryDirectory(prefix="synthestat-calibration-") as below:
        rows, clean = calibrate(
            *(kinds, countries, Path(below), journal),
            **{"seed": options.seed, "workers": options.workers, "every": options.every},
        )
    record = record_of(kinds, rows, clean, options.seed)
    print(table_of(record))
    figures, ratios = figures_of(record)
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.3%} (aim: {AIMS[name]:.0%})")
    if options.publish:
        publish(record)
    if options.json:
        document = {"name": record["name"], "figures": figures, "ratios": ratios, "aims": AIMS}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
