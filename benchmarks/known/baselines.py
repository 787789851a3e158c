"""Plain ways to make households from published tables, as baselines of `known_truth.py`.

Each takes the tables of `truths.Published` and gives a table of persons in the form of
`recovery.COLUMNS`; links are null. Ages of the open class are drawn evenly from its first ten
years, sizes of the open class by an even split of the persons left over (both: assumption). Who
lives in institutions is drawn from the adults of the zone.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from known.truths import OPEN_AGE, OPEN_SIZE, Published
from numpy.typing import NDArray

from synthestat.diagnostics.recovery import COLUMNS, TYPES, household_table

Whole = NDArray[np.int64]
ADULT = 18
COUPLE_SPAN, GENERATION, TWO_GENERATIONS = 15, 15, 45  # years; the declared rule of `plain_roles`
TRIES = 20  # persons looked at for one child's place before anyone is taken; assumption
SINGLE, COUPLE, FAMILY, LONE_MOTHER, LONE_FATHER, EXTENDED, OTHER = range(len(TYPES))
Person = tuple[int, int]  # age, sex (0 male, 1 female)


@dataclass
class Rows:
    """Persons as they are placed; households are numbered as they come."""

    zone: list[str] = field(default_factory=list)
    household: list[int] = field(default_factory=list)
    age: list[int] = field(default_factory=list)
    sex: list[str] = field(default_factory=list)
    role: list[str] = field(default_factory=list)
    households: int = 0

    def add(self, zone: str, members: Sequence[Person], roles: Sequence[str]) -> None:
        """Add one household."""
        self.households += 1
        self.zone += [zone] * len(members)
        self.household += [self.households] * len(members)
        self.age += [age for age, _ in members]
        self.sex += [("male", "female")[sex] for _, sex in members]
        self.role += roles

    def table(self) -> pl.DataFrame:
        """Return the table of persons, without links."""
        known = {n: getattr(self, n) for n in ("zone", "household", "age", "sex", "role")}
        known["person"] = list(range(1, len(self.age) + 1))
        return pl.DataFrame(
            {name: known.get(name, [None] * len(self.age)) for name in COLUMNS}, schema=COLUMNS
        )


def random_filling(
    published: Published, rng: np.random.Generator, *, adult_first: bool
) -> pl.DataFrame:
    """Fill households of the published sizes with random persons; roles by `plain_roles`.

    `adult_first`: every household gets one random adult before anybody else is placed.
    """
    rows = Rows()
    for number, zone in enumerate(published.zones):
        people = _private_people(published, number, rng, rows)
        sizes = draw_sizes(published, number, rng)
        kept: list[Person] = []
        if adult_first:
            kept, people = _first_adults(people, len(sizes))
        at = 0
        for place, size in enumerate(sizes):
            first = kept[place : place + 1]
            members = first + people[at : at + size - len(first)]
            at += size - len(first)
            rows.add(zone, members, plain_roles(members))
    return rows.table()


def typed_filling(
    published: Published,
    rng: np.random.Generator,
    choose: Callable[[Whole, int, np.random.Generator], Whole],
) -> pl.DataFrame:
    """Fill households whose types are chosen first; ages stay random.

    `choose` gives the types of a zone's households from their sizes. Reference adults of the right
    sex are placed first, then opposite-sex adult partners, then children at least 15 years younger
    than the reference person where one of the next 20 persons is, then whoever is left.
    """
    rows = Rows()
    for number, zone in enumerate(published.zones):
        people = _private_people(published, number, rng, rows)
        sizes = draw_sizes(published, number, rng)
        types = choose(sizes, number, rng)
        pools = [[p for p in people if p[0] >= ADULT and p[1] == sex] for sex in (0, 1)]
        rest = [p for p in people if p[0] < ADULT]
        heads = [_take_head(kind, pools, rest, rng) for kind in types]
        mates = [
            _take(pools, rest, 1 - head[1]) if kind in (COUPLE, FAMILY) else None
            for head, kind in zip(heads, types, strict=True)
        ]
        left = [*pools[0], *pools[1], *rest]
        left = [left[place] for place in rng.permutation(len(left))]
        order = np.argsort(~np.isin(types, (FAMILY, LONE_MOTHER, LONE_FATHER)), kind="stable")
        for place in order:  # children have first choice
            head, mate, kind = heads[place], mates[place], int(types[place])
            members = [head] if mate is None else [head, mate]
            needs = int(sizes[place]) - len(members)
            children = kind in (FAMILY, LONE_MOTHER, LONE_FATHER)
            oldest = head[0] - GENERATION if children else 200
            members += [_next_up_to(left, oldest) for _ in range(needs)]
            rows.add(zone, members, _typed_roles(kind, members))
    return rows.table()


def draw_types(published: Published) -> Callable[[Whole, int, np.random.Generator], Whole]:
    """Return a choice of types: independent draws by published counts among those of that size."""

    def choose(sizes: Whole, zone: int, rng: np.random.Generator) -> Whole:
        assert published.types is not None
        weights = np.where(feasible_types(), published.types[zone][None, :] + 1e-9, 0.0)
        edges = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
        row = edges[np.minimum(sizes, OPEN_SIZE) - 1]
        chosen = (rng.random(len(sizes))[:, None] > row).sum(axis=1)
        return np.minimum(chosen, len(TYPES) - 1).astype(np.int64)

    return choose


def types_of_joint(joint: Whole) -> Callable[[Whole, int, np.random.Generator], Whole]:
    """Return a choice of types that deals a joint of shape (zones, sizes, types) out exactly."""

    def choose(sizes: Whole, zone: int, rng: np.random.Generator) -> Whole:
        types = np.zeros(len(sizes), dtype=np.int64)
        for size in range(OPEN_SIZE):
            here = np.flatnonzero(np.minimum(sizes, OPEN_SIZE) - 1 == size)
            types[here] = rng.permutation(np.repeat(np.arange(len(TYPES)), joint[zone, size]))
        return types

    return choose


def feasible_types() -> NDArray[np.bool_]:
    """Return which types a size can have, shape (sizes, types), by what a type needs."""
    least = np.array([1, 2, 3, 2, 2, 2, 2])
    most = np.array([1, 2, 99, 99, 99, 99, 99])
    sizes = np.arange(1, OPEN_SIZE + 1)[:, None]
    return (sizes >= least) & (sizes <= most)


_PEER = """
import json, sys
import numpy as np, humanleague
asked = json.load(sys.stdin)
seed, found = np.array(asked["seed"]), []
for sizes, types in zip(asked["sizes"], asked["types"]):
    table = None
    try:
        table, _ = humanleague.qisi(seed, [np.array([0]), np.array([1])],
                                    [np.array(sizes), np.array(types)])
    except RuntimeError:
        pass
    if not isinstance(table, np.ndarray):
        table, _ = humanleague.qis([np.array([0]), np.array([1])],
                                   [np.array(sizes), np.array(types)])
    found.append(np.asarray(table).astype(int).tolist())
