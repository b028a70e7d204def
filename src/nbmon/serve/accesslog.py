"""Writes the access log: batches of records, formatted and written by a thread of its own.

Off the request's path on purpose: a disk that hangs, or a pipe that nobody reads, costs lines, never answers.
What waits is bounded; what is lost is counted and said. Several processes may write to one file: it is open
for appending, and a batch is whole lines in one write(2).
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable
from queue import Full, Queue
from time import monotonic

from nbmon.serve.accesslines import FORMATTERS, Form, told
from nbmon.serve.ledger import Record
from nbmon.serve.logs import log_failure, logger, plain

STDOUT = "-"
MODE = 0o640  # addresses of people stand in it
WAITING = 64  # batches, beyond which lines are lost
QUIET = 60.0  # seconds between two records of the same trouble
CLOSING = 2.0  # seconds for the last lines

_Job = list[Record] | Callable[[], None]


class AccessLogError(Exception):
    """The log cannot be written where it was asked to be; `str(error)` is a finished sentence."""


class AccessLog:
    """An access log. `take` is a ledger's sink; any thread may call it, and any process forked later."""

    def __init__(self, path: str, form: Form = "combined", *, users: bool = False) -> None:
        """`path` may be "-" for stdout. `users`: name those who were let in. Raises AccessLogError."""
        self._path = path
        self._render = FORMATTERS[form]
        self._users = users
        self._fd = 1 if path == STDOUT else _open(path)
        self._jobs: Queue[_Job | None] = Queue(WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._reopen = False
        self._lost = 0
        self._quiet_until = 0.0
        os.register_at_fork(after_in_child=self._in_child)

    def take(self, records: list[Record]) -> None:
        """Write these soon. Never waits, never raises."""
        try:
            self._jobs.put_nowait(records)
        except Full:
            self._lost += len(records)
        if self._thread is None:
            self._begin()

    def reopen(self) -> None:
        """Let the next line go to a file newly opened by the log's name. Safe in signal handlers.

        One that was renamed or removed is followed by a new one without this, too.
        """
        self._reopen = True

    def flush(self) -> bool:
        """Wait until what was taken is written, for at most CLOSING seconds; whether it is."""
        if self._thread is None:
            return True
        done = threading.Event()
        try:
            self._jobs.put(done.set, timeout=CLOSING)
        except Full:
            return False
        return done.wait(CLOSING)

    def close(self) -> None:
        """Write what waits, and end. Harmless twice."""
        self.flush()
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(Full):
                self._jobs.put(None, timeout=CLOSING)
            thread.join(CLOSING)
            if thread.is_alive():  # hangs in a write: the descriptor stays its own
                return
        self._close_file()

    def _begin(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nbmon-access-log", daemon=True)
                self._thread.start()

    def _in_child(self) -> None:
        """Threads do not survive a fork; what waits is the parent's to write."""
        self._jobs = Queue(WAITING)
        self._starting = threading.Lock()
        self._thread = None
        self._lost = 0

    def _run(self) -> None:
        jobs = self._jobs
        while (job := jobs.get()) is not None:
            if callable(job):
                job()
                continue
            try:
                self._write(job)
            except Exception as error:  # one batch is lost, the log goes on
                log_failure("a batch of the access log failed", error)

    def _write(self, records: list[Record]) -> None:
        if self._path != STDOUT and (self._reopen or self._is_moved()):
            self._reopen = False
            self._exchange()
        lost, self._lost = self._lost, 0
        if lost:
            self._complain(f"the access log is slower than the requests: {lost} lines are lost")
        try:
            _write_all(self._fd, b"".join([self._line(record) for record in records]))
        except OSError as error:
            self._complain(f"{len(records)} lines of the access log are lost: {error.strerror}")

    def _line(self, record: Record) -> bytes:
        return self._render(told(record, users=self._users))

    def _is_moved(self) -> bool:
        """Whether another file, or none, has the log's name: a reload is told to one process of several."""
        ours = os.fstat(self._fd)
        if not stat.S_ISREG(ours.st_mode):
            return False
        try:
            there = os.stat(self._path)  # noqa: PTH116 - pathlib is slow to load
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _exchange(self) -> None:
        try:
            new = _open(self._path)
        except AccessLogError as error:
            self._complain(f"{error}; the old file is written on")
            return
        self._close_file()
        self._fd = new

    def _close_file(self) -> None:
        fd, self._fd = self._fd, -1
        if fd > 2:
            os.close(fd)

    def _complain(self, sentence: str) -> None:
        now = monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            logger.error("%s", plain(sentence))


def _open(path: str) -> int:
    """Without waiting for the reader of a fifo, which would be a server that never starts."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, MODE)
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise AccessLogError(f"cannot write the access log {plain(path)}: {words}") from error
    os.set_blocking(fd, True)
    return fd


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):  # write(2): a pipe, or a disk that is almost full
        written += os.write(fd, data[written:])
