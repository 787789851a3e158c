"""What the reviewer judges by: the engine's thresholds, and those that a pack puts in place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from synthestat.errors import BundleError
from synthestat.review.definitions import Definitions, read_yaml

FILE = Path(__file__).with_name("thresholds.yaml")
FAMILY = "review_thresholds"
PLACES, SEARCHED = "places", "searched"


@dataclass(frozen=True)
class Threshold:
    """One figure to judge by; `origin` is `engine` or the id of the pack's registry entry."""

    id: str
    value: float
    unit: str
    source: str
    origin: str


@dataclass(frozen=True)
class Thresholds:
    """All thresholds of a review by id.

    `places` are where evidence is looked for, `searched` the places where the pack looked for
    narrower intervals of a quantity; `faults` say what is wrong with the pack's entry.
    """

    by_id: Mapping[str, Threshold]
    places: tuple[str, ...]
    searched: Mapping[str, tuple[str, ...]]
    faults: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of every value, source and place, so that a change of any shows."""
        content = {
            "thresholds": [asdict(each) for _, each in sorted(self.by_id.items())],
            PLACES: list(self.places),
            SEARCHED: {name: list(places) for name, places in sorted(self.searched.items())},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def left(self, looked_in: object) -> list[str]:
        """The places that a list of places looked in does not name, in their order."""
        lines = looked_in if isinstance(looked_in, list | tuple) else []
        said = [str(line).strip().casefold() for line in lines]
        return [p for p in self.places if not any(line.startswith(p.casefold()) for line in said)]


@cache
def engine_thresholds() -> Thresholds:
    """The thresholds of thresholds.yaml."""
    document = read_yaml(FILE)
    entries = [
        Threshold(
            id=str(entry["id"]),
            value=float(entry["value"]),
            unit=str(entry["unit"]),
            source=str(entry["source"]),
            origin="engine",
        )
        for entry in document["thresholds"]
    ]
    places = tuple(str(place) for place in document[PLACES])
    return Thresholds({entry.id: entry for entry in entries}, places, {})


def read_thresholds(pack: Definitions) -> Thresholds:
    """The engine's thresholds with those of the pack's entry; the engine's alone if it is unread.

    What is wrong with the entry is kept under `faults`, and the engine's value stands.
    """
    engine = engine_thresholds()
    try:
        entries = [
            entry
            for entry in pack.registry.values()
            if entry.get("family") == FAMILY and entry.get("status") == "used"
        ]
    except (BundleError, LookupError, TypeError, AttributeError):
        return engine  # the checks that read the registry say what is wrong with it
    if not entries:
        return engine
    if len(entries) > 1:
        names = ", ".join(str(entry["id"]) for entry in entries)
        return Thresholds(engine.by_id, engine.places, {}, (f"used are {names}: only one may be",))
    return _with_entry(engine, entries[0])


def _with_entry(engine: Thresholds, entry: Mapping[str, Any]) -> Thresholds:
    name, values = str(entry["id"]), entry.get("values")
    if not isinstance(values, Mapping):
        return Thresholds(engine.by_id, engine.places, {}, (f"{name}: it has no values",))
    own, faults = dict(engine.by_id), []
    places, searched = engine.places, {}
    for key, value in values.items():
        if key == PLACES:
            places = _texts(value)
        elif key == SEARCHED:
            given = value if isinstance(value, Mapping) else {}
            searched = {str(quantity): _texts(where) for quantity, where in given.items()}
        elif key not in own:
            faults.append(f"{name}: {key} is no threshold; there are {', '.join(sorted(own))}")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            faults.append(f"{name}: {key} is {value!r}, not a number")
        else:
            source = str(entry.get("citation") or "not stated")
            own[key] = Threshold(key, float(value), own[key].unit, source, name)
    if not places:
        faults.append(f"{name}: {PLACES} names no place")
        places = engine.places
    return Thresholds(own, places, searched, tuple(faults))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()
