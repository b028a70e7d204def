"""The words between the supervisor and a process that hosts threads or coroutines: one JSON list a line.

Bytes in, lists out; must know no socket. To the host: ["start", key, spec, name, number, restarts],
["stop", key], ["stack", key]. From it: ["up", key, tid], ["ready", key], ["beat", key], ["full", key],
["end", key, sentence, frames] (an empty sentence: a normal end), ["stack", key, culprit's key, text].
"""

from __future__ import annotations

import json
from typing import Any

LONGEST_LINE = 256 * 1024  # bytes; both sides are our own, so more is a fault
CHUNK = 256 * 1024  # bytes read at once

_encode = json.JSONEncoder(separators=(",", ":")).encode


class WireError(Exception):
    """The other side does not speak as it should."""


def line(*words: Any) -> bytes:
    """A message as bytes."""
    return _encode(words).encode() + b"\n"


class Lines:
    """Takes bytes as they come, and gives whole messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[list[Any]]:
        """The messages that are whole now. WireError."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise WireError("a message has no end")
        try:
            return [json.loads(one) for one in whole]
        except ValueError:
            raise WireError("a message is no JSON") from None
