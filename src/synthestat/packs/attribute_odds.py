"""Relative odds of an attribute's categories: by age and sex, by its rules, by what is given.

Odds are relative: what counts is their ratio at one age and sex. An odds of zero is structural: no
person of that age and sex is ever in the category, whatever the quotas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synthestat.errors import PackError
from synthestat.packs.registry import Floats, Registry
from synthestat.packs.spec import (
    LEVELS_IN_DEVIATION,
    SEXES,
    AttributeSpec,
    ControlSpec,
    CountrySpec,
)
from synthestat.packs.spread import pooled_odds

Flags = NDArray[np.bool_]


def category_odds(attribute: AttributeSpec, country: CountrySpec, registry: Registry) -> Floats:
    """Return odds of shape (sexes, single ages 0..oldest, categories): pattern, then rules.

    Raises PackError where the pattern's entry does not give one curve for each category.
    """
    names = country.classifications[attribute.name]
    ages = np.arange(country.ages.oldest + 1, dtype=np.float64)
    odds = np.ones((len(SEXES), len(ages), len(names)))
    if attribute.pattern is not None:
        entry = registry.used(attribute.pattern)
        of = _by_name(pooled_odds(entry), names, f"priors.yaml: {entry.id}: {attribute.name}")
        for at, name in enumerate(names):
            odds[:, :, at] = _curves(of[name], ages, f"priors.yaml: {entry.id}: {name}")
    for name, rule in attribute.rules.items():
        first = 0 if rule.from_age is None else rule.from_age
        last = len(ages) if rule.to_age is None else rule.to_age
        odds[:, (ages < first) | (ages > last), names.index(name)] = 0.0
    return odds


def given_odds(attribute: AttributeSpec, country: CountrySpec, registry: Registry) -> Floats:
    """Return odds of shape (categories of the given attribute, categories); none given: (1, ...).

    A category that a row leaves out has odds 0 there.
    """
    names = country.classifications[attribute.name]
    if attribute.given is None:
        return np.ones((1, len(names)))
    entry = registry.used(attribute.given.family)
    place = f"priors.yaml: {entry.id}"
    rows = _by_name(entry.values, country.classifications[attribute.given.attribute], place)
    odds = np.zeros((len(rows), len(names)))
    for at, (name, row) in enumerate(rows.items()):
        weights = row if isinstance(row, Mapping) else {}
        stated = {str(category): value for category, value in weights.items()}
        if not stated or set(stated) - set(names):
            raise PackError(f"{place}: {name}: must give odds of {', '.join(names)} ({row!r})")
        for category, value in stated.items():
            odds[at, names.index(category)] = _odds(value, f"{place}: {name}: {category}")
    return odds


@dataclass(frozen=True)
class CoupleShares:
    """Declared shares in the category in which partners agree.

    `together` of couples, both in it, by the mean age of the two, shape (single ages 0..oldest,);
    `apart` of persons who live without a partner, shape (sexes, single ages).
    """

    together: Floats
    apart: Floats


def couple_shares(
    attribute: AttributeSpec, country: CountrySpec, registry: Registry
) -> CoupleShares | None:
    """Return the shares of the attribute's family `couples`, None where it has none.

    Raises PackError where the entry does not give shares of 0 to 1 under `together` and `apart`.
    """
    if attribute.couples is None:
        return None
    entry = registry.used(attribute.couples)
    place = f"priors.yaml: {entry.id}"
    of = _by_name(entry.values, ("together", "apart"), place)
    ages = np.arange(country.ages.oldest + 1, dtype=np.float64)
    together = _curve(of["together"], ages, f"{place}: together")
    apart = _curves(of["apart"], ages, f"{place}: apart")
    if max(together.max(), apart.max()) > 1:
        raise PackError(f"{place}: shares lie between 0 and 1")
    return CoupleShares(together, apart)


def universe_of(
    attribute: AttributeSpec, country: CountrySpec, controls: Iterable[ControlSpec]
) -> str:
    """Return the universe whose persons get the attribute: its table's, else the declared one."""
    if attribute.table is not None:
        return next(c.universe for c in controls if c.id == attribute.table)
    return attribute.universe or country.household_universe


def attribute_faults(
    attributes: Sequence[AttributeSpec],
    country: CountrySpec,
    controls: Sequence[ControlSpec],
    registry: Registry,
) -> list[str]:
    """Return what is wrong with attributes.yaml beside the other files, one line each."""
    faults: list[str] = []
    drawn: dict[str, set[str]] = {"sex": set(country.universes)}
    possible: dict[str, Flags] = {}
    for attribute in attributes:
        own = _faults_beside(attribute, country, controls, drawn)
        if not own:
            universe = universe_of(attribute, country, controls)
            drawn[attribute.name] = set(country.atoms(universe))
            own = _odds_faults(attribute, country, registry, possible)
        faults += [f"attributes.yaml: {attribute.name}: {fault}" for fault in own]
    return faults


