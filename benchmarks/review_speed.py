"""Time and memory of the review, check by check, on a run and on an invented large country.

    python benchmarks/review_speed.py [--country XK] [--json PATH]
    python benchmarks/review_speed.py --run RUN --snapshots FOLDER
    python benchmarks/review_speed.py --copies 6 --keep FOLDER

`--copies K` invents a country of K times as many residents: every municipality of the pack K times,
under codes and names of their own, national figures K times as large. It is built by the engine
like any other, so every file of the run is what a country of that size has. `--keep` keeps pack and
run there (and takes them up again); otherwise both are thrown away. Seconds are wall time, beside
seconds of processor; memory is the peak of the process that reviews.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

AIMS = {
    "XK": {"seconds": 15.0, "peak_mib": 1500.0},
    "10 million residents": {"seconds": 120.0},
}
SLOWEST = 12  # checks shown


def copied_pack(code: str, copies: int, folder: Path) -> Path:
    """Write a pack whose country holds every zone of an embedded one `copies` times."""
    from synthestat.packs.pack import find_pack
    from synthestat.sources.snapshots import SnapshotStore

    pack = find_pack(code)
    shutil.copytree(pack.folder, folder, ignore=shutil.ignore_patterns("snapshots"))
    root = pack.geography.root.code
    copy_geography(folder / "geography.csv", root, copies)
    store, frozen = SnapshotStore(pack.snapshots), SnapshotStore(folder / "snapshots")
    text = (folder / "sources.yaml").read_text(encoding="utf-8")
    for source in pack.sources.values():
        old = store.read(source.sha256)
        new = old if source.zone_dimension is None else copied_table(old, source, root, copies)
        text = text.replace(source.sha256, frozen.put(new))
    (folder / "sources.yaml").write_text(text, encoding="utf-8")
    return folder


def copy_geography(path: Path, root: str, copies: int) -> None:
    """Give every zone but the root `copies` lines, the further ones under numbered names."""
    lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(lines[0]), lineterminator="\n")
        writer.writeheader()
        for number in range(copies):
            for line in lines:
                if number and line["code"] != root:
                    spellings = filter(None, line["other_spellings"].split("|"))
                    others = "|".join(f"{name} {number + 1}" for name in spellings)
                    name = f"{line['name']} {number + 1}"
                    own = {"code": named(line["code"], number), "name": name}
                    writer.writerow(line | own | {"other_spellings": others})
                elif not number:
                    writer.writerow(line)


def named(code: str, number: int) -> str:
    """The code of a zone's copy; the first is the zone itself."""
    return f"{code}_{number + 1}" if number else code


def copied_table(document: bytes, source: object, root: str, copies: int) -> bytes:
    """A frozen table with the rows of every zone `copies` times, the country's as many times."""
    from synthestat.sources.jsonstat import read_jsonstat, write_jsonstat

    cube = read_jsonstat(document, name=source.id, symbols=source.symbols)  # type: ignore[attr-defined]
    axis = [d.id for d in cube.dimensions].index(source.zone_dimension)  # type: ignore[attr-defined]
    zones = cube.dimensions[axis]
    kept = [at for at, code in enumerate(zones.codes) if code != root]
    order = ([zones.position(root)] if root in zones.codes else []) + kept + kept * (copies - 1)
    wholes = len(order) - copies * len(kept)
    codes = [zones.codes[at] for at in order]
    labels = [zones.labels[at] for at in order]
    for number in range(1, copies):
        for place in range(len(kept)):
            at = wholes + number * len(kept) + place
            codes[at], labels[at] = named(codes[at], number), f"{labels[at]} {number + 1}"
    values = np.take(cube.values, order, axis).copy()
    if wholes:
        np.moveaxis(values, axis, 0)[0] *= copies
    dimensions = list(cube.dimensions)
    dimensions[axis] = replace(zones, codes=tuple(codes), labels=tuple(labels))
    status = np.take(cube.status, order, axis)
    return write_jsonstat(replace(cube, dimensions=tuple(dimensions), values=values, status=status))


def review(run: Path, snapshots: Path) -> dict[str, object]:
    """Review a run in this process; seconds by check, in all, and the peak of memory in MiB."""
    from synthestat.review.verify import verify_run
    from synthestat.sources.snapshots import SnapshotStore

    seconds: dict[str, float] = {}
    started, busy = time.perf_counter(), time.process_time()
    last = [started]

    def told(check: object) -> None:
        now = time.perf_counter()
        seconds[check.id] = now - last[0]  # type: ignore[attr-defined]
        last[0] = now

    verification = verify_run(run, SnapshotStore(snapshots), progress=told)
    failed = [check.id for check in verification.checks if check.status.value == "FAIL"]
    manifest = json.loads((run / "build_manifest.json").read_text(encoding="utf-8"))
    return {
        "run": verification.run_id,
        "persons": manifest["coverage"]["built"]["persons"]["all"],
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - busy,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "failed": failed,
        "by_check": dict(sorted(seconds.items(), key=lambda each: -each[1])),
    }


def built(pack: str, out: Path, workers: int) -> tuple[Path, Path]:
    """Build a run in a process of its own, unless one is there; (its folder, its snapshots)."""
    if not list(out.glob("*/*/build_manifest.json")):
        command = [sys.executable, "-m", "synthestat", "build", pack, "--out", str(out)]
        subprocess.run([*command, "--workers", str(workers)], check=True, stdout=sys.stderr)
    run = next(out.glob("*/*/build_manifest.json")).parent
    from synthestat.packs.pack import find_pack

    return run, find_pack(pack).snapshots


def shown(figures: dict[str, object]) -> str:
    """The figures as lines of text: the sum, then the slowest checks."""
    by_check = figures["by_check"]
    assert isinstance(by_check, dict)
    lines = [
        f"{figures['run']}: {figures['persons']:,} persons",
        f"{figures['seconds']:.1f} s, {figures['processor_seconds']:.1f} s of processor, "
        f"{figures['peak_mib']:.0f} MiB, failed: {figures['failed'] or 'none'}",
        *(f"  {name:24} {seconds:7.2f} s" for name, seconds in list(by_check.items())[:SLOWEST]),
    ]
    return "\n".join(lines)


def main() -> None:
    """Build what is asked for, review it in a fresh process, print and write the figures."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--country", default="XK")
    parser.add_argument("--copies", type=int, default=1, help="how often to repeat its zones")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="review this run instead")
    parser.add_argument("--snapshots", type=Path, help="its frozen tables")
    parser.add_argument("--keep", type=Path, help="keep pack and run in this folder")
    parser.add_argument("--json", type=Path, help="write name, figures and aims here")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(review(options.run, options.snapshots)))
        return
    with tempfile.TemporaryDirectory() as thrown_away:
        place = options.keep or Path(thrown_away)
        run, snapshots = options.run, options.snapshots
        if run is None:
            pack = options.country
            if options.copies > 1:
                folder = place / f"{pack.lower()}_{options.copies}_times"
                pack = str(folder if folder.is_dir() else copied_pack(pack, options.copies, folder))
            run, snapshots = built(pack, place / f"runs_{options.copies}", options.workers)
        command = [sys.executable, __file__, "--side", "--run", str(run), "--snapshots"]
        said = subprocess.run(
            [*command, str(snapshots)], check=True, capture_output=True, text=True
        )
    figures = json.loads(said.stdout.splitlines()[-1])
    print(shown(figures))
    if options.json:
        report = {"name": "review_speed", "figures": figures, "aims": AIMS}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
