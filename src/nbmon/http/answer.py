"""The answer that a static resource gives: method, conditions, ranges -> 200, 206, 304, 412, 416.

Must not know: paths, how a file is found or opened (a callable is given), sending, clocks. The same request
and the same representation always give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nbmon.http.conditions import PROCEED, evaluate, range_applies
from nbmon.http.dates import imf_date
from nbmon.http.messages import Body, Fields, FileSlice, Request, Response
from nbmon.http.ranges import Span, select
from nbmon.http.render import ALLOW, error_response

# RFC 9110 section 16.1.1: the methods of IANA's registry that a client may well try
_REGISTERED = """
ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR
MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PATCH POST PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH
TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL
"""
KNOWN_METHODS = frozenset(_REGISTERED.split())
# A multipart answer has some hundred bytes of framing a part. It may be twice the file's length, and
# this much always, so that two parts of a tiny file can still be had.
SMALL_ANSWER = 1024  # bytes


class Representation(NamedTuple):
    """What a resource is at this moment."""

    length: int  # bytes
    content_type: bytes
    etag: bytes  # with its quotes
    last_modified: int  # seconds since 1970
    fields: Fields = ()  # further ones, sent with 200 and 206, and with 304 where they belong there
    date_is_strong: bool = True  # False: it may have changed twice within last_modified's second


def method_refusal(method: str) -> Response | None:
    """None for GET and HEAD; the answer to every other method: OPTIONS 200, known ones 405, others 501."""
    if method in ("GET", "HEAD"):
        return None
    if method == "OPTIONS":
        return Response(200, [(b"Allow", ALLOW)])
    if method in KNOWN_METHODS:
        return error_response(405, "Only GET, HEAD and OPTIONS can be asked here.")
    return error_response(501, "The method is not known here; GET, HEAD and OPTIONS are.")


def answer(
    request: Request,
    representation: Representation,
    open_body: Callable[[], Any],
    boundary_key: bytes = b"",
) -> Response:
    """Answer `request` with `representation`.

    `open_body` is called at most once, and only if content goes into the answer: for HEAD it is not, and the
    FileSlice that tells the length has no file. It gives the content as bytes, or an open file, which then
    belongs to the answer's FileSlices. `boundary_key` (at most 64 bytes, secret) makes the boundary of
    multipart answers unforeseeable for whoever wrote the file.
    """
    if (refusal := method_refusal(request.method)) is not None:
        return refusal
    verdict = evaluate(request, representation.etag, representation.last_modified)
    if verdict != PROCEED:
        return _unmet(verdict, representation)
    spans = _spans(request, representation)
    source = _Source(request.method == "HEAD", open_body)
    if spans is None:
        return _whole(representation, source)
    if not spans:
        return _unsatisfiable(representation)
    if len(spans) == 1:
        return _part(representation, spans[0], source)
    return _parts(representation, spans, source, boundary_key)


def _spans(request: Request, representation: Representation) -> list[Span] | None:
    """The parts that a GET asks for; RFC 9110 section 14.2 defines Range for no other method."""
    field = request.field(b"range")
    if field is None or request.method != "GET":
        return None
    etag, modified, strong = representation.etag, representation.last_modified, representation.date_is_strong
    if not range_applies(request, etag, modified, date_is_strong=strong):
        return None
    return select(field, representation.length)


class _Source:
    """The content, opened when it is first cut."""

    def __init__(self, unsent: bool, open_body: Callable[[], Any]) -> None:
        self._unsent = unsent
        self._open = open_body
        self._content: Any = None

    def cut(self, start: int, stop: int) -> bytes | FileSlice:
        if self._unsent:
            return FileSlice(None, start, stop - start)  # HEAD: only its length is of interest
        if self._content is None:
            self._content = self._open()
        if isinstance(self._content, bytes):
            return self._content[start:stop]
        return FileSlice(self._content, start, stop - start)


def _validators(representation: Representation) -> list[tuple[bytes, bytes]]:
    return [
        (b"Last-Modified", imf_date(representation.last_modified)),
        (b"ETag", representation.etag),
        (b"Accept-Ranges", b"bytes"),
        *representation.fields,
    ]


def _whole(representation: Representation, source: _Source) -> Response:
    fields = [(b"Content-Type", representation.content_type), *_validators(representation)]
    return Response(200, fields, source.cut(0, representation.length))


def _unmet(status: int, representation: Representation) -> Response:
    if status == 412:
        return error_response(412, "What is here now is not what the request's condition asks for.")
    # RFC 9110 section 15.4.5: what guides caches, and no other metadata of the representation
    kept = [(name, value) for name, value in representation.fields if not _describes_content(name)]
    return Response(304, [(b"ETag", representation.etag), *kept])


def _describes_content(name: bytes) -> bool:
    lower = name.lower()
    return lower.startswith(b"content-") and lower != b"content-location"


def _unsatisfiable(representation: Representation) -> Response:
    response = error_response(416, "None of the ranges asked for lies within the content.")
    response.fields.append((b"Content-Range", b"bytes */%d" % representation.length))
    return response


def _content_range(span: Span, length: int) -> bytes:
    return b"bytes %d-%d/%d" % (span.start, span.stop - 1, length)


def _part(representation: Representation, span: Span, source: _Source) -> Response:
    fields = [
        (b"Content-Type", representation.content_type),
        (b"Content-Range", _content_range(span, representation.length)),
        *_validators(representation),
    ]
    return Response(206, fields, source.cut(*span))


def _parts(representation: Representation, spans: list[Span], source: _Source, key: bytes) -> Response:
    """Several parts as multipart/byteranges (RFC 9110 section 14.6), or the whole if they would be larger."""
    boundary = _boundary(representation, spans, key)
    heads = [_part_head(boundary, representation, span) for span in spans]
    end = b"\r\n--%b--\r\n" % boundary
    total = len(end) + sum(
        len(head) + span.stop - span.start for head, span in zip(heads, spans, strict=True)
    )
    if total > max(2 * representation.length, SMALL_ANSWER):
        return _whole(representation, source)
    cuts = [(head, source.cut(*span)) for head, span in zip(heads, spans, strict=True)]
    body: Body = (*(piece for cut in cuts for piece in cut), end)
    fields = [(b"Content-Type", b"multipart/byteranges; boundary=" + boundary), *_validators(representation)]
    return Response(206, fields, body)


def _part_head(boundary: bytes, representation: Representation, span: Span) -> bytes:
    return b"\r\n--%b\r\nContent-Type: %b\r\nContent-Range: %b\r\n\r\n" % (
        boundary,
        representation.content_type,
        _content_range(span, representation.length),
    )


def _boundary(representation: Representation, spans: list[Span], key: bytes) -> bytes:
    from hashlib import blake2b  # seldom needed

    asked = b"%b %r" % (representation.etag, [tuple(span) for span in spans])
    return blake2b(asked, digest_size=15, key=key).hexdigest().encode("ascii")
