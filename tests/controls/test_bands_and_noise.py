"""Tables by age bands, figures with declared noise, and input that must be refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthestat.bundle.write import write_run
from synthestat.controls import control_tables
from synthestat.controls.control_tables import UNBOUNDED, UNPUBLISHED
from synthestat.errors import CubeError, PackError
from synthestat.packs.pack import read_pack
from synthestat.packs.spec import NoiseSpec, age_band, age_band_name
from synthestat.review.verify import verify_run
from synthestat.sources.cube import CellStatus, Dimension
from synthestat.sources.jsonstat import read_jsonstat, write_jsonstat

STARTS = (0, 5, 10, 15, 18, 25, 40, 60, 75)
AGE = '      age: {dimension: age, open_class: "75+"}\n'
SYMBOLS = '    symbols: {":": missing, "c": suppressed}\n    totals:\n'


def faults_of(workshop: Any) -> tuple[str, ...]:
    with pytest.raises(PackError) as caught:
        workshop.published()
    return caught.value.faults


def band_text(starts: tuple[int, ...] = STARTS) -> dict[str, str]:
    """Return {code: [first, last]} as controls.yaml writes it; codes b0, b1, ..."""
    ends = [*(str(start - 1) for start in starts[1:]), "null"]
    return {f"b{i}": f"[{s}, {e}]" for i, (s, e) in enumerate(zip(starts, ends, strict=True))}


def use_bands(workshop: Any, bands: dict[str, str]) -> None:
    """Publish Tinyland's ages by bands STARTS, read as `bands` says."""
    source, store = workshop.pack().sources["tiny_age"], workshop.store()
    cube = read_jsonstat(store.read(source.sha256), name="tiny_age")
    codes = tuple(f"b{i}" for i in range(len(STARTS)))
    ages = Dimension("age", "age", codes, codes)
    axis = [d.id for d in cube.dimensions].index("age")
    values = np.add.reduceat(cube.values, STARTS, axis=axis)
    dimensions = tuple(ages if d.id == "age" else d for d in cube.dimensions)
    status = np.where(values == 0, CellStatus.ZERO, CellStatus.VALUE).astype(np.uint8)
    coarse = replace(cube, dimensions=dimensions, values=values, status=status)
    workshop.say("sources.yaml", source.sha256, store.put(write_jsonstat(coarse)))
    listed = ", ".join(f"{code}: {ages}" for code, ages in bands.items())
    workshop.say("controls.yaml", AGE, f"      age: {{dimension: age, bands: {{{listed}}}}}\n")


def test_a_band_is_named_as_it_is_read() -> None:
    for name in ("0", "3", "0-4", "85+"):
        assert age_band_name(*age_band(name)) == name
    for name in ("", "young", "4-0", "5-", "+"):
        with pytest.raises(ValueError, match=r"age|band"):
            age_band(name)


def test_a_country_by_age_bands_is_built_and_judged(workshop: Any, tmp_path: Path) -> None:
    use_bands(workshop, band_text())
    table = workshop.published().tables["persons_age"]
    assert table.categories[0] == ("0-4",)
    assert table.categories[-1] == ("75+",)
    population = workshop.build()
    folder = write_run(population, workshop.store(), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))
    verification = verify_run(folder, workshop.store())
    named = {"hard_exact", "residual_rows", "residual_status", "cells_recounted"}
    checks = {c.id: c for c in verification.checks if c.id in named or c.status.name == "FAIL"}
    assert checks
    assert {c.id: c.notes for c in checks.values() if c.status.name != "PASS"} == {}


@pytest.mark.parametrize(
    ("code", "ages", "words"),
    [
        ("b1", "[6, 9]", "a gap from 5 to 5"),
        ("b1", "[4, 9]", "overlaps"),
        ("b1", "[9, 5]", "ends before it begins"),
        ("b8", "[75, 95]", "no open band begins at 96"),
        ("b8", "[75, 120]", "goes beyond the oldest age, 95"),
        ("b7", "[60, null]", "overlaps"),
        ("b0", "[1, 4]", "a gap from 0 to 0"),
        ("b99", "[1, 4]", "no code of age"),
    ],
)
def test_bands_that_are_no_partition_are_faults(
    workshop: Any, code: str, ages: str, words: str
) -> None:
    use_bands(workshop, {**band_text(), code: ages})
    assert any("persons_age: bands" in fault and words in fault for fault in faults_of(workshop))


def test_a_code_without_ages_is_a_fault(workshop: Any) -> None:
    bands = band_text()
    del bands["b3"]
    use_bands(workshop, bands)
    assert any("'b3' is no age" in fault for fault in faults_of(workshop))


