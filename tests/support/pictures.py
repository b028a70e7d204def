"""For the tests of the pictures: a stranger's requests, and what came back."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nbmon.http import FileSlice, Request, Response

SECRET = b"the secret beside the folder"
INSIDE = b"what may be seen"
NOBODY = 65534

Ask = Callable[..., Response]


def asker(app: Callable[[Request], Response]) -> Ask:
    def ask(target: bytes | str, method: str = "GET", **fields: str) -> Response:
        raw = target.encode("utf-8", "surrogateescape") if isinstance(target, str) else target
        path, mark, query = raw.partition(b"?")
        lines = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
        return app(Request(method, raw, path, query if mark else None, (1, 1), lines, True))

    return ask


def content(response: Response) -> bytes:
    """The answer's content; its file is closed, as a server would."""
    body = response.body
    if isinstance(body, bytes):
        return body
    assert isinstance(body, FileSlice)
    try:
        return body.file.read(body.offset, body.length)
    finally:
        body.file.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def as_a_common_user() -> Iterator[None]:
    """This thread's rights to files, without root's (setfsuid(2)); nothing changes for who is not root."""
    setfsuid = ctypes.CDLL(None).setfsuid
    if os.geteuid() != 0:
        yield
        return
    setfsuid(NOBODY)
    try:
        yield
    finally:
        setfsuid(0)


@contextmanager
def openings(path: Path) -> Iterator[Callable[[], bool]]:
    """Whether `path` was opened since this was last asked (inotify(7)); a look through O_PATH is none."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x20) >= 0  # IN_OPEN

    def seen() -> bool:
        try:
            return bool(os.read(watch, 4096))
        except BlockingIOError:
            return False

    try:
        yield seen
    finally:
        os.close(watch)
