"""The invented country's people: counts exact, households possible, links both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from synthestat.controls.household_totals import household_totals
from synthestat.packs.pack import CountryPack
from synthestat.random_streams import RandomStreams
from synthestat.story import Population, zone_persons
from synthestat.synthesis.persons import fit_joint, integerize


@pytest.fixture(scope="module")
def persons(tiny_population: Population) -> pl.DataFrame:
    return pl.concat([zone.persons for zone in tiny_population.zones])


@pytest.fixture(scope="module")
def households(tiny_population: Population) -> pl.DataFrame:
    return pl.concat([zone.households for zone in tiny_population.zones])


@pytest.fixture(scope="module")
def dwellings(tiny_population: Population) -> pl.DataFrame:
    return pl.concat([zone.dwellings for zone in tiny_population.zones])


def text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def counted(table: pl.DataFrame, *columns: pl.Expr) -> Mapping[tuple[object, ...], int]:
    found = table.group_by(*columns).len()
    return {tuple(row[:-1]): row[-1] for row in found.iter_rows()}


def published(population: Population, control: str) -> dict[tuple[object, ...], int]:
    """Return {(zone, *category): figure} at the level of municipalities, zeros left out."""
    table = population.controls.published.tables[control]
    return {
        (zone, *category): int(table.targets[z, c])
        for z, zone in enumerate(table.zones)
        if zone != "ZZ"
        for c, category in enumerate(table.categories)
        if table.targets[z, c] > 0
    }


def test_persons_are_exact_by_age_and_zone(
    tiny_population: Population, persons: pl.DataFrame
) -> None:
    age = pl.when(pl.col("age") >= 75).then(pl.lit("75+")).otherwise(text("age"))
    assert counted(persons, text("zone_code"), age.alias("a")) == published(
        tiny_population, "persons_age"
    )


def test_persons_are_exact_by_sex_and_language(
    tiny_population: Population, persons: pl.DataFrame
) -> None:
    enumerated = persons.filter(text("universe") == "enumerated")
    found = counted(enumerated, text("zone_code"), text("sex"), text("language"))
    assert found == published(tiny_population, "persons_sex_language")


def test_faith_is_exact_but_for_the_relaxation(
    tiny_population: Population, persons: pl.DataFrame
) -> None:
    enumerated = persons.filter(text("universe") == "enumerated")
    target = published(tiny_population, "persons_faith")
    for move in tiny_population.controls.relaxations:
        if move.control_id == "persons_faith" and move.zone != "ZZ":
            target[move.zone, move.category.removeprefix("faith=")] = move.achieved
    assert counted(enumerated, text("zone_code"), text("faith")) == target


def test_what_is_unknown_of_estimated_residents_stays_unknown(persons: pl.DataFrame) -> None:
    estimated = persons.filter(text("universe") == "estimated")
    assert estimated.height == 85
    assert estimated["zone_code"].cast(pl.String).unique().to_list() == ["06"]
    for attribute in ("language", "faith"):
        assert estimated[attribute].null_count() == 85
        assert set(estimated[f"{attribute}_evidence"].cast(pl.String)) == {"unavailable"}
    assert set(estimated["sex_evidence"].cast(pl.String)) == {"modelled"}


def test_the_association_is_found_again(persons: pl.DataFrame) -> None:
    """The registry says that Hill speakers keep to the Moon, and so do most of the people."""
    hill = persons.filter(text("language") == "Hill")
    plain = persons.filter(text("language") == "Plain")
    moon = text("faith") == "Moon"
    assert hill.select(moon.mean()).item() > 2 * plain.select(moon.mean()).item()


def test_ages_end_where_the_pack_says(persons: pl.DataFrame) -> None:
    assert persons.select(pl.col("age").max()).item() <= 95
    old = persons.filter(pl.col("age") >= 75)
    assert set(old["age_evidence"].cast(pl.String)) == {"modelled"}
    assert old["age"].n_unique() > 10


def test_ids_run_from_one_without_gaps(
    persons: pl.DataFrame, households: pl.DataFrame, dwellings: pl.DataFrame
) -> None:
    for table, column in (
        (persons, "person_id"),
        (households, "household_id"),
        (dwellings, "dwelling_id"),
    ):
        assert table[column].to_list() == list(range(1, table.height + 1))


def test_every_household_has_the_members_it_says(
    persons: pl.DataFrame, households: pl.DataFrame
) -> None:
    sizes = persons.group_by("household_id").len().sort("household_id")
    assert sizes["household_id"].to_list() == households["household_id"].to_list()
    assert sizes["len"].to_list() == households["size"].to_list()
    assert (households["size"] <= 10).all()
    for column in ("zone_code", "universe"):
        both = persons.join(households, on="household_id", suffix="_home")
        assert (both[column].cast(pl.String) == both[f"{column}_home"].cast(pl.String)).all()


def test_every_household_has_one_adult_reference_person(
    persons: pl.DataFrame, households: pl.DataFrame
) -> None:
    references = persons.filter(text("household_role") == "reference").sort("household_id")
    assert references["household_id"].to_list() == households["household_id"].to_list()
    assert references["person_id"].to_list() == households["reference_person_id"].to_list()
    assert references["age"].min() >= 18  # type: ignore[operator]


def test_household_counts_are_the_published_and_the_modelled(
    tiny_population: Population, households: pl.DataFrame
) -> None:
    wanted = {(t.zone, t.universe): t.households for t in tiny_population.totals}
    assert counted(households, text("zone_code"), text("universe")) == wanted
    enumerated = [t for t in tiny_population.totals if t.universe == "enumerated"]
    assert sum(t.households for t in enumerated) == 1000
    assert {t.zone for t in enumerated if t.evidence == "modelled"} == {"04", "06"}
    for total in tiny_population.totals:
        assert total.low <= total.households <= total.high


def test_size_totals_are_met(tiny_population: Population, households: pl.DataFrame) -> None:
    enumerated = households.filter(text("universe") == "enumerated")
    capped = enumerated.group_by(text("zone_code")).agg(pl.col("size").clip(None, 6).sum())
    found = dict(capped.iter_rows())
    target = {
        zone: n for (zone,), n in published(tiny_population, "household_persons_capped").items()
    }
    assert target.keys() == {"01", "03", "05"}
    for zone, figure in target.items():
        assert found[zone] == (260 if zone == "05" else figure)


def linked(persons: pl.DataFrame, link: str) -> pl.DataFrame:
    other = persons.select(
        pl.col("person_id").alias(link),
        other_home="household_id",
        other_age=pl.col("age").cast(pl.Int32),
        other_sex=text("sex"),
        other_link="partner_id",
    )
    return persons.filter(pl.col(link).is_not_null()).join(other, on=link, how="left")


@pytest.mark.parametrize("link", ["partner_id", "mother_id", "father_id"])
def test_links_lead_to_another_member_of_the_household(persons: pl.DataFrame, link: str) -> None:
    pairs = linked(persons, link)
    assert pairs.height > 100
    assert pairs["other_home"].null_count() == 0
    assert (pairs["other_home"] == pairs["household_id"]).all()
    assert (pairs[link] != pairs["person_id"]).all()


def test_partners_are_each_others(persons: pl.DataFrame) -> None:
    pairs = linked(persons, "partner_id")
    assert (pairs["other_link"] == pairs["person_id"]).all()
    assert (pairs["other_sex"] != pairs["sex"].cast(pl.String)).all()
    assert pairs["age"].min() >= 18  # type: ignore[operator]


def test_links_stay_inside_the_bands(persons: pl.DataFrame, tiny_pack: CountryPack) -> None:
    rules = tiny_pack.country.household_rules
    for link, sex, band in (
        ("mother_id", "female", rules.mother_age_at_birth.value),
        ("father_id", "male", rules.father_age_at_birth.value),
    ):
        pairs = linked(persons, link)
        gap = pairs["other_age"] - pairs["age"]
        assert gap.is_between(*band).all()
        assert set(pairs["other_sex"]) == {sex}
    men = linked(persons, "partner_id").filter(text("sex") == "male")
    assert (men["age"] - men["other_age"]).is_between(*rules.partner_age_gap.value).all()


def test_nobody_is_their_own_ancestor(persons: pl.DataFrame) -> None:
    older = persons.select("person_id", "age")
    for link in ("mother_id", "father_id"):
        pairs = persons.filter(pl.col(link).is_not_null()).join(
            older, left_on=link, right_on="person_id", suffix="_parent"
        )
        assert (pairs["age_parent"] > pairs["age"]).all()


def test_dwellings_are_exact(tiny_population: Population, dwellings: pl.DataFrame) -> None:
    found = counted(dwellings, text("zone_code"))
    assert found == published(tiny_population, "dwellings_total")
    vacant = dwellings.filter(text("occupancy") == "vacant")
    assert counted(vacant, text("zone_code")) == published(tiny_population, "dwellings_vacant")


def test_sharing_and_spare_dwellings_are_only_where_they_must_be(dwellings: pl.DataFrame) -> None:
    shared = dwellings.filter(pl.col("household_count") > 1)
    assert counted(shared, text("zone_code")) == {("02",): 8}
    assert shared["household_count"].max() == 2
    spare = dwellings.filter(text("occupancy") == "secondary_or_unresolved")
    assert counted(spare, text("zone_code")).get(("03",)) == 15
    assert ("02",) not in counted(spare, text("zone_code"))
    empty = text("occupancy") != "occupied"
    assert (dwellings.filter(empty)["household_count"] == 0).all()
    assert (dwellings.filter(~empty)["household_count"] > 0).all()


def test_households_and_dwellings_name_each_other(
    households: pl.DataFrame, dwellings: pl.DataFrame
) -> None:
    listed = dwellings.select("dwelling_id", "household_ids").drop_nulls().explode("household_ids")
    one_way = set(listed.iter_rows())
    housed = households.filter(pl.col("dwelling_id").is_not_null())
    assert one_way == set(housed.select("dwelling_id", "household_id").iter_rows())
    outside = households.filter(pl.col("dwelling_id").is_null())
    assert set(outside["universe"].cast(pl.String)) == {"estimated"}


def test_household_counts_come_out_alike_when_asked_again(
    tiny_population: Population, tiny_pack: CountryPack
) -> None:
    controls, streams = tiny_population.controls, RandomStreams(tiny_population.seed)
    persons = {zone.code: zone_persons(zone, tiny_pack, streams) for zone in controls.zones}
    assert household_totals(controls, tiny_pack, persons) == tiny_population.totals


def test_both_sexes_are_there_at_most_ages(persons: pl.DataFrame) -> None:
    """The split by sex follows the registry's curve: no age class of 20 or more is one-sided."""
    by_age = persons.group_by("age").agg(men=(text("sex") == "male").sum(), all=pl.len())
    large = by_age.filter(pl.col("all") >= 20)
    share = (large["men"] / large["all"]).to_numpy()
    assert np.all((share > 0.25) & (share < 0.75))


def test_a_universe_that_no_margin_tells_apart_keeps_its_total(
    tiny_population: Population, tiny_pack: CountryPack
) -> None:
    """Where only an attribute's table gives a universe's residents, they are met all the same."""
    zone = tiny_population.controls.zone("06")
    assert len(zone.residents) == 2
    alone = replace(zone, margins=tuple(m for m in zone.margins if m.age_starts))
    for each in (zone, alone):
        joint = fit_joint(each, tiny_pack)
        counts = integerize(joint, "06", tiny_pack, RandomStreams(1))
        held = dict(zip(joint.universes, counts.sum(axis=(1, 2)).tolist(), strict=True))
        assert held == dict(zone.residents)
        universe_margins = len(joint.margins) - len(each.margins)
        assert universe_margins == (0 if each is zone else 1)
