"""A kit for planting defects: copy a good run, change its files, and seal it again.

A sealed copy has true checksums and table digests, so that only the planted claim is false and
the check that recomputes this claim must find it. Nothing here knows a country: rows are chosen
by what they are. Files are replaced, never written through, so that a copy may be of links.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from planted.kinds import ONE, SHARES, ChangesNoClaim, NotApplicable
from synthestat.sources.snapshots import SnapshotStore

PERSONS = "synthetic_persons"
HOUSEHOLDS = "synthetic_households"
DWELLINGS = "synthetic_dwellings"
RESIDUALS = "constraint_residuals"
INTERVALS = "uncertainty"
MANIFEST = "build_manifest.json"
RELAXED = "relaxations.json"
PROVENANCE = "source_provenance.json"
SPREADS = "uncertainty_summary.json"
CRATE = "ro-crate-metadata.json"
TIERS = "geography_quality_tiers.json"
NOTES = "model_notes.md"
SUMMARY = "constraint_residuals.json"
DISTRIBUTIONS = "distribution_diagnostics.json"
HOUSEHOLD_FIGURES = "household_diagnostics.json"
DWELLING_FIGURES = "dwelling_building_diagnostics.json"
CONTROLS = "pack/controls.yaml"
SOURCES = "pack/sources.yaml"
PRIORS = "pack/priors.yaml"
STEP = 7919  # a prime: where the first damaged row lies under another seed

Edit = Callable[[Any], Any]
Item = TypeVar("Item")


class PlantedRun:
    """A copy of a run and of its snapshots, to be damaged.

    `severity` says how many of the rows at hand `take` and `pick` return, `seed` where they begin.
    With `linked` the files not changed are hard links to those of the good run.
    """

    def __init__(
        self,
        run: Path,
        snapshots: SnapshotStore,
        below: Path,
        *,
        severity: str = ONE,
        seed: int = 0,
        linked: bool = False,
    ) -> None:
        self.origin = Path(run)
        copy = _link if linked else shutil.copy2
        self.folder = Path(shutil.copytree(run, below / "run", copy_function=copy))
        frozen = below / "snapshots"
        frozen.mkdir()
        for each in snapshots.folders:
            for file in each.glob("*.json"):
                shutil.copy(file, frozen)
        self.frozen_in = snapshots.folders  # as the run was built; never written to
        self.snapshots = SnapshotStore(frozen)
        self.severity, self.seed = severity, seed
        self.identifies = True  # a changed pack gets a digest and a run id of its own
        self.altered: set[str] = set()  # files whose content is not what it was
        self.relabelled: set[str] = set()  # tables of which only the metadata changed
        self._written: dict[str, tuple[tuple[int, int], pl.DataFrame]] = {}

    # How much is damaged

    def places(self, eligible: int) -> list[int]:
        """Positions of the rows to damage, spread over all that could be.

        Raises NotApplicable where there are none, or too few for the severity to be one of its own.
        """
        if not eligible:
            raise NotApplicable("there is no such row")
        wanted = 1
        if self.severity in SHARES:
            share, least = SHARES[self.severity]
            wanted = max(least, math.ceil(share * eligible))
            if eligible < least:
                raise NotApplicable(f"there are {eligible} such rows, too few for {self.severity}")
        start = self.seed * STEP
        return [(start + at * eligible // wanted) % eligible for at in range(wanted)]

    def take(self, rows: pl.DataFrame) -> pl.DataFrame:
        """As many of the rows as the severity says."""
        return rows[self.places(len(rows))]

    def pick(self, listed: Sequence[Item]) -> list[Item]:
        """As many of the items as the severity says."""
        return [listed[at] for at in self.places(len(listed))]

    # Tables

    def path(self, file: str) -> Path:
        return self.folder / file

    def table(self, name: str) -> pl.DataFrame:
        """A table with its coded columns as plain text, so that any word can be planted."""
        path = self.path(f"{name}.parquet")
        if not path.is_file():
            raise NotApplicable(f"there is no {name}")
        own = self._written.get(name)
        if own is not None and own[0] == signature(path):
            return own[1]
        source = self.origin / f"{name}.parquet" if self.untouched(path) else path
        return _read_table(source, *signature(source))

    def people(self, *conditions: Any) -> pl.DataFrame:
        """Persons that meet the conditions."""
        return self.table(PERSONS).filter(*conditions)

    def write(self, name: str, table: pl.DataFrame, said: dict[str, Any] | None = None) -> None:
        """Write a table with the metadata it had, or with other."""
        path = self.path(f"{name}.parquet")
        before = self.said(name) if path.is_file() else None
        same = path.is_file() and table.equals(self.table(name))
        if not same or (said is not None and said != before):
            self.altered.add(path.name)
        if not same:
            self.relabelled.discard(name)
        elif self.untouched(path):
            self.relabelled.add(name)
        told = said if said is not None else before
        metadata = {"synthestat": json.dumps(told)} if told else None
        draft = path.with_name(f".{path.name}")
        table.write_parquet(draft, metadata=metadata, compression="lz4")
        os.replace(draft, path)
        self._written[name] = (signature(path), table)

    def change(self, name: str, edit: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Write a table as `edit` returns it."""
        self.write(name, edit(self.table(name)))

    def put(self, name: str, key: str, ids: object, **values: object) -> None:
        """Set columns to a value (or expression) in the rows whose `key` is one of `ids`."""
        wanted = pl.Series(ids if isinstance(ids, list | pl.Series) else [ids])
        chosen = pl.col(key).is_in(wanted.implode())
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

    def put_rows(self, name: str, key: str, rows: pl.DataFrame) -> None:
        """Set the other columns of `rows` in the rows of a table that have its `key`."""
        table = self.table(name)
        own = [column for column in rows.columns if column != key]
        told = rows.unique(key, keep="first", maintain_order=True).with_columns(
            pl.col(own).name.suffix("_new"), __new=pl.lit(True)
        )
        joined = table.join(told.drop(own), on=key, how="left", maintain_order="left").with_columns(
            pl.when("__new")
            .then(pl.col(f"{column}_new"))
            .otherwise(pl.col(column))
            .cast(table.schema[column])
            .alias(column)
            for column in own
        )
        self.write(name, joined.select(table.columns))

    def said(self, name: str) -> dict[str, Any]:
        """What a table's metadata says under `synthestat`."""
        metadata = pq.ParquetFile(self.path(f"{name}.parquet")).metadata.metadata or {}
        text = metadata.get(b"synthestat")
        return dict(json.loads(text)) if text else {}

    def say(self, name: str, edit: Callable[[dict[str, Any]], Any]) -> None:
        """Let `edit` change what a table's metadata says, in place."""
        said = self.said(name)
        edit(said)
        self.write(name, self.table(name), said)

    # What a run is of

    def homes(self) -> pl.DataFrame:
        """Private households of the universe that household tables describe."""
        published = self.country()["household_universe"]
        return self.table(HOUSEHOLDS).filter(
            pl.col("kind") == "private", pl.col("universe") == published
        )

    def homes_of(self, *types: str, least: int = 1) -> pl.DataFrame:
        """Those of some types and a least size. NotApplicable if there is none."""
        homes = self.homes().filter(pl.col("size") >= least)
        chosen = homes.filter(pl.col("household_type").is_in(types)) if types else homes
        if not len(chosen):
            raise NotApplicable(f"there is no household of type {', '.join(types)}")
        return chosen

    def housed(self) -> pl.DataFrame:
        """Homes that name their dwelling. NotApplicable if the run has no dwellings."""
        self.table(DWELLINGS)
        return self.homes().filter(pl.col("dwelling_id").is_not_null())

    def first(self, name: str, *conditions: Any) -> dict[str, Any]:
        """The first row of a table that meets the conditions. NotApplicable if none does."""
        chosen = self.table(name).filter(*conditions)
        if not len(chosen):
            raise NotApplicable(f"there is no such row in {name}")
        return dict(chosen.row(0, named=True))

    def pack(self, file: str) -> dict[str, Any]:
        """A YAML file of the pack in the bundle, read plainly."""
        text = self.path(f"pack/{file}").read_text(encoding="utf-8")
        return dict(YAML(typ="safe", pure=True).load(text))

    def country(self) -> dict[str, Any]:
        """country.yaml of the pack in the bundle."""
        return _country(self.path("pack/country.yaml").read_text(encoding="utf-8"))

    def controls(self) -> list[dict[str, Any]]:
        """The controls of the pack in the bundle."""
        return list(self.pack("controls.yaml")["controls"])

    def control(self, *levels: str) -> dict[str, Any]:
        """The first control of a level. NotApplicable if there is none."""
        for each in self.controls():
            if each["level"] in levels:
                return each
        raise NotApplicable(f"there is no control of level {', '.join(levels)}")

    def attribute(self, *keys: str) -> dict[str, Any]:
        """The first attribute of the pack with all these keys. NotApplicable if there is none."""
        for each in self.pack("attributes.yaml")["attributes"]:
            if all(each.get(key) for key in keys):
                return dict(each)
        raise NotApplicable(f"there is no attribute with {', '.join(keys)}")

    def universes(self) -> tuple[str, str, str]:
        """The universe of the published households, another private one, and the widest."""
        published = str(self.country()["household_universe"])
        others = self.table(HOUSEHOLDS).filter(
            pl.col("universe") != published, pl.col("kind") == "private"
        )
        if not len(others):
            raise NotApplicable("all private households are of one universe")
        return published, str(others["universe"][0]), self.whole()

    def whole(self) -> str:
        """The widest universe."""
        nested = self.read_json(MANIFEST)["universes"]
        return str(max(nested, key=lambda name: len(nested[name])))

    # Documents

    def read_json(self, file: str) -> Any:
        return json.loads(self.path(file).read_text(encoding="utf-8"))

    def edit_json(self, file: str, edit: Edit) -> None:
        """Let `edit` change a JSON file's document in place."""
        document, before = self.read_json(file), self.read_json(file)
        edit(document)
        if document != before:
            self.altered.add(file)
        self._replace(self.path(file), json.dumps(document, ensure_ascii=False).encode())

    def edit_text(self, file: str, edit: Callable[[str], str]) -> None:
        """Write a text as `edit` returns it. ChangesNoClaim if that is what it was."""
        before = self.path(file).read_text(encoding="utf-8")
        after = edit(before)
        if after == before:
            raise ChangesNoClaim(f"nothing changed in {file}")
        self.put_bytes(file, after.encode())

    def put_bytes(self, file: str, content: bytes) -> None:
        """Write a file's bytes."""
        path = self.path(file)
        if not path.is_file() or path.read_bytes() != content:
            self.altered.add(file)
        self._replace(path, content)

    def remove(self, file: str) -> None:
        """Take a file away."""
        self.path(file).unlink()
        self.altered.add(file)

    def _replace(self, path: Path, content: bytes) -> None:
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(content)
        os.replace(draft, path)

    def untouched(self, path: Path) -> bool:
        """Whether a file is the good run's, by its time of change and size."""
        source = self.origin / path.relative_to(self.folder)
        return source.is_file() and path.is_file() and signature(source) == signature(path)

    def restate(self) -> None:
        """Write every document of figures anew, so that only the tables can show the defect."""
        from planted.restating import restate

        restate(self)

    def seal(self, *, identity: bool = True) -> None:
        """Make digests, checksums and, unless `identity` is False, the run's id true."""
        from planted.seals import seal

        seal(self, identity=identity and self.identifies)


def signature(path: Path) -> tuple[int, int]:
    """A file's time of change (nanoseconds) and size: another after any write of ours."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


@lru_cache(maxsize=12)
def _read_table(path: Path, changed: int, size: int) -> pl.DataFrame:
    """A table as text; the same while the file has this time of change and this size."""
    assert signature(path) == (changed, size)
    return pl.read_parquet(path, memory_map=False).with_columns(
        pl.col(pl.Enum, pl.Categorical).cast(pl.String)
    )


@lru_cache(maxsize=12)
def _country(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))
