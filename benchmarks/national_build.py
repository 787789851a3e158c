"""Whole national build against merely writing the same tables.

    python benchmarks/national_build.py [--country XK] [--workers 2] [--json PATH]

Each side runs in a process of its own, after one warm-up build that compiles and caches the
kernels: `build` makes the population from the frozen tables and writes every file of its bundle;
`write` reads the finished tables and writes the same Parquet files again, nothing else.
Seconds are wall time of the work (imports apart, reported beside it); memory is the peak of the
process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AIMS = {"build_seconds": 20.0, "build_peak_mib": 1500.0}


def build(country: str, out: Path, workers: int) -> dict[str, object]:
    """Build and write a whole run; return seconds, persons and the run's folder."""
    imported = time.perf_counter()
    import synthestat
    from synthestat import api  # noqa: F401  (its import is what is timed)

    started = time.perf_counter()
    folder = synthestat.build(country, out=out, workers=workers)
    seconds = time.perf_counter() - started
    manifest = json.loads((folder / "build_manifest.json").read_text(encoding="utf-8"))
    return {
        "seconds": seconds,
        "import_seconds": started - imported,
        "persons": manifest["coverage"]["built"]["persons"]["all"],
        "folder": str(folder),
    }


def write(folder: Path, out: Path) -> dict[str, object]:
    """Write the tables of a finished run again, a row group per zone."""
    import polars as pl

    from synthestat.bundle.parquet import write_by_zone

    paths = {
        name: folder / f"synthetic_{name}.parquet"
        for name in ("persons", "households", "dwellings")
    }
    tables = {name: pl.read_parquet(path) for name, path in paths.items() if path.is_file()}
    zones = {
        name: table.partition_by("zone_code", maintain_order=True) for name, table in tables.items()
    }
    started = time.perf_counter()
    for name in tables:
        write_by_zone(out / f"{name}.parquet", zones[name], {}, "benchmark")
    return {"seconds": time.perf_counter() - started}


def in_process(*arguments: str) -> dict[str, float]:
    """Run one side in a fresh process; return its figures with the peak memory in MiB."""
    command = [sys.executable, __file__, "--side", *arguments]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Run both sides and print their figures and ratio."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--country", default="XK")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each side")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    parser.add_argument("--side", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, *rest = options.side
        figures = (
            build(rest[0], Path(rest[1]), int(rest[2]))
            if side == "build"
            else write(Path(rest[0]), Path(rest[1]))
        )
        figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(figures))
        return
    with tempfile.TemporaryDirectory() as scratch:
        workers = str(options.workers)
        cold = in_process("build", options.country, scratch, workers)
        builds, writes = [], []
        for _ in range(options.runs):
            builds.append(in_process("build", options.country, scratch, workers))
            writes.append(in_process("write", str(builds[-1]["folder"]), scratch))
    middle = options.runs // 2
    built = sorted(builds, key=lambda f: f["seconds"])[middle]
    written = sorted(writes, key=lambda f: f["seconds"])[middle]
    figures = {
        "persons": built["persons"],
        "first_build_seconds": round(cold["seconds"], 2),
        "build_seconds": round(built["seconds"], 2),
        "build_peak_mib": round(max(f["peak_mib"] for f in builds)),
        "import_seconds": round(built["import_seconds"], 2),
        "write_seconds": round(written["seconds"], 2),
        "write_peak_mib": round(max(f["peak_mib"] for f in writes)),
        "persons_per_second": round(built["persons"] / built["seconds"]),
        "persons_per_second_and_core": round(built["persons"] / built["seconds"] / options.workers),
    }
    ratios = {"writing_the_tables": round(built["seconds"] / written["seconds"], 2)}
    for name, figure in figures.items():
        aim = f"  (aim: under {AIMS[name]:g})" if name in AIMS else ""
        print(f"{name:<28} {figure:>14,}{aim}")
    print(
        f"the whole build takes {ratios['writing_the_tables']} times as long as writing its tables"
    )
    if options.json:
        document = {"name": "national_build", "figures": figures, "ratios": ratios, "aims": AIMS}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
