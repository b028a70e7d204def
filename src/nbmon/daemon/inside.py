"""Behind the class: how a `Daemon` is started, held and asked about.

What the kit keeps of a daemon is in its one private attribute, `_nbmon`. Only `tell` and `complain` print.
"""

from __future__ import annotations

import os
import sys

from nbmon.daemon.errors import AlreadyRunning, DaemonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    from nbmon.daemon.daemon import Daemon
    from nbmon.daemon.detach import Detachment
    from nbmon.daemon.pidfile import PidFile
    from nbmon.daemon.privileges import Identity
    from nbmon.daemon.streams import Streams
    from nbmon.daemon.watch import Launched

    Answer = TypeVar("Answer")

RUNNING, DEAD, NOT_RUNNING = 0, 1, 3  # LSB's exit codes of `status`


class Inside:
    """What the kit itself keeps of a daemon."""

    def __init__(self) -> None:
        self.held: PidFile | None = None  # in the daemon
        self.launching = False  # launch() wants errors raised, not printed


class StarterLeaves(SystemExit):
    """The exit of the starter; launch() catches it, start() lets it go."""

    def __init__(self, code: int, launched: Launched | None, error: DaemonError | None) -> None:
        super().__init__(code)
        self.launched = launched
        self.error = error


def of(daemon: Daemon) -> Inside:
    """The private part of `daemon`, also of one whose __init__ never called ours."""
    if daemon._nbmon is None:
        daemon._nbmon = Inside()
    return daemon._nbmon


def detach(daemon: Daemon) -> Launched | None:
    """Detach as its attributes ask: Launched or a DaemonError in the starter, None in the daemon."""
    from nbmon.daemon import detach as steps
    from nbmon.daemon.streams import Streams, stderr_of

    pidfile = pid_file(daemon)
    streams = Streams(daemon.stdin, daemon.stdout, stderr_of(daemon.stdout, daemon.stderr))
    launched = steps.detach(detachment(daemon, streams, pidfile))
    if launched is None:
        become(daemon, streams, pidfile)
    return launched


def detachment(daemon: Daemon, streams: Streams, pidfile: PidFile | None) -> Detachment:
    """The attributes of `daemon` as one order."""
    from nbmon.daemon import descriptors
    from nbmon.daemon.detach import Detachment

    asked = {descriptors.descriptor_of(thing) for thing in daemon.files_preserve}
    return Detachment(
        streams,
        pidfile=pidfile,
        umask=daemon.umask,
        working_directory=daemon.working_directory,
        identity=identity(daemon),
        keep={fd for fd in asked if fd is not None} | descriptors.reachable(daemon),
        wait_ready=daemon.wait_ready,
        start_timeout=daemon.start_timeout,
        stop_timeout=daemon.stop_timeout,
    )


def become(daemon: Daemon, streams: Streams, pidfile: PidFile | None) -> None:
    """In the daemon, after the steps: its handlers, and the removal of its pid file at the end."""
    from nbmon.daemon import life, signals

    if pidfile is not None:
        own(daemon, pidfile)
    life.begin(streams, daemon.on_reload, signals.patience(daemon.stop_timeout))


def own(daemon: Daemon, pidfile: PidFile) -> None:
    """This process holds `pidfile` now, and removes it when it ends."""
    import atexit

    of(daemon).held = pidfile
    if isinstance(daemon.pidfile, (str, bytes)):
        daemon.pidfile = pidfile.path  # the daemon stands elsewhere now; its own code may still use the name
    atexit.register(pidfile.release)
    atexit.register(daemon.delpid)  # the recipe's hook, which subclasses override


def hold(daemon: Daemon) -> None:
    """Take the pid file if detaching has not: in the foreground, or after the program's own daemonize()."""
    pidfile = pid_file(daemon)
    if pidfile is not None and of(daemon).held is None:
        pidfile.acquire()
        own(daemon, pidfile)


def run(what: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call a daemon's run() and see it through: an `async def` gets an event loop of its own.

    SystemExit of the kit's SIGTERM ends that loop, which cancels what still waits in it.
    """
    called = what(*args, **kwargs)
    if not hasattr(called, "__await__"):
        return
    import asyncio

    async def waited() -> None:
        await called

    asyncio.run(waited())


def refuse_second(daemon: Daemon) -> None:
    """AlreadyRunning when the pid file is held."""
    pidfile = pid_file(daemon)
    if pidfile is None:
        return
    is_running, pid = running(pidfile)
    if is_running:
        raise AlreadyRunning(pid, pidfile.path)


def running(pidfile: PidFile) -> tuple[bool, int | None]:
    """Whether somebody holds `pidfile`, and who; None when that cannot be known."""
    from nbmon.daemon.holder import HolderUnknown

    try:
        pid = pidfile.holder()
    except HolderUnknown:
        return True, None
    return pid is not None, pid


def status(daemon: Daemon) -> tuple[int, str]:
    """LSB's number, and the line to show."""
    pidfile = named_pid_file(daemon)
    is_running, pid = running(pidfile)
    if is_running:
        return RUNNING, f"is running with pid {pid or '(unknown)'} (pid file {pidfile.path})"
    if pidfile.leftover():
        return DEAD, f"is dead, its pid file {pidfile.path} is left"
    return NOT_RUNNING, f"is not running (pid file {pidfile.path})"


def pid_file(daemon: Daemon) -> PidFile | None:
    """The pid file, a relative path counting from where the user stands; None for a daemon without."""
    from nbmon.daemon.pidfile import PidFile

    if daemon._nbmon is not None and daemon._nbmon.held is not None:
        return daemon._nbmon.held
    named = daemon.pidfile
    return named if named is None or isinstance(named, PidFile) else PidFile(named)


def named_pid_file(daemon: Daemon) -> PidFile:
    """The pid file, or DaemonError: without one nobody can be found."""
    pidfile = pid_file(daemon)
    if pidfile is None:
        raise DaemonError("it has no pid file (pidfile=None), so it cannot be found; give it a path")
    return pidfile


def identity(daemon: Daemon) -> Identity | None:
    """Who the daemon shall be; None when nobody else."""
    if daemon.uid is None and daemon.gid is None:
        return None
    from nbmon.daemon.privileges import Identity

    return Identity(daemon.uid, daemon.gid, daemon.initgroups)


def stays_in_foreground() -> bool:
    """Whether this process is under a supervisor, which detaching would run away from."""
    from nbmon.daemon.environment import stays_in_foreground as decide

    try:
        interactive = os.isatty(0)
    except OSError:
        interactive = False
    return decide(os.environ, os.getpid(), os.getppid(), interactive)


def leave_starter(
    daemon: Daemon, launched: Launched | None = None, error: DaemonError | None = None
) -> NoReturn:
    """The end of the starter: what the user is told, and the exit."""
    if not of(daemon).launching:
        if error is not None:
            complain(daemon, str(error))
        elif launched is not None and daemon.verbose:
            print(f"{name(daemon)} started with pid {launched.pid}")
    raise StarterLeaves(0 if error is None else 1, launched, error)


def tell(daemon: Daemon, do: Callable[[], Answer]) -> Answer:
    """Do it; a DaemonError becomes its sentence on stderr, and exit 1."""
    try:
        return do()
    except DaemonError as error:
        complain(daemon, str(error))
        sys.exit(1)


def complain(daemon: Daemon, sentence: str) -> None:
    """One line on stderr."""
    print(f"{name(daemon)}: {sentence}", file=sys.stderr)


def name(daemon: Daemon) -> str:
    """What the messages call it."""
    return type(daemon).__name__
