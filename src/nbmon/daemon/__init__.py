"""The daemon kit: one process detaches, holds its pid file, says it is ready, is stopped.

The names are loaded when they are first used (PEP 562): a program pays for what it does.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nbmon.daemon.context import DaemonContext as DaemonContext
    from nbmon.daemon.daemon import Daemon as Daemon
    from nbmon.daemon.errors import AlreadyRunning as AlreadyRunning
    from nbmon.daemon.errors import DaemonError as DaemonError
    from nbmon.daemon.errors import DetachError as DetachError
    from nbmon.daemon.errors import NotPermitted as NotPermitted
    from nbmon.daemon.errors import PidFileError as PidFileError
    from nbmon.daemon.errors import StartFailed as StartFailed
    from nbmon.daemon.errors import StreamError as StreamError
    from nbmon.daemon.function import daemonize as daemonize
    from nbmon.daemon.launching import launch as launch
    from nbmon.daemon.pidfile import PidFile as PidFile
    from nbmon.daemon.readiness import ready as ready
    from nbmon.daemon.stopping import Stopped as Stopped
    from nbmon.daemon.stopping import send as send
    from nbmon.daemon.stopping import stop as stop
    from nbmon.daemon.watch import Launched as Launched

_HOMES = {
    "AlreadyRunning": "errors",
    "Daemon": "daemon",
    "DaemonContext": "context",
    "DaemonError": "errors",
    "DetachError": "errors",
    "Launched": "watch",
    "NotPermitted": "errors",
    "PidFile": "pidfile",
    "PidFileError": "errors",
    "StartFailed": "errors",
    "Stopped": "stopping",
    "StreamError": "errors",
    "daemonize": "function",
    "launch": "launching",
    "ready": "readiness",
    "send": "stopping",
    "stop": "stopping",
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
