"""Lives in an invented town: births, marriages, divorces, deaths and moves, year by year.

A demographic microsimulation (closed population, yearly steps) of which every life is known. It
shares no code, no kernel and no table with the package, so that what it grows can serve as a truth.
Every rate is an assumption, set so that a town looks plausible; none is fitted on survey records.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NOBODY = -1  # also the index of the last slot of every array, which no person ever takes
GONE = -1  # the home of the dead and of those not yet born
NOWHERE = -2  # the home of NOBODY, so that nobody ever lives with NOBODY
ADULT = 18
DEPENDENT_UNTIL = 25  # unpartnered children below this age move with their parent
LARGEST_SHARED = 5  # persons
FULL = 8  # persons: kin join no household of this size or more

Curve = tuple[tuple[float, ...], tuple[float, ...]]  # ages, yearly values; linear in between


@dataclass(frozen=True)
class Rules:
    """The rules of one town. Probabilities are per year unless they say otherwise.

    `modal_death` is the most likely adult age at death (women, men) of a Gompertz law whose force
    of mortality grows by `senescence` a year of age. `seek` is a woman's chance of looking for a
    husband, who is sought `gap` years older on average, by Student's t with 4 degrees of freedom
    times `gap_spread`. `birth` is a partnered woman's chance of a birth, times `by_parity`, times
    `unpartnered` if she has no partner. `with_his`, `with_her`: chance per marriage of moving in
    with parents. `couple_leaves`: a couple leaves the parents it moved in with. `solo`: chance per
    young person leaving home of living alone; of the rest a part `lodges`, the others share; new
    homes of the young are in the first zone with chance `centre_pull`. `elder_joins`: an older
    person who lives alone joins a child's household; a couple does so `elders_join` times as
    readily.
    """

    name: str
    couples: int
    years: int
    zones: tuple[str, ...]
    zone_weights: tuple[float, ...]
    modal_death: tuple[float, float]
    senescence: float
    infant_death: float
    seek: Curve
    gap: float
    gap_spread: float
    same_sex: float
    divorce: float
    children_with_mother: float
    returns_to_parents: float
    birth: Curve
    by_parity: tuple[float, ...]
    unpartnered: float
    with_his: float
    with_her: float
    couple_leaves: float
    leave: Curve
    solo: float
    lodges: float
    centre_pull: float
    elder_joins: Curve
    elders_join: float


@dataclass
class Lives:
    """Everyone who ever lived, in order of entry; arrays have shape (slots,).

    `home` is the household of the living; `partner` holds while both live and are together,
    `late` is the partner whom death took, until there is a new one.
    """

    rules: Rules
    rng: np.random.Generator
    slots: int
    year: int = 0
    count: int = 0
    born: NDArray[np.int64] = field(init=False)
    male: NDArray[np.bool_] = field(init=False)
    mother: NDArray[np.int64] = field(init=False)
    father: NDArray[np.int64] = field(init=False)
    partner: NDArray[np.int64] = field(init=False)
    late: NDArray[np.int64] = field(init=False)
    home: NDArray[np.int64] = field(init=False)
    parity: NDArray[np.int64] = field(init=False)
    last_birth: NDArray[np.int64] = field(init=False)
    seeks_same: NDArray[np.bool_] = field(init=False)
    children: list[list[int]] = field(default_factory=list)
    members: list[list[int]] = field(default_factory=list)
    zone: list[int] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        def filled(value: int) -> NDArray[np.int64]:
            return np.full(self.slots, value, dtype=np.int64)

        self.born, self.parity, self.last_birth = filled(0), filled(0), filled(-99)
        self.mother, self.father, self.partner = filled(NOBODY), filled(NOBODY), filled(NOBODY)
        self.late, self.home = filled(NOBODY), filled(GONE)
        self.home[NOBODY] = NOWHERE
        self.male = np.zeros(self.slots, dtype=bool)
        self.seeks_same = np.zeros(self.slots, dtype=bool)

    def age(self, person: int) -> int:
        return self.year - int(self.born[person])

    def alive(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.home[: self.count] >= 0)

    def lives_with_parent(self, person: int) -> bool:
        here = self.home[person]
        return bool(
            self.home[self.mother[person]] == here or self.home[self.father[person]] == here
        )


def live(rules: Rules, seed: int) -> Lives:
    """Return the town after all its years; the same town for the same rules and seed."""
    lives = Lives(rules, np.random.default_rng(seed), slots=rules.couples * 20)
    found(lives)
    for year in range(1, rules.years + 1):
        lives.year = year
        die(lives)
        divorce(lives)
        marry(lives)
        give_birth(lives)
        leave_home(lives)
        leave_shared_homes(lives)
        couples_leave_parents(lives)
        elders_join_children(lives)
    return lives


def chances(ages: NDArray[np.int64], curve: Curve) -> NDArray[np.float64]:
    """Return a curve's values at `ages`; same shape."""
    return np.interp(ages, *curve)


