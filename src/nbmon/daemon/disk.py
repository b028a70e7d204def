"""The system calls beneath a pid file: open it safely, write it, put it in its place, take it away.

Must not decide who runs nor what is stale. An OSError passes through; `trouble` makes it a sentence.
"""

from __future__ import annotations

import errno
import os
import stat

from nbmon.daemon import locks
from nbmon.daemon.errors import PidFileError

FILE_MODE = 0o644  # everybody may ask who runs
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def open_regular(path: str, flags: int) -> int:
    """Open a regular file without following a link and without ever waiting; PidFileError for other kinds."""
    _refuse_other_kinds(path, os.lstat(path).st_mode)
    fd = os.open(path, flags | _SAFE)
    try:
        _refuse_other_kinds(path, os.fstat(fd).st_mode)  # it may have been changed in between
    except PidFileError:
        os.close(fd)
        raise
    return fd


_KINDS = {
    stat.S_IFLNK: "a symbolic link, which is not followed",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _refuse_other_kinds(path: str, mode: int) -> None:
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is not None:
        raise PidFileError(f"pid file {path} is {kind}; name a regular file, or one that is not there yet")


def identity(fd: int) -> tuple[int, int]:
    """Device and inode: a file's identity for as long as it is open somewhere."""
    info = os.fstat(fd)
    return info.st_dev, info.st_ino


def is_at(path: str, fd: int) -> bool:
    """Whether `path` still is the file behind `fd`."""
    try:
        there = os.lstat(path)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == identity(fd)


def finished(path: str) -> tuple[str, int]:
    """A new file beside `path` with our pid in it, locked: its name and its descriptor."""
    folder, name = os.path.split(path)
    short = os.fsdecode(os.fsencode(name)[:200])  # the pid file's name may be as long as names can be
    temporary = os.path.join(folder, f".{short}.{os.urandom(8).hex()}")
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE)
    try:
        _write(fd)
        if not (locks.take(fd, locks.LIFE) and locks.sign(fd, locks.NAME)):
            raise OSError(errno.EAGAIN, "another program locks new files")
    except OSError:
        os.close(fd)
        os.unlink(temporary)
        raise
    return temporary, fd


def _write(fd: int) -> None:
    line = b"%d\n" % os.getpid()
    if os.pwrite(fd, line, 0) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(fd, len(line))


def write_in_place(old: int) -> int:
    """Write our pid into the locked file itself; the descriptor to keep."""
    _write(old)
    return os.dup(old)  # the same open description: the lock stays when `old` is closed


def create_empty(path: str) -> None:
    """Without hard links: an empty file for the next attempt to lock and replace."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE))
    except FileExistsError:
        pass  # somebody was faster


def remove(path: str, fd: int) -> None:
    """Unlink `path` if it still is the file behind `fd`; where that is not ours to do, empty it."""
    for step in (_unlink, _empty):
        try:
            step(path, fd)
        except OSError:
            pass  # nobody holds it in a moment, which is what counts


def _unlink(path: str, fd: int) -> None:
    if is_at(path, fd):
        os.unlink(path)


def _empty(_path: str, fd: int) -> None:
    if os.fstat(fd).st_nlink:  # still there: in a read-only folder, or out of sight after chroot(2)
        os.ftruncate(fd, 0)


_REASONS = {
    errno.ENOENT: "folder {folder} does not exist; create it, or name another pid file",
    errno.ENOTDIR: "{folder} is not a folder, or is beneath a file; name another pid file",
    errno.EACCES: "no permission; name a pid file in a folder of your own, or use its owner's account",
    errno.EPERM: "not permitted; name a pid file in a folder of your own, or use its owner's account",
    errno.EROFS: "its file system is read-only; name a pid file in another place",
    errno.ENOSPC: "no space left on its file system; make room, or name a pid file in another place",
    errno.EDQUOT: "the disk quota is used up; make room, or name a pid file in another place",
    errno.EFBIG: "files may not grow (RLIMIT_FSIZE, see `ulimit -f`); raise that limit",
    errno.ENAMETOOLONG: "the name is too long (255 bytes a name, 4095 a path); give a shorter one",
    errno.ELOOP: "it is a symbolic link, or its folder a loop of them; name a regular file",
    errno.EMFILE: "no descriptor is left in this process (see `ulimit -n`); raise that limit",
    errno.ENFILE: "no descriptor is left in this machine; end something, or raise fs.file-max",
    errno.ENOLCK: "its file system has no locks; name a pid file on a local one, such as /run",
    errno.EINVAL: "its file system or kernel has no OFD locks (Linux 3.15); name one in another place",
}


def trouble(verb: str, path: str, error: OSError) -> PidFileError:
    """The sentence for what the system answered."""
    reason = _REASONS.get(error.errno or 0, f"{error.strerror}; name a pid file in another place")
    return PidFileError(f"cannot {verb} pid file {path}: {reason.format(folder=os.path.dirname(path))}")
