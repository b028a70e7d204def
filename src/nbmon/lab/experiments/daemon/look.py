"""One process as a daemon's inspector sees it: gathered from /proc, judged elsewhere."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from nbmon.lab import proc
from nbmon.lab.errors import LabError, LabMisuseError

O_CLOEXEC = 0o2000000  # in fdinfo's flags
HEAD = 32  # bytes of a pid file that are read
PID_FILES = ("/run/*.pid", "/run/*/*.pid")


@dataclass(frozen=True, slots=True)
class Kin:
    """Where a process stands among others."""

    pid: int
    name: str
    parent: int
    group: int
    session: int
    tty: int


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One open descriptor."""

    number: int
    target: str  # as readlink(2) has it
    closes_on_exec: bool
    locked: bool  # the process holds a lock on it
    holds_pid: bool  # the file's content is the process's number


@dataclass(frozen=True, slots=True)
class Look:
    """All that the traits are judged by."""

    me: Kin
    parent: Kin | None
    grandparent: Kin | None
    cwd: str
    umask: int | None
    descriptors: tuple[Descriptor, ...]
    variables: tuple[str, ...] | None  # names as given at exec; None: overwritten since
    ignored: frozenset[int]
    blocked: frozenset[int]
    caught: frozenset[int]
    cgroup: str
    zombies: int  # children that wait to be reaped
    pid_files: tuple[str, ...]  # elsewhere, with its number in them


def look(word: str) -> Look:
    """At the process of this number. LabMisuseError, LabError with what to do instead."""
    pid = _number(word)
    try:
        status = proc.status(pid)
    except (FileNotFoundError, ProcessLookupError):
        raise LabError(f"there is no process {pid}; ps -e lists those that there are") from None
    if status["Pid"] != status["Tgid"]:
        raise LabError(f"{pid} is a thread of process {status['Tgid']}; look at that one")
    if status["State"].startswith(("Z", "X")):
        raise LabError(f"process {pid} ({status['Name']}) is a zombie: nothing is left of it to look at")
    if "VmSize" not in status:
        raise LabError(f"process {pid} ({status['Name']}) is a thread of the kernel's, which is no program")
    try:
        return _gathered(pid, status)
    except PermissionError:
        raise LabError(_refused(pid, status)) from None
    except (FileNotFoundError, ProcessLookupError):
        raise LabError(f"process {pid} ended while it was looked at") from None


def _number(word: str) -> int:
    if word.isascii() and word.isdigit() and 0 < len(word) < 10 and int(word) > 0:
        return int(word)
    raise LabMisuseError(f"{word!r} is no process id; give a number, as in nbmon lab daemon 4711")


def _refused(pid: int, status: dict[str, str]) -> str:
    uid = int(status["Uid"].split()[1])
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"user {uid}"
    instead = "" if os.geteuid() == 0 else "; try as root" if uid == 0 else f"; try as {user}, or as root"
    return (
        f"process {pid} ({status['Name']}) is {user}'s: its descriptors and its folder may not be read"
        f"{instead}"
    )


def _gathered(pid: int, status: dict[str, str]) -> Look:
    me = _kin(pid)
    parent = _kin_or_none(me.parent)
    return Look(
        me=me,
        parent=parent,
        grandparent=_kin_or_none(parent.parent) if parent else None,
        cwd=_link(f"/proc/{pid}/cwd"),
        umask=int(status["Umask"], 8) if "Umask" in status else None,
        descriptors=tuple(_descriptors(pid)),
        variables=_variables(pid),
        ignored=frozenset(proc.signals(status, "SigIgn")),
        blocked=frozenset(proc.signals(status, "SigBlk")),
        caught=frozenset(proc.signals(status, "SigCgt")),
        cgroup=Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").strip(),
        zombies=_zombies(pid),
        pid_files=tuple(_pid_files(pid)),
    )


def _kin(pid: int) -> Kin:
    fields = proc.stat(pid)
    parent, group, session, tty = (int(one) for one in fields[1:5])
    return Kin(pid, proc.name(pid), parent, group, session, tty)


def _kin_or_none(pid: int) -> Kin | None:
    """0 is no process: the parent of init, or one outside this pid namespace."""
    try:
        return _kin(pid) if pid else None
    except OSError:
        return None


def _descriptors(pid: int) -> list[Descriptor]:
    found = []
    for number in sorted(int(one) for one in os.listdir(f"/proc/{pid}/fd")):  # noqa: PTH208 - names
        try:
            target = _link(f"/proc/{pid}/fd/{number}")
            info = Path(f"/proc/{pid}/fdinfo/{number}").read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            continue  # closed meanwhile
        locked = "\nlock:" in info
        flags = int(info.partition("flags:")[2].split()[0], 8)
        holds = locked and _content(f"/proc/{pid}/fd/{number}") == str(pid)
        target = _named(target, f"/proc/{pid}/fd/{number}") if holds else target
        found.append(Descriptor(number, target, bool(flags & O_CLOEXEC), locked, holds))
    return found


def _link(path: str) -> str:
    return os.readlink(path)  # noqa: PTH115 - of /proc: no path, as in `pipe:[4711]`


def _named(target: str, link: str) -> str:
    """The name under which an open pid file stands in its folder, where it was made under another."""
    try:
        wanted = os.stat(link).st_ino  # noqa: PTH116 - through /proc
        names = [path for path in Path(target).parent.glob("*.pid") if path.stat().st_ino == wanted]
    except OSError:
        return target
    return str(names[0]) if names else target


def _content(path: str) -> str:
    """The first words of a regular file; "" if it cannot be read. Never waits, as a pipe would let it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return ""
    try:
        return os.pread(fd, HEAD, 0).decode(errors="replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def _variables(pid: int) -> tuple[str, ...] | None:
    data = Path(f"/proc/{pid}/environ").read_bytes()
    names = [os.fsdecode(one.partition(b"=")[0]) for one in data.split(b"\0") if b"=" in one]
    return tuple(names) if names or not data else None


def _zombies(pid: int) -> int:
    children: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children += (task / "children").read_text(encoding="ascii").split()
        except OSError:
            continue  # a thread that ended, a kernel without CONFIG_PROC_CHILDREN
    return sum(proc.state(int(child)) == "Z" for child in children)


def _pid_files(pid: int) -> list[str]:
    """Files in the usual places that name this process."""
    places = [*PID_FILES]
    if "XDG_RUNTIME_DIR" in os.environ:
        places.append(os.environ["XDG_RUNTIME_DIR"] + "/*/*.pid")
    paths = [str(path) for place in places for path in Path("/").glob(place.lstrip("/"))]
    return [path for path in paths if _content(path) == str(pid)]
