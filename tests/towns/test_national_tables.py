"""A town whose households are published by size and type for the whole country only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from known.truths import Published, publish, without_child_only
from known_truth import COUNTRY, Cube, published_cubes, synthesised, write_pack
from town import NUCLEAR, town

from synthestat.diagnostics.recovery import household_table
from synthestat.packs.pack import CountryPack, find_pack
from synthestat.packs.targets import soft_targets
from synthestat.sources.cube import Dimension, number_status
from synthestat.sources.jsonstat import write_jsonstat
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

SPLIT = ("household_size", "household_type")


@dataclass(frozen=True)
class Nation:
    """A town, its tables and the pack folder in which only the country's rows are split."""

    truth: pl.DataFrame
    published: Published
    folder: Path


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Nation:
    truth, _ = without_child_only(town(NUCLEAR, 3))
    published = publish(truth, types=True)
    folder = tmp_path_factory.mktemp("nation") / "pack"
    write_pack(published, folder)
    only_national(published, folder)
    return Nation(truth, published, folder)


def only_national(published: Published, folder: Path) -> None:
    """Cut the tables by size and by type to the country's row; totals stay by zone."""
    store = SnapshotStore(folder / "snapshots")
    cubes = published_cubes(published)
    whole = cubes["household_size"]
    cubes["household_total"] = cut(whole, slice(None), slice(0, 1))
    for name in SPLIT:
        cubes[name] = cut(cubes[name], slice(0, 1), slice(None))
    sources = json.loads((folder / "sources.yaml").read_text(encoding="utf-8"))
    plain = next(s for s in sources["tables"] if s["id"] == "household_size")
    zone = {"dimension": "zone", "total": COUNTRY}
    sources["tables"].append({**plain, "id": "household_total", "totals": [zone]})
    for source in sources["tables"]:
        source["sha256"] = store.put(write_jsonstat(cubes[source["id"]]))
        if source["id"] in SPLIT:
            source["totals"] = [total for total in source["totals"] if total != zone]
    (folder / "sources.yaml").write_text(json.dumps(sources), encoding="utf-8")
    controls = json.loads((folder / "controls.yaml").read_text(encoding="utf-8"))
    for control in controls["controls"]:
        if control["id"] == "households_total":
            control["table"] = "household_total"
    (folder / "controls.yaml").write_text(json.dumps(controls), encoding="utf-8")


def cut(cube: Cube, zones: slice, categories: slice) -> Cube:
    """Return some zones and categories of a table of zone x category."""
    kept = tuple(
        Dimension(d.id, d.label, d.codes[part], d.labels[part])
        for d, part in zip(cube.dimensions, (zones, categories), strict=True)
    )
    values = cube.values[zones, categories]
    return Cube(cube.label, cube.source, cube.updated, kept, values, number_status(values), {})


def built(folder: Path, seed: int = 1) -> Population:
    pack = find_pack(str(folder))
    return build_population(pack, SnapshotStore(pack.snapshots), seed=seed)


def households(population: Population) -> pl.DataFrame:
    return pl.concat([zone.households for zone in population.zones])


def by_zone(table: pl.DataFrame) -> list[int]:
    return [n for _, n in table.group_by("zone_code").len().sort("zone_code").iter_rows()]


def by(table: pl.DataFrame, column: str) -> dict[str, int]:
    counted = table.group_by(pl.col(column).cast(pl.String)).len()
    return {str(value): int(count) for value, count in counted.iter_rows()}


def test_the_countrys_tables_and_the_zones_totals_are_exact(nation: Nation) -> None:
    found = households(built(nation.folder))
    true = household_table(nation.truth)
    open_size = nation.published.sizes.shape[1]
    sizes = found.with_columns(size=pl.col("size").cast(pl.Int64).clip(None, open_size))
    assert by(sizes, "size") == by(true.with_columns(pl.col("size").clip(None, open_size)), "size")
    assert by(found, "household_type") == by(true, "type")
    assert by_zone(found) == nation.published.sizes.sum(axis=1).tolist()


def test_zones_differ_as_their_persons_do(nation: Nation) -> None:
    """Shares of one-person households follow the zones' own ages and mean sizes."""
    found = households(built(nation.folder))
    zones = nation.published.sizes
    true = zones[:, 0] / zones.sum(axis=1)
    single = found.group_by("zone_code").agg((pl.col("size") == 1).mean()).sort("zone_code")
    ours = single.get_column("size").to_numpy()
    flat = np.full(len(true), zones[:, 0].sum() / zones.sum())
    assert np.abs(ours - true).sum() < np.abs(flat - true).sum()


def test_a_zones_own_row_stays_beside_the_countrys(nation: Nation, tmp_path: Path) -> None:
    """One zone publishes its types too: it keeps them, the others share what is left."""
    folder = tmp_path / "pack"
    write_pack(nation.published, folder)
    only_national(nation.published, folder)
    cubes = published_cubes(nation.published)
    types = cubes["household_type"]
    store = SnapshotStore(folder / "snapshots")
    sources = json.loads((folder / "sources.yaml").read_text(encoding="utf-8"))
    source = next(s for s in sources["tables"] if s["id"] == "household_type")
    source["sha256"] = store.put(write_jsonstat(cut(types, slice(0, 2), slice(None))))
    (folder / "sources.yaml").write_text(json.dumps(sources), encoding="utf-8")
    found = households(built(folder))
    first = found.filter(pl.col("zone_code").cast(pl.String) == types.dimensions[0].codes[1])
    published = dict(zip(types.dimensions[1].codes[1:], types.values[1, 1:].tolist(), strict=True))
    assert by(first, "household_type") == {k: int(v) for k, v in published.items() if v}
    assert by(found, "household_type") == by(household_table(nation.truth), "type")


@pytest.mark.parametrize(
    "values",
    [
        {"measure": "three_generation_share", "value": 0.09, "tolerance": 0.01},
        {
            "measure": "household_type_share",
            "types": ["lone_mother", "lone_father"],
            "value": 0.14,
            "tolerance": 0.01,
        },
    ],
)
def test_a_soft_share_pulls_households_to_it(
    values: dict[str, object], nation: Nation, tmp_path: Path
) -> None:
    published = publish(nation.truth, types=False)
    synthesised(published, tmp_path / "pack", 1, 1)
    entry = {
        "id": "zz.target",
        "family": "target",
        "label": "a share that the town does not have",
        "kind": "target",
        "geography": "ZZ",
        "status": "used",
        "variant": "current",
        "confidence": "low",
        "evidence": "modelled",
        "citation": "assumption",
        "address": "",
        "values": values,
    }
    before = share(built(tmp_path / "pack"), find_pack(str(tmp_path / "pack")), values)
    text = json.dumps({"priors": [entry]})
    (tmp_path / "pack" / "priors.yaml").write_text(text, encoding="utf-8")
    pack = find_pack(str(tmp_path / "pack"))
    (target,) = soft_targets(pack.priors)
    after = share(built(tmp_path / "pack"), pack, values)
    assert abs(before - target.value) > target.tolerance
    assert abs(after - target.value) <= target.tolerance


def share(population: Population, pack: CountryPack, values: dict[str, object]) -> float:
    found = households(population)
    if values["measure"] == "household_type_share":
        types = pl.col("household_type").cast(pl.String).is_in(values["types"])
        return float(found.select(types.mean()).item())
    from synthestat.diagnostics.households import generation_depths

    persons = pl.concat([zone.persons for zone in population.zones])
    depths = generation_depths(persons, found)
    return float(depths.select((pl.col("depth") >= 3).mean()).item())
