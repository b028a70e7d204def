"""The previews in cameras' raw files: found where each format keeps them, and turned as they say.

The files are made here after the formats' descriptions; no camera's own are needed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nbmon.pictures.darkroom.limits import DEFAULT_LIMITS
from nbmon.pictures.darkroom.opening import Unreadable, open_picture, orientation, prepare
from nbmon.pictures.darkroom.raw import MOST_DIRECTORIES, Preview, preview
from nbmon.pictures.darkroom.render import render
from nbmon.pictures.kinds import kind_of, sniff
from nbmon.pictures.processing.negotiation import OWN
from nbmon.pictures.processing.parsing import recipe_of

prepare()
CFA = 32_803
LOSSLESS = b"\xff\xd8\xff\xc3\0\x0b\x0c" + struct.pack(">HH", 4000, 6000) + b"\x01\x01\x11\0" + b"\0" * 50


def jpeg(width: int, height: int, colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG")
    return out.getvalue()


SMALL, LARGE = jpeg(160, 120), jpeg(600, 400, "green")

Values = dict[int, int | list[int] | bytes]  # bytes: a thing whose offset is the value


class Tiff:
    """Writes directories in a chain, the first with those of `subs` below it."""

    def __init__(self, order: str = "<", magic: int = 42) -> None:
        self.order = order
        self.data = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", magic, 0))

    def put(self, thing: bytes) -> int:
        self.data += b"\0" * (len(self.data) % 2)
        at = len(self.data)
        self.data += thing
        return at

    def directory(self, values: Values) -> int:
        entries = []
        for tag, value in sorted(values.items()):
            if isinstance(value, bytes):
                kind, count = (7, len(value)) if tag == 0x2E else (4, 1)
                data = struct.pack(self.order + "I", self.put(value))
            elif isinstance(value, list):
                kind, count = 4, len(value)
                packed = struct.pack(self.order + f"{count}I", *value)
                data = packed if count == 1 else struct.pack(self.order + "I", self.put(packed))
            else:
                kind, count, data = (3, 1, struct.pack(self.order + "HH", value, 0))
                if value > 0xFFFF:
                    kind, data = 4, struct.pack(self.order + "I", value)
            entries.append(struct.pack(self.order + "HHI", tag, kind, count) + data)
        return self.put(struct.pack(self.order + "H", len(entries)) + b"".join(entries) + b"\0\0\0\0")

    def chain(self, *directories: Values) -> bytes:
        places = [self.directory(values) for values in directories]
        struct.pack_into(self.order + "I", self.data, 4, places[0])
        for (at, following), values in zip(pairwise(places), directories, strict=False):
            struct.pack_into(self.order + "I", self.data, at + 2 + 12 * len(values), following)
        return bytes(self.data)


def embedded(content: bytes) -> Values:
    return {0x0201: content, 0x0202: len(content)}


def strip(content: bytes, **more: Any) -> Values:
    return {0x0103: 6, 0x0111: content, 0x0117: len(content)} | more


def nef(order: str = ">") -> bytes:
    tiff = Tiff(order)
    subs = [tiff.directory(embedded(LARGE)), tiff.directory({0x0106: CFA, 0x0111: b"s" * 99, 0x0117: 99})]
    return tiff.chain({0x0106: 2, 0x0111: b"\0" * 99, 0x0117: 99, 0x0112: 6, 0x014A: subs})


def arw() -> bytes:
    tiff = Tiff()
    subs = [tiff.directory({0x0106: CFA, 0x0111: b"s" * 99, 0x0117: 99})]
    return tiff.chain(embedded(LARGE) | {0x0112: 8, 0x014A: subs}, embedded(SMALL))


def cr2() -> bytes:
    tiff = Tiff()
    tiff.put(b"CR\x02\0\0\0\0\0")
    return tiff.chain(strip(LARGE) | {0x0112: 3}, embedded(SMALL), strip(LOSSLESS), strip(LOSSLESS))


def dng() -> bytes:
    tiff = Tiff()
    subs = [tiff.directory(strip(LOSSLESS) | {0x0106: CFA}), tiff.directory(strip(LARGE) | {0x0106: 6})]
    return tiff.chain(strip(SMALL) | {0x0106: 6, 0x0112: 6, 0x014A: subs, 0xC612: 1})


def rw2() -> bytes:
    return Tiff(magic=0x55).chain({0x002E: LARGE, 0x0112: 8})


def raf() -> bytes:
    head = b"FUJIFILMCCD-RAW 0201FF383501".ljust(84, b"\0")
    return head + struct.pack(">II", 148, len(LARGE)) + b"\0" * 56 + LARGE + b"sensor"


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def cr3() -> bytes:
    metadata = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    one = box(b"CNCV", b"0" * 30) + box(b"CMT1", Tiff().chain({0x0112: 8}))
    preview_ = box(b"PRVW", b"\0" * 6 + struct.pack(">HHHI", 600, 400, 1, len(LARGE)) + LARGE)
    return (
        box(b"ftyp", b"crx \0\0\0\x01crx isom")
        + box(b"moov", box(b"uuid", metadata + one))
        + box(b"uuid", bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16") + b"\0" * 8 + preview_)
        + box(b"mdat", b"sensor" * 100)
    )


FILES: dict[str, tuple[Callable[[], bytes], int]] = {
    "nef": (nef, 6), "arw": (arw, 8), "cr2": (cr2, 3), "dng": (dng, 6), "rw2": (rw2, 8), "raf": (raf, 1),
    "cr3": (cr3, 8),
}  # fmt: skip


def found_in(data: bytes) -> Preview | None:
    return preview(lambda offset, length: data[offset : offset + length])


@pytest.mark.parametrize("suffix", FILES)
def test_the_largest_preview_is_found_and_how_it_is_turned(suffix: str) -> None:
    made, turn = FILES[suffix]
    data = made()
    found = found_in(data)
    assert found is not None
    assert data[found.offset :][: found.length] == LARGE
    assert found.orientation == turn


@pytest.mark.parametrize("suffix", FILES)
def test_a_raw_file_becomes_an_upright_jpeg(suffix: str) -> None:
    made, turn = FILES[suffix]
    out = io.BytesIO()
    size = render(io.BytesIO(made()), recipe_of("w=60&h=60").settled("jpg"), out, DEFAULT_LIMITS)
    assert size == ((40, 60) if turn > 4 else (60, 40))
    with Image.open(out) as picture:
        red, green, blue = picture.convert("RGB").resize((1, 1)).tobytes()
    assert green > 100 > red + blue


@pytest.mark.parametrize("suffix", FILES)
def test_a_raw_file_is_known_by_its_name_and_processed_by_its_bytes(suffix: str) -> None:
    start = FILES[suffix][0]()[:32]
    assert kind_of(b"a." + suffix.encode(), start).startswith(b"image/x-")
    assert OWN[kind_of(b"a." + suffix.encode(), start)] == "jpg"
    assert OWN[sniff(start) or b""] == "jpg"


def test_a_picture_under_a_raw_name_is_what_it_is() -> None:
    assert kind_of(b"a.nef", SMALL[:32]) == b"image/jpeg"
    assert kind_of(b"a.tif", nef()[:32]) == b"image/tiff"


def test_a_preview_that_says_itself_how_it_is_turned_is_believed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    out = io.BytesIO()
    Image.new("RGB", (600, 400)).save(out, "JPEG", exif=exif)
    data = Tiff().chain(embedded(out.getvalue()) | {0x0112: 6, 0x0106: CFA})
    assert open_picture(io.BytesIO(data), DEFAULT_LIMITS).getexif()[0x0112] == 3


def test_a_tiff_that_is_no_raw_file_is_read_as_tiff() -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "blue").save(out, "TIFF", compression="jpeg")
    assert found_in(out.getvalue()) is None
    assert open_picture(io.BytesIO(out.getvalue()), DEFAULT_LIMITS).size == (30, 20)
    assert found_in(Tiff().chain(embedded(LARGE))) is None


@pytest.mark.parametrize(
    "wrong",
    [LARGE[:-30], b"\xff\xd8\xff" + b"x" * 200, LOSSLESS, b"", b"<html>" * 40],
    ids=["cut", "noise", "lossless", "empty", "page"],
)
def test_what_is_no_jpeg_is_no_preview(wrong: bytes) -> None:
    data = Tiff().chain(embedded(wrong) | {0x0106: CFA})
    found = found_in(data)
    assert found is None or data[found.offset :].startswith(b"\xff\xd8\xff")
    with pytest.raises((Unreadable, OSError)):
        open_picture(io.BytesIO(data), DEFAULT_LIMITS).load()


def test_directories_in_a_circle_end() -> None:
    tiff = Tiff()
    at = tiff.directory({0x0106: CFA, 0x014A: [8, 8, 8]})
    struct.pack_into("<I", tiff.data, 4, at)
    struct.pack_into("<I", tiff.data, at + 2 + 24, at)
    assert found_in(bytes(tiff.data)) is None


def test_no_more_directories_are_read_than_a_camera_writes() -> None:
    reads = []
    data = Tiff().chain(*[{0x0106: CFA}] * 500)

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return data[offset : offset + length]

    assert preview(read) is None
    assert len(reads) <= 3 * MOST_DIRECTORIES


@given(st.sampled_from(sorted(FILES)), st.integers(0, 2_000), st.binary(min_size=1, max_size=8))
def test_a_broken_raw_file_is_answered_and_never_more(suffix: str, at: int, change: bytes) -> None:
    data = bytearray(FILES[suffix][0]())
    data[at : at + len(change)] = change
    for broken in (bytes(data), bytes(data[:at])):
        found = found_in(broken)
        if found is not None:
            assert 0 < found.length <= len(broken)
            assert 0 <= found.offset < len(broken)
            assert found.orientation in range(1, 9)


@pytest.mark.parametrize(("form", "jpeg", "turn"), [("JXL", False, 1), ("JXL", True, 6), ("HEIF", False, 6)])
def test_a_jpeg_xl_is_turned_by_its_own_header_unless_it_is_a_jpeg_inside(
    form: str, jpeg: bool, turn: int
) -> None:
    picture: Any = Image.new("RGB", (3, 2))
    picture.format, picture.jpeg = form, jpeg
    picture.getexif()[0x0112] = 6
    assert orientation(picture) == turn
