"""What Go's net/http asks of its file server (ranges, conditions, names), as tables of our own: a folder of
pictures over real sockets, in every model.

Differences are meant: Go answers 200 where a range is asked of an empty file, here it is 416 (RFC 9110
section 15.5.17); Go redirects `file/` to `file` and cleans dot segments, here neither is found: a client
removes dot segments itself (RFC 3986 section 5.2.4), and no name that begins with a dot is ever looked up.
"""

import os
import re

import pytest

from nbmon.pictures import Folder, Pictures
from serve.talk import SERVERS, Client, serving

CONTENT = b"0123456789\n"
LENGTH = len(CONTENT)
CHANGED = 1_700_000_000  # seconds since 1970
DATE, EARLIER, LATER = (
    f"Tue, 14 Nov 2023 22:{minute}:20 GMT" for minute in (13, 12, 14)
)  # the first is CHANGED
WHOLE, OUTSIDE = 200, 416


@pytest.fixture(scope="module", params=SERVERS)
def address(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "sub").mkdir()
    for name, content in (
        ("file.jpg", CONTENT),
        ("empty.jpg", b""),
        ("a<b>&c.jpg", CONTENT),
        ("z?y#x%.jpg", b"z"),
    ):
        (folder / name).write_bytes(content)
        os.utime(folder / name, (CHANGED, CHANGED))
    os.utime(folder, (CHANGED, CHANGED))
    (folder.parent / "outside.jpg").write_bytes(b"outside")
    with serving(request.param, Pictures(Folder(folder))) as server:
        yield server.address


@pytest.fixture
def ask(address):
    """One request on a connection of its own: status, fields, all that came behind the head."""

    def asked(target, *fields, method="GET"):
        with Client(address) as client:
            client.get(target, *fields, "Connection: close", method=method)
            return *client.head(), client.rest()

    return asked


def validators(ask):
    return ask("/file.jpg", method="HEAD")[1]


RANGES = {
    "0-4": [(0, 5)],
    "2-": [(2, LENGTH)],
    "-5": [(LENGTH - 5, LENGTH)],
    "3-7": [(3, 8)],
    "0-0,-2": [(0, 1), (LENGTH - 2, LENGTH)],
    "0-1,5-8": [(0, 2), (5, 9)],
    "0-1,5-": [(0, 2), (5, LENGTH)],
    "5-1000": [(5, LENGTH)],
    "0-,1-,2-,3-,4-": [(0, LENGTH)],  # Go: the whole; here the overlapping ones are one
    "0-9": [(0, LENGTH - 1)],
    "0-10": [(0, LENGTH)],
    "0-11": [(0, LENGTH)],
    "10-11": [(LENGTH - 1, LENGTH)],
    "10-": [(LENGTH - 1, LENGTH)],
    "-0": OUTSIDE,
    "-1000": [(0, LENGTH)],
    **dict.fromkeys(("11-", "11-12", "12-12", "11-100", "12-100", "100-", "100-1000"), OUTSIDE),
    **dict.fromkeys(("", "-", "foo", "4-2", "a-4", "0-b", "0-4-5", "0--4", "+0-4", "0-1;5-8"), WHOLE),
}


@pytest.mark.parametrize(("asked", "expected"), RANGES.items())
def test_a_range_gets_its_bytes(ask, asked, expected):
    status, fields, body = ask("/file.jpg", f"Range: bytes={asked}")
    assert int(fields["content-length"]) == len(body)
    if expected == OUTSIDE:
        assert (status, fields["content-range"]) == (416, f"bytes */{LENGTH}")
    elif expected == WHOLE:
        assert (status, body) == (200, CONTENT)
        assert "content-range" not in fields
    else:
        assert status == 206
        assert parts(fields, body) == [(f"bytes {a}-{b - 1}/{LENGTH}", CONTENT[a:b]) for a, b in expected]


def parts(fields, body):
    """What each part says it is, and its bytes."""
    if "content-range" in fields:
        return [(fields["content-range"], body)]
    boundary = fields["content-type"].partition("multipart/byteranges; boundary=")[2].encode()
    assert boundary
    first, *found, last = body.split(b"\r\n--" + boundary)
    assert (first, last) == (b"", b"--\r\n")
    return [part(piece) for piece in found]


def part(piece):
    head, _, content = piece.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: image/jpeg" in head
    return re.search(rb"\r\nContent-Range: ([^\r]*)", head)[1].decode(), content


@pytest.mark.parametrize("asked", ["0-4", "0-1,5-8", "11-"])
def test_a_range_means_nothing_to_head(ask, asked):
    status, fields, body = ask("/file.jpg", f"Range: bytes={asked}", method="HEAD")
    assert (status, fields["content-length"], body) == (200, str(LENGTH), b"")


@pytest.mark.parametrize("asked", ["0-", "0-0", "5-10"])
def test_a_range_of_nothing_lies_outside(ask, asked):
    status, fields, _ = ask("/empty.jpg", f"Range: bytes={asked}")
    assert (status, fields["content-range"]) == (416, "bytes */0")


def test_an_empty_file_is_sent(ask):
    status, fields, body = ask("/empty.jpg")
    assert (status, fields["content-length"], body) == (200, "0", b"")


