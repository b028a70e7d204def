"""The pid file, its lock, and everything that may lie in its place."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.daemon import disk, locks
from nbmon.daemon.errors import AlreadyRunning, DaemonError, PidFileError
from nbmon.daemon.holder import CONTENT_LIMIT, PID_LIMIT, HolderUnknown, number
from nbmon.daemon.pidfile import PidFile
from support.pidfiles import actor, as_nobody, dead_pid, holding, needs_root, open_folder, run, stranger
from support.proc import Process, wait_until

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


# --- the lock decides -----------------------------------------------------------------------------


def test_a_second_start_is_told_who_runs(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as daemon:
        with pytest.raises(AlreadyRunning) as caught:
            PidFile(path).acquire()
        assert caught.value.pid == daemon.pid
        assert str(path) in str(caught.value)
        assert list(tmp_path.iterdir()) == [path]
        assert daemon.finish() == 0
    assert list(tmp_path.iterdir()) == []


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    with PidFile(tmp_path / "d.pid") as pidfile:
        for second in (pidfile, PidFile(tmp_path / "d.pid")):
            with pytest.raises(AlreadyRunning) as caught:
                second.acquire()
            assert caught.value.pid == os.getpid()
        assert PidFile(tmp_path / "d.pid").holder() == os.getpid()


def test_a_daemon_that_reads_its_own_pid_file_keeps_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, after="open(pidfile.path).read(); open(pidfile.path, 'a').close()") as daemon:
        assert PidFile(path).holder() == daemon.pid
        with pytest.raises(AlreadyRunning):
            PidFile(path).acquire()


@pytest.mark.parametrize("lose_name", ["", "open(pidfile.path).read()"])
def test_a_strangers_number_in_the_file_misleads_nobody(tmp_path: Path, lose_name: str) -> None:
    path = tmp_path / "d.pid"
    with stranger() as other, holding(path, after=lose_name) as daemon:
        path.write_text(f"{other.pid}\n")
        assert PidFile(path).holder() == daemon.pid
        path.write_text("garbage")
        assert PidFile(path).holder() == daemon.pid


@pytest.mark.parametrize("lose_name", ["", "open(pidfile.path).read()"])
def test_one_who_only_has_the_file_open_is_not_taken_for_the_daemon(tmp_path: Path, lose_name: str) -> None:
    path = tmp_path / "d.pid"
    with holding(path, after=lose_name) as daemon:
        tail = "import sys; f = open(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"
        with actor(tail, path) as other:
            assert other.line() == "open"
            path.write_text(f"{other.pid}\n")
            assert PidFile(path).holder() == daemon.pid


def test_a_killed_daemons_lock_is_free_and_the_next_start_works(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as daemon:
        daemon.kill()
        assert PidFile(path).leftover()
        with PidFile(path):
            assert path.read_text() == f"{os.getpid()}\n"


def test_a_killed_daemons_lock_is_free_although_its_forked_child_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    fork = """
child = os.fork()
if child == 0:
    sys.stdin.read()  # it ends with the test
    os._exit(0)
print(child, flush=True)
"""
    with holding(path, after=fork, first_line=False) as daemon:
        child = Process(int(daemon.line()))
        assert daemon.line() == "held"
        daemon.process.kill()
        wait_until(lambda: not Process(daemon.pid).alive)
        assert child.alive
        assert PidFile(path).leftover()
        with PidFile(path):
            assert child.alive


def test_release_in_a_forked_child_removes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    fork = """
child = os.fork()
if child == 0:
    pidfile.release()
    os._exit(0)
