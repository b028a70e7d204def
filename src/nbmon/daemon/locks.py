"""Record locks on single bytes of a pid file: the thin layer over fcntl(2).

Must not know what a daemon is, nor where the file lies. An OSError passes through.

Why open file description (OFD) locks: a POSIX lock is dropped as soon as its process closes *any*
descriptor of the file (fcntl(2), "Advisory record locking"), so a daemon that merely reads its own pid
file would let go of it. An OFD lock belongs to the open description and goes with that alone. It has no
pid of its own, though; therefore the holder also puts a POSIX lock on another byte, of which the kernel
tells the pid to anybody who may read the file. If that one is lost, only the short cut is lost.
"""

from __future__ import annotations

LIFE = 0  # byte that a daemon write-locks for its life
NAME = 1  # byte with the POSIX lock that tells the holder's pid
SWEEP = 2  # byte that keeps two removals of one stale file apart

# struct flock of <fcntl.h>: l_type, l_whence, l_start, l_len, l_pid; "0q" pads the end as a C compiler.
_FLOCK = "hhqqi0q"


def _flock(kind: int, byte: int) -> bytes:
    from os import SEEK_SET
    from struct import pack

    return pack(_FLOCK, kind, SEEK_SET, byte, 1, 0)  # l_pid must be 0 for F_OFD_*


def _set(fd: int, command: int, kind: int, byte: int) -> bool:
    from errno import EACCES, EAGAIN
    from fcntl import fcntl

    try:
        fcntl(fd, command, _flock(kind, byte))
    except OSError as error:
        if error.errno in (EACCES, EAGAIN):  # either, says fcntl(2)
            return False
        raise
    return True


def take(fd: int, byte: int) -> bool:
    """Write-lock `byte` for the open description behind `fd`; False if somebody else has it."""
    from fcntl import F_OFD_SETLK, F_WRLCK

    return _set(fd, F_OFD_SETLK, F_WRLCK, byte)


def share(fd: int, byte: int) -> bool:
    """Read-lock `byte`: keeps writers off without claiming to be one; False if a writer has it."""
    from fcntl import F_OFD_SETLK, F_RDLCK

    return _set(fd, F_OFD_SETLK, F_RDLCK, byte)


def sign(fd: int, byte: int) -> bool:
    """Put this process's name on `byte`: a POSIX lock, whose pid the kernel tells to others."""
    from fcntl import F_SETLK, F_WRLCK

    return _set(fd, F_SETLK, F_WRLCK, byte)


def look(fd: int, byte: int) -> int | None:
    """The pid of whoever has `byte` write-locked, 0 if the kernel cannot tell it, None if nobody has.

    Takes nothing, so that asking never makes a start fail; a descriptor for reading is enough.
    """
    from fcntl import F_OFD_GETLK, F_WRLCK, fcntl
    from struct import unpack

    kind, _, _, _, pid = unpack(_FLOCK, fcntl(fd, F_OFD_GETLK, _flock(F_WRLCK, byte)))
    if kind != F_WRLCK:  # F_UNLCK: free; F_RDLCK: a reader, no daemon
        return None
    return max(int(pid), 0)  # -1: an OFD lock; 0: a process outside of this pid namespace
