"""A keeper: a small process that ends a command's group when its parent dies without a word.

PR_SET_PDEATHSIG takes the command itself, not what the command has started. The keeper sleeps in one
read(2) of a pipe whose other end only the parent has (the command's copy goes with its execve(2)). The
pipe's end without a farewell means that the parent was killed.

Must not know what runs in the group.
"""

from __future__ import annotations

import errno
import os

from nbmon.workers import group
from nbmon.workers.errors import WorkerError
from nbmon.workers.fork import fork

FAREWELL = b"."
_DESCRIPTORS = 1 << 30  # above every possible one


class Keeper:
    """Started by entering; `fileno()` is where a child writes its group's number, as `PID\\n`."""

    __slots__ = ("_pid", "_writing")

    def __enter__(self) -> Keeper:
        try:
            reading, self._writing = os.pipe()
        except OSError as error:
            raise _trouble(error) from None
        try:
            self._pid = fork(lambda _parent: _keep(reading))
        except OSError as error:
            os.close(self._writing)
            raise _trouble(error) from None
        finally:
            os.close(reading)
        return self

    def __exit__(self, *_: object) -> None:
        self.dismiss()

    def fileno(self) -> int:
        """The pipe to the keeper."""
        return self._writing

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
        os.waitpid(self._pid, 0)


def _keep(reading: int) -> None:
    """In the keeper: every signal stays blocked, nothing is open but the pipe."""
    os.closerange(0, reading)
    os.closerange(reading + 1, _DESCRIPTORS)
    said = b""
    while data := os.read(reading, 64):
        said += data
    if said and not said.endswith(FAREWELL):
        group.kill(int(said))


def _trouble(error: OSError) -> WorkerError:
    if error.errno == errno.EAGAIN:
        return WorkerError("cannot start: no further process is allowed (see `ulimit -u`); raise that limit")
    return WorkerError(f"cannot start: {error.strerror} (see `ulimit -n`)")
