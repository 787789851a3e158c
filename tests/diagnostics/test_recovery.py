"""Scores of one population against another, by hand, and the reader of known truths."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthestat.diagnostics.recovery import (
    COLUMNS,
    ROLES,
    TYPES,
    Score,
    compare,
    composition_scores,
    distributions,
    hard_counts,
    household_table,
    sampling_floor,
)
from synthestat.errors import InputError
from synthestat.synthesis import roles
from synthestat.synthesis.roles import household_types

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Member = tuple[int, str, str]

FAMILY: list[Member] = [
    (40, "male", "reference"),
    (37, "female", "partner"),
    (12, "female", "child"),
    (8, "male", "child"),
]
ALONE: list[Member] = [(71, "female", "reference")]
THREE_GENERATIONS: list[Member] = [
    (66, "female", "reference"),
    (30, "male", "child"),
    (28, "female", "child_in_law"),
    (3, "male", "grandchild"),
]
SHARED: list[Member] = [(25, "male", "reference"), (24, "male", "non_relative")]


def town(*households: Sequence[Member], links: dict[int, dict[str, int]] | None = None):
    """Persons numbered from 1, households from 1; `links` gives ties by person."""
    rows = []
    for number, members in enumerate(households, 1):
        for age, sex, role in members:
            person = len(rows) + 1
            ties = {"partner": None, "mother": None, "father": None} | (links or {}).get(person, {})
            rows.append(
                {"zone": "01", "household": number, "person": person, "age": age, "sex": sex}
                | {"role": role, **ties}
            )
    return pl.DataFrame(rows, schema=COLUMNS)


# Distances ----------------------------------------------------------------------------------------


def test_the_distance_of_two_tables_by_hand():
    truth, synthetic = np.array([2, 2, 0, 0]), np.array([10, 10, 20, 0])
    score = compare(
        truth, synthetic
    )  # shares 1/2, 1/2, 0 and 1/4, 1/4, 1/2; the last cell is empty
    assert score.tv == pytest.approx(0.5)
    assert score.srmse == pytest.approx(np.sqrt((1 / 16 + 1 / 16 + 1 / 4) / 3) * 3)


def test_empty_tables_and_shapes():
    nothing, something = np.zeros(3, dtype=int), np.array([0, 4, 0])
    assert compare(nothing, nothing) == Score(0.0, 0.0)
    assert compare(nothing, something).tv == compare(something, nothing).tv == 1.0
    with pytest.raises(InputError, match="cannot be compared"):
        compare(nothing, np.zeros(4, dtype=int))


def test_a_population_differs_from_itself_by_nothing():
    truth = town(FAMILY, ALONE, THREE_GENERATIONS, SHARED)
    assert set(composition_scores(truth, truth).values()) == {Score(0.0, 0.0)}


def test_scores_see_who_lives_with_whom_and_not_only_margins():
    truth = town(FAMILY, ALONE, SHARED)
    swapped = [(8, "male", "reference"), (24, "male", "non_relative")]
    child_away = [*FAMILY[:3], (25, "male", "child")]
    scores = composition_scores(truth, town(child_away, ALONE, swapped))
    # two of three households have other members by age; the youngest child is 12, not 8
    assert scores["ages_by_size"].tv == pytest.approx(2 / 3)
    assert scores["mother_youngest_gap"].tv == 1.0
    assert scores["size_by_type"].tv == scores["alone"].tv == scores["partner_gap"].tv == 0.0
    assert 0 < scores["roles"].tv < 1


# What is counted ----------------------------------------------------------------------------------


def test_each_distribution_holds_what_it_says():
    found = distributions(town(FAMILY, ALONE, THREE_GENERATIONS, SHARED))
    by_type = found["size_by_type"]
    assert by_type.sum() == 4
    for size, kind in ((4, "couple_with_children"), (1, "single"), (4, "extended"), (2, "other")):
        assert by_type[size - 1, TYPES.index(kind)] == 1
    assert found["ages_by_size"][3, 2, 2, 0] == 1  # the family
    assert found["ages_by_size"][3, 1, 2, 1] == 1  # three generations
    assert np.flatnonzero(found["partner_gap"]).tolist() == [25 + 3]
    gaps = found["mother_youngest_gap"]
    assert np.flatnonzero(gaps).tolist() == [37 - 8 - 10, 66 - 30 - 10]
    assert found["alone"].sum() == found["alone"][7, 1] == 1
    assert found["generations"].tolist() == [2, 1, 1, 0]
    assert found["roles"].sum() == 11
    assert found["roles"][ROLES.index("child"), 3, 0] == 1


def test_wide_gaps_and_large_households_count_at_the_end():
    couple = [(80, "male", "partner"), (40, "female", "reference")]
    crowd = [(50, "male", "reference"), *[(5, "male", "child")] * 13]
    found = distributions(town(couple, crowd))
    assert found["partner_gap"][50] == 1
    assert found["ages_by_size"][9, 7, 1, 0] == 1


def test_same_sex_couples_have_no_gap_between_man_and_woman():
    pair = [(40, "female", "reference"), (35, "female", "partner"), (6, "male", "child")]
    found = distributions(town(pair))
    assert found["partner_gap"].sum() == 0
    assert np.flatnonzero(found["mother_youngest_gap"]).tolist() == [35 - 6 - 10]


def test_institutions_are_no_households():
    home = [(85, "female", "institutional"), (82, "male", "institutional")]
    found = distributions(town(ALONE, home))
    assert found["size_by_type"].sum() == 1
    assert found["roles"][ROLES.index("institutional")].sum() == 2
    assert hard_counts(town(ALONE, home))["private_households"] == 1


def test_hard_counts():
    alone_at_16 = [(16, "male", "reference")]
    young_head = [(17, "female", "reference"), (40, "male", "other_relative")]
    older_child = [(30, "male", "reference"), (29, "female", "partner"), (19, "male", "child")]
    linked = [(30, "female", "reference"), (20, "male", "child")]
    counts = hard_counts(
        town(FAMILY, alone_at_16, young_head, older_child, linked, links={12: {"mother": 11}})
    )
    assert counts == {
        "private_households": 5,
        "persons": 12,
        "child_only": 1,
        "reference_under_18": 2,
        "impossible_gaps": 2,  # by roles in one household, by the link in the other
    }


@pytest.mark.parametrize(("gap", "impossible"), [(11, 1), (12, 0), (55, 0), (56, 1)])
def test_the_band_of_a_mothers_age(gap, impossible):
    pair = [(20 + gap, "female", "reference"), (20, "male", "child")]
    persons = town(pair, links={2: {"mother": 1}})
    assert hard_counts(persons)["impossible_gaps"] == impossible


def test_types_follow_the_rule_of_the_build():
    assert roles.ROLES == ROLES
    rng = np.random.default_rng(5)
    few = ["partner", "child", "child", "child"]  # otherwise nearly every household is extended
    houses = []
    for number in range(600):
        others = (
            few if number % 3 else [r for r in ROLES if r not in ("reference", "institutional")]
        )
        chosen = ["reference", *rng.choice(others, int(rng.integers(0, 4)))]
        houses.append([(30, str(rng.choice(["male", "female"])), str(role)) for role in chosen])
    houses += [[(30, "male", "child")], [(30, "male", "child"), (9, "male", "child")]]
    persons = town(*houses)
    sizes = np.array([len(house) for house in houses])
    nothing = np.full(len(persons), -1, dtype=np.int32)
    shape = {field.name: nothing for field in fields(roles.Positions)} | {
        "start": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        "household": np.repeat(np.arange(len(sizes)), sizes).astype(np.int32),
    }
    role = np.array([ROLES.index(r) for r in persons["role"]], dtype=np.int8)
    sex = (persons["sex"] == "female").to_numpy().astype(np.int8)
    expected = [TYPES[code] for code in household_types(roles.Positions(**shape), role, sex)]
    assert household_table(persons)["type"].to_list() == expected
    assert set(expected) == set(TYPES)


# The floor ----------------------------------------------------------------------------------------


def test_the_floor_of_equal_households_is_nothing_and_of_unequal_ones_is_something():
    equal = town(*[FAMILY] * 20)
    assert {score.tv for score in sampling_floor(equal, np.random.default_rng(1), 3).values()} == {
        0
    }
    mixed = town(*[FAMILY] * 20, *[ALONE] * 20)
    first = sampling_floor(mixed, np.random.default_rng(1), 5)
    assert 0 < first["size_by_type"].tv < 0.5
    assert first == sampling_floor(mixed, np.random.default_rng(1), 5)
    with pytest.raises(InputError, match="repeats"):
        sampling_floor(mixed, np.random.default_rng(1), 0)


def test_an_institution_is_not_halved_as_one_household():
    home = [(85, "female", "institutional")] * 50
    floor = sampling_floor(town(home), np.random.default_rng(1), 2)
    assert floor["roles"].tv == 0


# Malformed tables ---------------------------------------------------------------------------------


def test_every_fault_of_a_table_is_named():
    persons = (
        town(FAMILY)
        .drop("zone")
        .with_columns(person=pl.lit(7), role=pl.lit("lodger"), age=pl.lit(140))
    )
    with pytest.raises(InputError) as caught:
        hard_counts(persons)
    text = str(caught.value)
    for words in ("no column zone", "'lodger'", "more than once, such as 7", "outside 0..130"):
        assert words in text


# Truths -------------------------------------------------------------------------------------------


@pytest.fixture
def truths(monkeypatch: pytest.MonkeyPatch):
    """The benchmarks' readers of known truths."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("known.truths")


