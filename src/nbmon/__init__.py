"""nbmon: well-behaved daemons, a supervisor for their workers, and a picture server that is one.

The names below are loaded when they are first used (PEP 562), so that `import nbmon` costs next to nothing.
"""

TYPE_CHECKING = False  # as mypy reads it; `typing` itself would be most of the price of `import nbmon`
if TYPE_CHECKING:
    from typing import Any

    from nbmon.daemon import Daemon as Daemon
    from nbmon.daemon import DaemonContext as DaemonContext
    from nbmon.daemon import daemonize as daemonize
    from nbmon.daemon import ready as ready

__version__ = "0.1.0"

_HOMES = {
    "Daemon": "nbmon.daemon",
    "DaemonContext": "nbmon.daemon",
    "daemonize": "nbmon.daemon",
    "ready": "nbmon.daemon",
}
__all__ = ["Daemon", "DaemonContext", "__version__", "daemonize", "ready"]


def __getattr__(name: str) -> "Any":
    if name not in _HOMES:
        raise AttributeError(f"module 'nbmon' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
