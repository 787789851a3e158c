"""Persons by sex and family status as a control: read, refused, met exactly and recounted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import synthestat
from synthestat.errors import BlockedError, PackError
from synthestat.review.record import Status
from synthestat.review.verify import verify_run
from synthestat.sources.cube import Cube, Dimension, number_status
from synthestat.sources.jsonstat import write_jsonstat
from synthestat.story import Population

SEXES, STATUSES = ("male", "female"), ("in a family nucleus", "in no family nucleus")
CODES = "{F: in a family nucleus, N: in no family nucleus}"


def counted(run: Path) -> pl.DataFrame:
    """Enumerated persons by zone, sex and family status, as a run's table says."""
    persons = pl.read_parquet(run / "synthetic_persons.parquet").with_columns(
        pl.col("zone_code", "sex", "family_status", "universe").cast(pl.String)
    )
    inside = persons.filter(pl.col("universe") == "enumerated")
    return inside.group_by("zone_code", "sex", "family_status").len()


def freeze(workshop: Any, figures: np.ndarray, zones: list[str], *, more: str = "") -> None:
    """Publish persons by sex and family status, shape (zones, sexes, statuses)."""
    axes = (("zone", zones), ("sex", SEXES), ("status", ("F", "N")))
    dimensions = tuple(Dimension(name, name, tuple(c), tuple(c)) for name, c in axes)
    cube = Cube("families", "", "", dimensions, figures, number_status(figures), {})
    sha256 = workshop.store().put(write_jsonstat(cube))
    source = (
        "  - id: families\n    title: t\n    publisher: Office\n    address: a\n    query: q\n"
        "    licence: l\n    reference_period: census 2021\n    retrieved: r\n"
        f"    sha256: {sha256}\n    zone_dimension: zone\n"
    )
    control = (
        "  - id: family_status\n    label: l\n    family: household_status\n    table: families\n"
        "    level: HARD\n    universe: enumerated\n    counts: persons\n    by:\n"
        "      sex: {dimension: sex}\n"
        f"      family_status: {{dimension: status, codes: {CODES}}}\n{more}"
    )
    for file, text in (("sources.yaml", source), ("controls.yaml", control)):
        path = workshop.folder / file
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.fixture
def figures(tiny_run: Path) -> tuple[np.ndarray, list[str]]:
    """What a plain build of Tinyland has, with four men more inside nuclei and four women fewer."""
    rows = {(z, s, f): n for z, s, f, n in counted(tiny_run).iter_rows()}
    zones = sorted({zone for zone, _, _ in rows})
    table = np.array(
        [[[rows.get((z, s, f), 0) for f in STATUSES] for s in SEXES] for z in zones], dtype=float
    )
    return table + 4 * np.array([[1, -1], [-1, 1]]), zones


def test_a_build_meets_it_exactly_and_the_reviewer_recounts_it(
    workshop: Any, figures: tuple[np.ndarray, list[str]], tmp_path: Path
) -> None:
    table, zones = figures
    freeze(workshop, table, zones)
    run = synthestat.build(workshop.folder, seed=5, out=tmp_path, workers=1)
    found = {(z, s, f): n for z, s, f, n in counted(run).iter_rows()}
    asked = {
        (zone, sex, status): int(table[z, s, f])
        for z, zone in enumerate(zones)
        for s, sex in enumerate(SEXES)
        for f, status in enumerate(STATUSES)
        if table[z, s, f]
    }
    assert found == asked
    rows = pl.read_parquet(run / "constraint_residuals.parquet")
    mine = rows.filter(pl.col("control_id") == "family_status")
    assert mine.height == table.size
    assert set(mine["status"]) == {"PASS"}
    checks = verify_run(run, workshop.store()).checks
    assert [check.id for check in checks if check.status is Status.FAIL] == []


def test_a_contradiction_with_another_table_stops_the_build(
    workshop: Any, figures: tuple[np.ndarray, list[str]]
) -> None:
    table, zones = figures
    table[0, 0, 0] += 1
    freeze(workshop, table, zones)
    workshop.level("persons_sex", "HARD")
    with pytest.raises(BlockedError, match="two sums of enumerated"):
        workshop.controls()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("universe: enumerated\n    counts: persons\n    by:\n      sex: {dimension: sex}\n      f",
         "universe: residents\n    counts: persons\n    by:\n      sex: {dimension: sex}\n      f",
         "only persons of enumerated are split by family_status"),
        (f"codes: {CODES}", "codes: {F: in a family nucleus}", "absent: in no family nucleus"),
        ("      sex: {dimension: sex}\n      family", "      family", "splits by sex as well"),
    ],
    ids=["universe", "codes", "columns"],
)  # fmt: skip
def test_a_control_that_cannot_be_met_is_refused(
    workshop: Any, figures: tuple[np.ndarray, list[str]], old: str, new: str, said: str
) -> None:
    freeze(workshop, *figures)
    workshop.say("controls.yaml", old, new)
    with pytest.raises(PackError) as told:
        workshop.controls()
    assert said in str(told.value)


def test_without_such_a_table_nothing_is_asked_of_nuclei(tiny_population: Population) -> None:
    assert all(zone.families is None for zone in tiny_population.controls.zones)
