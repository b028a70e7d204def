"""Real processes for the tests of the pid file: one that holds it, one that is nobody, a stranger."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.proc import GROSS_HANG

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become another user or to mount")

_HOLD = """
import os, signal, subprocess, sys, time
from nbmon.daemon.pidfile import PidFile
pidfile = PidFile(sys.argv[1])
{before}
pidfile.acquire()
{after}
print("held", flush=True)
sys.stdin.read()  # until the test lets go
pidfile.release()
"""

# All that is imported later must be loaded before: an interpreter under /root cannot be read by nobody.
_NOBODY = """
import errno, fcntl, os, select, signal, stat, struct, sys, time
from nbmon.daemon import disk, errors, holder, locks, pidfile, stopping
from nbmon.daemon.pidfile import PidFile
os.setgroups([]); os.setgid(65534); os.setuid(65534)
path = sys.argv[1]
try:
{body}
except errors.DaemonError as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""


class Actor:
    """A child process that the test steers by its standard input."""

    def __init__(self, script: str, *arguments: str | Path) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self._kept: list[str] = []

    def line(self) -> str:
        if self._kept:
            return self._kept.pop(0)
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def find(self, word: str) -> str:
        """What follows `word` in the first line that begins so; the lines before it are kept for `line`."""
        before = []
        while not (line := self.line()).startswith(word):
            assert line, f"ended without {word}: {before}"
            before.append(line)
        self._kept = before
        return line.removeprefix(word)

    def finish(self) -> int:
        """Let go, and wait for the end; the exit code."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(GROSS_HANG)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(GROSS_HANG)

    def close(self) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()


@contextmanager
def actor(script: str, *arguments: str | Path) -> Iterator[Actor]:
    one = Actor(script, *arguments)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def holding(path: Path, before: str = "", after: str = "", first_line: bool = True) -> Iterator[Actor]:
    """A process that holds the pid file at `path`."""
    with actor(_HOLD.format(before=before, after=after), path) as one:
        if first_line:
            assert one.line() == "held"
        yield one


@contextmanager
def stranger() -> Iterator[Actor]:
    """A living process that has nothing to do with any pid file."""
    with actor("import sys; print('here', flush=True); sys.stdin.read()") as one:
        assert one.line() == "here"
        yield one


def run(script: str, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> str:
    """What a script prints; it must exit 0."""
    command = [*prefix, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=GROSS_HANG, check=True)
    return done.stdout.strip()


def as_nobody(body: str, path: Path) -> str:
    """What `body` (which knows `path`) prints when it is run without any right."""
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return run(_NOBODY.format(body=indented), path)


@contextmanager
def open_folder(mode: int = 0o755) -> Iterator[Path]:
    """A folder that every user can reach: pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="nbmon-test-"))
    folder.chmod(mode)
    try:
        yield folder
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def dead_pid() -> int:
    """A pid that was somebody's and is nobody's."""
    process = subprocess.Popen(["true"])
    process.wait(GROSS_HANG)
    return process.pid
