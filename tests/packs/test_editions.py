"""Editions: several packs of one country side by side, found by name, and told apart."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from synthestat.bundle.manifest import run_id
from synthestat.controls.control_tables import read_controls
from synthestat.errors import PackError, UnknownCountryError
from synthestat.packs.pack import (
    embedded_editions,
    embedded_homes,
    embedded_packs,
    find_pack,
    read_pack,
)
from synthestat.sources.snapshots import SnapshotStore

Copy = Callable[[Path], Path]
Change = Callable[[Path, str, str], None]
ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT.parent / "shared" / "data"
TINY = Path(__file__).parent / "tiny"


@pytest.fixture
def two_editions(tmp_path: Path, change_text: Change) -> Path:
    """Tinyland in two editions, of which the older is the default."""
    home = tmp_path / "zz"
    for edition in ("2021", "2031"):
        shutil.copytree(TINY, home / edition)
        text = (home / edition / "country.yaml").read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("edition:"))
        change_text(home / edition / "country.yaml", line, f'edition: "{edition}"')
    (home / "editions.yaml").write_text("default: 2021\n", encoding="utf-8")
    return home


@pytest.fixture
def lu_copy(tmp_path: Path) -> Path:
    """A copy of Luxembourg's edition of 2021, to be damaged."""
    return Path(shutil.copytree(find_pack("LU-2021").folder, tmp_path / "2021"))


def test_a_code_stands_for_its_default_edition() -> None:
    editions = embedded_homes()["LU"]
    assert find_pack("LU").country.edition == editions.default
    assert find_pack("LU").digest == find_pack(f"lu-{editions.default}").digest
    assert embedded_packs()["LU"] == editions.standing
    assert find_pack("XK-2024").digest == find_pack("xk").digest


@pytest.mark.parametrize("name", sorted(embedded_editions()))
def test_every_embedded_edition_is_sound_and_bears_its_folders_name(name: str) -> None:
    pack = find_pack(name)
    code, _, edition = name.partition("-")
    assert pack.code == code
    assert edition in ("", pack.country.edition)
    assert pack.folder == embedded_editions()[name]
    held = {path.stem for path in pack.snapshots.glob("*.json")}
    assert {source.sha256 for source in pack.sources.values()} <= held


@pytest.mark.parametrize(
    ("name", "known"),
    [("LU-2019", "LU-2021"), ("LU-2019", "LU-2025"), ("LU-", None), ("XK-2011", "XK-2024")],
)
def test_an_edition_that_does_not_exist(name: str, known: str | None) -> None:
    if known is None:
        assert find_pack(name).code == "LU"
        return
    with pytest.raises(UnknownCountryError, match="has no edition") as caught:
        find_pack(name)
    assert known in caught.value.faults
    assert name.partition("-")[0] in caught.value.remedy


def test_a_folder_of_editions_and_one_edition_of_it(two_editions: Path) -> None:
    assert find_pack(str(two_editions)).country.edition == "2021"
    newer = find_pack(str(two_editions / "2031"))
    assert newer.country.edition == "2031"
    assert run_id(newer, 1) != run_id(find_pack(str(two_editions)), 1)


