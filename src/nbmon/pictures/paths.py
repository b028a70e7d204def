"""From the path of a URL to the names of a folder, as pure functions over bytes.

A path is decoded once, here and nowhere else (RFC 3986, section 2.4). This file knows no folder and opens
nothing.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

_HEX = frozenset(b"0123456789abcdefABCDEF")


class BadPath(ValueError):  # noqa: N818  # the request is bad, not this program
    """A path that no client should send; the sentence says what is wrong with it."""


class HiddenPath(ValueError):  # noqa: N818  # as above
    """A path that is well formed, and that never names anything that is shown."""


def decode(path: bytes) -> list[bytes]:
    """The decoded segments of an absolute URL path; a last empty one means that it ended with a slash.

    Empty segments between are dropped, as most servers do. Raises BadPath for a broken escape or a NUL,
    HiddenPath for a name that starts with a dot (so also `.` and `..`) and for an encoded slash.
    """
    if not path.startswith(b"/"):
        raise BadPath("The path does not start with a slash.")
    raw = path[1:].split(b"/")
    if b"%" not in path and b"/." not in path and b"\0" not in path:  # nearly all
        return [*filter(None, raw[:-1]), raw[-1]]
    _check_escapes(path)
    segments = [_segment(part) for part in raw[:-1] if part]
    segments.append(_segment(raw[-1]) if raw[-1] else b"")
    return segments


def _check_escapes(path: bytes) -> None:
    for piece in path.split(b"%")[1:]:
        if len(piece) < 2 or piece[0] not in _HEX or piece[1] not in _HEX:
            raise BadPath("A percent sign in the path is not followed by two hexadecimal digits.")


def _segment(part: bytes) -> bytes:
    name = unquote_to_bytes(part) if b"%" in part else part
    if b"\0" in name:
        raise BadPath("The path holds a NUL byte.")
    if name.startswith(b".") or b"/" in name:
        raise HiddenPath
    return name


def encode(name: bytes) -> str:
    """One name as a relative URL reference, harmless in a link and in a Location field.

    It starts with `./`, so that a colon in the name is never read as a scheme (RFC 3986, section 4.2).
    """
    return "./" + quote_from_bytes(name, safe="")
