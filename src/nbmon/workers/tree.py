"""`Supervisor`: a tree of workers, as a program writes it, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable

from nbmon.workers.errors import WorkerError
from nbmon.workers.spec import Backoff, Plan, Restart, Strategy, Worker, checked_plan


class Supervisor:
    """Workers and inner supervisors, in order, kept alive under one policy.

    `strategy`: what goes down and comes back with a child that died: "one_for_one", "one_for_all",
    "rest_for_one". More than `intensity` restarts within `period` seconds, and it gives up; the supervisor
    above then restarts it as a whole, or gives up too. What dies before `healthy` seconds of life waits
    `backoff` seconds, doubled with each death in a row up to `backoff_cap`. WorkerError for wrong values.
    """

    def __init__(
        self,
        *children: Worker | Supervisor,
        name: str = "",
        strategy: Strategy = "one_for_one",
        intensity: int = 5,
        period: float = 60.0,
        backoff: float = 0.1,
        backoff_cap: float = 30.0,
        healthy: float = 1.0,
        restart: Restart = "permanent",
    ) -> None:
        self.plan = checked_plan(
            Plan(
                tuple(_plan(child) for child in children),
                name,
                strategy,
                intensity,
                period,
                Backoff(backoff, backoff_cap, healthy),
                restart,
            )
        )

    def __repr__(self) -> str:
        return f"Supervisor({', '.join(child.name for child in self.plan.children)})"

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Run the tree in this process, in its main thread, until it is stopped or all workers have ended.

        SIGTERM and SIGINT stop it, in reverse order; SIGHUP renews the processes without a gap.
        `on_ready` is called once all workers are ready. WorkerError if it gave up.
        """
        from nbmon.workers.engine import Engine

        Engine(self.plan, on_ready).run()


def _plan(child: Worker | Supervisor) -> Worker | Plan:
    if isinstance(child, Supervisor):
        return child.plan
    if isinstance(child, Worker):
        return child
    raise WorkerError(
        f"{child!r} is no worker; accepted are process(…), thread(…), coroutine(…) and Supervisor(…)"
    )
