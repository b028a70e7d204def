"""In a process that hosts coroutines: they share one event loop, and each is stopped by cancellation.

A thread beside the loop hears the supervisor, so that it can be told who blocks the loop while it is blocked.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

from nbmon.workers import wire
from nbmon.workers.hostside import HostedWorker, Order, Voice, last_words, listen, made, order, stack_of
from nbmon.workers.inside import enter_context
from nbmon.workers.procside import find
from nbmon.workers.spec import Worker

HEARING = (
    0.5  # part of the grace time that a coroutine has which waits for `stopped()`, before it is cancelled
)


class CoroutineWorker(HostedWorker):
    """A worker that is a task of the loop."""

    def __init__(self, host: LoopHost, order: Order) -> None:
        super().__init__("coroutine", order, host.say)
        self.asked = False
        self.task: asyncio.Task[tuple[str, str]] | None = None
        self._event: asyncio.Event | None = None
        self._elsewhere = threading.Event()  # for threads that it has started (asyncio.to_thread)

    def ask(self) -> None:
        """It shall end; in the loop."""
        self.asked = True
        self._elsewhere.set()
        if self._event is not None:
            self._event.set()
        if self.listens:
            asyncio.get_running_loop().call_later(self.spec.grace * HEARING, self.cancel)
        else:
            self.cancel()

    def cancel(self) -> None:
        """Raise CancelledError in it."""
        if self.task is not None:
            self.task.cancel()

    def stopping(self) -> bool:
        """Whether it was asked to end."""
        self.listens = True
        return self.asked

    def wait_stopping(self, timeout: float | None) -> bool:
        """Only in a thread that the coroutine has started."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.listens = True
            return self._elsewhere.wait(timeout)
        raise RuntimeError("wait_stopping() would hold up the whole loop; use: await nbmon.stopped()")

    async def stopped(self) -> None:
        """Wait until it is asked to end."""
        self.listens = True
        if self._event is None:
            self._event = asyncio.Event()
        if not self.asked:
            await self._event.wait()


class LoopHost:
    """All the coroutines of one supervisor."""

    def __init__(self, specs: Sequence[Worker], sock: socket.socket) -> None:
        self._specs = specs
        self._sock = sock
        self._voice = Voice(sock)
        self._unsaid: list[bytes] = []
        self._workers: dict[int, CoroutineWorker] = {}
        self._loop_thread = threading.get_ident()
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event

    def run(self) -> int:
        """Do as told, until there is nobody to tell; the exit code."""
        with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
            runner.run(self._main())
        return 0

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        threading.Thread(target=self._listen, name="nbmon-listener", daemon=True).start()
        await self._over.wait()

    # --- beside the loop ---

    def _listen(self) -> None:
        try:
            listen(self._sock, self._hear)
            self._loop.call_soon_threadsafe(self._over.set)
        except (OSError, RuntimeError):  # the loop is closed: this is the end
            os._exit(1)

    def _hear(self, messages: list[list[Any]]) -> None:
        for word, key, *_ in messages:
            if word == "stack":
                self._tell_stack(key)
        self._loop.call_soon_threadsafe(self._take, messages)

    def _tell_stack(self, key: int) -> None:
        """Who holds up the loop, if it is held up, and where; else where the one asked for waits."""
        running = asyncio.current_task(self._loop)
        for worker in list(self._workers.values()):
            if worker.task is not None and worker.task is running:
                self._voice.say("stack", key, worker.key, stack_of(self._loop_thread))
                return
        self._voice.say("stack", key, key, _waiting_at(self._workers.get(key)))

    # --- in the loop ---

    def say(self, *words: Any) -> None:
        """Say it with whatever else is said in this turn of the loop."""
        if threading.get_ident() != self._loop_thread:
            self._voice.say(*words)
            return
        if not self._unsaid:
            self._loop.call_soon(self._flush)
        self._unsaid.append(wire.line(*words))

    def _flush(self) -> None:
        data = b"".join(self._unsaid)
        self._unsaid.clear()
        self._voice.send(data)

    def _take(self, messages: list[list[Any]]) -> None:
        for word, key, *rest in messages:
            if word == "start":
                self._start(order(self._specs, key, rest))
            elif word == "stop" and key in self._workers:
                self._workers[key].ask()

    def _start(self, what: Order) -> None:
        worker = CoroutineWorker(self, what)
        made(worker, worker.spec)
        self._workers[worker.key] = worker
        worker.task = self._loop.create_task(self._live(worker), name=worker.name)
        worker.task.add_done_callback(lambda task: self._ended(worker, task))

    async def _live(self, worker: CoroutineWorker) -> tuple[str, str]:
        enter_context(worker)  # of this task alone: each has a copy of the context
        try:
            await find(worker.spec.target or "")(*worker.spec.args, **worker.spec.kwargs)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            return last_words(error)
        return "", ""

    def _ended(self, worker: CoroutineWorker, task: asyncio.Task[tuple[str, str]]) -> None:
        """Also of one that was cancelled before it had begun."""
        del self._workers[worker.key]
        cancelled = "" if worker.asked else "was cancelled"
        sentence, frames = (cancelled, "") if task.cancelled() else task.result()
        self.say("end", worker.key, sentence, frames)


def _waiting_at(worker: CoroutineWorker | None) -> str:
    import io

    if worker is None or worker.task is None:
        return ""
    text = io.StringIO()
    worker.task.print_stack(limit=20, file=text)
    return text.getvalue()


def _fastest_loop() -> Any:
    try:
        import uvloop  # type: ignore[import-untyped, import-not-found, unused-ignore]  # not a dependency
    except ImportError:
        return None
    return uvloop.new_event_loop
