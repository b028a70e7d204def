"""What a daemon does on SIGTERM and SIGHUP when its program has no handler of its own.

SIGTERM raises SystemExit in the main thread, so that `finally` and atexit do their work. SIGHUP reopens the
logs.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

SECOND_LOOK = 1.0  # seconds after SIGTERM until it is looked whether the program swallowed it


def install(reload: Callable[[], None]) -> None:
    """Handle SIGTERM and SIGHUP, each only where the program has set nothing."""
    defaults = {signal.SIGTERM: Terminator().on_signal, signal.SIGHUP: Reloader(reload).on_signal}
    for number, handler in defaults.items():
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, handler)


class Terminator:
    """SIGTERM raises SystemExit(0), once; one that swallows it (a bare `except:`) is ended all the same.

    The recipe's daemons died of SIGTERM at once, so many of them loop around a bare `except:`. A second look,
    a moment later, tells a swallowed exception from a cleaning up that takes its time.
    """

    def __init__(self) -> None:
        self._raised: SystemExit | None = None

    def on_signal(self, _number: int, frame: FrameType | None) -> None:
        """The handler: raise, or, when that was done before, look what has become of it."""
        import threading

        from nbmon.daemon import life

        below = _code_below(frame)
        if threading._shutdown.__code__ in below:  # type: ignore[attr-defined]  # run() has returned
            life.end(0, join=False)  # nobody is left to raise it in, and the threads may never end
        if life.end.__code__ in below:
            return
        if self._raised is None:
            self._raised = SystemExit(0)
            self._look_again()
            from nbmon.daemon.notify import notify

            notify("STOPPING=1")
            raise self._raised
        # The interpreter calls an atexit function, at its end, with no module's code below it.
        if not self._handled() and any(code.co_name == "<module>" for code in below):
            life.end(0, join=False)

    def _handled(self) -> bool:
        """Whether our exception is being handled just now: by a `finally` that takes its time."""
        error = sys.exception()
        while error is not None and error is not self._raised:
            error = error.__context__
        return error is not None

    def _look_again(self) -> None:
        import os
        import threading
        import time

        def look() -> None:
            while True:  # until the process ends, which is what was asked for
                time.sleep(SECOND_LOOK)
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=look, name="nbmon-second-look", daemon=True).start()


def _code_below(frame: FrameType | None) -> set[CodeType]:
    """What the main thread was doing when the signal came."""
    below = set()
    while frame is not None:
        below.add(frame.f_code)
        frame = frame.f_back
    return below


class Reloader:
    """SIGHUP, once at a time: what arrives during a reload makes one more of it, not one inside it."""

    def __init__(self, reload: Callable[[], None]) -> None:
        self._reload = reload
        self._asked = 0
        self._done = 0
        self._busy = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
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
        except Exception:  # the daemon goes on as it was, and the log says why
            sys.excepthook(*sys.exc_info())
        if told:
            notify("READY=1")
