"""The words that a bundle's copy of its country pack has for universes and controls.

Read leniently: a page must still open a bundle whose pack was written for another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


@dataclass(frozen=True)
class PackWords:
    """Labels by id; what the pack does not say is absent."""

    universes: Mapping[str, str]
    controls: Mapping[str, str]
    household_universe: str | None
    adult_age: int | None


def read_words(pack: Path) -> PackWords:
    """Read `country.yaml` and `controls.yaml` of the bundle's `pack` folder."""
    country, controls = _load(pack / "country.yaml"), _load(pack / "controls.yaml")
    universes = country.get("universes")
    entries = controls.get("controls")
    rules = country.get("household_rules")
    adult = rules.get("adult_age") if isinstance(rules, dict) else None
    age = adult.get("value") if isinstance(adult, dict) else None
    universe = country.get("household_universe")
    return PackWords(
        universes={
            str(code): str(entry.get("label", code))
            for code, entry in (universes if isinstance(universes, dict) else {}).items()
            if isinstance(entry, dict)
        },
        controls={
            str(entry["id"]): str(entry.get("label", entry["id"]))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and "id" in entry
        },
        household_universe=universe if isinstance(universe, str) else None,
        adult_age=age if isinstance(age, int) else None,
    )


def country_name(pack: Path) -> str:
    """Return the name that a pack's `country.yaml` gives the country, "" where it gives none."""
    return str(_load(pack / "country.yaml").get("name") or "")


def _load(path: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
