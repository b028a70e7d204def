"""The server's side of one connection: bytes in, events out; answers in, bytes out.

Must not know: sockets, files, clocks, threads, what is asked for. Whoever drives it feeds `receive`, asks
`next_event` until that gives no request, answers each Request or Refusal by `respond`, and says `sent` when
all of it is out. However the bytes are cut, the events are the same.
"""

from __future__ import annotations

from collections.abc import Callable

from nbmon.http.body import Chunked, Progress, Sized
from nbmon.http.framing import CHUNKED, RefusalError, interpret
from nbmon.http.grammar import (
    BLANK_LINE,
    FIRST_BYTE,
    HEAD,
    LINE_EXTRA,
    head_fault,
    line_fault,
    too_long,
)
from nbmon.http.limits import DEFAULT_LIMITS, Limits
from nbmon.http.messages import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    Event,
    MisuseError,
    Refusal,
    Request,
    Response,
    Signal,
    is_stream,
)
from nbmon.http.render import BODILESS, render_head
from nbmon.http.states import TABLE, Happening, State, impossible

# Names of one's own: looking a member up in its enum costs as much as the whole table does.
_IDLE, _LINE, _FIELDS, _BODY, _ANSWERING, _ANSWERING_LAST, _SENDING, _SENDING_LAST, _CLOSED = State
(
    _BEGUN, _LINE_READ, _HEAD_READ, _REQUEST_READ, _LAST_READ, _REFUSED,
    _ENDED, _TIMED_OUT, _ANSWERED, _ANSWERED_LAST, _SENT, _LOST,
) = Happening  # fmt: skip
_DEAF = frozenset((_ANSWERING_LAST, _SENDING_LAST, _CLOSED))
_IN_A_HEAD = frozenset((_IDLE, _LINE, _FIELDS))


