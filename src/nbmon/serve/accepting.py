"""Takes connections from a listener, as many as there is room for. Must not know HTTP.

Connections are taken in batches, and the first bytes of each are asked for at once: most short ones never
need epoll. When there is no room, the listener is left alone until a connection ends, or a second has passed:
clients wait in the kernel's backlog meanwhile, and the loop does not spin on a listener that stays readable.
"""

from __future__ import annotations

import errno
import resource
import socket
from collections.abc import Callable
from socket import SocketType
from time import monotonic

from nbmon.serve.connection import DONTWAIT, RECEIVE
from nbmon.serve.ledger import Client
from nbmon.serve.logs import logger, plain
from nbmon.serve.loop import NOTHING, READ_SHARED, Loop, Task

BATCH = 64  # connections, before those that are here have their turn
PAUSE = 1.0  # seconds
QUIET = 60.0  # seconds between two log records of the same trouble

# accept(2): errors of the new connection, that came before it could be taken; the listener is well.
_PASSING = frozenset((
    errno.ECONNABORTED, errno.EPERM, errno.EPROTO, errno.ENOPROTOOPT, errno.ENETDOWN, errno.ENETUNREACH,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENONET, errno.EOPNOTSUPP, errno.EINTR, errno.ETIMEDOUT,
))  # fmt: skip

Accepted = Callable[[SocketType, bytes | None, Client], None]  # with what came already, if anything


def room_for(connections: int, spare: int) -> int:
    """How many connections this process may hold: at most `connections`, with `spare` descriptors left."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, soft - spare))


class Acceptor(Task):
    """A listening socket in the loop."""

    __slots__ = ("_accept", "_accepted", "_dress", "_has_room", "_quiet_until", "_shape", "listener")

    def __init__(
        self, loop: Loop, listener: socket.socket, accepted: Accepted, has_room: Callable[[], bool]
    ) -> None:
        super().__init__(loop, listener.fileno())
        self.listener = listener
        # The method beneath socket.accept, which makes no Python object of the connection; it is CLOEXEC.
        self._accept: Callable[[], tuple[int, Client]] = listener._accept  # type: ignore[attr-defined]  # typeshed omits it
        self._shape = (listener.family, listener.type, listener.proto)
        self._accepted = accepted
        self._has_room = has_room
        self._dress: Callable[[SocketType], SocketType] | None = getattr(listener, "dress", None)  # in TLS
        self._quiet_until = 0.0

    def open(self) -> None:
        """Begin, or go on after a pause."""
        self.deadline = None
        self.watch(READ_SHARED)

    def ready(self) -> None:
        """Take a batch of connections."""
        self.take(BATCH)

    def overdue(self) -> None:
        """A pause is over."""
        self.open()

    def take(self, most: int) -> None:
        """Take connections until there are no more, no room, or `most` were taken."""
        accept, has_room = self._accept, self._has_room
        for _ in range(most):
            if not has_room():
                self._pause("as many connections as there is room for")
                return
            try:
                fd, client = accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                self._pause(error.strerror or str(error))
                return
            self._welcome(fd, client)

    def _welcome(self, fd: int, client: Client) -> None:
        sock = SocketType(*self._shape, fd)
        try:
            if self._dress is not None:
                sock = self._dress(sock)
            first = sock.recv(RECEIVE, DONTWAIT)
        except BlockingIOError:
            self._accepted(sock, None, client)
        except OSError:  # reset before it was greeted
            sock.close()
        else:
            self._accepted(sock, first, client)

    def _pause(self, reason: str) -> None:
        now = monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            logger.error("no new connections for now: %s", plain(reason))
        self.watch(NOTHING)
        self.deadline = now + PAUSE
        self.loop.wheel.place(self)

    def close(self) -> None:
        """Take no more; those in the backlog are refused by the kernel."""
        self.leave()
        self.listener.close()
