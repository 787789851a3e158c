"""The process: which tasks follow from the end of another, by process.yaml and the stop rules.

`follow` is called in the change that ends a task, so that the end and what follows from it are one.
The branch follows from the verdict of the reviewer's record alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from synthestat.cycle.board import add_task, cancel_tasks
from synthestat.cycle.database import Board
from synthestat.cycle.events import Change, Row, change
from synthestat.cycle.roles import Action, Actor, Role, demand
from synthestat.cycle.rounds import Next, Round, what_follows
from synthestat.cycle.schema import CYCLES, TASKS
from synthestat.cycle.values import ENDED, NewTask, Status, Task

FILE = Path(__file__).with_name("process.yaml")
PROCESS = "process"
"""By whom the tasks are made that follow from a verdict."""
BLOCKED_BUILD = "BLOCKED_BUILD"
GO_ON = "go on"
TWIN = {"build": "twin_build", "review": "twin_review"}


@dataclass(frozen=True)
class Gap:
    """Evidence that is missing: `kind` is the kind of task that looks for it."""

    name: str
    kind: str
    needed: tuple[str, ...] = ()
    looked_in: tuple[str, ...] = ()
    places_left: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()


@cache
def process() -> Mapping[str, Any]:
    """Return what process.yaml declares."""
    found: Mapping[str, Any] = YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8"))
    return found


def start_cycle(board: Board, actor: Actor, country: str, options: Mapping[str, Any]) -> int:
    """Begin a cycle: a task to build, and one to review that waits for it. Return its id.

    The open cycle of the same country and options is that cycle, also where two begin it at once.
    `options`: `pack` (name or folder), `seed`, and what else the workers take.
    """
    demand(actor, Action.START)
    with change(board) as made:
        for open_one in made.rows(CYCLES, CYCLES.c.country == country, CYCLES.c.status != "ended"):
            if open_one["options"] == dict(options):
                return int(open_one["id"])
        row: Row = {
            "id": made.new_id(CYCLES),
            "country": country,
            "options": dict(options),
            "status": "running",
            "verdict": "",
            "reason": "",
            "created": made.at,
            "ended": None,
        }
        made.record(actor.name, "start cycle", None, {"cycles": [row]})
        _chain(made, row, process()["start"], 1, actor.name)
        return int(row["id"])


def follow(made: Change, task: Task) -> None:
    """Make what follows from the end of a task."""
    if task.cycle_id is None:
        return
    (cycle,) = made.rows(CYCLES, CYCLES.c.id == task.cycle_id)
    if cycle["status"] == "ended":
        return
    if task.kind in ("review", "twin_review"):
        _after_review(made, cycle)
    elif task.kind in ("build", "rebuild", "twin_build") and task.result.get("blocked"):
        _cancel_waiting(made, cycle, "the build is blocked, there is nothing to review")
        _after_review(made, cycle)
    elif task.kind == "fix" and task.result.get("none_left"):
        _cancel_waiting(made, cycle, "no fix is left to try")
        _stop(made, cycle, "plateau: every declared fix was tried")
    elif task.role is Role.HUMAN:
        _after_person(made, cycle, task)


def rounds_of(tasks: Iterable[Task]) -> list[Round]:
    """Return the rounds of a cycle from its tasks, since a person last said to go on."""
    done = [task for task in tasks if task.status is Status.DONE]
    word = [t.round for t in done if t.role is Role.HUMAN and t.result.get("decision") == GO_ON]
    found = []
    for review in (task for task in done if task.kind == "review" or task.result.get("blocked")):
        if review.round <= max(word, default=0) or review.kind == "twin_build":
            continue
        twins = [t for t in done if _twin(t) and t.round == review.round]
        found.append(_round(review, twins[-1] if twins else None))
    return found


def _twin(task: Task) -> bool:
    """Whether a task measured what another seed changes, or found that nothing can be measured."""
    return task.kind == "twin_review" or (
        task.kind == "twin_build" and bool(task.result.get("blocked"))
    )


def _round(review: Task, twin: Task | None) -> Round:
    said = review.result
    gaps = said.get("gaps", {})
    spread = None
    if twin is not None:
        spread = {
            n: abs(gaps[n] - gap) for n, gap in twin.result.get("gaps", {}).items() if n in gaps
        }
    return Round(
        number=review.round,
        verdict=said.get("verdict", BLOCKED_BUILD),
        blocking=frozenset(finding["check"] for finding in said.get("blocking", ())),
        gaps=gaps,
        inputs=said["inputs"],
        run_id=said.get("run_id", ""),
        spread=spread,
    )


def _after_review(made: Change, cycle: Row) -> None:
    tasks = [Task.of(row) for row in made.rows(TASKS, TASKS.c.cycle_id == cycle["id"])]
    rounds = rounds_of(tasks)
    last = rounds[-1]
    branch = process()["branches"][last.verdict]
    found = what_follows(rounds, process()["stop"], branch.get("stop", ""))
    cycle = _say(made, cycle, verdict=last.verdict, reason=found.why)
    if found.kind == "measure":
        _chain(made, cycle, [TWIN[kind] for kind in ("build", "review")], last.number)
    elif found.kind == "stop":
        _stop(made, cycle, found.why)
    else:
        _branch(made, cycle, branch, found, last, tasks)


def _branch(
    made: Change,
    cycle: Row,
    branch: Mapping[str, Any],
    found: Next,
    last: Round,
    tasks: Sequence[Task],
) -> None:
    review = next(task for task in reversed(tasks) if task.round == last.number and _told(task))
    if branch.get("stop"):
        _say(made, cycle, status="waiting", reason=found.why)
        _chain(made, cycle, branch["steps"], last.number, body=_findings(review))
        return
    _chain(made, cycle, branch["steps"], last.number + 1, body=_findings(review), review=review)


def _told(task: Task) -> bool:
    """Whether a task's result is that of a round."""
    return task.status is Status.DONE and (
        task.kind == "review" or bool(task.result.get("blocked"))
    )


