"""What the command line and Python both call: build, verify, review, page and site.

Each function imports the rooms that it needs when it is called: reading a run does not wait for the
compiler that building one needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synthestat.bundle.read import find_run
from synthestat.errors import BlockedError, InputError
from synthestat.sources.snapshots import SnapshotStore

if TYPE_CHECKING:
    from synthestat.cycle.conduct import Heard
    from synthestat.cycle.database import Board
    from synthestat.cycle.values import Cycle
    from synthestat.review.report import Review
    from synthestat.review.verify import Verification
    from synthestat.story import Population, Progress

SEED = 420987


def build(
    country: str | Path,
    *,
    seed: int = SEED,
    out: str | Path = "runs",
    replicates: int = 1,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Build a country's population and write its run bundle; return the run's folder.

    `country` is the code of an embedded pack, with an edition or without (`LU-2021`, `LU`), or the
    folder of a pack of your own; `workers` defaults to the processors at hand and never changes a
    result. With `replicates` above 1 the run holds so many populations: the others meet the same
    controls with other draws of what is not known, below `replicates/`. The run appears whole at
    `<out>/<CC>/<run_id>` or, on any error, not at all; where HARD figures contradict each other,
    `<run_id>.blocked.json` keeps the conflicting set in the schema
    of `relaxations.json`.
    """
    from synthestat.bundle.manifest import run_id
    from synthestat.bundle.write import staged_folder, write_blocked, write_files
    from synthestat.packs.pack import find_pack
    from synthestat.story import build_population

    if seed < 0:
        raise InputError(f"the seed {seed} is negative", remedy="give a whole number from 0 up")
    if replicates < 1:
        raise InputError(f"{replicates} replicates are no population", remedy="give 1 or more")
    if workers is not None and workers < 1:
        raise InputError(f"{workers} workers cannot build", remedy="give --workers 1 or more")
    workers = workers or processors()
    started = datetime.now(UTC)
    pack = find_pack(str(country))
    snapshots = SnapshotStore(pack.snapshots)
    identity = run_id(pack, seed, replicates)

    def populate(number: int) -> Population:
        told = None if progress is None else _numbered(progress, number, replicates)
        return build_population(
            pack, snapshots, seed=seed, replicate=number, workers=workers or 1, progress=told
        )

    with staged_folder(Path(out), pack.code, identity) as folder:
        try:
            population = populate(0)
        except BlockedError as error:
            write_blocked(Path(out) / pack.code / f"{identity}.blocked.json", identity, error)
            raise
        if progress is not None:
            progress("writing the bundle", 0, 1)
        others = [partial(populate, number) for number in range(1, replicates)]
        write_files(population, snapshots, folder, identity, started, workers, others)
    return Path(out) / pack.code / identity


def _numbered(progress: Progress, number: int, of: int) -> Progress:
    """Return a progress that says which of several populations is being built."""
    if of == 1:
        return progress
    return lambda step, done, all_: progress(f"{number + 1}/{of} {step}", done, all_)


def verify(run: str | Path, *, snapshots: str | Path | None = None) -> Verification:
    """Recompute a run's claims from its files and the frozen extracts.

    `run` is a run's folder (or a folder of runs: the newest); `snapshots` a folder of extracts
    (default: those of the embedded packs).
    """
    from synthestat.review.verify import verify_run

    return verify_run(find_run(str(run)), snapshot_store(snapshots))


def review(run: str | Path, *, snapshots: str | Path | None = None, write: bool = True) -> Review:
    """Recompute a run's claims, give its verdict, and write `<run>.review.json` beside its folder.

    `run` and `snapshots` as for `verify`, but where a folder of extracts is given no other is read:
    no pack need be installed. With `write` False nothing is written.
    """
    from synthestat.review.report import review_run, write_review

    folder = find_run(str(run))
    store = snapshot_store(None) if snapshots is None else SnapshotStore(_existing(snapshots))
    judged = review_run(folder, store)
    if write:
        write_review(judged, folder)
    return judged


