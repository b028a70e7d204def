"""Who waits for which result, what is made, and what comes next. Pure: it knows no process and no socket.

A result that many ask for is made once; one that nobody waits for any more is not made. Clients are
numbers. What failed is remembered for a while, lest a broken picture be tried again and again.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

from nbmon.pictures.darkroom.job import Reply

FAILURES = 1_024  # remembered
FAILURE_TIME = 60.0  # seconds

Payload = TypeVar("Payload")


class Taken(Enum):
    """What becomes of a request."""

    WAITS = "it will be told"
    FULL = "there are too many"


class Left(NamedTuple):
    """What a client's going away, or a job's end, leaves to be done."""

    stop: tuple[str, ...] = ()  # keys of jobs that run for nobody
    dropped: tuple[Any, ...] = ()  # payloads of jobs that had not begun


class Desk(Generic[Payload]):
    """The state; times are monotonic seconds, given by the caller."""

    def __init__(self, at_once: int, queue: int) -> None:
        self._at_once = at_once
        self._queue = queue
        self._waiting: OrderedDict[str, tuple[Payload, float]] = OrderedDict()
        self._running: set[str] = set()
        self._stopping = 0  # jobs that run for nobody, and have not ended yet
        self._clients: dict[str, list[int]] = {}
        self._of_client: dict[int, str] = {}
        self._failed: OrderedDict[str, tuple[float, Reply]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Different jobs that have not begun."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Jobs under way, those that are being stopped included."""
        return len(self._running) + self._stopping

    def knows(self, client: int) -> bool:
        """Whether `client` waits already."""
        return client in self._of_client

    def ask(self, client: int, key: str, payload: Payload, now: float) -> tuple[Taken, bool]:
        """`client` wants `key`; whether it waits, and whether `payload` was kept for that."""
        known = key in self._waiting or key in self._running
        if not known and len(self._waiting) >= self._queue:
            return Taken.FULL, False
        self._clients.setdefault(key, []).append(client)
        self._of_client[client] = key
        if not known:
            self._waiting[key] = payload, now
        return Taken.WAITS, not known

    def next(self, now: float) -> tuple[str, Payload, float] | None:
        """The job to begin now, with the seconds that it waited; None if none may."""
        if not self._waiting or self.running >= self._at_once:
            return None
        key, (payload, since) = self._waiting.popitem(last=False)
        self._running.add(key)
        return key, payload, now - since

    def leave(self, client: int) -> Left:
        """`client` has gone. A job that is to be stopped is forgotten: who asks from now on gets another."""
        key = self._of_client.pop(client, None)
        if key is None:
            return Left()
        self._clients[key].remove(client)
        if self._clients[key]:
            return Left()
        del self._clients[key]
        if key in self._waiting:
            return Left(dropped=(self._waiting.pop(key)[0],))
        self._running.remove(key)
        self._stopping += 1
        return Left(stop=(key,))

    def stopped(self) -> None:
        """A job that ran for nobody has ended."""
        self._stopping -= 1

    def done(self, key: str) -> list[int]:
        """The job has ended: who is to be told."""
        self._running.discard(key)
        clients = self._clients.pop(key, [])
        for client in clients:
            self._of_client.pop(client, None)
        return clients

    def failed(self, key: str, reply: Reply, now: float) -> None:
        """Remember that this cannot be made."""
        self._failed[key] = now + FAILURE_TIME, reply
        self._failed.move_to_end(key)
        while len(self._failed) > FAILURES:
            self._failed.popitem(last=False)

    def known_failure(self, key: str, now: float) -> Reply | None:
        """What was said when this could not be made, if that was not long ago."""
        found = self._failed.get(key)
        if found is None:
            return None
        if found[0] <= now:
            del self._failed[key]
            return None
        return found[1]
