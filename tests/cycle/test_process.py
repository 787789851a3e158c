"""The process: each verdict's branch, stops, identities, and that it resumes where it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import Scripted, verdict

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.conduct import begin, by_id, conduct, finish
from synthestat.cycle.events import audit
from synthestat.cycle.process import follow, process
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask, Status
from synthestat.cycle.workers import MODELER
from synthestat.errors import BundleError, ConflictError, RightsError
from synthestat.review.verdict import Verdict

TINY = Path(__file__).parents[1] / "packs" / "tiny"
EVE = Actor.of("eve", "human")
PASSED = verdict("PASS", gaps={"truth": 0.0})
FIX = verdict("NEEDS_MODEL_FIX", "soft_targets")
MORE = verdict("NEEDS_MORE_SOURCES", "missing_layers")


def script(*verdicts):
    """The same verdicts in order of reviews, the last for ever."""
    left = list(verdicts)

    def said(_pack, _seed):
        return left.pop(0) if len(left) > 1 else left[0]

    return said


def unheard(*_):
    pass


@pytest.fixture
def cycle_of(board, tmp_path):
    """Conduct a scripted cycle: `cycle_of(script, ...)` gives the cycle and who worked."""

    def run(said, **more):
        options = {"pack": str(TINY), "seed": 1, "out": str(tmp_path / "runs"), "shelf": ""}
        scripted = Scripted(said, **more)
        begun = begin(board, "ZZ", options)
        return conduct(board, begun.id, scripted.tools, unheard, pause=0.01), scripted

    return run


def kinds(board, cycle, status=None):
    return [t.kind for t in by_id(board, cycle.id) if status is None or t.status == status]


def test_every_verdict_has_a_branch_whose_tasks_are_declared():
    declared = process()
    assert set(declared["branches"]) == {each.value for each in Verdict} | {"BLOCKED_BUILD"}
    for branch in declared["branches"].values():
        assert {step for step in branch["steps"] if step != "research"} <= set(declared["kinds"])
    assert {Role(kind["role"]) for kind in declared["kinds"].values()} == (
        set(Role) - {Role.MANAGER, Role.PUBLIC}
    )


def test_pass_stops_for_delivery(board, cycle_of):
    cycle, scripted = cycle_of(script(PASSED))
    assert (cycle.status, cycle.verdict, cycle.reason) == ("waiting", "PASS", "passed")
    assert kinds(board, cycle) == ["build", "review", "deliver"]
    assert len(scripted.built) == len(scripted.reviewed) == 1
    deliver = by_id(board, cycle.id)[-1]
    acts.sign_off(board, EVE, deliver.id, "delivered", "to the ministry", follow=follow)
    ended = queries.cycle(board, cycle.id)
    assert (ended.status, ended.reason) == ("ended", "delivered, by eve: to the ministry")
    assert audit(board).faults == ()


def test_a_model_is_fixed_and_reviewed_again(board, cycle_of):
    cycle, scripted = cycle_of(script(FIX, PASSED))
    assert kinds(board, cycle) == ["build", "review", "fix", "build", "review", "deliver"]
    fixed = by_id(board, cycle.id)[2]
    assert fixed.result["fix"] == "refinement 60 20"
    assert "soft_targets says so" in fixed.body
    assert (Path(fixed.result["pack"]) / "priors.yaml").is_file()
    assert len(set(scripted.built)) == 2


def test_a_model_that_gains_nothing_stops_for_a_person(board, cycle_of):
    cycle, _ = cycle_of(script(FIX))
    assert kinds(board, cycle) == ["build", "review", "fix", "build", "review", "decide"]
    assert cycle.status == "waiting"
    assert cycle.reason.startswith("plateau: 2 rounds in a row ended NEEDS_MODEL_FIX")
    body = by_id(board, cycle.id)[-1].body
    assert "Round 1: NEEDS_MODEL_FIX" in body
    assert "Round 2: NEEDS_MODEL_FIX" in body


def test_a_gain_within_what_seeds_change_stops(board, cycle_of):
    def said(_pack, seed):
        return verdict("NEEDS_MODEL_FIX", "soft_targets", gaps={"truth": next(gaps)})

    gaps = iter([50.0, 49.0, 47.0])
    cycle, scripted = cycle_of(said)
    assert kinds(board, cycle)[5:] == ["twin_build", "twin_review", "decide"]
    assert "no gain exceeds what another seed changes" in cycle.reason
    assert scripted.built[-1].endswith("_seed2")


def test_a_gain_beyond_what_seeds_change_goes_on(board, cycle_of):
    gaps = iter([50.0, 40.0, 39.5, 39.5, 39.0])

    def said(_pack, seed):
        return verdict("NEEDS_MODEL_FIX", "soft_targets", gaps={"truth": next(gaps)})

    cycle, _ = cycle_of(said)
    made = kinds(board, cycle)
    assert made[:9] == [
        *("build", "review", "fix", "build", "review"),
        *("twin_build", "twin_review", "fix", "build"),
    ]
    assert cycle.status == "waiting"


def test_nothing_new_stops_for_a_person(board, cycle_of):
    cycle, scripted = cycle_of(script(MORE))
    assert kinds(board, cycle) == [
        *("build", "review", "research_marginals", "freeze", "build", "review", "decide"),
    ]
    assert "no source or model is new" in cycle.reason
    assert len(scripted.built) == 1  # the run that lies there is taken
    research = by_id(board, cycle.id)[2]
    assert research.title == "Find synthetic dwellings for ZZ"
    assert research.result["would_help"] == ["dwellings by zone"]
    assert research.result["places_left"] == ["statistical office"]


def test_an_invalid_output_is_built_anew(board, cycle_of):
    cycle, scripted = cycle_of(script(verdict("BLOCKED_INVALID_OUTPUT", "checksums"), PASSED))
    assert kinds(board, cycle) == ["build", "review", "rebuild", "review", "deliver"]
    assert len(scripted.built) == 2
    assert len(set(scripted.built)) == 1


@pytest.mark.parametrize(
    "name",
    ["EVIDENCE_EXHAUSTED_HUMAN_REVIEW", "MODEL_IMPROVEMENT_EXHAUSTED_HUMAN_REVIEW"],
)
def test_what_is_exhausted_goes_to_a_person(board, cycle_of, name):
    cycle, _ = cycle_of(script(verdict(name, "missing_layers")))
    assert kinds(board, cycle) == ["build", "review", "decide"]
    assert (cycle.status, cycle.verdict) == ("waiting", name)


def test_a_blocked_build_asks_for_sources_and_is_not_reviewed(board, cycle_of):
    cycle, scripted = cycle_of(script(PASSED), blocked=[1])
    made = by_id(board, cycle.id)
    assert [(t.kind, t.status.value) for t in made[:3]] == [
        ("build", "done"),
        ("review", "cancelled"),
        ("research_marginals", "done"),
    ]
    assert made[2].payload["gap"]["rows"] == ["one: 1", "two: 2"]
    assert cycle.verdict == "PASS"
    assert len(scripted.reviewed) == 1


def test_a_build_that_stays_blocked_stops(board, cycle_of):
    cycle, _ = cycle_of(script(PASSED), blocked=range(1, 99))
    assert kinds(board, cycle, Status.READY) == ["decide"]
    assert cycle.verdict == "BLOCKED_BUILD"
    assert "no source or model is new" in cycle.reason


def test_a_person_may_say_to_go_on(board, cycle_of):
    cycle, _ = cycle_of(script(FIX))
    decide = by_id(board, cycle.id)[-1]
    acts.sign_off(board, EVE, decide.id, "go on", "a table came", follow=follow)
    assert queries.cycle(board, cycle.id).status == "running"
    again, _ = cycle_of(script(PASSED))
    assert (again.id, again.verdict) == (cycle.id, "PASS")


def test_a_cycle_that_waits_is_not_begun_again(board, cycle_of):
    first, _ = cycle_of(script(FIX))
    tasks = len(queries.tasks(board))
    second, scripted = cycle_of(script(FIX))
    assert second == first
    assert len(queries.tasks(board)) == tasks
    assert scripted.built == []


def test_an_error_of_input_blocks_and_stops_for_a_person(board, cycle_of, monkeypatch):
    def broken(self, *_):
        raise BundleError("the disk is gone")

    monkeypatch.setattr(Scripted, "build", broken)
    cycle, _ = cycle_of(script(PASSED))
    assert kinds(board, cycle) == ["build", "review", "decide"]
    assert cycle.status == "waiting"
    assert "the disk is gone" in cycle.reason
    assert kinds(board, cycle, Status.READY) == ["decide"]


def test_a_task_of_a_kind_of_its_own_is_left_to_others(board, cycle_of):
    first, _ = cycle_of(script(FIX))
    new = NewTask("other", "Look by hand", Role.MODELER, cycle_id=first.id)
    acts.create_task(board, Actor.of("ann", "manager"), new)
    again, scripted = cycle_of(script(FIX))
    assert (again, scripted.built) == (first, [])
    assert kinds(board, again, Status.READY) == ["decide", "other"]


def test_a_task_that_a_manager_blocked_waits_for_the_manager(board, begun):
    cycle, _ = begun
    ann, scripted = Actor.of("ann", "manager"), Scripted(script(PASSED))
    acts.block(board, ann, 1, "wait for the census")
    held = conduct(board, cycle.id, scripted.tools, unheard, pause=0.01)
    assert (held.status, kinds(board, held, Status.TODO)) == ("running", ["review"])
    acts.unblock(board, ann, 1)
    assert conduct(board, cycle.id, scripted.tools, unheard, pause=0.01).verdict == "PASS"


def test_an_interruption_gives_the_task_back(board, cycle_of, monkeypatch):
    def interrupted(self, *_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Scripted, "review", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cycle_of(script(PASSED))
    (review,) = queries.tasks(board, status="ready")
    assert review.kind == "review"
    cycle, scripted = cycle_of(script(PASSED))
    assert cycle.verdict == "PASS"
    assert scripted.built == []


# What others bring and claim


@pytest.fixture
def begun(board, tmp_path):
    """A cycle that nobody works on yet, and its runs' folder."""
    out = tmp_path / "runs"
    return begin(board, "ZZ", {"pack": str(TINY), "seed": 1, "out": str(out), "shelf": ""}), out


