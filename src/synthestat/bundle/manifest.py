"""The manifest: what a run is, from what it was made, and what it claims."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from synthestat.packs.distributions import described
from synthestat.packs.pack import CountryPack
from synthestat.packs.spec import LEVELS_IN_DEVIATION
from synthestat.story import Population

TABLES = ("persons", "households", "dwellings")
DISTRIBUTION = ("id", "family", "type", "variant", "confidence", "evidence")
LIBRARIES = ("numpy", "scipy", "numba", "polars", "pyarrow")


@cache
def engine_digest() -> str:
    """Return the SHA-256 of the package's Python files: which engine made a run."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\x1f" + path.read_bytes())
    return digest.hexdigest()


def run_options(replicates: int) -> dict[str, int]:
    """Return the options of a run that change what it holds, none where all are the defaults."""
    return {"replicates": replicates} if replicates > 1 else {}


def run_id(pack: CountryPack, seed: int, replicates: int = 1) -> str:
    """Return `<cc>_<scope>_<8 hex>_seed<seed>`; equal inputs give an equal id.

    The hex digits digest the pack, the snapshot hashes, the engine and the options.
    """
    digest = hashlib.sha256()
    options = [f"{name}={value}" for name, value in run_options(replicates).items()]
    for part in (pack.digest, version("synthestat"), engine_digest(), f"seed={seed}", *options):
        digest.update(part.encode() + b"\x1f")
    for source in pack.sources.values():
        digest.update(source.sha256.encode())
    return f"{pack.code.lower()}_{pack.country.scope}_{digest.hexdigest()[:8]}_seed{seed}"


def targets(population: Population, *, dwellings: bool) -> dict[str, dict[str, int | None]]:
    """Return the official national figures that the run is to reach, None where unpublished.

    `dwellings` tells whether a table counts them.
    """
    zones = population.controls.zones
    published = population.controls.published.tables.values()
    buildings = next((t for t in published if t.spec.counts == "buildings"), None)
    root = population.pack.geography.root.code
    return {
        "persons": {
            **{u: sum(z.residents.get(u, 0) for z in zones) for u in _atoms(population)},
            "all": sum(sum(z.residents.values()) for z in zones),
        },
        "households": {
            population.pack.country.household_universe: population.controls.national_households
        },
        "dwellings": {
            "all": sum(z.dwellings for z in zones) if dwellings else None,
            "vacant": sum(z.vacant for z in zones) if dwellings else None,
        },
        "buildings": {"all": None if buildings is None else buildings.total(root)},
    }


def _atoms(population: Population) -> list[str]:
    return list(dict.fromkeys(u for zone in population.controls.zones for u in zone.residents))


def coverage(population: Population, tables: Mapping[str, pl.DataFrame]) -> dict[str, object]:
    """Return what the written tables hold beside the targets."""
    persons, households, dwellings = (tables.get(n) for n in TABLES)
    assert persons is not None
    assert households is not None
    aim = targets(population, dwellings=dwellings is not None)
    built: dict[str, dict[str, int | None]] = {
        "persons": {**_by(persons, "universe"), "all": persons.height},
        "households": {**_by(households, "universe"), "all": households.height},
        "dwellings": {"all": None}
        if dwellings is None
        else {**_by(dwellings, "occupancy"), "all": dwellings.height},
        "buildings": {"all": None},
    }
    goal = aim["persons"]["all"] or 0
    return {
        "targets": aim,
        "built": built,
        "person_coverage": persons.height / goal if goal else None,
        "person_shortfall": goal - persons.height,
    }


def _by(table: pl.DataFrame, column: str) -> dict[str, int | None]:
    counted = table.group_by(pl.col(column).cast(pl.String)).len().sort(column)
    return {str(value): int(count) for value, count in counted.iter_rows()}


def build_manifest(
    population: Population,
    identity: str,
    times: Mapping[str, object],
    tables: Mapping[str, pl.DataFrame],
    digests: Mapping[str, str],
    layers: Mapping[str, str],
    options: Mapping[str, int],
) -> dict[str, object]:
    """Assemble the manifest; `digests` are content digests by table, `layers` evidence words."""
    pack = population.pack
    constraints = {
        level: [c.id for c in pack.controls if c.level == level]
        for level in (*LEVELS_IN_DEVIATION, "GUIDE", "INFORMATIONAL")
    }
    return {
        "country": pack.code,
        "country_name": pack.country.name,
        "edition": pack.country.edition,
        "scope": pack.country.scope,
        "reference_period": pack.country.reference_period,
        "run_id": identity,
        "notice": "SYNTHETIC: every record is invented",
        "times": dict(times),
        "engine": {
            "version": version("synthestat"),
            "source_digest": engine_digest(),
            "python": platform.python_version(),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        "seed": population.seed,
        "options": dict(options),
        "pack_digest": pack.digest,
        "snapshots": {source.id: source.sha256 for source in pack.sources.values()},
        "geography": {
            "level": pack.country.zone_level,
            "zones": [zone.code for zone in pack.geography.at(pack.country.zone_level)],
            "root": pack.geography.root.code,
        },
        "classifications": {k: list(v) for k, v in pack.country.classifications.items()},
        "universes": {name: list(pack.country.atoms(name)) for name in pack.country.universes},
        "household_universe": pack.country.household_universe,
        "coverage": coverage(population, tables),
        "constraints_used": constraints,
        "default_priors": [
            entry.id for entry in pack.priors.applying if entry not in pack.priors.entries
        ],
        "distributions_used": [
            {key: getattr(entry, key) for key in DISTRIBUTION}
            for entry in described(pack)
            if entry.status == "used"
        ],
        "constraints_relaxed": [r.id for r in population.controls.relaxations],
        "layers": dict(layers),
        "table_digests": dict(digests),
    }
