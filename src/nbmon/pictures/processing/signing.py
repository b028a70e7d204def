"""Signatures of URLs: who has the key may ask for a picture to be made, and until when.

What is signed is the decoded path and the query before `s=`, byte for byte, so that one signature allows one
result of one picture. HMAC-SHA256 (RFC 2104), shortened to 192 bits; compared in constant time. Must not know
clocks (the time is given), files and pictures.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

SIGNATURE = b"s"  # the parameter, which stands last
BYTES = 24  # of the digest
SHORTEST_KEY = 16  # bytes


def signature(key: bytes, path: bytes, query: bytes) -> bytes:
    """The signature of `query`, without one, for the decoded `path` (segments joined by slashes)."""
    digest = hmac.digest(key, path.lstrip(b"/") + b"?" + query, "sha256")
    return urlsafe_b64encode(digest[:BYTES])


def signed(key: bytes, path: bytes, query: bytes) -> bytes:
    """`query` with its signature behind it."""
    return query + (b"&" if query else b"") + SIGNATURE + b"=" + signature(key, path, query)


def split(query: bytes) -> tuple[bytes, bytes | None]:
    """The query before its signature, and the signature; None where it does not end with one."""
    rest, _, last = query.rpartition(b"&")
    if last.startswith(SIGNATURE + b"="):
        return rest, last[len(SIGNATURE) + 1 :]
    return query, None


def holds(keys: tuple[bytes, ...], path: bytes, query: bytes) -> bool:
    """Whether `query` ends with a signature by one of `keys`. The time taken tells nothing of how near."""
    rest, given = split(query)
    right = [hmac.compare_digest(given or b"", signature(key, path, rest)) for key in keys]
    return given is not None and any(right)
