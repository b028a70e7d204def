"""Sends an answer's body: bytes, runs of open files, or both in turn. Must not know requests.

A file of up to ONE_SEND bytes is read and goes out with its head in one send, one of less than LENT in
several. A larger one goes by sendfile(2) in constant memory. Either way every file is closed, and one that
became shorter or was written to ends its connection: the length was promised in the head, and an answer is of
one version of its file.
"""

from __future__ import annotations

import errno

from nbmon.http import FileSlice, Response, is_stream, parts_of
from nbmon.serve.bodies import LENT, FileCut, close_files, read_slice, seen, seen_first
from nbmon.serve.connection import MORE, ClientGone, Connection
from nbmon.serve.slow import Flow, send_stream

__all__ = ["FileCut", "close_files", "send_answer"]

ONE_SEND = 131_072  # bytes: up to here a copy costs less than a second system call and a segment of its own
CHUNK = 524_288  # bytes for one sendfile
TURN = 4_194_304  # bytes for one connection before the others have a turn
_NO_SENDFILE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)  # some file systems


async def send_answer(conn: Connection, head: bytes, response: Response, *, chunked: bool = False) -> None:
    """Send `head` and the response's body. Raises ClientGone, Overdue, FileCut, OSError (of the file).

    Of a stream it raises also what that raises; the response's body is a `Flow` then, which counts.
    """
    body = response.body
    if type(body) is bytes:
        await conn.send_all(head + body if body else head)
    elif is_stream(body):
        response.body = flow = Flow(body, chunked=chunked)
        await send_stream(conn, head, flow)
    else:
        await _send_pieces(conn, head, parts_of(body))


async def _send_pieces(conn: Connection, head: bytes, pieces: tuple[bytes | FileSlice, ...]) -> None:
    """Small pieces are gathered, so that a head is never sent apart from what follows it."""
    gathered, before = head, _versions(pieces)
    for piece in pieces:
        if isinstance(piece, bytes):
            gathered += piece
        elif piece.length <= ONE_SEND:
            gathered += _read(piece.file.fileno(), piece.offset, piece.length, before[piece.file.fileno()])
        else:
            await conn.send_all(gathered, MORE)
            gathered = b""
            await _send_file(conn, piece, before[piece.file.fileno()])
        if len(gathered) > ONE_SEND:
            await conn.send_all(gathered)
            gathered = b""
    if gathered:
        await conn.send_all(gathered)


def _versions(pieces: tuple[bytes | FileSlice, ...]) -> dict[int, tuple[int, int]]:
    """What each file is before any of it is sent, by its descriptor."""
    versions: dict[int, tuple[int, int]] = {}
    for piece in pieces:
        if isinstance(piece, FileSlice) and piece.file.fileno() not in versions:
            versions[piece.file.fileno()] = seen_first(piece.file)
    return versions


async def _send_file(conn: Connection, piece: FileSlice, before: tuple[int, int]) -> None:
    fd, offset, end = piece.file.fileno(), piece.offset, piece.offset + piece.length
    if piece.length < LENT:
        await _send_by_reading(conn, fd, offset, end, before)
        return
    turn_ends = offset + TURN
    while offset < end:
        if seen(fd) != before:  # half of one version with half of another is nobody's file
            raise FileCut
        try:
            sent = conn.send_from_file(fd, offset, min(CHUNK, end - offset))
        except OSError as error:
            if error.errno not in _NO_SENDFILE:
                raise _translated(error) from error
            await _send_by_reading(conn, fd, offset, end, before)
            return
        if sent == 0:
            raise FileCut
        offset += sent or 0
        conn.took(sent or 0)
        if sent is None or offset >= turn_ends:
            await conn.room()
            turn_ends = offset + TURN


async def _send_by_reading(conn: Connection, fd: int, offset: int, end: int, before: tuple[int, int]) -> None:
    """What is small, under TLS, and in file systems that know no sendfile."""
    while offset < end:
        data = _read(fd, offset, min(ONE_SEND, end - offset), before)
        await conn.send_all(data)
        offset += len(data)
        await conn.room()


def _read(fd: int, offset: int, length: int, before: tuple[int, int]) -> bytes:
    """A run of a file that is still what it was; asked after the reading, which a write may have met."""
    data = read_slice(fd, offset, length)
    if seen(fd) != before:
        raise FileCut
    return data


def _translated(error: OSError) -> Exception:
    """sendfile fails for the socket's reasons and for the file's."""
    return error if error.errno in (errno.EIO, errno.EBADF, errno.ESTALE) else ClientGone(str(error))
