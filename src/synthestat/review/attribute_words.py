"""What distribution_diagnostics.json says of how an attribute was drawn, derived from the pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthestat.review.attribute_values import universe_of
from synthestat.review.case import Case


def word_faults(case: Case, entry: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    """Words and settings of an attribute that are not those of attributes.yaml and the registry."""
    given = entry.get("given") or {}
    families = [entry.get("pattern"), entry.get("association"), entry.get("couples")]
    families.append(given.get("family"))
    wanted = {
        "universe": universe_of(case, entry),
        "method": _method(entry),
        "control": entry.get("control"),
        "guide": entry.get("guide"),
        "registry": [
            (case.pack.used.get(family) or {}).get("id")
            for family in families
            if family is not None
        ],
        "given": given.get("attribute"),
        "household": household_rule(entry),
        "alike_in": list(entry.get("alike") or ()),
        "households_together": float(entry.get("together", 1.0)),
    }
    for key, value in wanted.items():
        if said.get(key) != value:
            yield f"{entry['name']}: {key} {said.get(key)!r} stated, {value!r} by the pack"


def household_rule(entry: Mapping[str, Any]) -> str:
    """What members of a household share: as declared, all of it where quotas alone decide."""
    alone = not any(entry.get(key) for key in ("pattern", "given", "rules"))
    return str(entry.get("household") or ("shared" if alone else "independent"))


def _method(entry: Mapping[str, Any]) -> str:
    """How the attribute is drawn, in words, from what its entry names."""
    given = entry.get("given") or {}
    words = {
        "quotas of its table, exact": entry.get("control"),
        "shares of its guide in each zone": entry.get("guide"),
        "pattern by age and sex": entry.get("pattern"),
        "share of couples by age": entry.get("couples"),
        "association with its stratum": entry.get("association"),
        f"odds given {given.get('attribute')}": given,
        "rules of age": entry.get("rules"),
    }
    return "; ".join(word for word, there in words.items() if there)
