"""The pid file, its lock, and everything that may lie in its place."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.daemon.errors import DaemonError, PidFileError
from nbmon.daemon.holder import CONTENT_LIMIT, PID_LIMIT, number
from nbmon.daemon.pidfile import PidFile
from support.pidfiles import as_nobody, dead_pid, holding, needs_root, open_folder, run, stranger
from support.proc import Process

# --- what nobody holds is stale, whatever it says -------------------------------------------------


@pytest.mark.parametrize(
    ("text", "leftover"),
    [
        (b"", False),
        (b"\n", False),
        (b"garbage\n", False),
        (b"\0" * 100, False),
        (b"\xff\xfe", False),
        (b"0\n", False),
        (b"-1\n", False),
        (b"1.5\n", False),
        (b"%d\n" % (PID_LIMIT + 1), False),
        (b"9" * 100, False),
        (b"12 13\n", False),
        (b"%d\n" % PID_LIMIT, True),
        (b"1\n", True),
        (b" 1234 \n\n", True),
        (b"x" * CONTENT_LIMIT, False),
    ],
)
def test_a_file_that_nobody_holds_is_replaced_whatever_it_says(
    tmp_path: Path, text: bytes, leftover: bool
) -> None:
    path = tmp_path / "d.pid"
    path.write_bytes(text)
    pidfile = PidFile(path)
    assert pidfile.holder() is None
    assert pidfile.leftover() is leftover
    assert path.read_bytes() == text, "asking changes nothing"
    with pidfile:
        assert path.read_bytes() == b"%d\n" % os.getpid()
        assert pidfile.holder() == os.getpid()
        assert not pidfile.leftover()
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_strangers_living_pid_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with stranger() as other:
        path.write_text(f"{other.pid}\n")
        assert PidFile(path).holder() is None
        assert PidFile(path).leftover()
        with PidFile(path):
            assert path.read_text() == f"{os.getpid()}\n"
        assert Process(other.pid).alive


def test_a_file_with_a_dead_pid_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    path.write_text(f"{dead_pid()}\n")
    assert PidFile(path).leftover()
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_file_too_long_for_a_pid_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(b"It was a dark and stormy night. " * 100_000)
    size = path.stat().st_size
    assert PidFile(path).holder() is None
    with pytest.raises(PidFileError, match=r"holds something that is no pid.*left alone"):
        PidFile(path).acquire()
    PidFile(path).sweep()
    assert path.stat().st_size == size
    assert list(tmp_path.iterdir()) == [path]


@given(st.binary(max_size=300))
def test_a_number_is_a_pid_of_the_kernels_range_or_none(text: bytes) -> None:
    pid = number(text)
    assert pid is None or (1 <= pid <= PID_LIMIT and int(text) == pid)


@given(st.integers(1, PID_LIMIT))
def test_every_pid_that_can_be_written_can_be_read(pid: int) -> None:
    assert number(b"%d\n" % pid) == pid


# --- what is no file is refused, at once and in words ---------------------------------------------


def _folder(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))


def _link(path: Path) -> None:
    path.with_name("target").write_text("1\n")
    path.symlink_to("target")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_folder, "is a folder"),
        (_fifo, "is a fifo"),
        (_socket, "is a socket"),
        (_link, "is a symbolic link"),
        (_dangling, "is a symbolic link"),
        (_loop, "is a symbolic link"),
    ],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make, words: str) -> None:
    path = tmp_path / "d"
    make(path)
    before = sorted(tmp_path.iterdir())
    for act in (PidFile(path).acquire, PidFile(path).holder, PidFile(path).leftover):
        with pytest.raises(PidFileError, match=words):
            act()
    PidFile(path).sweep()
    assert sorted(tmp_path.iterdir()) == before


def test_a_device_is_refused() -> None:
    with pytest.raises(PidFileError, match="/dev/null is a device"):
        PidFile("/dev/null").acquire()


def test_a_link_to_a_folder_on_the_way_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to("real")
    with PidFile(tmp_path / "run" / "d.pid"):
        assert (tmp_path / "real" / "d.pid").exists()


# --- places where no file can be ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/d.pid", r"folder .*/missing does not exist; create it"),
        ("file/d.pid", r"/file is not a folder"),
        ("n" * 256, "name is too long"),
        ("d/" * 2100 + "d.pid", "name is too long"),
    ],
)
def test_a_place_that_cannot_be_is_told_in_words(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PidFileError, match=words):
        PidFile(tmp_path / name).acquire()


def test_nobody_runs_where_the_folder_is_missing(tmp_path: Path) -> None:
    assert PidFile(tmp_path / "missing" / "d.pid").holder() is None
    assert not PidFile(tmp_path / "missing" / "d.pid").leftover()


@pytest.mark.parametrize("path", ["", "a\0b", b"a\0b"])
def test_what_names_nothing_is_refused(path: str | bytes) -> None:
    with pytest.raises(PidFileError, match="cannot name a pid file"):
        PidFile(path)


def test_the_longest_name_works(tmp_path: Path) -> None:
    path = tmp_path / ("字" * 85)  # 255 bytes
    with PidFile(path):
        assert path.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_resolved_where_the_user_stood(tmp_path: Path) -> None:
    script = """
import os, sys
from nbmon.daemon.pidfile import PidFile
os.chdir(sys.argv[1])
pidfile = PidFile("d.pid")
os.chdir("/")
with pidfile:
    print(pidfile.path, os.path.exists(os.path.join(sys.argv[1], "d.pid")))
