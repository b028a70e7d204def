"""The folder of results: reading with proof, writing in one step. Several processes share it, and daemons.

A file appears whole or not at all (it is written nameless and then linked), is never changed, and may vanish
at any moment: who reads holds a descriptor. No error of the disk is anybody's but this file's: without the
cache, all is as before and slower.
"""

from __future__ import annotations

import errno
import os
import time
from collections import OrderedDict
from typing import NamedTuple

from nbmon.pictures.cache.colours import Colours
from nbmon.pictures.cache.entry import TRAILER_BYTES, Stored, digest_of, read_trailer, trailer
from nbmon.pictures.held import Held

FOLDER = "results"  # within nbmon's cache folder
TOUCH_AFTER = 60.0  # seconds: how exactly it is known when a file was last used
CHECKED = 4_096  # files of which it is remembered that they are whole
PIECE = 1 << 20  # bytes read at once


class File(Held):
    """An open result: for whoever sends it, as an open file of the folder is."""

    __slots__ = ("state", "stored")

    def __init__(self, fd: int, stored: Stored, state: tuple[int, ...]) -> None:
        super().__init__(fd)
        self.stored = stored
        self.state = state


class Wrote(NamedTuple):
    """What became of a write: `bytes` that the cache grew by, and why it could not be, if so."""

    bytes: int
    error: str = ""


class Store:
    """The results below `path`. Raises nothing of the disk."""

    def __init__(self, path: str) -> None:
        self.path = f"{path}/{FOLDER}"
        self.colours = Colours(path)
        self._whole: OrderedDict[tuple[int, ...], None] = OrderedDict()

    def file(self, key: str) -> str:
        """Where the result `key` lies."""
        return f"{self.path}/{key[:2]}/{key[2:]}"

    def get(self, key: str) -> File | None:
        """The result, checked to be whole; None if it is not there. A broken one is removed."""
        try:
            fd = os.open(self.file(key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            status = os.fstat(fd)
            stored = self._checked(fd, status)
            if stored is not None:
                self._touch(fd, status)
                return File(fd, stored, _state(status))
            os.unlink(self.file(key))  # noqa: PTH108 - as the others here
        except OSError:
            pass
        os.close(fd)
        return None

    def state_of(self, key: str) -> tuple[int, ...] | None:
        """What stays as long as `get` gives the same; nothing is read. None where it gives nothing."""
        try:
            status = os.stat(self.file(key))  # noqa: PTH116 - as the others here
        except OSError:
            return None
        if time.time() - status.st_atime > TOUCH_AFTER:
            self.get_and_close(key)
        return _state(status)

    def get_and_close(self, key: str) -> None:
        """Note that the result is used."""
        if (found := self.get(key)) is not None:
            found.close()

    def _checked(self, fd: int, status: os.stat_result) -> Stored | None:
        length = status.st_size - TRAILER_BYTES
        if length < 0:
            return None
        stored = read_trailer(os.pread(fd, TRAILER_BYTES, length), status.st_size)
        if stored is None or _state(status) in self._whole:
            return stored
        if digest_of(_read(fd, length)) != stored.digest:
            return None
        self._whole[_state(status)] = None
        while len(self._whole) > CHECKED:
            self._whole.popitem(last=False)
        return stored

    def _touch(self, fd: int, status: os.stat_result) -> None:
        """Note the use in the access time, which is ours alone to set: most systems mount with relatime."""
        if time.time() - status.st_atime > TOUCH_AFTER:
            os.utime(fd, ns=(time.time_ns(), status.st_mtime_ns))

    def put(self, key: str, content: bytes | memoryview, stored: Stored) -> Wrote:
        """Keep `content`; it is there whole, or not at all."""
        try:
            folder = os.path.dirname(self.file(key))  # noqa: PTH120 - as the others here
            os.makedirs(folder, 0o700, exist_ok=True)  # noqa: PTH103 - as the others here
            write_whole(folder, self.file(key), (content, trailer(stored)))
        except FileExistsError:
            return Wrote(0)
        except OSError as error:
            return Wrote(0, error.strerror or str(error))
        return Wrote(stored.length + TRAILER_BYTES)


def write_whole(folder: str, path: str, pieces: tuple[bytes | memoryview, ...]) -> None:
    """Write a file without a name, and give it one. Where that cannot be: another name first. OSError."""
    try:
        fd, name = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), ""
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
        name = f"{path}.{os.getpid()}"
        fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        for piece in pieces:
            _write(fd, piece)
        # with a directory, though it is not looked at: only so Python takes linkat(2), which follows
        os.link(name or f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
    finally:
        os.close(fd)
        if name:
            os.unlink(name)  # noqa: PTH108 - as the others here


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read(fd: int, length: int) -> bytes:
    pieces, at = [], 0
    while at < length:
        piece = os.pread(fd, min(PIECE, length - at), at)
        if not piece:
            raise OSError(errno.EIO, "cut short")
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _write(fd: int, content: bytes | memoryview) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]
