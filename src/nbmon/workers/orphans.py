"""Whether this process is given others' children when their parents die (PID 1, subreaper), and their end."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_GET_CHILD_SUBREAPER = 37  # <linux/prctl.h>


def are_ours() -> bool:
    """Whether the kernel gives us others' children: as PID 1, or as subreaper (prctl(2))."""
    if os.getpid() == 1:
        return True
    from ctypes import CDLL, byref, c_int

    answer = c_int()
    CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, byref(answer), 0, 0, 0)
    return bool(answer.value)


def reap(own: Callable[[int], bool]) -> int | None:
    """Take the dead off the process table that are not our `own`.

    Returns one of our own that is dead, if the kernel shows it: it hides those behind it until it is reaped.
    """
    while (end := _dead()) is not None:
        if own(end):
            return end
        os.waitpid(end, 0)
    return None


def _dead() -> int | None:
    try:
        end = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # nobody is left
        return None
    return None if end is None else end.si_pid
