"""nbmon: well-behaved daemons, a supervisor for their workers, and a picture server that is one.

The names below are loaded when they are first used (PEP 562), so that `import nbmon` costs next to nothing.
"""

TYPE_CHECKING = False  # as mypy reads it; `typing` itself would be most of the price of `import nbmon`
if TYPE_CHECKING:
    from typing import Any

    from nbmon.daemon import Daemon as Daemon
    from nbmon.daemon import DaemonContext as DaemonContext
    from nbmon.daemon import daemonize as daemonize
    from nbmon.saying import heartbeat as heartbeat
    from nbmon.saying import ready as ready
    from nbmon.workers import Supervisor as Supervisor
    from nbmon.workers import WorkerError as WorkerError
    from nbmon.workers import coroutine as coroutine
    from nbmon.workers import current_worker as current_worker
    from nbmon.workers import handled as handled
    from nbmon.workers import process as process
    from nbmon.workers import stopped as stopped
    from nbmon.workers import stopping as stopping
    from nbmon.workers import thread as thread
    from nbmon.workers import wait_stopping as wait_stopping

__version__ = "0.1.0"

_HOMES = {
    "Daemon": "nbmon.daemon",
    "DaemonContext": "nbmon.daemon",
    "daemonize": "nbmon.daemon",
    "ready": "nbmon.saying",
    "Supervisor": "nbmon.workers",
    "WorkerError": "nbmon.workers",
    "coroutine": "nbmon.workers",
    "current_worker": "nbmon.workers",
    "handled": "nbmon.workers",
    "heartbeat": "nbmon.saying",
    "process": "nbmon.workers",
    "stopped": "nbmon.workers",
    "stopping": "nbmon.workers",
    "thread": "nbmon.workers",
    "wait_stopping": "nbmon.workers",
}
__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - one list of names, not two


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'nbmon' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
