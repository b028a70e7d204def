"""The end of a log, and what is added to it: through rotation by renaming and by cutting. Bounded memory."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH116
from __future__ import annotations

import os
from collections.abc import Callable, Iterator

BLOCK = 65536  # bytes read at once


def start_of_last(fd: int, lines: int) -> int:
    """The offset at which the last `lines` lines of the file begin; an unfinished last line counts as one."""
    end = os.fstat(fd).st_size
    if lines <= 0:
        return end
    position = end
    # The end of the last line does not begin another.
    wanted = lines + (1 if end and os.pread(fd, 1, end - 1) == b"\n" else 0)
    while position > 0:
        size = min(BLOCK, position)
        block = os.pread(fd, size, position - size)
        count = block.count(b"\n")
        if count >= wanted:
            return position - size + _after_last(block, wanted)
        wanted -= count
        position -= size
    return 0


def _after_last(block: bytes, wanted: int) -> int:
    """The offset behind the `wanted`-th newline from the block's end."""
    at = len(block)
    for _ in range(wanted):
        at = block.rindex(b"\n", 0, at)
    return at + 1


def blocks(fd: int, offset: int) -> Iterator[bytes]:
    """What the file holds from `offset` on, in blocks."""
    while data := os.pread(fd, BLOCK, offset):
        yield data
        offset += len(data)


def follow(path: str, fd: int, offset: int, wait: Callable[[], bool]) -> Iterator[bytes]:
    """What is added to the file at `path`, open as `fd`, from `offset` on, until `wait` says False.

    `wait` is called when there is nothing new. A file that another took the place of is read to its end, then
    the other from its beginning; one that was cut is read again from its beginning. Closes what it opens.
    """
    opened: int | None = None
    try:
        while True:
            for data in blocks(fd, offset):
                offset += len(data)
                yield data
            if (new := _reopened(path, fd)) is not None:
                yield from blocks(fd, offset)  # what came between reading to the end and the change of place
                if opened is not None:
                    os.close(opened)
                fd = opened = new
                offset = 0
            elif os.fstat(fd).st_size < offset:
                offset = 0
            elif not wait():
                return
    finally:
        if opened is not None:
            os.close(opened)


def _reopened(path: str, fd: int) -> int | None:
    """A descriptor of what is at `path` now, if that is not `fd`'s file; None while nothing is there."""
    try:
        if os.path.samestat(os.stat(path), os.fstat(fd)):
            return None
        return open_log(path)
    except OSError:
        return None


def open_log(path: str) -> int:
    """A descriptor to read `path` by; OSError. A fifo in its place does not block."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
