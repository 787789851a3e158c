"""Checks of the attributes of persons: possible at their age, and in the shares that were promised.

What an attribute promises is read anew from the pack in the bundle: rules of age in
attributes.yaml, odds by sex and age and odds given another attribute in the registry, quotas in the
frozen tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from synthestat.review.attribute_values import Key, impossible, miscalled, misplaced, unknown
from synthestat.review.attribute_words import word_faults
from synthestat.review.case import Case
from synthestat.review.record import Answer, found, skipped

SLACK = 1e-6  # of a person, for sums of shares in floating point
ROUNDED = 1e-6  # of a share, as the diagnostics write it
FIGURES = ("couples", "couples_alike", "unknown")


def attributes_rules(case: Case) -> Answer:
    """Whoever should have a value has a possible one, nobody else; words and figures are true."""
    entries = attribute_entries(case)
    if not entries:
        return skipped("the pack declares no attribute")
    stated = {e["name"]: e for e in case.json("distribution_diagnostics.json")["attributes"]}
    faults: list[str] = []
    figures: dict[str, object] = {}
    for entry in entries:
        name = str(entry["name"])
        counts = attribute_counts(case, entry)
        faults += misplaced(case, entry)
        faults += unknown(case, entry, counts)
        faults += impossible(case, entry, counts, odds_of(case, entry))
        faults += miscalled(case, entry)
        measured = _measured(case, entry)
        held: Counter[str] = Counter()
        for (category, *_), number in counts.items():
            held[category] += number
        said = stated.get(name, {})
        word = "constrained" if entry.get("control") else "modelled"
        if said.get("evidence") != word:
            faults.append(f"{name}: evidence {said.get('evidence')!r} stated, and is {word}")
        faults += word_faults(case, entry, said)
        for key in FIGURES:
            if said.get(key) != measured[key]:
                faults.append(f"{name}: {key} {said.get(key)} stated, {measured[key]} recounted")
        if {c: n for c, n in said.get("categories", {}).items() if n} != dict(held):
            faults.append(f"{name}: counts by category are not those of the table")
        faults += _couples(case, entry, said.get("couples_by_age") or [])
        couples, share = measured["couples"], said.get("partner_agreement")
        own = measured["couples_alike"] / couples if couples else None
        if (share is None) != (own is None) or abs((share or 0.0) - (own or 0.0)) > ROUNDED:
            faults.append(f"{name}: partner_agreement {share} stated, {own} recounted")
        if measured["couples"]:
            share = measured["couples_alike"] / measured["couples"]
            figures[f"{name}: partners alike"] = round(share, 4)
    return found(faults, f"{len(entries)} attributes keep their rules", figures=figures)


def attribute_shares(case: Case) -> Answer:
    """Every category has the share that quotas or odds promise; none stands in for all others.

    With a guide, every zone has its shares to the whole person below or above.
    """
    faults: list[str] = []
    figures: dict[str, object] = {}
    apart, not_all = case.limit("attribute_apart"), case.limit("attribute_not_all")
    for entry in attribute_entries(case):
        name = str(entry["name"])
        built, promised = _promised(case, entry)
        persons = sum(built.values())
        if not persons or not sum(promised.values()):
            continue
        worst = 0.0
        for category in sorted(built.keys() | promised.keys()):
            share = built[category] / persons
            wanted = promised[category] / sum(promised.values())
            worst = max(worst, abs(share - wanted))
            alone = share >= case.limit("attribute_alone") and wanted < not_all
            if alone or abs(share - wanted) > apart:
                faults.append(
                    f"{name}: {share:.1%} of {persons:,} persons are {category}, "
                    f"{wanted:.1%} by its {_origin(entry)}"
                )
        faults += _zone_faults(case, entry) if entry.get("guide") else []
        figures[name] = round(worst, 6)
    if not figures:
        return skipped("no attribute has quotas or odds")
    return found(faults, f"{len(figures)} attributes have the promised shares", figures=figures)


def attribute_entries(case: Case) -> list[dict[str, Any]]:
    """The entries of attributes.yaml, in their order."""
    return case.pack.attributes


def attribute_counts(case: Case, entry: Mapping[str, Any]) -> dict[Key, int]:
    """Persons with a value, by category, sex, age and what the attribute is given (else None)."""
    name = entry["name"]
    given = f'"{entry["given"]["attribute"]}"' if entry.get("given") else "NULL"
    rows = case.rows(
        f'SELECT "{name}", sex, age, {given} AS beside, count(*) FROM persons '
        f'WHERE "{name}" IS NOT NULL GROUP BY ALL ORDER BY ALL'
    )
    return {(str(c), str(s), int(a), b if b is None else str(b)): int(n) for c, s, a, b, n in rows}


def _measured(case: Case, entry: Mapping[str, Any]) -> dict[str, int]:
    """Couples whose values are known, those of them that are alike, and persons without a value."""
    name = entry["name"]
    same = [str(category).replace("'", "''") for category in entry.get("alike") or ()]
    words = ", ".join(f"'{word}'" for word in same)
    value = (
        f'CASE WHEN {{0}}."{name}"::VARCHAR IN ({words}) THEN {{0}}."{name}"::VARCHAR ELSE \'\' END'
    )
    if not same:
        value = f'{{0}}."{name}"::VARCHAR'
    couples, alike = case.rows(
        f"SELECT count(*), count(*) FILTER ({value.format('p')} = {value.format('q')}) "
        "FROM persons p JOIN persons q ON q.person_id = p.partner_id "
        f'WHERE p.person_id < q.person_id AND p."{name}" IS NOT NULL AND q."{name}" IS NOT NULL'
    )[0]
    unknown = case.count(f'SELECT count(*) - count("{name}") FROM persons')
    return {"couples": int(couples), "couples_alike": int(alike), "unknown": unknown}


def _origin(entry: Mapping[str, Any]) -> str:
    """What promises an attribute's shares: its table, its guide or its odds."""
    return "table" if entry.get("control") else "guide" if entry.get("guide") else "odds"


