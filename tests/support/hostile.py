"""Pictures that mean harm, made anew each time: bombs, liars, cut and broken files, and what is no picture.

`python tests/support/hostile.py FOLDER` writes them all.
"""

from __future__ import annotations

import io
import random
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
MAKERS: dict[str, Callable[[], bytes]] = {}


def makes(name: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """The decorated function makes the file of that name."""

    def note(make: Callable[[], bytes]) -> Callable[[], bytes]:
        MAKERS[name] = make
        return make

    return note


def good(fm: str, size: tuple[int, int] = (300, 200), **options: Any) -> bytes:
    """A picture that is nothing but one."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, fm, **options)
    return out.getvalue()


def overwritten(data: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    """`data` with `new` in place of what lies `offset` bytes after the beginning of the first `mark`."""
    at = data.index(mark) + offset
    return data[:at] + new + data[at + len(new) :]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes, *others: bytes, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims that size."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", head) + b"".join(others) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def zeros(length: int) -> bytes:
    """So many zeros, packed."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(min(1 << 20, length - at))) for at in range(0, length, 1 << 20)]
    return b"".join(pieces) + packer.flush()


@makes("bomb-900-megapixels.png")
def _png_bomb() -> bytes:
    return png(30_000, 30_000, zeros(30_000 * 3_751), bits=1, colour=0)


@makes("bomb-99-megapixels-allowed.png")
def _png_large() -> bytes:
    return png(9_900, 10_000, zeros(10_000 * (3 * 9_900 + 1)))


@makes("bomb-text-chunk.png")
def _png_text() -> bytes:
    return png(8, 8, zlib.compress(bytes(8 * 25)), chunk(b"zTXt", b"Comment\0\0" + zeros(200 << 20)))


@makes("bomb-profile.png")
def _png_profile() -> bytes:
    return png(8, 8, zlib.compress(bytes(8 * 25)), chunk(b"iCCP", b"x\0\0" + zeros(200 << 20)))


@makes("claims-4-billion-wide.png")
def _png_claims() -> bytes:
    return png(0x7FFFFFFF, 0x7FFFFFFF, zlib.compress(b"\0" * 100))


@makes("too-much-data.png")
def _png_more() -> bytes:
    return png(8, 8, zeros(400 << 20))


@makes("claims-4-gigapixels.jpg")
def _jpeg_claims() -> bytes:
    return overwritten(good("JPEG"), b"\xff\xc0", 5, struct.pack(">HH", 65_500, 65_500))


@makes("claims-90-megapixels-with-200-lines.jpg")
def _jpeg_claims_less() -> bytes:
    return overwritten(good("JPEG"), b"\xff\xc0", 5, struct.pack(">HH", 9_000, 10_000))


@makes("thousands-of-scans.jpg")
def _jpeg_scans() -> bytes:
    data = good("JPEG", (2_000, 2_000), progressive=True)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    third = data.index(b"\xff\xda", second + 2)
    return data[:second] + data[second:third] * 400 + data[third:]


@makes("exif-loop.jpg")
def _jpeg_exif_loop() -> bytes:
    directory = (
        struct.pack("<H", 2) + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    )
    exif = b"Exif\0\0II*\0\x08\0\0\0" + directory + struct.pack("<I", 8)
    data = good("JPEG")
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


@makes("exif-of-a-thousand-segments.jpg")
def _jpeg_segments() -> bytes:
    data = good("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 65_535) + b"Exif\0\0" + bytes(65_527)
    return data[:2] + segment * 1_000 + data[2:]


@makes("page-behind.jpg")
def _jpeg_page() -> bytes:
    return good("JPEG") + b"<html><script>alert(1)</script>" + b"PK\x05\x06" + bytes(18)


@makes("claims-4-gigapixels.gif")
def _gif_claims() -> bytes:
    data = bytearray(good("GIF"))
    data[6:10] = struct.pack("<HH", 65_535, 65_535)
    return bytes(data)


def frames(count: int, width: int, height: int) -> bytes:
    """A GIF of many frames of nothing."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    frame = (
        b"\x21\xf9\x04\0\x01\0\0\0"
        + b"\x2c"
        + bytes(4)
        + struct.pack("<HHB", 1, 1, 0)
        + b"\x02\x02\x44\x01\0"
    )
    return head + loop + frame * count + b"\x3b"


@makes("20000-frames.gif")
def _gif_frames() -> bytes:
    return frames(20_000, 16, 16)


@makes("900-large-frames.gif")
def _gif_large() -> bytes:
    return frames(900, 4_000, 4_000)


@makes("claims-268-megapixels.webp")
def _webp_claims() -> bytes:
    data = bytearray(good("WEBP", lossless=True, exif=b"Exif\0\0"))
    data[24:30] = (16_382).to_bytes(3, "little") * 2
    return bytes(data)


@makes("boxes-that-lie.avif")
def _avif_boxes() -> bytes:
    return overwritten(good("AVIF"), b"iloc", -4, b"\xff\xff\xff\xff")


@makes("claims-4-gigapixels.avif")
def _avif_claims() -> bytes:
    return overwritten(good("AVIF"), b"ispe", 8, struct.pack(">II", 65_535, 65_535))


@makes("directory-loop.tif")
def _tiff_loop() -> bytes:
    data = good("TIFF")
    (at,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[at : at + 2])
    end = at + 2 + 12 * count
    return data[:end] + struct.pack("<I", at) + data[end + 4 :]


@makes("65535-tags.tif")
def _tiff_tags() -> bytes:
    tags = b"".join(struct.pack("<HHII", 0x100 + i % 200, 4, 0xFFFFFF, 8) for i in range(65_535))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + tags + bytes(4)


@makes("claims-1-terapixel.tif")
def _tiff_claims() -> bytes:
    tags = [
        (256, 1 << 20),
        (257, 1 << 20),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, 1),
        (279, 9),
    ]
    packed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + packed + bytes(4)


@makes("html.jpg")
def _html() -> bytes:
    return b"<!DOCTYPE html><script>alert(1)</script>"


@makes("drawing.png")
def _svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'


@makes("postscript.jpg")
def _eps() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"


@makes("portable.jpg")
def _ppm() -> bytes:
    return b"P6 4000000 4000000 255\n" + bytes(100)


@makes("photoshop.png")
def _psd() -> bytes:
    return b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3) + bytes(200)


@makes("empty.jpg")
def _empty() -> bytes:
    return b""


@makes("one-byte.png")
def _one() -> bytes:
    return b"\x89"


@makes("random.jpg")
def _random() -> bytes:
    return b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(100_000)


SUFFIXES = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp", "AVIF": "avif", "TIFF": "tif"}
for _fm, _suffix in SUFFIXES.items():
    makes(f"cut.{_suffix}")(lambda fm=_fm: good(fm)[: len(good(fm)) // 2])
    makes(f"header.{_suffix}")(lambda fm=_fm: good(fm)[:60])
    makes(f"flipped.{_suffix}")(lambda fm=_fm: flipped(good(fm), 30, 7))


def flipped(data: bytes, count: int, seed: int) -> bytes:
    """`data` with so many bytes of it another."""
    dice, changed = random.Random(seed), bytearray(data)
    for _ in range(count):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def write(folder: Path) -> list[str]:
    """Write them all; their names."""
    for name, make in MAKERS.items():
        (folder / name).write_bytes(make())
    return list(MAKERS)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(*write(Path(sys.argv[1])), sep="\n")
