"""Programs that become daemons, for tests: written to a folder, started for real, looked at, cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from support.proc import GROSS_HANG, Process, wait_until

Answer = TypeVar("Answer")

DAEMON = """\
import os, sys, time, signal
from nbmon import Daemon

HERE = os.getcwd()  # before it stands in /

class D(Daemon):
{body}

if __name__ == "__main__":
    getattr(D("d.pid", stdout="d.log", stderr="d.log"), sys.argv[1])()
"""
SLEEP = "time.sleep(600)"  # goes on after a signal that was handled (PEP 475)


# A line of a body: wait for go(), so that what ends by itself does not end before it was looked at.
WAIT = "while not os.path.exists(os.path.join(HERE, 'go')): time.sleep(0.01)"


class Kit:
    """One folder with one program, its pid file `d.pid` and its log `d.log`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pidfile = folder / "d.pid"
        self.log = folder / "d.log"
        self.program = folder / "prog.py"

    def write(self, text: str) -> None:
        self.program.write_text(textwrap.dedent(text))

    def daemon(self, body: str, *, attributes: str = "") -> None:
        """The program is a class with this `run`."""
        text = textwrap.indent(textwrap.dedent(attributes).strip(), "    ") + "\n"
        text += "    def run(self):\n" + textwrap.indent(textwrap.dedent(body), "        ")
        self.program.write_text(DAEMON.replace("{body}", text))

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-W", "error", str(self.program), *words]

    def run(self, *words: str, env: dict[str, str] | None = None, **more) -> subprocess.CompletedProcess[str]:
        """Run the program to its end; never longer than a gross hang."""
        return subprocess.run(
            self.argv(*words),
            cwd=self.folder,
            env={**environment(), **(env or {})},
            timeout=GROSS_HANG,
            capture_output=True,
            text=True,
            **more,
        )

    def start(self, **more) -> Process:
        """Start it; it must succeed silently. The daemon as /proc shows it."""
        done = self.run("start", **more)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), (done, self.text())
        return self.process()

    def process(self) -> Process:
        return Process(int(self.pidfile.read_text()))

    def go(self) -> None:
        """Let a body that stands at `WAIT` go on: start() has been seen to succeed."""
        (self.folder / "go").touch()

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text(), what=lambda: f"{words!r} in {self.text()!r}")

    def processes(self) -> list[Process]:
        """All living processes that run this folder's program."""
        return [p for p in all_processes() if p.alive and str(self.program) in command_line(p.pid)]

    def clean_up(self) -> None:
        for process in self.processes():
            os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not self.processes(), what="the test's own processes to go")


def environment() -> dict[str, str]:
    """This process's environment without what would change how a daemon starts or prints."""
    drop = {"NOTIFY_SOCKET", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "PYTHONUNBUFFERED"}
    return {name: value for name, value in os.environ.items() if name not in drop}


def quietly(fork: Callable[[], Answer]) -> Answer:
    """Fork the test itself, whose runner has threads of its own; 3.12 would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return fork()


def all_processes() -> list[Process]:
    return [Process(int(name)) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
