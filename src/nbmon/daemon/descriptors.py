"""Which descriptors a daemon keeps, and the closing of all the others.

A descriptor that came through exec cannot carry FD_CLOEXEC (execve(2)); one that Python itself opened does
(PEP 446). So what the shell, cron or an IDE leaked can be told from what the program opened on purpose.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FIRST = 3  # 0, 1 and 2 are the streams' matter


def descriptor_of(thing: Any) -> int | None:
    """The descriptor of a file, socket, server or selector, or a number itself; None for all else."""
    if isinstance(thing, int):
        return None if isinstance(thing, bool) or thing < 0 else thing
    if isinstance(thing, type):
        return None
    try:
        fd = thing.fileno()
    except Exception:  # a stranger's object: closed, detached, a mock, a lazy proxy
        return None
    return fd if isinstance(fd, int) and fd >= 0 else None


def reachable(owner: object) -> set[int]:
    """Descriptors of what `owner` holds as attributes, also inside a list, tuple, set or dict."""
    found = set()
    for value in list(getattr(owner, "__dict__", {}).values()):
        for thing in _inside(value):
            fd = None if isinstance(thing, int) else descriptor_of(thing)
            if fd is not None:
                found.add(fd)
    return found


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return (value,)


def open_descriptors() -> list[int]:
    """All open descriptors of this process, from /proc; without /proc, those below 1024."""
    try:
        numbers = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    except OSError:
        numbers = list(range(1024))
    return [fd for fd in numbers if _is_open(fd)]


def own_descriptors() -> set[int]:
    """Those that this program opened itself, as against those that came through exec."""
    return {fd for fd in open_descriptors() if not os.get_inheritable(fd)}


def _is_open(fd: int) -> bool:
    try:
        os.get_inheritable(fd)
    except OSError:
        return False
    return True


def gaps(keep: Iterable[int], last: int) -> list[tuple[int, int]]:
    """The ranges [low, high) from FIRST to `last` that hold nothing of `keep`."""
    ranges, low = [], FIRST
    for fd in sorted({fd for fd in keep if FIRST <= fd <= last}):
        if fd > low:
            ranges.append((low, fd))
        low = fd + 1
    if low <= last:
        ranges.append((low, last + 1))
    return ranges


def close_all_but(keep: Iterable[int]) -> None:
    """Close every descriptor from 3 on that is not in `keep`, by close_range(2) where there is one."""
    last = max(open_descriptors(), default=0)
    for low, high in gaps(keep, last):
        os.closerange(low, high)
