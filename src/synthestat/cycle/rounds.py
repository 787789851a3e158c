"""Rounds of a cycle, and when they are enough: pure rules over what the reviews said.

A round is one build with its review. Two failed rounds in a row are materially similar where their
verdict and the checks that block them are the same. They are a plateau where nothing was new
between them, or where what was new gained less than seeds alone make a difference: then more of the
same leads nowhere, and a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PASSED = "PASS"
Gaps = Mapping[str, float]


@dataclass(frozen=True)
class Round:
    """One round. `inputs` digests pack, sources and engine (not the seed); `gaps` are those of the
    rubric (0 to 100) by need and how far soft targets are missed (in tolerances beyond the first),
    {} where nothing could be reviewed; less is better, and they are never added up.

    `spread` is how far the gaps of another seed lie from these, by need; None: not measured.
    """

    number: int
    verdict: str
    blocking: frozenset[str]
    gaps: Gaps
    inputs: str
    run_id: str = ""
    spread: Gaps | None = None


@dataclass(frozen=True)
class Next:
    """What follows a round: `kind` is `branch` (by verdict), `measure` (another seed) or `stop`."""

    kind: str
    why: str


def similar(one: Round, other: Round) -> bool:
    """Tell whether two rounds failed alike."""
    return (one.verdict, one.blocking) == (other.verdict, other.blocking)


def improved(before: Round, after: Round) -> dict[str, float]:
    """Return by how much the gap of each need fell, for those where it did."""
    return {
        need: before.gaps[need] - gap
        for need, gap in after.gaps.items()
        if need in before.gaps and before.gaps[need] - gap > 0
    }


def what_follows(rounds: Sequence[Round], rules: Mapping[str, Any], stops: str = "") -> Next:
    """Decide what follows the last of a cycle's rounds.

    `rules` are those under `stop` of process.yaml; `stops` says why the verdict's own branch ends
    the cycle, "" where it goes on. Rounds before a person's last word to go on are left out by the
    caller.
    """
    last = rounds[-1]
    if stops:
        return Next("branch", stops)
    alike = [last]
    for earlier in reversed(rounds[:-1]):
        if not similar(earlier, last):
            break
        alike.insert(0, earlier)
    if len(alike) >= rules["similar_rounds"]:
        found = _plateau(alike[-2], last, len(alike))
        if found is not None:
            return found
    if len(rounds) >= rules["most_rounds"]:
        return Next("stop", f"hard cap: {len(rounds)} rounds without PASS")
    return Next("branch", f"the verdict of round {last.number} is {last.verdict}")


def _plateau(before: Round, last: Round, alike: int) -> Next | None:
    """Return the stop, or what must be measured to know; None where the last round gained."""
    said = f"plateau: {alike} rounds in a row ended {last.verdict} for the same reasons"
    if before.inputs == last.inputs:
        return Next("stop", f"{said}, and no source or model is new")
    gains = improved(before, last)
    if not gains:
        return Next("stop", f"{said}, and no gap became smaller")
    if last.spread is None:
        return Next("measure", "a gap became smaller; is it more than seeds alone would change?")
    if all(gain <= last.spread.get(need, 0.0) for need, gain in gains.items()):
        return Next("stop", f"{said}, and no gain exceeds what another seed changes")
    return None
