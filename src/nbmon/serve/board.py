"""Where the workers of one server show each other their counts: memory that they share from before the fork.

A slot for each worker, which it claims by a record lock (fcntl(2)) for as long as it lives. There it shows
its counts once a second while it has something to tell, so that any process of the server can add up all of
them, with nobody to wait for. What a worker showed outlives it: the next one in its slot counts on from
there, so that no counter ever goes back.

Each slot has two halves, written in turn, with a checksum: a worker that is killed while it writes leaves the
other half whole.
"""

from __future__ import annotations

import fcntl
import marshal
import mmap
import os
import struct
from typing import Any
from zlib import crc32

from nbmon.serve.ledger import Counted, Ledger, Snapshot
from nbmon.serve.logs import logger
from nbmon.serve.metrics import total

HALF = 32_768  # bytes; only those that are written to take memory
_HEADER = struct.Struct("<QII")  # number, length, checksum
_LOCK = struct.Struct("hhqqi4x")  # struct flock: type, whence, start, length, pid
TRIES = 50  # readings, while a slot is being written


class Board:
    """`slots` places, in memory that forked processes share."""

    def __init__(self, slots: int, file: int | None = None) -> None:
        """`file`: that of a former image of this process, whose counts go on, if they can be read."""
        self.slots = slots
        if file is None or not self._goes_on(file):
            self._file = os.memfd_create("nbmon-counts", os.MFD_CLOEXEC)
            os.truncate(self._file, slots * 2 * HALF)
            self._memory = mmap.mmap(self._file, slots * 2 * HALF)

    def _goes_on(self, file: int) -> bool:
        os.set_inheritable(file, False)
        try:
            self._file = file
            self._memory = mmap.mmap(file, self.slots * 2 * HALF)  # ValueError: there were fewer slots
            total(self.all())
        except (OSError, ValueError, TypeError, AttributeError, AssertionError):  # another version wrote it
            os.close(file)
            return False
        return True

    def fileno(self) -> int:
        """What the memory lies in, for the next image of this process."""
        return self._file

    def claim(self) -> int | None:
        """The first slot that nobody has, for this process until it ends; None: all are taken."""
        for slot in range(self.slots):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, slot)
            except OSError:
                continue
            return slot
        return None

    def claimed(self) -> int:
        """How many slots other processes hold."""
        return sum(map(self._is_claimed, range(self.slots)))

    def _is_claimed(self, slot: int) -> bool:
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, slot, 1, 0)
        answer = fcntl.fcntl(self._file, fcntl.F_GETLK, asked)
        return bool(_LOCK.unpack(answer)[0] != fcntl.F_UNLCK)

    def show(self, slot: int, seen: Snapshot) -> bool:
        """Put `seen` in the slot, which nobody else writes to; False if it is too much to show."""
        payload = marshal.dumps(_plain(seen))
        if len(payload) > HALF - _HEADER.size:
            return False
        number = max(self._number(slot, 0), self._number(slot, 1)) + 1
        at = self._at(slot, number % 2)
        self._memory[at + _HEADER.size : at + _HEADER.size + len(payload)] = payload
        _HEADER.pack_into(self._memory, at, number, len(payload), crc32(payload))
        return True

    def look(self, slot: int) -> Snapshot | None:
        """What the slot's workers have shown last; None if nothing yet."""
        for _ in range(TRIES):
            halves = [half for half in (0, 1) if self._number(slot, half)]
            for half in sorted(halves, key=lambda half: -self._number(slot, half)):
                if (payload := self._read(slot, half)) is not None:
                    return _snapshot(marshal.loads(payload))  # noqa: S302 - our own workers wrote it
            if not halves:
                return None
        return None

    def all(self) -> list[Snapshot]:
        """What every slot shows."""
        return [seen for slot in range(self.slots) if (seen := self.look(slot)) is not None]

    def _at(self, slot: int, half: int) -> int:
        return (2 * slot + half) * HALF

    def _number(self, slot: int, half: int) -> int:
        number: int = _HEADER.unpack_from(self._memory, self._at(slot, half))[0]
        return number

    def _read(self, slot: int, half: int) -> bytes | None:
        at = self._at(slot, half)
        _, length, checksum = _HEADER.unpack_from(self._memory, at)
        payload = self._memory[at + _HEADER.size : at + _HEADER.size + min(length, HALF)]
        return payload if crc32(payload) == checksum else None


class Shown:
    """One worker's ledger on the board. Made in the worker; call it once a second, and at the end."""

    def __init__(self, board: Board, ledger: Ledger) -> None:
        self._board = board
        self._slot = slot = board.claim()
        self._ledger = ledger
        before = board.look(slot) if slot is not None else None
        self._before = [before._replace(open=0)] if before is not None else []
        self._last: Snapshot | None = None

    def __call__(self) -> None:
        """Show the present counts, if they have changed."""
        now = self._ledger.snapshot()
        if now == self._last:
            return
        self._last = now
        if self._slot is None or not self._board.show(self._slot, total([*self._before, now])):
            logger.error(
                "this worker's counts cannot be shown in the metrics: too many kinds, or too many workers"
            )


def _plain(seen: Snapshot) -> tuple[Any, ...]:
    """Marshal writes no named tuples."""
    answers = {key: (counted.answers, counted.content) for key, counted in seen.answers.items()}
    return (answers, *seen[1:])


def _snapshot(plain: tuple[object, ...]) -> Snapshot:
    answers, *rest = plain
    assert isinstance(answers, dict)
    return Snapshot({key: Counted(*pair) for key, pair in answers.items()}, *rest)  # type: ignore[arg-type]  # _plain wrote them
