"""What a worker's own code may ask and say: the same words in a process, a thread and a coroutine.

Who asks is found by a context variable (a thread and a coroutine each have their own), else it is the
process's worker. Must not know how the words reach the supervisor: each kind brings its way of speaking.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BEATS_SAID = 4  # within one heartbeat's time, the others are not sent: a busy worker floods nobody


class CurrentWorker:
    """A worker as its own code sees it."""

    def __init__(
        self,
        name: str,
        kind: str,
        number: int,
        restarts: int,
        *,
        say: Callable[[str], None],
        heartbeat: float | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.number = number  # 1… among several of one worker
        self.restarts = restarts
        self._say = say
        self._pause = 0.0 if heartbeat is None else heartbeat / BEATS_SAID  # seconds
        self._last = 0.0
        self._handled = 0
        self.listens = False  # it has asked whether it shall stop, so it needs no other way to be told
        self.max_requests: int | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} worker {self.name}, restarted {self.restarts} times>"

    def ready(self) -> None:
        """Say that it is ready."""
        self._say("ready")

    def heartbeat(self) -> None:
        """Say that it lives."""
        now = monotonic()
        if now - self._last >= self._pause:
            self._last = now
            self._say("beat")

    def handled(self, requests: int = 1) -> None:
        """Count requests; after `max_requests` the supervisor renews the worker, gently."""
        before = self._handled
        self._handled += requests
        if self.max_requests is not None and before < self.max_requests <= self._handled:
            self._say("full")

    def stopping(self) -> bool:
        """Whether it shall end."""
        raise NotImplementedError

    def wait_stopping(self, timeout: float | None) -> bool:
        """Wait until it shall end, or for `timeout` seconds; whether it shall end."""
        raise NotImplementedError

    async def stopped(self) -> None:
        """Wait until it shall end, without holding up an event loop."""
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self.wait_stopping, None)


_of_context: ContextVar[CurrentWorker] = ContextVar("nbmon worker")
_of_process: CurrentWorker | None = None


def enter_process(worker: CurrentWorker | None) -> None:
    """From here on this process is `worker`, and whatever thread it has of its own is part of it."""
    global _of_process  # noqa: PLW0603 - a process is one thing
    _of_process = worker


def enter_context(worker: CurrentWorker) -> None:
    """From here on this thread, or this coroutine, is `worker`."""
    _of_context.set(worker)


def current_worker() -> CurrentWorker | None:
    """The worker that this code is part of: its name, kind, number and restarts. None outside of any."""
    return _of_context.get(_of_process)


def stopping() -> bool:
    """Whether this worker has been asked to end; False outside of any worker."""
    worker = current_worker()
    return worker is not None and worker.stopping()


def wait_stopping(timeout: float | None = None) -> bool:
    """Wait until this worker is asked to end, or for `timeout` seconds; whether it was asked.

    RuntimeError in a coroutine, whose whole loop would wait: there it is `await nbmon.stopped()`; and outside
    of a worker, if no timeout is given.
    """
    worker = current_worker()
    if worker is not None:
        return worker.wait_stopping(timeout)
    if timeout is None:
        raise RuntimeError("wait_stopping() without a timeout would wait for ever: this is no worker")
    from time import sleep

    sleep(timeout)
    return False


async def stopped() -> None:
    """In a coroutine: wait until this worker is asked to end. RuntimeError outside of a worker."""
    worker = current_worker()
    if worker is None:
        raise RuntimeError("stopped() would wait for ever: this is no worker")
    await worker.stopped()


def heartbeat() -> None:
    """Say that this worker lives, as often as its `heartbeat=` asks. Cheap; harmless elsewhere."""
    worker = current_worker()
    if worker is not None:
        worker.heartbeat()


def handled(requests: int = 1) -> None:
    """Count requests towards this worker's `max_requests`. Cheap; harmless elsewhere."""
    worker = current_worker()
    if worker is not None:
        worker.handled(requests)
