"""The room's log: standard `logging`, with lines that a stranger can neither forge nor make endless."""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger("nbmon.serve")

LINE = 1000  # characters of one line
LINES = 60  # of one traceback, its last ones: they name the culprit
_MARGIN = "  | "  # before each line of a traceback, so that none can pass for a record of its own


def plain(text: str) -> str:
    """One bounded line, in which what is not printable (line ends, escapes, lone surrogates) is escaped."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LINE + 1])
    return shown if len(shown) <= LINE else shown[: LINE - 1] + "…"


def log_failure(what: str, error: BaseException) -> None:
    """An error record with the traceback of `error`, each line of it plain."""
    lines = "".join(traceback.format_exception(error)).splitlines()[-LINES:]
    logger.error("%s\n%s", plain(what), "\n".join(_MARGIN + plain(line) for line in lines))
