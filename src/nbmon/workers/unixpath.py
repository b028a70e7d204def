"""Unix sockets at paths of any length: unix(7) gives an address 108 bytes, /proc a folder a short name."""

from __future__ import annotations

import os


class Short:
    """As a context manager: a name for `path` that is short enough to bind or connect to.

    OSError if its folder is not there. (`contextlib` would be one more import for `nbmon status`.)
    """

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._fd = -1

    def __enter__(self) -> str:
        folder, name = os.path.split(self._path)
        self._fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}/{name}"

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
