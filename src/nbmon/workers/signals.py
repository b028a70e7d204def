"""Signals as something to wait for: a descriptor becomes readable, then `take` tells which came.

Must not know what follows from a signal. Of the main thread only, as Python's own handlers are.
"""

from __future__ import annotations

import os
import signal

from nbmon.workers.errors import WorkerError

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    _Handler = Callable[[int, FrameType | None], object] | int | None


class Signals:
    """While entered, the given signals are collected instead of acted upon; ignored ones stay ignored.

    As the kernel does, several of one number that have not been taken yet are one. So a storm of one
    signal never hides another, as it might if each were a byte in a pipe that can be full.
    """

    def __init__(self, numbers: Iterable[int], also: Iterable[int] = ()) -> None:
        self._numbers = tuple(numbers)
        self._also = frozenset(also)  # of these, the handler found here is called too
        self._pending: dict[int, None] = {}
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> Signals:
        self._open()
        try:
            self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        except ValueError:
            self._close()
            raise RuntimeError("signals can be waited for in the main thread only") from None
        for number in self._numbers:
            before = signal.getsignal(number)
            if before != signal.SIG_IGN:  # nohup, or a shell's background job: the user's wish
                self._before[number] = before
                signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup)
        self._close()

    def fileno(self) -> int:
        """Readable when there may be something to take."""
        return self._reading

    def descriptors(self) -> list[int]:
        """Both ends of the pipe, for a forked child to close."""
        return [self._reading, self._writing]

    def take(self) -> list[int]:
        """The signals that came since the last time, in the order of their coming."""
        try:
            while len(os.read(self._reading, 4096)) == 4096:
                pass
        except BlockingIOError:
            pass
        taken = list(self._pending)  # what comes from here on leaves a byte in the pipe
        for number in taken:
            self._pending.pop(number, None)
        return taken

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending[number] = None
        before = self._before.get(number)
        if number in self._also and callable(before):
            before(number, frame)

    def _open(self) -> None:
        try:
            self._reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise WorkerError(f"cannot wait for signals: {error.strerror} (see `ulimit -n`)") from None

    def _close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)
