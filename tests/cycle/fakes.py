"""A country whose reviews are scripted: runs of a few files, so that processes are tried fast."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthestat.bundle.manifest import run_id
from synthestat.cycle.workers import Tools
from synthestat.errors import BlockedError
from synthestat.packs.pack import find_pack, read_pack

Said = Mapping[str, Any]


def verdict(
    name: str, *checks: str, gaps: Mapping[str, float] | None = None, rule: str = "a_rule"
) -> dict[str, Any]:
    """What a scripted review says."""
    return {"verdict": name, "rule": rule, "checks": checks, "gaps": dict(gaps or {"truth": 50.0})}


class Scripted:
    """Builds and reviews by a script: `said(pack, seed)` gives the verdict of a run.

    `built` and `reviewed` list what was done.
    """

    def __init__(self, said: Callable[[Path, int], Said], blocked: Sequence[int] = ()) -> None:
        self.said = said
        self.blocked = list(blocked)
        self.built: list[str] = []
        self.reviewed: list[str] = []
        self.packs: dict[str, tuple[Path, int]] = {}

    @property
    def tools(self) -> Tools:
        return Tools(self.build, self.review)

    def build(self, pack: Path, seed: int, out: Path, _tell: Any) -> Path:
        identity = run_id(find_pack(str(pack)), seed)
        folder = out / identity.partition("_")[0].upper() / identity
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.built.append(identity)
        if len(self.built) in self.blocked:
            conflict = {"reason": "they contradict", "cells": ["one: 1", "two: 2"], "remedy": ""}
            record = {"run_id": identity, "relaxations": [], "conflicts": [conflict]}
            folder.with_name(f"{identity}.blocked.json").write_text(json.dumps(record))
            raise BlockedError("they contradict", faults=["one: 1", "two: 2"])
        folder.mkdir(exist_ok=True)
        manifest = {
            "run_id": identity,
            "pack_digest": read_pack(pack).digest,
            "snapshots": {},
            "options": {},
            "engine": {"source_digest": "e"},
            "seed": seed,
        }
        (folder / "build_manifest.json").write_text(json.dumps(manifest))
        (folder / "checksums.sha256").write_text(f"{identity} {len(self.built)}\n")
        self.packs[identity] = (pack, seed)
        return folder

    def review(self, run: Path, _snapshots: Path) -> None:
        said = self.said(*self.packs.get(run.name, (run, 0)))
        self.reviewed.append(run.name)
        write_review(run, said)


def write_review(run: Path, said: Said) -> Path:
    """Write the record of a scripted review beside a run."""
    document = {
        "run_id": run.name,
        "bundle_digest": hashlib.sha256((run / "checksums.sha256").read_bytes()).hexdigest(),
        "verdict": said["verdict"],
        "rule": said["rule"],
        "because": "the script says so",
        "confidence": {"value": 0.5},
        "claims_false": False,
        "rubric": [{"id": need, "gap": gap} for need, gap in said["gaps"].items()],
        "findings": {"blocking": [finding(check, said) for check in said["checks"]]},
    }
    path = run.with_name(f"{run.name}.review.json")
    path.write_text(json.dumps(document))
    return path


def finding(check: str, said: Said) -> dict[str, Any]:
    """A finding; of `missing_layers` with its witness."""
    layer = {
        "layer": "synthetic_dwellings",
        "evidence_needed": ["dwellings by zone"],
        "looked_in": ["tables frozen in this pack"],
        "places_left": ["statistical office"],
    }
    layers = [{"kind": "missing_layers", "layers": [layer]}] if check == "missing_layers" else []
    return {
        "check": check,
        "family": "a family",
        "rule": said["rule"],
        "notes": f"{check} says so",
        "remedy": "mend it",
        "roles": ["modeler"],
        "rows": [f"a row of {check}"],
        "figures": {},
        "witnesses": layers,
    }
