"""Scores of predictions and coverage of intervals, on made-up tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from held.scores import (
    COVERED,
    coverage,
    national_shares,
    read_intervals,
    score,
    summed,
)

from synthestat.errors import InputError

TABLE = np.array([[30, 10], [5, 5], [0, 50]], dtype=np.int64)


def test_a_perfect_prediction_scores_nothing() -> None:
    found = score(TABLE, TABLE)
    assert (found.srmse, found.error, found.exact, found.variation) == (0.0, 0.0, 1.0, 0.0)
    assert found.cells == 6


def test_scores_are_those_of_their_definitions() -> None:
    found = score(TABLE, np.array([[20, 20], [5, 5], [10, 40]], dtype=np.int64))
    assert found.error == pytest.approx(40 / 100)
    assert found.srmse == pytest.approx(np.sqrt(400 / 6) / (100 / 6))
    assert found.exact == pytest.approx(2 / 6)
    assert found.variation == pytest.approx(0.2)  # of 0.25, 0 and 0.2


def test_a_table_of_one_cell_a_zone_has_no_variation() -> None:
    assert score(TABLE[:, :1], TABLE[:, :1] + 1).variation is None


def test_tables_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="shapes"):
        score(TABLE, TABLE[:2])
    with pytest.raises(InputError, match="empty"):
        score(TABLE * 0, TABLE)


def test_the_plain_prediction_is_the_country_in_every_zone() -> None:
    plain = national_shares(TABLE, TABLE.sum(axis=1))
    assert plain.tolist() == [[14, 26], [4, 6], [18, 32]]
    assert national_shares(TABLE[:, :1], np.array([40, 10, 50])).ravel().tolist() == [14, 4, 18]
    assert not national_shares(TABLE, np.array([0, 10, 50]))[0].any()


def intervals(*rows: tuple[str, str, float, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(COVERED), orient="row")


def test_coverage_counts_ends_as_inside_and_cells_without_interval_apart() -> None:
    cells = {("01", "a=x"): 10, ("01", "a=y"): 4, ("02", "a=x"): 7, ("02", "a=y"): 1}
    table = intervals(
        ("01", "a=x", 10, 20, 15),
        ("01", "a=y", 5, 8, 6),
        ("02", "a=x", 1, 7, 4),
        ("03", "a=x", 0, 9, 3),
    )
    found = coverage(cells, table)
    assert (found.cells, found.held, found.without) == (3, 2, 1)
    assert found.share == pytest.approx(2 / 3)
    assert found.width == pytest.approx(10 / 15)


def test_no_interval_is_no_coverage() -> None:
    found = coverage({("01", "a=x"): 10}, intervals())
    assert (found.cells, found.without, found.share, found.width) == (0, 1, None, None)


def written(below: Path, **columns: list[object]) -> Path:
    pl.DataFrame(columns).write_parquet(below / "uncertainty.parquet")
    return below


def test_a_run_that_gives_household_counts_alone_has_no_interval(tmp_path: Path) -> None:
    run = written(
        tmp_path,
        quantity=["households"],
        zone=["01"],
        universe=["private"],
        estimate=[5.0],
        low=[4.0],
        high=[6.0],
    )
    assert not len(read_intervals(run, "citizenship", "private"))


def test_intervals_of_one_attribute_and_universe_are_read(tmp_path: Path) -> None:
    run = written(
        tmp_path,
        quantity=["households", "persons_by_faith", "persons_by_faith", "persons_by_faith"],
        zone=["01", "01", "02", "02"],
        universe=["all", "all", "all", "some"],
        category=[None, "faith=Sun", "faith=Sun", "faith=Sun"],
        estimate=[5.0, 10.0, 20.0, 30.0],
        low=[4.0, 8.0, 15.0, 1.0],
        high=[6.0, 12.0, 25.0, 99.0],
        interval=[0.95, 0.95, 0.8, 0.95],
    )
    found = read_intervals(run, "faith", "all")
    assert found.rows() == [("01", "faith=Sun", 8.0, 12.0, 10.0)]
    assert coverage({("01", "faith=Sun"): 12}, found).held == 1


def test_like_categories_are_summed_over_the_others() -> None:
    sums = summed(TABLE, ["01", "02", "03"], ["a=x", "a=x"])
    assert sums == {("01", "a=x"): 40, ("02", "a=x"): 10, ("03", "a=x"): 50}
