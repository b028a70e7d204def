"""Traits of a daemon: of a proper one, of one that is none, and each judged by itself."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.experiment import Progress, Settings
from nbmon.lab.experiments import daemon
from nbmon.lab.experiments.daemon.look import Descriptor, Kin, Look, look
from nbmon.lab.experiments.daemon.traits import TRAITS, judged
from support.proc import Process, wait_until

TRAITS_OF_A_DAEMON = [
    *("parent", "group", "session", "tty", "cwd", "umask", "descriptors"),
    *("streams", "log", "environment", "signals", "pid file", "children"),
]


def descriptor(number, target, **more):
    return Descriptor(number, target, **{"closes_on_exec": True, "locked": False, "holds_pid": False} | more)


def kin(pid, parent=1, group=None, session=None, tty=0, name="x"):
    return Kin(pid, name, parent, group or pid, session or pid, tty)


PROPER = Look(
    me=kin(500, parent=1, group=499, session=499),
    parent=kin(1, parent=0),
    grandparent=None,
    cwd="/",
    umask=0o022,
    descriptors=(
        descriptor(0, "/dev/null"),
        descriptor(1, "/var/log/x.log"),
        descriptor(2, "/var/log/x.log"),
        descriptor(3, "/run/x.pid", locked=True, holds_pid=True),
    ),
    variables=("PATH", "HOME"),
    ignored=frozenset({signal.SIGPIPE}),
    blocked=frozenset(),
    caught=frozenset({signal.SIGTERM}),
    cgroup="0::/",
    zombies=0,
    pid_files=("/run/x.pid",),
)
SHELL = kin(400, parent=300, session=400, tty=34816, name="bash")
STREAMS = PROPER.descriptors[:3]


def test_a_proper_daemon_has_all_traits():
    rows = judged(PROPER)
    assert [row["trait"] for row in rows] == TRAITS_OF_A_DAEMON == list(TRAITS)
    assert [row for row in rows if not row["ok"] or row["mend"]] == []


@pytest.mark.parametrize(
    ("trait", "change", "words"),
    [
        ("parent", {"me": kin(500, 400, session=400), "parent": SHELL}, "400 (bash), which started it"),
        ("group", {"me": kin(500, 400, group=400, session=400), "parent": SHELL}, "its starter's"),
        ("session", {"me": kin(500, 400, session=400), "parent": SHELL}, "400, its starter's"),
        ("session", {"me": kin(500, session=500)}, "which it leads"),
        ("tty", {"me": kin(500, session=499, tty=34816)}, "device 136:0"),
        ("cwd", {"cwd": "/home/me"}, "/home/me: it cannot be unmounted"),
        ("cwd", {"cwd": "/var/tmp/x"}, "cannot be unmounted"),
        ("cwd", {"cwd": "/srv/x (deleted)"}, "relative paths lead nowhere"),
        ("umask", {"umask": 0}, "0000: files"),
        ("descriptors", {"descriptors": (*STREAMS, descriptor(7, "/dev/pts/3"))}, "7 → /dev/pts/3"),
        (
            "descriptors",
            {"descriptors": (*STREAMS, descriptor(7, "/tmp/x (deleted)"))},
            "7 → /tmp/x (deleted)",
        ),
        ("streams", {"descriptors": STREAMS[:2]}, "2 closed"),
        ("streams", {"descriptors": (descriptor(0, "/dev/pts/1"), *STREAMS[1:])}, "a terminal: 0"),
        ("log", {"descriptors": tuple(descriptor(n, "/dev/null") for n in range(3))}, "nowhere that shows"),
        ("log", {"descriptors": (STREAMS[0], descriptor(1, "/a.log (deleted)"))}, "is lost"),
        ("environment", {"me": kin(500), "variables": ("PATH", "TERM", "SSH_TTY")}, "among 3: SSH_TTY, TERM"),
        ("signals", {"blocked": frozenset({signal.SIGTERM})}, "blocked: SIGTERM"),
        ("signals", {"ignored": frozenset({signal.SIGTERM})}, "ignored: SIGTERM"),
        ("pid file", {"descriptors": STREAMS}, "/run/x.pid, which it does not lock"),
        ("pid file", {"descriptors": STREAMS, "pid_files": ()}, "none that it holds"),
        ("children", {"zombies": 2}, "2 zombie(s)"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_mend(trait, change, words):
    (row,) = [row for row in judged(replace(PROPER, **change)) if row["trait"] == trait]
    assert not row["ok"] and row["mend"]
    assert words in row["seen"]


SERVICE = {"cgroup": "0::/system.slice/x.service"}
MASTER = kin(300, parent=1, session=299, name="master")
WORKER = {"me": kin(500, 300, group=299, session=299), "parent": MASTER, "grandparent": kin(1, parent=0)}


@pytest.mark.parametrize(
    ("trait", "change"),
    [
        ("parent", WORKER),
        ("session", WORKER),
        ("group", WORKER),
        ("pid file", {**WORKER, "descriptors": STREAMS, "pid_files": ()}),
        ("session", {**SERVICE, "me": kin(500, session=500)}),
        ("pid file", {**SERVICE, "descriptors": STREAMS, "pid_files": ()}),
        ("parent", {"parent": None, "me": kin(500, parent=0)}),
        ("cwd", {"cwd": "/var/lib/x"}),
        ("umask", {"umask": None}),
        ("descriptors", {"descriptors": (*STREAMS, descriptor(7, "/memfd:x (deleted)"))}),
        (
            "log",
            {"descriptors": (*(descriptor(n, "/dev/null") for n in range(3)), descriptor(4, "/var/log/y"))},
        ),
        ("environment", {"variables": None}),
        ("environment", {"variables": ("TERM",)}),  # it forked since, and may have dropped it
    ],
)
def test_what_is_right_in_another_way_is_right(trait, change):
    (row,) = [row for row in judged(replace(PROPER, **change)) if row["trait"] == trait]
    assert row["ok"], row


def test_without_a_pid_a_daemon_of_the_kit_is_made_and_all_is_right_and_it_is_gone(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    finding = daemon.run(Settings(), Progress())
    assert [row for row in finding.rows if not row["ok"]] == []
    assert "a proper daemon: all 13 traits are right." in finding.verdict
    wait_until(lambda: not Process(finding.settings["pid"]).alive)


def test_a_program_in_a_terminals_session_is_no_daemon(tmp_path):
    """With a terminal of its own, its folder as the working directory, and no pid file."""
    script = (
        "import os, pty, signal, sys\n"
        "pid, terminal = pty.fork()\n"
        "if pid == 0:\n"
        "    program = 'import signal; print(1, flush=True); signal.pause()'\n"
        "    os.execv(sys.executable, [sys.executable, '-c', program])\n"
        "os.read(terminal, 1)\n"
        "print(pid, flush=True)\n"
        "os.read(0, 1)\n"
        "os.kill(pid, 9); os.waitpid(pid, 0)\n"
    )
    program = [sys.executable, "-c", script]
    env = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        program, cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        pid = running.stdout.readline().strip()
        rows = {row["trait"]: row["ok"] for row in judged(look(pid))}
        running.stdin.close()
    wrong = {trait for trait, ok in rows.items() if not ok}
    assert wrong >= {"session", "tty", "cwd", "streams", "environment", "pid file", "log"}
    assert rows["umask"] and rows["children"]


def test_a_zombie_among_its_children_is_seen():
    script = (
        "import os, sys\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(0)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
        "print(pid, flush=True)\n"
        "os.read(0, 1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as one:
        zombie = one.stdout.readline().decode().strip()
        assert look(str(one.pid)).zombies == 1
        with pytest.raises(LabError, match="is a zombie: nothing is left"):
            look(zombie)
        one.stdin.close()


@pytest.mark.parametrize("word", ["", "abc", "0", "-1", "1.5", "99999999999", "٣", "1\n"])
def test_what_is_no_process_id_is_misuse(word):
    with pytest.raises(LabMisuseError, match="is no process id; give a number"):
        look(word)


def test_a_process_that_does_not_exist_is_said_to_be_none():
    with subprocess.Popen(["true"]) as gone:
        pass
    with pytest.raises(LabError, match=f"there is no process {gone.pid}"):
        look(str(gone.pid))


def test_a_thread_is_sent_to_its_process():
    import threading

    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with pytest.raises(LabError, match=f"is a thread of process {os.getpid()}"):
            look(str(thread.native_id))
    finally:
        done.set()
        thread.join()


def test_a_process_that_may_not_be_read_is_told_whose_it_is(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(daemon.look.__globals__["Path"], "iterdir", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"descriptors and its folder may not be read; try as"):
        look(str(os.getpid()))
