"""A country built from residents of one year and the structure of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from carrying import RESIDENTS

from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population


def persons_of(population: Population) -> pl.DataFrame:
    return pl.concat([zone.persons for zone in population.zones]).with_columns(
        pl.col(pl.Enum).cast(pl.String)
    )


def test_residents_are_those_of_today(carried_population: Population) -> None:
    counts = dict(persons_of(carried_population).group_by("zone_code").len().iter_rows())
    assert counts == RESIDENTS


def test_ages_and_sexes_have_the_shares_of_the_guide(carried_population: Population) -> None:
    tables = carried_population.controls.published.tables
    persons = persons_of(carried_population)
    for zone, residents in RESIDENTS.items():
        mine = persons.filter(pl.col("zone_code") == zone)
        then = tables["persons_age"].row(zone)
        assert then is not None
        now = np.bincount(mine["age"].clip(0, 75).to_numpy(), minlength=76)
        assert np.abs(now - then / then.sum() * residents).max() < 3
        sexes = tables["persons_sex"].row(zone)
        assert sexes is not None
        males = mine.filter(pl.col("sex") == "male").height
        assert males == pytest.approx(sexes[0] / sexes.sum() * residents, abs=8)


def test_ages_and_sexes_are_called_modelled(carried_population: Population) -> None:
    words = persons_of(carried_population).select("age_evidence", "sex_evidence").unique()
    assert words.rows() == [("modelled", "modelled")]


def test_a_guided_attribute_has_its_guides_shares(carried_population: Population) -> None:
    table = carried_population.controls.published.tables["persons_faith"]
    persons = persons_of(carried_population)
    names = [category[0] for category in table.categories]
    for zone, residents in RESIDENTS.items():
        row = table.row(zone)
        assert row is not None
        held = dict(persons.filter(pl.col("zone_code") == zone).group_by("faith").len().iter_rows())
        for name, expected in zip(names, row / row.sum() * residents, strict=True):
            assert abs(held.get(name, 0) - expected) < 1 + 1e-9  # floor or ceiling
    assert set(persons["faith_evidence"]) == {"modelled"}


def test_a_steering_share_bends_every_zone_and_keeps_their_order(
    carried_population: Population,
) -> None:
    table = carried_population.controls.published.tables["persons_sex_language"]
    persons = persons_of(carried_population)
    assert persons["language"].eq("Hill").mean() == pytest.approx(0.3, abs=1e-4)
    share, guide = {}, {}
    hill = [category[1] == "Hill" for category in table.categories]
    for zone in RESIDENTS:
        row = table.row(zone)
        assert row is not None
        guide[zone] = row[hill].sum() / row.sum()
        mine = persons.filter(pl.col("zone_code") == zone)
        share[zone] = mine["language"].eq("Hill").mean()
    assert sum(guide[zone] * n for zone, n in RESIDENTS.items()) / sum(RESIDENTS.values()) < 0.29
    odds = [share[z] / (1 - share[z]) / (guide[z] / (1 - guide[z])) for z in ("03", "04", "07")]
    assert max(odds) / min(odds) < 1.15  # odds ratios between zones stay, but for whole persons


def of_the_country(run: Path) -> pl.DataFrame:
    """Rows of the country's number of households in a run's table of intervals."""
    rows = pl.read_parquet(run / "uncertainty.parquet")
    return rows.filter(pl.col("quantity") == "households", pl.col("zone") == "ZZ")


def test_households_follow_the_rates_and_the_country_has_an_interval(
    carried_population: Population, carried_run: Path
) -> None:
    totals = {total.zone: total for total in carried_population.totals}
    tables = carried_population.controls.published.tables
    for zone, residents in RESIDENTS.items():
        hill, all_of = (tables[n].total(zone) for n in ("hill_speakers", "persons_sex"))
        assert hill is not None
        assert all_of is not None
        expected = residents * (0.3 + 0.1 * hill / all_of)
        assert totals[zone].households == pytest.approx(expected, abs=1)
    whole = of_the_country(carried_run).row(0, named=True)
    assert whole["estimate"] == sum(total.households for total in totals.values())
    width = (whole["high"] - whole["low"]) / whole["estimate"]
    zones = [(total.high - total.low) / total.households for total in totals.values()]
    shared = 2 * 1.96 * 0.02
    assert 0.9 * shared < width < min(zones)  # what is shared, as drawn, and not one zone's


def test_a_published_country_needs_no_interval(tiny_run: Path) -> None:
    published = of_the_country(tiny_run).filter(pl.col("universe") == "enumerated")
    assert published.is_empty()


def test_the_review_agrees(carried_run: Path, carried_population: Population) -> None:
    snapshots = SnapshotStore(carried_population.pack.snapshots)
    verification = verify_run(carried_run, snapshots)
    assert [f"{c.id}: {c.notes}" for c in verification.checks if c.status == "FAIL"] == []
    rows = verification.residuals.filter(
        pl.col("zone") == "07", pl.col("control_id") == "persons_age"
    )
    table = carried_population.controls.published.tables["persons_age"].row("07")
    assert table is not None
    assert rows["target"].to_list() == table.tolist()
