"""The zone tree: a tree it must be, and every spelling leads to one zone."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthestat.errors import PackError
from synthestat.packs.geography import COLUMNS, Geography, read_geography
from synthestat.packs.pack import find_pack

HEADER = ",".join(COLUMNS)


def geography(folder: Path, *rows: str) -> Geography:
    path = folder / "geography.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return read_geography(path)


def faults_of(folder: Path, *rows: str) -> tuple[str, ...]:
    with pytest.raises(PackError) as caught:
        geography(folder, *rows)
    return caught.value.faults


ROOT = "R,,country,Land,,,,,"
NORTH = "001,R,town,North,N|Nord,1.5,2.5,3,cold|wet"


def test_a_row_becomes_a_zone(tmp_path: Path) -> None:
    tree = geography(tmp_path, ROOT, NORTH)
    zone = tree.zones["001"]
    assert (zone.parent, zone.level, zone.name) == ("R", "town", "North")
    assert zone.spellings == {"North", "N", "Nord"}
    assert (zone.longitude, zone.latitude, zone.area_km2) == (1.5, 2.5, 3.0)
    assert zone.flags == {"cold", "wet"}
    assert tree.root.code == "R"
    assert tree.root.longitude is None
    assert tree.children("R") == (zone,)
    assert tree.children("001") == ()
    assert tree.at("town") == (zone,)
    assert tree.lineage("001") == ("001", "R")
    assert tree.lineage("R") == ("R",)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((ROOT, NORTH, "001,R,town,South,,,,,"), ("line 4", "001", "twice")),
        ((ROOT, "001,Q,town,North,,,,,"), ("001", "unknown parent Q")),
        ((ROOT, "A,B,town,a,,,,,", "B,A,town,b,,,,,"), ("A", "its own ancestor")),
        ((ROOT, "A,A,town,a,,,,,"), ("A", "its own ancestor")),
        ((ROOT, "S,,country,Other,,,,,"), ("no parent", "R", "S")),
        (("A,B,town,a,,,,,", "B,A,town,b,,,,,"), ("no parent", "none")),
        ((ROOT, NORTH, "002,R,town,nord,,,,,"), ("spells both 001 and 002",)),
        ((ROOT, "001,R,town,North,,east,2,3,"), ("line 3", "longitude", "'east'")),
        ((ROOT, "001,R,town,North"), ("line 3", "columns")),
        ((ROOT, "001,R,town,North,,1,2,3,,more"), ("line 3", "columns")),
    ],
)
def test_what_is_no_tree_is_refused(
    rows: tuple[str, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    faults = faults_of(tmp_path, *rows)
    assert any(all(word in fault for word in words) for fault in faults), faults


def test_all_faults_come_together(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path, ROOT, "001,Q,town,a,,,,,", "001,R,town,b,,,,,", "002,R,town,B,,x,,,"
    )
    assert len(faults) >= 3


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "geography.csv"
    path.write_text("code,name\nR,Land\n", encoding="utf-8")
    with pytest.raises(PackError, match="columns must be code"):
        read_geography(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="absent"):
        read_geography(tmp_path / "geography.csv")


def test_zones_of_different_levels_may_share_a_name(tmp_path: Path) -> None:
    tree = geography(tmp_path, ROOT, "D,R,district,North,,,,,", "001,D,town,North,,,,,")
    with pytest.raises(PackError, match="zones D, 001 are"):
        tree.code_of("North")


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("Gllogovc", "XK_MUNI_003"),
        ("Gllogoc", "XK_MUNI_003"),
        ("Drenas", "XK_MUNI_003"),
        (" GLLOGOVC ", "XK_MUNI_003"),
        ("Mitrovicë", "XK_MUNI_011"),
        ("Mitrovica", "XK_MUNI_011"),
        ("Prishtinë", "XK_MUNI_019"),
        ("KOSOVA", "XK"),
        ("Kosovo", "XK"),
    ],
)
def test_every_spelling_of_kosovo_leads_to_one_zone(spelling: str, code: str) -> None:
    assert find_pack("XK").geography.code_of(spelling) == code


def test_the_two_mitrovicas_are_two_zones() -> None:
    tree = find_pack("XK").geography
    north = {tree.code_of(s) for s in ("Mitrovica Veriore", "Mitrovicë e Veriut")}
    assert len(north) == 1
    assert north != {tree.code_of("Mitrovicë")}
    for zone in tree.zones.values():
        for spelling in zone.spellings:
            assert tree.code_of(spelling) == zone.code


def test_an_unknown_spelling_says_what_to_do() -> None:
    with pytest.raises(PackError, match="no zone is spelt 'Atlantis'") as caught:
        find_pack("XK").geography.code_of("Atlantis")
    assert "other_spellings" in caught.value.remedy
