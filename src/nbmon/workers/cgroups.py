"""A cgroup for each process, where the system has given this program a part of the tree (cgroups(7), v2).

What is in a cgroup cannot leave it: whoever called setsid(2) ends with its worker, too, by one write to
cgroup.kill (Linux 5.14). Where nothing is delegated, nothing is done, and nothing is said: process groups and
the parent-death signal remain. Only the part that is ours is touched (systemd's rule of one writer a part).

Must not know what runs in a process, nor when it is to end.
"""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass

PREFIX = "nbmon."  # then the master's pid, a number, the worker's name
DELEGATED = ("trusted.delegate", "user.delegate")  # the marks that systemd sets on what it has given away
LONGEST_NAME = 200  # bytes; NAME_MAX is 255
END_TIME = 5.0  # seconds until a group whose processes do not die (a disk that is gone) is left behind


@dataclass(frozen=True)
class Traits:
    """What can be seen of the cgroup that this process is in."""

    is_real_root: bool  # of the machine: it has no cgroup.events
    is_namespace_root: bool  # `/`, as a container sees its own
    is_writable: bool
    can_kill: bool  # it has a cgroup.kill
    is_marked: bool  # by systemd, as delegated
    is_ours: bool  # the folder is this user's, who is not root


def is_delegated(seen: Traits) -> bool:
    """Whether this program may make cgroups there: by a mark, as its owner, or as a container's own."""
    if seen.is_real_root or not (seen.is_writable and seen.can_kill):
        return False
    return seen.is_marked or seen.is_ours or seen.is_namespace_root


def own_path(text: str) -> str | None:
    """From /proc/PID/cgroup: the path in the v2 tree; None if there is none, or it is out of sight."""
    for line in text.splitlines():
        if line.startswith("0::/"):
            path = line.removeprefix("0::").removesuffix(" (deleted)")
            return None if path.startswith("/..") else path
    return None


def mounted_at(text: str, path: str) -> str | None:
    """From /proc/self/mountinfo: the folder of the cgroup `path` (proc(5)); None if it is nowhere."""
    for line in text.splitlines():
        head, _, tail = line.partition(" - ")
        if tail.split(" ", 1)[0] != "cgroup2":
            continue
        root, place = (_unescaped(word) for word in head.split(" ")[3:5])
        if root in ("/", path) or path.startswith(f"{root}/"):
            below = path if root == "/" else path.removeprefix(root)
            return f"{place.rstrip('/')}{below.rstrip('/')}" or "/"
    return None


def named(master: int, number: int, name: str) -> str:
    """The folder's name for a worker: `nbmon.42.7.front:web-1`."""
    plain = "".join(c if c.isalnum() or c in "._-" else ":" for c in name)
    return f"{PREFIX}{master}.{number}.{plain.encode('ascii', 'replace').decode()}"[:LONGEST_NAME]


def master_of(name: str) -> int | None:
    """The pid in a name that `named` made; None for whatever else."""
    pid = name.removeprefix(PREFIX).partition(".")[0]
    return int(pid) if name.startswith(PREFIX) and pid.isdecimal() and pid.isascii() else None


