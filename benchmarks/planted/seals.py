"""Sealing a damaged run: digests of what changed, checksums, its id, its crate; freezing anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planted.kinds import NotApplicable
from planted.kit import CONTROLS, CRATE, MANIFEST, NOTES, PROVENANCE, RESIDUALS, SOURCES
from synthestat.packs.pack import _digest as pack_digest
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.tables import content_digest

if TYPE_CHECKING:
    from planted.kit import Edit, PlantedRun

CHECKSUMS = "checksums.sha256"


def seal(run: PlantedRun, *, identity: bool = True) -> None:
    """Make the table digests of the manifest and the checksums true, where files changed.

    A pack that was changed gets its digest, and the run the id that follows, unless `identity`
    is False: then the pack was changed after the build.
    """
    if identity:
        _identify(run)
    manifest = run.read_json(MANIFEST)
    before = dict(manifest["table_digests"])
    for layer in before:
        path = run.path(f"{layer}.parquet")
        if not path.is_file():
            del manifest["table_digests"][layer]
        elif not run.untouched(path) and layer not in run.relabelled:
            manifest["table_digests"][layer] = content_digest(run.table(layer))
    if manifest["table_digests"] != before:
        run.edit_json(MANIFEST, lambda m: m.update(table_digests=manifest["table_digests"]))
    _describe(run)
    listed = _listed(run)
    lines = []
    for path in sorted(run.folder.rglob("*")):
        name = path.relative_to(run.folder).as_posix()
        if path.is_file() and path.name != CHECKSUMS:
            known = listed.get(name) if run.untouched(path) else None
            lines.append(f"{known or hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
    run.put_bytes(CHECKSUMS, "".join(lines).encode())


def _describe(run: PlantedRun) -> None:
    """Let the crate know of files that were added or taken away."""
    there, was = (
        {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
        for place in (run.folder, run.origin)
    )
    if there == was or CRATE not in there:
        return

    def edit(crate: dict[str, Any]) -> None:
        of_run = next(each for each in crate["@graph"] if each["@id"] == "./")
        for listed in (of_run["hasPart"], crate["@graph"]):
            listed[:] = [each for each in listed if each["@id"] not in was - there]
        for name in sorted(there - was):
            of_run["hasPart"].append({"@id": name})
            crate["@graph"].append({"@id": name, "@type": "File", "name": name})

    run.edit_json(CRATE, edit)


def _listed(run: PlantedRun) -> dict[str, str]:
    """The good run's checksums by file, none where it has no list."""
    path = run.origin / CHECKSUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def _identify(run: PlantedRun) -> None:
    """Give a changed pack its digest, and the run the id that follows, in every file."""
    files = [path for path in run.path("pack").rglob("*") if path.is_file()]
    was = [path for path in (run.origin / "pack").rglob("*") if path.is_file()]
    if len(files) == len(was) and all(run.untouched(path) for path in files):
        return
    try:
        manifest = run.read_json(MANIFEST)
        order = run.pack("sources.yaml")
        engine, old = manifest["engine"], str(manifest["run_id"])
        head, _, tail = old.rpartition("_seed")
    except (OSError, ValueError, KeyError):
        return
    pack = pack_digest(run.path("pack"))
    if pack == manifest["pack_digest"]:
        return
    whole = hashlib.sha256()
    options = [f"{name}={value}" for name, value in manifest["options"].items()]
    parts = (pack, engine["version"], engine["source_digest"], f"seed={manifest['seed']}")
    for part in (*parts, *options):
        whole.update(part.encode() + b"\x1f")
    for source in order["tables"]:
        whole.update(manifest["snapshots"][source["id"]].encode())
    new = f"{head.rpartition('_')[0]}_{whole.hexdigest()[:8]}_seed{tail}"
    for path in (*run.folder.glob("*.json"), run.path(NOTES)):
        before = path.read_text(encoding="utf-8")
        after = before.replace(old, new).replace(manifest["pack_digest"], pack)
        if after != before:
            run.put_bytes(path.name, after.encode())
    for path in sorted(run.folder.rglob("*.parquet")):
        _rename(run, path, old, new)


def _rename(run: PlantedRun, path: Path, old: str, new: str) -> None:
    name = path.relative_to(run.folder).with_suffix("").as_posix()
    said = run.said(name)
    if said.get("run_id") == old:
        run.write(name, run.table(name), said | {"run_id": new})


def refreeze(run: PlantedRun, table: str, edit: Edit) -> None:
    """Freeze a table anew with other figures, and record its new hash and counts everywhere."""
    entry = next(each for each in run.pack("sources.yaml")["tables"] if each["id"] == table)
    old = run.read_json(MANIFEST)["snapshots"][table]
    document = json.loads(run.snapshots.read(old))
    edit(document)
    content = json.dumps(document, ensure_ascii=False).encode()
    new = run.snapshots.put(content)
    symbols = {":": "missing", "c": "suppressed"} | (entry.get("symbols") or {})
    figures = read_jsonstat(content, name=table, symbols=symbols)
    for file in (MANIFEST, PROVENANCE, SOURCES, CRATE):
        run.edit_text(file, lambda text: text.replace(old, new))

    def recount(provenance: dict[str, Any]) -> None:
        entry = next(each for each in provenance["tables"] if each["id"] == table)
        numbers = figures.values[figures.values == figures.values]
        entry |= {"bytes": len(content), "numeric_sum": float(numbers.sum())}
        entry["symbols"]["zero"] = int((numbers == 0).sum())

    run.edit_json(PROVENANCE, recount)


def demote(run: PlantedRun, control: str, level: str) -> None:
    """Call a control by another level in the pack, the manifest and the residuals alike."""
    entry = next(each for each in run.controls() if each["id"] == control)
    head = f"  - id: {control}\n"

    def relabel(text: str) -> str:
        before, after = text.split(head)
        return before + head + after.replace(f"level: {entry['level']}", f"level: {level}", 1)

    def move(manifest: dict[str, Any]) -> None:
        manifest["constraints_used"][entry["level"]].remove(control)
        manifest["constraints_used"][level].append(control)

    def use(provenance: dict[str, Any]) -> None:
        old, new = f"{control} ({entry['level']})", f"{control} ({level})"
        for table in provenance["tables"]:
            table["used_by"] = [new if each == old else each for each in table["used_by"]]

    run.edit_text(CONTROLS, relabel)
    run.edit_json(MANIFEST, move)
    run.edit_json(PROVENANCE, use)
    loose = {} if level in ("HARD", "FIRM", "SOFT") else {"status": "SKIP"}
    run.put(RESIDUALS, "control_id", control, level=level, **loose)


def cells_of(document: dict[str, Any]) -> list[int]:
    """Places of the cells of a frozen table that hold a number other than zero."""
    values = document["value"]
    if not isinstance(values, list):
        raise NotApplicable("the frozen table lists its cells by place")
    return [at for at, value in enumerate(values) if value]
