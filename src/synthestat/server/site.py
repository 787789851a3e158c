"""What every request is answered from: the board, the folders of runs and site, and who asks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from synthestat.cycle.database import Board
from synthestat.cycle.roles import PUBLIC, Action, Actor, demand, may
from synthestat.cycle.values import Event
from synthestat.server.attempts import Attempts
from synthestat.site.site_files import MARK

MOST_HASHES = 2  # passwords hashed at a time: each takes 64 MiB. Assumption


@dataclass(frozen=True)
class Site:
    """What is served, and how. `https`: a proxy in front of it speaks TLS with browsers.

    `pages` is where the static site of the runs stands, or will: it is shown while it is one.
    """

    board: Board
    runs: Path | None
    public: bool
    https: bool
    pages: Path | None = None
    attempts: Attempts = field(default_factory=Attempts)
    hashing: threading.Semaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_HASHES)
    )

    @property
    def has_pages(self) -> bool:
        """Whether a static site of ours stands there now; it may be written anew at any time."""
        return self.pages is not None and (self.pages / MARK).is_file()


@dataclass(frozen=True)
class Visit:
    """One request: who asks, and the secret of their session, "" where it is a token or nobody."""

    site: Site
    actor: Actor
    session: str = ""

    @property
    def board(self) -> Board:
        """The board."""
        return self.site.board

    @property
    def signed_in(self) -> bool:
        """Whether somebody is known."""
        return self.actor is not PUBLIC

    @property
    def looks(self) -> bool:
        """Whether who asks may look at the board."""
        return self.signed_in or self.site.public

    def may(self, action: Action) -> bool:
        """Tell whether who asks may do this; everybody who was let in may view."""
        return action is Action.VIEW or may(self.actor, action)

    def demand(self, action: Action) -> None:
        """Raise RightsError unless who asks may do this."""
        if not self.may(action):
            demand(self.actor, action)

    def sees(self, event: Event) -> bool:
        """Tell whether an event may be shown: those of accounts and sessions are for auditors."""
        rows = event.data.get("rows", {})
        return self.may(Action.AUDIT) or not ("accounts" in rows or "tokens" in rows)


def visit_of(request: Request) -> Visit:
    """Return who asks, as the gate found."""
    found: Visit = request.state.visit
    return found


Asked = Annotated[Visit, Depends(visit_of)]
