"""Reconciliation: FIRM figures yield only where they must, by the least, and say so."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from synthestat.controls.control_tables import Published, read_controls
from synthestat.controls.relaxations import Relaxation, reachable_capped_persons
from synthestat.errors import PackError
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.sources.snapshots import SnapshotStore


def relaxed(workshop: Any) -> dict[tuple[str, str, str], Relaxation]:
    return {(r.control_id, r.zone, r.category): r for r in workshop.controls().relaxations}


def test_every_zone_knows_its_universes(workshop: Any) -> None:
    controls = workshop.controls()
    assert controls.zone("01").residents == {"enumerated": 919, "estimated": 0}
    assert controls.zone("06").residents == {"enumerated": 213, "estimated": 85}
    assert controls.national_households == 1000
    assert controls.size_cap == 6


def test_the_planted_disagreements_are_relaxed_and_nothing_else(workshop: Any) -> None:
    found = relaxed(workshop)
    capped = found.pop(("household_persons_capped", "05", ""))
    assert (capped.target, capped.achieved, capped.moved) == (264, 260, 4)
    assert "260 residents in 80 households reach at most 260" in capped.proof
    assert capped.cells == (
        "household_persons_capped [05; measure=persons_6plus_as_6] "
        "(Tinyland Statistical Office, tiny_households)",
    )
    assert {(control, zone) for control, zone, _ in found} == {
        ("persons_faith", "03"),
        ("persons_faith", "ZZ"),
    }
    for zone in ("03", "ZZ"):
        moves = [r for (_, at, _), r in found.items() if at == zone]
        assert sum(r.moved for r in moves) == 2
        assert sum(r.achieved - r.target for r in moves) == 2


def reachable_totals(persons: int, households: int, cap: int, largest: int) -> set[int]:
    """Return every total of min(size, cap) that some households reach, by trying all of them."""
    reached = set()
    for sizes in itertools.combinations_with_replacement(range(1, largest + 1), households):
        if sum(sizes) == persons:
            reached.add(sum(min(size, cap) for size in sizes))
    return reached


@pytest.mark.parametrize("persons", [4, 7, 11, 15, 19, 23, 24])
@pytest.mark.parametrize("cap", [2, 3, 6])
def test_a_size_total_moves_to_the_nearest_that_can_be_reached(
    workshop: Any, persons: int, cap: int
) -> None:
    """Four households of at most 6 persons, all their sizes tried one by one."""
    pack = workshop.pack()
    rules = pack.country.household_rules
    six = rules.largest_household.model_copy(update={"value": 6})
    rules = rules.model_copy(update={"largest_household": six})
    pack = replace(pack, country=pack.country.model_copy(update={"household_rules": rules}))
    table = workshop.published().tables["household_persons_capped"]
    spec = table.spec.model_copy(update={"cap": cap})
    possible = reachable_totals(persons, 4, cap, 6)
    for target in range(30):
        targets = table.targets.copy()
        targets[table.zones.index("05")] = target
        moves: list[Relaxation] = []
        reached = reachable_capped_persons(
            replace(table, spec=spec, targets=targets), "05", persons, 4, pack, moves
        )
        assert reached == min(possible, key=lambda total: abs(total - target)), (target, possible)
        assert [m.moved for m in moves] == ([abs(reached - target)] if reached != target else [])


def test_a_row_moves_by_the_difference_and_no_more(workshop: Any) -> None:
    """Three residents more than the FIRM tables count: each row moves by three."""
    workshop.add("tiny_age", 3, ("04", "30"), ("ZZ", "30"))
    found = relaxed(workshop)
    for control in ("persons_sex", "persons_sex_language", "persons_faith"):
        moves = [r for (name, zone, _), r in found.items() if (name, zone) == (control, "04")]
        assert sum(r.moved for r in moves) == 3
        assert all(r.achieved > r.target for r in moves)
        assert all("must move by 3 in all" in r.proof for r in moves)


@pytest.mark.parametrize(("zone", "step"), [("01", 1), ("02", -1), ("02", 3)])
def test_rows_that_share_a_column_move_together(workshop: Any, zone: str, step: int) -> None:
    """Sex, and sex by language, must yield in the same sex, or no population meets both."""
    workshop.add("tiny_age", step, (zone, "30"), ("ZZ", "30"))
    found = relaxed(workshop)
    for sex in ("male", "female"):
        alone = sum(
            r.achieved - r.target
            for (name, at, category), r in found.items()
            if (name, at, category) == ("persons_sex", zone, f"sex={sex}")
        )
        split = sum(
            r.achieved - r.target
            for (name, at, category), r in found.items()
            if (name, at) == ("persons_sex_language", zone) and category.startswith(f"sex={sex};")
        )
        assert alone == split, found


def test_the_order_of_controls_does_not_matter(workshop: Any) -> None:
    """Blocks of controls.yaml in reverse: the same relaxations, proofs included."""
    before = workshop.controls()
    path = workshop.folder / "controls.yaml"
    head, *blocks = re.split(r"\n(?=  - id: )", path.read_text(encoding="utf-8"))
    assert len(blocks) == 9
    path.write_text("\n".join([head, *blocks[::-1]]) + "\n", encoding="utf-8")
    after = workshop.controls()
    assert {r.id: r for r in before.relaxations} == {r.id: r for r in after.relaxations}
    assert [z.residents for z in before.zones] == [z.residents for z in after.zones]
    assert [z.households for z in before.zones] == [z.households for z in after.zones]


def test_a_control_that_no_stage_exercises_is_refused(workshop: Any) -> None:
    workshop.say(
        "attributes.yaml",
        "  - name: faith\n    control: persons_faith\n    stratum: language\n"
        "    association: faith_by_language\n",
        "",
    )
    with pytest.raises(PackError, match="would not be exercised") as caught:
        workshop.controls()
    assert caught.value.faults == (
        "controls.yaml: persons_faith: no stage of the build exercises this control",
    )


def test_an_informational_control_needs_no_stage(workshop: Any) -> None:
    assert workshop.pack().control("residential_buildings").level == "INFORMATIONAL"
    workshop.level("residential_buildings", "SOFT")
    with pytest.raises(PackError, match="would not be exercised"):
        workshop.controls()


def test_a_soft_control_is_exercised_or_refused(workshop: Any) -> None:
    """SOFT means within its tolerance, so some stage must look at it."""
    workshop.level("persons_sex", "SOFT")
    try:
        controls = workshop.controls()
    except PackError:
        return
    assert any(margin.control_id == "persons_sex" for margin in controls.zone("01").margins)


def test_two_controls_of_one_count_are_refused(workshop: Any) -> None:
    text = (workshop.folder / "controls.yaml").read_text(encoding="utf-8")
    block = text[text.index("  - id: households_total") : text.index("  - id: dwellings_total")]
    twin = block.replace("households_total", "households_again")
    (workshop.folder / "controls.yaml").write_text(text + "\n" + twin, encoding="utf-8")
    with pytest.raises(PackError, match="more than one control counts households"):
        workshop.controls()


def test_published_figures_stay_as_they_are(
    tiny_pack: CountryPack, tiny_snapshots: SnapshotStore, workshop: Any
) -> None:
    """Reconciling changes no table: residuals are judged by what was published."""

    def figures(published: Published) -> dict[str, list[list[int]]]:
        return {name: table.targets.tolist() for name, table in published.tables.items()}

    fresh = figures(read_controls(read_pack(tiny_pack.folder), tiny_snapshots))
    assert figures(workshop.controls().published) == fresh


def test_a_firm_count_of_vacant_dwellings_yields_to_the_dwellings(workshop: Any) -> None:
    """80 dwellings, 90 of them vacant; 80 households need 27 of them, three to each: 53 can be."""
    workshop.level("dwellings_vacant", "FIRM")
    workshop.add("tiny_dwellings", 90, ("05", "vacant"), ("ZZ", "vacant"))
    moves = [r for r in workshop.build().controls.relaxations if r.control_id == "dwellings_vacant"]
    assert sum(r.moved for r in moves if r.zone == "05") == 37


def test_a_firm_count_of_households_yields_to_the_adults(workshop: Any) -> None:
    """164 adults in zone 05 cannot head 250 households."""
    workshop.level("households_total", "FIRM")
    workshop.put("tiny_households", {("05", "households"): 250, ("ZZ", "households"): 1200})
    moves = [r for r in workshop.build().controls.relaxations if r.control_id == "households_total"]
    assert any(r.zone == "05" and r.achieved <= 164 for r in moves)