# Founding -----------------------------------------------------------------------------------------


def found(lives: Lives) -> None:
    """Couples of every age with the children they would have had in the last 17 years."""
    rng, rules = lives.rng, lives.rules
    for _ in range(rules.couples):
        her_age = int(rng.integers(20, 75) if rng.random() < 0.85 else rng.integers(20, 40))
        home = new_home(lives)
        wife = enter(lives, -her_age, False, NOBODY, NOBODY, home)
        husband = enter(lives, -her_age - int(rng.integers(0, 6)), True, NOBODY, NOBODY, home)
        join(lives, wife, husband)
        for year in range(-min(17, her_age - 22), 0):
            lives.year = year
            chance = np.interp(lives.age(wife), *rules.birth) * parity_factor(lives, wife)
            if year - lives.last_birth[wife] >= 2 and rng.random() < chance:
                enter(lives, year, rng.random() < 0.512, wife, husband, home)
        lives.year = 0


def enter(lives: Lives, born: int, male: bool, mother: int, father: int, home: int) -> int:
    """Add a person to a household; return the person."""
    person = lives.count
    if person >= lives.slots - 1:
        town = lives.rules.name
        raise ValueError(f"town {town!r} outgrows its {lives.slots} lives: lower its births")
    lives.count += 1
    lives.born[person], lives.male[person], lives.home[person] = born, male, home
    lives.mother[person], lives.father[person] = mother, father
    lives.seeks_same[person] = lives.rng.random() < lives.rules.same_sex
    lives.children.append([])
    lives.members[home].append(person)
    for parent in (mother, father):
        if parent != NOBODY:
            lives.children[parent].append(person)
    if mother != NOBODY:
        lives.parity[mother] += 1
        lives.last_birth[mother] = born
    return person


def join(lives: Lives, one: int, other: int) -> None:
    lives.partner[one], lives.partner[other] = other, one
    lives.late[one] = lives.late[other] = NOBODY


# Homes --------------------------------------------------------------------------------------------


def new_home(lives: Lives, near: int = NOBODY, to_centre: bool = False) -> int:
    """Open a household: in the first zone, near another household, or anywhere by zone weights."""
    if to_centre and lives.rng.random() < lives.rules.centre_pull:
        zone = 0
    elif near != NOBODY and lives.rng.random() < 0.4:
        zone = lives.zone[near]
    else:
        edges = np.cumsum(lives.rules.zone_weights)
        zone = int(np.searchsorted(edges, lives.rng.random() * edges[-1], side="right"))
    lives.members.append([])
    lives.zone.append(zone)
    return len(lives.members) - 1


def move(lives: Lives, movers: list[int], target: int) -> None:
    """Move persons into a household; children left without an adult are taken in by kin."""
    left = []
    for person in movers:
        here = int(lives.home[person])
        if here != target:
            lives.members[here].remove(person)
            lives.members[target].append(person)
            lives.home[person] = target
            left.append(here)
    for home in dict.fromkeys(left):
        protect_children(lives, home)


def protect_children(lives: Lives, home: int) -> None:
    """Bring the children of a household without adults, together, to a guardian."""
    orphans = list(lives.members[home])
    if orphans and all(lives.age(person) < ADULT for person in orphans):
        eldest = min(orphans, key=lambda person: lives.born[person])
        move(lives, orphans, guardian_home(lives, eldest))


def guardian_home(lives: Lives, child: int) -> int:
    """The home of a parent, grandparent, adult sibling, aunt or uncle; else of a foster couple."""
    parents = parents_of(lives, child)
    grandparents = [elder for parent in parents for elder in parents_of(lives, parent)]
    siblings = [other for parent in parents for other in lives.children[parent]]
    aunts = [other for elder in grandparents for other in lives.children[elder]]
    for kin in (*parents, *grandparents, *siblings, *aunts):
        home = int(lives.home[kin])
        if home >= 0 and home != lives.home[child] and lives.age(kin) >= ADULT:
            return home
    people = lives.alive()
    ages = lives.year - lives.born[people]
    able = people[(lives.partner[people] != NOBODY) & (ages >= 30) & (ages < 60)]
    return int(lives.home[lives.rng.choice(able)])


