"""What a process or a thread costs, read from /proc. Must not know workers."""

from __future__ import annotations

import os
from typing import NamedTuple

LONGEST_STAT = 4096  # bytes


class Cost(NamedTuple):
    """Now; CPU time in seconds, with that of children that were waited for; resident memory in bytes."""

    pid: int
    parent: int
    cpu_seconds: float
    memory: int
    threads: int
    own_seconds: float = 0.0  # without the children's
    started: float = 0.0  # seconds of CLOCK_BOOTTIME


def parse_stat(text: bytes, ticks: int, page: int) -> Cost:
    """A line of /proc/PID/stat (proc(5)); `ticks` a second, `page` bytes."""
    head, _, tail = text.rpartition(b")")  # the name may hold spaces and brackets
    fields = tail.split()
    own, theirs = (sum(map(int, fields[at : at + 2])) / ticks for at in (11, 13))
    return Cost(
        pid=int(head.partition(b" ")[0]),
        parent=int(fields[1]),
        cpu_seconds=own + theirs,
        memory=int(fields[21]) * page,
        threads=int(fields[17]),
        own_seconds=own,
        started=int(fields[19]) / ticks,
    )


def of(pid: int, tid: int | None = None) -> Cost | None:
    """What a process costs, or one thread of it; None if it is gone. A thread has the whole's memory."""
    path = f"/proc/{pid}/stat" if tid is None else f"/proc/{pid}/task/{tid}/stat"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(fd, LONGEST_STAT)
        finally:
            os.close(fd)
    except OSError:
        return None
    return parse_stat(text, os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"))
