"""The check of ro-crate-metadata.json: the run, its files and its sources as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthestat.review.case import Case
from synthestat.review.record import Answer, found

CRATE = "ro-crate-metadata.json"
ROOT = "./"
SOURCE = {
    "name": "title",
    "publisher": "publisher",
    "url": "address",
    "license": "licence",
    "temporalCoverage": "reference_period",
    "sha256": "sha256",
}
"""What the crate says of a source table, with its name in pack/sources.yaml."""
NOT_RELEASED = "not licensed for release"


def crate_entities(case: Case) -> Answer:
    """The crate names every file and source table, each as it is, and the run's own date."""
    entities = {str(each["@id"]): each for each in case.json(CRATE)["@graph"]}
    run = entities.get(ROOT)
    if run is None:
        return found([f"{CRATE}: no entity {ROOT}, the run"], "")
    faults = [*_run_faults(case, run), *_file_faults(case, run, entities)]
    faults += _source_faults(case, run, entities)
    figures = {"entities": len(entities), "sources": len(case.pack.sources)}
    return found(faults, "files and sources are described as they are", figures=figures)


def _run_faults(case: Case, run: Mapping[str, Any]) -> Iterator[str]:
    """What is said of the run itself: its name, its date, its licence."""
    manifest = case.manifest
    for key in ("country_name", "run_id"):
        if str(manifest[key]) not in str(run.get("name")):
            yield f"{CRATE}: name {run.get('name')!r} is without {manifest[key]}"
    finished = manifest["times"]["finished"]
    if run.get("datePublished") != finished:
        yield f"{CRATE}: datePublished {run.get('datePublished')}, finished {finished}"
    licence = str(run.get("license") or "").strip()
    internal = case.json("privacy_report.json")["release_mode"] == "internal"
    if not licence:
        yield f"{CRATE}: the run has no license"
    elif internal and NOT_RELEASED not in licence:
        yield f"{CRATE}: license {licence!r} of a run that is not for release"


def _file_faults(
    case: Case, run: Mapping[str, Any], entities: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Files that are not there, not listed as parts, or not described."""
    there = {
        path.relative_to(case.folder).as_posix()
        for path in case.folder.rglob("*")
        if path.is_file() and path != case.folder / CRATE
    }
    parts = {str(each["@id"]) for each in run.get("hasPart") or ()}
    described = {name for name, each in entities.items() if each.get("@type") == "File"}
    for name in sorted(parts - there):
        yield f"{name}: a part of the crate, but absent"
    for name in sorted(there - parts):
        yield f"{name}: in the folder, but no part of the crate"
    for name in sorted(parts ^ described):
        yield f"{name}: {'a part without' if name in parts else 'no part, but with'} an entity"


def _source_faults(
    case: Case, run: Mapping[str, Any], entities: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Source tables that are left out, added, or described otherwise than in the pack."""
    wanted = {f"#{name}": source.entry for name, source in case.pack.sources.items()}
    based = {str(each["@id"]) for each in run.get("isBasedOn") or ()}
    told = {name for name in entities if name.startswith("#")}
    for place, names in (("isBasedOn", based), ("the graph", told)):
        for name in sorted(names ^ wanted.keys()):
            where = "in the pack alone" if name in wanted else "not in the pack"
            yield f"{CRATE}: {name} of {place}: {where}"
    for name in sorted(wanted.keys() & told):
        for key, own in SOURCE.items():
            said, declared = entities[name].get(key), wanted[name].get(own)
            if str(said) != str(declared):
                yield f"{CRATE}: {name}: {key} {said!r}, in pack/sources.yaml {declared!r}"
