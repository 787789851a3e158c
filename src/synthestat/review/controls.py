"""Checks of the controls: each published cell recounted and held against what the run reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from synthestat.review.case import Case
from synthestat.review.definitions import BINDING, LEVELS, Control
from synthestat.review.record import Answer, found, skipped, warned
from synthestat.review.recount import Cell

EXACT = 1e-9  # rounding of a float64 ratio
COUNTED = ("SKIP", "PASS", "WARN")


def recountable(case: Case) -> Answer:
    """Every control can be read from its frozen table and counted in the bundle's files."""
    faults = list(case.recounted[1].values())
    figures = {"controls": len(case.pack.controls), "cells": len(case.cells)}
    return found(faults, f"{len(case.cells):,} cells recounted", figures=figures)


def control_levels(case: Case) -> Answer:
    """One level, universe, family and tolerance for each control, wherever it is named."""
    used = case.manifest["constraints_used"]
    stated = {str(control): level for level, names in used.items() for control in names}
    listed = [str(control) for names in used.values() for control in names]
    faults = [f"{each}: listed twice in the manifest" for each in stated if listed.count(each) > 1]
    reported: dict[str, list[dict[str, Any]]] = {}
    columns = "control_id, level, universe, family, counts, tolerance"
    rows = "min(constraint_id) AS first, count(*) AS rows"
    for row in case.records(f"SELECT {columns}, {rows} FROM residuals GROUP BY ALL ORDER BY ALL"):
        reported.setdefault(str(row["control_id"]), []).append(row)
    for control in case.pack.controls:
        if control.level not in LEVELS:
            faults.append(f"{control.id}: {control.level!r} is no level")
        if stated.get(control.id) != control.level:
            faults.append(
                f"{control.id}: {control.level} in the pack, "
                f"{stated.get(control.id, 'unlisted')} in the manifest"
            )
        for row in reported.get(control.id, []):
            for key in ("level", "universe", "family", "counts", "tolerance"):
                if row[key] != getattr(control, key):
                    faults.append(
                        f"{control.id}: {key} {getattr(control, key)} in the pack, "
                        f"{row[key]} in {row['rows']:,} rows of constraint_residuals.parquet, the "
                        f"first of them {row['first']}"
                    )
    known = {control.id for control in case.pack.controls}
    faults += [f"{each}: not in the pack" for each in sorted({*stated, *reported} - known)]
    return found(faults, "pack, manifest and residuals agree on every control")


def hard_exact(case: Case) -> Answer:
    """Every HARD cell is met: exactly, or inside what the declared noise leaves."""
    hard = [cell for cell in case.cells if cell.control.level == "HARD" and cell.judged]
    faults = [_told(cell) for cell in hard if not cell.within_tolerance]
    figures = {"rows": len(hard), "failures": len(faults)}
    return found(faults, f"{len(hard):,} HARD cells are exact", figures=figures)


def residual_rows(case: Case) -> Answer:
    """constraint_residuals.parquet has one row per cell, with the recounted figures."""
    rows = {str(row["constraint_id"]): row for row in case.records("SELECT * FROM residuals")}
    number = case.count("SELECT count(*) FROM residuals")
    repeated = "SELECT constraint_id, count(*) FROM residuals GROUP BY 1 HAVING count(*) > 1"
    faults = [f"{name}: {n} rows report it" for name, n in case.rows(f"{repeated} ORDER BY 1")]
    broken = {fault.partition(":")[0] for fault in case.recounted[1].values()}
    expected = {cell.id: cell for cell in case.cells}
    for name in sorted(rows.keys() - expected.keys()):
        if rows[name]["control_id"] not in broken:
            faults.append(f"{name}: no such published cell")
    for name, cell in expected.items():
        if name not in rows:
            faults.append(f"{name}: no row reports it")
        else:
            faults += _row_faults(cell, rows[name])
    return found(faults, f"{len(rows):,} rows as recounted", figures={"rows": number})


