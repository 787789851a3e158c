"""Soft targets: published means and shares that households should come near.

A registry entry of kind `target` names a measure, its published value and a tolerance. Shares steer
the choice of household structures; means are steered by the kernels and judged by their tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from synthestat.errors import PackError
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES, PriorSpec

Measure = Literal[
    "household_type_share",
    "three_generation_share",
    "mean_partner_gap",
    "mean_age_at_birth",
    "mean_age_at_first_birth",
    "couples_in_category_share",
]
SHARES = ("household_type_share", "three_generation_share")
COUPLES = "couples_in_category_share"
OLDEST = 120  # no age is above
CHILDREN_BELOW = 5  # births of the last five years stand for a period's births: assumption


@dataclass(frozen=True)
class SoftTarget:
    """One target; `value` and `tolerance` are shares (0 to 1) or years.

    Measured over private households of the household universe:
    `household_type_share` of the household types in `types`; `three_generation_share` with a chain
    of three or more parents and children; `mean_partner_gap`, man's minus woman's age;
    `mean_age_at_birth`, mother's minus child's age over children under five;
    `mean_age_at_first_birth`, mother's minus her eldest child's age where that child is under five.
    `couples_in_category_share` of persons with a partner, aged `from_age` to `to_age`: both of the
    couple are in the `category` of the `attribute`; it never steers. A share that does not steer is
    judged like the others, but bends nothing.
    """

    id: str
    measure: Measure
    value: float
    tolerance: float
    types: tuple[str, ...] = ()
    steers: bool = True
    attribute: str = ""
    category: str = ""
    from_age: int = 0
    to_age: int = OLDEST

    @property
    def is_share(self) -> bool:
        """Whether the target is a share of households, which structures can be steered by."""
        return self.measure in SHARES


def soft_targets(registry: Registry) -> tuple[SoftTarget, ...]:
    """Return the targets in use of a registry, in its order; PackError where one is malformed."""
    entries = [e for e in registry.applying if e.kind == "target" and e.status == "used"]
    return tuple(_target(entry) for entry in entries)


def _target(entry: PriorSpec) -> SoftTarget:
    values = entry.values
    place = f"priors.yaml: {entry.id}"
    measure = values.get("measure")
    if measure not in get_args(Measure):
        raise PackError(f"{place}: measure must be one of {', '.join(get_args(Measure))}")
    numbers = {}
    for name in ("value", "tolerance"):
        number = values.get(name)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise PackError(f"{place}: {name} must be a number, not {number!r}")
        numbers[name] = float(number)
    if numbers["tolerance"] <= 0 or (
        measure in (*SHARES, COUPLES) and not 0 <= numbers["value"] <= 1
    ):
        raise PackError(f"{place}: a tolerance is above 0, and a share lies between 0 and 1")
    types = tuple(str(name) for name in cast(list[object], values.get("types", [])))
    if set(types) - set(HOUSEHOLD_TYPES) or (measure == "household_type_share") != bool(types):
        raise PackError(
            f"{place}: types must list household types of {', '.join(HOUSEHOLD_TYPES)}, "
            "for household_type_share only"
        )
    steers = values.get("steers", True)
    if not isinstance(steers, bool):
        raise PackError(f"{place}: steers must be true or false, not {steers!r}")
    target = SoftTarget(
        entry.id, cast(Measure, measure), numbers["value"], numbers["tolerance"], types, steers
    )
    return replace(target, **_whose(entry)) if measure == COUPLES else target


def _whose(entry: PriorSpec) -> dict[str, Any]:
    """Return attribute, category and ages of a target about couples; PackError where malformed."""
    values, place = entry.values, f"priors.yaml: {entry.id}"
    words = {name: values.get(name) for name in ("attribute", "category")}
    if not all(isinstance(word, str) and word for word in words.values()):
        raise PackError(f"{place}: {COUPLES} names an attribute and a category")
    ages = {"from_age": values.get("from_age", 0), "to_age": values.get("to_age", OLDEST)}
    whole = all(isinstance(age, int) and not isinstance(age, bool) for age in ages.values())
    if not whole or not 0 <= cast(int, ages["from_age"]) <= cast(int, ages["to_age"]):
        raise PackError(f"{place}: from_age and to_age are whole years, in this order")
    return {**words, **ages}
