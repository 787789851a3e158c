"""Tables of private households by size and type: margins, contradictions, yielding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from household_figures import (
    BY_SIZE,
    BY_TYPE,
    ELMAU,
    ELMAU_BOTH,
    ELMAU_TYPES,
    SIZES,
    TYPES,
    ZONES,
    Publish,
    publish,
    types,
)

from synthestat.controls.reconcile import Controls
from synthestat.errors import BlockedError, PackError
from synthestat.packs.spec import HOUSEHOLD_TYPES

__all__ = ["publish"]  # a fixture, found by its name


def blocked(workshop: Any) -> BlockedError:
    with pytest.raises(BlockedError) as caught:
        workshop.controls()
    return caught.value


def faults_of(workshop: Any) -> str:
    with pytest.raises(PackError) as caught:
        workshop.controls()
    return "\n".join(caught.value.faults)


def moves(controls: Controls, control: str) -> dict[tuple[str, str], int]:
    return {
        (r.zone, r.category): r.achieved - r.target
        for r in controls.relaxations
        if r.control_id == control
    }


# What a zone must hold ----------------------------------------------------------------------------


def test_a_table_by_size_is_a_margin_of_the_zones_that_have_it(
    workshop: Any, publish: Publish
) -> None:
    publish("sizes", {"05": ELMAU})
    controls = workshop.controls()
    (margin,) = controls.zone("05").household_margins
    assert margin.control_id == "h_sizes"
    assert margin.columns == ("size",)
    assert margin.counts.tolist() == ELMAU
    assert margin.size_starts == (1, 2, 3, 4, 6)
    assert margin.types == ()
    assert margin.level == "HARD"
    assert controls.zone("05").households == 80
    assert controls.zone("01").household_margins == ()
    assert controls.national_household_margins == ()
    assert not moves(controls, "h_sizes")


def test_groups_of_types_come_in_the_order_of_the_types(workshop: Any, publish: Publish) -> None:
    types(publish, {"05": ELMAU_TYPES})
    (margin,) = workshop.controls().zone("05").household_margins
    assert margin.columns == ("household_type",)
    assert margin.types == (
        ("single",),
        ("couple_without_children",),
        ("couple_with_children",),
        ("lone_mother", "lone_father"),
        ("extended", "other"),
    )
    assert [kind for group in margin.types for kind in group] == list(HOUSEHOLD_TYPES)
    assert margin.counts.tolist() == ELMAU_TYPES
    table = workshop.published().tables["h_types"]
    assert ("lone_mother|lone_father",) in table.categories


@pytest.mark.parametrize("turned", [False, True])
def test_size_by_type_is_row_major_with_sizes_first(
    workshop: Any, publish: Publish, turned: bool
) -> None:
    by = [BY_TYPE, BY_SIZE] if turned else [BY_SIZE, BY_TYPE]
    publish("both", {"05": ELMAU_BOTH}, axes=[("size", SIZES), ("kind", TYPES)], by=by)
    (margin,) = workshop.controls().zone("05").household_margins
    assert margin.columns == ("size", "household_type")
    assert margin.counts.tolist() == ELMAU_BOTH
    assert (len(margin.size_starts), len(margin.types)) == (5, 5)


def test_three_tables_that_agree_stand_as_published(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": ELMAU})
    types(publish, {"05": ELMAU_TYPES})
    publish(
        "both", {"05": ELMAU_BOTH}, axes=[("size", SIZES), ("kind", TYPES)], by=[BY_SIZE, BY_TYPE]
    )
    found = {
        m.control_id: m.counts.tolist() for m in workshop.controls().zone("05").household_margins
    }
    assert found == {"h_sizes": ELMAU, "h_types": ELMAU_TYPES, "h_both": ELMAU_BOTH}


def test_a_table_gives_the_households_of_a_zone_without_a_plain_count(
    workshop: Any, publish: Publish
) -> None:
    """Zone 06 has 213 enumerated residents and no plain figure."""
    publish("sizes", {"06": [10, 14, 14, 16, 6]})
    controls = workshop.controls()
    assert controls.zone("06").households == 60
    assert controls.zone("04").households is None


@pytest.mark.parametrize(
    ("codes", "by"),
    [
        (("1", "2", "6"), 'size: {dimension: size, codes: {"2": "2-5"}, open_class: "6"}'),
        (("1", "2-5", "6+"), 'size: {dimension: size, open_class: "6+"}'),
        (("a", "b", "c"), "size: {dimension: size, bands: {a: [1, 1], b: [2, 5], c: [6, null]}}"),
        (("1", "2-5", "many"), 'size: {dimension: size, codes: {many: "6+"}}'),
    ],
)
def test_the_open_class_may_be_told_in_any_way(
    workshop: Any, publish: Publish, codes: tuple[str, ...], by: str
) -> None:
    publish("sizes", {"05": [16, 52, 12]}, axes=[("size", codes)], by=[by])
    (margin,) = workshop.controls().zone("05").household_margins
    assert margin.size_starts == (1, 2, 6)
    assert workshop.published().tables["h_sizes"].categories == (("1",), ("2-5",), ("6+",))


def test_classes_may_end_closed_at_the_largest_household(workshop: Any, publish: Publish) -> None:
    codes = ("1", "2-4", "5-9", "10")
    publish("sizes", {"05": [20, 40, 20, 0]}, axes=[("size", codes)])
    (margin,) = workshop.controls().zone("05").household_margins
    assert margin.size_starts == (1, 2, 5, 10)


# What a pack must not say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (("1", "2", "4-5", "6+"), "a gap from 3 to 3"),
        (("1", "2", "3", "4", "5"), "no open band begins at 6"),
        (("1", "2-4", "4+"), "overlaps"),
        (("0", "1", "2+"), "overlaps"),
        (("1", "2-11"), "beyond the largest household, 10"),
        (("1", "big"), "'big' is no size"),
    ],
)
def test_sizes_that_are_no_partition_are_faults(
    workshop: Any, publish: Publish, codes: tuple[str, ...], words: str
) -> None:
    publish("sizes", {"05": [1] * len(codes)}, axes=[("size", codes)])
    found = faults_of(workshop)
    assert "h_sizes: sizes" in found
    assert words in found


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("X: other|extended", "X: other", "no code stands for extended"),
        ("X: other|extended", "X: other|extended|single", "single stands under 'S' and 'X'"),
        ("X: other|extended", "X: other|household", "'household' is no household type"),
        ("X: other|extended", "X: other|extended|other", "stands twice"),
    ],
)
def test_types_that_are_no_partition_are_faults(
    workshop: Any, publish: Publish, old: str, new: str, words: str
) -> None:
    by = BY_TYPE.replace(old, new)
    publish("types", {"05": ELMAU_TYPES}, axes=[("kind", TYPES)], by=[by])
    assert words in faults_of(workshop)


def test_only_households_of_the_household_universe_are_split(
    workshop: Any, publish: Publish
) -> None:
    publish("sizes", {"05": ELMAU})
    path = workshop.folder / "controls.yaml"
    text = path.read_text(encoding="utf-8")
    head, tail = text.split("  - id: h_sizes\n")
    for old, new, words in (
        ("counts: households", "counts: persons", "only households are split by size"),
        ("universe: enumerated", "universe: residents", "split by size in enumerated alone"),
    ):
        path.write_text(f"{head}  - id: h_sizes\n{tail.replace(old, new)}", encoding="utf-8")
        assert words in faults_of(workshop)


def test_half_a_row_is_refused(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": [16, 16, np.nan, 20, 12]})
    assert "h_sizes: 05: some cells of the row have no figure" in faults_of(workshop)


def test_a_table_with_only_or_sum_is_refused(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": ELMAU}, more="    missing: unconstrained\n    sum: size\n")
    assert "neither `only` nor `sum`" in faults_of(workshop)


def test_a_table_of_no_zone_is_refused(workshop: Any, publish: Publish) -> None:
    publish("sizes", {})
    assert "no row for ZZ or any of its zones" in faults_of(workshop)


def test_a_row_of_a_district_needs_the_rows_of_its_zones(workshop: Any, publish: Publish) -> None:
    place = workshop.folder / "geography.csv"
    text = place.read_text(encoding="utf-8")
    north = "NORTH,ZZ,district,North,,10.00,50.00,,\n"
    for zone in ("05", "06"):
        text = text.replace(f"{zone},ZZ,", f"{zone},NORTH,")
    place.write_text(text.replace("01,ZZ", f"{north}01,ZZ", 1), encoding="utf-8")
    publish("sizes", {"05": ELMAU, "NORTH": [1, 1, 1, 1, 1]}, zones=(*ZONES, "NORTH"))
    assert "NORTH has figures, but not all of its zones do" in faults_of(workshop)


# Contradictions -----------------------------------------------------------------------------------


def test_totals_of_two_tables_that_differ(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"06": [10, 14, 14, 16, 6]})
    types(publish, {"06": [10, 10, 20, 10, 11]})
    error = blocked(workshop)
    assert "two sums of households in 06" in error.message
    assert len(error.faults) == 2
    assert error.faults[0].startswith("h_sizes [06]")
    assert error.faults[0].endswith("for all = 60")
    assert error.faults[1].endswith("for all = 61")


def test_a_table_and_the_plain_count_that_differ(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": [17, *ELMAU[1:]]})
    error = blocked(workshop)
    assert any("h_sizes [05]" in f and f.endswith("= 81") for f in error.faults)
    assert any("households_total [05" in f and f.endswith("= 80") for f in error.faults)


def test_margins_that_two_tables_share_and_that_differ(workshop: Any, publish: Publish) -> None:
    """Classes 1, 2-3, 4+ and 1-3, 4-5, 6+ meet at 1-3 and 4+; 50 are not 48."""
    publish("sizes", {"05": [16, 34, 30]}, axes=[("size", ("1", "2-3", "4+"))])
    publish("others", {"05": [48, 20, 12]}, axes=[("size", ("1-3", "4-5", "6+"))])
    error = blocked(workshop)
    assert {f.split(" for ")[1] for f in error.faults} == {"size=1-3 = 50", "size=1-3 = 48"}


def test_coarser_and_finer_groups_of_types_meet_at_the_coarser(
    workshop: Any, publish: Publish
) -> None:
    types(publish, {"05": ELMAU_TYPES})
    couples = "couple_without_children|couple_with_children"
    rest = "lone_mother|lone_father|extended|other"
    by = f"household_type: {{dimension: kind, codes: {{S: single, C: {couples}, R: {rest}}}}}"
    publish("coarse", {"05": [16, 41, 23]}, axes=[("kind", ("S", "C", "R"))], by=[by])
    error = blocked(workshop)
    assert any(f"for {couples} = 41" in fault for fault in error.faults)
    assert any(f"for {couples} = 40" in fault for fault in error.faults)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ([0, 0, 0, 20, 60], {"4-5", "6+"}),  # at least 440 persons for 260
        ([40, 20, 20, 0, 0], {"1", "2", "3"}),  # 140 persons at most
    ],
)
def test_sizes_that_do_not_hold_the_persons(
    workshop: Any, publish: Publish, sizes: list[int], named: set[str]
) -> None:
    publish("sizes", {"05": sizes})
    error = blocked(workshop)
    assert "260 persons of 05" in error.message
    assert "residents in 05 = 260" in error.faults
    assert any(f"size={name}" in fault for name in named for fault in error.faults)


def test_every_member_of_a_conflicting_set_is_needed(workshop: Any, publish: Publish) -> None:
    """213 persons; 35 households of 6 or more, 36 of one and one of 4 hold 250 at least."""
    counts = dict(zip(SIZES, [36, 0, 0, 1, 35], strict=True))
    publish("sizes", {"06": list(counts.values())})
    cells = set(blocked(workshop).faults)
    assert "residents in 06 = 213" in cells
    least = {"1": 1, "2": 2, "3": 3, "4-5": 4, "6+": 6}
    needed = {name: least[name] * counts[name] for name in SIZES}
    named = {name for name in SIZES if any(f"size={name}]" in cell for cell in cells)}
    assert len(named) == len(cells) - 1
    assert sum(needed[name] for name in named) > 213
    for name in named:
        assert sum(needed[other] for other in named - {name}) <= 213


def test_a_type_that_sizes_exclude(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": ELMAU})
    types(publish, {"05": [17, 10, 29, 10, 14]})
    error = blocked(workshop)
    assert len(error.faults) == 2
    assert any("size=1]" in fault and fault.endswith("= 16") for fault in error.faults)
    assert any(
        "household_type=single]" in fault and fault.endswith("= 17") for fault in error.faults
    )


@pytest.mark.parametrize(
    ("kinds", "type_named"),
    [
        ([16, 17, 23, 10, 14], "couple_without_children"),  # only 16 households have two members
        ([16, 10, 50, 2, 2], "couple_with_children"),  # only 48 have three or more
    ],
)
def test_couples_need_their_sizes(
    workshop: Any, publish: Publish, kinds: list[int], type_named: str
) -> None:
    publish("sizes", {"05": ELMAU})
    types(publish, {"05": kinds})
    error = blocked(workshop)
    assert any(f"household_type={type_named}]" in fault for fault in error.faults)
    assert all("h_" in fault for fault in error.faults)


def test_more_households_than_adults(workshop: Any, publish: Publish) -> None:
    """Zone 06 has 208 adults among 213 enumerated residents."""
    publish("sizes", {"06": [208, 1, 1, 0, 0]})
    error = blocked(workshop)
    assert "h_sizes [06] (Office, sizes) = 210" in "\n".join(error.faults)


def test_a_country_that_is_not_the_sum_of_its_zones(workshop: Any, publish: Publish) -> None:
    rows = country_rows()
    rows["ZZ"] = [rows["ZZ"][0] + 1, *rows["ZZ"][1:]]
    publish("sizes", rows)
    error = blocked(workshop)
    assert len(error.faults) == 7
    assert "h_sizes [ZZ; size=1]" in error.faults[0]


# Yielding -----------------------------------------------------------------------------------------


def test_a_firm_table_yields_to_the_plain_count_by_the_least(
    workshop: Any, publish: Publish
) -> None:
    publish("sizes", {"05": [19, *ELMAU[1:]]}, level="FIRM")
    controls = workshop.controls()
    moved = moves(controls, "h_sizes")
    assert sum(moved.values()) == -3
    assert sum(abs(step) for step in moved.values()) == 3
    assert int(controls.zone("05").household_margins[0].counts.sum()) == 80
    (proof, *_) = [r.proof for r in controls.relaxations if r.control_id == "h_sizes"]
    assert "must move by 7 in all" in proof  # with the four of the planted capped sum


def test_a_firm_table_yields_to_the_persons(workshop: Any, publish: Publish) -> None:
    """240 households that hold 660 at most, for 822 persons: 162 have no place.

    A household moved from the class of one to the open class, of ten at most, makes room for nine:
    18 must move, each out of one cell and into another.
    """
    publish(
        "sizes", {"02": [60, 60, 120, 0]}, axes=[("size", ("1", "2", "3-4", "5+"))], level="FIRM"
    )
    controls = workshop.controls()
    assert controls.zone("02").household_margins[0].counts.tolist() == [42, 60, 120, 18]
    assert moves(controls, "h_sizes") == {("02", "size=1"): -18, ("02", "size=5+"): 18}


def test_soft_yields_before_firm(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": ELMAU}, level="FIRM")
    types(publish, {"05": [18, 10, 28, 10, 14]}, level="SOFT")
    controls = workshop.controls()
    assert not moves(controls, "h_sizes")
    assert moves(controls, "h_types")[("05", "household_type=single")] == -2
    assert sum(map(abs, moves(controls, "h_types").values())) == 4


def test_a_firm_plain_count_yields_to_a_hard_table(workshop: Any, publish: Publish) -> None:
    workshop.level("households_total", "FIRM")
    publish("sizes", {"05": [15, 18, 17, 20, 12]})
    controls = workshop.controls()
    assert controls.zone("05").households == 82
    assert moves(controls, "households_total")[("05", "")] == 2
    assert len({r.id for r in controls.relaxations}) == len(controls.relaxations)


def test_the_capped_sum_settles_with_the_sizes(workshop: Any, publish: Publish) -> None:
    """With 12 households of 6 or more the capped sum is fixed between two ends."""
    publish("sizes", {"05": ELMAU})
    capped = workshop.controls().zone("05").capped_persons
    assert capped is not None
    assert 248 <= capped <= 260


def test_rounded_figures_settle_inside_their_noise(workshop: Any, publish: Publish) -> None:
    publish("sizes", {"05": [15, 15, 15, 20, 10]}, noise="    noise: {kind: rounded, base: 5}\n")
    controls = workshop.controls()
    (margin,) = controls.zone("05").household_margins
    assert not moves(controls, "h_sizes")
    assert int(margin.counts.sum()) == 80
    assert np.abs(margin.counts - [15, 15, 15, 20, 10]).sum() == 5  # as near as 80 allows


def test_a_suppressed_cell_is_an_interval(workshop: Any, publish: Publish) -> None:
    noise = "    noise: {kind: suppressed, below: 15}\n"
    publish("sizes", {"05": [*ELMAU[:4], np.nan]}, noise=noise)
    (margin,) = workshop.controls().zone("05").household_margins
    assert margin.counts.tolist() == ELMAU


# The country --------------------------------------------------------------------------------------


def country_rows() -> dict[str, list[int]]:
    """Return a table of the whole country that Tinyland's persons and plain counts can meet."""
    rows = {
        "01": [50, 60, 50, 70, 40],
        "02": [45, 55, 45, 60, 35],
        "03": [35, 45, 40, 50, 30],
        "04": [30, 35, 25, 35, 25],
        "05": ELMAU,
        "06": [10, 14, 14, 16, 6],
    }
    rows["ZZ"] = np.sum(list(rows.values()), axis=0).tolist()
    return rows


