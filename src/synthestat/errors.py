"""Every error that Synthestat raises on purpose, in one tree.

```
SynthestatError                 exit code
├── InputError                      2      something given to us cannot be used
│   ├── UnknownCountryError         2      no pack has this code
│   ├── PackError                   2      a country pack's file is wrong
│   ├── SnapshotError               2      a frozen extract is absent or its bytes changed
│   ├── CubeError                   2      an extract is not the data cube that it claims to be
│   ├── OutputError                 2      the output folder cannot take the run
│   ├── BundleError                 2      a folder is not a run bundle
│   ├── BoardError                  2      a board cannot be opened or changed
│   │   ├── NotFoundError           2      a board holds no such task, cycle or account
│   │   └── ConflictError           2      a task is not in the state that a change supposes
│   └── RightsError                 2      somebody's role is not enough for what was asked
├── BlockedError                    3      the HARD controls contradict each other
└── NotConvergedError               1      a fit or a search stopped short where it must not
```

An error says what failed, names the place, and says what to do next. Where a file has
several faults, all of them are collected and shown in one error (`faults`).
"""

from __future__ import annotations

from collections.abc import Iterable


class SynthestatError(Exception):
    """Base of every deliberate error.

    `message` is one sentence; `faults` are the places, one line each; `remedy` says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, faults: Iterable[str] = (), remedy: str = "") -> None:
        self.message = message
        self.faults = tuple(faults)
        self.remedy = remedy
        lines = [message, *(f"  - {fault}" for fault in self.faults)]
        if remedy:
            lines.append(f"What to do: {remedy}")
        super().__init__("\n".join(lines))


class InputError(SynthestatError):
    """Something that was given cannot be used as it is."""

    exit_code = 2


class UnknownCountryError(InputError):
    """No country pack answers to this code or folder."""


class PackError(InputError):
    """A file of a country pack is wrong; every fault names its file and place."""


class SnapshotError(InputError):
    """A frozen extract is absent, or its bytes are not those that were frozen."""


class CubeError(InputError):
    """An extract is not a well-formed data cube; every fault names its place in the document."""


class OutputError(InputError):
    """The output folder cannot hold the run."""


class BundleError(InputError):
    """A folder is not a run bundle, or a file that the bundle needs cannot be read."""


class BoardError(InputError):
    """A board cannot be opened, or does not take a change."""


class NotFoundError(BoardError):
    """A board holds no task, cycle or account of this number or name."""


class ConflictError(BoardError):
    """A task is not as a change supposes: taken, ended, or changed by somebody else meanwhile."""


class RightsError(InputError):
    """Somebody's role is not enough for what was asked, or the rules keep it from them."""


class BlockedError(SynthestatError):
    """The HARD controls contradict each other: no population can meet them all.

    `faults` is an irreducible conflicting set: each line gives a cell, its figure and its source.
    """

    exit_code = 3


class NotConvergedError(SynthestatError):
    """A numerical step stopped before reaching what the build needs from it."""
