"""What distribution_diagnostics.json says of how an attribute was drawn, derived from the pack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthestat.review.case import Case


def word_faults(case: Case, entry: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    """Words and settings of an attribute that are not those of attributes.yaml and the registry."""
    given = entry.get("given") or {}
    families = [entry.get("pattern"), entry.get("association"), entry.get("couples")]
    families.append(given.get("family"))
    by_family = {
        e["family"]: name for name, e in case.pack.registry.items() if e["status"] == "used"
    }
    wanted = {
        "universe": _universe(case, entry),
        "method": _method(entry),
        "control": entry.get("control"),
        "guide": entry.get("guide"),
        "registry": [by_family.get(family) for family in families if family is not None],
        "given": given.get("attribute"),
        "household": entry.get("household") or _usual_household(entry),
        "alike_in": list(entry.get("alike") or ()),
        "households_together": float(entry.get("together", 1.0)),
    }
    for key, value in wanted.items():
        if said.get(key) != value:
            yield f"{entry['name']}: {key} {said.get(key)!r} stated, {value!r} by the pack"


def _universe(case: Case, entry: Mapping[str, Any]) -> str:
    """The universe whose persons have the attribute: its table's, else the declared one."""
    table = entry.get("control") or entry.get("guide")
    if table is None:
        return str(entry.get("universe") or case.pack.household_universe)
    return next(control.universe for control in case.pack.controls if control.id == table)


def _usual_household(entry: Mapping[str, Any]) -> str:
    """What members of a household have in common where the pack does not say."""
    alone = not (entry.get("pattern") or entry.get("given") or entry.get("rules"))
    return "shared" if alone else "independent"


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
