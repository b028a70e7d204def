"""The workers' own logs, on the master's side: one pipe and one scribe for each file.

The master keeps both ends of each pipe: a worker never writes to a pipe without a reader, and a scribe that
was killed is replaced without a line lost.
"""

from __future__ import annotations

import os
import time

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

    def output(self, log: Log | None) -> int:
        """The descriptor to write to; -1 for the common log. WorkerError."""
        if log is None:
            return -1
        if log.path not in self._pipes:
            _check(log.path)
            reading, writing = os.pipe()
            lift = self._processes.ground.high.lift
            self._pipes[log.path] = lift(reading), lift(writing)
            self._start(log)
        return self._pipes[log.path][1]

    def _start(self, log: Log) -> None:
        if log.path not in self._pipes:  # closed meanwhile
            return
        reading = os.dup(self._pipes[log.path][0])

        def live(_: object) -> int:
            from nbmon.workers.procside import host
            from nbmon.workers.scribe import Scribe

            return host(Scribe(reading, log).run)

        name = f"log {log.path}"
        job = Job(name, Worker("process", name), live, lambda death: self._ended(log, death), lambda _: None)
        try:
            self._scribes[log.path] = self._processes.start(job)
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