os.waitpid(child, 0)
"""
    with holding(path, after=fork) as daemon:
        assert PidFile(path).holder() == daemon.pid
        assert path.read_text() == f"{daemon.pid}\n"


def test_a_removed_file_lets_a_second_start_win_whose_file_the_firsts_end_leaves_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as first:
        path.unlink()
        assert PidFile(path).holder() is None, "the first can no longer be found"
        with holding(path) as second:
            assert first.finish() == 0
            assert path.read_text() == f"{second.pid}\n"
            assert PidFile(path).holder() == second.pid


def test_a_file_put_in_its_place_by_hand_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as daemon:
        other = tmp_path / "other"
        other.write_text("kept\n")
        other.rename(path)
        assert daemon.finish() == 0
        assert path.read_text() == "kept\n"


def test_release_is_harmless_twice_and_unheld(tmp_path: Path) -> None:
    pidfile = PidFile(tmp_path / "d.pid")
    pidfile.release()
    with pidfile:
        assert pidfile.fileno() >= 0
    pidfile.release()
    with pytest.raises(ValueError, match="not held by this process"):
        pidfile.fileno()
    with pidfile:
        assert (tmp_path / "d.pid").exists()


def test_a_program_that_closes_all_descriptors_still_removes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    closing = "os.closerange(3, 256); mine = [os.dup(0) for _ in range(9)]"
    with holding(path, after=closing) as daemon:
        assert PidFile(path).holder() is None, "the lock went with the descriptor"
        assert daemon.finish() == 0
    assert not path.exists()


def test_a_program_that_closes_all_descriptors_never_removes_anothers_file(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, after="os.closerange(3, 256)") as first, holding(path) as second:
        assert first.finish() == 0
        assert PidFile(path).holder() == second.pid
        assert path.read_text() == f"{second.pid}\n"


def test_a_started_program_does_not_inherit_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    start = "child = subprocess.Popen(['cat'], stdin=subprocess.PIPE, close_fds=False)"
    with holding(path, after=start) as daemon:
        daemon.kill()  # cat ends with its input, a moment later; the lock must not wait for it
        assert PidFile(path).holder() is None


def test_a_file_locked_by_another_kit_tells_who_runs(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    lockf = """
import fcntl, os, sys
f = open(sys.argv[1], "w"); fcntl.lockf(f, fcntl.LOCK_EX); print("held", flush=True); sys.stdin.read()
"""
    with actor(lockf, path) as other:
        assert other.line() == "held"
        assert PidFile(path).holder() == other.pid
        with pytest.raises(AlreadyRunning):
            PidFile(path).acquire()


def test_a_reader_that_locks_is_no_daemon_and_a_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.pid"
    path.write_text("1\n")
    monkeypatch.setattr("nbmon.daemon.pidfile.ATTEMPTS", 3)
    with path.open() as reader:
        assert locks.share(reader.fileno(), locks.LIFE)
        assert PidFile(path).holder() is None
        with pytest.raises(PidFileError, match="another program locks or replaces it"):
            PidFile(path).acquire()
    with PidFile(path):
        pass


def test_a_file_system_without_hard_links_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    with PidFile(tmp_path / "d.pid"):
        assert (tmp_path / "d.pid").read_text() == f"{os.getpid()}\n"
        assert list(tmp_path.iterdir()) == [tmp_path / "d.pid"]
    assert list(tmp_path.iterdir()) == []


# --- many at once ---------------------------------------------------------------------------------

_MANY = """
import os, sys
from nbmon.daemon.errors import AlreadyRunning
from nbmon.daemon.pidfile import PidFile
path, rounds, stale = sys.argv[1], int(sys.argv[2]), sys.argv[3]
pidfile = PidFile(path)

def start(go, answer, end):
    os.read(go, 1)  # EOF: all start at once
    try:
        pidfile.acquire()
    except AlreadyRunning as error:
        os.write(answer, b"lost %d\\n" % (error.pid or 0))
        os._exit(0)
    os.write(answer, b"won %d\\n" % os.getpid())
    os.read(end, 1)  # EOF: all have answered
    pidfile.release()
    os._exit(0)

for _ in range(rounds):
    if stale:
        with open(path, "w") as f:
            f.write(stale)
    (go, go_w), (answers, answer), (end, end_w) = os.pipe(), os.pipe(), os.pipe()
    children = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            try:
                os.close(go_w); os.close(end_w); os.close(answers)
                start(go, answer, end)
            finally:
                os._exit(1)
        children.append(pid)
    os.close(answer); os.close(go_w)
    with os.fdopen(answers) as lines:
        said = [next(lines).split() for _ in children]
    os.close(end_w); os.close(go); os.close(end)
    codes = {os.waitpid(pid, 0)[1] for pid in children}
    winners = [pid for word, pid in said if word == "won"]
    assert len(winners) == 1 and len(said) == 20 and codes == {0}, said
    assert {pid for word, pid in said} == set(winners), said
    assert os.listdir(os.path.dirname(path)) == [], os.listdir(os.path.dirname(path))
print("ok")
"""


@pytest.mark.parametrize("stale", ["", "1\n", "999999\n", "garbage"])
def test_of_twenty_starts_one_wins_and_nineteen_say_who_won(tmp_path: Path, stale: str) -> None:
    assert run(_MANY, tmp_path / "d.pid", "8", stale) == "ok"


_ASKING = """
import os, sys
from nbmon.daemon.pidfile import PidFile
print("asking", flush=True)
pidfile, parent = PidFile(sys.argv[1]), os.getppid()
while os.getppid() == parent:
    {question}
