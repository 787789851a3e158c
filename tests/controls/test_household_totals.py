"""Households of zones of which no table gives a figure, and countries without dwellings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from ruamel.yaml import YAML

from synthestat.bundle.write import write_run
from synthestat.errors import PackError
from synthestat.packs.pack import read_pack
from synthestat.review.verify import verify_run
from synthestat.sources.cube import CellStatus
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

Copy = Callable[[Path], Path]
Edit = Callable[[Path, str, Mapping[tuple[str, ...], float | CellStatus]], None]
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("01", "02", "03", "04", "05", "06")


@pytest.fixture
def bare(copy_pack: Copy, edit_table: Edit, tmp_path: Path) -> Path:
    """Tinyland with one number of households, the country's, and no table of dwellings."""
    folder = copy_pack(tmp_path)
    missing = {(zone, "households"): CellStatus.MISSING for zone in ZONES}
    missing |= {(zone, "persons_6plus_as_6"): CellStatus.MISSING for zone in ZONES}
    edit_table(folder, "tiny_households", missing)
    edit_entries(folder / "controls.yaml", "controls", drop=("dwellings_total", "dwellings_vacant"))
    drop_family(folder, "household_count")
    return folder


def edit_entries(path: Path, key: str, *, drop: tuple[str, ...]) -> None:
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    content[key] = [entry for entry in content[key] if entry["id"] not in drop]
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)


def drop_family(folder: Path, family: str) -> None:
    """Leave a family to the default registry."""
    entries = [e.id for e in read_pack(folder).priors.entries if e.family == family]
    edit_entries(folder / "priors.yaml", "priors", drop=tuple(entries))


def give(folder: Path, values: dict[str, object]) -> None:
    """Give the pack an entry of family household_count."""
    yaml = YAML()
    path = folder / "priors.yaml"
    content = yaml.load(path.read_text(encoding="utf-8"))
    about = {"id": "zz.household_count", "family": "household_count", "label": "x"}
    about |= {"kind": "parameters", "geography": "ZZ", "status": "used", "variant": "robust"}
    about |= {"confidence": "low", "evidence": "modelled", "citation": "assumption", "address": ""}
    content["priors"].append(about | {"values": values})
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)


def built(folder: Path) -> Population:
    pack = read_pack(folder)
    return build_population(pack, SnapshotStore(pack.snapshots), seed=1)


def homes(population: Population) -> dict[str, int]:
    return {t.zone: t.households for t in population.totals if t.universe == "enumerated"}


def test_one_national_count_is_shared_by_expected_heads(bare: Path) -> None:
    population = built(bare)
    totals = [t for t in population.totals if t.universe == "enumerated"]
    assert sum(t.households for t in totals) == 1000
    assert {t.method for t in totals} == {"default.headship_rates"}
    assert all(t.low < t.households < t.high and t.evidence == "modelled" for t in totals)
    residents = {z.code: z.residents["enumerated"] for z in population.controls.zones}
    for total in totals:  # a zone's households follow its persons, not exactly
        share = total.households / 1000 / (residents[total.zone] / sum(residents.values()))
        assert 0.8 < share < 1.25
    assert len({round(t.high / t.households, 3) for t in totals}) > 1


def test_rates_per_person_of_a_published_table(bare: Path) -> None:
    give(bare, {"interval": 0.95, "variation": 0.05, "per_person": {"persons_sex": 0.4}})
    population = built(bare)
    residents = {z.code: z.residents["enumerated"] for z in population.controls.zones}
    everybody = sum(residents.values())
    for zone, count in homes(population).items():
        assert abs(count - 1000 * residents[zone] / everybody) <= 1
    assert {t.method for t in population.totals if t.universe == "enumerated"} == {
        "zz.household_count"
    }


def test_rates_may_differ_by_category(bare: Path) -> None:
    rates = {"persons_sex": {"male": 0.6, "female": 0.1}}
    give(bare, {"interval": 0.95, "variation": 0.05, "per_person": rates})
    population = built(bare)
    cells = {
        zone.code: dict(zip(("male", "female"), zone.rows["persons_sex"], strict=True))
        for zone in population.controls.zones
    }
    expected = {z: 0.6 * by["male"] + 0.1 * by["female"] for z, by in cells.items()}
    whole = sum(expected.values())
    for zone, count in homes(population).items():
        assert abs(count - 1000 * expected[zone] / whole) <= 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"per_person": {"persons_sex": {"else": 1}}}, "'else' is no category"),
        ({"per_person": {"persons_sex": {"male": -1}}}, "a rate is a number of 0 or more"),
        ({"interval": 0.95, "per_person": {"persons_sex": 1}}, "'variation' is not a number"),
        ({"per_person": {"nobody": 1.0}}, "'nobody' is no control"),
        ({"per_person": {"households_total": 1.0}}, "no control that counts persons"),
    ],
)
def test_rates_that_lead_nowhere(bare: Path, values: dict[str, object], words: str) -> None:
    give(bare, values)
    with pytest.raises(PackError, match=words):
        built(bare)


def test_a_country_without_any_number_of_households(bare: Path) -> None:
    """The rates themselves give the level: mean size and rates agree."""
    edit_entries(
        bare / "controls.yaml", "controls", drop=("households_total", "household_persons_capped")
    )
    population = built(bare)
    persons = sum(z.residents["enumerated"] for z in population.controls.zones)
    assert 2 < persons / sum(homes(population).values()) < 6


def test_a_run_without_dwellings_says_so_and_verifies(bare: Path, tmp_path: Path) -> None:
    pack = read_pack(bare)
    snapshots = SnapshotStore(pack.snapshots)
    population = build_population(pack, snapshots, seed=1)
    run = write_run(population, snapshots, tmp_path / "runs", STARTED)
    assert not (run / "synthetic_dwellings.parquet").exists()
    marker = json.loads((run / "synthetic_dwellings.unavailable.json").read_text(encoding="utf-8"))
    assert marker["layer"] == "synthetic_dwellings"
    assert marker["reason"]
    households = pl.read_parquet(run / "synthetic_households.parquet")
    assert households["dwelling_id"].is_null().all()
    manifest = json.loads((run / "build_manifest.json").read_text(encoding="utf-8"))
    assert manifest["layers"]["synthetic_dwellings"] == "unavailable"
    assert manifest["coverage"]["built"]["dwellings"] == {"all": None}
    verification = verify_run(run, snapshots)
    failed = [check for check in verification.checks if check.status == "FAIL"]
    assert not failed, failed
    skipped = {check.id for check in verification.checks if check.status == "SKIP"}
    assert {"dwelling_links", "dwelling_occupancy", "dwelling_summary"} <= skipped
