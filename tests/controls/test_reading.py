"""Reading controls: what is published is read as published, and nothing else passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthestat.controls.control_tables import UNPUBLISHED, read_controls
from synthestat.errors import PackError, SnapshotError
from synthestat.packs.pack import CountryPack
from synthestat.sources.cube import CellStatus
from synthestat.sources.snapshots import SnapshotStore


def faults_of(workshop: Any) -> tuple[str, ...]:
    with pytest.raises(PackError) as caught:
        workshop.published()
    return caught.value.faults


def test_cells_are_those_of_the_table(
    tiny_pack: CountryPack, tiny_snapshots: SnapshotStore
) -> None:
    tables = read_controls(tiny_pack, tiny_snapshots).tables
    age = tables["persons_age"]
    assert age.zones == ("ZZ", "01", "02", "03", "04", "05", "06")
    assert age.categories[0] == ("0",)
    assert age.categories[-1] == ("75+",)
    assert age.total("ZZ") == sum(age.total(zone) or 0 for zone in age.zones[1:]) == 3541
    language = tables["persons_sex_language"]
    assert language.categories[:2] == (("male", "Plain"), ("male", "Hill"))
    assert language.total("ZZ") == 3541 - 85
    assert language.row("99") is None
    assert "Tinyland Statistical Office, tiny_language" in language.cell_name(
        "01", ("male", "Hill")
    )


def test_what_is_not_published_is_not_zero(
    tiny_pack: CountryPack, tiny_snapshots: SnapshotStore
) -> None:
    households = read_controls(tiny_pack, tiny_snapshots).tables["households_total"]
    assert households.total("04") is None
    assert households.total("06") is None
    assert (households.targets[[4, 6]] == UNPUBLISHED).all()
    assert households.total("05") == 80


@pytest.mark.parametrize("status", [CellStatus.SUPPRESSED, CellStatus.MISSING])
def test_a_gap_where_none_may_be_is_a_fault(workshop: Any, status: CellStatus) -> None:
    workshop.put("tiny_faith", {("02", "Moon"): status})
    faults = faults_of(workshop)
    assert any("persons_faith" in f and "02 Moon" in f and "no figure" in f for f in faults)


@pytest.mark.parametrize("status", [CellStatus.SUPPRESSED, CellStatus.MISSING])
def test_a_gap_where_it_may_be_stays_a_gap(workshop: Any, status: CellStatus) -> None:
    workshop.put("tiny_households", {("05", "persons_6plus_as_6"): status})
    table = workshop.published().tables["household_persons_capped"]
    assert table.total("05") is None
    assert workshop.controls().zone("05").capped_persons is None


def test_a_withheld_count_of_vacant_dwellings_is_not_read_as_zero(workshop: Any) -> None:
    gap = CellStatus.SUPPRESSED
    workshop.put("tiny_dwellings", {("01", "vacant"): gap, ("ZZ", "vacant"): gap})
    workshop.say(
        "sources.yaml",
        "    totals:\n      - {dimension: zone, total: ZZ}\n  - id: tiny_households",
        '    symbols: {"c": suppressed}\n  - id: tiny_households',
    )
    workshop.say("controls.yaml", "{measure: vacant}", "{measure: vacant}\n    missing: modelled")
    try:
        vacant = workshop.controls().zone("01").vacant
    except PackError:
        return
    assert vacant != 0


def test_an_undeclared_symbol_is_a_fault_and_no_gap(workshop: Any) -> None:
    workshop.put("tiny_dwellings", {("02", "buildings"): CellStatus.SUPPRESSED})
    with pytest.raises(Exception, match="status") as caught:
        workshop.published()
    assert type(caught.value).__name__ == "CubeError"


@pytest.mark.parametrize("figure", [3.5, -4.0])
def test_what_is_no_whole_count_is_a_fault(workshop: Any, figure: float) -> None:
    workshop.put("tiny_dwellings", {("01", "buildings"): figure})
    workshop.say(
        "sources.yaml",
        "      - {dimension: zone, total: ZZ}\n  - id: tiny_households",
        "      - {dimension: zone, total: ZZ, only: {measure: [vacant]}}\n  - id: tiny_households",
    )
    faults = faults_of(workshop)
    assert any("residential_buildings" in f and "no whole count" in f for f in faults)


def test_a_zone_that_the_geography_does_not_know_is_a_fault(workshop: Any) -> None:
    workshop.say("geography.csv", "05,ZZ,municipality,Elmau,,9.90,49.90,25.3,\n", "")
    faults = faults_of(workshop)
    assert any("'05'" in fault and "Elmau" in fault for fault in faults)
    assert len(faults) >= 5  # one for each table that speaks of the zone


def test_a_spelling_that_the_geography_does_not_know_is_a_fault(workshop: Any) -> None:
    workshop.say("geography.csv", "Dømmeby,Dommeby", "Dummeby,Dommeby")
    assert any("04 is spelt 'Dømmeby'" in fault for fault in faults_of(workshop))


def test_parts_that_do_not_sum_are_a_fault(workshop: Any) -> None:
    workshop.add("tiny_language", 1, ("02", "Male", "Hill"))
    faults = faults_of(workshop)
    assert any("zone=ZZ" in fault and "Hill" in fault for fault in faults)
    assert any("sex=Total" in fault and "02" in fault for fault in faults)
    assert any("language=Total" in fault and "02" in fault for fault in faults)


@pytest.mark.parametrize("noise", ["rounded", "perturbed"])
def test_declared_noise_is_believed(workshop: Any, noise: str) -> None:
    workshop.add("tiny_faith", 1, ("02", "Moon"))
    assert any("tiny_faith" in fault for fault in faults_of(workshop))
    workshop.say(
        "sources.yaml",
        '    symbols: {":": missing, "c": suppressed}\n    totals:\n',
        f'    symbols: {{":": missing, "c": suppressed}}\n    noise: {noise}\n    totals:\n',
    )
    assert workshop.published().tables["persons_faith"].total("02") == 823


def test_a_code_outside_the_classification_is_a_fault(workshop: Any) -> None:
    workshop.say("country.yaml", "faith: [Sun, Moon, None, Unknown]", "faith: [Sun, Moon, Stars]")
    faults = faults_of(workshop)
    assert any("faith" in f and "absent: Stars" in f and "unknown: None" in f for f in faults)


def test_an_age_class_that_opens_elsewhere_is_a_fault(workshop: Any) -> None:
    workshop.say("country.yaml", "open_from: 75", "open_from: 80")
    assert any("persons_age" in fault and "75" in fault for fault in faults_of(workshop))


def test_two_codes_of_one_value_are_a_fault(workshop: Any) -> None:
    workshop.say(
        "controls.yaml",
        "faith: {dimension: faith,",
        "faith: {dimension: faith, codes: {Moon: Sun},",
    )
    assert any("two codes share a value" in fault for fault in faults_of(workshop))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{measure: buildings}", "{measurement: buildings}", "measurement"),
        ("{measure: buildings}", "{measure: castles}", "castles"),
        ("    where: {measure: buildings}\n", "", "neither fixed nor split"),
        ("    table: tiny_faith\n", "    table: neighbour_sizes\n", "neighbour_sizes"),
    ],
)
def test_a_control_that_misreads_its_table_is_a_fault(
    workshop: Any, old: str, new: str, words: str
) -> None:
    workshop.say("controls.yaml", old, new)
    assert any(words in fault for fault in faults_of(workshop))


def test_a_changed_byte_stops_everything(workshop: Any) -> None:
    sha256 = workshop.pack().sources["tiny_faith"].sha256
    path: Path = workshop.store().path(sha256)
    document = bytearray(path.read_bytes())
    at = document.rindex(b"1")
    document[at : at + 1] = b"2"
    path.write_bytes(document)
    with pytest.raises(SnapshotError, match="not what was frozen") as caught:
        workshop.published()
    assert sha256 in str(caught.value)


def test_an_absent_snapshot_stops_everything(workshop: Any) -> None:
    workshop.store().path(workshop.pack().sources["tiny_age"].sha256).unlink()
    with pytest.raises(SnapshotError, match="no snapshot"):
        workshop.published()
