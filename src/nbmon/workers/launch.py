"""One process is started: a function in a forked child, or a command that is executed in it.

Must not know why it is started, nor what follows from its death. Forked from the master's only thread:
the kernel means by "parent", of PR_SET_PDEATHSIG, the thread that forked (prctl(2)).
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from nbmon.workers import settings as given
from nbmon.workers.child import PR_SET_PDEATHSIG, Child, default_signals
from nbmon.workers.errors import WorkerError
from nbmon.workers.fork import EXEC_FAILED, fork
from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.program import find_program, why_not


@dataclass
class Ground:
    """What a master has for all its children."""

    high: HighDescriptors
    keeper: int  # where a child writes its group's number
    prctl: Callable[[int, int], int]
    low: list[int]  # the master's descriptors that are not high


def start_function(
    name: str,
    ground: Ground,
    prepared: given.Prepared,
    output: int,
    live: Callable[[], int],
    *,
    entrance: int = -1,
) -> Child:
    """Fork; the child applies its settings, and its exit code is what `live()` returns. WorkerError.

    `output`, if not negative, becomes its stdout and stderr; `entrance` is that of its cgroup.
    """

    _flush()  # what is buffered would be written by the child, too

    def become(parent: int) -> None:
        _stand_alone(ground, parent, entrance)
        _leave_masters_things(ground, output)
        ground.high.restore_limit()
        os.environ.clear()
        os.environ.update(prepared.environment)
        given.apply(prepared)
        _die_with(ground, parent)  # again: a change of user clears it
        _python_signals()
        os._exit(live())

    return _watched(name, _fork(name, become), ground.high)


def start_command(
    name: str,
    argv: tuple[str, ...],
    ground: Ground,
    prepared: given.Prepared,
    output: int,
    *,
    extra: dict[int, int],
    entrance: int = -1,
) -> Child:
    """Fork and execute a command; returns once it has been executed. WorkerError says why it could not be.

    `extra` maps the child's descriptor numbers to the master's (high) ones, as for a readiness pipe.
    """
    file = find_program(argv, prepared.environment.get("PATH", os.defpath))
    reading, status = _pipe(name, ground.high)

    def become(parent: int) -> None:
        try:
            _stand_alone(ground, parent, entrance)
            _streams(output)
            kept = _place(extra, prepared.settings.descriptors)
            ground.high.restore_limit()
            given.apply(prepared)
            _die_with(ground, parent)
            default_signals()
            _close_but(kept, ground.high.base)
            os.execve(file, list(argv), prepared.environment)  # noqa: S606 - no shell is what is wanted
        except OSError as error:
            os.write(status, f"{error.errno}".encode())
        except WorkerError as error:
            os.write(status, str(error).encode("utf-8", "backslashreplace")[:4000])

    try:
        pid = _fork(name, become)
        if told := _until_executed(status, reading):
            os.waitpid(pid, 0)
            raise why_not(argv[0], file, int(told)) if told.isdecimal() else WorkerError(told)
    finally:
        os.close(reading)
    return _watched(name, pid, ground.high)


def _until_executed(status: int, reading: int) -> str:
    """What the child says of its failure; the pipe's end without a word means that execve(2) succeeded."""
    os.close(status)
    return os.read(reading, 4096).decode("utf-8", "replace")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # a full disk, a closed stream, none
            pass


def _fork(name: str, become: Callable[[int], None]) -> int:
    try:
        return fork(become)
    except OSError as error:
        raise _trouble(name, "start", error) from None


def _watched(name: str, pid: int, high: HighDescriptors) -> Child:
    """The child with its pidfd: it is ours and unreaped, so the number cannot be another's."""
    try:
        return Child(pid, high.lift(os.pidfd_open(pid)))
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise _trouble(name, "watch", error) from None


def _pipe(name: str, high: HighDescriptors) -> tuple[int, int]:
    try:
        reading, writing = os.pipe()
    except OSError as error:
        raise _trouble(name, "start", error) from None
    try:
        return reading, high.lift(writing)
    except OSError as error:
        os.close(reading)
        raise _trouble(name, "start", error) from None


def _trouble(name: str, what: str, error: OSError) -> WorkerError:
    hint = {
        errno.EAGAIN: "no further process is allowed; see `ulimit -u`",
        errno.ENOMEM: "no memory is left for it",
        errno.EMFILE: "no descriptor is left; see `ulimit -n`",
        errno.ENFILE: "no descriptor is left in this machine",
    }.get(error.errno or 0, error.strerror)
    return WorkerError(f"cannot {what} {name!r}: {hint}")


# --- in the child ---


def _stand_alone(ground: Ground, parent: int, entrance: int) -> None:
    """A group and perhaps a cgroup of its own, known to the keeper, that dies with the master."""
    _enter(entrance)
    os.setpgid(0, 0)
    try:
        os.write(ground.keeper, b"%d\n" % os.getpid())
    except BrokenPipeError:  # somebody killed the keeper; its successor is told by the master
        pass
    _die_with(ground, parent)


def _enter(entrance: int) -> None:
    if entrance >= 0:
        try:
            os.write(entrance, b"0")
        except OSError:  # a part of the tree that takes no processes: it does without
            pass


def _die_with(ground: Ground, parent: int) -> None:
    ground.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked: the signal will never come
        os._exit(EXEC_FAILED)


def _leave_masters_things(ground: Ground, output: int) -> None:
    _streams(output)
    ground.high.close_all()
    for fd in ground.low:
        os.close(fd)


def _streams(output: int) -> None:
    """Its output, and no terminal to read from: a background group that reads is stopped (SIGTTIN)."""
    if os.isatty(0):
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    if output >= 0:
        os.dup2(output, 1)
        os.dup2(output, 2)


def _place(extra: dict[int, int], descriptors: tuple[int, ...]) -> set[int]:
    """Put descriptors where the command expects them; the numbers that stay open."""
    for number, masters in extra.items():
        os.dup2(masters, number)
    for number in descriptors:
        os.set_inheritable(number, True)
    return {*extra, *descriptors}


def _close_but(kept: set[int], end: int) -> None:
    """Close what lies between the streams and the master's own, which close themselves."""
    low = 3
    for fd in sorted(fd for fd in kept if fd >= low):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, end)


def _python_signals() -> None:
    """As a Python program begins: what the master handles is handled no more, SIGPIPE stays an exception."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
