"""Answers from memory of a real folder: the full path's bit for bit, and never of a file that has changed."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbmon.pictures import Folder, Pictures
from nbmon.serve.ledger import Ledger
from nbmon.serve.memo import Memo
from serve.memory import HEAD, LAST, LATER, OTHER, RANGE, by_full_path, known, old, replaced, ticked
from support.http_cases import CASES


@pytest.fixture
def folder(tmp_path):
    old(tmp_path / "a.jpg", b"\xff\xd8\xff" + bytes(range(256)) * 16)
    return tmp_path


VALUES = st.sampled_from([
    b"bytes=0-9", b"bytes=-5", b"bytes=0-1,5-9", b"bytes=9999-", b"close", b"keep-alive", b"*", b'"x"',
    b"Sun, 09 Sep 2001 01:46:40 GMT", b"Sun, 09 Sep 2000 01:46:40 GMT", b"0", b"100-continue", b"chunked",
])  # fmt: skip
FIELDS = st.sampled_from([
    b"Range", b"If-None-Match", b"If-Match", b"If-Modified-Since", b"If-Unmodified-Since", b"If-Range",
    b"Connection", b"Cookie", b"Accept", b"Content-Length", b"Expect", b"Transfer-Encoding", b"Host",
])  # fmt: skip
REQUESTS = st.builds(
    lambda method, target, version, fields: (
        b"%b %b HTTP/1.%d\r\nHost: x\r\n" % (method, target, version)
        + b"".join(b"%b: %b\r\n" % pair for pair in fields)
        + b"\r\n"
    ),
    st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"OPTIONS", b"PUT"]),
    st.sampled_from([b"/a.jpg", b"/a.jpg?q", b"/%61.jpg", b"/a.jpg/", b"/no.jpg", b"/", b"http://h/a.jpg"]),
    st.sampled_from([1, 1, 0]),
    st.lists(st.tuples(FIELDS, VALUES), max_size=3),
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    old(folder / "a.jpg", b"\xff\xd8\xff" + bytes(range(256)) * 16)
    with Folder(folder) as opened:
        yield Pictures(opened)


@settings(max_examples=150)
@given(data=st.one_of(REQUESTS, st.sampled_from(CASES).map(lambda case: case.raw)))
def test_an_answer_from_memory_is_the_full_path_s_bit_for_bit(pictures, data):
    memo = Memo(pictures, Ledger())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbmon.pictures.pictures.SETTLED_AFTER", -(10**18))
        ticked(memo)
        remembered = known(memo, data)
        ticked(memo, LATER)
        assert (memo.recall(data) is None) == (remembered is None)
    if remembered is not None:
        whole, closes, at_rest = by_full_path(pictures, data, LATER)
        assert (remembered.answer, remembered.closes) == (whole, closes)
        assert at_rest or closes


def test_the_usual_requests_are_remembered(pictures, settled):
    """Else the property above would say nothing."""
    for data in (HEAD, OTHER, LAST, RANGE, HEAD.replace(b"GET", b"HEAD"), HEAD.replace(b"1.1", b"1.0")):
        assert known(ticked(Memo(pictures, Ledger())), data) is not None


def _in_place(path):
    path.write_bytes(b"\xff\xd8\xffnew")


def _with_its_times_set_back(path):
    before = path.stat()
    path.write_bytes(b"\xff\xd8\xff" + b"n" * 4096)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _linked(path):
    old(path.with_name("other.jpg"), b"\xff\xd8\xffother")
    path.unlink()
    path.symlink_to("other.jpg")


def _removed(path):
    path.unlink()


def _a_folder_instead(path):
    path.unlink()
    path.mkdir()


@pytest.mark.usefixtures("settled")
def test_a_mapped_file_that_was_written_to_in_this_very_second_is_not_sent_under_its_old_head(folder):
    path = folder / "a.jpg"
    old(path, b"\xff\xd8\xff" + b"a" * 300_000)
    with Folder(folder) as opened:
        memo = ticked(Memo(Pictures(opened), Ledger()))
        assert known(memo, HEAD).mapped is not None
        assert memo.answer_to(HEAD, None) is not None
        with path.open("r+b") as file:
            file.write(b"\xff\xd8\xff" + b"b" * 300_000)
        assert memo.answer_to(HEAD, None) is None


@pytest.mark.parametrize(
    "change", [_in_place, replaced, _with_its_times_set_back, _linked, _removed, _a_folder_instead]
)
@pytest.mark.usefixtures("settled")
def test_a_changed_file_is_never_answered_from_memory(folder, change):
    with Folder(folder) as opened:
        app = Pictures(opened)
        memo = ticked(Memo(app, Ledger()))
        before = known(memo, HEAD).answer
        change(folder / "a.jpg")
        ticked(memo)
        after = known(memo, HEAD)
        now = by_full_path(app, HEAD)[0]
        assert now != before
        assert after is None or after.answer == now


def test_a_file_that_has_just_changed_is_not_remembered(folder):
    """Its times might stay the same if it changed again at once."""
    with Folder(folder) as opened:
        assert known(ticked(Memo(Pictures(opened), Ledger())), HEAD, 5) is None
