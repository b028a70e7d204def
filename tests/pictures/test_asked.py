"""What a folder's page is asked for: sense is made of a query, or none, but never an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.pictures.asked import SORTS, Asked, asked, has, values

DATES = ["", "1999", "2024-02", "2024-02-29"]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        (None, Asked()),
        (b"", Asked()),
        (b"page=3&sort=-date", Asked(3, "-date")),
        (b"sort=nonsense&page=x", Asked()),
        (b"q=old+boats%21", Asked(search="old boats!")),
        (b"q=%20%20", Asked()),
        (b"q=%ff", Asked(search="\ufffd")),
        (b"q=a&q=b", Asked(search="a")),
        (b"q=" + b"x" * 500, Asked(search="x" * 100)),
        (b"from=2024-02&to=2024-03-01", Asked(since="2024-02", until="2024-03-01")),
        (b"from=2024-13&to=yesterday", Asked()),
        (b"from=2024-02-01%0a", Asked()),
        (b"view=a%2Fb.jpg", Asked(view=b"a/b.jpg")),
        (b"view=%00", Asked()),
        (b"view=" + b"a" * 5000, Asked()),
        (b"w=320&unknown", Asked()),
    ],
)
def test_a_query_has_one_meaning(query: bytes | None, meant: Asked) -> None:
    assert asked(query) == meant


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_query_is_an_error(query: bytes) -> None:
    assert isinstance(asked(query), Asked)


wanted = st.builds(
    Asked,
    page=st.integers(1, 999_999),
    sort=st.sampled_from(SORTS),
    search=st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: " ".join(text.split())),
    since=st.sampled_from(DATES),
    until=st.sampled_from(DATES),
    view=st.binary(max_size=30).filter(lambda name: b"\0" not in name),
)


@settings(deadline=None)
@given(wanted)
def test_a_reference_asks_for_what_it_was_made_of(meant: Asked) -> None:
    href = meant.href(view=meant.view)
    assert href.isascii()
    assert href.startswith("./")
    assert not set(href) & set("<>\"'# \n")
    assert asked(href.partition("?")[2].encode()) == meant


def test_a_list_depends_on_neither_the_page_nor_the_picture() -> None:
    assert Asked(7, "date", "q", "2024", "", b"a.jpg").list() == Asked(1, "date", "q", "2024", "")


def test_keys_are_found_with_and_without_values() -> None:
    assert has(b"zip", b"zip")
    assert has(b"a=b&zip=", b"zip")
    assert not has(b"unzip=1&zipped", b"zip")
    assert not has(None, b"zip")
    assert values(b"n=a%20b&n=c+d&m=e", b"n") == [b"a b", b"c d"]
    assert len(values(b"n=a&" * 10_000, b"n")) <= 2_000
