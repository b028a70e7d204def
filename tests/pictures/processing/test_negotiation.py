"""In which format a picture is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.pictures.processing.negotiation import KINDS, format_of, moves_by_header, weight_of, weights
from nbmon.pictures.processing.parsing import recipe_of

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_14 = "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"

AUTO: list[tuple[str | None, str, bool, str]] = [
    # Accept, the source's kind, whether it moves, the format
    (CHROME, "jpeg", False, "avif"),
    (CHROME, "gif", True, "webp"),
    (CHROME, "webp", True, "webp"),
    (SAFARI_14, "jpeg", False, "webp"),
    (SAFARI_14, "png", False, "webp"),
    (None, "jpeg", False, "jpg"),
    ("", "png", False, "png"),
    ("*/*", "jpeg", False, "jpg"),
    ("image/*", "jpeg", False, "jpg"),
    ("image/avif;q=0,image/webp", "jpeg", False, "webp"),
    ("image/avif;q=0, image/webp;q=0.000, */*", "jpeg", False, "jpg"),
    ("image/avif;q=0.5,image/webp;q=0.9,*/*;q=0.1", "jpeg", False, "webp"),
    ("image/avif;q=0.5,image/jpeg", "jpeg", False, "jpg"),
    ("IMAGE/AVIF", "jpeg", False, "avif"),
    ("image/avif; Q=0.3 , image/webp;q=0.2", "jpeg", False, "avif"),
    ("image/avif;q=wrong", "jpeg", False, "avif"),
    ("image/webp", "tiff", False, "webp"),
    ("*/*", "tiff", False, "jpg"),
    ("*/*", "bmp", False, "png"),
    ("*/*", "heic", False, "jpg"),
    ("image/avif", "avif", True, "avif"),
]


@pytest.mark.parametrize(("accept", "kind", "moves", "fm"), AUTO)
def test_auto_format_takes_what_the_client_likes_best(
    accept: str | None, kind: str, moves: bool, fm: str
) -> None:
    given_ = None if accept is None else accept.encode()
    assert format_of(recipe_of("auto=format"), b"image/" + kind.encode(), given_, moves=moves) == fm


def test_one_frame_of_an_animation_is_a_still() -> None:
    assert format_of(recipe_of("auto=format&frame=1"), b"image/gif", CHROME.encode(), moves=True) == "avif"


@pytest.mark.parametrize(
    ("query", "fm"),
    [("w=3", "png"), ("fm=gif", "gif"), ("lqip=blur", "webp"), ("lqip=thumbhash", "thumbhash")],
)
def test_without_auto_the_client_is_not_asked(query: str, fm: str) -> None:
    assert format_of(recipe_of(query), b"image/png", CHROME.encode(), moves=False) == fm


def test_the_most_specific_range_decides() -> None:
    found = weights(b"image/*;q=0.5, image/webp;q=0, */*;q=0.9")
    assert [weight_of(kind, found) for kind in (b"image/png", b"image/webp", b"text/html")] == [0.5, 0.0, 0.9]


@given(st.binary(max_size=300))
def test_any_accept_field_gives_a_format(accept: bytes) -> None:
    assert format_of(recipe_of("auto=format"), b"image/jpeg", accept, moves=False) in KINDS


@pytest.mark.parametrize(
    ("head", "moves"),
    [
        (b"GIF89a" + b"\0" * 20, False),
        (b"GIF89a" + b"\0" * 20 + b"\x21\xff\x0bNETSCAPE2.0", True),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + b"\0" * 9, True),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10" + b"\0" * 9, False),
        (b"\x89PNG\r\n\x1a\n....IHDR....acTL....IDAT", True),
        (b"\x89PNG\r\n\x1a\n....IHDR....IDAT...acTL", False),
        (b"\0\0\0\x20ftypavis", True),
        (b"\0\0\0\x20ftypavif", False),
        (b"\xff\xd8\xff", False),
        (b"", False),
        (b"RIFF\0\0\0\0WEBPVP8X", False),
    ],
)
def test_an_animation_is_known_by_its_header(head: bytes, moves: bool) -> None:
    assert moves_by_header(head) is moves