"""


@pytest.mark.parametrize("question", ["pidfile.holder(); pidfile.leftover()", "pidfile.sweep()"])
def test_a_storm_of_questions_or_sweeps_never_makes_a_start_fail(tmp_path: Path, question: str) -> None:
    path = tmp_path / "d.pid"
    storm = _ASKING.format(question=question)
    with actor(storm, path) as one, actor(storm, path) as two:
        assert {one.line(), two.line()} == {"asking"}
        for turn in range(300):
            if turn % 2:
                path.write_text("1\n")
            with PidFile(path) as pidfile:
                assert path.read_text() == f"{os.getpid()}\n"
                assert PidFile(path).holder() == os.getpid()
                assert pidfile.fileno() >= 0


def test_a_reader_sees_no_file_or_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    turns = """
import sys
from nbmon.daemon.pidfile import PidFile
print("turning", flush=True)
for turn in range(500):
    pidfile = PidFile(sys.argv[1])
    pidfile.acquire()
    if turn % 2:
        pidfile.release()
    else:
        pidfile.forget()  # as if it had crashed: the next one replaces the file
        import nbmon.daemon.pidfile as m; m._held.clear()
"""
    with actor(turns, path) as daemon:
        assert daemon.line() == "turning"
        seen = set()
        while daemon.process.poll() is None:
            try:
                seen.add(path.read_bytes())
            except FileNotFoundError:
                pass
        assert daemon.process.returncode == 0
    assert seen == {b"%d\n" % daemon.pid}


def test_the_lock_of_a_daemon_that_ends_is_free_once_it_is_seen_to_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as daemon:
        daemon.process.terminate()
        wait_until(lambda: not Process(daemon.pid).alive)
        assert PidFile(path).holder() is None


def test_several_who_share_the_lock_are_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    share = """
import fcntl
open(pidfile.path).read()
open(pidfile.path, "w").close()
os.set_inheritable(pidfile.fileno(), True)
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[pidfile.fileno()])
"""
    with holding(path, after=share) as daemon:
        with pytest.raises(HolderUnknown, match="cannot be told"):
            PidFile(path).holder()
        path.write_text(f"{daemon.pid}\n")
        assert PidFile(path).holder() == daemon.pid, "the claim decides between those who have the lock"


def test_one_who_locks_a_file_that_was_replaced_is_not_taken_for_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, new = tmp_path / "d.pid", tmp_path / "new.pid"
    opened = disk.open_regular

    def replaced_just_then(name: str, flags: int) -> int:
        fd = opened(name, flags)
        if new.exists():
            new.rename(path)
        return fd

    with holding(path), holding(new) as daemon:
        monkeypatch.setattr(disk, "open_regular", replaced_just_then)
        assert PidFile(path).holder() == daemon.pid


_NAME = """
import os, sys
from nbmon.daemon import disk, locks
print(locks.look(os.open(sys.argv[1], os.O_RDONLY), locks.NAME))
"""


def test_asking_who_runs_within_the_daemon_keeps_its_name_on_the_lock(tmp_path: Path) -> None:
    with PidFile(tmp_path / "d.pid") as pidfile:
        assert pidfile.holder() == os.getpid()
        assert run(_NAME, pidfile.path) == str(os.getpid())


@needs_root
def test_a_file_written_in_place_has_the_daemons_name_on_its_lock() -> None:
    body = """
one = PidFile(path)
one.acquire()
child = os.fork()
if child == 0:
    print(locks.look(os.open(path, os.O_RDONLY), locks.NAME) == os.getppid(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    with open_folder() as folder:
        (folder / "d.pid").touch()
        (folder / "d.pid").chmod(0o666)
        assert as_nobody(body, folder / "d.pid") == "True"


def test_release_in_a_child_forked_behind_pythons_back_removes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    fork = """
import ctypes
child = ctypes.PyDLL(None).fork()
if child == 0:
    pidfile.release()
    os._exit(0)
os.waitpid(child, 0)
"""
    with holding(path, after=fork) as daemon:
        assert path.read_text() == f"{daemon.pid}\n"
        assert PidFile(path).holder() == daemon.pid


@pytest.mark.parametrize("meanwhile", ["print(pidfile.holder())", "print(pidfile.sweep())"])
def test_a_sweep_at_work_is_no_daemon_and_no_second_sweep_comes_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    path = tmp_path / "d.pid"
    path.write_text("1\n")
    script = (
        f"import sys\nfrom nbmon.daemon.pidfile import PidFile\npidfile = PidFile(sys.argv[1])\n{meanwhile}"
    )
    remove = disk.remove

    def interrupted(name: str, fd: int) -> None:
        assert run(script, path) == "None"
        assert path.exists()
        remove(name, fd)

    monkeypatch.setattr(disk, "remove", interrupted)
    PidFile(path).sweep()
    assert not path.exists()