def _unescaped(word: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


# --- the system ---


def home() -> str | None:
    """The folder of this process's cgroup, if its part of the tree is delegated; else None."""
    path = own_path(_text("/proc/self/cgroup"))
    folder = mounted_at(_text("/proc/self/mountinfo"), path) if path is not None else None
    return folder if folder is not None and is_delegated(_traits(folder, path == "/")) else None


def _traits(folder: str, is_root: bool) -> Traits:
    try:
        owner = os.stat(folder).st_uid
    except OSError:
        owner = 0
    return Traits(
        is_real_root=not os.path.exists(f"{folder}/cgroup.events"),
        is_namespace_root=is_root,
        is_writable=os.access(folder, os.W_OK) and os.access(f"{folder}/cgroup.procs", os.W_OK),
        can_kill=os.path.exists(f"{folder}/cgroup.kill"),
        is_marked=any(_mark(folder, mark) for mark in DELEGATED),
        is_ours=owner == os.geteuid() != 0,
    )


def _mark(folder: str, mark: str) -> bool:
    try:
        return os.getxattr(folder, mark) == b"1"
    except OSError:  # none, or not for us to see
        return False


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


class Cgroup:
    """One process's; it is gone once `remove` says so."""

    __slots__ = ("folder",)

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def entrance(self) -> int:
        """A descriptor; who writes `0` to it is in. -1 if it cannot be had."""
        try:
            return os.open(f"{self.folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            return -1

    def kill(self) -> None:
        """SIGKILL to all that are in it, those forked meanwhile included."""
        try:
            with open(f"{self.folder}/cgroup.kill", "wb", buffering=0) as file:
                file.write(b"1")
        except OSError:  # it is gone
            pass

    def remove(self) -> bool:
        """Whether it is gone; not while somebody is in it."""
        try:
            os.rmdir(self.folder)
        except FileNotFoundError:
            return True
        except OSError:
            return self._remove_with_all_below()
        return True

    def _remove_with_all_below(self) -> bool:
        """What a worker has made in it, the innermost first."""
        try:
            for folder, below, _ in os.walk(self.folder, topdown=False):
                for name in below:
                    os.rmdir(os.path.join(folder, name))
            os.rmdir(self.folder)
        except FileNotFoundError:
            return not os.path.exists(self.folder)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """Kill all, and wait for their end: seconds at most."""
        self.kill()
        until = time.monotonic() + END_TIME
        while not self.remove() and (left := until - time.monotonic()) > 0:
            if not self._changed(left):
                return

    def _changed(self, seconds: float) -> bool:
        """Wait until the kernel says that something has, as whether anybody is in it."""
        events = self.events()
        if events < 0:
            return os.path.exists(self.folder)
        try:
            if self.remove():  # between the last try and the first look
                return True
            poller = select.poll()
            poller.register(events, select.POLLPRI)
            return bool(poller.poll(seconds * 1000))
        finally:
            os.close(events)

    def events(self) -> int:
        """A descriptor with an exceptional condition when somebody came or the last one went; else -1."""
        try:
            fd = os.open(f"{self.folder}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1
        os.read(fd, 4096)  # it tells of changes since it was read
        return fd


class Cgroups:
    """Those that this master has made below `folder`; None: nothing is delegated."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        self._number = 0
        if folder is not None:
            _sweep(folder)

    def make(self, name: str) -> Cgroup | None:
        """An empty one for a process; None if that cannot be: it is no reason to start nothing."""
        while self.folder is not None:
            self._number += 1
            folder = f"{self.folder}/{named(os.getpid(), self._number, name)}"
            try:
                os.mkdir(folder)
            except FileExistsError:  # a former image of this process has made it
                continue
            except OSError:
                return None
            return Cgroup(folder)
        return None

    def of(self, pid: int) -> Cgroup | None:
        """The one that a former image of this process has made for `pid`."""
        path = own_path(_text(f"/proc/{pid}/cgroup")) if self.folder is not None else None
        name = path.rpartition("/")[2] if path else ""
        return Cgroup(f"{self.folder}/{name}") if master_of(name) == os.getpid() else None

    def end(self) -> None:
        """The end of all of them, and of whoever is in them."""
        if self.folder is not None:
            end_all(self.folder, os.getpid())


def end_all(folder: str, master: int) -> None:
    """End all that `master`, whose pid that is or was, has made in `folder`."""
    found = [Cgroup(f"{folder}/{name}") for name in _names(folder) if master_of(name) == master]
    for one in found:
        one.kill()
    for one in found:
        one.end()


def _sweep(folder: str) -> None:
    """Remove what masters have left that were killed, with their keepers; who is in them, stays."""
    for name in _names(folder):
        master = master_of(name)
        if master is not None and not os.path.exists(f"/proc/{master}"):
            Cgroup(f"{folder}/{name}").remove()


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