def parents_of(lives: Lives, person: int) -> list[int]:
    return [int(p) for p in (lives.mother[person], lives.father[person]) if p != NOBODY]


def dependants(lives: Lives, parent: int, stays: int = NOBODY) -> list[int]:
    """Children, and theirs, who move with `parent`: not those whose other parent `stays`."""
    found_ones: list[int] = []
    for child in lives.children[parent]:
        if lives.home[child] != lives.home[parent] or lives.partner[child] != NOBODY:
            continue
        if stays != NOBODY and stays in (lives.mother[child], lives.father[child]):
            continue
        if lives.age(child) < DEPENDENT_UNTIL:
            found_ones += [child, *dependants(lives, child)]
    return found_ones


def family(lives: Lives, *parents: int) -> list[int]:
    """The persons and their dependants, each once."""
    return list(
        dict.fromkeys(
            person for parent in parents for person in (parent, *dependants(lives, parent))
        )
    )


# Deaths, divorces, marriages, births --------------------------------------------------------------


def die(lives: Lives) -> None:
    rules = lives.rules
    people = lives.alive()
    ages = lives.year - lives.born[people]
    modal = np.where(lives.male[people], rules.modal_death[1], rules.modal_death[0])
    force = rules.senescence * np.exp(rules.senescence * (ages - modal))
    force += np.where(ages <= 1, rules.infant_death, 0.0)
    force[ages >= 105] = np.inf
    dead = people[lives.rng.random(people.size) < -np.expm1(-force)]
    homes = []
    for person in dead.tolist():
        home = int(lives.home[person])
        lives.members[home].remove(person)
        lives.home[person] = GONE
        widowed = int(lives.partner[person])
        if widowed != NOBODY:
            part(lives, person)
            lives.late[widowed] = person
        homes.append(home)
    for home in dict.fromkeys(homes):
        protect_children(lives, home)


def part(lives: Lives, person: int) -> None:
    """End a union, by death or divorce."""
    lives.partner[lives.partner[person]] = NOBODY
    lives.partner[person] = NOBODY


def divorce(lives: Lives) -> None:
    """The one who keeps the children stays, unless the home is the other's parents'."""
    rng, rules = lives.rng, lives.rules
    people = lives.alive()
    people = people[lives.partner[people] > people]  # each couple once
    chance = chances(lives.year - lives.born[people], ((18, 30, 45, 65, 70), (2, 2, 1, 0.2, 0)))
    for one in people[rng.random(people.size) < rules.divorce * chance].tolist():
        other = int(lives.partner[one])
        mother, father = (other, one) if lives.male[one] else (one, other)
        keeps = mother if rng.random() < rules.children_with_mother else father
        stays = keeps
        for person in (mother, father):
            if lives.lives_with_parent(person):
                stays = person
        leaves = father if stays == mother else mother
        part(lives, one)
        along = dependants(lives, leaves, stays if keeps == stays else NOBODY)
        move(lives, [leaves, *along], after_divorce(lives, leaves))


def after_divorce(lives: Lives, person: int) -> int:
    """The home of a parent, if it will be had, or a new one."""
    for parent in parents_of(lives, person):
        home = int(lives.home[parent])
        if home >= 0 and home != lives.home[person] and not is_full(lives, home):
            if lives.rng.random() < lives.rules.returns_to_parents:
                return home
            break
    return new_home(lives, near=int(lives.home[person]))


