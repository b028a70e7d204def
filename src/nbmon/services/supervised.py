"""A service's workers under a supervisor: run until it ends, with an exit code that tells how."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbmon.services.succession import Succession
    from nbmon.workers.nodes import Slot
    from nbmon.workers.spec import Plan, Worker

# Whoever kills workers, or lets them die at once, is met with backoff; giving up would help nobody.
INTENSITY = 1_000_000  # restarts


def supervise(
    workers: list[Worker],
    announce: Callable[[], None],
    control: str,
    succession: Succession,
    forwarded: frozenset[int] = frozenset(),
    *,
    prefix: bool = False,
) -> None:
    """Run `workers` until SIGTERM, or until none of them is to come back.

    `announce` is called once all are ready; one that dies before it was ready, at the start, ends all.
    `control` is the path of the control socket; `forwarded` are signals that commands get as they came;
    with `prefix`, each line of a worker in the log begins with its name. `sys.exit` with a sentence if it
    failed, or if a worker did that does not come back.
    """
    from nbmon.workers import Supervisor

    plan = Supervisor(*workers, intensity=INTENSITY, strict_start=True, prefix=prefix).plan
    failed = run_plan(plan, announce, control, succession, forwarded)
    if failed:
        sys.exit(f"{failed[0].name} {failed[0].deaths[-1].sentence}")


def run_plan(
    plan: Plan,
    announce: Callable[[], None],
    control: str,
    succession: Succession,
    forwarded: frozenset[int] = frozenset(),
) -> list[Slot]:
    """Run a tree until it ends; the workers that died and do not come back. `sys.exit` if it gave up."""
    from nbmon.daemon import watchdog
    from nbmon.workers import WorkerError
    from nbmon.workers.control import Places
    from nbmon.workers.engine import Engine

    engine = Engine(plan, announce, Places(control))
    engine.forwarded = forwarded
    engine.pulse = watchdog.pulse()
    engine.successor, engine.handed = succession.successor(), succession.handed
    try:
        engine.run()
    except WorkerError as error:
        sys.exit(str(error))
    return engine.core.failed()