"""
    assert run(script, tmp_path) == f"{tmp_path}/d.pid True"


def test_a_relative_path_in_a_removed_folder_is_told_in_words(tmp_path: Path) -> None:
    script = """
import os, sys
from nbmon.daemon.pidfile import DaemonError, PidFile
os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])
try:
    PidFile("d.pid")
except DaemonError as error:
    print(error)
"""
    (tmp_path / "gone").mkdir()
    assert "which no longer exists; give a whole path" in run(script, tmp_path / "gone")


def test_another_system_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(DaemonError, match="needs Linux"):
        PidFile(tmp_path / "d.pid")


_FULL = """
import os, sys
from nbmon.daemon.pidfile import DaemonError, PidFile
folder = sys.argv[1]
{fill}
try:
    PidFile(folder + "/d.pid").acquire()
except DaemonError as error:
    print(error)
print(sorted(os.listdir(folder)))
"""


@needs_root
def test_a_full_disk_is_told_in_words_and_nothing_is_left(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs -o size=4k tmpfs "$0" && exec "$@"'
    fill = "open(folder + '/filler', 'wb', buffering=0).write(bytes(4096))"
    prefix = ("unshare", "--mount", "sh", "-c", mount, str(tmp_path))
    try:
        said = run(_FULL.format(fill=fill), tmp_path, prefix=prefix)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error}")
    assert "no space left on its file system; make room" in said
    assert said.endswith("\n['filler']")


def test_a_file_size_limit_is_told_in_words_and_nothing_is_left(tmp_path: Path) -> None:
    fill = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    said = run(_FULL.format(fill=fill), tmp_path)
    assert "RLIMIT_FSIZE" in said
    assert said.endswith("\n[]")


def test_no_descriptors_left_is_told_in_words(tmp_path: Path) -> None:
    script = """
import fcntl, os, resource, struct, sys
from nbmon.daemon.pidfile import DaemonError, PidFile
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
kept = []
try:
    while True:
        kept.append(os.dup(0))
except OSError:
    pass
try:
    PidFile(sys.argv[1]).acquire()
except DaemonError as error:
    print(error)
"""
    assert "no descriptor is left in this process" in run(script, tmp_path / "d.pid")


# --- rights ---------------------------------------------------------------------------------------


@needs_root
def test_an_unreadable_file_is_told_in_words() -> None:
    with open_folder() as folder:
        path = folder / "d.pid"
        path.write_text("1\n")
        path.chmod(0o600)
        for act in ("acquire", "holder", "leftover"):
            said = as_nobody(f"PidFile(path).{act}()", path)
            assert said.startswith("PidFileError: cannot read pid file"), act
            assert "no permission" in said


@needs_root
def test_a_folder_without_the_right_to_write_is_told_in_words() -> None:
    with open_folder() as folder:
        said = as_nobody("PidFile(path).acquire()", folder / "d.pid")
        assert said.startswith("PidFileError: cannot take pid file")
        assert "no permission" in said
        assert list(folder.iterdir()) == []


@needs_root
def test_a_writable_file_in_a_read_only_folder_is_written_in_place_and_emptied() -> None:
    body = """
one = PidFile(path)
one.acquire()
print(open(path).read().strip() == str(os.getpid()))
print(PidFile(path).holder() == os.getpid())
one.release()
print(repr(open(path).read()), PidFile(path).leftover())
"""
    with open_folder() as folder:
        path = folder / "d.pid"
        path.write_text("1234567\n")
        inode = path.stat().st_ino
        path.chmod(0o666)
        assert as_nobody(body, path).split() == ["True", "True", "''", "False"]
        assert path.stat().st_ino == inode


@needs_root
def test_anothers_file_in_a_sticky_folder_is_written_in_place() -> None:
    with open_folder(0o1777) as folder:
        path = folder / "d.pid"
        path.write_text("1\n")
        path.chmod(0o666)
        said = as_nobody("PidFile(path).acquire()\nprint(open(path).read() == f'{os.getpid()}\\n')", path)
        assert said == "True"
        assert list(folder.iterdir()) == [path]


@needs_root
def test_a_read_only_file_system_is_told_in_words(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs tmpfs "$0" && mount -o remount,ro "$0" && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", mount, str(tmp_path))
    try:
        said = run(_FULL.format(fill=""), tmp_path, prefix=prefix)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount here: {error}")
    assert "its file system is read-only" in said


@needs_root
def test_another_user_learns_who_runs_without_the_right_to_look_into_it() -> None:
    with open_folder() as folder, holding(folder / "d.pid") as daemon:
        assert as_nobody("print(PidFile(path).holder())", folder / "d.pid") == str(daemon.pid)
        said = as_nobody("PidFile(path).acquire()", folder / "d.pid")
        assert said.startswith(f"AlreadyRunning: already running with pid {daemon.pid}")


@needs_root
def test_another_user_is_told_that_the_holder_cannot_be_named() -> None:
    # Reading the file and closing it drops the POSIX lock that tells the pid, and /proc is closed to nobody.
    with open_folder() as folder, holding(folder / "d.pid", after="open(pidfile.path).read()"):
        assert as_nobody("PidFile(path).holder()", folder / "d.pid").startswith(
            "HolderUnknown: a running daemon"
        )
        assert as_nobody("print(PidFile(path).leftover())", folder / "d.pid") == "False"
        said = as_nobody("PidFile(path).acquire()", folder / "d.pid")
        assert said.startswith("AlreadyRunning: already running (pid unknown)")
