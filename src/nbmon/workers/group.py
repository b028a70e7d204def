"""A process group and its end: everybody in it is asked, waited for by pidfd, and killed when it is time.

Must not reap: as long as its leader is running or unreaped, or anybody is in it, the group's number can
be nobody else's (fork(2): a new pid is never an existing group's).
"""

from __future__ import annotations

import os
import signal
from select import POLLIN, poll
from time import monotonic

ROUNDS = 1000  # a group that forks faster than it is listed is killed meanwhile, not listed for ever


def send(group: int, number: int) -> None:
    """Signal everybody in the group; whoever has ended or is another user's hears nothing."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def members(group: int) -> list[int]:
    """The pids in the group that have not ended, as /proc shows them."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_in(name, group)]


def _is_in(pid: str, group: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state, _, its_group = file.read().rpartition(b")")[2].split()[:3]  # the name may hold anything
    except OSError:  # it has ended meanwhile
        return False
    return int(its_group) == group and state not in b"ZX"


def end(group: int, grace: float) -> None:
    """End whoever is left in the group: SIGTERM, `grace` seconds, SIGKILL; returns once all are gone."""
    if not members(group):
        return
    send(group, signal.SIGTERM)
    send(group, signal.SIGCONT)  # a stopped process hears of SIGTERM only when it goes on
    if not _gone(group, monotonic() + grace):
        kill(group)


def kill(group: int) -> None:
    """SIGKILL everybody in the group, also those who are forked meanwhile; returns once all are gone."""
    for _ in range(ROUNDS):
        send(group, signal.SIGKILL)
        if _gone(group, monotonic() + 1.0):
            return


def _gone(group: int, deadline: float) -> bool:
    """Wait until nobody is left in the group; False if the time is over before."""
    while pids := members(group):
        if not _ended(pids, deadline):
            return False
    return True


def _ended(pids: list[int], deadline: float) -> bool:
    """Wait for the end of each of these, one after the other: the last one's time is everybody's."""
    return all(_ended_one(pid, deadline) for pid in pids)


def _ended_one(pid: int, deadline: float) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poller = poll()
        poller.register(pidfd, POLLIN)
        return bool(poller.poll(max(0.0, deadline - monotonic()) * 1000))
    finally:
        os.close(pidfd)
