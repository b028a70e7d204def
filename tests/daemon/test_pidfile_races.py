"""Many starts, readers and sweeps of one pid file at once, and what comes between two steps."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from nbmon.daemon import disk
from nbmon.daemon.holder import HolderUnknown
from nbmon.daemon.pidfile import PidFile
from support.pidfiles import actor, as_nobody, holding, needs_root, open_folder, run
from support.proc import Process, wait_until

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
import itertools, select, sys
from nbmon.daemon.pidfile import PidFile
print("turning", flush=True)
for turn in itertools.count():
    if select.select([sys.stdin], [], [], 0)[0]:
        break  # the reader has seen enough
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
        seen: list[bytes] = []
        while len(seen) < 1000 and daemon.process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                seen.append(path.read_bytes())
        assert daemon.finish() == 0
    assert set(seen) == {b"%d\n" % daemon.pid}


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
