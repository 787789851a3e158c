"""What a review is made of: questions, answers, and the record of each check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from synthestat.review.case import Case

SHOWN = 20  # offending rows or lines kept with a check; assumption, no source


class Status(StrEnum):
    """How a check ended. SKIP: there was nothing to judge. WARN: true, but worth a look."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True)
class Answer:
    """What judging a case came to: `figures` are recomputed, `offending` are examples as text."""

    status: Status
    notes: str
    figures: Mapping[str, object] = field(default_factory=dict)
    offending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One check before it is carried out.

    `finding` is its number in the list of known defects; `files` are those it reads, and one that
    is damaged or absent answers the question with FAIL; `threshold` says what must hold, and
    where that comes from, with the value of a threshold where it says `{id}`; `judge` does the
    work.
    """

    id: str
    family: str
    finding: int | None
    files: tuple[str, ...]
    threshold: str
    remedy: str
    judge: Callable[[Case], Answer]
    required: bool = True


@dataclass(frozen=True)
class Check:
    """One check carried out. `offending` holds at most twenty rows or lines.

    `thresholds` are the ids of the thresholds that it judged by; `damaged` says that it failed
    because the bundle's own files could not be read.
    """

    id: str
    family: str
    finding: int | None
    required: bool
    status: Status
    notes: str
    figures: Mapping[str, object]
    threshold: str
    offending: tuple[str, ...]
    remedy: str
    thresholds: tuple[str, ...] = ()
    damaged: bool = False


def found(
    faults: Iterable[str], fine: str, *, figures: Mapping[str, object] | None = None
) -> Answer:
    """FAIL with the faults, or PASS with the sentence `fine`."""
    listed = list(faults)
    if listed:
        notes = listed[0] if len(listed) == 1 else f"{len(listed):,} faults; the first: {listed[0]}"
        return Answer(Status.FAIL, notes, figures or {}, tuple(listed[:SHOWN]))
    return Answer(Status.PASS, fine, figures or {})


def warned(
    faults: Iterable[str], fine: str, *, figures: Mapping[str, object] | None = None
) -> Answer:
    """As `found`, but the faults are a WARN."""
    answer = found(faults, fine, figures=figures)
    status = Status.WARN if answer.status is Status.FAIL else answer.status
    return Answer(status, answer.notes, answer.figures, answer.offending)


def skipped(why: str) -> Answer:
    """There is nothing to judge."""
    return Answer(Status.SKIP, why)


def no_rows(queries: Mapping[str, str], fine: str) -> Callable[[Case], Answer]:
    """Make a judge that runs SQL queries, none of which may return a row.

    Keys say what a returned row is; `$name` in a query is a rule of country.yaml. A query on a
    layer that the bundle declares unavailable is left out.
    """

    def judge(case: Case) -> Answer:
        faults: list[str] = []
        figures: dict[str, object] = {}
        asked = {what: sql for what, sql in queries.items() if not case.unavailable_in(sql)}
        for what, sql in asked.items():
            count, rows = case.offenders(sql, SHOWN)
            figures[what] = count
            faults += [f"{what}: {row}" for row in rows]
        if not asked:
            return skipped("the layer is declared unavailable")
        broken = {what: count for what, count in figures.items() if count}
        if not broken:
            return Answer(Status.PASS, fine, figures)
        notes = "; ".join(f"{what}: {count:,}" for what, count in broken.items())
        return Answer(Status.FAIL, notes, figures, tuple(faults[:SHOWN]))

    return judge
