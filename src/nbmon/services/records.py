"""What is remembered of a running service: NAME.json beside NAME.pid in the runtime folder.

A record tells what runs and with which options; *whether* it runs, the pid file's lock alone tells.
A record that cannot be read is as good as none: it never stops anybody.
"""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH104, PTH108, PTH208
from __future__ import annotations

import os

from nbmon.services.errors import ServiceError, reason_of
from nbmon.services.service import STOP_TIMEOUT, Service, is_name
from nbmon.services.values import Value

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from nbmon.daemon.pidfile import PidFile

LARGEST = 1 << 20  # bytes; a record has some hundreds
OWNER_ONLY = 0o600


class Record(Value):
    """A service as it was started."""

    service: Service
    pid: int
    program: int | None = None  # a command's own pid; `pid` is its keeper's
    pidfile: str  # absolute
    log: str  # absolute; empty if the streams are a terminal's or the program's own
    stop_timeout: float = STOP_TIMEOUT  # seconds
    url: str | None = None
    started: float = 0.0  # seconds of CLOCK_BOOTTIME: neither a set clock nor a night's sleep falsifies it


class Known(Value):
    """A name in the runtime folder; `record` is None if there is none that can be read."""

    name: str
    pidfile: str
    record: Record | None

    @property
    def lock(self) -> PidFile:
        """The pid file, to ask who holds it."""
        from nbmon.daemon.pidfile import PidFile

        return PidFile(self.pidfile)


def encode(record: Record) -> bytes:
    """JSON; names that are no UTF-8 survive as escapes."""
    from nbmon.workers.quickjson import dumps

    return dumps(record.plain()).encode()


def decode(data: bytes) -> Record | None:
    """The record, or None for whatever else the bytes are."""
    from nbmon.workers.quickjson import loads

    try:
        return Record.from_plain(loads(data))
    except (ValueError, RecursionError):
        return None


def path_of(folder: str, name: str) -> str:
    """Where the record of `name` is kept."""
    return f"{folder}/{name}.json"


def pidfile_of(folder: str, name: str) -> str:
    """Where the pid file of `name` is kept, unless its program has one of its own."""
    return f"{folder}/{name}.pid"


def write(folder: str, record: Record) -> None:
    """Put the record in its place whole, readable by its owner alone; ServiceError."""
    path = path_of(folder, record.service.name)
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, OWNER_ONLY
        )
        try:
            os.write(fd, encode(record))
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError as error:
        _unlink(temporary)
        raise ServiceError(f"cannot write the service's record {path}: {reason_of(error)}") from None


def read(folder: str, name: str) -> Record | None:
    """The record of `name`, or None."""
    try:
        fd = os.open(path_of(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return decode(os.read(fd, LARGEST))
    except OSError:  # a folder, for one
        return None
    finally:
        os.close(fd)


def remove(folder: str, name: str) -> None:
    """Forget `name`; harmless twice."""
    _unlink(path_of(folder, name))


def known(folder: str, name: str) -> Known | None:
    """What the runtime folder has of `name`: a record, a bare pid file, or nothing."""
    if not is_name(name):
        return None
    record = read(folder, name)
    if record is not None and record.service.name == name:
        return Known(name=name, pidfile=record.pidfile, record=record)
    pidfile = pidfile_of(folder, name)
    return Known(name=name, pidfile=pidfile, record=None) if os.path.lexists(pidfile) else None


def all_known(folder: str) -> list[Known]:
    """Every name in the runtime folder, sorted; ServiceError if it cannot be read."""
    try:
        entries = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ServiceError(
            f"cannot read {folder}, where running services are kept: {reason_of(error)}"
        ) from None
    stems = {
        stem for stem, dot, kind in (e.rpartition(".") for e in entries) if dot and kind in ("json", "pid")
    }
    return [found for stem in sorted(stems) if (found := known(folder, stem))]


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
