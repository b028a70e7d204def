"""Signatures, links, and the hash that stands for a picture."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures.processing.signing import holds, signed, split
from nbmon.pictures.processing.thumbhash import thumbhash
from nbmon.pictures.processing.urls import Links, thumbnail, version

KEY = b"k" * 32


@given(st.binary(), st.binary().filter(lambda query: b"&s=" not in query and not query.startswith(b"s=")))
def test_what_was_signed_holds(path: bytes, query: bytes) -> None:
    assert holds((KEY,), path, signed(KEY, path, query))
    assert holds((b"another", KEY), path, signed(KEY, path, query))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (b"b.jpg", b"w=3&s=%b"),
        (b"a.jpg", b"w=4&s=%b"),
        (b"a.jpg", b"w=3&h=1&s=%b"),
        (b"a.jpg", b"s=%b&w=3"),
        (b"a.jpg", b"w=3&s=%bA"),
        (b"a.jpg", b"w=3"),
        (b"a.jpg", b"w=3&s="),
        (b"a.jpg?w=3", b"s=%b"),
    ],
)
def test_a_signature_holds_for_nothing_else(path: bytes, query: bytes) -> None:
    signature = split(signed(KEY, b"a.jpg", b"w=3"))[1]
    assert signature is not None
    assert not holds((KEY,), path, query.replace(b"%b", signature))


def test_another_key_makes_another_signature() -> None:
    assert not holds((b"j" * 32,), b"a.jpg", signed(KEY, b"a.jpg", b"w=3"))
    assert not holds((), b"a.jpg", signed(KEY, b"a.jpg", b"w=3"))


def test_a_signature_is_hmac_sha256() -> None:
    # by openssl dgst -sha256 -hmac, the first 24 bytes in base64
    assert signed(KEY, b"/a.jpg", b"w=3") == b"w=3&s=waRBMTnBOcpHyzOLIkiROVnp693lLvtl"


def test_a_link_names_its_parameters() -> None:
    link = thumbnail("./a%20b.jpg", 320, 200, fit="crop", fp_x=0.25, auto="format,compress")
    assert link == "./a%20b.jpg?w=320&h=200&fit=crop&fp-x=0.25&auto=format,compress"


def test_a_signed_link_holds_for_its_picture_alone() -> None:
    link = Links(KEY).thumbnail("./a%20b.jpg", 320, under=b"x/y/")
    query = link.partition("?")[2].encode()
    assert holds((KEY,), b"x/y/a b.jpg", query)
    assert not holds((KEY,), b"x/a b.jpg", query)


def test_a_version_changes_with_the_file(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "a")
    with open(path, "w") as file:
        first = version(os.fstat(file.fileno()))
        file.write("more")
        file.flush()
        assert version(os.fstat(file.fileno())) != first


def test_a_thumbhash_has_the_bytes_of_its_definition() -> None:
    # the result of the definition's own program, in JavaScript, for these pixels
    pixels = [
        ((x * 37 + y * 11) % 256, (x * x + y * 7) % 256, (y * y * 3 + x) % 256, 255 - x * y % 200)
        for y in range(24)
        for x in range(16)
    ]
    found = base64.b64encode(thumbhash(16, 24, bytes(v for pixel in pixels for v in pixel)))
    assert found == b"nCiGIwgbZTAXNVdjS8+qf894f3RMiHc="


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_any_small_picture_has_a_thumbhash(width: int, height: int, data: st.DataObject) -> None:
    pixels = data.draw(st.binary(min_size=4 * width * height, max_size=4 * width * height))
    assert 5 <= len(thumbhash(width, height, pixels)) <= 40


@pytest.mark.parametrize(("width", "height", "length"), [(0, 1, 0), (101, 1, 404), (2, 2, 15)])
def test_what_is_no_small_picture_has_none(width: int, height: int, length: int) -> None:
    with pytest.raises(ValueError, match="pixels in"):
        thumbhash(width, height, bytes(length))
