"""A process that runs a cycle: python cycle_worker.py OUT PACK. Prints each step as it begins."""

from __future__ import annotations

import sys
import time

from synthestat import api


def heard(_task: object, step: str, _done: int, _of: int) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()
    time.sleep(0.02)  # room for a kill between steps


if __name__ == "__main__":
    api.cycle(sys.argv[2], out=sys.argv[1], workers=1, heard=heard)
