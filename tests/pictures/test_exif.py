"""What a camera wrote is read; what a stranger made up is not believed."""

from __future__ import annotations

import io
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbmon.pictures.exif import Shot, exif_of, shot_of
from support.pages import exif

SHOT = Shot(
    datetime(2024, 8, 17, 20, 41, 5),
    "Canon EOS R5",
    "RF 24-70mm",
    1 / 250,
    2.8,
    400,
    35.0,
    (-33.8568, 151.2153),
)


@cache
def a_file(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, kind, exif=exif())
    return out.getvalue()


def reading(data: bytes):
    return lambda offset, length: data[offset : offset + length]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_all_that_a_camera_tells_is_read(kind: str) -> None:
    shot = shot_of(exif_of(reading(a_file(kind))), place=True)
    assert shot.place is not None and SHOT.place is not None
    assert shot.place == pytest.approx(SHOT.place, abs=1e-4)
    assert shot.exposure == pytest.approx(SHOT.exposure)
    assert shot._replace(place=None, exposure=0) == SHOT._replace(place=None, exposure=0)


def test_the_place_is_told_only_if_one_says_so() -> None:
    data = exif_of(reading(a_file("JPEG")))
    assert shot_of(data).place is None
    assert shot_of(data, place=True).place is not None


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\xff\xd8\xff\xd9", b"GIF89a" + b"\0" * 30, b"\x89PNG\r\n\x1a\n"]
)
def test_what_has_none_tells_nothing(data: bytes) -> None:
    assert shot_of(exif_of(reading(data))) == Shot()


@settings(deadline=None, max_examples=300)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    cut=st.integers(0, 2000),
    changes=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), max_size=8),
)
def test_broken_files_do_no_harm(kind: str, cut: int, changes: list[tuple[int, int]]) -> None:
    data = bytearray(a_file(kind)[:cut])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    reads = []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return bytes(data[offset : offset + length])

    shot = shot_of(exif_of(read), place=True)
    assert len(reads) < 100
    assert all(sign.isprintable() for sign in shot.camera + shot.lens)
    assert shot.place is None or (abs(shot.place[0]) <= 91 and abs(shot.place[1]) <= 181)


def test_a_directory_that_leads_to_itself_ends() -> None:
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" + b"\0" * 4
    assert shot_of(tiff) == Shot()
