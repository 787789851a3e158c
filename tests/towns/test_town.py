"""The invented towns: their people hang together, and they live as people plausibly do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from lives import ADULT, NOBODY, Lives, Rules, enter, join, live, move, new_home
from town import NUCLEAR, ROLES, STEM, history, people_of, roles_in, town

SEEDS = (1, 2, 3, 4)
both = pytest.mark.parametrize("rules", [NUCLEAR, STEM], ids=lambda rules: rules.name)
every_town = pytest.mark.parametrize(
    ("rules", "seed"),
    [
        pytest.param(rules, seed, id=f"{rules.name}-{seed}")
        for rules in (NUCLEAR, STEM)
        for seed in SEEDS
    ],
)


def linked(people: pl.DataFrame, link: str) -> pl.DataFrame:
    """Persons who have the link, with the other person's columns under `other_`."""
    others = people.select(pl.all().name.prefix("other_"))
    found = people.filter(pl.col(link).is_not_null())
    matched = found.join(others, left_on=link, right_on="other_person", how="inner")
    assert matched.height == found.height, f"{link} names a person who is not in the town"
    return matched


# Persons and households ---------------------------------------------------------------------------


@both
def test_the_frame_has_the_canonical_form(rules: Rules) -> None:
    people = town(rules, 1)
    whole = pl.Int64
    assert dict(people.schema) == {
        "zone": pl.String,
        "household": whole,
        "person": whole,
        "age": whole,
        "sex": pl.String,
        "role": pl.String,
        "partner": whole,
        "mother": whole,
        "father": whole,
    }
    assert people["person"].to_list() == list(range(1, people.height + 1))
    assert {"reference", "partner", "child", "non_relative"} < set(people["role"]) <= set(ROLES)
    assert set(people["sex"]) == {"male", "female"}
    assert set(people["zone"]) == set(rules.zones)
    assert people["age"].is_between(0, 105).all()
    assert 2_000 <= people.height <= 4_000


@every_town
def test_every_living_person_is_in_one_household_of_one_zone(rules: Rules, seed: int) -> None:
    lives, people = history(rules, seed), town(rules, seed)
    assert people.height == lives.alive().size
    assert sorted(p for home in lives.members for p in home) == lives.alive().tolist()
    households = people.group_by("household").agg(
        zones=pl.col("zone").n_unique(),
        heads=(pl.col("role") == "reference").sum(),
        first=pl.col("role").first(),
        partners=(pl.col("role") == "partner").sum(),
        adults=(pl.col("age") >= ADULT).sum(),
    )
    assert (households["zones"] == 1).all()
    assert (households["heads"] == 1).all()
    assert (households["partners"] <= 1).all()
    assert (households["adults"] >= 1).all()
    assert (people.filter(pl.col("role") == "reference")["age"] >= ADULT).all()
    in_order = people["household"].to_list()
    assert in_order == sorted(in_order)
    assert (people.group_by("household", maintain_order=True).first()["role"] == "reference").all()


# Links --------------------------------------------------------------------------------------------


@every_town
def test_partners_name_each_other(rules: Rules, seed: int) -> None:
    pairs = linked(town(rules, seed), "partner")
    assert (pairs["other_partner"] == pairs["person"]).all()
    assert (pairs["other_household"] == pairs["household"]).all()
    assert (pairs["age"] >= ADULT).all()
    assert 2 <= pairs.filter(pl.col("sex") == pl.col("other_sex")).height / 2 <= 40


@every_town
def test_parents_are_of_their_sex_their_household_and_a_possible_age(
    rules: Rules, seed: int
) -> None:
    mothers = linked(town(rules, seed), "mother")
    fathers = linked(town(rules, seed), "father")
    assert (mothers["other_sex"] == "female").all()
    assert (fathers["other_sex"] == "male").all()
    for links in (mothers, fathers):
        assert (links["other_household"] == links["household"]).all()
    assert (mothers["other_age"] - mothers["age"]).is_between(14, 50).all()
    assert ((fathers["other_age"] - fathers["age"]) >= ADULT).all()


@every_town
def test_couples_live_together_and_are_no_near_kin(rules: Rules, seed: int) -> None:
    lives = history(rules, seed)
    paired = np.flatnonzero(lives.partner[: lives.count] != NOBODY)
    other = lives.partner[paired]
    assert (lives.partner[other] == paired).all()
    assert (lives.home[paired] == lives.home[other]).all()
    assert (lives.home[paired] >= 0).all()
    for parent in (lives.mother, lives.father):
        assert not ((parent[paired] == parent[other]) & (parent[paired] != NOBODY)).any()
        assert not (parent[paired] == other).any()


