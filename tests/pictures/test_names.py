"""Names as people read and order them."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.pictures.names import bytes_for_people, described, folded, name_of, natural, readable


@pytest.mark.parametrize(
    "ordered",
    [
        ["a1", "a2", "a10", "a10b"],
        ["IMG_9.jpg", "img_10.jpg", "IMG_11.jpg"],
        ["1", "2", "10", "a"],
        ["eclair", "école", "edge"],
        ["a", "B", "c"],
        ["a007", "a8"],
        ["2024-01-09", "2024-01-10", "2024-11-01"],
    ],
)
def test_names_are_ordered_as_people_count(ordered: list[str]) -> None:
    mixed = [name.encode() for name in ordered]
    random.Random(1).shuffle(mixed)
    assert [name.decode() for name in sorted(mixed, key=natural)] == ordered


@settings(deadline=None)
@given(st.lists(st.binary(max_size=255), max_size=20))
def test_any_names_can_be_ordered_and_always_the_same(names: list[bytes]) -> None:
    turned = names[::-1]
    assert sorted(names, key=natural) == sorted(turned, key=natural)


@settings(deadline=None)
@given(st.binary(max_size=255))
def test_what_is_shown_holds_no_control_and_turns_no_text_around(name: bytes) -> None:
    for shown in (readable(name), described(name)):
        for sign in shown:
            assert unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp")
            assert unicodedata.bidirectional(sign) not in (
                "LRE",
                "RLE",
                "LRO",
                "RLO",
                "PDF",
                "LRI",
                "RLI",
                "FSI",
                "PDI",
            )


def test_a_turned_suffix_is_seen_as_it_is() -> None:
    assert readable("evil\u202egpj.exe".encode()) == "evilgpj.exe"


def test_lines_and_bad_bytes_are_shown_as_signs() -> None:
    assert readable(b"a\nb\xff\x7f.jpg") == "a␊b\ufffd␡.jpg"


def test_emoji_and_other_scripts_stay_whole() -> None:
    for name in ("月光.webp", "👩‍👩‍👧.png", "צילום.jpg", "naïve.gif"):
        assert readable(name.encode()) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Lighthouse at dusk.jpg", "Lighthouse at dusk"),
        ("two_old-boats.jpg", "two old boats"),
        ("2024-08-17.jpg", "2024 08 17"),
        ("noend", "noend"),
        ("_.jpg", "_.jpg"),
        ("-.jpg", "-"),
        ("a.b.png", "a.b"),
    ],
)
def test_a_picture_is_described_by_the_words_of_its_name(name: str, words: str) -> None:
    assert described(name.encode()) == words


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (999_499, "999 kB"), (999_500, "1.0 MB"), (3_460_000, "3.5 MB"), (12 * 10**9, "12 GB"),
        (10**19, "10000 PB"),
    ],
)  # fmt: skip
def test_lengths_are_short_and_in_decimal_units(size: int, shown: str) -> None:
    assert bytes_for_people(size) == shown


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_a_key_tells_its_name(names: list[bytes]) -> None:
    assert [name_of(natural(name)) for name in names] == names


@settings(deadline=None)
@given(st.lists(st.text("aB1029é \x00\x01\x02\x03", max_size=8), max_size=8))
def test_a_key_of_bytes_orders_as_numbers_and_letters_do(names: list[str]) -> None:
    """The same order as comparing texts and whole numbers in turn, which a database could not."""
    import re

    def exact(name: bytes) -> tuple[list[object], bytes]:
        parts: list[object] = list(re.split("([0-9]+)", folded(name)))
        parts[1::2] = [int(str(digits)) for digits in parts[1::2]]
        return parts, name

    raw = [name.encode() for name in names]
    assert sorted(raw, key=natural) == sorted(raw, key=exact)
