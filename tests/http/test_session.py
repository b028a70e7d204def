"""What a driver may rely on, beside the case table."""

import sys

import pytest

from nbmon.http import (
    CLOSED,
    DEFAULT_LIMITS,
    NEED_DATA,
    PAUSED,
    FileSlice,
    Limits,
    MisuseError,
    Refusal,
    Request,
    Response,
    Session,
    State,
    imf_date,
    refusal_response,
)

DATE = imf_date(784111777)
GET = b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-One: 1 \r\nx-one:\t2\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


def asked(data=GET, limits=DEFAULT_LIMITS):
    session = Session(limits)
    session.receive(data)
    return session, session.next_event()


def test_a_request_says_what_came():
    _, request = asked()
    assert request == Request(
        "GET", b"/a?b=c", b"/a", b"b=c", (1, 1), ((b"host", b"h"), (b"x-one", b"1"), (b"x-one", b"2")), True
    )
    assert request.field(b"x-one") == b"1, 2"
    assert request.field(b"x-on") is None
    assert request.field(b"one") is None


def test_a_request_made_of_fields_answers_as_one_that_was_parsed():
    _, parsed = asked()
    made = Request(
        method="GET",
        target=b"/a?b=c",
        path=b"/a",
        query=b"b=c",
        version=(1, 1),
        fields=parsed.fields,
        keep_alive=True,
    )
    assert (made, hash(made), repr(made)) == (parsed, hash(parsed), repr(parsed))
    for name in (b"host", b"x-one", b"x-two", b"x"):
        assert made.field(name) == parsed.field(name)
        assert made.mentions(name) == parsed.mentions(name)
    assert made != "GET"


