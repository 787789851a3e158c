"""Published cells as one system of rows over whole unknowns: can any population meet them?

A row keeps a weighted sum of unknowns between two bounds; unknowns are whole and not negative. A
solution is checked in whole numbers by adding up, whoever found it; a conflicting set is rows of
which no solution keeps all, and of which any one may be dropped to have one. Solved by HiGHS
(Huangfu and Hall 2018) through scipy; the conflicting set by the deletion filter (Chinneck and
Dravnieks 1991).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack, identity

SLACK = 1e-6  # of a unit: rounding of a row's bounds and sums in floating point
INFEASIBLE = 2  # scipy.optimize.milp's status word for it


class Found(StrEnum):
    """How a search ended; OPEN: neither a solution nor a proof that there is none."""

    SOLUTION = "solution"
    NONE = "none"
    OPEN = "open"


@dataclass(frozen=True)
class Row:
    """`low` <= the sum of terms[i] times unknown i <= `high`; None: no bound on that side."""

    label: str
    terms: Mapping[int, float]
    low: float | None
    high: float | None

    @property
    def said(self) -> str:
        """The row in words: its label and its bounds."""
        if self.low == self.high:
            return f"{self.label}: {self.low:,.6g}"
        low = "any" if self.low is None else f"{self.low:,.6g}"
        high = "any" if self.high is None else f"{self.high:,.6g}"
        return f"{self.label}: {low} to {high}"


@dataclass(frozen=True)
class System:
    """Rows over unknowns that have names."""

    unknowns: tuple[str, ...]
    rows: tuple[Row, ...]

    def only(self, labels: Iterable[str]) -> System:
        """The system with the rows that have these labels."""
        kept = set(labels)
        return System(self.unknowns, tuple(row for row in self.rows if row.label in kept))

    def faults(self, solution: Mapping[str, object]) -> list[str]:
        """What keeps a table of unknowns (absent: 0) from being a whole solution; [] if nothing."""
        faults = [
            f"{name}: there is no such unknown" for name in solution.keys() - {*self.unknowns}
        ]
        values = []
        for name in self.unknowns:
            value = solution.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                faults.append(f"{name}: {value!r} is no whole number from 0 up")
                value = 0
            values.append(value)
        for row in self.rows:
            total = sum(weight * values[place] for place, weight in row.terms.items())
            low = row.low is not None and total < row.low - SLACK
            if low or (row.high is not None and total > row.high + SLACK):
                faults.append(f"{row.said}, but the table gives {total:,.6g}")
        return sorted(faults)


def solve(
    system: System, *, nodes: int, near: Mapping[str, int] | None = None
) -> tuple[Found, dict[str, int]]:
    """Search a whole solution, the one nearest in absolute differences to `near` if given.

    Returns how the search ended and the unknowns that are not 0. A solution has been checked by
    adding up; NONE is HiGHS's proof over the rows, in floating point.
    """
    if not system.rows:
        return Found.SOLUTION, {}
    number = len(system.unknowns)
    matrix, low, high = _matrix(system)
    cost = np.zeros(number)
    if near is not None:  # x - u + v = near, u and v not negative: their sum is what is least
        start = np.array([near.get(name, 0) for name in system.unknowns], dtype=np.float64)
        cost = np.concatenate([cost, np.ones(2 * number)])
        moved = hstack([identity(number), -identity(number), identity(number)])
        wider = hstack([matrix, csr_array((len(system.rows), 2 * number))])
        constraints = [LinearConstraint(wider, low, high), LinearConstraint(moved, start, start)]
    else:
        constraints = [LinearConstraint(matrix, low, high)]
    whole = np.zeros(cost.size, dtype=np.int64)
    whole[:number] = 1
    result = milp(
        cost,
        integrality=whole,
        bounds=Bounds(0, np.inf),
        constraints=constraints,
        options={"node_limit": nodes, "mip_rel_gap": 0.01},
    )
    if result.status == INFEASIBLE:
        return Found.NONE, {}
    if result.x is None:
        return Found.OPEN, {}
    values = np.rint(result.x[:number]).astype(np.int64).tolist()
    solution = {n: int(v) for n, v in zip(system.unknowns, values, strict=True) if v}
    return (Found.OPEN, {}) if system.faults(solution) else (Found.SOLUTION, solution)


def conflicting(system: System, *, nodes: int) -> tuple[str, ...]:
    """Labels of an irreducible set of rows that no solution keeps; () where none is proved.

    Rows are taken away in halves, then quarters and so on, as long as the rest stays without a
    solution; at last every single one has been tried.
    """
    kept = [row.label for row in system.rows]
    if solve(system, nodes=nodes)[0] is not Found.NONE:
        return ()
    size = max(len(kept) // 2, 1)
    while True:
        at = 0
        while at < len(kept):
            rest = kept[:at] + kept[at + size :]
            if rest and solve(system.only(rest), nodes=nodes)[0] is Found.NONE:
                kept = rest
            else:
                at += size
        if size == 1:
            return tuple(kept)
        size = max(size // 2, 1)


def irreducible_faults(system: System, labels: Sequence[str], *, nodes: int) -> list[str]:
    """What keeps rows from being an irreducible conflicting set of a system; [] if nothing."""
    known = {row.label for row in system.rows}
    faults = [f"{label}: no such row" for label in labels if label not in known]
    if faults or not labels:
        return faults or ["the set is empty"]
    if solve(system.only(labels), nodes=nodes)[0] is not Found.NONE:
        return ["a population can keep all of these rows"]
    for label in labels:
        rest = [other for other in labels if other != label]
        if rest and solve(system.only(rest), nodes=nodes)[0] is Found.NONE:
            faults.append(f"{label}: the others contradict each other without it")
    return faults


def _matrix(system: System) -> tuple[csr_array, list[float], list[float]]:
    places = [(at, place) for at, row in enumerate(system.rows) for place in row.terms]
    weights = [weight for row in system.rows for weight in row.terms.values()]
    shape = (len(system.rows), len(system.unknowns))
    ends = (np.array([p[0] for p in places], dtype=np.int64), [p[1] for p in places])
    matrix = csr_array(coo_array((weights, ends), shape=shape))
    low = [-np.inf if row.low is None else row.low for row in system.rows]
    high = [np.inf if row.high is None else row.high for row in system.rows]
    return matrix, low, high
