"""Checks of attributes beside each other: by age, with another attribute, within a household.

What is expected is derived anew from the pack in the bundle and the persons of the run: the odds of
the registry in each group, their fit to the margins of each zone, and what chance alone would give
two persons of one household.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthestat.review.attribute_words import household_rule
from synthestat.review.attributes import (
    attribute_counts,
    attribute_entries,
    curve_at,
    odds_of,
    used_values,
)
from synthestat.review.case import Case
from synthestat.review.distributions import lift_of, share_of
from synthestat.review.modelled import AGES, age_group
from synthestat.review.record import Answer, found, skipped

Floats = NDArray[np.float64]
Couples = dict[int, tuple[int, int, float]]
LEAST_ODDS = 1e-6
"""Odds of zero where both margins have persons: they must live somewhere. Assumption."""
NEVER = 1e-9  # what a share of none counts for, so that its odds are finite
SWEEPS, CLOSE = 500, 0.01  # of a fit; the persons by which a margin may still be missed


def attribute_ages(case: Case) -> Answer:
    """Every category has, in each age group, sex and category given, what its odds give there."""
    faults: list[str] = []
    figures: dict[str, object] = {}
    for entry in attribute_entries(case):
        if not entry.get("control") and not entry.get("guide"):
            worst = 0.0
            for group, category, persons, built, wanted, deviation in _groups(case, entry):
                apart = abs(built - wanted)
                room = case.limit("attribute_apart") * persons + 1
                worst = max(worst, apart / persons)
                if apart > room + case.limit("drawn_deviations") * deviation:
                    faults.append(
                        f"{entry['name']}: {built:,} of {persons:,} persons {group} are "
                        f"{category}, {wanted:,.1f} by its odds"
                    )
            figures[str(entry["name"])] = round(worst, 6)
    if not figures:
        return skipped("no attribute is drawn by odds alone")
    return found(
        faults, f"{len(figures)} attributes are spread by age as declared", figures=figures
    )


def _groups(
    case: Case, entry: Mapping[str, Any]
) -> Iterator[tuple[str, str, int, int, float, float]]:
    """(group, category, persons, built, expected, standard deviation of a free draw)."""
    odds = odds_of(case, entry)
    words = [str(word) for word in case.pack.country["classifications"][entry["name"]]]
    cells: dict[tuple[str, int, str | None], dict[str, int]] = defaultdict(dict)
    for (category, sex, age, beside), number in attribute_counts(case, entry).items():
        cells[sex, age, beside][category] = number
    held: dict[tuple[str, str, str], dict[str, Floats]] = {}
    for (sex, age, beside), row in cells.items():
        weights = np.array([odds(word, sex, age, beside) for word in words])
        whole, persons = weights.sum(), sum(row.values())
        shares = weights / whole if whole else weights
        group = held.setdefault((age_group(age), sex, beside or ""), {})
        for word, share in zip(words, shares, strict=True):
            told = np.array([row.get(word, 0), persons * share, persons * share * (1 - share)])
            group[word] = group.get(word, np.zeros(3)) + told
    for (band, sex, beside), group in held.items():
        persons = int(sum(told[0] for told in group.values()))
        where = " ".join(filter(None, (sex, band, beside)))
        for word, (built, wanted, variance) in group.items():
            yield where, word, persons, int(built), float(wanted), sqrt(variance)


def attribute_association(case: Case) -> Answer:
    """Attributes hang together as the odds of their association, fitted to each zone, say."""
    faults: list[str] = []
    figures: dict[str, object] = {}
    most = case.limit("attribute_apart")
    for entry in attribute_entries(case):
        if entry.get("association") and entry.get("stratum"):
            built, wanted, names, rounded = _fitted(case, entry)
            persons = float(built.sum())
            if not persons:
                continue
            apart = (float(np.abs(built - wanted).sum()) / 2 - rounded) / persons
            figures[str(entry["name"])] = round(apart, 6)
            if apart > most:
                at = np.unravel_index(np.argmax(np.abs(built - wanted)), built.shape)
                stratum, category = names[0][int(at[0])], names[1][int(at[1])]
                faults.append(
                    f"{entry['name']}: {apart:.1%} of {persons:,.0f} persons lie in other cells of "
                    f"{entry['stratum']} than {entry['association']} puts them; {stratum} and "
                    f"{category}: {built[at]:,.0f}, {wanted[at]:,.1f} by its odds"
                )
    if not figures:
        return skipped("no attribute declares an association")
    return found(faults, f"{len(figures)} associations are as declared", figures=figures)


def _fitted(
    case: Case, entry: Mapping[str, Any]
) -> tuple[Floats, Floats, tuple[list[str], list[str]], float]:
    """Persons by stratum and category: built, and by the odds fitted in each zone.

    With them the names of both, and how many persons lie in other cells when zones are made whole.
    """
    name, stratum = str(entry["name"]), str(entry["stratum"])
    words = case.pack.country["classifications"]
    names = [str(word) for word in words[stratum]], [str(word) for word in words[name]]
    values = used_values(case)[entry["association"]]
    told = {str(row): {str(c): float(v) for c, v in of.items()} for row, of in values.items()}
    odds = np.array([[told[row].get(column, 0.0) for column in names[1]] for row in names[0]])
    at = [{word: index for index, word in enumerate(of)} for of in names]
    zones: dict[str, Floats] = {}
    for zone, row, column, number in case.rows(
        f'SELECT zone_code, "{stratum}"::VARCHAR, "{name}"::VARCHAR, count(*) FROM persons '
        f'WHERE "{stratum}" IS NOT NULL AND "{name}" IS NOT NULL GROUP BY ALL'
    ):
        if row in at[0] and column in at[1]:
            zones.setdefault(str(zone), np.zeros(odds.shape))[at[0][row], at[1][column]] = number
    built, wanted, rounded = np.zeros(odds.shape), np.zeros(odds.shape), 0.0
    for table in zones.values():
        fitted = _to_margins(odds, table.sum(axis=1), table.sum(axis=0))
        built += table
        wanted += fitted
        rounded += float((fitted % 1 * (1 - fitted % 1)).sum())
    return built, wanted, names, rounded


def _to_margins(odds: Floats, rows: Floats, columns: Floats) -> Floats:
    """Odds (rows, columns) fitted to both margins, by iterative proportional fitting."""
    both = (rows[:, None] > 0) & (columns[None, :] > 0)
    table: Floats = np.where(both, np.maximum(odds, LEAST_ODDS), 0.0)
    for _ in range(SWEEPS):
        table = table * _ratio(rows, table.sum(axis=1))[:, None]
        table = table * _ratio(columns, table.sum(axis=0))[None, :]
        if np.abs(table.sum(axis=1) - rows).max(initial=0.0) < CLOSE:
            break
    return table


def _ratio(wanted: Floats, held: Floats) -> Floats:
    return np.divide(wanted, held, out=np.zeros_like(wanted), where=held > 0)


# Within households --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sharing:
    """Pairs whose values are known, and shares of them alike: built, by chance, and at the most."""

    pairs: int
    built: float
    by_chance: float
    most: float


def attribute_sharing(case: Case) -> Answer:
    """Members of a household share an attribute, or partners a category, as attributes.yaml says.

    The share of pairs alike lies above that of persons drawn at random, by a part of what the pack
    declares and their counts allow; where couples have a curve, it has the curve's form by age.
    """
    faults: list[str] = []
    figures: dict[str, object] = {}
    for entry in attribute_entries(case):
        name, rule = str(entry["name"]), household_rule(entry)
        measure = {"shared": _members, "partners": _partners}.get(rule)
        sharing = measure(case, entry) if measure else Sharing(0, 0.0, 0.0, 0.0)
        if not sharing.pairs:
            continue
        figures[name] = round(sharing.built, 4)
        if entry.get("couples"):
            couples = _by_mean_age(case, entry)
            faults += _off_the_curve(couples, entry, case)
            declared = sum(number * share for number, _, share in couples.values())
            whole = max(sum(number for number, _, _ in couples.values()), 1)
            sharing = replace(sharing, most=min(sharing.most, declared / whole))
        wanted = sharing.by_chance + case.limit("sharing_part") * (sharing.most - sharing.by_chance)
        noise = case.limit("drawn_deviations") * sqrt(wanted * (1 - wanted) / sharing.pairs)
        if sharing.built + noise < wanted:
            faults.append(
                f"{name}: {sharing.built:.1%} of {sharing.pairs:,} pairs are alike, "
                f"{sharing.by_chance:.1%} by chance, {sharing.most:.1%} where they are {rule}"
            )
    if not figures:
        return skipped("no attribute is shared in households")
    return found(faults, f"{len(figures)} attributes are shared as declared", figures=figures)


def _group_columns(entry: Mapping[str, Any], person: str) -> list[str]:
    """SQL of what decides an attribute beside the zone: sex, and age group and what it is given."""
    columns = [f"{person}.sex"]
    if entry.get("pattern") or entry.get("rules"):
        cases = [
            f"WHEN {person}.age >= {first} THEN '{of}'" for of, first in reversed(AGES.items())
        ]
        columns.append(f"CASE {' '.join(cases)} END")
    if entry.get("given"):
        columns.append(f'{person}."{entry["given"]["attribute"]}"')
    return columns


def _members(case: Case, entry: Mapping[str, Any]) -> Sharing:
    """Each member of a private household beside its reference person."""
    name = str(entry["name"])
    own, other = _group_columns(entry, "p"), _group_columns(entry, "q")
    rows = case.rows(
        f"SELECT p.zone_code, {', '.join((*own, *other))}, count(*), "
        f'count(*) FILTER (p."{name}" = q."{name}") '
        "FROM persons p JOIN persons q USING (household_id) "
        "WHERE q.household_role = 'reference' AND p.household_role <> 'reference' "
        f'AND p."{name}" IS NOT NULL AND q."{name}" IS NOT NULL GROUP BY ALL'
    )
    shares: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for zone, *group, value, number in case.rows(
        f'SELECT p.zone_code, {", ".join(own)}, p."{name}", count(*) FROM persons p '
        f'WHERE p."{name}" IS NOT NULL GROUP BY ALL'
    ):
        shares[zone, *group][str(value)] = float(number)
    for row in shares.values():
        whole = sum(row.values())
        row.update({value: number / whole for value, number in row.items()})
    alike = [(row[-2], row[-1]) for row in rows]
    chances, mosts = [], []
    for zone, *groups, number, _ in rows:
        first, second = shares[zone, *groups[: len(own)]], shares[zone, *groups[len(own) :]]
        both = first.keys() & second.keys()
        chances.append(number * sum(first[value] * second[value] for value in both))
        mosts.append(number * sum(min(first[value], second[value]) for value in both))
    together = float(entry.get("together", 1.0))
    return _sharing(alike, sum(chances), together * sum(mosts) + (1 - together) * sum(chances))


def _sharing(alike: list[tuple[int, int]], by_chance: float, most: float) -> Sharing:
    pairs = sum(number for number, _ in alike)
    whole = max(pairs, 1)
    return Sharing(
        pairs, sum(number for _, number in alike) / whole, by_chance / whole, most / whole
    )


def _partners(case: Case, entry: Mapping[str, Any]) -> Sharing:
    """Couples of whom both are in a category of `alike`.

    At the most, all of a group who are in it have a partner, as far as there are such.
    """
    name = str(entry["name"])
    words = ", ".join("'" + str(word).replace("'", "''") + "'" for word in entry["alike"])
    own, other = _group_columns(entry, "p"), _group_columns(entry, "q")
    rows = case.rows(
        f"SELECT p.zone_code, {', '.join((*own, *other))}, count(*), "
        f'count(*) FILTER (p."{name}" = q."{name}" AND p."{name}" IN ({words})) '
        "FROM persons p JOIN persons q ON q.person_id = p.partner_id "
        f'WHERE p."{name}" IS NOT NULL AND q."{name}" IS NOT NULL GROUP BY ALL'
    )
    groups = {
        (zone, *group): (inside / number, min(inside / partnered, 1.0) if partnered else 0.0)
        for zone, *group, number, inside, partnered in case.rows(
            f"SELECT p.zone_code, {', '.join(own)}, count(*), "
            f'count(*) FILTER (p."{name}" IN ({words})), count(p.partner_id) FROM persons p '
            f'WHERE p."{name}" IS NOT NULL GROUP BY ALL'
        )
    }
    by_chance = most = 0.0
    for zone, *pair, number, _ in rows:
        first, second = groups[zone, *pair[: len(own)]], groups[zone, *pair[len(own) :]]
        by_chance += number * first[0] * second[0]
        most += number * min(first[1], second[1])
    return _sharing([(row[-2], row[-1]) for row in rows], by_chance, most)


def _off_the_curve(couples: Couples, entry: Mapping[str, Any], case: Case) -> Iterator[str]:
    """Age groups of couples (by their mean age) of whom other shares are in the category.

    Exact quotas lift or lower the whole curve: it is judged as lifted to all couples in it.
    """
    odds = {age: share / max(1 - share, NEVER) for age, (_, _, share) in couples.items()}
    lift = lift_of(
        ((number, odds[age]) for age, (number, _, _) in couples.items()),
        sum(both for _, both, _ in couples.values()),
    )
    groups: dict[str, list[float]] = {}
    for age, (number, both, _) in couples.items():
        row = groups.setdefault(age_group(age), [0.0] * 3)
        expected = number * share_of(lift * odds[age])
        row[:] = row[0] + number, row[1] + both, row[2] + expected
    for band, (persons, built, wanted) in groups.items():
        noise = sqrt(wanted * max(1 - wanted / persons, 0.0))
        room = case.limit("couples_apart") * persons + 1
        if abs(built - wanted) > room + case.limit("drawn_deviations") * noise:
            yield (
                f"{entry['name']}: {built:,.0f} of {persons:,.0f} couples aged {band} are both "
                f"{entry['alike'][0]}, {wanted:,.1f} by {entry['couples']}"
            )


def _by_mean_age(case: Case, entry: Mapping[str, Any]) -> Couples:
    """Couples by mean age: how many, how many of them both in the category, the declared share."""
    name, together = str(entry["name"]), used_values(case)[entry["couples"]]["together"]
    word = str(entry["alike"][0]).replace("'", "''")
    rows = case.rows(
        "SELECT (p.age + q.age) // 2, count(*), count(*) FILTER "
        f"(p.\"{name}\" = '{word}' AND q.\"{name}\" = '{word}') "
        "FROM persons p JOIN persons q ON q.person_id = p.partner_id "
        f'WHERE p.person_id < q.person_id AND p."{name}" IS NOT NULL '
        f'AND q."{name}" IS NOT NULL GROUP BY ALL ORDER BY ALL'
    )
    return {int(age): (number, both, curve_at(together, age)) for age, number, both in rows}
