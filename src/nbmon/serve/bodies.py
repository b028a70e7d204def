"""The content of answers, in memory: read whole, and its files closed. Must not know sockets."""

from __future__ import annotations

import os

from nbmon.http import Body, FileSlice, Response


class FileCut(Exception):  # noqa: N818 - what happened to the file
    """A file is shorter than when its answer began."""


def read_slice(fd: int, offset: int, length: int) -> bytes:
    """A run of a file. Raises FileCut, OSError."""
    data = os.pread(fd, length, offset)
    if len(data) < length:  # pread(2) of a regular file is only short at its end
        raise FileCut
    return data


def read_body(body: Body) -> bytes:
    """All of a body at once. Raises FileCut and OSError."""
    if isinstance(body, bytes):
        return body
    pieces = (body,) if isinstance(body, FileSlice) else body
    return b"".join(
        piece if isinstance(piece, bytes) else read_slice(piece.file.fileno(), piece.offset, piece.length)
        for piece in pieces
    )


def close_files(response: Response) -> None:
    """Close the files of a response's body, sent or not."""
    body = response.body
    if type(body) is bytes:
        return
    for piece in (body,) if isinstance(body, FileSlice) else body:
        if isinstance(piece, FileSlice) and piece.file is not None:  # None: only HEAD's length was wanted
            piece.file.close()
