"""One child process: started from an argument vector, known by a pidfd, reaped by its own pid.

Must not know why a child is started, nor what follows from its death.

The child is forked, not posix_spawned: only code between fork(2) and execve(2) can ask the kernel to
kill it when its parent dies (PR_SET_PDEATHSIG), which posix_spawn(3) has no word for. It must be started
by the main thread: the kernel means by "parent" the thread that forked (prctl(2)).
"""

from __future__ import annotations

import errno
import os
import signal

from nbmon.workers.errors import WorkerError
from nbmon.workers.fork import EXEC_FAILED, fork
from nbmon.workers.program import find_program, why_not

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_DESCRIPTORS = 1 << 30  # above every possible one; close_range(2) stops where they end


class Child:
    """A running child; `fileno()` is its pidfd, readable once it has ended."""

    __slots__ = ("pid", "pidfd")

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd

    def __repr__(self) -> str:
        return f"Child(pid={self.pid}, pidfd={self.pidfd})"

    def fileno(self) -> int:
        """The pidfd, for poll(2)."""
        return self.pidfd

    def send(self, number: int) -> None:
        """Signal it; nothing happens if it has ended, or if it became another user's."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except (ProcessLookupError, PermissionError):
            pass

    def reap(self) -> int:
        """Wait for its end, if it has not come yet, and take it off the process table; its exit code."""
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.pidfd)
        return exit_code(status)


def exit_code(status: int) -> int:
    """The code a shell would give for a wait status: the program's own, or 128 and its signal's number."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def spawn(argv: Sequence[str], keeper: int = -1) -> Child:
    """Run a command in a process group of its own, which dies with this process.

    It gets the standard streams (but never a terminal to read from: it is no foreground group), the
    environment, every signal at its default and none blocked. Returns once the program has been
    executed; WorkerError if it could not be. `keeper` is a descriptor to which the child writes its
    group's number before anything of the program runs.
    """
    file = find_program(argv, os.environ.get("PATH", os.defpath))
    prctl = _prctl()
    reading, writing = _pipe(argv[0], file)
    try:
        pid = fork(lambda parent: _become(file, argv, lambda: _die_with(parent, prctl), writing, keeper))
    except OSError as error:
        os.close(reading)
        raise why_not(argv[0], file, error.errno or 0) from None
    finally:
        os.close(writing)
    return _started(argv[0], file, pid, reading)


def _pipe(name: str, file: str) -> tuple[int, int]:
    try:
        return os.pipe()
    except OSError as error:
        raise why_not(name, file, error.errno or 0) from None


def _become(
    file: str, argv: Sequence[str], die_with_parent: Callable[[], None], writing: int, keeper: int
) -> None:
    """In the child: everything up to execve(2); what fails is told through the pipe."""
    try:
        os.setpgid(0, 0)
        if keeper >= 0:
            os.write(keeper, b"%d\n" % os.getpid())
        die_with_parent()
        _no_terminal()
        os.closerange(3, writing)
        os.closerange(writing + 1, _DESCRIPTORS)
        default_signals()
        os.execv(file, list(argv))  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        os.write(writing, b"%d" % (error.errno or 0))


def _die_with(parent: int, prctl: Callable[[int, int], int]) -> None:
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked: the signal will never come
        os._exit(EXEC_FAILED)


def _no_terminal() -> None:
    """A background group that reads from its terminal is stopped without a word (SIGTTIN)."""
    if os.isatty(0):
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)


def default_signals() -> None:
    """In a forked child: every signal as a program expects it, and none blocked."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if signal.getsignal(number) not in (signal.SIG_DFL, None):  # None: the C library's own
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _started(name: str, file: str, pid: int, reading: int) -> Child:
    """The child, once the pipe's end says that execve(2) succeeded."""
    with os.fdopen(reading, "rb") as pipe:
        trouble = pipe.read()
    if trouble:
        os.waitpid(pid, 0)
        raise why_not(name, file, int(trouble))
    try:
        return Child(pid, os.pidfd_open(pid))  # it is ours and unreaped: the number cannot be another's
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise _unwatched(name, error) from None


def _unwatched(name: str, error: OSError) -> WorkerError:
    hint = "see `ulimit -n`" if error.errno == errno.EMFILE else "pidfd, Linux 5.3"
    return WorkerError(f"cannot watch {name!r}: {error.strerror} ({hint})")


def _prctl() -> Callable[[int, int], int]:
    """prctl(2), looked up before the fork: nothing may be imported after it."""
    from ctypes import CDLL, c_int, c_ulong

    function = CDLL(None).prctl
    function.argtypes = (c_int, c_ulong)
    function.restype = c_int
    return function
