"""DaemonContext as PEP 3143 describes it, and daemonize(), the function."""

from __future__ import annotations

import inspect
import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from nbmon import DaemonContext, daemonize
from support.kit import environment
from support.proc import GROSS_HANG, Process, wait_until

SAY = """
import os, sys, time, signal, warnings
from nbmon import DaemonContext, daemonize
warnings.simplefilter("ignore", ResourceWarning)
LOG = open("d.log", "a", buffering=1)
{before}
with DaemonContext(stdout=LOG, stderr=LOG, pidfile="d.pid", {options}) as context:
{body}
"""


def context(kit, options="", body="time.sleep(600)", before=""):
    text = SAY.replace("{options}", options).replace("{before}", textwrap.dedent(before))
    kit.program.write_text(text.replace("{body}", textwrap.indent(textwrap.dedent(body).strip(), "    ")))


def started(kit, *words, **more) -> Process:
    done = kit.run(**more)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    return kit.process()


def test_the_defaults_are_the_peps(monkeypatch):
    monkeypatch.setattr(os, "getppid", lambda: 2)
    made = DaemonContext(detach_process=True)
    assert made.files_preserve is None
    assert made.chroot_directory is None
    assert made.working_directory == "/"
    assert made.umask == 0
    assert made.pidfile is None
    assert (made.uid, made.gid, made.initgroups) == (os.getuid(), os.getgid(), False)
    assert made.prevent_core is True
    assert (made.stdin, made.stdout, made.stderr) == (None, None, None)
    assert made.signal_map == {
        signal.SIGTSTP: None,
        signal.SIGTTIN: None,
        signal.SIGTTOU: None,
        signal.SIGTERM: "terminate",
    }
    assert made.is_open is False


def test_every_option_is_a_keyword_and_an_attribute():
    names = set(inspect.signature(DaemonContext).parameters)
    assert names == {
        *("files_preserve", "chroot_directory", "working_directory", "umask", "pidfile", "detach_process"),
        *("signal_map", "uid", "gid", "initgroups", "prevent_core", "stdin", "stdout", "stderr"),
    }
    made = DaemonContext()
    assert all(hasattr(made, name) for name in names)


def test_is_open_cannot_be_set():
    with pytest.raises(AttributeError):
        DaemonContext().is_open = True


def test_close_before_open_does_nothing():
    DaemonContext().close()


def test_terminate_raises_system_exit_that_names_the_signal():
    with pytest.raises(SystemExit) as caught:
        DaemonContext().terminate(signal.SIGTERM, None)
    assert caught.value.code == "terminated by SIGTERM"


def test_the_body_runs_in_a_daemon(kit):
    context(kit)
    daemon = started(kit)
    assert (daemon.cwd, daemon.umask, daemon.tty) == ("/", 0, 0)
    assert daemon.session != daemon.pid
    assert daemon.descriptors[0] == "/dev/null"
    assert daemon.descriptors[1] == daemon.descriptors[2] == str(kit.log)


def test_nothing_is_named_so_all_is_dev_null(kit):
    kit.write(
        """
        import time
        from nbmon import DaemonContext
        with DaemonContext(pidfile="d.pid"):
            time.sleep(600)
        """
    )
    found = started(kit).descriptors
    assert [found[fd] for fd in (0, 1, 2)] == ["/dev/null"] * 3


def test_open_twice_is_once_and_is_open_tells(kit):
    context(
        kit,
        body="""
        pid = os.getpid()
        context.open()
        print(context.is_open, os.getpid() == pid)
        context.close()
        print(context.is_open, os.path.exists(context.pidfile.path))
        context.close()
        print("end")
        """,
    )
    assert kit.run().returncode == 0
    kit.wait_for("end")
    assert kit.text() == "True True\nFalse False\nend\n"


def test_what_is_not_preserved_is_closed(kit):
    context(
        kit,
        options="files_preserve=[KEPT, KEPT_FD, None]",
        before="""
            KEPT, LOST = open("kept", "w"), open("lost", "w")
            KEPT_FD, LOST_FD = os.open("kept2", os.O_CREAT), os.open("lost2", os.O_CREAT)
        """,
    )
    names = {os.path.basename(name) for name in started(kit).descriptors.values()}
    assert {"kept", "kept2"} <= names
    assert not {"lost", "lost2"} & names


