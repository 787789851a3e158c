"""Checks of what the bundle says about itself: synthetic, with evidence words, for its scope."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from synthestat.errors import BundleError
from synthestat.review.case import TABLES, Case, says
from synthestat.review.definitions import BINDING
from synthestat.review.record import Answer, found, skipped
from synthestat.review.residents import published_residents

EVIDENCE = ("measured", "constrained", "modelled", "unavailable", "blocked")
CRATE = "ro-crate-metadata.json"
NO_VALUE = ("unavailable", "blocked")
NOTICE = "SYNTHETIC"
INVENTED = ("ZZ", "ZZZ", "AA", "AAA")
"""Codes that ISO 3166-1 leaves to users and that no country is known by."""
DESCRIBED = (
    *("family", "kind", "label", "status", "geography", "variant", "confidence", "evidence"),
    *("reference_period", "citation", "address"),
)
"""What the diagnostics say of a distribution, as the registry says it."""
EXAMPLE = re.compile(
    r"(//|\.)(example\.(com|net|org)|[^/:]*\.(test|example|invalid)|localhost)(?=[/:?#]|$)"
)
"""Names that RFC 2606 and RFC 6761 reserve for examples and tests."""


def evidence_words(case: Case) -> Answer:
    """Evidence words are of the closed list, cover every column, and fit what the column holds."""
    faults = [
        f"build_manifest.json: layer {name} is {word!r}"
        for name, word in case.manifest["layers"].items()
        if word not in EVIDENCE
    ]
    for layer in TABLES.values():
        marker = f"{layer}.unavailable.json"
        if (case.folder / marker).is_file() and case.json(marker).get("evidence") not in NO_VALUE:
            faults.append(f"{marker}: evidence is {case.json(marker).get('evidence')!r}")
    for path in sorted(case.folder.glob("*.json")):
        faults += _words_in(path.name, case.json(path.name))
    for name, entry in case.pack.registry.items():
        if entry.get("evidence") not in EVIDENCE:
            faults.append(f"pack: {name}: evidence is {entry.get('evidence')!r}")
    for view in _present(case):
        faults += _column_evidence(case, view)
        faults += _row_evidence(case, view)
    faults += _core_evidence(case)
    return found(faults, "every attribute carries a word of the closed list")


def _words_in(place: str, document: object) -> Iterator[str]:
    """Words under a key `evidence`, anywhere in a document, that are not of the closed list."""
    if isinstance(document, dict):
        name = document.get("id", document.get("name", ""))
        here = f"{place}: {name}" if name else place
        for key, value in document.items():
            if key == "evidence" and value not in EVIDENCE:
                yield f"{here}: evidence is {value!r}"
            yield from _words_in(place, value)
    elif isinstance(document, list):
        for value in document:
            yield from _words_in(place, value)


def synthetic_notice(case: Case) -> Answer:
    """The manifest, the notes, the crate, every table of people and every page say SYNTHETIC.

    A run that is released says so in every file but the pack's own and the list of checksums.
    """
    faults = []
    if NOTICE not in str(case.manifest.get("notice")):
        faults.append(f"build_manifest.json: its notice does not say {NOTICE}")
    for file in ("model_notes.md", CRATE):
        if NOTICE not in case.text(file):
            faults.append(f"{file} does not say {NOTICE}")
    beside = case.folder.with_name(f"{case.folder.name}.html")
    pages = [*sorted(case.folder.rglob("*.html")), *([beside] if beside.is_file() else [])]
    faults += [f"{page.name} does not say {NOTICE}" for page in pages if not _says_so(page)]
    for view in _present(case):
        said = table_metadata(case, view)
        if NOTICE not in str(said.get("notice")):
            faults.append(f"{TABLES[view]}.parquet: its metadata does not say {NOTICE}")
        if said.get("run_id") != case.manifest["run_id"]:
            faults.append(f"{TABLES[view]}.parquet: metadata of run {said.get('run_id')}")
    for path in sorted(case.folder.glob("replicates/*/*.parquet")):
        if NOTICE not in str(_said(path).get("notice")):
            faults.append(f"{_name(case, path)}: its metadata does not say {NOTICE}")
    if case.json("privacy_report.json")["release_mode"] != "internal":
        faults += [
            f"{_name(case, path)} is released, and does not say {NOTICE}"
            for path in sorted(case.folder.rglob("*"))
            if path.is_file() and not _excused(case, path) and not _says_so(path)
        ]
    return found(faults, "manifest, notes, crate, tables and pages say that they are synthetic")


def _excused(case: Case, path: Path) -> bool:
    """Whether a file describes sources or other files, and holds nothing that was invented."""
    return path.name == "checksums.sha256" or path.is_relative_to(case.folder / "pack")


def _says_so(path: Path) -> bool:
    """Whether a file says SYNTHETIC: in its text, or in its metadata if it is a table."""
    if path.suffix == ".parquet":
        return NOTICE in str(_said(path).get("notice"))
    return NOTICE.encode() in path.read_bytes()


def _name(case: Case, path: Path) -> str:
    return path.relative_to(case.folder).as_posix()


def whole_country(case: Case) -> Answer:
    """A run called national holds the published residents of every zone, not a slice of them."""
    if case.manifest["scope"] != "national":
        return skipped(f"the run calls itself {case.manifest['scope']!r}")
    published = published_residents(case)
    if not published:
        return found(["scope national, and no control counts the residents of any zone"], "")
    held = dict(case.rows("SELECT zone_code, count(*) FROM persons GROUP BY ALL"))
    faults = [
        f"{zone}: {int(number):,} residents published, {held.get(zone, 0):,} in the run"
        for zone, number in published.items()
        if held.get(zone, 0) != number
    ]
    figures = {"published": sum(published.values()), "persons": sum(held.values())}
    return found(faults, "all published residents are there", figures=figures)


def real_sources(case: Case) -> Answer:
    """A run called by a country's code rests on sources of that country, not on invented ones."""
    code = str(case.pack.country["country"])
    if code in INVENTED:
        return skipped(f"{code} is the code of no country: the run calls itself invented")
    faults = [
        f"{name}: {source.entry.get('address')} is an address reserved for examples"
        for name, source in case.pack.sources.items()
        if EXAMPLE.search(str(source.entry.get("address")))
    ]
    return found(faults, f"{len(case.pack.sources)} sources of {code} have addresses of their own")


