"""The class: subclass `Daemon`, override `run`, and call start(), stop(), restart(), reload(), status().

The shape in which the recipe is copied everywhere: the same constructor, the same methods, plain attributes.
Everything private is in one attribute, `_nbmon`, because a program's own names are its own. Imports stand
where they are used: `prog.py status` must not pay for a start.
"""

from __future__ import annotations

import os
import sys

from nbmon.daemon import inside
from nbmon.daemon.errors import DaemonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class Daemon:
    """A program that runs in the background; override `run`.

    `pidfile` names who runs; `stdin`, `stdout` and `stderr` are paths or open files, and a relative path
    counts from where the user stands; a `stderr` of None is the same as `stdout`. `home_dir` is the daemon's
    working directory, `verbose` above 0 says what was done.
    """

    # False: start() returns when run() has not failed at once. True: when it has called ready().
    wait_ready = False
    start_timeout = 30.0  # seconds until start() gives up
    stop_timeout = 10.0  # seconds between SIGTERM and SIGKILL
    umask = 0o022
    working_directory = "/"
    uid: int | str | None = None
    gid: int | str | None = None
    initgroups = False
    # Open files or descriptors that came from the caller (`prog.py start 7<file`) and shall stay open.
    files_preserve: Iterable[Any] = ()
    pidfile: Any = "nbmon.pid"
    stdin: Any = os.devnull
    stdout: Any = "nbmon.log"
    stderr: Any = "nbmon.log"
    verbose = 0
    _nbmon: inside.Inside | None = None

    def __init__(  # noqa: PLR0917 - the recipe's order, and after it that of its best known variant
        self,
        pidfile: Any = "nbmon.pid",
        stdin: Any = os.devnull,
        stdout: Any = "nbmon.log",
        stderr: Any = "nbmon.log",
        home_dir: str | None = None,
        umask: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.pidfile = pidfile
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.verbose = verbose
        if home_dir is not None:
            self.working_directory = os.path.abspath(home_dir)
        if umask is not None:
            self.umask = umask

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the daemon does; the process ends when it returns. It gets what start() was given.

        It may be an `async def`. What it returns counts for nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} has no run() of its own: override it")

    def on_reload(self) -> None:
        """Called in the daemon after SIGHUP has reopened its streams and log files; override it."""

    def ready(self, note: str = "") -> None:
        """Say that the daemon is ready, so that start() returns. Harmless twice, and in the foreground."""
        from nbmon.daemon.readiness import ready

        ready(note)

    def start(self, *args: Any, **kwargs: Any) -> None:
        """Start the daemon. The starter exits: 0 once it is ready, 1 with a reason on stderr.

        In the daemon it returns when run() has, which gets the arguments. Under a service manager, or as
        PID 1, nothing forks.
        """
        if inside.stays_in_foreground():
            inside.tell(self, lambda: self.run_in_foreground(*args, **kwargs))
            return
        inside.tell(self, lambda: inside.refuse_second(self))
        self.daemonize()
        inside.tell(self, lambda: inside.hold(self))
        inside.run(self.run, *args, **kwargs)

    def stop(self) -> None:
        """Stop the daemon and return once it is gone; a message on stderr when none runs."""
        from nbmon.daemon.stopping import stop

        pidfile = inside.tell(self, lambda: inside.named_pid_file(self))
        stopped = inside.tell(self, lambda: stop(pidfile, self.stop_timeout))
        if stopped.was is None:
            inside.complain(self, f"not running (pid file {pidfile.path})")
        elif self.verbose:
            print(f"{inside.name(self)} stopped (was pid {stopped.was})")

    def restart(self, *args: Any, **kwargs: Any) -> None:
        """stop(), then start()."""
        self.stop()
        self.start(*args, **kwargs)

    def reload(self) -> None:
        """Send SIGHUP to the running daemon; exits 1 with a message when none runs."""
        from signal import SIGHUP

        from nbmon.daemon.stopping import send

        pidfile = inside.tell(self, lambda: inside.named_pid_file(self))
        if inside.tell(self, lambda: send(pidfile, SIGHUP)) is None:
            inside.complain(self, f"not running (pid file {pidfile.path})")
            sys.exit(1)

    def status(self) -> int:
        """Print one line; returns LSB's number: 0 running, 1 dead with a pid file left, 3 not running."""
        code, text = inside.tell(self, lambda: inside.status(self))
        print(f"{inside.name(self)} {text}")
        return code

    def is_running(self) -> bool:
        """Whether a daemon holds the pid file."""
        return inside.tell(self, lambda: inside.running(inside.named_pid_file(self)))[0]

    def get_pid(self) -> int | None:
        """The pid of the running daemon; None when none runs, or it cannot be known."""
        return inside.tell(self, lambda: inside.running(inside.named_pid_file(self)))[1]

    def daemonize(self) -> None:
        """Detach: returns in the daemon only.

        The starter exits: 0 once the daemon has not failed at once, 1 with a reason on stderr.
        """
        try:
            launched = inside.detach(self)
        except DaemonError as error:
            inside.leave_starter(self, error=error)
        if launched is not None:
            inside.leave_starter(self, launched=launched)

    def delpid(self) -> None:
        """Remove the pid file, if this process is the daemon that holds it; harmless at any other time."""
        if self._nbmon is not None and self._nbmon.held is not None:
            self._nbmon.held.release()

    def run_in_foreground(self, *args: Any, **kwargs: Any) -> None:
        """run() without detaching: the pid file is held, SIGTERM and SIGHUP are handled, the streams stay.

        Raises AlreadyRunning, PidFileError or DetachError before run() is entered. Ctrl-C ends it quietly.
        """
        from nbmon.daemon import life, signals
        from nbmon.daemon.notify import notify

        inside.hold(self)
        identity = inside.identity(self)
        if identity is not None:
            identity.assume()
        signals.install(lambda: life.reload(None, self.on_reload), signals.patience(self.stop_timeout))
        if not self.wait_ready:
            notify("READY=1")
        try:
            inside.run(self.run, *args, **kwargs)
        except KeyboardInterrupt:  # who pressed it wants no traceback
            pass
        finally:
            notify("STOPPING=1")
            self.delpid()
