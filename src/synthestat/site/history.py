"""The runs of a folder, by country and edition: what can be shown, and what cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from synthestat.bundle.read import Bundle, open_bundle, read_json
from synthestat.errors import BundleError, SynthestatError
from synthestat.packs.pack import embedded_homes
from synthestat.site.pack_words import country_name

NEEDED = ("country", "country_name", "edition", "geography", "coverage", "layers")
NOT_REVIEWED = "not reviewed: run `synthestat review`"
OTHER_FILES = "reviewed when its files were others: run `synthestat review` again"


@dataclass(frozen=True)
class Entry:
    """One run: its bundle and its review, None with the reason in `unreviewed`."""

    bundle: Bundle
    review: dict[str, Any] | None
    unreviewed: str

    @property
    def name(self) -> str:
        """The run's id: the name of its folder."""
        return self.bundle.folder.name

    @property
    def edition(self) -> str:
        """The edition of the country's pack that it was built from."""
        return str(self.bundle.manifest["edition"])

    @property
    def finished(self) -> str:
        """When its build ended, as ISO 8601; "" where it does not say."""
        return str(self.bundle.manifest.get("times", {}).get("finished") or "")


@dataclass(frozen=True)
class Edition:
    """The runs of one edition, newest first."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def newest(self) -> Entry:
        """The run that the site shows of this edition."""
        return self.entries[0]


@dataclass(frozen=True)
class Left:
    """Something below the runs folder that is no readable run: a blocked build, a damaged one."""

    name: str
    what: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Country:
    """A country with the editions that have runs, the default first; none where it has no run."""

    code: str
    name: str
    editions: tuple[Edition, ...]
    left: tuple[Left, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All runs, newest first."""
        every = [entry for edition in self.editions for entry in edition.entries]
        return tuple(sorted(every, key=_age, reverse=True))


def read_history(runs: Path) -> tuple[Country, ...]:
    """Return the countries of a runs folder and of the packs that ship, by name.

    Reads `<CC>/<run_id>` and the `<run_id>.review.json` beside it. A run that cannot be read, and a
    build that was blocked, stand in `left`.
    """
    entries: dict[str, list[Entry]] = {}
    left: dict[str, list[Left]] = {}
    for manifest in sorted(runs.glob("*/*/build_manifest.json")):
        folder = manifest.parent
        if any(part.startswith(".") for part in folder.parts[-2:]):
            continue
        try:
            entry = read_entry(folder)
        except SynthestatError as error:
            left.setdefault(folder.parent.name, []).append(
                Left(folder.name, error.message, error.faults)
            )
            continue
        entries.setdefault(str(entry.bundle.manifest["country"]), []).append(entry)
    for blocked in sorted(runs.glob("*/*.blocked.json")):
        left.setdefault(blocked.parent.name, []).append(_blocked(blocked))
    homes = embedded_homes()
    codes = sorted({*entries, *left, *homes})
    countries = [
        Country(code, _name(code, entries), _editions(code, entries), tuple(left.get(code, ())))
        for code in codes
    ]
    return tuple(sorted(countries, key=lambda country: (country.name.casefold(), country.code)))


def read_entry(folder: Path) -> Entry:
    """Read one run with its review; BundleError where its manifest cannot be used."""
    bundle = open_bundle(folder)
    missing = [key for key in NEEDED if key not in bundle.manifest]
    if missing:
        raise BundleError(f"build_manifest.json has no {', '.join(missing)}")
    record = folder.with_name(f"{folder.name}.review.json")
    if not record.is_file():
        return Entry(bundle, None, NOT_REVIEWED)
    try:
        review = read_json(record)
    except BundleError as error:
        return Entry(bundle, None, f"its review record cannot be read: {error.message}")
    sealed = folder / "checksums.sha256"
    digest = hashlib.sha256(sealed.read_bytes()).hexdigest() if sealed.is_file() else None
    if review.get("bundle_digest") != digest:
        return Entry(bundle, None, OTHER_FILES)
    return Entry(bundle, review, "")


def pairs(country: Country) -> list[tuple[Entry, Entry]]:
    """Return the runs to compare, older first: neighbours in an edition, and editions' newest."""
    found = [
        (older, newer) for edition in country.editions for newer, older in pairwise(edition.entries)
    ]
    newest = sorted((edition.newest for edition in country.editions), key=lambda e: e.edition)
    return found + list(pairwise(newest))


def without(country: Country, gone: Entry, left: Left) -> Country:
    """Return a country without one of its runs, which stands in what is left instead."""
    kept = [
        replace(e, entries=tuple(x for x in e.entries if x is not gone)) for e in country.editions
    ]
    editions = tuple(edition for edition in kept if edition.entries)
    return replace(country, editions=editions, left=(*country.left, left))


def _blocked(path: Path) -> Left:
    name = path.name.removesuffix(".blocked.json")
    try:
        conflicts = read_json(path).get("conflicts", [])
    except SynthestatError as error:
        return Left(name, error.message)
    what = "blocked: its HARD figures contradict each other, so no population was built"
    return Left(name, what, tuple(str(conflict) for conflict in conflicts))


def _name(code: str, entries: dict[str, list[Entry]]) -> str:
    """The country's name: that of its newest run, else that of the pack that ships."""
    if code in entries:
        return str(max(entries[code], key=_age).bundle.manifest["country_name"])
    homes = embedded_homes()
    return country_name(homes[code].standing) or code if code in homes else code


def _editions(code: str, entries: dict[str, list[Entry]]) -> tuple[Edition, ...]:
    """Group runs by edition: the default first (the pack's, else that of the newest run)."""
    ordered = sorted(entries.get(code, ()), key=_age, reverse=True)
    names = list(dict.fromkeys(entry.edition for entry in ordered))
    homes = embedded_homes()
    default = homes[code].default if code in homes else ""
    rest = sorted((name for name in names if name != default), reverse=True)
    if not default and names:
        rest = [names[0], *(name for name in rest if name != names[0])]
    first = [default] if default in names else []
    return tuple(Edition(name, _of(ordered, name)) for name in [*first, *rest])


def _of(entries: Iterable[Entry], edition: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.edition == edition)


def _age(entry: Entry) -> tuple[str, str]:
    return entry.finished, entry.name
