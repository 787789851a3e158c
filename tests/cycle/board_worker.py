"""A process that works on a board until nothing is ready: threads that claim and finish.

    python board_worker.py ADDRESS THREADS [--forever]

Prints a line for each task that it finished, after the board acknowledged it.
"""

from __future__ import annotations

import sys
import threading

from synthestat.cycle import board as acts
from synthestat.cycle.database import open_board
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.values import NewTask

MANAGER = Actor.of("manager", "manager")


def work(address: str, name: str, forever: bool) -> None:
    board = open_board(address)
    actor = Actor.of(name, "modeler")
    while True:
        claim = acts.claim(board, actor, lease=600)
        if claim is None:
            if not forever:
                return
            acts.create_task(board, MANAGER, NewTask("other", f"by {name}", Role.MODELER))
            continue
        acts.finish(
            *(board, actor, claim.task.id, claim.lease), result={"by": name}, summary="done"
        )
        sys.stdout.write(f"{claim.task.id} {name}\n")
        sys.stdout.flush()


def main() -> None:
    address, threads = sys.argv[1], int(sys.argv[2])
    workers = [
        threading.Thread(
            target=work, args=(address, f"w{sys.argv[3]}-{n}", "--forever" in sys.argv)
        )
        for n in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
