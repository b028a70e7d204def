"""The broker's hand in the cache: puts results in, and sees to it that they stay within their bytes."""

from __future__ import annotations

import contextlib
import os
from time import monotonic

from nbmon.pictures.cache.bounds import SWEEP_AFTER, sweep
from nbmon.pictures.cache.entry import Stored
from nbmon.pictures.cache.store import Store
from nbmon.pictures.processing.urls import version
from nbmon.pictures.tally import Tally
from nbmon.pictures.tints import snapped
from nbmon.workers.fork import fork

NICENESS = 15
BLOCK = 4_096  # bytes that a file takes on the disk beyond its own, at most
AGAIN = 30.0  # seconds between two tries to write after one that failed


class Keeper:
    """Keeps results in `store`, of `most` bytes. Goes without, and says so once, where the disk cannot."""

    def __init__(self, store: Store, most: int, tally: Tally | None = None) -> None:
        """OSError, if there is no memory for a `tally` and none is given."""
        self._store = store
        self._tally = tally or Tally()
        self._most = most
        self._added: float = most  # bytes since the last sweep: what is there now is not known
        self._said = False
        self._not_before = 0.0
        self.sweeper = -1  # pidfd; readable once `over` has something to reap

    def keep(self, key: str, content: bytes, stored: Stored) -> None:
        """Put the result in, if the disk lets us."""
        now = monotonic()
        if now < self._not_before or len(content) > self._most:
            return
        wrote = self._store.put(key, content, stored)
        self._added += wrote.bytes + BLOCK if wrote.bytes else 0
        if wrote.bytes:
            self._tally.kept(wrote.bytes)
        if wrote.error:
            self._not_before = now + AGAIN
            self._say(wrote.error)
        elif self._said:
            self._said = False
            _log("pictures are kept in the cache again")
        if wrote.error:
            self._added = float(self._most)
        self._sweep_if_due()

    def note(self, source: int, corners: bytes) -> None:
        """Keep the colours of the open file's corners."""
        if corners:
            self._store.colours.put(version(os.fstat(source)), snapped(corners))

    def _say(self, error: str) -> None:
        if not self._said:
            _log(f"goes without the cache {self._store.path}: {error}; pictures are made anew each time")
        self._said = True

    def _sweep_if_due(self) -> None:
        if self._added > SWEEP_AFTER * self._most:
            self._sweep()

    def _sweep(self) -> None:
        """In a process of its own: there may be a hundred thousand files to look at."""
        if self.sweeper >= 0:
            return
        self._added = 0.0

        def work(_parent: int) -> None:
            with contextlib.suppress(PermissionError):  # as a unit of systemd may forbid
                os.nice(NICENESS)
            sweep(self._store.path, self._most - int(SWEEP_AFTER * self._most), self._tally.evicted)
            os._exit(0)

        try:
            self.sweeper = os.pidfd_open(fork(work))
        except OSError:  # no room for a process now; the next result tries again
            self._added = float(self._most)

    def over(self) -> None:
        """The sweep has ended; another begins if enough was added meanwhile."""
        os.waitid(os.P_PIDFD, self.sweeper, os.WEXITED)
        os.close(self.sweeper)
        self.sweeper = -1
        self._sweep_if_due()


def _log(text: str) -> None:
    import logging

    logging.getLogger(__name__).warning(text)
