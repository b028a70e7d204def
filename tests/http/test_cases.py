"""The case table, and the claim that it does not matter how the bytes are cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import (
    CLOSED,
    NEED_DATA,
    PAUSED,
    Limits,
    Refusal,
    Representation,
    Request,
    Session,
    answer,
    imf_date,
    refusal_response,
)
from support.http_cases import BODY_BYTES, CASES, FIELDS, HALF_CLOSED, HEAD_BYTES, TARGET_BYTES

DATE = imf_date(0)
HELLO = Representation(5, b"text/plain", b'"tag"', 0)


def converse(pieces, limits=None, ended=False):
    """Feed pieces, answer at once; give the events, the answers' heads, and whether the session closed."""
    session = Session(limits or Limits())
    events, heads = [], []

    def work():
        while isinstance(event := session.next_event(), Request | Refusal):
            events.append(event)
            assert session.next_event() is PAUSED
            refused = isinstance(event, Refusal)
            response = refusal_response(event) if refused else answer(event, HELLO, lambda: b"hello")
            heads.append(session.respond(response, DATE))
            session.sent()
        return event

    for piece in filter(None, pieces):  # b"" would say that the client has half-closed
        session.receive(piece)
        work()
    if ended:
        session.receive(b"")
    last = work()
    assert last in (NEED_DATA, CLOSED)
    return events, heads, last is CLOSED


def statuses(heads):
    return tuple(int(re.match(rb"HTTP/1\.1 (\d{3}) ", head)[1]) for head in heads)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case(case):
    _, heads, closed = converse([case.raw])
    assert (statuses(heads), closed) == (case.statuses, case.closed)
    assert (b"Connection: close" in heads[-1]) == case.closed


@pytest.mark.parametrize("case", HALF_CLOSED, ids=lambda case: case.name)
def test_the_half_closed_case(case):
    _, heads, closed = converse([case.raw], ended=True)
    assert (statuses(heads), closed) == (case.statuses, True)


@pytest.mark.parametrize("case", CASES + HALF_CLOSED, ids=lambda case: case.name)
def test_one_byte_at_a_time_gives_the_same_events(case):
    whole = converse([case.raw])
    bytewise = converse([case.raw[at : at + 1] for at in range(len(case.raw))])
    assert bytewise == whole


def test_names_are_names_of_one_case_each():
    names = [case.name for case in CASES + HALF_CLOSED]
    assert len(names) == len(set(names))


def test_the_table_speaks_of_the_default_limits():
    limits = Limits()
    told = (limits.head_bytes, limits.fields, limits.target_bytes, limits.body_bytes)
    assert told == (HEAD_BYTES, FIELDS, TARGET_BYTES, BODY_BYTES)


SMALL = Limits(head_bytes=120, fields=3, target_bytes=20, body_bytes=30, leading_lines=2)

PARTS = st.sampled_from(
    [
        b"GET", b"HEAD", b"POST", b" ", b"/", b"*", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"\r\n",
        b"\r\n\r\n", b"\n", b"\r",
        b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"HEAD /x HTTP/1.1\r\nHost: a\r\n", b"Host: a\r\n",
        b"Host: a\r\n\r\n",
        b"Content-Length: 4\r\n", b"Content-Length: 40\r\n", b"Transfer-Encoding: chunked\r\n\r\n",
        b"Expect: 100-continue\r\n",
        b"4\r\nabcd\r\n", b"0\r\n\r\n", b"0\r\nT: u\r\n\r\n", b"20\r\n", b"1;a=b\r\nx\r\n",
        b"Connection: close\r\n", b":", b"\0",
        b"Connection: keep-alive\r\n", b"x" * 25, b"A: b\r\n", b"abcd", b"\t", b"\xff",
    ]
)  # fmt: skip
MESSAGES = st.one_of(
    st.lists(PARTS, max_size=14).map(b"".join),
    st.lists(st.one_of(PARTS, st.binary(max_size=6)), max_size=10).map(b"".join),
    st.sampled_from([case.raw for case in CASES if len(case.raw) < 400]),
)


def cut(data, places):
    ends = sorted({place % (len(data) + 1) for place in places})
    return [
        data[start:stop] for start, stop in zip([0, *ends], [*ends, len(data)], strict=True) if stop > start
    ]


@given(MESSAGES, st.lists(st.integers(0, 10_000), max_size=12), st.booleans(), st.booleans())
def test_any_cut_of_the_bytes_gives_the_same_events(data, places, ended, small):
    limits = SMALL if small else None
    assert converse(cut(data, places), limits, ended) == converse([data], limits, ended)


@given(MESSAGES, st.booleans())
def test_one_byte_at_a_time_gives_the_same_events_of_anything(data, ended):
    bytewise = [data[at : at + 1] for at in range(len(data))]
    assert converse(bytewise, SMALL, ended) == converse([data], SMALL, ended)


@given(st.binary(max_size=300))
def test_any_bytes_give_events_or_one_refusal_and_no_exception(data):
    events, _, closed = converse([data], ended=True)
    assert closed
    refusals = [at for at, event in enumerate(events) if isinstance(event, Refusal)]
    assert refusals in ([], [len(events) - 1])
