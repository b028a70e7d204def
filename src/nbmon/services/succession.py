"""`nbmon upgrade`: what a service hands over to the next image of its process; see `takeover`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbmon.services.service import Service

if TYPE_CHECKING:
    from socket import socket

    from nbmon.daemon import Daemon
    from nbmon.serve.board import Board
    from nbmon.workers.upgrading import Successor

# -P: no module of the folder where the service happens to stand is taken for one of nbmon's
PROGRAM = (sys.executable, "-P", "-m", "nbmon.services.takeover")
FileOf = tuple[str, tuple[int, int] | None]  # a Unix socket's path, and which file it was


class Succession:
    """What one service hands over, and what was handed to it."""

    def __init__(self, service: Service, daemon: Daemon, *, foreground: bool) -> None:
        self.handed: dict[str, Any] = {}  # all of it; empty if this is the first image
        self.listening: list[socket] = []
        self.aside: list[socket] = []
        self.darkroom: socket | None = None  # listening
        self.board: Board | None = None
        self.files: Callable[[], list[FileOf]] = list
        self._service = service
        self._daemon = daemon
        self._foreground = foreground

    @property
    def beside(self) -> dict[str, Any]:
        """What the service itself was handed."""
        found = self.handed.get("beside", {})
        assert isinstance(found, dict)
        return found

    def successor(self) -> Successor:
        """For the engine."""
        from nbmon.workers.upgrading import TRIAL_FD, Successor

        return Successor((*PROGRAM, "try", str(TRIAL_FD)), (*PROGRAM, "take"), self._written, self._kept)

    def _written(self) -> dict[str, Any]:
        return {
            "service": self._service.plain(),
            "foreground": self._foreground,
            "pid": self._pid(),
            "listening": [one.fileno() for one in self.listening],
            "aside": [one.fileno() for one in self.aside],
            "files": self.files(),
            "darkroom": None if self.darkroom is None else self.darkroom.fileno(),
            "board": None if self.board is None else self.board.fileno(),
        }

    def _kept(self) -> list[int]:
        others = [one for one in (self.darkroom, self.board) if one is not None]
        return [one.fileno() for one in (*self.listening, *self.aside, *others)] + [self._pid()]

    def _pid(self) -> int:
        """The pid file's descriptor, with its lock."""
        from nbmon.daemon import inside

        held = inside.of(self._daemon).held
        assert held is not None
        return held.fileno()


def again(fds: list[int]) -> list[socket]:
    """The sockets behind descriptors that were handed over."""
    import os
    import socket

    found = []
    for fd in fds:
        os.set_inheritable(fd, False)
        found.append(socket.socket(fileno=fd))
        found[-1].setblocking(False)
    return found
