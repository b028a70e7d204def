"""Unix sockets at paths of any length: unix(7) gives an address 108 bytes, /proc a folder a short name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def short(path: str) -> Iterator[str]:
    """A name for `path` that is short enough to bind or connect to. OSError if its folder is not there."""
    folder, name = os.path.split(os.path.abspath(path))
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{name}"
    finally:
        os.close(fd)