# Roles --------------------------------------------------------------------------------------------


@every_town
def test_roles_agree_with_the_links_in_the_household(rules: Rules, seed: int) -> None:
    for _, home in town(rules, seed).group_by("household"):
        role = dict(home.select("person", "role").iter_rows())
        partner = dict(home.select("person", "partner").iter_rows())
        pairs = zip(home["mother"], home["father"], strict=True)
        parents = {p: set(pair) - {None} for p, pair in zip(role, pairs, strict=True)}
        reference = next(p for p, name in role.items() if name == "reference")
        couple = {reference, partner[reference]} - {None}
        elders = {elder for p in couple for elder in parents[p]}
        for person, name in role.items():
            its_partner = role.get(partner[person])
            its_parents = {role[p] for p in parents[person]}
            assert (name == "partner") == (partner[reference] == person)
            if person in couple:
                continue
            if parents[person] & couple:
                assert name == "child"
            if its_partner == "child" and name != "child":
                assert name == "child_in_law"
            if its_parents & {"child", "child_in_law"}:
                assert name in {"grandchild", "child", "child_in_law"}
            if person in elders:
                assert name == "parent"
            if name == "sibling" and parents[person] and parents[reference]:
                assert parents[person] & parents[reference]
            if name == "child":
                assert not parents[person] or parents[person] & couple
            if name == "child_in_law":
                assert its_partner in {None, "child"}
            if name == "grandchild":
                assert not its_parents or its_parents & {"child", "child_in_law"}
            if name == "non_relative":
                assert its_partner in {None, "non_relative"}
                assert its_parents <= {"non_relative"}


@pytest.mark.parametrize(
    ("elder_age", "head", "roles"),
    [
        (68, "grandfather", "reference partner child child_in_law grandchild sibling non_relative"),
        (74, "son", "parent parent reference partner child other_relative non_relative"),
    ],
)
def test_the_couple_below_70_heads_a_stem_household(elder_age: int, head: str, roles: str) -> None:
    lives, home = an_empty_town()
    elders = enter(lives, -elder_age - 10, True, NOBODY, NOBODY, new_home(lives))
    grandfather = enter(lives, -elder_age, True, NOBODY, elders, home)
    uncle = enter(lives, -elder_age + 5, True, NOBODY, elders, home)
    grandmother = enter(lives, -elder_age + 2 + 2 * (elder_age > 70), False, NOBODY, NOBODY, home)
    join(lives, grandfather, grandmother)
    son = enter(lives, -40, True, grandmother, grandfather, home)
    wife = enter(lives, -38, False, NOBODY, NOBODY, home)
    join(lives, son, wife)
    child = enter(lives, -9, False, wife, son, home)
    lodger = enter(lives, -30, True, NOBODY, NOBODY, home)
    found = roles_in(lives, lives.members[home])
    order = (grandfather, grandmother, son, wife, child, uncle, lodger)
    assert [found[p] for p in order] == roles.split()
    assert found[{"grandfather": grandfather, "son": son}[head]] == "reference"


def test_a_widow_remains_a_daughter_in_law_and_a_flatmate_no_kin() -> None:
    lives, home = an_empty_town()
    mother = enter(lives, -75, False, NOBODY, NOBODY, home)
    son = enter(lives, -50, True, mother, NOBODY, home)
    widow, lodger = (enter(lives, -48, False, NOBODY, NOBODY, home) for _ in range(2))
    join(lives, son, widow)
    assert roles_in(lives, lives.members[home])[mother] == "parent"
    lives.members[home].remove(son)
    lives.partner[widow], lives.late[widow], lives.home[son] = NOBODY, son, -1
    assert roles_in(lives, lives.members[home]) == {
        mother: "reference",
        widow: "child_in_law",
        lodger: "non_relative",
    }


def an_empty_town() -> tuple[Lives, int]:
    """A town without people, and an empty household in it."""
    lives = Lives(STEM, np.random.default_rng(1), slots=40)
    return lives, new_home(lives)


# What happens to people ---------------------------------------------------------------------------


