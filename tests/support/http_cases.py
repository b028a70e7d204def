"""The case table of HTTP/1.1: what a client sends on one connection, what it must get. Plain data.

Each case is fed whole to a server that has a file for every path (200 for GET and HEAD). `statuses` are the
answers in order,
`closed` says whether the server closes the connection of its own accord afterwards. Names are claims.
"""

from __future__ import annotations

from typing import NamedTuple

HEAD_BYTES = 16_384
FIELDS = 100
TARGET_BYTES = 8_192
BODY_BYTES = 65_536


class Case(NamedTuple):
    name: str
    raw: bytes
    statuses: tuple[int, ...]
    closed: bool


GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def _good(name: str, raw: bytes, *statuses: int) -> Case:
    return Case(name, raw, statuses or (200,), False)


def _last(name: str, raw: bytes, *statuses: int) -> Case:
    return Case(name, raw, statuses or (200,), True)


def _bad(name: str, raw: bytes, status: int = 400) -> Case:
    """Refused and closed: the request that follows is not answered."""
    return Case(name, raw + NEXT, (status,), True)


def _chunked(body: bytes, fields: bytes = b"") -> bytes:
    return GET + b"Transfer-Encoding: chunked\r\n" + fields + b"\r\n" + body


CONNECTIONS = [
    _good("a plain request is answered", GET + b"\r\n"),
    _good("pipelined requests are answered in order", NEXT * 5, 200, 200, 200, 200, 200),
    _good("keep-alive is the rule in 1.1", GET + b"Connection: keep-alive\r\n\r\n" + NEXT, 200, 200),
    _last("close is obeyed and nothing behind it answered", GET + b"Connection: close\r\n\r\n" + NEXT),
    _last("close among other options is obeyed", GET + b"Connection: foo , Close\r\n\r\n" + NEXT),
    _last("close on a second line is obeyed", GET + b"Connection: foo\r\nConnection: close\r\n\r\n" + NEXT),
    _last("1.0 closes", b"GET / HTTP/1.0\r\n\r\n" + NEXT),
    _last("1.0 with a Host closes too", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n" + NEXT),
    _good("1.0 stays when it asks to", b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + NEXT, 200, 200),
    _last("1.0 closes when it says both", b"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + NEXT),
    _good("a later minor version is spoken to", b"GET / HTTP/1.9\r\nHost: a\r\n\r\n" + NEXT, 200, 200),
    _good("an empty line before the request is skipped", b"\r\n" + GET + b"\r\n"),
    _good("an empty line between requests is skipped", GET + b"\r\n\r\n\r\n" + NEXT, 200, 200),
    _bad("many empty lines are refused", b"\r\n" * 5 + GET + b"\r\n"),
    _bad("an LF alone before the request is refused", b"\n" + GET + b"\r\n"),
    _bad("a CR alone before the request is refused", b"\r" + GET + b"\r\n"),
]

TARGETS = [
    _good("absolute-form is served", b"GET http://a.example:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("absolute-form without a path is the root", b"GET http://a.example HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("absolute-form with https is served", b"GET HTTPS://a.example/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good(
        "absolute-form with an IPv6 address is served", b"GET http://[::1]:80/ HTTP/1.1\r\nHost: a\r\n\r\n"
    ),
    _bad("absolute-form without a host is refused", b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("absolute-form with a user is refused", b"GET http://u:p@a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("another scheme is refused", b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("OPTIONS may ask for *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("OPTIONS for a path is answered", b"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("GET may not ask for *", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("CONNECT is not allowed", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
    _bad("CONNECT for a path is refused", b"CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("authority-form is for CONNECT alone", b"GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a relative target is refused", b"GET x HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a fragment is refused", b"GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a blank in the target is refused", b"GET /x y HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a control character in the target is refused", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("DEL in the target is refused", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("no target is refused", b"GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("UTF-8 as it was typed is served", b"GET /\xe5\x90\x8d HTTP/1.1\r\nHost: a\r\n\r\n"),
    _good("a query is served", b"GET /x?a=1&b=%20?c HTTP/1.1\r\nHost: a\r\n\r\n"),
]

METHODS = [
    _good("HEAD is answered", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
    *(
        _good(f"{name} is not allowed", f"{name} / HTTP/1.1\r\nHost: a\r\n\r\n".encode() + NEXT, 405, 200)
        for name in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND")
    ),
    _good("an unknown method is not implemented", b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT, 501, 200),
    _good("methods know upper and lower case", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    _bad("a method of 33 letters is not implemented", b"A" * 33 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    _bad("a method that is no token is refused", b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a colon in the method is refused", b"G:T / HTTP/1.1\r\nHost: a\r\n\r\n"),
]

VERSIONS = [
    _bad("HTTP/2.0 in words is not spoken", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    _bad("the preface of HTTP/2 is not spoken", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    _bad("HTTP/0.9 in words is not spoken", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
    _bad("HTTP/3.1 is not spoken", b"GET / HTTP/3.1\r\nHost: a\r\n\r\n", 505),
    _bad("the short form of HTTP/0.9 is refused", b"GET /\r\n"),
    _bad("a version of three digits is refused", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    _bad("a version without a dot is refused", b"GET / HTTP/1\r\nHost: a\r\n\r\n"),
    _bad("a version in lower case is refused", b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    _bad("another protocol is refused", b"GET / ICY/1.1\r\nHost: a\r\n\r\n"),
    _bad("a blank behind the version is refused", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    _bad("two blanks before the version are refused", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a tab instead of a blank is refused", b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a blank before the method is refused", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("TLS on the plain port is refused at once", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
]

FIELDS_CASES = [
    _bad("a blank before the colon is refused", GET + b"Accept : */*\r\n\r\n"),
    _bad("a tab before the colon is refused", GET + b"Accept\t: */*\r\n\r\n"),
    _bad("a folded line is refused", GET + b"Accept: a\r\n b\r\n\r\n"),
    _bad("a line folded by a tab is refused", GET + b"Accept: a\r\n\tb\r\n\r\n"),
    _bad("a first field that begins with a blank is refused", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    _bad("a field without a colon is refused", GET + b"Accept\r\n\r\n"),
    _bad("a field without a name is refused", GET + b": x\r\n\r\n"),
    _bad("a field's name with a bracket is refused", GET + b"Acc(ept: x\r\n\r\n"),
    _bad("a field's name beyond ASCII is refused", GET + b"Acc\xe9pt: x\r\n\r\n"),
    _bad("NUL in a value is refused", GET + b"Accept: a\0b\r\n\r\n"),
    _bad("NUL in a name is refused", GET + b"Acc\0ept: a\r\n\r\n"),
    _bad("NUL in the target is refused", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a control character in a value is refused", GET + b"Accept: a\x0bb\r\n\r\n"),
    _bad("DEL in a value is refused", GET + b"Accept: a\x7fb\r\n\r\n"),
    _bad("a bare CR in a value is refused", GET + b"Accept: a\rb\r\n\r\n"),
    _bad("a bare CR before the line end is refused", GET + b"Accept: a\r\r\n\r\n"),
    _bad("a bare CR in the request line is refused", b"GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad("a bare LF behind a field is refused", GET + b"Accept: a\nX: b\r\n\r\n"),
    _bad("a bare LF behind the request line is refused", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    _bad("bare LFs throughout are refused at once", b"GET / HTTP/1.1\nHost: a\n\n"),
    _bad("an empty line of LF alone is refused", GET + b"\n"),
    _good("an empty value is good", GET + b"Accept:\r\n\r\n"),
    _good("a value may hold tabs, and bytes beyond ASCII", GET + b"X:\t\xe4 \t b\t\r\n\r\n"),
    _good("a field's name may hold odd token characters", GET + b"!#$%&'*+-.^_`|~9: x\r\n\r\n"),
]

HOSTS = [
    _bad("no Host in 1.1 is refused", b"GET / HTTP/1.1\r\n\r\n"),
    _bad("no Host in 1.1 is refused though others are there", b"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n"),
    _bad("no Host is refused with absolute-form too", b"GET http://a/ HTTP/1.1\r\n\r\n"),
    _bad("two Hosts are refused", GET + b"Host: b\r\n\r\n"),
    _bad("two equal Hosts are refused", GET + b"Host: a\r\n\r\n"),
    _bad("two Hosts in 1.0 are refused", b"GET / HTTP/1.0\r\nhost: a\r\nHOST: a\r\n\r\n"),
    _bad("a bad Host in 1.0 is refused", b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
    *(
        _bad(f"the Host {bad!r} is refused", b"GET / HTTP/1.1\r\nHost: " + bad + b"\r\n\r\n")
        for bad in (
            b"a b", b"a/b", b"a@b", b"a:b", b"a:1:2", b"::1", b"[::1", b"[::1]x", b"[x]", b"a?b", b"a#b",
            b"http://a",
            b"a%", b"a%zz", b"a\\b", b"<a>", b"a:123456", b"\xe4", b"a\tb",
        )
    ),
    *(
        _good(f"the Host {good!r} is good", b"GET / HTTP/1.1\r\nHost:" + good + b"\r\n\r\n")
        for good in (
            b"", b" ", b"a", b" a.example", b" a:", b" a:80", b" 127.0.0.1:9085", b" [::1]:9085",
            b" [v1.a:b]",
            b"\ta%20b\t", b" A_B-c.~!$&'()*+,;=",
        )
    ),
]  # fmt: skip

LENGTHS = [
    _good("content is read past", GET + b"Content-Length: 5\r\n\r\nhello" + NEXT, 200, 200),
    _good("no content is read past", GET + b"Content-Length: 0\r\n\r\n" + NEXT, 200, 200),
    _good("leading zeros are digits too", GET + b"Content-Length: 0005\r\n\r\nhello" + NEXT, 200, 200),
    _good(
        "content that looks like a request is no request",
        GET + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT,
    ),
    _good(
        "the content of a POST is read past",
        b"POST" + GET[3:] + b"Content-Length: 2\r\n\r\nhi" + NEXT, 405, 200,
    ),
    _good(
        "content of just the limit is read past",
        GET + b"Content-Length: %d\r\n\r\n" % BODY_BYTES + b"x" * BODY_BYTES + NEXT, 200, 200,
    ),
    _last(
        "content beyond the limit is not read",
        GET + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1) + b"x" * 9,
    ),
    _last("a length of 30 digits is beyond the limit", GET + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nx"),
    _last(
        "a length of 5000 digits is beyond the limit", GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx",
    ),
    _bad("two lengths are refused", GET + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    _bad("two equal lengths are refused", GET + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    _bad(
        "a length and a coding are refused",
        GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    _bad("a coding and a length are refused", _chunked(b"0\r\n\r\n", b"Content-Length: 5\r\n")),
    *(
        _bad(f"the length {odd!r} is refused", GET + b"Content-Length: " + odd + b"\r\n\r\nhello")
        for odd in (
            b"", b"+5", b"-5", b"5 5", b"5,5", b"5, 5", b"0x5", b"5.0", b"1e1", b"five", b"5;", b'"5"',
            b"\xb2", b"5_0",
        )
    ),
]  # fmt: skip

CODINGS = [
    _good("chunked content is read past", _chunked(b"5\r\nhello\r\n0\r\n\r\n") + NEXT, 200, 200),
    _good(
        "chunks in capital digits are read past", _chunked(b"A\r\n0123456789\r\n0\r\n\r\n") + NEXT, 200, 200
    ),
    _good(
        "leading zeros of a chunk's size are digits too",
        _chunked(b"0005\r\nhello\r\n000\r\n\r\n") + NEXT,
        200,
        200,
    ),
    _good("the coding knows no case", GET + b"Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n" + NEXT, 200, 200),
    _good(
        "extensions are read past",
        _chunked(b'5;a;b=c;f="" ; d = "e;\\"f"\r\nhello\r\n0;z\r\n\r\n') + NEXT,
        200,
        200,
    ),
    _good("trailers are read past", _chunked(b"0\r\nA: b\r\nC: d\r\n\r\n") + NEXT, 200, 200),
    _last("chunks beyond the limit are not read", _chunked(b"20000\r\n" + b"x" * BODY_BYTES)),
    _last("many chunks beyond the limit are not read", _chunked(b"1\r\nx\r\n" * 20_000)),
    _last("a chunk's size of 30 digits is beyond the limit", _chunked(b"F" * 30 + b"\r\nx")),
    _bad("a chunk's size without digits is refused", _chunked(b"\r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size with 0x is refused", _chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size with a sign is refused", _chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size below zero is refused", _chunked(b"-1\r\nhello\r\n0\r\n\r\n")),
    _bad("a blank before a chunk's size is refused", _chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    _bad("a blank behind a chunk's size is refused", _chunked(b"5 \r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size that is no number is refused", _chunked(b"xyz\r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size line that ends with LF is refused", _chunked(b"5\nhello\r\n0\r\n\r\n")),
    _bad("a chunk's size line with a CR inside is refused", _chunked(b"5\r;a\r\nhello\r\n0\r\n\r\n")),
    _bad("a NUL in an extension is refused", _chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n")),
    _bad("an extension without a name is refused", _chunked(b"5;\r\nhello\r\n0\r\n\r\n")),
    _bad("an extension without an end is refused", _chunked(b"5;" + b"a" * 2000 + b"\r\nhello\r\n0\r\n\r\n")),
    _bad("a chunk longer than its size is refused", _chunked(b"5\r\nhello!\r\n0\r\n\r\n")),
    _bad("a chunk shorter than its size is refused", _chunked(b"5\r\nhell\r\n0\r\n\r\n")),
    _bad("a chunk's end of LF alone is refused", _chunked(b"5\r\nhello\n0\r\n\r\n")),
    _bad("a folded trailer is refused", _chunked(b"0\r\nA: b\r\n c\r\n\r\n")),
    _bad("a trailer without a colon is refused", _chunked(b"0\r\nA\r\n\r\n")),
    _bad("a trailer with a blank before the colon is refused", _chunked(b"0\r\nA : b\r\n\r\n")),
    _bad("too many trailers are refused", _chunked(b"0\r\n" + b"A: b\r\n" * (FIELDS + 1) + b"\r\n"), 431),
    _bad("chunked twice is refused", GET + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    _bad("chunked on two lines is refused", _chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n")),
    _bad("chunked not at the end is refused", GET + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    _bad("a coding without chunked is refused", GET + b"Transfer-Encoding: gzip\r\n\r\n"),
    _bad("identity is refused", GET + b"Transfer-Encoding: identity\r\n\r\n"),
    _bad(
        "a coding that only resembles chunked is refused",
        GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    _bad(
        "chunked behind a vertical tab is refused", GET + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"
    ),
    _bad("chunked in quotes is refused", GET + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    _bad("an empty coding is refused", GET + b"Transfer-Encoding:\r\n\r\n"),
    _bad("a coding in 1.0 is refused", b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    _bad(
        "an unknown coding is not implemented",
        GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
]

EXPECTATIONS = [
    _last("content held back is not waited for", GET + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
    _last("content held back in chunks is not waited for", _chunked(b"", b"Expect: 100-Continue\r\n")),
    _last(
        "content sent all the same is dropped",
        GET + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
    ),
    _good(
        "an expectation without content says nothing", GET + b"Expect: 100-continue\r\n\r\n" + NEXT, 200, 200,
    ),
    _bad("another expectation fails", GET + b"Expect: 200-ok\r\n\r\n", 417),
    _bad("two expectations fail", GET + b"Expect: 100-continue\r\nExpect: x\r\n\r\n", 417),
    _good(
        "an expectation in 1.0 says nothing",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n"
        b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi" + NEXT,
        200, 200,
    ),
]  # fmt: skip

_PAD = HEAD_BYTES - len(GET) - len(b"X: \r\n\r\n")
_TARGET = TARGET_BYTES - 1

LIMITS = [
    _good("a head of just the limit is good", GET + b"X: " + b"x" * _PAD + b"\r\n\r\n"),
    _bad("a head of one byte more is too large", GET + b"X: " + b"x" * (_PAD + 1) + b"\r\n\r\n", 431),
    _bad("a head without an end is too large", GET + b"X: " + b"x" * 20_000, 431),
    _good("as many fields as the limit are good", GET + b"X: y\r\n" * (FIELDS - 1) + b"\r\n"),
    _bad("one field more is too many", GET + b"X: y\r\n" * FIELDS + b"\r\n", 431),
    _good("a target of just the limit is good", b"GET /" + b"x" * _TARGET + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    _bad(
        "a target of one byte more is too long",
        b"GET /" + b"x" * (_TARGET + 1) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        414,
    ),
    _bad("a request line without an end is too long", b"GET /" + b"x" * 20_000, 414),
]

CASES = [
    *CONNECTIONS, *TARGETS, *METHODS, *VERSIONS, *FIELDS_CASES, *HOSTS, *LENGTHS, *CODINGS,
    *EXPECTATIONS, *LIMITS,
]  # fmt: skip

# What a client that half-closes behind `raw` must get; the server then closes in every case.
HALF_CLOSED = [
    _last("a client that says nothing gets nothing", b"", *()),
    _last("half-closed behind a request, it is answered", GET + b"\r\n"),
    _last("half-closed behind several, all are answered", NEXT * 3, 200, 200, 200),
    _last("half-closed within a request line, it is refused", b"GET / HT", 400),
    _last("half-closed within the fields, it is refused", GET, 400),
    _last("half-closed within the content, it is refused", GET + b"Content-Length: 5\r\n\r\nhell", 400),
    _last("half-closed within a chunk, it is refused", _chunked(b"5\r\nhel"), 400),
    _last("half-closed within a second request, the first is answered", NEXT + b"GET", 200, 400),
]
HALF_CLOSED[0] = HALF_CLOSED[0]._replace(statuses=())
