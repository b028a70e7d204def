"""The workers' own logs, on the master's side: one pipe and one scribe for each file.

The master keeps both ends of each pipe: a worker never writes to a pipe without a reader. A scribe that was
killed is replaced; what is in the pipe is not lost, but what the scribe had read and not yet written is.
"""

from __future__ import annotations

import os
import time

from nbmon.workers.child import Child
from nbmon.workers.errors import WorkerError
from nbmon.workers.log import say
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death
from nbmon.workers.processes import Job, Processes, Running
from nbmon.workers.spec import Log, Worker

DRAIN_TIME = 10.0  # seconds
PAUSE = 1.0  # seconds before a scribe that died is replaced


class Logs:
    """All logs of a master, by their paths."""

    def __init__(self, loop: Loop, processes: Processes) -> None:
        self._loop = loop
        self._processes = processes
        self._pipes: dict[str, tuple[int, int]] = {}
        self._scribes: dict[str, Running] = {}
        self._kept: dict[str, Log] = {}

    def output(self, log: Log | None) -> int:
        """The descriptor to write to; -1 for the common log. WorkerError."""
        if log is None:
            return -1
        if log.path not in self._pipes:
            _check(log.path)
            reading, writing = os.pipe()
            lift = self._processes.ground.high.lift
            self._pipes[log.path] = lift(reading), lift(writing)
            self._kept[log.path] = log
            self._start(log)
        return self._pipes[log.path][1]

    def written(self) -> dict[str, list[int]]:
        """For the next image of this process: of each, its pipe, its scribe's pid and pidfd, its bounds."""
        found = {}
        for path, pipe in self._pipes.items():
            scribe, log = self._scribes.get(path), self._kept[path]
            child = (-1, -1) if scribe is None else (scribe.child.pid, scribe.child.pidfd)
            found[path] = [*pipe, *child, log.size, log.files]
        return found

    def take_over(self, written: dict[str, list[int]]) -> None:
        """In the next image."""
        for path, (reading, writing, pid, pidfd, size, files) in written.items():
            log = self._kept[path] = Log(path, size, files)
            self._pipes[path] = reading, writing
            for fd in (reading, writing, pidfd):
                if fd >= 0:
                    os.set_inheritable(fd, False)
            if pid < 0:
                self._start(log)
                continue
            self._scribes[path] = Running(self._job(log, -1), Child(pid, pidfd), time.monotonic())
            self._processes.go_on(self._scribes[path])

    def _job(self, log: Log, reading: int) -> Job:
        def live(_: object) -> int:
            from nbmon.workers.procside import host
            from nbmon.workers.scribe import Scribe

            return host(Scribe(reading, log).run)

        name = f"log {log.path}"
        return Job(name, Worker("process", name), live, lambda death: self._ended(log, death), lambda _: None)

    def _start(self, log: Log) -> None:
        if log.path not in self._pipes:  # closed meanwhile
            return
        reading = os.dup(self._pipes[log.path][0])
        try:
            self._scribes[log.path] = self._processes.start(self._job(log, reading))
        except WorkerError as error:
            say(str(error))
            self._loop.after(PAUSE, lambda: self._start(log))
        finally:
            os.close(reading)

    def _ended(self, log: Log, death: Death) -> None:
        del self._scribes[log.path]
        if log.path in self._pipes:
            say(f"the writer of {log.path} {death.sentence} and is replaced")
            self._loop.after(PAUSE, lambda: self._start(log))

    def close(self) -> None:
        """Close the pipes, and let the scribes write what is in them, while the disk takes it."""
        for reading, writing in self._pipes.values():
            os.close(reading)
            os.close(writing)
        self._pipes.clear()
        until = time.monotonic() + DRAIN_TIME
        while self._scribes and (left := until - time.monotonic()) > 0:
            self._loop.turn(lambda: None, left)


def _check(path: str) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640))
    except OSError as error:
        raise WorkerError(f"cannot write the log {path}: {error.strerror}") from None
