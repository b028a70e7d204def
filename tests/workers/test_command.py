"""One command: started, watched, told, ended, and nothing of it left."""

from __future__ import annotations

import os
import platform
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.pidfiles import Actor, actor, run
from support.proc import GROSS_HANG, Process, wait_until
from workers.commanding import script

LONG = "60"  # seconds: a grace time that no test waits for
SHORT = "0.1"  # seconds: one that runs out


_HEARING = """
import os, signal, sys
def hear(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")  # print may be at work below the handler
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, hear)
print("ready", flush=True)
sys.stdin.read()
sys.exit(5)
"""


@contextmanager
def running(
    *argv: str, grace: str = LONG, before: str = "", after: str = ""
) -> Iterator[tuple[Actor, Process]]:
    """A process that runs a command: it, and the command's own process."""
    with actor(script(before, after), grace, *argv) as one:
        yield one, Process(int(one.find("pid ")))  # its own lines may come first


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", code


# --- how it ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)],
)
def test_the_exit_code_is_the_commands_own(command: str, code: int) -> None:
    with running("sh", "-c", command) as (one, child):
        assert one.line() == f"code {code}"
        assert not Path(f"/proc/{child.pid}").exists(), "reaped"


def test_the_exit_code_is_known_although_the_parent_ignored_its_children() -> None:
    with running("sh", "-c", "exit 3", before="signal.signal(signal.SIGCHLD, signal.SIG_IGN)") as (one, _):
        assert one.line() == "code 3"


def test_a_killed_command_is_heard_of() -> None:
    with running("sleep", "1000") as (one, child):
        os.kill(child.pid, signal.SIGKILL)
        assert one.line() == "code 137"


def test_many_runs_leave_no_descriptor_and_no_child() -> None:
    loop = """
before = os.listdir("/proc/self/fd")
for _ in range(50):
    assert run_command(["true"]) == 0
    try:
        run_command(["/"])
    except WorkerError:
        pass
assert os.listdir("/proc/self/fd") == before
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none")
"""
    with running("true", after=loop) as (one, _):
        assert (one.line(), one.line()) == ("code 0", "none")


# --- what it is given -----------------------------------------------------------------------------


def test_it_has_a_group_of_its_own_default_signals_and_the_standard_streams_only() -> None:
    before = """
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
os.set_inheritable(os.dup(1), True)
os.dup2(1, 100)  # one below and one above what is opened to start the command
"""
    with running("sleep", "1000", before=before) as (one, child):
        assert child.group == child.pid
        assert child.parent == one.pid
        assert child.session == os.getsid(0)
        assert child.signals("SigIgn") == child.signals("SigBlk") == child.signals("SigCgt") == set()
        wait_until(lambda: sorted(child.descriptors) == [0, 1, 2])  # the program's loader opens files
        assert Process(one.pid).signals("SigBlk") == {signal.SIGUSR1}, "its own mask is as it was"


def test_it_never_reads_from_a_terminal_which_would_stop_it() -> None:
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", script(), LONG, "cat"], stdin=terminal, stdout=subprocess.PIPE, text=True
        )
        said = process.communicate(timeout=GROSS_HANG)[0]
        assert said.split()[2:] == ["code", "0"]
    finally:
        os.close(controller)
        os.close(terminal)


def test_arguments_reach_it_as_they_are() -> None:
    said = run(script("started = None"), LONG, "printf", "%s|", "a b", "", "$HOME", "字")
    assert said == "a b||$HOME|字|code 0"


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
def test_signals_are_passed_on(name: str) -> None:
    with running(*python(_HEARING)) as (one, _):
        assert one.line() == "ready"
        os.kill(one.pid, signal.Signals[name])
        assert one.line() == name
        one.process.stdin.close()
        assert one.line() == "code 5", "a signal alone does not end a command that goes on"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_a_command_that_does_not_stop_is_killed_after_the_grace_time(name: str) -> None:
    with running(*python(_HEARING), grace=SHORT) as (one, _):
        assert one.line() == "ready"
        os.kill(one.pid, signal.Signals[name])
        assert one.line() == name
        assert one.line() == "code 137"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_other_signals_do_not_start_the_grace_time(name: str) -> None:
    with running(*python(_HEARING), grace="0") as (one, _):
        assert one.line() == "ready"
        os.kill(one.pid, signal.Signals[name])
        assert one.line() == name
        one.process.stdin.close()
        assert one.line() == "code 5"


def test_a_stopped_command_hears_of_sigterm() -> None:
    with running("sleep", "1000") as (one, child):
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: child.state == "T")
        os.kill(one.pid, signal.SIGTERM)
        assert one.line() == "code 143"


def test_a_storm_of_one_signal_hides_no_other() -> None:
    with running(*python(_HEARING), grace=SHORT) as (one, _):
        assert one.line() == "ready"
        for _ in range(2000):
            os.kill(one.pid, signal.SIGUSR1)
        os.kill(one.pid, signal.SIGTERM)
        heard = []
        while (line := one.line()) and not line.startswith("code"):
            heard.append(line)
        assert set(heard) == {"SIGUSR1", "SIGTERM"}
        assert line == "code 137"


