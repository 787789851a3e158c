"""Good runs to plant in, and clean variants of them on which the review must stay silent."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import polars as pl

import synthestat
from planted.institution_pack import with_institutions
from planted.invented_layers import add_layers
from planted.kinds import INSTITUTIONS, LAYERED, PLAIN, REPLICATES
from planted.kit import PlantedRun
from planted.planting import GoodRun
from synthestat.packs.pack import find_pack
from synthestat.review.record import Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

TINYLAND = "Tinyland"
TINY = Path(__file__).resolve().parents[2] / "tests" / "packs" / "tiny"
COUNTRIES = (TINYLAND, "LU-2025", "XK")
SEEDS = {TINYLAND: (2, 3, 5, 8, 13, 21), "XK": (2, 3), "LU-2025": (2, 3)}
"""Other seeds of a clean run; chosen once, as they come."""


@dataclass(frozen=True)
class Variant:
    """A clean run reviewed. `failed` are required checks that fail: false alarms, each of them.

    `warned` are checks that warn: true statements, such as a soft target that is missed.
    """

    country: str
    what: str
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    seconds: float

    def plain(self) -> dict[str, object]:
        """The variant as plain values."""
        return asdict(self)


def pack_of(country: str) -> Path:
    """The folder of a country's pack: Tinyland's, or an embedded one."""
    return TINY if country == TINYLAND else find_pack(country).folder


def built(
    country: str,
    pack: Path,
    below: Path,
    name: str,
    *,
    seed: int,
    workers: int,
    replicates: int = 1,
) -> GoodRun:
    """Build a pack; `name` is the base, or any other word for a folder."""
    run = synthestat.build(
        pack, seed=seed, out=below / country / name, workers=workers, replicates=replicates
    )
    return GoodRun(country, name, run, pack / "snapshots")


def base_runs(country: str, below: Path, seed: int, workers: int) -> dict[str, GoodRun]:
    """The good runs of a country by base, with the advisory checks that warn of each."""
    pack = pack_of(country)
    plain = built(country, pack, below, PLAIN, seed=seed, workers=workers)
    runs = {PLAIN: plain}
    if country == TINYLAND:
        other = with_institutions(TINY, below / "institutions_pack")
        runs[INSTITUTIONS] = built(country, other, below, INSTITUTIONS, seed=seed, workers=workers)
        runs[REPLICATES] = built(
            country, TINY, below, REPLICATES, seed=seed, workers=workers, replicates=3
        )
        runs[LAYERED] = with_layers(plain, below / country / LAYERED)
    elif len(pl.read_parquet(plain.folder / "synthetic_households.parquet")["kind"].unique()) > 1:
        runs[INSTITUTIONS] = plain
    return {base: _warned(run) for base, run in runs.items()}


def _warned(run: GoodRun) -> GoodRun:
    """The run with its checks that warn."""
    checks = verify_run(run.folder, SnapshotStore(run.snapshots)).checks
    warned = tuple(check.id for check in checks if check.status is Status.WARN)
    return GoodRun(run.country, run.base, run.folder, run.snapshots, warned)


def with_layers(good: GoodRun, below: Path) -> GoodRun:
    """A copy of Tinyland's run with invented layers, sealed."""
    below.mkdir(parents=True)
    run = PlantedRun(good.folder, SnapshotStore(good.snapshots), below)
    add_layers(run)
    run.seal()
    return GoodRun(good.country, LAYERED, run.folder, run.snapshots.folders[0])


# Clean variants -----------------------------------------------------------------------------------


def sealed_anew(run: PlantedRun) -> None:
    """Seal a copy in which nothing changed."""
    run.seal()


def written_anew(run: PlantedRun) -> None:
    """Write every table and document anew, the same content in other bytes, and seal."""
    for path in sorted(run.folder.glob("*.json")):
        run.put_bytes(path.name, json.dumps(run.read_json(path.name)).encode())
    for path in sorted(run.folder.glob("*.parquet")):
        run.write(path.stem, run.table(path.stem))
    run.seal()


def moved(run: PlantedRun) -> None:
    """The copy alone: the run lies in another folder under another name."""


REWRITTEN: tuple[tuple[str, Callable[[PlantedRun], None]], ...] = (
    ("in another folder", moved),
    ("sealed anew", sealed_anew),
    ("written anew and sealed", written_anew),
)


def clean_variants(
    country: str, bases: dict[str, GoodRun], below: Path, seed: int, workers: int
) -> Iterator[tuple[str, Callable[[], Variant]]]:
    """The clean runs of a country, each with how it is reviewed: its bases, copies, other seeds,
    options and editions."""
    for base, run in bases.items():
        if base != run.base:  # a run that serves as two bases is one
            continue
        what = f"{base}, seed {seed}"
        yield what, partial(reviewed, run, what)
    for name, edit in REWRITTEN:
        yield name, partial(_copied, bases[PLAIN], name, edit, below)
    build = partial(_built_clean, country, below)
    for other in SEEDS.get(country, (2,)):
        yield (what := f"seed {other}"), partial(build, country, what, other, workers)
    yield (what := f"seed {seed + 100}, 1 worker"), partial(build, country, what, seed + 100, 1)
    if country != TINYLAND:
        yield (what := "2 replicates"), partial(build, country, what, seed, workers, 2)
    for edition in _editions(country):
        yield (what := f"edition {edition}"), partial(build, edition, what, seed, workers)


def _copied(good: GoodRun, name: str, edit: Callable[[PlantedRun], None], below: Path) -> Variant:
    """Review a copy of a good run in another folder, edited."""
    with tempfile.TemporaryDirectory(dir=below) as place:
        run = PlantedRun(good.folder, SnapshotStore(good.snapshots), Path(place))
        edit(run)
        return reviewed(GoodRun(good.country, name, run.folder, good.snapshots), name)


def _editions(country: str) -> Sequence[str]:
    """Other editions of a country's pack."""
    return ("LU-2021",) if country == "LU-2025" else ()


def _built_clean(
    country: str,
    below: Path,
    edition: str,
    what: str,
    seed: int,
    workers: int,
    replicates: int = 1,
) -> Variant:
    """Build, review and throw away."""
    place = below / "clean"
    pack = pack_of(edition)
    run = built(country, pack, place, "run", seed=seed, workers=workers, replicates=replicates)
    try:
        return reviewed(run, what)
    finally:
        shutil.rmtree(place)


def reviewed(run: GoodRun, what: str) -> Variant:
    """Review a clean run."""
    started = time.perf_counter()
    checks = verify_run(run.folder, SnapshotStore(run.snapshots)).checks
    seconds = round(time.perf_counter() - started, 2)
    by_status = {
        status: tuple(check.id for check in checks if check.status is status)
        for status in (Status.FAIL, Status.WARN)
    }
    return Variant(run.country, what, by_status[Status.FAIL], by_status[Status.WARN], seconds)
