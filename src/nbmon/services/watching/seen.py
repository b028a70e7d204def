"""One look at everything that runs, as plain values. Must not touch the world: `looking` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from nbmon.workers.costs import Cost

State = Literal["running", "dead", "silent"]


class Seen(NamedTuple):
    """A service at one moment."""

    name: str
    kind: str | None  # pictures, class, command; None where no record tells
    state: State  # silent: it runs, but its supervisor does not answer
    when: float  # monotonic seconds
    pid: int | None = None
    uptime: float | None = None  # seconds
    url: str | None = None
    target: str | None = None
    tree: Mapping[str, Any] | None = None  # its supervisor's own words
    family: Mapping[
        int, Cost
    ] = {}  # its processes by pid; memory is the proportional one where that can be had
    threads: Mapping[tuple[int, int], float] = {}  # CPU seconds of threads that are workers, by pid and tid


class Row(NamedTuple):
    """One line of the table: a service, a supervisor in it, a host of workers, a worker."""

    key: str  # names it among all rows: SERVICE or SERVICE/worker
    parent: str  # the key of the row above it in the tree; empty for a service
    name: str  # as shown
    service: str
    worker: str  # its name within the service, to restart it; empty for a service itself
    kind: str
    state: str
    of: str = ""  # the name by which its like are scaled
    pid: int | None = None
    cpu: float | None = None  # percent of one core
    memory: int | None = None  # bytes
    threads: int | None = None
    restarts: int = 0
    uptime: float | None = None  # seconds
    last_death: str | None = None
    note: str = ""  # url, target, strategy

    @property
    def is_service(self) -> bool:
        """Whether it stands at the top."""
        return not self.parent


def rows(before: Sequence[Seen], now: Sequence[Seen]) -> list[Row]:
    """The table of `now`, parents before their children; CPU between the two looks, None without a first."""
    earlier = {one.name: one for one in before}
    return [row for seen in now for row in _of_service(earlier.get(seen.name), seen)]


def _of_service(before: Seen | None, seen: Seen) -> list[Row]:
    workers = seen.tree["workers"] if seen.tree else []
    head = Row(
        key=seen.name,
        parent="",
        name=seen.name,
        service=seen.name,
        worker="",
        kind=_kind(seen),
        state=seen.state,
        pid=seen.pid,
        restarts=sum(one["restarts"] for one in workers),
        uptime=seen.uptime,
        note=seen.url or seen.target or "",
        **_spent(before, seen, seen.family),
    )
    return [head, *_of_tree(before, seen)]


def _kind(seen: Seen) -> str:
    if seen.kind == "class":
        return "tree" if seen.tree else "daemon"
    return seen.kind or "?"


def _of_tree(before: Seen | None, seen: Seen) -> list[Row]:
    """Supervisors and workers in the order of the tree, and a host of its own where several share one."""
    if seen.tree is None:
        return []
    growing = _Growing(before, seen)
    for worker in seen.tree["workers"]:
        growing.add(worker)
    return _in_order(list(growing.found.values()), seen.name)


class _Growing:
    """The rows of a tree, each made when the first that stands below it comes."""

    def __init__(self, before: Seen | None, seen: Seen) -> None:
        assert seen.tree is not None
        self._before = before
        self._seen = seen
        self._inner = {one["name"]: one for one in seen.tree["supervisors"] if one["name"]}
        self._hosted = _hosted(seen.tree["workers"])
        self.found: dict[str, Row] = {}

    def add(self, worker: Mapping[str, Any]) -> None:
        parent = self._above(worker["name"])
        many = self._hosted.get(worker.get("host_pid"), 1)
        if many > 1:
            parent = self._host(worker, many, parent)
        row = _worker(self._before, self._seen, worker, parent, alone=many == 1)
        self.found[row.key] = row

    def _above(self, path: str) -> str:
        """The key of the supervisor above what is at `path`, made with those above it."""
        name, slash, _ = path.rpartition("/")
        if not slash or name not in self._inner:
            return self._seen.name
        key = f"{self._seen.name}/{name}"
        if key not in self.found:
            parent = self._above(name)
            self.found[key] = _supervisor(self._seen, self._inner[name], key, parent)
        return key

    def _host(self, worker: Mapping[str, Any], many: int, parent: str) -> str:
        pid = worker["host_pid"]
        key = f"{parent}/({pid})"
        if key not in self.found:
            self.found[key] = Row(
                key=key,
                parent=parent,
                name=f"{many} {worker['kind']}s",
                service=self._seen.name,
                worker="",
                kind="host",
                state="running",
                pid=pid,
                **_spent(self._before, self._seen, below(self._seen.family, pid)),
            )
        return key


def _hosted(workers: Sequence[Mapping[str, Any]]) -> dict[int | None, int]:
    """How many workers each host has, by its pid."""
    count: dict[int | None, int] = {}
    for worker in workers:
        if (host := worker.get("host_pid")) is not None:
            count[host] = count.get(host, 0) + 1
    return count


def _in_order(found: list[Row], root: str) -> list[Row]:
    """Each parent before its children, siblings as they came."""
    below: dict[str, list[Row]] = {}
    for row in found:
        below.setdefault(row.parent, []).append(row)
    ordered: list[Row] = []
    waiting = list(reversed(below.get(root, [])))
    while waiting:
        row = waiting.pop()
        ordered.append(row)
        waiting += reversed(below.get(row.key, []))
    return ordered


def _supervisor(seen: Seen, node: Mapping[str, Any], key: str, parent: str) -> Row:
    return Row(
        key=key,
        parent=parent,
        name=node["name"].rpartition("/")[2],
        service=seen.name,
        worker=node["name"],
        kind="supervisor",
        state=node["state"].replace(" ", "-"),
        restarts=node["restarts"],
        last_death=node.get("last_death"),
        note=node["strategy"],
    )


def _worker(before: Seen | None, seen: Seen, worker: Mapping[str, Any], parent: str, *, alone: bool) -> Row:
    """`alone`: whether its process is nobody else's, so that what that costs is its own."""
    pid, tid = worker["pid"], worker["tid"]
    spent: dict[str, Any] = {}
    if pid is not None and alone:
        spent = _spent(before, seen, below(seen.family, pid))
    elif tid is not None:
        spent = {"cpu": _thread(before, seen, (pid, tid))}
    return Row(
        key=f"{seen.name}/{worker['name']}",
        parent=parent,
        name=worker["name"].rpartition("/")[2],
        service=seen.name,
        worker=worker["name"],
        kind=worker["kind"],
        state=worker["state"],
        of=worker.get("of", ""),
        pid=pid,
        restarts=worker["restarts"],
        uptime=worker["uptime"] if pid is not None else None,
        last_death=worker["last_death"],
        **spent,
    )


