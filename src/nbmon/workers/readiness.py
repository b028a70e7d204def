"""How a command says that it is ready without knowing nbmon: a line on a descriptor, or a port that answers.

Each waits on the loop and calls once. Must not know what follows.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.loop import Loop

FIRST_LOOK = 0.01  # seconds until a port is tried; doubled each time, up to
LONGEST_LOOK = 0.5  # seconds: there is no event for a port that opens elsewhere
LONGEST_TRY = 1.0  # seconds for one connection


class Descriptor:
    """s6's way: a line feed on a pipe. `writing` is for the command, and to be closed after the fork."""

    def __init__(self, loop: Loop, high: HighDescriptors, ready: Callable[[], None]) -> None:
        reading, writing = os.pipe()
        self.writing = high.lift(writing)
        self._reading = high.lift(reading)
        self._loop = loop
        self._ready = ready
        os.set_blocking(self._reading, False)
        loop.watch(self._reading, self._hear)

    def _hear(self) -> None:
        try:
            data = os.read(self._reading, 4096)
        except BlockingIOError:
            return
        if data and b"\n" not in data:
            return
        self.close()
        if data:
            self._ready()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._reading >= 0:
            self._loop.unwatch(self._reading)
            os.close(self._reading)
            self._reading = -1


class Port:
    """A TCP port that accepts a connection; it is closed at once."""

    def __init__(self, loop: Loop, place: str, ready: Callable[[], None]) -> None:
        host, _, port = place.rpartition(":")
        self._address = (host, int(port))
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._loop = loop
        self._ready = ready
        self._pause = FIRST_LOOK
        self._sock: socket.socket | None = None
        self._over = False
        loop.after(self._pause, self._try)

    def _try(self) -> None:
        if self._over:
            return
        self._pause = min(LONGEST_LOOK, self._pause * 2)
        sock = socket.socket(self._family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        number = sock.connect_ex(self._address)
        if number == 0:
            sock.close()
            self._answered()
            return
        if number != 115:  # EINPROGRESS
            sock.close()
            self._loop.after(self._pause, self._try)
            return
        self._sock = sock
        self._loop.watch(sock.fileno(), self._look)
        self._loop.want(sock.fileno(), reading=False, room=True)
        self._loop.after(LONGEST_TRY, lambda: self._give_up(sock))

    def _look(self) -> None:
        assert self._sock is not None
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._hang_up()
        if number == 0:
            self._answered()
        else:
            self._loop.after(self._pause, self._try)

    def _give_up(self, sock: socket.socket) -> None:
        if self._sock is sock:
            self._hang_up()
            self._try()

    def _answered(self) -> None:
        self._over = True
        self._ready()

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._loop.unwatch(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self._hang_up()
