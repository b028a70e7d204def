"""What a good head means for the connection: its target, how its content is framed, what comes after.

RFC 9112 sections 3.2, 6 and 9, RFC 9110 sections 7.2 and 10.1.1. Must not know: where the bytes came from,
files, states. Everything here is a function of the head.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nbmon.http.grammar import HOST, HOST_VALUE, TOKEN
from nbmon.http.limits import Limits
from nbmon.http.messages import Refusal, Request

CHUNKED = -1  # in place of a length
_GREATEST_DIGITS = 18  # decimal digits that surely fit 63 bits
BEYOND = 1 << 63  # bytes: stands for a length of more digits than that

_KNOWN = {name.encode(): name for name in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH")}
# The fields that matter to the connection, in a field block in lower case; there, an LF only begins a line.
# In 1.1, `Connection: keep-alive`, which every browser sends, says nothing new.
_NAMES = rb"\n(host|connection%b|content-length|transfer-encoding|expect):[ \t]*+([^\r]*+)"
_TELLING_OLD = re.compile(_NAMES % b"").findall
_TELLING = re.compile(_NAMES % rb"(?!:[ \t]*+keep-alive[ \t]*+\r)").findall
Lines = list[tuple[bytes, bytes]]  # of name and value
_DIGITS = re.compile(rb"[0-9]++")
_CODINGS = re.compile(TOKEN + rb"(?:[ \t]*+,[ \t]*+" + TOKEN + rb")*")
_ABSOLUTE = re.compile(rb"(?i:https?)://(" + HOST_VALUE + rb")(/[^?]*+)?(?:\?(.*+))?", re.DOTALL)
_AUTHORITY = re.compile(rb"(?!:)" + HOST_VALUE)


class RefusalError(Exception):
    """Carries a Refusal up to the session; never leaves this room."""

    def __init__(self, status: int, reason: str) -> None:
        self.refusal = Refusal(status, reason)


def interpret(method: bytes, target: bytes, minor: int, block: bytes, limits: Limits) -> tuple[Request, int]:
    """The request of a good head, and the length of its content that must be read past (CHUNKED, or bytes).

    `block`: the field lines behind the LF of the request line. Raises RefusalError. A request whose content
    is not to be read (too long, or held back by Expect) comes with keep_alive False and length 0.
    """
    path, query = _resource(method, target)
    telling = (_TELLING if minor else _TELLING_OLD)(block.lower())
    keep_alive, length = minor > 0, 0
    if len(telling) == 1 and telling[0][0] == b"host":
        _check_host([telling[0][1].rstrip(b" \t")], minor)
    else:
        keep_alive, length = _frame(telling, minor, limits)
    name = _KNOWN.get(method) or method.decode("ascii")
    return Request(name, target, path, query, (1, minor), (), keep_alive, block), length


def _frame(telling: Lines, minor: int, limits: Limits) -> tuple[bool, int]:
    """Whether the connection stays, and the content's length to read."""
    _check_host(_values(telling, b"host"), minor)
    length = _content_length(telling, minor)
    held_back = _expects(telling, minor)
    if length > limits.body_bytes or (held_back and length):
        return False, 0
    return _keeps_alive(telling, minor), length


def _resource(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """The path and the query of a target in any of its four forms (RFC 9112 section 3.2)."""
    if method == b"CONNECT":
        known = _AUTHORITY.fullmatch(target)
        raise (
            RefusalError(405, "No tunnels are made here.")
            if known
            else RefusalError(400, "CONNECT needs HOST:PORT.")
        )
    if target[0] == 47:  # "/": origin-form
        path, mark, query = target.partition(b"?")
        return path, query if mark else None
    if target == b"*":
        if method == b"OPTIONS":
            return target, None
        raise RefusalError(400, "Only OPTIONS may ask for *.")
    if match := _ABSOLUTE.fullmatch(target):
        if match[1].partition(b":")[0] == b"":
            raise RefusalError(400, "The address asked for has no host.")
        return _of_absolute(method, match[2], match[3])
    raise RefusalError(400, "The address asked for must begin with / or http://.")


def _of_absolute(method: bytes, path: bytes | None, query: bytes | None) -> tuple[bytes, bytes | None]:
    if path is None and query is None and method == b"OPTIONS":
        return b"*", None  # RFC 9112 section 3.2.4: what a proxy would make of it
    return path or b"/", query


def _values(telling: Lines, name: bytes) -> list[bytes]:
    """The value of every line of a field, in order."""
    return [value.rstrip(b" \t") for key, value in telling if key == name]


def _check_host(hosts: list[bytes], minor: int) -> None:
    """RFC 9112 section 3.2: one Host, and a good one; 1.0 may leave it out."""
    if len(hosts) > 1:
        raise RefusalError(400, "There is more than one Host field.")
    if not hosts and minor > 0:
        raise RefusalError(400, "HTTP/1.1 asks for a Host field; there is none.")
    if hosts and not _is_host(hosts[0]):
        raise RefusalError(400, "The Host field is not a host name or address with an optional port.")


@lru_cache(maxsize=32)  # a server has few names
def _is_host(value: bytes) -> bool:
    return HOST.fullmatch(value) is not None


def _keeps_alive(telling: Lines, minor: int) -> bool:
    """RFC 9112 section 9.3."""
    options = [option.strip(b" \t") for option in b",".join(_values(telling, b"connection")).split(b",")]
    return b"close" not in options and (minor > 0 or b"keep-alive" in options)


def _content_length(telling: Lines, minor: int) -> int:
    """RFC 9112 section 6.3, each of its doubtful cases refused."""
    lengths, codings = _values(telling, b"content-length"), _values(telling, b"transfer-encoding")
    if codings:
        _check_codings(b", ".join(codings), lengths, minor)
        return CHUNKED
    if not lengths:
        return 0
    if len(lengths) > 1:
        raise RefusalError(400, "There is more than one Content-Length field.")
    if not _DIGITS.fullmatch(lengths[0]):
        raise RefusalError(400, "The Content-Length is not a plain decimal number.")
    return number(lengths[0])


def number(digits: bytes) -> int:
    """The value of decimal digits, however many; BEYOND if they say more than any file can hold."""
    significant = digits.lstrip(b"0")
    return int(significant or b"0") if len(significant) <= _GREATEST_DIGITS else BEYOND


def _check_codings(codings: bytes, lengths: list[bytes], minor: int) -> None:
    if lengths:
        raise RefusalError(400, "There are both a Content-Length and a Transfer-Encoding.")
    if minor == 0:
        raise RefusalError(400, "HTTP/1.0 knows no Transfer-Encoding.")
    if not _CODINGS.fullmatch(codings):
        raise RefusalError(400, "The Transfer-Encoding is not a list of codings.")
    names = [name.strip(b" \t") for name in codings.split(b",")]
    if names[-1] != b"chunked" or b"chunked" in names[:-1]:
        # RFC 9112 section 6.3, point 4: where the content ends cannot be known
        raise RefusalError(400, "The Transfer-Encoding does not end with chunked, once.")
    if len(names) > 1:
        raise RefusalError(501, "No transfer coding but chunked is known here.")


def _expects(telling: Lines, minor: int) -> bool:
    """Whether the client holds its content back until told (RFC 9110 section 10.1.1)."""
    expectation = b", ".join(_values(telling, b"expect"))
    if not expectation or minor == 0:
        return False
    if expectation != b"100-continue":
        raise RefusalError(417, "The only expectation that is met here is 100-continue.")
    return True
