"""Which kinds of pictures this installation can read, as far as that can be told without loading anything."""

from __future__ import annotations

from functools import cache

from nbmon.pictures.processing.negotiation import OWN

# What nothing in Pillow itself reads, and the module that does (the extra nbmon[pictures]).
FURTHER = {b"image/heic": "pillow_heif", b"image/heif": "pillow_heif", b"image/jxl": "pillow_jxl"}


@cache
def readable_kinds() -> frozenset[bytes]:
    """The kinds of sources that processed pictures are made of."""
    from importlib.util import find_spec

    return frozenset(kind for kind in OWN if kind not in FURTHER or find_spec(FURTHER[kind]) is not None)
