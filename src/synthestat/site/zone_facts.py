"""What a zone's page states, counted for all zones of a run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from synthestat.site import interval_facts
from synthestat.site.charts import spoken
from synthestat.site.population_tables import age_row
from synthestat.site.pyramid_picture import SEXES, Band
from synthestat.site.run_facts import Run

STEP = 5  # years of a group of the pyramid
LAST_GROUP = 95  # first age of the open group where no official table opens one earlier
MOST_BARS = 12
HOUSEHOLDS = "households"


@dataclass
class ZoneTables:
    """Counts of one zone.

    `people` and `official` are by group of ages and sex, `official_all` and `people_all` by group;
    `sizes`, `types` and `attributes` are rows of label, value, low, high; `judged` one row a
    control; `apart` the residual rows that are not exact.
    """

    people: dict[tuple[int, str], int] = field(default_factory=dict)
    official: dict[tuple[int, str], int] = field(default_factory=dict)
    official_all: dict[int, int] = field(default_factory=dict)
    bands: list[Band] = field(default_factory=list)
    sizes: list[dict[str, Any]] = field(default_factory=list)
    types: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    households: list[dict[str, Any]] = field(default_factory=list)
    intervals: list[dict[str, Any]] = field(default_factory=list)
    dwellings: dict[str, int] = field(default_factory=dict)
    judged: list[dict[str, Any]] = field(default_factory=list)
    apart: list[dict[str, Any]] = field(default_factory=list)

    def people_all(self) -> dict[int, int]:
        """Residents by group of ages, the sexes together."""
        found: dict[int, int] = {}
        for (group, _), count in self.people.items():
            found[group] = found.get(group, 0) + count
        return found


def age_groups(run: Run) -> list[int]:
    """Return the first ages of the pyramid's groups: fives, the last open where an office's is."""
    ages = run.residuals.filter(pl.col("counts") == "persons")["category"].unique().to_list()
    rows = [row for category in ages if (row := age_row(category, 0))]
    opened = [int(row["low"] or 0) for row in rows if row["high"] is None]
    last = min([LAST_GROUP, *(low - low % STEP for low in opened if low >= 60)])
    return list(range(0, last + 1, STEP))


def zone_tables(run: Run, groups: Sequence[int]) -> dict[str, ZoneTables]:
    """Return the tables of every zone of the run's level, by code."""
    found = {code: ZoneTables() for code in run.manifest["geography"]["zones"]}
    _count_people(run, found, groups)
    _read_official(run, found, groups)
    _read_intervals(run, found)
    _count_homes(run, found)
    _read_residuals(run, found)
    return found


