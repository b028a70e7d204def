"""What the darkroom and the cache have done, counted in a memory file that all of a server's processes share.

Made before any of them is forked, so that whoever is asked can tell, and nobody has to be waited for; a
process that dies takes nothing of it along. It is read and written as a file and never mapped: what is mapped
would be inherited by the processes of jobs, which close every descriptor. Each addition is under a record
lock (fcntl(2)) for the other processes and a lock for this one's threads: microseconds, not milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple

# Upper bounds of the histogram's buckets, in seconds: a picture takes tens of milliseconds, and 20 s at most.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class Outcome(Enum):
    """What became of a request that reached the darkroom, or of a job; the values are Prometheus' labels."""

    MADE = "made"
    REFUSED = "refused"  # 400: the parameters make no sense for this picture
    BROKEN = "broken"  # 422: the picture cannot be read
    DIED = "died"  # 422: what reads it crashed, or did what it must not
    LATE = "late"  # 504
    CHANGED = "changed"  # 503: the source was written to meanwhile
    FULL = "full"  # 503: nothing was begun
    KNOWN = "known"  # had failed a moment before, and was not tried again
    UNWANTED = "unwanted"  # nobody waited for it any more


class Counts(NamedTuple):
    """The numbers at one moment."""

    waiting: int  # jobs that have not begun, at this moment
    running: int  # at this moment
    outcomes: dict[str, int]  # by Outcome's value
    seconds: list[int]  # jobs for each of BUCKETS, and those beyond; not cumulated
    seconds_sum: float
    waited_sum: float  # seconds in the queue, of the jobs that were begun
    hits: int  # results that were found in the cache
    misses: int
    kept_bytes: int  # written into the cache
    evicted: int  # results removed from the cache, to stay within its bytes
    evicted_bytes: int


_OUTCOMES = tuple(Outcome)
_WAITING, _RUNNING, _FIRST = 0, 1, 2
_SECONDS = _FIRST + len(_OUTCOMES)
_SECONDS_SUM = _SECONDS + len(BUCKETS) + 1
_WAITED_SUM, _HITS, _MISSES, _KEPT, _EVICTED, _EVICTED_BYTES, _END = range(_SECONDS_SUM + 1, _SECONDS_SUM + 8)
_ALL = struct.Struct(f"={_END}d")  # doubles are exact up to 2**53
_ONE = struct.Struct("=d")


class Tally:
    """Those counts. May be used by several threads, and in forked processes."""

    def __init__(self) -> None:
        """OSError, if there is no memory for it."""
        self._file = os.memfd_create("nbmon-tally", os.MFD_CLOEXEC)
        os.truncate(self._file, _ALL.size)
        self._threads = threading.Lock()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _add(self, *what: tuple[int, float]) -> None:
        with self._alone():
            for place, more in what:
                at = place * _ONE.size
                before: float = _ONE.unpack(os.pread(self._file, _ONE.size, at))[0]
                os.pwrite(self._file, _ONE.pack(before + more), at)

    def at_work(self, waiting: int, running: int) -> None:
        """How many jobs there are now. Only one process says so at a time."""
        os.pwrite(self._file, _ONE.pack(waiting) + _ONE.pack(running), _WAITING * _ONE.size)

    def came(self, outcome: Outcome) -> None:
        """A request ended so, without a job of its own."""
        self._add((_FIRST + _OUTCOMES.index(outcome), 1))

    def ended(self, outcome: Outcome, took: float, waited: float) -> None:
        """A job ended so, after so many seconds, and so many in the queue before."""
        bucket = _SECONDS + bisect_left(BUCKETS, took)
        self._add(
            (_FIRST + _OUTCOMES.index(outcome), 1), (bucket, 1), (_SECONDS_SUM, took), (_WAITED_SUM, waited)
        )

    def looked(self, hit: bool) -> None:
        """A result was looked for in the cache."""
        self._add((_HITS if hit else _MISSES, 1))

    def kept(self, length: int) -> None:
        """A result of so many bytes was put into the cache."""
        self._add((_KEPT, length))

    def evicted(self, files: int, length: int) -> None:
        """So many results, of so many bytes together, were removed from the cache."""
        self._add((_EVICTED, files), (_EVICTED_BYTES, length))

    def counts(self) -> Counts:
        """The numbers as they stand."""
        with self._alone():
            found = _ALL.unpack(os.pread(self._file, _ALL.size, 0))
        return Counts(
            int(found[_WAITING]),
            int(found[_RUNNING]),
            {one.value: int(found[_FIRST + i]) for i, one in enumerate(_OUTCOMES)},
            [int(count) for count in found[_SECONDS:_SECONDS_SUM]],
            found[_SECONDS_SUM],
            found[_WAITED_SUM],
            *(int(found[place]) for place in range(_HITS, _END)),
        )
