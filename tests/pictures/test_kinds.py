"""A file is called what it is, and nothing that a stranger put there runs."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbmon.pictures.kinds import (
    BY_SUFFIX,
    SHOWN,
    SNIFF_BYTES,
    UNKNOWN,
    fields_for,
    kind_of,
    shown_by_name,
    sniff,
)

FORMATS = {
    "JPEG": b"image/jpeg",
    "PNG": b"image/png",
    "GIF": b"image/gif",
    "WEBP": b"image/webp",
    "AVIF": b"image/avif",
    "BMP": b"image/bmp",
    "TIFF": b"image/tiff",
}


def picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_pictures_are_known_by_their_first_bytes(form: str) -> None:
    start = picture(form)[:SNIFF_BYTES]
    assert sniff(start) == FORMATS[form]
    assert kind_of(b"without-suffix", start) == FORMATS[form]
    assert kind_of(b"odd.suffix", start) == FORMATS[form]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF"])
def test_a_picture_under_another_pictures_name_is_called_what_it_is(form: str) -> None:
    assert kind_of(b"a.JPG", picture(form)[:SNIFF_BYTES]) == FORMATS[form]


def test_avif_that_calls_itself_mif1_first_is_avif() -> None:
    assert sniff(b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf") == b"image/avif"
    assert sniff(b"\0\0\0\x20ftypmif1\0\0\0\0mif1heicmiaf") == b"image/heif"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"a.jpg", b"image/jpeg"),
        (b"A.JPEG", b"image/jpeg"),
        (b"a.svg", b"image/svg+xml"),
        (b"a.mp4", b"video/mp4"),
        (b"a.txt", b"text/plain; charset=utf-8"),
        (b"a.html", b"text/html; charset=utf-8"),
        (b"a.tar.gz", b"application/gzip"),
        (b"a.xyz", UNKNOWN),
        (b"jpg", UNKNOWN),
        (b"a.", UNKNOWN),
        (b"a.jpg.exe", UNKNOWN),
        ("月光.webp".encode(), b"image/webp"),
    ],
)
def test_where_the_bytes_say_nothing_the_suffix_decides(name: bytes, kind: bytes) -> None:
    assert kind_of(name, b"<script>alert(1)</script>"[:SNIFF_BYTES]) == kind
    assert kind_of(name, b"") == kind


@settings(deadline=None)
@given(st.binary(max_size=SNIFF_BYTES))
def test_no_bytes_turn_a_file_without_a_suffix_into_something_that_runs(start: bytes) -> None:
    kind = kind_of(b"stranger", start)
    assert kind == UNKNOWN or (kind.startswith(b"image/") and kind != b"image/svg+xml")


@settings(deadline=None)
@given(st.sampled_from(sorted(BY_SUFFIX)), st.binary(max_size=SNIFF_BYTES))
def test_everything_is_nosniff_and_what_runs_is_sandboxed(suffix: bytes, start: bytes) -> None:
    kind = kind_of(b"x." + suffix, start)
    fields = dict(fields_for(kind))
    assert fields[b"X-Content-Type-Options"] == b"nosniff"
    active = b"html" in kind or b"xml" in kind
    assert active == fields.get(b"Content-Security-Policy", b"").startswith(b"sandbox; default-src 'none'")


def test_a_page_shows_what_browsers_show() -> None:
    assert shown_by_name(b"a.AVIF")
    assert not shown_by_name(b"a.heic")
    assert not shown_by_name(b"a.txt")
    assert set(BY_SUFFIX.values()) >= SHOWN
