"""Attributes of a built country: evidence words, determinism, ages, and a table with a pattern."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from synthestat.diagnostics.attributes import attribute_diagnostics
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.random_streams import RandomStreams
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population, form_homes, zone_persons
from synthestat.synthesis.attributes import draw_attributes

Copy = Callable[[Path], Path]
Change = Callable[[Path, str, str], None]


def persons_of(population: Population) -> pl.DataFrame:
    return pl.concat([zone.persons for zone in population.zones]).with_columns(
        pl.col(pl.Enum).cast(pl.String)
    )


def test_a_pattern_alone_is_modelled_and_others_stay_unknown(tiny_population: Population) -> None:
    persons = persons_of(tiny_population)
    words = dict(
        persons.filter(pl.col("universe") == "enumerated")
        .unpivot(["language_evidence", "bond_evidence", "work_evidence"])
        .unique()
        .iter_rows()
    )
    assert words == {
        "language_evidence": "constrained",
        "bond_evidence": "modelled",
        "work_evidence": "modelled",
    }
    outside = persons.filter(pl.col("universe") != "enumerated")
    assert len(outside)
    assert outside["bond"].null_count() == len(outside)
    assert set(outside["bond_evidence"]) == {"unavailable"}


def test_nobody_is_where_the_odds_are_zero(tiny_population: Population) -> None:
    persons = persons_of(tiny_population).drop_nulls("bond")
    assert persons.filter(pl.col("bond") != "Free")["age"].min() >= 18
    assert persons.filter(pl.col("work") == "School")["age"].max() <= 30
    assert persons.filter(pl.col("work") == "Fields")["age"].min() > 13
    assert not len(persons.filter((pl.col("bond") == "Wed") & (pl.col("work") == "School")))


def test_couples_agree_and_come_first(tiny_population: Population) -> None:
    persons = persons_of(tiny_population)
    bond = next(
        e for e in attribute_diagnostics(tiny_population.pack, persons) if e["name"] == "bond"
    )
    assert bond["couples"] > 500
    assert bond["partner_agreement"] > 0.97
    adults = persons.drop_nulls("bond").filter(pl.col("age").is_between(30, 60))
    share = adults.group_by(pl.col("partner_id").is_not_null()).agg(
        (pl.col("bond") == "Wed").mean().alias("wed")
    )
    paired = dict(share.iter_rows())
    assert paired[True] > paired[False]


def test_zones_do_not_depend_on_their_order(tiny_population: Population) -> None:
    pack, controls = tiny_population.pack, tiny_population.controls
    streams = RandomStreams(tiny_population.seed)
    homes = {}
    for zone in controls.zones[:3]:
        persons = zone_persons(zone, pack, streams)
        totals = [total for total in tiny_population.totals if total.zone == zone.code]
        homes[zone.code] = form_homes(persons, zone, totals, controls, (), pack, streams)
    drawn = [
        {zone.code: draw_attributes(homes[zone.code], zone, pack, streams) for zone in zones}
        for zones in (controls.zones[:3], tuple(reversed(controls.zones[:3])))
    ]
    for code in homes:
        for first, second in zip(drawn[0][code], drawn[1][code], strict=True):
            assert first.keys() == second.keys()
            assert all((first[name] == second[name]).all() for name in first)
    other = draw_attributes(
        homes[controls.zones[0].code], controls.zones[0], pack, RandomStreams(99)
    )
    bonds = drawn[0][controls.zones[0].code][0]["bond"]
    assert (other[0]["bond"] != bonds).any()


LANGUAGE = """    control: persons_sex_language
    stratum: sex
"""
PATTERN = """
  - id: zz.language_by_age
    family: language_by_age
    label: Relative odds of languages by age
    kind: anchors
    geography: ZZ
    status: used
    variant: robust
    confidence: low
    evidence: modelled
    citation: assumption
    address: ""
    values: {Plain: {0: 1, 90: 1}, Hill: {0: 0.05, 40: 0.3, 80: 1.5}, River: 0.01, Unknown: 0.02}
"""


@pytest.fixture(scope="module")
def aged_pack(
    tiny_pack: CountryPack,
    copy_pack: Copy,
    change_text: Change,
    tmp_path_factory: pytest.TempPathFactory,
) -> CountryPack:
    """Tinyland whose language has both a table by sex and a pattern by age, households sharing."""
    folder = copy_pack(tmp_path_factory.mktemp("aged"))
    change_text(
        folder / "attributes.yaml",
        LANGUAGE,
        "    control: persons_sex_language\n    pattern: language_by_age\n    household: shared\n",
    )
    with (folder / "priors.yaml").open("a", encoding="utf-8") as priors:
        priors.write(PATTERN)
    return read_pack(folder)


def test_a_table_with_a_pattern_keeps_both(
    aged_pack: CountryPack, tiny_population: Population
) -> None:
    population = build_population(aged_pack, SnapshotStore(aged_pack.snapshots), seed=1)
    aged, flat = persons_of(population), persons_of(tiny_population)
    by = ["zone_code", "sex", "language"]
    count = [table.group_by(by).len().sort(by) for table in (aged, flat)]
    assert count[0].equals(count[1])
    young, old = pl.col("age") < 20, pl.col("age") > 60
    share = [
        aged.drop_nulls("language").filter(w)["language"].eq("Hill").mean() for w in (young, old)
    ]
    assert share[1] > 2 * share[0]
    agreement = {
        pack.code: attribute_diagnostics(pack, table)[0]["partner_agreement"]
        for pack, table in ((aged_pack, aged),)
    }
    assert agreement["ZZ"] > 0.9
