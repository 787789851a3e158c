"""The built-in workers: what a program can do of each kind of task, by the rules for all.

Each is a plain function of a job that returns the result that it claims and a summary; what is kept
of the result is read from the files (`results.completed`).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from synthestat.bundle.manifest import run_id
from synthestat.bundle.write import write_blocked
from synthestat.cycle.fixes import fixed_priors, next_fix
from synthestat.cycle.intake import brought_from, take_in
from synthestat.cycle.process import read_gap, rounds_of
from synthestat.cycle.research import look, read_shelf, summary_of
from synthestat.cycle.results import built_in, pack_before, run_folder
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.rounds import Round
from synthestat.cycle.values import Cycle, Task
from synthestat.errors import BlockedError, InputError, SnapshotError
from synthestat.packs.pack import CountryPack, embedded_editions, find_pack
from synthestat.sources.snapshots import SnapshotStore

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
    except SnapshotError as error:
        lost = BlockedError(error.message, faults=error.faults, remedy=error.remedy)
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_blocked(folder.with_name(f"{identity}.blocked.json"), identity, lost)
        return {"run_id": identity, "blocked": True}, error.message
    return {"run_id": identity}, f"built {identity}"


def review(job: Job) -> Worked:
    """Review the run that was built in this round."""
    job.tell("reviewing from the files", 0, 1)
    identity = str(built_in(job.task, job.tasks).result["run_id"])
    job.tools.review(run_folder(job.out, identity), job.pack().snapshots)
    return {}, f"reviewed {identity}"


def fix(job: Job) -> Worked:
    """Change the pack by the first declared fix that was not tried yet.

    A fix after which more checks failed than before is taken back first.
    """
    rounds = rounds_of(job.tasks)
    pack = find_pack(_sound_pack(job, rounds))
    review_ = next(t for t in job.tasks if t.round == rounds[-1].number and t.kind == "review")
    tried = [str(t.result["fix"]) for t in job.tasks if "fix" in t.result]
    found = next_fix(pack, review_.result["blocking"], tried)
    if found is None:
        return {"none_left": True}, f"no fix is left: {len(tried)} were tried"
    made = take_in(pack.folder, {"pack/priors.yaml": fixed_priors(pack, found)}, job.new_pack())
    return {"fix": found.id, "what": found.what, "pack": str(made.folder)}, found.what


def _sound_pack(job: Job, rounds: Sequence[Round]) -> str:
    """Return the pack as it is, or as it was before a fix that made matters worse."""
    latest = pack_before(job.cycle, job.tasks, job.task.id)
    fixes = [t for t in job.tasks if t.kind == "fix" and t.result.get("pack") == latest]
    if fixes and len(rounds) > 1 and len(rounds[-1].blocking) > len(rounds[-2].blocking):
        return pack_before(job.cycle, job.tasks, fixes[-1].id)
    return latest


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
    lost = restorable(pack, _shelf(job))
    if lost:
        step = place.with_name(f"{place.name}-{len(taken)}")
        shutil.rmtree(step, ignore_errors=True)
        made = take_in(pack.folder, lost, step)
        taken += [f"extract {PurePosixPath(name).stem[:12]}" for name in lost]
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


def restorable(pack: CountryPack, shelf: Path | None) -> dict[str, bytes]:
    """Return the extracts that a pack has lost and that lie elsewhere, as `take_in` takes them.

    Looked for by their hash in the embedded packs and on the shelf.
    """
    own = SnapshotStore(pack.snapshots)
    lost = {source.sha256 for source in pack.sources.values() if not _sound(own, source.sha256)}
    if not lost:
        return {}
    folders = [home / "snapshots" for home in embedded_editions().values()]
    folders += sorted(shelf.glob("*/snapshots")) if shelf else []
    found = {}
    for file in (file for folder in folders for file in sorted(folder.glob("*.json"))):
        content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 in lost:
            found[f"snapshots/{sha256}.json"] = content
    return found


def _sound(store: SnapshotStore, sha256: str) -> bool:
    try:
        store.read(sha256)
    except SnapshotError:
        return False
    return True


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
