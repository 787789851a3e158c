"""What the index and a country's page state, read from its runs and their reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthestat.site.history import Country, Edition, Entry

TIERS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class RunLine:
    """One run on one line: what the index, the history and the trends show of it."""

    name: str
    edition: str
    finished: str
    reference_period: str
    people: int | None
    target: int | None
    coverage: float | None
    shortfall: int | None
    deviation: float | None
    hard_rows: int
    hard_failures: int
    verdict: str
    unreviewed: str
    tone: str
    because: str
    confidence: float | None
    gap: float | None
    tiers: tuple[tuple[str, int], ...]
    synthestat: str


@dataclass(frozen=True)
class CountryLine:
    """One country on the index; `runs` are the newest of each edition, the default first."""

    code: str
    name: str
    status: str
    runs: tuple[RunLine, ...]
    left: int


def run_line(entry: Entry) -> RunLine:
    """Return the line of one run; a figure that the bundle does not have is None."""
    manifest, review = entry.bundle.manifest, entry.review or {}
    coverage = manifest["coverage"]
    residuals = _optional(entry, "constraint_residuals.json")
    rated = [tier.get("tier") for tier in _optional(entry, TIER_FILE).get("tiers", [])]
    letters = [*TIERS, *sorted({str(letter) for letter in rated} - {*TIERS})]
    gaps = [need["gap"] for need in review.get("rubric", [])]
    verdict = str(review.get("verdict", ""))
    return RunLine(
        name=entry.name,
        edition=entry.edition,
        finished=entry.finished,
        reference_period=str(manifest.get("reference_period", "")),
        people=coverage.get("built", {}).get("persons", {}).get("all"),
        target=coverage.get("targets", {}).get("persons", {}).get("all"),
        coverage=coverage.get("person_coverage"),
        shortfall=coverage.get("person_shortfall"),
        deviation=residuals.get("max_marginal_deviation"),
        hard_rows=int(residuals.get("hard_rows", 0)),
        hard_failures=int(residuals.get("hard_failures", 0)),
        verdict=verdict,
        unreviewed=entry.unreviewed,
        tone=tone(verdict, bool(review.get("claims_false"))),
        because=str(review.get("because", "")),
        confidence=review.get("confidence", {}).get("value"),
        gap=sum(gaps) / len(gaps) if gaps else None,
        tiers=tuple((letter, rated.count(letter)) for letter in letters),
        synthestat=str(manifest.get("engine", {}).get("version", "")),
    )


TIER_FILE = "geography_quality_tiers.json"


def tone(verdict: str, claims_false: bool) -> str:
    """Return the class of colour of a verdict: PASS, WARN, FAIL, or "" for none."""
    if not verdict:
        return ""
    if claims_false or verdict.startswith("BLOCKED"):
        return "FAIL"
    return "PASS" if verdict == "PASS" else "WARN"


def country_line(country: Country) -> CountryLine:
    """Return the index's line of a country."""
    runs = tuple(run_line(edition.newest) for edition in country.editions)
    return CountryLine(country.code, country.name, status(runs, country), runs, len(country.left))


def status(runs: tuple[RunLine, ...], country: Country) -> str:
    """Return in a few words where a country stands."""
    if not runs:
        return "build blocked" if country.left else "no run yet"
    first = runs[0]
    if not first.verdict:
        return "built, not reviewed"
    if first.tone == "FAIL":
        return "reviewed: invalid"
    return "ready for delivery" if first.verdict == "PASS" else "reviewed: work to do"


def source_gaps(edition: Edition, unavailable: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return what is not at hand: layers without evidence, families on defaults, open findings."""
    newest = edition.newest
    found = [
        {
            "what": str(marker.get("layer", "a layer")),
            "why": str(marker.get("reason", "")),
            "needed": "; ".join(map(str, marker.get("evidence_needed", []))),
        }
        for marker in unavailable
    ]
    defaults = [str(each) for each in newest.bundle.manifest.get("default_priors", [])]
    if defaults:
        found.append(
            {
                "what": f"{len(defaults)} families of distributions",
                "why": "the pack has no entry of its own, so defaults shape them: "
                + ", ".join(defaults),
                "needed": "a figure of this country, or of one like it, for each family",
            }
        )
    for finding in _findings(newest.review):
        if finding.get("family") == "evidence":
            found.append(
                {
                    "what": str(finding.get("check")),
                    "why": str(finding.get("notes")),
                    "needed": str(finding.get("remedy")),
                }
            )
    return found


def constraints(manifest: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the ids of the controls used, by level, levels without any left out."""
    used = manifest.get("constraints_used", {})
    return [(level, list(ids)) for level, ids in used.items() if ids]


def _findings(review: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    both = (review or {}).get("findings", {})
    return [*both.get("blocking", []), *both.get("non_blocking", [])]


def _optional(entry: Entry, name: str) -> dict[str, Any]:
    return entry.bundle.json(name) if entry.bundle.path(name).is_file() else {}
