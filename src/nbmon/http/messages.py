"""What goes in and out of this room, as plain values.

Must not know: sockets, files (a `FileSlice` is carried, never opened or read), clocks, grammars.
Field names of a `Request` are lower case; those of a `Response` are written as they are given.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeGuard, cast

Fields = tuple[tuple[bytes, bytes], ...]

SPLIT = re.compile(rb"([^:\n]+):[ \t]*+([^\r]*+)\r\n").findall  # of field lines that are known to be good


class MisuseError(Exception):
    """The calling program's own fault (never the client's): an answer to nothing, a newline in a field."""


class Request:
    """One complete request; its content, if it had any, was read past. Nobody changes one."""

    __slots__ = ("_block", "_fields", "keep_alive", "method", "path", "query", "target", "version")

    method: str
    target: bytes  # as it came
    path: bytes  # raw: neither decoded nor normalised, without the query; b"*" for asterisk-form
    query: bytes | None  # None: there was no "?"
    version: tuple[int, int]
    keep_alive: bool  # False: the connection closes after this request's answer

    def __init__(  # noqa: PLR0917 - the order is the contract; all but target and path are given by name
        self,
        method: str,
        target: bytes,
        path: bytes,
        query: bytes | None = None,
        version: tuple[int, int] = (1, 1),
        fields: Fields = (),
        keep_alive: bool = True,
        block: bytes | None = None,
    ) -> None:
        """`block`, in place of `fields`: good field lines as they came, each with CR LF, behind one LF."""
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.version = version
        self.keep_alive = keep_alive
        self._fields = fields if block is None else None
        self._block = b"\n" if block is None else block

    @property
    def fields(self) -> Fields:
        """All field lines in order: the name in lower case, the value without the white space around it.

        Split when first asked for: most requests are answered without.
        """
        if self._fields is None:
            self._fields = tuple([(name.lower(), value.rstrip(b" \t")) for name, value in SPLIT(self._block)])
        return self._fields

    def field(self, name: bytes) -> bytes | None:
        """The value of `name` (lower case), several lines joined (RFC 9110 section 5.3); None if absent."""
        if not self.mentions(name + b":"):
            return None
        found = [value for key, value in self.fields if key == name]
        return b", ".join(found) if found else None

    def mentions(self, start: bytes) -> bool:
        """Whether a field's line begins with `start` (lower case), as b"range:" or b"if-"."""
        if self._fields is None:
            return b"\n" + start in self._block.lower()
        return any((name + b":").startswith(start) for name, _ in self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"Request{self._values()!r}"

    def _values(self) -> tuple[object, ...]:
        return self.method, self.target, self.path, self.query, self.version, self.fields, self.keep_alive


class Refusal(NamedTuple):
    """What came is not acceptable: answer with this status, then the connection closes."""

    status: int
    reason: str  # a finished sentence, fit to be shown to the client


class Signal(Enum):
    """What `Session.next_event` gives when there is no request."""

    NEED_DATA = "read more, or wait"
    PAUSED = "an answer is owed or under way: do not read on before it is sent"
    CLOSED = "nothing more comes and nothing more may be sent"


NEED_DATA = Signal.NEED_DATA
PAUSED = Signal.PAUSED
CLOSED = Signal.CLOSED

Event = Request | Refusal | Signal


class FileSlice(NamedTuple):
    """A run of bytes of an open file, which whoever sends it also closes.

    Several slices of one answer may share a file. In an answer to HEAD, `file` may be None.
    """

    file: Any  # opaque here; the sender needs .fileno() and .close()
    offset: int  # bytes
    length: int  # bytes


Parts = tuple[bytes | FileSlice, ...]


class Stream(Protocol):
    """A body that is made while it is sent. Whoever sends it also closes it, exactly once, sent or not."""

    @property
    def length(self) -> int | None:
        """Bytes; None: known at its end only. It goes in chunks then or, to HTTP/1.0, until the end."""

    def fileno(self) -> int:
        """A descriptor that is readable once there is a next piece; -1: the next piece is there at once.

        A stream of unknown length that has nothing when the server stops is ended there, as if it were whole.
        """

    def next_piece(self) -> bytes | None:
        """Some bytes, 64 KiB at most or so; b"": nothing yet; None: the end. May raise: the answer is cut."""

    def close(self) -> None:
        """Let go of whatever the stream holds."""


Body = bytes | FileSlice | Parts | Stream


class Response:
    """An answer. `Date`, `Connection` and `Content-Length` are added when it is rendered."""

    __slots__ = ("body", "fields", "status")

    def __init__(
        self, status: int, fields: list[tuple[bytes, bytes]] | None = None, body: Body = b""
    ) -> None:
        self.status = status
        self.fields = [] if fields is None else fields
        self.body: Body = body

    def __repr__(self) -> str:
        return f"Response({self.status}, {self.fields!r}, {body_length(self.body)} bytes)"

    def field(self, name: bytes) -> bytes | None:
        """The first value of `name`, in any case; None if absent."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)


class Later(Protocol):
    """In place of a Response: the answer is being made elsewhere, and nobody need wait for it in between."""

    def fileno(self) -> int:
        """A descriptor that is readable once `result` may be called."""

    def result(self) -> Answer:
        """The answer; or another wait, this one again if it came to nothing. Must not block."""

    def close(self) -> None:
        """Called exactly once: after `result`, or before it where nobody waits for the answer any more."""


Answer = Response | Later  # what an application gives


def is_stream(body: Body) -> TypeGuard[Stream]:
    """Whether `body` is made while it is sent."""
    return not isinstance(body, bytes | tuple)  # FileSlice and Parts are tuples


def body_length(body: Body) -> int | None:
    """Bytes that `body` will put on the wire, its framing aside; None: known at its end only."""
    if isinstance(body, bytes):
        return len(body)
    if is_stream(body):
        return body.length
    return sum(len(part) if isinstance(part, bytes) else part.length for part in parts_of(body))


def parts_of(body: Body) -> Parts:
    """The parts of a body that is no stream."""
    if isinstance(body, bytes | FileSlice):
        return (body,)
    return cast("Parts", body)
