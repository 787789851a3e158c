"""Intervals of Tinyland: which counts are stated, what moves them, what a pool of places does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML

from synthestat.bundle.write import evidence_words, write_run
from synthestat.diagnostics.uncertainty import uncertainty
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.packs.spread import spread_of
from synthestat.random_streams import RandomStreams
from synthestat.review.case import open_case
from synthestat.review.modelled import modelled_counts, undetermined
from synthestat.review.verify import verify_run
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population
from synthestat.synthesis.uncertainty import Quantity, doubt_of, draw_zone, learn_concentration

Intervals = tuple[pl.DataFrame, dict[str, Any]]


def intervals_of(population: Population) -> Intervals:
    names = ("persons", "households")
    tables = {n: pl.concat([getattr(zone, n) for zone in population.zones]) for n in names}
    return uncertainty(population, tables, evidence_words(population))


@pytest.fixture(scope="module")
def stated(tiny_population: Population) -> Intervals:
    return intervals_of(tiny_population)


def test_every_modelled_quantity_is_stated_in_every_zone(stated: Intervals) -> None:
    table, _ = stated
    zones = {q: set(own["zone"]) for (q,), own in table.group_by("quantity")}
    everywhere = {"01", "02", "03", "04", "05", "06", "ZZ"}
    assert set(zones) == {
        "households",
        "households_by_size",
        "households_by_type",
        "persons_by_sex_and_age",
        "persons_by_language_and_age",
        "persons_by_faith_and_age",
        "persons_by_bond",
        "persons_by_work",
    }
    assert all(own == everywhere for q, own in zones.items() if q != "households")


def test_what_rules_or_margins_decide_is_not_called_modelled(tiny_run: Path) -> None:
    """Nobody speaks River in most zones: a column without persons has one value, and no row."""
    table = pl.read_parquet(tiny_run / "uncertainty.parquet")
    persons = pl.read_parquet(tiny_run / "synthetic_persons.parquet")
    spoken = persons.filter(pl.col("language").cast(pl.String) == "River")
    some = set(spoken["zone_code"].cast(pl.String))
    rows = table.filter(pl.col("category").str.ends_with("language=River"), pl.col("zone") != "ZZ")
    assert some
    assert set(rows["zone"]) == some


def test_equal_seeds_give_equal_intervals_and_others_differ(
    stated: Intervals, tiny_population: Population
) -> None:
    from dataclasses import replace

    again, _ = intervals_of(tiny_population)
    assert again.equals(stated[0])
    other, _ = intervals_of(replace(tiny_population, seed=2))
    assert not other["low"].equals(again["low"])


def test_the_country_moves_with_its_zones(stated: Intervals) -> None:
    """Sums over zones keep the doubt of the country: far wider than zones in quadrature."""
    table = stated[0].with_columns(width=pl.col("high") - pl.col("low"))
    work = table.filter(pl.col("quantity") == "persons_by_work")
    for (_,), own in work.group_by("category"):
        zones = own.filter(pl.col("zone") != "ZZ")["width"]
        country = own.filter(pl.col("zone") == "ZZ")["width"].item()
        assert np.sqrt((zones**2).sum()) < country < zones.sum()


def test_known_margins_make_cells_narrower(stated: Intervals) -> None:
    """Ages of zone 06, where residents were estimated, are not published for the enumerated."""
    table = stated[0].filter(pl.col("quantity") == "persons_by_sex_and_age")
    relative = table.with_columns(
        width=(pl.col("high") - pl.col("low")) / pl.max_horizontal("estimate", 1.0)
    )
    men = relative.filter(pl.col("category") == "sex=male;age=30-44")
    width = {(z, u): w for z, u, w in men.select("zone", "universe", "width").iter_rows()}
    assert width["06", "estimated"] > width["01", "enumerated"]


def test_the_summary_says_what_the_spread_comes_from(stated: Intervals) -> None:
    table, summary = stated
    by = {(e["quantity"], e["universe"]): e for e in summary["quantities"]}
    assert sum(e["rows"] for e in by.values()) == table.height
    assert by["persons_by_work", "enumerated"]["spread"] == {
        "country": {"declared": 100.0},
        "zones": {"declared": 100.0},
    }
    assert "persons: partner_id" in summary["without_interval"]
    assert not any("work" in name or "size" in name for name in summary["without_interval"])


def test_attributes_blind_to_age_teach_nothing(tiny_population: Population) -> None:
    assert learn_concentration(tiny_population.controls.zones, tiny_population.pack) is None


def with_pool(folder: Path) -> CountryPack:
    """Tinyland whose work comes from counts of four comparable countries."""
    yaml = YAML()
    path = folder / "priors.yaml"
    document = yaml.load(path.read_text(encoding="utf-8"))
    entry = next(e for e in document["priors"] if e["family"] == "work_by_age")
    figures = {"Up": (205, 500), "Down": (195, 510), "Left": (200, 495), "Far": (198, 505)}
    places = [
        {"source": name, "counts": {"School": s, "Fields": f, "Mill": 1000 - s - f}}
        for name, (s, f) in figures.items()
    ]
    entry.update(variant="comparable_country", evidence="modelled", values={"pool": places})
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(document, stream)
    return read_pack(folder)


def test_a_pool_of_comparable_places_is_pattern_and_spread(
    copy_pack: Callable[[Path], Path], tmp_path: Path, stated: Intervals
) -> None:
    pack = with_pool(copy_pack(tmp_path))
    store = SnapshotStore(pack.snapshots)
    population = build_population(pack, store, seed=1)
    table, summary = intervals_of(population)
    entry = next(e for e in summary["quantities"] if e["quantity"] == "persons_by_work")
    assert entry["spread"]["country"] == {"pooled": ["Up", "Down", "Left", "Far"]}
    country = pl.col("zone") == "ZZ", pl.col("category") == "work=Fields"
    own, declared = (t.filter(*country).to_dicts()[0] for t in (table, stated[0]))
    assert own["between"] < declared["between"] / 4  # four countries that agree
    run = write_run(population, store, tmp_path / "runs", _moment())
    failed = [c for c in verify_run(run, store).checks if c.status == "FAIL"]
    assert failed == []


def _moment() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)


def test_the_reviewer_derives_the_same_counts(
    tiny_run: Path, tiny_snapshots: SnapshotStore
) -> None:
    table = pl.read_parquet(tiny_run / "uncertainty.parquet")
    keys = table.select("quantity", "zone", "universe", "category", "estimate").rows()
    with open_case(tiny_run, tiny_snapshots) as case:
        assert modelled_counts(case) == {row[:4]: int(row[4]) for row in keys}


def test_the_reviewer_knows_a_bridge() -> None:
    left = {("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")}
    right = {("c", "z"), ("c", "w"), ("d", "z"), ("d", "w")}
    assert undetermined(left | right | {("a", "z")}) == left | right


def test_modelled_totals_widen_what_they_split(tiny_pack: CountryPack) -> None:
    counts = np.full((1, 1, 2), 500.0)
    names = ("a", "b")
    quantity = Quantity("q", "u", ("01",), counts, np.ones((1, 2), bool), names, "high", "none")
    streams, spread = RandomStreams(3), spread_of(tiny_pack.priors)
    doubt = doubt_of(quantity, spread, None, streams, "ZZ")
    totals = np.random.default_rng(1).normal(1000, 200, (spread.draws, 1))
    fixed = draw_zone(quantity, 0, doubt, streams)
    moved = draw_zone(quantity, 0, doubt, streams, totals=totals)
    assert (fixed.whole.sum(axis=2) == 1000).all()
    assert moved.whole[:, 0, 0].std() > 1.3 * fixed.whole[:, 0, 0].std()
