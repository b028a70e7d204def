"""Trees of workers as programs of their own, run by the tests and seen through /proc."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.proc import GROSS_HANG, Process, wait_until

MARK = "NBMON_TEST_TREE"
_HEAD = """
import os, signal, sys, time
import nbmon
from nbmon import Supervisor, process, thread, coroutine

def note(*words):
    with open("notes", "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

def serve():
    nbmon.stopping()  # from here on SIGTERM sets the flag
    note("up", nbmon.current_worker().name, os.getpid())
    nbmon.ready()
    nbmon.wait_stopping()
    note("down", nbmon.current_worker().name, os.getpid())

"""
_TAIL = """
if __name__ == "__main__":
    tree.run(on_ready=lambda: note("ready"))
"""


class Tree:
    """A running program whose `tree` is supervised; its notes are the lines that the workers wrote."""

    def __init__(self, folder: Path, body: str, before: Callable[[], object] | None = None) -> None:
        """`before` is called in the process before it becomes the program."""
        self.folder = folder
        script = folder / "tree_program.py"
        script.write_text(_HEAD + textwrap.dedent(body) + _TAIL)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error::DeprecationWarning", str(script)],
                cwd=folder,
                env={**os.environ, MARK: str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=before,
            )
        self.pid = self.process.pid

    @property
    def notes(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, note: str, times: int = 1) -> list[str]:
        """Wait until so many notes begin with `note`; those."""

        def found() -> list[str]:
            return [line for line in self.notes if f"{line} ".startswith(f"{note} ")]

        wait_until(
            lambda: len(found()) >= times, what=lambda: f"{times} × {note!r} in {self.notes} {self.text}"
        )
        return found()

    def wait_for_log(self, words: str) -> None:
        wait_until(lambda: words in self.text, what=lambda: f"{words!r} in {self.text}")

    def pid_of(self, name: str, times: int = 1) -> int:
        """The pid of a worker's `times`th life."""
        return int(self.wait_for(f"up {name}", times)[times - 1].split()[2])

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.process.wait(GROSS_HANG)

    def children(self) -> list[Process]:
        found = []
        for pid in self.processes():
            process = Process(pid)
            try:
                if process.parent == self.pid:
                    found.append(process)
            except OSError:
                pass
        return found

    def processes(self) -> list[int]:
        """All that live and came of this program, whoever their parent is now."""
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self._is_ours(pid)]

    def _is_ours(self, pid: str) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        return f"{MARK}={self.folder}".encode() in environment and Process(int(pid)).alive

    def wait_until_nothing_is_left(self) -> None:
        wait_until(lambda: not self.processes(), what=lambda: f"nothing left of it: {self.processes()}")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@contextmanager
def running(folder: Path, body: str, ready: bool = True) -> Iterator[Tree]:
    tree = Tree(folder, body)
    try:
        if ready:
            tree.wait_for("ready")
        yield tree
    finally:
        tree.end()