def test_a_table_of_country_and_zones_constrains_the_zones(workshop: Any, publish: Publish) -> None:
    publish("sizes", country_rows())
    controls = workshop.controls()
    assert controls.national_household_margins == ()
    assert [len(zone.household_margins) for zone in controls.zones] == [1] * 6


def test_a_table_of_the_country_alone_is_a_national_margin(workshop: Any, publish: Publish) -> None:
    whole = country_rows()["ZZ"]
    publish("sizes", {"ZZ": whole}, zones=("ZZ",))
    controls = workshop.controls()
    (margin,) = controls.national_household_margins
    assert margin.counts.tolist() == whole
    assert controls.national_households == 1000
    assert all(zone.household_margins == () for zone in controls.zones)


def test_a_country_and_some_zones_have_margins_of_both_kinds(
    workshop: Any, publish: Publish
) -> None:
    rows = country_rows()
    publish("sizes", {"ZZ": rows["ZZ"], "05": rows["05"]})
    controls = workshop.controls()
    assert controls.national_household_margins[0].counts.tolist() == rows["ZZ"]
    assert controls.zone("05").household_margins[0].counts.tolist() == rows["05"]


def test_some_zones_that_exceed_the_country(workshop: Any, publish: Publish) -> None:
    rows = country_rows()
    total = rows["ZZ"]
    publish("sizes", {"ZZ": [15, total[1] + total[0] - 15, *total[2:]], "05": rows["05"]})
    error = blocked(workshop)
    assert any("h_sizes [ZZ; size=1]" in f and f.endswith("= 15") for f in error.faults)
    assert any("h_sizes [the zones with a figure; size=1]" in f for f in error.faults)


