"""What the API and the forms take: each field bounded, and nothing that a database cannot keep."""

from __future__ import annotations

import json
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from synthestat.cycle.board import LEASE, MOST_TEXT
from synthestat.cycle.roles import Role
from synthestat.cycle.schema import canonical
from synthestat.cycle.values import NewTask

LARGEST_NUMBER = 2**31 - 1  # what an integer column of PostgreSQL holds
MOST_DOCUMENT = 500_000  # characters of a payload or a result as JSON: assumption
DEEPEST = 20  # levels of one: assumption
MOST_PARENTS = 200  # assumption
Item = TypeVar("Item")


def storable(text: str) -> str:
    """Return the text; ValueError where a database could not keep it."""
    if "\0" in text:
        raise ValueError("text holds no NUL")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("text holds no half of a surrogate pair") from None
    return text.replace("\r\n", "\n")  # as forms send lines


def needed(text: str) -> str:
    """Return the text without blanks around it; ValueError where nothing is left."""
    if not text.strip():
        raise ValueError("it must not be blank")
    return text.strip()


def bounded(held: dict[str, Any]) -> dict[str, Any]:
    """Return the document; ValueError where it is too deep, too large, or no JSON."""
    _bounded_levels(held)
    text = canonical(held)  # a ValueError for NaN and infinity
    if len(text) > MOST_DOCUMENT:
        raise ValueError(f"a document has no more than {MOST_DOCUMENT:,} characters")
    return held


def _bounded_levels(held: object) -> None:
    """Look at all of a document, level by level; ValueError where there are too many."""
    level = [held]
    for _ in range(DEEPEST):
        inside: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inside += [*each.keys(), *each.values()]
            elif isinstance(each, list):
                inside += each
            elif isinstance(each, str):
                storable(each)
        level = inside
    if level:
        raise ValueError(f"a document has no more than {DEEPEST} levels")


def read_document(text: str) -> dict[str, Any]:
    """Read what a form holds as a document: JSON, an object; ValueError where it is none."""
    try:
        held = json.loads(text or "{}")
    except RecursionError:
        raise ValueError(f"a document has no more than {DEEPEST} levels") from None
    if not isinstance(held, dict):
        raise ValueError("a result is a JSON object, as {}")
    return bounded(held)


Number = Annotated[int, Field(ge=1, le=LARGEST_NUMBER)]
Line = Annotated[str, Field(max_length=300), AfterValidator(storable)]
Title = Annotated[
    str, Field(min_length=1, max_length=300), AfterValidator(storable), AfterValidator(needed)
]
Text = Annotated[str, Field(max_length=MOST_TEXT), AfterValidator(storable)]
Said = Annotated[
    str, Field(min_length=1, max_length=MOST_TEXT), AfterValidator(storable), AfterValidator(needed)
]
Priority = Annotated[int, Field(ge=-1000, le=1000)]
Document = Annotated[dict[str, Any], AfterValidator(bounded)]


class Strict(BaseModel):
    """A body that holds nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid")


class Listed(Strict, Generic[Item]):
    """A part of a list: `next` is what to give as `after` for more, null at the end."""

    items: list[Item]
    next: int | None


class TaskBody(Strict):
    """A task to be made."""

    kind: Annotated[Line, AfterValidator(needed)]
    title: Title
    role: Role
    body: Text = ""
    cycle_id: Number | None = None
    round: Annotated[int, Field(ge=0, le=1000)] = 0
    assignee: Line = ""
    priority: Priority = 0
    parents: Annotated[list[Number], Field(max_length=MOST_PARENTS)] = []
    payload: Document = {}

    def new(self) -> NewTask:
        """Return it as the board takes it."""
        return NewTask(**{**self.model_dump(), "parents": tuple(sorted(set(self.parents)))})


class ChangeBody(Strict):
    """What a task is to say, from its version `version`; null leaves a thing as it is."""

    version: Number
    title: Title | None = None
    body: Text | None = None
    priority: Priority | None = None
    assignee: Line | None = None


class NextBody(Strict):
    """Which task to claim: the most urgent, of a cycle or of all, for `seconds`."""

    cycle_id: Number | None = None
    seconds: Annotated[float, Field(ge=10, le=86_400)] = LEASE


class ClaimBody(Strict):
    """For how long a task is claimed, unless a sign of life comes before."""

    seconds: Annotated[float, Field(ge=10, le=86_400)] = LEASE


class LeaseBody(Strict):
    """The secret that came with the claim."""

    lease: Line


class KeepBody(LeaseBody, ClaimBody):
    """A sign of life."""


class FinishBody(LeaseBody):
    """What came of a task."""

    result: Document = {}
    summary: Text = ""


class FailBody(LeaseBody):
    """Why a try failed; with `again` false it is not tried again before a person looked."""

    error: Said
    again: bool = True


class WhyBody(Strict):
    """A reason."""

    why: Said


class CommentBody(Strict):
    """A comment."""

    text: Said


class SignOffBody(Strict):
    """A person's decision, one of the task's `decisions`, and the reason for it."""

    decision: Line
    reason: Said


class CycleBody(Strict):
    """A cycle to begin: a pack that ships with Synthestat, by its code."""

    country: Line
    seed: Annotated[int, Field(ge=0, le=LARGEST_NUMBER)] = 420987
