"""Freeze the tables of Tinyland, an invented country, into `tiny/snapshots`.

    python tests/packs/make_tiny.py

Invented households are drawn from a fixed stream, counted into tables as an office would, and
frozen; the hashes go into `tiny/sources.yaml`. Three awkward things are planted on purpose: zone 05
publishes a capped household-size total that needs more persons than it has, the table of faith lost
two persons of zone 03, and zone 06 has residents whom nobody enumerated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from synthestat.random_streams import RandomStreams
from synthestat.sources.cube import CellStatus, Cube, Dimension, number_status
from synthestat.sources.jsonstat import write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

FOLDER = Path(__file__).parent / "tiny"
OFFICE = "Tinyland Statistical Office"
OPEN_FROM = 75
CAP = 6
LARGEST = 10
SHORTFALL = 4  # persons that the size total of zone 05 asks for beyond those enumerated there
LOST_FORMS = 2  # persons missing from the table of faith in zone 03
LANGUAGES = ("Plain", "Hill", "River", "Unknown")
FAITHS = ("Sun", "Moon", "None", "Unknown")
HILL_LANGUAGES, OTHER_LANGUAGES = (0.02, 0.95, 0.0, 0.03), (0.97, 0.01, 0.006, 0.014)
HILL_FAITHS, OTHER_FAITHS = (0.15, 0.7, 0.1, 0.05), (0.8, 0.05, 0.12, 0.03)


@dataclass(frozen=True)
class Place:
    """One municipality: households there, dwellings beyond one for each of them, vacant ones.

    `estimated` is the number of residents whom nobody enumerated.
    """

    code: str
    name: str
    households: int
    spare: int
    vacant: int
    hill_share: float
    estimated: int = 0


PLACES = (
    Place("01", "Alderbridge", 270, 0, 31, 0.10),
    Place("02", "Birkholm", 240, -8, 12, 0.05),  # eight households too many: they share
    Place("03", "Çedar Hill", 200, 15, 20, 0.60),  # fifteen dwellings with nobody to name
    Place("04", "Dømmeby", 150, 3, 9, 0.08),
    Place("05", "Elmau", 80, 0, 0, 0.02),
    Place("06", "Fenwick", 60, 2, 5, 0.30, estimated=85),
)
WITH_HOUSEHOLDS = ("01", "02", "03", "05")
WITH_SIZE_TOTAL = ("01", "03", "05")


@dataclass(frozen=True)
class Person:
    """An invented person; `universe` is enumerated or estimated."""

    zone: str
    household: int
    age: int
    male: bool
    language: str
    faith: str
    universe: str = "enumerated"


def main() -> None:
    """Draw the people, freeze every table and write the hashes into sources.yaml."""
    people = [person for place in PLACES for person in people_of(place)]
    store = SnapshotStore(FOLDER / "snapshots")
    for old in (FOLDER / "snapshots").glob("*.json"):
        old.unlink()
    sources = FOLDER / "sources.yaml"
    text = sources.read_text(encoding="utf-8")
    for table, cube in tables(people).items():
        sha256 = store.put(write_jsonstat(cube))
        pattern = rf"(- id: {table}\n(?:    .*\n)*?    sha256: )[0-9a-f]*"
        text, found = re.subn(pattern, rf"\g<1>{sha256}", text)
        if found != 1:
            raise SystemExit(f"sources.yaml has {found} entries for {table}")
    sources.write_text(text, encoding="utf-8")


def people_of(place: Place) -> list[Person]:
    """Return the invented residents of one municipality, household by household."""
    uniform = RandomStreams(20).stream("tinyland", place.code).random
    people: list[Person] = []
    for household in range(place.households):
        ages = household_ages(uniform, most=CAP if place.code == "05" else LARGEST)
        hill = uniform() < place.hill_share
        for age, male in ages:
            language = LANGUAGES[pick(uniform, HILL_LANGUAGES if hill else OTHER_LANGUAGES)]
            faith = FAITHS[pick(uniform, HILL_FAITHS if hill else OTHER_FAITHS)]
            people.append(Person(place.code, household, age, male, language, faith))
    for number in range(place.estimated):
        adult = number % 4 != 0
        age = int((18 + 65 * uniform()) if adult else 18 * uniform())
        people.append(Person(place.code, -1, age, uniform() < 0.5, "", "", "estimated"))
    return people


def household_ages(uniform: Callable[[], float], most: int) -> list[tuple[int, bool]]:
    """Return (age, is male) of the members of one invented household."""
    kind = pick(uniform, (0.14, 0.18, 0.44, 0.08, 0.16))
    woman = int(22 + 25 * uniform()) if kind >= 2 else int(24 + 62 * uniform())
    man = max(18, woman + int(-2 + 9 * uniform()))
    children = 1 + int(3.6 * uniform() * uniform() + 1.2 * uniform())
    young = [(max(0, woman - 20 - int(14 * uniform())), uniform() < 0.512) for _ in range(children)]
    couple = [(woman, False), (man, True)]
    if kind == 0:
        members = [(woman, uniform() < 0.45)]
    elif kind == 1:
        members = couple
    elif kind == 2:
        members = couple + young
    elif kind == 3:
        members = [(woman, False), *young]
    else:
        members = [*couple, (woman + 22 + int(12 * uniform()), False), *young]
        if uniform() < 0.6:
            members.append((woman + 25 + int(12 * uniform()), True))
        if uniform() < 0.3:
            members += [(int(18 + 30 * uniform()), uniform() < 0.5) for _ in range(2)]
    return members[:most]


def pick(uniform: Callable[[], float], weights: Sequence[float]) -> int:
    """Return the number of a weight, drawn in proportion."""
    edges = np.cumsum(weights) / sum(weights)
    return int(np.searchsorted(edges, uniform(), side="right"))


def tables(people: Sequence[Person]) -> dict[str, Cube]:
    """Count the people into the tables that the office publishes."""
    enumerated = [p for p in people if p.universe == "enumerated"]
    ages = [*(str(age) for age in range(OPEN_FROM)), f"{OPEN_FROM}+"]
    by_age = counted((p.zone, ages[min(p.age, OPEN_FROM)]) for p in people)
    by_language = with_totals(
        counted((p.zone, "Male" if p.male else "Female", p.language) for p in enumerated), (1, 2)
    )
    by_faith = counted((p.zone, p.faith) for p in enumerated)
    by_faith["03", "Sun"] -= LOST_FORMS
    by_faith = with_totals(by_faith, (0,))
    by_faith |= {("ZZ", "Total"): sum(by_faith["ZZ", faith] for faith in FAITHS)}
    return {
        "tiny_age": cube("Residents by age", by_age_zone(by_age), zone(), axis("age", ages)),
        "tiny_language": cube(
            "Enumerated persons by sex and language",
            with_totals(by_language, (0,)),
            zone(),
            axis("sex", ("Total", "Male", "Female")),
            axis("language", ("Total", *LANGUAGES)),
        ),
        "tiny_faith": cube(
            "Enumerated persons by faith",
            by_faith,
            zone(),
            axis("faith", ("Total", *FAITHS)),
            blank=lambda codes: codes[0] != "ZZ" and codes[1] == "Total",
        ),
        "tiny_dwellings": cube(
            "Buildings and dwellings",
            with_totals(dwelling_counts(), (0,)),
            zone(),
            axis("measure", ("buildings", "dwellings", "vacant")),
        ),
        "tiny_households": cube(
            "Households, partial",
            household_counts(enumerated),
            zone(),
            axis("measure", ("households", "persons_6plus_as_6")),
            blank=lambda codes: codes not in household_counts(enumerated),
        ),
        "neighbour_sizes": cube(
            "Households by size next door",
            {("1",): 180, ("2",): 240, ("3",): 190, ("4",): 210, ("5",): 110, ("6+",): 95},
            axis("size", ("1", "2", "3", "4", "5", "6+")),
        ),
    }


Counted = dict[tuple[str, ...], int]


def counted(keys: Iterable[tuple[str, ...]]) -> Counted:
    """Return how often each key occurs."""
    counts: Counted = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    return counts


def with_totals(counts: Counted, places: tuple[int, ...]) -> Counted:
    """Add the sums over each of the given places of the key (0: the country, else `Total`)."""
    for place in places:
        sums: Counted = {}
        for key, count in counts.items():
            whole = (*key[:place], "Total" if place else "ZZ", *key[place + 1 :])
            sums[whole] = sums.get(whole, 0) + count
        counts = counts | sums
    return counts


def by_age_zone(counts: Counted) -> Counted:
    """Add the country to a table by zone."""
    return with_totals(counts, (0,))


def dwelling_counts() -> Counted:
    """Return buildings, dwellings and vacant dwellings by municipality."""
    counts: Counted = {}
    for place in PLACES:
        dwellings = place.households + place.spare + place.vacant
        counts[place.code, "buildings"] = math.ceil(dwellings / 1.3)
        counts[place.code, "dwellings"] = dwellings
        counts[place.code, "vacant"] = place.vacant
    return counts


def household_counts(enumerated: Sequence[Person]) -> Counted:
    """Return households and capped persons where the office publishes them."""
    sizes = counted((p.zone, str(p.household)) for p in enumerated)
    counts: Counted = {("ZZ", "households"): len(sizes)}
    for code in WITH_HOUSEHOLDS:
        counts[code, "households"] = sum(zone == code for zone, _ in sizes)
    for code in WITH_SIZE_TOTAL:
        counts[code, "persons_6plus_as_6"] = sum(
            min(size, CAP) for (zone, _), size in sizes.items() if zone == code
        )
    counts["05", "persons_6plus_as_6"] += SHORTFALL
    return counts


def zone() -> Dimension:
    """Return the country and its municipalities, labelled as the tables spell them."""
    codes = ("ZZ", *(place.code for place in PLACES))
    return Dimension("zone", "Zone", codes, ("Tinyland", *(place.name for place in PLACES)))


def axis(name: str, codes: Iterable[str]) -> Dimension:
    """Return a dimension whose codes are their own labels."""
    codes = tuple(codes)
    return Dimension(name, name, codes, codes)


def cube(
    label: str,
    counts: Mapping[tuple[str, ...], int],
    *dimensions: Dimension,
    blank: Callable[[tuple[str, ...]], bool] = lambda _: False,
) -> Cube:
    """Return a table: what was not counted is zero, what is `blank` is missing."""
    keys = list(product(*(dimension.codes for dimension in dimensions)))
    flat = [math.nan if blank(key) else float(counts.get(key, 0)) for key in keys]
    values = np.array(flat).reshape([len(dimension.codes) for dimension in dimensions])
    status = number_status(values)
    status[np.isnan(values)] = CellStatus.MISSING
    return Cube(label, OFFICE, "", dimensions, values, status, {})


if __name__ == "__main__":
    main()
