"""Checks of the relaxations: each one logged everywhere, none of a HARD control, none too large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthestat.review.case import Case
from synthestat.review.proofs import Told, cell_faults, proof_faults
from synthestat.review.record import Answer, found, warned
from synthestat.review.recount import Cell


def relaxations_logged(case: Case) -> Answer:
    """relaxations.json, the manifest and the residuals name the same relaxations, none HARD."""
    entries = case.relaxations
    ids = [str(entry["id"]) for entry in entries]
    faults = [f"{each}: logged twice" for each in sorted(set(ids)) if ids.count(each) > 1]
    stated = [str(each) for each in case.manifest["constraints_relaxed"]]
    faults += [f"{each}: logged, but not in the manifest" for each in ids if each not in stated]
    faults += [f"{each}: in the manifest, but not logged" for each in stated if each not in ids]
    sql = "SELECT relaxation_id, constraint_id FROM residuals WHERE relaxation_id IS NOT NULL"
    reported = {str(relaxation): str(constraint) for relaxation, constraint in case.rows(sql)}
    faults += [f"{each}: in the residuals, but not logged" for each in reported if each not in ids]
    cells = {cell.id: cell for cell in case.cells}
    told = Told(case)
    for entry in entries:
        faults += _entry_faults(entry, cells, reported)
        if (cell := cells.get(str(entry["constraint_id"]))) is not None:
            faults += cell_faults(case, cell, entry)
            faults += proof_faults(told, cell, entry)
    faults += [
        f"conflicts names {each}: a run whose published cells conflict is blocked, not finished"
        for each in case.json("relaxations.json").get("conflicts") or ()
    ]
    return found(faults, f"{len(ids)} relaxations agree", figures={"relaxations": len(ids)})


def relaxations_minimal(case: Case) -> Answer:
    """Each relaxation is the smallest that the published figures and the files allow."""
    cells = {cell.id: cell for cell in case.cells}
    faults: list[str] = []
    doubts: list[str] = []
    moved: dict[tuple[str, str], int] = {}
    held = _held(case) if case.relaxations else {}
    for entry in case.relaxations:
        cell = cells.get(str(entry["constraint_id"]))
        if cell is None or cell.target is None:
            faults.append(f"{entry['id']}: no published cell answers to it")
        elif cell.observed is not None and abs(cell.residual) <= cell.reach:
            faults.append(
                f"{entry['id']}: nothing had to yield, published {cell.target:,.0f} and "
                f"{cell.observed:,} in the files"
            )
        elif not entry["moved"]:
            faults.append(f"{entry['id']}: it moves nothing")
        elif cell.control.total_of and cell.control.cap is not None:
            if _split_households(case, cell.zone):
                doubts.append(f"{entry['id']}: tables by size or type bound it too")
                continue
            faults += _capped_faults(case, cell, entry, held)
        elif cell.control.by:
            row = (cell.control.id, cell.zone)
            moved[row] = moved.get(row, 0) + abs(int(entry["achieved"]) - int(entry["target"]))
        else:
            doubts.append(f"{entry['id']}: the reviewer knows no bound for it")
    for (control, zone), number in moved.items():
        least, exact = _least_movement(case, control, zone)
        if number > least:
            line = f"{control}, {zone}: {number:,} moved, the margin itself demands {least:,}"
            (faults if exact else doubts).append(line)
    fine = f"{len(case.relaxations)} relaxations are the smallest that will do"
    return found(faults, fine) if faults else warned(doubts, fine)


def _entry_faults(
    entry: dict[str, Any], cells: dict[str, Cell], reported: dict[str, str]
) -> Iterator[str]:
    cell = cells.get(str(entry["constraint_id"]))
    if cell is None:
        yield f"{entry['id']}: {entry['constraint_id']} is no published cell"
    elif cell.control.level == "HARD":
        yield f"{entry['id']}: relaxes a HARD control"
    elif entry["zone"] != cell.zone or entry["control_id"] != cell.control.id:
        yield f"{entry['id']}: its zone or control is not that of {cell.id}"
    if reported.get(str(entry["id"])) != entry["constraint_id"]:
        yield f"{entry['id']}: the row of {entry['constraint_id']} does not name it"
    if abs(entry["target"] - entry["achieved"]) != entry["moved"]:
        span = f"from {entry['target']} to {entry['achieved']}"
        yield f"{entry['id']}: moved {entry['moved']}, but it goes {span}"


def _held(case: Case) -> dict[str, list[tuple[Any, ...]]]:
    """(zone, universe, number) of persons and of households."""
    return {
        table: case.rows(f"SELECT zone_code, universe, count(*) FROM {table} GROUP BY ALL")
        for table in ("persons", "households")
    }


def _capped_faults(
    case: Case, cell: Cell, entry: dict[str, Any], held: dict[str, list[tuple[Any, ...]]]
) -> Iterator[str]:
    """Hold a relaxed size total against what its persons and households can reach.

    A household of s persons counts min(s, cap). P persons in H households, none above L, reach at
    most min(P, cap*H); and at least H plus what P - H further persons add when they crowd into
    households of L, each of which adds cap - 1.
    """
    cap, words = cell.control.cap or 0, case.pack.universe_parts[cell.control.universe]
    places = case.pack.covered[cell.zone]
    persons, homes = (
        sum(
            number for zone, universe, number in held[table] if zone in places and universe in words
        )
        for table in ("persons", "households")
    )
    most = min(persons, cap * homes)
    room = max(int(case.pack.rules["largest_household"]) - 1, 1)
    whole, rest = divmod(max(persons - homes, 0), room)
    least = homes + whole * (cap - 1) + min(rest, cap - 1)
    reachable = min(max(float(cell.target or 0), least), most)
    if cell.observed != reachable or entry["achieved"] != reachable:
        yield (
            f"{entry['id']}: {persons:,} persons in {homes:,} households reach {reachable:,.0f} "
            f"of the published {cell.target:,.0f}; logged {entry['achieved']:,}, "
            f"in the files {cell.observed:,}"
        )


def _split_households(case: Case, zone: str) -> bool:
    """Whether a binding control splits the households of a zone."""
    return any(
        cell.zone == zone
        and cell.control.counts == "households"
        and cell.control.by
        and cell.judged
        for cell in case.cells
    )


def _least_movement(case: Case, control: str, zone: str) -> tuple[int, bool]:
    """How far the cells of one control and zone must move in all for their sum to be the zone's.

    Exact where the control splits persons by one column and its figures are undisturbed; otherwise
    other controls, household sizes that must hold the persons, or cells that keep to their
    intervals may ask for more.
    """
    row = [c for c in case.cells if c.control.id == control and c.zone == zone]
    published = sum(cell.target or 0 for cell in row)
    there = sum(cell.observed or 0 for cell in row)
    if any(cell.target is None for cell in row):
        return 0, False
    control_of = row[0].control
    alone = control_of.counts == "persons" and len(control_of.by) == 1 and not row[0].reach
    return int(abs(there - published)), alone
