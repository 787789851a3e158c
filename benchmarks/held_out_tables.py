"""Each table that is met within tolerance left out in turn, and predicted by all the others.

    python benchmarks/held_out_tables.py [--country XK ...] [--seed 1] [--workers 2] [--json PATH]

A FIRM table is left out of a copy of the country's pack (`held.leaving_out`), the country is
built, and what it holds is scored against the table, which stays frozen on disk. Variants: `whole`,
the table is gone; `zones`, the country's figures stand as a pattern in the registry and the zones'
are gone, as where an office publishes the country alone. Where the registry has nothing to say of
an attribute without its table, nothing is predicted, and the row says so.

Scores are over zones and categories (`held.scores`): SRMSE, the standardised absolute error (sum
of absolute residuals over all that is counted), the share of cells exact, the median over zones of
total variation. Beside them stands a plain prediction that knows what the table says of the
country: the country's rates in every zone, rounded. Intervals are those of the run's
uncertainty.parquet at 95 %, held against the zones' cells and against the country's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from held.leaving_out import VARIANTS, held_out, leave_out, national_patterns
from held.scores import (
    Counts,
    Coverage,
    Score,
    coverage,
    national_shares,
    read_intervals,
    score,
    summed,
)

import synthestat
from synthestat.controls.control_tables import UNPUBLISHED, ControlTable, read_controls
from synthestat.diagnostics.residuals import observed_counts
from synthestat.errors import SynthestatError
from synthestat.packs.pack import CountryPack, embedded_editions, read_pack
from synthestat.sources.snapshots import SnapshotStore

AIMS = {"national_shares": 1.0}
"""Error of the plain prediction over ours, over all tables predicted: at least as near as it."""


@dataclass(frozen=True)
class Row:
    """One control left out in one variant; `why` says why nothing is scored, "" where it is."""

    country: str
    control: str
    variant: str
    why: str = ""
    ours: Score | None = None
    plain: Score | None = None
    zones: Coverage | None = None
    whole: Coverage | None = None
    counted: int = 0

    @property
    def name(self) -> str:
        """Country, control and variant, as figures are named."""
        return f"{self.country} {self.control} {self.variant}"


def tables_of(run: Path) -> dict[str, pl.DataFrame]:
    """Read the tables of a run that controls count."""
    files = {name: run / f"synthetic_{name}.parquet" for name in ("persons", "households")}
    return {name: pl.read_parquet(path) for name, path in files.items()}


def published_zones(table: ControlTable, pack: CountryPack) -> tuple[list[str], Counts]:
    """Return the zones of which the table gives every cell, and their cells (zones, categories)."""
    inside = {zone.code for zone in pack.geography.at(pack.country.zone_level)}
    kept = [
        at
        for at, zone in enumerate(table.zones)
        if zone in inside and (table.targets[at] != UNPUBLISHED).all()
    ]
    return [table.zones[at] for at in kept], table.targets[kept]


def evaluate(country: str, pack: CountryPack, table: ControlTable, variant: str, run: Path) -> Row:
    """Score one control of a run that was built without it."""
    spec = table.spec
    tables = tables_of(run)
    frame = tables[spec.counts]
    missing = [c for c in spec.by if c not in frame.columns or frame[c].null_count() == len(frame)]
    if missing:
        return Row(country, spec.id, variant, f"nothing is predicted: no {', '.join(missing)}")
    observed = observed_counts(table, pack, tables)
    zones, published = published_zones(table, pack)
    if observed is None or not len(zones):
        return Row(country, spec.id, variant, "nothing can be counted")
    predicted = observed[[table.zones.index(zone) for zone in zones]]
    atoms = list(pack.country.atoms(spec.universe))
    here = frame.filter(pl.col("universe").cast(pl.String).is_in(atoms))
    counts = dict(here.group_by(pl.col("zone_code").cast(pl.String)).len().iter_rows())
    present = np.array([counts.get(zone, 0) for zone in zones], dtype=np.int64)
    held = _coverage(table, zones, published, run)
    return Row(
        country,
        spec.id,
        variant,
        ours=score(published, predicted),
        plain=score(published, national_shares(published, present)),
        zones=held[0],
        whole=held[1],
        counted=int(published.sum()),
    )


def _coverage(
    table: ControlTable, zones: Sequence[str], published: Counts, run: Path
) -> tuple[Coverage, Coverage]:
    """Hold intervals of persons by the table's own column against its zones and the country."""
    column = table.columns[-1] if table.columns else ""
    intervals = read_intervals(run, column, table.spec.universe)
    names = [f"{column}={category[-1]}" for category in table.categories if category]
    names = names or [""]
    cells = summed(published, zones, names)
    root = json.loads((run / "build_manifest.json").read_text(encoding="utf-8"))["geography"][
        "root"
    ]
    national = summed(published.sum(axis=0, keepdims=True), [root], names)
    return coverage(cells, intervals), coverage(national, intervals)


