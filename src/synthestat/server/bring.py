"""Bringing files for a task one holds: through the one door of validation, into a new pack."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.intake import LARGEST, MOST_FILES, take_in
from synthestat.cycle.roles import Action
from synthestat.cycle.workers import pack_before
from synthestat.errors import ConflictError, InputError
from synthestat.packs.pack import find_pack
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
    held = queries.task(asked.board, task_id)
    if held.cycle_id is None:
        raise ConflictError(f"task {task_id} is of no cycle, so it has no pack to change")
    cycle = queries.cycle(asked.board, held.cycle_id)
    if len(files) > MOST_FILES:
        raise InputError(f"{len(files)} files are brought: the most is {MOST_FILES}")
    content = {name: file.read(LARGEST + 1) for name, file in files}
    if len(content) < len(files):
        raise InputError("two of the files that are brought have one name")
    tasks = sorted(queries.tasks(asked.board, cycle_id=cycle.id), key=lambda each: each.id)
    place = Path(cycle.options["out"]) / "cycles" / str(cycle.id)
    place.mkdir(parents=True, exist_ok=True)
    if len(list(place.glob(f"brought-{task_id}-*"))) >= MOST_TIMES:
        raise ConflictError(
            f"files were brought {MOST_TIMES} times for task {task_id}",
            remedy="finish it with one of the packs, or fail it",
        )
    base = find_pack(pack_before(cycle, tasks, task_id)).folder
    made = take_in(base, content, place / f"brought-{task_id}-{secrets.token_hex(4)}")
    return Brought(pack=str(made.folder), digest=made.digest, files=sorted(content))
