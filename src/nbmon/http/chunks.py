"""Content of unknown length on its way out, in chunks (RFC 9112 section 7.1). Must not know its source."""

from __future__ import annotations

LAST_CHUNK = b"0\r\n\r\n"  # without trailers


def framed(piece: bytes) -> bytes:
    """One chunk; nothing for an empty piece, since an empty chunk would be the last one."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
