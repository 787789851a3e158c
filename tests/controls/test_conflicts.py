"""HARD controls that contradict each other stop the build, with the cells that do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthestat.controls.conflicts import household_conflicts
from synthestat.errors import BlockedError
from synthestat.sources.cube import CellStatus


def blocked(workshop: Any) -> BlockedError:
    with pytest.raises(BlockedError) as caught:
        workshop.controls()
    error = caught.value
    assert error.exit_code == 3
    for fault in error.faults:
        assert re.search(r"\d$", fault), f"no figure in {fault}"
    return error


def cells(error: BlockedError) -> set[str]:
    """Return `control zone` of each named cell."""
    return {" ".join(f.replace(";", "]").split("]")[0].split(" [")) for f in error.faults}


def test_tinyland_itself_is_not_blocked(workshop: Any) -> None:
    assert len(workshop.controls().zones) == 6


def test_zones_with_more_households_than_the_country(workshop: Any) -> None:
    """Irreducible: 270 + 240 + 200 exceed 700; any two of the zones, or no country, would do."""
    workshop.put("tiny_households", {("ZZ", "households"): 700})
    error = blocked(workshop)
    assert cells(error) == {f"households_total {zone}" for zone in ("ZZ", "01", "02", "03")}
    assert "Tinyland Statistical Office, tiny_households" in error.faults[0]
    for left_out in ("01", "02", "03", "ZZ"):
        gone = {(left_out, "households"): CellStatus.MISSING}
        before = workshop.figure("tiny_households", left_out, "households")
        workshop.put("tiny_households", gone)
        still = set()
        try:
            workshop.controls()
        except BlockedError as again:
            still = cells(again)
        # 05 may take the place of what was dropped, but the same set is never named again.
        assert still != cells(error)
        workshop.put("tiny_households", {(left_out, "households"): before})


def test_all_zones_known_and_together_short_of_the_country(workshop: Any) -> None:
    workshop.put("tiny_households", {("04", "households"): 150, ("06", "households"): 59})
    error = blocked(workshop)
    assert "households_total ZZ" in cells(error)
    assert len(error.faults) == 7


def test_more_vacant_dwellings_than_dwellings(workshop: Any) -> None:
    workshop.add("tiny_dwellings", 90, ("05", "vacant"), ("ZZ", "vacant"))
    error = blocked(workshop)
    assert cells(error) == {"dwellings_vacant 05", "dwellings_total 05"}


def test_two_totals_of_one_universe(workshop: Any) -> None:
    workshop.level("persons_sex", "HARD")
    workshop.level("persons_faith", "HARD")
    error = blocked(workshop)
    assert any(
        cells(error) == {f"persons_sex {zone}", f"persons_faith {zone}"} for zone in ("03", "ZZ")
    )


def test_more_households_than_adults(workshop: Any) -> None:
    workshop.put("tiny_households", {("05", "households"): 250, ("ZZ", "households"): 1200})
    error = blocked(workshop)
    assert "more households than adults" in error.message
    assert "households_total 05" in cells(error)


def test_too_few_households_for_the_largest_size(workshop: Any) -> None:
    workshop.put("tiny_households", {("05", "households"): 20, ("ZZ", "households"): 940})
    error = blocked(workshop)
    assert "over 10 persons a household" in error.message
    assert "households_total 05" in cells(error)


def test_several_contradictions_are_counted(workshop: Any) -> None:
    workshop.add("tiny_dwellings", 90, ("05", "vacant"), ("ZZ", "vacant"))
    workshop.add("tiny_dwellings", 90, ("06", "vacant"), ("ZZ", "vacant"))
    assert "1 more conflicting set" in blocked(workshop).remedy


def test_a_part_larger_than_its_whole_names_both_cells(workshop: Any) -> None:
    workshop.level("persons_sex", "HARD")
    workshop.add("tiny_age", -1, ("01", "30"), ("ZZ", "30"))
    error = blocked(workshop)
    assert any("persons_sex [01" in fault for fault in error.faults)
    assert any("persons_age [01" in fault for fault in error.faults), error.faults


def test_a_national_count_that_the_other_zones_cannot_take_up(workshop: Any) -> None:
    """04 and 06 have no count, 382 adults at most, and 1,210 households are left for them."""
    workshop.put("tiny_households", {("ZZ", "households"): 2000})
    assert "households_total ZZ" in cells(blocked(workshop))


def test_a_national_count_that_leaves_too_little_for_the_other_zones(workshop: Any) -> None:
    """04 and 06 have no count and 742 persons: one household of 10 at most is not enough."""
    workshop.put("tiny_households", {("ZZ", "households"): 791})
    assert "households_total ZZ" in cells(blocked(workshop))


def test_more_households_to_a_dwelling_than_declared(workshop: Any) -> None:
    """80 households, 10 occupied dwellings, and three households to a dwelling at most."""
    workshop.add("tiny_dwellings", 70, ("05", "vacant"), ("ZZ", "vacant"))
    assert {"households_total 05", "dwellings_total 05"} <= cells(blocked(workshop))


def test_districts_are_not_counted_beside_their_municipalities(workshop: Any) -> None:
    """A table that prints a level between country and municipality names everybody thrice."""
    table = workshop.published().tables["households_total"]
    with_district = replace(
        table,
        zones=(*table.zones, "NORTH"),
        targets=np.vstack([table.targets, [[510]]]),
    )
    rooms = [zone.room for zone in workshop.controls().zones]
    assert household_conflicts(with_district, rooms, "ZZ") == []
