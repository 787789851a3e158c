"""Bringing files for a task one holds: through the one door of validation, into a new pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.conduct import bring as take_in
from synthestat.cycle.intake import LARGEST, MOST_FILES
from synthestat.cycle.roles import Action
from synthestat.errors import ConflictError, InputError
from synthestat.server.site import Visit
from synthestat.server.words import Strict

MOST_TIMES = 20  # that files are brought for one task: each makes a pack. Assumption


class Brought(Strict):
    """The pack that was made of what was brought: give `{"pack": pack}` as the task's result."""

    pack: str
    digest: str
    files: list[str]


def bring(asked: Visit, task_id: int, lease: str, files: Sequence[tuple[str, BinaryIO]]) -> Brought:
    """Take in files for a task; a sign of life as well. Raises InputError with every fault."""
    asked.demand(Action.BRING)
    acts.keep(asked.board, asked.actor, task_id, lease)
    _not_too_often(asked, task_id)
    if len(files) > MOST_FILES:
        raise InputError(f"{len(files)} files are brought: the most is {MOST_FILES}")
    content = {name: file.read(LARGEST + 1) for name, file in files}
    if len(content) < len(files):
        raise InputError("two of the files that are brought have one name")
    made = take_in(asked.board, asked.actor, task_id, lease, content)
    return Brought(pack=str(made.folder), digest=made.digest, files=sorted(content))


def _not_too_often(asked: Visit, task_id: int) -> None:
    """Raise ConflictError where so many packs were made for a task that a disk could fill."""
    held = queries.task(asked.board, task_id)
    if held.cycle_id is None:
        return
    cycle = queries.cycle(asked.board, held.cycle_id)
    place = Path(cycle.options["out"]) / "cycles" / str(cycle.id)
    if len(list(place.glob(f"pack-{task_id}-*"))) >= MOST_TIMES:
        raise ConflictError(
            f"files were brought {MOST_TIMES} times for task {task_id}",
            remedy="finish it with one of the packs, or fail it",
        )
