"""The way of a country through the process, and where it stands: the diagram on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthestat.cycle.process import process
from synthestat.cycle.values import Cycle
from synthestat.review.verdict import RULES, Verdict

MAIN = (
    ("kickoff", "Kickoff", "a country pack is chosen or begun"),
    ("build", "Build", "the population and its bundle"),
    ("review", "Review", "every claim recomputed from the files"),
)
"""The steps that every country takes: id, name, what happens."""

STEPS = {
    "build": "the modeler builds again",
    "review": "the reviewer reviews again",
    "fix": "the modeler tries a fix",
    "rebuild": "the modeler builds anew",
    "research": "researchers look, one task a gap",
    "freeze": "the downloader freezes what is found",
    "deliver": "a person delivers, with its stated limits",
    "decide": "a person decides",
}
"""What happens in a step that follows a verdict, by its name in the process."""


def lanes() -> list[tuple[str, tuple[str, ...]]]:
    """Return what follows each verdict, step by step, as the process declares it."""
    branches = process()["branches"]
    return [(name, tuple(STEPS[step] for step in of["steps"])) for name, of in branches.items()]


def stops() -> list[tuple[str, str]]:
    """Return what ends the process, and how."""
    rules = process()["stop"]
    return [
        (Verdict.PASS.value, "Every gate holds: a person delivers the population."),
        (
            Verdict.EVIDENCE_EXHAUSTED_HUMAN_REVIEW.value,
            "Every place was looked in and evidence is still missing: a person decides.",
        ),
        (
            Verdict.MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW.value,
            "A target is proved out of reach beside the published tables: a person decides.",
        ),
        (
            "plateau",
            f"{rules['similar_rounds']} rounds in a row fail alike, and nothing is new or what is "
            "new gains no more than another seed: a person decides.",
        ),
        ("hard cap", f"{rules['most_rounds']} rounds without PASS: a person decides."),
    ]


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


def standing(
    review: Mapping[str, Any] | None, *, built: bool, blocked: bool, cycle: Cycle | None = None
) -> Standing:
    """Return where a country stands: by its newest cycle, else by the review of its newest run."""
    if cycle is not None and cycle.verdict:
        return Standing(
            "verdict", cycle.verdict, f"cycle {cycle.id} is {cycle.status}, {cycle.reason}"
        )
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
