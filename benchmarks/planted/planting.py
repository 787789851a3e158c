"""One planting: a kind at a severity in a good run, reviewed, and what came of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from planted.kinds import ChangesNoClaim, Kind, NotApplicable
from planted.kit import PlantedRun, signature
from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

CAUGHT, ELSEWHERE, MISSED = "caught", "caught_by_another", "missed"
NO_CLAIM, NOT_APPLICABLE = "changes_no_claim", "not_applicable"
OUTCOMES = (CAUGHT, ELSEWHERE, MISSED, NO_CLAIM, NOT_APPLICABLE)
"""By the check that must find it; by other required checks alone; by none; and not counted."""


@dataclass(frozen=True)
class GoodRun:
    """A run without a defect that we know of, with its frozen tables.

    `warned` are its advisory checks that warn before anything is planted.
    """

    country: str
    base: str
    folder: Path
    snapshots: Path
    warned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """What came of one planting. `failed` are the required checks that failed, `why` says why
    nothing was judged, seconds are of planting with sealing and of the review."""

    country: str
    kind: str
    severity: str
    outcome: str
    why: str = ""
    failed: tuple[str, ...] = ()
    planting: float = 0.0
    review: float = 0.0

    def plain(self) -> dict[str, object]:
        """The row as plain values."""
        return asdict(self)


def plant(kind: Kind, run: PlantedRun) -> None:
    """Damage a run and seal it. Raises NotApplicable, or ChangesNoClaim if nothing is altered."""
    if kind.sealed:
        kind.plant(run)
        altered = set(run.altered)
        run.seal()
    else:
        run.seal()
        run.altered.clear()
        kind.plant(run)
        altered = run.altered
    if not altered:
        raise ChangesNoClaim("every file says what it said")


def judged(kind: Kind, checks: Iterable[Check], warned: Iterable[str]) -> tuple[str, list[str]]:
    """(outcome, ids of required checks that failed) of the checks of a planted run.

    The check named may find by a WARN that it did not give of the good run: if it only advises, or
    if it cannot fail (a count that binds nothing) and others do.
    """
    by_id = {check.id: check for check in checks}
    failed = [c.id for c in by_id.values() if c.required and c.status is Status.FAIL]
    own = by_id[kind.check]
    anew = own.status is Status.WARN and own.id not in warned
    if kind.check in failed or (anew and (failed or not own.required)):
        return CAUGHT, failed
    return (ELSEWHERE if failed else MISSED), failed


def try_kind(kind: Kind, severity: str, good: GoodRun, seed: int) -> Row:
    """Plant a kind at a severity in a copy of a good run and let the review judge it."""
    before = {path: signature(path) for path in good.folder.rglob("*") if path.is_file()}
    with tempfile.TemporaryDirectory(prefix="synthestat-planted-") as below:
        started = time.perf_counter()
        run = PlantedRun(
            good.folder,
            SnapshotStore(good.snapshots),
            Path(below),
            severity=severity,
            seed=seed,
            linked=True,
        )
        try:
            plant(kind, run)
        except (NotApplicable, ChangesNoClaim) as said:
            outcome = NOT_APPLICABLE if isinstance(said, NotApplicable) else NO_CLAIM
            return Row(good.country, kind.id, severity, outcome, why=str(said))
        planted = time.perf_counter()
        checks = verify_run(run.folder, run.snapshots).checks
        ended = time.perf_counter()
    for path, was in before.items():
        if signature(path) != was:
            raise RuntimeError(f"{kind.id} wrote through a link: {path.name} of the good run")
    outcome, failed = judged(kind, checks, good.warned)
    return Row(
        *(good.country, kind.id, severity, outcome),
        failed=tuple(failed),
        planting=round(planted - started, 3),
        review=round(ended - planted, 3),
    )
