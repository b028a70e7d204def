"""What the master waits for: descriptors (epoll) and times (a heap, by the monotonic clock). No polling.

Must not know what is waited for.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic

from nbmon.workers.highfds import HighDescriptors


class Loop:
    """Calls functions when a descriptor is ready, or a time has come."""

    def __init__(self, high: HighDescriptors) -> None:
        self._poller = _high_epoll(high)
        self._handlers: dict[int, Callable[[], None]] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def close(self) -> None:
        """Wait no more."""
        self._poller.close()

    def watch(self, fd: int, handler: Callable[[], None], reading: bool = True) -> None:
        """Call `handler` whenever `fd` is readable; without `reading`, on an exceptional condition alone."""
        self._handlers[fd] = handler
        self._poller.register(fd, select.EPOLLIN if reading else 0)

    def want(self, fd: int, reading: bool = True, room: bool = False) -> None:
        """Call its handler when there is something to read, or room to write, or neither."""
        self._poller.modify(fd, (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if room else 0))

    def unwatch(self, fd: int) -> None:
        """No more; before it is closed."""
        del self._handlers[fd]
        self._poller.unregister(fd)

    def after(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` once, in so many seconds."""
        heappush(self._heap, (monotonic() + seconds, next(self._order), function))

    def every(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` now, and then again and again with so many seconds in between."""
        function()
        self.after(seconds, lambda: self.every(seconds, function))

    def turn(self, then: Callable[[], None], longest: float | None = None) -> None:
        """Wait, at most `longest` seconds, and call what is due; `then` after each."""
        for fd, _ in self._poller.poll(self._pause(longest)):
            handler = self._handlers.get(fd)  # an earlier one may have ended it
            if handler is not None:
                handler()
                then()
        now = monotonic()
        while self._heap and self._heap[0][0] <= now:
            heappop(self._heap)[2]()
            then()

    def _pause(self, longest: float | None) -> float | None:
        if not self._heap:
            return longest
        left = max(0.0, self._heap[0][0] - monotonic())
        return left if longest is None else min(left, longest)


def _high_epoll(high: HighDescriptors) -> select.epoll:
    low = select.epoll()
    try:
        return select.epoll.fromfd(high.lift(os.dup(low.fileno())))
    finally:
        low.close()
