"""The control socket of a service that is a tree: where it lies, and who its workers are.

Asked by every `nbmon status`: nothing heavy is loaded.
"""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH108, PTH110
from __future__ import annotations

import os

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from typing import Any

SOCKET = ".sock"  # beside the pid file, in its place


def control_of(pidfile: str) -> str:
    """The path of the control socket of the tree that holds `pidfile`."""
    return pidfile.removesuffix(".pid") + SOCKET


def sweep(pidfile: str) -> None:
    """Remove the control socket that a killed tree left; nobody holds `pidfile`."""
    try:
        os.unlink(control_of(pidfile))
    except OSError:  # there is none
        pass


def workers_of(pidfile: str, name: str) -> list[dict[str, Any]] | None:
    """The workers as the tree itself tells them; None if it cannot be asked."""
    path = control_of(pidfile)
    if not os.path.exists(path):
        return None
    from nbmon.workers.errors import WorkerError
    from nbmon.workers.remote import connect

    try:
        remote = connect(path, name)
    except WorkerError:
        return None
    try:
        workers = remote.ask("status")["workers"]
        return workers if isinstance(workers, list) else None
    except WorkerError:
        return None
    finally:
        remote.close()
