"""Reading a country pack: a folder of small files becomes one checked value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthestat.errors import PackError, UnknownCountryError
from synthestat.packs.attribute_odds import attribute_faults
from synthestat.packs.editions import EDITIONS, Editions, is_country, read_editions
from synthestat.packs.geography import (
    Geography,
    concordance_faults,
    merged_zones,
    read_geography,
)
from synthestat.packs.refinement import refinement_faults
from synthestat.packs.registry import Registry
from synthestat.packs.spec import (
    FAMILY_COLUMN,
    HOUSEHOLD_COLUMNS,
    LEVELS_IN_DEVIATION,
    AttributeSpec,
    ControlSpec,
    CountrySpec,
    PriorSpec,
    SourceSpec,
    Spec,
)
from synthestat.packs.spread import spread_faults
from synthestat.packs.targets import target_faults
from synthestat.packs.tier_rules import tier_faults

EMBEDDED = Path(__file__).parent
DEFINITIONS = (
    "country.yaml",
    "geography.csv",
    "sources.yaml",
    "controls.yaml",
    "priors.yaml",
    "attributes.yaml",
    "concordance.csv",
    "LIMITS.md",
)
DEFAULT_PRIORS = "default_priors.yaml"
"""The default registry as a bundle's pack copy holds it; a pack folder with one goes by its own."""
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class CountryPack:
    """Everything that a country's folder says; `digest` covers all of its definition files.

    `merged` gives, for zones of older tables that were merged, the zone that they are part of now.
    """

    folder: Path
    country: CountrySpec
    geography: Geography
    sources: dict[str, SourceSpec]
    controls: tuple[ControlSpec, ...]
    priors: Registry
    attributes: tuple[AttributeSpec, ...]
    digest: str
    merged: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The country's code, upper case."""
        return self.country.country

    @property
    def snapshots(self) -> Path:
        """Folder of the frozen extracts."""
        return self.folder / "snapshots"

    def control(self, control_id: str) -> ControlSpec:
        """Return one control by id."""
        return next(control for control in self.controls if control.id == control_id)


def embedded_homes() -> dict[str, Editions]:
    """Return the editions of every country that ships with the package, by upper-case code."""
    homes = sorted(path for path in EMBEDDED.iterdir() if path.is_dir() and is_country(path))
    return {home.name.upper(): read_editions(home) for home in homes}


def embedded_packs() -> dict[str, Path]:
    """Return the folder that each embedded country's code stands for (its default edition)."""
    return {code: editions.standing for code, editions in embedded_homes().items()}


def embedded_editions() -> dict[str, Path]:
    """Return the folders of all embedded packs by name: `XK`, or `LU-2021` where editions stand."""
    return {
        f"{code}-{edition}" if edition else code: folder
        for code, editions in embedded_homes().items()
        for edition, folder in editions.folders.items()
    }


def is_embedded(name: str) -> bool:
    """Tell whether a name is that of an embedded country, with or without an edition."""
    return name.upper().partition("-")[0] in embedded_homes()


def find_pack(name: str) -> CountryPack:
    """Read the pack of an embedded country (`LU`, `LU-2021`) or of a folder outside the package.

    A code or a folder of editions stands for its default edition. Raises UnknownCountryError
    (listing what is available) or PackError (listing every fault).
    """
    homes = embedded_homes()
    code, _, edition = name.upper().partition("-")
    if code in homes:
        return _edition(homes[code], code, edition)
    folder = Path(name)
    if is_country(folder):
        return read_pack(read_editions(folder).standing)
    raise UnknownCountryError(
        f"no country pack answers to {name!r}",
        faults=[f"{known}  {path}" for known, path in embedded_editions().items()],
        remedy="give one of these codes, or a folder that holds a country.yaml",
    )


