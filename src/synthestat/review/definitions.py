"""The reviewer's own reading of the country pack that lies in a bundle under `pack/`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthestat.errors import BundleError

LEVELS = ("HARD", "FIRM", "SOFT", "GUIDE", "INFORMATIONAL")
BINDING = ("HARD", "FIRM", "SOFT")
"""The levels that count in the deviation figure."""
FIRM_TOLERANCE = 0.02
"""A FIRM control's tolerance unless it declares one; the other levels have 0."""
HOUSEHOLD_TYPES = (
    *("single", "couple_without_children", "couple_with_children"),
    *("lone_mother", "lone_father", "extended", "other"),
)
"""The types of private households, in the order in which a group of them is named."""


@dataclass(frozen=True)
class Zone:
    """A line of geography.csv; `parent` is "" for the root."""

    code: str
    parent: str
    level: str
    names: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Breakdown:
    """How a control splits by one column: dimension codes to the column's values.

    `bands` gives the first and last age or size (None: no last) of codes that stand for several.
    """

    column: str
    dimension: str
    values: Mapping[str, str]
    leave_out: tuple[str, ...]
    open_class: str | None
    bands: Mapping[str, tuple[int, int | None]]

    @property
    def by_bands(self) -> bool:
        """Whether a code may stand for several ages or sizes: declared bands, classes of size."""
        return bool(self.bands) or self.column == "size"


@dataclass(frozen=True)
class Control:
    """An entry of controls.yaml."""

    id: str
    family: str
    table: str
    level: str
    universe: str
    counts: str
    tolerance: float
    where: Mapping[str, str]
    only: Mapping[str, str]
    by: tuple[Breakdown, ...]
    total_of: str | None
    cap: int | None
    missing: str | None
    bridged: bool = False


@dataclass(frozen=True)
class Source:
    """An entry of sources.yaml; `entry` is all of it."""

    id: str
    sha256: str
    zone_dimension: str | None
    symbols: Mapping[str, str]
    totals: tuple[Mapping[str, Any], ...]
    noise: object
    entry: Mapping[str, Any]

    @property
    def reach(self) -> int:
        """How far a published figure may lie from the true count, by the declared noise model."""
        model = self.noise if isinstance(self.noise, Mapping) else {}
        if model.get("kind") == "rounded":
            base = int(model["base"])
            return base - 1 if model.get("random") else base // 2
        return int(model.get("spread", 0)) if model.get("kind") == "perturbed" else 0