def _count_people(run: Run, found: Mapping[str, ZoneTables], groups: Sequence[int]) -> None:
    if not run.has("synthetic_persons"):
        return
    group = pl.min_horizontal(pl.col("age") // STEP * STEP, pl.lit(groups[-1])).cast(pl.Int64)
    counted = (
        pl.scan_parquet(run.bundle.table("synthetic_persons"))
        .group_by(pl.col("zone_code").cast(pl.String), group, pl.col("sex").cast(pl.String))
        .agg(people=pl.len().cast(pl.Int64))
        .sort("zone_code", "age", "sex")
        .collect()
    )
    for code, age, sex, people in counted.iter_rows():
        if code in found:
            found[code].people[age, sex] = people


def _read_official(run: Run, found: Mapping[str, ZoneTables], groups: Sequence[int]) -> None:
    """Sum the published counts by age of everybody, with sex and without, over groups.

    A class that does not lie within one group leaves its zone without that comparison.
    """
    everyone = {"all", *run.manifest.get("universes", {})}
    whole = {
        universe
        for universe in everyone
        if {*run.atoms(universe)}
        >= {*run.manifest["coverage"]["built"].get("persons", {})} - {"all"}
    }
    rows = run.residuals.filter(
        (pl.col("counts") == "persons")
        & pl.col("universe").is_in(sorted(whole))
        & pl.col("target").is_not_null()
        & pl.col("category").str.contains("age=")
        & pl.col("level").is_in(["HARD", "FIRM", "SOFT"])
    )
    for (_, code), part in rows.group_by("control_id", "zone", maintain_order=True):
        tables = found.get(str(code))
        if tables is None or tables.official:
            continue
        by_sex: dict[tuple[int, str], int] = {}
        for category, target in part.select("category", "target").iter_rows():
            row = age_row(category, int(target))
            group = None if row is None else _group(row, groups)
            if row is None or group is None or len(category.split(";")) > ("sex" in row) + 1:
                by_sex.clear()
                break
            key = (group, str(row.get("sex", "")))
            by_sex[key] = by_sex.get(key, 0) + int(target)
        if by_sex and {sex for _, sex in by_sex} <= set(SEXES):
            tables.official = by_sex
        for (group, _), count in by_sex.items() if not tables.official_all else ():
            tables.official_all[group] = tables.official_all.get(group, 0) + count


def _group(row: Mapping[str, Any], groups: Sequence[int]) -> int | None:
    low, high = int(row["low"]), row["high"]
    group = min(low // STEP * STEP, groups[-1])
    if group == groups[-1]:
        return group if low >= group else None
    return group if high is not None and int(high) < group + STEP else None


def _read_intervals(run: Run, found: Mapping[str, ZoneTables]) -> None:
    table = interval_facts.interval_table(run)
    if table.is_empty():
        return
    published = run.words.household_universe or run.manifest.get("household_universe")
    for row in table.filter(pl.col("zone") != run.root).to_dicts():
        tables = found.get(row["zone"])
        if tables is None:
            continue
        tables.intervals.append({**row, "name": interval_facts.category(row)})
        label = row["category"].partition("=")[2]
        bar = {"label": spoken(label), "value": row["estimate"], **_ends(row)}
        is_published = row["universe"] == published
        if row["quantity"] == HOUSEHOLDS:
            tables.households.append({**bar, "label": spoken(row["universe"])})
        elif row["quantity"] == "households_by_size" and is_published:
            tables.sizes.append(bar)
        elif row["quantity"] == "households_by_type" and is_published:
            tables.types.append(bar)
        elif row["quantity"] == "persons_by_sex_and_age":
            _add_band(tables, row)
        elif ";" not in row["category"]:
            what = "Households" if row["quantity"].startswith(HOUSEHOLDS) else "Residents"
            name = f"{what} by {row['category'].partition('=')[0]}"
            if row["universe"] != what.lower():
                name += f" ({row['universe']})"
            tables.attributes.setdefault(spoken(name), []).append(bar)


def _ends(row: Mapping[str, Any]) -> dict[str, float]:
    return {"low": row["low"], "high": row["high"]}


def _add_band(tables: ZoneTables, row: Mapping[str, Any]) -> None:
    read = age_row(row["category"], 0)
    everybody = sum(tables.people.values())
    if read is not None and "sex" in read and everybody:
        high = None if read["high"] is None else int(read["high"])
        low = int(read["low"] or 0)
        inside = sum(
            count
            for (group, sex), count in tables.people.items()
            if sex == read["sex"] and group >= low and (high is None or group <= high)
        )
        if inside == row["estimate"]:  # the band is of everybody, not of one universe among others
            least, most = (row[end] / max(1, inside) for end in ("low", "high"))
            tables.bands.append(Band(str(read["sex"]), low, high, least, most))


def _count_homes(run: Run, found: Mapping[str, ZoneTables]) -> None:
    """Count sizes and types where no interval gives them, and dwellings by occupancy."""
    if run.has("synthetic_households"):
        table = pl.scan_parquet(run.bundle.table("synthetic_households")).filter(
            (pl.col("kind").cast(pl.String) == "private")
            & pl.col("universe").cast(pl.String).is_in(run.household_atoms())
        )
        zone = pl.col("zone_code").cast(pl.String)
        for column, name in (("size", "sizes"), ("household_type", "types")):
            counted = table.group_by(zone, pl.col(column).cast(pl.String)).agg(value=pl.len())
            without = {code for code, tables in found.items() if not getattr(tables, name)}
            for code, label, value in sorted(counted.collect().iter_rows(), key=_by_label):
                if code in without:
                    rows = getattr(found[code], name)
                    rows.append({"label": spoken(label), "value": float(value)})
    if run.has("synthetic_dwellings"):
        counted = (
            pl.scan_parquet(run.bundle.table("synthetic_dwellings"))
            .group_by(pl.col("zone_code").cast(pl.String), pl.col("occupancy").cast(pl.String))
            .agg(value=pl.len())
        )
        for code, occupancy, value in sorted(counted.collect().iter_rows(), key=_by_label):
            if code in found:
                found[code].dwellings[occupancy] = int(value)


def _by_label(row: tuple[str, str, int]) -> tuple[str, int, str]:
    return row[0], int(row[1]) if row[1].isdigit() else 0, row[1]


def _read_residuals(run: Run, found: Mapping[str, ZoneTables]) -> None:
    rows = run.residuals.filter(pl.col("zone") != run.root)
    judged = pl.col("status") != "SKIP"
    summary = (
        rows.group_by("zone", "control_id", "level", "universe", maintain_order=True)
        .agg(
            rows=judged.sum(),
            exact=(judged & (pl.col("residual") == 0)).sum(),
            largest=pl.col("residual").filter(judged).abs().max(),
            relative=pl.col("relative_error").filter(judged).abs().max(),
            target=pl.col("target").filter(judged).sum(),
        )
        .to_dicts()
    )
    for row in summary:
        if row["zone"] in found:
            label = run.words.controls.get(row["control_id"], row["control_id"])
            found[row["zone"]].judged.append({**row, "label": label})
    for row in rows.filter(judged & (pl.col("residual") != 0)).to_dicts():
        if row["zone"] in found:
            found[row["zone"]].apart.append(row)


def zone_csv_rows(tables: ZoneTables) -> list[dict[str, Any]]:
    """Return all that a zone's pictures show as rows: picture, label, synthetic, official, ends."""
    rows: list[dict[str, Any]] = []
    for (group, sex), count in tables.people.items():
        row = {"picture": "residents by age and sex", "label": f"{sex} {group}+"}
        rows.append({**row, "synthetic": count, "official": tables.official.get((group, sex))})
    for group, count in tables.people_all().items():
        row = {"picture": "residents by age", "label": f"{group}+"}
        rows.append({**row, "synthetic": count, "official": tables.official_all.get(group)})
    named = {"households by size": tables.sizes, "households by type": tables.types}
    for name, bars in {**named, **tables.attributes}.items():
        for bar in bars:
            ends = {"low": bar.get("low"), "high": bar.get("high")}
            rows.append({"picture": name, "label": bar["label"], "synthetic": bar["value"], **ends})
    for occupancy, count in tables.dwellings.items():
        rows.append({"picture": "dwellings", "label": occupancy, "synthetic": count})
    return rows
