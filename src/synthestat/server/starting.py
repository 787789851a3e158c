"""Beginning a cycle, and checking a task that is to be made, for the API and the pages."""

from __future__ import annotations

from synthestat.cycle import queries
from synthestat.cycle.conduct import cycle_options
from synthestat.cycle.process import start_cycle
from synthestat.cycle.roles import Action, Role
from synthestat.cycle.values import Cycle, NewTask
from synthestat.errors import ConflictError, InputError
from synthestat.packs.pack import embedded_editions, embedded_packs, find_pack
from synthestat.server.site import Visit
from synthestat.server.words import CycleBody, TaskBody


def countries() -> list[str]:
    """Return the codes of the packs that ship with Synthestat."""
    return sorted({*embedded_packs(), *embedded_editions()})


def start(asked: Visit, body: CycleBody) -> Cycle:
    """Begin a cycle of a pack that ships; a pack in a folder begins on the command line."""
    asked.demand(Action.START)
    if asked.site.runs is None:
        raise ConflictError(
            "this server has no folder of runs, so no cycle can begin",
            remedy="serve with --runs",
        )
    if body.country not in countries():
        raise InputError(
            f"{body.country!r} is no pack that ships with Synthestat",
            faults=countries(),
            remedy="give one of these, or begin on the command line: synthestat cycle FOLDER",
        )
    pack = find_pack(body.country)
    options = cycle_options(body.country, pack, body.seed, asked.site.runs)
    return queries.cycle(asked.board, start_cycle(asked.board, asked.actor, pack.code, options))


def checked_task(asked: Visit, body: TaskBody) -> NewTask:
    """Return a task to be made, once its cycle is found and its role is one that works."""
    asked.demand(Action.CREATE)
    if body.role is Role.PUBLIC:
        raise InputError("nobody works in the role public", remedy="give another role")
    if body.cycle_id is not None:
        queries.cycle(asked.board, body.cycle_id)
    return body.new()