def registry_entries(case: Case) -> Answer:
    """Diagnostics list the distributions that apply, the manifest those in use, as declared."""
    document = case.json("distribution_diagnostics.json")
    listed = {str(entry["id"]): entry for entry in document["registry"]}
    known = case.pack.registry
    faults = [f"{name}: applies, but is not listed" for name in known if name not in listed]
    faults += [f"{name}: listed, but not in the pack" for name in listed if name not in known]
    for name in sorted(known.keys() & listed.keys()):
        faults += [
            f"{name}: {key} {listed[name].get(key)!r} is listed, {known[name].get(key)!r} declared"
            for key in DESCRIBED
            if (listed[name].get(key) or "") != (known[name].get(key) or "")
        ]
    own = {case.pack.country["country"], *(zone.code for zone in case.pack.geography)}
    faults += [
        f"{name}: called current, and is of {entry['geography']}, no zone of this country"
        for name, entry in known.items()
        if entry["variant"] == "current" and entry["geography"] not in own
    ]
    default = sorted(name for name in known if name.startswith("default."))
    if sorted(case.manifest["default_priors"]) != default:
        faults.append(f"build_manifest.json: default_priors are not {', '.join(default)}")
    faults += _used_faults(case)
    figures = {"entries": len(known), "default": len(default)}
    return found(faults, f"{len(known)} distributions as declared", figures=figures)


def _used_faults(case: Case) -> Iterator[str]:
    """Faults of the manifest's list of distributions used: which they are, and their words."""
    listed = {str(entry["id"]): entry for entry in case.manifest["distributions_used"]}
    priors = {n: e for n, e in case.pack.registry.items() if e["status"] == "used"}
    taking_part = [c for c in case.pack.controls if c.level != "INFORMATIONAL"]
    controls = {control.id: control for control in taking_part}
    for name in sorted(listed.keys() ^ (priors.keys() | controls.keys())):
        where = "is listed" if name in listed else "is in use"
        yield f"build_manifest.json: distributions_used and the pack differ: {name} {where} in one"
    for name, entry in sorted(listed.items()):
        if name in controls:
            binds = controls[name].level in ("HARD", "FIRM", "SOFT")
            declared = {"evidence": "constrained" if binds else "measured"}
        else:
            words = ("family", "variant", "confidence", "evidence")
            declared = {key: priors.get(name, entry)[key] for key in words}
        for key, word in declared.items():
            if entry.get(key) != word:
                yield f"build_manifest.json: {name}: {key} {entry.get(key)!r}, declared {word!r}"


def _present(case: Case) -> Iterator[str]:
    """The layers that have a table that can be opened; BundleError if one cannot."""
    for view, layer in TABLES.items():
        if (case.folder / f"{layer}.parquet").is_file():
            if fault := case.fault(f"{layer}.parquet"):
                raise BundleError(fault)
            yield view


def table_metadata(case: Case, view: str) -> dict[str, Any]:
    """The JSON under the key `synthestat` of a table's Parquet metadata; {} if there is none."""
    return _said(case.folder / f"{TABLES[view]}.parquet")


