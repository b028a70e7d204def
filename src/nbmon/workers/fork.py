"""Fork, safely for a process that has handlers for its signals. Must not know what the child becomes."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable

EXEC_FAILED = 127  # exit code of a child that never became a program; nobody sees it but /proc


def fork(child: Callable[[int], None]) -> int:
    """Run `child(parent's pid)` in a forked process with every signal blocked; its pid.

    So no signal reaches a Python handler in the child, which has them all, and the parent's wake-up
    descriptor, until it has reset them. If `child` returns or raises, the process exits with EXEC_FAILED.
    """
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:  # the kernel would reap for us, and tell nothing
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parent = os.getpid()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            try:
                child(parent)
            finally:
                os._exit(EXEC_FAILED)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid
