"""The class: subclass `Daemon`, override `run`, and call start(), stop(), restart(), reload(), status().

The shape in which the recipe is copied everywhere: the same constructor, the same methods, plain attributes. Everything
private is in one attribute, `_nbmon`, because a program's own names are its own. Imports stand where they are used:
`prog.py status` must not pay for a start.
"""

from __future__ import annotations

import os
import sys

from nbmon.daemon.errors import AlreadyRunning, DaemonError, StartFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    from nbmon.daemon.detach import Detachment
    from nbmon.daemon.pidfile import PidFile
    from nbmon.daemon.privileges import Identity
    from nbmon.daemon.streams import Streams
    from nbmon.daemon.watch import Launched

RUNNING, DEAD, NOT_RUNNING = 0, 1, 3  # LSB's exit codes of `status`


class Daemon:
    """A program that runs in the background; override `run`.

    `pidfile` names who runs; `stdin`, `stdout` and `stderr` are paths or open files, and a relative path counts from
    where the user stands. `home_dir` is the daemon's working directory, `verbose` above 0 says what was done.
    """

    wait_ready = (
        False  # True: start() returns when run() has called ready(); False: when run() has not failed at once
    )
    start_timeout = 30.0  # seconds until start() gives up
    stop_timeout = 10.0  # seconds between SIGTERM and SIGKILL
    umask = 0o022
    working_directory = "/"
    uid: int | str | None = None
    gid: int | str | None = None
    initgroups = False
    files_preserve: Iterable[
        Any
    ] = ()  # open files or descriptors, inherited from the caller, that shall stay open
    pidfile: Any = "nbmon.pid"
    stdin: Any = os.devnull
    stdout: Any = "nbmon.log"
    stderr: Any = "nbmon.log"
    verbose = 0
    _nbmon: _Inside | None = None

    def __init__(
        self,
        pidfile: Any = "nbmon.pid",
        stdin: Any = os.devnull,
        stdout: Any = "nbmon.log",
        stderr: Any = "nbmon.log",
        *,
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
            self.working_directory = os.path.abspath(home_dir)  # noqa: PTH100 - pathlib is a heavy import
        if umask is not None:
            self.umask = umask

    def run(self) -> None:
        """What the daemon does; the process ends when it returns."""
        raise NotImplementedError(f"{type(self).__name__} has no run() of its own: override it")

    def on_reload(self) -> None:
        """Called in the daemon after SIGHUP has reopened its streams and log files; override it."""

    def ready(self, note: str = "") -> None:
        """Say that the daemon is ready: start() returns, and shows `note`. Harmless twice, and in the foreground."""
        from nbmon.daemon.readiness import ready

        ready(note)

    def start(self) -> None:
        """Start the daemon. The starter exits: 0 once it is ready, 1 with a reason on stderr.

        In the daemon it returns when run() has. Under a service manager, or as PID 1, nothing forks.
        """
        if _stays_in_foreground():
            _told(self, self.run_in_foreground)
            return
        _told(self, lambda: _refuse_second(self))
        self.daemonize()
        _told(self, lambda: _hold(self))
        self.run()

    def stop(self) -> None:
        """Stop the daemon and return once it is gone; a message on stderr when none runs."""
        stopped = _told(self, lambda: stop_daemon(self))
        if stopped is None:
            _complain(self, f"not running (pid file {_pid_file(self).path})")
        elif self.verbose:
            print(f"{_name(self)} stopped (was pid {stopped})")

    def restart(self) -> None:
        """stop(), then start()."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Send SIGHUP to the running daemon; exits 1 with a message when none runs."""
        from signal import SIGHUP

        from nbmon.daemon.stop import send

        if _told(self, lambda: send(_pid_file(self), SIGHUP)) is None:
            _complain(self, f"not running (pid file {_pid_file(self).path})")
            sys.exit(1)

    def status(self) -> int:
        """Print one line; returns what LSB asks of `status`: 0 running, 1 dead with a pid file, 3 not running."""
        code, text = _told(self, lambda: _status(self))
        print(f"{_name(self)} {text}")
        return code

    def is_running(self) -> bool:
        """Whether a daemon holds the pid file."""
        return _told(self, lambda: _running(self))[0]

    def get_pid(self) -> int | None:
        """The pid of the running daemon; None when none runs, or it cannot be known."""
        return _told(self, lambda: _running(self))[1]

    def daemonize(self) -> None:
        """Detach: returns in the daemon only. The starter exits: 0 once it has not failed at once, 1 with a reason."""
        try:
            launched = _detach(self)
        except DaemonError as error:
            _starter_leaves(self, error=error)
        if launched is not None:
            _starter_leaves(self, launched=launched)

    def delpid(self) -> None:
        """Remove the pid file, if this process is the daemon that holds it; harmless at any other time."""
        if self._nbmon is not None and self._nbmon.held is not None:
            self._nbmon.held.release()

    def run_in_foreground(self) -> None:
        """run() without detaching: the pid file is held, SIGTERM and SIGHUP are handled, the streams stay.

        Raises AlreadyRunning, PidFileError or DetachError before run() is entered. Ctrl-C ends it quietly.
        """
        from nbmon.daemon import life, signals
        from nbmon.daemon.notify import notify

        _hold(self)
        identity = _identity(self)
        if identity is not None:
            identity.assume()
        signals.install(lambda: life.reload(None, self.on_reload))
        if not self.wait_ready:
            notify("READY=1")
        try:
            self.run()
        except KeyboardInterrupt:  # who pressed it wants no traceback
            pass
        finally:
            notify("STOPPING=1")
            self.delpid()


class _Inside:
    """What the kit itself keeps of a daemon."""

    def __init__(self) -> None:
        self.held: PidFile | None = None  # in the daemon
        self.launching = False  # launch() wants errors raised, not printed


class _StarterLeaves(SystemExit):
    """The exit of the starter; launch() catches it, start() lets it go."""

    def __init__(self, code: int, launched: Launched | None, error: DaemonError | None) -> None:
        super().__init__(code)
        self.launched = launched
        self.error = error


def launch(daemon: Daemon) -> Launched | None:
    """Start `daemon` detached: Launched(pid, note) once it is ready; StartFailed, AlreadyRunning... else.

    In the daemon's process it runs and ends: the caller's stack is never returned to. Under a service manager
    the daemon is this very process, so that a call which does not raise does not return either.
    """
    from nbmon.daemon import life

    _inside(daemon).launching = True
    starter = os.getpid()
    try:
        if _stays_in_foreground():
            _hold(daemon)
            life.leave(daemon.run_in_foreground)
        _refuse_second(daemon)
        daemon.daemonize()
    except _StarterLeaves as exit_:
        if exit_.error is not None:
            raise exit_.error from None
        return exit_.launched
    except SystemExit as exit_:  # of a daemonize() of the program's own
        return _left_by_itself(daemon, exit_, starter)
    _inside(daemon).launching = False
    life.leave(lambda: _run_held(daemon))


def stop_daemon(daemon: Daemon) -> int | None:
    """Stop whoever holds the pid file of `daemon`; the pid that it was, None when none ran."""
    from nbmon.daemon.stop import stop

    return stop(_pid_file(daemon), daemon.stop_timeout).was


def _run_held(daemon: Daemon) -> None:
    _hold(daemon)
    daemon.run()


def _left_by_itself(daemon: Daemon, exit_: SystemExit, starter: int) -> Launched:
    from nbmon.daemon.watch import Launched, exit_reason

    if os.getpid() != starter:  # a process between, of the program's own forks
        os._exit(exit_.code if isinstance(exit_.code, int) else bool(exit_.code))
    if exit_.code not in (None, 0):
        raise StartFailed(exit_reason(exit_.code))
    return Launched(_running(daemon)[1] or 0)


def _detach(daemon: Daemon) -> Launched | None:
    from nbmon.daemon.detach import detach

    pidfile, streams = _pid_file(daemon), _streams(daemon)
    launched = detach(_detachment(daemon, streams, pidfile))
    if launched is None:
        _become(daemon, streams, pidfile)
    return launched


def _detachment(daemon: Daemon, streams: Streams, pidfile: PidFile | None) -> Detachment:
    from nbmon.daemon import descriptors
    from nbmon.daemon.detach import Detachment

    asked = {descriptors.descriptor_of(thing) for thing in daemon.files_preserve}
    return Detachment(
        streams,
        pidfile=pidfile,
        umask=daemon.umask,
        working_directory=daemon.working_directory,
        identity=_identity(daemon),
        keep={fd for fd in asked if fd is not None} | descriptors.reachable(daemon),
        wait_ready=daemon.wait_ready,
        start_timeout=daemon.start_timeout,
        stop_timeout=daemon.stop_timeout,
    )


def _become(daemon: Daemon, streams: Streams, pidfile: PidFile | None) -> None:
    """In the daemon, after the steps: its handlers, and the removal of its pid file at the end."""
    from nbmon.daemon import life

    if pidfile is not None:
        _own(daemon, pidfile)
    life.begin(streams, daemon.on_reload)


def _own(daemon: Daemon, pidfile: PidFile) -> None:
    import atexit

    _inside(daemon).held = pidfile
    if not hasattr(daemon.pidfile, "acquire"):
        daemon.pidfile = pidfile.path  # the daemon stands elsewhere now; its own code may still use the name
    atexit.register(pidfile.release)
    atexit.register(daemon.delpid)  # the recipe's hook, which subclasses override


def _hold(daemon: Daemon) -> None:
    """Take the pid file, if detaching has not: in the foreground, or after a daemonize() of the program's own."""
    pidfile = _pid_file(daemon)
    if pidfile is not None and _inside(daemon).held is None:
        pidfile.acquire()
        _own(daemon, pidfile)


def _refuse_second(daemon: Daemon) -> None:
    running, pid = _running(daemon)
    if running:
        raise AlreadyRunning(pid, _pid_file(daemon).path)


def _running(daemon: Daemon) -> tuple[bool, int | None]:
    from nbmon.daemon.holder import HolderUnknown

    pidfile = _pid_file(daemon)
    try:
        pid = pidfile.holder() if pidfile is not None else None
    except HolderUnknown:
        return True, None
    return pid is not None, pid


def _status(daemon: Daemon) -> tuple[int, str]:
    running, pid = _running(daemon)
    path = _pid_file(daemon).path
    if running:
        return RUNNING, f"is running with pid {pid if pid is not None else '(unknown)'} (pid file {path})"
    if _pid_file(daemon).leftover():
        return DEAD, f"is dead, its pid file {path} is left"
    return NOT_RUNNING, f"is not running (pid file {path})"


def _pid_file(daemon: Daemon) -> Any:
    """The pid file as a PidFile, from where the user stands now; None for a daemon that has none."""
    from nbmon.daemon.pidfile import PidFile

    if daemon._nbmon is not None and daemon._nbmon.held is not None:
        return daemon._nbmon.held
    named = daemon.pidfile
    return named if named is None or isinstance(named, PidFile) else PidFile(named)


def _streams(daemon: Daemon) -> Streams:
    from nbmon.daemon.streams import Streams

    return Streams(daemon.stdin, daemon.stdout, daemon.stderr)


def _identity(daemon: Daemon) -> Identity | None:
    if daemon.uid is None and daemon.gid is None:
        return None
    from nbmon.daemon.privileges import Identity

    return Identity(daemon.uid, daemon.gid, daemon.initgroups)


def _stays_in_foreground() -> bool:
    from nbmon.daemon.environment import stays_in_foreground

    try:
        interactive = os.isatty(0)
    except OSError:
        interactive = False
    return stays_in_foreground(os.environ, os.getpid(), os.getppid(), interactive)


def _inside(daemon: Daemon) -> _Inside:
    if daemon._nbmon is None:
        daemon._nbmon = _Inside()
    return daemon._nbmon


def _starter_leaves(
    daemon: Daemon, launched: Launched | None = None, error: DaemonError | None = None
) -> NoReturn:
    if not _inside(daemon).launching:
        if error is not None:
            _complain(daemon, str(error))
        elif launched is not None and daemon.verbose:
            print(f"{_name(daemon)} started with pid {launched.pid}")
    raise _StarterLeaves(0 if error is None else 1, launched, error)


def _told(daemon: Daemon, do: Callable[[], Any]) -> Any:
    """Do it; a DaemonError becomes its sentence on stderr and exit 1."""
    try:
        return do()
    except DaemonError as error:
        _complain(daemon, str(error))
        sys.exit(1)


def _complain(daemon: Daemon, sentence: str) -> None:
    print(f"{_name(daemon)}: {sentence}", file=sys.stderr)


def _name(daemon: Daemon) -> str:
    return type(daemon).__name__
