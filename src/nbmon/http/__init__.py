"""HTTP/1.1 without I/O: bytes in, requests out; answers in, bytes out; conditions, ranges, dates.

Knows no socket, no file and no clock; nothing of the other rooms. The caller drives it:

    session.receive(data)
    while isinstance(event := session.next_event(), Request | Refusal):
        response = app(event) if isinstance(event, Request) else refusal_response(event)
        send(session.respond(response, imf_date(now)))
        if session.body_wanted:
            send(response.body)  # a Stream of unknown length: `framed`, then LAST_CHUNK, if session.chunked
        session.sent()

Then NEED_DATA: read on; CLOSED: close. After a refusal, or a request with keep_alive False that had content,
shut the sending side and drop what still comes for a while before closing, lest a reset eat the answer
(RFC 9112 section 9.6).
"""

from nbmon.http.answer import Representation, answer, method_refusal
from nbmon.http.chunks import LAST_CHUNK, framed
from nbmon.http.dates import imf_date, parse_date
from nbmon.http.grammar import plain_target
from nbmon.http.limits import DEFAULT_LIMITS, Limits
from nbmon.http.messages import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    Answer,
    Body,
    Event,
    FileSlice,
    Later,
    MisuseError,
    Parts,
    Refusal,
    Request,
    Response,
    Signal,
    Stream,
    body_length,
    is_stream,
    parts_of,
)
from nbmon.http.render import REASONS, error_response, refusal_response, render_halves, render_head
from nbmon.http.session import Session
from nbmon.http.states import TABLE, Happening, State

__all__ = [
    "CLOSED",
    "DEFAULT_LIMITS",
    "LAST_CHUNK",
    "NEED_DATA",
    "PAUSED",
    "REASONS",
    "TABLE",
    "Answer",
    "Body",
    "Event",
    "FileSlice",
    "Happening",
    "Later",
    "Limits",
    "MisuseError",
    "Parts",
    "Refusal",
    "Representation",
    "Request",
    "Response",
    "Session",
    "Signal",
    "State",
    "Stream",
    "answer",
    "body_length",
    "error_response",
    "framed",
    "imf_date",
    "is_stream",
    "method_refusal",
    "parse_date",
    "parts_of",
    "plain_target",
    "refusal_response",
    "render_halves",
    "render_head",
]
