"""The master's own descriptors, kept above all others: one close_range(2) ends them in a forked worker.

A worker inherits what the program opened (a listening socket, say), but nothing of its supervisor's.
"""

from __future__ import annotations

import fcntl
import os
import resource

ROOM = 64  # descriptors that the program may still open below
_END = 1 << 30  # above every possible one; close_range(2) stops where they end


class HighDescriptors:
    """Descriptors from `base` on are the master's."""

    def __init__(self, base: int = 0, soft: int = 0, hard: int = 0) -> None:
        """`base` and the limits are given by one's former image."""
        self.limits = (soft, hard) if base else raise_limit()  # as it was: workers get it back
        self.base = base or (max(map(int, os.listdir("/proc/self/fd"))) // ROOM + 2) * ROOM

    def lift(self, fd: int) -> int:
        """Move a descriptor up. OSError, with `fd` closed, if none is left there."""
        try:
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, self.base)
        finally:
            os.close(fd)

    def close_all(self) -> None:
        """In a forked worker: they are none of its."""
        os.closerange(self.base, _END)

    def restore_limit(self) -> None:
        """In a forked worker, and at the end."""
        resource.setrlimit(resource.RLIMIT_NOFILE, self.limits)


def raise_limit() -> tuple[int, int]:
    """Allow as many descriptors as may be had; the limits of before. select(2) is not used here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            pass  # then the supervisor hosts fewer workers
    return soft, hard
