"""Who holds a pid file: asked of the kernel, never of the number in the file alone.

Must not open, change or lock the file; gets an open descriptor of it.
"""

from __future__ import annotations

import os

from nbmon.daemon import locks
from nbmon.daemon.disk import identity
from nbmon.daemon.errors import PidFileError

PID_LIMIT = 4_194_304  # PID_MAX_LIMIT of Linux on 64 bits (proc(5), pid_max): no pid is above it
CONTENT_LIMIT = 256  # bytes; what is longer was never a pid file


class HolderUnknown(PidFileError):  # noqa: N818 - a finding, not an accident
    """A process holds the pid file, but which one cannot be told; nobody may be signalled for it."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"a running daemon holds pid file {path}, but its pid cannot be told from here; "
            "ask as root, or as the daemon's own user"
        )
        self.path = path


def content(fd: int) -> bytes:
    """The beginning of the file, at most one byte more than a pid file may have."""
    return os.pread(fd, CONTENT_LIMIT + 1, 0)


def number(text: bytes) -> int | None:
    """The pid that `text` claims: ASCII digits within the kernel's range, blanks around; else None."""
    digits = text.strip()
    if not digits.isdigit() or len(digits) > len(str(PID_LIMIT)):
        return None
    pid = int(digits)
    return pid if 1 <= pid <= PID_LIMIT else None


def holder(fd: int, path: str) -> int | None:
    """The pid of the process that holds the file behind `fd`; None if nobody does.

    HolderUnknown if somebody does who cannot be named. `path` is for the message only.
    """
    pid = locks.look(fd, locks.LIFE)
    if pid is None or pid > 0:  # > 0: a POSIX lock, of another kit
        return pid
    pid = locks.look(fd, locks.NAME) or _by_proc(fd)
    if pid:
        return pid
    if locks.look(fd, locks.LIFE) is None:  # let go while we looked
        return None
    raise HolderUnknown(path)


def _by_proc(fd: int) -> int | None:
    """The holder as /proc shows it: the claimed pid if it has the lock, else the only one that has."""
    file = identity(fd)
    claimed = number(content(fd))
    if claimed is not None and _locks_file(claimed, file):
        return claimed
    found = [int(name) for name in _names("/proc") if name.isdigit() and _locks_file(int(name), file)]
    return found[0] if len(found) == 1 else None  # several share it: which one is the daemon is a guess


def _locks_file(pid: int, file: tuple[int, int]) -> bool:
    """Whether `pid` has the write lock on `file` through one of its descriptors."""
    return any(_is_lock(pid, name, file) for name in _names(f"/proc/{pid}/fd"))


def _is_lock(pid: int, name: str, file: tuple[int, int]) -> bool:
    try:
        info = os.stat(f"/proc/{pid}/fd/{name}")
        return (info.st_dev, info.st_ino) == file and _write_locked(f"/proc/{pid}/fdinfo/{name}")
    except OSError:  # closed, or gone, or another's, meanwhile
        return False


def _write_locked(fdinfo: str) -> bool:
    """proc(5), /proc/PID/fdinfo: a `lock:` line for each lock that is held through this descriptor."""
    with open(fdinfo, "rb") as lines:
        return any(b"lock:" in line and b"OFDLCK" in line and b" WRITE " in line for line in lines)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
