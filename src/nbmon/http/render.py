"""Heads of answers as bytes, and the small pages that say what went wrong.

Must not know: requests' bytes, states, clocks (a date is given). A head is `before + date + behind`: both
halves can be kept and joined with a new date once a second, and with a small body in the same join.
"""

from __future__ import annotations

import re

from nbmon.http.grammar import FIELD_LINE
from nbmon.http.messages import MisuseError, Refusal, Response, body_length

DATE_LENGTH = 29  # bytes of an IMF-fixdate
ALLOW = b"GET, HEAD, OPTIONS"

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
    421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early", 426: "Upgrade Required",
    428: "Precondition Required", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip
_STARTS = {
    status: f"HTTP/1.1 {status} {reason}\r\nDate: ".encode("ascii") for status, reason in REASONS.items()
}
_LINES = re.compile(rb"\r\n(?:" + FIELD_LINE + rb")*\r\n")
BODILESS = frozenset((204, 304))  # RFC 9112 section 6.3: their heads are their ends


def render_halves(
    status: int, fields: list[tuple[bytes, bytes]], length: int | None, connection: bytes = b""
) -> tuple[bytes, bytes]:
    """What stands before the date's 29 bytes, and what stands behind them, the empty line included.

    `length` in bytes, None for no Content-Length; `connection` is b"", b"close" or b"keep-alive".
    Raises MisuseError for a field that would break the head in two.
    """
    lines = [b": ".join(field) for field in fields]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    if connection:
        lines.append(b"Connection: " + connection)
    behind = b"\r\n".join((b"", *lines, b"\r\n"))
    if behind.count(b"\n") != len(lines) + 2 or not _LINES.fullmatch(behind):
        raise MisuseError(
            f"a field's name is no token, or its value holds a line end or another control: {fields!r}"
        )
    return start_of(status), behind


def start_of(status: int) -> bytes:
    """The status line, and the name of the Date field."""
    start = _STARTS.get(status)
    if start is None:
        if not 200 <= status <= 599:
            raise MisuseError(f"the status of a final answer is 200 to 599, not {status!r}")
        start = b"HTTP/1.1 %d \r\nDate: " % status
    return start


def render_head(response: Response, date: bytes, connection: bytes = b"", *, chunked: bool = False) -> bytes:
    """The whole head of `response`, the empty line included. `date`: of `imf_date`. Raises MisuseError.

    `chunked`: its body will be sent in chunks.
    """
    length = None if response.status in BODILESS else body_length(response.body)
    fields = [*response.fields, _CHUNKED] if chunked else response.fields
    before, behind = render_halves(response.status, fields, length, connection)
    return before + date + behind


_CHUNKED = (b"Transfer-Encoding", b"chunked")


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{status} {reason}</title>
</head>
<body>
<h1>{status} {reason}</h1>
<p>{sentence}</p>
</body>
</html>
"""


def error_response(status: int, sentence: str) -> Response:
    """A small page of its own, with the fields that `status` must have. `sentence` is plain text."""
    reason = REASONS.get(status, "Error")
    page = _PAGE.format(status=status, reason=reason, sentence=_escape(sentence))
    fields = [
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"X-Content-Type-Options", b"nosniff"),
        (b"Content-Security-Policy", b"default-src 'none'"),
    ]
    if status == 405:
        fields.append((b"Allow", ALLOW))  # RFC 9110 section 15.5.6: it must be there
    return Response(status, fields, page.encode("utf-8", "replace"))


def refusal_response(refusal: Refusal) -> Response:
    """The page for what `Session.next_event` refused."""
    return error_response(refusal.status, refusal.reason)


def _escape(text: str) -> str:
    for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(plain, safe)
    return text
