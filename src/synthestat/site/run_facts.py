"""What a run page states in words and figures, read from the files of one bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from synthestat.bundle.read import Bundle
from synthestat.errors import BundleError, PackError
from synthestat.packs.geography import Zone, read_geography
from synthestat.site import population_tables
from synthestat.site.pack_words import PackWords, read_words
from synthestat.site.zone_map import ZoneFigures

LEVELS = ("HARD", "FIRM", "SOFT", "GUIDE", "INFORMATIONAL")
STATUSES = ("PASS", "WARN", "FAIL", "SKIP")
MOST_RESIDUALS = 1_000  # rows listed on the page; the Parquet file has all of them


@dataclass(frozen=True)
class Run:
    """A bundle with what several sections of its page need."""

    bundle: Bundle
    words: PackWords
    zones: dict[str, Zone]
    residuals: pl.DataFrame

    @property
    def manifest(self) -> dict[str, Any]:
        """The bundle's manifest."""
        return self.bundle.manifest

    @property
    def root(self) -> str:
        """Code of the whole country's zone."""
        return str(self.manifest["geography"]["root"])

    def atoms(self, universe: str) -> list[str]:
        """Return the universes of the tables' rows that make up `universe`."""
        return list(self.manifest.get("universes", {}).get(universe, [universe]))

    def household_atoms(self) -> list[str]:
        """Return the universes that the published household counts describe."""
        targets = [
            u for u in self.manifest["coverage"]["targets"].get("households", {}) if u != "all"
        ]
        universe = self.words.household_universe or (targets[0] if targets else None)
        if universe is None:
            return [
                u for u in self.manifest["coverage"]["built"].get("households", {}) if u != "all"
            ]
        return self.atoms(universe)

    def zone_name(self, code: str) -> str:
        """Return a zone's name, or its code where the geography does not know it."""
        return self.zones[code].name if code in self.zones else code

    def has(self, table: str) -> bool:
        """Whether the bundle holds this table."""
        return self.bundle.table(table).is_file()

    def optional(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the bundle; empty where the bundle has none."""
        return self.bundle.json(name) if self.bundle.path(name).is_file() else {}


def read_run(bundle: Bundle) -> Run:
    """Read what the page's sections share; BundleError where a needed file cannot be used."""
    missing = [
        k for k in ("geography", "coverage", "layers", "country") if k not in bundle.manifest
    ]
    if missing:
        raise BundleError(f"build_manifest.json has no {', '.join(missing)}")
    residuals = bundle.table("constraint_residuals")
    if not residuals.is_file():
        raise BundleError(f"constraint_residuals.parquet is absent from {bundle.folder}")
    try:
        zones = read_geography(bundle.path("pack/geography.csv")).zones
    except PackError as error:
        raise BundleError(
            "the zones of the bundle's pack/geography.csv cannot be read",
            faults=error.faults or [error.message],
        ) from None
    return Run(bundle, read_words(bundle.path("pack")), zones, pl.read_parquet(residuals))


def coverage(run: Run) -> dict[str, dict[str, Any]]:
    """Return target, built and parts of persons, households, dwellings and buildings.

    `published` pairs each universe that has a target with what is built of it; `others` are the
    built parts that no published count describes.
    """
    found: dict[str, dict[str, Any]] = {}
    for counts in ("persons", "households", "dwellings", "buildings"):
        target = run.manifest["coverage"]["targets"].get(counts, {})
        built = run.manifest["coverage"]["built"].get(counts, {})
        found[counts] = {
            "target": target.get("all"),
            "built": built.get("all"),
            "published": [
                (part, target[part], built.get(part)) for part in target if part != "all"
            ],
            "others": [
                (part, built[part]) for part in built if part not in target and part != "all"
            ],
        }
    return found


def judgement(run: Run) -> dict[str, Any]:
    """Return how the rows of the constraint table fare: HARD rows, deviation, level x status."""
    rows = run.residuals
    hard = rows.filter(pl.col("level") == "HARD")
    judged = hard.filter(pl.col("status") != "SKIP")
    counted = {
        (level, status): count
        for level, status, count in rows.group_by("level", "status").agg(pl.len()).iter_rows()
    }
    levels = [level for level in LEVELS if any(key[0] == level for key in counted)]
    return {
        "hard_rows": judged.height,
        "hard_exact": judged.filter(pl.col("residual") == 0).height,
        "hard_without_figure": hard.height - judged.height,
        "deviation": run.optional("constraint_residuals.json").get("max_marginal_deviation"),
        "on_zero": run.optional("constraint_residuals.json").get("max_absolute_on_zero_targets"),
        "table": [(level, [counted.get((level, s), 0) for s in STATUSES]) for level in levels],
        "statuses": STATUSES,
        "rows": rows.height,
    }


def controls(run: Run) -> list[dict[str, Any]]:
    """Return one row per control: level, rows, exact, largest residual and relative error."""
    table = run.residuals.group_by("control_id", "family", "level", "universe").agg(
        rows=(pl.col("status") != "SKIP").sum(),
        without_figure=(pl.col("status") == "SKIP").sum(),
        exact=((pl.col("status") != "SKIP") & (pl.col("residual") == 0)).sum(),
        largest=pl.col("residual").filter(pl.col("status") != "SKIP").abs().max(),
        relative=pl.col("relative_error").filter(pl.col("status") != "SKIP").abs().max(),
    )
    place = {level: number for number, level in enumerate(LEVELS)}
    ordered = sorted(table.to_dicts(), key=lambda r: (place.get(r["level"], 9), r["control_id"]))
    words = run.words.controls
    return [{**row, "label": words.get(row["control_id"], row["control_id"])} for row in ordered]


def differences(run: Run) -> dict[str, Any]:
    """Return the judged rows that are not exact, largest error first, with their proofs."""
    proofs = {
        str(entry.get("id")): entry
        for entry in run.optional("relaxations.json").get("relaxations", [])
    }
    rows = run.residuals.filter((pl.col("status") != "SKIP") & (pl.col("residual") != 0)).sort(
        pl.col("relative_error").abs(), descending=True, nulls_last=True
    )
    listed = [
        {
            **row,
            "zone_name": run.zone_name(row["zone"]),
            "relaxation": proofs.get(str(row["relaxation_id"])),
        }
        for row in rows.head(MOST_RESIDUALS).to_dicts()
    ]
    return {
        "rows": listed,
        "all": rows.height,
        "relaxations": len(proofs),
        "conflicts": run.optional("relaxations.json").get("conflicts", []),
    }


def zone_figures(run: Run) -> list[ZoneFigures]:
    """Return the figures of every zone at the run's level, in the manifest's order."""
    tiers = {
        entry["zone"]: entry
        for entry in run.optional("geography_quality_tiers.json").get("tiers", [])
    }
    people: dict[str, int] = {}
    homes: dict[str, tuple[int, float]] = {}
    if run.has("synthetic_persons"):
        people = population_tables.zone_people(run.bundle.table("synthetic_persons"))
    if run.has("synthetic_households"):
        table = run.bundle.table("synthetic_households")
        homes = population_tables.zone_households(table, run.household_atoms())
    figures = []
    for code in run.manifest["geography"]["zones"]:
        zone = run.zones.get(code) or Zone(
            code, run.root, "", code, frozenset([code]), None, None, None, frozenset()
        )
        count, mean = homes.get(code, (None, None))
        tier = tiers.get(code, {})
        reasons = tuple(str(reason) for reason in tier.get("reasons", ()))
        figures.append(
            ZoneFigures(zone, people.get(code, 0), count, mean, tier.get("tier"), reasons)
        )
    return figures


def tiers(run: Run, zones: Sequence[ZoneFigures]) -> list[dict[str, Any]]:
    """Return for each quality tier its rule, zones and residents."""
    rules = run.optional("geography_quality_tiers.json").get("rules", {})
    letters = sorted({*rules, *(f.tier for f in zones if f.tier is not None)})
    found = []
    for letter in letters:
        inside = [f for f in zones if f.tier == letter]
        found.append(
            {
                "tier": letter,
                "rule": rules.get(letter, ""),
                "zones": [f.zone.name for f in inside],
                "residents": sum(f.residents for f in inside),
            }
        )
    return found


def unavailable_layers(run: Run) -> list[dict[str, Any]]:
    """Return the markers of the layers that the evidence could not support."""
    markers = sorted(run.bundle.folder.glob("*.unavailable.json"))
    return [run.bundle.json(marker.name) for marker in markers]


def files(run: Run) -> list[dict[str, Any]]:
    """Return every file that the checksums name, with its size, SHA-256 and, for tables, rows."""
    path = run.bundle.path("checksums.sha256")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = []
    for line in lines:
        digest, _, name = line.partition("  ")
        file = run.bundle.path(name)
        if not _inside(file, run.bundle.folder):
            raise BundleError(f"checksums.sha256 names {name!r}, which is not in the bundle")
        size = file.stat().st_size if file.is_file() else None
        rows = pq.read_metadata(file).num_rows if size and name.endswith(".parquet") else None
        found.append({"name": name, "sha256": digest, "bytes": size, "rows": rows})
    return found


def _inside(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder.resolve())


def verified(verification: object | None) -> dict[str, Any] | None:
    """Return the checks of a verification (`checks` of id, status, notes; `passed`), counted."""
    if verification is None:
        return None
    checks = [
        {
            "id": str(getattr(check, "id", "")),
            "status": _word(getattr(check, "status", "")),
            "notes": _notes(getattr(check, "notes", "")),
        }
        for check in getattr(verification, "checks", ())
    ]
    return _counted(checks, passed=bool(getattr(verification, "passed", False)))


def recorded(review: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the checks that a review's record holds, counted; None without a review."""
    if review is None:
        return None
    checks = [
        {key: str(check.get(key, "")) for key in ("id", "status", "notes")}
        for check in review.get("checks", [])
    ]
    return _counted(checks, passed=not review.get("claims_false", True))


def _counted(checks: list[dict[str, str]], *, passed: bool) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for check in checks:
        counts[check["status"]] = counts.get(check["status"], 0) + 1
    return {
        "checks": checks,
        "counts": sorted(counts.items(), key=lambda item: (*STATUSES, item[0]).index(item[0])),
        "passed": passed,
    }


def _word(status: object) -> str:
    return str(getattr(status, "value", status))


def _notes(notes: object) -> str:
    if isinstance(notes, Mapping):
        return "; ".join(f"{key}: {value}" for key, value in notes.items())
    if isinstance(notes, Iterable) and not isinstance(notes, str):
        return "; ".join(str(note) for note in notes)
    return "" if notes is None else str(notes)
