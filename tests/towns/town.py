"""Two invented towns whose people, households and kin are known: a truth for tests of recovery.

`town(NUCLEAR, seed)` is a town of small households, `town(STEM, seed)` one where a married son
stays with his parents. `lives.py` simulates them; this file says who lives with whom at the end.
"""

from __future__ import annotations

from functools import cache

import polars as pl
from lives import NOBODY, Lives, Rules, ancestors, live, parents_of

ROLES = (
    *("reference", "partner", "child", "child_in_law", "grandchild", "parent", "sibling"),
    *("other_relative", "non_relative"),
)
HEAD_BELOW = 70  # a couple heads a household while one of the two is younger

NUCLEAR = Rules(
    name="nuclear",
    couples=800,
    years=95,
    zones=("N1", "N2", "N3", "N4"),
    zone_weights=(0.25, 0.35, 0.25, 0.15),
    modal_death=(88.0, 84.0),
    senescence=0.1,
    infant_death=0.004,
    seek=((17, 20, 24, 28, 34, 45, 60, 75), (0, 0.04, 0.16, 0.24, 0.18, 0.1, 0.04, 0)),
    gap=2.4,
    gap_spread=2.4,
    same_sex=0.02,
    divorce=0.027,
    children_with_mother=0.9,
    returns_to_parents=0.35,
    birth=((15, 20, 24, 30, 35, 40, 45, 50), (0.02, 0.1, 0.2, 0.3, 0.26, 0.11, 0.02, 0)),
    by_parity=(0.85, 0.92, 0.42, 0.25),
    unpartnered=0.12,
    with_his=0.08,
    with_her=0.03,
    couple_leaves=0.25,
    leave=((18, 20, 25, 35, 60), (0.05, 0.12, 0.18, 0.09, 0.02)),
    solo=0.35,
    lodges=0.2,
    centre_pull=0.25,
    elder_joins=((65, 75, 85, 95), (0.02, 0.04, 0.08, 0.12)),
    elders_join=0.0,
)

STEM = Rules(
    name="stem",
    couples=460,
    years=95,
    zones=("S1", "S2", "S3"),
    zone_weights=(0.5, 0.3, 0.2),
    modal_death=(84.0, 80.0),
    senescence=0.095,
    infant_death=0.012,
    seek=((17, 20, 24, 28, 34, 45, 60, 75), (0, 0.06, 0.2, 0.3, 0.2, 0.06, 0.01, 0)),
    gap=2.7,
    gap_spread=2.6,
    same_sex=0.01,
    divorce=0.021,
    children_with_mother=0.8,
    returns_to_parents=0.95,
    birth=((15, 20, 24, 30, 35, 40, 45, 50), (0.02, 0.12, 0.24, 0.32, 0.28, 0.14, 0.03, 0)),
    by_parity=(0.75, 1.0, 0.62, 0.42),
    unpartnered=0.06,
    with_his=0.95,
    with_her=0.15,
    couple_leaves=0.005,
    leave=((18, 20, 25, 35, 60), (0.005, 0.012, 0.015, 0.01, 0)),
    solo=0.7,
    lodges=0.2,
    centre_pull=0.1,
    elder_joins=((50, 60, 75, 85), (0.2, 0.5, 0.6, 0.7)),
    elders_join=0.6,
)


@cache
def history(rules: Rules, seed: int) -> Lives:
    """Return every life of a town. It is shared: do not alter it."""
    return live(rules, seed)


@cache
def town(rules: Rules, seed: int) -> pl.DataFrame:
    """Return the town's people at the end; the same frame for the same rules and seed."""
    return people_of(history(rules, seed))


