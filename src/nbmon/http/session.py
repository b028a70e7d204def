"""The server's side of one connection: bytes in, events out; answers in, bytes out.

Must not know: sockets, files, clocks, threads, what is asked for. Whoever drives it feeds `receive`, asks
`next_event` until that gives no request, answers each Request or Refusal by `respond`, and says `sent` when all
of it is out. However the bytes are cut, the events are the same.
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
    SPLIT,
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
)
from nbmon.http.render import BODILESS, render_head
from nbmon.http.states import Happening, State, after

_READING = frozenset((State.IDLE, State.LINE, State.FIELDS, State.BODY))
_DEAF = frozenset((State.ANSWERING_LAST, State.SENDING_LAST, State.CLOSED))


class Session:
    """One connection. Not thread-safe."""

    __slots__ = (
        "_body",
        "_buffer",
        "_ended",
        "_head_only",
        "_leading",
        "_limits",
        "_scanned",
        "body_wanted",
        "request",
        "state",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.state = State.IDLE
        self.request: Request | None = None  # the last one given out
        self.body_wanted = True  # after respond(): whether the answer's body must be sent
        self._limits = limits
        self._buffer = bytearray()
        self._ended = False  # the client has half-closed
        self._scanned = 0  # bytes of the buffer in which the end that is looked for is not
        self._leading = 0  # empty lines before this request
        self._head_only = False
        self._body: Sized | Chunked | None = None

    @property
    def idle(self) -> bool:
        """Between requests, with nothing of the next one here: may be closed without harm."""
        return self.state is State.IDLE and not self._buffer

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
        if len(self._buffer) > self._limits.read_ahead_bytes + self._limits.head_bytes:
            raise MisuseError("the session is PAUSED; send the answer before reading on")
        self._buffer += data

    def next_event(self) -> Event:
        """The next request or refusal, or why there is none. Never raises, whatever the bytes were."""
        step = _STEPS.get(self.state)
        while step is not None:
            try:
                event = step(self)
            except RefusalError as refused:
                return self._refuse(refused.refusal)
            if event is not None:
                return event
            step = _STEPS.get(self.state)
        return CLOSED if self.state is State.CLOSED else PAUSED

    def respond(self, response: Response, date: bytes, close: bool = False) -> bytes:
        """The head of the answer that is owed; its body follows if `body_wanted`, then call `sent`.

        `date` as `imf_date` gives it. `close` makes this the last answer. Raises MisuseError when none is owed.
        """
        self._move(Happening.ANSWERED_LAST if close else Happening.ANSWERED)
        self.body_wanted = not self._head_only and response.status not in BODILESS
        if self.state is State.SENDING_LAST:
            return render_head(response, date, b"close")
        old = self.request is not None and self.request.version == (1, 0)
        return render_head(response, date, b"keep-alive" if old else b"")

    def sent(self) -> None:
        """The whole answer is out."""
        self._move(Happening.SENT)
        if self.state is State.CLOSED:
            self._buffer.clear()

    def time_out(self) -> Refusal | Signal:
        """The client was too slow: a 408 to answer if it had begun a request, CLOSED if it had not."""
        if self.state is State.IDLE and self._buffer:
            self._move(Happening.BEGUN)
        self._move(Happening.TIMED_OUT)
        self._buffer.clear()
        return CLOSED if self.state is State.CLOSED else Refusal(408, "The request took too long to arrive.")

    def lose(self) -> None:
        """The connection broke."""
        self._move(Happening.LOST)
        self._buffer.clear()

    def _move(self, happening: Happening) -> None:
        self.state = after(self.state, happening)

    def _refuse(self, refusal: Refusal) -> Refusal:
        self._move(Happening.REFUSED)
        self._buffer.clear()
        return refusal

    def _idle(self) -> Event | None:
        """Between requests: skips empty lines, takes a whole plain head at once, else goes step by step."""
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            if buffer == b"\r" and not self._ended:
                return NEED_DATA
            self._skip_empty_line(buffer)
        if not buffer:
            return self._nothing_here()
        end = buffer.find(b"\r\n\r\n", 0, self._limits.head_bytes)
        if end > 0 and (event := self._take_head(end + 4)):
            return event
        if self.state is State.IDLE:
            self._move(Happening.BEGUN)
        return None

    def _skip_empty_line(self, buffer: bytearray) -> None:
        self._leading += 1
        if buffer[:2] != b"\r\n" or self._leading > self._limits.leading_lines:
            raise RefusalError(400, "There are empty or broken lines before the request.")
        del buffer[:2]

    def _nothing_here(self) -> Event:
        if self._ended:
            self._move(Happening.ENDED)
            return CLOSED
        return NEED_DATA

    def _line(self) -> Event | None:
        """Inside a request line: what is no HTTP at all is refused before its end."""
        buffer, longest = self._buffer, self._longest_line()
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
        self._move(Happening.LINE_READ)
        return None

    def _longest_line(self) -> int:
        return min(self._limits.target_bytes + LINE_EXTRA, self._limits.head_bytes)

    def _fields(self) -> Event | None:
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
        if self.state is State.FIELDS:
            raise RefusalError(*head_fault(bytes(buffer[: blank.end()])))
        return None

    def _more(self) -> Event:
        if self._ended:
            raise RefusalError(400, "The request ended before it was complete.")
        self._scanned = len(self._buffer)
        return NEED_DATA

    def _take_head(self, end: int) -> Event | None:
        """Turn a whole head into a request, or into a state in which its content is read past."""
        buffer, limits = self._buffer, self._limits
        match = HEAD.match(buffer, 0, end)
        if match is None:
            return None
        method, target, minor, block = match.groups()
        self._head_only = method == b"HEAD"
        if len(target) > limits.target_bytes or match.start(4) > self._longest_line():
            raise RefusalError(*too_long())
        if block.count(b"\n") > limits.fields:
            raise RefusalError(431, "The head of the request has too many fields.")
        fields = tuple([(name.lower(), value.rstrip(b" \t")) for name, value in SPLIT(block)])
        self.request, length = interpret(method, target, int(minor), fields, limits)
        del buffer[: match.end()]
        if length == 0:
            return self._whole()
        self._begin_body(length)
        return None

    def _begin_body(self, length: int) -> None:
        if self.state is State.IDLE:
            self._move(Happening.BEGUN)
            self._move(Happening.LINE_READ)
        self._move(Happening.HEAD_READ)
        self._body = Chunked(self._limits) if length == CHUNKED else Sized(length)

    def _whole(self) -> Request:
        request = self.request
        assert request is not None
        self._scanned = self._leading = 0
        self._move(Happening.REQUEST_READ if request.keep_alive else Happening.LAST_READ)
        if not request.keep_alive:
            self._buffer.clear()
        return request

    def _content(self) -> Event | None:
        """Inside a request's content."""
        assert self._body is not None
        assert self.request is not None
        progress = self._body.read(self._buffer)
        if progress is Progress.MORE:
            return self._more()
        if progress is Progress.TOO_LONG:
            self.request = self.request._replace(keep_alive=False)
        self._body = None
        return self._whole()


_STEPS: dict[State, Callable[[Session], Event | None]] = {
    State.IDLE: Session._idle,
    State.LINE: Session._line,
    State.FIELDS: Session._fields,
    State.BODY: Session._content,
}