def below(family: Mapping[int, Cost], pid: int) -> dict[int, Cost]:
    """`pid` and its descendants, of `family`."""
    children: dict[int, list[int]] = {}
    for one in family.values():
        children.setdefault(one.parent, []).append(one.pid)
    found: dict[int, Cost] = {}
    asked = [pid]
    while asked:
        one_pid = asked.pop()
        if one_pid in family and one_pid not in found:
            found[one_pid] = family[one_pid]
            asked += children.get(one_pid, [])
    return found


def _spent(before: Seen | None, seen: Seen, family: Mapping[int, Cost]) -> dict[str, Any]:
    if not family:
        return {}
    return {
        "cpu": _percent(before, seen, family),
        "memory": sum(one.memory for one in family.values()),
        "threads": sum(one.threads for one in family.values()),
    }


def _percent(before: Seen | None, seen: Seen, family: Mapping[int, Cost]) -> float | None:
    """Of one core. A process that came meanwhile has spent all its time meanwhile."""
    if before is None or before.pid != seen.pid or seen.when <= before.when:
        return None
    earlier = before.family
    spent = sum(
        max(0.0, one.own_seconds - (earlier[pid].own_seconds if pid in earlier else 0.0))
        for pid, one in family.items()
    )
    return 100 * spent / (seen.when - before.when)


def _thread(before: Seen | None, seen: Seen, thread: tuple[int, int]) -> float | None:
    if before is None or thread not in seen.threads or seen.when <= before.when:
        return None
    spent = seen.threads[thread] - before.threads.get(thread, 0.0)
    return 100 * max(0.0, spent) / (seen.when - before.when)