def test_a_signal_that_comes_before_the_command_runs_is_not_lost() -> None:
    early = "started = lambda pid: (os.kill(os.getpid(), signal.SIGTERM), print('pid', pid, flush=True))"
    with running("sleep", "1000", before=early) as (one, _):
        assert one.line() == "code 143"


def test_an_ignored_hangup_stays_ignored() -> None:
    with running(*python(_HEARING), before="signal.signal(signal.SIGHUP, signal.SIG_IGN)") as (one, _):
        assert one.line() == "ready"
        os.kill(one.pid, signal.SIGHUP)
        os.kill(one.pid, signal.SIGUSR1)
        assert one.line() == "SIGUSR1"


def test_a_daemons_own_hangup_handler_is_called_too() -> None:
    mine = "signal.signal(signal.SIGHUP, lambda *_: os.write(1, b'mine\\n'))"
    with running(*python(_HEARING), before=mine) as (one, _):
        assert one.line() == "ready"
        os.kill(one.pid, signal.SIGHUP)
        assert {one.line(), one.line()} == {"mine", "SIGHUP"}


def test_handlers_are_as_before_afterwards() -> None:
    before = "mine = lambda *_: None; signal.signal(signal.SIGTERM, mine)"
    after = """
print(signal.getsignal(signal.SIGTERM) is mine, signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL)
print(signal.set_wakeup_fd(-1))
"""
    with running("true", before=before, after=after) as (one, _):
        assert (one.line(), one.line()) == ("code 0", "True True")
        assert one.line() == "-1"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the system calls of x86-64 only")
def test_it_sleeps_in_one_poll_without_end_while_the_command_runs() -> None:
    with running("sleep", "1000") as (one, _):
        # proc(5), PID/syscall: poll(2) is number 7; two descriptors; a timeout of -1.
        path = Path(f"/proc/{one.pid}/syscall")
        wait_until(lambda: path.read_text().split()[0] == "7")
        assert int(path.read_text().split()[3], 16) & 0xFFFFFFFF == 0xFFFFFFFF


# --- nothing outlives it --------------------------------------------------------------------------


def test_a_killed_parent_takes_the_command_with_it() -> None:
    with running("sleep", "1000") as (one, child):
        one.process.kill()
        wait_until(lambda: not child.alive)


def test_a_killed_parent_takes_what_the_command_started_with_it() -> None:
    deaf = "trap '' TERM; sleep 1000 & echo $!; wait"
    with running("sh", "-c", deaf) as (one, child):
        started = Process(int(one.line()))
        one.process.kill()
        wait_until(lambda: not child.alive and not started.alive)


def test_a_killed_keeper_is_no_trouble() -> None:
    with running("sh", "-c", "read x; exit 3") as (one, child):
        (keeper,) = set(_children(one.pid)) - {child.pid}
        (only,) = Process(keeper).descriptors.values()
        assert only.startswith("pipe:")
        os.kill(keeper, signal.SIGKILL)
        one.process.stdin.close()
        assert one.line() == "code 3"


def test_a_killed_parent_takes_the_command_with_it_even_without_a_keeper() -> None:
    with running("sleep", "1000") as (one, child):
        (keeper,) = set(_children(one.pid)) - {child.pid}
        os.kill(keeper, signal.SIGKILL)
        one.process.kill()
        wait_until(lambda: not child.alive)


def test_a_dismissed_keeper_leaves_the_group_alone() -> None:
    dismissed = """
import os, subprocess
from nbmon.workers.keeper import Keeper
other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)
with Keeper() as keeper:
    os.write(keeper.fileno(), b"%d\\n" % other.pid)
other.stdin.close()
print(other.wait())
"""
    assert run(dismissed) == "0"


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_parent_that_died_before_the_child_asked_is_noticed() -> None:
    late = """
import os
from nbmon.workers.child import _die_with, _prctl
from nbmon.workers.fork import EXEC_FAILED
prctl = _prctl()
child = os.fork()
if child == 0:
    _die_with(1 << 29, prctl)  # a parent that is no longer ours
    os._exit(0)
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]) == EXEC_FAILED)
"""
    assert run(late) == "True"


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_what_a_command_leaves_behind_is_ended(trap: str) -> None:
    leaves = f"{trap}sleep 1000 & echo $!; exit 3"
    with running("sh", "-c", leaves, grace=SHORT) as (one, _):
        left = Process(int(one.line()))
        assert one.line() == "code 3"
        assert not left.alive


def test_the_whole_group_is_killed_after_the_grace_time() -> None:
    deaf = "trap '' TERM; sleep 1000 & echo $!; wait; wait; wait"
    with running("sh", "-c", deaf, grace=SHORT) as (one, child):
        left = Process(int(one.line()))
        os.kill(one.pid, signal.SIGTERM)
        assert one.line() == "code 137"
        assert not left.alive
        assert not child.alive


def test_a_failing_callback_ends_the_command() -> None:
    fails = """
def started(pid):
    print("pid", pid, flush=True)
    raise KeyError("mine")
"""
    with actor(script(fails).replace("WorkerError as", "KeyError as"), LONG, "sleep", "1000") as one:
        child = Process(int(one.find("pid ")))
        assert one.line() == "error 'mine'"
        assert not child.alive


# --- what cannot be run ---------------------------------------------------------------------------
