"""The pages of tasks: one a task, and a list of all, from the board that lies with the runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from synthestat.cycle import queries
from synthestat.cycle.database import Board
from synthestat.cycle.values import Comment, Cycle, Event, Task, TaskRun
from synthestat.site.writing import Site, country_page, run_page

TASKS = "tasks.html"
T = TypeVar("T", Comment, Event, TaskRun)


def task_page(number: int) -> str:
    """Address of a task's page."""
    return f"task_{number}.html"


def write_tasks(site: Site, board: Board, runs: Collection[str]) -> None:
    """Write the pages of a board's tasks; `site` then knows each country's tasks and cycle.

    `runs` are the ids of the runs that have pages.
    """
    tasks = sorted(queries.tasks(board), key=lambda task: task.id)
    cycles = {cycle.id: cycle for cycle in queries.cycles(board)}
    site.cycles |= {cycle.country: cycle for cycle in cycles.values()}
    site.templates.globals["further_navigation"] = ((TASKS, "Tasks"),)
    for task in tasks:
        cycle = cycles.get(task.cycle_id or 0)
        if cycle is not None and site.cycles[cycle.country].id == cycle.id:
            site.tasks.setdefault(cycle.country, []).append(_line(task))
    tries = _by_task(queries.all_runs(board))
    said = _by_task(queries.all_comments(board))
    events = _by_task(queries.events(board))
    by_id = {task.id: task for task in tasks}
    for task in tasks:
        context = _context(task, cycles.get(task.cycle_id or 0), by_id)
        run = str(task.result.get("run_id", ""))
        context["run"] = (run_page(run), run) if run in runs else None
        context |= {"runs": tries[task.id], "comments": said[task.id], "events": events[task.id]}
        site.write(task_page(task.id), "task.html.j2", context)
    lines = [
        (cycle, [_line(t) for t in tasks if t.cycle_id == cycle.id]) for cycle in cycles.values()
    ]
    loose = [_line(task) for task in tasks if task.cycle_id is None]
    site.write(TASKS, "tasks.html.j2", {"cycles": lines[::-1], "loose": loose})


def _by_task(found: Iterable[T]) -> dict[int, list[T]]:
    grouped: dict[int, list[T]] = defaultdict(list)
    for each in found:
        if each.task_id is not None:
            grouped[each.task_id].append(each)
    return grouped


def _line(task: Task) -> dict[str, str]:
    """What a list says of a task."""
    return {
        "number": str(task.id),
        "address": task_page(task.id),
        "title": task.title,
        "state": task.status.value,
        "role": task.role.value,
        "summary": task.summary.partition("\n")[0],
    }


def _context(task: Task, cycle: Cycle | None, by_id: dict[int, Task]) -> dict[str, Any]:
    """What a task's page states, but for what was tried and said."""
    children = [each for each in by_id.values() if task.id in each.parents]
    return {
        "task": task,
        "cycle": cycle,
        "country": None if cycle is None else country_page(cycle.country),
        "parents": [_line(by_id[number]) for number in task.parents if number in by_id],
        "children": [_line(each) for each in children],
        "findings": task.result.get("blocking", []),
        "facts": [
            (name, value)
            for name, value in task.result.items()
            if isinstance(value, (str, int, float)) and not isinstance(value, bool)
        ],
        "lists": [
            (name, value)
            for name, value in task.result.items()
            if isinstance(value, list) and value and all(isinstance(v, str) for v in value)
        ],
    }
