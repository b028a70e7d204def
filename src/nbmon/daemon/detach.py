"""Detaching: the fifteen steps of a SysV daemon, in the words and in the order of daemon(7).

STEPS is the whole of it. Three processes walk the list, each from the top, and each does its own part:
the starter, which the user waits for; its child, which leads the new session; and the daemon, which
falls out at the end.

Two differences from the page, both on purpose. Steps 1 to 4 are done by the child just after step 5,
because the starter lives on to say what happened, on its own stderr and with its own handlers. And the
child leaves (step 8) only when the daemon is ready or dead: as its parent it learns of what it died.
"""

from __future__ import annotations

import os
from enum import Enum

from nbmon.daemon import readiness, watch
from nbmon.daemon.errors import DaemonError, DetachError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nbmon.daemon.privileges import Identity
    from nbmon.daemon.streams import Streams


class Role(Enum):
    """Which of the three processes this is."""

    STARTER = "starter"
    CHILD = "child"
    DAEMON = "daemon"


class Detachment:
    """What is wanted of one detaching, and how far it has come."""

    def __init__(
        self,
        streams: Streams,
        *,
        pidfile: Any = None,
        umask: int = 0o022,
        working_directory: str | None = "/",
        chroot_directory: str | None = None,
        identity: Identity | None = None,
        prevent_core: bool = False,
        keep: set[int] | None = None,
        keep_own: bool = True,
        wait_ready: bool = False,
        start_timeout: float = 30.0,  # seconds
        stop_timeout: float = 10.0,  # seconds
    ) -> None:
        self.streams = streams
        self.pidfile = pidfile
        self.umask = umask
        self.working_directory = working_directory
        self.chroot_directory = chroot_directory
        self.identity = identity
        self.prevent_core = prevent_core
        self.keep = keep or set()
        self.keep_own = keep_own
        self.wait_ready = wait_ready
        self.start_timeout = start_timeout
        self.stop_timeout = stop_timeout
        self.role = Role.STARTER
        self.verdict_pipe = (-1, -1)  # the child's word to the starter
        self.ready_pipe = (-1, -1)  # the daemon's word to the child
        self.words: readiness.LastWords | None = None
        self.child = -1  # the pid of the child, in the starter
        self.daemon = -1  # the pid of the daemon, in the child
        self.launched: watch.Launched | None = None  # in the starter, at the end


def close_descriptors(d: Detachment) -> None:
    """Step 1: close all descriptors but those asked to be kept (close_range(2))."""
    from nbmon.daemon import descriptors, logs

    keep = d.keep | d.streams.descriptors() | logs.descriptors() | {d.verdict_pipe[1]}
    if d.keep_own:
        keep |= descriptors.own_descriptors()
    descriptors.close_all_but(keep)


def reset_signal_handlers(_d: Detachment) -> None:
    """Step 2: what an exec lets through, SIG_IGN (nohup(1), `&` in sh), goes back to the default.

    A handler that is a Python callable cannot have been inherited: it is the program's own, and stays.
    """
    import signal

    # CPython itself ignores these two so that a write fails with an exception instead.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def reset_signal_mask(_d: Detachment) -> None:
    """Step 3: no signal stays blocked (sigprocmask(2))."""
    import signal

    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def clean_environment(_d: Detachment) -> None:
    """Step 4: remove what describes the terminal, the login and another's service manager."""
    from nbmon.daemon.environment import unwanted

    for name in unwanted(list(os.environ)):
        del os.environ[name]


def fork_child(d: Detachment) -> None:
    """Step 5: fork; the child is no group leader, and the one that waits gives the user an answer."""
    read, write = d.verdict_pipe = os.pipe()
    d.child = fork()
    if d.child == 0:
        d.role = Role.CHILD
        os.close(read)
    else:
        os.close(write)


def start_session(_d: Detachment) -> None:
    """Step 6: a session of its own, without a controlling terminal (setsid(2))."""
    os.setsid()


def fork_daemon(d: Detachment) -> None:
    """Step 7: fork again, so that the daemon leads no session and can never acquire a terminal."""
    d.words = readiness.LastWords()
    read, write = d.ready_pipe = os.pipe()
    d.daemon = fork()
    if d.daemon == 0:
        d.role = Role.DAEMON
        os.close(read)
        os.close(d.verdict_pipe[1])
        readiness.channel = readiness.Channel(write, d.words)
    else:
        os.close(write)


def end_child(d: Detachment) -> None:
    """Step 8: the child exits, and the daemon is left to init; but first it watches over the start."""
    watch.over(d)


def connect_streams(d: Detachment) -> None:
    """Step 9: /dev/null on 0, 1 and 2, then the streams that the user named."""
    d.streams.connect()


def set_umask(d: Detachment) -> None:
    """Step 10: the umask is the daemon's, not the user's."""
    os.umask(d.umask)


def change_directory(d: Detachment) -> None:
    """Step 11: hold no file system busy. PEP 3143's chroot belongs here, before the directory below it."""
    if d.chroot_directory is not None:
        try:
            os.chroot(d.chroot_directory)
            os.chdir("/")
        except OSError as error:
            raise DetachError(f"cannot change the root to {d.chroot_directory}: {why(error)}") from error
    if d.working_directory is not None:
        try:
            os.chdir(d.working_directory)
        except OSError as error:
            raise DetachError(f"cannot change to the folder {d.working_directory}: {why(error)}") from error


