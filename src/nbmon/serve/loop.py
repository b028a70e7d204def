"""An event loop of one thread on epoll(7): tasks that wait for a descriptor each, and a wheel of deadlines.

Must not know: HTTP, what a connection is, signals' meaning. It is small because a server of many quick
answers pays for each step of its loop: an event costs one dict look-up and one call; a deadline costs one
assignment; with nothing due the loop sleeps in epoll_wait without a timeout.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from time import monotonic
from types import coroutine
from typing import Any

from nbmon.serve.wheel import Wheel

if sys.platform != "linux":
    raise ImportError("nbmon's servers need epoll(7): they run on Linux")

# What a task waits for; a coroutine yields one of these to the loop.
NOTHING = 0
READ = select.EPOLLIN
WRITE = select.EPOLLOUT
READ_SHARED = select.EPOLLIN | select.EPOLLEXCLUSIVE  # one of the processes that share a listener is woken

EVENTS = 256  # taken from epoll at once


class Overdue(Exception):  # noqa: N818 - an event in a coroutine's life, not an error
    """Thrown into a coroutine whose deadline has passed."""


@coroutine
def wait_for(wish: int) -> Generator[int, Any, Any]:
    """Await one of the wishes above; its result is what the task was resumed with."""
    return (yield wish)


class Task:
    """One descriptor in the loop, and what is done when it is ready or overdue."""

    __slots__ = ("deadline", "fd", "loop", "slot", "wish")

    def __init__(self, loop: Loop, fd: int) -> None:
        self.loop = loop
        self.fd = fd
        self.wish = NOTHING  # what epoll watches for; changed by `watch` alone
        self.deadline: float | None = None  # seconds, monotonic
        self.slot: int | None = None  # the wheel's own

    def ready(self) -> None:
        """The descriptor may be ready; a call too many must do no harm."""
        raise NotImplementedError

    def overdue(self) -> None:
        """The deadline has passed. A task that goes on sets a new one."""
        raise NotImplementedError

    def watch(self, wish: int) -> None:
        """Be called when the descriptor is ready for `wish`; with NOTHING, only when the deadline is past."""
        self.loop.watch(self, wish)

    def leave(self) -> None:
        """Be forgotten by the loop. Comes before the descriptor is closed, since its number is used again."""
        self.loop.forget(self)


class Timer(Task):
    """Calls once at a deadline, without a descriptor."""

    __slots__ = ("_call",)

    def __init__(self, loop: Loop, deadline: float, call: Callable[[], None]) -> None:
        super().__init__(loop, -1)
        self._call = call
        self.deadline = deadline
        loop.wheel.place(self)

    def overdue(self) -> None:  # noqa: D102 - as Task's
        self._call()


class CoroutineTask(Task):
    """A task whose course is a coroutine: it awaits `wait_for`, and is resumed when that has come."""

    __slots__ = ("_course",)

    def __init__(self, loop: Loop, fd: int) -> None:
        super().__init__(loop, fd)
        self._course: Coroutine[int, Any, None] | None = None  # not begun

    def begin(self, course: Coroutine[int, Any, None]) -> None:
        """Run `course` until it first waits."""
        self._course = course
        self.resume(None)

    def ready(self) -> None:  # noqa: D102 - as Task's
        self.resume(None)

    def overdue(self) -> None:  # noqa: D102 - as Task's
        self.interrupt(Overdue())

    def resume(self, value: Any) -> None:
        """Give the coroutine what it waited for."""
        assert self._course is not None
        try:
            wish = self._course.send(value)
        except StopIteration:
            self.finished(None)
        except Exception as error:
            self.finished(error)
        except BaseException:  # KeyboardInterrupt goes through and ends the loop
            self.finished(None)
            raise
        else:
            self._wait(wish)

    def interrupt(self, error: Exception) -> None:
        """Raise `error` where the coroutine waits."""
        if self._course is None:
            self.finished(error)
            return
        try:
            wish = self._course.throw(error)
        except StopIteration:
            self.finished(None)
        except Exception as left:
            self.finished(left)
        else:
            self._wait(wish)

    def finished(self, error: Exception | None) -> None:
        """The coroutine has returned, or let `error` out."""
        raise NotImplementedError

    def _wait(self, wish: int) -> None:
        if wish != self.wish:
            try:
                self.loop.watch(self, wish)
            except OSError as error:  # ENOSPC, ENOMEM: this connection cannot be had, the others go on
                self.interrupt(error)
                return
        self.loop.wheel.place(self)


class Loop:
    """Runs tasks until `stop`. Made, run and closed in one thread; `wake` may be called from anywhere."""

    def __init__(self) -> None:
        self.wheel: Wheel[Task] = Wheel()
        self.now = monotonic()  # seconds, read once for each batch of events
        self.patience = 0.0  # seconds
        self.horizon = self.now  # seconds: `now`, and `patience` on top; a usual deadline at no cost
        self.next_chime = (
            math.inf
        )  # seconds: `chime` is called before the events of the first batch after it …
        self.chime: Callable[[float], float] = lambda _: (
            math.inf
        )  # … with `now`, and says when the next is due
        self.draining = False  # nothing begins any more that has no end of its own
        self._epoll = select.epoll()
        self._tasks: dict[int, Task] = {}
        self._running = False
        self._waker = _Waker(self)

    def watch(self, task: Task, wish: int) -> None:
        """Let epoll report `wish` for the task's descriptor. Raises OSError if the kernel has no room."""
        before = task.wish
        if wish == before:
            return
        if not before:
            self._epoll.register(task.fd, wish)
            self._tasks[task.fd] = task
        elif not wish:
            self._epoll.unregister(task.fd)
            del self._tasks[task.fd]
        else:
            self._epoll.modify(task.fd, wish)
        task.wish = wish

    def forget(self, task: Task) -> None:
        """Neither events nor deadlines for `task` any more."""
        self.watch(task, NOTHING)
        self.wheel.remove(task)
        task.deadline = None

    def run(self) -> None:
        """Serve events until `stop`; what a task lets out ends it."""
        poll, tasks, wheel = self._epoll.poll, self._tasks, self.wheel
        self._running = True
        while self._running:
            soonest = wheel.next
            timeout = -1.0 if soonest is None else max(0.0, soonest - monotonic())
            events = poll(timeout, EVENTS)
            self.now = now = monotonic()
            self.horizon = now + self.patience
            if now >= self.next_chime:
                self.next_chime = self.chime(now)
            for fd, _ in events:
                task = tasks.get(fd)  # an earlier event of this batch may have ended it
                if task is not None:
                    task.ready()
            if soonest is not None and soonest <= now:
                for task in wheel.due(now):
                    if task.deadline is not None:  # as above
                        task.overdue()

    def stop(self) -> None:
        """Return from `run` after the events at hand."""
        self._running = False

    def wake(self) -> None:
        """Let epoll return now. Safe in a signal handler and from another thread."""
        self._waker.wake()

    @property
    def on_wake(self) -> Any:
        """Called in the loop after `wake` or a signal."""
        return self._waker.heard

    @on_wake.setter
    def on_wake(self, heard: Any) -> None:
        self._waker.heard = heard

    @contextlib.contextmanager
    def hearing_signals(self) -> Iterator[None]:
        """Within it, a signal makes epoll return, so that its Python handler runs at once.

        Without, one that arrives between the last byte code and epoll_wait is not handled before the next
        event: the C handler only sets a flag (signal.set_wakeup_fd). Does nothing outside the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._waker.writing_end, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def close(self) -> None:
        """Give back the loop's own descriptors; the tasks' are theirs."""
        self._waker.close()
        self._epoll.close()


class _Waker(Task):
    """A pipe to oneself; a byte in it makes epoll return."""

    __slots__ = ("_lock", "heard", "writing_end")

    def __init__(self, loop: Loop) -> None:
        reading_end, self.writing_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        super().__init__(loop, reading_end)
        self.heard: Any = None
        self._lock = threading.RLock()  # a signal's handler may come upon itself
        self.watch(READ)

    def wake(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # full: it will wake as it is
            if self.writing_end >= 0:  # closed: the number may be another's by now
                os.write(self.writing_end, b"\0")

    def ready(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)
        if self.heard is not None:
            self.heard()

    def close(self) -> None:
        self.leave()
        with self._lock:
            writing_end, self.writing_end = self.writing_end, -1
            os.close(writing_end)
        os.close(self.fd)
