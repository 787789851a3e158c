"""Check of the replicates: each a population under the same controls, and their figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import fmean, variance
from typing import Any

from synthestat.errors import BundleError
from synthestat.review import households, links, roles
from synthestat.review.case import TABLES, Case
from synthestat.review.modelled import modelled_counts
from synthestat.review.record import Answer, Status, found, skipped
from synthestat.review.recount import recount

FOLDER = "replicates"
MADE = ("persons", "households", "dwellings")
NEAR = 1e-6  # relative, of a recounted figure
JUDGED = (
    *(links.keys, links.household_members, links.partner_links, links.parent_links),
    *(households.child_only, households.reference_age, households.household_type),
    *(households.largest_household, roles.roles, roles.family_status),
    *(households.parent_gaps, households.partner_gaps, households.institutional_households),
    *(links.institutional_links, links.dwelling_links, links.same_place),
    households.occupancy,
)
"""What is asked of a replicate's households and dwellings, as of the population's own."""
Key = tuple[str, str, str, str]


def replicates(case: Case) -> Answer:
    """As many replicates as stated; HARD exact and households sound in each; figures recounted."""
    stated = int(case.manifest["options"].get("replicates", 1))
    wanted = [f"{number:03d}" for number in range(2, stated + 1)]
    place = case.folder / FOLDER
    there = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    summary = case.json("uncertainty_summary.json")["replicates"]
    if not wanted and not there and summary["number"] == 1:
        return skipped("the run is one population, without replicates")
    faults = [f"{FOLDER}/{name}: stated, and absent" for name in wanted if name not in there]
    faults += [
        f"{FOLDER}/{name}: in the folder, and not stated" for name in there if name not in wanted
    ]
    if summary["number"] != stated:
        faults.append(f"uncertainty_summary.json has {summary['number']}, the manifest {stated}")
    counted: list[Mapping[Key, int]] = []
    for name in [name for name in wanted if name in there]:
        with read_instead(case, name):
            faults += [f"{FOLDER}/{name}: {fault}" for fault in _faults(case)]
            counted.append(modelled_counts(case))
    faults += _summary_faults(case, summary["quantities"], counted)
    return found(faults, f"{stated} populations, HARD exact in each", figures={"number": stated})


@contextmanager
def read_instead(case: Case, name: str) -> Iterator[None]:
    """Let the names of tables mean those of a replicate, as long as the context lasts."""
    schema = f"replicate_{name}"
    case.connection.execute(f"CREATE OR REPLACE SCHEMA {schema}")
    for view in MADE:
        path = case.folder / FOLDER / name / f"{TABLES[view]}.parquet"
        if case.declared_unavailable(view):
            continue
        if not path.is_file():
            raise BundleError(f"{FOLDER}/{name}/{path.name} is absent")
        file = str(path).replace("'", "''")
        case.connection.execute(
            f"CREATE VIEW {schema}.{view} AS SELECT * FROM read_parquet('{file}')"
        )
    case.connection.execute(f"SET search_path = '{schema},main'")
    try:
        yield
    finally:
        case.connection.execute("SET search_path = 'main'")


def _faults(case: Case) -> Iterator[str]:
    cells, broken = recount(case.pack, case.snapshots, case.rows)
    yield from broken.values()
    for cell in cells:
        if cell.control.level == "HARD" and cell.judged and not cell.within_tolerance:
            yield f"{cell.id}: published {cell.target:,.0f}, in the files {cell.observed:,}"
    for judge in JUDGED:
        answer = judge(case)
        if answer.status is Status.FAIL:
            yield answer.notes


def _summary_faults(
    case: Case, stated: list[dict[str, Any]], counted: list[Mapping[Key, int]]
) -> Iterator[str]:
    """Faults of the shares inside the intervals and of the variances, recounted by quantity."""
    if not counted:
        return
    rows: dict[str, list[tuple[float, float | None, float]]] = {}
    for row in case.records("SELECT * FROM uncertainty"):
        quantity = str(row["quantity"])
        key = (quantity, str(row["zone"]), str(row["universe"]), str(row["category"]))
        counts = [counts.get(key, 0) for counts in counted]
        inside = fmean(row["low"] <= count <= row["high"] for count in counts)
        between = variance(counts) if len(counts) > 1 else None
        rows.setdefault(quantity, []).append((inside, between, row["between"] + row["within"]))
    said = {str(entry["quantity"]): entry for entry in stated}
    yield from (
        f"{name}: in one of table and summary" for name in sorted(rows.keys() ^ said.keys())
    )
    for name in sorted(rows.keys() & said.keys()):
        shares, variances, declared = zip(*rows[name], strict=True)
        figures: dict[str, float | None] = {
            "rows": len(shares),
            "inside": round(fmean(shares), 6),
            "variance_between_replicates": fmean(variances) if len(counted) > 1 else None,
            "variance_stated": fmean(declared),
        }
        for figure, value in figures.items():
            own = said[name].get(figure)
            if not _near(own, value):
                yield f"{name}: {figure} {own} stated, {value} recounted"


def _near(stated: object, recounted: float | None) -> bool:
    if recounted is None or not isinstance(stated, int | float):
        return stated is None and recounted is None
    return abs(stated - recounted) <= NEAR * max(abs(recounted), 1.0)
