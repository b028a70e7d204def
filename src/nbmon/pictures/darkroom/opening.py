"""Opening a stranger's picture: what is let in, before a pixel is decoded. Pillow; only in a job's process.

The content decides what a file is; its name is not even known here.
"""

from __future__ import annotations

import io
import warnings
from typing import IO, Any

from PIL import Image, ImageFile

from nbmon.pictures.darkroom.limits import Limits
from nbmon.pictures.darkroom.raw import Preview, preview

# Pillow knows many more, each a parser that a stranger could reach.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
FURTHER = ("HEIF", "JXL")  # where their wheels are installed
TURNED = frozenset((5, 6, 7, 8))  # EXIF orientations that swap width and height (Exif 2.32, 4.6.5)
ORIENTATION = 0x0112
SCAN = 0xDA  # JPEG marker before the first pixels (ITU T.81, table B.1)
_STANDALONE = frozenset((0x01, *range(0xD0, 0xDA)))  # those without a length


class Unreadable(Exception):  # noqa: N818 - what the picture is
    """The picture's fault; `str()` is a finished sentence."""


def prepare() -> None:
    """Load the decoders, once, before the jobs' processes are forked; and set what Pillow has global."""
    from PIL import (  # noqa: F401 - each registers itself
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        ImageCms,
        ImageFilter,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    Image.MAX_IMAGE_PIXELS = None  # `checked` is stricter, and counts itself
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_ALWAYS
    Image._initialized = 2  # do not load the other plugins, not even for a file that none of these knows
    _load_further()


def _load_further() -> None:
    """HEIF and JPEG XL, where `nbmon[pictures]` brought them."""
    try:
        import pillow_heif  # type: ignore[import-not-found,unused-ignore]  # an extra

        pillow_heif.register_heif_opener(thumbnails=False)
    except ImportError:
        pass
    try:
        import pillow_jxl  # type: ignore[import-not-found,unused-ignore]  # noqa: F401 - an extra; registers itself
    except ImportError:
        pass


def open_picture(file: IO[bytes], limits: Limits) -> Image.Image:
    """The picture in `file`, none of its pixels decoded. Unreadable."""
    if _too_much_before(file, limits):
        raise Unreadable("The picture has too much metadata.")
    if (found := preview(lambda offset, length: _read(file, offset, length))) is not None:
        return _of_raw(file, found, limits)
    file.seek(0)
    return _opened(file, [name for name in (*FORMATS, *FURTHER) if name in Image.OPEN], limits)


def _read(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _of_raw(file: IO[bytes], found: Preview, limits: Limits) -> Image.Image:
    """The preview in a camera's raw file, which is turned as that file says, unless it says so itself."""
    picture = _opened(io.BytesIO(_read(file, found.offset, found.length)), ["JPEG"], limits)
    if orientation(picture) == 1:
        picture.getexif()[ORIENTATION] = found.orientation
    return picture


def _opened(file: IO[bytes], formats: list[str], limits: Limits) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata: nobody reads them here
        try:
            picture = Image.open(file, formats=formats)
        except MemoryError:
            raise
        except Exception:
            raise Unreadable("The file is no picture that can be read here, or a broken one.") from None
    return checked(picture, limits)


def _too_much_before(file: IO[bytes], limits: Limits) -> bool:
    """Whether a JPEG has more before its pixels than is read: Pillow joins it piece by piece, for minutes."""
    at, found = 0, file.read(2)
    if found == b"\xff\xd8":
        at = 2
        while at <= limits.segments_bytes:
            file.seek(at)
            head = file.read(4)
            if len(head) < 4 or head[0] != 0xFF or head[1] in (0xFF, SCAN) or head[1] in _STANDALONE:
                break
            at += 2 + int.from_bytes(head[2:], "big")
    file.seek(0)
    return at > limits.segments_bytes


def checked(picture: Image.Image, limits: Limits) -> Image.Image:
    """`picture`, if its header claims no more than is allowed. Unreadable."""
    pixels = picture.width * picture.height
    if pixels > limits.pixels:
        raise Unreadable(limits.too_many(picture.size))
    if pixels <= 0:
        raise Unreadable("The picture has no pixels.")
    for name in ("exif", "icc_profile"):
        found = picture.info.get(name)
        if isinstance(found, bytes) and len(found) > limits.metadata_bytes:
            del picture.info[name]
    return picture


def orientation(picture: Image.Image) -> int:
    """How the picture is to be turned, from 1 (not at all) to 8. Broken metadata turns nothing.

    JPEG XL has this in its header, which the decoder heeds, and what EXIF says counts for nothing (ISO/IEC
    18181-2); unless it holds a JPEG, which the plugin decodes as one.
    """
    if picture.format == "JXL" and not getattr(picture, "jpeg", False):
        return 1
    try:
        found: Any = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken block, of which there are as many kinds as cameras
        return 1
    return found if found in range(1, 9) else 1


def upright(size: tuple[int, int], turn: int) -> tuple[int, int]:
    """The size of a picture after it is turned."""
    return (size[1], size[0]) if turn in TURNED else size
