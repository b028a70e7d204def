"""A load generator: connections that ask again as soon as they are answered, and slow ones. HTTP/1.1.

One epoll loop in one process. Must know nothing of the server but that it answers with a Content-Length.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

READ = 1 << 18  # bytes
SLOW_READ = 1 << 10  # bytes that a slow client takes at a time
SLOW_EVERY = 0.02  # seconds between two such times, all slow clients together
SLOW_BUFFER = 1 << 12  # bytes that the kernel may hold for it
PATIENCE = 5.0  # seconds to connect
THEN_EVERY = 0.5  # seconds
GAP = b"\r\n\r\n"

clock = time.perf_counter


@dataclass(slots=True)
class Tally:
    """What the busy connections saw."""

    requests: int = 0
    errors: int = 0
    bytes: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds


def request(path: str, port: int) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()


def connected(port: int, buffer: int = 0) -> socket.socket:
    """A connection. OSError."""
    line = socket.socket()
    if buffer:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    line.settimeout(PATIENCE)
    line.connect(("127.0.0.1", port))
    line.setblocking(False)
    return line


class Busy:
    """One connection that asks, takes the answer, and asks again."""

    def __init__(self, port: int, asked: bytes, tally: Tally) -> None:
        self.line = connected(port)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port, self.asked, self.tally = port, asked, tally
        self.head, self.left, self.begun = b"", -1, 0.0  # left: bytes of the body; -1 before the head's end

    def ask(self) -> None:
        """A request, which fits any socket's buffer."""
        self.head, self.left, self.begun = b"", -1, clock()
        self.line.send(self.asked)

    def readable(self) -> bool:
        """Take what is there; False if the connection is lost."""
        try:
            data = self.line.recv(READ)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            self.tally.errors += 1
            return False
        self.tally.bytes += len(data)
        self._take(data)
        if self.left == 0:
            self.tally.requests += 1
            self.tally.latencies.append(clock() - self.begun)
            self.ask()
        return True

    def _take(self, data: bytes) -> None:
        if self.left >= 0:
            self.left -= len(data)
            return
        self.head += data
        head, gap, body = self.head.partition(GAP)
        if gap:
            self.left = length(head) - len(body)
            if not head.startswith(b"HTTP/1.1 200"):
                self.tally.errors += 1


def length(head: bytes) -> int:
    """The Content-Length of a head. ValueError.

    >>> length(b"HTTP/1.1 200 OK\\r\\nContent-Length: 12\\r\\nETag: x")
    12
    """
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError(f"an answer without a length: {head[:80]!r}")


def slow(port: int, asked: bytes, count: int) -> list[socket.socket]:
    """Connections that ask for something large, and will take it a bit at a time."""
    lines = [connected(port, SLOW_BUFFER) for _ in range(count)]
    for line in lines:
        line.send(asked)
    return lines


def drive(
    busy: list[Busy], slow_ones: list[socket.socket], seconds: float, now_and_then: Callable[[], None]
) -> None:
    """Let the busy ask for so long, while the slow take a little now and then, and something else is done."""
    poll = select.epoll()
    by_fd = {one.line.fileno(): one for one in busy}
    for fd, one in by_fd.items():
        poll.register(fd, select.EPOLLIN)
        one.ask()
    begun = now = clock()
    due, due_then = begun + SLOW_EVERY, begun
    while now < begun + seconds and by_fd:
        for fd, _ in poll.poll(min(SLOW_EVERY, begun + seconds - now)):
            if not by_fd[fd].readable():
                poll.unregister(fd)
                del by_fd[fd]
        now = clock()
        if slow_ones and now >= due:
            due = now + SLOW_EVERY
            _sip(slow_ones)
        if now >= due_then:
            due_then = now + THEN_EVERY
            now_and_then()
    poll.close()
    if busy:
        busy[0].tally.seconds = clock() - begun


def _sip(lines: list[socket.socket]) -> None:
    for line in lines:
        try:
            line.recv(SLOW_READ)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNRESET):
                raise
