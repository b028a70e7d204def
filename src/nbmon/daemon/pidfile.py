"""The pid file: held by a lock for the daemon's life, written atomically, removed by its owner alone.

Who runs is decided by the lock, never by the number in the file. What follows from that:

* a file that nobody holds is stale, whatever it says, and the next start replaces it;
* a file removed by hand while its daemon runs takes the lock out of sight: that daemon can no longer be
  found, and a second start succeeds. The first one's exit leaves the second one's file alone;
* the lock must not outlive the daemon in its children, so a forked child closes it at once.

Must not know how to fork, signal or print.
"""

from __future__ import annotations

import errno
import os

from nbmon.daemon import disk, locks
from nbmon.daemon.errors import AlreadyRunning, DaemonError, PidFileError
from nbmon.daemon.holder import CONTENT_LIMIT, HolderUnknown, content, holder, number

TYPE_CHECKING = False  # `typing` is heavy for every daemon; checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

ATTEMPTS = 1000  # each further one means that somebody else changed the path meanwhile
PAUSE = 0.001  # seconds between two attempts; another's removal of a stale file takes microseconds
_REPLACED = -1  # no pid
_NOT_YOURS = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # vfat, FUSE

_held: list[PidFile] = []  # of this process
_registered = False
_FOREIGN = (
    "file {path} holds something that is no pid, and is left alone; move it away or name another pid file"
)


