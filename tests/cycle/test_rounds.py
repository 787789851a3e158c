"""The stop rules: what follows a round, and that no course of verdicts goes on forever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synthestat.cycle.process import process
from synthestat.cycle.rounds import Round, what_follows

RULES = {"similar_rounds": 2, "most_rounds": 6}
MODEL, SOURCES = "NEEDS_MODEL_FIX", "NEEDS_MORE_SOURCES"


def a_round(number, verdict=MODEL, checks="ab", gap=50.0, inputs=None, spread=None):
    gaps = {"truth": gap, "lag": 10.0}
    measured = None if spread is None else {"truth": spread, "lag": 0.0}
    return Round(number, verdict, frozenset(checks), gaps, inputs or str(number), "", measured)


def follows(*rounds, stops=""):
    return what_follows(rounds, RULES, stops)


def test_the_first_failed_round_branches():
    assert follows(a_round(1)).kind == "branch"


def test_a_verdict_that_ends_the_cycle_does():
    assert follows(a_round(1, "PASS", ""), stops="passed").why == "passed"


def test_the_same_inputs_and_failures_are_a_plateau():
    found = follows(a_round(1, SOURCES, inputs="x"), a_round(2, SOURCES, inputs="x"))
    assert found.kind == "stop"
    assert "no source or model is new" in found.why


def test_a_new_model_without_gain_is_a_plateau():
    found = follows(a_round(1), a_round(2, gap=50.0))
    assert found.kind == "stop"
    assert "no gap became smaller" in found.why


def test_a_gain_is_measured_against_another_seed():
    assert follows(a_round(1), a_round(2, gap=45.0)).kind == "measure"
    found = follows(a_round(1), a_round(2, gap=45.0, spread=6.0))
    assert found.kind == "stop"
    assert "another seed" in found.why
    assert follows(a_round(1), a_round(2, gap=45.0, spread=4.0)).kind == "branch"


def test_other_failures_are_no_plateau():
    assert follows(a_round(1, checks="ab"), a_round(2, checks="a")).kind == "branch"
    assert follows(a_round(1, MODEL), a_round(2, SOURCES)).kind == "branch"


def test_only_rounds_in_a_row_are_compared():
    rounds = (a_round(1, checks="a"), a_round(2, checks="b"), a_round(3, checks="a"))
    assert follows(*rounds).kind == "branch"


def test_the_cap_is_hard():
    rounds = [a_round(n, checks="ab"[n % 2]) for n in range(1, 7)]
    assert [what_follows(rounds[:n], RULES).kind for n in range(1, 7)] == ["branch"] * 5 + ["stop"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([MODEL, SOURCES, "BLOCKED_INVALID_OUTPUT", "BLOCKED_BUILD"]),
            st.sets(st.sampled_from("abc"), min_size=1),
            st.floats(0, 100),
            st.integers(0, 3),
            st.floats(0, 100),
        ),
        min_size=20,
        max_size=20,
    )
)
def test_no_course_goes_on_forever(course):
    rules = process()["stop"]
    rounds = []
    steps = 0
    for number, (verdict, checks, gap, inputs, spread) in enumerate(course, start=1):
        rounds.append(a_round(number, verdict, checks, gap, str(inputs)))
        found = what_follows(rounds, rules)
        if found.kind == "measure":
            steps += 1
            rounds[-1] = a_round(number, verdict, checks, gap, str(inputs), spread)
            found = what_follows(rounds, rules)
            assert found.kind != "measure"
        if found.kind == "stop":
            break
    assert len(rounds) <= rules["most_rounds"]
