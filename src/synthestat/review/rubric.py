"""The ideal country: ten needs, the distance of a run from each, and what would move it most.

gap of a need = 100 x (sum of weight x term) / (sum of weights), over the terms that say something
of the run; rounded to one place. What would move it most is the term with the largest weight x
term. A need is `blocked`, with a gap of 100, where a check that it rests on fails or its files
cannot be read: what it is worth cannot be said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from synthestat.review.case import Case
from synthestat.review.definitions import read_yaml
from synthestat.review.needs import CHECKS_OF, MAKERS, Asked, Terms, state_of
from synthestat.review.record import Check, Status
from synthestat.review.verify import DAMAGE

FILE = Path(__file__).with_name("rubric.yaml")


@dataclass(frozen=True)
class Part:
    """One term of a gap: `gap` from 0 to 1, `points` of the need's 100 that it accounts for."""

    id: str
    weight: float
    gap: float
    points: float
    counted: str


@dataclass(frozen=True)
class Need:
    """One need of the ideal country, as a run stands to it; texts are those of rubric.yaml."""

    id: str
    title: str
    ideal: str
    evidence: str
    impossible: str
    state: str
    gap: float
    parts: tuple[Part, ...]
    moves_most: str
    blocked_by: tuple[str, ...]


@cache
def texts() -> dict[str, Any]:
    """All of rubric.yaml."""
    return read_yaml(FILE)


def rubric(case: Case, checks: Sequence[Check]) -> tuple[Need, ...]:
    """Return the ten needs of the rubric, in its order, computed for a run."""
    asked = Asked(case, {check.id: check for check in checks}, tuple(texts()["topics"]))
    return tuple(_need(entry, asked) for entry in texts()["needs"])


def _need(entry: Mapping[str, Any], asked: Asked) -> Need:
    name = str(entry["id"])
    failed = [
        check
        for check in CHECKS_OF[name]
        if check in asked.checks and asked.checks[check].status is Status.FAIL
    ]
    blocked, terms, state = tuple(failed), Terms(), "blocked"
    try:
        terms = MAKERS[name](asked)
        state = "blocked" if failed else state_of(name, asked, terms)
    except DAMAGE as error:
        blocked = (*blocked, f"cannot be computed: {type(error).__name__}")
    parts = () if blocked else _parts(entry["terms"], terms)
    largest = max(parts, key=lambda part: part.points, default=None)
    move = "mend what blocks it"
    if largest is not None:
        move = str(entry["terms"][largest.id]["move"]) if largest.points else "nothing is missing"
    return Need(
        id=name,
        title=str(entry["title"]),
        ideal=str(entry["ideal"]),
        evidence=str(entry["evidence"]),
        impossible=str(entry["impossible"]),
        state="blocked" if blocked else state,
        gap=100.0 if blocked else round(sum(part.points for part in parts), 1),
        parts=parts,
        moves_most=move,
        blocked_by=blocked,
    )


def _parts(declared: Mapping[str, Any], terms: Terms) -> tuple[Part, ...]:
    """The terms that say something, each with its points of 100."""
    telling = {name: term for name, term in terms.items() if term is not None}
    whole = sum(float(declared[name]["weight"]) for name in telling)
    return tuple(
        Part(
            id=name,
            weight=float(declared[name]["weight"]),
            gap=round(gap, 6),
            points=round(100 * float(declared[name]["weight"]) * gap / whole, 4),
            counted=said,
        )
        for name, (gap, said) in telling.items()
    )
