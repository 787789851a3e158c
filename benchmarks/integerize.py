"""Fitted tables of 38 zones into whole persons: our rounding beside four other ways.

    python benchmarks/integerize.py [--workers 2] [--seed 1] [--json PATH]

The script makes 38 zones of 1.6 million persons in all: single age 86 x sex 2 x marital status 4 x
education 5, with the margins age x sex, status x education, sex x status and sex x education of an
invented whole population (210 margin cells a zone, 7,980 in all), and fits each zone's seed, in
which status and education depend on age, to them by iterative proportional fitting, which no side
is timed for. Every side gets the fitted tables:

  nearest      `round_zones(nearest=True)`: least squares between floor and ceiling, margins exact
  drawn        `round_zones`: random costs, margins exact
  qisi         quasirandom integer sampling (Smith, Lovelace & Birkin 2017), zone by zone, the
               fitted table as its seed and the same three margins, once, on the first --sample
               zones; its seconds are scaled to all zones
  trs          truncate, replicate, sample (Lovelace & Ballas 2013): keeps the zone's total
  remainder    largest remainder (Hamilton): keeps the zone's total
  populationsim  not run: version 0.10 needs numpy below 2, which this package does not work with

RMSE is over cells, against the fitted table. Best possible is the linear-programming bound on the
RMSE of any table between floor and ceiling with all margins exact.

Peers are optional: pip install humanleague
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from synthestat.fitting.ipf import CellMargin, fit_margins
from synthestat.fitting.rounding import ZoneFit, largest_remainder, round_zones

AIMS = {"nearest_seconds": 0.5, "nearest_rmse_over_best": 1.01, "nearest_margins_inexact": 0}
SHAPE = (86, 2, 4, 5)  # single age, sex, marital status, education
AXES = ((0, 1), (2, 3), (1, 2), (1, 3))
BY_AGE = ((0, 2), (0, 3))  # dependence that the seed knows and no margin tells
ZONES, PERSONS = 38, 1_600_000
Tables = list[NDArray[np.float64]]


def margin_index(axes: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the margin cell that each cell of a zone counts for."""
    place = np.indices(SHAPE).reshape(len(SHAPE), -1)
    return np.ravel_multi_index([place[a] for a in axes], [SHAPE[a] for a in axes])


def make_zones(rng: np.random.Generator) -> list[ZoneFit]:
    """Return fitted zones: noisy log-linear populations, sizes as uneven as municipalities'."""
    size = rng.lognormal(0.0, 0.9, ZONES)
    ages = np.arange(SHAPE[0])
    pyramid = np.exp(-((ages / 62.0) ** 4)).reshape(-1, 1, 1, 1)
    totals = largest_remainder(size, PERSONS)
    zones = []
    for total in totals:
        log = sum(
            rng.normal(0, 0.7, [SHAPE[a] if a in axes else 1 for a in range(4)])
            for axes in (*AXES, *BY_AGE)
        )
        weight = (pyramid * np.exp(log + rng.normal(0, 0.3, SHAPE))).ravel()
        truth = rng.multinomial(total, weight / weight.sum()).astype(np.float64)
        index = [margin_index(axes) for axes in AXES]
        margins = [CellMargin(k, np.bincount(k, truth, minlength=k.max() + 1)) for k in index]
        fit = fit_margins(np.exp(rng.normal(0, 0.3, truth.size)) * weight, margins, tolerance=1e-10)
        zones.append(ZoneFit(fit.cells, margins))
    return zones


def least_rmse(zones: Sequence[ZoneFit]) -> float:
    """Return the linear-programming bound on the RMSE between floor and ceiling."""
    squares = 0.0
    for zone in zones:
        floor = np.floor(zone.fitted + 1e-9)
        part = zone.fitted - floor
        cells = np.arange(len(part))
        matrix = vstack([csr_array((np.ones(len(cells)), (m.index, cells))) for m in zone.margins])
        targets = np.concatenate([m.targets for m in zone.margins]) - matrix @ floor
        bound = linprog(1 - 2 * part, A_eq=matrix, b_eq=targets, bounds=(0, 1))
        squares += float(part @ part) + bound.fun
    return float(np.sqrt(squares / sum(len(z.fitted) for z in zones)))


def truncate_replicate_sample(zones: Sequence[ZoneFit], rng: np.random.Generator) -> Tables:
    """Return floors plus as many cells as are missing, drawn by their fractions."""
    tables = []
    for zone in zones:
        whole = np.floor(zone.fitted)
        part = zone.fitted - whole
        missing = round(zone.fitted.sum() - whole.sum())
        up = rng.choice(len(part), missing, replace=False, p=part / part.sum())
        whole[up] += 1
        tables.append(whole)
    return tables