@pytest.mark.parametrize("text", ["default: 1999\n", "edition: 2021\n", "- 2021\n", "default: [\n"])
def test_a_default_that_leads_nowhere(two_editions: Path, text: str) -> None:
    (two_editions / "editions.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PackError, match=r"editions\.yaml"):
        find_pack(str(two_editions))


def test_faults_name_country_and_edition(two_editions: Path) -> None:
    (two_editions / "2031" / "controls.yaml").unlink()
    with pytest.raises(PackError, match="zz/2031 has 1 fault"):
        find_pack(str(two_editions / "2031"))


def test_a_commune_beside_those_that_were_merged_into_it(lu_copy: Path) -> None:
    geography = lu_copy / "geography.csv"
    with geography.open("a", encoding="utf-8") as lines:
        lines.write("LU0000711,LU00007,commune,Groussbus-Wal,,,,,\n")
    with pytest.raises(PackError) as caught:
        read_pack(lu_copy)
    (fault,) = caught.value.faults
    for word in ("geography.csv", "LU0000711", "LU0000705", "LU0000710", "concordance.csv"):
        assert word in fault
    text = geography.read_text(encoding="utf-8").splitlines()
    kept = [line for line in text if not line.startswith(("LU0000711", "LU0000705"))]
    geography.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(PackError, match="LU0000710 without LU0000705"):
        read_pack(lu_copy)


def test_both_editions_of_luxembourg_freeze_the_same_tables_of_the_census() -> None:
    older, newer = find_pack("LU-2021"), find_pack("LU-2025")
    assert find_pack("LU").digest == newer.digest
    shared = older.sources.keys() & newer.sources.keys()
    assert shared == {"DF_B1607", "DF_B1608", "DF_B1609", "DF_B1625", "DF_B1626"}
    assert all(older.sources[name].sha256 == newer.sources[name].sha256 for name in shared)
    assert older.merged == {}
    assert set(newer.merged.values()) == {"LU0000711", "LU0001209"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("old,new\na,b\n", "the columns must be old, new, since, source"),
        ("old,new,since,source\na,b,2023,x\na,c,2023,x\n", "'a' is merged twice"),
    ],
)
def test_a_concordance_that_cannot_be_used(lu_copy: Path, text: str, words: str) -> None:
    (lu_copy / "concordance.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PackError, match=words):
        read_pack(lu_copy)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Y5T9: [5, 9]", "Y5T9: [4, 9]", ("persons_sex_age", "4")),
        ("Y5T9: [5, 9]", "Y5T9: [6, 9]", ("persons_sex_age", "5")),
        ("Y_GE100: [100, null]", "Y_GE100: [100, 104]", ("persons_sex_age", "105")),
    ],
)
def test_a_band_that_does_not_nest(
    lu_copy: Path, change_text: Change, old: str, new: str, words: tuple[str, ...]
) -> None:
    change_text(lu_copy / "controls.yaml", old, new)
    pack = read_pack(lu_copy)
    with pytest.raises(PackError) as caught:
        read_controls(pack, SnapshotStore(pack.snapshots))
    assert any(all(word in fault for word in words) for fault in caught.value.faults)


def test_parts_of_a_total_are_checked(lu_copy: Path, change_text: Change) -> None:
    """Country of birth: FOR has no part OTH; declaring one is told by the commune it breaks."""
    change_text(
        lu_copy / "sources.yaml",
        "total: FOR, parts: [EU_OTH, NEU]",
        "total: FOR, parts: [EU_OTH, NEU, OTH]",
    )
    pack = read_pack(lu_copy)
    with pytest.raises(PackError, match="DF_B1626: country_of_birth=FOR is 2443"):
        read_controls(pack, SnapshotStore(pack.snapshots))
    change_text(lu_copy / "sources.yaml", "[EU_OTH, NEU, OTH]", "[EU_OTH, NEU, MOON]")
    pack = read_pack(lu_copy)
    with pytest.raises(PackError, match="'MOON' is no code of country_of_birth"):
        read_controls(pack, SnapshotStore(pack.snapshots))


def test_a_dwelling_control_beside_an_unavailable_layer(
    copy_pack: Copy, change_text: Change, tmp_path: Path
) -> None:
    folder = copy_pack(tmp_path)
    change_text(
        folder / "country.yaml",
        "unavailable_layers:\n",
        "unavailable_layers:\n"
        "  - {layer: synthetic_dwellings, reason: none, evidence_needed: [x], looked_in: [y]}\n",
    )
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    assert any("dwellings_total" in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("script", "name"),
    [("freeze_xk.py", "XK"), ("freeze_lu.py", "LU-2021"), ("freeze_lu_2025.py", "LU-2025")],
)
def test_the_scripts_still_freeze_the_same_bytes(script: str, name: str, tmp_path: Path) -> None:
    if not FIGURES.is_dir():
        pytest.skip("the folder of official figures is not beside the project")
    command = [sys.executable, ROOT / "tools" / script, FIGURES, "--snapshots", tmp_path / "made"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pack = find_pack(name)
    made = {path.stem: path.read_bytes() for path in (tmp_path / "made").glob("*.json")}
    assert set(made) == {source.sha256 for source in pack.sources.values()}
    assert all(hashlib.sha256(content).hexdigest() == stem for stem, content in made.items())
    assert all(source.id in done.stdout for source in pack.sources.values())
