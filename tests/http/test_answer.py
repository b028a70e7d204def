"""Answers for a static resource: which status, which fields, which bytes."""

import io
import re
from email.message import Message
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.http import (
    FileSlice,
    Representation,
    Request,
    Session,
    answer,
    error_response,
    imf_date,
    method_refusal,
)
from nbmon.http.answer import KNOWN_METHODS, SMALL_ANSWER
from nbmon.http.messages import body_length

CONTENT = bytes(range(256)) * 8
EXTRA = (
    (b"Cache-Control", b"no-cache"),
    (b"Vary", b"Accept"),
    (b"Content-Location", b"/x"),
    (b"Content-Disposition", b"inline"),
)


def representation(content=CONTENT, **given):
    return Representation(len(content), b"image/png", b'"tag"', 784111777, EXTRA, **given)


def asked(method="GET", content=CONTENT, **fields):
    lines = tuple((name.replace("_", "-").encode(), value) for name, value in fields.items())
    return answer(Request(method, b"/", b"/", fields=lines), representation(content), lambda: content)


def names(response):
    return [name for name, _ in response.fields]


def sent(body):
    return body if isinstance(body, bytes) else b"".join(body)


def parts_of(response):
    """The parts of a multipart answer as the standard library's parser sees them."""
    head = b"Content-Type: " + response.field(b"content-type") + b"\r\n\r\n"
    message = BytesParser(Message).parsebytes(head + sent(response.body))
    assert not message.defects
    return [(part["Content-Type"], part["Content-Range"]) for part in message.get_payload()]


def test_the_whole_has_its_fields():
    response = asked()
    assert (response.status, response.body) == (200, CONTENT)
    assert response.fields == [
        (b"Content-Type", b"image/png"),
        (b"Last-Modified", b"Sun, 06 Nov 1994 08:49:37 GMT"),
        (b"ETag", b'"tag"'),
        (b"Accept-Ranges", b"bytes"),
        *EXTRA,
    ]


def test_not_modified_has_what_guides_caches_and_nothing_that_describes_content():
    response = asked(if_none_match=b'"tag"')
    assert (response.status, response.body) == (304, b"")
    assert names(response) == [b"ETag", b"Cache-Control", b"Vary", b"Content-Location"]


def test_a_failed_precondition_says_so():
    response = asked(if_match=b'"old"')
    assert response.status == 412
    assert b"image/png" not in [value for _, value in response.fields]


def test_one_range_is_a_part():
    response = asked(range=b"bytes=1-3")
    assert (response.status, response.body) == (206, CONTENT[1:4])
    assert response.field(b"content-range") == b"bytes 1-3/2048"
    assert response.field(b"content-type") == b"image/png"
    assert response.field(b"etag") == b'"tag"'


def test_ranges_that_make_one_are_one_part():
    assert asked(range=b"bytes=1-3,2-5").field(b"content-range") == b"bytes 1-5/2048"


def test_no_range_within_is_told_the_length():
    response = asked(range=b"bytes=2048-")
    assert (response.status, response.field(b"content-range")) == (416, b"bytes */2048")


def test_a_malformed_range_is_the_whole():
    assert asked(range=b"bytes=x").status == 200


def test_two_range_lines_are_one_list():
    lines = ((b"range", b"bytes=0-0"), (b"range", b"5-5"))
    response = answer(Request("GET", b"/", b"/", fields=lines), representation(), lambda: CONTENT)
    assert [content_range for _, content_range in parts_of(response)] == ["bytes 0-0/2048", "bytes 5-5/2048"]


@pytest.mark.parametrize(
    ("validator", "status"),
    [(b'"tag"', 206), (b'"old"', 200), (b"Sun, 06 Nov 1994 08:49:37 GMT", 206), (b"x", 200)],
)
def test_if_range_decides_between_part_and_whole(validator, status):
    assert asked(range=b"bytes=0-0", if_range=validator).status == status
    assert asked(range=b"bytes=9999-", if_range=validator).status == (416 if status == 206 else 200)


def test_if_range_without_a_range_says_nothing():
    assert asked(if_range=b'"old"').status == 200


def test_conditions_come_before_ranges():
    assert asked(range=b"bytes=0-0", if_none_match=b'"tag"').status == 304
    assert asked(range=b"bytes=9999-", if_match=b'"old"').status == 412


def test_several_ranges_are_parts_with_their_own_heads():
    response = asked(range=b"bytes=0-0,-2")
    assert response.status == 206
    assert response.field(b"content-range") is None
    assert parts_of(response) == [("image/png", "bytes 0-0/2048"), ("image/png", "bytes 2046-2047/2048")]
    boundary = response.field(b"content-type").partition(b"boundary=")[2]
    assert sent(response.body).split(b"--" + boundary)[2].endswith(b"\r\n\r\n\xfe\xff\r\n")


def test_the_boundary_is_the_same_for_the_same_and_another_for_another_key():
    def boundary(key, field=b"bytes=0-0,-2"):
        request = Request("GET", b"/", b"/", fields=((b"range", field),))
        return answer(request, representation(), lambda: CONTENT, key).field(b"content-type")

    assert boundary(b"k") == boundary(b"k")
    assert len({boundary(b"k"), boundary(b"l"), boundary(b"k", b"bytes=0-0,-3")}) == 3


