"""Byte ranges (RFC 9110 section 14): which parts of a representation a Range field asks for, pure arithmetic.

Must not know: answers, files, multipart. Numbers may have any number of digits.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nbmon.http.framing import number

MOST_RANGES = 100  # asked for at once; beyond, the whole is sent
_SPEC = rb"(?:[0-9]++-[0-9]*+|-[0-9]++)"
_SET = re.compile(
    rb"(?i:bytes)=((?:[ \t]*+,)*[ \t]*+" + _SPEC + rb"(?:[ \t]*+,(?:[ \t]*+" + _SPEC + rb")?)*[ \t]*+)"
)
_SPECS = re.compile(rb"([0-9]*+)-([0-9]*+)")


class Span(NamedTuple):
    """Bytes from `start` up to, and without, `stop`."""

    start: int
    stop: int


WHOLE: list[Span] | None = None


def select(field: bytes, length: int) -> list[Span] | None:
    """The spans of a representation of `length` bytes; None: send the whole; []: none can be satisfied (416).

    Overlapping and touching spans come as one, at the place of the first of them.
    """
    match = _SET.fullmatch(field)
    if match is None:
        return WHOLE
    specs = _SPECS.findall(match[1])
    if len(specs) > MOST_RANGES or any(_backwards(first, last) for first, last in specs):
        return WHOLE
    if length == 0 and any(first == b"" and number(last) for first, last in specs):
        return WHOLE  # the last n bytes of nothing are all of it, and no Content-Range can say so
    return _coalesced([span for spec in specs if (span := _span(spec[0], spec[1], length))])


def _backwards(first: bytes, last: bytes) -> bool:
    """A last position before the first makes the whole field invalid.

    Compared as digits: int() takes no more than 4300 of them.
    """
    if not first or not last:
        return False
    first, last = first.lstrip(b"0"), last.lstrip(b"0")
    return (len(last), last) < (len(first), first)


def _span(first: bytes, last: bytes, length: int) -> Span | None:
    """One range within `length` bytes; None if it lies outside."""
    if first:
        start, stop = number(first), min(number(last) + 1, length) if last else length
    else:
        start, stop = max(length - number(last), 0), length
    return Span(start, stop) if start < stop else None


def _coalesced(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = Span(merged[-1].start, max(span.stop, merged[-1].stop))
        else:
            merged.append(span)
    return sorted(merged, key=lambda whole: _place(whole, spans))


def _place(whole: Span, spans: list[Span]) -> int:
    """Where the first span that went into `whole` stood in the request."""
    return next(at for at, span in enumerate(spans) if whole.start <= span.start < whole.stop)