def page(
    run: str | Path,
    *,
    out: str | Path | None = None,
    boundaries: str | Path | None = None,
    verification: Verification | None = None,
    review: Review | None = None,
) -> Path:
    """Write the offline page of a run (default: beside its folder); return the page's path.

    A `review` is shown with its verdict and rubric, and stands for its verification.
    """
    from synthestat.site.pages import write_run_page

    return write_run_page(
        find_run(str(run)),
        out=None if out is None else Path(out),
        boundaries=None if boundaries is None else Path(boundaries),
        verification=verification if review is None else review.verification,
        review=None if review is None else review.document,
    )


def open_board(address: str | Path | None = None, *, out: str | Path = "runs") -> Board:
    """Open the board at an address: by default `$SYNTHESTAT_BOARD`, else the one in `out`."""
    from synthestat.cycle.conduct import default_board
    from synthestat.cycle.database import open_board as open_at

    return open_at(address or default_board(Path(out)))


def cycle(
    country: str | Path,
    *,
    seed: int = SEED,
    out: str | Path = "runs",
    board: Board | None = None,
    shelf: str | Path | None = None,
    workers: int | None = None,
    heard: Heard | None = None,
) -> Cycle:
    """Take a country round until its verdict passes or a person must decide; return the cycle.

    Build, review, then what follows from the verdict: fixes of the model, or a search for sources
    on the `shelf` (a folder of offers), a new build, a new review. The board (default: that of
    `out`) keeps every task; a cycle of the same inputs that was interrupted is taken up where it
    was, and one that waits for a person is returned as it is. `heard` is told of each step.
    """
    from synthestat.cycle.conduct import begin, conduct, cycle_options
    from synthestat.cycle.workers import Tools
    from synthestat.packs.pack import find_pack, is_embedded

    pack = find_pack(str(country))
    name = str(country) if is_embedded(str(country)) else str(Path(country).resolve())
    offers = None if shelf is None else _existing(shelf, "offers")
    options = cycle_options(name, pack, seed, Path(out), offers)

    def build_with(pack: Path, seed: int, out: Path, tell: Progress) -> Path:
        return build(pack, seed=seed, out=out, workers=workers, progress=tell)

    def review_with(run: Path, snapshots: Path) -> None:
        review(run, snapshots=snapshots)

    where = board or open_board(out=out)
    begun = begin(where, pack.code, options)
    return conduct(where, begun.id, Tools(build_with, review_with), heard or _unheard)


def _unheard(_task: object, _step: str, _done: int, _of: int) -> None:
    """Say nothing."""


def site(
    runs: str | Path = "runs",
    *,
    out: str | Path = "site",
    boundaries: Iterable[str | Path] = (),
    public: bool = False,
    board: Board | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write the static site of all runs below a folder, with their reviews; return its index.

    It opens from disk and sends no request. An earlier site at `out` is replaced in one step, any
    other folder refused. `boundaries` are GeoJSON files of zones; `public` leaves out households
    that a run's release mode keeps inside. The tasks of a `board` get pages; by default of the one
    that lies with the runs, if one does.
    """
    from synthestat.cycle.conduct import default_board
    from synthestat.site.static_site import write_site

    address = default_board(Path(runs))
    if board is None and ("://" in address or Path(address).is_file()):
        board = open_board(address)
    return write_site(
        *(Path(runs), Path(out)),
        boundaries=map(Path, boundaries),
        public=public,
        board=board,
        progress=progress,
    )


def snapshot_store(folder: str | Path | None) -> SnapshotStore:
    """Return the given folder of extracts, before those of the embedded packs.

    InputError where the given folder is not there.
    """
    given = [] if folder is None else [_existing(folder)]
    from synthestat.packs.pack import embedded_editions

    return SnapshotStore(*given, *(pack / "snapshots" for pack in embedded_editions().values()))


def _existing(folder: str | Path, what: str = "frozen extracts") -> Path:
    """Return a folder that was given; InputError where it is not there."""
    if not Path(folder).is_dir():
        remedies = {
            "frozen extracts": "give the snapshots/ folder of the run's pack, or no --snapshots",
            "offers": "give a folder that holds one folder an offer, or leave --shelf out",
        }
        raise InputError(f"{folder} is not a folder of {what}", remedy=remedies[what])
    return Path(folder)


def processors() -> int:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
