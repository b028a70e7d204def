"""Counts that the workers of one server add up without a lock: a row for each worker, written by it alone.

A row is claimed by a record lock (fcntl(2)) for as long as its worker lives, and begins anew with the next.
Must not know what is counted. What is counted is known by a hash, which Python salts and a fork keeps: two
things in 65,536 share a count by chance, and nobody can choose which.
"""

from __future__ import annotations

import fcntl
import mmap
import os

SLOTS = 65_536  # counts in a row; only those pages that are written to take memory
ROW = 4 * SLOTS  # bytes


class SharedCounts:
    """Made before the fork, for at most `rows` workers at once."""

    def __init__(self, rows: int) -> None:
        self._file = os.memfd_create("nbmon-addresses", os.MFD_CLOEXEC)
        os.truncate(self._file, rows * ROW)
        self._memory = mmap.mmap(self._file, rows * ROW)
        whole = memoryview(self._memory).cast("I")
        self._claimed: set[tuple[int, int]] = set()
        self._rows = [whole[row * SLOTS : (row + 1) * SLOTS] for row in range(rows)]

    def claim(self) -> Row | None:
        """A row of this process's own, until it ends; None: all are taken."""
        for number, row in enumerate(self._rows):
            if (os.getpid(), number) in self._claimed:  # the kernel would let a process lock it again
                continue
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except OSError:
                continue
            self._claimed.add((os.getpid(), number))
            if any(row):  # of one that died
                self._memory[number * ROW : (number + 1) * ROW] = bytes(ROW)
            return Row(row, [other for other in self._rows if other is not row])
        return None

    def close(self) -> None:
        """Give back the descriptor; rows that are in use stay in use."""
        os.close(self._file)


class Row:
    """One worker's counts, and a look at those of the others."""

    __slots__ = ("_others", "_own")

    def __init__(self, own: memoryview[int], others: list[memoryview[int]]) -> None:
        self._own = own
        self._others = others

    def elsewhere(self, thing: str | bytes) -> int:
        """How many of it the other workers have, at least."""
        slot = hash(thing) % SLOTS
        return sum([row[slot] for row in self._others])

    def add(self, thing: str | bytes, change: int) -> None:
        """Count one more of it here, or one less."""
        self._own[hash(thing) % SLOTS] += change
