"""The process that writes a log: one thread reads what the workers say, another writes to the disk.

What a slow or full disk does not take is dropped, and counted in the log: the workers are never held up.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Protocol

from nbmon.workers.rotation import RotatedFile
from nbmon.workers.spec import Log

LARGEST_BACKLOG = 4 * 1024 * 1024  # bytes that wait for the disk
LONGEST_LINE = 64 * 1024  # bytes; what is longer is broken
CHUNK = 64 * 1024  # bytes read at once
RETRY = 1.0  # seconds between two tries of a disk that takes nothing


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes) -> None:
        """Write whole lines. OSError if they are not taken; the next write tries again."""

    def close(self) -> None:
        """After an error."""


class Writer:
    """Writes in a thread of its own what is taken, and drops what there is too much of."""

    def __init__(self, sink: Sink) -> None:
        self._file = sink
        self._backlog: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        self._over = False
        self._change = threading.Condition()

    def run(self) -> int:
        """The whole life of the process; the exit code."""
        writer = threading.Thread(target=self._write, name="nbmon-writer", daemon=True)
        writer.start()
        self._read()
        with self._change:
            self._over = True
            self._change.notify()
        writer.join()
        return 0

    def _read(self) -> None:
        """Take what there is to be written, until the end."""
        raise NotImplementedError

    def _take(self, data: bytes) -> None:
        with self._change:
            if self._size + len(data) > LARGEST_BACKLOG:
                self._dropped += len(data)
                return
            self._backlog.append(data)
            self._size += len(data)
            self._change.notify()

    def _write(self) -> None:
        while True:
            with self._change:
                while not self._backlog and not self._over:
                    self._change.wait()
                if not self._backlog:
                    return
                data = self._backlog.popleft()
                self._size -= len(data)
                dropped, self._dropped = self._dropped, 0
            self._write_one(data, dropped)

    def _write_one(self, data: bytes, dropped: int) -> None:
        note = b"nbmon: %d bytes are missing here: the disk did not take them\n" % dropped if dropped else b""
        try:
            self._file.write(note + data)
        except OSError:
            self._file.close()
            with self._change:
                self._dropped += dropped + len(data)
                self._change.wait_for(lambda: self._over, RETRY)


class Scribe(Writer):
    """Copies from a pipe to a rotated file, until the pipe's end."""

    def __init__(self, reading: int, log: Log) -> None:
        super().__init__(RotatedFile(log.path, log.size, log.files))
        self._reading = reading

    def _read(self) -> None:
        rest = b""
        while data := os.read(self._reading, CHUNK):
            whole, feed, rest = (rest + data).rpartition(b"\n")
            if len(rest) > LONGEST_LINE:
                whole, feed, rest = whole + feed + rest, b"\n", b""
            if whole or feed:
                self._take(whole + feed)
        if rest:
            self._take(rest + b"\n")