def _edition(editions: Editions, code: str, wanted: str) -> CountryPack:
    """Read the wanted edition, "" for the default; UnknownCountryError lists those that exist."""
    packs = {name.upper(): folder for name, folder in editions.folders.items()}
    if not wanted:
        return read_pack(editions.standing)
    if wanted in packs:
        return read_pack(packs[wanted])
    single = read_pack(editions.standing) if "" in packs else None
    if single is not None and single.country.edition.upper() == wanted:
        return single
    known = list(editions.folders) if single is None else [single.country.edition]
    raise UnknownCountryError(
        f"{code} has no edition {wanted!r}",
        faults=[f"{code}-{name}" for name in known],
        remedy=f"give one of these, or {code} for the default",
    )


def read_pack(folder: Path) -> CountryPack:
    """Read and check all definition files of a pack; PackError collects every fault found."""
    faults: list[str] = []
    country = _one(folder, "country.yaml", CountrySpec, faults)
    sources = _many(folder, "sources.yaml", "tables", SourceSpec, faults)
    controls = _many(folder, "controls.yaml", "controls", ControlSpec, faults)
    priors = _many(folder, "priors.yaml", "priors", PriorSpec, faults)
    defaults = default_priors(folder)
    standing_in = _many(defaults.parent, defaults.name, "priors", PriorSpec, faults)
    attributes = _many(folder, "attributes.yaml", "attributes", AttributeSpec, faults)
    geography: Geography | None = None
    try:
        geography = read_geography(folder / "geography.csv")
        faults.extend(concordance_faults(folder / "concordance.csv", geography))
    except PackError as error:
        faults.extend(error.faults or [error.message])
    if country is not None and geography is not None and not faults:
        faults.extend(_cross_faults(country, geography, sources, controls))
        registry = Registry(tuple(priors), tuple(standing_in))
        faults.extend(attribute_faults(attributes, country, controls, registry))
        faults.extend(target_faults(registry, country, attributes))
        faults.extend(spread_faults(registry) + tier_faults(registry))
        faults.extend(refinement_faults(registry))
    if faults or country is None or geography is None:
        raise PackError(
            f"the country pack {_name(folder)} has {len(faults)} fault(s)",
            faults=faults,
            remedy=f"correct the files in {folder}",
        )
    return CountryPack(
        folder=folder,
        country=country,
        geography=geography,
        sources={source.id: source for source in sources},
        controls=tuple(controls),
        priors=Registry(tuple(priors), tuple(standing_in)),
        attributes=tuple(attributes),
        digest=_digest(folder),
        merged=merged_zones(folder / "concordance.csv", geography),
    )


def default_priors(folder: Path) -> Path:
    """Return the default registry of a pack: its own copy, else the one of the package."""
    own = folder / DEFAULT_PRIORS
    return own if own.is_file() else EMBEDDED / "default" / "priors.yaml"


