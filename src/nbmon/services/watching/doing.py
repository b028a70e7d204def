"""Does what the live table's user wants, in a thread, since a restart takes its time. Decides nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

from nbmon.services.errors import ServiceError, printable
from nbmon.services.watching.arranging import Action

AT_ONCE = 8  # actions
RESTART_TIME = 300.0  # seconds for a whole service
LONGEST = 300  # characters of what went wrong


class Doer:
    """Begins actions; `told` is called in another thread whenever `message` has changed."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._under_way = 0
        self.message = ""

    def begin(self, action: Action) -> None:
        """Do it in the background."""
        with self._lock:
            if self._under_way >= AT_ONCE:
                self.message = "too much is under way; wait a little"
                return
            self._under_way += 1
            self.message = f"{said(action)} …"
        threading.Thread(target=self._do, args=(action,), daemon=True).start()

    def _do(self, action: Action) -> None:
        try:
            done(action)
            message = f"{said(action)}: done"
        except ServiceError as error:
            message = printable(str(error))[:LONGEST]
        with self._lock:
            self._under_way -= 1
            self.message = message
        self._told()


def said(action: Action) -> str:
    """`restart demo/web-1`, `scale demo/web to 3`."""
    target = f"{action.service}/{action.worker}" if action.worker else action.service
    return f"scale {target} to {action.count}" if action.do == "scale" else f"restart {target}"


def done(action: Action) -> None:
    """Do it, and return when it is done. ServiceError, with the reason, if it cannot be."""
    from nbmon.services import control, steering

    if action.do == "scale":
        steering.scale(f"{action.service}/{action.worker}", action.count)
    elif action.worker:
        found = steering.split(f"{action.service}/{action.worker}")
        if found is None:
            raise ServiceError(control.unknown(action.service))
        steering.restart(*found)
    else:
        _restart_service(action.service)


def _restart_service(name: str) -> None:
    """By a process of its own: a daemon is forked, which a program with threads should not do."""
    try:
        tried = subprocess.run(
            [sys.executable, "-m", "nbmon", "restart", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=RESTART_TIME,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{name} is not restarted within {RESTART_TIME:g} seconds") from None
    if tried.returncode != 0:
        words = tried.stderr.strip().removeprefix("nbmon: ")
        raise ServiceError(words or f"nbmon restart {name} exited with {tried.returncode}")
