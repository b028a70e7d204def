"""Which workers a running service has, and what all of it costs."""

from __future__ import annotations

from nbmon.services.values import Value

TYPE_CHECKING = False  # as mypy reads it, without `typing`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbmon.services.control import View
    from nbmon.services.records import Known, Record
    from nbmon.services.usage import Process


class Worker(Value):
    """One worker, as `status --json` shows it; uptime in seconds."""

    name: str
    kind: str
    pid: int | None
    tid: int | None
    state: str
    restarts: int
    uptime: float
    host_pid: int | None = None  # of a thread or a coroutine
    last_death: str | None = None


class Told(Value):
    """The workers by their supervisor's word, and apart from them those that only help."""

    workers: tuple[Worker, ...]
    helpers: tuple[Worker, ...] = ()


def told_by_tree(shown: View | Known) -> Told:
    """What the supervisor says; nobody where there is none, or none that answers."""
    from nbmon.services import treesocket

    rows = treesocket.workers_of(shown.pidfile, shown.name) or []
    found = [(bool(row.get("aside")), Worker.from_plain(row)) for row in rows]
    return Told(
        workers=tuple(worker for aside, worker in found if not aside),
        helpers=tuple(worker for aside, worker in found if aside),
    )


def _serving(shown: View, record: Record | None, family: Sequence[Process]) -> Told:
    """The workers of a picture server."""
    model = (record.service.options.model if record else None) or "coroutine"
    told = told_by_tree(shown)
    if model == "process":
        return told.replace(workers=told.workers + _pool(told.workers, family))
    return told.replace(workers=tuple(worker.replace(kind=model) for worker in told.workers))


def _pool(told: Sequence[Worker], family: Sequence[Process]) -> tuple[Worker, ...]:
    """The processes that each of the process model's workers keeps for connections."""
    return tuple(
        _worker(f"{worker.name}/{number}", "process", child)
        for worker in told
        if worker.name == "web"
        for number, child in enumerate((p for p in family if p.parent == worker.pid), start=1)
    )


def _worker(name: str, kind: str, process: Process) -> Worker:
    uptime = round(process.uptime, 2)
    return Worker(name=name, kind=kind, pid=process.pid, tid=None, state="running", restarts=0, uptime=uptime)


def with_usage(shown: View, record: Record | None) -> View:
    """`shown`, of a service that runs, with its workers and what they cost."""
    from nbmon.services import usage

    family = usage.family(shown.pid or 0)
    if not family:
        return shown
    head = family[0]
    program = record.program if record else None
    told = _serving(shown, record, family) if shown.kind == "pictures" else told_by_tree(shown)
    workers = told.workers
    if not workers and shown.kind == "class":
        workers = (_worker(shown.name, "process", head),)
    elif not workers and shown.kind != "pictures":
        worker = next((p for p in family[1:] if p.pid == program), head)
        workers = (_worker(worker.name, "process", worker),)
    return shown.replace(
        restarts=sum(one.restarts for one in (*workers, *told.helpers)),
        uptime=round(head.uptime, 2),
        cpu_seconds=round(sum(p.cpu_seconds for p in family), 2),
        memory=sum(p.memory for p in family),
        workers=workers,
        helpers=told.helpers,
    )
