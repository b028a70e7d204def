"""The room's log: standard `logging`, with records that a stranger can neither forge nor make endless."""

from __future__ import annotations

import logging
import traceback
from time import monotonic

logger = logging.getLogger("nbmon.serve")

LINE = 1000  # characters of one line
LINES = 60  # of one traceback, its last ones: they name the culprit
FAILURES = 20  # tracebacks …
PERIOD = 60.0  # … in so many seconds: a request that fails can be repeated at will
_MARGIN = "  | "  # before each line of a traceback, so that none can pass for a record of its own


def plain(text: str) -> str:
    """One bounded line, in which what is not printable (line ends, escapes, lone surrogates) is escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LINE + 1])
    return shown if len(shown) <= LINE else shown[: LINE - 1] + "…"


class Budget:
    """So many in a period. Must not know a clock: `now` is seconds of a monotonic one."""

    def __init__(self, most: int, period: float) -> None:
        self._most = most
        self._period = period
        self._ends = float("-inf")
        self._spent = 0

    def spend(self, now: float) -> int:
        """What is left with this one: 1 or more, 0 for the first that is too much, below 0 for the others."""
        if now >= self._ends:
            self._ends = now + self._period
            self._spent = 0
        self._spent += 1
        return self._most - self._spent + 1


_failures = Budget(FAILURES, PERIOD)


def log_failure(what: str, error: BaseException) -> None:
    """An error record with the traceback of `error`, each line of it plain."""
    left = _failures.spend(monotonic())
    if left > 0:
        lines = "".join(traceback.format_exception(error)).splitlines()[-LINES:]
        logger.error("%s\n%s", plain(what), "\n".join(_MARGIN + plain(line) for line in lines))
    elif left == 0:
        logger.error("more failures follow; they are not shown for up to %d seconds", PERIOD)