def test_children_left_alone_go_together_to_their_grandmother() -> None:
    lives, home = an_empty_town()
    hers, new = new_home(lives), new_home(lives)
    grandmother = enter(lives, -66, False, NOBODY, NOBODY, hers)
    mother = enter(lives, -35, False, grandmother, NOBODY, home)
    children = [enter(lives, -age, True, mother, NOBODY, home) for age in (9, 4)]
    stranger = enter(lives, -50, True, NOBODY, NOBODY, home)
    move(lives, [mother], new)
    assert lives.members[home] == [*children, stranger], "an adult is with them"
    lives.members[new].remove(mother)
    lives.home[mother] = -1
    move(lives, [stranger], new)
    assert lives.members[home] == []
    assert lives.members[hers] == [grandmother, *children]
    found = roles_in(lives, lives.members[hers])
    assert [found[child] for child in children] == ["grandchild", "grandchild"]


@both
def test_a_town_is_the_same_for_a_seed_and_another_for_another(rules: Rules) -> None:
    again = people_of(live(rules, 1))
    assert again.equals(town(rules, 1))
    assert not again.equals(town(rules, 2))


def test_a_town_that_outgrows_its_slots_says_so() -> None:
    lives, home = an_empty_town()
    for _ in range(39):
        enter(lives, -30, True, NOBODY, NOBODY, home)
    with pytest.raises(ValueError, match="'stem' outgrows its 40 lives"):
        enter(lives, -30, True, NOBODY, NOBODY, home)


# Demography ---------------------------------------------------------------------------------------


def households_of(people: pl.DataFrame) -> pl.DataFrame:
    """One row a household: size, whether of three generations, whether of a lone parent."""
    has_parent = people.filter(pl.any_horizontal(pl.col("mother", "father").is_not_null()))[
        "person"
    ]
    middle = has_parent.to_list()
    youngest = pl.col("age").filter(pl.col("role") == "child").min()
    return people.group_by("household").agg(
        size=pl.len(),
        three_generations=pl.any_horizontal(pl.col("mother", "father").is_in(middle)).any(),
        lone_parent=pl.col("role").is_in(["reference", "child"]).all() & (youngest < 25),
    )


def first_births(lives: Lives) -> list[int]:
    """Ages of mothers at their first births in the last 30 years."""
    eldest = {
        mother: int(min(lives.born[children]))
        for mother, children in enumerate(lives.children)
        if children and not lives.male[mother]
    }
    return [
        born - int(lives.born[mother]) for mother, born in eldest.items() if born > lives.year - 30
    ]


def portrait(rules: Rules, seed: int) -> dict[str, float]:
    people, lives = town(rules, seed), history(rules, seed)
    households = households_of(people)
    husbands = linked(people, "partner").filter(
        (pl.col("sex") == "male") & (pl.col("other_sex") == "female")
    )
    adults = people.filter(pl.col("age").is_between(40, 49))
    return {
        "mean size": people.height / households.height,
        "one person": (households["size"] == 1).mean(),
        "lone parent": households["lone_parent"].fill_null(False).mean(),
        "three generations": households["three_generations"].fill_null(False).mean(),
        "age at first birth": float(np.mean(first_births(lives))),
        "partner gap": (husbands["age"] - husbands["other_age"]).mean(),
        "partnered at 40-49": adults["partner"].is_not_null().mean(),
        "aged 65 or more": (people["age"] >= 65).mean(),
        "women at 80 or more": (people.filter(pl.col("age") >= 80)["sex"] == "female").mean(),
    }


SHARED_TRAITS = {
    "lone parent": (0.05, 0.10),
    "age at first birth": (27.0, 29.0),
    "partner gap": (2.0, 3.0),
    "women at 80 or more": (0.52, 0.75),
}
TRAITS = {
    "nuclear": SHARED_TRAITS
    | {
        "mean size": (2.2, 2.5),
        "one person": (0.25, 0.35),
        "three generations": (0.02, 0.05),
        "partnered at 40-49": (0.70, 0.90),
        "aged 65 or more": (0.15, 0.25),
    },
    "stem": SHARED_TRAITS
    | {
        "mean size": (3.7, 4.4),
        "one person": (0.08, 0.12),
        "three generations": (0.25, 0.40),
        "partnered at 40-49": (0.80, 0.97),
        "aged 65 or more": (0.08, 0.18),
    },
}


@both
def test_people_live_as_people_plausibly_do(rules: Rules) -> None:
    portraits = [portrait(rules, seed) for seed in SEEDS]
    means = {trait: np.mean([p[trait] for p in portraits]) for trait in portraits[0]}
    outside = {
        trait: round(float(means[trait]), 3)
        for trait, (low, high) in TRAITS[rules.name].items()
        if not low <= means[trait] <= high
    }
    assert outside == {}
