"""What one worker has done: counts, and answers that wait to be logged. Must not know sockets, files, clocks.

This object is on the path of every request, so it does there only what cannot be done later: a usual answer
from memory costs it one addition (`Known.hits`, folded in when somebody looks), any other answer two. Text
is made by whoever takes the records (`sink`), in batches, after the clients have their answers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from nbmon.http import Request

BATCH = 512  # records that wait at most before the sink is given them
# Upper bounds of the histogram's buckets, in seconds: Prometheus's usual ones, begun lower.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Client = tuple[object, ...] | str | None  # as accept(2) gave it: (host, port, …), or a Unix socket's name
Key = tuple[int, bytes]  # status, Content-Type ("" if there is none)


class Record(NamedTuple):
    """One answer, to be logged."""

    at: float  # seconds since 1970, to the second
    client: Client
    asked: (
        Request | bytes | None
    )  # bytes: its whole head, answered from memory; None: no request was made out
    status: int
    content: int  # bytes of content that were to be sent
    seconds: float  # from the request to the kernel's having its answer; 0.0 for one from memory


class Counted(NamedTuple):
    """How often, and with how many bytes of content."""

    answers: int
    content: int


class Snapshot(NamedTuple):
    """The counts at one moment; those of several workers add up field by field."""

    answers: dict[Key, Counted]
    from_memory: int  # of the answers
    latency: list[int]  # answers for each of BUCKETS, and those beyond; not cumulated
    latency_sum: float  # seconds
    refusals: dict[str, int]  # by reason: the Refusal's sentence, or "idle", "no room", "per address" …
    accepted: int  # connections since the beginning
    open: int  # connections now


class Ledger:
    """One for each worker."""

    __slots__ = (
        "_answers", "_content", "accepted", "at_end", "before_snapshot", "from_memory", "latency",
        "latency_sum", "open", "pending", "refusals", "sink",
    )  # fmt: skip

    def __init__(self) -> None:
        self._answers: dict[Key, int] = {}
        self._content: dict[Key, int] = {}
        self.from_memory = 0
        self.latency = [0] * (len(BUCKETS) + 1)
        self.latency_sum = 0.0  # seconds
        self.refusals: dict[str, int] = {}
        self.accepted = 0
        self.open = 0
        self.pending: list[Record] = []
        # Takes the records of a batch; None: nothing is logged, and nothing is kept to be. Set it before
        # serving. It must not raise: what cannot be written is its own concern.
        self.sink: Callable[[list[Record]], None] | None = None
        self.at_end: Callable[[], object] | None = None  # waits until what the sink took is written
        self.before_snapshot: Callable[[], None] | None = None  # folds in what is counted elsewhere

    def answered(self, record: Record, kind: bytes) -> None:
        """Count one answer of the full path, and keep it for the log if there is one."""
        self.add((record.status, kind), 1, record.content)
        self.latency[bisect_left(BUCKETS, record.seconds)] += 1
        self.latency_sum += record.seconds
        if self.sink is not None:
            self.keep(record)

    def remembered(self, key: Key, answers: int, content: int) -> None:
        """Count answers from memory, which took less than the first bucket's time each."""
        self.add(key, answers, answers * content)
        self.from_memory += answers
        self.latency[0] += answers

    def add(self, key: Key, answers: int, content: int) -> None:
        """Add to the counts alone."""
        self._answers[key] = self._answers.get(key, 0) + answers
        self._content[key] = self._content.get(key, 0) + content

    def refused(self, reason: str) -> None:
        """Count a connection or a request that was turned away. `reason` is one of few."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1

    def keep(self, record: Record) -> None:
        """Keep a record until the batch is full or the second over."""
        self.pending.append(record)
        if len(self.pending) >= BATCH:
            self.settle()

    def settle(self) -> None:
        """Give the sink what waits for it. The server calls this at least once a second, and at its end."""
        if self.pending and self.sink is not None:
            records, self.pending = self.pending, []
            self.sink(records)

    def close(self) -> None:
        """The worker ends: let nothing that it kept be lost."""
        self.settle()
        if self.at_end is not None:
            self.at_end()

    def for_child(self) -> Ledger:
        """One that counts from nothing, in a process that was forked, and logs to the same place."""
        other = Ledger()
        other.sink, other.at_end = self.sink, self.at_end
        return other

    def snapshot(self) -> Snapshot:
        """The counts as they stand."""
        if self.before_snapshot is not None:
            self.before_snapshot()
        answers = {key: Counted(count, self._content[key]) for key, count in self._answers.items()}
        return Snapshot(
            answers, self.from_memory, list(self.latency), self.latency_sum, dict(self.refusals),
            self.accepted, self.open,
        )  # fmt: skip
