"""Households made from tables alone, scored on known truths beside plain ways to make them.

    python benchmarks/known_truth.py [--truth ghana|pseudopeople|FILE.csv[.gz]] [--variant NAME]
        [--seed 1] [--seeds 3] [--workers 2] [--only-baselines] [--peer-python PYTHON]
        [--keep-pack FOLDER] [--json PATH]

A truth is counted into what an office prints, all of it HARD, and nothing else reaches the build:
residents by zone, single age (85+ open) and sex; private households by zone and size (8+ open);
residents of institutions by zone; in variant `sizes+types` also private households by zone and
type. Kernels and other priors are the default registry's: nothing is estimated from a truth, but
both had been looked at when the registry was written, so a truth of your own is the stricter test.
Private households of minors alone are taken out of the truth first, and counted.

Scores compare joints that were not given (`synthestat.diagnostics.recovery`): total variation (TV)
and SRMSE over cells that are not empty on both sides. The floor is the plain halves score: one half
of the truth's households against the other; a perfect synthesis may lie near half of it.

  adult first   random filling of the published sizes, one adult placed first in each household
  random        the same without that rule
  typed         types drawn independently by published counts; adults head, ages random
  humanleague   size x type by quasirandom integer sampling, filled like `typed` (optional:
                pip install humanleague, or name a Python that has it by --peer-python)
  5 % sample    households of the truth itself expanded by iterative proportional updating and
                truncate-replicate-sample: it has MORE information, and stands without an aim

Roles of `adult first` and `random` follow a declared rule (`known.baselines.plain_roles`).

FILE.csv: a line per person with columns household, age (whole years), sex (male, female), role
(reference, partner, child, child_in_law, grandchild, parent, sibling, other_relative, non_relative,
institutional); optional zone, person, partner, mother, father (texts of person, empty where
unknown) and institution (its kind, for whoever lives in one).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from known.baselines import (
    draw_types,
    expanded_sample,
    humanleague_joint,
    random_filling,
    typed_filling,
    types_of_joint,
)
from known.truths import (
    FOLDER,
    OPEN_AGE,
    OPEN_SIZE,
    Published,
    publish,
    read_truth,
    without_child_only,
)
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from synthestat.diagnostics.recovery import (
    COLUMNS,
    TYPES,
    Score,
    composition_scores,
    hard_counts,
    sampling_floor,
)
from synthestat.errors import SynthestatError
from synthestat.packs.geography import COLUMNS as GEOGRAPHY_COLUMNS
from synthestat.random_streams import RandomStreams
from synthestat.sources.cube import Cube, Dimension, number_status
from synthestat.sources.jsonstat import write_jsonstat
from synthestat.sources.snapshots import SnapshotStore

VARIANTS = ("sizes", "sizes+types")
RATIOS = ("ages_by_size", "size_by_type")  # scores whose total variation is set against ours
AIM = 2.0  # times our error, at least, for whoever has no more information
MUST_BE_ZERO = ("child_only", "reference_under_18", "impossible_gaps", "off_published_tables")
MORE_INFORMATION = ("5 % sample",)
HALVES = "halves (floor)"
COUNTRY = "ZT"
RULES: dict[str, object] = {
    "adult_age": 18,
    "partner_age": 18,
    "mother_age_at_birth": [12, 55],
    "father_age_at_birth": [12, 80],
    "partner_age_gap": [-30, 40],
    "largest_household": 30,
    "households_per_dwelling": 3,
}
Whole = NDArray[np.int64]
Scores = dict[str, Score]


def write_pack(published: Published, folder: Path) -> None:
    """Write a country pack that holds the published tables and nothing else."""
    institutions = bool(published.institutional.sum())
    everybody = "residents" if institutions else "private"
    store = SnapshotStore(folder / "snapshots")
    cubes = published_cubes(published)
    country = {
        "country": COUNTRY,
        "name": "Known truth",
        "edition": "1",
        "scope": "a known population, from its published tables alone",
        "reference_period": "the truth's own",
        "zone_level": "zone",
        "universes": _universes(institutions),
        "household_universe": "private",
        "household_rules": {k: {"value": v, "source": "assumption"} for k, v in RULES.items()},
        "classifications": {"sex": ["male", "female"]},
        "ages": {"open_from": OPEN_AGE, "oldest": 100},
    }
    sources = [_source(name, cube, store) for name, cube in cubes.items()]
    entries: dict[str, object] = {
        "country": country,
        "sources": {"tables": sources},
        "controls": {"controls": _controls(list(cubes), everybody)},
        "priors": {"priors": []},
        "attributes": {"attributes": []},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, entry in entries.items():  # JSON is YAML as well
        text = json.dumps(entry, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "LIMITS.md").write_text("# Limits\n\nA test of recovery, not of a country.\n")
    with (folder / "geography.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(GEOGRAPHY_COLUMNS)
        lines.writerow([COUNTRY, "", "country", "Known truth", *[""] * 5])
        for code, zone in zone_codes(published).items():
            lines.writerow([code, COUNTRY, "zone", f"zone {zone}", *[""] * 5])


def zone_codes(published: Published) -> dict[str, str]:
    """Return the truth's zone names by the codes that the pack gives them."""
    return {f"Z{number:03d}": zone for number, zone in enumerate(published.zones, 1)}


