"""What a worker writes, as lines that carry its name. Bytes in, bytes out: it knows no pipe and no file."""

from __future__ import annotations

LONGEST_LINE = 4096  # bytes with name and newline: PIPE_BUF, so that pipe(7) mixes it with nobody else's
MARK = " … (cut)".encode()  # at the end of a line that was longer


class Prefixer:
    """Makes `NAME | line` of each line of one worker, and keeps what is no whole line yet."""

    def __init__(self, name: str) -> None:
        self._prefix = name.encode()[: LONGEST_LINE // 2] + b" | "
        self._room = LONGEST_LINE - len(self._prefix) - 1
        self._rest = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The whole lines that `data` completes."""
        *ends, rest = data.split(b"\n")
        lines = b"".join([self._line(end) for end in ends])
        self._keep(rest)
        return lines

    def end(self) -> bytes:
        """What was left without a newline, as a line."""
        return self._line(b"") if self._rest else b""

    def _keep(self, part: bytes) -> None:
        self._rest += part[: self._room + 1 - len(self._rest)]  # one byte too many tells that it is too long

    def _line(self, end: bytes) -> bytes:
        self._keep(end)
        line, self._rest = bytes(self._rest), bytearray()
        return self._prefix + _cut(line, self._room) + b"\n"


def _cut(line: bytes, room: int) -> bytes:
    """`line`, or as much of it as has room with the mark; no character of UTF-8 is halved."""
    if len(line) <= room:
        return line
    end = room - len(MARK)
    while end > 0 and line[end] & 0xC0 == 0x80:  # in the midst of a character
        end -= 1
    return line[:end] + MARK