def test_logging_set_up_before_keeps_its_file(kit):
    context(
        kit,
        body="logging.warning('line')\ntime.sleep(600)",
        before="import logging\nlogging.basicConfig(filename='a.log')",
    )
    names = started(kit).descriptors.values()
    wait_until(lambda: (kit.folder / "a.log").read_text() == "WARNING:root:line\n")
    assert str(kit.folder / "a.log") in names


def test_the_options_take_effect(kit):
    (kit.folder / "work").mkdir()
    context(kit, options=f"umask=0o27, working_directory={str(kit.folder / 'work')!r}")
    daemon = started(kit)
    assert (daemon.umask, daemon.cwd) == (0o27, str(kit.folder / "work"))


@pytest.mark.parametrize(("option", "limit"), [("", "0"), ("prevent_core=False,", "4096")])
def test_a_core_dump_is_prevented_unless_wanted(kit, option, limit):
    context(
        kit,
        options=option,
        before="import resource\nresource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))",
        body="print(resource.getrlimit(resource.RLIMIT_CORE)[0])",
    )
    assert kit.run().returncode == 0
    kit.wait_for(f"{limit}\n")


def test_the_signal_map_takes_names_none_and_callables(kit):
    context(
        kit,
        options="signal_map={signal.SIGUSR1: hear, signal.SIGUSR2: None, signal.SIGHUP: 'terminate'}",
        before="def hear(number, frame): print('heard', number)",
    )
    daemon = started(kit)
    assert signal.SIGUSR2 in daemon.signals("SigIgn")
    os.kill(daemon.pid, signal.SIGUSR1)
    kit.wait_for("heard 10")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: not daemon.alive)
    assert "terminated by SIGHUP" in kit.text()


def test_a_name_in_the_signal_map_that_does_not_exist_is_refused_before_anything_forks(kit):
    context(kit, options="signal_map={signal.SIGUSR1: 'vanish'}")
    done = kit.run()
    assert done.returncode == 1
    assert "vanish" in done.stderr
    assert not kit.pidfile.exists()


def test_the_default_map_ends_it_in_order_on_sigterm(kit):
    context(kit, body="try:\n    time.sleep(600)\nfinally:\n    print('finally')")
    daemon = started(kit)
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert kit.text() == "finally\nterminated by SIGTERM\n"
    assert not kit.pidfile.exists()


def test_any_context_manager_is_a_pid_file(kit):
    kit.write(
        """
        import os, warnings
        from nbmon import DaemonContext
        warnings.simplefilter("ignore", ResourceWarning)
        class Lock:
            def __enter__(self): print("entered", os.getcwd())
            def __exit__(self, *args): print("left", args)
        with DaemonContext(pidfile=Lock(), stdout=open("d.log", "a")):
            print("body")
        """
    )
    assert kit.run().returncode == 0
    kit.wait_for("left")
    assert kit.text() == "entered /\nbody\nleft (None, None, None)\n"


def test_a_pid_file_that_refuses_is_told_in_the_starter(kit):
    kit.write(
        """
        from nbmon import DaemonContext
        from nbmon.daemon import DaemonError
        class Lock:
            def __enter__(self): raise RuntimeError("locked by another")
            def __exit__(self, *args): pass
        try:
            DaemonContext(pidfile=Lock()).open()
        except DaemonError as error:
            print(type(error).__name__, error)
        """
    )
    assert kit.run().stdout == "DetachError RuntimeError: locked by another\n"


def test_a_folder_that_is_missing_is_told_in_the_starter(kit):
    kit.write(
        """
        from nbmon import DaemonContext
        from nbmon.daemon import DaemonError
        try:
            DaemonContext(working_directory="/no/such").open()
        except DaemonError as error:
            print(type(error).__name__, error)
        """
    )
    assert kit.run().stdout == (
        "DetachError cannot change to the folder /no/such: no such file or directory\n"
    )


def test_a_body_that_fails_at_once_is_told_by_the_starter(kit):
    context(kit, body="sys.exit('no port')")
    done = kit.run()
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "no port\n")
    assert kit.text() == "no port\n"


def test_the_starters_own_exit_functions_are_the_daemons(kit):
    context(kit, before="import atexit\natexit.register(lambda: print('at exit', flush=True))", body="pass")
    assert kit.run().stdout == ""
    kit.wait_for("at exit")


