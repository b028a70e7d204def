"""A keeper: a small process that ends its parent's groups when the parent dies without a word.

PR_SET_PDEATHSIG takes the children themselves, not what they have started. The keeper sleeps in one read(2)
of a pipe whose other end only the parent has (a child's copy goes with its execve(2), or is closed). The
pipe's end without a farewell means that the parent was killed.

Must not know what runs in the groups.
"""

from __future__ import annotations

import errno
import os
import signal

from nbmon.workers import group
from nbmon.workers.errors import WorkerError
from nbmon.workers.fork import fork

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FAREWELL = b"."
_DESCRIPTORS = 1 << 30  # above every possible one


class Keeper:
    """Started by entering; `fileno()` is where a child writes its group's number, as `PID\\n`."""

    __slots__ = ("_also", "_writing", "pid")

    def __init__(self, writing: int = -1, pid: int = 0, also: Callable[[], None] | None = None) -> None:
        """`writing` and `pid`: of the one that a former image of this process has started.

        `also` is called in the keeper, where nothing is open, when the parent was killed, and the groups are.
        """
        self._writing, self.pid, self._also = writing, pid, also

    def __enter__(self) -> Keeper:
        if self._writing < 0:
            self._start()
        else:
            os.set_inheritable(self._writing, False)
        return self

    def _start(self) -> None:
        try:
            reading, self._writing = os.pipe()
        except OSError as error:
            raise _trouble(error) from None
        try:
            self.pid = fork(lambda _parent: _keep(reading, self._also))
        except OSError as error:
            os.close(self._writing)
            raise _trouble(error) from None
        finally:
            os.close(reading)

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def renew(self, groups: Iterable[int]) -> None:
        """It was killed: another takes its place, behind the same descriptor. WorkerError; then try again."""
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0
        before = self._writing
        try:
            self._start()
        except WorkerError:
            self._writing = before
            raise
        os.dup2(self._writing, before, inheritable=False)
        os.close(self._writing)
        self._writing = before
        for number in groups:
            os.write(before, b"%d\n" % number)

    def fileno(self) -> int:
        """The pipe to the keeper."""
        return self._writing

    def release(self, number: int) -> None:
        """The group has ended: its number may soon be another's."""
        try:
            os.write(self._writing, b"%d\n" % -number)
        except BrokenPipeError:
            pass  # somebody killed the keeper

    def dismiss(self) -> None:
        """Say farewell: the group has ended, and its number may soon be another's."""
        if self._writing < 0:
            return
        writing, self._writing = self._writing, -1
        try:
            os.write(writing, FAREWELL)
        except BrokenPipeError:
            pass  # somebody killed the keeper
        os.close(writing)
        if self.pid:
            os.waitpid(self.pid, 0)


def _keep(reading: int, also: Callable[[], None] | None) -> None:
    """In the keeper: every signal stays blocked, nothing is open but the pipe."""
    os.closerange(0, reading)
    os.closerange(reading + 1, _DESCRIPTORS)
    groups: dict[int, None] = {}
    rest = b""
    while data := os.read(reading, 4096):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            _note(groups, int(line))
    if rest != FAREWELL:
        for number in groups:
            group.send(number, signal.SIGKILL)
        for number in groups:
            group.kill(number)
        if also is not None:
            also()


def _note(groups: dict[int, None], number: int) -> None:
    """A group that is to be ended with the parent; a negative number: no longer."""
    if number > 0:
        groups[number] = None
    else:
        groups.pop(-number, None)


def _trouble(error: OSError) -> WorkerError:
    if error.errno == errno.EAGAIN:
        return WorkerError("cannot start: no further process is allowed (see `ulimit -u`); raise that limit")
    return WorkerError(f"cannot start: {error.strerror} (see `ulimit -n`)")
