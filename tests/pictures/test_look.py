"""`Folder.look` says of a name what opening it would have said, and `state_of` when that is to be trusted."""

import os

import pytest

from nbmon.http import Request
from nbmon.pictures import Folder, Pictures
from nbmon.pictures.beneath import NotHere, Unavailable

OLD = 1_000_000_000  # seconds since 1970
NAMES = [
    [b"a.jpg"], [b"in", b"b.jpg"], [b"in", b""], [b""], [], [b"link.jpg"], [b"out.jpg"],
    [b"in", b"link", b"b.jpg"], [b".hidden"], [b"in", b".hidden"], [b".."], [b"in", b"..", b"a.jpg"],
    [b"in/b.jpg"], [b"a\0"], [b"no.jpg"], [b"fifo"], [b"a.jpg", b"b"], [b"x" * 300],
]  # fmt: skip


@pytest.fixture(params=[False, True], ids=["openat2", "by hand"])
def folder(tmp_path, request):
    top = tmp_path / "top"
    (top / "in").mkdir(parents=True)
    for name in ("a.jpg", "in/b.jpg", ".hidden", "in/.hidden"):
        (top / name).write_bytes(name.encode())
        os.utime(top / name, (OLD, OLD))
    (tmp_path / "secret").write_bytes(b"no")
    (top / "link.jpg").symlink_to("in/b.jpg")
    (top / "in" / "link").symlink_to("../in")
    (top / "out.jpg").symlink_to("../secret")
    os.mkfifo(top / "fifo")
    with Folder(top, by_hand=request.param) as opened:
        yield opened


def told(ask, segments):
    try:
        return ask(segments)
    except (NotHere, Unavailable) as error:
        return type(error)


def opened(folder, segments):
    with folder.open(segments) as entry:
        return entry.status


@pytest.mark.parametrize("segments", NAMES, ids=repr)
def test_looking_tells_what_opening_does(folder, segments):
    looked, found = told(folder.look, segments), told(lambda names: opened(folder, names), segments)
    if segments in ([b"fifo"],):
        assert not isinstance(looked, os.stat_result) or not looked.st_size
    else:
        assert looked == found


def state(folder, path):
    return Pictures(folder).state_of(Request("GET", path, path))


def test_a_state_is_that_of_a_settled_file_and_of_nothing_else(folder, monkeypatch):
    assert state(folder, b"/a.jpg") is None  # its ctime is of this moment
    monkeypatch.setattr("nbmon.pictures.pictures.SETTLED_AFTER", 0)
    assert state(folder, b"/a.jpg") == state(folder, b"/%61.jpg") != state(folder, b"/link.jpg")
    assert state(folder, b"/link.jpg") == state(folder, b"/in/b.jpg")
    for path in (b"/", b"/in", b"/no.jpg", b"/%zz", b"/.hidden", b"/out.jpg", b"/fifo", b"*"):
        assert state(folder, path) is None


def test_a_file_of_the_future_has_no_state_to_be_trusted(folder):
    path = f"{folder.path}/a.jpg"
    os.utime(path, (2**33, 2**33))
    assert state(folder, b"/a.jpg") is None
