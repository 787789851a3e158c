"""What came of a task, taken from the files and never from a worker's word.

A builder gives the id of a run, a reviewer nothing: the rest is read from the run's manifest and
from the record that `synthestat review` wrote beside it, and must be about the run that lies there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthestat.bundle.read import open_bundle, read_json
from synthestat.cycle.process import process
from synthestat.cycle.schema import canonical
from synthestat.cycle.values import Cycle, Status, Task
from synthestat.errors import BundleError, ConflictError, InputError
from synthestat.packs.pack import CountryPack, find_pack, read_pack
from synthestat.packs.targets import soft_targets

CHECKSUMS = "checksums.sha256"
BUILDS = {"build": "review", "rebuild": "review", "twin_build": "twin_review"}
"""Kinds of tasks that build, and the kind that reviews what they built."""
ROWS = 20  # rows of a finding that a task keeps; the record beside the run has all of them


def run_folder(out: Path, run_id: str) -> Path:
    """Return where a run lies below a folder of runs; BundleError where the id is none."""
    country = run_id.partition("_")[0].upper()
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,199}", run_id):
        raise BundleError(f"{run_id!r} is no id of a run")
    return out / country / run_id


def completed(
    task: Task, cycle: Cycle | None, tasks: Sequence[Task], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the result of a task whose worker gave `given`; `tasks` are those of its cycle.

    Raises ConflictError or BundleError where the files do not bear it out, PackError where a pack
    that it names is none.
    """
    if cycle is None:
        return dict(given)
    out = Path(cycle.options["out"])
    if task.kind in BUILDS.values():
        return _reviewed(out, task, tasks)
    brought = _brought(out, given)
    if task.kind in BUILDS:
        pack = find_pack(brought.get("pack") or pack_before(cycle, tasks, task.id))
        return {**_built(out, given, pack), **brought}
    return {**given, **brought}


def pack_before(cycle: Cycle, tasks: Sequence[Task], task_id: int) -> str:
    """Return the pack (name or folder) that holds before a task: the last one made in its cycle."""
    made = [
        str(task.result["pack"])
        for task in tasks
        if task.id < task_id and task.status is Status.DONE and "pack" in task.result
    ]
    return made[-1] if made else str(cycle.options["pack"])


