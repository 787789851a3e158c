"""A pack's files: every fault is named with its file and place, all of them at once."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synthestat.errors import PackError, UnknownCountryError
from synthestat.packs.pack import CountryPack, embedded_packs, find_pack, read_pack
from synthestat.sources.jsonstat import write_jsonstat

Copy = Callable[[Path], Path]
Change = Callable[[Path, str, str], None]


def faults_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return caught.value.faults


def test_the_invented_country_is_read_whole(tiny_pack: CountryPack) -> None:
    assert tiny_pack.code == "ZZ"
    assert len(tiny_pack.geography.at("municipality")) == 6
    assert tiny_pack.country.atoms("residents") == ("enumerated", "estimated")
    assert [a.name for a in tiny_pack.attributes] == ["language", "faith", "bond", "work"]
    assert tiny_pack.control("persons_age").level == "HARD"


def test_the_script_still_draws_the_frozen_tables(tiny_pack: CountryPack) -> None:
    """The tables are those that make_tiny.py counts, and nothing else lies beside them."""
    path = tiny_pack.folder.parent / "make_tiny.py"
    spec = importlib.util.spec_from_file_location("make_tiny", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # where dataclasses look up their module
    spec.loader.exec_module(script)
    people = [person for place in script.PLACES for person in script.people_of(place)]
    drawn = {name: write_jsonstat(cube) for name, cube in script.tables(people).items()}
    frozen = {path.stem: path.read_bytes() for path in tiny_pack.snapshots.glob("*.json")}
    assert {name: source.sha256 for name, source in tiny_pack.sources.items()} == {
        name: hashlib.sha256(document).hexdigest() for name, document in drawn.items()
    }
    assert sorted(frozen.values()) == sorted(drawn.values())


@pytest.mark.parametrize("code", sorted(embedded_packs()))
def test_embedded_packs_are_sound(code: str) -> None:
    pack = find_pack(code)
    assert pack.code == code
    held = {path.stem for path in pack.snapshots.glob("*.json")}
    assert {source.sha256 for source in pack.sources.values()} <= held


# One line of damage, and what the one fault must name: its file, its place, its reason.
DAMAGE = {
    "unknown key": (
        "country.yaml",
        "zone_level: municipality",
        "zone_level: municipality\nmotto: small is fine",
        ("country.yaml", "motto", "Extra inputs"),
    ),
    "missing key": ("country.yaml", "scope: national\n", "", ("country.yaml", "scope", "required")),
    "wrong type": (
        "country.yaml",
        "open_from: 75",
        "open_from: old",
        ("country.yaml", "ages.open_from", "integer"),
    ),
    "universe without description": (
        "country.yaml",
        "parts: [enumerated, estimated]",
        "parts: [enumerated, uncounted]",
        ("country.yaml", "uncounted"),
    ),
    "absent zone level": (
        "country.yaml",
        "zone_level: municipality",
        "zone_level: canton",
        ("country.yaml", "canton", "geography.csv"),
    ),
    "broken YAML": ("sources.yaml", "tables:", "tables: [", ("sources.yaml", "line")),
    "repeated YAML key": (
        "country.yaml",
        "name: Tinyland",
        "name: Tinyland\nname: Lilleland",
        ("country.yaml", "name", "duplicate"),
    ),
    "no list": ("controls.yaml", "controls:", "constraints:", ("controls.yaml", "'controls'")),
    "short hash": (
        "sources.yaml",
        "    zone_dimension: null",
        "    sha256x: 0\n    zone_dimension: null",
        ("sources.yaml", "neighbour_sizes", "sha256x"),
    ),
    "unknown symbol meaning": (
        "sources.yaml",
        '    symbols: {":": missing, "c": suppressed}\n    totals:',
        '    symbols: {":": zero}\n    totals:',
        ("sources.yaml", "tiny_faith", "symbols"),
    ),
    "unknown level": (
        "controls.yaml",
        "level: INFORMATIONAL",
        "level: STRICT",
        ("controls.yaml", "residential_buildings", "level"),
    ),
    "table that is not there": (
        "controls.yaml",
        "table: tiny_faith",
        "table: tiny_creed",
        ("controls.yaml", "persons_faith", "tiny_creed", "sources.yaml"),
    ),
    "universe that is not there": (
        "controls.yaml",
        "universe: residents",
        "universe: citizens",
        ("controls.yaml", "persons_age", "citizens"),
    ),
    "column without classification": (
        "controls.yaml",
        "faith: {dimension: faith",
        "creed: {dimension: faith",
        ("controls.yaml", "persons_faith", "creed"),
    ),
    "same control twice": (
        "controls.yaml",
        "id: persons_faith",
        "id: persons_age",
        ("controls.yaml", "persons_age", "twice"),
    ),
    "unknown family kind": (
        "priors.yaml",
        "family: partner_age_gap\n    label: Man's age minus woman's age in a couple\n"
        "    kind: kernel",
        "family: partner_age_gap\n    label: Man's age minus woman's age in a couple\n"
        "    kind: guess",
        ("priors.yaml", "zz.partner_age_gap", "kind"),
    ),
    "attribute without control": (
        "attributes.yaml",
        "control: persons_faith",
        "control: persons_creed",
        ("attributes.yaml", "faith", "persons_creed"),
    ),
    "attribute without classification": (
        "attributes.yaml",
        "name: faith",
        "name: creed",
        ("attributes.yaml", "creed"),
    ),
    "code with a wrong shape": (
        "country.yaml",
        'country: "ZZ"',
        'country: "tinyland"',
        ("country.yaml", "country", "pattern"),
    ),
    "code that YAML reads as a truth value": (
        "country.yaml",
        'country: "ZZ"',
        "country: false",
        ("country.yaml", "country", "string"),
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_fault_names_its_file_and_place(
    kind: str, copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    file, old, new, words = DAMAGE[kind]
    folder = copy_pack(tmp_path)
    change_text(folder / file, old, new)
    faults = faults_of(folder)
    assert any(all(word in fault for word in words) for fault in faults), faults


@pytest.mark.parametrize(
    "file", ["country.yaml", "sources.yaml", "controls.yaml", "priors.yaml", "attributes.yaml"]
)
def test_an_absent_file_is_named(file: str, copy_pack: Copy, tmp_path: Path) -> None:
    folder = copy_pack(tmp_path)
    (folder / file).unlink()
    assert any(fault.startswith(f"{file}: the file is absent") for fault in faults_of(folder))


def test_a_file_that_is_no_utf8_is_named(copy_pack: Copy, tmp_path: Path) -> None:
    folder = copy_pack(tmp_path)
    path = folder / "country.yaml"
    path.write_bytes(path.read_bytes().replace(b"Tinyland", b"T\xefnyland"))
    assert any(fault.startswith("country.yaml") for fault in faults_of(folder))


@pytest.mark.parametrize("content", ["", "tables", "- 1", "tables: 3", "tables: [3, x]"])
@pytest.mark.parametrize("file", ["sources.yaml", "controls.yaml", "country.yaml"])
def test_any_other_content_is_a_fault_and_no_crash(
    file: str, content: str, copy_pack: Copy, tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    (folder / file).write_text(content, encoding="utf-8")
    assert any(fault.startswith(file) for fault in faults_of(folder))


def test_faults_of_several_files_come_together(
    copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    change_text(folder / "country.yaml", "open_from: 75", "open_from: old")
    change_text(folder / "controls.yaml", "level: INFORMATIONAL", "level: STRICT")
    change_text(folder / "sources.yaml", "zone_dimension: null", "zone_dimensions: null")
    change_text(folder / "geography.csv", "25.3", "twenty-five")
    (folder / "attributes.yaml").unlink()
    faults = faults_of(folder)
    for word in ("country.yaml", "controls.yaml", "sources.yaml", "geography.csv", "attributes"):
        assert any(word in fault for fault in faults), (word, faults)
    with pytest.raises(PackError, match=f"{len(faults)} fault"):
        read_pack(folder)


def test_an_unknown_country_lists_those_that_are_there() -> None:
    with pytest.raises(UnknownCountryError) as caught:
        find_pack("QQ")
    assert "'QQ'" in caught.value.message
    for code in embedded_packs():
        assert code in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_pack_is_found_by_code_in_any_case_and_by_folder(copy_pack: Copy, tmp_path: Path) -> None:
    assert find_pack("xk").code == "XK"
    assert find_pack(str(copy_pack(tmp_path))).code == "ZZ"


@pytest.mark.parametrize("written", ['"NO"', "'NO'", "NO"])
def test_norway_stays_text(
    written: str, copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    """YAML 1.2 reads NO as text; 1.1 reads it as false."""
    folder = copy_pack(tmp_path)
    change_text(folder / "country.yaml", 'country: "ZZ"', f"country: {written}")
    assert read_pack(folder).code == "NO"


def test_codes_with_leading_zeros_stay_text(tiny_pack: CountryPack) -> None:
    codes = [zone.code for zone in tiny_pack.geography.at("municipality")]
    assert codes == ["01", "02", "03", "04", "05", "06"]


def test_every_definition_file_moves_the_digest(
    tiny_pack: CountryPack, copy_pack: Copy, tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    assert read_pack(folder).digest == tiny_pack.digest
    digests = {tiny_pack.digest}
    for path in sorted(folder.glob("*.*")):
        text = path.read_bytes()
        path.write_bytes(text + (b"\n" if path.suffix == ".md" else b"\n\n"))
        if path.suffix != ".csv":
            digests.add(read_pack(folder).digest)
        path.write_bytes(text)
    assert len(digests) == 1 + len([p for p in folder.glob("*.*") if p.suffix != ".csv"])


def test_frozen_tables_are_json(tiny_pack: CountryPack) -> None:
    for path in tiny_pack.snapshots.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["class"] == "dataset"