def _stop(made: Change, cycle: Row, why: str) -> None:
    """Stop for a person, with the runs there are."""
    tasks = [Task.of(row) for row in made.rows(TASKS, TASKS.c.cycle_id == cycle["id"])]
    rounds = rounds_of(tasks)
    lines = [f"Stopped: {why}.", ""] + [
        f"Round {each.number}: {each.verdict}, {len(each.blocking)} checks keep it from PASS"
        f"{', run ' + each.run_id if each.run_id else ''}"
        for each in rounds
    ]
    review = next((task for task in reversed(tasks) if _told(task)), None)
    body = "\n".join(lines) + ("\n\n" + _findings(review) if review else "")
    cycle = _say(made, cycle, status="waiting", reason=why)
    number = max((task.round for task in tasks), default=1)
    _chain(made, cycle, process()["on_stop"], number, body=body)


def _after_person(made: Change, cycle: Row, task: Task) -> None:
    if task.result.get("decision") == GO_ON:
        cycle = _say(made, cycle, status="running", reason=f"{task.assignee} said to go on")
        _chain(made, cycle, process()["go_on"], task.round + 1)
        return
    _cancel_waiting(made, cycle, "the cycle has ended")
    _say(made, cycle, status="ended", reason=task.summary, ended=made.at)


def _cancel_waiting(made: Change, cycle: Row, why: str) -> None:
    rows = made.rows(TASKS, TASKS.c.cycle_id == cycle["id"])
    cancel_tasks(made, PROCESS, [r["id"] for r in rows if r["status"] not in ENDED], why)


def _say(made: Change, cycle: Row, **new: Any) -> Row:
    changed = {**cycle, **new}
    made.record(PROCESS, "cycle", None, {"cycles": [changed]})
    return changed


def _chain(
    made: Change,
    cycle: Row,
    steps: Sequence[str],
    number: int,
    actor: str = PROCESS,
    *,
    body: str = "",
    review: Task | None = None,
) -> None:
    """Make tasks that follow each other; `research` becomes one a gap of the review."""
    before: tuple[int, ...] = ()
    for step in steps:
        gaps = gaps_of(review) if step == "research" and review else []
        if step == "research":
            made_now = [
                _task(made, cycle, gap.kind, number, before, actor, _need(gap), gap) for gap in gaps
            ]
        else:
            made_now = [_task(made, cycle, step, number, before, actor, body)]
        before = tuple(made_now) or before


def _task(
    made: Change,
    cycle: Row,
    kind: str,
    number: int,
    parents: tuple[int, ...],
    actor: str,
    body: str,
    gap: Gap | None = None,
) -> int:
    declared = process()["kinds"][kind]
    words = {
        "country": cycle["country"],
        "round": number,
        "gap": gap.name.replace("_", " ") if gap else "",
    }
    payload: dict[str, Any] = {}
    if "decisions" in declared:
        payload["decisions"] = list(declared["decisions"])
    if gap is not None:
        payload["gap"] = {name: _plain(value) for name, value in vars(gap).items()}
    new = NewTask(
        kind=kind,
        title=declared["title"].format(**words),
        role=Role(declared["role"]),
        body=body,
        cycle_id=cycle["id"],
        round=number,
        parents=parents,
        payload=payload,
    )
    return add_task(made, actor, new)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _findings(review: Task) -> str:
    """Return a review's blocking findings as text."""
    said = review.result
    lines = [f"Verdict {said.get('verdict', BLOCKED_BUILD)}: {said.get('when', review.summary)}"]
    for finding in said.get("blocking", ()):
        lines += ["", f"{finding['check']}: {finding['notes']}", f"  remedy: {finding['remedy']}"]
        lines += [f"  - {row}" for row in finding["rows"][:5]]
    return "\n".join(lines)


def _need(gap: Gap) -> str:
    """Return what is asked of a researcher."""
    parts = {
        "Needed": gap.needed,
        "Looked in already": gap.looked_in,
        "Places left": gap.places_left,
        "Rows": gap.rows,
    }
    lines = [f"Missing: {gap.name}"]
    for name, values in parts.items():
        lines += [f"{name}:", *(f"  - {value}" for value in values)] if values else []
    return "\n".join(lines)


def gaps_of(review: Task) -> list[Gap]:
    """Return what a review (or a blocked build) says is missing, in its order."""
    return [read_gap(gap) for gap in review.result.get("missing", ())]


def read_gap(said: Mapping[str, Any]) -> Gap:
    """Read a gap as a task holds it."""
    lists = {
        name: tuple(map(str, value)) for name, value in said.items() if isinstance(value, list)
    }
    return Gap(str(said["name"]), str(said["kind"]), **lists)


def stop_for_person(board: Board, cycle_id: int, why: str) -> None:
    """Stop a cycle in which nothing can go on, for a person."""
    with change(board) as made:
        (cycle,) = made.rows(CYCLES, CYCLES.c.id == cycle_id)
        _cancel_waiting(made, cycle, why)
        _stop(made, cycle, why)