def _brought(out: Path, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the pack that a result names, if it came in by the door; {} where it names none."""
    if "pack" not in given:
        return {}
    folder = Path(str(given["pack"])).resolve()
    if not folder.is_relative_to((out / "cycles").resolve()):
        raise ConflictError(
            f"{folder} is not a pack that was taken in",
            remedy="bring the files with the task: they are checked, and the answer names it",
        )
    return {"pack": str(folder), "pack_digest": read_pack(folder).digest}


def _built(out: Path, given: Mapping[str, Any], pack: CountryPack) -> dict[str, Any]:
    run_id = str(given.get("run_id", ""))
    folder = run_folder(out, run_id)
    if given.get("blocked"):
        record = read_json(folder.with_name(f"{run_id}.blocked.json"))
        (conflict,) = record["conflicts"]
        gap = {
            "name": "figures that do not contradict each other",
            "kind": "research_marginals",
            "rows": list(conflict["cells"])[:ROWS],
        }
        said = {"blocked": True, "when": conflict["reason"], "missing": [gap]}
        return {"run_id": run_id, "inputs": f"blocked {run_id}", **said}
    manifest = open_bundle(folder).manifest
    if manifest.get("run_id") != run_id:
        raise BundleError(f"{folder} is the run {manifest.get('run_id')}, not {run_id}")
    if manifest["pack_digest"] != pack.digest:
        raise ConflictError(
            f"{run_id} was built from another pack than the cycle's",
            remedy=f"build {pack.folder}, or bring your changes of it with the task",
        )
    return {"run_id": run_id, "inputs": inputs_digest(manifest)}


def inputs_digest(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a run was made from but for its seed: pack, sources, engine."""
    names = ("pack_digest", "snapshots", "options")
    parts = [manifest[name] for name in names] + [manifest["engine"]["source_digest"]]
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def built_in(task: Task, tasks: Sequence[Task]) -> Task:
    """Return the build that a review is about: the last one done in its round."""
    kinds = [kind for kind, review in BUILDS.items() if review == task.kind]
    own = [t for t in tasks if t.round == task.round and t.kind in kinds]
    done = [t for t in own if t.status is Status.DONE and not t.result.get("blocked")]
    if not done:
        raise ConflictError(f"task {task.id} has no build to review")
    return done[-1]


def _reviewed(out: Path, task: Task, tasks: Sequence[Task]) -> dict[str, Any]:
    build = built_in(task, tasks)
    run_id = str(build.result["run_id"])
    folder = run_folder(out, run_id)
    path = folder.with_name(f"{run_id}.review.json")
    said = read_json(path)
    sums = folder / CHECKSUMS
    sealed = hashlib.sha256(sums.read_bytes()).hexdigest() if sums.is_file() else None
    if (said.get("run_id"), said.get("bundle_digest")) != (run_id, sealed):
        raise ConflictError(
            f"{path.name} is not about the run as it lies there",
            remedy=f"synthestat review {folder}",
        )
    if said["verdict"] not in process()["branches"]:
        raise BundleError(f"{path.name}: {said['verdict']!r} is no verdict")
    blocking = said["findings"]["blocking"]
    kept = ("check", "family", "rule", "notes", "remedy", "roles")
    return {
        "run_id": run_id,
        "bundle_digest": sealed,
        "inputs": build.result["inputs"],
        "verdict": said["verdict"],
        "rule": said["rule"],
        "when": said["because"],
        "confidence": said["confidence"]["value"],
        "claims_false": said["claims_false"],
        "blocking": [{**{k: f[k] for k in kept}, "rows": f["rows"][:ROWS]} for f in blocking],
        "gaps": {need["id"]: need["gap"] for need in said["rubric"]} | _misses(folder, blocking),
        "missing": missing(blocking, said["rule"]),
    }


def _misses(folder: Path, findings: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return by how many tolerances each soft target of a run is missed beyond its tolerance.

    0 where it is met; {} where the review found none missed, or they cannot be read.
    """
    found = [f["figures"] for f in findings if f["check"] == "soft_targets"]
    seen: Mapping[str, float] = found[0] if found else {}
    if not seen:
        return {}
    try:
        targets = soft_targets(read_pack(folder / "pack").priors)
    except InputError:
        return {}
    return {
        f"target {target.id}": max(
            abs(seen[target.id] - target.value) / target.tolerance - 1.0, 0.0
        )
        for target in targets
        if target.id in seen
    }


def missing(findings: Sequence[Mapping[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Return the gaps of evidence among findings: layers, wide intervals, and what sources say.

    Each has the fields of `process.Gap`. Findings of other rules than the verdict's lead to no task
    unless they name what is missing.
    """
    gaps: list[dict[str, Any]] = []
    for finding in findings:
        for witness in finding["witnesses"]:
            if witness["kind"] == "missing_layers":
                gaps += [_layer(layer) for layer in witness["layers"]]
            elif witness["kind"] == "wide_intervals":
                gaps += _widths(witness["rows"])
        if finding["rule"] == rule and rule in ("sources_false", "hard_conflict"):
            rows = [str(row) for row in finding["rows"][:ROWS]]
            name = f"a sound source where {finding['check']} failed"
            gaps.append({"name": name, "kind": "research_marginals", "rows": rows})
    return gaps


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": str(layer["layer"]),
        "kind": "research_marginals",
        "needed": list(layer["evidence_needed"]),
        "looked_in": list(layer["looked_in"]),
        "places_left": list(layer["places_left"]),
    }


def _widths(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one gap a quantity, with its widest intervals."""
    by_quantity: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_quantity.setdefault(str(row["quantity"]), []).append(row)
    return [
        {
            "name": quantity,
            "kind": "research_distributions",
            "needed": [f"a table of {quantity} from which it can be measured or learnt"],
            "places_left": list(of[0]["places_left"]),
            "rows": [
                f"{row['universe']} {row['category']}: {row['low']:,.0f} to {row['high']:,.0f} "
                f"around {row['estimate']:,.0f}"
                for row in of
            ],
        }
        for quantity, of in by_quantity.items()
    ]