def test_many_small_ranges_whose_heads_outweigh_the_file_are_answered_with_all_of_it():
    field = b"bytes=" + b",".join(b"%d-%d" % (at, at) for at in range(0, 100, 2))
    assert asked(content=bytes(1000), range=field).status == 200
    assert asked(content=bytes(100_000), range=field).status == 206


@given(
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 50)), min_size=1, max_size=90),
)
def test_no_answer_is_larger_than_twice_the_file(length, starts):
    content = bytes(length)
    field = b"bytes=" + b",".join(b"%d-%d" % (start, start + more) for start, more in starts)
    response = asked(content=content, range=field)
    if response.status != 416:
        assert body_length(response.body) <= max(2 * length, SMALL_ANSWER)


@given(
    st.binary(min_size=1, max_size=3000),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), min_size=1, max_size=6),
)
def test_parts_hold_the_bytes_that_their_heads_name(content, starts):
    field = b"bytes=" + b",".join(b"%d-%d" % (start, start + more) for start, more in starts)
    response = asked(content=content, range=field)
    if response.status == 206 and not isinstance(response.body, bytes):
        for head, piece in zip(response.body[:-1:2], response.body[1::2], strict=True):
            first, last, length = map(int, re.search(rb"bytes (\d+)-(\d+)/(\d+)", head).groups())
            assert (piece, length) == (content[first : last + 1], len(content))
    elif response.status == 206:
        first, last = map(int, re.match(rb"bytes (\d+)-(\d+)/", response.field(b"content-range")).groups())
        assert response.body == content[first : last + 1]


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "if_match": st.sampled_from([b'"tag"', b'"old"']),
        "if_none_match": st.sampled_from([b'"tag"', b'"old"', b"*"]),
        "if_range": st.sampled_from([b'"tag"', b'"old"']),
        "if_modified_since": st.just(imf_date(784111777)),
    },
)


@given(FIELDS)
def test_heads_head_is_gets_whatever_the_conditions(fields):
    lines = b"".join(
        b"%b: %b\r\n" % (name.replace("_", "-").encode(), value) for name, value in fields.items()
    )
    heads = []
    for method in (b"GET", b"HEAD"):
        session = Session()
        session.receive(method + b" / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        response = answer(session.next_event(), representation(), lambda: CONTENT)
        heads.append(session.respond(response, imf_date(0)))
    assert heads[0] == heads[1]
    assert not session.body_wanted


@pytest.mark.parametrize("asked_for", [b"bytes=0-0", b"bytes=0-0,-2", b"bytes=9999-", b"x"])
def test_a_range_means_nothing_to_head(asked_for):
    response = asked("HEAD", range=asked_for, if_range=b'"tag"')
    assert (response.status, response.fields) == (200, asked().fields)
    assert body_length(response.body) == len(CONTENT)


def test_a_file_is_opened_once_for_all_parts_and_sliced():
    opened = []

    def open_body():
        opened.append(io.BytesIO(CONTENT))
        return opened[-1]

    request = Request("GET", b"/", b"/", fields=((b"range", b"bytes=0-0,5-6"),))
    slices = [
        part for part in answer(request, representation(), open_body).body if isinstance(part, FileSlice)
    ]
    assert slices == [FileSlice(opened[0], 0, 1), FileSlice(opened[0], 5, 2)]
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("HEAD", ()),
        ("POST", ()),
        ("OPTIONS", ()),
        ("GET", ((b"if-none-match", b"*"),)),
        ("GET", ((b"range", b"bytes=9999-"),)),
    ],
)
def test_nothing_is_opened_where_no_content_is_sent(method, fields):
    request = Request(method, b"/", b"/", fields=fields)
    answer(request, representation(), lambda: pytest.fail("opened"))


def test_get_and_head_are_not_refused():
    assert method_refusal("GET") is None
    assert method_refusal("HEAD") is None


def test_options_says_what_may_be_asked():
    response = method_refusal("OPTIONS")
    assert (response.status, response.field(b"allow"), response.body) == (200, b"GET, HEAD, OPTIONS", b"")


@pytest.mark.parametrize("method", sorted(KNOWN_METHODS))
def test_a_known_method_is_not_allowed_and_told_what_is(method):
    response = method_refusal(method)
    assert (response.status, response.field(b"allow")) == (405, b"GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["BREW", "get", "X"])
def test_an_unknown_method_is_not_implemented(method):
    assert method_refusal(method).status == 501


def test_a_page_is_whole_escaped_and_says_nothing_more():
    response = error_response(404, "<b>&\"'\udc80")
    page = response.body.decode("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "<p>&lt;b&gt;&amp;&quot;&#39;?</p>" in page
    assert "<h1>404 Not Found</h1>" in page
    assert response.field(b"content-type") == b"text/html; charset=utf-8"
    assert response.field(b"x-content-type-options") == b"nosniff"
    assert response.field(b"allow") is None