def test_a_national_firm_table_yields_to_the_zones(workshop: Any, publish: Publish) -> None:
    whole = country_rows()["ZZ"]
    publish("sizes", {"ZZ": [whole[0] + 2, *whole[1:]]}, zones=("ZZ",), level="FIRM")
    controls = workshop.controls()
    assert sum(moves(controls, "h_sizes").values()) == -2
    assert int(controls.national_household_margins[0].counts.sum()) == 1000


def test_a_hard_national_table_beside_settled_firm_zones_is_refused(
    workshop: Any, publish: Publish
) -> None:
    rows = country_rows()
    publish("zones", {z: row for z, row in rows.items() if z != "ZZ"}, level="FIRM")
    publish("sizes", {"ZZ": [rows["ZZ"][0] + 1, rows["ZZ"][1] - 1, *rows["ZZ"][2:]]})
    with pytest.raises(PackError, match="cannot stand beside the zones as settled"):
        workshop.controls()


# The registry's sizes -----------------------------------------------------------------------------


def test_weights_of_sizes_may_stand_in_the_registry(workshop: Any) -> None:
    old = '{table: neighbour_sizes, dimension: size, open_class: "6+", tail_ratio: 0.5}'
    sizes = "{1: 30, 2: 25, 3: 20, 4+: 25}"
    workshop.say("priors.yaml", old, f"{{sizes: {sizes}, tail_ratio: 0.5}}")
    assert workshop.controls().size_shape.tolist() == [30, 25, 20, 25]
    workshop.say("priors.yaml", sizes, "{1: 30, 3: 20, 4+: 25}")
    with pytest.raises(PackError, match="sizes must be 1, 2"):
        workshop.controls()
