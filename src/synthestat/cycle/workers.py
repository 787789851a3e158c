"""The built-in workers: what a program can do of each kind of task, by the rules for all.

Each is a plain function of a job that returns the result that it claims and a summary; what is kept
of the result is read from the files (`results.completed`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthestat.bundle.manifest import run_id
from synthestat.cycle.fixes import fixed_priors, next_fix
from synthestat.cycle.intake import brought_from, take_in
from synthestat.cycle.process import read_gap, rounds_of
from synthestat.cycle.research import look, read_shelf, summary_of
from synthestat.cycle.results import BUILDS, built_in, run_folder
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.rounds import Round
from synthestat.cycle.values import Cycle, Status, Task
from synthestat.errors import BlockedError, InputError
from synthestat.packs.pack import CountryPack, find_pack

Tell = Callable[[str, int, int], None]
MODELER = Actor("built-in modeler", frozenset({Role.MODELER}))
REVIEWER = Actor("built-in reviewer", frozenset({Role.REVIEWER}))
RESEARCHER = Actor("built-in researcher", frozenset({Role.MARGINALS, Role.DISTRIBUTIONS}))
DOWNLOADER = Actor("built-in downloader", frozenset({Role.DOWNLOADER}))
WORKERS = (MODELER, REVIEWER, RESEARCHER, DOWNLOADER)


@dataclass(frozen=True)
class Tools:
    """How to build and to review.

    `build(pack, seed, out, tell)` writes a run and returns its folder, or raises BlockedError;
    `review(run, snapshots)` writes the record beside it.
    """

    build: Callable[[Path, int, Path, Tell], Path]
    review: Callable[[Path, Path], None]


@dataclass(frozen=True)
class Job:
    """A claimed task with what it needs: its cycle, the tasks of it, tools, and who listens."""

    task: Task
    cycle: Cycle
    tasks: Sequence[Task]
    tools: Tools
    tell: Tell

    @property
    def out(self) -> Path:
        """The folder of runs."""
        return Path(self.cycle.options["out"])

    def pack(self) -> CountryPack:
        """Return the pack as the cycle has made it so far."""
        return find_pack(str(pack_before(self.cycle, self.tasks, self.task.id)))

    def new_pack(self) -> Path:
        """Return a folder for the pack of this task; what an earlier try left is removed."""
        folder = self.out / "cycles" / str(self.cycle.id) / f"pack-{self.task.id}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder


Worked = tuple[dict[str, Any], str]


def pack_before(cycle: Cycle, tasks: Sequence[Task], task_id: int) -> str:
    """Return the pack (name or folder) that holds before a task: the last one made in its cycle."""
    made = [
        str(task.result["pack"])
        for task in tasks
        if task.id < task_id and task.status is Status.DONE and "pack" in task.result
    ]
    return made[-1] if made else str(cycle.options["pack"])


def build(job: Job) -> Worked:
    """Build the country; a run of the same id that lies there is taken, but for a rebuild."""
    pack = job.pack()
    seed = int(job.cycle.options["seed"]) + (job.task.kind == "twin_build")
    identity = run_id(pack, seed)
    folder = run_folder(job.out, identity)
    if folder.is_dir() and job.task.kind != "rebuild":
        return {"run_id": identity}, f"{identity} lies there already: same pack, sources and engine"
    try:
        job.tools.build(pack.folder, seed, job.out, job.tell)
    except BlockedError as error:
        return {"run_id": identity, "blocked": True}, error.message
    return {"run_id": identity}, f"built {identity}"


def review(job: Job) -> Worked:
    """Review the run that was built in this round."""
    job.tell("reviewing from the files", 0, 1)
    identity = str(built_in(job.task, job.tasks).result["run_id"])
    job.tools.review(run_folder(job.out, identity), job.pack().snapshots)
    return {}, f"reviewed {identity}"


def fix(job: Job) -> Worked:
    """Change the pack of the best round by the first declared fix that was not tried yet."""
    rounds = rounds_of(job.tasks)
    best = best_round(rounds)
    builds = [t for t in job.tasks if t.round == best.number and t.kind in BUILDS]
    review_ = next(t for t in job.tasks if t.round == best.number and t.kind == "review")
    pack = find_pack(pack_before(job.cycle, job.tasks, builds[0].id))
    tried = [str(t.result["fix"]) for t in job.tasks if "fix" in t.result]
    found = next_fix(pack, review_.result["blocking"], tried)
    if found is None:
        return {"none_left": True}, f"no fix is left: {len(tried)} were tried"
    made = take_in(pack.folder, {"pack/priors.yaml": fixed_priors(pack, found)}, job.new_pack())
    return {"fix": found.id, "what": found.what, "pack": str(made.folder)}, found.what


def best_round(rounds: Sequence[Round]) -> Round:
    """Return the round that the fewest checks keep from PASS, the first of them."""
    reviewed = [each for each in rounds if each.gaps] or list(rounds)
    return min(reviewed, key=lambda each: (len(each.blocking), each.number))


def research(job: Job) -> Worked:
    """Look for what closes the task's gap, where a program can look."""
    gap = read_gap(job.task.payload["gap"])
    job.tell(f"looking for {gap.name}", 0, 1)
    found = look(gap, job.pack(), read_shelf(_shelf(job)))
    return found, summary_of(found)


def _shelf(job: Job) -> Path | None:
    shelf = job.cycle.options.get("shelf")
    return Path(shelf) if shelf else None


def freeze(job: Job) -> Worked:
    """Freeze what the researchers found, each offer whole; what is not sound is refused."""
    parents = [task for task in job.tasks if task.id in job.task.parents]
    wanted = {str(name) for task in parents for name in task.result.get("found", ())}
    before = [str(name) for task in job.tasks for name in task.result.get("taken", ())]
    pack, place, made = job.pack(), job.new_pack(), None
    taken: list[str] = []
    refused: dict[str, list[str]] = {}
    for offer in read_shelf(_shelf(job)):
        if offer.id not in wanted or offer.id in before:
            continue
        job.tell(f"freezing {offer.id}", 0, 1)
        step = place.with_name(f"{place.name}-{len(taken)}")
        shutil.rmtree(step, ignore_errors=True)
        try:
            made = take_in((made or pack).folder, brought_from(offer.folder), step)
            taken.append(offer.id)
        except InputError as error:
            refused[offer.id] = [error.message, *error.faults]
    result: dict[str, Any] = {"taken": taken, "refused": refused}
    said = f"took in {', '.join(taken)}" if taken else "nothing new to freeze"
    if refused:
        said += f"; refused {', '.join(refused)}"
    if made is None:
        return result, said
    made.folder.rename(place)
    for left in place.parent.glob(f"{place.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
    return {**result, "pack": str(place)}, said


HANDLERS: dict[str, Callable[[Job], Worked]] = {
    "build": build,
    "rebuild": build,
    "twin_build": build,
    "review": review,
    "twin_review": review,
    "fix": fix,
    "research_marginals": research,
    "research_distributions": research,
    "freeze": freeze,
}
"""What the built-in workers do, by kind of task."""