def marry(lives: Lives) -> None:
    """Seekers choose, in random order, among the unpartnered of about the age they wish."""
    rng, rules = lives.rng, lives.rules
    people = lives.alive()
    ages = lives.year - lives.born[people]
    single = (lives.partner[people] == NOBODY) & (ages >= ADULT)
    male, same = lives.male[people], lives.seeks_same[people]
    seeks = single & (rng.random(people.size) < chances(ages, rules.seek)) & (same | ~male)
    pools = {
        (False, False): people[single & male & ~same],
        (False, True): people[single & ~male & same],
        (True, True): people[single & male & same],
    }
    for one in rng.permutation(people[seeks]).tolist():
        if lives.partner[one] != NOBODY:
            continue
        likes_same = bool(lives.seeks_same[one])
        gap = 0.0 if likes_same else rules.gap
        wish = lives.born[one] - gap - rules.gap_spread * rng.standard_t(4)
        pool = pools[bool(lives.male[one]), likes_same]
        distance = np.abs(lives.born[pool] - wish) + rng.random(pool.size)
        distance[lives.partner[pool] != NOBODY] = np.inf
        reach = 8.0 if likes_same else 3.0
        for place in np.argsort(distance)[:6].tolist():
            other = int(pool[place])
            if distance[place] < reach and may_marry(lives, one, other):
                join(lives, one, other)
                husband, wife = (other, one) if lives.male[other] else (one, other)
                set_up_home(lives, husband, wife)
                break


def may_marry(lives: Lives, one: int, other: int) -> bool:
    """Neither kin up to first cousins, nor of one household."""
    if lives.home[one] == lives.home[other]:
        return False
    return not ancestors(lives, one, 2) & ancestors(lives, other, 2)


def ancestors(lives: Lives, person: int, generations: int) -> set[int]:
    """The person and the ancestors up to so many generations back."""
    line, newest = {person}, [person]
    for _ in range(generations):
        newest = [elder for one in newest for elder in parents_of(lives, one)]
        line.update(newest)
    return line


def set_up_home(lives: Lives, husband: int, wife: int) -> None:
    """His parents' home, her parents' home, a home that one of them heads, or a new one."""
    draw = lives.rng.random()
    rules = lives.rules
    if draw < rules.with_his and has_room_for_couple(lives, husband):
        target = int(lives.home[husband])
    elif draw > 1 - rules.with_her and has_room_for_couple(lives, wife):
        target = int(lives.home[wife])
    elif heads(lives, husband):
        target = int(lives.home[husband])
    elif heads(lives, wife):
        target = int(lives.home[wife])
    else:
        target = new_home(lives, near=int(lives.home[husband]))
    move(lives, family(lives, husband, wife), target)


def has_room_for_couple(lives: Lives, person: int) -> bool:
    """Whether a person lives with parents, in a home not full and without a sibling's couple."""
    if not lives.lives_with_parent(person) or is_full(lives, int(lives.home[person])):
        return False
    return not any(
        other != person and lives.partner[other] != NOBODY and lives.lives_with_parent(other)
        for other in lives.members[lives.home[person]]
    )


def is_full(lives: Lives, home: int) -> bool:
    return len(lives.members[home]) >= FULL


def heads(lives: Lives, person: int) -> bool:
    """Whether a person lives alone or with no one but own children."""
    return all(
        other == person or person in (lives.mother[other], lives.father[other])
        for other in lives.members[lives.home[person]]
    )


def parity_factor(lives: Lives, woman: int) -> float:
    by_parity = lives.rules.by_parity
    return by_parity[min(int(lives.parity[woman]), len(by_parity) - 1)]


def give_birth(lives: Lives) -> None:
    """Births at ages 15 to 49, two years or more apart; the father is the husband, or unknown."""
    rng, rules = lives.rng, lives.rules
    people = lives.alive()
    ages = lives.year - lives.born[people]
    able = ~lives.male[people] & (ages >= 15) & (ages <= 49)
    able &= lives.year - lives.last_birth[people] >= 2
    women, ages = people[able], ages[able]
    factor = np.array(rules.by_parity)[np.minimum(lives.parity[women], len(rules.by_parity) - 1)]
    husband = lives.partner[women]
    has_husband = (husband != NOBODY) & lives.male[husband]
    chance = chances(ages, rules.birth) * factor * np.where(has_husband, 1.0, rules.unpartnered)
    gives = rng.random(women.size) < chance
    fathers = np.where(has_husband, husband, NOBODY)[gives].tolist()
    boys = rng.random(len(fathers)) < 0.512
    for mother, father, boy in zip(women[gives].tolist(), fathers, boys.tolist(), strict=True):
        enter(lives, lives.year, boy, mother, father, int(lives.home[mother]))


# Moves --------------------------------------------------------------------------------------------


