"""One line of an access log for each answer, combined or JSON. Must not know: files, clocks, sockets.

Whatever a client sent stands in its line escaped, so that no line can be forged, no terminal steered, and no
line be longer than LONGEST.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

from nbmon.serve.ledger import Client, Record

Form = Literal["combined", "json"]

LINE_BYTES = 2048  # of a request line that are shown
FIELD_BYTES = 512  # of a field's value that are shown
MARK = b"..."  # behind what was cut off
KEPT = 1024  # texts of each sort that are kept …
SHORT = 512  # bytes: … if they were made of no more
LONGEST = 32_768  # bytes of a line: every byte of a stranger's may take four, in JSON six


class Answered(NamedTuple):
    """What a line tells of one answer."""

    when: float  # seconds since 1970, when the answer was out
    address: str  # the client's, "-" for a Unix socket's
    line: bytes  # the request line as it came, without its end; b"" if none could be read
    status: int
    sent: int  # bytes of the answer's body
    seconds: float  # from the request to the end of its answer
    user: bytes = b""  # who was let in by a password
    referer: bytes = b""
    agent: bytes = b""


Formatter = Callable[[Answered], bytes]
_Made = TypeVar("_Made", bound=Callable[..., Any])


def _kept(function: _Made) -> _Made:
    """`function`, with its answers to short bytes kept: heads, agents and paths come again and again."""
    known = lru_cache(maxsize=KEPT)(function)

    def asked(raw: bytes, *others: Any) -> Any:
        return known(raw, *others) if len(raw) <= SHORT else function(raw, *others)

    return asked  # type: ignore[return-value]  # it takes and gives what `function` does


def told(record: Record, *, users: bool) -> Answered:
    """What the log says of `record`. `users`: passwords are asked for, so that a name that passed is true."""
    asked = record.asked
    line = referer = agent = authorization = b""
    if isinstance(asked, bytes):
        line, referer, agent, authorization = _parts_of_head(asked)
    elif asked is not None:
        line = b"%s %s HTTP/%d.%d" % (asked.method.encode(), asked.target, *asked.version)
        referer, agent = asked.field(b"referer") or b"", asked.field(b"user-agent") or b""
        authorization = (asked.field(b"authorization") or b"") if users else b""
    user = _user_of(authorization) if users and authorization and record.status != 401 else b""
    return Answered(
        record.at, _address(record.client), line, record.status, record.content, record.seconds,
        user, referer, agent,
    )  # fmt: skip


@_kept
def _parts_of_head(head: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    line = head.partition(b"\r\n")[0]
    return line, _value(_REFERER, head), _value(_AGENT, head), _value(_AUTHORIZATION, head)


def _value(pattern: re.Pattern[bytes], head: bytes) -> bytes:
    found = pattern.search(head)
    return found[1].rstrip(b" \t") if found else b""


_REFERER = re.compile(rb"(?i)\nreferer:[ \t]*+([^\r]*+)")
_AGENT = re.compile(rb"(?i)\nuser-agent:[ \t]*+([^\r]*+)")
_AUTHORIZATION = re.compile(rb"(?i)\nauthorization:[ \t]*+([^\r]*+)")


def _address(client: Client) -> str:
    return str(client[0]) if isinstance(client, tuple) and client else "-"


def _user_of(authorization: bytes) -> bytes:
    import base64
    import binascii

    try:
        return base64.b64decode(authorization.partition(b" ")[2].strip()).partition(b":")[0]
    except binascii.Error:
        return b""


_ODD = re.compile(rb"[^ !#-\[\]-~]")  # all but printable ASCII, less `"` and `\`
_ESCAPES = {b'"': b'\\"', b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t"}


@_kept
def escaped(raw: bytes, most: int) -> bytes:
    """At most `most` of the bytes of `raw`, escaped as Apache's mod_log_config does it.

    >>> escaped(b'a"b' + bytes([10, 255]), 10).decode()
    'a\\\\"b\\\\n\\\\xff'
    """
    shown = raw if len(raw) <= most else raw[:most] + MARK
    return _ODD.sub(_escape, shown)


def _escape(found: re.Match[bytes]) -> bytes:
    byte = found[0]
    return _ESCAPES.get(byte) or b"\\x%02x" % byte[0]


_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


class _Times:
    """Seconds as text, rendered once for all the lines of a second. In UTC: a log has no zone of its own."""

    def __init__(self, render: Callable[[int], bytes]) -> None:
        self._render = render
        self._last: tuple[int, bytes] = (-1, b"")  # one value, so that threads never see half of it

    def __call__(self, when: float) -> bytes:
        second, last = int(when), self._last
        if second != last[0]:
            self._last = last = (second, self._render(second))
        return last[1]


def _as_combined(second: int) -> bytes:
    from time import gmtime

    t = gmtime(second)
    clock = (t.tm_mday, _MONTHS[t.tm_mon - 1], t.tm_year, t.tm_hour, t.tm_min, t.tm_sec)
    return b"%02d/%s/%d:%02d:%02d:%02d +0000" % clock


def _as_iso(second: int) -> bytes:
    from time import gmtime

    t = gmtime(second)
    return b"%04d-%02d-%02dT%02d:%02d:%02d" % (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec)


_combined_time = _Times(_as_combined)
_iso_time = _Times(_as_iso)


def combined(seen: Answered) -> bytes:
    """`address - user [time] "request" status bytes "referer" "agent"`, as Apache and nginx write it."""
    return b'%s - %s [%s] "%s" %d %s "%s" "%s"\n' % (
        _column(seen.address.encode("ascii", "replace")),
        _column(seen.user) if seen.user else b"-",
        _combined_time(seen.when),
        escaped(seen.line, LINE_BYTES) or b"-",
        seen.status,
        b"%d" % seen.sent if seen.sent else b"-",
        escaped(seen.referer, FIELD_BYTES) if seen.referer else b"-",
        escaped(seen.agent, FIELD_BYTES) if seen.agent else b"-",
    )


@_kept
def _column(raw: bytes) -> bytes:
    """A value without quotes around it: a space in it would shift those behind."""
    return escaped(raw, FIELD_BYTES).replace(b" ", b"_") or b"-"


def as_json(seen: Answered) -> bytes:
    """An object a line. Bytes that are not UTF-8 stand as `\\xNN` in their text; nothing is beyond ASCII."""
    method, target, protocol = parts_of(seen.line)
    return (
        b'{"time":"%s.%03dZ","address":%s,"user":%s,"method":%s,"target":%s,"protocol":%s,"status":%d,'
        b'"bytes":%d,"seconds":%.6f,"referer":%s,"agent":%s}\n'
    ) % (
        _iso_time(seen.when),
        int(seen.when % 1 * 1000),
        _text(seen.address.encode(), FIELD_BYTES),
        _text(seen.user, FIELD_BYTES),
        _text(method, FIELD_BYTES),
        _text(target, LINE_BYTES),
        _text(protocol, FIELD_BYTES),
        seen.status,
        seen.sent,
        seen.seconds,
        _text(seen.referer, FIELD_BYTES),
        _text(seen.agent, FIELD_BYTES),
    )


def parts_of(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Method, target and protocol of a request line; all of an odd one is its target."""
    parts = line.split(b" ")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else (b"", line, b"")


@_kept
def _text(raw: bytes, most: int) -> bytes:
    """A JSON text; null if there is nothing to say."""
    import json

    if not raw:
        return b"null"
    shown = raw if len(raw) <= most else raw[:most] + MARK
    return json.dumps(shown.decode("utf-8", "backslashreplace")).encode()


FORMATTERS: dict[Form, Formatter] = {"combined": combined, "json": as_json}
