"""systemd's watchdog: it ends a service that does not say WATCHDOG=1 in time (sd_watchdog_enabled(3)).

Must not know who says it: whoever does so from its own loop shows that this loop still turns.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs more than this module; mypy knows the name
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHARE = 0.5  # of the time allowed, from one word to the next, as sd_watchdog_enabled(3) asks for
WORD = "WATCHDOG=1"


def allowed(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds that may pass between two words of the process `pid`; None if nobody waits for them."""
    text = environ.get("WATCHDOG_USEC", "")
    if not environ.get("NOTIFY_SOCKET") or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    if not (text.isascii() and text.isdecimal()) or not int(text):
        return None
    return int(text) / 1e6


def pulse() -> tuple[float, Callable[[], None]] | None:
    """Of this process: seconds from one word to the next, and what says it; None if nobody waits for it.

    systemd ends it by SIGABRT: then every thread's stack goes to stderr, which shows where it hung.
    """
    import os

    seconds = allowed(os.environ, os.getpid())
    if seconds is None:
        return None
    import faulthandler

    if not faulthandler.is_enabled():
        faulthandler.enable()
    return seconds * SHARE, beat


_next = 0.0  # monotonic seconds: before, `heartbeat` has nothing to say


def heartbeat() -> None:
    """From a daemon's own loop, as often as it likes: at most four words go out in the time allowed."""
    global _next  # noqa: PLW0603 - a process has one watchdog
    from os import environ, getpid
    from time import monotonic

    if "WATCHDOG_USEC" not in environ or (now := monotonic()) < _next:
        return
    seconds = allowed(environ, getpid())
    if seconds is not None:
        _next = now + seconds / 4
        beat()


def beat() -> None:
    """Say that this process still does its work."""
    from nbmon.daemon.notify import notify

    notify(WORD)