def _said(path: Path) -> dict[str, Any]:
    metadata = pq.ParquetFile(path).metadata.metadata or {}
    said = json.loads(metadata.get(b"synthestat", b"{}"))
    return said if isinstance(said, dict) else {}


def _column_evidence(case: Case, view: str) -> Iterator[str]:
    stated: dict[str, str] = table_metadata(case, view).get("evidence") or {}
    file = f"{TABLES[view]}.parquet"
    columns = [name for name in case.columns(view) if not name.endswith("_evidence")]
    counts = ", ".join(f'count("{name}")' for name in columns)
    filled = case.rows(f"SELECT {counts} FROM {view}")[0]
    for name, values in zip(columns, filled, strict=True):
        word = stated.get(name)
        if word not in EVIDENCE:
            yield f"{file}: {name} has the evidence word {word!r}"
        elif (word in NO_VALUE) == bool(values):
            yield f"{file}: {name} is called {word} and has {values:,} values"


def _core_evidence(case: Case) -> Iterator[str]:
    """Ages and sexes called constrained in a universe that no binding control splits by them."""
    columns = case.columns("persons")
    for column in ("age", "sex"):
        telling = {
            part
            for control in case.pack.controls
            if control.counts == "persons" and control.level in BINDING
            for part in case.pack.universe_parts[control.universe]
            if any(breakdown.column == column for breakdown in control.by)
        }
        if f"{column}_evidence" not in columns:
            continue
        sql = (
            f"SELECT universe, count(*) FROM persons WHERE {column}_evidence = 'constrained' "
            "GROUP BY ALL ORDER BY ALL"
        )
        for universe, number in case.rows(sql):
            if universe not in telling:
                yield (
                    f"synthetic_persons.parquet: {column} of {number:,} persons of {universe} is "
                    "called constrained, and no binding control tells it"
                )
    if "age_evidence" in columns:
        yield from _open_ages(case)


def _open_ages(case: Case) -> Iterator[str]:
    """Single years called constrained inside the class that every table by age leaves open."""
    opens = dict(_open_from(case))
    sql = (
        "SELECT universe, zone_code, age, count(*), min(person_id) FROM persons "
        "WHERE age_evidence = 'constrained' GROUP BY ALL ORDER BY ALL"
    )
    for universe, zone, age, number, person in case.rows(sql):
        first = opens.get(str(universe))
        if first is not None and age >= first:
            yield (
                f"synthetic_persons.parquet: {number:,} persons of {universe} in {zone} aged {age} "
                f"(person_id {person}) are called constrained; their tables end with {first}+"
            )


def _open_from(case: Case) -> Iterator[tuple[str, int]]:
    """(universe, first age of the open class) where every binding table by age ends with one.

    The highest of them, where tables differ.
    """
    lasts: dict[str, dict[str, tuple[int, bool]]] = {}
    for cell in case.cells:
        control = cell.control
        split = next((part for part in control.by if part.column == "age"), None)
        if split is None or control.counts != "persons" or control.level not in BINDING:
            continue
        said = next(p for p in cell.category.split(";") if p.startswith("age="))[len("age=") :]
        first = re.match(r"\d+", said)
        if first is None:
            continue
        last = (int(first[0]), said.endswith("+") or said == split.open_class)
        for part in case.pack.universe_parts[control.universe]:
            own = lasts.setdefault(part, {})
            own[control.id] = max(own.get(control.id, (0, False)), last)
    for universe, ends in lasts.items():
        if all(opened for _, opened in ends.values()):
            yield universe, max(first for first, _ in ends.values())


def _row_evidence(case: Case, view: str) -> Iterator[str]:
    columns = case.columns(view)
    for column in (name for name in columns if name.endswith("_evidence")):
        file, name = f"{TABLES[view]}.parquet", column.removesuffix("_evidence")
        has_value = f'"{name}" IS NOT NULL' if name in columns else "NULL"
        sql = f'SELECT "{column}", {has_value}, count(*) FROM {view} GROUP BY ALL ORDER BY ALL'
        for word, valued, number in case.rows(sql):
            if word not in EVIDENCE:
                some = case.such_as(view, says(column, word))
                yield f"{file}: {column} says {word!r} in {number:,} rows{some}"
            elif valued is None or valued == (word in NO_VALUE):
                held = "a value" if valued else "no value"
                same = f"({has_value}) IS NOT DISTINCT FROM {'NULL' if valued is None else valued}"
                some = case.such_as(view, f"{says(column, word)} AND {same}")
                yield f"{file}: {number:,} rows with {held} of {name} are called {word}{some}"
