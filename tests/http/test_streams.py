"""Answers of unknown length: how their heads say so, and how they are cut into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import (
    LAST_CHUNK,
    Limits,
    Response,
    Session,
    State,
    body_length,
    framed,
    imf_date,
    is_stream,
)
from nbmon.http.body import Chunked, Progress

DATE = imf_date(0)
CHUNKED = b"\r\nTransfer-Encoding: chunked\r\n"
CLOSE = b"\r\nConnection: close\r\n"


class Made:
    """A stream of which only the length is of interest here."""

    def __init__(self, length):
        self.length = length


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_reader_of_chunks_finds_the_end_and_nothing_behind_it(pieces):
    wire = bytearray(b"".join(map(framed, pieces)) + LAST_CHUNK + b"GET")
    assert Chunked(Limits()).read(wire) is Progress.DONE
    assert wire == b"GET"


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_chunks_hold_what_was_put_in(pieces):
    wire, content = b"".join(map(framed, pieces)), b""
    while wire:
        size, _, wire = wire.partition(b"\r\n")
        length = int(size, 16)
        assert length  # 0 would be the last one
        content, end, wire = content + wire[:length], wire[length : length + 2], wire[length + 2 :]
        assert end == b"\r\n"
    assert content == b"".join(pieces)


def asked(request):
    session = Session()
    session.receive(request)
    session.next_event()
    return session


GET_1_1 = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
GET_1_1_CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\n\r\n"
GET_1_0_KEEP = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
REFUSED = b"GET / HTTP/1.1\r\n\r\n"


# request, chunked, whether the connection ends
UNKNOWN = [
    (GET_1_1, True, False),
    (GET_1_1_CLOSE, True, True),
    (GET_1_0, False, True),
    (GET_1_0_KEEP, False, True),
    (REFUSED, False, True),
]


@pytest.mark.parametrize(("request_", "chunked", "ends"), UNKNOWN)
def test_a_body_of_unknown_length_has_an_end_that_its_client_knows(request_, chunked, ends):
    session = asked(request_)
    head = session.respond(Response(200, [], Made(None)), DATE)
    assert (session.chunked, CHUNKED in head) == (chunked, chunked)
    assert (session.state is State.SENDING_LAST, CLOSE in head) == (ends, ends)
    assert b"Content-Length" not in head


@pytest.mark.parametrize("request_", [GET_1_1, GET_1_1_CLOSE, GET_1_0, GET_1_0_KEEP])
def test_a_stream_of_known_length_has_the_head_of_as_many_bytes(request_):
    heads = [asked(request_).respond(Response(200, [], body), DATE) for body in (Made(3), b"abc")]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("request_", [GET_1_1, GET_1_1_CLOSE, GET_1_0, GET_1_0_KEEP])
@pytest.mark.parametrize("length", [None, 5])
def test_head_says_what_get_says(request_, length):
    of_get, of_head = asked(request_), asked(request_.replace(b"GET", b"HEAD"))
    heads = [session.respond(Response(200, [], Made(length)), DATE) for session in (of_get, of_head)]
    assert heads[0] == heads[1]
    assert (of_get.body_wanted, of_head.body_wanted) == (True, False)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_is_not_in_chunks(status):
    session = asked(GET_1_1)
    head = session.respond(Response(status, [], Made(None)), DATE)
    assert (session.chunked, session.body_wanted, CHUNKED in head) == (False, False, False)
    assert session.state is State.SENDING


def test_chunks_are_of_one_answer_alone():
    session = asked(GET_1_1 * 2)
    session.respond(Response(200, [], Made(None)), DATE)
    session.sent()
    session.next_event()
    assert CHUNKED not in session.respond(Response(200, [], b""), DATE)
    assert not session.chunked


@pytest.mark.parametrize(
    ("body", "length", "stream"),
    [(b"abc", 3, False), ((b"a", b"bc"), 3, False), (Made(7), 7, True), (Made(None), None, True)],
)
def test_a_body_has_its_length_as_far_as_it_is_known(body, length, stream):
    assert (body_length(body), is_stream(body)) == (length, stream)
