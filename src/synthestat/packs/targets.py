"""Soft targets: published means and shares that households and persons should come near.

A registry entry of kind `target` names a measure, its published value and a tolerance. Shares of
households steer the choice of household structures, shares of persons the quotas of an attribute
with a guide; means are steered by the kernels and judged by their tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from synthestat.errors import PackError
from synthestat.packs.registry import Registry
from synthestat.packs.spec import HOUSEHOLD_TYPES, AttributeSpec, CountrySpec, PriorSpec

Measure = Literal[
    "household_type_share",
    "three_generation_share",
    "mean_partner_gap",
    "mean_age_at_birth",
    "mean_age_at_first_birth",
    "person_share",
    "couples_in_category_share",
]
SHARES = ("household_type_share", "three_generation_share")
COUPLES = "couples_in_category_share"
OF_PERSONS = ("person_share", COUPLES)
CHILDREN_BELOW = 5  # births of the last five years stand for a period's births: assumption


@dataclass(frozen=True)
class SoftTarget:
    """One target; `value` and `tolerance` are shares (0 to 1) or years.

    Measured over private households of the household universe:
    `household_type_share` of the household types in `types`; `three_generation_share` with a chain
    of three or more parents and children; `mean_partner_gap`, man's minus woman's age;
    `mean_age_at_birth`, mother's minus child's age over children under five;
    `mean_age_at_first_birth`, mother's minus her eldest child's age where that child is under five.
    `person_share` is over persons with a value of `attribute`, of any universe, whose age is within
    `ages` (first, last; None: all): the share of those in one of `categories`.
    `couples_in_category_share` of persons with a partner, of such ages: both of the couple are in
    some of the categories; it never steers. A share that does not steer is judged like
    the others, but bends nothing.
    """

    id: str
    measure: Measure
    value: float
    tolerance: float
    types: tuple[str, ...] = ()
    steers: bool = True
    attribute: str = ""
    categories: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None

    @property
    def is_share(self) -> bool:
        """Whether the target is a share of households, which structures can be steered by."""
        return self.measure in SHARES


def soft_targets(registry: Registry) -> tuple[SoftTarget, ...]:
    """Return the targets in use of a registry, in its order; PackError where one is malformed."""
    entries = [e for e in registry.applying if e.kind == "target" and e.status == "used"]
    return tuple(_target(entry) for entry in entries)


def target_faults(
    registry: Registry, country: CountrySpec, attributes: Sequence[AttributeSpec]
) -> list[str]:
    """Return targets that are malformed, or whose attribute or category there is not, by line."""
    try:
        targets = soft_targets(registry)
    except PackError as error:
        return [error.message]
    guided = {attribute.name for attribute in attributes if attribute.guide is not None}
    drawn = {attribute.name for attribute in attributes}
    faults = []
    for target in targets:
        if target.measure not in OF_PERSONS:
            continue
        place = f"priors.yaml: {target.id}"
        known = country.classifications.get(target.attribute, ())
        if target.attribute not in drawn:
            faults.append(f"{place}: {target.attribute!r} is no attribute of attributes.yaml")
        elif unknown := sorted(set(target.categories) - set(known)):
            faults.append(f"{place}: {unknown[0]!r} is no category of {target.attribute}")
        elif target.steers and (target.attribute not in guided or target.ages is not None):
            faults.append(
                f"{place}: only shares of all persons in an attribute with a guide can steer; "
                "say steers: false"
            )
    return faults


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
    share = measure in (*SHARES, *OF_PERSONS)
    if numbers["tolerance"] <= 0 or (share and not 0 <= numbers["value"] <= 1):
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
    attribute, categories, ages = _persons_of(entry, measure in OF_PERSONS)
    return SoftTarget(
        entry.id,
        cast(Measure, measure),
        **numbers,
        types=types,
        steers=steers and measure != COUPLES,
        attribute=attribute,
        categories=categories,
        ages=ages,
    )


def _persons_of(
    entry: PriorSpec, of_persons: bool
) -> tuple[str, tuple[str, ...], tuple[int, int] | None]:
    """Return (attribute, categories, ages) of a share of persons; empty for other measures."""
    place = f"priors.yaml: {entry.id}"
    attribute, listed = entry.values.get("attribute", ""), entry.values.get("categories", [])
    categories = tuple(str(name) for name in listed) if isinstance(listed, list) else ()
    if of_persons != bool(attribute) or of_persons != bool(categories):
        raise PackError(
            f"{place}: attribute and categories are listed for {', '.join(OF_PERSONS)}, only then"
        )
    ages = entry.values.get("ages")
    if ages is None:
        return str(attribute), categories, None
    whole = isinstance(ages, list) and len(ages) == 2 and all(type(age) is int for age in ages)
    if not (of_persons and whole and 0 <= cast(list[int], ages)[0] <= cast(list[int], ages)[1]):
        raise PackError(
            f"{place}: ages are the first and the last of a share of persons ({ages!r})"
        )
    first, last = cast(list[int], ages)
    return str(attribute), categories, (first, last)
