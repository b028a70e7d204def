"""The content of answers: read, mapped, and its files closed. Must not know sockets."""

from __future__ import annotations

import mmap
import os
from typing import Any

from nbmon.http import Body, FileSlice, Later, Response, Stream, is_stream, parts_of
from nbmon.serve.logs import log_failure

# From here on a file's pages are handed to the kernel, which saves a copy; below, they are copied.
LENT = 524_288  # bytes


class FileCut(Exception):  # noqa: N818 - what happened to the file
    """A file is not what it was when its answer began: shorter, or written to."""


class Mapped:
    """A run of a file in memory that is the kernel's, not ours. It lives as long as a view of it.

    The kernel copies from it within send(2), which fails with EFAULT where the file has lost that part since:
    nothing in here touches its bytes, which would be SIGBUS then. The answer's file is this object's now.
    """

    def __init__(self, piece: FileSlice) -> None:
        """Raises OSError, and ValueError if the file is shorter."""
        self._file = piece.file
        self.offset = piece.offset  # bytes
        self.lent = piece.length >= LENT
        self._seen = seen_first(piece.file)
        whole = mmap.mmap(piece.file.fileno(), piece.offset + piece.length, mmap.MAP_SHARED, mmap.PROT_READ)
        self.view = memoryview(whole)[piece.offset :]

    def fileno(self) -> int:
        """The file's descriptor."""
        return int(self._file.fileno())

    def changed(self) -> bool:
        """Whether the file was written to since it was mapped."""
        return seen(self._file.fileno()) != self._seen

    def check(self) -> None:
        """Raises FileCut if so."""
        if self.changed():
            raise FileCut


def seen(fd: int) -> tuple[int, int]:
    """What changes when an open file is written to, and stays when its name goes to another."""
    return _version(os.fstat(fd))


def seen_first(file: Any) -> tuple[int, int]:
    """As it was when the answer was made, if the file has kept that as its `status`; else as it is."""
    status = getattr(file, "status", None)
    return seen(file.fileno()) if status is None else _version(status)


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


def read_slice(fd: int, offset: int, length: int) -> bytes:
    """A run of a file. Raises FileCut, OSError."""
    data = os.pread(fd, length, offset)
    if len(data) < length:  # pread(2) of a regular file is only short at its end
        raise FileCut
    return data


def read_body(body: Body) -> bytes:
    """All of a body that is no stream, at once. Raises FileCut and OSError."""
    if isinstance(body, bytes):
        return body
    return b"".join(
        piece if isinstance(piece, bytes) else read_slice(piece.file.fileno(), piece.offset, piece.length)
        for piece in parts_of(body)
    )


def close_files(response: Response) -> None:
    """Close the files of a response's body, or the stream that it is, sent or not."""
    body = response.body
    if type(body) is bytes:
        return
    if is_stream(body):
        close_quietly(body)
        return
    for piece in parts_of(body):
        if isinstance(piece, FileSlice) and piece.file is not None:  # None: only HEAD's length was wanted
            piece.file.close()


def close_quietly(thing: Later | Stream) -> None:
    """Close what an application made; where that fails, it is written down."""
    try:
        thing.close()
    except Exception as error:
        log_failure("what an answer was made from cannot be closed", error)