def test_an_empty_query_is_not_no_query():
    assert asked(b"GET /? HTTP/1.1\r\nHost: h\r\n\r\n")[1].query == b""
    assert asked(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")[1].query is None


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://h/x/y?q", b"/x/y", b"q"),
        (b"http://h", b"/", None),
        (b"http://h?q?r", b"/", b"q?r"),
        (b"//x/y", b"//x/y", None),
        (b"/%2e%2E/", b"/%2e%2E/", None),
    ],
)
def test_the_path_is_raw_whatever_the_targets_form(target, path, query):
    _, request = asked(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (request.target, request.path, request.query) == (target, path, query)


def test_options_for_a_whole_server_is_the_same_in_absolute_form():
    assert asked(b"OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n")[1].path == b"*"


def test_the_head_has_date_length_and_nothing_of_connection_in_1_1():
    session, _ = asked()
    head = session.respond(Response(200, [(b"X", b"y")], b"12345"), DATE)
    assert head == b"HTTP/1.1 200 OK\r\nDate: " + DATE + b"\r\nX: y\r\nContent-Length: 5\r\n\r\n"
    assert session.body_wanted


def test_a_1_0_client_that_stays_is_told_so():
    session, _ = asked(OLD)
    assert b"\r\nConnection: keep-alive\r\n" in session.respond(Response(200), DATE)


def test_the_length_of_a_slice_and_of_parts_is_theirs():
    session, _ = asked()
    assert b"Content-Length: 7\r\n" in session.respond(Response(200, [], FileSlice(None, 3, 7)), DATE)
    session, _ = asked()
    parts = (b"ab", FileSlice(None, 3, 7), b"c")
    assert b"Content-Length: 10\r\n" in session.respond(Response(206, [], parts), DATE)


def test_head_gives_gets_head_and_wants_no_body():
    get, _ = asked()
    head, _ = asked(b"HEAD" + GET[3:])
    response = Response(200, [(b"X", b"y")], b"12345")
    assert head.respond(response, DATE) == get.respond(response, DATE)
    assert (get.body_wanted, head.body_wanted) == (True, False)


def test_a_refused_head_wants_no_body_either():
    session, refusal = asked(b"HEAD / HTTP/1.1\r\n\r\n")
    assert refusal.status == 400
    assert b"Content-Length: " in session.respond(refusal_response(refusal), DATE)
    assert not session.body_wanted


def test_a_get_after_a_head_has_its_body_again():
    session, _ = asked(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT")
    session.respond(Response(200), DATE)
    session.sent()
    assert session.next_event() is NEED_DATA
    refusal = session.time_out()
    session.respond(refusal_response(refusal), DATE)
    assert session.body_wanted


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_content_has_no_length_and_no_body(status):
    session, _ = asked()
    assert b"Content-Length" not in session.respond(Response(status), DATE)
    assert not session.body_wanted


def test_an_answerer_may_close():
    session, _ = asked()
    assert b"\r\nConnection: close\r\n" in session.respond(Response(200), DATE, close=True)
    session.sent()
    assert session.next_event() is CLOSED


def test_nothing_is_read_on_while_an_answer_is_owed_or_under_way():
    session, _ = asked(GET * 2)
    assert session.next_event() is PAUSED
    session.respond(Response(200), DATE)
    assert session.next_event() is PAUSED
    session.sent()
    assert isinstance(session.next_event(), Request)


def test_read_ahead_is_bounded():
    session, _ = asked(limits=Limits(head_bytes=1000, read_ahead_bytes=1000))
    session.receive(GET * 30)
    with pytest.raises(MisuseError, match="PAUSED"):
        session.receive(GET)


def test_what_comes_after_the_last_request_takes_no_memory():
    session, request = asked(GET[:-2] + b"Connection: close\r\n\r\n")
    assert not request.keep_alive
    for _ in range(100):
        session.receive(b"x" * 100_000)
    assert len(session._buffer) == 0
    session.respond(Response(200), DATE)
    session.receive(b"x" * 100_000)
    session.sent()
    session.receive(b"x" * 100_000)
    session.receive(b"")
    assert session.next_event() is CLOSED
    assert len(session._buffer) == 0


def test_an_idle_session_is_small():
    session, _ = asked(b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    session.respond(Response(200), DATE)
    session.sent()
    assert session.next_event() is NEED_DATA
    assert session.idle
    assert sys.getsizeof(session) + sys.getsizeof(session._buffer) < 512


def test_a_client_that_waits_between_requests_is_closed_without_a_word():
    session = Session()
    assert session.next_event() is NEED_DATA
    assert session.time_out() is CLOSED
    assert session.next_event() is CLOSED
    assert session.time_out() is CLOSED


@pytest.mark.parametrize(
    "begun",
    [b"G", b"GET / HTTP/1.1\r\nH", GET[:-2] + b"Content-Length: 5\r\n\r\nabc"],
    ids=["line", "fields", "content"],
)
def test_a_client_too_slow_within_a_request_is_told(begun):
    session, event = asked(begun)
    assert event is NEED_DATA
    refusal = session.time_out()
    assert refusal.status == 408
    assert b"HTTP/1.1 408 Request Timeout\r\n" in session.respond(refusal_response(refusal), DATE)
    session.sent()
    assert session.next_event() is CLOSED


def test_a_client_that_leaves_half_a_line_end_has_begun_nothing():
    session, event = asked(b"\r")
    assert event is NEED_DATA
    assert session.time_out() is CLOSED


@pytest.mark.parametrize(
    ("start", "size", "status"),
    [(b"GET / HTTP/1.1\r\nX: ", 200, 431), (b"GET /", 50 + 64, 414)],
    ids=["head", "request line"],
)
def test_what_can_no_longer_end_within_its_limit_is_refused_at_once(start, size, status):
    session, event = asked(start.ljust(size - 1, b"x"), Limits(head_bytes=200, target_bytes=50))
    assert event is NEED_DATA
    session.receive(b"x")
    assert session.next_event().status == status


def test_a_lost_connection_is_closed_in_every_state():
    for state in State:
        session = Session()
        session.state = state
        session.lose()
        assert session.next_event() is CLOSED


def test_bytes_after_the_end_are_the_callers_error():
    session = Session()
    session.receive(b"")
    with pytest.raises(MisuseError, match="after the end"):
        session.receive(b"x")


def test_answering_nothing_and_answering_twice_are_the_callers_error():
    with pytest.raises(MisuseError, match="ANSWERED cannot happen"):
        Session().respond(Response(200), DATE)
    session, _ = asked()
    session.respond(Response(200), DATE)
    with pytest.raises(MisuseError, match="ANSWERED cannot happen"):
        session.respond(Response(200), DATE)


def test_a_refusal_is_no_request_of_the_sessions():
    session, refusal = asked(b"G@T / HTTP/1.1\r\n\r\n")
    assert isinstance(refusal, Refusal)
    assert session.request is None


@pytest.mark.parametrize("name", ["head_bytes", "fields", "target_bytes", "read_ahead_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "many"])
def test_a_senseless_limit_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value!r}; it must be a whole number of at least 1"):
        Limits(**{name: value})


def steps_of(data):
    """How often the interpreter goes to another line while `data` comes one byte at a time."""
    session, steps = Session(Limits(head_bytes=1 << 20, target_bytes=1 << 19, fields=1 << 16)), 0

    def count(frame, event, arg):
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        for at in range(len(data)):
            session.receive(data[at : at + 1])
            session.next_event()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize("part", [b"x", b"X: y\r\n", b"X:y\n"], ids=["target", "fields", "no line ends"])
def test_one_byte_at_a_time_takes_as_many_steps_a_byte_in_a_long_head(part):
    start = b"GET /" if part == b"x" else b"GET / HTTP/1.1\r\n"
    short, long = (steps_of(start + part * (size // len(part))) for size in (1_000, 4_000))
    assert long < short * 4.5


def test_the_scan_for_a_heads_end_goes_on_where_it_stopped():
    session = Session()
    session.receive(b"GET / HTTP/1.1\r\n")
    session.next_event()
    for size in range(50):
        session.receive(b"X: y\r\n")
        assert session.next_event() is NEED_DATA
        assert len(session._buffer) - session._scanned <= 2, size
