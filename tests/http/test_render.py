"""Heads of answers: both halves, and what may not stand in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import REASONS, MisuseError, Response, imf_date, render_halves, render_head

DATE = imf_date(0)


def test_the_halves_and_a_date_are_the_head():
    response = Response(200, [(b"A", b"b"), (b"C", b"")], b"xyz")
    before, behind = render_halves(200, response.fields, 3, b"close")
    assert before + DATE + behind == render_head(response, DATE, b"close")
    assert behind == b"\r\nA: b\r\nC: \r\nContent-Length: 3\r\nConnection: close\r\n\r\n"


def test_a_head_without_fields_is_a_head():
    assert render_head(Response(204), DATE) == b"HTTP/1.1 204 No Content\r\nDate: " + DATE + b"\r\n\r\n"


def test_a_status_without_a_phrase_has_an_empty_one():
    assert render_head(Response(299), DATE).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("status", sorted(REASONS))
def test_the_phrase_is_the_registries(status):
    assert render_halves(status, [], 0)[0] == f"HTTP/1.1 {status} {REASONS[status]}\r\nDate: ".encode()


@pytest.mark.parametrize("status", [0, 99, 100, 199, 600, 1000, -1])
def test_a_status_that_ends_no_exchange_is_the_callers_error(status):
    with pytest.raises(MisuseError, match="200 to 599"):
        render_head(Response(status), DATE)


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"A", b"b\r\nC: d"), (b"A", b"b\n"), (b"A", b"b\r"), (b"A", b"\0"), (b"A", b"\x7f"), (b"A\r\nB",
     b""), (b"A B", b""),
     (b"", b"x")],
)  # fmt: skip
def test_a_field_that_would_break_the_head_is_the_callers_error(name, value):
    with pytest.raises(MisuseError, match="token"):
        render_head(Response(200, [(name, value)]), DATE)


@given(st.lists(st.tuples(st.from_regex(rb"\A[A-Za-z-]{1,9}\Z"), st.binary(max_size=20)), max_size=5))
def test_whatever_the_values_a_head_has_as_many_lines_as_fields(fields):
    try:
        _, behind = render_halves(200, fields, None)
    except MisuseError:
        return
    assert behind.split(b"\r\n") == [b"", *[name + b": " + value for name, value in fields], b"", b""]


def test_an_answer_says_what_it_is():
    response = Response(200, [(b"A", b"b")], b"xyz")
    assert repr(response) == "Response(200, [(b'A', b'b')], 3 bytes)"
    assert response.field(b"a") == b"b"