BO, DI = Actor.of("bo", "modeler"), Actor.of("bo", "reviewer")


def built_by_bo(board, out):
    scripted = Scripted(script(PASSED))
    run = scripted.build(TINY, 1, out, unheard)
    claim = acts.claim(board, BO)
    finish(board, BO, claim.task.id, claim.lease, {"run_id": run.name}, "by hand")
    return scripted, run


def test_a_builder_cannot_review_own_work(board, begun):
    _, out = begun
    built_by_bo(board, out)
    assert acts.claim(board, DI) is None
    with pytest.raises(RightsError, match="worked as modeler in this cycle"):
        acts.claim(board, DI, 2)
    assert acts.claim(board, Actor.of("di", "reviewer")).task.id == 2


def test_a_reviewer_cannot_build_and_a_builder_cannot_sign(board, cycle_of, begun):
    _, out = begun
    scripted, run = built_by_bo(board, out)
    di = Actor.of("di", "reviewer", "modeler")
    claim = acts.claim(board, di, 2)
    scripted.review(run, TINY)
    finish(board, di, 2, claim.lease, {}, "")
    assert acts.claim(board, Actor.of("di", "modeler")) is None
    with pytest.raises(RightsError, match="built in this cycle"):
        acts.sign_off(board, Actor.of("bo", "human"), 3, "delivered", "mine is good")
    acts.sign_off(board, EVE, 3, "delivered", "it is good", follow=follow)


