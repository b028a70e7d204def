"""`Supervisor`: a tree of workers, as a program writes it, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbmon.workers.errors import WorkerError
from nbmon.workers.spec import Backoff, Plan, Restart, Strategy, Worker, checked_plan

if TYPE_CHECKING:
    from nbmon.workers.background import Background


class Supervisor:
    """Workers and inner supervisors, in order, kept alive under one policy.

    `strategy`: what goes down and comes back with a child that died: "one_for_one", "one_for_all",
    "rest_for_one". More than `intensity` restarts within `period` seconds, and it gives up; the supervisor
    above then restarts it as a whole, or gives up too. What dies before `healthy` seconds of life waits
    `backoff` seconds, doubled with each death in a row up to `backoff_cap`. With `strict_start` it gives up,
    as in OTP, if one dies before it was ever ready, while the tree starts. With `prefix`, all processes below
    that have no log of their own write `NAME | line` to the common log. WorkerError for wrong values.
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
        strict_start: bool = False,
        prefix: bool = False,
    ) -> None:
        self._background: Background | None = None
        self.plan = checked_plan(
            Plan(
                tuple(_plan(child) for child in children),
                name,
                strategy,
                intensity,
                period,
                Backoff(backoff, backoff_cap, healthy),
                restart,
                strict_start,
                prefix,
            )
        )

    def __repr__(self) -> str:
        return f"Supervisor({', '.join(child.name for child in self.plan.children)})"

    def run(self, on_ready: Callable[[], None] | None = None, control: str | None = None) -> None:
        """Run the tree in this process, in its main thread, until it is stopped or all workers have ended.

        SIGTERM and SIGINT stop it, in reverse order; SIGHUP renews the processes without a gap. `on_ready`
        is called once all workers are ready. `control` is the path of a Unix socket to steer it by (see
        `docs/supervisor.md`). WorkerError if it gave up.
        """
        from nbmon.workers.control import Places
        from nbmon.workers.engine import Engine

        Engine(self.plan, on_ready, Places(control)).run()

    def start(self, timeout: float | None = None) -> None:
        """Start the tree in the background, as a process of its own; returns when all workers are ready.

        It ends with this process. WorkerError if it gave up first, or is not ready within `timeout` seconds.
        """
        from nbmon.workers.background import start

        if self._background is not None:
            raise WorkerError("the tree is started already; stop() it first")
        self._background = start(self.plan, timeout)

    def stop(self, timeout: float | None = None) -> None:
        """Stop it, in reverse order; returns once it is gone, killed if need be after `timeout` seconds.

        Without a timeout it has all the workers' grace times, one after the other. Harmless if it is gone.
        """
        from nbmon.workers.background import longest_stop

        background, self._background = self._background, None
        if background is None:
            return
        try:
            background.remote.ask("stop")
        except WorkerError:
            pass  # it is gone already
        if not background.wait(longest_stop(self.plan) if timeout is None else timeout):
            background.kill()

    def status(self) -> dict[str, Any]:
        """State, pid and `workers`: a list, in order. WorkerError if it is not running.

        Of each worker: name, kind, pid, tid, host_pid, state, restarts, uptime (seconds), last_death.
        """
        return self._ask("status")

    def restart(self, name: str) -> None:
        """Restart a worker, all of a kind, or an inner supervisor, gently; returns when it runs again."""
        self._ask("restart", worker=name)

    def scale(self, name: str, count: int) -> None:
        """Let there be `count` of a worker; returns when they run. WorkerError."""
        self._ask("scale", worker=name, count=count)

    def reload(self) -> None:
        """Let new processes take the old ones' places without a gap. WorkerError if they could not."""
        self._ask("reload")

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ask(self, do: str, **more: Any) -> dict[str, Any]:
        if self._background is None:
            raise WorkerError("the tree is not running; start() it first")
        return self._background.remote.ask(do, **more)


def _plan(child: Worker | Supervisor) -> Worker | Plan:
    if isinstance(child, Supervisor):
        return child.plan
    if isinstance(child, Worker):
        return child
    raise WorkerError(
        f"{child!r} is no worker; accepted are process(…), thread(…), coroutine(…) and Supervisor(…)"
    )
