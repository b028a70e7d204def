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
    from threading import Thread
    from types import CodeType, FrameType

SECOND_LOOK = 1.0  # seconds after SIGTERM until it is looked whether the program swallowed it
PATIENCE = 8.0  # seconds that threads have to end after SIGTERM, where no stop_timeout is known
MAX_JOIN = 3600.0  # seconds of one wait; an endless patience is no number for pthread_cond_timedwait(3)


def patience(stop_timeout: float) -> float:
    """How long threads may take after SIGTERM, in seconds: an end in order must come before SIGKILL."""
    return max(3.0, stop_timeout - 2.0)


def install(reload: Callable[[], None], patience: float = PATIENCE) -> None:
    """Handle SIGTERM and SIGHUP, each only where the program has set nothing."""
    defaults = {signal.SIGTERM: Terminator(patience).on_signal, signal.SIGHUP: Reloader(reload).on_signal}
    for number, handler in defaults.items():
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, handler)


class Terminator:
    """SIGTERM raises SystemExit(0), once; one that swallows it (a bare `except:`) is ended all the same.

    The recipe's daemons died of SIGTERM at once, so many of them loop around a bare `except:`, and many
    leave threads that never end. A second look, a moment later, and then another, tells a swallowed
    exception from a cleaning up that takes its time, and from a main thread that waits for the others:
    these have `patience` seconds, and then the process ends in order without them.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._deadline: float | None = None  # by time.monotonic()
        self._raised: SystemExit | None = None

    def on_signal(self, _number: int, frame: FrameType | None) -> None:
        """The handler: raise, or, when that was done before, look what has become of it."""
        import threading

        from nbmon.daemon import life

        first = self._begin()
        below = _code_below(frame)
        if threading._shutdown.__code__ in below:  # type: ignore[attr-defined]  # run() has returned
            if first:  # there is nobody to raise it in
                self._wait_for_threads()
            self._end_if_time_is_up()
        elif life.end.__code__ not in below:
            self._raise_or_look(below)

    def _begin(self) -> bool:
        """Whether this is the first SIGTERM; it sets the deadline."""
        import time

        if self._deadline is not None:
            return False
        self._deadline = time.monotonic() + self._patience
        from nbmon.daemon import readiness
        from nbmon.daemon.notify import notify

        if readiness.channel is not None:
            readiness.channel.failed("it was ended by SIGTERM before it was ready")
        notify("STOPPING=1")
        return True

    def _raise_or_look(self, below: set[CodeType]) -> None:
        import threading

        from nbmon.daemon import life

        if self._raised is None:
            self._raised = SystemExit(0)
            self._look_again()
            raise self._raised
        if self._handled():
            if threading.Thread.join.__code__ in below:
                self._end_if_time_is_up()
        # The interpreter calls an atexit function, at its end, with no module's code below it.
        elif any(code.co_name == "<module>" for code in below):
            life.end(0, join=False)

    def _handled(self) -> bool:
        """Whether our exception is being handled just now: by a `finally` that takes its time."""
        error = sys.exception()
        while error is not None and error is not self._raised:
            error = error.__context__
        return error is not None

    def _wait_for_threads(self) -> None:
        """Wait here: Python 3.12 starts no thread any more that would look again."""
        while (threads := _others()) and self._left() > 0.0:
            threads[0].join(min(self._left(), MAX_JOIN))

    def _left(self) -> float:
        import time

        return max(0.0, (self._deadline or 0.0) - time.monotonic())

    def _end_if_time_is_up(self) -> None:
        from nbmon.daemon import life

        threads = _others()
        if threads and not self._left():
            names = ", ".join(sorted(thread.name for thread in threads))
            life.say(f"SIGTERM: ending without the threads that did not end by themselves: {names}")
            life.end(0, join=False)

    def _look_again(self) -> None:
        import os
        import threading
        import time

        def look() -> None:
            while True:  # until the process ends, which is what was asked for
                time.sleep(SECOND_LOOK)
                os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=look, name="nbmon-second-look", daemon=True).start()


def _others() -> list[Thread]:
    """The threads that the interpreter waits for at its end, the main one aside."""
    import threading

    main = threading.main_thread()
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not main]


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
