"""The process model's pool: child processes that each have one connection at a time. Must not know HTTP.

A connection is lent by its descriptor (SCM_RIGHTS, unix(7)) with the bytes that have been read of it; the
master keeps its own descriptor open, so that giving it back takes one word. A child's death is told by its
pidfd and reaped by its own pid; children die with the master (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import signal
import socket
from collections import deque
from collections.abc import Callable
from select import POLLIN, poll
from time import monotonic

from nbmon.serve.connection import Connection
from nbmon.serve.logs import Budget, log_failure, logger
from nbmon.serve.loop import NOTHING, READ, Loop, Task, Timer, wait_for
from nbmon.serve.timeouts import Bounds
from nbmon.workers.fork import fork

RESTS = b"R"  # a child's words: the client rests (behind it, what is here of its next request) …
OVER = b"C"  # … or the connection is over
WORD = 1 << 17  # bytes of the longest
IDLE = 10.0  # seconds until a child that is not needed is let go
AGAIN = 1.0  # seconds until a fork is tried again
FORKS = 8  # at once, each some milliseconds of the master's time …
GROW = 0.1  # … and after so many seconds, if requests still wait, again
END = 2.0  # seconds in which idle children end
_deaths = Budget(20, 60.0)  # logged, in so many seconds
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


class Order:
    """A connection that is to be conversed with, and what came of it."""

    __slots__ = ("child", "conn", "received", "unread")

    def __init__(self, conn: Connection, received: bytes) -> None:
        self.conn = conn
        self.received = received
        self.child: Child | None = None
        self.unread: bytes | None = None  # None: it is over


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
        self._idle: list[Child] = []  # the last one has worked last, and is the first to work again
        self._waiting: deque[Order] = deque()
        self._may_fork = FORKS
        self._retry: Timer | None = None
        self._closing = False

    def open(self) -> None:
        """Fork those that are always there."""
        for _ in range(max(1, min(self._bounds.spare_processes, self._bounds.processes))):
            self._idle.append(self._forked())

    async def converse(self, conn: Connection, received: bytes) -> bytes | None:
        """Let a child go on from `received`; the bytes of the client's next request, None: it is over."""
        order = Order(conn, received)
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
        return self._idle.pop() if self._idle else self._another()

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
        """`child` has nothing to do now."""
        if child.retired:
            child.hang_up()
            self.assign()
            return
        self._idle.append(child)
        self.assign()
        if child.order is None:
            child.deadline = monotonic() + IDLE
            self.loop.wheel.place(child)

    def is_spare(self, child: Child) -> bool:
        """Whether it is idle, and one more than there need to be; it is taken out of the idle ones then."""
        if child not in self._idle or len(self._all) <= self._bounds.spare_processes:
            return False
        self._idle.remove(child)
        return True

    def died(self, child: Child) -> None:
        """`child` is gone and reaped: its connection is over, the others go on."""
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.order is not None:
            child.order.child = None
            child.order.conn.resume(None)
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
            self._idle.append(child)

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
            order.child.order = None
            order.child.kill()

    def renew(self) -> None:
        """Let each child end once it has no connection: others, forked from what is here now, follow."""
        self.shared.generation += 1
        for child in self._all:
            child.retired = True
        idle, self._idle = self._idle, []
        for child in idle:
            child.hang_up()

    def say_stopping(self) -> None:
        """From now on each answer is the last of its connection."""
        self.shared.stopping = True

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


class Child(Task):
    """A child process as the master sees it: its channel in the loop, and its pidfd beside it."""

    __slots__ = ("_children", "channel", "death", "order", "pid", "retired", "useful")

    def __init__(self, children: Children, pid: int, channel: socket.socket) -> None:
        super().__init__(children.loop, channel.fileno())
        self._children = children
        self.pid = pid
        self.channel = channel
        self.order: Order | None = None
        self.retired = False  # its connection is its last
        self.useful = False  # it has served a connection to its end
        self.death = Death(self)
        self.watch(READ)

    def take(self, order: Order) -> None:
        """Lend it a connection. One that has died meanwhile is told by its pidfd."""
        self.deadline = None
        self.order, order.child = order, self
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self.channel, [order.received], [order.conn.fd])

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
        self.useful = True
        order, self.order = self.order, None
        self._children.free(self)
        if order is not None:
            order.child = None
            order.unread = word[1:] if word.startswith(RESTS) else None
            order.conn.resume(None)

    def overdue(self) -> None:
        """It has been idle for long."""
        if self._children.is_spare(self):
            self.hang_up()

    def hang_up(self) -> None:
        """Let it end: it reads the end of its channel, now or after the connection that it has."""
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
        if self.order is not None and _deaths.spend(monotonic()) > 0:
            how = os.waitstatus_to_exitcode(status)
            logger.error("a child process died (%s) and took its connection with it", _named(how))
        self._children.died(self)


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
