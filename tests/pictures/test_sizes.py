"""Width and height are read from headers alone, and no file, however broken, does harm."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbmon.pictures.sizes import BOXES_BYTES, MAX_SEGMENTS, orientation, size_of


def reader(data: bytes, asked: list[int] | None = None):
    def read(offset: int, length: int) -> bytes:
        if asked is not None:
            asked.append(length)
        return data[offset : offset + length]

    return read


def saved(form: str, size: tuple[int, int] = (123, 457), mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, form, **options)
    return out.getvalue()


# The first bytes of JPEG XL files of 123 by 457 pixels: a bare codestream, and one in boxes.
JXL = (
    "ff0a400ef40c0013880200b8800a0c00",
    "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20000000126a786c7000000000ff0a400ef40c00000012457869664949",
)


@pytest.mark.parametrize(
    "data",
    [
        saved("PNG"),
        saved("GIF"),
        saved("BMP"),
        saved("JPEG"),
        saved("JPEG", progressive=True),
        saved("JPEG", icc_profile=b"x" * 200_000),
        saved("WEBP"),
        saved("WEBP", lossless=True),
        saved("WEBP", mode="RGBA"),
        saved("WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        saved("AVIF"),
        saved("AVIF", mode="RGBA"),
        saved("TIFF"),
        saved("TIFF", mode="L"),
        *(bytes.fromhex(jxl) for jxl in JXL),
    ],
)
def test_every_format_tells_its_size(data: bytes) -> None:
    assert size_of(reader(data)) == (123, 457)


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("endian", "<>")
def test_a_turned_jpeg_has_the_size_at_which_it_is_shown(value: int, endian: str) -> None:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010E] = "first"
    exif[0x0112] = value
    data = saved("JPEG", exif=exif.tobytes())
    assert size_of(reader(data)) == ((457, 123) if value >= 5 else (123, 457))


@pytest.mark.parametrize("value", range(1, 9))
def test_a_turned_tiff_has_the_size_at_which_it_is_shown(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert size_of(reader(saved("TIFF", exif=exif))) == ((457, 123) if value >= 5 else (123, 457))


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ("ff0a3107001388020060810b", (300, 200)),
        ("ff0a4f060013880200", (64, 64)),
        ("ff0a1a1c1d001388020084", (1600, 900)),
        ("ff0ad21208640c00138802", (801, 603)),
    ],
)
def test_jpeg_xl_tells_its_size_in_few_bits(head: str, size: tuple[int, int]) -> None:
    assert size_of(reader(bytes.fromhex(head))) == size


def test_bmp_stored_from_the_top_has_a_positive_height() -> None:
    data = saved("BMP")
    assert size_of(reader(data[:22] + struct.pack("<i", -457) + data[26:])) == (123, 457)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0XX*\0",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    ],
)
def test_broken_exif_is_upright(exif: bytes) -> None:
    assert orientation(exif) == 1


def test_no_size_is_no_size() -> None:
    png = saved("PNG")
    assert size_of(reader(b"")) is None
    assert size_of(reader(b"hello")) is None
    assert size_of(reader(png[:16] + b"\0\0\0\0" + png[20:])) is None
    assert size_of(reader(png[:16] + b"\xff\xff\xff\xff" + png[20:])) is None
    assert size_of(reader(saved("JPEG")[:20])) is None


STARTS = [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0\x40Exif\0\0MM\0*\0\0\0\x08\0\x40",
          b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
          b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8L", b"RIFF\0\0\0\0WEBPVP8 ", b"BM",
          b"\0\0\0\x20ftypavif\0\0\0\0ispe\0\0\0\0\0\0\0\x01",
          b"II*\0\x08\0\0\0\xff\xff", b"MM\0*", b"\xff\x0a",
          b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14jxlc\xff\x0a"]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=700))
def test_no_bytes_make_it_raise_or_read_much(start: bytes, rest: bytes) -> None:
    asked: list[int] = []
    size = size_of(reader(start + rest, asked))
    assert size is None or all(0 < side <= 65_535 for side in size)
    assert len(asked) <= 1 + 2 * MAX_SEGMENTS
    assert max(asked) <= BOXES_BYTES


def test_a_jpeg_of_nothing_but_segments_has_an_end() -> None:
    asked: list[int] = []
    assert size_of(reader(b"\xff\xd8" + b"\xff\xe0\0\x02" * 100_000, asked)) is None
    assert size_of(reader(b"\xff\xd8\xff\xe0\0\0" * 100_000, asked)) is None
    assert len(asked) <= 2 * (1 + 2 * MAX_SEGMENTS)