class Session:
    """One connection. Not thread-safe."""

    __slots__ = (
        "_body",
        "_buffer",
        "_ended",
        "_head_only",
        "_leading",
        "_limits",
        "_longest_line",
        "_scanned",
        "body_wanted",
        "chunked",
        "cut_off",
        "request",
        "state",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.state = _IDLE
        self.request: Request | None = None  # the last one given out
        self.body_wanted = True  # after respond(): whether the answer's body must be sent
        self.chunked = False  # after respond(): whether the body must be sent in chunks
        self.cut_off = False  # after the last answer: more had come, which will not be answered
        self._limits = limits
        self._longest_line = min(limits.target_bytes + LINE_EXTRA, limits.head_bytes)  # bytes
        self._buffer = bytearray()
        self._ended = False  # the client has half-closed
        self._scanned = 0  # bytes of the buffer in which the end that is looked for is not
        self._leading = 0  # empty lines before this request
        self._head_only = False
        self._body: Sized | Chunked | None = None

    @property
    def idle(self) -> bool:
        """Between requests, with nothing of the next one here: may be closed without harm."""
        return self.state is _IDLE and not self._buffer

    @property
    def begun(self) -> bytes:
        """What is here of a request whose head is incomplete; a new session fed it goes on from there."""
        return bytes(self._buffer) if self.state in _IN_A_HEAD else b""

    def receive(self, data: bytes) -> None:
        """Take bytes that came; b"" says that the client will send no more.

        What comes after the last request is dropped. Raises MisuseError when a caller feeds on beyond
        read_ahead_bytes without asking for events, or after b"".
        """
        if self.state in _DEAF:
            return
        if not data:
            self._ended = True
            return
        if self._ended:
            raise MisuseError("bytes after the end of the client's bytes")
        if len(self._buffer) > max(self._limits.read_ahead_bytes, self._limits.head_bytes):
            raise MisuseError("the session is PAUSED; send the answer before reading on")
        self._buffer += data

    def begin_anew(self) -> None:
        """Between requests: others were answered elsewhere since the last one that came here."""
        self._leading = 0

    def next_event(self) -> Event:
        """The next request or refusal, or why there is none. Never raises, whatever the bytes were."""
        try:
            while (step := _STEPS[self.state]) is not None:
                if (event := step(self)) is not None:
                    return event
        except RefusalError as refused:
            return self._refuse(refused.refusal)
        return CLOSED if self.state is _CLOSED else PAUSED

    def respond(self, response: Response, date: bytes, close: bool = False) -> bytes:
        """The head of the answer that is owed; its body follows if `body_wanted`, then call `sent`.

        `date`: of `imf_date`. `close` makes this the last answer. A body of unknown length goes in chunks, if
        `chunked`, or ends with the connection. Raises MisuseError when no answer is owed.
        """
        old = self.request is not None and self.request.version == (1, 0)
        bodiless = response.status in BODILESS
        self.chunked = is_stream(response.body) and response.body.length is None and not bodiless
        if self.chunked and (old or self.request is None):  # who speaks HTTP/1.0 need not know chunks
            self.chunked, close = False, True
        self._move(_ANSWERED_LAST if close else _ANSWERED)
        self.body_wanted = not (self._head_only or bodiless)
        connection = b"close" if self.state is _SENDING_LAST else b"keep-alive" if old else b""
        return render_head(response, date, connection, chunked=self.chunked)

    def sent(self) -> None:
        """The whole answer is out."""
        self._move(_SENT)
        self._head_only = False
        if self.state is _CLOSED:
            self.cut_off = bool(self._buffer)
            self._buffer.clear()

    def time_out(self) -> Refusal | Signal:
        """The client was too slow: a 408 to answer if it had begun a request, CLOSED if it had not."""
        self._move(_TIMED_OUT)
        self._buffer.clear()
        return CLOSED if self.state is _CLOSED else Refusal(408, "The request took too long to arrive.")

    def lose(self) -> None:
        """The connection broke."""
        self._move(_LOST)
        self._buffer.clear()

    def _move(self, happening: Happening) -> None:
        target = TABLE[self.state, happening]
        if target is None:
            raise impossible(self.state, happening)
        self.state = target

    def _refuse(self, refusal: Refusal) -> Refusal:
        self._move(_REFUSED)
        self.request = None
        self._buffer.clear()
        return refusal

    def _read_start(self) -> Event | None:
        """Between requests: skips empty lines, takes a whole plain head at once, else goes step by step."""
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            if buffer == b"\r" and not self._ended:
                return NEED_DATA
            self._skip_empty_line(buffer)
        if not buffer:
            return self._nothing_here()
        event = self._take_head(self._limits.head_bytes)
        if event is None and self.state is _IDLE:
            self._move(_BEGUN)
        return event

    def _skip_empty_line(self, buffer: bytearray) -> None:
        self._leading += 1
        if buffer[:2] != b"\r\n" or self._leading > self._limits.leading_lines:
            raise RefusalError(400, "There are empty or broken lines before the request.")
        del buffer[:2]

    def _nothing_here(self) -> Event:
        if self._ended:
            self._move(_ENDED)
            return CLOSED
        return NEED_DATA

    def _read_line(self) -> Event | None:
        """Inside a request line: what is no HTTP at all is refused before its end."""
        buffer, longest = self._buffer, self._longest_line
        if buffer[0] not in FIRST_BYTE:
            raise RefusalError(400, "What came does not begin like an HTTP request.")
        newline = buffer.find(b"\n", self._scanned, longest)
        if newline < 0:
            if len(buffer) >= longest:
                raise RefusalError(*too_long())
            return self._more()
        line = bytes(buffer[: newline + 1])
        self._head_only = line.startswith(b"HEAD ")
        if fault := line_fault(line, self._limits):
            raise RefusalError(*fault)
        self._scanned = newline
        self._move(_LINE_READ)
        return None

    def _read_fields(self) -> Event | None:
        """Behind a good request line: looks for the empty line."""
        buffer, most = self._buffer, self._limits.head_bytes
        blank = BLANK_LINE.search(buffer, self._scanned, most)
        if blank is None:
            if len(buffer) >= most:
                raise RefusalError(431, "The head of the request is too large.")
            first = self._scanned
            need_data = self._more()
            self._scanned = max(first, len(buffer) - 2)
            return need_data
        if event := self._take_head(blank.end()):
            return event
        if self.state is _FIELDS:
            raise RefusalError(*head_fault(bytes(buffer[: blank.end()])))
        return None

    def _more(self) -> Event:
        if self._ended:
            raise RefusalError(400, "The request ended before it was complete.")
        self._scanned = len(self._buffer)
        return NEED_DATA

    def _take_head(self, end: int) -> Event | None:
        """Turn a whole head into a request, or into a state in which its content is read past.

        The head must not reach beyond `end`.
        """
        buffer, limits = self._buffer, self._limits
        match = HEAD.match(buffer, 0, end)
        if match is None:
            return None
        method, target, minor, block = match.groups()
        self._head_only = method == b"HEAD"
        if len(target) > limits.target_bytes or match.start(4) >= self._longest_line:
            raise RefusalError(*too_long())
        if block.count(b"\n") > limits.fields + 1:
            raise RefusalError(431, "The head of the request has too many fields.")
        del buffer[: match.end()]
        self.request, length = interpret(method, target, int(minor), block, limits)
        if length == 0:
            return self._whole()
        self._begin_body(length)
        return None

    def _begin_body(self, length: int) -> None:
        if self.state is _IDLE:
            self._move(_BEGUN)
            self._move(_LINE_READ)
        self._move(_HEAD_READ)
        self._body = Chunked(self._limits) if length == CHUNKED else Sized(length)

    def _whole(self) -> Request:
        request = self.request
        assert request is not None
        self._scanned = self._leading = 0
        self._move(_REQUEST_READ if request.keep_alive else _LAST_READ)
        if not request.keep_alive:
            self._buffer.clear()
        return request

    def _read_content(self) -> Event | None:
        """Inside a request's content."""
        assert self._body is not None
        assert self.request is not None
        progress = self._body.read(self._buffer)
        if progress is Progress.MORE:
            return self._more()
        if progress is Progress.TOO_LONG:
            self.request.keep_alive = False
        self._body = None
        return self._whole()


_STEPS: dict[State, Callable[[Session], Event | None] | None] = dict.fromkeys(State)
_STEPS[_IDLE] = Session._read_start
_STEPS[_LINE] = Session._read_line
_STEPS[_FIELDS] = Session._read_fields
_STEPS[_BODY] = Session._read_content
