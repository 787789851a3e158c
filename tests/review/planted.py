"""A kit for planting defects: copy a good run, change its files, and seal it again.

A sealed copy has true checksums and table digests, so that only the planted claim is false and
the check that recomputes this claim must find it. Nothing here knows a country: rows are chosen
by what they are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from synthestat.packs.pack import _digest as pack_digest
from synthestat.sources.jsonstat import read_jsonstat
from synthestat.sources.snapshots import SnapshotStore
from synthestat.tables import content_digest

PERSONS = "synthetic_persons"
HOUSEHOLDS = "synthetic_households"
DWELLINGS = "synthetic_dwellings"
RESIDUALS = "constraint_residuals"
INTERVALS = "uncertainty"
MANIFEST = "build_manifest.json"
RELAXED = "relaxations.json"
PROVENANCE = "source_provenance.json"
TIERS = "geography_quality_tiers.json"
NOTES = "model_notes.md"

Edit = Callable[[Any], Any]
DEFECTS: list[Any] = []
"""(finding, id of the check that must find it, function that plants it), as pytest parameters."""


class PlantedRun:
    """A copy of a run and of its snapshots, to be damaged."""

    def __init__(self, run: Path, snapshots: SnapshotStore, below: Path) -> None:
        self.folder = Path(shutil.copytree(run, below / "run"))
        frozen = below / "snapshots"
        frozen.mkdir()
        for each in snapshots.folders:
            for file in each.glob("*.json"):
                shutil.copy(file, frozen)
        self.identifies = True  # a changed pack gets a digest and a run id of its own
        self.snapshots = SnapshotStore(frozen)

    def path(self, file: str) -> Path:
        return self.folder / file

    # Tables

    def table(self, name: str) -> pl.DataFrame:
        """A table with its coded columns as plain text, so that any word can be planted."""
        return pl.read_parquet(self.path(f"{name}.parquet")).with_columns(
            pl.col(pl.Enum, pl.Categorical).cast(pl.String)
        )

    def write(self, name: str, table: pl.DataFrame, said: dict[str, Any] | None = None) -> None:
        """Write a table with the metadata it had, or with other."""
        path = self.path(f"{name}.parquet")
        metadata = None if said is None else {"synthestat": json.dumps(said)}
        table.write_parquet(path, metadata=metadata or self._metadata_text(name))

    def change(self, name: str, edit: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Write a table as `edit` returns it."""
        self.write(name, edit(self.table(name)))

    def put(self, name: str, key: str, ids: object, **values: object) -> None:
        """Set columns to a value (or expression) in the rows whose `key` is one of `ids`."""
        wanted = ids if isinstance(ids, list) else [ids]
        chosen = pl.col(key).is_in(wanted)
        self.change(
            name,
            lambda table: table.with_columns(
                pl.when(chosen)
                .then(value if isinstance(value, pl.Expr) else pl.lit(value))
                .otherwise(pl.col(column))
                .cast(table.schema[column])
                .alias(column)
                for column, value in values.items()
            ),
        )

    def said(self, name: str) -> dict[str, Any]:
        """What a table's metadata says under `synthestat`."""
        text = self._metadata_text(name)
        return dict(json.loads(text["synthestat"])) if text else {}

    def _metadata_text(self, name: str) -> dict[str, str] | None:
        metadata = pq.ParquetFile(self.path(f"{name}.parquet")).metadata.metadata or {}
        text = metadata.get(b"synthestat")
        return None if text is None else {"synthestat": text.decode()}

    def homes(self) -> pl.DataFrame:
        """Households of the published universe that are private and have a dwelling."""
        homes = self.table(HOUSEHOLDS)
        return homes.filter((pl.col("kind") == "private") & pl.col("dwelling_id").is_not_null())

    def members(self, household: int) -> pl.DataFrame:
        """The persons of one household."""
        return self.table(PERSONS).filter(pl.col("household_id") == household)

    def homes_of(self, *types: str, least: int = 1) -> list[dict[str, Any]]:
        """Private households with a dwelling, of some types and a least size."""
        homes = self.homes().filter(pl.col("size") >= least)
        chosen = homes.filter(pl.col("household_type").is_in(types)) if types else homes
        assert len(chosen), f"no household of type {types}"
        return list(chosen.to_dicts())

    def first(self, name: str, *conditions: Any) -> dict[str, Any]:
        """The first row of a table that meets the conditions."""
        chosen = self.table(name).filter(*conditions)
        assert len(chosen), "no such row"
        return dict(chosen.row(0, named=True))

    def controls(self) -> list[dict[str, Any]]:
        """The controls of the pack in the bundle, read plainly."""
        text = self.path("pack/controls.yaml").read_text(encoding="utf-8")
        return list(YAML(typ="safe", pure=True).load(text)["controls"])

    def demote(self, control: str, level: str) -> None:
        """Call a control by another level in the pack, the manifest and the residuals alike."""
        entry = next(each for each in self.controls() if each["id"] == control)
        head = f"  - id: {control}\n"

        def relabel(text: str) -> str:
            before, after = text.split(head)
            return before + head + after.replace(f"level: {entry['level']}", f"level: {level}", 1)

        def move(manifest: dict[str, Any]) -> None:
            manifest["constraints_used"][entry["level"]].remove(control)
            manifest["constraints_used"][level].append(control)

        self.edit_text("pack/controls.yaml", relabel)
        self.edit_json(MANIFEST, move)
        loose = {} if level in ("HARD", "FIRM", "SOFT") else {"status": "SKIP"}
        self.put(RESIDUALS, "control_id", control, level=level, **loose)

    def universes(self) -> tuple[str, str, str]:
        """The universe of the published households, another one, and the widest."""
        published = str(self.homes()["universe"][0])
        other = self.first(HOUSEHOLDS, pl.col("universe") != published)["universe"]
        nested = self.read_json(MANIFEST)["universes"]
        return published, str(other), str(max(nested, key=lambda name: len(nested[name])))

    # Documents

    def edit_json(self, file: str, edit: Edit) -> None:
        """Let `edit` change a JSON file's document in place."""
        document = json.loads(self.path(file).read_text(encoding="utf-8"))
        edit(document)
        self.path(file).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")

    def read_json(self, file: str) -> Any:
        return json.loads(self.path(file).read_text(encoding="utf-8"))

    def edit_text(self, file: str, edit: Callable[[str], str]) -> None:
        before = self.path(file).read_text(encoding="utf-8")
        after = edit(before)
        assert after != before, f"nothing changed in {file}"
        self.path(file).write_text(after, encoding="utf-8")

    # Snapshots and seals

    def refreeze(self, table: str, edit: Edit) -> None:
        """Freeze a table anew with other figures, and record its new hash and counts everywhere."""
        old = self.read_json(MANIFEST)["snapshots"][table]
        document = json.loads(self.snapshots.read(old))
        edit(document)
        content = json.dumps(document, ensure_ascii=False).encode()
        new = self.snapshots.put(content)
        figures = read_jsonstat(content, name=table, symbols={":": "missing", "c": "suppressed"})
        for file in (MANIFEST, PROVENANCE, "pack/sources.yaml"):
            self.edit_text(file, lambda text: text.replace(old, new))

        def recount(provenance: dict[str, Any]) -> None:
            entry = next(each for each in provenance["tables"] if each["id"] == table)
            numbers = figures.values[figures.values == figures.values]
            entry |= {"bytes": len(content), "numeric_sum": float(numbers.sum())}
            entry["symbols"]["zero"] = int((numbers == 0).sum())

        self.edit_json(PROVENANCE, recount)

    def seal(self, *, identity: bool = True) -> None:
        """Make the table digests of the manifest and the checksums true.

        A pack that was changed gets its digest, and the run the id that follows, unless `identity`
        is False: then the pack was changed after the build.
        """
        if identity:
            self._identify()

        def digest(manifest: dict[str, Any]) -> None:
            for layer in list(manifest["table_digests"]):
                path = self.path(f"{layer}.parquet")
                if path.is_file():
                    manifest["table_digests"][layer] = content_digest(pl.read_parquet(path))
                else:
                    del manifest["table_digests"][layer]

        self.edit_json(MANIFEST, digest)
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  "
            f"{path.relative_to(self.folder).as_posix()}\n"
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != "checksums.sha256"
        ]
        self.path("checksums.sha256").write_text("".join(lines), encoding="utf-8")

    def _identify(self) -> None:
        if not self.identifies:
            return
        try:
            manifest = self.read_json(MANIFEST)
            engine, order = (
                manifest["engine"],
                YAML(typ="safe", pure=True).load(
                    self.path("pack/sources.yaml").read_text(encoding="utf-8")
                ),
            )
        except (OSError, ValueError, KeyError):
            return
        pack = pack_digest(self.path("pack"))
        if pack == manifest["pack_digest"]:
            return
        whole = hashlib.sha256()
        options = [f"{name}={value}" for name, value in manifest["options"].items()]
        parts = (pack, engine["version"], engine["source_digest"], f"seed={manifest['seed']}")
        for part in (*parts, *options):
            whole.update(part.encode() + b"\x1f")
        for source in order["tables"]:
            whole.update(manifest["snapshots"][source["id"]].encode())
        old = manifest["run_id"]
        head, _, tail = old.rpartition("_seed")
        new = f"{head.rpartition('_')[0]}_{whole.hexdigest()[:8]}_seed{tail}"
        for path in (*self.folder.glob("*.json"), self.path(NOTES)):
            text = path.read_text(encoding="utf-8").replace(old, new)
            path.write_text(text.replace(manifest["pack_digest"], pack), encoding="utf-8")
        for path in self.folder.rglob("*.parquet"):
            name = path.relative_to(self.folder).with_suffix("").as_posix()
            said = self.said(name)
            if said.get("run_id") == old:
                self.write(name, pl.read_parquet(path), said | {"run_id": new})


def defect(finding: int, check: str) -> Callable[[Edit], Edit]:
    """Register a function that plants a defect which the check with this id must find."""

    def register(plant: Edit) -> Edit:
        name = f"{finding:02d}-{plant.__name__.removeprefix('plant_')}"
        DEFECTS.append(pytest.param(finding, check, plant, id=name))
        return plant

    return register
