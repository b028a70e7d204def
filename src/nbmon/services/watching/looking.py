"""Looks at everything that runs: the records, the supervisors' own words, /proc. Decides nothing."""

# pathlib would be one more import for a look of milliseconds.
# ruff: noqa: PTH110, PTH123, PTH208
from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbmon.services import places, records, treesocket, usage
from nbmon.services.records import Known
from nbmon.services.watching.seen import Seen, State
from nbmon.workers import WorkerError, costs
from nbmon.workers.costs import Cost
from nbmon.workers.remote import connect

if TYPE_CHECKING:
    from nbmon.workers.remote import Remote

PATIENCE = 0.5  # seconds in which a supervisor has to answer
LATER = 5.0  # seconds until one that did not answer is asked again
EACH = 5  # looks from one count of memory, and of children, to the next: both are dear
MOST_PROCESSES = 10_000  # of one service
MOST_THREADS = 64  # of one process, that are asked for children


class Looker:
    """Looks again and again, and keeps what would be dear to find out each time."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = names  # all, if empty
        self._services: dict[str, _Service] = {}

    def look(self) -> list[Seen]:
        """All that run or have left something, by name. ServiceError if their records cannot be read."""
        known = [
            one
            for one in records.all_known(places.runtime_folder())
            if not self._names or one.name in self._names
        ]
        for name in self._services.keys() - {one.name for one in known}:
            self._services.pop(name).close()
        found = (self._service(one.name).look(one) for one in known)
        return [seen for seen in found if seen is not None]

    def close(self) -> None:
        """Hang up everywhere."""
        for service in self._services.values():
            service.close()
        self._services.clear()

    def _service(self, name: str) -> _Service:
        return self._services.setdefault(name, _Service())


class _Service:
    """What is kept of one service from look to look."""

    def __init__(self) -> None:
        self._remote: Remote | None = None
        self._not_before = 0.0
        self._asked = 0  # the pid of the one that was asked
        self._looks = 0
        self._pids: list[int] = []  # the family, as it was found last
        self._told: set[int] = set()  # those that the supervisor named then
        self._memory: dict[int, int] = {}

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def look(self, known: Known) -> Seen | None:
        from nbmon.daemon.errors import DaemonError

        try:
            pid = known.lock.holder()
        except DaemonError:  # it runs, as somebody else or in another container
            return self._seen(known, None, "running", None)
        if pid is None:
            self.close()
            return self._seen(known, None, "dead", None) if known.lock.leftover() else None
        if pid != self._asked:  # another one by now, who may well answer
            self.close()
            self._asked, self._not_before = pid, 0.0
        tree, silent = self._ask(known)
        return self._seen(known, pid, "silent" if silent else "running", tree)

    def _seen(self, known: Known, pid: int | None, state: State, tree: Mapping[str, Any] | None) -> Seen:
        record = known.record
        fresh = record if record is not None and pid is not None and record.pid == pid else None
        workers = tree["workers"] if tree else []
        family = self._family(pid, {one["pid"] for one in workers if one["pid"]}) if pid else {}
        return Seen(
            name=known.name,
            kind=record.service.kind if record else None,
            state=state,
            when=time.monotonic(),
            pid=pid,
            uptime=_age(family.get(pid)) if pid else None,
            url=fresh.url if fresh else None,
            target=record.service.said if record else None,
            tree=tree,
            family=family,
            threads=_threads(workers),
        )

    def _ask(self, known: Known) -> tuple[Mapping[str, Any] | None, bool]:
        """What its supervisor says, and whether there is one that says nothing."""
        path = treesocket.control_of(known.pidfile)
        if self._remote is None and not os.path.exists(path):
            return None, False
        if time.monotonic() < self._not_before:
            return None, True
        try:
            return self._answer(path, known.name), False
        except WorkerError:
            self.close()
            self._not_before = time.monotonic() + LATER
            return None, True

    def _answer(self, path: str, name: str) -> Mapping[str, Any]:
        """A connection that has ended is made anew at once: nbmon upgrade ends it. WorkerError."""
        if self._remote is not None:
            began = time.monotonic()
            try:
                return self._remote.ask("status")
            except WorkerError:
                self.close()
                if time.monotonic() - began > PATIENCE / 2:  # it does not answer
                    raise
        self._remote = connect(path, name, PATIENCE)
        return self._remote.ask("status")

    def _family(self, pid: int, told: set[int]) -> dict[int, Cost]:
        dear = self._looks % EACH == 0
        self._looks += 1
        found = {} if dear or told != self._told else _costs(self._pids)
        if len(found) < len(self._pids) or not found:
            self._pids, self._told = _descent(pid), told
            found = _costs(self._pids)
        if dear:
            self._memory.clear()
        return {one: cost._replace(memory=self._weight(cost)) for one, cost in found.items()}

    def _weight(self, cost: Cost) -> int:
        if cost.pid not in self._memory:
            fair = usage.proportional(cost.pid)
            self._memory[cost.pid] = cost.memory if fair is None else fair
        return self._memory[cost.pid]


def _costs(pids: Sequence[int]) -> dict[int, Cost]:
    return {pid: cost for pid in pids if (cost := costs.of(pid)) is not None}


def _threads(workers: Sequence[Mapping[str, Any]]) -> dict[tuple[int, int], float]:
    """The CPU time of those workers that are threads."""
    ours = [(one["pid"], one["tid"]) for one in workers if one["tid"] is not None]
    return {(pid, tid): cost.own_seconds for pid, tid in ours if (cost := costs.of(pid, tid)) is not None}


def _age(head: Cost | None) -> float | None:
    return None if head is None else max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - head.started)


def _descent(pid: int) -> list[int]:
    """`pid` and its descendants."""
    found: list[int] = []
    asked = [pid]
    while asked and len(found) < MOST_PROCESSES:
        one = asked.pop()
        found.append(one)
        asked += _children(one)
    return found


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [child for tid in threads[:MOST_THREADS] for child in _children_of_thread(pid, tid)]


def _children_of_thread(pid: int, tid: str) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{tid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:  # it is gone, or the kernel does not tell
        return []