def published_cubes(published: Published) -> dict[str, Cube]:
    """Return the office's tables, each with the country's row, by id."""
    ages = [*(str(age) for age in range(OPEN_AGE)), f"{OPEN_AGE}+"]
    sizes = [*(str(size) for size in range(1, OPEN_SIZE)), f"{OPEN_SIZE}+"]
    total = published.sizes.sum(axis=1, keepdims=True)
    zone = _zone_dimension(published)
    cubes = {
        "age_sex": _cube(
            "Residents by age and sex",
            published.ages,
            (zone, _axis("age", ages), _axis("sex", ("male", "female"))),
        ),
        "household_size": _cube(
            "Private households by size",
            np.concatenate([total, published.sizes], axis=1),
            (zone, _axis("size", ("Total", *sizes))),
        ),
    }
    if published.types is not None:
        cubes["household_type"] = _cube(
            "Private households by type",
            np.concatenate([total, published.types], axis=1),
            (zone, _axis("type", ("Total", *TYPES))),
        )
    if published.institutional.sum():
        label = "Residents of institutions"
        cubes["institutional"] = _cube(label, published.institutional, (zone,))
    return cubes


def _zone_dimension(published: Published) -> Dimension:
    codes = zone_codes(published)
    labels = ("Known truth", *(f"zone {zone}" for zone in codes.values()))
    return Dimension("zone", "Zone", (COUNTRY, *codes), labels)


def _axis(name: str, codes: Sequence[str]) -> Dimension:
    return Dimension(name, name, tuple(codes), tuple(codes))


def _cube(label: str, counts: Whole, dimensions: tuple[Dimension, ...]) -> Cube:
    """Return a table by zone with the country's row first."""
    values = np.concatenate([counts.sum(axis=0, keepdims=True), counts]).astype(np.float64)
    return Cube(label, "The truth", "", dimensions, values, number_status(values), {})


def _universes(institutions: bool) -> dict[str, object]:
    private: dict[str, object] = {"private": {"label": "Residents of private households"}}
    if not institutions:
        return private
    return {
        "residents": {"label": "All residents", "parts": ["private", "institutional"]},
        **private,
        "institutional": {"label": "Residents of institutions", "institution": "other"},
    }


