"""Readiness, with real daemons: start returns when, and only when, the daemon works; else it says why."""

from __future__ import annotations

import os
import pty
import signal
import subprocess

import pytest

from support.kit import SLEEP, environment, quietly
from support.proc import GROSS_HANG, Process, wait_until

AWARE = "wait_ready = True\n"


def refused(kit, reason, body, **more):
    """Starting with this run() fails: exit 1, this reason, no traceback, and nothing is left behind."""
    kit.daemon(body, **more)
    done = kit.run("start")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"D: {reason}\n"
    nothing_left(kit)


def nothing_left(kit):
    wait_until(lambda: not kit.processes(), what="no process left")
    left = {path.name for path in kit.folder.iterdir()}
    assert left <= {"prog.py", "d.log", "child"}


def test_start_is_silent_and_leaves_the_daemon_running(kit):
    kit.daemon(SLEEP)
    daemon = kit.start()
    assert daemon.alive
    assert daemon.parent != os.getpid()


def test_an_exception_in_run_is_the_reason(kit):
    refused(kit, "ZeroDivisionError: division by zero", "1 / 0")
    assert "Traceback" in kit.text()
    assert kit.text()[:2] == "20"  # a date


def test_a_text_given_to_exit_is_the_reason(kit):
    refused(kit, "port 80 is taken", "sys.exit('port 80 is taken')")


def test_an_exit_code_is_the_reason(kit):
    refused(kit, "it exited with code 7 before it was ready", "sys.exit(7)")


def test_an_exit_past_python_is_the_reason(kit):
    refused(kit, "it exited with code 5 before it was ready", "os._exit(5)")


@pytest.mark.parametrize(("name", "word"), [("SIGKILL", "Killed"), ("SIGSEGV", "Segmentation fault")])
def test_a_signal_is_named(kit, name, word):
    refused(
        kit,
        f"it was killed by {name} ({word}) before it was ready",
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        f"os.kill(os.getpid(), signal.{name})",
    )


def test_a_short_job_that_ends_well_is_a_success(kit):
    kit.daemon("print('done')")
    done = kit.run("start")
    assert (done.returncode, done.stderr) == (0, "")
    kit.wait_for("done")
    nothing_left(kit)


def test_a_failure_that_a_busy_machine_delays_is_a_failure_still(kit):
    refused(
        kit,
        "ZeroDivisionError: division by zero",
        "busy = time.monotonic() + 0.4\nwhile time.monotonic() < busy: pass\n1 / 0",
    )


def test_a_daemon_that_never_rests_is_started_all_the_same(kit):
    kit.daemon("while True: pass")
    assert kit.start().alive


def test_an_aware_daemon_is_waited_for(kit):
    kit.daemon(
        "while not os.path.exists(FLAG): time.sleep(0.01)\n"
        "open(FLAG + '2', 'w').close()\nself.ready()\nsignal.pause()",
        attributes=AWARE + "global FLAG\nFLAG = os.path.abspath('flag')",
    )
    starter = subprocess.Popen(kit.argv("start"), cwd=kit.folder, env=environment())
    wait_until(kit.pidfile.exists)
    assert starter.poll() is None
    (kit.folder / "flag").touch()
    assert starter.wait(GROSS_HANG) == 0
    assert (kit.folder / "flag2").exists()


def test_an_aware_daemon_keeps_no_pipe_once_ready(kit):
    kit.daemon("self.ready()\nself.ready()\nsignal.pause()", attributes=AWARE)
    assert not [name for name in kit.start().descriptors.values() if name.startswith("pipe:")]


def test_a_daemon_that_knows_nothing_of_readiness_keeps_no_pipe_either(kit):
    kit.daemon(SLEEP)
    assert not [name for name in kit.start().descriptors.values() if name.startswith("pipe:")]


@pytest.mark.parametrize("attributes", ["", AWARE])
def test_an_end_by_sigterm_before_ready_is_a_failure(kit, attributes):
    refused(
        kit,
        "it was ended by SIGTERM before it was ready",
        "os.kill(os.getpid(), signal.SIGTERM)\n" + SLEEP,
        attributes=attributes,
    )


@pytest.mark.parametrize("body", ["pass", "sys.exit()", "sys.exit(0)"])
def test_an_end_before_ready_is_a_failure(kit, body):
    refused(kit, "it ended before it was ready", body, attributes=AWARE)


def test_a_failure_before_ready_is_told_with_its_reason(kit):
    refused(kit, "RuntimeError: no database", "raise RuntimeError('no database')", attributes=AWARE)


def test_time_runs_out(kit):
    refused(
        kit,
        "it was not ready within 0.3 seconds and was ended",
        SLEEP,
        attributes=AWARE + "start_timeout = 0.3",
    )


def test_a_daemon_that_ignores_sigterm_is_killed_when_its_time_runs_out(kit):
    refused(
        kit,
        "it was not ready within 0.3 seconds and was ended",
        "while True: signal.pause()",
        attributes=AWARE
        + "start_timeout, stop_timeout = 0.3, 0.2\nsignal.signal(signal.SIGTERM, lambda *_: None)",
    )


