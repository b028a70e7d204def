"""Opening a name beneath a directory descriptor, never outside of it: two ways to the same end.

`open_plain` is one openat2(2) call and takes no symbolic link at all; it serves nearly every request.
`walk` goes segment by segment and follows links by hand, so that a link within the folder works while one
that leads out of it, or into a hidden name, does not; it needs nothing newer than Linux 2.6.39 and so
also stands in for a missing openat2.

Both return a descriptor open for reading of a regular file or a directory. What is neither (a fifo, a
device, a socket) is never opened, only looked at through O_PATH: opening a fifo would wake its writer,
opening a device might do anything. This file knows nothing of URLs, of HTTP and of what is in the files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

SYS_OPENAT2 = 437  # the same on all architectures but alpha; Linux 5.6
RESOLVE_NO_MAGICLINKS = 0x02  # linux/openat2.h
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC

MAX_LINKS = 40  # links in one path, as in path_resolution(7)
MAX_DEPTH = 256  # directories held open at once by one walk

# What a stranger's name may run into: to them it is simply not there, and they are not told which it was.
ABSENT = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EACCES,
        errno.EPERM,
        errno.ELOOP,
        errno.EXDEV,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.ENXIO,
        errno.ENODEV,
        errno.ESTALE,
        errno.EILSEQ,
    }
)


class NotHere(Exception):  # noqa: N818  # an answer, not an accident
    """No file and no folder of that name that may be shown."""


class Unavailable(Exception):  # noqa: N818  # as above
    """The system could not open what may well be there, for want of descriptors perhaps; try again."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)

_BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
# Without O_NOFOLLOW: with O_PATH it would hand out the link itself, where ELOOP is wanted (openat2(2)).
_LOOK_HOW = _OpenHow(LOOK & ~os.O_NOFOLLOW, 0, _BENEATH)
_READ_HOW = _OpenHow(READ, 0, _BENEATH)
_LOOK_AT = ctypes.addressof(_LOOK_HOW)
_READ_AT = ctypes.addressof(_READ_HOW)
_HOW_SIZE = ctypes.sizeof(_OpenHow)


def _openat2(root: int, name: bytes, how: int) -> int:
    fd: int = _syscall(SYS_OPENAT2, root, name, how, _HOW_SIZE)
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return fd


def have_openat2(root: int) -> bool:
    """Whether the kernel, and a seccomp filter that may stand before it, lets openat2 through."""
    try:
        os.close(_openat2(root, b".", _LOOK_AT))
    except OSError:
        return False
    return True


def translate(error: OSError) -> NotHere | Unavailable:
    """What an OSError means to whoever asked for a name."""
    if error.errno in ABSENT:
        return NotHere()
    return Unavailable(error.strerror or str(error))


def open_plain(root: int, name: bytes) -> tuple[int, os.stat_result]:
    """Open `name`, a relative path without a link in it.

    Raises NotHere, Unavailable, and OSError with ELOOP where a symbolic link stands in the way.
    """
    try:
        found = _openat2(root, name, _LOOK_AT)
        try:
            _only_files_and_folders(os.fstat(found))
        finally:
            os.close(found)
        return _checked(_openat2(root, name, _READ_AT))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
        raise translate(error) from None


def look_plain(root: int, name: bytes) -> os.stat_result:
    """The status of what `name` leads to, without opening it. Raises as `open_plain` does."""
    try:
        found = _openat2(root, name, _LOOK_AT)
        try:
            return os.fstat(found)
        finally:
            os.close(found)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
        raise translate(error) from None


def walk(root: int, segments: list[bytes], homes: tuple[bytes, ...] = ()) -> tuple[int, os.stat_result]:
    """Open the path `segments` beneath `root`, following the links that stay beneath it.

    `homes` are the absolute paths by which the folder is known: a link to an absolute path under one of
    them is followed from `root`. Raises NotHere and Unavailable.
    """
    path = _Walk(root, segments, homes)
    try:
        return path.finish()
    except OSError as error:
        raise translate(error) from None
    finally:
        path.close()


class _Walk:
    """The state of one walk: directories entered so far (never above the root), and segments still to go."""

    def __init__(self, root: int, segments: list[bytes], homes: tuple[bytes, ...]) -> None:
        self.root = root
        self.entered: list[int] = []
        self.ahead = segments[::-1]
        self.homes = homes
        self.links = 0

    @property
    def here(self) -> int:
        return self.entered[-1] if self.entered else self.root

    def close(self) -> None:
        while self.entered:
            os.close(self.entered.pop())

    def finish(self) -> tuple[int, os.stat_result]:
        while self.ahead:
            segment = self.ahead.pop()
            if segment in (b"", b"."):
                continue
            if segment == b"..":
                self._up()
            elif segment.startswith(b"."):
                raise NotHere
            elif (opened := self._enter(segment)) is not None:
                return opened
        return _checked(os.open(b".", READ, dir_fd=self.here))

    def _up(self) -> None:
        if not self.entered:
            raise NotHere
        os.close(self.entered.pop())

    def _enter(self, segment: bytes) -> tuple[int, os.stat_result] | None:
        found = os.open(segment, LOOK, dir_fd=self.here)
        try:
            mode = os.fstat(found).st_mode
            if stat.S_ISLNK(mode):
                self._follow(os.readlink(b"", dir_fd=found))
                return None
            if stat.S_ISDIR(mode) and len(self.entered) < MAX_DEPTH:
                self.entered.append(found)
                found = -1
                return None
        finally:
            if found >= 0:
                os.close(found)
        if not stat.S_ISREG(mode) or self.ahead:
            raise NotHere
        return _checked(os.open(segment, READ, dir_fd=self.here))

    def _follow(self, target: bytes) -> None:
        self.links += 1
        if self.links > MAX_LINKS:
            raise NotHere
        if target.startswith(b"/"):
            target = self._beneath(target)
            self.close()
        self.ahead.extend(target.split(b"/")[::-1])

    def _beneath(self, target: bytes) -> bytes:
        for home in self.homes:
            if target == home or target.startswith(home.rstrip(b"/") + b"/"):
                return target[len(home) :]
        raise NotHere


def _only_files_and_folders(status: os.stat_result) -> None:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise NotHere


def _checked(fd: int) -> tuple[int, os.stat_result]:
    """The descriptor with its status; the name may have been given to a fifo since it was looked at."""
    try:
        status = os.fstat(fd)
        _only_files_and_folders(status)
    except BaseException:
        os.close(fd)
        raise
    return fd, status
