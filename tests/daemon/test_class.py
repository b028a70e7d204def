"""The class as the recipe's users know it: what each method prints, returns and exits with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from nbmon import Daemon
from support.kit import SLEEP, WAIT, command_line
from support.proc import wait_until


def test_the_old_positional_order_holds():
    d = Daemon("p", "i", "o", "e")
    assert (d.pidfile, d.stdin, d.stdout, d.stderr) == ("p", "i", "o", "e")


def test_defaults_are_the_designs():
    d = Daemon()
    assert (d.pidfile, d.stdin, d.stdout, d.stderr) == ("nbmon.pid", "/dev/null", "nbmon.log", "nbmon.log")


def test_the_other_variants_extras_are_taken():
    d = Daemon("p", home_dir=".", umask=0o27, verbose=1)
    assert (d.working_directory, d.umask, d.verbose) == (os.getcwd(), 0o27, 1)


def test_a_second_start_names_the_pid_file_and_exits_1(kit):
    kit.daemon(SLEEP)
    pid = kit.start().pid
    done = kit.run("start")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"D: already running with pid {pid}: pid file {kit.pidfile} is held by it\n"


def test_stop_ends_it_and_returns_once_it_is_gone(kit):
    kit.daemon(SLEEP)
    daemon = kit.start()
    done = kit.run("stop")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.alive
    assert not kit.pidfile.exists()


def test_stop_without_a_daemon_says_so_and_exits_0(kit):
    kit.daemon(SLEEP)
    done = kit.run("stop")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"D: not running (pid file {kit.pidfile})\n"


def test_restart_gives_another_pid(kit):
    kit.daemon(SLEEP)
    before = kit.start()
    assert kit.run("restart").returncode == 0
    assert not before.alive
    assert kit.process().alive


def test_restart_of_what_does_not_run_starts_it(kit):
    kit.daemon(SLEEP)
    assert kit.run("restart").returncode == 0
    assert kit.process().alive


def test_reload_without_a_daemon_exits_1(kit):
    kit.daemon(SLEEP)
    done = kit.run("reload")
    assert (done.returncode, done.stderr) == (1, f"D: not running (pid file {kit.pidfile})\n")


def test_reload_calls_the_hook(kit):
    kit.daemon(SLEEP, attributes="def on_reload(self): print('reloaded')")
    kit.start()
    assert kit.run("reload").returncode == 0
    kit.wait_for("reloaded")


def test_status_prints_one_line_and_returns_lsbs_number(kit):
    kit.write(
        f"""
        import sys, time
        from nbmon import Daemon
        class D(Daemon):
            def run(self): {SLEEP}
        d = D("d.pid", stdout="d.log", stderr="d.log")
        if sys.argv[1] == "start":
            d.start()
        else:
            print(d.status(), d.is_running(), d.get_pid())
        """
    )
    name = f"(pid file {kit.pidfile})"
    assert kit.run("status").stdout == f"D is not running {name}\n3 False None\n"
    daemon = kit.start()
    assert kit.run("status").stdout == f"D is running with pid {daemon.pid} {name}\n0 True {daemon.pid}\n"
    os.kill(daemon.pid, signal.SIGKILL)
    wait_until(lambda: not daemon.alive)
    assert kit.run("status").stdout == f"D is dead, its pid file {kit.pidfile} is left\n1 False None\n"


def test_a_verbose_daemon_says_what_was_done(kit):
    kit.daemon(
        SLEEP, attributes="verbose = 1\ndef __init__(self, *w, **m): super().__init__(*w, verbose=1, **m)"
    )
    done = kit.run("start")
    pid = kit.process().pid
    assert done.stdout == f"D started with pid {pid}\n"
    assert kit.run("stop").stdout == f"D stopped (was pid {pid})\n"


def test_an_init_that_never_calls_ours_works(kit):
    kit.write(
        f"""
        import time
        from nbmon import Daemon
        class D(Daemon):
            def __init__(self):
                self.pidfile = "d.pid"
                self.stdout = self.stderr = "d.log"
            def run(self): {SLEEP}
        D().start()
        """
    )
    assert kit.run().returncode == 0
    assert kit.process().alive


def test_a_static_run_works(kit):
    kit.daemon(
        "pass", attributes="@staticmethod\ndef run(): time.sleep(600)\ndef unused(self): pass\nold = run"
    )
    kit.program.write_text(kit.program.read_text().replace("    def run(self):\n        pass\n", ""))
    assert kit.start().alive


def test_a_program_may_use_the_kits_own_words_as_attributes(kit):
    kit.daemon(SLEEP, attributes="ready = name = held = inside = None")
    assert kit.start().alive


def test_a_class_without_run_is_told(kit):
    kit.write("from nbmon import Daemon\nDaemon('d.pid', stdout='d.log', stderr='d.log').start()")
    done = kit.run()
    assert done.returncode == 1
    assert done.stderr == ("Daemon: NotImplementedError: Daemon has no run() of its own: override it\n")


def test_daemonize_and_run_by_hand(kit):
    kit.daemon(SLEEP, attributes="def start(self):\n    self.daemonize()\n    self.run()")
    assert kit.start().cwd == "/"
    assert kit.run("stop").returncode == 0


def test_an_overridden_daemonize_that_calls_ours(kit):
    kit.daemon(
        SLEEP,
        attributes="def daemonize(self):\n    super().daemonize()\n    print('mine', self.pidfile)",
    )
    kit.start()
    kit.wait_for(f"mine {kit.pidfile}")


OWN_DAEMONIZE = """
    def daemonize(self):
        if os.fork(): sys.exit(0)
        os.setsid()
        if os.fork(): sys.exit(0)
        for fd in (0, 1, 2): os.dup2(os.open(os.devnull, os.O_RDWR), fd)
        with open(self.pidfile, "w") as f: f.write("%d\\n" % os.getpid())