def test_a_word_for_a_verdict_is_not_taken(board, begun):
    _, out = begun
    scripted, run = built_by_bo(board, out)
    di = Actor.of("di", "reviewer")
    claim = acts.claim(board, di, 2)
    with pytest.raises(BundleError, match="absent"):
        finish(board, di, 2, claim.lease, {"verdict": "PASS"}, "trust me")
    scripted.review(run, TINY)
    (run / "checksums.sha256").write_text("another bundle")
    with pytest.raises(ConflictError, match="as it lies there"):
        finish(board, di, 2, claim.lease, {}, "")
    assert queries.task(board, 2).status is Status.RUNNING


def test_a_run_that_is_not_there_is_not_taken(board, begun):
    claim = acts.claim(board, BO)
    for name in ("zz_national_00000000_seed1", "../../etc/passwd", ""):
        with pytest.raises(BundleError):
            finish(board, BO, claim.task.id, claim.lease, {"run_id": name}, "done")
    assert queries.task(board, claim.task.id).status is Status.RUNNING


def test_a_pack_that_was_not_taken_in_is_refused(board, cycle_of, begun):
    _, out = begun
    scripted, run = built_by_bo(board, out)
    scripted.said = script(FIX)
    di = Actor.of("di", "reviewer")
    claim = acts.claim(board, di, 2)
    scripted.review(run, TINY)
    finish(board, di, 2, claim.lease, {}, "")
    claim = acts.claim(board, BO)
    assert claim.task.kind == "fix"
    with pytest.raises(ConflictError, match="not a pack that was taken in"):
        finish(board, BO, claim.task.id, claim.lease, {"pack": str(TINY)}, "mine")


def test_the_built_in_modeler_is_nobody_else():
    assert MODELER.roles == {Role.MODELER}


def test_the_documentation_names_every_verdict_and_rule():
    text = (Path(__file__).parents[2] / "docs" / "cycle.md").read_text(encoding="utf-8")
    table = text.partition("| verdict |")[2].partition("\n\n")[0]
    for name, branch in process()["branches"].items():
        (row,) = (line for line in table.splitlines() if f"`{name}`" in line)
        assert ("stops" in row) == ("stop" in branch), name
    words = {6: "six rounds", 2: "two rounds in a row"}
    for rule in process()["stop"].values():
        assert words[rule] in text
    for word in process()["kinds"]["decide"]["decisions"]:
        assert f"`{word}`" in text


def test_two_who_begin_the_same_cycle_at_once_begin_one(board, tmp_path):
    options = {"pack": str(TINY), "seed": 1, "out": str(tmp_path), "shelf": ""}
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: begin(board, "ZZ", options).id, range(8)))
    assert set(begun) == {1}
    assert [task.kind for task in by_id(board, 1)] == ["build", "review"]
    assert begin(board, "ZZ", options | {"seed": 2}).id == 2
