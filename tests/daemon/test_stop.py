"""Stopping and signalling: always the holder, never a stranger, and back once it is gone."""

from __future__ import annotations

import os
import platform
import signal
from pathlib import Path

import pytest

from nbmon.daemon.errors import DaemonError
from nbmon.daemon.holder import HolderUnknown
from nbmon.daemon.pidfile import PidFile
from nbmon.daemon.stopping import _gone, _must_be_gone, send, stop
from support.pidfiles import actor, as_nobody, dead_pid, holding, needs_root, open_folder, run, stranger
from support.proc import GROSS_HANG, Process, wait_until

LONG = 2 * GROSS_HANG  # seconds: a grace time that no test waits for

POLITE = (
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\nimport atexit; atexit.register(pidfile.release)"
)
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def test_stop_asks_waits_and_returns_once_the_daemon_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, before=POLITE) as daemon:
        done = stop(PidFile(path), LONG)
        assert (done.was, done.killed) == (daemon.pid, False)
        assert not Process(daemon.pid).alive
        assert list(tmp_path.iterdir()) == []
        assert daemon.process.wait(GROSS_HANG) == 7


def test_stop_does_not_wait_for_a_zombie_to_be_reaped(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, before=POLITE) as daemon:
        stop(PidFile(path), LONG)
        assert Process(daemon.pid).state == "Z", "its parent, this test, has not reaped it"


def test_a_daemon_that_dies_of_sigterm_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path) as daemon:
        assert not stop(PidFile(path), LONG).killed
        assert daemon.process.wait(GROSS_HANG) == -signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_that_ignores_sigterm_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, before=DEAF) as daemon:
        done = stop(PidFile(path), 0.05)
        assert (done.was, done.killed) == (daemon.pid, True)
        assert daemon.process.wait(GROSS_HANG) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == [], "what SIGKILL left is removed"


def test_no_grace_time_is_possible(tmp_path: Path) -> None:
    with holding(tmp_path / "d.pid", before=DEAF):
        assert stop(PidFile(tmp_path / "d.pid"), 0).killed