def leave_each_out(country: str, pack: CountryPack, seed: int, workers: int) -> list[Row]:
    """Build a country with every table, then without each FIRM table; score what was left out."""
    published = read_controls(pack, SnapshotStore(pack.snapshots)).tables
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        below = Path(scratch)
        complete = synthestat.build(pack.folder, seed=seed, out=below / "all", workers=workers)
        persons = tables_of(complete)["persons"]
        for table, controls in held_out(pack).items():
            national = {
                name: _national(published[name], pack)
                for name in controls
                if pack.control(name).counts == "persons"
            }
            patterns = national_patterns(pack, controls, national, persons)
            for variant in VARIANTS:
                entries = patterns if variant == "zones" else {}
                if variant == "zones" and not patterns:
                    why = "no pattern holds the country's figure"
                    rows += [Row(country, name, variant, why) for name in controls]
                    continue
                folder = below / f"{table}_{variant}"
                leave_out(pack, controls, folder, entries)
                rows += _built(
                    country, pack, [published[c] for c in controls], variant, folder, seed, workers
                )
    return rows


def _national(table: ControlTable, pack: CountryPack) -> dict[tuple[str, ...], int]:
    sums = published_zones(table, pack)[1].sum(axis=0)
    return {category: int(n) for category, n in zip(table.categories, sums, strict=True)}


def _built(
    country: str,
    pack: CountryPack,
    tables: Sequence[ControlTable],
    variant: str,
    folder: Path,
    seed: int,
    workers: int,
) -> list[Row]:
    """Build the pack at `folder` and score the tables that it leaves out."""
    try:
        read_pack(folder)
        run = synthestat.build(folder, seed=seed, out=folder / "runs", workers=workers)
    except SynthestatError as error:
        why = f"cannot be built without it: {'; '.join([error.message, *error.faults[:1]])}"
        return [Row(country, table.spec.id, variant, why) for table in tables]
    return [evaluate(country, pack, table, variant, run) for table in tables]


HEADS = (
    *("country", "table left out", "variant", "cells", "SRMSE", "error", "exact", "variation"),
    *("plain SRMSE", "plain error", "95 % of zones", "width", "95 % of country"),
)


def markdown(rows: Sequence[Row]) -> str:
    """Return the scores as a Markdown table."""
    lines = [f"| {' | '.join(HEADS)} |", "|---|---|---|" + "---:|" * (len(HEADS) - 3)]
    for row in rows:
        cells = [row.country, f"`{row.control}`", row.variant]
        if row.ours is None or row.plain is None or row.zones is None or row.whole is None:
            cells += [row.why, *[""] * (len(HEADS) - 4)]
        else:
            ours = row.ours
            cells += [f"{ours.cells:,}", f"{ours.srmse:.3f}", f"{ours.error:.1%}"]
            cells += [
                f"{ours.exact:.1%}",
                "-" if ours.variation is None else f"{ours.variation:.3f}",
            ]
            cells += [f"{row.plain.srmse:.3f}", f"{row.plain.error:.1%}"]
            cells += [
                _share(row.zones),
                "-" if row.zones.width is None else f"{row.zones.width:.0%}",
            ]
            cells += [_share(row.whole)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(found: Coverage) -> str:
    return "no interval" if found.share is None else f"{found.held} of {found.cells}"


def figures_of(rows: Sequence[Row]) -> tuple[dict[str, float], dict[str, float]]:
    """Return (figures, ratios): every score by name; the plain prediction's error over ours."""
    figures: dict[str, float] = {}
    for row in rows:
        if row.ours is None or row.plain is None or row.zones is None or row.whole is None:
            continue
        for side, found in (("", row.ours), ("plain ", row.plain)):
            figures[f"{row.name} {side}srmse"] = round(found.srmse, 5)
            figures[f"{row.name} {side}error"] = round(found.error, 5)
            figures[f"{row.name} {side}exact"] = round(found.exact, 5)
            if found.variation is not None:
                figures[f"{row.name} {side}variation"] = round(found.variation, 5)
        for place, held in (("zones", row.zones), ("country", row.whole)):
            if held.share is not None:
                figures[f"{row.name} coverage {place}"] = round(held.share, 4)
            if held.width is not None:
                figures[f"{row.name} width {place}"] = round(held.width, 4)
        figures[f"{row.name} cells"] = row.ours.cells
    scored = [row for row in rows if row.ours is not None and row.plain is not None]
    ours = sum(row.counted * row.ours.error for row in scored if row.ours)
    plain = sum(row.counted * row.plain.error for row in scored if row.plain)
    return figures, ({"national_shares": round(plain / ours, 4)} if ours else {})


def chosen(named: Sequence[str] | None) -> Mapping[str, CountryPack]:
    """Return the packs asked for (default: every edition) that have a FIRM table."""
    editions = embedded_editions()
    unknown = sorted(set(named or ()) - set(editions))
    if unknown:
        raise SystemExit(f"no pack {', '.join(unknown)}; there are {', '.join(editions)}")
    packs = {
        name: read_pack(folder) for name, folder in editions.items() if not named or name in named
    }
    return {name: pack for name, pack in packs.items() if held_out(pack)}


def main() -> None:
    """Leave every table out, print the scores and write them."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--country", action="append", help="XK, LU-2021 ...; may be given again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    options = parser.parse_args()
    rows: list[Row] = []
    for name, pack in chosen(options.country).items():
        rows += leave_each_out(name, pack, options.seed, options.workers)
    print(markdown(rows))
    figures, ratios = figures_of(rows)
    for peer, ratio in ratios.items():
        print(f"\n{peer}: {ratio:.2f} times our absolute error (aim: at least {AIMS[peer]:g})")
    if options.json:
        document = {"name": "held_out_tables", "figures": figures, "ratios": ratios, "aims": AIMS}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