print(json.dumps(found))
"""


def humanleague_joint(published: Published, python: str) -> Whole | None:
    """Return humanleague's size x type tables by zone, shape (zones, sizes, types).

    Quasirandom integer sampling from the two margins with a seed of ones where a size can have a
    type (Smith, Lovelace & Birkin 2017); without seed where that fails. None where `python`
    cannot import humanleague.
    """
    assert published.types is not None
    asked = {
        "seed": feasible_types().astype(float).tolist(),
        "sizes": published.sizes.tolist(),
        "types": published.types.tolist(),
    }
    answer = subprocess.run(
        [python, "-c", _PEER], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        if "ModuleNotFoundError" in answer.stderr:
            return None
        raise SystemExit(f"humanleague failed: {answer.stderr.strip().splitlines()[-1]}")
    return np.array(json.loads(answer.stdout), dtype=np.int64)


def expanded_sample(
    truth: pl.DataFrame, published: Published, rng: np.random.Generator, share: float = 0.05
) -> pl.DataFrame:
    """Expand a sample of the truth's own households to every zone. Uses more than the tables.

    A simple random sample of `share` of all households of the country (each institutional resident
    is a unit of their own) is weighted for each zone by iterative proportional updating (Ye et al.
    2009) to households by size (and type), persons by ten-year age group and sex, and
    institutional residents, then made whole by truncate, replicate, sample (Lovelace & Ballas
    2013), which keeps the numbers of households and of institutional residents.
    """
    apart = pl.when(pl.col("role") == "institutional").then(-pl.col("person"))
    units = truth.with_columns(unit=apart.otherwise(pl.col("household")))
    private, single = (
        units.filter(side).get_column("unit").unique().sort().to_numpy()
        for side in (pl.col("unit") > 0, pl.col("unit") < 0)
    )
    drawn = [
        rng.permutation(side)[: max(round(share * len(side)), 1 if len(side) else 0)]
        for side in (private, single)
    ]
    sample = units.filter(pl.col("unit").is_in(np.concatenate(drawn).tolist()))
    members = {k[0]: rows for k, rows in sample.partition_by("unit", as_dict=True).items()}
    kinds = household_table(sample.filter(pl.col("unit") > 0))
    type_of = dict(zip(kinds["household"], kinds["type"], strict=True))
    matrix = _unit_matrix([members[u] for u in np.concatenate(drawn)], type_of, published)
    households = len(drawn[0])
    rows = Rows()
    for number, zone in enumerate(published.zones):
        weights = updated_weights(matrix, _targets(published, number))
        parts = (weights[:households], weights[households:])
        totals = (int(published.sizes[number].sum()), int(published.institutional[number]))
        for part, total, names in zip(parts, totals, drawn, strict=True):
            for unit in np.repeat(names, truncated(part, total, rng)):
                of = members[unit]
                people = zip(of["age"], (of["sex"] == "female").cast(pl.Int64), strict=True)
                rows.add(zone, list(people), of["role"].to_list())
    return rows.table()


def updated_weights(matrix: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray:
    """Fit unit weights to targets by iterative proportional updating, 200 rounds.

    `matrix` (units, controls) says how much a unit counts for each control; `targets` (controls,).
    Controls that no unit of the sample meets are left out.
    """
    weights = np.ones(len(matrix))
    inside = [np.flatnonzero(matrix[:, c]) for c in range(matrix.shape[1])]
    for _ in range(200):
        for control, target in enumerate(targets):
            now = float(weights[inside[control]] @ matrix[inside[control], control])
            if now > 0:
                weights[inside[control]] *= max(target, 1e-9) / now
    return weights


def truncated(weights: NDArray[np.float64], total: int, rng: np.random.Generator) -> Whole:
    """Return whole replications that sum to `total`: floors, then draws by fractions."""
    if not len(weights) or not weights.sum():
        return np.zeros(len(weights), dtype=np.int64)
    scaled = weights * (total / weights.sum())
    whole = np.floor(scaled).astype(np.int64)
    part = scaled - whole + 1e-12
    missing = total - int(whole.sum())
    np.add.at(whole, rng.choice(len(part), missing, replace=False, p=part / part.sum()), 1)
    return whole


def _unit_matrix(
    units: Sequence[pl.DataFrame], type_of: Mapping[int, str], published: Published
) -> NDArray[np.float64]:
    """Return how much each unit counts for each control of `_targets`, shape (units, controls)."""
    kinds = len(TYPES) if published.types is not None else 0
    matrix = np.zeros((len(units), OPEN_SIZE + kinds + 18 + 1))
    for row, members in zip(matrix, units, strict=True):
        if members["role"][0] == "institutional":
            row[-1] = 1
        else:
            row[min(len(members), OPEN_SIZE) - 1] = 1
            if kinds:
                row[OPEN_SIZE + TYPES.index(type_of[members["household"][0]])] = 1
        group = np.minimum(members["age"].to_numpy() // 10, 8)
        female = (members["sex"] == "female").to_numpy()
        np.add.at(row, OPEN_SIZE + kinds + group * 2 + female, 1)
    return matrix


def _targets(published: Published, zone: int) -> NDArray[np.float64]:
    """Return a zone's controls: sizes, types where published, persons by age and sex, residents."""
    groups = np.minimum(np.arange(OPEN_AGE + 1) // 10, 8)
    ages = np.zeros((9, 2))
    np.add.at(ages, groups, published.ages[zone])
    kinds = [] if published.types is None else [published.types[zone]]
    last = [[published.institutional[zone]]]
    return np.concatenate([published.sizes[zone], *kinds, ages.ravel(), *last]).astype(float)


def draw_sizes(published: Published, zone: int, rng: np.random.Generator) -> Whole:
    """Return household sizes of a zone in random order; the persons of private households fit in.

    Persons beyond the least that the open class needs are dealt to its households by an even split
    of all ways to deal them (stars and bars).
    """
    counts = published.sizes[zone]
    sizes = np.repeat(np.arange(1, OPEN_SIZE + 1), counts)
    spare, large = published.private(zone) - int(sizes.sum()), int(counts[-1])
    if spare < 0 or (spare and not large):
        raise SystemExit(f"{published.zones[zone]}: persons and sizes do not fit together")
    if large:
        bars = np.sort(rng.choice(spare + large - 1, large - 1, replace=False))
        extra = np.diff(np.concatenate([[-1], bars, [spare + large - 1]])) - 1
        sizes[len(sizes) - large :] += extra
    return rng.permutation(sizes).astype(np.int64)


def plain_roles(members: Sequence[Person]) -> list[str]:
    """Return roles by a plain rule from ages and sexes.

    The oldest is the reference person; the adult of the other sex nearest in age within 15 years
    is the partner; whoever is at least 15 years younger than the reference person is a child, or a
    grandchild if at least 45 years younger with a child in between (at least 15 years older than
    them); whoever is 15 years older a parent (nobody, by the first rule); the rest other relatives.
    """
    ages = [age for age, _ in members]
    head = max(range(len(members)), key=ages.__getitem__)
    age, sex = members[head]
    mates = [
        n
        for n, (a, s) in enumerate(members)
        if s != sex and a >= ADULT and age >= ADULT and age - a <= COUPLE_SPAN
    ]
    mate = max(mates, key=ages.__getitem__, default=-1)
    children = [a for n, a in enumerate(ages) if n != mate and age - a >= GENERATION]
    eldest_child = max(children, default=-1)
    roles = []
    for number, a in enumerate(ages):
        if number == head:
            roles.append("reference")
        elif number == mate:
            roles.append("partner")
        elif age - a >= TWO_GENERATIONS and eldest_child - a >= GENERATION:
            roles.append("grandchild")
        elif age - a >= GENERATION:
            roles.append("child")
        else:
            roles.append("other_relative")
    return roles


def _typed_roles(kind: int, members: Sequence[Person]) -> list[str]:
    """Return roles that make the type; the reference person comes first, then the partner."""
    rest = len(members) - 1
    if kind == OTHER:
        return ["reference"] + ["non_relative"] * rest
    if kind in (COUPLE, FAMILY):
        return ["reference", "partner"] + ["child"] * (rest - 1)
    if kind in (LONE_MOTHER, LONE_FATHER):
        return ["reference"] + ["child"] * rest
    if kind == SINGLE:
        return ["reference"]
    age = members[0][0]
    young = ["child" if age - a >= GENERATION else "other_relative" for a, _ in members[1:]]
    return ["reference", *young[:-1], "other_relative"]


def _private_people(
    published: Published, zone: int, rng: np.random.Generator, rows: Rows
) -> list[Person]:
    """Return a zone's persons in random order, after placing the institutional ones in `rows`."""
    counts = published.ages[zone].ravel()
    age, sex = np.divmod(rng.permutation(np.repeat(np.arange(counts.size), counts)), 2)
    age = np.where(age == OPEN_AGE, OPEN_AGE + rng.integers(0, 10, len(age)), age)
    people = [(int(a), int(s)) for a, s in zip(age, sex, strict=True)]
    living = int(published.institutional[zone])
    if not living:
        return people
    chosen, rest = _first_adults(people, living)
    rows.add(published.zones[zone], chosen, ["institutional"] * len(chosen))
    return rest


def _first_adults(people: Sequence[Person], wanted: int) -> tuple[list[Person], list[Person]]:
    """Return (the first adults in order, all others in order)."""
    adults = [number for number, (age, _) in enumerate(people) if age >= ADULT][:wanted]
    inside = set(adults)
    return [people[n] for n in adults], [p for n, p in enumerate(people) if n not in inside]


def _take(pools: list[list[Person]], rest: list[Person], sex: int) -> Person:
    """Take an adult of a sex; where none is left, of the other; where none is left, a minor."""
    for pool in (pools[sex], pools[1 - sex], rest):
        if pool:
            return pool.pop()
    raise SystemExit("more members than persons")


def _take_head(
    kind: int, pools: list[list[Person]], rest: list[Person], rng: np.random.Generator
) -> Person:
    """Take a reference adult: a woman or man as the type says, else by the adults left."""
    women, all_left = len(pools[1]), len(pools[0]) + len(pools[1])
    sex = {LONE_MOTHER: 1, LONE_FATHER: 0}.get(kind, int(rng.random() * all_left < women))
    return _take(pools, rest, sex)


def _next_up_to(left: list[Person], oldest: int) -> Person:
    """Take the next person of at most an age, looking at a few; else the next of all."""
    for step in range(1, min(TRIES, len(left)) + 1):
        if left[-step][0] <= oldest:
            return left.pop(-step)
    return left.pop()
