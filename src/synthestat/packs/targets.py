"""Soft targets: published means and shares that households should come near.

A registry entry of kind `target` names a measure, its published value and a tolerance. Shares steer
the choice of household structures; means are steered by the kernels and judged by their tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

from synthestat.errors import PackError
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES, PriorSpec

Measure = Literal[
    "household_type_share",
    "three_generation_share",
    "mean_partner_gap",
    "mean_age_at_birth",
    "mean_age_at_first_birth",
]
SHARES = ("household_type_share", "three_generation_share")
CHILDREN_BELOW = 5  # births of the last five years stand for a period's births: assumption


@dataclass(frozen=True)
class SoftTarget:
    """One target; `value` and `tolerance` are shares (0 to 1) or years.

    Measured over private households of the household universe:
    `household_type_share` of the household types in `types`; `three_generation_share` with a chain
    of three or more parents and children; `mean_partner_gap`, man's minus woman's age;
    `mean_age_at_birth`, mother's minus child's age over children under five;
    `mean_age_at_first_birth`, mother's minus her eldest child's age where that child is under five.
    A share that does not steer is judged like the others, but bends nothing.
    """

    id: str
    measure: Measure
    value: float
    tolerance: float
    types: tuple[str, ...] = ()
    steers: bool = True

    @property
    def is_share(self) -> bool:
        """Whether the target is a share of households."""
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
    if numbers["tolerance"] <= 0 or (measure in SHARES and not 0 <= numbers["value"] <= 1):
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
    return SoftTarget(entry.id, cast(Measure, measure), **numbers, types=types, steers=steers)
