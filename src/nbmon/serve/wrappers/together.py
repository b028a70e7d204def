"""What the processes of one server know together of passwords: memory that they share from before their fork.

Without locks. A digest is found whole or not at all; a count of guesses may miss one that another process
makes in the same moment.
"""

from __future__ import annotations

import mmap
import struct

DIGEST = 32  # bytes
PLACES = 8192  # each digest has one, which another may take from it: whoever it was is then checked again
_WINDOW = struct.Struct("dQ")  # its end, in seconds of a monotonic clock, and what was spent in it


class Digests:
    """Digests of what was found right."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, DIGEST * PLACES)  # anonymous, and shared over a fork

    def __contains__(self, digest: bytes) -> bool:
        start = _place(digest)
        return self._memory[start : start + DIGEST] == digest

    def add(self, digest: bytes) -> None:
        """From now on every process finds it."""
        start = _place(digest)
        self._memory[start : start + DIGEST] = digest


def _place(digest: bytes) -> int:
    return int.from_bytes(digest[:4], "big") % PLACES * DIGEST


class CommonBudget:
    """So many in a period, of all processes together; as `nbmon.serve.logs.Budget`."""

    def __init__(self, most: int, period: float) -> None:
        self._most = most
        self._period = period
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)
        _WINDOW.pack_into(self._memory, 0, float("-inf"), 0)

    def spend(self, now: float) -> int:
        """What is left with this one: 1 or more, 0 for the first that is too much, below 0 for the others."""
        ends, spent = _WINDOW.unpack_from(self._memory)
        if now >= ends:
            ends, spent = now + self._period, 0
        _WINDOW.pack_into(self._memory, 0, ends, spent + 1)
        return self._most - int(spent)
