"""Whole persons for every inhabited block of a county from five overlapping census tables.

    python benchmarks/small_areas.py [--data FOLDER] [--workers 2] [--sample 200] [--json PATH]

FOLDER holds `guernsey_cons.csv`: one line a block of Guernsey County, Ohio (2010 Census, Summary
File 1), with tables P5 (Hispanic origin by race), P8 (race in detail), P9 (race in detail, not
Hispanic), P12A-G (sex by two ages, by race) and P43 (sex by two ages by group-quarters type; the
first type stands for the household population), 200 columns. Cells are Hispanic 2 x race 63 x
sex and age 4 x type 8. Beside our road runs a plain loop over SciPy's milp, all cells in whole
numbers, one block at a time, on a seeded sample of blocks whose seconds are scaled to all blocks.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array, csr_array, vstack

from synthestat.fitting.whole import WholeProblem, solve_all

AIMS = {"seconds": 4.0, "largest_residual": 0.0}
PLAIN_LOOP_SECONDS = 36.0  # a plain loop over an LP solver, measured elsewhere on these blocks
FOLDER = Path(__file__).parents[1] / "../shared/data/small_area/guernsey"
RACES, AGES, TYPES = 63, 4, 8
SINGLE_RACES = 6  # the first six of the 63 are races alone; the others are two races or more
Whole = NDArray[np.int64]


def read_blocks(path: Path) -> Whole:
    """Return the 200 columns of every inhabited block, shape (blocks, 200), tables in file order.

    Stops where totals of the tables disagree: P5, P8, P12 and P43 count everybody, P9 those of P5
    that are not Hispanic, and P12 and P43 agree by sex and age.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    table = np.array([[int(value) for value in row[1:]] for row in rows])
    total, columns = table[:, header.index("P0010001") - 1], table[:, 1:]
    names = header[2:]
    sums = {p: columns[:, [n.startswith(p) for n in names]] for p in ("P005", "P008", "P009")}
    by_age = columns[:, 140:168].reshape(-1, 7, AGES)
    by_type = columns[:, 168:].reshape(-1, AGES, TYPES)
    race = sums["P005"].reshape(-1, 2, 7)
    agreed = [
        (race.sum(axis=(1, 2)) == total).all(),
        (sums["P008"].sum(axis=1) == total).all(),
        (sums["P009"].sum(axis=1) == race[:, 0].sum(axis=1)).all(),
        (race.sum(axis=1) == by_age.sum(axis=2)).all(),
        (by_age.sum(axis=1) == by_type.sum(axis=2)).all(),
    ]
    if len(names) != 200 or not all(agreed):
        raise SystemExit(f"{path.name} is not the file expected: totals agree {agreed}")
    return columns[total > 0]


def margins() -> list[Whole]:
    """Return, for each table, the column that each of the 4,032 cells counts for (-1: none)."""
    hispanic, race, age, kind = np.indices((2, RACES, AGES, TYPES)).reshape(4, -1)
    group = np.minimum(race, SINGLE_RACES)
    return [
        hispanic * 7 + group,
        14 + race,
        np.where(hispanic == 0, 77 + race, -1),
        140 + group * AGES + age,
        168 + age * TYPES + kind,
    ]


def live_cells(columns: Whole, index: list[Whole]) -> list[Whole]:
    """Return for each block the cells that no column of zero excludes."""
    open_column = np.concatenate([columns > 0, np.ones((len(columns), 1), dtype=bool)], axis=1)
    live = open_column[:, index[0]]
    for of in index[1:]:
        live &= open_column[:, of]
    block, cell = np.nonzero(live)
    return np.split(cell, np.searchsorted(block, np.arange(1, len(columns))))


def costs(columns: Whole, index: list[Whole]) -> NDArray[np.float64]:
    """Return minus the log of each cell's expected share in the county, tables independent."""
    share = (columns.sum(axis=0) + 0.5) / (columns.sum() / 5)
    logs = np.concatenate([np.log(share), [0.0]])
    return -np.sum([logs[of] for of in index], axis=0)


