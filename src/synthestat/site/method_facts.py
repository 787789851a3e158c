"""What the methods page states: in words of its own, and from the reviewer's own declarations."""

from __future__ import annotations

import re
from typing import Any

from synthestat.review.questions import QUESTIONS
from synthestat.review.rubric import texts
from synthestat.review.thresholds import engine_thresholds
from synthestat.review.verdict import RULES

STEPS = (
    ("Read", "Published tables are read from frozen files whose bytes are checked first."),
    (
        "Reconcile",
        "HARD figures are proved able to hold together in whole numbers. A FIRM figure that no "
        "population can meet moves by the least, and the proof is kept.",
    ),
    (
        "Count households",
        "Where a zone's number of households is not published it is modelled under the national "
        "count, with an interval.",
    ),
    (
        "Fit and round",
        "Persons by age, sex and universe are fitted to every margin of a zone and rounded to "
        "whole persons, each margin exact.",
    ),
    (
        "Form households",
        "Sizes and types come first, then positions by age and sex, then family ties whose ages "
        "follow declared densities.",
    ),
    ("Give attributes", "Each attribute meets its table exactly, or follows declared odds by age."),
    ("House", "Households move into dwellings; sharing and vacancy are said openly."),
    ("Write", "All files of the run appear in one step, with checksums, or not at all."),
    ("Review", "A second program recounts everything from these files and gives a verdict."),
)
EVIDENCE = (
    ("measured", "a published figure, taken as it is"),
    ("constrained", "drawn so that published tables come out exactly"),
    ("modelled", "drawn from declared assumptions; no table of this country tells it"),
    ("unavailable", "not made, because the evidence for it is missing; what is needed is said"),
    ("blocked", "not made, because what is at hand contradicts itself"),
)
LEVELS = (
    ("HARD", "exact in whole numbers, never relaxed"),
    ("FIRM", "within its tolerance; beyond it only by a relaxation that is provably the smallest"),
    ("SOFT", "within its declared tolerance, the residual reported"),
    ("GUIDE", "shapes the fit; never reported as measured"),
    ("INFORMATIONAL", "shown for comparison only"),
)


def method_facts() -> dict[str, Any]:
    """Return everything that the methods page is rendered with."""
    limits = engine_thresholds().by_id
    values = {name: f"{limit.value:g}" for name, limit in limits.items()}

    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)

    return {
        "steps": STEPS,
        "evidence": EVIDENCE,
        "levels": LEVELS,
        "rules": RULES,
        "needs": texts()["needs"],
        "questions": [
            {"id": q.id, "family": q.family, "threshold": filled(q.threshold)} for q in QUESTIONS
        ],
        "thresholds": [limit for _, limit in sorted(limits.items())],
    }
