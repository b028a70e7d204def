"""Stop or signal a daemon: by pidfd, never by a bare number, and only the one who holds the pid file.

A number may be another process by the time it is signalled; a pidfd (pidfd_open(2)) stays with one
process for good. It is opened first, and the lock asked again afterwards who runs: if it is still the
same pid, the descriptor is that of the holder. Must not know how to start, print or read a command line.
"""

from __future__ import annotations

import os

from nbmon.daemon.errors import DaemonError, NotPermitted

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from nbmon.daemon.pidfile import PidFile

GRACE = 10.0  # seconds between SIGTERM and SIGKILL
KILL_TIMEOUT = 30.0  # seconds for the kernel to end a killed process; longer is a hung disk
ATTEMPTS = 100  # each further one means that the daemon ended and another started meanwhile


class Stopped:
    """What `stop` did: `was` is the pid that ran (None: nobody), `killed` whether it took SIGKILL."""

    __slots__ = ("killed", "was")

    def __init__(self, was: int | None, killed: bool = False) -> None:
        self.was = was
        self.killed = killed

    def __repr__(self) -> str:
        return f"Stopped(was={self.was}, killed={self.killed})"


def stop(pidfile: PidFile, grace: float = GRACE) -> Stopped:
    """End the daemon and return once it is gone: SIGTERM, `grace` seconds, SIGKILL.

    NotPermitted without the right to signal it, PidFileError if the holder cannot be told: then nobody
    has been signalled. What a killed daemon left of its pid file is removed.
    """
    from signal import SIGCONT, SIGKILL, SIGTERM

    from nbmon.daemon.settings import check_seconds

    check_seconds("the time to stop", grace)
    found = _find(pidfile)
    if found is None:
        return Stopped(None)
    pid, pidfd = found
    try:
        _signal(pidfd, SIGTERM, pid)
        _signal(pidfd, SIGCONT, pid)  # a stopped process hears of SIGTERM only when it goes on
        killed = not _gone(pidfd, grace)
        if killed:
            _signal(pidfd, SIGKILL, pid)
            _must_be_gone(pidfd, pid)
    finally:
        os.close(pidfd)
    pidfile.sweep()
    return Stopped(pid, killed)


def send(pidfile: PidFile, signal: int) -> int | None:
    """Send `signal` to the daemon: its pid, or None if none runs. Raises as `stop` does."""
    found = _find(pidfile)
    if found is None:
        return None
    pid, pidfd = found
    try:
        return pid if _signal(pidfd, signal, pid) else None
    finally:
        os.close(pidfd)


def _find(pidfile: PidFile) -> tuple[int, int] | None:
    """The holder's pid and a pidfd that certainly is the holder's; None if nobody runs."""
    for _ in range(ATTEMPTS):
        pid = pidfile.holder()
        if pid is None:
            return None
        pidfd = _open(pid)
        if pidfd is None:
            continue
        if _still(pidfile, pid, pidfd):
            return pid, pidfd
    raise DaemonError(f"the daemon of pid file {pidfile.path} starts and ends over and over; try again")


def _still(pidfile: PidFile, pid: int, pidfd: int) -> bool:
    """Whether `pid` holds the file now that `pidfd` is open; if not, `pidfd` is closed."""
    same = False
    try:
        same = pidfile.holder() == pid
    finally:
        if not same:
            os.close(pidfd)
    return same


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        raise DaemonError(f"cannot watch process {pid} (pidfd, Linux 5.3): {error.strerror}") from None


def _signal(pidfd: int, signal: int, pid: int) -> bool:
    """Send it; False if the process is gone already."""
    from signal import pidfd_send_signal

    try:
        pidfd_send_signal(pidfd, signal)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise NotPermitted(
            f"not permitted to signal process {pid}, which is another user's; use root or that account"
        ) from None
    return True


def _gone(pidfd: int, timeout: float) -> bool:
    """Wait for the process to end (its pidfd becomes readable, a zombie's too); False if it did not."""
    from select import POLLIN, poll
    from time import monotonic

    from nbmon.daemon.settings import milliseconds

    deadline = monotonic() + timeout
    poller = poll()
    poller.register(pidfd, POLLIN)
    while not poller.poll(milliseconds(deadline - monotonic())):
        if monotonic() >= deadline:
            return False
    return True


def _must_be_gone(pidfd: int, pid: int) -> None:
    if not _gone(pidfd, KILL_TIMEOUT):
        raise DaemonError(
            f"process {pid} was killed and still has not ended after {KILL_TIMEOUT:.0f} s; "
            "it waits for a disk or a network file system"
        )
