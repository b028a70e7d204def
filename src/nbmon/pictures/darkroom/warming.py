"""Everything loaded that a job's process may need: in there, nothing can be loaded any more.

A picture of our own is read and written once in every format, since Pillow loads parts of itself, and its
libraries tables of theirs, when they are first used.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS
from nbmon.pictures.darkroom.opening import prepare
from nbmon.pictures.darkroom.render import render
from nbmon.pictures.processing.parsing import recipe_of

SIDE = 16  # pixels
ONCE = (
    "w=8&h=8&fit=crop&crop=entropy&blur=1&sharp=1&meta=keep",
    "w=8&h=9&fit=fill&rot=30&flip=h&bg=fff",
)


def warm() -> None:
    """Load it all."""
    prepare()
    for fm, pillows in (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"), ("avif", "AVIF"), ("gif", "GIF")):
        source = _example(pillows)
        for query in ONCE:
            render(io.BytesIO(source), recipe_of(query).settled(fm), io.BytesIO(), DEFAULT_LIMITS)
    thumbhash = recipe_of("lqip=thumbhash").settled("thumbhash")
    render(io.BytesIO(_example("TIFF")), thumbhash, io.BytesIO(), DEFAULT_LIMITS)


def _example(pillows: str) -> bytes:
    from PIL import ImageCms

    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("P" if pillows in ("GIF", "PNG") else "RGB", (SIDE, SIDE))
    out = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {}
    if pillows not in ("GIF", "TIFF", "AVIF"):  # Pillow 13 crashes over a turned AVIF that moves
        options = {"exif": exif, "icc_profile": profile}
    if pillows in ("WEBP", "AVIF", "GIF"):
        other = Image.new("RGB", (SIDE, SIDE), "red")
        options |= {"save_all": True, "append_images": [other], "duration": 50}
    picture.save(out, pillows, **options)
    return out.getvalue()
