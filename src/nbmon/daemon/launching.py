"""launch(): starting a `Daemon` from a program that is not the daemon, such as a command line."""

from __future__ import annotations

import os

from nbmon.daemon import inside
from nbmon.daemon.errors import StartFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from nbmon.daemon.daemon import Daemon
    from nbmon.daemon.watch import Launched


def launch(daemon: Daemon) -> Launched:
    """Start `daemon` detached: Launched(pid, note) once it is ready; StartFailed, AlreadyRunning... else.

    In the daemon's process it runs and ends: the caller's stack is never returned to. Under a service
    manager the daemon is this very process, so that a call which does not raise does not return either.
    """
    inside.of(daemon).launching = True
    starter = os.getpid()
    try:
        if inside.stays_in_foreground():
            _stay(daemon)
        inside.refuse_second(daemon)
        daemon.daemonize()
    except inside.StarterLeaves as exit_:
        return _answer(exit_)
    except SystemExit as exit_:  # of a daemonize() of the program's own
        return _left_by_itself(daemon, exit_, starter)
    return _run(daemon)


def _answer(exit_: inside.StarterLeaves) -> Launched:
    if exit_.error is not None:
        raise exit_.error from None
    assert exit_.launched is not None
    return exit_.launched


def _stay(daemon: Daemon) -> NoReturn:
    from nbmon.daemon import life

    inside.hold(daemon)  # outside of leave(): a refusal is the caller's to tell
    life.leave(daemon.run_in_foreground)


def _run(daemon: Daemon) -> NoReturn:
    from nbmon.daemon import life

    def run() -> None:
        inside.hold(daemon)
        inside.run(daemon.run)

    inside.of(daemon).launching = False
    life.leave(run)


def _left_by_itself(daemon: Daemon, exit_: SystemExit, starter: int) -> Launched:
    from nbmon.daemon.watch import Launched, exit_reason

    if os.getpid() != starter:  # a process between, of the program's own forks
        os._exit(exit_.code if isinstance(exit_.code, int) else bool(exit_.code))
    if exit_.code not in (None, 0):
        raise StartFailed(exit_reason(exit_.code))
    pidfile = inside.pid_file(daemon)
    return Launched((inside.running(pidfile)[1] if pidfile else None) or 0)
