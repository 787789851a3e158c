"""Maximum-entropy fitting of a four-million-cell table against ipfn and humanleague.

    python benchmarks/ipf.py [--workers 2] [--json PATH]

The table is zone x sex x single age x marital status x education x activity, with a dozen one- and
two-way margins of a known truth and a seed that knows nothing of it but the structural zeros
(children are neither married nor at work). Every side gets the same arrays, runs in a process of
its own, and is asked for a largest margin error of 1e-8 persons; the error it reached is printed.
Memory is what a side takes beyond the process with its inputs already built.

The peers are optional:  pip install ipfn humanleague
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SHAPE = (40, 2, 86, 5, 8, 15)
AXES = [(0,), (1,), (2,), (3,), (4,), (5,), (0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (2, 5)]
PERSONS = 1_600_000
TOLERANCE = 1e-8
SIDES = ("synthestat", "numpy_reference", "ipfn", "humanleague")
AIMS = {"humanleague": 15.0, "ipfn": 4.0, "synthestat_extra_mib": 150.0}


def inputs() -> tuple[np.ndarray, list[np.ndarray]]:
    """Return (seed, margins over AXES) of a random truth with strong dependence between columns."""
    rng = np.random.default_rng(2024)
    truth = rng.gamma(0.6, 1.0, SHAPE)
    for first in range(6):
        for second in range(first):
            effect = np.exp(0.7 * rng.standard_normal((SHAPE[second], SHAPE[first])))
            place = [1] * 6
            place[second], place[first] = SHAPE[second], SHAPE[first]
            truth *= effect.reshape(place)
    possible = np.ones(SHAPE, dtype=bool)
    possible[:, :, :16, 1:] = False
    possible[:, :, :15, :, :, 5:] = False
    truth *= possible
    truth *= PERSONS / truth.sum()
    return possible.astype(np.float64), [margin_of(truth, axes) for axes in AXES]


def margin_of(table: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Sum a table over all axes but the given ones."""
    return table.sum(axis=tuple(axis for axis in range(table.ndim) if axis not in axes))


def fit(side: str, seed: np.ndarray, margins: list[np.ndarray], workers: int) -> np.ndarray:
    """Fit with one side; return the table."""
    if side == "synthestat":
        from synthestat.fitting.dense import TableMargin, fit_table

        exact = [TableMargin.exact(a, m) for a, m in zip(AXES, margins, strict=True)]
        return fit_table(seed, exact, tolerance=TOLERANCE, workers=workers).cells
    if side == "numpy_reference":
        return broadcast_fit(seed, margins)
    if side == "ipfn":
        from ipfn.ipfn import ipfn

        axes = [list(a) for a in AXES]
        peer = ipfn(seed.copy(), margins, axes, convergence_rate=1e-12, max_iteration=100)
        return np.asarray(peer.iteration())
    import humanleague

    table, _ = humanleague.ipf(seed, [np.array(a) for a in AXES], margins)
    return np.asarray(table)


def broadcast_fit(seed: np.ndarray, margins: list[np.ndarray]) -> np.ndarray:
    """Plain proportional fitting with numpy broadcasting: what one writes in an afternoon."""
    table = seed.copy()
    error = np.inf
    while error > TOLERANCE:
        error = 0.0
        for axes, target in zip(AXES, margins, strict=True):
            away = tuple(axis for axis in range(6) if axis not in axes)
            sums = table.sum(axis=away, keepdims=True)
            wanted = target.reshape(sums.shape)
            error = max(error, float(np.abs(sums - wanted).max()))
            table *= np.divide(wanted, sums, out=np.zeros_like(sums), where=sums > 0)
    return table


def measure(side: str, workers: int) -> dict[str, float]:
    """Fit once in this process; return seconds, error reached and memory beyond the inputs."""
    seed, margins = inputs()
    if side == "synthestat":  # compile and cache apart from the measurement
        fit(side, seed[:2], [margin_of(seed[:2], axes) for axes in AXES], 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    table = fit(side, seed, margins, workers)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs = zip(AXES, margins, strict=True)
    error = max(float(np.abs(margin_of(table, axes) - target).max()) for axes, target in pairs)
    return {"seconds": seconds, "error": error, "extra_mib": (after - before) / 1024}


def installed(side: str) -> bool:
    """Tell whether a side can be run here."""
    return side not in ("ipfn", "humanleague") or importlib.util.find_spec(side) is not None


def main() -> None:
    """Run every side in turn and print figures and ratios."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--workers", type=int, default=2, help="threads of ours")
    parser.add_argument("--runs", type=int, default=3, help="runs of ours; the median is printed")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, options.workers)))
        return
    print(f"{np.prod(SHAPE):,} cells, {len(AXES)} margins, error asked for {TOLERANCE:g}")
    figures: dict[str, float | str] = {"cells": int(np.prod(SHAPE)), "margins": len(AXES)}
    seconds: dict[str, float] = {}
    for side in SIDES:
        if not installed(side):
            print(f"{side:<16} not installed (pip install ipfn humanleague)")
            figures[f"{side}_seconds"] = "not installed"
            continue
        command = [sys.executable, __file__, "--side", side, "--workers", str(options.workers)]
        runs = options.runs if side == "synthestat" else 1
        results = [
            json.loads(
                subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1]
            )
            for _ in range(runs)
        ]
        result = sorted(results, key=lambda r: r["seconds"])[runs // 2]
        seconds[side] = result["seconds"]
        for name, value in result.items():
            figures[f"{side}_{name}"] = value
        print(
            f"{side:<16} {result['seconds']:8.2f} s   largest error {result['error']:.1e}   "
            f"{result['extra_mib']:6.0f} MiB beyond the inputs"
        )
    ratios = {side: seconds[side] / seconds["synthestat"] for side in SIDES[1:] if side in seconds}
    for side, ratio in ratios.items():
        aim = f"  (aim: at least {AIMS[side]:g})" if side in AIMS else ""
        print(f"{side} takes {ratio:.1f} times as long{aim}")
    if options.json:
        document = {"name": "ipf", "figures": figures, "ratios": ratios, "aims": AIMS}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
