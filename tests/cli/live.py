"""A program in a terminal of its own, and what is to be read on its screen."""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
from contextlib import contextmanager

from support.proc import GROSS_HANG, wait_until

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([^\x1b]+)")


class Screen:
    """As far as lines that are put at absolute places need it: a cell never wraps."""

    def __init__(self, width, height):
        self.resize(width, height)
        self.sent = ""

    def resize(self, width, height):
        self.width, self.height = width, height
        self.cells = [[" "] * width for _ in range(height)]
        self.at = (0, 0)

    def feed(self, text):
        self.sent += text
        for arguments, final, plain in _SEQUENCE.findall(text):
            if plain:
                self._put(plain)
            elif final == "H":
                row, _, column = arguments.partition(";")
                self.at = (int(row or 1) - 1, int(column or 1) - 1)
            elif final == "J":
                self.cells = [[" "] * self.width for _ in range(self.height)]

    def _put(self, text):
        row, column = self.at
        for character in text:
            if row < self.height and column < self.width and character.isprintable():
                self.cells[row][column] = character
                column += 1
        self.at = (row, column)

    @property
    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Live:
    """`nbmon top` as a person has it."""

    def __init__(self, nbmon, words, width, height, env):
        self.fd, theirs = os.openpty()
        self.resize(width, height)
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.screen = Screen(width, height)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *nbmon.argv("top", *words)],  # no preexec_fn: there are threads
            cwd=nbmon.cwd,
            env={**nbmon.env, "TERM": "xterm", **(env or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        left = ""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            whole = left + decoder.decode(data)
            cut = whole.rfind("\x1b") if re.search(r"\x1b(\[[0-9;?]*)?$", whole) else len(whole)
            left = whole[cut:]
            self.screen.feed(whole[:cut])

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        if hasattr(self, "screen"):
            self.screen.resize(width, height)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def wait_for(self, pattern):
        """Wait until the screen shows it; the match."""
        wait_until(
            lambda: re.search(pattern, self.screen.text), what=lambda: f"{pattern!r} in\n{self.screen.text}"
        )
        return re.search(pattern, self.screen.text)

    def wait(self):
        return self.process.wait(GROSS_HANG)

    def is_clean(self):
        """Whether the terminal is as it was: its modes, the page, the cursor, wrapping."""
        wait_until(lambda: "\x1b[?1049l" in self.screen.sent, what="it has left the other page")
        left = self.screen.sent[self.screen.sent.rindex("\x1b[?1049h") :]
        return termios.tcgetattr(self.theirs) == self.before and "\x1b[?25h" in left and "\x1b[?7h" in left

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.theirs)
        self._reader.join(GROSS_HANG)
        os.close(self.fd)


@contextmanager
def live(nbmon, *words, width=100, height=30, env=None):
    opened = Live(nbmon, words, width, height, env)
    try:
        yield opened
    finally:
        opened.end()
