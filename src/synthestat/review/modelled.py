"""Which counts a run models, and what they are: derived from the pack, counted in the files.

A count is modelled where no table that binds gives it, and neither the rules of age of its
attribute nor the margins of its own table leave it only one value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthestat.review.attributes import attribute_entries, odds_of
from synthestat.review.case import Case
from synthestat.review.definitions import BINDING, HOUSEHOLD_TYPES

Key = tuple[str, str, str, str]
"""Quantity, zone, universe and category, as uncertainty.parquet names them."""
AGES = {"0-14": 0, "15-29": 15, "30-44": 30, "45-64": 45, "65+": 65}
"""The age groups of modelled counts, with their first ages."""
SIZES = ("1", "2", "3", "4", "5", "6+")
SEXES = ("male", "female")
AGE_SQL = (
    "CASE WHEN age < 15 THEN '0-14' WHEN age < 30 THEN '15-29' WHEN age < 45 THEN '30-44' "
    "WHEN age < 65 THEN '45-64' ELSE '65+' END"
)
Cells = dict[tuple[str, str], int]


def age_group(age: float) -> str:
    """The age group of modelled counts that an age lies in."""
    return next((name for name, first in reversed(AGES.items()) if age >= first), next(iter(AGES)))


def modelled_counts(case: Case) -> dict[Key, int]:
    """Every modelled count of the run, by key."""
    counts = dict(household_numbers(case))
    counts.update(_households(case, "size", "households_by_size", SIZES))
    counts.update(_households(case, "household_type", "households_by_type", HOUSEHOLD_TYPES))
    counts.update(_persons(case))
    for entry in attribute_entries(case):
        counts.update(_under_table(case, entry) if entry.get("control") else _free(case, entry))
    return counts


def household_numbers(case: Case) -> Iterator[tuple[Key, int]]:
    """Numbers of households that no table publishes, by zone and universe, and their country's."""
    sql = "SELECT zone_code, universe, count(*) FROM households GROUP BY ALL ORDER BY ALL"
    whole: dict[str, int] = {}
    modelled = set()
    for zone, universe, number in case.rows(sql):
        whole[str(universe)] = whole.get(str(universe), 0) + int(number)
        if (zone, universe) not in case.published_households:
            modelled.add(str(universe))
            yield ("households", str(zone), str(universe), ""), int(number)
    for universe in sorted(modelled):
        if (case.pack.root, universe) not in case.published_households:
            yield ("households", case.pack.root, universe, ""), whole[universe]


def _households(
    case: Case, column: str, quantity: str, classes: tuple[str, ...]
) -> Iterator[tuple[Key, int]]:
    """Private households by class of a column, where no table that binds gives them."""
    value = "household_type::VARCHAR"
    if column == "size":
        value = "CASE WHEN size >= 6 THEN '6+' ELSE size::VARCHAR END"
    sql = (
        f"SELECT zone_code, universe, {value}, count(*) FROM households "
        "WHERE kind = 'private' GROUP BY ALL"
    )
    held: dict[tuple[str, str], dict[str, int]] = {}
    for zone, universe, name, number in case.rows(sql):
        held.setdefault((str(zone), str(universe)), {})[str(name)] = int(number)
    given = _given_households(case, column)
    for universe in sorted({universe for _, universe in held}):
        own = {zone: counts for (zone, u), counts in held.items() if u == universe}
        in_table = given if universe == case.pack.household_universe else set()
        places = {zone: counts for zone, counts in own.items() if zone not in in_table}
        if places and case.pack.root not in in_table:
            places[case.pack.root] = {
                name: sum(counts.get(name, 0) for counts in own.values()) for name in classes
            }
        for zone, counts in places.items():
            for name in classes:
                yield (quantity, zone, universe, f"{column}={name}"), counts.get(name, 0)


def _given_households(case: Case, column: str) -> set[str]:
    """The zones whose households a binding table gives by a column, every cell of it."""
    given: dict[tuple[str, str], bool] = {}
    for cell in case.cells:
        control = cell.control
        split = [part.column for part in control.by]
        if control.counts == "households" and control.level in BINDING and column in split:
            known = cell.target is not None or _suppressed(case, control.table)
            key = (control.id, cell.zone)
            given[key] = given.get(key, True) and known
    return {zone for (_, zone), whole in given.items() if whole}


def _suppressed(case: Case, table: str) -> bool:
    noise = case.pack.sources[table].noise
    return isinstance(noise, Mapping) and noise.get("kind") == "suppressed"


def _persons(case: Case) -> Iterator[tuple[Key, int]]:
    """Residents by universe, sex and age group where no HARD or FIRM table gives them."""
    sql = f"SELECT zone_code, universe, sex, {AGE_SQL}, count(*) FROM persons GROUP BY ALL"
    held: dict[str, dict[str, Cells]] = {}
    for zone, universe, sex, group, number in case.rows(sql):
        for place in (str(zone), case.pack.root):
            cells = held.setdefault(place, {}).setdefault(str(universe), {})
            key = (str(sex), str(group))
            cells[key] = cells.get(key, 0) + int(number)
    tables = list(_sex_age_tables(case))
    modelled = set()
    for zone in [*(code for code in held if code != case.pack.root), case.pack.root]:
        present = set(held[zone])
        covered = [parts & present for place, parts in tables if place == zone]
        for universe, cells in held[zone].items():
            if {universe} in covered or (zone == case.pack.root and universe not in modelled):
                continue
            modelled.add(universe)
            for sex in SEXES:
                for group in AGES:
                    said = f"sex={sex};age={group}"
                    number = cells.get((sex, group), 0)
                    yield ("persons_by_sex_and_age", zone, universe, said), number


