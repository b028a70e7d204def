"""Running programs that become daemons, and leaving no process of theirs behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from support.proc import GROSS_HANG, Process, wait_until

MARK = "NBMON_TEST_FOLDER"


def _carries(pid: str, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone meanwhile, or another user's
        return False


class Runner:
    """Runs the scripts of `programs` with `folder` as working directory; every process that comes of it
    carries the folder's name in its environment, by which `end_all` finds it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.environment = {**os.environ, MARK: str(folder), "PYTHONWARNINGS": "error::DeprecationWarning"}

    def command(self, name: str, *words: str) -> list[str]:
        return [sys.executable, str(self.programs / f"{name}.py"), *words]

    def __call__(self, name: str, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        # A daemon that held on to the pipes would keep this from returning: promptness is tested by it.
        plumbing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.run(
            self.command(name, *words),
            cwd=self.folder,
            **{"env": self.environment, "text": True, "timeout": GROSS_HANG, **plumbing, **options},
        )

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="surrogateescape") if path.is_file() else ""

    def says(self, name: str, text: str) -> None:
        """Wait until file `name` holds `text`."""
        wait_until(lambda: text in self.read(name), what=lambda: f"{text!r} in {self.read(name)!r}")

    def pid(self, pidfile: str = "shape.pid") -> int:
        # A program that writes the file by itself may be between creating and filling it.
        wait_until(lambda: self.read(pidfile).endswith("\n"), what=f"a pid in {pidfile}")
        return int(self.read(pidfile))

    def daemon(self, pidfile: str = "shape.pid") -> Process:
        return Process(self.pid(pidfile))

    def processes(self) -> list[int]:
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _carries(pid, str(self.folder))]

    def end_all(self) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
