"""Replicates: other populations under the same controls, written beside the first and reviewed."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import synthestat
from synthestat.bundle.replicates import compared
from synthestat.errors import InputError
from synthestat.packs.drawn import drawn_registry
from synthestat.packs.pack import CountryPack
from synthestat.packs.registry import Registry
from synthestat.packs.spec import PriorSpec
from synthestat.random_streams import RandomStreams
from synthestat.review.record import Check, Status
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore

TABLES = ("persons", "households", "dwellings")


@pytest.fixture(scope="module")
def run(tiny_pack: CountryPack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replicates")
    return synthestat.build(tiny_pack.folder, seed=1, out=out, replicates=3, workers=2)


def check_of(run: Path, pack: CountryPack, name: str = "replicates") -> Check:
    checks = verify_run(run, SnapshotStore(pack.snapshots)).checks
    return next(check for check in checks if check.id == name)


def test_the_population_itself_is_the_one_without_replicates(run: Path, tiny_run: Path) -> None:
    assert run.name != tiny_run.name
    for name in TABLES:
        own, alone = (pl.read_parquet(at / f"synthetic_{name}.parquet") for at in (run, tiny_run))
        assert own.equals(alone)


def test_each_replicate_is_another_whole_population(run: Path) -> None:
    assert sorted(path.name for path in (run / "replicates").iterdir()) == ["002", "003"]
    persons = [
        pl.read_parquet(place / "synthetic_persons.parquet")
        for place in (run, run / "replicates" / "002", run / "replicates" / "003")
    ]
    assert len({table.height for table in persons}) == 1
    assert not any(one.equals(other) for one, other in pairwise(persons))


def test_the_same_on_any_number_of_workers(
    run: Path, tiny_pack: CountryPack, tmp_path: Path
) -> None:
    again = synthestat.build(tiny_pack.folder, seed=1, out=tmp_path, replicates=3, workers=1)
    assert again.name == run.name
    for name in TABLES:
        file = f"replicates/003/synthetic_{name}.parquet"
        assert pl.read_parquet(again / file).equals(pl.read_parquet(run / file))


def test_the_review_judges_every_replicate(
    run: Path, tiny_run: Path, tiny_pack: CountryPack
) -> None:
    checks = verify_run(run, SnapshotStore(tiny_pack.snapshots)).checks
    assert [check.id for check in checks if check.status is Status.FAIL] == []
    assert next(c for c in checks if c.id == "replicates").status is Status.PASS
    assert check_of(tiny_run, tiny_pack).status is Status.SKIP
    summary = json.loads((run / "uncertainty_summary.json").read_text(encoding="utf-8"))
    assert summary["replicates"]["number"] == 3
    inside = {row["quantity"]: row["inside"] for row in summary["replicates"]["quantities"]}
    assert set(inside) == {row["quantity"] for row in summary["quantities"]}
    assert min(inside.values()) > 0.8  # intervals know more doubt than a replicate draws


def test_compared_counts_inside_and_varies_as_counted() -> None:
    keys = {"quantity": "q", "zone": ["a", "b"], "universe": "u", "category": ""}
    stated = pl.DataFrame({**keys, "low": [1.0, 5.0], "high": [9.0, 9.0], "between": [1.0, 2.0]})
    stated = stated.with_columns(within=pl.lit(1.0), estimate=pl.lit(6.0))
    first = pl.DataFrame({**keys, "estimate": [4.0, 8.0]})
    second = first.filter(pl.col("zone") == "a").with_columns(estimate=pl.lit(6.0))
    (row,) = compared([first, second], stated)
    assert row == {
        "quantity": "q",
        "rows": 2,
        "inside": 0.75,  # the second replicate has nobody in b
        "variance_between_replicates": np.mean([2.0, 32.0]),
        "variance_stated": 2.5,
    }
    assert compared([first], stated)[0]["variance_between_replicates"] is None
    assert compared([], stated) == []


def test_no_replicates_is_no_population(tiny_pack: CountryPack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 replicates"):
        synthestat.build(tiny_pack.folder, out=tmp_path, replicates=0)


# Planted ------------------------------------------------------------------------------------------


def plant_person_lost(run: Path) -> None:
    path = run / "replicates" / "002" / "synthetic_persons.parquet"
    pl.read_parquet(path).slice(1).write_parquet(path)


def plant_one_year_older(run: Path) -> None:
    path = run / "replicates" / "003" / "synthetic_persons.parquet"
    first = pl.int_range(pl.len()) == 0
    older = pl.when(first).then(pl.col("age") + 1).otherwise("age").cast(pl.Int16)
    pl.read_parquet(path).with_columns(age=older).write_parquet(path)


def plant_dwellings_that_name_nobody(run: Path) -> None:
    path = run / "replicates" / "002" / "synthetic_dwellings.parquet"
    table = pl.read_parquet(path)
    nobody = pl.lit(None, dtype=table.schema["household_ids"]).alias("household_ids")
    table.with_columns(nobody).write_parquet(path)


def plant_vacant_dwelling_that_is_lived_in(run: Path) -> None:
    path = run / "replicates" / "002" / "synthetic_dwellings.parquet"
    table = pl.read_parquet(path)
    first = pl.col("dwelling_id") == table.filter(pl.col("household_count") > 0)["dwelling_id"][0]
    vacant = pl.when(first).then(pl.lit("vacant")).otherwise(pl.col("occupancy").cast(pl.String))
    table.with_columns(occupancy=vacant).write_parquet(path)


def plant_replicate_missing(run: Path) -> None:
    shutil.rmtree(run / "replicates" / "003")


def plant_replicate_unstated(run: Path) -> None:
    shutil.copytree(run / "replicates" / "003", run / "replicates" / "004")


def plant_share_inside(run: Path) -> None:
    path = run / "uncertainty_summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    summary["replicates"]["quantities"][0]["inside"] -= 0.001
    path.write_text(json.dumps(summary), encoding="utf-8")


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (plant_person_lost, "replicates/002"),
        (plant_one_year_older, "replicates/003"),
        (plant_dwellings_that_name_nobody, "households whose dwelling does not name them"),
        (plant_vacant_dwelling_that_is_lived_in, "dwellings not occupied but lived in"),
        (plant_replicate_missing, "replicates/003: stated, and absent"),
        (plant_replicate_unstated, "replicates/004: in the folder, and not stated"),
        (plant_share_inside, "inside"),
    ],
)
def test_a_defect_of_one_replicate_is_found(
    run: Path, tiny_pack: CountryPack, tmp_path: Path, plant, said: str
) -> None:
    planted = Path(shutil.copytree(run, tmp_path / run.name))
    plant(planted)
    check = check_of(planted, tiny_pack)
    assert check.status is Status.FAIL
    assert any(said in line for line in (check.notes, *check.offending))


# The registry drawn -------------------------------------------------------------------------------


def entry(kind: str, values: dict[object, object], confidence: str = "low") -> PriorSpec:
    return PriorSpec.model_validate(
        {
            **{"id": f"e.{kind}", "family": f"of_{kind}", "label": "l", "kind": kind},
            **{"geography": "ZZ", "status": "used", "variant": "current", "evidence": "modelled"},
            **{"confidence": confidence, "citation": "c", "address": "", "values": values},
        }
    )


def drawn(of: PriorSpec, pack: CountryPack, replicate: int = 1, zone: str = "") -> PriorSpec:
    registry = Registry((of,), pack.priors.defaults)
    return drawn_registry(registry, RandomStreams(3, replicate), zone).entries[0]


def test_shares_stay_shares_and_zeros_stay_zero(tiny_pack: CountryPack) -> None:
    of = entry("anchors", {"a": {0: 0.0, 20: 0.4, 60: 0.95}, "b": {0: 0.2, 90: 3.0}})
    found = drawn(of, tiny_pack).values
    assert found["a"][0] == 0.0
    assert 0 < found["a"][20] < found["a"][60] < 1
    assert found["b"][90] != 3.0
    odds = [found["a"][age] / (1 - found["a"][age]) for age in (20, 60)]
    assert odds[1] / odds[0] == pytest.approx((0.95 / 0.05) / (0.4 / 0.6))  # one lift a category


def test_every_zone_and_replicate_draws_its_own(tiny_pack: CountryPack) -> None:
    of = entry("weights", {"a": 1.5, "b": 2.5})
    draws = [drawn(of, tiny_pack, *at).values["a"] for at in ((1,), (2,), (1, "01"), (1, "02"))]
    assert len(set(draws)) == 4
    assert drawn(of, tiny_pack).values == drawn(of, tiny_pack).values


@pytest.mark.parametrize(("confidence", "reach"), [("high", 0.2), ("low", 1.0)])
def test_lifts_are_fair_and_as_wide_as_the_confidence_says(
    tiny_pack: CountryPack, confidence: str, reach: float
) -> None:
    of = entry("weights", {"a": 2.0, "b": 2.0, "c": 2.0}, confidence)
    lifts = [drawn(of, tiny_pack, k).values["a"] / 2.0 for k in range(1, 400)]
    assert np.mean(lifts) == pytest.approx(1.0, abs=4 * np.std(lifts) / 20)
    assert 0 < np.std(lifts) < reach
    wide = [drawn(entry("weights", {"a": 2.0, "b": 2.0}), tiny_pack, k).values["a"] for k in (1, 2)]
    assert wide[0] != wide[1]


def test_kernels_move_and_keep_their_scale(tiny_pack: CountryPack) -> None:
    of = entry("kernel", {"location": 3.0, "scale": 2.0, "df": 5})
    found = drawn(of, tiny_pack).values
    assert found["location"] != 3.0
    assert (found["scale"], found["df"]) == (2.0, 5)


def test_targets_tables_and_unused_entries_stay(tiny_pack: CountryPack) -> None:
    for kind in ("table", "target", "parameters", "gompertz"):
        of = entry(kind, {"value": 2.0, "other": 3.0})
        assert drawn(of, tiny_pack) == of
    unused = entry("weights", {"a": 2.0}).model_copy(update={"status": "available"})
    assert drawn(unused, tiny_pack) == unused
