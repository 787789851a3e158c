"""Tables left out of Tinyland: a valid pack is left, and what is predicted is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from held.leaving_out import (
    VARIANTS,
    _entry,
    fitted_factors,
    given_of,
    held_out,
    leave_out,
    national_patterns,
)
from held_out_tables import _national, evaluate, figures_of, markdown

import synthestat
from synthestat.controls.control_tables import read_controls
from synthestat.packs.pack import CountryPack, find_pack, read_pack
from synthestat.sources.snapshots import SnapshotStore

Published = dict[str, dict[tuple[str, ...], int]]


@pytest.fixture(scope="module")
def published(tiny_pack: CountryPack, tiny_snapshots: SnapshotStore) -> Published:
    """Tinyland's figures for the whole country, by control of persons."""
    tables = read_controls(tiny_pack, tiny_snapshots).tables
    return {
        name: _national(table, tiny_pack)
        for name, table in tables.items()
        if table.spec.counts == "persons"
    }


@pytest.fixture(scope="module")
def persons(tiny_run: Path) -> pl.DataFrame:
    return pl.read_parquet(tiny_run / "synthetic_persons.parquet")


def test_firm_tables_are_held_out_with_all_their_controls(tiny_pack: CountryPack) -> None:
    assert held_out(tiny_pack) == {
        "tiny_language": ("persons_sex", "persons_sex_language"),
        "tiny_faith": ("persons_faith",),
        "tiny_households": ("household_persons_capped",),
    }


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("table", ["tiny_language", "tiny_faith", "tiny_households"])
def test_a_valid_pack_is_left(
    table: str,
    variant: str,
    tiny_pack: CountryPack,
    published: Published,
    persons: pl.DataFrame,
    tmp_path: Path,
) -> None:
    controls = held_out(tiny_pack)[table]
    national = national_patterns(tiny_pack, controls, published, persons)
    entries = national if variant == "zones" else {}
    left = read_pack(leave_out(tiny_pack, controls, tmp_path / "left", entries))
    gone = {control.id for control in tiny_pack.controls} - {c.id for c in left.controls}
    assert gone == set(controls)
    assert {a.name for a in left.attributes if a.control in controls} == set()
    assert left.sources == tiny_pack.sources
    drawn = {attribute.name: attribute for attribute in left.attributes}
    if table == "tiny_language":
        assert ("language" in drawn) == (variant == "zones")
        assert drawn["faith"].control == "persons_faith"
        assert drawn["faith"].stratum == (None if variant == "whole" else "language")
    if table == "tiny_faith":
        assert drawn["faith"].given is not None
        assert drawn["faith"].given.attribute == "language"
        assert drawn["faith"].universe == "enumerated"
        assert drawn["faith"].household_rule == "shared"


def test_all_other_entries_of_a_large_registry_stay(tmp_path: Path) -> None:
    pack = find_pack("LU-2021")
    values = {name: {0: 1.0} for name in pack.country.classifications["citizenship"]}
    entry = _entry("held_out_citizenship", "LU", "anchors", values)
    folder = leave_out(pack, ["persons_citizenship"], tmp_path / "left", {"citizenship": entry})
    left = read_pack(folder)
    assert left.priors.entries[:-1] == pack.priors.entries
    assert left.priors.entries[-1].family == "held_out_citizenship"
    kept = {control.id: control for control in left.controls}
    assert all(kept[c.id] == c for c in pack.controls if c.id != "persons_citizenship")


