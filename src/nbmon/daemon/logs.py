"""The program's own `logging` file handlers: their descriptors, and how they are reopened.

Must not import `logging`: a program that does not use it does not pay for it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator


def handlers() -> Iterator[logging.Handler]:
    """Every handler that some logger of this process has."""
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "root"):
        return
    seen: set[int] = set()
    for logger in [logging.root, *list(logging.root.manager.loggerDict.values())]:
        for handler in getattr(logger, "handlers", ()):  # a PlaceHolder has none
            if id(handler) not in seen:
                seen.add(id(handler))
                yield handler


def descriptors() -> set[int]:
    """The descriptors that handlers write to: files, and the sockets of syslog."""
    from nbmon.daemon.descriptors import descriptor_of

    found = set()
    for handler in handlers():
        for attribute in ("stream", "socket", "sock"):
            fd = descriptor_of(getattr(handler, attribute, None))
            if fd is not None:
                found.add(fd)
    return found


def reopen() -> list[str]:
    """Open every handler's file again, under its own descriptor; returns what failed, as sentences.

    dup3(2) swaps the file below the handler's stream in one step: nothing is lost, no lock is needed,
    and it is safe in a signal handler that interrupted the very same handler while it was writing.
    """
    failures = []
    for handler in handlers():
        path = getattr(handler, "baseFilename", None)
        stream = getattr(handler, "stream", None)
        if path is None or stream is None:
            continue
        try:
            _swap(path, stream.fileno())
        except (OSError, ValueError) as error:
            failures.append(f"cannot reopen the log {path}: {getattr(error, 'strerror', None) or error}")
    return failures


def _swap(path: str, fd: int) -> None:
    fresh = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)
    try:
        os.dup2(fresh, fd, inheritable=False)
    finally:
        os.close(fresh)
