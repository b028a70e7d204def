"""Reads past a request's content: nobody here wants it, but its end must be found exactly.

RFC 9112 section 7.1. Must not know: connections, requests. Both readers take from the front of a bytearray.
"""

from __future__ import annotations

import re
from enum import Enum

from nbmon.http.framing import RefusalError
from nbmon.http.grammar import FIELD_LINE, TOKEN
from nbmon.http.limits import Limits

LINE_BYTES = 1024  # of a chunk's size with its extensions, or of one trailer line

_quoted = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_SIZE_LINE = re.compile(
    rb"0*+([0-9A-Fa-f]*+)(?<=[0-9A-Fa-f])(?:[ \t]*+;[ \t]*+" + TOKEN
    + rb"(?:[ \t]*+=[ \t]*+(?:" + TOKEN + rb"|" + _quoted + rb"))?)*\r\n"
)  # fmt: skip
_TRAILER_LINE = re.compile(FIELD_LINE)
_MOST_DIGITS = 15  # hexadecimal digits of a size that is still computed; more is beyond every limit


class Progress(Enum):
    """How far a reader came."""

    MORE = "the content goes on"
    DONE = "its end was reached"
    TOO_LONG = "it goes on beyond the limit"


class Sized:
    """Content of a known length."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def read(self, buffer: bytearray) -> Progress:
        """Take what is there."""
        taken = min(self._left, len(buffer))
        del buffer[:taken]
        self._left -= taken
        return Progress.MORE if self._left else Progress.DONE


class Expecting(Enum):
    """What a chunked content continues with."""

    SIZE = 0
    DATA = 1
    DATA_END = 2
    TRAILER = 3
    NOTHING = 4


class Chunked:
    """Content in chunks, whose framing counts towards the limit as the data does."""

    __slots__ = ("_budget", "_left", "_trailers", "state")

    def __init__(self, limits: Limits) -> None:
        self._budget = limits.body_bytes
        self._trailers = limits.fields
        self._left = 0  # of the present chunk's data
        self.state = Expecting.SIZE

    def read(self, buffer: bytearray) -> Progress:
        """Take what is there. Raises RefusalError for what is no chunked content."""
        while self.state is not Expecting.NOTHING:
            progress = self._data(buffer) if self.state is Expecting.DATA else self._line(buffer)
            if progress is not None:
                return progress
        return Progress.DONE

    def _data(self, buffer: bytearray) -> Progress | None:
        if self._left > self._budget:
            return Progress.TOO_LONG
        taken = min(self._left, len(buffer))
        self._take(buffer, taken)
        self._left -= taken
        if self._left:
            return Progress.MORE
        self.state = Expecting.DATA_END
        return None

    def _line(self, buffer: bytearray) -> Progress | None:
        allowed = min(LINE_BYTES, self._budget)
        if not allowed:
            return Progress.TOO_LONG
        end = buffer.find(b"\n", 0, allowed) + 1
        if not end:
            return self._unended(buffer, allowed)
        line = bytes(buffer[:end])
        self._take(buffer, end)
        _READERS[self.state](self, line)
        return None

    def _unended(self, buffer: bytearray, allowed: int) -> Progress:
        if self.state is Expecting.DATA_END and not b"\r\n".startswith(buffer[:2]):
            raise RefusalError(400, "A chunk is longer than its size says.")
        if len(buffer) < allowed:
            return Progress.MORE
        if allowed == LINE_BYTES:
            raise RefusalError(400, "A line of the chunked content is too long.")
        return Progress.TOO_LONG

    def _take(self, buffer: bytearray, taken: int) -> None:
        del buffer[:taken]
        self._budget -= taken

    def _size(self, line: bytes) -> None:
        match = _SIZE_LINE.fullmatch(line)
        if not match:
            raise RefusalError(400, "A chunk does not begin with its size in hexadecimal digits.")
        digits = match[1]
        self._left = int(digits or b"0", 16) if len(digits) <= _MOST_DIGITS else 1 << 63
        self.state = Expecting.DATA if self._left else Expecting.TRAILER

    def _data_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise RefusalError(400, "A chunk is longer than its size says.")
        self.state = Expecting.SIZE

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.state = Expecting.NOTHING
            return
        if not _TRAILER_LINE.fullmatch(line):
            raise RefusalError(400, "A trailer field is malformed.")
        self._trailers -= 1
        if self._trailers < 0:
            raise RefusalError(431, "There are too many trailer fields.")


_READERS = {
    Expecting.SIZE: Chunked._size,
    Expecting.DATA_END: Chunked._data_end,
    Expecting.TRAILER: Chunked._trailer,
}
