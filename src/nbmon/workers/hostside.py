"""In a process that hosts workers: what threads and coroutines have in common there.

Must not decide anything: it starts and stops what it is told to, and tells what became of it.
"""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbmon.workers import wire
from nbmon.workers.inside import CurrentWorker
from nbmon.workers.policy import spread
from nbmon.workers.procside import told
from nbmon.workers.spec import Worker

STACK_FRAMES = 20  # the innermost ones of a culprit


class Voice:
    """Speaks to the supervisor; from any thread, one message at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def say(self, *words: Any) -> None:
        """Say it now."""
        self.send(wire.line(*words))

    def send(self, data: bytes) -> None:
        """Send whole messages."""
        try:
            with self._lock:
                self._sock.sendall(data)
        except OSError:  # the supervisor is gone, and this process about to be
            pass


class HostedWorker(CurrentWorker):
    """A worker that shares its process with others."""

    def __init__(self, kind: str, order: Order, say: Callable[[str, int], None]) -> None:
        key = order.key
        super().__init__(
            order.name,
            kind,
            order.number,
            order.restarts,
            say=lambda word: say(word, key),
            heartbeat=order.spec.heartbeat,
        )
        self.key = key
        self.spec = order.spec


def made(worker: CurrentWorker, spec: Worker) -> CurrentWorker:
    """`worker`, with what its spec says of requests."""
    import random

    if spec.max_requests is not None:
        chance = random.random()  # noqa: S311 - no secret depends on it
        worker.max_requests = round(spread(spec.max_requests, spec.jitter, chance))
    return worker


def listen(sock: socket.socket, take: Callable[[list[list[Any]]], None]) -> None:
    """Give `take` what the supervisor says, until it says no more."""
    lines = wire.Lines()
    while data := sock.recv(wire.CHUNK):
        take(lines.feed(data))


def last_words(error: BaseException) -> tuple[str, str]:
    """What a worker died of, for the supervisor; the whole goes to stderr. Empty for a normal end."""
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return "", ""
    sentence, frames = told(error)
    below = error.__traceback__.tb_next if error.__traceback__ else None
    sys.stderr.write("".join(traceback.format_exception(type(error), error, below)))
    return f"died of {sentence}", frames


def stack_of(thread_id: int | None) -> str:
    """What a thread is doing just now."""
    frame = sys._current_frames().get(thread_id) if thread_id is not None else None
    if frame is None:
        return "    (no Python code)\n"
    return "".join(traceback.format_list(traceback.extract_stack(frame)[-STACK_FRAMES:]))


@dataclass(frozen=True, slots=True)
class Order:
    """A worker to be started."""

    key: int
    spec: Worker
    name: str
    number: int
    restarts: int


def order(specs: Sequence[Worker], key: int, words: list[Any]) -> Order:
    """What follows "start" and the key; the specs are known to this process from its birth."""
    index, name, number, restarts = words
    return Order(key, specs[index], name, number, restarts)
