"""Witnesses: what a verdict rests on, in a form that files and a few sums can confirm or refute.

* `failing_rows`: a check ends as stated, on these rows. The check is carried out again.
* `feasible_solution`: a population can meet what the run misses. The system is made anew and the
  table added up.
* `conflicting_set`: no population can keep these rows; without any one of them one could. The
  system is made anew and solved with them and without each.
* `missing_layers`: layers without a table, and places where nobody looked. The markers are read.
* `wide_intervals`: national intervals wider than the threshold. The table of intervals is read.
* `nothing_open`: every check ended as stated and no rule applies. All are carried out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthestat.review.case import Case, open_case
from synthestat.review.evidence import unavailable_layers, wide_intervals
from synthestat.review.published import (
    household_table,
    household_targets,
    run_households,
    system_of,
    zone_cells,
)
from synthestat.review.questions import QUESTIONS
from synthestat.review.record import SHOWN, Check, Status
from synthestat.review.systems import Found, System, conflicting, irreducible_faults, solve
from synthestat.review.verify import DAMAGE, ask
from synthestat.sources.snapshots import SnapshotStore

Witness = dict[str, Any]
ZONES_TRIED = 3  # zones with failing HARD cells for which a solution is searched; assumption


def failing_rows(check: Check) -> Witness:
    """The rows that a check ended on."""
    return {
        "kind": "failing_rows",
        "check": check.id,
        "status": check.status.value,
        "rows": list(check.offending),
    }


def hard_witnesses(case: Case) -> list[Witness]:
    """For zones with HARD cells that the run misses: a solution of all HARD cells, or a conflict.

    The first three zones, the smallest first; none for a zone whose search stays open.
    """
    missed = {
        cell.zone
        for cell in case.cells
        if cell.control.level == "HARD" and cell.judged and not cell.within_tolerance
    }
    order = sorted(missed, key=lambda zone: (len(case.pack.covered[zone]), zone))
    found = []
    for zone in order[:ZONES_TRIED]:
        spec = {"kind": "zone_cells", "zone": zone, "levels": ["HARD"]}
        system = zone_cells(case, zone, ("HARD",))
        witness = None if system is None else _searched(case, system, spec)
        if witness is not None:
            found.append(witness)
    return found


def target_witnesses(case: Case, missed: Sequence[str]) -> list[Witness]:
    """For soft shares of household types that are missed: a table that meets them, or a conflict.

    Asked for are all such targets of the registry, with the run's own sizes first. Where these
    leave no room the conflict is kept, and any sizes are tried: a solution then has other sizes.
    None for other measures.
    """
    targets = household_targets(case)
    if not any(name in targets for name in missed):
        return []
    found = []
    for run_sizes in (True, False):
        spec = {
            "kind": "household_table",
            "targets": sorted(targets),
            "run_sizes": run_sizes,
        }
        system = household_table(case, sorted(targets), run_sizes=run_sizes)
        witness = _searched(case, system, spec, near=run_households(case))
        if witness is not None:
            found.append(witness)
            if witness["kind"] == "feasible_solution":
                break
    return found


def _searched(
    case: Case, system: System, spec: Witness, near: Mapping[str, int] | None = None
) -> Witness | None:
    """A solution of a system, or its irreducible conflict; None where the search stays open."""
    nodes = int(case.limit("witness_nodes"))
    ended, solution = solve(system, nodes=nodes, near=near)
    if ended is Found.SOLUTION:
        return {"kind": "feasible_solution", "system": spec, "solution": solution}
    labels = conflicting(system, nodes=nodes) if ended is Found.NONE else ()
    if not labels:
        return None
    said = {row.label: row.said for row in system.rows}
    rows = [{"row": label, "says": said[label]} for label in labels]
    return {"kind": "conflicting_set", "system": spec, "rows": rows}


def layers_witness(case: Case) -> Witness:
    """The layers that are declared unavailable, as `missing_layers` read them."""
    return {"kind": "missing_layers", "layers": unavailable_layers(case)}


def widths_witness(case: Case) -> Witness:
    """The widest national intervals, at most twenty."""
    rows = wide_intervals(case)[1][:SHOWN]
    return {"kind": "wide_intervals", "limit": case.limit("national_width"), "rows": rows}


def nothing_open(checks: Sequence[Check]) -> Witness:
    """The status of every check, where none of them keeps the verdict from PASS."""
    return {"kind": "nothing_open", "statuses": {check.id: check.status.value for check in checks}}


def check_witness(witness: Mapping[str, Any], run: Path, snapshots: SnapshotStore) -> list[str]:
    """What is false about a witness, judged anew from a run's files; [] where it holds.

    Raises BundleError only if `run` is no folder; a witness that cannot be understood is a fault.
    """
    with open_case(run, snapshots) as case:
        try:
            judge = _JUDGES[str(witness["kind"])]
            return judge(case, witness)
        except DAMAGE as error:
            return [f"the witness cannot be checked: {type(error).__name__}: {error}"]


def _rows_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    question = next(each for each in QUESTIONS if each.id == witness["check"])
    check = ask(question, case)
    faults = []
    if check.status.value != witness["status"] or check.status in (Status.PASS, Status.SKIP):
        faults.append(f"{check.id} ends in {check.status.value}, not in {witness['status']}")
    stated = list(witness["rows"])
    faults += [f"{check.id}: no such row: {row}" for row in stated if row not in check.offending]
    if not stated and check.offending:
        faults.append(f"{check.id}: the witness names no row")
    return faults


def _solution_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    return system_of(case, witness["system"]).faults(witness["solution"])


def _conflict_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    system = system_of(case, witness["system"])
    said = {row.label: row.said for row in system.rows}
    labels = [str(row["row"]) for row in witness["rows"]]
    faults = [
        f"{row['row']}: {row['says']!r} stated, {said[row['row']]!r} by the files"
        for row in witness["rows"]
        if row["row"] in said and said[row["row"]] != row["says"]
    ]
    return faults + irreducible_faults(system, labels, nodes=int(case.limit("witness_nodes")))


def _layers_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    there = unavailable_layers(case)
    stated = list(witness["layers"])
    faults = [f"{each['layer']}: not as its marker says" for each in stated if each not in there]
    return faults if stated else ["the witness names no layer"]


def _widths_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    limit, there = case.limit("national_width"), wide_intervals(case)[1]
    faults = [] if witness["limit"] == limit else [f"the threshold is {limit:g}"]
    faults += [
        f"{row['quantity']} {row['category']}: no such interval above the threshold"
        for row in witness["rows"]
        if row not in there
    ]
    return faults if witness["rows"] else ["the witness names no interval"]


def _nothing_faults(case: Case, witness: Mapping[str, Any]) -> list[str]:
    stated = dict(witness["statuses"])
    checks = [ask(question, case) for question in QUESTIONS]
    ended = {check.id: check.status.value for check in checks}
    faults = [
        f"{name}: {stated.get(name)} stated, {ended.get(name)} found"
        for name in sorted(stated.keys() | ended.keys())
        if stated.get(name) != ended.get(name)
    ]
    open_ = [check.id for check in checks if keeps_from_pass(check)]
    return faults + [f"{name} keeps the verdict from PASS" for name in open_]


def keeps_from_pass(check: Check) -> bool:
    """Whether a check's end keeps the verdict from PASS.

    It failed and is required, could not be carried out, or is a missed soft target, a missing layer
    or a wide national interval; other warnings do not.
    """
    if check.status is Status.FAIL:
        return check.required or check.damaged
    return check.status is Status.WARN and (check.family == "evidence" or check.id == SOFT)


SOFT = "soft_targets"
_JUDGES = {
    "failing_rows": _rows_faults,
    "feasible_solution": _solution_faults,
    "conflicting_set": _conflict_faults,
    "missing_layers": _layers_faults,
    "wide_intervals": _widths_faults,
    "nothing_open": _nothing_faults,
}
