"""Faults of the attributes of single persons, each with one of them: who has a value at all, of
which list, possible at which age, under which evidence word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthestat.review.case import Case, says

Key = tuple[str, str, int, str | None]  # category, sex, age, category of what it is given
Odds = Callable[[str, str, int, str | None], float]


def misplaced(case: Case, entry: Mapping[str, Any]) -> Iterator[str]:
    """Persons outside the attribute's universe with a value, and persons inside it without one."""
    name, universe = str(entry["name"]), universe_of(case, entry)
    inside = says("universe", *case.pack.universe_parts[universe])
    for what, condition in (
        (f"are not of {universe}, and have a value", f'"{name}" IS NOT NULL AND NOT {inside}'),
        (f"are of {universe}, and have no value", f'"{name}" IS NULL AND {inside}'),
    ):
        if number := case.count(f"SELECT count(*) FROM persons WHERE {condition}"):
            yield f"{name}: {number:,} persons {what}{case.such_as('persons', condition)}"


def universe_of(case: Case, entry: Mapping[str, Any]) -> str:
    """The universe whose persons have the attribute: its table's, its own, or the households'."""
    table = entry.get("control") or entry.get("guide")
    own = [control.universe for control in case.pack.controls if control.id == table]
    return own[0] if own else str(entry.get("universe") or case.pack.household_universe)


def unknown(case: Case, entry: Mapping[str, Any], counts: Mapping[Key, int]) -> Iterator[str]:
    """Persons with a word that is no category, and with no or no such category of what is given."""
    name = str(entry["name"])
    words = _words(case, name)
    for category in sorted({key[0] for key in counts} - words):
        number = sum(n for key, n in counts.items() if key[0] == category)
        some = case.such_as("persons", says(name, category))
        yield f"{name}: {number:,} persons are {category!r}, which is no category of it{some}"
    if not entry.get("given"):
        return
    given = str(entry["given"]["attribute"])
    beside = {key[3] for key in counts} - _words(case, given)
    for word in sorted(beside, key=str):
        number = sum(n for key, n in counts.items() if key[3] == word)
        some = case.such_as("persons", f'"{name}" IS NOT NULL AND {says(given, word)}')
        said = f"no {given}" if word is None else f"the {given} {word!r}, which is no category"
        yield f"{name}: {number:,} persons have {said}{some}"


def impossible(
    case: Case, entry: Mapping[str, Any], counts: Mapping[Key, int], odds: Odds
) -> Iterator[str]:
    """Categories at ages, sexes or beside categories where rules or odds of zero forbid them."""
    name = str(entry["name"])
    given = str(entry["given"]["attribute"]) if entry.get("given") else None
    words, others = _words(case, name), _words(case, given) if given else {None}
    wrong: dict[tuple[str, str, str | None], dict[int, int]] = {}
    for (category, sex, age, beside), number in counts.items():
        known = category in words and beside in others  # the others are named by `unknown`
        if known and not odds(category, sex, age, beside):
            wrong.setdefault((category, sex, beside), {})[age] = number
    for (category, sex, beside), by_age in wrong.items():
        first, last = min(by_age), max(by_age)
        where = sex if beside is None else f"{sex}, {given} {beside}"
        ages = f"age {first}" if first == last else f"ages between {first} and {last}"
        same = f"{says(name, category)} AND {says('sex', sex)}"
        same += f" AND age IN ({', '.join(map(str, sorted(by_age)))})"
        same += f" AND {says(given, beside)}" if given else ""
        yield (
            f"{name}: {sum(by_age.values()):,} persons are {category} ({where}) at {ages}, where "
            f"its rules or odds forbid it{case.such_as('persons', same)}"
        )


def miscalled(case: Case, entry: Mapping[str, Any]) -> Iterator[str]:
    """Rows whose evidence word is not the one that the attribute's origin gives."""
    name = str(entry["name"])
    word = "constrained" if entry.get("control") else "modelled"
    sql = (
        f'SELECT "{name}_evidence", count(*) FROM persons WHERE "{name}" IS NOT NULL '
        "GROUP BY ALL ORDER BY ALL"
    )
    for said, number in case.rows(sql):
        if said != word:
            same = f'"{name}" IS NOT NULL AND {says(f"{name}_evidence", said)}'
            some = case.such_as("persons", same)
            yield f"{name}: {number:,} persons are called {said}, and are {word}{some}"


def _words(case: Case, name: str) -> set[str | None]:
    return {str(word) for word in case.pack.country["classifications"][name]}
