"""What the built-in researchers can do: look where a program can look, and say what would help.

They look in the pack's own tables and on the shelf, a folder of offers. An offer is a folder with
`offer.yaml` (id, closes, place, citation, address) and the files that it brings: `pack/` and
`snapshots/`, as `intake.take_in` takes them. Places that no program can look in are named, for a
person.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthestat.cycle.process import Gap
from synthestat.errors import InputError
from synthestat.packs.pack import CountryPack

OFFER = "offer.yaml"
FIELDS = ("id", "closes", "place", "citation", "address")
COUNTED = {
    "synthetic_dwellings": ("dwellings",),
    "synthetic_building_assignments": ("buildings",),
    "work_school_assignments": ("workplaces", "schools", "flows"),
    "hidden_population_overlays": ("hidden",),
}
"""What a table that bears on a layer counts: assumption."""


@dataclass(frozen=True)
class Offer:
    """Evidence that lies ready: `closes` names the gaps, `place` is where it was found."""

    id: str
    closes: tuple[str, ...]
    place: str
    citation: str
    address: str
    folder: Path


def read_shelf(folder: Path | None) -> list[Offer]:
    """Return the offers of a shelf by id; InputError names every one that is malformed."""
    if folder is None:
        return []
    offers, faults = [], []
    for file in sorted(folder.glob(f"*/{OFFER}")):
        try:
            said = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
            offers.append(_offer(said, file.parent))
        except (YAMLError, UnicodeDecodeError, OSError, TypeError, ValueError) as error:
            faults.append(f"{file.parent.name}/{OFFER}: {' '.join(str(error).split())}")
    ids = [offer.id for offer in offers]
    faults += [f"{name} is offered twice" for name in sorted({i for i in ids if ids.count(i) > 1})]
    if faults or not folder.is_dir():
        raise InputError(
            f"the shelf {folder} cannot be read",
            faults=faults,
            remedy=f"give each offer a folder with {OFFER}: {', '.join(FIELDS)}",
        )
    return offers


def _offer(said: Any, folder: Path) -> Offer:
    if not isinstance(said, dict) or set(said) != set(FIELDS):
        raise ValueError(f"holds {', '.join(FIELDS)} and nothing else")
    closes = said["closes"]
    if not isinstance(closes, list) or not closes:
        raise ValueError("closes is a list of gaps: layers, or quantities of uncertainty.parquet")
    words = {name: str(said[name]) for name in FIELDS if name != "closes"}
    return Offer(**words, closes=tuple(str(name) for name in closes), folder=folder)


def look(gap: Gap, pack: CountryPack, offers: list[Offer]) -> dict[str, Any]:
    """Look for what closes a gap; return what was found, where it was looked for, what would help.

    `found` are ids of offers; `tables` are tables of the pack that bear on the gap and constrain
    nothing yet.
    """
    found = [offer for offer in offers if gap.name in offer.closes]
    unused = _unused_tables(gap, pack)
    looked = [f"tables frozen in this pack: {len(pack.sources)}, {len(unused)} of them of use"]
    looked.append(f"the shelf: {len(offers)} offers, {len(found)} of them close the gap")
    return {
        "gap": gap.name,
        "found": [offer.id for offer in found],
        "tables": unused,
        "looked_in": [*gap.looked_in, *looked],
        "would_help": list(gap.needed),
        "places_left": [p for p in gap.places_left if not p.startswith("tables frozen")],
    }


def _unused_tables(gap: Gap, pack: CountryPack) -> list[str]:
    words = COUNTED.get(gap.name, tuple(gap.name.replace("_", " ").split(".")))
    used = {c.table for c in pack.controls if c.level != "INFORMATIONAL"}
    return [
        source.id
        for source in pack.sources.values()
        if source.id not in used and any(word in source.title.lower() for word in words)
    ]


def summary_of(found: dict[str, Any]) -> str:
    """Return what a search came to, in a sentence."""
    if found["found"]:
        return f"found {', '.join(found['found'])}"
    left = ", ".join(found["places_left"]) or "none"
    helps = "; ".join(found["would_help"]) or "what the rows of the finding say"
    return f"nothing found; places left for a person: {left}; would help: {helps}"
