"""Run one command as a service does: watched, told what we are told, ended with all that it started."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from select import POLLIN, poll
from time import monotonic

from nbmon.workers import group, orphans
from nbmon.workers.child import Child, spawn
from nbmon.workers.keeper import Keeper
from nbmon.workers.signals import Signals

GRACE = 10.0  # seconds between the first request to stop and SIGKILL
STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
Pulse = tuple[float, Callable[[], None]]
FORWARDED = STOPPING | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}


def run_command(
    argv: Sequence[str],
    *,
    on_started: Callable[[int], None] | None = None,
    grace: float = GRACE,
    pulse: Pulse | None = None,
) -> int:
    """Run a command until it ends, and return its exit code (128 + n if signal n ended it).

    SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2 are passed on to it; the first three also start
    the `grace` time, in seconds, after which its process group is killed. Once it has ended, whoever is
    left in its group is ended too, and nothing of it outlives a SIGKILL of this process but what has
    left the group. As PID 1, or as a subreaper, this process reaps orphans meanwhile.
    `on_started(pid)` is called when the program has been executed. `pulse`: seconds, and what is called
    so often while it runs. WorkerError if it cannot be executed; RuntimeError outside of the main thread.
    """
    # A daemon that reopens its logs on SIGHUP goes on doing so.
    heard = FORWARDED | ({signal.SIGCHLD} if orphans.are_ours() else set())
    with Signals(heard, also={signal.SIGHUP}) as signals, Keeper() as keeper:
        child = spawn(argv, keeper.fileno())
        try:
            if on_started is not None:
                on_started(child.pid)
            _attend(child, signals, grace, {child.pid, keeper.pid}, pulse)
        finally:
            group.end(child.pid, grace)
            keeper.dismiss()
            code = child.reap()
    return code


def _attend(child: Child, signals: Signals, grace: float, own: set[int], pulse: Pulse | None) -> None:
    """Pass signals on until the child has ended, or has been killed because its time was over."""
    deadline = None
    poller = poll()
    poller.register(child, POLLIN)
    poller.register(signals, POLLIN)
    beat = monotonic() if pulse is not None else None
    while not _ended(poller, child, deadline, beat):
        if pulse is not None and beat is not None and monotonic() >= beat:
            pulse[1]()
            beat = monotonic() + pulse[0]
        for number in signals.take():
            if number == signal.SIGCHLD:
                orphans.reap(own.__contains__)
                continue
            child.send(number)
            if number in STOPPING:
                child.send(signal.SIGCONT)  # a stopped process hears of SIGTERM only when it goes on
                deadline = deadline or monotonic() + grace
        if deadline is not None and monotonic() >= deadline:
            group.kill(child.pid)


def _ended(poller: poll, child: Child, *times: float | None) -> bool:
    """Whether it has, waiting for that, for a signal, or until one of the times has come."""
    until = min((time for time in times if time is not None), default=None)
    timeout = None if until is None else max(0.0, until - monotonic()) * 1000
    return any(fd == child.pidfd for fd, _ in poller.poll(timeout))