def write_pid_file(d: Detachment) -> None:
    """Step 12: take the pid file, which refuses a second daemon."""
    if d.pidfile is not None:
        d.pidfile.__enter__()


def drop_privileges(d: Detachment) -> None:
    """Step 13: groups, group, user, in this order, and for good; before, PEP 3143's limit on core dumps."""
    if d.prevent_core:
        prevent_core_dump()
    if d.identity is not None:
        d.identity.assume()


def tell_starter(d: Detachment) -> None:
    """Step 14: all is done that can be refused; what run() does from here on is its own."""
    if readiness.channel is not None:
        readiness.channel.entered(aware=d.wait_ready)


def end_starter(d: Detachment) -> None:
    """Step 15: the starter hears how it went; then whoever called exits."""
    d.launched = watch.verdict(d)


STEPS: tuple[tuple[Role, Callable[[Detachment], None]], ...] = (
    (Role.CHILD, close_descriptors),  # 1
    (Role.CHILD, reset_signal_handlers),  # 2
    (Role.CHILD, reset_signal_mask),  # 3
    (Role.CHILD, clean_environment),  # 4
    (Role.STARTER, fork_child),  # 5
    (Role.CHILD, start_session),  # 6
    (Role.CHILD, fork_daemon),  # 7
    (Role.CHILD, end_child),  # 8
    (Role.DAEMON, connect_streams),  # 9
    (Role.DAEMON, set_umask),  # 10
    (Role.DAEMON, change_directory),  # 11
    (Role.DAEMON, write_pid_file),  # 12
    (Role.DAEMON, drop_privileges),  # 13
    (Role.DAEMON, tell_starter),  # 14
    (Role.STARTER, end_starter),  # 15
)


def detach(d: Detachment) -> watch.Launched | None:
    """Become a daemon. In the starter: Launched once it is ready, or a DaemonError. In the daemon: None."""
    check_settings(d)
    refuse_threads()
    fill_standard_descriptors()
    load_early(d)
    d.streams.open(d.identity.owner if d.identity else None)
    try:
        flush()
        walk(d)
    finally:
        if d.role is Role.STARTER:
            d.streams.close()
    return d.launched


def walk(d: Detachment) -> None:
    """Go through STEPS; whom a fork has made another starts from the top, in its own part."""
    part = None
    while part is not d.role:
        part = d.role
        for role, step in STEPS:
            if role is part:
                attempt(step, d)
            if part is not d.role:
                break


def attempt(step: Callable[[Detachment], None], d: Detachment) -> None:
    """Do one step. An error is raised in the starter; elsewhere it is told to it, and ends this process.

    Nothing may climb up the stack of a child: it belongs to the starter's caller.
    """
    starter = d.role is Role.STARTER
    try:
        step(d)
    except BaseException as error:
        if starter and d.role is Role.STARTER:
            raise
        try:
            watch.report(d, error)
        finally:
            os._exit(1)


def fork() -> int:
    """os.fork, with a sentence for an error."""
    import warnings

    with warnings.catch_warnings():
        # Python's own threads were refused before. What is left belongs to C libraries, and 3.12 warns of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return os.fork()
        except OSError as error:
            raise DetachError(f"cannot fork: {why(error)}") from error


def refuse_threads() -> None:
    """A fork keeps only the thread that calls it; DetachError names those that would be lost."""
    import sys

    threading = sys.modules.get("threading")
    if threading is None:
        return
    others = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
    if others:
        raise DetachError(
            f"cannot detach while threads are running, they would be lost: {', '.join(sorted(others))}; "
            "start them in run(), or after daemonizing"
        )


def check_settings(d: Detachment) -> None:
    """DetachError for a number that cannot be meant, while the user still sees it."""
    from nbmon.daemon import settings

    settings.check_umask(d.umask)
    settings.check_seconds("start_timeout", d.start_timeout)
    settings.check_seconds("stop_timeout", d.stop_timeout)


def load_early(d: Detachment) -> None:
    """Import what the daemon needs later, while its files can still be read: another user, another root."""
    from nbmon.daemon import life

    if d.prevent_core:
        import resource  # noqa: F401 - loaded, not used yet
    if d.identity is not None or d.chroot_directory is not None:
        life.load_early()


def fill_standard_descriptors() -> None:
    """Have 0, 1 and 2 open, so that no pipe of ours lands there (`prog start >&-`)."""
    fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    while fd <= 2:
        fd = os.dup(fd)
    os.close(fd)


def flush() -> None:
    """What is buffered now would come out twice, once of each process."""
    import sys

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # None, a broken pipe, closed: no concern of ours
            pass


def prevent_core_dump() -> None:
    """No core file, which may hold secrets, is ever written (setrlimit(2))."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def why(error: OSError) -> str:
    """The system's reason, as the end of a sentence."""
    return (error.strerror or str(error)).lower()


__all__ = ["STEPS", "DaemonError", "Detachment", "Role", "detach"]
