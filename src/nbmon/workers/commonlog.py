"""Prefixes in the common log, on the master's side: a pipe for each process, one writer for them all.

A pipe lives as long as its process, so that two lives never share a line. The master keeps its reading end:
nobody writes to a pipe without a reader, and a writer that was killed is replaced. What is in the pipes is
not lost then, but what the writer had read and not yet written is. Without a prefix, nothing of this exists.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import Any

from nbmon.workers.child import Child
from nbmon.workers.errors import WorkerError
from nbmon.workers.log import say
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death
from nbmon.workers.processes import Job, Processes, Running
from nbmon.workers.spec import Worker

DRAIN_TIME = 10.0  # seconds
PAUSE = 1.0  # seconds before a writer that died is replaced, or a full socket tried again


@dataclass
class Stream:
    """What one process writes."""

    name: str
    reading: int
    is_sent: bool = False  # the writer has it
    is_over: bool = False  # its process is gone


class CommonLog:
    """All pipes to it, and its writer."""

    def __init__(self, loop: Loop, processes: Processes) -> None:
        self._loop = loop
        self._processes = processes
        self._streams: dict[int, Stream] = {}  # by the reading end
        self._of_pid: dict[int, Stream] = {}
        self._sock: socket.socket | None = None
        self._writer: Running | None = None
        self._retries = False
        self._closed = False

    def start(self, job: Job) -> Running:
        """Start a process whose lines carry its name. WorkerError, OSError."""
        reading, writing = self._pipe()
        try:
            job.output = writing
            running = self._processes.start(job)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        stream = Stream(job.name, reading)
        self._streams[reading] = stream
        self._follow(running, stream)
        self._send_all()
        return running

    def _pipe(self) -> tuple[int, int]:
        lift = self._processes.ground.high.lift
        reading, writing = os.pipe()
        try:
            reading = lift(reading)
        except OSError:
            os.close(writing)
            raise
        try:
            os.set_blocking(reading, False)
            return reading, lift(writing)
        except OSError:
            os.close(reading)
            raise

    def _follow(self, running: Running, stream: Stream) -> None:
        pid, job = running.child.pid, running.job
        self._of_pid[pid] = stream
        then = job.ended

        def ended(death: Death) -> None:
            del self._of_pid[pid]
            stream.is_over = True
            self._forget(stream)
            then(death)

        job.ended = ended

    def _forget(self, stream: Stream) -> None:
        """Once the writer has it and nobody is to come, it is the writer's alone."""
        if stream.is_over and stream.is_sent and self._streams.pop(stream.reading, None) is not None:
            os.close(stream.reading)

    # --- the writer ---

    def _send_all(self) -> None:
        if self._writer is None and not self._start_writer():
            return
        assert self._sock is not None
        for stream in [one for one in self._streams.values() if not one.is_sent]:
            try:
                socket.send_fds(self._sock, [stream.name.encode()], [stream.reading])
            except OSError:  # it has no room, or is dying
                self._retry()
                return
            stream.is_sent = True
            self._forget(stream)

    def _retry(self) -> None:
        if not self._retries:
            self._retries = True
            self._loop.after(PAUSE, self._again)

    def _again(self) -> None:
        self._retries = False
        if not self._closed:
            self._send_all()

    def _start_writer(self) -> bool:
        if self._retries or self._closed:  # one has just died, or could not be started
            return False
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self._sock = socket.socket(fileno=self._processes.ground.high.lift(ours.detach()))
                self._sock.setblocking(False)
                self._writer = self._processes.start(self._job(theirs))
            finally:
                theirs.close()
        except (OSError, WorkerError) as error:
            say(f"the common log has no writer: {error}")
            self._retry()
            return False
        return True

    def _job(self, theirs: socket.socket | None) -> Job:
        def live(_: object) -> int:
            from nbmon.workers.commonscribe import CommonScribe
            from nbmon.workers.procside import host

            assert theirs is not None
            return host(CommonScribe(theirs).run)

        worker = Worker("process", "common-log")
        return Job("the common log", worker, live, self._ended, lambda _word: None)

    def _ended(self, death: Death) -> None:
        self._writer = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._closed:
            return
        say(f"the writer of the common log {death.sentence} and is replaced")
        for stream in self._streams.values():
            stream.is_sent = False
        self._retry()

    def close(self) -> None:
        """Let the writer write what is in the pipes, while the disk takes it."""
        if self._writer is not None:
            self._send_all()
        self._closed = True
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        until = time.monotonic() + DRAIN_TIME
        while self._writer is not None and (left := until - time.monotonic()) > 0:
            self._loop.turn(lambda: None, left)
        for stream in self._streams.values():
            os.close(stream.reading)
        self._streams.clear()

    # --- an upgrade ---

    def written(self) -> dict[str, Any]:
        """For the next image: the writer's socket, pid and pidfd; of each process, its name and pipe."""
        child = None if self._writer is None else self._writer.child
        sock = None if self._sock is None else self._sock.fileno()
        pids = {stream.reading: pid for pid, stream in self._of_pid.items()}
        return {
            "writer": [sock, child.pid, child.pidfd] if child is not None else [],
            "streams": [
                [pids.get(one.reading, -1), one.name, one.reading, one.is_sent]
                for one in self._streams.values()
            ],
        }

    def take_over(self, written: dict[str, Any]) -> None:
        """In the next image, when its processes are known."""
        for fd in descriptors(written):
            os.set_inheritable(fd, False)
        for pid, name, reading, is_sent in written["streams"]:
            stream = self._streams[reading] = Stream(name, reading, is_sent, is_over=True)
            if (running := self._processes.running.get(pid)) is not None:
                stream.is_over = False
                self._follow(running, stream)
            self._forget(stream)
        if written["writer"]:
            sock, pid, pidfd = written["writer"]
            self._sock = socket.socket(fileno=sock)
            self._writer = Running(self._job(None), Child(pid, pidfd), time.monotonic())
            self._processes.go_on(self._writer)
        if self._streams:
            self._send_all()


def descriptors(written: dict[str, Any]) -> list[int]:
    """Those that `written` names."""
    return [*written["writer"][::2], *(reading for _, _, reading, _ in written["streams"])]
