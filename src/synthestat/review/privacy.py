"""Checks of the release: its mode, the disclosure checks behind it, and what they counted.

docs/layers.md says what an entry of `checks` in privacy_report.json holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthestat.review.case import Case
from synthestat.review.definitions import BINDING
from synthestat.review.record import Answer, Status, found, skipped
from synthestat.review.recount import Cell

REPORT = "privacy_report.json"
MODES = ("internal", "restricted", "public")
"""Kept by its makers; given to named users under terms; given to anyone."""
NEEDED = ("small_cells", "uniqueness", "determined_claims")
"""The checks without which nothing is released."""
KEYS = ("zone_code", "age", "sex")
"""What anyone knows of a neighbour: keys that uniqueness takes in; assumption, no source."""
NONE_RUN = "No disclosure check has been run"
"""What the statement says if and only if the report has no check."""
RESULTS = ("PASS", "FAIL")


def release_mode(case: Case) -> Answer:
    """A run that is released has every disclosure check behind it, each with a result, none failed.

    Modes, results and findings keep to their words in an internal run too.
    """
    report = case.json(REPORT)
    mode, checks = str(report["release_mode"]), list(report["checks"])
    faults = [] if mode in MODES else [f"release mode {mode!r} is none of {', '.join(MODES)}"]
    statement = " ".join(str(report.get("statement") or "").split())
    if not statement:
        faults.append(f"{REPORT}: no statement")
    elif (NONE_RUN in statement) == bool(checks):
        said = "says" if checks else "does not say"
        faults.append(f"{REPORT}: {len(checks)} checks, and its statement {said}: {NONE_RUN}")
    failed = [str(each["id"]) for each in checks if each.get("result") == "FAIL"]
    faults += [
        f"{each.get('id')}: result {each.get('result')!r}"
        for each in checks
        if each.get("result") not in RESULTS
    ]
    if failed and not report["findings"]:
        faults.append(f"{', '.join(failed)}: failed, and no finding says so")
    if mode != "internal":
        there = [str(each.get("id")) for each in checks]
        faults += [
            f"release mode {mode!r} without the disclosure check {name}"
            for name in NEEDED
            if name not in there
        ]
        faults += [f"release mode {mode!r} although {name} failed" for name in failed]
        faults += [f"finding: {each}" for each in report["findings"]]
    figures = {"mode": mode, "checks": len(checks)}
    fine = "internal: not for release" if mode == "internal" else f"{mode}: {len(checks)} checks"
    return found(faults, fine, figures=figures)


def disclosure_figures(case: Case) -> Answer:
    """Every disclosure check that can be counted again says what the tables of the run hold."""
    checks = list(case.json(REPORT)["checks"])
    if not checks:
        return skipped("no disclosure check is reported")
    faults: list[str] = []
    unknown = []
    for entry in checks:
        name = str(entry.get("id"))
        if name not in _RECOMPUTED:
            unknown.append(name)
            continue
        count, judged = _RECOMPUTED[name]
        recomputed = count(case, entry)
        faults += [
            f"{name}: {key} {entry.get(key)} stated, {value:,} recomputed"
            for key, value in recomputed.items()
            if entry.get(key) != value
        ]
        faults += [f"{name}: {fault}" for fault in _reach_faults(case, name, entry)]
        most = entry.get("most")
        if not isinstance(most, int | float):
            faults.append(f"{name}: no `most`, the largest figure that was to be accepted")
        elif (entry.get("result") == "PASS") != (recomputed[judged] <= most):
            faults.append(
                f"{name}: {entry.get('result')}, with {judged} {recomputed[judged]:,} "
                f"and at most {most:,} accepted"
            )
    answer = found(faults, f"{len(checks) - len(unknown)} disclosure checks as recomputed")
    if unknown and answer.status is Status.PASS:
        said = f"not recomputed: {', '.join(unknown)}"
        return Answer(Status.WARN, said, {}, tuple(unknown))
    return answer


def determined_groups(cells: tuple[Cell, ...], controls: list[str]) -> tuple[int, int]:
    """(groups, those whose members a table gives away) of published persons by category.

    A group is what a table shares in all but its last column; it is given away where one category
    of two or more has all its members, so that to be in it is to have that category. Figures that
    stand for an interval give nobody away.
    """
    groups: dict[tuple[str, ...], list[float]] = {}
    for cell in cells:
        if cell.control.id in controls and cell.control.by and cell.target is not None:
            group = cell.category.rpartition(";")[0]
            held = groups.setdefault((cell.control.id, cell.zone, group), [])
            held.append(cell.target if not cell.reach else -1.0)
    shared = [held for held in groups.values() if len(held) > 1 and sum(map(abs, held)) > 0]
    given_away = [h for h in shared if min(h) >= 0 and sum(figure > 0 for figure in h) == 1]
    return len(shared), len(given_away)


def telling_controls(case: Case) -> list[str]:
    """The binding controls that split persons: what everybody may know of the population."""
    return [
        control.id
        for control in case.pack.controls
        if control.counts == "persons"
        and control.level in BINDING
        and control.by
        and not control.total_of
    ]


def _small_cells(case: Case, entry: Mapping[str, Any]) -> dict[str, int]:
    keys, least = _keys(case, entry), int(entry["least"])
    sql = f"SELECT count(*) AS n FROM persons GROUP BY {keys}"
    cells, small = case.rows(f"SELECT count(*), count(*) FILTER (n < {least}) FROM ({sql})")[0]
    return {"cells": int(cells), "small": int(small)}


def _uniqueness(case: Case, entry: Mapping[str, Any]) -> dict[str, int]:
    sql = f"SELECT count(*) AS n FROM persons GROUP BY {_keys(case, entry)}"
    return {"unique": case.count(f"SELECT count(*) FILTER (n = 1) FROM ({sql})")}


def _determined(case: Case, entry: Mapping[str, Any]) -> dict[str, int]:
    named = [str(each) for each in entry["controls"]]
    groups, determined = determined_groups(case.cells, named)
    return {"groups": groups, "determined": determined}


_RECOMPUTED: dict[str, tuple[Callable[[Case, Mapping[str, Any]], dict[str, int]], str]] = {
    "small_cells": (_small_cells, "small"),
    "uniqueness": (_uniqueness, "unique"),
    "determined_claims": (_determined, "determined"),
}
"""How each check is counted again, and which of its figures decides it."""


def _reach_faults(case: Case, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Faults of what a check looked at: keys that everybody knows, every table that tells."""
    if name == "determined_claims":
        named = {str(each) for each in entry["controls"]}
        left_out = [each for each in telling_controls(case) if each not in named]
        if left_out:
            yield f"{', '.join(left_out)} not looked at"
    elif left_out := [key for key in KEYS if key not in entry["keys"]]:
        yield f"keys without {', '.join(left_out)}"


def _keys(case: Case, entry: Mapping[str, Any]) -> str:
    """The columns of a check as SQL; LookupError where persons have no such column."""
    columns = case.columns("persons")
    for key in entry["keys"]:
        if key not in columns:
            raise LookupError(f"{REPORT}: persons have no column {key!r}")
    return ", ".join('"' + str(key) + '"' for key in entry["keys"])