def _source(name: str, cube: Cube, store: SnapshotStore) -> dict[str, object]:
    totals = [{"dimension": "zone", "total": COUNTRY}]
    totals += [{"dimension": d.id, "total": "Total"} for d in cube.dimensions if "Total" in d.codes]
    return {
        "id": name,
        "title": cube.label,
        "publisher": "The truth",
        "address": "https://example.org/known-truth",
        "query": "all",
        "licence": "that of the truth",
        "reference_period": "the truth's own",
        "retrieved": "counted by benchmarks/known_truth.py",
        "sha256": store.put(write_jsonstat(cube)),
        "totals": totals,
    }


def _controls(tables: Sequence[str], everybody: str) -> list[dict[str, object]]:
    """Return the HARD controls of the tables that are there."""
    size = {"dimension": "size", "leave_out": ["Total"], "open_class": f"{OPEN_SIZE}+"}
    controls = {
        "age_sex": {
            "id": "persons_age_sex",
            "family": "age",
            "universe": everybody,
            "counts": "persons",
            "by": {
                "age": {"dimension": "age", "open_class": f"{OPEN_AGE}+"},
                "sex": {"dimension": "sex"},
            },
        },
        "household_size": {
            "id": "households_size",
            "family": "household_size",
            "universe": "private",
            "counts": "households",
            "by": {"size": size},
        },
        "household_type": {
            "id": "households_type",
            "family": "household_type",
            "universe": "private",
            "counts": "households",
            "by": {"household_type": {"dimension": "type", "leave_out": ["Total"]}},
        },
        "institutional": {
            "id": "persons_institutional",
            "family": "institutional",
            "universe": "institutional",
            "counts": "persons",
        },
    }
    total = {
        "id": "households_total",
        "table": "household_size",
        "family": "household_count",
        "universe": "private",
        "counts": "households",
        "where": {"size": "Total"},
    }
    found = [{"table": name, **controls[name]} for name in tables] + [total]
    return [{"label": str(entry["id"]), "level": "HARD", **entry} for entry in found]


def synthesised(published: Published, folder: Path, seed: int, workers: int) -> pl.DataFrame:
    """Write the pack, build its population and return it in the form of `recovery.COLUMNS`."""
    from synthestat.packs.pack import find_pack
    from synthestat.story import build_population

    write_pack(published, folder)
    pack = find_pack(str(folder))
    store = SnapshotStore(pack.snapshots)
    population = build_population(pack, store, seed=seed, workers=workers)
    persons = pl.concat([zone.persons for zone in population.zones])
    kinds = pl.concat([zone.households for zone in population.zones]).select("household_id", "kind")
    role = pl.col("household_role").cast(pl.String)
    institutional = pl.col("kind").cast(pl.String) == "institutional"
    columns = {
        "zone": pl.col("zone_code").cast(pl.String).replace_strict(zone_codes(published)),
        "household": pl.col("household_id"),
        "person": pl.col("person_id"),
        "age": pl.col("age"),
        "sex": pl.col("sex"),
        "role": pl.when(institutional).then(pl.lit("institutional")).otherwise(role),
        "partner": pl.col("partner_id"),
        "mother": pl.col("mother_id"),
        "father": pl.col("father_id"),
    }
    joined = persons.join(kinds, on="household_id", how="left", maintain_order="left")
    return joined.select([columns[name].cast(kind).alias(name) for name, kind in COLUMNS.items()])


def methods(
    truth: pl.DataFrame,
    published: Published,
    options: argparse.Namespace,
    seed: int,
    folder: Path,
    name: str,
) -> dict[str, Callable[[], pl.DataFrame]]:
    """Return every side that can run on these tables, ours first."""
    streams = RandomStreams(seed)

    def stream(side: str) -> np.random.Generator:
        return streams.stream(side, name)

    sides: dict[str, Callable[[], pl.DataFrame]] = {}
    if not options.only_baselines:
        sides["synthestat"] = lambda: synthesised(published, folder, seed, options.workers)
    for side, first in (("adult first", True), ("random", False)):
        sides[side] = lambda side=side, first=first: random_filling(
            published, stream(side), adult_first=first
        )
    if published.types is not None:
        drawn = draw_types(published)
        sides["typed"] = lambda: typed_filling(published, stream("typed"), drawn)
        joint = humanleague_joint(published, options.peer_python)
        if joint is None:
            print("humanleague: not installed (pip install humanleague, or --peer-python)")
        else:
            dealt = types_of_joint(joint)
            sides["humanleague"] = lambda: typed_filling(published, stream("humanleague"), dealt)
    sides["5 % sample"] = lambda: expanded_sample(truth, published, stream("sample"))
    return sides


