"""Workers: programs, functions, threads and coroutines that are started, watched, told and ended.

The names are loaded when they are first used (PEP 562): who runs one command pays for no supervisor.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nbmon.workers.command import run_command as run_command
    from nbmon.workers.errors import WorkerError as WorkerError
    from nbmon.workers.inside import current_worker as current_worker
    from nbmon.workers.inside import handled as handled
    from nbmon.workers.inside import heartbeat as heartbeat
    from nbmon.workers.inside import stopped as stopped
    from nbmon.workers.inside import stopping as stopping
    from nbmon.workers.inside import wait_stopping as wait_stopping
    from nbmon.workers.spec import coroutine as coroutine
    from nbmon.workers.spec import process as process
    from nbmon.workers.spec import thread as thread
    from nbmon.workers.tree import Supervisor as Supervisor

_HOMES = {
    "Supervisor": "tree",
    "WorkerError": "errors",
    "coroutine": "spec",
    "current_worker": "inside",
    "handled": "inside",
    "heartbeat": "inside",
    "process": "spec",
    "run_command": "command",
    "stopped": "inside",
    "stopping": "inside",
    "thread": "spec",
    "wait_stopping": "inside",
}
__all__ = sorted(_HOMES)  # noqa: PLE0605 - one list of names, not two


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sys

    home = f"{__name__}.{_HOMES[name]}"
    __import__(home)  # importlib would be the heavier import
    value = getattr(sys.modules[home], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
