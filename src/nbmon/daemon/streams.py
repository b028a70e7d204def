"""The three standard streams: where they shall point, opened early, reopened on request.

Opened in the starter, before the terminal is given up, so that a failure is seen there. Must not know
forks.
"""

from __future__ import annotations

import errno
import os
import sys

from nbmon.daemon.errors import StreamError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMES = ("stdin", "stdout", "stderr")
LOG_MODE = 0o640  # a log may hold what others should not read; the umask may take more away
# O_NONBLOCK: a fifo without a reader answers ENXIO instead of blocking for ever (fifo(7)). It is cleared
# once open.
# O_NOCTTY: a terminal named as a log must not become the controlling one (open(2)).
READING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
WRITING = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class Stream:
    """One standard stream: a path that can be opened again, or a descriptor that cannot."""

    def __init__(self, number: int, wanted: Any) -> None:
        self.number = number
        self.path = _path_of(wanted, NAMES[number])
        self.owned = self.path is not None  # we opened it, so we close it
        self.source = -1 if self.owned else _descriptor_of(wanted, NAMES[number])

    def open(self, owner: tuple[int, int] | None = None) -> int:
        """A fresh descriptor of the path, or StreamError; `owner`: (uid, gid) that a new log shall have."""
        assert self.path is not None
        try:
            return _open_reading(self.path) if self.number == 0 else _open_log(self.path, owner)
        except OSError as error:
            raise StreamError(_sentence(NAMES[self.number], self.path, error)) from error


def stderr_of(stdout: Any, stderr: Any) -> Any:
    """None as stderr means the same as stdout, as in the recipe's best known variants."""
    return stdout if stderr is None else stderr


class Streams:
    """All three. Two that name one path share one open description, so that their lines do not overwrite."""

    def __init__(self, stdin: Any = None, stdout: Any = None, stderr: Any = None) -> None:
        wanted = (stdin, stdout, stderr)
        self.all = [Stream(number, what) for number, what in enumerate(wanted)]

    def open(self, owner: tuple[int, int] | None = None) -> None:
        """Open every path; StreamError when one cannot be. The descriptors stay unconnected."""
        try:
            for path, group in self._by_path().items():
                fd = _above_standard(group[0].open(owner))
                for stream in group:
                    stream.source = fd
                del path
        except StreamError:
            self.close()
            raise

    def close(self) -> None:
        """Close what `open` opened."""
        for fd in {stream.source for stream in self.all if stream.owned and stream.source >= 0}:
            os.close(fd)
        for stream in self.all:
            if stream.owned:
                stream.source = -1

    def descriptors(self) -> set[int]:
        """The descriptors that `connect` will need."""
        return {stream.source for stream in self.all if stream.source >= 0}

    def connect(self) -> None:
        """Point 0, 1 and 2 at them, and Python's own three objects at those."""
        # A file object given for one stream may itself be one of 0, 1, 2 (`stderr=sys.stdout`): move first.
        sources = [os.dup(stream.source) for stream in self.all]
        for number, fd in enumerate(sources):
            os.dup2(fd, number)
            os.close(fd)
        self.close()
        renew_python_streams()

    def reopen(self) -> None:
        """Open every path again and swap it in.

        One that fails keeps its old file, and StreamError says so.
        """
        failures = []
        for group in self._by_path().values():
            try:
                fd = group[0].open()
            except StreamError as error:
                failures.append(str(error))
                continue
            for stream in group:
                os.dup2(fd, stream.number)
            os.close(fd)
        if failures:
            raise StreamError("; ".join(failures))

    def _by_path(self) -> dict[tuple[bool, str], list[Stream]]:
        groups: dict[tuple[bool, str], list[Stream]] = {}
        for stream in self.all:
            if stream.path is not None:
                groups.setdefault((stream.number == 0, stream.path), []).append(stream)
        return groups


def _path_of(wanted: Any, name: str) -> str | None:
    """The absolute path, from where the user stands now; None for a file object or a descriptor."""
    if wanted is None:
        return os.devnull
    if isinstance(wanted, (str, bytes)) or hasattr(wanted, "__fspath__"):
        path = os.fsdecode(wanted)
        if not path or "\0" in path:
            raise StreamError(f"{name} cannot be {path!r}: give a path, not empty and with no NUL in it")
        return os.path.abspath(path)
    return None


def _descriptor_of(wanted: Any, name: str) -> int:
    if isinstance(wanted, int):
        return wanted
    try:
        return int(wanted.fileno())
    except (AttributeError, OSError, ValueError) as error:
        raise StreamError(
            f"{name} cannot be {wanted!r}: give a path, or an open file that has a descriptor (fileno())"
        ) from error


def _open_reading(path: str) -> int:
    return _blocking(os.open(path, READING))


def _open_log(path: str, owner: tuple[int, int] | None) -> int:
    try:
        fd = os.open(path, WRITING | os.O_CREAT | os.O_EXCL, LOG_MODE)
    except FileExistsError:
        # O_CREAT again: the file may have gone since, or be a symbolic link to one that is not there yet.
        return _blocking(os.open(path, WRITING | os.O_CREAT, LOG_MODE))
    if owner is not None:  # a daemon that drops its rights must be able to reopen its log
        os.fchown(fd, *owner)
    return _blocking(fd)


def _blocking(fd: int) -> int:
    os.set_blocking(fd, True)
    return fd


def _above_standard(fd: int) -> int:
    """`fd`, moved above 2 should the starter have been run with a standard stream closed."""
    if fd > 2:
        return fd
    import fcntl

    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


_STDIN_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.EACCES: "no permission to read it; pass a file that you may read",
}


def _sentence(name: str, path: str, error: OSError) -> str:
    folder = os.path.dirname(path)
    instead = f"pass a path where you may write as {name}, or {os.devnull}"
    what = "write to it" if os.path.lexists(path) else f"create it in the folder {folder}"
    reasons = {
        errno.ENOENT: f"the folder {folder} does not exist; make it, or name another place",
        errno.ENOTDIR: f"{folder} is not a folder; name another place",
        errno.EISDIR: "that is a folder; name a file in it",
        errno.ENXIO: "nobody reads that fifo; start its reader first, or name a file",
        errno.EACCES: f"no permission to {what}; {instead}",
        errno.EPERM: f"no permission to {what}; {instead}",
        errno.EROFS: f"cannot {what}, its file system is read-only; {instead}",
    }
    why = reasons.get(error.errno or 0, (error.strerror or str(error)).lower())
    if name == "stdin":
        why = _STDIN_REASONS.get(error.errno or 0, why)
    return f"cannot open {path} for {name}: {why}"


def renew_python_streams() -> None:
    """Make `sys.stdin`, `stdout` and `stderr` UTF-8 and line-buffered on 0, 1 and 2, whatever the locale."""
    for number, name in enumerate(NAMES):
        stream = getattr(sys, name)
        if number and _is_real(stream, number):
            # In place: a logging handler made before may hold this very object.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        elif not _is_real(stream, number):
            setattr(sys, name, _text_stream(number))


def _is_real(stream: Any, number: int) -> bool:
    try:
        return bool(stream.fileno() == number and hasattr(stream, "reconfigure"))
    except (AttributeError, OSError, ValueError):
        return False


def _text_stream(number: int) -> Any:
    mode = "w" if number else "r"
    errors = "backslashreplace" if number else "surrogateescape"
    return open(number, mode, buffering=1, encoding="utf-8", errors=errors, closefd=False)
