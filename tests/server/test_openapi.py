"""The API under requests made from its own OpenAPI document: no server error, nobody let in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import schemathesis
from doors import API, Door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import make_world

from synthestat.cycle.roles import Action

REFUSED = (401, 404, 405)  # a path that is none is none for everybody
KNOWN = 14  # tasks of the board that is asked about
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = pytest.mark.parametrize("examples", [4, pytest.param(40, marks=pytest.mark.slow)])
ASKED = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A board with tasks in many states, and somebody who has every role."""
    world = make_world(tmp_path_factory.mktemp("asked"))
    cycle = world.cycle()
    for number in range(KNOWN - 4):
        world.task(cycle_id=cycle if number % 2 else None, parents=())
    world.held("everything")
    world.held("reviewer")
    return world


@cache
def described(app: Any) -> Any:
    """The document of an application, by which it is asked."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return schema


def ask(
    world: Any, door: Door, examples: int, check: Callable[[Any], None], *, public: bool = False
) -> None:
    """Make requests to one endpoint from the document, good ones and bad ones."""
    operation = described(world.app(public=public))[door.path][door.method]
    good, bad = (operation.as_strategy(mode) for mode in GenerationMode)

    @settings(ASKED, max_examples=examples)
    @given(case=st.one_of(good, bad))
    def asked(case: Any) -> None:
        number = case.path_parameters.get("task_id")
        if isinstance(number, int) and number % 2:  # of tasks that there are as often as of others
            case.path_parameters["task_id"] = number % KNOWN + 1
        check(case)

    asked()


@EXAMPLES
@pytest.mark.parametrize("door", API, ids=str)
def test_with_every_right_there_is_no_server_error(busy: Any, door: Door, examples: int) -> None:
    headers = {"Authorization": f"Bearer {busy.token('everything')}"}

    def check(case: Any) -> None:
        answer = case.call(headers=headers)
        case.validate_response(answer, checks=CHECKS, headers=headers)

    ask(busy, door, examples, check)


@EXAMPLES
@pytest.mark.parametrize("door", API, ids=str)
def test_without_a_token_nothing_succeeds(busy: Any, door: Door, examples: int) -> None:
    def check(case: Any) -> None:
        answer = case.call(headers={})
        assert answer.status_code in REFUSED

    ask(busy, door, examples, check)


@EXAMPLES
@pytest.mark.parametrize("door", API, ids=str)
def test_in_public_nothing_but_looking_succeeds(busy: Any, door: Door, examples: int) -> None:
    def check(case: Any) -> None:
        answer = case.call(headers={})
        case.validate_response(answer, checks=CHECKS)
        if door.action is not Action.VIEW or case.method.upper() != "GET":
            assert answer.status_code >= 400

    ask(busy, door, examples, check, public=True)
