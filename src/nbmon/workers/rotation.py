"""A log that is bounded in size: when it would grow beyond, it becomes PATH.1, PATH.1 PATH.2, and so on.

Must not know where the lines come from.
"""

from __future__ import annotations

import os
import stat


class RotatedFile:
    """Written by one process only."""

    def __init__(self, path: str, size: int, files: int) -> None:
        self._path, self._limit, self._files = path, size, files
        self._fd = -1
        self._size = 0
        self._rotates = True

    def write(self, data: bytes) -> None:
        """Append whole lines. OSError if the disk is full, say; the next write tries again."""
        if self._fd < 0:
            self._open()
        while data:
            if not self._rotates:
                self._put(data)
                return
            fitting = fitting_lines(data, self._limit - self._size, is_empty=self._size == 0)
            if fitting:
                self._put(data[:fitting])
                data = data[fitting:]
            else:
                self._rotate()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]

    def close(self) -> None:
        """Close it; the next write opens it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        self._fd = os.open(self._path, flags, 0o640)
        found = os.fstat(self._fd)
        self._size = found.st_size
        self._rotates = stat.S_ISREG(found.st_mode)  # never a device or a fifo

    def _rotate(self) -> None:
        self.close()
        for number in range(self._files, 0, -1):
            older = f"{self._path}.{number}"
            newer = self._path if number == 1 else f"{self._path}.{number - 1}"
            try:
                os.replace(newer, older)
            except FileNotFoundError:
                pass
        if self._files == 0:
            os.unlink(self._path)
        self._open()


def fitting_lines(data: bytes, room: int, is_empty: bool) -> int:
    """Bytes of `data`, in whole lines, that a file with `room` takes; an empty one takes a line."""
    if len(data) <= room:
        return len(data)
    cut = data.rfind(b"\n", 0, max(0, room)) + 1
    if cut or not is_empty:
        return cut
    return data.find(b"\n") + 1 or len(data)