def leave_home(lives: Lives) -> None:
    """Unpartnered adults leave their parents: to live alone, to share, or to lodge."""
    rng, rules = lives.rng, lives.rules
    people = lives.alive()
    ages = lives.year - lives.born[people]
    home = lives.home[people]
    with_parent = lives.home[lives.mother[people]] == home
    with_parent |= lives.home[lives.father[people]] == home
    free = with_parent & (ages >= ADULT) & (lives.partner[people] == NOBODY)
    leaves = free & (rng.random(people.size) < chances(ages, rules.leave))
    for person in rng.permutation(people[leaves]).tolist():
        along = family(lives, person)
        if len(along) > 1 or lives.age(person) > 35 or rng.random() < rules.solo:
            move(lives, along, new_home(lives, near=int(lives.home[person]), to_centre=True))
        elif rng.random() < rules.lodges:
            move(lives, along, host_home(lives, person))
        else:
            move(lives, along, shared_home(lives, person))


def host_home(lives: Lives, person: int) -> int:
    """The home of someone aged 40 to 75 who lives alone, or a new home where there is none."""
    people = lives.alive()
    ages = lives.year - lives.born[people]
    hosts = [
        int(lives.home[host])
        for host in people[(ages >= 40) & (ages <= 75)].tolist()
        if len(lives.members[lives.home[host]]) == 1
    ]
    if not hosts:
        return new_home(lives, near=int(lives.home[person]))
    return hosts[int(lives.rng.integers(len(hosts)))]


def shared_home(lives: Lives, person: int) -> int:
    """A shared home with room, without kin of the person, or a new one that others will join."""
    for home in lives.shared:
        others = lives.members[home]
        if 0 < len(others) < LARGEST_SHARED and may_share(lives, person, others):
            return home
    home = new_home(lives, near=int(lives.home[person]), to_centre=True)
    lives.shared.append(home)
    return home


def may_share(lives: Lives, person: int, others: list[int]) -> bool:
    """Whether all are unpartnered adults under 40 and none is kin of the person."""
    line = ancestors(lives, person, 2)
    return all(
        lives.partner[other] == NOBODY
        and ADULT <= lives.age(other) < 40
        and not line & ancestors(lives, other, 2)
        for other in others
    )


def leave_shared_homes(lives: Lives) -> None:
    """Sharers move on to live alone; a home with a couple or a first sharer of 40 is closed."""
    lives.shared = [
        home
        for home in lives.shared
        if lives.members[home]
        and lives.age(lives.members[home][0]) < 40
        and all(lives.partner[person] == NOBODY for person in lives.members[home])
    ]
    for home in lives.shared:
        for person in list(lives.members[home]):
            present = lives.members[home]
            leaves = lives.age(person) >= ADULT and lives.rng.random() < 0.1
            if leaves and person in present and len(present) > 1:
                move(lives, family(lives, person), new_home(lives, near=home))


def couples_leave_parents(lives: Lives) -> None:
    """Couples leave parents who can do without them: partnered, or under 70."""
    people = lives.alive()
    people = people[lives.partner[people] > people]
    draws = lives.rng.random(people.size)
    for one in people[draws < lives.rules.couple_leaves].tolist():
        other = int(lives.partner[one])
        here = lives.home[one]
        elders = [
            parent
            for person in (one, other)
            for parent in parents_of(lives, person)
            if lives.home[parent] == here
        ]
        if elders and all(lives.partner[e] != NOBODY or lives.age(e) < 70 for e in elders):
            move(lives, family(lives, one, other), new_home(lives, near=int(here)))


def elders_join_children(lives: Lives) -> None:
    """Older persons, or couples, who live by themselves join a child that has a partner or home."""
    rng, rules = lives.rng, lives.rules
    people = lives.alive()
    ages = lives.year - lives.born[people]
    chance = chances(ages, rules.elder_joins)
    chance *= np.where(lives.partner[people] == NOBODY, 1.0, rules.elders_join)
    for elder in people[rng.random(people.size) < chance].tolist():
        here = int(lives.home[elder])
        partner = int(lives.partner[elder])
        movers = [elder] if partner == NOBODY else [elder, partner]
        if len(lives.members[here]) > len(movers):
            continue
        homes = [
            int(lives.home[child])
            for child in lives.children[elder]
            if lives.home[child] >= 0
            and lives.age(child) >= 25
            and not is_full(lives, int(lives.home[child]))
        ]
        if homes:
            move(lives, movers, homes[int(rng.integers(len(homes)))])
