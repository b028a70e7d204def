"""The process that writes the lines of all workers with prefixes to the common log, which is stderr.

It hears of each worker's pipe over a socket, as a name and a descriptor (SCM_RIGHTS, unix(7)).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat

from nbmon.workers.highfds import raise_limit
from nbmon.workers.prefixer import LONGEST_LINE, Prefixer
from nbmon.workers.rotation import fitting_lines
from nbmon.workers.scribe import Writer

CHUNK = 16 * 1024  # bytes read at once: of empty lines, each grows by a name
MOST_LEFT = 64  # reads at the end of what is left in a pipe, which may be of 1 MiB
LONGEST_NAME = 4096  # bytes
STDERR = 2


class CommonScribe(Writer):
    """Reads many pipes, until the socket's end; then what is left in them."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(Stderr())
        self._sock = sock
        self._pipes: dict[int, Prefixer] = {}
        self._poller = select.epoll()

    def _read(self) -> None:
        raise_limit()  # one descriptor for each worker
        self._poller.register(self._sock.fileno(), select.EPOLLIN)
        while True:
            for fd, _ in self._poller.poll():
                if fd != self._sock.fileno():
                    self._copy(fd)
                elif not self._hear():
                    self._finish()
                    return

    def _hear(self) -> bool:
        """Take a pipe that the master has sent; False at the end."""
        name, fds, _, _ = socket.recv_fds(self._sock, LONGEST_NAME, 1)
        for fd in fds:  # none, if no descriptor was left for it
            self._pipes[fd] = Prefixer(name.decode())
            self._poller.register(fd, select.EPOLLIN)
        return bool(name)

    def _copy(self, fd: int) -> bool:
        """Take what one worker has written; whether there may be more."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        lines = self._pipes[fd].feed(data) if data else self._pipes.pop(fd).end()
        if not data:
            self._poller.unregister(fd)  # the master has it too, so that closing would not do (epoll(7))
            os.close(fd)
        if lines:
            self._take(lines)
        return bool(data)

    def _finish(self) -> None:
        """The workers are gone; who escaped and still has a pipe is not waited for."""
        for fd in list(self._pipes):
            for _ in range(MOST_LEFT):
                if not self._copy(fd):
                    break
            if fd in self._pipes and (lines := self._pipes[fd].end()):
                self._take(lines)


class Stderr:
    """The common log, written in portions that it does not mix with others'."""

    def write(self, data: bytes) -> None:
        """Write whole lines. OSError."""
        most = LONGEST_LINE if stat.S_ISFIFO(os.fstat(STDERR).st_mode) else len(data)
        while data:
            portion = fitting_lines(data, most, is_empty=True)
            _put(data[:portion])
            data = data[portion:]

    def close(self) -> None:
        """It stays open."""


def _put(data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(STDERR, view) :]
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
            select.select((), (STDERR,), ())  # somebody has made it non-blocking