# TAG stands for the file's entity tag
CONDITIONS = [
    (("If-None-Match: TAG",), 304),
    (("If-None-Match: W/TAG",), 304),  # the comparison is weak
    (('If-None-Match: "other", TAG',), 304),
    (("If-None-Match: *",), 304),
    (('If-None-Match: "other"',), 200),
    (("If-None-Match: TAG", f"If-Modified-Since: {EARLIER}"), 304),
    (('If-None-Match: "other"', f"If-Modified-Since: {LATER}"), 200),  # the tag decides
    (("If-Match: TAG",), 200),
    (('If-Match: "other", TAG',), 200),
    (("If-Match: *",), 200),
    (('If-Match: "other"',), 412),
    (("If-Match: W/TAG",), 412),  # the comparison is strong
    (('If-Match: "other"', "Range: bytes=0-4"), 412),
    (("If-Match: TAG", f"If-Unmodified-Since: {EARLIER}"), 200),  # the tag decides
    (("If-Match: TAG", "If-None-Match: TAG"), 304),
    ((f"If-Modified-Since: {DATE}",), 304),
    ((f"If-Modified-Since: {LATER}",), 304),
    ((f"If-Modified-Since: {EARLIER}",), 200),
    (("If-Modified-Since: yesterday",), 200),
    ((f"If-Unmodified-Since: {DATE}",), 200),
    ((f"If-Unmodified-Since: {LATER}",), 200),
    ((f"If-Unmodified-Since: {EARLIER}",), 412),
    (("If-Unmodified-Since: yesterday",), 200),
    (("Range: bytes=0-4", "If-Range: TAG"), 206),
    (("Range: bytes=0-4", "If-Range: W/TAG"), 200),
    (("Range: bytes=0-4", 'If-Range: "other"'), 200),
    (("Range: bytes=0-4", f"If-Range: {DATE}"), 206),
    (("Range: bytes=0-4", f"If-Range: {EARLIER}"), 200),
    (("Range: bytes=0-4", f"If-Range: {LATER}"), 200),  # a date must be the very one
    (("Range: bytes=100-", "If-Range: TAG"), 416),
    (("Range: bytes=100-", 'If-Range: "other"'), 200),
    (("If-Range: TAG",), 200),
    (("Range: bytes=0-4", "If-None-Match: TAG"), 304),
    (("Range: bytes=0-4", f"If-Unmodified-Since: {EARLIER}"), 412),
]


@pytest.mark.parametrize(("fields", "expected"), CONDITIONS, ids=lambda value: str(value))
def test_a_condition_decides(ask, fields, expected):
    tag = validators(ask)["etag"]
    status, got, body = ask("/file.jpg", *(field.replace("TAG", tag) for field in fields))
    assert status == expected
    assert body == {200: CONTENT, 206: CONTENT[:5], 304: b""}.get(status, body)
    if status == 304:
        assert got["etag"] == tag
        assert "content-type" not in got


def test_the_file_says_what_it_is(ask):
    fields = validators(ask)
    assert (fields["last-modified"], fields["content-type"]) == (DATE, "image/jpeg")
    assert (fields["content-length"], fields["accept-ranges"]) == (str(LENGTH), "bytes")
    assert re.fullmatch('"[^"]+"', fields["etag"])


NAMES = [
    ("/file.jpg", 200),
    ("/./file.jpg", 404),
    ("/sub/../file.jpg", 404),
    ("/%66ile.jpg", 200),
    ("/file.jpg?../x", 200),
    ("/z%3Fy%23x%25.jpg", 200),
    ("/sub/", 200),
    ("/sub", 308),
    ("/file.jpg/", 404),
    ("/none.jpg", 404),
    ("/file.jpg/none.jpg", 404),
]
OUT = [
    "/../outside.jpg",
    "/sub/../../outside.jpg",
    "/..%2Foutside.jpg",
    "/%2e%2e/outside.jpg",
    "/%2e%2e%2foutside.jpg",
    "/..%5Coutside.jpg",
    "/..\\outside.jpg",
    "//outside.jpg",
    "/sub/..%00/outside.jpg",
    "/file.jpg%00",
    "/%zz",
    "/%",
    "/%ff",
    "/" + "a" * 300 + ".jpg",
    "/" + "a/" * 2000,
]


@pytest.mark.parametrize(("target", "expected"), NAMES)
def test_a_name_is_looked_up(ask, target, expected):
    assert ask(target)[0] == expected


@pytest.mark.parametrize("target", OUT, ids=lambda target: target[:30])
def test_no_name_leads_out_of_the_folder_or_to_an_error(ask, target):
    status, _, body = ask(target)
    assert status in (400, 404)
    assert body != b"outside"


def test_a_folder_without_its_slash_is_sent_to_it(ask):
    assert ask("/sub")[1]["location"] == "./sub/"


def test_a_folders_page_escapes_names(ask):
    status, fields, body = ask("/")
    assert (status, fields["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<b>&c" not in body
    assert b"a&lt;b&gt;&amp;c" in body
    assert b'"./z%3Fy%23x%25.jpg' in body


def test_a_folders_page_is_not_sent_again_if_it_is_unchanged(ask):
    _, fields, _ = ask("/")
    assert ask("/", f"If-None-Match: {fields['etag']}")[0] == 304


@pytest.mark.parametrize(
    ("method", "expected"), [("POST", 405), ("PUT", 405), ("DELETE", 405), ("BREW", 501)]
)
def test_only_reading_is_allowed(ask, method, expected):
    status, fields, _ = ask("/file.jpg", method=method)
    assert status == expected
    assert status != 405 or fields["allow"] == "GET, HEAD, OPTIONS"
