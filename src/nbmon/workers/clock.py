"""What shall happen later: a heap of times, by the monotonic clock. Must not know what happens."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic


class Timers:
    """Functions, each to be called once when its time has come."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` in so many seconds."""
        heappush(self._heap, (monotonic() + seconds, next(self._order), function))

    def pause(self) -> float | None:
        """Seconds until the next is due; None when none is."""
        return max(0.0, self._heap[0][0] - monotonic()) if self._heap else None

    def fire(self) -> None:
        """Call what is due."""
        now = monotonic()
        while self._heap and self._heap[0][0] <= now:
            heappop(self._heap)[2]()