@pytest.mark.parametrize(
    ("entry", "reach"),
    [
        ({"kind": "rounded", "base": 5}, 2),
        ({"kind": "rounded", "base": 3, "random": True}, 2),
        ({"kind": "perturbed", "spread": 4}, 4),
        ({"kind": "suppressed", "below": 5}, 0),
    ],
)
def test_noise_says_how_far_a_figure_may_be_off(entry: dict[str, Any], reach: int) -> None:
    assert NoiseSpec.model_validate(entry).reach == reach


@pytest.mark.parametrize("noise", ["{kind: rounded}", "{kind: perturbed, base: 5}", "{base: 3}"])
def test_noise_that_says_too_little_is_a_fault(workshop: Any, noise: str) -> None:
    workshop.say(
        "sources.yaml", SYMBOLS, SYMBOLS.replace("    totals", f"    noise: {noise}\n    totals")
    )
    with pytest.raises(PackError, match="noise"):
        read_pack(workshop.folder)


def with_noise(workshop: Any, noise: str) -> None:
    """Declare noise of the table of faith."""
    text = SYMBOLS.replace("    totals", f"    noise: {noise}\n    totals")
    workshop.say("sources.yaml", SYMBOLS, text)


def test_a_suppressed_cell_is_an_interval(workshop: Any) -> None:
    with_noise(workshop, "{kind: suppressed, below: 900}")
    gap = CellStatus.SUPPRESSED
    workshop.put("tiny_faith", {("02", "Moon"): gap, ("ZZ", "Moon"): gap})
    table = workshop.published().tables["persons_faith"]
    at = table.categories.index(("Moon",))
    assert table.targets[table.zones.index("02"), at] == UNPUBLISHED
    assert [int(side[at]) for side in table.bounds("02")] == [0, 899]
    relaxed = {(r.control_id, r.zone) for r in workshop.controls().relaxations}
    assert ("persons_faith", "02") not in relaxed


def test_a_missing_cell_is_no_constraint(workshop: Any) -> None:
    workshop.put("tiny_households", {("05", "persons_6plus_as_6"): CellStatus.MISSING})
    table = workshop.published().tables["household_persons_capped"]
    assert [int(side[0]) for side in table.bounds("05")] == [0, UNBOUNDED]


def test_rounding_explains_what_would_be_a_relaxation(workshop: Any) -> None:
    with_noise(workshop, "{kind: rounded, base: 3}")
    moved = {(r.control_id, r.zone) for r in workshop.controls().relaxations}
    assert ("persons_faith", "03") not in moved  # two persons short, four cells of one each


def test_declared_zeros_are_kept_and_checked(workshop: Any) -> None:
    by = "      faith: {dimension: faith, leave_out: [Total]}\n"
    workshop.say("controls.yaml", by, by + "    zeros: [{faith: Moon}]\n")
    assert any("zeros" in f and "declared to hold nobody" in f for f in faults_of(workshop))
    workshop.say("controls.yaml", "{faith: Moon}", "{faith: Mars}")
    assert any("faith=Mars is no category" in f for f in faults_of(workshop))


@pytest.mark.parametrize("figure", [-1.0, 0.5, 1e15])
def test_a_figure_that_counts_nothing_is_a_fault(workshop: Any, figure: float) -> None:
    workshop.put("tiny_age", {("01", "3"): figure})
    workshop.say(
        "sources.yaml",
        "      - {dimension: zone, total: ZZ}\n    quirks",
        "      - {dimension: zone, total: ZZ, only: {age: ['4']}}\n    quirks",
    )
    assert any("01 3: " in f and "no whole count" in f for f in faults_of(workshop))


@pytest.mark.parametrize("figure", [np.inf, -np.inf])
def test_an_infinite_figure_cannot_even_be_frozen(workshop: Any, figure: float) -> None:
    with pytest.raises((CubeError, ValueError)):
        workshop.put("tiny_age", {("01", "3"): figure})


def test_a_control_over_too_many_cells_is_refused(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_tables, "_cells", lambda *_: pytest.fail("memory was taken"))
    monkeypatch.setattr(control_tables, "CELLS", 1)
    assert any("more than 1 for a control" in fault for fault in faults_of(workshop))


def test_controls_of_two_years_need_a_bridge(workshop: Any) -> None:
    workshop.say("sources.yaml", SYMBOLS, "    reference_year: 2011\n" + SYMBOLS)
    with pytest.raises(PackError) as caught:
        workshop.pack()
    (fault,) = caught.value.faults
    assert "enumerated" in fault
    assert "2011: persons_faith" in fault
    assert "2021: " in fault
    by = "      faith: {dimension: faith, leave_out: [Total]}\n"
    workshop.say("controls.yaml", by, by + "    bridge: scaled to 2021 by the office\n")
    assert workshop.pack().control("persons_faith").bridge
