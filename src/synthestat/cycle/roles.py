"""Who may do what on a board: one table, asked by the command line, the workers and the server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from synthestat.errors import RightsError


class Role(StrEnum):
    """A part in the process; `public` is whoever has not signed in."""

    MANAGER = "manager"
    MODELER = "modeler"
    REVIEWER = "reviewer"
    MARGINALS = "marginals researcher"
    DISTRIBUTIONS = "distribution researcher"
    DOWNLOADER = "downloader"
    HUMAN = "human"
    PUBLIC = "public"


class Action(StrEnum):
    """What can be done on a board."""

    VIEW = "view"
    COMMENT = "comment"
    WORK = "work"  # claim, keep, give back, finish and fail a task of one's own role
    BRING = "bring"  # hand in a snapshot or a change of the pack with a task one has claimed
    SIGN_OFF = "sign off"  # end a task of the role human, by name and with a reason
    START = "start"  # begin a cycle
    CREATE = "create"
    CHANGE = "change"  # title, body, priority, assignee
    BLOCK = "block"  # and make ready again
    CANCEL = "cancel"
    AUDIT = "audit"


WORKERS = (Role.MODELER, Role.REVIEWER, Role.MARGINALS, Role.DISTRIBUTIONS, Role.DOWNLOADER)
BRINGERS = (Role.MODELER, Role.MARGINALS, Role.DISTRIBUTIONS, Role.DOWNLOADER)
EVERYONE = frozenset(Role) - {Role.PUBLIC}
MANAGER = frozenset({Role.MANAGER})

RIGHTS: dict[Action, frozenset[Role]] = {
    Action.VIEW: EVERYONE,  # and the public, where the board is served in public
    Action.COMMENT: EVERYONE,
    Action.WORK: frozenset(WORKERS),
    Action.BRING: frozenset(BRINGERS),
    Action.SIGN_OFF: frozenset({Role.HUMAN}),
    Action.START: MANAGER,
    Action.CREATE: MANAGER,
    Action.CHANGE: MANAGER,
    Action.BLOCK: MANAGER,
    Action.CANCEL: MANAGER,
    Action.AUDIT: frozenset({Role.MANAGER, Role.REVIEWER, Role.HUMAN}),
}
"""The roles of which one is enough for an action."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a name by which work is told apart, and the roles it has."""

    name: str
    roles: frozenset[Role]

    @classmethod
    def of(cls, name: str, *roles: str) -> Actor:
        """Make an actor from words; RightsError where one is no role."""
        return cls(name, frozenset(read_role(role) for role in roles))


PUBLIC = Actor("public", frozenset({Role.PUBLIC}))


def read_role(word: str) -> Role:
    """Return the role of a word; RightsError names the roles that there are."""
    try:
        return Role(word.strip().lower().replace("_", " ").replace("-", " "))
    except ValueError:
        raise RightsError(
            f"{word!r} is no role", faults=[role.value for role in Role], remedy="give one of these"
        ) from None


def may(actor: Actor, action: Action) -> bool:
    """Tell whether one of an actor's roles is enough for an action."""
    return not RIGHTS[action].isdisjoint(actor.roles)


def demand(actor: Actor, action: Action) -> None:
    """Raise RightsError unless the actor may do this."""
    if not may(actor, action):
        raise RightsError(
            f"{actor.name} may not {action.value}: that takes the role {_any(RIGHTS[action])}",
            remedy="ask somebody who has it, or sign in as somebody else",
        )


def _any(roles: Iterable[Role]) -> str:
    return " or ".join(role.value for role in Role if role in set(roles))