def off_tables(persons: pl.DataFrame, published: Published) -> int:
    """Return the sum of absolute differences from every published cell, recounted."""
    found = publish(persons, types=True)
    if found.zones != published.zones:
        raise SystemExit(f"the population has zones {found.zones}, not {published.zones}")
    pairs = [
        (found.ages, published.ages),
        (found.sizes, published.sizes),
        (found.institutional, published.institutional),
    ]
    if published.types is not None and found.types is not None:
        pairs.append((found.types, published.types))
    return int(sum(np.abs(one - other).sum() for one, other in pairs))


def measured(
    truth: pl.DataFrame, published: Published, sides: Mapping[str, Callable[[], pl.DataFrame]]
) -> tuple[dict[str, Scores], dict[str, dict[str, float]]]:
    """Run every side; return scores, and counts and seconds, by side. Our failure is shown."""
    scores: dict[str, Scores] = {}
    counts: dict[str, dict[str, float]] = {}
    for side, run in sides.items():
        started = time.perf_counter()
        try:
            persons = run()
        except SynthestatError as error:
            print(f"{side}: {error}", file=sys.stderr)
            continue
        seconds = time.perf_counter() - started
        scores[side] = composition_scores(truth, persons)
        counts[side] = {
            **hard_counts(persons),
            "off_published_tables": off_tables(persons, published),
            "seconds": round(seconds, 2),
        }
    return scores, counts


def averaged(
    runs: Sequence[tuple[dict[str, Scores], dict[str, dict[str, float]]]],
) -> tuple[dict[str, Scores], dict[str, dict[str, float]]]:
    """Return mean scores over seeds, and the worst counts, by side."""
    sides = [side for side in runs[0][0] if all(side in scores for scores, _ in runs)]
    scores = {
        side: {
            name: Score(
                float(np.mean([found[side][name].srmse for found, _ in runs])),
                float(np.mean([found[side][name].tv for found, _ in runs])),
            )
            for name in runs[0][0][side]
        }
        for side in sides
    }
    counts = {
        side: {what: max(found[side][what] for _, found in runs) for what in runs[0][1][side]}
        for side in sides
    }
    return scores, counts


def ratios_of(scores: Mapping[str, Scores]) -> dict[str, float]:
    """Return each side's total variation over ours, by side and score (0 over 0 counts as 1)."""
    ours = scores.get("synthestat")
    if ours is None:
        return {}
    return {
        f"{side} {name}": round(
            1.0 if ours[name].tv == found[name].tv else found[name].tv / max(ours[name].tv, 1e-9), 3
        )
        for side, found in scores.items()
        if side not in ("synthestat", HALVES)
        for name in RATIOS
    }