def _name(folder: Path) -> str:
    """Return what a pack is called in messages: its folder, with the country's for an edition."""
    edition = (folder.parent / EDITIONS).is_file()
    return f"{folder.parent.name}/{folder.name}" if edition else folder.name


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    files = {name: folder / name for name in DEFINITIONS}
    for name, path in (files | {DEFAULT_PRIORS: default_priors(folder)}).items():
        digest.update(f"{name}\x1f".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _load(folder: Path, name: str, faults: list[str]) -> Any:
    path = folder / name
    if not path.is_file():
        faults.append(f"{name}: the file is absent")
        return None
    try:
        content = _parsed(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        faults.append(f"{name}: {' '.join(str(error).split())}")
        return None
    if content is None:
        faults.append(f"{name}: the file is empty")
    return content


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Parse a file's text; whoever reads the same again shares it, and changes nothing of it."""
    return YAML(typ="safe", pure=True).load(text)


def _one(folder: Path, name: str, model: type[S], faults: list[str]) -> S | None:
    content = _load(folder, name, faults)
    return None if content is None else _check(content, name, model, faults)


def _many(folder: Path, name: str, key: str, model: type[S], faults: list[str]) -> list[S]:
    content = _load(folder, name, faults)
    if content is None:
        return []
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        faults.append(f"{name}: must hold a list under {key!r}")
        return []
    found: list[S] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        label = str(entry.get("id", entry.get("name", number))) if isinstance(entry, dict) else ""
        if label in seen:
            faults.append(f"{name}: {label} stands twice")
        seen.add(label)
        item = _check(entry, f"{name}: {label}", model, faults)
        if item is not None:
            found.append(item)
    return found


def _check(content: object, place: str, model: type[S], faults: list[str]) -> S | None:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"])
            faults.append(f"{place}: {where or 'entry'}: {fault['msg']}")
        return None


def _year_faults(controls: Iterable[ControlSpec], sources: Mapping[str, SourceSpec]) -> list[str]:
    """Return universes whose HARD and FIRM controls are of several years without a bridge.

    A control's year is its fixed `year`, else its source's `reference_year`, else the one year that
    the source's reference period names; where there is none of these it is not compared.
    """
    years: dict[str, dict[int, list[str]]] = {}
    for control in controls:
        year = _year(control, sources.get(control.table))
        if control.level in ("HARD", "FIRM") and control.bridge is None and year is not None:
            years.setdefault(control.universe, {}).setdefault(year, []).append(control.id)
    return [
        f"controls.yaml: controls of {universe} are of several years without a bridge: "
        + "; ".join(f"{year}: {', '.join(found[year])}" for year in sorted(found))
        for universe, found in years.items()
        if len(found) > 1
    ]


def _year(control: ControlSpec, source: SourceSpec | None) -> int | None:
    fixed = control.where.get("year", "")
    if fixed.isdecimal():
        return int(fixed)
    if source is None or source.reference_year is not None:
        return None if source is None else source.reference_year
    named = {int(year) for year in re.findall(r"\b(?:1[89]|20)\d\d\b", source.reference_period)}
    return named.pop() if len(named) == 1 else None


def _family_faults(control: ControlSpec, country: CountrySpec) -> list[str]:
    """Return why a control by family status cannot be met; it shapes who lives with whom."""
    faults = []
    if control.counts != "persons" or control.universe != country.household_universe:
        faults.append(f"only persons of {country.household_universe} are split by {FAMILY_COLUMN}")
    if control.level in LEVELS_IN_DEVIATION and set(control.by) != {"sex", FAMILY_COLUMN}:
        faults.append(f"a control by {FAMILY_COLUMN} splits by sex as well, and by nothing else")
    return faults


def _cross_faults(
    country: CountrySpec,
    geography: Geography,
    sources: Iterable[SourceSpec],
    controls: Iterable[ControlSpec],
) -> list[str]:
    faults = []
    tables = {source.id for source in sources}
    known = {control.id: control for control in controls}
    if not geography.at(country.zone_level):
        faults.append(f"country.yaml: zone_level {country.zone_level!r} is not in geography.csv")
    bare = any(absent.layer == "synthetic_dwellings" for absent in country.unavailable_layers)
    for control in known.values():
        place = f"controls.yaml: {control.id}"
        if bare and control.counts == "dwellings" and control.level in LEVELS_IN_DEVIATION:
            faults.append(f"{place}: country.yaml declares synthetic_dwellings unavailable")
        if control.table not in tables:
            faults.append(f"{place}: table {control.table!r} is not in sources.yaml")
        if control.universe not in country.universes:
            faults.append(f"{place}: universe {control.universe!r} is not in country.yaml")
        for column in control.by:
            if column == FAMILY_COLUMN:
                faults += [f"{place}: {fault}" for fault in _family_faults(control, country)]
            elif column in HOUSEHOLD_COLUMNS:
                if control.counts != "households":
                    faults.append(f"{place}: only households are split by {column}")
                elif control.universe != country.household_universe:
                    home = country.household_universe
                    faults.append(f"{place}: households are split by {column} in {home} alone")
            elif column != "age" and column not in country.classifications:
                faults.append(f"{place}: column {column!r} has no classification in country.yaml")
    faults += _year_faults(known.values(), {source.id: source for source in sources})
    return faults