class Definitions:
    """The pack's files, each read when first asked for.

    Every property raises BundleError, naming the file, if it is absent or malformed, and
    LookupError, TypeError or ValueError if something expected is not in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def country(self) -> dict[str, Any]:
        """All of country.yaml."""
        return read_yaml(self.folder / "country.yaml")

    @cached_property
    def rules(self) -> dict[str, Any]:
        """The household rules by name; a band becomes two rules, `<name>_low` and `<name>_high`."""
        rules: dict[str, Any] = {}
        for name, rule in self.country["household_rules"].items():
            value = rule["value"]
            if isinstance(value, list):
                rules[f"{name}_low"], rules[f"{name}_high"] = value
            else:
                rules[name] = value
        rules["household_universe"] = self.household_universe
        return rules

    @cached_property
    def household_universe(self) -> str:
        """The universe that published household and dwelling counts describe."""
        return str(self.country["household_universe"])

    @cached_property
    def universe_parts(self) -> dict[str, tuple[str, ...]]:
        """Each universe with the words that its rows carry: its parts, or itself if it has none."""
        universes = self.country["universes"]
        return {
            str(name): tuple(str(part) for part in entry.get("parts") or ()) or (str(name),)
            for name, entry in universes.items()
        }

    @cached_property
    def universe_words(self) -> tuple[str, ...]:
        """The universes that rows may carry: those without parts."""
        return tuple(name for name, parts in self.universe_parts.items() if parts == (name,))

    @cached_property
    def institutions(self) -> dict[str, str]:
        """The kind of institution of each universe whose residents all live in one."""
        universes = self.country["universes"]
        return {
            str(name): str(entry["institution"])
            for name, entry in universes.items()
            if entry.get("institution")
        }

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """The controls, in the order of controls.yaml."""
        entries = read_yaml(self.folder / "controls.yaml")["controls"]
        return tuple(_control(entry) for entry in entries)

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The frozen tables of sources.yaml by id."""
        entries = read_yaml(self.folder / "sources.yaml")["tables"]
        return {str(entry["id"]): _source(entry) for entry in entries}

    @cached_property
    def guiding_tables(self) -> set[str]:
        """The tables of GUIDE controls, and those that a distribution in use is read from."""
        used = [e["values"] for e in self.registry.values() if e.get("status") == "used"]
        guides = {control.table for control in self.controls if control.level == "GUIDE"}
        return guides | {str(values["table"]) for values in used if "table" in values}

    @cached_property
    def registry(self) -> dict[str, dict[str, Any]]:
        """The distributions that apply, by id: the pack's, and defaults for families it leaves."""
        own = list(read_yaml(self.folder / "priors.yaml")["priors"])
        families = {entry["family"] for entry in own}
        default = read_yaml(self.folder / "default_priors.yaml")["priors"]
        standing_in = [entry for entry in default if entry["family"] not in families]
        return {str(entry["id"]): dict(entry) for entry in (*own, *standing_in)}

    @cached_property
    def used(self) -> dict[str, dict[str, Any]]:
        """The entries of the registry that are in use, by family."""
        return {str(e["family"]): e for e in self.registry.values() if e["status"] == "used"}

    @cached_property
    def attributes(self) -> list[dict[str, Any]]:
        """The entries of attributes.yaml, in their order."""
        return list(read_yaml(self.folder / "attributes.yaml")["attributes"])

    @cached_property
    def geography(self) -> tuple[Zone, ...]:
        """The lines of geography.csv, repeated codes and all."""
        path = self.folder / "geography.csv"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"pack/{path.name} cannot be read: {error}") from None
        return tuple(_zone(line) for line in csv.DictReader(text.splitlines()))

    @cached_property
    def merged(self) -> dict[str, str]:
        """Zones of concordance.csv that are no more, each with the zone that it is part of now."""
        path = self.folder / "concordance.csv"
        if not path.is_file():
            return {}
        try:
            lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"pack/{path.name} cannot be read: {error}") from None
        there = {zone.code for zone in self.geography}
        return {line["old"]: line["new"] for line in lines if line["new"] in there}

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """The codes of the zones that rows carry: those at country.yaml's zone_level."""
        level = self.country["zone_level"]
        return tuple(zone.code for zone in self.geography if zone.level == level)

    @cached_property
    def root(self) -> str:
        """The zone without a parent."""
        return next(zone.code for zone in self.geography if not zone.parent)

    @cached_property
    def covered(self) -> dict[str, frozenset[str]]:
        """Each zone with the zones at zone_level that lie in it (itself, at that level)."""
        parent = {zone.code: zone.parent for zone in self.geography}
        inside: dict[str, set[str]] = {zone.code: set() for zone in self.geography}
        for code in self.zones:
            above, seen = code, set()
            while above in inside and above not in seen:
                inside[above].add(code)
                seen.add(above)
                above = parent[above]
        return {code: frozenset(parts) for code, parts in inside.items()}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML 1.2 file whose top is a mapping. BundleError, naming the file, otherwise."""
    try:
        document = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise BundleError(f"pack/{path.name} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise BundleError(f"pack/{path.name} must hold a mapping")
    return document


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Parse a text; whoever reads the same again shares it, and changes nothing of it."""
    return YAML(typ="safe", pure=True).load(text)


def _control(entry: Mapping[str, Any]) -> Control:
    level = str(entry["level"])
    default = FIRM_TOLERANCE if level == "FIRM" else 0.0
    cap = entry.get("cap")
    return Control(
        id=str(entry["id"]),
        family=str(entry["family"]),
        table=str(entry["table"]),
        level=level,
        universe=str(entry["universe"]),
        counts=str(entry["counts"]),
        tolerance=float(entry.get("tolerance", default)),
        where=_texts(entry.get("where")),
        only=_texts(entry.get("only")),
        by=tuple(_breakdown(column, how) for column, how in (entry.get("by") or {}).items()),
        total_of=entry.get("sum"),
        cap=None if cap is None else int(cap),
        missing=entry.get("missing"),
        bridged=bool(entry.get("bridge")),
    )


def _breakdown(column: str, how: Mapping[str, Any]) -> Breakdown:
    return Breakdown(
        column=str(column),
        dimension=str(how["dimension"]),
        values=_texts(how.get("codes")),
        leave_out=tuple(str(code) for code in how.get("leave_out") or ()),
        open_class=how.get("open_class"),
        bands={
            str(code): (int(first), None if last is None else int(last))
            for code, (first, last) in (how.get("bands") or {}).items()
        },
    )


def _source(entry: Mapping[str, Any]) -> Source:
    return Source(
        id=str(entry["id"]),
        sha256=str(entry["sha256"]),
        zone_dimension=entry.get("zone_dimension"),
        symbols=_texts(entry.get("symbols")),
        totals=tuple(entry.get("totals") or ()),
        noise=entry.get("noise"),
        entry=entry,
    )


def _zone(line: Mapping[str, str]) -> Zone:
    spellings = (line["name"], *(line["other_spellings"] or "").split("|"))
    return Zone(
        code=line["code"],
        parent=line["parent"] or "",
        level=line["level"],
        names=tuple(name for name in spellings if name),
        flags=tuple(flag for flag in (line["flags"] or "").split("|") if flag),
    )


def _texts(entry: Mapping[Any, Any] | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (entry or {}).items()}
