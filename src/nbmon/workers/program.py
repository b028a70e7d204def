"""From the first word of a command to the file that is executed, or to the reason why there is none.

Must not start anything. Looks at the file system only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence

from nbmon.workers.errors import WorkerError

NAMES_LIMIT = 20_000  # programs looked through for a near miss


def find_program(argv: Sequence[str], path: str) -> str:
    """The file to execute for `argv[0]`: as it stands if it has a slash, else the first in `path`.

    WorkerError if there is none, or if the words cannot be given to a program at all.
    """
    if not argv or not argv[0]:
        raise WorkerError("no command was given; write it after the two dashes: -- COMMAND ARGUMENTS")
    name = argv[0]
    if any("\0" in word for word in argv):
        raise WorkerError(f"cannot run {name!r}: an argument holds a NUL byte, which no program can be given")
    if "/" in name:
        _check(name, name)
        return name
    found = list(_candidates(name, path))
    for file in found:
        if _runnable(file):
            return file
    if found:
        _check(name, found[0])
    raise WorkerError(f"cannot run {name!r}: no such command in PATH ({path or 'empty'}){_near(name, path)}")


def why_not(name: str, file: str, number: int) -> WorkerError:
    """The sentence for what execve(2) answered when it was asked to run `file`."""
    reason = _REASONS.get(number, os.strerror(number))
    if number == errno.ENOENT and os.path.exists(file):
        reason = f"the interpreter in the first line of {file} does not exist; correct that line"
    return WorkerError(f"cannot run {name!r}: {reason.format(file=file)}")


_REASONS = {
    errno.ENOENT: "{file} does not exist",
    errno.EACCES: "no permission to execute {file}, or its interpreter, or a folder above it",
    errno.ENOEXEC: "{file} is no program for this machine; a script must begin with #! and its interpreter",
    errno.E2BIG: "its arguments and the environment together are too long for the kernel",
    errno.ETXTBSY: "{file} is being written to; try again when it is complete",
    errno.EAGAIN: "no further process is allowed (see `ulimit -u`); raise that limit",
    errno.EMFILE: "no descriptor is left in this process (see `ulimit -n`); raise that limit",
    errno.ENFILE: "no descriptor is left in this machine; end something, or raise fs.file-max",
    errno.ENOMEM: "no memory is left for it",
    errno.ELOOP: "{file} is a loop of symbolic links",
    errno.ENAMETOOLONG: "the name is too long",
}


def _candidates(name: str, path: str) -> Iterator[str]:
    for folder in path.split(os.pathsep):
        file = os.path.join(folder or os.curdir, name)  # an empty entry is the working directory (environ(7))
        if os.path.lexists(file):
            yield file


def _runnable(file: str) -> bool:
    return os.path.isfile(file) and os.access(file, os.X_OK)


def _check(name: str, file: str) -> None:
    """WorkerError if `file` certainly cannot be executed; the kernel has the last word."""
    if os.path.isdir(file):
        raise WorkerError(f"cannot run {name!r}: {file} is a folder; name a program in it")
    if not os.path.lexists(file):
        here = "" if os.path.isabs(file) else f" in {_here()}"
        raise WorkerError(f"cannot run {name!r}: there is no such file{here}")
    if os.path.isfile(file) and not os.access(file, os.X_OK):
        raise WorkerError(f"cannot run {name!r}: {file} is not executable; try: chmod +x {file}")


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "the working directory, which has been removed"


def _near(name: str, path: str) -> str:
    from difflib import get_close_matches
    from itertools import islice

    near = get_close_matches(name, list(islice(_programs(path), NAMES_LIMIT)), n=1, cutoff=0.8)
    return f"; did you mean {near[0]!r}?" if near else ""


def _programs(path: str) -> Iterator[str]:
    for folder in path.split(os.pathsep):
        try:
            yield from os.listdir(folder or os.curdir)
        except OSError:
            pass  # no folder, or not ours to read: nothing to suggest from it