"""


def test_a_daemonize_of_the_programs_own_is_held_all_the_same(kit):
    kit.daemon("os.chdir('/'); " + SLEEP, attributes=OWN_DAEMONIZE)
    assert kit.run("start", stdin=subprocess.DEVNULL).returncode == 0
    wait_until(lambda: kit.pidfile.exists() and len(kit.processes()) == 1 and kit.processes()[0].cwd == "/")
    assert kit.run("start").returncode == 1
    assert kit.run("stop").returncode == 0
    assert not kit.processes()


def test_delpid_by_hand_removes_the_daemons_own_file_only(kit):
    kit.daemon("self.delpid(); self.delpid(); print('gone', os.path.exists(self.pidfile)); " + SLEEP)
    assert kit.run("start").returncode == 0
    kit.wait_for("gone False")


def test_delpid_registered_in_the_starter_leaves_the_file(kit):
    kit.daemon(
        SLEEP,
        attributes="def start(self):\n    import atexit; atexit.register(self.delpid)\n    super().start()",
    )
    assert kit.start().alive
    assert kit.pidfile.exists()


@pytest.mark.parametrize(
    "body",
    ["pass", "sys.exit(0)", "1 / 0", SLEEP],
    ids=["return", "exit", "exception", "sigterm"],
)
def test_any_orderly_end_removes_the_pid_file_and_runs_what_was_registered(kit, body):
    kit.daemon(
        "import atexit\natexit.register(lambda: print('at exit'))\n"
        f"try:\n    {WAIT}\n    {body}\nfinally:\n    print('finally')"
    )
    daemon = kit.start()
    kit.go()
    if body == SLEEP:
        os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: not daemon.alive)
    assert not kit.pidfile.exists()
    assert "finally" in kit.text()
    assert "at exit" in kit.text()


def test_a_sigterm_handler_of_the_programs_own_is_kept(kit):
    kit.daemon(
        SLEEP,
        attributes="def own(*_):\n    print('my own')\n    sys.exit(0)\nsignal.signal(signal.SIGTERM, own)",
    )
    kit.start()
    assert kit.run("stop").returncode == 0
    assert kit.text() == "my own\n"


def test_a_bare_except_does_not_outlive_stop(kit):
    kit.daemon(
        "import atexit\natexit.register(lambda: print('at exit'))\n"
        "while True:\n    try:\n        time.sleep(600)\n    except:\n        print('swallowed')",
        attributes="stop_timeout = 600.0",
    )
    kit.start()
    assert kit.run("stop").returncode == 0
    assert kit.text() == "swallowed\nat exit\n"
    assert not kit.pidfile.exists()


def test_a_long_cleaning_up_is_not_cut_short(kit):
    kit.daemon(
        "try:\n    time.sleep(600)\nfinally:\n    time.sleep(2.5)\n    print('cleaned')",
        attributes="stop_timeout = 600.0",
    )
    kit.start()
    assert kit.run("stop").returncode == 0
    assert kit.text() == "cleaned\n"


def test_threads_started_in_run_are_fine(kit):
    kit.daemon(
        "import threading\n"
        "t = threading.Thread(target=lambda: (print('in thread'), time.sleep(600)), daemon=True)\n"
        "t.start()\nt.join()"
    )
    kit.start()
    kit.wait_for("in thread")
    assert kit.run("stop").returncode == 0


def test_a_daemon_without_a_pid_file(kit):
    kit.write(
        """
        import sys, time
        from nbmon import Daemon
        class D(Daemon):
            def run(self): time.sleep(600)
        getattr(D(None, stdout="d.log", stderr="d.log"), sys.argv[1])()
        """
    )
    assert kit.run("start").returncode == 0
    wait_until(lambda: len(kit.processes()) == 1)
    for verb in ("stop", "status", "reload"):
        done = kit.run(verb)
        assert done.returncode == 1
        assert done.stderr == "D: it has no pid file (pidfile=None), so it cannot be found; give it a path\n"


LAUNCH = """
import os, sys, time
from nbmon.daemon import Daemon, launch, DaemonError, StartFailed, AlreadyRunning
class D(Daemon):
    wait_ready = True
    {body}
