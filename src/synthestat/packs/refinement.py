"""How long a build refines: family `refinement` of the registry, the most sweeps of exchanges."""

from __future__ import annotations

from dataclasses import dataclass

from synthestat.errors import PackError
from synthestat.packs.registry import Registry

FAMILY = "refinement"
MOST = 1000  # sweeps that an entry may ask for: assumption, exchanges settle after some ten


@dataclass(frozen=True)
class Refinement:
    """The most sweeps: `ages` of persons between positions, `attributes` of categories.

    Exchanges stop before where they settle; one sweep proposes one exchange for each position (or
    tries each person once).
    """

    ages: int
    attributes: int


def refinement_of(registry: Registry) -> Refinement:
    """Return the entry in use; PackError where a number is missing or out of bounds."""
    ages, attributes = (_sweeps(registry, name) for name in ("age_sweeps", "attribute_sweeps"))
    return Refinement(ages, attributes)


def refinement_faults(registry: Registry) -> list[str]:
    """Return what is wrong with the entry in use, by line."""
    try:
        refinement_of(registry)
    except PackError as error:
        return [error.message]
    return []


def _sweeps(registry: Registry, name: str) -> int:
    number = registry.number(FAMILY, name)
    if number != int(number) or not 1 <= number <= MOST:
        place = registry.used(FAMILY).id
        raise PackError(f"priors.yaml: {place}: {name} must be a whole number from 1 to {MOST}")
    return int(number)
