"""A child process of the process model as the master sees it, and the words that they exchange.

A connection is lent by its descriptor (SCM_RIGHTS, unix(7)) with the bytes that have been read of it; the
master keeps its own descriptor open, so that giving it back takes one word. A child's death is told by its
pidfd and reaped by its own pid. Must not know HTTP.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from select import POLLIN, poll
from time import monotonic
from typing import Protocol

from nbmon.serve.connection import Connection
from nbmon.serve.logs import Budget, logger
from nbmon.serve.loop import NOTHING, READ, Loop, Task

# A child's words, each followed by the order's number: the client rests (behind it, what is here of its next
# request), the connection is over, or it waits for its reader and the child can converse with another.
RESTS, OVER, PARKED = b"R", b"C", b"P"
LOOK = b"!"  # the master's word, without a connection: see what it says in the memory that all share
NUMBER = 4  # bytes of an order's number
WORD = 1 << 17  # bytes of the longest
_deaths = Budget(20, 60.0)  # logged, in so many seconds


class Order:
    """A connection that is to be conversed with, and what came of it."""

    __slots__ = ("child", "conn", "number", "received", "unread")

    def __init__(self, conn: Connection, received: bytes, number: int) -> None:
        self.conn = conn
        self.received = received
        self.number = number
        self.child: Child | None = None
        self.unread: bytes | None = None  # None: it is over

    def end(self, unread: bytes | None) -> None:
        """Let the connection's conversation go on, in the master."""
        self.child = None
        self.unread = unread
        self.conn.resume(None)


class Pool(Protocol):
    """What a child tells the pool."""

    loop: Loop

    def free(self, child: Child) -> None:
        """It can be lent another connection."""

    def died(self, child: Child) -> None:
        """It is gone and reaped."""

    def is_spare(self, child: Child) -> bool:
        """Whether it may end."""


class Child(Task):
    """Its channel in the loop, and its pidfd beside it."""

    __slots__ = ("_pool", "channel", "death", "order", "parked", "pid", "retired", "useful")

    def __init__(self, pool: Pool, pid: int, channel: socket.socket) -> None:
        super().__init__(pool.loop, channel.fileno())
        self._pool = pool
        self.pid = pid
        self.channel = channel
        self.order: Order | None = None  # of the connection that it converses with
        self.parked: dict[int, Order] = {}  # those whose readers are slow, by number
        self.retired = False  # its connections are its last
        self.useful = False  # it has served a connection to its end
        self.death = Death(self)
        self.watch(READ)

    def orders(self) -> list[Order]:
        """Of all connections that it has."""
        return [*self.parked.values(), *([] if self.order is None else [self.order])]

    def take(self, order: Order) -> None:
        """Lend it a connection. One that has died meanwhile is told by its pidfd."""
        self.deadline = None
        self.order, order.child = order, self
        with contextlib.suppress(ConnectionError):
            message = order.number.to_bytes(NUMBER, "big"), order.received
            socket.send_fds(self.channel, message, [order.conn.fd])

    def look(self) -> None:
        """Let it see what is said to all, should it sleep."""
        with contextlib.suppress(OSError):  # full: it does not sleep; broken: its pidfd tells
            self.channel.send(LOOK, socket.MSG_DONTWAIT)

    def drop(self, order: Order) -> None:
        """Nobody waits for the outcome any more, so it must not go on."""
        order.child = None
        if self.order is order:
            self.order = None
        self.parked.pop(order.number, None)
        self.kill()

    def ready(self) -> None:
        """It has said something, or its channel has ended."""
        try:
            word = self.channel.recv(WORD, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionError:
            word = b""
        if not word:  # without it a child is of no use, whatever keeps it from ending
            self.kill()
            self.watch(NOTHING)
            return
        self._hear(word[:1], int.from_bytes(word[1 : 1 + NUMBER], "big"), word[1 + NUMBER :])

    def _hear(self, word: bytes, number: int, unread: bytes) -> None:
        order = self.order
        if order is None or order.number != number:
            order = self.parked.pop(number, None)
        else:
            self.order = None
            if word == PARKED:
                self.parked[number] = order
        self._tell_pool(word)
        if word != PARKED and order is not None:
            order.end(unread if word == RESTS else None)

    def _tell_pool(self, word: bytes) -> None:
        self.useful = self.useful or word != PARKED
        if self.order is None:
            self._pool.free(self)

    def overdue(self) -> None:
        """It has been idle for long."""
        if self._pool.is_spare(self):
            self.hang_up()

    def hang_up(self) -> None:
        """Let it end: it reads the end of its channel, now or after the connections that it has."""
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.death.fd, signal.SIGKILL)

    def has_ended(self, patience: float) -> bool:
        """Whether it ends within so many seconds."""
        poller = poll()
        poller.register(self.death.fd, POLLIN)
        return bool(poller.poll(max(0.0, patience) * 1000))

    def reap(self) -> None:
        """Wait for its end, take it off the process table, and tell the pool."""
        _, status = os.waitpid(self.pid, 0)
        self.leave()
        self.death.leave()
        self.channel.close()
        os.close(self.death.fd)
        if (lost := len(self.orders())) and _deaths.spend(monotonic()) > 0:
            how = _named(os.waitstatus_to_exitcode(status))
            what = "its connection" if lost == 1 else f"{lost} connections"
            logger.error("a child process died (%s) and took %s with it", how, what)
        self._pool.died(self)


class Death(Task):
    """A child's pidfd: readable once it has ended."""

    __slots__ = ("_child",)

    def __init__(self, child: Child) -> None:
        super().__init__(child.loop, os.pidfd_open(child.pid))
        self._child = child
        self.watch(READ)

    def ready(self) -> None:
        """It has ended."""
        self._child.reap()


def _named(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
