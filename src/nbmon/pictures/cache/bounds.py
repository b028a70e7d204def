"""Keeping the folder of results within its bytes: what was not used for longest goes first.

A sweep looks at every file (in a process of its own; some 100,000 a second), so it is done when enough was
added since the last one. One at a time: a lock says so to other daemons. `oldest` is pure.
"""

# pathlib would be one more layer around each of a hundred thousand files.
# ruff: noqa: PTH108, PTH118
from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

LOCK = "sweep.lock"
DOWN_TO = 0.9  # of the bound: a sweep makes room for more than one result
MOST_FILES = 1_000_000  # looked at in one sweep
SWEEP_AFTER = 0.05  # of the bound, added since the last sweep


class Seen(NamedTuple):
    """A file of the cache; `used` in nanoseconds since 1970."""

    used: int
    bytes: int  # on the disk
    path: str


class Total(NamedTuple):
    """What is there."""

    files: int = 0
    bytes: int = 0
    oldest: int = 0  # nanoseconds since 1970; 0 where there is none


def oldest(files: list[Seen], most: int) -> list[Seen]:
    """Which to remove so that no more than `most` bytes stay, if there are more; the least used ones."""
    total = sum(file.bytes for file in files)
    if total <= most:
        return []
    gone, target = [], most * DOWN_TO
    for file in sorted(files):
        if total <= target:
            break
        gone.append(file)
        total -= file.bytes
    return gone


def files_of(path: str) -> Iterator[Seen]:
    """Every result below `path`, the Store's."""
    seen = 0
    for folder in _folders(path):
        with contextlib.suppress(OSError), os.scandir(folder) as scan:
            for item in scan:
                with contextlib.suppress(OSError):
                    status = item.stat(follow_symlinks=False)
                    yield Seen(status.st_atime_ns, status.st_blocks * 512, item.path)
                seen += 1
                if seen >= MOST_FILES:
                    return


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as scan:
            return [item.path for item in scan if len(item.name) == 2 and item.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def total(path: str) -> Total:
    """How much is below `path`."""
    files = list(files_of(path))
    return Total(len(files), sum(f.bytes for f in files), min((f.used for f in files), default=0))


def sweep(
    path: str, most: int, removed: Callable[[int, int], object] = lambda _files, _bytes: None
) -> int | None:
    """Remove what is too much below `path`; the bytes that stay. None if another sweeps.

    `removed` is told how many files went, and with how many bytes.
    """
    try:
        os.makedirs(path, 0o700, exist_ok=True)  # noqa: PTH103
        lock = os.open(os.path.join(path, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        files = list(files_of(path))
        gone = oldest(files, most)
        _remove(gone)
        freed = sum(file.bytes for file in gone)
        if gone:
            removed(len(gone), freed)
        return sum(file.bytes for file in files) - freed
    except OSError:  # another has the lock
        return None
    finally:
        os.close(lock)


def clear(path: str) -> Total:
    """Remove every result below `path`; what was there."""
    files = list(files_of(path))
    _remove(files)
    return Total(len(files), sum(file.bytes for file in files), 0)


def _remove(files: list[Seen]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            os.unlink(file.path)
