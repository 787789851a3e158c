"""Reading a run bundle: its files as they lie there, nothing assumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthestat.errors import BundleError

TABLES = (
    "synthetic_persons",
    "synthetic_households",
    "synthetic_dwellings",
    "synthetic_building_assignments",
    "hidden_population_overlays",
    "work_school_assignments",
)


@dataclass(frozen=True)
class Bundle:
    """A run's folder and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The run's id, as its manifest states it."""
        return str(self.manifest.get("run_id"))

    def path(self, name: str) -> Path:
        """Return the path of one file of the bundle, present or not."""
        return self.folder / name

    def table(self, name: str) -> Path:
        """Return the path of a table's Parquet file, present or not."""
        return self.folder / f"{name}.parquet"

    def json(self, name: str) -> dict[str, Any]:
        """Read one JSON file of the bundle; BundleError where absent or malformed."""
        return read_json(self.folder / name)


def open_bundle(folder: Path) -> Bundle:
    """Open a run's folder; BundleError where it is none."""
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is not a folder",
            remedy="give the folder of one run, such as runs/XK/xk_national_..._seed1",
        )
    if not (folder / "build_manifest.json").is_file():
        raise BundleError(
            f"{folder} holds no build_manifest.json, so it is not a run bundle",
            faults=[str(p.parent) for p in sorted(folder.glob("*/**/build_manifest.json"))[:5]],
            remedy="give the folder of one run; runs found below this folder are listed above",
        )
    return Bundle(folder, read_json(folder / "build_manifest.json"))


def find_run(place: str) -> Path:
    """Return a run's folder, given that folder or a folder of runs (whose newest is taken)."""
    folder = Path(place)
    if (folder / "build_manifest.json").is_file() or not folder.is_dir():
        return folder
    runs = [path.parent for path in folder.glob("**/build_manifest.json")]
    visible = [run for run in runs if not any(part.startswith(".") for part in run.parts[-3:])]
    if not visible:
        return folder
    return max(visible, key=lambda run: (run / "build_manifest.json").stat().st_mtime)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object strictly: no duplicate keys, no NaN; BundleError names the file."""

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise BundleError(f"{path.name}: key {key!r} stands twice")
            found[key] = value
        return found

    def no_constant(word: str) -> Any:
        raise BundleError(f"{path.name}: {word} is no JSON number")

    try:
        document = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=no_duplicates,
            parse_constant=no_constant,
        )
    except FileNotFoundError:
        raise BundleError(f"{path.name} is absent from {path.parent}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path.name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BundleError(f"{path.name} must hold a JSON object")
    return document
