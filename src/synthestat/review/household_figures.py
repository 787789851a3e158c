"""Figures of household_diagnostics.json beyond plain counts: gaps, living alone, refinement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, floor, fsum, sqrt
from typing import Any

from synthestat.review.case import Case
from synthestat.review.controls import EXACT
from synthestat.review.family_structure import GAPS

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
_MINORS = """SELECT p.age - c.age AS years
    FROM persons c JOIN persons p ON p.person_id = c.mother_id WHERE c.age < $adult_age"""
_HELD = """
    SELECT sex, least(age, 90) // 10 AS decade, count(*) FROM persons
    WHERE household_id IS NOT NULL GROUP BY ALL"""
_ALONE = """
    SELECT p.sex, least(p.age, 90) // 10 AS decade, count(*)
    FROM persons p JOIN (SELECT household_id FROM households WHERE kind = 'private' AND size = 1)
    USING (household_id) GROUP BY ALL"""
"""By sex and decade of age; one join with all households crashed DuckDB 2.0.0 on ten million."""


def figure_faults(case: Case, stated: Mapping[str, Any]) -> Iterator[str]:
    """Figures that are not those of persons, households, rules and the records beside them."""
    one = "SELECT count(*) FROM households WHERE kind = 'private'"
    wanted = {
        "private_households": case.count(one),
        "lone_parent_households": case.count(
            f"{one} AND household_type IN ('lone_mother', 'lone_father')"
        ),
        "declared_largest": case.pack.rules["largest_household"],
    }
    for key, value in wanted.items():
        if stated[key] != value:
            yield f"{key}: {stated[key]} stated, {value} recomputed"
    cleared = stated["ties_cleared"]
    if isinstance(cleared, bool) or not isinstance(cleared, int) or cleared < 0:
        yield f"ties_cleared: {cleared!r} is no count"
    counted = case.rows(
        "SELECT size, household_type, count(*) FROM households WHERE kind = 'private' GROUP BY ALL"
    )
    yield from _nested("size_by_type", stated, {(str(s), str(t)): n for s, t, n in counted})
    yield from _nested("living_alone_by_age_and_sex", stated, _living_alone(case))
    for name, pairs in (GAPS | {"mother_minor_child": _MINORS}).items():
        sql = f"SELECT years, count(*) FROM ({pairs}) GROUP BY ALL"
        years = {int(year): int(number) for year, number in case.rows(sql)}
        yield from _gap_faults(f"{name}_gap_years", stated[f"{name}_gap_years"], years)
    yield from _refinement_faults(case, stated)


def _living_alone(case: Case) -> dict[tuple[str, str], float]:
    """The share of persons who live alone, by sex and decade of age."""
    alone = {(sex, decade): number for sex, decade, number in case.rows(_ALONE)}
    shares = {}
    for sex, decade, number in case.rows(_HELD):
        ages = f"{decade}0+" if decade == 9 else f"{decade}0-{decade}9" if decade else "0-9"
        shares[str(sex), ages] = alone.get((sex, decade), 0) / number
    return shares


def _nested(
    name: str, stated: Mapping[str, Any], wanted: Mapping[tuple[str, str], float]
) -> Iterator[str]:
    told = {(row, column): n for row, part in stated[name].items() for column, n in part.items()}
    for key in sorted(told.keys() | wanted.keys()):
        if not abs((told.get(key) or 0) - wanted.get(key, 0)) <= EXACT:
            yield f"{name}.{'.'.join(key)}: {told.get(key)} stated, {wanted.get(key)} recomputed"


def _gap_faults(name: str, stated: Mapping[str, Any], years: Mapping[int, int]) -> Iterator[str]:
    """Mean, spread, tail and quantiles of a gap that are not those of its pairs.

    A quantile between two pairs may be either, or lie between them.
    """
    pairs = sum(years.values())
    if stated.get("pairs") != pairs:
        yield f"{name}.pairs: {stated.get('pairs')} stated, {pairs} recomputed"
    if not pairs or stated.get("pairs") != pairs:
        return
    mean = fsum(year * number for year, number in years.items()) / pairs
    squares = fsum(number * (year - mean) ** 2 for year, number in years.items())
    wanted = {
        "mean": mean,
        "sd": sqrt(squares / (pairs - 1)) if pairs > 1 else 0.0,
        "min": min(years),
        "max": max(years),
        "over_10_share": sum(n for year, n in years.items() if abs(year) > 10) / pairs,
    }
    for key, value in wanted.items():
        if not abs(stated[key] - value) <= EXACT * max(1.0, abs(value)):
            yield f"{name}.{key}: {stated[key]} stated, {value} recomputed"
    for percent in QUANTILES:
        place = percent / 100 * (pairs - 1)
        low, high = _ranked(years, floor(place)), _ranked(years, ceil(place))
        if not low <= stated[f"q{percent:02d}"] <= high:
            said = f"{stated[f'q{percent:02d}']} stated, {low} to {high} recomputed"
            yield f"{name}.q{percent:02d}: {said}"


def _ranked(years: Mapping[int, int], place: int) -> int:
    """The gap at a place, counted from 0, of all pairs in their order."""
    for year in sorted(years):
        place -= years[year]
        if place < 0:
            return year
    return max(years)


def _refinement_faults(case: Case, stated: Mapping[str, Any]) -> Iterator[str]:
    """Records of the exchange of ages that are of no place, and a summary that is not theirs."""
    most = case.pack.used["refinement"]["values"]["age_sweeps"]
    records = [
        (f"{zone}.{universe}", zone, universe, record)
        for zone, by_universe in stated["refinement"].items()
        for universe, record in by_universe.items()
    ]
    for name, zone, universe, record in records:
        if zone not in case.pack.zones or universe not in case.pack.universe_words:
            yield f"refinement.{name}: no zone and universe of the pack"
        settled = len(record["energies"]) < most
        if record["settled"] != settled:
            yield f"refinement.{name}: settled {record['settled']}, its sweeps say {settled}"
        if not 0.0 <= record["accepted_share"] <= 1.0:
            yield f"refinement.{name}: accepted_share {record['accepted_share']} is no share"
    sweeps = [len(record["energies"]) for *_, record in records]
    wanted = {
        "records": len(records),
        "most_sweeps": most,
        "sweeps": sum(sweeps),
        "largest_number_of_sweeps": max(sweeps, default=0),
        "settled_share": sum(number < most for number in sweeps) / max(len(sweeps), 1),
        "forbidden_before_repair": sum(r["forbidden_before_repair"] for *_, r in records),
        "forbidden": sum(r["forbidden"] for *_, r in records),
    }
    for key, value in wanted.items():
        if not abs(stated["refinement_summary"][key] - value) <= EXACT:
            said = f"{stated['refinement_summary'][key]} stated, {value} by the records"
            yield f"refinement_summary.{key}: {said}"