def _promised(case: Case, entry: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """What the run holds and what its origin promises, by category."""
    of = {"table": _quotas, "guide": _guided, "odds": _odds}
    return of[_origin(entry)](case, entry)


def _guided(case: Case, entry: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """What the run holds, and the guide's shares in each zone of the persons there (thousandths).

    Soft targets that steer have the share that they publish; the others share what is left.
    """
    name = str(entry["name"])
    built: Counter[str] = Counter()
    shares = {str(word): 0.0 for word in case.pack.country["classifications"][name]}
    for held, expected in _by_zone(case, entry).values():
        built.update(held)
        for word in shares:
            shares[word] += expected.get(word, 0.0)
    return built, Counter({w: round(1000 * s) for w, s in _steered(case, name, shares).items()})


def _by_zone(
    case: Case, entry: Mapping[str, Any]
) -> dict[tuple[str, str], tuple[Counter[str], dict[str, float]]]:
    """By zone and sex ("" where the guide has none): persons held, and expected by its shares."""
    name, guide = str(entry["name"]), str(entry["guide"])
    control = next(control for control in case.pack.controls if control.id == guide)
    sex = "sex" if any(part.column == "sex" for part in control.by) else "''"
    sql = (
        f'SELECT zone_code, {sex}, "{name}", count(*) FROM persons WHERE "{name}" IS NOT NULL '
        "GROUP BY ALL ORDER BY ALL"
    )
    held: dict[tuple[str, str], Counter[str]] = {}
    for zone, of, category, number in case.rows(sql):
        held.setdefault((str(zone), str(of)), Counter())[str(category)] += int(number)
    then: dict[tuple[str, str], Counter[str]] = {}
    for cell in case.cells:
        if cell.control.id == guide and cell.zone in case.pack.zones:
            at = dict(part.split("=", 1) for part in cell.category.split(";"))
            row = then.setdefault((cell.zone, at.get("sex", "")), Counter())
            row[at[name]] += round(cell.target or 0)
    found_by: dict[tuple[str, str], tuple[Counter[str], dict[str, float]]] = {}
    for place, now in held.items():
        row, persons = then.get(place, Counter()), sum(now.values())
        whole = sum(row.values()) or 1
        found_by[place] = (now, {word: persons * n / whole for word, n in row.items()})
    return found_by


def _zone_faults(case: Case, entry: Mapping[str, Any]) -> Iterator[str]:
    """Zones in which a guided attribute is a person or more from its guide's shares.

    Not judged where a soft target bends the shares of all zones.
    """
    name = str(entry["name"])
    if any(True for _ in _steering(case, name)):
        return
    for (zone, sex), (held, expected) in _by_zone(case, entry).items():
        for word in sorted(held.keys() | expected.keys()):
            apart = abs(held[word] - expected.get(word, 0.0))
            if apart >= 1 + SLACK:
                yield (
                    f"{name}: {held[word]:,} are {word} in {' '.join(filter(None, (zone, sex)))}, "
                    f"{expected.get(word, 0.0):,.1f} by its guide"
                )


def _steered(case: Case, name: str, shares: dict[str, float]) -> dict[str, float]:
    """Expected persons by category, bent to the targets of the attribute that steer, one by one."""
    for values in _steering(case, name):
        inside = [str(word) for word in values["categories"]]
        whole, held = sum(shares.values()), sum(shares[word] for word in inside)
        up = float(values["value"]) * whole / held if held else 0.0
        down = (1 - float(values["value"])) * whole / (whole - held) if whole > held else 0.0
        shares = {word: share * (up if word in inside else down) for word, share in shares.items()}
    return shares


def _steering(case: Case, name: str) -> Iterator[Mapping[str, Any]]:
    """The values of soft targets in use that bend the quotas of an attribute."""
    for entry in case.pack.registry.values():
        values = entry["values"]
        used = entry["kind"] == "target" and entry["status"] == "used"
        bends = values.get("measure") == "person_share" and values.get("steers", True)
        if used and bends and values.get("attribute") == name:
            yield values


def _couples(case: Case, entry: Mapping[str, Any], stated: list[dict[str, Any]]) -> Iterator[str]:
    """Persons with a partner by age, both or one of them in the category, as declared and built."""
    told = {str(row["ages"]): dict(row) for row in stated}
    counted: dict[str, dict[str, Any]] = {}
    if entry.get("couples"):
        values = used_values(case)[entry["couples"]]
        name, word = entry["name"], str(entry["alike"][0]).replace("'", "''")
        sides = [f"({side}.\"{name}\"::VARCHAR = '{word}')::INT" for side in ("p", "q")]
        rows = case.rows(
            f"SELECT p.age // 5 * 5, (p.age + q.age) // 2, {' + '.join(sides)}, count(*) "
            "FROM persons p JOIN persons q ON q.person_id = p.partner_id "
            f'WHERE p."{name}" IS NOT NULL AND q."{name}" IS NOT NULL GROUP BY ALL ORDER BY ALL'
        )
        for first, mean_age, inside, number in rows:
            ages = f"{first}-{first + 4}"
            none = {"ages": ages, "persons": 0, "both": 0, "one": 0, "declared": 0.0}
            row = counted.setdefault(ages, none)
            row["persons"] += number
            row["both"] += number if inside == 2 else 0
            row["one"] += number if inside == 1 else 0
            row["declared"] += number * curve_at(values["together"], int(mean_age))
    for ages in sorted(told.keys() | counted.keys()):
        said, row = told.get(ages, {}), counted.get(ages, {})
        if row:
            row["declared"] /= row["persons"]
        for key in sorted((said.keys() | row.keys()) - {"ages"}):
            apart = abs(float(said.get(key, -1)) - float(row.get(key, -1)))
            if apart > (ROUNDED if key == "declared" else 0):
                yield (
                    f"{entry['name']}: couples aged {ages}: {key} {said.get(key)} stated, "
                    f"{row.get(key)} recounted"
                )


def _quotas(case: Case, entry: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """What the zones hold and what the table publishes for them, by category."""
    built: Counter[str] = Counter()
    promised: Counter[str] = Counter()
    words = case.pack.country["classifications"][entry["name"]]
    for cell in case.cells:
        if cell.control.id == entry["control"] and cell.zone in case.pack.zones and cell.judged:
            parts = cell.category.split(";")
            for category in (str(word) for word in words if f"{entry['name']}={word}" in parts):
                built[category] += cell.observed or 0
                promised[category] += round(cell.target or 0)
    return built, promised


def _odds(case: Case, entry: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """What the run holds and what the odds give in the mean, by category (thousandths)."""
    odds = odds_of(case, entry)
    words = [str(word) for word in case.pack.country["classifications"][entry["name"]]]
    built: Counter[str] = Counter()
    cells: Counter[tuple[str, int, str | None]] = Counter()
    for (category, sex, age, beside), number in attribute_counts(case, entry).items():
        built[category] += number
        cells[sex, age, beside] += number
    shares = dict.fromkeys(words, 0.0)
    for (sex, age, beside), number in cells.items():
        each = {word: odds(word, sex, age, beside) for word in words}
        whole = sum(each.values())
        for word in words:
            shares[word] += number * each[word] / whole if whole else 0.0
    return built, Counter({word: round(1000 * share) for word, share in shares.items()})


def odds_of(case: Case, entry: Mapping[str, Any]) -> Any:
    """The odds of an attribute as a function of category, sex, age and what it is given.

    They are 0 for a category, and beside one, of which the pack says nothing.
    """
    used = used_values(case)
    pattern = _texts(_pattern(used[entry["pattern"]])) if entry.get("pattern") else None
    given = _texts(used[entry["given"]["family"]]) if entry.get("given") else None
    rules = entry.get("rules") or {}

    @cache
    def odds(category: str, sex: str, age: int, beside: str | None) -> float:
        rule = rules.get(category) or {}
        first, last = rule.get("from_age"), rule.get("to_age")
        if age < (0 if first is None else first) or age > (age if last is None else last):
            return 0.0
        value = 1.0
        if pattern is not None:
            curve = pattern.get(category, 0.0)
            if isinstance(curve, Mapping) and sex in curve:
                curve = curve[sex]
            value = curve_at(curve, age)
        if given is not None:
            row = given.get(beside) if beside is not None else None
            value *= float(_texts(row or {}).get(category, 0.0))
        return value

    return odds


def _pattern(values: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The values of a pattern; of a pool of comparable places, the plain mean of their shares.

    The build weighs places by what they know; the mean of shares is near that, and near enough for
    shares that are judged to two points.
    """
    if "pool" not in values:
        return values
    tables = []
    for place in values["pool"]:
        counts = _texts(place["counts"])
        nested = all(isinstance(row, Mapping) for row in counts.values())
        tables.append(counts if nested else {"0+": counts})
    firsts = [int(str(band).rstrip("+").partition("-")[0]) for band in tables[0]]
    lasts = [*(first - 1 for first in firsts[1:]), firsts[-1]]
    means: dict[str, dict[int, float]] = {}
    for band, first, last in zip(tables[0], firsts, lasts, strict=True):
        for name in tables[0][band]:
            shares = [table[band][name] / sum(table[band].values()) for table in tables]
            curve = means.setdefault(str(name), {})
            curve[first] = curve[last] = sum(shares) / len(shares)
    return means


def used_values(case: Case) -> dict[str, Any]:
    """The values of the registry's entries in use, by family."""
    return {family: entry["values"] for family, entry in case.pack.used.items()}


def curve_at(curve: Any, age: float) -> float:
    """A number, or the value at an age of anchors: linear between them, flat beyond the ends."""
    if not isinstance(curve, Mapping):
        return float(curve)
    anchors = sorted((float(at), float(value)) for at, value in curve.items())
    after = bisect_right([at for at, _ in anchors], age)
    if after == 0 or after == len(anchors):
        return anchors[max(after - 1, 0)][1]
    (low, first), (high, last) = anchors[after - 1], anchors[after]
    return first + (last - first) * (age - low) / (high - low)


def _texts(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in values.items()}