def remainder(zones: Sequence[ZoneFit]) -> Tables:
    """Return the largest-remainder table of each zone."""
    return [largest_remainder(z.fitted, round(z.fitted.sum())).astype(np.float64) for z in zones]


def qisi(zones: Sequence[ZoneFit]) -> Tables:
    """Return quasirandom integer samples of each zone; its own margins and indices."""
    humanleague = importlib.import_module("humanleague")
    tables = []
    for zone in zones:
        margins = [
            np.rint(m.targets).astype(np.int64).reshape([SHAPE[a] for a in axes])
            for m, axes in zip(zone.margins, AXES, strict=True)
        ]
        indices = [np.array(axes) for axes in AXES]
        try:
            found, _ = humanleague.qisi(zone.fitted.reshape(SHAPE), indices, margins)
        except RuntimeError:  # the sampler ran into cells without anybody left
            found = np.full(SHAPE, np.nan)
        tables.append(np.asarray(found, dtype=np.float64).ravel())
    return tables


def judged(zones: Sequence[ZoneFit], tables: Tables) -> dict[str, float]:
    """Return RMSE of zones with a table, margin cells exact (share), inexact, and zones without."""
    none = sum(bool(np.isnan(table).any()) for table in tables)
    errors = np.concatenate([t - z.fitted for z, t in zip(zones, tables, strict=True)])
    exact = np.concatenate(
        [
            np.abs(m.sums(t) - m.targets) < 1e-6
            for z, t in zip(zones, tables, strict=True)
            for m in z.margins
        ]
    )
    return {
        "rmse": round(float(np.sqrt(np.nanmean(errors**2))) if none < len(zones) else -1.0, 4),
        "margins_exact": round(float(exact.mean()), 4),
        "margins_inexact": int((~exact).sum()),
        "zones_failed": none,
    }


def timed(run: Callable[[], Sequence[NDArray]], repeats: int) -> tuple[float, Tables]:
    """Return the median wall seconds of `repeats` runs and the tables of the last."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        tables = run()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)), [np.asarray(t, dtype=np.float64) for t in tables]


def sides(
    zones: list[ZoneFit], seed: int, workers: int, sample: int
) -> tuple[dict[str, Callable[[], Sequence[NDArray]]], dict[str, str]]:
    """Return the sides that can run, and why the others cannot."""

    def streams() -> list[np.random.Generator]:
        return np.random.default_rng(seed).spawn(len(zones))

    can: dict[str, Callable[[], Sequence[NDArray]]] = {
        "nearest": lambda: round_zones(zones, streams(), workers=workers, nearest=True),
        "drawn": lambda: round_zones(zones, streams(), workers=workers),
        "trs": lambda: truncate_replicate_sample(zones, np.random.default_rng(seed)),
        "remainder": lambda: remainder(zones),
    }
    cannot = {"populationsim": "unavailable: it needs numpy below 2, ortools, orca and tables"}
    if importlib.util.find_spec("humanleague") is None:
        cannot["qisi"] = "not installed: pip install humanleague"
    else:
        can["qisi"] = lambda: qisi(zones[:sample])
    return can, cannot


def main() -> None:
    """Run every side and print its figures."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each side")
    parser.add_argument("--sample", type=int, default=5, help="zones given to qisi")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    options = parser.parse_args()
    zones = make_zones(np.random.default_rng(options.seed))
    figures: dict[str, float | str] = {
        "persons": round(sum(float(z.margins[0].targets.sum()) for z in zones)),
        "cells": sum(len(z.fitted) for z in zones),
        "margin_cells": sum(len(m.targets) for z in zones for m in z.margins),
        "best_possible_rmse": round(least_rmse(zones), 4),
    }
    can, cannot = sides(zones, options.seed, options.workers, options.sample)
    seconds = {}
    for name, run in can.items():
        of, repeats = (zones[: options.sample], 1) if name == "qisi" else (zones, options.repeats)
        spent, tables = timed(run, repeats)
        seconds[name] = spent * len(zones) / len(of)
        figures[f"{name}_seconds"] = round(seconds[name], 4)
        figures |= {f"{name}_{key}": value for key, value in judged(of, tables).items()}
    best = float(figures["best_possible_rmse"])
    figures["nearest_rmse_over_best"] = round(float(figures["nearest_rmse"]) / best, 4)
    ratios = {
        name: round(spent / seconds["nearest"], 3)
        for name, spent in seconds.items()
        if name not in {"nearest", "drawn"}
    }
    for name, figure in figures.items():
        aim = f"  (aim: at most {AIMS[name]:g})" if name in AIMS else ""
        print(f"{name:<28} {figure:>12,}{aim}")
    for name, reason in cannot.items():
        print(f"{name:<28} {reason}")
    print("seconds of each peer over ours (nearest):", ratios)
    if options.json:
        document = {
            "name": "integerize",
            "figures": figures | cannot,
            "ratios": ratios,
            "aims": AIMS,
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
