"""The verdict: from the records of the checks, by declared rules in a fixed order.

Every check that keeps the verdict from PASS falls under the first rule that applies to it, and the
verdict is that of the earliest rule under which one falls. A model comes before what a bundle says
of itself, for a new build says it anew. Humans are asked last: as long as a model or a source can
be improved, that comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from synthestat.review.case import Case
from synthestat.review.record import Check, Status
from synthestat.review.verify import DAMAGE
from synthestat.review.witness import (
    SOFT,
    Witness,
    failing_rows,
    hard_witnesses,
    keeps_from_pass,
    layers_witness,
    nothing_open,
    target_witnesses,
    widths_witness,
)


class Verdict(StrEnum):
    """What a review comes to."""

    PASS = "PASS"
    NEEDS_MODEL_FIX = "NEEDS_MODEL_FIX"
    NEEDS_MORE_SOURCES = "NEEDS_MORE_SOURCES"
    NEEDS_SOURCE_UPGRADE = "NEEDS_SOURCE_UPGRADE"
    BLOCKED_INVALID_OUTPUT = "BLOCKED_INVALID_OUTPUT"
    EVIDENCE_EXHAUSTED_HUMAN_REVIEW = "EVIDENCE_EXHAUSTED_HUMAN_REVIEW"
    MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW = "MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW"


@dataclass(frozen=True)
class Role:
    """Who should act, and what is to be done."""

    name: str
    action: str


@dataclass(frozen=True)
class Rule:
    """One rule: `applies` to a check and its witnesses; then `verdict`, and who acts how."""

    id: str
    verdict: Verdict
    when: str
    applies: Callable[[Check, Sequence[Witness]], bool]
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Finding:
    """A check that did not simply pass, with the rule that it falls under (None: not blocking)."""

    check: Check
    rule: Rule | None
    witnesses: tuple[Witness, ...]
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Judgement:
    """The verdict of a run with the rule that gave it, all findings, and what it rests on."""

    verdict: Verdict
    rule: str
    when: str
    findings: tuple[Finding, ...]
    witnesses: tuple[Witness, ...]

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """Findings that keep the verdict from PASS."""
        return tuple(finding for finding in self.findings if finding.rule is not None)

    @property
    def other(self) -> tuple[Finding, ...]:
        """Findings that do not."""
        return tuple(finding for finding in self.findings if finding.rule is None)


INVALID = ("files", "links")
UNTRUE = ("honesty", "notes")
STATEMENTS = (
    *("residual_rows", "residual_status", "deviation_figure", "relaxations_logged"),
    *("control_levels", "interval_summary", "quality_tiers"),
)
"""Checks outside these families of what a file says about tables that may be sound."""
SOURCES = (
    "recountable",
    "missing_declared",
    "geography_tree",
    "zone_spellings",
    "published_totals",
)
"""Checks outside the family `provenance` that fail because of what the sources say."""


def _failed(check: Check) -> bool:
    return check.status is Status.FAIL


def _has(kind: str, witnesses: Sequence[Witness]) -> bool:
    return any(witness["kind"] == kind for witness in witnesses)


def _invalid(check: Check, _: Sequence[Witness]) -> bool:
    return _failed(check) and (check.damaged or check.family in INVALID)


def _source_false(check: Check, _: Sequence[Witness]) -> bool:
    return _failed(check) and (check.family == "provenance" or check.id in SOURCES)


def _hard_conflict(check: Check, witnesses: Sequence[Witness]) -> bool:
    return _failed(check) and check.id == "hard_exact" and _has("conflicting_set", witnesses)


def _untrue(check: Check, _: Sequence[Witness]) -> bool:
    return _failed(check)


def _model(check: Check, _: Sequence[Witness]) -> bool:
    return _failed(check) and check.family not in UNTRUE and check.id not in STATEMENTS


def _impossible(witnesses: Sequence[Witness]) -> bool:
    """Whether targets are proved impossible: a conflict whatever the sizes, and no solution."""
    free = [w for w in witnesses if "system" in w and not w["system"].get("run_sizes")]
    return _has("conflicting_set", free) and not _has("feasible_solution", witnesses)


def _target_possible(check: Check, witnesses: Sequence[Witness]) -> bool:
    return check.id == SOFT and not _impossible(witnesses)


def _target_impossible(check: Check, witnesses: Sequence[Witness]) -> bool:
    return check.id == SOFT and _impossible(witnesses)


def _places_left(check: Check, _: Sequence[Witness]) -> bool:
    return check.family == "evidence" and bool(check.figures.get("with places left"))


def _no_places_left(check: Check, _: Sequence[Witness]) -> bool:
    return check.family == "evidence"


RULES: tuple[Rule, ...] = (
    Rule(
        "invalid_output",
        Verdict.BLOCKED_INVALID_OUTPUT,
        "a file is damaged, the contract of the bundle is broken, or a link is",
        _invalid,
        (
            Role("downloader", "fetch the bundle again, and compare its checksums"),
            Role("modeler", "if it was built so, build it again"),
        ),
    ),
    Rule(
        "sources_false",
        Verdict.NEEDS_SOURCE_UPGRADE,
        "provenance, frozen bytes or the sums and zones of a source table are false",
        _source_false,
        (
            Role("downloader", "restore or freeze the table again, with its hash and provenance"),
            Role("marginals researcher", "settle what the table counts, and declare it"),
        ),
    ),
    Rule(
        "hard_conflict",
        Verdict.NEEDS_SOURCE_UPGRADE,
        "HARD figures contradict each other: no population can meet them all",
        _hard_conflict,
        (Role("marginals researcher", "mend or lower one of the conflicting cells"),),
    ),
    Rule(
        "model",
        Verdict.NEEDS_MODEL_FIX,
        "a required check of households, controls, universes, attributes or intervals fails",
        _model,
        (Role("modeler", "mend the stage that made these rows, and build again"),),
    ),
    Rule(
        "untrue_statement",
        Verdict.BLOCKED_INVALID_OUTPUT,
        "the bundle says of itself what its tables do not bear out",
        _untrue,
        (Role("modeler", "write the files anew from the tables of the run"),),
    ),
    Rule(
        "target_missed",
        Verdict.NEEDS_MODEL_FIX,
        "a soft target is missed, and nothing proves that it must be",
        _target_possible,
        (
            Role("modeler", "reach the target as the witness does, or show why not to"),
            Role(
                "distribution researcher",
                "check that the target's definition is that of its measure",
            ),
        ),
    ),
    Rule(
        "evidence_to_find",
        Verdict.NEEDS_MORE_SOURCES,
        "a layer is missing or a national interval wide, and places are left where nobody looked",
        _places_left,
        (
            Role("marginals researcher", "look for the evidence in the places left"),
            Role("downloader", "freeze what is found, with its provenance"),
        ),
    ),
    Rule(
        "target_impossible",
        Verdict.MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW,
        "soft targets are missed that no population can meet beside the published tables",
        _target_impossible,
        (
            Role("human", "decide which of the conflicting figures to believe"),
            Role("marginals researcher", "look for a source that settles it"),
        ),
    ),
    Rule(
        "evidence_exhausted",
        Verdict.EVIDENCE_EXHAUSTED_HUMAN_REVIEW,
        "a layer is missing or a national interval wide, and every place was looked in",
        _no_places_left,
        (Role("human", "decide whether the population serves its purpose as it is"),),
    ),
)
"""In the order in which they are asked; where none applies the verdict is PASS."""
PASSED = (
    "nothing keeps it from PASS: every required check holds, no target is missed, no layer lacks"
)
PASS_ROLE = Role("manager", "use the run within its release mode and its stated limits")
NO_BOUND = Role("reviewer", "look at the rows that the checks could not settle")


def judge(case: Case, checks: Sequence[Check]) -> Judgement:
    """Give the verdict of a run whose checks were carried out, each finding with its witnesses."""
    findings = []
    for check in checks:
        if check.status in (Status.PASS, Status.SKIP):
            continue
        if not keeps_from_pass(check):
            findings.append(Finding(check, None, (failing_rows(check),), (NO_BOUND,)))
            continue
        witnesses = (failing_rows(check), *_proofs(case, check))
        under = next(rule for rule in RULES if rule.applies(check, witnesses))
        findings.append(Finding(check, under, witnesses, under.roles))
    fallen = {finding.rule.id for finding in findings if finding.rule is not None}
    rule = next((rule for rule in RULES if rule.id in fallen), None)
    if rule is None:
        return Judgement(Verdict.PASS, "none", PASSED, tuple(findings), (nothing_open(checks),))
    rests_on = [w for finding in findings if finding.rule is rule for w in finding.witnesses]
    return Judgement(rule.verdict, rule.id, rule.when, tuple(findings), tuple(rests_on))


def _proofs(case: Case, check: Check) -> list[Witness]:
    """Witnesses beyond the rows: solutions, conflicts, layers, intervals; none where unreadable."""
    makers: Mapping[str, Callable[[], list[Witness]]] = {
        "hard_exact": lambda: hard_witnesses(case),
        SOFT: lambda: target_witnesses(case, _missed(check)),
        "missing_layers": lambda: [layers_witness(case)],
        "national_widths": lambda: [widths_witness(case)],
    }
    if check.id not in makers or check.damaged:
        return []
    try:
        return makers[check.id]()
    except DAMAGE:
        return []


def _missed(check: Check) -> list[str]:
    """The ids of missed targets, which stand before the colon of the rows."""
    return [line.split(": ")[0] for line in check.offending] if check.status is Status.WARN else []
