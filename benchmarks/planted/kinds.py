"""What a kind of defect is, how bad it may be, and how one is registered.

A kind is a plain function that damages a `PlantedRun`, under `@kind(finding, check, ...)`. Its
family is the file that it stands in. It chooses rows by what they are, never by a country's codes,
and takes as many of them as the run's severity says (`run.take`, `run.pick`):

    @kind(6, "partner_links", *GRADED)
    def partner_on_one_side_only(run: PlantedRun) -> None:
        people = run.take(run.people(pl.col("person_id") < pl.col("partner_id")))
        run.put(PERSONS, "person_id", people["person_id"], partner_id=None)

Where a country has no such row it raises NotApplicable; where nothing that anybody states has
changed, ChangesNoClaim. Both are decided while planting, without the reviewer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planted.kit import PlantedRun

ONE, FEW, MANY = "one", "few", "many"
GRADED = (ONE, FEW, MANY)
"""One row (cell, line, entry); about 1 % of those there are, two at least; about 30 %, three."""
SHARES = {FEW: (0.01, 2), MANY: (0.30, 3)}
BYTE, BLOCK, WHOLE = "byte", "block", "whole"
BYTES = (BYTE, BLOCK, WHOLE)
"""One byte of a file; up to 512 bytes in its middle; all of it."""
SEVERITIES = (*GRADED, *BYTES)
PLAIN, LAYERED, INSTITUTIONS, REPLICATES = "plain", "layered", "institutions", "replicates"
BASES = (PLAIN, LAYERED, INSTITUTIONS, REPLICATES)
"""The good run to plant in: as built; with invented layers; with institutions; of replicates."""

Plant = Callable[["PlantedRun"], None]


class NotApplicable(Exception):  # noqa: N818 - it says what is so, and is no error
    """The run has nothing that could be damaged in this way, or not so much of it."""


class ChangesNoClaim(Exception):  # noqa: N818 - as above
    """The damage leaves everything that is stated as it was."""


@dataclass(frozen=True)
class Kind:
    """A kind of defect. `sealed`: seal the run after planting, so that only the claim is false."""

    id: str
    family: str
    finding: int | None
    check: str
    severities: tuple[str, ...]
    plant: Plant
    base: str = PLAIN
    sealed: bool = True


KINDS: list[Kind] = []
"""Every registered kind, in the order of the families and of their files."""


def kind(
    finding: int | None,
    check: str,
    *severities: str,
    base: str = PLAIN,
    sealed: bool = True,
    name: str = "",
    into: list[Kind] = KINDS,
) -> Callable[[Plant], Plant]:
    """Register a function that plants a defect which the check with this id must find.

    `finding` is its number in the list of docs/methods.md, None if it has none; without severities
    it is planted once, as `one`. `name` is for functions made in a loop.
    """
    unknown = sorted({*severities} - {*SEVERITIES}) + sorted({base} - {*BASES})
    if unknown:
        raise ValueError(f"no severity or base {', '.join(unknown)}")

    def register(plant: Plant) -> Plant:
        family = plant.__module__.rpartition(".")[2]
        own = f"{family}.{name or plant.__name__}"
        if any(each.id == own for each in into):
            raise ValueError(f"two kinds are called {own}")
        into.append(Kind(own, family, finding, check, severities or (ONE,), plant, base, sealed))
        return plant

    return register
