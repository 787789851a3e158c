"""The board: tasks, claims and leases, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import pytest

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.events import audit
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask, Status
from synthestat.errors import ConflictError, NotFoundError, RightsError

ANN = Actor.of("ann", "manager")
BO = Actor.of("bo", "modeler")
CY = Actor.of("cy", "modeler")
DI = Actor.of("di", "reviewer")


def new(title="Build", role=Role.MODELER, **more):
    return NewTask("other", title, role, **more)


@pytest.fixture
def build(board):
    """A task that is ready for a modeler."""
    return acts.create_task(board, ANN, new())


def finish(board, claim, actor, **result):
    return acts.finish(
        *(board, actor, claim.task.id, claim.lease), result=result, summary="it is done"
    )


def test_a_task_goes_from_ready_to_done_and_lets_the_next_go(board, build):
    review = acts.create_task(board, ANN, new("Review", Role.REVIEWER, parents=(build.id,)))
    assert (build.status, review.status) == (Status.READY, Status.TODO)
    assert acts.claim(board, DI) is None
    claim = acts.claim(board, BO)
    assert claim.task.status is Status.RUNNING
    assert claim.task.assignee == "bo"
    done = finish(board, claim, BO, run_id="x")
    assert (done.status, done.result, done.summary) == ("done", {"run_id": "x"}, "it is done")
    assert done.created < done.started < done.completed
    assert queries.task(board, review.id).status is Status.READY
    assert queries.children(board, build.id) == [review.id]
    (run,) = queries.runs(board, build.id)
    assert (run.worker, run.outcome, run.ended) == ("bo", "done", done.completed)
    assert audit(board).faults == ()


def test_a_task_waits_for_all_its_parents(board):
    first, second = (acts.create_task(board, ANN, new()) for _ in range(2))
    last = acts.create_task(board, ANN, new(parents=(first.id, second.id)))
    finish(board, acts.claim(board, BO, first.id), BO)
    assert queries.task(board, last.id).status is Status.TODO
    finish(board, acts.claim(board, BO, second.id), BO)
    assert queries.task(board, last.id).status is Status.READY


def test_the_most_urgent_task_is_claimed_first(board):
    acts.create_task(board, ANN, new("later"))
    acts.create_task(board, ANN, new("sooner", priority=5))
    assert acts.claim(board, BO).task.title == "sooner"
    assert acts.claim(board, BO).task.title == "later"
    assert acts.claim(board, BO) is None


def test_a_task_is_one_workers_alone(board, build):
    acts.claim(board, BO, build.id)
    with pytest.raises(ConflictError, match="running by bo"):
        acts.claim(board, CY, build.id)


def test_a_task_meant_for_somebody_is_nobody_elses(board):
    task = acts.create_task(board, ANN, new(assignee="cy"))
    assert acts.claim(board, BO) is None
    with pytest.raises(RightsError, match="meant for cy"):
        acts.claim(board, BO, task.id)
    assert acts.claim(board, CY).task.id == task.id


def test_a_dead_workers_task_returns_and_the_dead_cannot_end_it(board, build, clock):
    lost = acts.claim(board, BO, lease=60)
    clock.forward(61)
    found = acts.claim(board, CY)
    assert found.task.id == build.id
    with pytest.raises(ConflictError, match="not held by bo"):
        finish(board, lost, BO)
    finish(board, found, CY)
    assert [run.outcome for run in queries.runs(board, build.id)] == ["expired", "done"]
    assert audit(board).faults == ()


def test_a_sign_of_life_keeps_a_task(board, build, clock):
    claim = acts.claim(board, BO, lease=60)
    for _ in range(3):
        clock.forward(50)
        acts.keep(board, BO, build.id, claim.lease, seconds=60)
    assert acts.claim(board, CY) is None
    clock.forward(61)
    with pytest.raises(ConflictError, match="not held"):
        acts.keep(board, BO, build.id, claim.lease)
    assert audit(board).faults == ()


def test_who_does_not_work_any_more_ends_no_task_by_a_lease(board, build):
    claim = acts.claim(board, BO)
    bo, lease = Actor.of("bo", "manager"), (build.id, claim.lease)
    before = queries.last_event(board)
    for act in (
        lambda: acts.keep(board, bo, *lease),
        lambda: acts.fail(board, bo, *lease, "no"),
        lambda: acts.give_back(board, bo, *lease),
        lambda: finish(board, claim, bo),
    ):
        with pytest.raises(RightsError):
            act()
    assert queries.last_event(board) == before


def test_a_lease_is_no_other_name_s_and_no_other_secret_s(board, build):
    claim = acts.claim(board, BO)
    with pytest.raises(ConflictError, match="not held by cy"):
        finish(board, claim, CY)
    with pytest.raises(ConflictError, match="not held by bo"):
        acts.give_back(board, BO, build.id, "another")
    acts.give_back(board, BO, build.id, claim.lease)
    again = queries.task(board, build.id)
    assert (again.status, again.assignee) == (Status.READY, "")


def test_the_third_failure_blocks_a_task(board, build):
    for number in range(acts.MOST_TRIES):
        claim = acts.claim(board, BO, build.id)
        task = acts.fail(board, BO, build.id, claim.lease, f"broke {number}")
    assert (task.status, task.summary) == (Status.BLOCKED, "failed: broke 2")
    assert acts.claim(board, BO) is None
    assert acts.unblock(board, ANN, build.id).status is Status.READY


def test_what_fails_for_good_is_not_tried_again(board, build):
    claim = acts.claim(board, BO)
    task = acts.fail(board, BO, build.id, claim.lease, "no such pack", again=False)
    assert task.status is Status.BLOCKED


def test_a_change_of_an_older_version_is_refused(board, build):
    acts.change_task(board, ANN, build.id, build.version, priority=3)
    with pytest.raises(ConflictError, match="changed meanwhile"):
        acts.change_task(board, ANN, build.id, build.version, title="Other")
    task = queries.task(board, build.id)
    assert (task.priority, task.title, task.version) == (3, "Build", build.version + 1)


def test_cancelling_ends_what_waits_too(board, build):
    review = acts.create_task(board, ANN, new("Review", Role.REVIEWER, parents=(build.id,)))
    claim = acts.claim(board, BO)
    acts.cancel(board, ANN, build.id, "not needed")
    assert {queries.task(board, n).status for n in (build.id, review.id)} == {Status.CANCELLED}
    with pytest.raises(ConflictError):
        finish(board, claim, BO)
    with pytest.raises(ConflictError, match="cancelled"):
        acts.create_task(board, ANN, new(parents=(build.id,)))
    with pytest.raises(ConflictError, match="is cancelled"):
        acts.cancel(board, ANN, build.id, "again")


def test_a_blocked_task_is_not_claimed(board, build):
    acts.block(board, ANN, build.id, "wait for the census")
    assert acts.claim(board, BO) is None
    with pytest.raises(ConflictError, match="blocked"):
        acts.claim(board, BO, build.id)


def test_comments_stay_in_order(board, build):
    for text in ("first", "second"):
        acts.comment(board, DI, build.id, text)
    assert [c.text for c in queries.comments(board, build.id)] == ["first", "second"]
    with pytest.raises(ConflictError):
        acts.comment(board, DI, build.id, "  ")


def test_what_is_not_there_is_said(board):
    for act in (
        lambda: queries.task(board, 9),
        lambda: acts.claim(board, BO, 9),
        lambda: acts.comment(board, BO, 9, "x"),
        lambda: acts.create_task(board, ANN, new(parents=(9,))),
        lambda: queries.cycle(board, 9),
    ):
        with pytest.raises(NotFoundError, match="there is no"):
            act()


def test_a_person_signs_with_name_time_and_reason(board):
    payload = {"decisions": ["accept", "abandon"]}
    task = acts.create_task(board, ANN, new("Decide", Role.HUMAN, payload=payload))
    eve = Actor.of("eve", "human")
    with pytest.raises(ConflictError, match="its reason"):
        acts.sign_off(board, eve, task.id, "accept", " ")
    with pytest.raises(ConflictError, match="no decision here"):
        acts.sign_off(board, eve, task.id, "ignore", "because")
    done = acts.sign_off(board, eve, task.id, "accept", "good enough for us")
    assert done.status is Status.DONE
    assert done.result == {
        "decision": "accept",
        "reason": "good enough for us",
        "by": "eve",
        "at": done.completed,
    }
    with pytest.raises(ConflictError, match="is done"):
        acts.sign_off(board, eve, task.id, "abandon", "no")
    other = acts.create_task(board, ANN, new())
    with pytest.raises(RightsError, match="not for a person"):
        acts.sign_off(board, eve, other.id, "done", "x")


def test_an_error_leaves_nothing_of_a_change(board, build):
    claim = acts.claim(board, BO)
    before = audit(board)

    def breaks(made, task):
        acts.add_task(made, "x", new("half made"))
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        acts.finish(*(board, BO, build.id, claim.lease), result={}, summary="", follow=breaks)
    assert audit(board) == before
    assert queries.task(board, build.id).status is Status.RUNNING
    assert len(queries.tasks(board)) == 1
