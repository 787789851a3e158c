"""Checks of ages and sexes against the distributions that the pack's registry declares.

Documents that agree with the tables say nothing of who the persons are. What is expected is
computed anew from the registry in the bundle: differences of age by its kernels, single years of
the open class by its survivors, men at each age by its ratio.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import exp, expm1, pi, sqrt
from typing import Any

from synthestat.review.attributes import curve_at, used_values
from synthestat.review.case import Case
from synthestat.review.definitions import BINDING
from synthestat.review.family_structure import GAPS, gap_counts
from synthestat.review.kernels import FAMILIES, declared_density, mean_size
from synthestat.review.modelled import age_group
from synthestat.review.record import Answer, found, skipped

EVERY = "of all ages"
WIDEST, STEPS = 10.0, 60
"""A logarithm is sought this far from 0 (a factor of 22,000), by so many halvings."""


def gap_densities(case: Case) -> Answer:
    """Partners and parents lie as far apart in age as the kernels of the registry say."""
    used = case.pack.used
    faults: list[str] = []
    figures: dict[str, object] = {}
    mean = mean_size(case)
    for gap, (family, rule) in FAMILIES.items():
        if rule is None or family not in used:
            continue
        expected = declared_density(case, gap, mean)
        for whose, rows in _gaps(case, gap).items():
            built = {int(years): int(number) for years, number in rows if years is not None}
            if not built:
                continue
            apart = _beyond_chance(built, expected)
            figures[whose] = round(apart, 4)
            if apart > case.limit("ages_apart"):
                faults.append(
                    f"{whose}: {apart:.0%} of {sum(built.values()):,} gaps lie elsewhere than "
                    f"{family} puts them: {_told(_shares(built))}, {_told(expected)} there"
                )
    if not figures:
        return skipped("there is no gap with a kernel in the registry")
    return found(faults, f"{len(figures)} kinds of gaps are as declared", figures=figures)


def _gaps(case: Case, gap: str) -> dict[str, list[tuple[Any, ...]]]:
    """(years, pairs) of a kind of gap, those of parents once more for children under age.

    Grown children at home would else hide how the young lie.
    """
    rows = {gap: gap_counts(case, GAPS[gap])}
    if gap != "partner":
        under_age = f"{GAPS[gap]} WHERE c.age < $adult_age"
        sql = f"SELECT years, count(*) FROM ({under_age}) GROUP BY ALL"
        rows[f"{gap} under age"] = case.rows(sql)
    return rows


def _beyond_chance(built: Mapping[int, int], expected: Mapping[int, float]) -> float:
    """Share of a distribution that lies elsewhere than expected, beyond what a draw moves.

    The total variation distance, less its mean under a multinomial draw of as many.
    """
    number = sum(built.values())
    apart = sum(
        abs(built.get(value, 0) / number - expected.get(value, 0.0))
        for value in built.keys() | expected.keys()
    )
    by_chance = sum(sqrt(share * (1 - share) / number) for share in expected.values())
    return apart / 2 - by_chance / sqrt(2 * pi)


def _told(shares: Mapping[int, float]) -> str:
    mean = sum(value * share for value, share in shares.items())
    spread = sqrt(sum((value - mean) ** 2 * share for value, share in shares.items()))
    return f"mean {mean:.1f} and deviation {spread:.1f} years"


def sibling_spacing(case: Case) -> Answer:
    """Siblings of one age, and a year apart, are as rare beside others as the registry says."""
    values = used_values(case).get("sibling_spacing")
    rows = case.rows(
        "SELECT years, count(*) FROM (SELECT age - lag(age) OVER (PARTITION BY mother_id "
        "ORDER BY age) AS years FROM persons WHERE mother_id IS NOT NULL) "
        "WHERE years BETWEEN 0 AND 3 GROUP BY ALL"
    )
    built = {int(years): int(number) for years, number in rows}
    if values is None or not built:
        return skipped("the registry says nothing of siblings, or there are none")
    weights = {str(name): float(weight) for name, weight in values.items()}
    beside = (built.get(2, 0) + built.get(3, 0)) / 2
    room, deviations = case.limit("siblings_apart"), case.limit("drawn_deviations")
    faults: list[str] = []
    figures: dict[str, object] = {}
    for years in (0, 1):
        wanted = (weights[str(years)] / weights["2+"] + room) * beside
        figures[f"{years} years apart"] = built.get(years, 0)
        if built.get(years, 0) > wanted + deviations * sqrt(wanted) + 1:
            faults.append(
                f"{built[years]:,} siblings next to each other are {years} years apart, and "
                f"{beside:,.0f} two or three: at most {wanted:,.0f} by the registry's weights"
            )
    return found(faults, "siblings are spaced as declared", figures=figures)


def oldest_ages(case: Case) -> Answer:
    """Ages inside the open class are those of the registry's survivors, in private households."""
    values = used_values(case).get("oldest_ages")
    first, last = (int(case.pack.country["ages"][name]) for name in ("open_from", "oldest"))
    if values is None or first >= last:
        return skipped("no open class is split by the registry")
    start, hazard, growth = (float(values[name]) for name in ("from", "hazard", "growth"))
    expected = _shares(
        {a: exp(-hazard / growth * expm1(growth * (a - start))) for a in range(first, last + 1)}
    )
    held: dict[str, dict[int, int]] = {}
    for universe, age, number in case.rows(
        f"SELECT universe, age, count(*) FROM persons WHERE age >= {first} "
        "GROUP BY ALL ORDER BY ALL"
    ):
        held.setdefault(str(universe), {})[int(age)] = int(number)
    faults: list[str] = []
    figures: dict[str, object] = {}
    for universe, built in held.items():
        if universe in case.pack.institutions:
            continue
        apart = _beyond_chance(built, expected)
        figures[universe] = round(apart, 4)
        if apart > case.limit("ages_apart"):
            faults.append(
                f"{universe}: {apart:.0%} of {sum(built.values()):,} persons of {first} and more "
                f"are of other ages than oldest_ages says: {_told(_shares(built))}, "
                f"{_told(expected)} there"
            )
    if not figures:
        return skipped("nobody of a private household is in the open class")
    return found(faults, f"the oldest of {len(figures)} universes are as declared", figures=figures)