def test_children_of_a_failed_daemon_are_not_left(kit):
    refused(
        kit,
        "RuntimeError: no",
        "if os.fork() == 0:\n    open(CHILD, 'w').close()\n    signal.pause()\n"
        "while not os.path.exists(CHILD): time.sleep(0.01)\nraise RuntimeError('no')",
        attributes="global CHILD\nCHILD = os.path.abspath('child')\nwait_ready = True",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_starter_that_is_interrupted_takes_the_half_started_daemon_along(kit, number):
    kit.daemon(SLEEP, attributes=AWARE)
    starter = subprocess.Popen(
        kit.argv("start"), cwd=kit.folder, env=environment(), stderr=subprocess.DEVNULL
    )
    wait_until(kit.pidfile.exists)
    starter.send_signal(number)
    assert starter.wait(GROSS_HANG) != 0
    nothing_left(kit)


def test_a_watcher_that_is_killed_leaves_no_daemon_behind(kit):
    kit.daemon("print('here')\n" + SLEEP, attributes=AWARE)
    starter = subprocess.Popen(
        kit.argv("start"), cwd=kit.folder, env=environment(), stderr=subprocess.PIPE, text=True
    )
    kit.wait_for("here")
    os.kill(kit.process().parent, signal.SIGKILL)
    _, told = starter.communicate(timeout=GROSS_HANG)
    assert (starter.returncode, told) == (
        1,
        "D: the start was interrupted: its first process died without a word\n",
    )
    wait_until(lambda: kit.processes() == [])
    assert not kit.pidfile.exists()


def test_a_hang_up_of_the_terminal_does_not_reach_the_daemon(kit):
    kit.daemon(SLEEP)
    pid, master = quietly(pty.fork)
    if pid == 0:
        os.chdir(kit.folder)
        os.execve(kit.argv()[0], kit.argv("start"), environment())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    daemon = kit.process()
    os.close(master)  # the terminal is gone; the kernel hangs up on its session
    assert daemon.tty == 0
    assert daemon.alive


def test_a_started_daemon_survives_sighup(kit):
    kit.daemon(SLEEP, attributes="def on_reload(self): print('reloaded')")
    daemon = kit.start()
    os.kill(daemon.pid, signal.SIGHUP)
    kit.wait_for("reloaded")
    assert daemon.alive


def test_closed_standard_streams_do_no_harm(kit):
    kit.daemon(SLEEP)
    line = '"$@" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", line, "sh", *kit.argv("start")], cwd=kit.folder, env=environment())
    assert done.returncode == 0
    assert kit.process().descriptors[1] == str(kit.log)


def test_a_sigchld_that_is_ignored_does_no_harm(kit):
    kit.daemon(SLEEP, attributes="signal.signal(signal.SIGCHLD, signal.SIG_IGN)")
    assert kit.start().alive


def test_a_sigchld_handler_that_reaps_everything_does_no_harm(kit):
    kit.daemon(
        "1 / 0",
        attributes="""
            def reap(*_):
                try:
                    os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    pass
            signal.signal(signal.SIGCHLD, reap)
        """,
    )
    done = kit.run("start")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_threads_that_would_be_lost_are_named(kit):
    kit.daemon(
        SLEEP,
        attributes="import threading\n"
        "threading.Thread(target=time.sleep, args=(60,), name='poller', daemon=True).start()",
    )
    done = kit.run("start")
    assert done.returncode == 1
    assert "poller" in done.stderr
    assert "Traceback" not in done.stderr
    nothing_left(kit)


def test_what_was_printed_before_is_printed_once(kit):
    kit.daemon("print('in the daemon'); " + SLEEP, attributes="print('before')")
    done = kit.run("start")
    assert done.stdout == "before\n"
    assert kit.text() == "in the daemon\n"


def test_a_leaked_descriptor_is_closed_but_one_asked_for_is_kept(kit):
    kit.daemon(
        "print(sorted(set(os.listdir('/proc/self/fd')) & {'40', '41'})); " + SLEEP,
        attributes="files_preserve = [41]",
    )
    line = '"$@" 40</dev/zero 41</dev/zero'
    done = subprocess.run(["bash", "-c", line, "bash", *kit.argv("start")], cwd=kit.folder, env=environment())
    assert done.returncode == 0
    kit.wait_for("['41']")


def test_a_socket_bound_before_the_start_still_listens(kit):
    kit.daemon(
        "print('port', self.socket.getsockname()[1]); print(OTHER.name, OTHER.readline()); " + SLEEP,
        attributes="""
            def __init__(self, *words, **more):
                super().__init__(*words, **more)
                import socket
                self.socket = socket.create_server(("127.0.0.1", 0))
            global OTHER
            OTHER = open("prog.py")
            import warnings
            warnings.simplefilter("ignore", ResourceWarning)  # the starter leaves both open, as it always did
        """,
    )
    daemon = kit.start()
    kit.wait_for("port ")
    kit.wait_for("prog.py import os")
    assert any(name.startswith("socket:") for name in daemon.descriptors.values())


def test_twenty_starts_make_one_daemon(kit):
    kit.daemon(SLEEP)
    starters = [
        subprocess.Popen(
            kit.argv("start"), cwd=kit.folder, env=environment(), stderr=subprocess.PIPE, text=True
        )
        for _ in range(20)
    ]
    answers = [(starter.communicate(timeout=GROSS_HANG)[1], starter.returncode) for starter in starters]
    pid = kit.process().pid
    assert sorted(code for _, code in answers) == [0] + [1] * 19
    assert all(f"pid {pid}" in text and str(kit.pidfile) in text for text, code in answers if code)
    assert [process.pid for process in kit.processes()] == [pid]


def test_the_watcher_is_gone_once_start_has_returned(kit):
    kit.daemon(SLEEP)
    daemon = kit.start()
    assert not Process(daemon.group).alive
    assert daemon.parent == 1 or "python" not in Process(daemon.parent).status("Name")
