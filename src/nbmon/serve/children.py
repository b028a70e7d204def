"""The process model's pool: child processes that converse with one client each. Must not know HTTP.

A child whose client is slow to take its answer is as good as free, once there may be no more children: it is
lent another connection, and sends on with what the kernel takes of the first meanwhile. Children die with the
master (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import gc
import mmap
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from itertools import count
from time import monotonic

from nbmon.serve.child import Child, Order
from nbmon.serve.connection import Connection
from nbmon.serve.logs import log_failure
from nbmon.serve.loop import NOTHING, Loop, Timer, wait_for
from nbmon.serve.timeouts import Bounds
from nbmon.workers.fork import fork

IDLE = 10.0  # seconds until a child that is not needed is let go
AGAIN = 1.0  # seconds until a fork is tried again
FORKS = 8  # at once, each some milliseconds of the master's time …
GROW = 0.1  # … and after so many seconds, if requests still wait, again
END = 2.0  # seconds in which idle children end
NUMBERS = 1 << 32  # of orders, then again from 0
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Shared:
    """Two words from the master that all children read, without a system call."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)  # anonymous and shared: a fork keeps it common

    @property
    def stopping(self) -> bool:
        """Answers are the last of their connections."""
        return self._page[0] == 1

    @stopping.setter
    def stopping(self, value: bool) -> None:
        self._page[0] = value

    @property
    def wanted(self) -> bool:
        """Requests wait for a child."""
        return self._page[1] == 1

    @wanted.setter
    def wanted(self, value: bool) -> None:
        self._page[1] = value

    @property
    def generation(self) -> int:
        """A child that was forked in another one is old, and keeps no guest that rests."""
        return self._page[2]

    @generation.setter
    def generation(self, value: int) -> None:
        self._page[2] = value % 256


