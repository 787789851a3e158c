"""What came of all plantings: shares by family, severity and country, and the published record.

The record (`record_of`, written to src/synthestat/review/calibration.json) holds

    name, date, engine, reviewer, seed    which engine and which reviewer (digest of its files)
    outcomes                              the words below, in order
    kinds     {id: {family, finding, check, base, outcomes: {severity: {country: outcome}}}}
    families  {family: {severity: {kinds, planted, caught, attributed}}}
    countries {country: {planted, caught, attributed, changes_no_claim, not_applicable,
               review_seconds, planting_seconds}}
    missed, by_another                    [{kind, severity, country, failed}]
    clean     [{country, what, failed, warned, seconds}]

`planted` counts plantings that change a claim and were judged; `caught` those that some required
check failed (or the named advisory check warned of), `attributed` those that the named check found.
A kind that a country was not asked about at a severity has no outcome there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from planted.good_runs import Variant
from planted.kinds import SEVERITIES, Kind
from planted.planting import CAUGHT, ELSEWHERE, MISSED, NO_CLAIM, NOT_APPLICABLE, OUTCOMES, Row
from synthestat import __version__
from synthestat.review.report import reviewer_digest

AIMS = {"caught": 1.0, "attributed": 1.0, "false_alarms": 0.0}
JUDGED = (CAUGHT, ELSEWHERE, MISSED)


def tally(rows: Iterable[Row]) -> dict[str, int]:
    """Plantings judged, caught by some check, and by the check named for the kind."""
    ended = [row.outcome for row in rows]
    caught = ended.count(CAUGHT)
    return {
        "planted": sum(ended.count(word) for word in JUDGED),
        "caught": caught + ended.count(ELSEWHERE),
        "attributed": caught,
    }


def by_family(kinds: Sequence[Kind], rows: Sequence[Row]) -> dict[str, Any]:
    """Tallies by family and severity, with the number of kinds."""
    families = list(dict.fromkeys(kind.family for kind in kinds))
    of = {kind.id: kind.family for kind in kinds}
    found: dict[str, Any] = {}
    for family in families:
        for severity in SEVERITIES:
            here = [r for r in rows if of[r.kind] == family and r.severity == severity]
            counts = tally(here)
            if counts["planted"]:
                judged = {row.kind for row in here if row.outcome in JUDGED}
                found.setdefault(family, {})[severity] = {"kinds": len(judged), **counts}
    return found


def by_country(rows: Sequence[Row]) -> dict[str, Any]:
    """Tallies and median seconds by country."""
    found: dict[str, Any] = {}
    for country in dict.fromkeys(row.country for row in rows):
        here = [row for row in rows if row.country == country]
        judged = [row for row in here if row.outcome in JUDGED]
        found[country] = tally(here) | {
            word: sum(row.outcome == word for row in here) for word in (NO_CLAIM, NOT_APPLICABLE)
        }
        if judged:
            found[country]["review_seconds"] = round(median(row.review for row in judged), 2)
            found[country]["planting_seconds"] = round(median(row.planting for row in judged), 2)
    return found


def record_of(
    kinds: Sequence[Kind], rows: Sequence[Row], clean: Sequence[Variant], seed: int
) -> dict[str, Any]:
    """The record that is published; see above."""
    by_kind: dict[str, Any] = {
        kind.id: {
            **{"family": kind.family, "finding": kind.finding, "check": kind.check},
            **{"base": kind.base, "outcomes": {}},
        }
        for kind in kinds
    }
    for row in rows:
        outcomes = by_kind[row.kind]["outcomes"]
        outcomes.setdefault(row.severity, {})[row.country] = row.outcome
    return {
        "name": "reviewer_calibration",
        "date": datetime.now(UTC).date().isoformat(),
        "engine": __version__,
        "reviewer": reviewer_digest(),
        "seed": seed,
        "outcomes": list(OUTCOMES),
        "countries": by_country(rows),
        "families": by_family(kinds, rows),
        "missed": [_named(row) for row in rows if row.outcome == MISSED],
        "by_another": [_named(row) for row in rows if row.outcome == ELSEWHERE],
        "clean": [variant.plain() for variant in clean],
        "kinds": by_kind,
    }


def _named(row: Row) -> dict[str, Any]:
    said = {"kind": row.kind, "severity": row.severity, "country": row.country}
    return said | {"failed": list(row.failed)}


def text_of(record: Mapping[str, Any]) -> str:
    """The record as JSON, one kind, planting or clean run a line."""

    def lines(value: Any) -> str:
        if isinstance(value, Mapping) and value:
            inner = [f"  {_json(key)}: {_json(each)}" for key, each in value.items()]
            return "{\n" + ",\n".join(inner) + "\n }"
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            return "[\n" + ",\n".join(f"  {_json(each)}" for each in value) + "\n ]"
        return _json(value)

    return "{\n" + ",\n".join(f' "{key}": {lines(v)}' for key, v in record.items()) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def figures_of(record: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """(figures, ratios) of a record, as benchmarks write them."""
    figures: dict[str, float] = {
        "kinds": len(record["kinds"]),
        "kinds of several severities": sum(
            len(kind["outcomes"]) > 1 for kind in record["kinds"].values()
        ),
        "missed": len(record["missed"]),
        "clean runs": len(record["clean"]),
        "clean runs with a false alarm": sum(bool(run["failed"]) for run in record["clean"]),
    }
    for country, counts in record["countries"].items():
        figures |= {f"{country} {name}": value for name, value in counts.items()}
    whole = {
        name: sum(counts[name] for counts in record["countries"].values())
        for name in ("planted", "caught", "attributed")
    }
    figures |= whole
    ratios: dict[str, float] = {}
    if whole["planted"]:
        ratios["caught"] = round(whole["caught"] / whole["planted"], 5)
        ratios["attributed"] = round(whole["attributed"] / whole["planted"], 5)
    if record["clean"]:
        wrong = figures["clean runs with a false alarm"]
        ratios["false_alarms"] = round(wrong / len(record["clean"]), 5)
    return figures, ratios
