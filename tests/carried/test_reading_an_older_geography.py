"""Tables from before a merger: summed, never split, and refused where a sum would be no count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from carrying import freeze_now

from synthestat.controls.control_tables import Published, read_controls
from synthestat.controls.guides import guide_faults
from synthestat.controls.merged_zones import on_present_zones
from synthestat.errors import PackError, SynthestatError
from synthestat.packs.pack import read_pack
from synthestat.sources.cube import CellStatus, Cube, Dimension, number_status
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

Change = Callable[[Path, str, str], None]
FIRM = "    level: FIRM\n    bridge: nothing has changed since\n"


def published(folder: Path) -> Published:
    pack = read_pack(folder)
    return read_controls(pack, SnapshotStore(pack.snapshots))


def faults_of(folder: Path) -> str:
    with pytest.raises(PackError) as caught:
        published(folder)
    return "\n".join(caught.value.faults)


def guided(folder: Path, control: str, level: str, change: Change) -> None:
    """Give a GUIDE control of the carried pack another level."""
    text = (folder / "controls.yaml").read_text(encoding="utf-8")
    start = text.index(f"  - id: {control}\n")
    entry = text[start:].partition("\n\n")[0]
    change(folder / "controls.yaml", entry, entry.replace("    level: GUIDE\n", level))


def test_a_merged_zone_has_the_sums_of_its_parts(
    carried: Path, tiny_population: Population
) -> None:
    tables, before = published(carried).tables, tiny_population.controls.published.tables
    for name in ("persons_age", "persons_sex_language", "persons_faith"):
        now, then = tables[name], before[name]
        assert "01" not in now.zones
        assert now.categories == then.categories
        parts = [then.row(zone) for zone in ("01", "02")]
        assert (now.row("07") == np.sum(parts, axis=0)).all()
        assert (now.row("03") == then.row("03")).all()
    total = tables["persons_age"].targets.sum()
    assert total == before["persons_age"].targets.sum()


def test_a_sum_with_a_part_that_has_no_figure_has_none() -> None:
    zones = Dimension("zone", "Zone", ("a", "b", "c"), ("A", "B", "C"))
    other = Dimension("x", "X", ("1", "2"), ("1", "2"))
    values = np.array([[1.0, 0.0], [np.nan, 0.0], [4.0, 5.0]])
    status = number_status(values)
    status[1, 0] = CellStatus.SUPPRESSED
    for order in ((0, 1), (1, 0)):
        cube = Cube(
            *("t", "s", ""),
            tuple((zones, other)[at] for at in order),
            np.ascontiguousarray(values.transpose(order)),
            np.ascontiguousarray(status.transpose(order)),
            {},
        )
        now = on_present_zones(cube, "zone", {"a": "n", "b": "n"})
        assert now.dimension("zone").codes == ("n", "c")
        assert now.cell(zone="n", x="1") == (None, CellStatus.SUPPRESSED)
        assert now.cell(zone="n", x="2") == (0.0, CellStatus.ZERO)
        assert now.cell(zone="c", x="2") == (5.0, CellStatus.VALUE)
        assert on_present_zones(cube, "zone", {"z": "n"}) is cube


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("    level: HARD\n", "is HARD without a bridge"),
        ("    level: HARD\n    bridge: none\n", "is HARD, and tiny_age has zones that were merged"),
        ("    level: FIRM\n", "is FIRM without a bridge"),
        ("    level: SOFT\n", "is SOFT without a bridge"),
        (FIRM, ""),
        ("    level: INFORMATIONAL\n", ""),
    ],
)
def test_which_levels_are_summed(carried: Path, change_text: Change, level: str, said: str) -> None:
    guided(carried, "persons_age", level, change_text)
    entry = '; age: 0..74, 75+"\n    licence: "CC0-1.0 (invented figures)"\n    reference_period: "'
    change_text(carried / "sources.yaml", entry + "2021", entry + "last")  # else refused before
    if said:
        assert f"persons_age {said}" in faults_of(carried)
    else:
        assert published(carried).tables["persons_age"].row("07") is not None


def test_intervals_are_not_summed(carried: Path, change_text: Change) -> None:
    guided(carried, "persons_age", FIRM, change_text)
    change_text(
        carried / "sources.yaml",
        '      - "Includes the estimate for Fenwick: the universe is all residents."\n',
        '      - "Includes the estimate for Fenwick."\n    noise: {kind: rounded, base: 3}\n',
    )
    assert "figures of tiny_age stand for intervals" in faults_of(carried)


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ({"07": 9, "01": 4, "03": 1}, "tiny_now: zone 07 stands beside 01"),
        ({"01": 4, "03": 1}, "tiny_now: has 01 without 02, merged with it into 07"),
        ({"08": 4, "03": 1}, "zone code '08'"),
    ],
)
def test_a_table_with_a_zone_and_its_parts_or_some_of_them(
    carried: Path, change_text: Change, zones: dict[str, int], said: str
) -> None:
    old = read_pack(carried).sources["tiny_now"].sha256
    change_text(carried / "sources.yaml", old, freeze_now(carried, zones))
    assert said in faults_of(carried)


def test_the_tree_has_a_zone_or_its_parts(carried: Path) -> None:
    with (carried / "geography.csv").open("a", encoding="utf-8") as lines:
        lines.write("01,ZZ,municipality,Alderbridge,,,,,\n")
    with pytest.raises(PackError) as caught:
        read_pack(carried)
    assert any("07 stands beside 01" in fault for fault in caught.value.faults)


def test_bands_of_a_guide_must_nest(carried: Path) -> None:
    tables = dict(published(carried).tables)
    pack = read_pack(carried)
    single = tables["persons_age"]

    def banded(name: str, level: str, bands: tuple[str, ...]) -> None:
        spec = single.spec.model_copy(update={"id": name, "level": level})
        targets = np.ones((len(single.zones), len(bands)), dtype=np.int64)
        categories = tuple((band,) for band in bands)
        tables[name] = replace(single, spec=spec, categories=categories, targets=targets)

    banded("fives", "FIRM", ("0-4", "5-9", "10+"))
    assert guide_faults(Published(tables, {}), pack) == []  # single years refine them
    banded("tens", "GUIDE", ("0-9", "10+"))
    assert guide_faults(Published(tables, {}), pack) == []  # and they refine these
    banded("sixes", "GUIDE", ("0-5", "6+"))
    faults = guide_faults(Published(tables, {}), pack)
    assert [fault.partition(": its")[0] for fault in faults] == [
        "controls.yaml: tens",
        "controls.yaml: sixes",
    ]
    assert "sixes" in faults[0]
    assert "it alone begins one at 6, the other alone one at 5" in faults[1]


def test_a_guide_that_no_stage_takes(carried: Path, change_text: Change) -> None:
    change_text(carried / "attributes.yaml", "    guide: persons_faith\n    pattern", "    pattern")
    assert "persons_faith: no stage takes this GUIDE" in build_faults(carried)


def build_faults(folder: Path) -> str:
    """What a build of the pack says, in one text."""
    pack = read_pack(folder)
    with pytest.raises(SynthestatError) as caught:
        build_population(pack, SnapshotStore(pack.snapshots), seed=1)
    return "\n".join([caught.value.message, *caught.value.faults])


def test_rates_of_a_guide_need_the_whole_that_it_is_of(carried: Path, change_text: Change) -> None:
    guided(carried, "persons_sex", "    level: INFORMATIONAL\n", change_text)
    change_text(carried / "priors.yaml", "persons_sex: 0.3, ", "")
    said = build_faults(carried)
    assert "no GUIDE control counts all persons of enumerated in tiny_language" in said
    assert "hill_speakers" in said


@pytest.mark.parametrize(
    ("table", "cells", "said"),
    [
        (
            "tiny_language",
            {"Plain": 0, "Hill": 0, "River": 0, "Unknown": 0},
            "persons_sex_language [03] (Tinyland Statistical Office, tiny_language) counts nobody "
            "of one sex",
        ),
        ("tiny_faith", {"Sun": CellStatus.MISSING}, "persons_faith [03]"),
    ],
)
def test_a_guide_without_shares_where_persons_live(
    carried: Path,
    change_text: Change,
    edit_table: Callable[..., None],
    table: str,
    cells: dict[str, float | CellStatus],
    said: str,
) -> None:
    sexes: tuple[tuple[str, ...], ...] = (("Male",),) if table == "tiny_language" else ((),)
    edit_table(
        carried,
        table,
        {("03", *sex, code): figure for sex in sexes for code, figure in cells.items()},
    )
    unchecked(carried, table, change_text)
    assert said in build_faults(carried)


def unchecked(folder: Path, table: str, change: Change) -> None:
    """Declare no totals of a table whose cells were altered."""
    text = (folder / "sources.yaml").read_text(encoding="utf-8")
    entry = text[text.index(f"  - id: {table}\n") :].partition("\n  - id:")[0]
    kept = [line for line in entry.splitlines() if "total" not in line.partition(":")[0] + line]
    change(folder / "sources.yaml", entry, "\n".join(kept) + "\n" * entry.endswith("\n"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    guide: persons_faith\n", "    guide: nothing\n", "no control 'nothing'"),
        ("    guide: persons_faith\n", "    guide: residents\n", "counts no persons by faith"),
        (
            "    guide: persons_faith\n",
            "    guide: persons_faith\n    control: persons_faith\n",
            "a guide is for an attribute without a control",
        ),
        (
            "    guide: persons_faith\n",
            "    guide: persons_faith\n    universe: enumerated\n",
            "a control has its own",
        ),
        ("    guide: persons_faith\n", "    control: persons_faith\n", "is GUIDE: quotas are HARD"),
    ],
)
def test_a_guide_of_an_attribute_that_cannot_be(
    carried: Path, change_text: Change, old: str, new: str, said: str
) -> None:
    change_text(carried / "attributes.yaml", old, new)
    with pytest.raises(PackError) as caught:
        read_pack(carried)
    assert any(said in fault for fault in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("attribute: language", "attribute: mood", "'mood' is no attribute"),
        ("categories: [Hill]", "categories: [Moor]", "'Moor' is no category of language"),
        ("categories: [Hill]", "categories: []", "attribute and categories are listed"),
        ("value: 0.3", "value: 1.3", "a share lies between 0 and 1"),
        ("attribute: language, categories: [Hill]", "attribute: bond, categories: [Wed]", "steer"),
        ("value: 0.3", "ages: [20, 60], value: 0.3", "only shares of all persons"),
        ("value: 0.3", "ages: [60, 20], value: 0.3", "ages are the first and the last"),
    ],
)
def test_a_share_of_persons_that_cannot_be(
    carried: Path, change_text: Change, old: str, new: str, said: str
) -> None:
    change_text(carried / "priors.yaml", old, new)
    with pytest.raises(PackError) as caught:
        read_pack(carried)
    assert any(said in fault for fault in caught.value.faults), caught.value.faults


def test_a_guide_that_cannot_be_bent_to_its_target(carried: Path, change_text: Change) -> None:
    change_text(carried / "priors.yaml", "categories: [Hill], value: 0.3", CERTAIN)
    assert "language: its guide cannot be bent to zz.target.hill" in build_faults(carried)


CERTAIN = "categories: [Plain, Hill, River, Unknown], value: 0.5"