class PidFile:
    """A daemon's pid file at `path`, which is made absolute at once.

    As a context manager: acquire, release.
    """

    __slots__ = ("_fd", "_file", "_owner", "path")

    def __init__(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
        _needs_linux()
        self.path = _absolute(path)
        self._fd: int | None = None
        self._file = (0, 0)  # device and inode
        self._owner = 0

    def __repr__(self) -> str:
        return f"PidFile({self.path!r})"

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def fileno(self) -> int:
        """The locked descriptor, to be kept open for the daemon's life; ValueError if not acquired."""
        if self._fd is None:
            raise ValueError(f"pid file {self.path} is not held by this process")
        return self._fd

    def acquire(self) -> None:
        """Lock the file and write this process's pid; AlreadyRunning or PidFileError: nothing was changed."""
        if self._fd is not None:
            raise AlreadyRunning(os.getpid(), self.path)
        try:
            self._fd = self._take()
        except OSError as error:
            raise disk.trouble("take", self.path, error) from None
        self._file, self._owner = disk.identity(self._fd), os.getpid()
        locks.sign(self._fd, locks.NAME)  # written in place, the name went with the first descriptor
        _hold(self)

    def inherit(self, fd: int) -> None:
        """A former image of this process has acquired it behind `fd`; execve(2) keeps the locks."""
        os.set_inheritable(fd, False)
        self._fd, self._file, self._owner = fd, disk.identity(fd), os.getpid()
        _hold(self)

    def holder(self) -> int | None:
        """The pid of the running daemon, None if none runs.

        HolderUnknown if one runs that cannot be named; PidFileError if the file cannot be asked.
        """
        if self._fd is not None:  # opening and closing it here would drop the POSIX lock that names us
            return self._owner
        for _ in range(ATTEMPTS):
            pid = self._ask(self._who)
            if pid != _REPLACED:
                return pid
        raise HolderUnknown(self.path)

    def leftover(self) -> bool:
        """Whether the file is there, claims a pid, and nobody holds it (LSB status 1); PidFileError."""
        try:
            return self.holder() is None and bool(self._ask(lambda fd: number(content(fd))))
        except HolderUnknown:
            return False

    def release(self) -> None:
        """Remove the file if it is still ours, and let go. Harmless twice, and in a forked child."""
        if self._fd is None or self._owner != os.getpid():
            return
        if self._is_open():
            disk.remove(self.path, self._fd)
        else:
            self.sweep()  # the program closed it, and the lock is gone: remove the file if nobody has it
        _held.remove(self)
        self.forget()

    def forget(self) -> None:
        """Close the descriptor and remove nothing: for a forked child, which is not the owner."""
        if self._fd is not None and self._is_open():
            os.close(self._fd)
        self._fd = None

    def _is_open(self) -> bool:
        """Whether the descriptor still is ours: programs like to close all that they see."""
        try:
            return self._fd is not None and disk.identity(self._fd) == self._file
        except OSError:
            return False

    def sweep(self) -> None:
        """Remove what a killed daemon left behind, if nobody holds it; what cannot be removed stays."""
        try:
            fd = disk.open_regular(self.path, os.O_RDWR)
        except (OSError, PidFileError):
            return
        try:
            if _quiet(fd) and len(content(fd)) <= CONTENT_LIMIT:
                disk.remove(self.path, fd)
        except OSError:
            pass  # no locks here: then none of ours was held either
        finally:
            os.close(fd)

    def _who(self, fd: int) -> int | None:
        """The holder of the file behind `fd`, or _REPLACED if another file has taken its place."""
        try:
            pid = holder(fd, self.path)
        except HolderUnknown:
            if disk.is_at(self.path, fd):
                raise
            return _REPLACED
        # The losers of a race lock the replaced file for a moment, before they see that it is replaced.
        return pid if disk.is_at(self.path, fd) else _REPLACED

    def _ask(self, question: Callable[[int], int | None]) -> int | None:
        try:
            fd = disk.open_regular(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk.trouble("read", self.path, error) from None
        try:
            return question(fd)
        except OSError as error:
            raise disk.trouble("read", self.path, error) from None
        finally:
            os.close(fd)

    def _take(self) -> int:
        for _ in range(ATTEMPTS):
            fd = self._attempt()
            if fd is not None:
                return fd
        raise PidFileError(
            f"cannot take pid file {self.path}: another program locks or replaces it over and over; "
            "end that program or name another pid file"
        )

    def _attempt(self) -> int | None:
        """One try: the locked descriptor, or None if the path changed under our hands."""
        try:
            old = self._open_old()
        except FileNotFoundError:
            return self._create()
        try:
            if not self._lock(old) or not disk.is_at(self.path, old):
                return None
            if len(content(old)) > CONTENT_LIMIT:
                raise PidFileError(_FOREIGN.format(path=self.path))
            return self._replace(old)
        finally:
            os.close(old)

    def _open_old(self) -> int:
        try:
            return disk.open_regular(self.path, os.O_RDWR)
        except OSError as error:
            if error.errno in _NOT_YOURS:
                self._say_who_runs()  # rather than what we may not do
            raise

    def _lock(self, fd: int) -> bool:
        if locks.take(fd, locks.LIFE) and locks.sign(fd, locks.NAME):
            return True
        self._say_who_runs()
        _pause()  # let go meanwhile, or a sweep is at work
        return False

    def _say_who_runs(self) -> None:
        """AlreadyRunning if somebody does."""
        try:
            pid = self.holder()
        except HolderUnknown:
            raise AlreadyRunning(None, self.path) from None
        if pid is not None:
            raise AlreadyRunning(pid, self.path)

    def _create(self) -> int | None:
        """There is no file: link a finished one into place, unless somebody was faster."""
        temporary, fd = disk.finished(self.path)
        try:
            os.link(temporary, self.path)
        except OSError as error:
            os.close(fd)
            if error.errno in _NO_HARD_LINKS:
                disk.create_empty(self.path)
            elif error.errno != errno.EEXIST:
                raise
            return None
        finally:
            os.unlink(temporary)
        return fd

    def _replace(self, old: int) -> int:
        """There is a stale file, locked by us: put a finished one over it, or write into it."""
        try:
            temporary, fd = disk.finished(self.path)
        except OSError as error:
            if error.errno not in _NOT_YOURS:
                raise
            return disk.write_in_place(old)
        try:
            os.rename(temporary, self.path)
        except OSError as error:
            os.close(fd)
            os.unlink(temporary)
            if error.errno not in _NOT_YOURS:  # a sticky folder, and the file is another's
                raise
            return disk.write_in_place(old)
        return fd


def _needs_linux() -> None:
    from sys import platform

    if platform != "linux":
        raise DaemonError(f"the daemon kit needs Linux (OFD locks, pidfd), and this system is {platform}")


def _absolute(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    name = os.fsdecode(path)
    if not name or "\0" in name:
        raise PidFileError(f"{name!r} cannot name a pid file; give a path such as /run/user/1000/my.pid")
    try:
        return os.path.abspath(name)
    except FileNotFoundError:
        raise PidFileError(
            f"pid file {name} is relative to the working directory, which no longer exists; give a whole path"
        ) from None


def _quiet(fd: int) -> bool:
    """Keep starts and other sweeps off the file; False if somebody is at it."""
    # A read lock on LIFE makes a start wait for a moment, and never passes for a daemon.
    return locks.take(fd, locks.SWEEP) and locks.share(fd, locks.LIFE)


def _pause() -> None:
    from time import sleep

    sleep(PAUSE)


def _hold(pidfile: PidFile) -> None:
    """Remember who is held, for `_close_in_child`, which is registered once, by the first."""
    global _registered  # noqa: PLW0603 - os.register_at_fork cannot be undone, so it is done once
    if not _registered:
        os.register_at_fork(after_in_child=_close_in_child)
        _registered = True
    _held.append(pidfile)


def _close_in_child() -> None:
    """A crash of the daemon must release the lock even if its children live on."""
    while _held:
        _held.pop().forget()
