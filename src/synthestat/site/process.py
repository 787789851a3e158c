"""The way of a country through the process, and where it stands: the diagram on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthestat.review.verdict import RULES, Verdict

MAIN = (
    ("kickoff", "Kickoff", "a country pack is chosen or begun"),
    ("build", "Build", "the population and its bundle"),
    ("review", "Review", "every claim recomputed from the files"),
)
"""The steps that every country takes: id, name, what happens."""

_AGAIN = ("build again", "review again")
LANES: Mapping[Verdict, tuple[str, ...]] = {
    Verdict.PASS: ("delivery to humans, with its stated limits",),
    Verdict.NEEDS_MODEL_FIX: ("modeler mends the stage", *_AGAIN),
    Verdict.NEEDS_MORE_SOURCES: ("researchers look", "downloader freezes", *_AGAIN),
    Verdict.NEEDS_SOURCE_UPGRADE: ("researchers settle", "downloader freezes anew", *_AGAIN),
    Verdict.BLOCKED_INVALID_OUTPUT: ("modeler restores or rebuilds", "review again"),
    Verdict.EVIDENCE_EXHAUSTED_HUMAN_REVIEW: ("a human decides whether it serves its purpose",),
    Verdict.MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW: ("a human decides which figures to believe",),
}
"""What follows each verdict, step by step."""

STOPS = (
    (Verdict.PASS.value, "Every gate holds: the population is delivered."),
    (
        Verdict.EVIDENCE_EXHAUSTED_HUMAN_REVIEW.value,
        "Every place was looked in and evidence is still missing: a human decides.",
    ),
    (
        Verdict.MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW.value,
        "A target is proved out of reach beside the published tables: a human decides.",
    ),
    (
        "build blocked",
        "HARD figures contradict each other: the build stops and names the smallest conflicting "
        "set of cells.",
    ),
)
"""What ends the process, and how."""


@dataclass(frozen=True)
class Standing:
    """Where a country stands: the id of a main step, or `verdict` with the verdict it is at."""

    step: str
    verdict: str
    said: str


@dataclass(frozen=True)
class Gate:
    """One quality gate: a rule of the reviewer, and the checks of a run that fall under it."""

    rule: str
    when: str
    verdict: str
    checks: tuple[str, ...]


def standing(review: Mapping[str, Any] | None, *, built: bool, blocked: bool) -> Standing:
    """Return where a country stands, given the review of its newest run."""
    if review is not None:
        verdict = str(review.get("verdict", ""))
        actions = review.get("next_actions", [])
        next_one = f"{actions[0]['role']}: {actions[0]['action']}" if actions else ""
        return Standing("verdict", verdict, next_one)
    if built:
        return Standing("review", "", "built, and to be reviewed")
    if blocked:
        return Standing("build", "", "its build is blocked by figures that contradict each other")
    return Standing("kickoff", "", "not built yet")


def gates(review: Mapping[str, Any] | None) -> Sequence[Gate]:
    """Return the reviewer's gates in order; `checks` are those of the run that a gate holds up."""
    findings = (review or {}).get("findings", {}).get("blocking", [])
    held: dict[str, list[str]] = {}
    for finding in findings:
        held.setdefault(str(finding.get("rule")), []).append(str(finding.get("check")))
    return [
        Gate(rule.id, rule.when, rule.verdict.value, tuple(held.get(rule.id, ()))) for rule in RULES
    ]
