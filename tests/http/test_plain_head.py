"""`plain_target` must only accept a head that the full path would answer by its target alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import DEFAULT_LIMITS, Representation, Request, Session, answer, imf_date, plain_target
from support.http_cases import CASES

BROWSER = (
    b"GET /holiday/one%20picture.jpg?x HTTP/1.1\r\nHost: 127.0.0.1:9085\r\nConnection: keep-alive\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: image/avif,image/webp,*/*;q=0.8\r\n"
    b"Referer: http://127.0.0.1:9085/holiday/\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: a=b\r\n\r\n"
)
HELLO = Representation(5, b"text/plain", b'"tag"', 784111777)


def head_of(raw):
    """The full path's event and head, with the same bare request beside it."""
    session = Session()
    session.receive(raw)
    event = session.next_event()
    if not isinstance(event, Request):
        return event, None
    return event, session.respond(answer(event, HELLO, lambda: b"hello"), imf_date(0))


BARE = head_of(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")[1]


def assert_honest(raw):
    target = plain_target(raw, DEFAULT_LIMITS)
    if target is None:
        return False
    event, head = head_of(raw)
    assert isinstance(event, Request)
    assert event.target == target
    assert head == BARE
    return True


def test_a_browsers_head_is_plain():
    assert assert_honest(BROWSER)


def test_the_barest_head_is_plain():
    assert assert_honest(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_is_taken_for_plain_that_is_not(case):
    first = case.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert assert_honest(first) <= (case.statuses[:1] == (200,))
    assert_honest(case.raw)


@pytest.mark.parametrize(
    "field",
    [b"Range: bytes=0-0", b"IF-NONE-MATCH: *", b"if-range: x", b"Connection: close",
     b"connection: keep-alive, close",
     b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Upgrade: h2c",
     b"Host: b", b"hOST: a",
     b"TE: trailers", b"Authorization: x", b"X : y", b" x", b"X\x00: y", b"X: \x01"],
)  # fmt: skip
def test_a_field_that_matters_is_not_plain_wherever_it_stands(field):
    assert plain_target(b"GET / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n", DEFAULT_LIMITS) is None
    assert plain_target(b"GET / HTTP/1.1\r\n" + field + b"\r\nHost: a\r\n\r\n", DEFAULT_LIMITS) is None


LINES = st.sampled_from(
    [b"Host: a", b"host:a:80", b"Host: a b", b"X: y", b"Range: bytes=0-0", b"Rang: x", b"If-Match: *",
     b"Iffy: x", b"Connection: close",
     b"Connection: keep-alive", b"Content-Length: 3", b"Cookie: a=b", b"Hostess: x", b"Expect: x",
     b"Te: x", b"X", b"Accept:"]
)  # fmt: skip
STARTS = st.sampled_from(
    [b"GET / HTTP/1.1", b"GET /x?y HTTP/1.1", b"GET / HTTP/1.0", b"HEAD / HTTP/1.1", b"GET x HTTP/1.1"]
)


@given(STARTS, st.lists(LINES, max_size=6), st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
def test_what_is_plain_is_answered_by_its_target_alone(start, lines, end):
    assert_honest(end.join([start, *lines, b"", b""]))
