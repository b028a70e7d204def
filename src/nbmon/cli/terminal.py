"""The terminal of a live table: keys in, lines out; left as it was before, however that happens."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType
from typing import Any

from nbmon.services.watching.keys import keys

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"  # another page, no cursor, no wrapping (xterm's control sequences)
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l\x1b[0m"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # shown at once, by terminals that know it; others ignore it
_CLEAR = "\x1b[0m\x1b[2J"
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
LONGEST_READ = 1024  # bytes of keys at once


class Terminal:
    """A context: raw enough for single keys, with Ctrl-C and Ctrl-Z as they are everywhere."""

    def __init__(self) -> None:
        self._keyboard = 0
        self._shown: list[str] = []
        self._size = (0, 0)
        self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Terminal:
        self._mode = termios.tcgetattr(self._keyboard)
        self._enter()
        for number in _ENDS:
            self._before[number] = signal.signal(number, _end)
        self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._suspended)
        self._before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: self.wake())
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._leave()
        for fd in self._wakes:
            os.close(fd)

    def _enter(self) -> None:
        tty.setcbreak(self._keyboard)
        self._shown = []
        _write(_ENTER)

    def _leave(self) -> None:
        try:
            _write(_LEAVE)
            termios.tcsetattr(self._keyboard, termios.TCSAFLUSH, self._mode)
        except (OSError, termios.error):  # it is gone, and whoever used it
            pass

    def _suspended(self, _number: int, _frame: FrameType | None) -> None:
        self._leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()  # SIGCONT has come
        self.wake()

    def wake(self) -> None:
        """Let `wait` return; from any thread."""
        try:
            os.write(self._wakes[1], b"x")
        except OSError:  # it is full, and `wait` will return
            pass

    def size(self) -> tuple[int, int]:
        """Columns and lines; at least one of each."""
        found = os.get_terminal_size(1)
        return max(1, found.columns), max(1, found.lines)

    def wait(self, seconds: float) -> list[str]:
        """The keys that were pressed; none if the time is over, or the size or anything else has changed.

        EOFError if the terminal is gone.
        """
        poller = select.poll()
        poller.register(self._keyboard, select.POLLIN)
        poller.register(self._wakes[0], select.POLLIN)
        ready = dict(poller.poll(seconds * 1e3))
        if self._wakes[0] in ready:
            os.read(self._wakes[0], LONGEST_READ)
        if self._keyboard not in ready:
            return []
        try:
            data = os.read(self._keyboard, LONGEST_READ)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        return keys(data)

    def show(self, lines: Sequence[str]) -> None:
        """Let the screen be these lines, each as wide as it is; only what has changed is sent."""
        size = self.size()
        anew = size != self._size or len(self._shown) != len(lines)
        before = [""] * len(lines) if anew else self._shown
        changed = [
            f"\x1b[{at};1H{new}\x1b[0m"
            for at, (old, new) in enumerate(zip(before, lines, strict=True), 1)
            if old != new
        ]
        self._shown, self._size = list(lines), size  # before: Ctrl-Z while it is written makes it void
        if changed:
            _write(f"{_BEGIN}{_CLEAR if anew else ''}{''.join(changed)}{_END}")

    def redraw(self) -> None:
        """Send everything the next time."""
        self._shown = []


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _write(text: str) -> None:
    data = text.encode(sys.stdout.encoding or "ascii", "replace")
    while data:
        data = data[os.write(1, data) :]
