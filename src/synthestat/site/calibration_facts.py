"""What the reviewer was found to catch: its calibration, where it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthestat import review
from synthestat.bundle.read import read_json
from synthestat.errors import BundleError
from synthestat.review.report import reviewer_digest

FILE = Path(review.__file__).with_name("calibration.json")


def read_calibration(path: Path = FILE) -> dict[str, Any] | None:
    """Return the calibration for its page, from the record of `benchmarks/reviewer_calibration.py`.

    None where the reviewer was not calibrated yet, or the file cannot be read.
    """
    if not path.is_file():
        return None
    try:
        record = read_json(path)
        return _facts(record)
    except (BundleError, KeyError, TypeError, AttributeError):
        return None


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    countries: Mapping[str, Mapping[str, Any]] = record["countries"]
    total = {
        word: sum(int(counts[word]) for counts in countries.values())
        for word in ("planted", "caught", "attributed", "changes_no_claim", "not_applicable")
    }
    return {
        "total": total,
        "countries": countries,
        "families": [
            (family, [(severity, counts) for severity, counts in by_severity.items()])
            for family, by_severity in record["families"].items()
        ],
        "kinds": [
            {"id": kind, **entry, "rows": _rows(entry["outcomes"], list(countries))}
            for kind, entry in record["kinds"].items()
        ],
        "missed": record["missed"],
        "clean": record["clean"],
        "false_alarms": sum(bool(run["failed"]) for run in record["clean"]),
        "engine": record["engine"],
        "reviewer": record["reviewer"],
        "current": record["reviewer"] == reviewer_digest(),
        "date": record["date"],
        "seed": record["seed"],
    }


def _rows(
    outcomes: Mapping[str, Mapping[str, str]], countries: list[str]
) -> list[tuple[str, list[str]]]:
    """Return each severity with the outcome in each country, "" where none was asked for."""
    return [
        (severity, [by_country.get(country, "") for country in countries])
        for severity, by_country in outcomes.items()
    ]
