"""A URL's path is decoded once, and what could never name a picture ends there."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.pictures.paths import BadPath, HiddenPath, decode, encode


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        (b"/", [b""]),
        (b"/a.jpg", [b"a.jpg"]),
        (b"/a/b/", [b"a", b"b", b""]),
        (b"//a///b.jpg", [b"a", b"b.jpg"]),
        (b"///", [b""]),
        (b"/a%20b.jpg", [b"a b.jpg"]),
        (b"/a+b.jpg", [b"a+b.jpg"]),
        (b"/%e6%9c%88.webp", ["月.webp".encode()]),
        ("/月.webp".encode(), ["月.webp".encode()]),
        (b"/%41%4a%4A", [b"AJJ"]),
        (b"/%2541", [b"%41"]),
        (b"/%252e%252e/secret", [b"%2e%2e", b"secret"]),
        (b"/a%5cb", [b"a\\b"]),
        (b"/..;/a", None),
        (b"/%c0%ae%c0%ae/secret", [b"\xc0\xae\xc0\xae", b"secret"]),
        (b"/a%0d%0ab", [b"a\r\nb"]),
        (b"/a;b=c", [b"a;b=c"]),
    ],
)
def test_a_path_is_decoded_once(path: bytes, segments: list[bytes] | None) -> None:
    if segments is None:
        with pytest.raises(HiddenPath):
            decode(path)
    else:
        assert decode(path) == segments


@pytest.mark.parametrize(
    "path", [b"/%", b"/%4", b"/%zz", b"/a%2", b"/%+1", b"/% 1", b"/a%00b", b"", b"a", b"*"]
)
def test_a_malformed_path_is_bad(path: bytes) -> None:
    with pytest.raises(BadPath):
        decode(path)


@pytest.mark.parametrize(
    "path",
    [b"/..", b"/.", b"/../a", b"/a/../b", b"/%2e%2e/a", b"/.%2e/a", b"/%2E./a", b"/.git/config", b"/a/.b",
     b"/a%2fb",
     b"/%2e%2e%2fsecret", b"/..%2fsecret", b"/%2f", b"/a/%2F..", b"/a/./"],
)  # fmt: skip
def test_dots_and_encoded_slashes_are_hidden(path: bytes) -> None:
    with pytest.raises(HiddenPath):
        decode(path)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_whatever_is_decoded_are_single_names(path: bytes) -> None:
    try:
        segments = decode(b"/" + path)
    except (BadPath, HiddenPath):
        return
    assert segments
    assert all(segments[:-1])
    for name in segments:
        assert b"/" not in name
        assert b"\0" not in name
        assert not name.startswith(b".")
    assert b"/".join(segments).replace(b"/", b"") == unquote_to_bytes(path).replace(b"/", b"")


@settings(deadline=None)
@given(
    st.binary(min_size=1, max_size=30).filter(lambda n: n[:1] != b"." and b"/" not in n and b"\0" not in n)
)
def test_every_name_survives_the_way_into_a_link_and_back(name: bytes) -> None:
    link = encode(name)
    assert link.startswith("./")
    assert decode(b"/" + link[2:].encode("ascii")) == [name]
    assert not set(link) & set("\"'<>&?#\\: \r\n\t")
    assert quote_from_bytes(name, safe="") == link[2:]
