"""A descriptor with one owner: what files of the folder, of the cache and of the darkroom have in common."""

from __future__ import annotations

import os


class Held:
    """An open descriptor. Whoever gets one closes it; a forgotten one closes itself."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor; ValueError once closed."""
        if self._fd < 0:
            raise ValueError("the file is closed")
        return self._fd

    def close(self) -> None:
        """Close the descriptor; harmless twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close
