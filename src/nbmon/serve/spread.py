"""Spreads connections evenly over workers that share their listening sockets.

The kernel wakes one of those that wait, and nearly always the same one. So whoever has accepted a connection
that stays passes it on (SCM_RIGHTS, unix(7)) to the worker that has the fewest, if that is another. Each has
an inbox, made before the fork; what lies in the inbox of a worker that died is there for its successor.

The numbers lie in memory that all share. Each has one writer, so none needs a lock: how many connections a
worker has, how many it has taken from its inbox, and how many each has put into each other's.
"""

from __future__ import annotations

import mmap
import os
import socket
from array import array
from collections.abc import Callable
from socket import SocketType

from nbmon.serve.ledger import Client
from nbmon.serve.loop import READ, Loop, Task
from nbmon.serve.sharedcounts import SharedCounts

GONE = 1 << 60  # connections, of a worker that wants no more
MESSAGE = 32_768  # bytes: what was received of a connection before it was passed on, and a mark
DONTWAIT = int(socket.MSG_DONTWAIT)
_RIGHTS = (socket.SOL_SOCKET, socket.SCM_RIGHTS)

Taken = Callable[[SocketType, bytes | None, Client], None]


class Spread:
    """What `count` workers have in common. Made before they are forked."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._memory = mmap.mmap(-1, 8 * count * (count + 3))
        words = memoryview(self._memory).cast("Q")
        self.here = words[:count]
        self.taken = words[count : 2 * count]
        self.owner = words[2 * count : 3 * count]  # pids
        self.sent = [words[(3 + n) * count : (4 + n) * count] for n in range(count)]
        self.addresses = SharedCounts(2 * count)  # in a reload, the old ones serve beside the new ones
        self.inboxes = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(count)]

    def load(self, worker: int) -> int:
        """Connections that a worker has, and those that are on their way to it."""
        return self.here[worker] + sum(sent[worker] for sent in self.sent) - self.taken[worker]

    def there(self) -> list[int]:
        """The workers that want connections."""
        return [worker for worker in range(self.count) if self.here[worker] != GONE]

    def nobody(self) -> None:
        """Let nobody get connections before it is there."""
        for worker in range(self.count):
            self.here[worker] = GONE

    def close(self) -> None:
        """Close the inboxes, and what is counted in common."""
        self.addresses.close()
        for pair in self.inboxes:
            for end in pair:
                end.close()


class Share(Task):
    """One worker's part: its inbox in its loop, and whom it passes connections on to."""

    def __init__(self, spread: Spread, worker: int, loop: Loop, taken: Taken) -> None:
        super().__init__(loop, spread.inboxes[worker][0].fileno())
        self._spread = spread
        self._worker = worker
        self._taken = taken
        self._inbox = spread.inboxes[worker][0]
        self._inbox.setblocking(False)
        spread.owner[worker] = os.getpid()
        self.has(0)
        self.watch(READ)

    def has(self, count: int) -> None:
        """This worker has so many connections now; unless a successor is here, whose number it is then."""
        if self._spread.owner[self._worker] == os.getpid():
            self._spread.here[self._worker] = count

    def end(self) -> None:
        """Get no more than what lies in the inbox now; without a successor, nobody shall put more there."""
        self.has(GONE)
        while self.ready():
            pass
        self.leave()

    def pass_on(self, sock: SocketType, first: bytes | None) -> bool:
        """Whether another worker, which has fewer, gets this connection; it is closed here then."""
        spread, own = self._spread, self._worker
        least = min(spread.there(), key=spread.load, default=own)
        if type(sock) is not SocketType or spread.load(least) >= spread.load(own):
            return False
        message = b"" if first is None else first
        rights = [(*_RIGHTS, array("i", [sock.fileno()]))]
        try:
            spread.inboxes[least][1].sendmsg([b"." + message], rights, DONTWAIT)
        except OSError:  # it does not come to read: nobody waits for it
            return False
        spread.sent[own][least] += 1
        sock.close()
        return True

    def ready(self) -> bool:  # type: ignore[override]  # the loop asks for no answer
        """Take one connection; False if there is none."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._inbox, MESSAGE, 1, DONTWAIT)
        except BlockingIOError:
            return False
        self._spread.taken[self._worker] += 1
        if not descriptors:  # this process had no room for it: the kernel has closed it
            return True
        sock = SocketType(fileno=descriptors[0])
        try:
            client = sock.getpeername()
        except OSError:  # it is gone already
            sock.close()
            return True
        self._taken(sock, message[1:] or None, client)
        return True