def test_a_stopped_daemon_hears_of_sigterm(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with holding(path, before=POLITE) as daemon:
        os.kill(daemon.pid, signal.SIGSTOP)
        wait_until(lambda: Process(daemon.pid).state == "T")
        assert not stop(PidFile(path), LONG).killed
        assert daemon.process.wait(GROSS_HANG) == 7


@pytest.mark.parametrize("text", [None, "", "garbage", "1\n"])
def test_where_nobody_runs_nobody_is_signalled(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "d.pid"
    if text is not None:
        path.write_text(text)
    assert stop(PidFile(path)).was is None
    assert send(PidFile(path), signal.SIGHUP) is None
    assert (path.read_text() if path.exists() else None) == text


def test_a_dead_daemons_file_is_no_reason_to_signal(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    path.write_text(f"{dead_pid()}\n")
    assert stop(PidFile(path)).was is None


def test_a_strangers_pid_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    with stranger() as other:
        path.write_text(f"{other.pid}\n")
        assert stop(PidFile(path), 0).was is None
        assert other.finish() == 0


@pytest.mark.parametrize("lose_name", ["", "open(pidfile.path).read()"])
def test_a_file_overwritten_with_a_strangers_pid_still_ends_the_right_one(
    tmp_path: Path, lose_name: str
) -> None:
    path = tmp_path / "d.pid"
    with stranger() as other, holding(path, after=lose_name) as daemon:
        path.write_text(f"{other.pid}\n")
        assert stop(PidFile(path), LONG).was == daemon.pid
        assert daemon.process.wait(GROSS_HANG) == -signal.SIGTERM
        assert other.finish() == 0
    assert list(tmp_path.iterdir()) == []


@needs_root
@pytest.mark.parametrize(
    "act", ["stopping.stop(PidFile(path))", "stopping.send(PidFile(path), signal.SIGHUP)"]
)
def test_no_right_to_signal_is_told_in_words(act: str) -> None:
    with open_folder() as folder, holding(folder / "d.pid") as daemon:
        said = as_nobody(act, folder / "d.pid")
        assert said.startswith(f"NotPermitted: not permitted to signal process {daemon.pid}")
        assert Process(daemon.pid).alive


@needs_root
def test_a_holder_that_cannot_be_named_is_not_signalled() -> None:
    with open_folder() as folder, holding(folder / "d.pid", after="open(pidfile.path).read()") as daemon:
        said = as_nobody("stopping.stop(PidFile(path))", folder / "d.pid")
        assert said.startswith("HolderUnknown: a running daemon holds")
        assert Process(daemon.pid).alive


class _Holders:
    """Stands for a pid file whose holder changes between two questions, as no real one does on demand."""

    path = "changing.pid"

    def __init__(self, *pids: int | None) -> None:
        self.pids = iter(pids)

    def holder(self) -> int | None:
        return next(self.pids)


def test_a_pid_that_no_longer_holds_the_file_after_it_was_opened_is_left_alone() -> None:
    with stranger() as other:
        assert send(_Holders(other.pid, None, None), signal.SIGKILL) is None
        assert other.finish() == 0


def test_a_holder_that_is_gone_before_it_is_opened_is_looked_for_again() -> None:
    with stranger() as other:
        dead = dead_pid()
        assert send(_Holders(dead, other.pid, other.pid), signal.SIGUSR1) == other.pid
        assert other.process.wait(GROSS_HANG) == -signal.SIGUSR1


def test_a_holder_that_becomes_unknown_leaves_no_descriptor_open() -> None:
    class Unknown(_Holders):
        def holder(self) -> int | None:
            pid = next(self.pids)
            if pid is None:
                raise HolderUnknown(self.path)
            return pid

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(HolderUnknown):
        send(Unknown(os.getpid(), None), 0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_holders_that_change_for_ever_are_given_up() -> None:
    with pytest.raises(DaemonError, match="starts and ends over and over"):
        send(_Holders(*[os.getpid(), None] * 200), 0)


def test_a_process_that_even_sigkill_does_not_end_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbmon.daemon.stopping.KILL_TIMEOUT", 0.0)
    with stranger() as other:
        pidfd = os.pidfd_open(other.pid)
        try:
            assert not _gone(pidfd, 0)
            with pytest.raises(DaemonError, match="still has not ended"):
                _must_be_gone(pidfd, other.pid)
        finally:
            os.close(pidfd)


def test_a_system_without_pidfd_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("os.pidfd_open", missing)
    with holding(tmp_path / "d.pid") as daemon:
        with pytest.raises(DaemonError, match=r"pidfd, Linux 5\.3"):
            stop(PidFile(tmp_path / "d.pid"))
        assert Process(daemon.pid).alive


def test_send_reaches_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    hear = "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'heard\\n'))"
    with holding(path, before=hear) as daemon:
        assert send(PidFile(path), signal.SIGHUP) == daemon.pid
        assert daemon.line() == "heard"
        assert daemon.finish() == 0


def test_ten_stops_at_once_all_return_and_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    script = """
import sys
from nbmon.daemon.pidfile import PidFile
from nbmon.daemon.stopping import stop
print("ready", flush=True); sys.stdin.readline()
print(stop(PidFile(sys.argv[1]), 60).was, flush=True)
"""
    stops = [actor(script, path) for _ in range(10)]
    with holding(path, before=POLITE) as daemon:
        ones = [each.__enter__() for each in stops]
        try:
            assert {one.line() for one in ones} == {"ready"}
            for one in ones:
                one.process.stdin.write("go\n")
                one.process.stdin.flush()
            said = {one.line() for one in ones}
            assert str(daemon.pid) in said
            assert said <= {str(daemon.pid), "None"}
        finally:
            for each in stops:
                each.__exit__(None, None, None)
        assert not Process(daemon.pid).alive
    assert list(tmp_path.iterdir()) == []


_TURNS = """
import os, signal, sys
from nbmon.daemon.pidfile import PidFile
from nbmon.daemon.stopping import stop
path = sys.argv[1]
for turn in range(60):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_IGN if turn % 2 else signal.SIG_DFL)
            PidFile(path).acquire()  # never fails: the stop before it returned once all was over
            os.write(w, b"1")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(w)
    assert os.read(r, 1) == b"1", turn
    os.close(r)
    done = stop(PidFile(path), 0.0 if turn % 2 else 60.0)
    assert (done.was, done.killed) == (pid, bool(turn % 2)), (turn, done)
    os.waitpid(pid, 0)
    assert os.listdir(os.path.dirname(path)) == []
print("ok")
"""


def test_a_start_after_each_stop_works_many_times(tmp_path: Path) -> None:
    assert run(_TURNS, tmp_path / "d.pid") == "ok"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the system calls of x86-64 only")
def test_stop_sleeps_in_one_poll_for_the_whole_grace_time(tmp_path: Path) -> None:
    path = tmp_path / "d.pid"
    script = """
import sys
from nbmon.daemon.pidfile import PidFile
from nbmon.daemon.stopping import stop
stop(PidFile(sys.argv[1]), 60)
print("done", flush=True)
"""
    with holding(path, before=DEAF) as daemon, actor(script, path) as one:
        wait_until(lambda: _poll_timeout(one.pid) is not None)
        assert 30_000 < (_poll_timeout(one.pid) or 0) <= 60_000
        daemon.process.kill()
        assert one.line() == "done"


def _poll_timeout(pid: int) -> int | None:
    """Milliseconds that a process sleeps in poll(2), number 7, with one descriptor (proc(5), PID/syscall)."""
    words = Path(f"/proc/{pid}/syscall").read_text().split()
    return int(words[3], 16) if words[0] == "7" and words[2] == "0x1" else None
