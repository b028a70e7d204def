"""Where running services, logs and thumbnails are kept (XDG base directories; root's own without them).

The decisions are pure; `_private_folder` alone makes anything. Must not know what a service is.
"""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH112, PTH120, PTH103, PTH116
from __future__ import annotations

import os
import stat

from nbmon.services.errors import ServiceError, reason_of
from nbmon.services.values import Value

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

PRIVATE = 0o700


class Seen:
    """What stands where XDG_RUNTIME_DIR points, one of these words; `enum` would be one more import."""

    OURS: Final = "ours"
    COULD_BE: Final = "missing, and can be made"
    MISSING: Final = "missing, and cannot be made"
    ANOTHERS: Final = "another's"
    NO_FOLDER: Final = "no folder"


class Person(Value):
    """Whose places are asked for; `home` is empty when nobody knows it."""

    uid: int
    home: str


def runtime_place(variable: str | None, seen: str, uid: int) -> str:
    """The folder for pid files and records.

    An unset, empty or relative variable does not count (XDG Base Directory Specification), nor does one whose
    folder is missing and cannot be made: such sessions come from cron, `su` and containers, and get a folder
    of their own under /tmp. A folder of another user's is an error: what is in there could be the other's.
    """
    if not variable or not variable.startswith("/") or seen is Seen.MISSING:
        return "/run/nbmon" if uid == 0 else f"/tmp/nbmon-{uid}"  # noqa: S108 - checked by _private_folder
    if seen in (Seen.OURS, Seen.COULD_BE):
        return f"{variable.rstrip('/')}/nbmon"
    what = "is not a folder" if seen is Seen.NO_FOLDER else "belongs to another user"
    raise ServiceError(
        f"XDG_RUNTIME_DIR is {variable}, which {what}; unset it, or set it to a folder of your own "
        f"(unset XDG_RUNTIME_DIR)"
    )


def home_place(variable: str | None, below_home: str, roots: str, person: Person, name: str) -> str:
    """The folder for logs or thumbnails: the variable, else root's place, else below the home folder."""
    if variable and variable.startswith("/"):
        return f"{variable.rstrip('/')}/nbmon"
    if person.uid == 0:
        return roots
    if not person.home.startswith("/"):
        raise ServiceError(f"HOME is not set and uid {person.uid} has no home folder; set {name} to a folder")
    return f"{person.home.rstrip('/')}/{below_home}/nbmon"


def runtime_folder(*, make: bool = False) -> str:
    """The folder for pid files and records; made and checked if `make`. ServiceError says what is wrong."""
    uid = os.geteuid()
    variable = os.environ.get("XDG_RUNTIME_DIR")
    path = runtime_place(variable, _look(variable, uid), uid)
    return _private_folder(path, uid, "XDG_RUNTIME_DIR") if make else path


def state_folder(*, make: bool = False) -> str:
    """The folder for logs; made if `make`. ServiceError says what is in the way."""
    return _home_folder("XDG_STATE_HOME", ".local/state", "/var/log/nbmon", make=make)


def cache_folder(*, make: bool = False) -> str:
    """The folder for thumbnails; made if `make`. ServiceError says what is in the way."""
    return _home_folder("XDG_CACHE_HOME", ".cache", "/var/cache/nbmon", make=make)


def _home_folder(name: str, below_home: str, roots: str, *, make: bool) -> str:
    path = home_place(os.environ.get(name), below_home, roots, person(os.environ), name)
    if make:
        try:
            os.makedirs(path, PRIVATE, exist_ok=True)
        except OSError as error:
            raise ServiceError(
                f"cannot make the folder {path}: {reason_of(error)}; set {name} to a folder of yours"
            ) from None
    return path


def person(environ: Mapping[str, str]) -> Person:
    """Who asks: the effective user, HOME, or what the user database says of the home."""
    uid = os.geteuid()
    if environ.get("HOME"):
        return Person(uid=uid, home=environ["HOME"])
    import pwd

    try:
        return Person(uid=uid, home=pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return Person(uid=uid, home="")


def _look(path: str | None, uid: int) -> str:
    if not path or not path.startswith("/"):
        return Seen.MISSING
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return _could_be(path)
    except (OSError, ValueError):
        return Seen.MISSING
    if not stat.S_ISDIR(found.st_mode):
        return Seen.NO_FOLDER
    return Seen.OURS if found.st_uid == uid else Seen.ANOTHERS


def _could_be(path: str) -> str:
    """The specification asks for an attempt to make a folder that is missing, with mode 0700."""
    above = os.path.dirname(path.rstrip("/"))
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    return Seen.COULD_BE if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK) else Seen.MISSING


def _private_folder(path: str, uid: int, variable: str) -> str:
    """Make `path` for its owner alone, and check that it is so: anybody may have made it before, in /tmp."""
    try:
        os.makedirs(path, PRIVATE, exist_ok=True)
        found = os.lstat(path)
    except OSError as error:
        raise ServiceError(
            f"cannot make the folder {path}: {reason_of(error)}; set {variable} to a folder of your own"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o022:
        raise ServiceError(
            f"{path} is not a folder that only you can write to; "
            f"remove it, or set {variable} to a folder of your own"
        )
    return path
