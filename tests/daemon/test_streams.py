"""The standard streams and the log: where they point, what is told if they cannot, how they are reopened."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile

import pytest

from nbmon.daemon.errors import StreamError
from nbmon.daemon.streams import Streams
from support.kit import SLEEP, WAIT, environment, quietly
from support.pidfiles import needs_root
from support.proc import GROSS_HANG, wait_until

NOBODY = 65534
# The other user may be barred from where the package lies, so all of it is loaded before.
AS_NOBODY = f"""\
import os, pkgutil, nbmon.daemon
from nbmon import Daemon, daemonize
for module in pkgutil.iter_modules(nbmon.daemon.__path__):
    __import__("nbmon.daemon." + module.name)
class D(Daemon): pass
os.setuid({NOBODY})
"""


def opened(**named):
    streams = Streams(**named)
    streams.open()
    return streams


def refusal(**named) -> str:
    with pytest.raises(StreamError) as caught:
        opened(**named)
    return str(caught.value)


def test_one_path_for_two_streams_is_one_description(tmp_path):
    streams = opened(stdout=str(tmp_path / "log"), stderr=tmp_path / "x" / ".." / "log")
    try:
        assert streams.all[1].source == streams.all[2].source
    finally:
        streams.close()


def test_a_new_log_is_not_for_everybody(tmp_path):
    before = os.umask(0)
    try:
        opened(stdout=str(tmp_path / "log")).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o640


def test_an_old_log_is_appended_to(tmp_path):
    (tmp_path / "log").write_text("old\n")
    streams = opened(stdout=str(tmp_path / "log"))
    os.write(streams.all[1].source, b"new\n")
    streams.close()
    assert (tmp_path / "log").read_text() == "old\nnew\n"


def test_a_missing_folder_is_told(tmp_path):
    assert refusal(stdout=str(tmp_path / "no" / "log")) == (
        f"cannot open {tmp_path}/no/log for stdout: the folder {tmp_path}/no does not exist; "
        "make it, or name another place"
    )


def test_a_folder_in_place_of_the_log_is_told(tmp_path):
    assert "that is a folder; name a file in it" in refusal(stderr=str(tmp_path))


def test_a_file_in_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "f").touch()
    assert f"{tmp_path}/f is not a folder" in refusal(stderr=str(tmp_path / "f" / "log"))


def test_a_fifo_without_a_reader_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "log")
    assert "nobody reads that fifo" in refusal(stdout=str(tmp_path / "log"))


def test_a_fifo_with_a_reader_is_a_log(tmp_path):
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    streams = opened(stdout=str(tmp_path / "log"))
    assert os.get_blocking(streams.all[1].source)
    streams.close()
    os.close(reader)


def test_a_missing_stdin_is_told(tmp_path):
    assert refusal(stdin=str(tmp_path / "no")).endswith("for stdin: there is no such file")


def test_what_has_no_descriptor_is_told():
    import io

    assert "give a path, or an open file that has a descriptor" in refusal(stdout=io.StringIO())


def test_a_nul_in_a_path_is_told(tmp_path):
    assert "no NUL" in refusal(stdout="lo\0g")
    assert "not empty" in refusal(stdout="")


def test_a_refusal_leaves_nothing_open(tmp_path):
    before = sorted(os.listdir("/proc/self/fd"))
    refusal(stdout=str(tmp_path / "log"), stderr=str(tmp_path / "no" / "log"))
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_log_that_may_not_be_written_is_told():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        os.chmod(folder, 0o755)
        log = os.path.join(folder, "log")
        read, write = os.pipe()
        pid = quietly(os.fork)
        if pid == 0:
            os.setuid(NOBODY)
            os.write(write, refusal(stdout=log).encode())
            os._exit(0)
        os.close(write)
        os.waitpid(pid, 0)
        with os.fdopen(read) as answer:
            told = answer.read()
        assert told == (
            f"cannot open {log} for stdout: no permission to create it in the folder {folder}; "
            "pass a path where you may write as stdout, or /dev/null"
        )


@needs_root
@pytest.mark.parametrize("start", ["D('{0}/d.pid').start()", "daemonize(stdout='nbmon.log')"])
def test_the_default_log_in_a_folder_that_may_not_be_written_is_told_by_the_starter(start):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY + start.format(folder)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert os.listdir(folder) == []
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"cannot open {folder}/nbmon.log for stdout: no permission to create it in the folder {folder}; "
        "pass a path where you may write as stdout, or /dev/null\n"
    )
    assert done.stderr.count("\n") == 1


@needs_root
def test_a_log_of_another_user_and_an_input_of_another_user_are_told_as_such():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.close(os.open(f"{folder}/log", os.O_CREAT, 0o600))
        for name, words in (("stdout", "write to it"), ("stdin", "read it")):
            call = f"daemonize({name}={folder + '/log'!r})"
            done = subprocess.run([sys.executable, "-c", AS_NOBODY + call], capture_output=True, text=True)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert f"cannot open {folder}/log for {name}: no permission to {words}; pass a " in done.stderr


@pytest.mark.parametrize(
    "begin",
    ["Daemon.daemonize(D('d.pid', stdout='d.log', stderr=None))", "daemonize(stdout='d.log', stderr=None)"],
)
def test_a_stderr_of_none_is_the_same_as_stdout(kit, begin):
    kit.write(
        f"""
        import sys
        from nbmon import Daemon, daemonize
        class D(Daemon): pass
        {begin}
        print("out")
        print("err", file=sys.stderr)
        print("out again")
        """
    )
    done = kit.run()
    assert (done.returncode, done.stderr) == (0, "")
    kit.wait_for("out again")
    assert kit.text() == "out\nerr\nout again\n"


def test_a_refused_log_is_told_by_start_without_a_traceback(kit):
    kit.write(
        """
        from nbmon import Daemon
        Daemon("d.pid", stdout="no/such/log").start()
        """
    )
    done = kit.run()
    assert done.returncode == 1
    assert done.stderr.startswith("Daemon: cannot open ")
    assert done.stderr.count("\n") == 1
    assert not kit.pidfile.exists()


def test_file_objects_are_streams_too(kit):
    kit.write(
        """
        import signal, sys
        from nbmon import Daemon
        class D(Daemon):
            def run(self):
                print(sys.stdin.read())
                sys.stderr.write("to err\\n")
                signal.pause()
        D("d.pid", stdin=open("prog.py"), stdout=open("d.log", "w"), stderr=open("err", "a+")).start()
        """
    )
    line = ["-W", "ignore::ResourceWarning"]
    done = subprocess.run([sys.executable, *line, str(kit.program)], cwd=kit.folder, env=environment())
    assert done.returncode == 0
    kit.wait_for("signal.pause")
    wait_until(lambda: (kit.folder / "err").read_text() == "to err\n")


def test_lines_are_seen_at_once_and_in_utf_8_whatever_the_locale(kit):
    kit.daemon("print('caf\\u00e9 \\u5716 \\udc80'); " + SLEEP)
    kit.start(env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    kit.wait_for("\\udc80\n")
    assert kit.log.read_text(encoding="utf-8") == "café 圖 \\udc80\n"


def test_sighup_reopens_the_log_that_was_moved_away(kit):
    kit.daemon("print('one')\nwhile True:\n    signal.pause()\n    print('two')")
    daemon = kit.start()
    kit.wait_for("one")
    kit.log.rename(kit.folder / "d.log.1")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(kit.log.exists)
    kit.wait_for("two")
    assert (kit.folder / "d.log.1").read_text() == "one\n"
    assert daemon.descriptors[1] == daemon.descriptors[2] == str(kit.log)


def test_a_log_that_cannot_be_reopened_is_kept(kit):
    (kit.folder / "logs").mkdir()
    kit.write(
        """
        import signal
        from nbmon import Daemon
        class D(Daemon):
            def run(self):
                while True:
                    signal.pause()
                    print("still here")
        D("d.pid", stdout="logs/d.log", stderr="logs/d.log").start()
        """
    )
    assert kit.run().returncode == 0
    (kit.folder / "logs").rename(kit.folder / "old")
    os.kill(kit.process().pid, signal.SIGHUP)
    kept = kit.folder / "old" / "d.log"
    wait_until(lambda: "still here" in kept.read_text())
    assert "cannot open" in kept.read_text()


@pytest.mark.parametrize(
    "handler",
    [
        "logging.FileHandler('a.log')",
        "logging.FileHandler('a.log', mode='w')",
        "logging.handlers.WatchedFileHandler('a.log')",
        "logging.handlers.RotatingFileHandler('a.log', maxBytes=10**6)",
    ],
)
def test_logging_set_up_before_the_start_works_and_is_reopened(kit, handler):
    kit.daemon(
        "while True:\n    LOG.warning('line')\n    signal.pause()",
        attributes=f"""
            global LOG
            import logging, logging.handlers, warnings
            warnings.simplefilter("ignore", ResourceWarning)
            LOG = logging.getLogger("deep.down")
            LOG.addHandler({handler})
            logging.getLogger("deep.down.still")
        """,
    )
    daemon = kit.start()
    log = kit.folder / "a.log"
    wait_until(lambda: log.read_text() == "line\n")
    log.rename(kit.folder / "a.log.1")
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: log.exists() and log.read_text() == "line\n")
    assert (kit.folder / "a.log.1").read_text() == "line\n"
    assert not kit.text()


def test_a_storm_of_sighups_is_harmless(kit):
    kit.daemon("while True: signal.pause()", attributes="def on_reload(self): print('reloaded')")
    daemon = kit.start()
    for _ in range(3000):
        os.kill(daemon.pid, signal.SIGHUP)
    kit.wait_for("reloaded")
    kit.log.unlink()
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: kit.log.exists() and "reloaded" in kit.text())
    assert daemon.alive
    assert "Error" not in kit.text()


def test_a_hook_that_fails_is_logged_and_the_daemon_goes_on(kit):
    kit.daemon("while True: signal.pause()", attributes="def on_reload(self): raise OSError('no config')")
    daemon = kit.start()
    os.kill(daemon.pid, signal.SIGHUP)
    kit.wait_for("OSError: no config")
    assert daemon.alive


def test_the_uncaught_reaches_the_log_with_a_time(kit):
    kit.daemon(f"{WAIT}\nraise KeyError('late')")
    kit.start()
    kit.go()
    kit.wait_for("KeyError: 'late'")
    first = kit.text().splitlines()[0]
    assert first.startswith("20")
    assert "uncaught exception" in first


def test_the_uncaught_of_a_thread_reaches_the_log_with_a_time(kit):
    kit.daemon(
        "import threading\n"
        "def fail(): raise KeyError('in thread')\n"
        "threading.Thread(target=fail, name='worker').start()\nsignal.pause()"
    )
    kit.start()
    kit.wait_for("KeyError: 'in thread'")
    assert "uncaught exception in thread worker" in kit.text().splitlines()[0]


def test_a_hook_of_the_programs_own_is_kept(kit):
    kit.daemon(
        "1 / 0",
        attributes="def own(*args): print('my own', args[0].__name__)\nsys.excepthook = own\nimport sys",
    )
    done = kit.run("start")
    assert done.stderr == "D: ZeroDivisionError: division by zero\n"
    assert kit.text() == "my own ZeroDivisionError\n"


def test_starting_on_a_terminal_does_not_hold_it(kit):
    kit.daemon(SLEEP)
    starter = subprocess.Popen(
        kit.argv("start"), cwd=kit.folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert starter.communicate(timeout=GROSS_HANG)[0] == b""  # ends only when nobody holds the pipe
    assert kit.process().alive