def _shares(weights: Mapping[int, float]) -> dict[int, float]:
    whole = sum(weights.values())
    return {value: weight / whole for value, weight in weights.items()}


# Sex by age ---------------------------------------------------------------------------------------


def sex_by_age(case: Case) -> Answer:
    """Men are as many at each age as the registry's ratio says, where no table by age says it."""
    ratio = used_values(case).get("sex_ratio_by_age")
    judged = _by_ratio(case)
    if ratio is None or not judged:
        return skipped("tables by sex and age say who is a man, or no ratio does")
    faults: list[str] = []
    figures: dict[str, object] = {}
    for universe, group in judged.items():
        worst = 0.0
        for where, persons, men, wanted, deviation in _men(case, ratio, universe, group):
            apart = abs(men - wanted)
            worst = max(worst, apart / persons)
            room = case.limit("sexes_apart") * persons + 1
            if apart > room + case.limit("drawn_deviations") * deviation:
                faults.append(
                    f"{universe}: {men:,} of {persons:,} persons {where} are men, {wanted:,.1f} "
                    "by sex_ratio_by_age"
                )
        figures[universe] = round(worst, 4)
    return found(faults, f"the sexes of {len(figures)} universes are as declared", figures=figures)


def _by_ratio(case: Case) -> dict[str, frozenset[str]]:
    """Each private universe whose ages no table or guide splits by sex.

    With it the universes, itself among them, of whom a binding table gives the sexes; none if none.
    """
    given: dict[str, frozenset[str]] = {}
    by_age: set[str] = set()
    for control in case.pack.controls:
        split = {part.column for part in control.by}
        if control.counts != "persons" or "sex" not in split or control.only:
            continue
        parts = frozenset(case.pack.universe_parts[control.universe])
        if "age" in split and control.level != "INFORMATIONAL":
            by_age |= parts
        elif control.level in BINDING:
            for part in parts:
                known = given.get(part)
                given[part] = parts if known is None or len(parts) < len(known) else known
    apart = by_age | case.pack.institutions.keys()
    return {u: given.get(u, frozenset()) for u in case.pack.universe_words if u not in apart}


def _men(
    case: Case, ratio: Mapping[Any, Any], universe: str, group: frozenset[str]
) -> Iterator[tuple[str, int, int, float, float]]:
    """(age group, persons, men, men expected, deviation when cells are made whole) of a universe.

    Of a group whose sexes a table gives, all odds are lifted by one factor to its number of men.
    The age groups are those of modelled counts; all ages together where no table gives the sexes.
    """
    held = _held(case, group or frozenset({universe}))
    by_age = Counter[int]()
    for (_, _, age), (persons, _) in held.items():
        by_age[age] += persons
    men_of_all = sum(men for _, men in held.values())
    at_ages = ((persons, curve_at(ratio, age)) for age, persons in by_age.items())
    lift = lift_of(at_ages, men_of_all) if group else 1.0
    open_from = int(case.pack.country["ages"]["open_from"])
    bands: dict[str, list[float]] = defaultdict(lambda: [0.0] * 3)
    cells: dict[tuple[str, str, int], float] = defaultdict(float)
    for (of, zone, age), (persons, men) in held.items():
        if of != universe:
            continue
        wanted = persons * share_of(lift * curve_at(ratio, age))
        for band in (age_group(age),) if group else (age_group(age), EVERY):
            for at, value in enumerate((persons, men, wanted)):
                bands[band][at] += value
            cells[band, zone, min(age, open_from)] += wanted
    spread: dict[str, float] = defaultdict(float)
    for (band, *_), wanted in cells.items():
        spread[band] += (wanted % 1) * (1 - wanted % 1)
    for band, (number, built, expected) in bands.items():
        yield band, int(number), int(built), expected, sqrt(spread[band])


def _held(case: Case, universes: frozenset[str]) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Persons and men by universe, zone and age."""
    rows = case.rows_once(
        "SELECT universe, zone_code, age, count(*), count(*) FILTER (sex = 'male') FROM persons "
        "GROUP BY ALL ORDER BY ALL"
    )
    return {(str(u), str(z), int(a)): (n, men) for u, z, a, n, men in rows if str(u) in universes}


def lift_of(groups: Iterable[tuple[float, float]], total: float) -> float:
    """The factor on the odds of groups (persons, odds) with which `total` of all are expected."""
    held = list(groups)
    low, high = -WIDEST, WIDEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        expected = sum(n * share_of(exp(middle) * odds) for n, odds in held)
        low, high = (middle, high) if expected < total else (low, middle)
    return exp(low)


def share_of(odds: float) -> float:
    """The share that odds stand for."""
    return odds / (1 + odds)
