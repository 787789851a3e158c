"""The words of a relaxation: its cells, and the whole numbers that its proof rests on.

A proof is written for people, so its sentences are not parsed: every whole number in it is looked
for among the figures that the published cells and the files give for the relaxed cell's place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from synthestat.review.case import Case
from synthestat.review.recount import Cell

NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+)(?![\w.]*\w)")
RANGE = re.compile(rf"{NUMBER.pattern} to {NUMBER.pattern}")
SEARCH = re.compile(r"over \d+ rows|gap 0, \d+ nodes")
"""What a proof says of the search for it: how many rows a dual solution has, nodes of a tree."""

NOTED = re.compile(
    r"`([^`]+)`: published ([\d,]+), reached ([\d,]+), moved ([\d,]+)(?: \w+\. (.*)\.$)?",
    re.MULTILINE,
)
"""A relaxation in model_notes.md: its id, what was published, reached and moved, and its proof."""


@dataclass(frozen=True)
class Told:
    """What can be counted of a case for proofs: cells by control and zone, people and homes."""

    case: Case

    @cached_property
    def rows(self) -> dict[tuple[str, str], list[Cell]]:
        """The cells of each control and zone."""
        rows: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.case.cells:
            rows.setdefault((cell.control.id, cell.zone), []).append(cell)
        return rows

    @cached_property
    def held(self) -> dict[str, list[tuple[Any, ...]]]:
        """(zone, universe, number) of persons and of households."""
        views = [v for v in ("persons", "households") if not self.case.declared_unavailable(v)]
        return {
            view: self.case.rows(f"SELECT zone_code, universe, count(*) FROM {view} GROUP BY ALL")
            for view in views
        }

    @cached_property
    def relaxed(self) -> list[Cell]:
        """The cells that relaxations.json says are relaxed."""
        known = {cell.id: cell for cell in self.case.cells}
        names = [str(entry["constraint_id"]) for entry in self.case.relaxations]
        return [known[name] for name in names if name in known]

    def number(self, view: str, cell: Cell, universe: str) -> int:
        """Persons or households of a universe in the zones of a cell."""
        places, words = self.case.pack.covered[cell.zone], self.case.pack.universe_parts[universe]
        return sum(
            n for zone, word, n in self.held.get(view, ()) if zone in places and word in words
        )


def cell_name(case: Case, cell: Cell) -> str:
    """A cell as relaxations name it: `control [zone; category; fixed codes] (publisher, table)`."""
    split = cell.category.replace(";", ", ")
    fixed = ", ".join(f"{name}={code}" for name, code in cell.control.where.items())
    place = "; ".join(filter(None, (cell.zone, split, fixed)))
    publisher = case.pack.sources[cell.control.table].entry["publisher"]
    return f"{cell.control.id} [{place}] ({publisher}, {cell.control.table})"


def cell_faults(case: Case, cell: Cell, entry: Mapping[str, Any]) -> Iterator[str]:
    """Cells of a relaxation that are not the one that it moves."""
    wanted, said = cell_name(case, cell), entry.get("cells")
    if said != [wanted]:
        yield f"{entry['id']}: its cells are {said}, and should be {[wanted]}"


def proof_faults(told: Told, cell: Cell, entry: Mapping[str, Any]) -> Iterator[str]:
    """Whole numbers of a proof that nothing published or counted gives; a proof without any."""
    proof = str(entry.get("proof") or "")
    if not proof:
        yield f"{entry['id']}: no proof that less would not do"
        return
    known = set(_figures(told, cell, entry, proof))
    text = SEARCH.sub("", proof)
    for control in sorted((c.id for c in told.case.pack.controls), key=len, reverse=True):
        text = text.replace(control, "")
    ranges = [(_whole(low), _whole(high)) for low, high in RANGE.findall(text)]
    numbers = [_whole(number) for number in NUMBER.findall(RANGE.sub("", text))]
    for low, high in ranges:
        if not any(low <= figure <= high for figure in known):
            yield f"{entry['id']}: its proof says {low:,} to {high:,}, and no figure lies there"
    if not numbers and not ranges:
        yield f"{entry['id']}: its proof ({proof!r}) names no figure"
    wrong = [number for number in numbers if number not in known]
    row = told.rows[cell.control.id, cell.zone]
    blurred = any(each.reach or each.target is None for each in row)
    if wrong and not (blurred and len(wrong) < len(numbers)):
        yield (
            f"{entry['id']}: its proof says {', '.join(f'{n:,}' for n in wrong)}, which neither "
            f"the published cells nor the files give for {cell.id}"
        )


def noted_faults(case: Case, text: str) -> Iterator[str]:
    """Lines of the notes, figures and proofs, that relaxations.json contradicts."""
    logged: dict[str, list[Any]] = {
        str(entry["id"]): [entry["target"], entry["achieved"], entry["moved"], entry.get("proof")]
        for entry in case.relaxations
    }
    told = {name: [*map(_whole, rest), proof] for name, *rest, proof in NOTED.findall(text)}
    for name in sorted(logged.keys() | told.keys()):
        if logged.get(name) != told.get(name):
            yield f"{name}: {told.get(name)} in the notes, {logged.get(name)} in relaxations.json"


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


def _figures(told: Told, cell: Cell, entry: Mapping[str, Any], proof: str) -> Iterator[int]:
    """The whole numbers that a proof for a cell may rest on."""
    case, control = told.case, cell.control
    for key in ("target", "achieved", "moved"):
        yield int(entry[key])
    for figure in (cell.target, cell.observed):
        if figure is not None:
            yield round(figure)
    largest = int(case.pack.rules["largest_household"])
    yield largest
    for universe in {control.universe, case.pack.household_universe}:
        persons, homes = (told.number(v, cell, universe) for v in ("persons", "households"))
        yield from (persons, homes)
        if control.cap is not None:
            yield from (control.cap, control.cap * homes)
    yield from _sums(told, cell)
    for same in (True, False):
        yield from _moves(told, cell, proof, own=same)


def _sums(told: Told, cell: Cell) -> Iterator[int]:
    """Sums of the cells that share some classes with a cell, as published and as built.

    And what the row must move by: the differences of those sums, over all such groups.
    """
    row = told.rows[cell.control.id, cell.zone]
    names = cell.category.split(";")
    for many in range(len(names) + 1):
        for shared in combinations(range(len(names)), many):
            groups: dict[tuple[str, ...], list[Cell]] = {}
            for each in row:
                parts = each.category.split(";")
                groups.setdefault(tuple(parts[at] for at in shared), []).append(each)
            sums = {key: _both(cells) for key, cells in groups.items()}
            yield from sums[tuple(names[at] for at in shared)]
            yield sum(abs(published - built) for published, built in sums.values())


def _both(cells: list[Cell]) -> tuple[int, int]:
    return round(sum(c.target or 0 for c in cells)), sum(c.observed or 0 for c in cells)


def _moves(told: Told, cell: Cell, proof: str, *, own: bool) -> Iterator[int]:
    """What the logged relaxations of a zone move in all: of the control, or of all named there.

    Once from the figures, once beyond what the declared noise leaves anyway.
    """
    alike = [
        each
        for each in told.relaxed
        if (each.zone, each.control.level) == (cell.zone, cell.control.level)
        and (each.control.id == cell.control.id if own else each.control.id in proof)
    ]
    yield round(sum(abs(each.residual) for each in alike))
    yield round(sum(max(abs(each.residual) - each.reach, 0) for each in alike))
