"""Errors as problem documents (RFC 9457), and which status an error has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from synthestat.errors import (
    BoardError,
    ConflictError,
    InputError,
    NotFoundError,
    RightsError,
    SynthestatError,
)

AWAY = "the board's database does not answer"
MEDIA = "application/problem+json"
STATUSES: tuple[tuple[type[SynthestatError], HTTPStatus], ...] = (
    (RightsError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (BoardError, HTTPStatus.SERVICE_UNAVAILABLE),  # the database did not take a change
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (SynthestatError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


class Problem(BaseModel):
    """What went wrong: `faults` are the places, one line each; `remedy` says what to do."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    faults: list[str]
    remedy: str


def problem(
    status: int, detail: str, *, faults: Iterable[str] = (), remedy: str = ""
) -> JSONResponse:
    """Return a problem document as an answer."""
    said = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        faults=[str(fault) for fault in faults],
        remedy=remedy,
    )
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(said.model_dump(), status, headers, MEDIA)


def status_of(error: SynthestatError) -> HTTPStatus:
    """Return the status of an error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def places(errors: Sequence[Any]) -> list[str]:
    """Return what a validation found, one line a place; values that were given are not repeated."""
    return [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors]


def answers(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the problem answers of an endpoint, for the OpenAPI document."""
    return {
        status.value: {
            "description": status.phrase,
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
