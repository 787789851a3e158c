"""What stands in model_notes.md line by line: the layout of the notes, and every limit of the pack.

The notes are written from the files of the run, never by hand: a line that no section has is a
claim that nothing supports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthestat.review.case import Case

LIMITS = "pack/LIMITS.md"
SENTENCE = "**SYNTHETIC.** Every person, household and dwelling in this run is invented."
TITLE = ""
LINES = {
    TITLE: (re.escape(SENTENCE),),
    "Figures": (r"\| figure \| value \|", r"\|---\|---:\|", r"\| `\w+` \| [-\d.,]+ \|"),
    "Constraints": (
        r"\| control \| level \| rows \| exact \| largest residual \|",
        r"\|---\|---\|---:\|---:\|---:\|",
        r"\| \S+ \| [A-Z]+ \| [\d,]+ \| [\d,]+ \| [\d,.]+ \|",
    ),
    "Relaxations": (r"None: every control is met\.", r"\* `[^`]+`: published .*"),
    "Soft targets": (
        r"None: the registry has no target\.",
        r"\* `[^`]+`: value \S+, tolerance \S+, observed \S+: (?:met|missed)",
    ),
    "Layers": (r"\* \w+: \w+",),
}
"""The sections of the notes in their order, and the lines that each may hold."""


def layout_faults(case: Case, text: str) -> Iterator[str]:
    """Lines of no section, a title of another run, and limits of LIMITS.md that are not told."""
    limits = case.text(LIMITS).strip()
    told = text.rstrip()
    head = told[: -len(limits)] if limits and told.endswith(limits) else told
    if limits and head == told:
        lines = set(told.splitlines())
        lost = [line for line in limits.splitlines() if line.strip() and line not in lines]
        yield from (f"{LIMITS}: not in the notes: {line}" for line in lost)
        if not lost:
            yield f"the notes do not end with {LIMITS}"
        return
    yield from _line_faults(case, head.splitlines())


def _line_faults(case: Case, lines: list[str]) -> Iterator[str]:
    manifest = case.manifest
    title = f"# {manifest['country_name']} {manifest['edition']}: {manifest['run_id']}"
    if not lines or lines[0] != title:
        yield f"the notes begin with {lines[0] if lines else ''!r}, not {title!r}"
    relaxed = set(_relaxation_lines(case))
    sections, section, seen = list(LINES), TITLE, set[str]()
    for number, line in enumerate(lines[1:], start=2):
        if line.startswith("## "):
            later = line[3:]
            if later not in sections or sections.index(later) <= sections.index(section):
                yield f"line {number}: no section {later!r} of the notes here"
                return
            section = later
        elif not line:
            continue
        elif line in seen:
            yield f"line {number} stands twice: {line}"
        elif not any(re.fullmatch(form, line) for form in LINES[section]):
            yield f"line {number}: no line of {section or 'the title'}: {line}"
        elif section == "Relaxations" and line not in relaxed:
            yield f"line {number}: not as relaxations.json has it: {line}"
        seen.add(line)
    if SENTENCE not in seen:
        yield f"the notes do not say: {SENTENCE}"


def _relaxation_lines(case: Case) -> Iterator[str]:
    """The lines that the log of relaxations makes; where it is empty, that there is none."""
    for entry in case.relaxations:
        yield (
            f"* `{entry['id']}`: published {entry['target']:,}, reached {entry['achieved']:,}, "
            f"moved {entry['moved']:,} {entry['unit']}. {entry['proof']}."
        )
    if not case.relaxations:
        yield "None: every control is met."