def residual_status(case: Case) -> Answer:
    """Every row's status is the one that the recounted figures and the relaxations give."""
    stated = dict(case.rows("SELECT constraint_id, status FROM residuals"))
    logged = {str(entry["constraint_id"]) for entry in case.relaxations}
    faults = []
    for cell in case.cells:
        said, wanted = stated.get(cell.id), expected_status(cell, logged)
        loose = cell.control.level not in BINDING
        if (said not in COUNTED) if loose else (said != wanted):
            faults.append(f"{cell.id}: status {said}, recounted {wanted} ({_told(cell)})")
    return found(faults, "every status follows from the figures")


def tolerances(case: Case) -> Answer:
    """A published figure is met within tolerance, or its relaxation states the recounted miss."""
    logged = {str(entry["constraint_id"]): entry for entry in case.relaxations}
    missed = [cell for cell in case.cells if cell.judged and not cell.within_tolerance]
    faults = []
    for cell in missed:
        entry = logged.get(cell.id)
        if entry is None:
            faults.append(f"{_told(cell)} without a relaxation")
        elif (entry["target"], entry["achieved"]) != (cell.target, cell.observed):
            faults.append(
                f"{_told(cell)}, but {entry['id']} says "
                f"{entry['achieved']:,} of {entry['target']:,}"
            )
    return found(
        faults,
        "every published figure is met or its miss is logged",
        figures={"missed": len(missed)},
    )


def deviation(case: Case) -> float:
    """The largest absolute relative error over HARD, FIRM and SOFT cells with a target not 0."""
    errors = (cell.relative_error for cell in case.cells if cell.judged)
    return max((abs(error) for error in errors if error is not None), default=0.0)


def deviation_figure(case: Case) -> Answer:
    """The deviation figure and the misses on zero targets are as recounted."""
    stated = case.json("constraint_residuals.json")
    worst = deviation(case)
    on_zero = max(
        (abs(cell.residual) for cell in case.cells if cell.judged and cell.target == 0), default=0
    )
    faults = []
    for key, recounted in (
        ("max_marginal_deviation", worst),
        ("max_absolute_on_zero_targets", on_zero),
    ):
        if abs(stated[key] - recounted) > EXACT:
            faults.append(f"{key}: {stated[key]} stated, {recounted} recounted")
    figures = {"max_marginal_deviation": worst, "max_absolute_on_zero_targets": on_zero}
    return found(faults, f"the largest deviation is {worst:.6f}", figures=figures)


def missing_declared(case: Case) -> Answer:
    """A figure that a binding control lacks is declared missing, and never counted as zero."""
    blank = [c for c in case.cells if c.target is None and c.control.level in BINDING]
    faults = [
        f"{cell.id}: nothing is published, and controls.yaml does not say what to do"
        for cell in blank
        if cell.control.missing is None
    ]
    return found(
        faults, f"{len(blank)} missing figures are declared", figures={"cells": len(blank)}
    )


def tables_exercised(case: Case) -> Answer:
    """Every frozen table constrains the run or is the base of a distribution in use."""
    constrained = {control.table for control in case.pack.controls if control.level in BINDING}
    idle = sorted(case.pack.sources.keys() - constrained - case.pack.guiding_tables)
    if not case.pack.sources:
        return skipped("no table is frozen")
    faults = [f"{table}: frozen, but nothing uses it" for table in idle]
    for table in sorted(case.pack.sources.keys() - set(idle)):
        faults += _idle_splits(case, table)
    return warned(faults, "every frozen table is used", figures={"idle": len(idle)})


def _idle_splits(case: Case, table: str) -> Iterator[str]:
    """Dimensions of a table of which controls take totals alone, although it gives their parts."""
    mine = [control for control in case.pack.controls if control.table == table]
    split = {part.dimension for control in mine for part in control.by}
    source = case.pack.sources[table]
    zones = source.zone_dimension
    for dimension in sorted({str(total["dimension"]) for total in source.totals} - split - {zones}):
        totals = {str(t["total"]) for t in source.totals if str(t["dimension"]) == dimension}
        taken = {control.where[dimension] for control in mine if dimension in control.where}
        if taken and taken <= totals:
            yield f"{table}: split by {dimension}, of which controls take the total alone"


