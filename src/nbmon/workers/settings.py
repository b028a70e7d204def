"""What a process is given: looked up in the master, where names are known, and applied in the child.

Must not know what runs in the child afterwards.
"""

from __future__ import annotations

import errno
import os
import resource
from dataclasses import dataclass

from nbmon.workers.errors import WorkerError
from nbmon.workers.spec import Settings, Worker

HIDDEN = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # meant for the master alone


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process becomes."""

    uid: int | None
    gid: int | None
    groups: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Settings of which every name has been looked up."""

    settings: Settings
    identity: Identity | None
    environment: dict[str, str]


def prepare(spec: Worker) -> Prepared:
    """Look up what the settings of `spec` name. WorkerError."""
    settings = spec.settings
    environment = {key: value for key, value in os.environ.items() if key not in HIDDEN}
    for key, value in settings.env:
        if value is None:
            environment.pop(key, None)
        else:
            environment[key] = value
    return Prepared(settings, identity(spec.name, settings), environment)


def identity(name: str, settings: Settings) -> Identity | None:
    """The numbers of user and group; without a group of its own, the user's groups. WorkerError."""
    if settings.user is None and settings.group is None:
        return None
    uid = gid = None
    groups: tuple[int, ...] | None = None
    if settings.user is not None:
        uid, gid, groups = _user(name, settings.user)
    if settings.group is not None:
        gid = _group(name, settings.group)
        groups = groups if groups is not None else (gid,)
    return Identity(uid, gid, groups)


def _user(name: str, user: str | int) -> tuple[int, int | None, tuple[int, ...] | None]:
    import pwd

    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except KeyError:
        if isinstance(user, int):
            return user, None, ()
        raise WorkerError(f"{name}: there is no user {user!r} on this machine") from None
    return entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _group(name: str, group: str | int) -> int:
    import grp

    if isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise WorkerError(f"{name}: there is no group {group!r} on this machine") from None


def apply(prepared: Prepared) -> None:
    """In the child, while it still may. WorkerError with a sentence for what was not possible."""
    settings = prepared.settings
    doing = ""
    try:
        for number, soft, hard in settings.limits:
            doing = "set a limit"
            _limit(number, soft, hard)
        if settings.nice is not None:
            doing = f"change its niceness by {settings.nice}"
            os.nice(settings.nice)
        if settings.affinity is not None:
            doing = f"run on the CPUs {sorted(settings.affinity)} only"
            os.sched_setaffinity(0, settings.affinity)
        if settings.umask is not None:
            os.umask(settings.umask)
        if prepared.identity is not None:
            doing = f"become user {settings.user!r}, group {settings.group!r}"
            _become(prepared.identity)
        if settings.directory is not None:
            doing = f"work in {settings.directory}"
            os.chdir(settings.directory)
    except (OSError, ValueError) as error:
        raise WorkerError(f"cannot {doing}: {_reason(error)}") from None


def _limit(number: int, soft: int | None, hard: int | None) -> None:
    was_soft, was_hard = resource.getrlimit(number)
    new_hard = was_hard if hard is None else hard
    new_soft = was_soft if soft is None else soft
    if new_hard != resource.RLIM_INFINITY and (new_soft == resource.RLIM_INFINITY or new_soft > new_hard):
        new_soft = new_hard
    resource.setrlimit(number, (new_soft, new_hard))


def _become(identity: Identity) -> None:
    """Group before user, after which no right is left; all three of each (setresuid(2))."""
    if identity.groups is not None and os.geteuid() == 0:
        os.setgroups(identity.groups)
    if identity.gid is not None:
        os.setresgid(identity.gid, identity.gid, identity.gid)
    if identity.uid is not None:
        os.setresuid(identity.uid, identity.uid, identity.uid)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EPERM:
        return "not permitted; that takes root, or the capability"
    return str(getattr(error, "strerror", None) or error)
