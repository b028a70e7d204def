"""In a process that hosts threads: each worker is one, asked to stop by an event.

A thread cannot be killed: one that does not stop costs the whole process, which is the supervisor's decision.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any

from nbmon.workers.hostside import HostedWorker, Order, Voice, last_words, listen, made, order, stack_of
from nbmon.workers.inside import enter_context
from nbmon.workers.procside import find
from nbmon.workers.spec import Worker


class ThreadWorker(HostedWorker):
    """A worker that is a thread."""

    def __init__(self, voice: Voice, order: Order) -> None:
        super().__init__("thread", order, voice.say)
        self.event = threading.Event()
        self.ident: int | None = None

    def stopping(self) -> bool:
        """Whether the event is set."""
        return self.event.is_set()

    def wait_stopping(self, timeout: float | None) -> bool:
        """Wait for the event."""
        return self.event.wait(timeout)


class ThreadHost:
    """All the threads of one supervisor."""

    def __init__(self, specs: Sequence[Worker], sock: socket.socket) -> None:
        self._specs = specs
        self._sock = sock
        self._voice = Voice(sock)
        self._workers: dict[int, ThreadWorker] = {}

    def run(self) -> int:
        """Do as told, until there is nobody to tell; the exit code."""
        listen(self._sock, self._take)
        return 0

    def _take(self, messages: list[list[Any]]) -> None:
        for word, key, *rest in messages:
            if word == "start":
                self._start(order(self._specs, key, rest))
            elif key in self._workers and word == "stop":
                self._workers[key].event.set()
            elif key in self._workers and word == "stack":
                self._voice.say("stack", key, key, stack_of(self._workers[key].ident))

    def _start(self, what: Order) -> None:
        worker = ThreadWorker(self._voice, what)
        made(worker, worker.spec)
        self._workers[worker.key] = worker
        thread = threading.Thread(target=self._live, args=(worker,), name=worker.name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # "can't start new thread": EAGAIN
            self._ended(worker, f"could not be started: {error}; see `ulimit -u`", "")

    def _live(self, worker: ThreadWorker) -> None:
        enter_context(worker)
        worker.ident = threading.get_ident()
        self._voice.say("up", worker.key, threading.get_native_id())
        sentence, frames = "", ""
        try:
            called = find(worker.spec.target or "")(*worker.spec.args, **worker.spec.kwargs)
            if hasattr(called, "__await__"):
                _run(called)
        except BaseException as error:
            sentence, frames = last_words(error)
        self._ended(worker, sentence, frames)

    def _ended(self, worker: ThreadWorker, sentence: str, frames: str) -> None:
        self._workers.pop(worker.key, None)
        self._voice.say("end", worker.key, sentence, frames)


def _run(awaitable: Any) -> None:
    import asyncio

    async def wait() -> None:
        await awaitable

    asyncio.run(wait())
