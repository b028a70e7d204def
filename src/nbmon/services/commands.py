"""A command as a daemon: run once with its exit code, or under a supervisor that lets it come back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from nbmon.daemon import Daemon
from nbmon.services.errors import reason_of
from nbmon.services.service import STOP_TIMEOUT, Service, derived_name

if TYPE_CHECKING:
    from nbmon.services.succession import Succession
    from nbmon.services.words import Restart

SETTLE_TIME = 0.1  # seconds that a program must live through, or end well within, to count as started
KEEPERS_TIME = 2.0  # seconds in which the keeper of a program ends after it
FORWARDED = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})


class CommandDaemon(Daemon):
    """Runs one program. Ready when the program has not failed at once.

    With `restart` "temporary" it ends with the program, with its exit code; else the program comes back:
    always ("permanent"), or unless it ended well ("transient").
    """

    wait_ready = True
    succession: Succession

    def set_up(self, service: Service, executed: Callable[[int | None], None], restart: Restart) -> None:
        """Give it its service, and whom to tell the pid of its program (None: its supervisor knows it)."""
        self.service = service
        self.executed = executed
        said = service.options.stop_timeout
        self.grace = STOP_TIMEOUT if said is None else said
        self.restarts = restart if service.options.restart is None else service.options.restart

    def run(self) -> None:
        """Run the program until it ends. `sys.exit` with its code, or a sentence if it cannot begin."""
        try:
            os.chdir(self.service.directory)
        except OSError as error:
            sys.exit(f"cannot work in {self.service.directory}: {reason_of(error)}")
        if self.succession.handed and self.restarts == "temporary":  # it was not, or there were no upgrade
            self.restarts = "transient"
        if self.restarts == "temporary":
            self._run_once()
        else:
            self._supervise()

    def _run_once(self) -> None:
        from nbmon.daemon import watchdog
        from nbmon.workers import WorkerError, run_command

        try:
            code = run_command(
                self.service.command, on_started=self._begun, grace=self.grace, pulse=watchdog.pulse()
            )
        except WorkerError as error:
            sys.exit(str(error))
        sys.exit(code)

    def _begun(self, program: int) -> None:
        self.executed(program)
        if _stands(program):
            self.ready()

    def _supervise(self) -> None:
        from nbmon.services.supervised import supervise
        from nbmon.services.treesocket import control_of
        from nbmon.workers import process

        command = self.service.command
        worker = process(
            derived_name(os.path.basename(command[0]), "command"),  # noqa: PTH119 - pathlib is an import more
            command, restart=self.restarts, grace=self.grace, ready=f"alive:{SETTLE_TIME}",
        )  # fmt: skip

        self.executed(None)
        control = control_of(os.path.abspath(self.pidfile))  # noqa: PTH100
        prefix = self.service.options.prefix is True
        supervise([worker], self.ready, control, self.succession, FORWARDED, prefix=prefix)
        self.ready()  # it may have ended well before


def _stands(program: int) -> bool:
    """Whether this child does not fail at once: lives on for a moment, or ends well. Does not reap it."""
    import select

    pidfd = os.pidfd_open(program)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(SETTLE_TIME * 1e3):
            return True
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
    finally:
        os.close(pidfd)
    return ended is not None and ended.si_code == os.CLD_EXITED and ended.si_status == 0
