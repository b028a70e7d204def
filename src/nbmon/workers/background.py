"""A tree in the background of a program: a helper process is its master.

A process, and no thread of the program: a supervisor forks, which a process with threads should not; it owns
the signals of its process; and the kernel ends its children with the thread that forked them (prctl(2)). The
helper has one thread only, whatever the program has. It ends with the program: its socket tells.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
import warnings
from dataclasses import dataclass

from nbmon.workers.control import Places
from nbmon.workers.errors import WorkerError
from nbmon.workers.remote import Remote
from nbmon.workers.spec import Plan, Worker

LEEWAY = 5.0  # seconds beyond all grace times until the helper itself is killed


@dataclass
class Background:
    """A helper process, and the way to speak to it."""

    pid: int
    pidfd: int
    remote: Remote

    def wait(self, timeout: float | None) -> bool:
        """Whether it has ended, waiting for at most `timeout` seconds; then it is reaped."""
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        if not poller.poll(None if timeout is None else timeout * 1000):
            return False
        os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)
        self.remote.close()
        return True

    def kill(self) -> None:
        """It does not stop: with it, the kernel and its keeper end all that it has."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        self.wait(None)


def start(plan: Plan, timeout: float | None) -> Background:
    """Start a helper, and return when all its workers are ready. WorkerError if that cannot be."""
    # What the helper needs is loaded before the fork: in the child of a program with threads, an import may
    # find a lock held, or the compiler in the midst of another thread's work.
    from nbmon.workers import engine, procside  # noqa: F401 - `_be` uses them

    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the helper leaves the program's threads alone
        pid = os.fork()
    if pid == 0:
        ours.close()
        _be(plan, theirs)
    theirs.close()
    background = Background(pid, os.pidfd_open(pid), Remote(ours))
    try:
        _await_ready(background.remote, timeout)
    except BaseException:
        if not background.wait(0):
            background.kill()
        raise
    return background


def _await_ready(remote: Remote, timeout: float | None) -> None:
    until = None if timeout is None else time.monotonic() + timeout
    reason = ""
    while True:
        left = None if until is None else max(0.01, until - time.monotonic())
        event = remote.event(left)
        if event.get("event") == "up":
            return
        if event.get("event") in ("gave up", "failed"):
            reason = str(event.get("why"))
        if event.get("event") == "down":
            raise WorkerError(reason or "it ended before it was ready")


def _be(plan: Plan, sock: socket.socket) -> None:
    """The helper's whole life."""
    code = 1
    try:
        from nbmon.workers.engine import Engine
        from nbmon.workers.procside import leave_program

        leave_program()
        Engine(plan, places=Places(sock=sock)).run()
        code = 0
    except WorkerError:
        pass  # it has been said, and told
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def longest_stop(plan: Plan) -> float:
    """Seconds that stopping may take: all grace times, one after the other."""
    return sum(
        child.grace if isinstance(child, Worker) else longest_stop(child) for child in plan.children
    ) + (0.0 if plan.name else LEEWAY)
