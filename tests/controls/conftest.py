"""A copy of Tinyland to damage, and what its controls become."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from synthestat.controls.control_tables import Published, read_controls
from synthestat.controls.reconcile import Controls, reconcile
from synthestat.packs.pack import CountryPack, read_pack
from synthestat.sources.cube import CellStatus
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore
from synthestat.story import Population, build_population

sys.path.insert(0, str(Path(__file__).parent))  # the tests here share household_figures.py

Cells = Mapping[tuple[str, ...], float | CellStatus]


@dataclass(frozen=True)
class Workshop:
    """A pack's folder under change."""

    folder: Path
    edit: Callable[[Path, str, Cells], None]
    change: Callable[[Path, str, str], None]

    def pack(self) -> CountryPack:
        return read_pack(self.folder)

    def store(self) -> SnapshotStore:
        return SnapshotStore(self.folder / "snapshots")

    def published(self) -> Published:
        return read_controls(self.pack(), self.store())

    def controls(self) -> Controls:
        return reconcile(self.published(), self.pack())

    def build(self) -> Population:
        return build_population(self.pack(), self.store(), seed=1)

    def figure(self, table: str, *codes: str) -> int:
        source = self.pack().sources[table]
        symbols = {"c": "suppressed", ":": "missing"}
        cube = read_jsonstat(self.store().read(source.sha256), name=table, symbols=symbols)
        places = zip(cube.dimensions, codes, strict=True)
        return int(cube.values[tuple(d.position(code) for d, code in places)])

    def put(self, table: str, cells: Cells) -> None:
        """Freeze other figures."""
        self.edit(self.folder, table, cells)

    def add(self, table: str, step: int, *cells: tuple[str, ...]) -> None:
        """Raise figures by a step."""
        self.put(table, {codes: self.figure(table, *codes) + step for codes in cells})

    def say(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands once in a definition file."""
        self.change(self.folder / file, old, new)

    def level(self, control: str, level: str) -> None:
        """Give a control another level."""
        text = (self.folder / "controls.yaml").read_text(encoding="utf-8")
        start = text.index(f"  - id: {control}\n")
        line = text.index("    level: ", start)
        end = text.index("\n", line)
        text = f"{text[:line]}    level: {level}{text[end:]}"
        (self.folder / "controls.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def workshop(
    copy_pack: Callable[[Path], Path],
    edit_table: Callable[[Path, str, Cells], None],
    change_text: Callable[[Path, str, str], None],
    tmp_path: Path,
) -> Workshop:
    return Workshop(copy_pack(tmp_path), edit_table, change_text)