def controls_exercised(case: Case) -> Answer:
    """No control is only shown although it could bind: it can be counted, and is of the right date.

    One that no file can count (buildings, a column that is not there) is rightly shown; so is one
    of another year than the controls that bind in its universe, or one that says under `bridge` how
    it comes from there.
    """
    shown = [control for control in case.pack.controls if control.level == "INFORMATIONAL"]
    if not shown:
        return skipped("every control binds or guides")
    faults = []
    for control in shown:
        cells = [cell for cell in case.cells if cell.control == control and cell.compared]
        if not cells or _other_date(case, control):
            continue
        off = sum(abs(cell.residual) for cell in cells)
        whole = sum(cell.target or 0.0 for cell in cells)
        share = f"{off / whole:.1%} of what is published" if whole else f"{off:,.0f} in all"
        faults.append(
            f"{control.id}: only shown, although the files count its {len(cells):,} cells, which "
            f"are off by {share}"
        )
    figures = {"shown": len(shown), "could bind": len(faults)}
    return warned(faults, "what is only shown cannot bind", figures=figures)


def _other_date(case: Case, control: Control) -> bool:
    """Whether a control is of another year than those that bind in its universe, or is bridged."""
    if control.bridged:
        return True
    binding = [
        other
        for other in case.pack.controls
        if other.level in BINDING and other.universe == control.universe and not other.bridged
    ]
    years = {year for year in (_year(case, other) for other in binding) if year is not None}
    own = _year(case, control)
    return own is not None and bool(years) and own not in years


def _year(case: Case, control: Control) -> int | None:
    """The year of a control: fixed in it, else its table's, else the one of its period."""
    fixed = control.where.get("year", "")
    if fixed.isdecimal():
        return int(fixed)
    source = case.pack.sources.get(control.table)
    entry = {} if source is None else source.entry
    if entry.get("reference_year") is not None:
        return int(entry["reference_year"])
    named = set(re.findall(r"\b(?:1[89]|20)\d\d\b", str(entry.get("reference_period"))))
    return int(named.pop()) if len(named) == 1 else None


def expected_status(cell: Cell, logged: set[str]) -> str:
    """The status of a cell's row: SKIP, PASS, WARN (met only as relaxed) or FAIL."""
    if not cell.judged:
        return "SKIP"
    if cell.within_tolerance:
        return "PASS"
    return "WARN" if cell.control.level != "HARD" and cell.id in logged else "FAIL"


def _row_faults(cell: Cell, row: dict[str, Any]) -> Iterator[str]:
    wanted: dict[str, object] = {
        "control_id": cell.control.id,
        "zone": cell.zone,
        "category": cell.category,
        "target": cell.target,
        "observed": cell.observed,
        "residual": cell.residual if cell.compared else None,
    }
    if cell.judged:
        for key, bound in zip(("low", "high"), cell.bounds, strict=True):
            if row[key] is None or abs(row[key] - bound) > EXACT * max(bound, 1.0):
                yield f"{cell.id}: {key} {row[key]} reported, {bound} recounted"
    for key, value in wanted.items():
        if row[key] != value:
            yield f"{cell.id}: {key} {row[key]} reported, {value} recounted"
    stated, error = row["relative_error"], cell.relative_error
    if stated != error and (stated is None or error is None or abs(stated - error) > EXACT):
        yield f"{cell.id}: relative error {stated} reported, {error} recounted"


def _told(cell: Cell) -> str:
    published = "nothing" if cell.target is None else f"{cell.target:,.0f}"
    counted = "not counted" if cell.observed is None else f"{cell.observed:,}"
    return f"{cell.id}: published {published}, in the files {counted}"
