"""The command line as a person has it: a real process, with its own places, and nothing left afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.proc import GROSS_HANG, Process, wait_until

PROGRAMS = """
import signal
import sys
import time

from nbmon import Daemon


class Ticker(Daemon):
    def run(self):
        print("ticking", flush=True)
        while True:
            time.sleep(60)


class Own(Daemon):
    def __init__(self):
        super().__init__("own.pid", stdout="own.log", stderr="own.log")

    run = Ticker.run


class Takes(Daemon):
    def __init__(self, pidfile, colour="red"):
        super().__init__(pidfile)

    run = Ticker.run


class Reloads(Ticker):
    def on_reload(self):
        print("reloaded", flush=True)


class Slow(Daemon):
    wait_ready = True
    start_timeout = 0.3
    run = Ticker.run


class Deaf(Daemon):
    def run(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)


class Astray(Ticker):
    def __init__(self):
        super().__init__("missing/some.pid")


class AstrayLog(Ticker):
    def __init__(self):
        super().__init__("some.pid", stdout="missing/some.log")


class Exits(Daemon):
    def run(self):
        sys.exit("no database at all")


class Raises(Daemon):
    def run(self):
        raise ValueError("run is broken")


class BadInit(Daemon):
    def __init__(self):
        raise ValueError("cannot be made")


class Needs(Daemon):
    def __init__(self, pidfile, colour):
        super().__init__(pidfile)


class NoDaemon:
    pass


value = 3
"""


class NbMon:
    """`nbmon` with its own working directory, runtime folder and state folder."""

    def __init__(self, home: Path):
        self.home = home
        self.runtime = home / "run"
        self.state = home / "state"
        self.cwd = home / "here"
        self.runtime.mkdir(mode=0o700)
        self.cwd.mkdir()
        places = {
            "XDG_RUNTIME_DIR": self.runtime,
            "XDG_STATE_HOME": self.state,
            "XDG_CACHE_HOME": home / "cache",
        }
        self.env = {
            **os.environ,
            **{k: str(v) for k, v in places.items()},
            "HOME": str(home),
            "NO_COLOR": "1",
        }
        # Under a service manager `start` stays in the foreground; where the tests run must not matter.
        for name in (
            "NOTIFY_SOCKET",
            "INVOCATION_ID",
            "PYTHONIOENCODING",
            "LISTEN_FDS",
            "LISTEN_PID",
            "COLUMNS",
            "LINES",
        ):
            self.env.pop(name, None)

    def __call__(self, *words, code=0, env=None, **options):
        """Run it to its end, which must have the exit code; what it printed."""
        done = self.tried(*words, env=env, **options)
        assert done.returncode == code, (words, done)
        return done

    def tried(self, *words, env=None, program=None, **options):
        return subprocess.run(
            self.argv(*words, program=program),
            **{"cwd": self.cwd, "text": True, "timeout": GROSS_HANG, "stdin": subprocess.DEVNULL}
            | {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": {**self.env, **(env or {})}}
            | options,
        )

    def argv(self, *words, program=None):
        what = ["-m", "nbmon"] if program is None else [program]
        return [sys.executable, *what, *map(str, words)]

    def background(self, *words, **options):
        return subprocess.Popen(
            self.argv(*words),
            **{"cwd": self.cwd, "text": True, "env": self.env, "stdin": subprocess.DEVNULL}
            | {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            | options,
        )

    def view(self, name):
        return json.loads(self.tried("status", name, "--json").stdout)

    def pids(self):
        """Those that run now, by their pid files."""
        found = [path.read_text().strip() for path in self.home.rglob("*.pid")]
        pids = [int(text) for text in found if text.isdigit() and int(text) > 1]
        return [pid for pid in pids if b"nbmon" in cmdline(pid)]

    def left(self):
        """What is in the runtime folder: pid files, records, sockets."""
        folder = self.runtime / "nbmon"
        return sorted(os.listdir(folder)) if folder.is_dir() else []


def cmdline(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def nbmon(tmp_path):
    made = NbMon(tmp_path)
    yield made
    names = [one["name"] for one in json.loads(made.tried("status", "--json").stdout or "[]")]
    for name in names:
        made.tried("stop", "--grace", "2", name)
    wait_until(lambda: not [pid for pid in made.pids() if Process(pid).alive], what="daemons end")


@pytest.fixture
def programs(nbmon):
    (nbmon.cwd / "programs.py").write_text(PROGRAMS)
    return nbmon


@pytest.fixture
def holiday(nbmon):
    folder = nbmon.cwd / "holiday"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return folder
