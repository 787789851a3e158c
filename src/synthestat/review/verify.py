"""The review of a run: every question, in the order in which it is asked, and the verification."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from synthestat.errors import CubeError, SnapshotError, SynthestatError
from synthestat.review.case import TABLES, Case, open_case
from synthestat.review.controls import deviation, expected_status
from synthestat.review.questions import QUESTIONS
from synthestat.review.record import Answer, Check, Question, Status, skipped
from synthestat.sources.snapshots import SnapshotStore

DAMAGE = (
    SynthestatError,
    duckdb.Error,
    pl.exceptions.PolarsError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    StopIteration,
    RuntimeError,  # what a generator makes of it
)
"""What a check may meet in files that are not what they should be."""


@dataclass(frozen=True)
class Verification:
    """A run judged.

    `deviation` is the largest relative error over HARD, FIRM and SOFT cells as recounted, None
    where nothing could be recounted. `residuals` has one row per published cell, with the columns
    of constraint_residuals.parquet up to `status`, recounted.
    """

    run_id: str
    checks: tuple[Check, ...]
    deviation: float | None
    residuals: pl.DataFrame

    @property
    def passed(self) -> bool:
        """Whether no required check failed."""
        return not any(check.required and check.status is Status.FAIL for check in self.checks)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each status."""
        ended = Counter(check.status for check in self.checks)
        return {status.value: ended[status] for status in Status}


def verify_run(
    folder: Path,
    snapshots: SnapshotStore,
    *,
    progress: Callable[[Check], None] | None = None,
) -> Verification:
    """Judge a run bundle from its files and the frozen snapshots alone.

    `progress` is told each check as it ends. A file that is damaged or absent fails the checks
    that need it; the others are carried out. Raises BundleError only if there is no folder.
    """
    with open_case(folder, snapshots) as case:
        return verify_case(case, progress=progress)


def verify_case(case: Case, *, progress: Callable[[Check], None] | None = None) -> Verification:
    """Judge a run that is open already; as `verify_run`."""
    checks = []
    for question in QUESTIONS:
        check = ask(question, case)
        checks.append(check)
        if progress is not None:
            progress(check)
    return Verification(run_id_of(case), tuple(checks), *_recounted(case))


def ask(question: Question, case: Case) -> Check:
    """Carry out one check; what keeps it from being carried out is a FAIL that names the file."""
    answer = _unreadable(question, case)
    damaged = answer is not None and answer.status is Status.FAIL
    case.used.clear()
    if answer is None:
        try:
            answer = question.judge(case)
        except DAMAGE as error:
            answer = _damaged(question, error)
            damaged = not isinstance(error, (SnapshotError, CubeError))
    return Check(
        id=question.id,
        family=question.family,
        finding=question.finding,
        required=question.required,
        status=answer.status,
        notes=_placeless(answer.notes, case),
        figures=answer.figures,
        threshold=_with_values(question.threshold, case),
        offending=tuple(_placeless(line, case) for line in answer.offending),
        remedy="" if answer.status in (Status.PASS, Status.SKIP) else question.remedy,
        thresholds=tuple(sorted(case.used)),
        damaged=damaged,
    )


def _placeless(line: str, case: Case) -> str:
    """A line without the folder in which the run happens to lie."""
    return line.replace(f"{case.folder}/", "").replace(str(case.folder), "the run")


def _with_values(said: str, case: Case) -> str:
    """A question's threshold with the value of each threshold that it names in braces."""
    known = case.thresholds.by_id
    return re.sub(r"\{(\w+)\}", lambda found: f"{known[found[1]].value:g}", said)


def _unreadable(question: Question, case: Case) -> Answer | None:
    """SKIP if the layers in question are all declared unavailable; FAIL if a file is unreadable."""
    layers = {f"{layer}.parquet": view for view, layer in TABLES.items()}
    gone = [file for file in question.files if _declared(case, layers.get(file))]
    if gone and set(gone) == {file for file in question.files if file in layers}:
        return skipped(f"declared unavailable: {', '.join(gone)}")
    faults = [case.fault(file) for file in question.files if file not in gone]
    faults = [fault for fault in faults if fault]
    return Answer(Status.FAIL, "; ".join(faults), {}, tuple(faults)) if faults else None


def _declared(case: Case, view: str | None) -> bool:
    return view is not None and case.declared_unavailable(view)


def _damaged(question: Question, error: BaseException) -> Answer:
    said = f"{type(error).__name__}: {str(error).strip() or 'no more is known'}"
    files = ", ".join(question.files) or "the bundle"
    return Answer(
        Status.FAIL, f"cannot be judged from {files}: {said.splitlines()[0]}", {}, (said,)
    )


def run_id_of(case: Case) -> str:
    """The run's id as its manifest has it, else the name of its folder."""
    try:
        return str(case.manifest["run_id"])
    except DAMAGE:
        return case.folder.name


def _recounted(case: Case) -> tuple[float | None, pl.DataFrame]:
    """The deviation figure and the table of residuals, as recounted."""
    try:
        cells = case.cells
        logged = {str(entry["constraint_id"]) for entry in case.relaxations}
    except DAMAGE:
        return None, pl.DataFrame()
    rows = [
        {
            "constraint_id": cell.id,
            "control_id": cell.control.id,
            "family": cell.control.family,
            "level": cell.control.level,
            "universe": cell.control.universe,
            "counts": cell.control.counts,
            "zone": cell.zone,
            "category": cell.category,
            "target": cell.target,
            "observed": cell.observed,
            "residual": cell.residual if cell.judged else None,
            "relative_error": cell.relative_error if cell.judged else None,
            "tolerance": cell.control.tolerance,
            "status": expected_status(cell, logged),
        }
        for cell in cells
    ]
    worst = deviation(case) if any(cell.judged for cell in cells) else None
    return worst, pl.DataFrame(rows, infer_schema_length=None)