def show(
    console: Console,
    title: str,
    scores: Mapping[str, Scores],
    counts: Mapping[str, Mapping[str, float]],
    truth: Mapping[str, float],
) -> None:
    """Print all scores and counts of one truth and variant, a column per side."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    table.add_column("")
    for side in scores:
        more = "\n(knows more)" if side in MORE_INFORMATION else ""
        table.add_column(side + more, justify="right")
    for name in next(iter(scores.values())):
        table.add_row(name, "TV", *(f"{found[name].tv:.3f}" for found in scores.values()))
        table.add_row("", "SRMSE", *(f"{found[name].srmse:.3f}" for found in scores.values()))
    table.add_section()
    for name in next(iter(counts.values()), {}):
        cells = [f"{counts[s][name]:,}" if s in counts else "" for s in scores]
        known = f"truth {truth[name]:,}" if name in truth else ""
        table.add_row(name, known, *cells)
    console.print(table)


def evaluate(
    name: str, variant: str, options: argparse.Namespace, console: Console
) -> tuple[dict[str, float], dict[str, float]]:
    """Score every side on one truth and variant; return (figures, ratios), names in full."""
    truth = read_truth(name, options.data)
    persons, dropped = without_child_only(truth.persons)
    published = publish(persons, types=variant == "sizes+types")
    words = ", ".join(f"{count} {what}" for what, count in truth.notes.items())
    print(f"{truth.name}: {words}; {dropped} child-only households taken out before publishing")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) if options.keep_pack is None else options.keep_pack
        folder = folder / f"{truth.name}_{variant}"
        if options.keep_pack is not None:
            write_pack(published, folder)
        runs = []
        for seed in range(options.seed, options.seed + options.seeds):
            sides = methods(persons, published, options, seed, folder / str(seed), truth.name)
            runs.append(measured(persons, published, sides))
    scores, counts = averaged(runs)
    rng = RandomStreams(options.seed).stream("halves", truth.name)
    scores[HALVES] = sampling_floor(persons, rng)
    show(console, f"{truth.name}, {variant}", scores, counts, hard_counts(persons))
    prefix = f"{truth.name} {variant} "
    figures: dict[str, float] = {f"{prefix}dropped_child_only": dropped}
    for side, found in scores.items():
        for score, value in found.items():
            figures[f"{prefix}{side} {score} tv"] = round(value.tv, 5)
            figures[f"{prefix}{side} {score} srmse"] = round(value.srmse, 5)
        for what, count in counts.get(side, {}).items():
            figures[f"{prefix}{side} {what}"] = count
    return figures, {prefix + peer: ratio for peer, ratio in ratios_of(scores).items()}


def main() -> None:
    """Evaluate the truths and variants asked for and print their tables."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--truth", action="append", help="may be given again (default: both)")
    parser.add_argument("--variant", choices=VARIANTS, help="default: both")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=3, help="scores are means over so many seeds")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of the known truths")
    parser.add_argument("--only-baselines", action="store_true", help="leave our build out")
    parser.add_argument("--peer-python", default=sys.executable, help="a Python with humanleague")
    parser.add_argument("--keep-pack", type=Path, help="write the packs here and keep them")
    parser.add_argument("--json", type=Path, help="write name, figures, ratios and aims here")
    options = parser.parse_args()
    if options.truth is None and not options.data.is_dir():
        print("the known truths are not there: give their folder by --data; nothing was measured")
        return
    console = Console(width=150, highlight=False)
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for name in options.truth or ("ghana", "pseudopeople"):
        for variant in [options.variant] if options.variant else VARIANTS:
            try:
                found = evaluate(name, variant, options, console)
            except SynthestatError as error:
                raise SystemExit(str(error)) from error
            figures |= found[0]
            ratios |= found[1]
    aims = {k: AIM for k in ratios if not any(side in k for side in MORE_INFORMATION)}
    zeros = {k: 0.0 for k in figures if " synthestat " in k and k.endswith(MUST_BE_ZERO)}
    for name in zeros:
        print(f"{name:<58} {figures[name]:>8,}  (aim: 0)")
    for name, ratio in ratios.items():
        aim = f"(aim: at least {AIM:g})" if name in aims else "(has more information: no aim)"
        print(f"{name:<58} {ratio:>8.2f} times our total variation  {aim}")
    if options.json:
        document = {
            "name": "known_truth",
            "figures": figures,
            "ratios": ratios,
            "aims": aims | zeros,
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
