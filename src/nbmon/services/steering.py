"""NAME/worker: a word to the supervisor of a running service, over its control socket."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH110
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbmon.services import control, treesocket
from nbmon.services.errors import MisuseError, ServiceError, printable
from nbmon.services.records import Known

if TYPE_CHECKING:
    from nbmon.workers.remote import Remote


def split(word: str) -> tuple[Known, str] | None:
    """The running service and the worker that `word` (NAME/worker) means; None if it is no such word."""
    name, slash, worker = word.partition("/")
    if not slash or not name or not worker or name in (".", ".."):
        return None
    known = control.find(name)
    if known is None or known.name != name or not known.lock.holder():
        return None
    return known, worker


def restart(known: Known, worker: str) -> None:
    """Restart a worker, all of a kind, or an inner supervisor; returns when it runs again. ServiceError."""
    _ask(known, "restart", worker=worker)


def scale(word: str, count: int) -> str:
    """Let there be `count` of NAME/worker; the service's name. MisuseError for the form, ServiceError."""
    found = split(word)
    if found is None:
        name, slash, worker = word.partition("/")
        if not slash or not worker:
            raise MisuseError(
                f"{printable(word)} names no worker; give NAME/worker, as in nbmon scale web/resizer 8"
            )
        raise ServiceError(control.unknown(name))
    known, worker = found
    _ask(known, "scale", worker=worker, count=count)
    return known.name


def reload(known: Known) -> int | None:
    """Reload it: its pid, or None if it does not run. ServiceError, with the reason, if it was refused.

    What a supervisor runs has reloaded when this returns; anything else has been told to.
    """
    pid = known.lock.holder()
    is_command = known.record is not None and known.record.service.kind == "command"
    if not pid or is_command or not os.path.exists(treesocket.control_of(known.pidfile)):
        return control.reload(known)
    _ask(known, "reload")
    return pid


def upgrade(known: Known) -> int | None:
    """Let it execute new code of nbmon, and renew its workers: its pid, or None if it does not run.

    ServiceError, with the reason, if its new code could not take over, or its new workers are not ready.
    """
    pid = known.lock.holder()
    if pid:
        _ask(known, "upgrade")
    return pid


def events(name: str) -> Iterator[dict[str, Any]]:
    """What happens to the workers of a service, as it happens, until it ends. ServiceError."""
    known = control.find(name)
    if known is None or not known.lock.holder():
        raise ServiceError(control.unknown(name))
    remote = _remote(known)
    try:
        remote.ask("events")
        while True:
            event = remote.event(None)
            yield event
            if event.get("event") == "down":
                return
    except _failures() as error:
        raise ServiceError(str(error)) from None
    finally:
        remote.close()


def _ask(known: Known, do: str, **more: Any) -> None:
    remote = _remote(known)
    try:
        remote.ask(do, **more)
    except _failures() as error:
        raise ServiceError(f"{known.name}: {error}") from None
    finally:
        remote.close()


def _remote(known: Known) -> Remote:
    from nbmon.workers.remote import connect

    path = treesocket.control_of(known.pidfile)
    if not os.path.exists(path):
        raise ServiceError(
            f"{known.name} runs without a supervisor; only what a supervisor runs has workers to steer"
        )
    try:
        return connect(path, known.name)
    except _failures() as error:
        raise ServiceError(str(error)) from None


def _failures() -> type[Exception]:
    from nbmon.workers import WorkerError

    return WorkerError