def problem(
    live: Whole, column: Whole, index: list[Whole], cost: NDArray[np.float64]
) -> WholeProblem:
    """Return one block's problem over its live cells."""
    stacked = np.stack([of[live] for of in index], axis=1)
    inside = stacked >= 0
    pointers = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    entries = stacked[inside]
    matrix = csc_array((np.ones(len(entries)), entries, pointers), shape=(200, len(live)))
    targets = column.astype(np.float64)
    return WholeProblem(cost[live], np.full(len(live), np.inf), matrix, targets, targets)


def residuals(counts: list[Whole], live: list[Whole], columns: Whole, index: list[Whole]) -> Whole:
    """Return the largest absolute error of each block over its 200 columns, recounted plainly."""
    errors = []
    for count, cells, target in zip(counts, live, columns, strict=True):
        sums = np.zeros(201, dtype=np.int64)
        for of in index:
            np.add.at(sums, of[cells], count)
        errors.append(np.abs(sums[:200] - target).max())
    return np.array(errors)


def plain_loop(columns: Whole, index: list[Whole], cost: NDArray[np.float64]) -> float:
    """Solve blocks one at a time over all 4,032 cells; return seconds."""
    cells = np.arange(len(cost))
    parts = [(of[of >= 0], cells[of >= 0]) for of in index]
    matrix = vstack([csr_array((np.ones(len(p[0])), p), shape=(200, len(cost))) for p in parts])
    fold = csr_array((np.ones(1000), (np.tile(np.arange(200), 5), np.arange(1000))))
    matrix = (fold @ matrix).tocsc()
    started = time.perf_counter()
    for target in columns:
        found = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=Bounds(0, np.inf),
            constraints=LinearConstraint(matrix, target, target),
        )
        if found.x is None:
            raise SystemExit("the plain loop found no solution")
    return time.perf_counter() - started


def main() -> None:
    """Run both sides and print their figures."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=200, help="blocks of the plain loop")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    options = parser.parse_args()
    path = options.data / "guernsey_cons.csv"
    if not path.exists():
        print("guernsey_cons.csv is not there: give its folder by --data; nothing was measured")
        return
    columns, index = read_blocks(path), margins()
    started = time.perf_counter()
    cost = costs(columns, index)
    live = live_cells(columns, index)
    problems = [problem(c, t, index, cost) for c, t in zip(live, columns, strict=True)]
    prepared = time.perf_counter() - started
    answers = solve_all(problems, workers=options.workers)
    seconds = time.perf_counter() - started
    solved = [a.counts is not None for a in answers]
    counts = [
        np.zeros(len(c), dtype=np.int64) if a.counts is None else a.counts.astype(np.int64)
        for a, c in zip(answers, live, strict=True)
    ]
    errors = residuals(counts, live, columns, index)
    chosen = np.random.default_rng(1).choice(len(columns), options.sample, replace=False)
    plain = plain_loop(columns[np.sort(chosen)], index, cost) * len(columns) / options.sample
    figures = {
        "blocks": len(columns),
        "persons": int(sum(int(c.sum()) for c in counts)),
        "live_cells": int(sum(len(c) for c in live)),
        "blocks_solved": int(sum(solved)),
        "blocks_exact": int((errors == 0).sum()),
        "largest_residual": int(errors.max()),
        "blocks_whole_at_vertex": int(sum(not a.branched for a in answers)),
        "prepare_seconds": round(prepared, 3),
        "seconds": round(seconds, 3),
        "plain_milp_loop_seconds_scaled": round(plain, 1),
        "plain_milp_loop_blocks": options.sample,
        "plain_lp_loop_seconds_measured_elsewhere": PLAIN_LOOP_SECONDS,
    }
    ratios = {"plain_milp_loop": round(plain / seconds, 1)}
    for name, figure in figures.items():
        aim = f"  (aim: at most {AIMS[name]:g})" if name in AIMS else ""
        print(f"{name:<42} {figure:>12,}{aim}")
    print(f"the plain loop takes {ratios['plain_milp_loop']} times as long")
    if options.json:
        document = {"name": "small_areas", "figures": figures, "ratios": ratios, "aims": AIMS}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
