"""The control socket's own file: made for its owner alone, made again when somebody removes it.

That it was removed is heard of by inotify(7), so that nobody has to look. Must not know what is asked there.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from nbmon.workers.errors import WorkerError
from nbmon.workers.log import say
from nbmon.workers.loop import Loop
from nbmon.workers.unixpath import Short

OWNER_ONLY = 0o177  # umask
_IN_ATTRIB, _IN_MOVE_SELF = 0x4, 0x800  # <linux/inotify.h>; an unlink changes the count of links: IN_ATTRIB
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
PAUSE = 1.0  # seconds until it is tried again to accept, when no descriptor was left
_LONGEST = 4096  # bytes of events read at once
Lift = Callable[[int], int]


class Listener:
    """Listens at `path` and tells `accept` when somebody has come. WorkerError if that cannot be."""

    def __init__(self, path: str, backlog: int, loop: Loop, lift: Lift, accept: Callable[[], None]) -> None:
        self.path = os.path.abspath(path)  # the program may go elsewhere
        self._said = path
        self._backlog = backlog
        self._loop = loop
        self._lift = lift
        self._accept = accept
        self._ear = _inotify(lift)
        try:
            with Short(self.path) as name:
                _refuse_second(name, path)
            self._open()
        except (OSError, WorkerError) as error:
            self._close_ear()
            if isinstance(error, WorkerError):
                raise
            raise WorkerError(f"cannot listen at {path}: {error.strerror}") from None
        if self._ear is not None:
            loop.watch(self._ear, self._heard)

    def accept(self) -> socket.socket | None:
        """The next who has come; None if nobody has, or no descriptor is left: then it is tried later."""
        try:
            return self._sock.accept()[0]
        except OSError as error:
            if error.errno in _FULL:
                self._rest()
            return None

    def _rest(self) -> None:
        """Whoever waits would wake us again and again."""
        resting = self._sock
        self._loop.want(resting.fileno(), reading=False)
        self._loop.after(PAUSE, lambda: self._go_on(resting))

    def _go_on(self, resting: socket.socket) -> None:
        if resting is self._sock and resting.fileno() >= 0:
            self._loop.want(resting.fileno())

    def close(self) -> None:
        """Listen no more; the file goes, if it is still ours."""
        if self._ear is not None:
            self._loop.unwatch(self._ear)
            self._close_ear()
        self._sock.close()
        if _identity(self.path) == self._file:
            _remove(self.path)

    def _open(self) -> None:
        with Short(self.path) as name:
            sock = _bound(name, self._backlog)
        self._sock = socket.socket(fileno=self._lift(sock.detach()))
        self._sock.setblocking(False)
        self._loop.watch(self._sock.fileno(), self._accept)
        self._file = _identity(self.path)
        if self._ear is not None:
            _listen_to(self._ear, self.path)

    def _heard(self) -> None:
        """Something has happened to the file, or to one that stood there before."""
        assert self._ear is not None
        _drain(self._ear)
        now = _identity(self.path)
        if now == self._file or self._file is None:
            return
        if now is not None:  # another's, who will want to be spoken to there
            say(f"{self._said} is another's by now: this supervisor can no longer be asked there")
            self._file = None
            return
        before = self._sock
        try:
            self._open()
        except OSError as error:
            say(f"{self._said} was removed and cannot be made again: {error.strerror}")
            self._file = None
            return
        self._loop.unwatch(before.fileno())
        before.close()
        say(f"{self._said} was removed; it is made again")

    def _close_ear(self) -> None:
        if self._ear is not None:
            os.close(self._ear)


def _inotify(lift: Lift) -> int | None:
    """A descriptor that hears of files; None if there is none, and then a removed one stays removed."""
    from ctypes import CDLL

    fd: int = CDLL(None).inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    return lift(fd) if fd >= 0 else None


def _listen_to(ear: int, path: str) -> None:
    from ctypes import CDLL

    CDLL(None).inotify_add_watch(ear, os.fsencode(path), _IN_ATTRIB | _IN_MOVE_SELF)


def _drain(ear: int) -> None:
    try:
        while os.read(ear, _LONGEST):
            pass
    except BlockingIOError:
        pass


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is at `path`: its device and inode; None if there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _bound(name: str, backlog: int) -> socket.socket:
    """A listening socket at `name`, its owner's alone. OSError."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(OWNER_ONLY)
    try:
        _remove(name)  # of one that was killed
        listener.bind(name)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _refuse_second(name: str, path: str) -> None:
    """WorkerError if somebody listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        if probe.connect_ex(name) in (0, errno.EAGAIN):
            raise WorkerError(f"another supervisor listens at {path}; stop it first, or name another path")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
