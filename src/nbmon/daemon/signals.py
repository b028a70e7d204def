"""What a daemon does on SIGTERM and SIGHUP when its program has no handler of its own.

SIGTERM raises SystemExit in the main thread, so that `finally` and atexit do their work. SIGHUP reopens the logs.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def install(reload: Callable[[], None]) -> None:
    """Handle SIGTERM and SIGHUP, each only where the program has set nothing."""
    defaults = {signal.SIGTERM: terminate, signal.SIGHUP: Reloader(reload).on_signal}
    for number, handler in defaults.items():
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, handler)


def terminate(number: int, frame: FrameType | None) -> None:
    """End in order: SystemExit(0)."""
    from nbmon.daemon.notify import notify

    notify("STOPPING=1")
    raise SystemExit(0)


class Reloader:
    """SIGHUP, once at a time: what arrives during a reload makes one more of it, not one inside it."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self._reload = reload
        self._asked = 0
        self._done = 0
        self._busy = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The handler. Python runs handlers in the main thread, and lets them interrupt each other."""
        self._asked += 1
        if self._busy:
            return
        self._busy = True
        try:
            while self._done != self._asked:
                self._done = self._asked
                self._once()
        finally:
            self._busy = False

    def _once(self) -> None:
        from nbmon.daemon.notify import notify, notify_reloading

        told = notify_reloading()
        try:
            self._reload()
        except Exception:  # noqa: BLE001, RUF100 - the daemon goes on as it was, and the log says why
            sys.excepthook(*sys.exc_info())
        if told:
            notify("READY=1")