def csv_file(folder: Path, *lines: str) -> Path:
    path = folder / "town.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_csv_without_links_gets_them_from_roles(truths, tmp_path):
    lines = "\n".join(
        (
            "household,age,sex,role,institution",
            "h1,40,male,reference,",
            "h1,37,female,partner,",
            "h1,12,female,child,",
            "h2,80,female,,care_home",
        )
    )
    path = tmp_path / "town.csv.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    truth = truths.read_truth(str(path))
    assert truth.name == "town"
    assert truth.persons["role"].to_list()[-1] == "institutional"
    assert truth.persons["partner"].to_list() == [2, 1, None, None]
    assert truth.persons["mother"].to_list() == [None, None, 2, None]
    assert truth.persons["father"].to_list() == [None, None, 1, None]
    assert truth.persons["zone"].unique().to_list() == ["01"]
    assert not any(truth.notes.values())


def test_links_of_a_csv_are_kept(truths, tmp_path):
    path = csv_file(
        tmp_path,
        "person,household,zone,age,sex,role,mother",
        "a,h1,N,40,female,reference,",
        "b,h1,N,35,male,child,a",
        "c,h2,S,9,male,reference,",
    )
    truth = truths.read_truth(str(path))
    assert truth.persons["mother"].to_list() == [None, 1, None]
    assert truth.notes == {
        "without_exactly_one_reference": 0,
        "child_only": 1,
        "reference_under_18": 1,
        "impossible_gaps": 1,
    }
    left, dropped = truths.without_child_only(truth.persons)
    assert (len(left), dropped) == (2, 1)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["household,sex,role", "1,male,reference"], ["no column age"]),
        (["household,age,sex,role", "1,30,male,lodger"], ["unknown 'lodger'", "non_relative"]),
        (["household,age,sex,role", "1,30,m,reference"], ["sex: unknown 'm'"]),
        (["household,age,sex,role", "1,3.5,male,reference"], ["'3.5' is no whole number"]),
        (["household,age,sex,role", "1,,male,reference"], ["age: 1 line(s) without a value"]),
        (["household,age,sex,role", "1,30,male,"], ["role: 1 line(s) without a value"]),
        (["household,age,sex,role,mother", "1,30,male,child,2"], ["no column person"]),
        (
            ["household,person,age,sex,role", "1,a,30,male,reference", "1,a,31,male,sibling"],
            ["person: a stands more than once"],
        ),
        (
            ["household,person,age,sex,role,mother", "1,a,3,male,child,z"],
            ["mother: z is no person"],
        ),
        (
            ["household,zone,age,sex,role", "1,N,30,male,reference", "1,S,31,male,sibling"],
            ["household 1 stands in several zones"],
        ),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_with_its_faults(truths, tmp_path, lines, words):
    with pytest.raises(InputError) as caught:
        truths.read_truth(str(csv_file(tmp_path, *lines)))
    assert "town.csv cannot be read as a truth" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_truth_that_is_not_there_is_named(truths, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        truths.read_truth(str(tmp_path / "nowhere.csv"))


def test_what_an_office_prints_of_a_truth(truths):
    crowd = [(50, "male", "reference"), *[(5, "female", "child")] * 9]
    home = [(85, "female", "institutional"), (97, "female", "institutional")]
    found = truths.publish(town(FAMILY, ALONE, crowd, home), types=True)
    assert found.zones == ("01",)
    assert found.sizes.tolist() == [[1, 0, 0, 1, 0, 0, 0, 1]]
    assert found.types is not None
    assert dict(zip(TYPES, found.types[0].tolist(), strict=True))["lone_father"] == 1
    assert found.institutional.tolist() == [2]
    assert found.ages[0, 85].tolist() == [0, 2]
    assert found.ages.sum() == 4 + 1 + 10 + 2
    assert found.private(0) == 15
    assert truths.publish(town(FAMILY), types=False).types is None


def test_baselines_meet_the_published_sizes_and_ages(truths):
    baselines = import_module("known.baselines")
    truth = town(*[FAMILY] * 9, *[ALONE] * 7, *[THREE_GENERATIONS] * 5)
    published = truths.publish(truth, types=True)
    rng = np.random.default_rng(3)
    filled = baselines.random_filling(published, rng, adult_first=True)
    typed = baselines.typed_filling(published, rng, baselines.draw_types(published))
    for persons in (filled, typed):
        again = truths.publish(persons, types=True)
        assert (again.sizes == published.sizes).all()
        assert (again.ages == published.ages).all()
        assert hard_counts(persons)["child_only"] == 0
    plain = baselines.random_filling(published, rng, adult_first=False)
    assert hard_counts(plain)["child_only"] > 0


def test_the_declared_rule_of_roles(truths):
    assert truths is not None
    members = [(70, 1), (66, 0), (40, 0), (38, 1), (5, 0), (60, 0)]
    assert import_module("known.baselines").plain_roles(members) == [
        "reference",
        "partner",
        "child",
        "child",
        "grandchild",
        "other_relative",
    ]