def people_of(lives: Lives) -> pl.DataFrame:
    """Return the living, one row a person, households together, the reference person first.

    Columns: zone (str), household and person (int, from 1), age in completed years, sex, role
    towards the household's reference person, and partner, mother, father: ids of persons of the
    same household, or null.
    """
    zones = lives.rules.zones
    lived_in = [home for home, members in enumerate(lives.members) if members]
    lived_in.sort(key=lambda home: lives.zone[home])
    people: list[int] = []
    rows: list[tuple[str, int, int, str, str]] = []
    for household, home in enumerate(lived_in, start=1):
        roles = roles_in(lives, lives.members[home])
        in_order = sorted(roles, key=lambda p: (ROLES.index(roles[p]), lives.born[p], p))
        people += in_order
        rows += [
            (
                zones[lives.zone[home]],
                household,
                lives.age(person),
                "male" if lives.male[person] else "female",
                roles[person],
            )
            for person in in_order
        ]
    number = {person: place for place, person in enumerate(people, start=1)}
    frame = pl.DataFrame(rows, schema=["zone", "household", "age", "sex", "role"], orient="row")
    links = {
        name: [
            number[int(link[p])] if lives.home[link[p]] == lives.home[p] else None for p in people
        ]
        for name, link in (
            ("partner", lives.partner),
            ("mother", lives.mother),
            ("father", lives.father),
        )
    }
    return frame.with_columns(
        pl.Series("person", list(number.values())),
        *(pl.Series(name, values, dtype=pl.Int64) for name, values in links.items()),
    ).select("zone", "household", "person", "age", "sex", "role", "partner", "mother", "father")


def reference_of(lives: Lives, members: list[int]) -> int:
    """Return the elder of the heading couple, or the oldest member where no couple heads.

    A couple heads if it has a member under 70, and the couple of the oldest such member heads
    first: so a stem household passes from the elder couple to the younger one as the elder ages.
    """
    paired = [p for p in members if lives.partner[p] != NOBODY and lives.age(p) < HEAD_BELOW]
    if paired:
        eldest = min(paired, key=lambda p: (lives.born[p], p))
        members = [eldest, int(lives.partner[eldest])]
    return min(members, key=lambda p: (lives.born[p], p))


def roles_in(lives: Lives, members: list[int]) -> dict[int, str]:
    """Return each member's role towards the reference person, by the first rule that fits.

    A partner whom death took still counts as partner for kinship, so that a widow remains a
    child-in-law. A child is a child of the reference person or of the partner; a child-in-law is a
    child's partner; a grandchild is a child of a child or child-in-law, who need not live there; a
    parent is a parent of either, or that parent's partner; a sibling shares a parent with the
    reference person. Other relatives are kin (a common ancestor within three generations) or
    partners of kin of any relative in the household, to any depth; the rest are not related.
    """
    reference = reference_of(lives, members)
    pair = {reference, *partners_of(lives, reference)}
    parents = {p: set(parents_of(lives, p)) for p in members}
    elders = {elder for person in pair for elder in parents_of(lives, person)}
    heirs = {child for person in pair for child in lives.children[person]}
    in_law = {p for p in members if partners_of(lives, p) & heirs}
    in_law |= {mate for child in heirs for mate in partners_of(lives, child)}
    tests = (
        ("reference", lambda p: p == reference),
        ("partner", lambda p: p in pair),
        ("child", lambda p: p in heirs),
        ("child_in_law", lambda p: p in in_law),
        ("grandchild", lambda p: bool(parents[p] & (heirs | in_law))),
        ("parent", lambda p: bool(({p} | partners_of(lives, p)) & elders)),
        ("sibling", lambda p: bool(parents[p] & parents[reference])),
    )
    role = {}
    for person in members:
        fitting = next((name for name, fits in tests if fits(person)), None)
        if fitting is not None:
            role[person] = fitting
    related = relatives(lives, members, set(role))
    for person in members:
        role.setdefault(person, "other_relative" if person in related else "non_relative")
    return role


def partners_of(lives: Lives, person: int) -> set[int]:
    """The person's partner, or the one whom death took, if any."""
    return {int(lives.partner[person]), int(lives.late[person])} - {NOBODY}


def relatives(lives: Lives, members: list[int], known: set[int]) -> set[int]:
    """Return `known` and all members whom kinship or partnership ties to them, step by step."""
    if len(known) == len(members):
        return known
    lines = {
        person: ancestors(lives, person, 3).union(
            *(ancestors(lives, mate, 3) for mate in partners_of(lives, person))
        )
        for person in members
    }
    related, newest = set(known), list(known)
    while newest:
        one = newest.pop()
        for other in members:
            if other not in related and lines[other] & lines[one]:
                related.add(other)
                newest.append(other)
    return related
