"""The check of what a run says it is: its id, its pack's own words, its engine and its times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from synthestat.review.case import Case
from synthestat.review.record import Answer, found

PACK_WORDS = {
    "country": "country",
    "country_name": "name",
    "edition": "edition",
    "scope": "scope",
    "reference_period": "reference_period",
    "household_universe": "household_universe",
}
"""Entries of the manifest that are entries of country.yaml, each with its name there."""
WRITTEN = 1.1
"""Seconds between `finished` - `started` and `seconds`: both times are cut to whole seconds,
`seconds` is rounded to tenths."""


def run_identity(case: Case) -> Answer:
    """One run id in every file; country, scope, edition and lists of the pack; believable times."""
    manifest = case.manifest
    run_id, scope = str(manifest["run_id"]), str(manifest["scope"])
    faults = list(_pack_faults(case))
    start, end = f"{manifest['country']}_{scope}_".lower(), f"_seed{manifest['seed']}"
    if not (run_id.startswith(start) and run_id.endswith(end)):
        faults.append(f"manifest: run_id {run_id} is not {start}<digest>{end}")
    for path in sorted(case.folder.glob("*.json")):
        document = case.json(path.name)
        if document.get("run_id", run_id) != run_id:
            faults.append(f"{path.name}: run_id {document['run_id']}, manifest {run_id}")
    faults += _engine_faults(manifest)
    faults += _time_faults(manifest["times"])
    return found(faults, f"every file speaks of {run_id}")


def _pack_faults(case: Case) -> Iterator[str]:
    """Entries of the manifest that are not those of the pack in the bundle."""
    manifest, country = case.manifest, case.pack.country
    for key, name in PACK_WORDS.items():
        if manifest[key] != country[name]:
            yield f"manifest: {key} {manifest[key]!r}, pack/country.yaml {country[name]!r}"
    places = {
        "level": country["zone_level"],
        "root": case.pack.root,
        "zones": sorted(case.pack.zones),
    }
    stated = dict(manifest["geography"])
    stated["zones"] = sorted(map(str, stated.get("zones") or ()))
    for key, wanted in places.items():
        if stated.get(key) != wanted:
            yield f"manifest: geography.{key} {stated.get(key)!r}, in the pack {wanted!r}"
    lists = {str(k): list(map(str, v)) for k, v in country["classifications"].items()}
    told = {str(k): list(map(str, v)) for k, v in manifest["classifications"].items()}
    for name in sorted(lists.keys() | told.keys()):
        if lists.get(name) != told.get(name):
            yield f"manifest: classifications.{name} {told.get(name)}, pack {lists.get(name)}"


def _engine_faults(manifest: Mapping[str, Any]) -> Iterator[str]:
    """An engine without its versions, or libraries and workers that cannot be."""
    engine = manifest["engine"]
    for name in ("version", "source_digest", "python"):
        if not _text(engine.get(name)):
            yield f"manifest: engine.{name} is {engine.get(name)!r}"
    libraries = engine.get("libraries")
    if not isinstance(libraries, Mapping) or not libraries:
        yield f"manifest: engine.libraries is {libraries!r}"
        return
    for name, version in libraries.items():
        if not (_text(version) and version[:1].isdigit()):
            yield f"manifest: engine.libraries.{name} is {version!r}, no version"


def _time_faults(times: Mapping[str, Any]) -> Iterator[str]:
    """Times that run backwards, seconds that are not between them, workers that are no number."""
    try:
        started, finished = (datetime.fromisoformat(str(times[k])) for k in ("started", "finished"))
        between = (finished - started).total_seconds()
    except (ValueError, TypeError) as error:
        yield f"manifest: times are no times: {error}"
        return
    if between < 0:
        yield f"manifest: finished {times['finished']}, before it started {times['started']}"
    seconds, workers = times.get("seconds"), times.get("workers")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        yield f"manifest: times.seconds is {seconds!r}"
    elif not abs(between - seconds) <= WRITTEN:
        yield f"manifest: {seconds:g} seconds stated, {between:g} between its times"
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        yield f"manifest: times.workers is {workers!r}"


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
