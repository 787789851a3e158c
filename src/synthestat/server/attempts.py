"""Attempts to sign in, slowed for each name and address; kept in memory, lost with the process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

FREE = 5  # failed attempts for one name from one address, before a wait. Assumption
FREE_OF_ADDRESS = 30  # failed attempts from one address, whatever the names. Assumption
LONGEST_WAIT = 900.0  # seconds; the wait doubles from one second with every further attempt
FORGET = 3600.0  # seconds without an attempt after which those before do not count
MOST_KEPT = 20_000  # names with addresses; the oldest are forgotten first
Key = tuple[str, str]


@dataclass
class Attempts:
    """Failed attempts by name and address, and by address alone (name "")."""

    clock: Callable[[], float] = time.monotonic
    _failed: OrderedDict[Key, tuple[int, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, name: str, address: str) -> float:
        """Return for how many seconds nobody may try this name from this address, 0 for none."""
        with self._lock:
            at = self.clock()
            waits = (self._wait(key, free, at) for key, free in _keys(name, address))
            return max(waits)

    def failed(self, name: str, address: str) -> None:
        """Note a failed attempt."""
        with self._lock:
            at = self.clock()
            for key, _ in _keys(name, address):
                number, last = self._failed.pop(key, (0, at))
                self._failed[key] = (1 if at - last > FORGET else number + 1, at)
            while len(self._failed) > MOST_KEPT:
                self._failed.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the attempts at a name from an address; those of the address count on."""
        with self._lock:
            self._failed.pop((name.casefold(), address), None)

    def _wait(self, key: Key, free: int, at: float) -> float:
        number, last = self._failed.get(key, (0, at))
        if number < free or at - last > FORGET:
            return 0.0
        return max(0.0, min(LONGEST_WAIT, 2.0 ** min(number - free, 20)) - (at - last))


def _keys(name: str, address: str) -> tuple[tuple[Key, int], tuple[Key, int]]:
    return ((name.casefold()[:200], address), FREE), (("", address), FREE_OF_ADDRESS)
