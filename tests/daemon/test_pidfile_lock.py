"""The pid file's lock, and nothing else, decides who runs: tested with real processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbmon.daemon import locks
from nbmon.daemon.errors import AlreadyRunning, PidFileError
from nbmon.daemon.pidfile import PidFile
from support.pidfiles import actor, holding, stranger
from support.proc import Process, wait_until

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
runs, says = os.pipe()
child = os.fork()
if child == 0:
    os.write(says, b".")
    sys.stdin.read()  # it ends with the test
    os._exit(0)
os.read(runs, 1)  # a child that has not run yet holds all that was its parent's
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