def test_without_detaching_all_else_is_done(kit):
    context(
        kit, options="detach_process=False, umask=0o27, files_preserve=[]", before='LOST = open("lost", "w")'
    )
    process = subprocess.Popen(kit.argv(), cwd=kit.folder, env=environment())
    wait_until(lambda: kit.pidfile.exists() and Process(process.pid).cwd == "/")
    seen = Process(process.pid)
    wait_until(lambda: signal.SIGTERM in seen.signals("SigCgt"))
    assert kit.process().pid == process.pid
    assert (seen.umask, seen.session) == (0o27, Process(os.getpid()).session)
    assert str(kit.folder / "lost") not in seen.descriptors.values()
    process.terminate()
    assert process.wait(GROSS_HANG) == 1


def test_a_super_server_keeps_its_child(kit):
    kit.write(
        """
        from nbmon import DaemonContext
        print(DaemonContext().detach_process, flush=True)
        """
    )
    mine, theirs = socket.socketpair()
    with mine, theirs:
        done = subprocess.run(
            kit.argv(), stdin=theirs, cwd=kit.folder, env=environment(), capture_output=True, text=True
        )
    assert done.stdout == "False\n"
    assert kit.run(stdin=subprocess.DEVNULL).stdout == "True\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can chroot")
def test_a_root_of_its_own(kit):
    (kit.folder / "root" / "inner").mkdir(parents=True)
    context(
        kit,
        options="chroot_directory='root', working_directory='/inner'",
        body="print(os.getcwd(), os.listdir('/'))\nraise KeyError('late')",
    )
    kit.write(kit.program.read_text().replace('pidfile="d.pid", ', ""))
    assert kit.run().stderr == "KeyError: 'late'\n"
    kit.wait_for("KeyError: 'late'")
    assert kit.text().startswith("/inner ['inner']\n")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can drop privileges")
def test_another_user_for_good(kit):
    context(
        kit,
        options="uid=65534, gid=65534",
        body="print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "try:\n    os.setuid(0)\nexcept PermissionError:\n    print('for good')\n"
        "raise KeyError('late')",
    )
    assert kit.run().stderr == "KeyError: 'late'\n"
    kit.wait_for("KeyError: 'late'")
    n = (65534,) * 3
    assert kit.text().startswith(f"{n} {n} [65534]\nfor good\n")


def test_the_function_has_the_recipes_signature():
    assert list(inspect.signature(daemonize).parameters) == ["stdin", "stdout", "stderr", "pidfile"]


def function(kit, body, call='daemonize("/dev/null", "d.log", "d.log", pidfile="d.pid")', before=""):
    kit.program.write_text(
        f"import os, sys, time\nfrom nbmon import daemonize, ready\n{before}\n{call}\n"
        + textwrap.dedent(body)
    )


def test_the_function_returns_in_the_daemon_only(kit):
    function(kit, "print('in', os.getcwd(), flush=True)\ntime.sleep(600)", before="print('once')")
    done = kit.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
    kit.wait_for("in /")
    daemon = kit.process()
    assert (daemon.umask, daemon.tty) == (0o022, 0)
    assert daemon.session != daemon.pid


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit('why')", "why"),
        ("raise SystemExit('why not')", "why not"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("print('a warning', file=sys.stderr); sys.exit(3)", "it exited with code 3 before it was ready"),
        ("os._exit(4)", "it exited with code 4 before it was ready"),
    ],
)
def test_the_function_tells_what_fails_at_once(kit, body, reason):
    function(kit, body)
    done = kit.run()
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{reason}\n")
    assert not kit.pidfile.exists()


def test_the_function_refuses_a_second(kit):
    function(kit, "time.sleep(600)")
    pid = started(kit).pid
    done = kit.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"already running with pid {pid}: pid file {kit.pidfile} is held by it\n"


def test_the_function_tells_a_log_that_cannot_be(kit):
    function(kit, "time.sleep(600)", call='daemonize(stdout="no/such")')
    done = kit.run()
    assert done.returncode == 1
    assert done.stderr.startswith("cannot open ")
    assert done.stderr.count("\n") == 1


def test_the_function_stays_under_systemd(kit):
    function(kit, "print(os.getpid())")
    process = subprocess.Popen(
        kit.argv(),
        cwd=kit.folder,
        env={**environment(), "INVOCATION_ID": "1" * 32},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.communicate(timeout=GROSS_HANG)[0] == f"{process.pid}\n"
    assert sys.executable


def test_ready_is_harmless_in_a_program_that_never_detached():
    from nbmon import ready

    ready()
    ready("note")