def _sex_age_tables(case: Case) -> Iterator[tuple[str, set[str]]]:
    """(zone, universes) of every HARD or FIRM row by sex and bands that nest in the age groups."""
    rows: dict[tuple[str, str], tuple[set[int], bool]] = {}
    parts: dict[str, set[str]] = {}
    for cell in case.cells:
        control = cell.control
        if control.counts != "persons" or control.only or control.level not in ("HARD", "FIRM"):
            continue
        if {part.column for part in control.by} != {"sex", "age"}:
            continue
        named = dict(part.split("=", 1) for part in cell.category.split(";"))
        first = int(named["age"].rstrip("+").split("-")[0])
        starts, whole = rows.get((control.id, cell.zone), (set(), True))
        rows[control.id, cell.zone] = starts | {first}, whole and cell.target is not None
        parts[control.id] = set(case.pack.universe_parts[control.universe])
    for (control_id, zone), (starts, whole) in rows.items():
        if whole and starts >= set(AGES.values()):
            yield zone, parts[control_id]


def _counted(case: Case, name: str) -> dict[str, Cells]:
    """Persons with a value of an attribute by zone (and in the country), age group and category."""
    sql = (
        f'SELECT zone_code, {AGE_SQL}, "{name}"::VARCHAR, count(*) FROM persons '
        f'WHERE "{name}" IS NOT NULL GROUP BY ALL'
    )
    held: dict[str, Cells] = {}
    for zone, group, category, number in case.rows(sql):
        for place in (str(zone), case.pack.root):
            cells = held.setdefault(place, {})
            cells[str(group), str(category)] = cells.get((str(group), str(category)), 0) + number
    return held


def _universe(case: Case, entry: Mapping[str, Any]) -> str:
    table = entry.get("control") or entry.get("guide")
    if table:
        return next(c.universe for c in case.pack.controls if c.id == table)
    return str(entry.get("universe") or case.pack.household_universe)


def _free(case: Case, entry: Mapping[str, Any]) -> Iterator[tuple[Key, int]]:
    """Persons by each category of an attribute without a table, unless age alone decides it."""
    name, can = str(entry["name"]), _possible(case, entry)
    words = [str(word) for word in case.pack.country["classifications"][name]]
    choices = [
        [word for word in words if can(word, sex, age)] for sex in SEXES for age in _ages(case)
    ]
    chosen = [word for word in words if any(word in c and len(c) > 1 for c in choices)]
    if len(chosen) < 2:
        return
    for zone, cells in _counted(case, name).items():
        number = {word: sum(n for (_, c), n in cells.items() if c == word) for word in chosen}
        if not any(number.values()):
            continue
        for word in chosen:
            key = (f"persons_by_{name}", zone, _universe(case, entry), f"{name}={word}")
            yield key, number[word]


def _under_table(case: Case, entry: Mapping[str, Any]) -> Iterator[tuple[Key, int]]:
    """Persons by age group and category that a table by category, and ages, leave open."""
    name, can = str(entry["name"]), _possible(case, entry)
    words = [str(word) for word in case.pack.country["classifications"][name]]
    ends = [*list(AGES.values())[1:], int(case.pack.country["ages"]["oldest"]) + 1]
    possible = {
        (group, word)
        for (group, first), end in zip(AGES.items(), ends, strict=True)
        for word in words
        if any(can(word, sex, age) for sex in SEXES for age in range(first, end))
    }
    held = _counted(case, name)
    anywhere: set[tuple[str, str]] = set()
    for zone in [*(code for code in held if code != case.pack.root), case.pack.root]:
        cells = held.get(zone, {})
        groups, there = {group for group, _ in cells}, {word for _, word in cells}
        open_ = anywhere
        if zone != case.pack.root:
            open_ = undetermined({(g, w) for g, w in possible if g in groups and w in there})
            anywhere |= open_
        for group, word in open_:
            key = (f"persons_by_{name}_and_age", zone, _universe(case, entry), "")
            yield (*key[:3], f"age={group};{name}={word}"), cells.get((group, word), 0)


def undetermined(cells: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The cells of a table that its margins do not fix: their ends hang together without them.

    Rows and columns are joined by all other cells; a cell on no circle has its ends in two parts.
    """
    found = set()
    for cell in cells:
        part: dict[tuple[int, str], tuple[int, str]] = {}

        def root(node: tuple[int, str], part: dict[Any, Any] = part) -> tuple[int, str]:
            while part.get(node, node) != node:
                node = part[node]
            return node

        for row, column in cells - {cell}:
            part[root((0, row))] = root((1, column))
        if root((0, cell[0])) == root((1, cell[1])):
            found.add(cell)
    return found


def _possible(case: Case, entry: Mapping[str, Any]) -> Callable[[str, str, int], bool]:
    """Whether a category can be at a sex and age, beside whatever the attribute is given."""
    odds = odds_of(case, entry)
    beside: list[str | None] = [None]
    if entry.get("given"):
        named = case.pack.country["classifications"][entry["given"]["attribute"]]
        beside = [str(word) for word in named]

    def can(category: str, sex: str, age: int) -> bool:
        return any(odds(category, sex, age, each) > 0 for each in beside)

    return can


def _ages(case: Case) -> range:
    return range(int(case.pack.country["ages"]["oldest"]) + 1)
