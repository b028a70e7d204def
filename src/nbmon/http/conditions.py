"""Conditional requests (RFC 9110 section 13), in its order. Must not know: answers, files, clocks."""

from __future__ import annotations

import re

from nbmon.http.dates import parse_date
from nbmon.http.messages import Request

_TAG = rb'(?:W/)?"[!#-~\x80-\xff]*+"'
_ONE_TAG = re.compile(_TAG)
_TAGS = re.compile(rb"(?:[ \t]*+,)*[ \t]*+" + _TAG + rb"(?:[ \t]*+,(?:[ \t]*+" + _TAG + rb")?)*[ \t]*+")
PROCEED = 200


def evaluate(request: Request, etag: bytes, last_modified: int) -> int:
    """200 (go on), 304 or 412, for a resource that is there.

    `etag` with its quotes, `last_modified` in seconds since 1970.
    """
    if not request.mentions(b"if-"):
        return PROCEED
    if not _precondition(request, etag, last_modified):
        return 412
    reading = request.method in ("GET", "HEAD")
    if (tags := request.field(b"if-none-match")) is not None:
        if not _listed(tags, etag, strong=False):
            return PROCEED
        return 304 if reading else 412
    if reading and not _modified(request.field(b"if-modified-since"), last_modified):
        return 304
    return PROCEED


def _precondition(request: Request, etag: bytes, last_modified: int) -> bool:
    """If-Match, or where it is absent If-Unmodified-Since."""
    if (tags := request.field(b"if-match")) is not None:
        return _listed(tags, etag, strong=True)
    since = request.field(b"if-unmodified-since")
    date = None if since is None else parse_date(since)
    return date is None or last_modified <= date


def _modified(since: bytes | None, last_modified: int) -> bool:
    date = None if since is None else parse_date(since)
    return date is None or last_modified > date


def _listed(tags: bytes, etag: bytes, *, strong: bool) -> bool:
    """Whether a list of entity tags names `etag` (RFC 9110 section 8.8.3.2). A malformed list names none."""
    if tags == b"*":
        return True
    if not _TAGS.fullmatch(tags):
        return False
    listed = _ONE_TAG.findall(tags)
    if strong:
        return etag in listed and not etag.startswith(b"W/")
    return etag.removeprefix(b"W/") in [tag.removeprefix(b"W/") for tag in listed]


def range_applies(request: Request, etag: bytes, last_modified: int, *, date_is_strong: bool) -> bool:
    """If-Range (RFC 9110 section 13.1.5): whether the parts asked for are parts of what is here now."""
    validator = request.field(b"if-range")
    if validator is None:
        return True
    if _ONE_TAG.fullmatch(validator):
        return validator == etag and not etag.startswith(b"W/")
    return date_is_strong and parse_date(validator) == last_modified
