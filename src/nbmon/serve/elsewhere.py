"""A connection waits for another descriptor than its own, where its answer is made. Must not know HTTP.

Meanwhile epoll(7) watches the client's socket for its end alone, edge-triggered: bytes that it sends wait in
the kernel, and an end that was heard is not told again and again.
"""

from __future__ import annotations

import os
import select

from nbmon.serve.loop import READ, CoroutineTask, Task

HANG_UP = select.EPOLLRDHUP | select.EPOLLET  # EPOLLHUP and EPOLLERR are always told
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Other(Task):
    """The other descriptor. It resumes its connection with True, again and again, until it is closed.

    It is duplicated: several connections may wait for the same one, and whoever made it may close it.
    """

    __slots__ = ("_conn",)

    def __init__(self, conn: CoroutineTask, fd: int) -> None:
        """Raises OSError: it is no descriptor, none that epoll watches, or there are no more."""
        super().__init__(conn.loop, os.dup(fd))
        self._conn = conn
        try:
            self.watch(READ)
        except OSError:
            os.close(self.fd)
            raise

    def ready(self) -> None:
        """What was waited for is there."""
        self._conn.resume(True)

    def close(self) -> None:
        """Wait no more."""
        self.leave()
        os.close(self.fd)


def end_of(fd: int) -> tuple[bool, bool]:
    """Whether the client is gone for certain; whether it sends no more, which a half-closed one says, too."""
    poller = select.poll()
    poller.register(fd, select.POLLRDHUP)
    events = sum(event for _, event in poller.poll(0))
    return bool(events & _GONE), bool(events & select.POLLRDHUP)
