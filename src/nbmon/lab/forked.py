"""A forked process that an experiment talks with: JSON over a socket pair, one line a word.

Only for a process with one thread (an experiment's own, by `running`): a fork copies no other thread.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from types import TracebackType

from nbmon.lab.errors import LabError
from nbmon.lab.experiment import JSON

PATIENCE = 60.0  # seconds: a helper that has not answered by then is stuck


class Talk:
    """One end. `say` and `hear` whole values."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._file = end.makefile("rb")

    def say(self, value: JSON = None) -> None:
        """Send a value."""
        self._end.sendall((json.dumps(value) + "\n").encode())

    def hear(self) -> JSON:
        """The other's next value. LabError when it has gone, or says nothing for a minute."""
        try:
            line = self._file.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise LabError("a helper process of the experiment ended, or hung, before it had answered")
        return json.loads(line)

    def ask(self, value: JSON = None) -> JSON:
        """Say, then hear."""
        self.say(value)
        return self.hear()

    def close(self) -> None:
        """The other hears the end."""
        self._file.close()
        self._end.close()


class Forked:
    """A child that runs `life` and ends with the code that it returns (None: 0). Use it as a context."""

    def __init__(self, life: Callable[[Talk], int | None]) -> None:
        mine, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            mine.close()
            _live(life, theirs)
        theirs.close()
        mine.settimeout(PATIENCE)
        self.talk = Talk(mine)
        self._reaped = False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Not reaped yet, so that the number is still its own."""
        if not self._reaped:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, -N for a signal; once only."""
        self._reaped = True
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def __enter__(self) -> Forked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self.kill()
        with contextlib.suppress(ChildProcessError):
            if not self._reaped:
                self.wait()
        self.talk.close()


def _live(life: Callable[[Talk], int | None], end: socket.socket) -> None:
    """In the child: never returns, whatever happens; what went wrong goes to stderr."""
    code = 1
    try:
        end.settimeout(PATIENCE)
        code = life(Talk(end)) or 0
    except LabError:
        pass  # the parent has gone
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)