try:
    launched = launch(D("d.pid", stdout="d.log", stderr="d.log"))
    print("launched", launched.pid, repr(launched.note))
except AlreadyRunning as error:
    print("running", error.pid, error.pidfile)
except StartFailed as error:
    print("failed", error.reason, bool(error.traceback))
finally:
    print("the caller goes on", file=sys.stderr)
"""


def launching(kit, body):
    kit.program.write_text(LAUNCH.replace("{body}", body))
    return kit.run()


def test_launch_returns_in_the_starter_with_the_note(kit):
    done = launching(kit, "def run(self): self.ready('at http://x/\\n\\u5716'); time.sleep(600)")
    assert done.stdout == f"launched {kit.process().pid} 'at http://x/\\n\u5716'\n"
    assert done.stderr == "the caller goes on\n"
    assert kit.process().alive


def test_launch_raises_what_happened_in_the_daemon(kit):
    done = launching(kit, "def run(self): raise OSError('no disk')")
    assert done.stdout == "failed OSError: no disk True\n"
    assert done.stderr == "the caller goes on\n"
    assert not kit.pidfile.exists()


def test_launch_raises_when_one_runs(kit):
    launching(kit, "def run(self): self.ready(); time.sleep(600)")
    pid = kit.process().pid
    assert kit.run().stdout == f"running {pid} {kit.pidfile}\n"


def test_launch_never_lets_the_daemon_climb_into_the_caller(kit):
    launching(
        kit,
        "def run(self):\n"
        "        import atexit; atexit.register(print, 'at exit'); self.ready(); sys.exit('why')",
    )
    kit.wait_for("at exit")
    wait_until(lambda: not kit.processes())
    assert kit.text() == "why\nat exit\n"
    assert not kit.pidfile.exists()


def test_launch_reports_the_uncaught_in_the_log(kit):
    launching(kit, "def run(self): self.ready(); raise KeyError('late')")
    kit.wait_for("KeyError: 'late'")
    assert "the caller goes on" not in kit.text()


def test_launch_of_a_daemonize_of_the_programs_own(kit):
    own = OWN_DAEMONIZE.replace("wait_ready", "x")
    done = launching(kit, own.strip() + "\n    def run(self): time.sleep(600)")
    assert done.stdout.startswith("launched ")
    wait_until(lambda: len(kit.processes()) == 1)
    assert done.stdout.count("launched") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can drop privileges")
def test_rights_that_cannot_be_dropped_are_told(kit):
    kit.daemon(SLEEP, attributes="uid = 'nobody-of-this-name'")
    done = kit.run("start")
    assert (done.returncode, done.stderr) == (
        1,
        "D: there is no user 'nobody-of-this-name'; name one that `getent passwd` lists\n",
    )


HEAVY = ("dataclasses", "re", "logging", "ctypes", "socket", "threading", "pathlib", "signal", "subprocess")


def test_importing_the_class_is_light():
    line = (
        "import sys, nbmon; before = set(sys.modules); nbmon.Daemon('x'); print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint(HEAVY), done.stdout


def test_processes_are_told_by_their_command_line(kit):
    assert str(kit.program) not in command_line(os.getpid())
