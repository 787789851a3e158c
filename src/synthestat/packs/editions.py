"""Editions: packs of one country for several reference dates, side by side in one folder.

A country's folder either is a pack (it holds `country.yaml`) or holds one folder for each edition
and `editions.yaml`, which names the default: `default: "2021"`. Each edition is a whole pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthestat.errors import PackError

EDITIONS = "editions.yaml"


@dataclass(frozen=True)
class Editions:
    """The editions of one country by name, in order, and the default; no name: a single pack."""

    home: Path
    default: str
    folders: Mapping[str, Path]

    @property
    def standing(self) -> Path:
        """The folder of the default edition."""
        return self.folders[self.default]


def is_country(home: Path) -> bool:
    """Tell whether a folder is a pack or holds editions."""
    return (home / "country.yaml").is_file() or (home / EDITIONS).is_file()


def read_editions(home: Path) -> Editions:
    """Read which editions a country's folder holds.

    Raises PackError where `editions.yaml` is malformed or its default is none of the folders.
    """
    if (home / "country.yaml").is_file():
        return Editions(home, "", {"": home})
    folders = {path.parent.name: path.parent for path in sorted(home.glob("*/country.yaml"))}
    try:
        content = YAML(typ="safe", pure=True).load((home / EDITIONS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise PackError(
            f"{home / EDITIONS} cannot be read: {' '.join(str(error).split())}"
        ) from None
    named = content.get("default") if isinstance(content, dict) else None
    if str(named) not in folders:
        raise PackError(
            f"{home.name}/{EDITIONS}: the default edition {named!r} has no folder",
            faults=[f"{name}  {path}" for name, path in folders.items()],
            remedy=f"name one of these under `default`, or add the folder {named}/ with its pack",
        )
    return Editions(home, str(named), folders)
