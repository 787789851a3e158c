"""What the reviewer was found to catch: its calibration, where it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthestat import review
from synthestat.bundle.read import read_json
from synthestat.errors import BundleError

FILE = Path(review.__file__).with_name("calibration.json")


def read_calibration(path: Path = FILE) -> dict[str, Any] | None:
    """Return the calibration for its page: kinds of planted defects with what was caught.

    None where the reviewer was not calibrated yet, or the file cannot be read. Read leniently: an
    entry says what it says (`family`, `finding`, `check`, `severity`, and `caught` of `planted` by
    country or as plain numbers).
    """
    if not path.is_file():
        return None
    try:
        document = read_json(path)
    except BundleError:
        return None
    listed = document.get("kinds", {})
    named = listed.items() if isinstance(listed, Mapping) else enumerate(listed)
    kinds = [_kind(str(name), entry) for name, entry in named if isinstance(entry, Mapping)]
    clean = document.get("clean", document.get("clean_variants", {}))
    return {
        "kinds": kinds,
        "countries": sorted({country for kind in kinds for country in kind["by_country"]}),
        "caught": sum(kind["caught"] for kind in kinds),
        "planted": sum(kind["planted"] for kind in kinds),
        "clean": clean if isinstance(clean, Mapping) else {"variants": clean},
        "about": {
            key: value
            for key, value in document.items()
            if isinstance(value, str | int | float) and not isinstance(value, bool)
        },
    }


def _kind(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    by_country = {
        str(country): (_number(figures.get("caught")), _number(figures.get("planted")))
        for country, figures in _countries(entry).items()
        if isinstance(figures, Mapping)
    }
    sums = [sum(pair[place] for pair in by_country.values()) for place in (0, 1)]
    caught = sums[0] if by_country else _number(entry.get("caught"))
    planted = sums[1] if by_country else _number(entry.get("planted"))
    return {
        "id": str(entry.get("id", entry.get("kind", name))),
        "family": str(entry.get("family", "")),
        "finding": entry.get("finding", ""),
        "check": str(entry.get("check", "")),
        "severity": str(entry.get("severity", "")),
        "by_country": by_country,
        "caught": caught,
        "planted": planted,
    }


def _countries(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Figures by country: under `countries` or `by_country`, or caught and planted apart."""
    for key in ("countries", "by_country"):
        if isinstance(entry.get(key), Mapping):
            return dict(entry[key])
    caught, planted = entry.get("caught"), entry.get("planted")
    if isinstance(caught, Mapping) and isinstance(planted, Mapping):
        return {c: {"caught": caught.get(c), "planted": planted.get(c)} for c in planted}
    return {}


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
