"""The form of a cached file: the content, and behind it a trailer that says what it is and proves it whole.

The content stands first, so that it is sent as any file is. Pure.
"""

from __future__ import annotations

import os
import struct
from hashlib import blake2b
from typing import NamedTuple

from nbmon.pictures.processing.negotiation import KINDS
from nbmon.pictures.processing.recipe import Recipe

VERSION = 1  # of results, too: another one where the same recipe would give other pixels
MAGIC = b"nbmonpic"
DIGEST_BYTES = 16
_TRAILER = struct.Struct(f"<8sHHIIQ{DIGEST_BYTES}s")  # magic, version, format, width, height, length, digest
TRAILER_BYTES = _TRAILER.size
_FORMATS = tuple(KINDS)


class Stored(NamedTuple):
    """What a trailer says."""

    fm: str
    width: int  # pixels
    height: int
    length: int  # bytes
    digest: bytes


def key_of(status: os.stat_result, recipe: Recipe, maker: str = "") -> str:
    """The name of a result: what the source is, what is done with it, and by which version of what."""
    source = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return blake2b(f"{VERSION} {maker} {source} {recipe.normal()}".encode(), digest_size=20).hexdigest()


def digest_of(content: bytes | memoryview) -> bytes:
    """What tells a whole content from a cut or flipped one."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def trailer(stored: Stored) -> bytes:
    """The bytes behind the content."""
    number = _FORMATS.index(stored.fm)
    return _TRAILER.pack(MAGIC, VERSION, number, stored.width, stored.height, stored.length, stored.digest)


def read_trailer(data: bytes, file_length: int) -> Stored | None:
    """What the last TRAILER_BYTES of a file of that length say; None if that is no whole entry."""
    if len(data) != TRAILER_BYTES:
        return None
    magic, version, number, width, height, length, digest = _TRAILER.unpack(data)
    if (magic, version) != (MAGIC, VERSION) or length + TRAILER_BYTES != file_length:
        return None
    return Stored(_FORMATS[number], width, height, length, digest) if number < len(_FORMATS) else None