def test_what_is_left_is_built_and_scored(
    tiny_pack: CountryPack,
    tiny_snapshots: SnapshotStore,
    published: Published,
    persons: pl.DataFrame,
    tmp_path: Path,
) -> None:
    """Without the table by sex and language its persons are still as many as another says."""
    controls = held_out(tiny_pack)["tiny_language"]
    national = national_patterns(tiny_pack, controls, published, persons)
    folder = leave_out(tiny_pack, controls, tmp_path / "left", national)
    run = synthestat.build(folder, seed=1, out=tmp_path, workers=1)
    tables = read_controls(tiny_pack, tiny_snapshots).tables
    rows = [evaluate("ZZ", tiny_pack, tables[name], "zones", run) for name in controls]
    faith = evaluate("ZZ", tiny_pack, tables["persons_faith"], "kept", run)
    for row in rows:
        assert row.ours is not None
        assert row.ours.cells == len(tables[row.control].categories) * 6
        assert 0 < row.ours.error < 0.6
        assert row.zones is not None
    shares = {row.control: row.zones.share for row in rows if row.zones is not None}
    assert shares["persons_sex"] is None  # no interval is of one sex at all ages
    assert 0.3 < shares["persons_sex_language"] <= 1  # languages keep to zones: too narrow, shown
    assert faith.ours is not None
    assert faith.ours.error < 0.002  # kept: exact, but for the two forms that were lost
    total = pl.read_parquet(run / "synthetic_persons.parquet")
    word = pl.col("language").cast(pl.String)
    built = dict(total.drop_nulls("language").group_by(word).len().iter_rows())
    wanted: dict[str, int] = {}
    for (_, language), number in published["persons_sex_language"].items():
        wanted[language] = wanted.get(language, 0) + number
    for language, number in wanted.items():
        assert abs(built.get(language, 0) - number) < 12, language  # six zones, each rounded
    figures, ratios = figures_of([*rows, faith])
    assert figures["ZZ persons_sex zones cells"] == 12
    assert ratios["national_shares"] > 0.8
    assert markdown(rows).count("\n") == 3


def test_a_run_without_a_table_is_a_run_that_passes_review(
    tiny_pack: CountryPack, published: Published, persons: pl.DataFrame, tmp_path: Path
) -> None:
    controls = held_out(tiny_pack)["tiny_faith"]
    national = national_patterns(tiny_pack, controls, published, persons)
    folder = leave_out(tiny_pack, controls, tmp_path / "left", national)
    run = synthestat.build(folder, seed=1, out=tmp_path, workers=1)
    checks = synthestat.verify(run, snapshots=tiny_pack.snapshots).checks
    assert [check.id for check in checks if check.status == "FAIL"] == []
    assert [check.id for check in checks if check.status == "WARN"] == [
        "tables_exercised",
        "missing_layers",
        "national_widths",
    ]


def test_an_attribute_without_evidence_is_not_predicted(
    tiny_pack: CountryPack, tiny_snapshots: SnapshotStore, tmp_path: Path
) -> None:
    controls = held_out(tiny_pack)["tiny_language"]
    folder = leave_out(tiny_pack, controls, tmp_path / "left", {})
    run = synthestat.build(folder, seed=1, out=tmp_path, workers=1)
    table = read_controls(tiny_pack, tiny_snapshots).tables["persons_sex_language"]
    row = evaluate("ZZ", tiny_pack, table, "whole", run)
    assert row.why == "nothing is predicted: no language"
    assert row.why in markdown([row])
    assert figures_of([row]) == ({}, {})


def test_an_association_becomes_what_is_given(tiny_pack: CountryPack) -> None:
    faith = next(a for a in tiny_pack.attributes if a.name == "faith")
    given = given_of(faith)
    assert given is not None
    assert (given.attribute, given.family) == ("language", "faith_by_language")
    work = next(a for a in tiny_pack.attributes if a.name == "work")
    assert given_of(work) == work.given


@pytest.mark.parametrize("by_sex", [True, False])
def test_factors_meet_the_totals_in_the_mean(*, by_sex: bool) -> None:
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 90, (2, 12, 3)).astype(np.float64)
    odds = rng.random((2, 12, 3, 4)) + 0.05
    odds[:, :4, :, 2] = 0.0
    wanted = rng.integers(1, 50, (2, 4)).astype(np.float64)
    factors = fitted_factors(counts, odds, wanted, by_sex=by_sex)
    shares = odds * factors[:, None, None, :]
    built = (counts[..., None] * shares / shares.sum(axis=3, keepdims=True)).sum(axis=(1, 2))
    persons = counts.sum(axis=(1, 2))
    if by_sex:
        assert built == pytest.approx(wanted / wanted.sum(axis=1)[:, None] * persons[:, None])
    else:
        assert built.sum(axis=0) == pytest.approx(wanted.sum(0) / wanted.sum() * persons.sum())
        assert (factors[0] == factors[1]).all()