class Children:
    """The pool, in the master's loop. `run` is what a child does, with its end of a channel."""

    def __init__(
        self,
        loop: Loop,
        bounds: Bounds,
        shared: Shared,
        run: Callable[[socket.socket], None],
        not_theirs: Callable[[], list[int]],
    ) -> None:
        self.loop = loop
        self.shared = shared
        self._bounds = bounds
        self._run = run
        self._not_theirs = not_theirs
        self._prctl = _prctl()  # looked up before any fork
        self._all: set[Child] = set()
        self._idle: dict[Child, None] = {}  # the last one has worked last, and is the first to work again
        self._laden: dict[Child, None] = {}  # free but for connections that wait for their readers
        self._numbers = count()
        self._waiting: deque[Order] = deque()
        self._may_fork = FORKS
        self._retry: Timer | None = None
        self._closing = False

    def open(self) -> None:
        """Fork those that are always there."""
        for _ in range(max(1, min(self._bounds.spare_processes, self._bounds.processes))):
            self._idle[self._forked()] = None

    async def converse(self, conn: Connection, received: bytes) -> bytes | None:
        """Let a child go on from `received`; the bytes of the client's next request, None: it is over."""
        order = Order(conn, received, next(self._numbers) % NUMBERS)
        conn.deadline = None
        self._waiting.append(order)
        self.assign()
        try:
            await wait_for(NOTHING)
        finally:
            self._drop(order)
        return order.unread

    def assign(self) -> None:
        """Give those that wait to those that are free; start another child if there is none."""
        while self._waiting and (child := self._free()) is not None:
            child.take(self._waiting.popleft())
        self.shared.wanted = bool(self._waiting)

    def _free(self) -> Child | None:
        if self._idle:
            return self._idle.popitem()[0]
        return self._another() or self._least_laden()

    def _least_laden(self) -> Child | None:
        child = min(self._laden, key=lambda child: len(child.parked), default=None)
        if child is not None:
            del self._laden[child]
        return child

    def _try_again(self) -> None:
        self._retry = None
        self._may_fork = FORKS
        self._refill()
        self.assign()

    def _forked(self) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = fork(lambda parent: self._become(parent, ours, theirs))
            child = Child(self, pid, ours)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._all.add(child)
        return child

    def _become(self, master: int, masters: socket.socket, channel: socket.socket) -> None:
        """In the child."""
        gc.freeze()  # what the master has made is not ours to collect: descriptors would be closed twice
        self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != master:
            os._exit(0)
        _signals_of_a_child()
        _close([*self._not_theirs(), *_descriptors_of(self.loop), *self._own_descriptors(), masters.fileno()])
        try:
            self._run(channel)
        except BaseException as error:  # noqa: BLE001, RUF100 - nothing may climb up the master's stack
            log_failure("a child process failed", error)
            os._exit(1)
        os._exit(0)

    def _own_descriptors(self) -> list[int]:
        return [fd for child in self._all for fd in (child.fd, child.death.fd)]

    def free(self, child: Child) -> None:
        """`child` converses with nobody now."""
        self._unlist(child)
        if child.retired:
            child.hang_up()
        else:
            (self._laden if child.parked else self._idle)[child] = None
        self.assign()
        if child in self._idle:
            child.deadline = monotonic() + IDLE
            self.loop.wheel.place(child)

    def _unlist(self, child: Child) -> None:
        self._idle.pop(child, None)
        self._laden.pop(child, None)

    def is_spare(self, child: Child) -> bool:
        """Whether it is idle, and one more than there need to be; it is taken out of the idle ones then."""
        if child not in self._idle or len(self._all) <= self._bounds.spare_processes:
            return False
        del self._idle[child]
        return True

    def died(self, child: Child) -> None:
        """`child` is gone and reaped: its connections are over, the others go on."""
        self._all.discard(child)
        self._unlist(child)
        for order in child.orders():
            order.end(None)
        if self._closing:
            return
        if child.useful or child.retired:
            self._refill()
        else:  # the next one may die as soon
            self._rest(AGAIN)
        self.assign()

    def _refill(self) -> None:
        """As many as there were at the beginning."""
        while len(self._all) < self._bounds.spare_processes and (child := self._another()):
            self._idle[child] = None

    def _another(self) -> Child | None:
        if self._closing or self._retry is not None or len(self._all) >= self._bounds.processes:
            return None
        self._may_fork -= 1
        if not self._may_fork:
            self._rest(GROW)
        try:
            return self._forked()
        except OSError as error:
            log_failure("no further process can be started", error)
            self._rest(AGAIN)
            return None

    def _rest(self, seconds: float) -> None:
        """Start no child for a while."""
        if self._retry is None:
            self._retry = Timer(self.loop, monotonic() + seconds, self._try_again)

    def _drop(self, order: Order) -> None:
        """Nobody waits for the outcome any more: if a child is at it, it must not go on."""
        if order in self._waiting:
            self._waiting.remove(order)
            self.shared.wanted = bool(self._waiting)
        if order.child is not None:
            order.child.drop(order)

    def renew(self) -> None:
        """Let each child end once it has no connection: others, forked from what is here now, follow."""
        self.shared.generation += 1
        for child in self._all:
            child.retired = True
        for child in (*self._idle, *self._laden):
            child.hang_up()
        self._idle.clear()
        self._laden.clear()

    def say_stopping(self) -> None:
        """From now on each answer is the last of its connection."""
        self.shared.stopping = True
        for child in self._all:
            child.look()

    def close(self) -> None:
        """End all children, which have no connection any more, and wait until they are gone."""
        self._closing = True
        for child in self._all:
            child.hang_up()
        deadline = monotonic() + END
        for child in list(self._all):
            if not child.has_ended(deadline - monotonic()):
                child.kill()
            child.reap()
        if self._retry is not None:
            self._retry.leave()


def _signals_of_a_child() -> None:
    """The master decides when a child ends; a terminal's Ctrl-C and hang-up reach both.

    SIGTERM for the child alone ends it, and costs its connection.
    """
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _descriptors_of(loop: Loop) -> tuple[int, ...]:
    return loop._epoll.fileno(), loop._waker.fd, loop._waker.writing_end


def _close(descriptors: list[int]) -> None:
    """Close all of these, neighbours in one call: a master may have thousands."""
    ordered = sorted(fd for fd in descriptors if fd >= 0)
    while ordered:
        first = last = ordered.pop()
        while ordered and ordered[-1] == first - 1:
            first = ordered.pop()
        os.closerange(first, last + 1)


def _prctl() -> Callable[[int, int], int]:
    from ctypes import CDLL, c_int, c_ulong

    function = CDLL(None).prctl
    function.argtypes = (c_int, c_ulong)
    function.restype = c_int
    return function
