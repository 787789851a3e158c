"""Residents of institutions: apart from private households, of plausible ages, sizes exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthestat.controls.control_tables import read_controls
from synthestat.controls.household_totals import household_totals
from synthestat.controls.reconcile import Controls, reconcile
from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.random_streams import RandomStreams
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import draw_attributes, zone_persons
from synthestat.synthesis.institutions import (
    InstitutionSize,
    form_institutions,
    institution_size,
    institution_sizes,
    institutions_in,
)
from synthestat.synthesis.persons import fit_joint, institutional_odds, integerize

RESIDENTS = {("care", "01"): 130, ("care", "03"): 25, ("halls", "02"): 90}


@pytest.fixture(scope="module")
def controls(institution_pack: CountryPack) -> Controls:
    snapshots = SnapshotStore(institution_pack.snapshots)
    return reconcile(read_controls(institution_pack, snapshots), institution_pack)


@pytest.fixture(scope="module")
def persons(institution_run: Path) -> pl.DataFrame:
    table = pl.read_parquet(institution_run / "synthetic_persons.parquet")
    return table.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))


@pytest.fixture(scope="module")
def households(institution_run: Path) -> pl.DataFrame:
    table = pl.read_parquet(institution_run / "synthetic_households.parquet")
    return table.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))


# Sizes ----------------------------------------------------------------------------------------


@given(
    residents=st.integers(0, 3000),
    mean=st.floats(1, 80),
    room=st.integers(0, 100),
    variation=st.floats(0, 1.5),
    seed=st.integers(0, 5),
)
def test_sizes_add_up_and_keep_their_bounds(
    residents: int, mean: float, room: int, variation: float, seed: int
) -> None:
    size = InstitutionSize(mean, int(np.ceil(mean)) + room, variation)
    sizes = institution_sizes(residents, size, np.random.default_rng(seed))
    assert len(sizes) == size.number(residents)
    assert sizes.sum() == residents
    if residents:
        assert sizes.min() >= 1
        assert sizes.max() <= size.largest
        low, high = size.bounds(residents)
        assert low < len(sizes) < high


def test_sizes_vary_as_declared() -> None:
    sizes = institution_sizes(60_000, InstitutionSize(60, 6000, 0.6), np.random.default_rng(1))
    assert sizes.mean() == pytest.approx(60)
    assert sizes.std() / sizes.mean() == pytest.approx(0.6, abs=0.06)
    even = institution_sizes(100, InstitutionSize(10, 20, 0), np.random.default_rng(1))
    assert even.tolist() == [10] * 10


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("care_home: {mean: 60}", "needs the numbers mean and largest"),
        ("prison: {mean: 60, largest: 250}", "care_home needs the numbers"),
        ("care_home: {mean: 60, largest: 20}", "1 <= mean <= largest"),
        ("care_home: {mean: true, largest: 20}", "needs the numbers"),
    ],
)
def test_sizes_that_make_no_sense_are_named(
    values: str,
    words: str,
    copy_pack: Callable[[Path], Path],
    tmp_path: Path,
) -> None:
    folder = copy_pack(tmp_path)
    path = folder / "priors.yaml"
    entry = (
        "\n  - {id: zz.size, family: institution_size, label: l, kind: parameters, geography: ZZ,"
        " status: used, variant: current, confidence: low, evidence: modelled,"
        f" citation: assumption, address: '', values: {{{values}}}}}\n"
    )
    path.write_text(path.read_text(encoding="utf-8") + entry, encoding="utf-8")
    with pytest.raises(PackError, match=words) as caught:
        institution_size("care_home", read_pack(folder))
    assert "zz.size" in caught.value.message


# Households of institutions -------------------------------------------------------------------


def test_everybody_is_used_up_once(institution_pack: CountryPack) -> None:
    counts = np.zeros((96, 2), dtype=np.int64)
    counts[70:96, 1], counts[80, 0] = 7, 11
    made = form_institutions(counts, "01", "care", institution_pack, RandomStreams(1))
    again = np.zeros_like(counts)
    np.add.at(again, (made.age, made.sex), 1)
    assert (again == counts).all()
    assert made.kind == "care_home"
    assert np.bincount(made.household).tolist() == np.diff(made.start).tolist()
    assert len(set(made.sex[: made.start[1]].tolist())) == 2  # sorted in at random
    other = form_institutions(counts, "01", "care", institution_pack, RandomStreams(2))
    assert (made.age != other.age).any()
    with pytest.raises(PackError, match="not a universe of institutions"):
        form_institutions(counts, "01", "enumerated", institution_pack, RandomStreams(1))


def test_households_are_not_asked_of_institutions(
    controls: Controls, institution_pack: CountryPack
) -> None:
    streams = RandomStreams(1)
    persons = {z.code: zone_persons(z, institution_pack, streams) for z in controls.zones}
    totals = household_totals(controls, institution_pack, persons)
    assert {total.universe for total in totals} == {"enumerated", "estimated"}
    assert {z.code: institutions_in(z, institution_pack) for z in controls.zones} == {
        code: {
            "care": {"01": 2, "03": 1}.get(code, 0),
            "halls": int(code == "02"),
        }
        for code in ("01", "02", "03", "04", "05", "06")
    }


def test_residents_are_those_published(persons: pl.DataFrame) -> None:
    counted = persons.filter(pl.col("universe").is_in(["care", "halls"]))
    found = {(u, z): n for u, z, n in counted.group_by("universe", "zone_code").len().iter_rows()}
    assert found == RESIDENTS


def test_institutions_stand_apart_in_the_tables(
    persons: pl.DataFrame, households: pl.DataFrame
) -> None:
    joined = persons.join(
        households.select("household_id", "kind", "institution"), on="household_id"
    )
    living = set(joined.select("universe", "kind", "institution").unique().rows())
    assert living == {
        ("enumerated", "private", None),
        ("estimated", "private", None),
        ("care", "institutional", "care_home"),
        ("halls", "institutional", "student_hall"),
    }
    apart = joined.filter(pl.col("kind") == "institutional")
    assert set(apart["household_role"]) == {"institutional"}
    assert apart.select("partner_id", "mother_id", "father_id").null_count().row(0) == (245,) * 3
    homes = households.filter(pl.col("kind") == "institutional")
    blank = homes.select("household_type", "reference_person_id", "dwelling_id")
    assert blank.null_count().row(0) == (4, 4, 4)
    assert households["household_id"].to_list() == list(range(1, len(households) + 1))
    private = households.filter(pl.col("kind") == "private")
    assert private.select("household_type", "reference_person_id").null_count().row(0) == (0, 0)


# Ages -----------------------------------------------------------------------------------------


def test_ages_follow_the_kind_of_institution(persons: pl.DataFrame) -> None:
    care = persons.filter(pl.col("universe") == "care")
    halls = persons.filter(pl.col("universe") == "halls")
    home = persons.filter((pl.col("universe") == "enumerated") & (pl.col("age") >= 75))
    assert (care["age"] >= 60).mean() > 0.7  # though they are most of the old of their zones
    assert care["age"].median() > 75
    assert halls["age"].is_between(16, 40).mean() > 0.9
    old = care.filter(pl.col("age") >= 75)
    assert old["age"].mean() > home["age"].mean() + 2  # the open class is split by the odds too


def test_the_open_class_keeps_the_ages_of_the_prior(
    controls: Controls, institution_pack: CountryPack
) -> None:
    zone = controls.zone("01")
    joint = fit_joint(zone, institution_pack)
    counts = integerize(joint, "01", institution_pack, RandomStreams(1))
    assert counts.shape == (len(joint.universes), 96, 2)
    open_class = joint.fit.cells.reshape(joint.shape)[:, -1, :]
    assert counts[:, 75:].sum() == pytest.approx(open_class.sum())
    shares = institution_pack.priors.oldest_ages(75, 95)
    found = counts[:, 75:].sum(axis=(0, 2))
    assert np.abs(found - found.sum() * shares).max() <= 4  # one draw for each universe and sex


def test_where_no_table_gives_ages_the_zone_s_own_count(
    controls: Controls, institution_pack: CountryPack
) -> None:
    zone = controls.zone("01")
    margins = tuple(
        replace(margin, universes=("enumerated",)) if margin.age_starts else margin
        for margin in zone.margins
    )
    by_age = next(m for m in margins if m.age_starts)
    total = zone.residents["enumerated"]
    shrunk = replace(by_age, counts=np.zeros_like(by_age.counts))
    shrunk.counts[[70, 72]] = total // 2, total - total // 2
    margins = tuple(shrunk if m.age_starts else m for m in margins)
    joint = fit_joint(replace(zone, margins=margins), institution_pack)
    care = joint.fit.cells.reshape(joint.shape)[joint.universes.index("care")].sum(axis=1)
    assert care.sum() == pytest.approx(130)
    assert care[[70, 72]].sum() == pytest.approx(130, abs=0.01)


def test_odds_are_positive_and_a_bad_entry_is_named(
    institution_pack: CountryPack, copy_pack: Callable[[Path], Path], tmp_path: Path
) -> None:
    odds = institutional_odds("prison", institution_pack)
    assert odds.shape == (96, 2)
    assert (odds > 0).all()
    assert odds[5].max() < 1e-6
    assert odds[30, 0] > 10 * odds[30, 1]
    folder = copy_pack(tmp_path)
    path = folder / "priors.yaml"
    entry = (
        "\n  - {id: zz.ages, family: institutional_ages, label: l, kind: anchors, geography: ZZ,"
        " status: used, variant: current, confidence: low, evidence: modelled,"
        " citation: assumption, address: '',"
        " values: {prison: {male: {0: 0}, female: {0: 0}}}}\n"
    )
    path.write_text(path.read_text(encoding="utf-8") + entry, encoding="utf-8")
    with pytest.raises(PackError, match=r"zz\.ages: odds of prison must be"):
        institutional_odds("prison", read_pack(folder))


# Attributes -----------------------------------------------------------------------------------


def test_universes_of_one_control_share_its_quotas(
    controls: Controls, institution_pack: CountryPack
) -> None:
    """Two universes under one control: quotas exact over both, drawn person by person."""
    language = institution_pack.attributes[0]
    wide = tuple(
        control.model_copy(update={"universe": "residents"})
        if control.id == language.control
        else control
        for control in institution_pack.controls
    )
    pack = replace(institution_pack, controls=wide, attributes=(language,))
    counts = np.zeros((96, 2), dtype=np.int64)
    counts[80] = 40, 60
    students = np.zeros_like(counts)
    students[19] = 50, 30
    streams = RandomStreams(1)
    homes = [
        form_institutions(counts, "02", "care", pack, streams),
        form_institutions(students, "02", "halls", pack, streams),
    ]
    quotas = np.array([[60, 20, 5, 5], [50, 30, 5, 5]])
    zone = replace(controls.zone("02"), quotas={"language": quotas})
    drawn = draw_attributes(homes, zone, pack, streams)
    assert [len(of["language"]) for of in drawn] == [100, 80]
    found = np.zeros_like(quotas)
    for home, of in zip(homes, drawn, strict=True):
        np.add.at(found, (home.sex, of["language"]), 1)
    assert (found == quotas).all()
    assert len(set(drawn[1]["language"].tolist())) > 1  # one hall, several languages