def _faults_beside(
    attribute: AttributeSpec,
    country: CountrySpec,
    controls: Sequence[ControlSpec],
    drawn: Mapping[str, set[str]],
) -> list[str]:
    """Return names that lead nowhere, and attributes that are needed before they are drawn."""
    faults = []
    if attribute.name not in country.classifications:
        return ["no classification in country.yaml"]
    known = set(country.classifications[attribute.name])
    named = {*attribute.rules, *attribute.alike}
    faults += [f"category {name!r} is not in country.yaml" for name in sorted(named - known)]
    control = next((c for c in controls if c.id == attribute.table), None)
    if attribute.table is not None:
        if control is None:
            return [*faults, f"no control {attribute.table!r}"]
        faults += _control_faults(attribute, control, drawn)
    if attribute.universe is not None and attribute.universe not in country.universes:
        return [*faults, f"universe {attribute.universe!r} is not in country.yaml"]
    if control is not None and control.universe not in country.universes:
        return faults
    atoms = set(country.atoms(universe_of(attribute, country, controls)))
    needed = [("stratum", attribute.stratum)]
    needed += [] if attribute.given is None else [("given", attribute.given.attribute)]
    for role, name in needed:
        if name is None:
            continue
        if name not in drawn:
            faults.append(f"{role} {name!r} is no attribute that is drawn before it")
        elif name != "sex" and atoms - drawn[name]:
            missing = ", ".join(sorted(atoms - drawn[name]))
            faults.append(f"{role} {name!r} is not known of the universe {missing}")
    return faults


def _control_faults(
    attribute: AttributeSpec, control: ControlSpec, drawn: Mapping[str, set[str]]
) -> list[str]:
    faults = []
    others = [column for column in control.by if column != attribute.name]
    if attribute.name not in control.by or control.counts != "persons":
        faults.append(f"control {control.id!r} counts no persons by {attribute.name}")
    if attribute.guide is not None:
        if control.level != "GUIDE":
            faults.append(f"guide {control.id!r} is {control.level}: a guide is GUIDE")
        if set(others) - {"sex"}:
            faults.append(f"guide {control.id!r} splits by {', '.join(others)}: only by sex")
    elif control.level not in LEVELS_IN_DEVIATION:
        faults.append(f"control {control.id!r} is {control.level}: quotas are HARD, FIRM or SOFT")
    if len(others) > 1 or any(column not in drawn for column in others):
        faults.append(
            f"control {control.id!r} splits by {', '.join(others)}: quotas may split by sex, or by "
            "one attribute that is drawn before"
        )
    elif others and attribute.stratum not in (None, *others):
        faults.append(f"control {control.id!r} splits by {others[0]}, not by {attribute.stratum}")
    return faults


def _odds_faults(
    attribute: AttributeSpec,
    country: CountrySpec,
    registry: Registry,
    possible: dict[str, Flags],
) -> list[str]:
    """Return odds that cannot be read, and ages at which every category is impossible.

    `possible` gains whether each category can be, by sex and age, shape (sexes, ages, categories).
    """
    try:
        odds = category_odds(attribute, country, registry)
        given = given_odds(attribute, country, registry)
        couple_shares(attribute, country, registry)
        if attribute.association is not None:
            registry.used(attribute.association)
    except PackError as error:
        return [error.message, *error.faults]
    live = (odds[:, :, None, :] > 0) & (given > 0)  # sexes, ages, given categories, categories
    wanted = np.ones(live.shape[:3], dtype=np.bool_)
    if attribute.given is not None and attribute.given.attribute in possible:
        wanted = possible[attribute.given.attribute]
    possible[attribute.name] = np.any(live & wanted[..., None], axis=2)
    faults = []
    stuck = wanted & ~np.any(live, axis=3)
    for sex, age, row in np.argwhere(stuck):
        ages = np.flatnonzero(stuck[sex, :, row])
        if age == ages[0]:
            beside = ""
            if attribute.given is not None:
                name = attribute.given.attribute
                beside = f" and {name} {country.classifications[name][row]}"
            faults.append(
                f"no category is possible at age {age}, sex {SEXES[sex]}{beside}: every odds of "
                f"{attribute.pattern or 'its rules'} is zero there ({len(ages)} ages in all)"
            )
    return faults


def _by_name(values: object, names: Sequence[str], place: str) -> dict[str, object]:
    """Return an entry's values by name, in the order of `names`; PackError where one is absent."""
    found = {str(key): value for key, value in cast(Mapping[object, object], values).items()}
    missing = [name for name in names if name not in found]
    if missing:
        said = ", ".join(missing)
        raise PackError(f"{place}: no odds for {said}; it has {', '.join(found)}")
    return {name: found[name] for name in names}


def _curves(values: object, ages: Floats, place: str) -> Floats:
    """Return odds of shape (sexes, ages): one number, anchors by age, or anchors by sex and age."""
    if isinstance(values, Mapping) and set(values) & set(SEXES):
        if set(values) != set(SEXES):
            raise PackError(f"{place}: odds by sex must be of {' and '.join(SEXES)}")
        return np.stack([_curve(values[sex], ages, f"{place}: {sex}") for sex in SEXES])
    return np.stack([_curve(values, ages, place)] * len(SEXES))


def _curve(values: object, ages: Floats, place: str) -> Floats:
    if not isinstance(values, Mapping):
        return np.full(len(ages), _odds(values, place))
    try:
        anchors = sorted((int(age), _odds(value, place)) for age, value in values.items())
    except (TypeError, ValueError):
        anchors = []
    if not anchors:
        raise PackError(f"{place}: needs odds at one age or more ({values!r})")
    at, odds = zip(*anchors, strict=True)
    return np.asarray(np.interp(ages, at, odds), dtype=np.float64)


def _odds(value: object, place: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not isfinite(cast(float, value)) or cast(float, value) < 0:
        raise PackError(f"{place}: odds must be numbers of 0 or more ({value!r})")
    return float(cast(float, value))
