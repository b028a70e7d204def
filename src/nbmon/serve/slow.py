"""Answers that are made while their clients wait, or while they are sent (`http.Later`, `http.Stream`).

Both wait in the loop, in each of the models, and cost no thread meanwhile. Must not know the models.
"""

from __future__ import annotations

from time import monotonic

from nbmon.http import LAST_CHUNK, Answer, Later, Request, Response, Stream, framed
from nbmon.serve.asking import failed
from nbmon.serve.bodies import close_quietly
from nbmon.serve.connection import ENDINGS, Connection

TURN = 262_144  # bytes of a stream's before the other connections have a turn
HALF_CLOSED = 0.1  # seconds: whoever ends its side so soon behind its request waits all the same
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


class StreamError(Exception):
    """A stream is not what it promised to be: its answer cannot be finished."""


async def wait_for_answer(conn: Connection, later: Later, request: Request) -> Response:
    """The answer, once it is made. Raises ClientGone, and Stopped at the end of the drain."""
    answer: Answer = later
    while not isinstance(answer, Response):
        answer = await _outcome(conn, answer, request)
    return answer


async def _outcome(conn: Connection, later: Later, request: Request) -> Answer:
    answer: Answer | None = None
    try:
        fd = later.fileno()
        await conn.elsewhere(fd, lambda: _has_left(conn, request))
        answer = later.result()
        return answer
    except ENDINGS:
        raise
    except Exception as error:
        return failed(request, error)
    finally:
        if answer is not later:
            close_quietly(later)


def _has_left(conn: Connection, request: Request) -> bool:
    """A client has said that it sends no more, and may still want its answer, or may have closed.

    TCP tells that apart only when something is sent: who has closed resets. An interim answer is something
    that every client of HTTP/1.1 reads past (RFC 9110 section 15.2); an older one is waited for.
    """
    if request.version > (1, 0) and conn.all_taken():
        conn.send_some(PROCESSING)
    return False


class Flow:
    """A stream while it is sent: held to the length that it promised, and counted."""

    def __init__(self, stream: Stream, *, chunked: bool) -> None:
        self._stream = stream
        self.promised = stream.length
        self.chunked = chunked
        self.length = 0  # bytes that were made up to now

    def fileno(self) -> int:  # noqa: D102 - as Stream's
        return self._stream.fileno()

    def next_piece(self) -> bytes | None:
        """As Stream's. Raises StreamError if it is longer or shorter than its answer's head says."""
        piece = self._stream.next_piece()
        self.length += len(piece or b"")
        promised = self.promised
        if promised is not None and (self.length > promised or (piece is None and self.length < promised)):
            raise StreamError(f"a stream of {promised} bytes gave {self.length}")
        return piece

    def close(self) -> None:  # noqa: D102 - as Stream's
        self._stream.close()

    def encoded(self, piece: bytes) -> bytes:
        """As it goes on the wire."""
        return framed(piece) if self.chunked else piece


async def send_stream(conn: Connection, head: bytes, flow: Flow) -> None:
    """Send `head` and all that comes. Raises ClientGone, Overdue, StreamError, and what the stream raises."""
    try:
        await _send_pieces(conn, head, flow)
    except Exception as error:
        if flow.promised is None and not flow.chunked and not isinstance(error, ENDINGS):
            conn.drop_unsent()  # a plain end would say that it was whole
        raise
    if flow.chunked:
        await conn.send_all(LAST_CHUNK)


async def _send_pieces(conn: Connection, head: bytes, flow: Flow) -> None:
    unsent, turn_ends = head, TURN
    while (piece := flow.next_piece()) is not None:
        if piece:
            await conn.send_all(unsent + flow.encoded(piece))
            unsent = b""
        else:
            if unsent:
                await conn.send_all(unsent)
                unsent = b""
            if not await _more(conn, flow):
                return
        if flow.length >= turn_ends:
            await conn.room()
            turn_ends = flow.length + TURN
    if unsent:
        await conn.send_all(unsent)


async def _more(conn: Connection, flow: Flow) -> bool:
    """Wait for a next piece; False: the server stops, and a stream without a known end ends here."""
    fd = flow.fileno()
    if fd < 0:
        raise StreamError("a stream gave neither a piece nor a descriptor to wait for")
    conn.answer_is_out()  # while nothing is to be sent, no reader is slow
    if flow.promised is not None:
        return await conn.elsewhere(fd, lambda: False)
    # One who has left an endless stream would not be heard of before its next piece.
    return await conn.elsewhere(fd, lambda: monotonic() - conn.since > HALF_CLOSED, endless=True)
