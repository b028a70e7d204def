"""In which format a result is sent: what was asked for, what the source is, and what the client takes.

RFC 9110, section 12.5.1. Pure.
"""

from __future__ import annotations

import re

from nbmon.pictures.processing.recipe import Recipe

MOST_RANGES = 64  # of an Accept field; what stands behind is not read
_WEIGHT = re.compile(rb"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")

# The kind of a result for the kind of a source. What browsers do not show becomes what they do.
OWN = {
    b"image/jpeg": "jpg",
    b"image/png": "png",
    b"image/apng": "png",
    b"image/gif": "gif",
    b"image/webp": "webp",
    b"image/avif": "avif",
    b"image/bmp": "png",
    b"image/x-icon": "png",
    b"image/tiff": "jpg",
    b"image/heic": "jpg",
    b"image/heif": "jpg",
    b"image/jxl": "jpg",
    # cameras' raw files, of which the preview is shown
    b"image/x-adobe-dng": "jpg",
    b"image/x-canon-cr2": "jpg",
    b"image/x-canon-cr3": "jpg",
    b"image/x-nikon-nef": "jpg",
    b"image/x-nikon-nrw": "jpg",
    b"image/x-pentax-pef": "jpg",
    b"image/x-samsung-srw": "jpg",
    b"image/x-sony-arw": "jpg",
    b"image/x-fuji-raf": "jpg",
    b"image/x-panasonic-rw2": "jpg",
}
KINDS = {
    "jpg": b"image/jpeg",
    "png": b"image/png",
    "webp": b"image/webp",
    "avif": b"image/avif",
    "gif": b"image/gif",
    "thumbhash": b"text/plain; charset=utf-8",
}
MOVING = ("gif", "webp", "avif", "png")  # formats that can hold an animation


def weights(accept: bytes) -> dict[bytes, float]:
    """What each media range of an Accept field weighs, from 0 to 1. A weight that is none counts as 1."""
    found: dict[bytes, float] = {}
    for part in accept.lower().split(b",", MOST_RANGES)[:MOST_RANGES]:
        name, *parameters = (piece.strip(b" \t") for piece in part.split(b";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition(b"=")
            if key.strip() == b"q" and _WEIGHT.fullmatch(value.strip()):
                weight = float(value)
        if name:
            found[name] = weight
    return found


def weight_of(kind: bytes, given: dict[bytes, float]) -> float:
    """What `kind` weighs: the most specific range decides. Without any range, everything is welcome."""
    if not given:
        return 1.0
    for name in (kind, kind.partition(b"/")[0] + b"/*", b"*/*"):
        if name in given:
            return given[name]
    return 0.0


def format_of(recipe: Recipe, kind: bytes, accept: bytes | None, *, moves: bool) -> str:
    """The format in which a source of that kind is sent, a key of KINDS.

    `auto=format` takes AVIF or WebP only if the client names it: what takes anything (`*/*`) may know
    neither. A source that moves never becomes AVIF by itself: that takes too long to make.
    """
    if recipe.lqip:
        return "webp" if recipe.lqip == "blur" else "thumbhash"
    if recipe.fm is not None:
        return recipe.fm
    own = OWN.get(kind, "jpg")
    if not recipe.auto_format:
        return own
    given = weights(accept or b"")
    still = not moves or recipe.frame is not None
    choices = [fm for fm in (("avif", "webp") if still else ("webp",)) if given.get(KINDS[fm])]
    choices.append(own)
    return max(choices, key=lambda fm: weight_of(KINDS[fm], given))  # the first of those that weigh most


def moves_by_header(head: bytes) -> bool:
    """Whether a file that begins with `head` is an animation, as far as its beginning tells."""
    if head[:4] == b"GIF8":
        return b"NETSCAPE2.0" in head or b"ANIMEXTS1.0" in head
    if head[:4] == b"RIFF" and head[12:16] == b"VP8X":
        return bool(head[20:21] and head[20] & 0x02)  # RFC 9649, section 2.7
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return b"acTL" in head.partition(b"IDAT")[0]
    return head[4:12] == b"ftypavis"
