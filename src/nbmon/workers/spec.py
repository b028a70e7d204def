"""What a worker is and how it shall live, as frozen values; wrong ones are refused with a sentence.

Must not start anything. `process`, `thread` and `coroutine` are the words that a program uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from nbmon.workers.checks import (
    checked_argv,
    checked_choice,
    checked_limits,
    checked_name,
    checked_number,
    checked_readiness,
    checked_target,
    whole_number,
)
from nbmon.workers.errors import WorkerError

Kind = Literal["process", "thread", "coroutine"]
Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]

START_TIMEOUT = 30.0  # seconds until a worker that has to say that it is ready is given up
GRACE = 10.0  # seconds between the request to stop and the force
HEALTHY = 1.0  # seconds after which a life was a healthy one
LOG_BYTES = 10 * 1024 * 1024  # size at which a worker's own log is rotated
LOG_FILES = 3  # rotated logs that are kept
JITTER = 0.1  # part of max_age and max_requests by which workers differ, so that they do not go together


@dataclass(frozen=True, slots=True)
class Log:
    """Where a process's output goes, and how large that may become."""

    path: str  # absolute
    size: int = LOG_BYTES  # bytes
    files: int = LOG_FILES


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is given before its program or function runs; None where nothing was said."""

    env: tuple[tuple[str, str | None], ...] = ()  # None removes the variable
    directory: str | None = None  # absolute
    user: str | int | None = None
    group: str | int | None = None
    umask: int | None = None
    nice: int | None = None  # added to the master's
    affinity: frozenset[int] | None = None
    limits: tuple[tuple[int, int | None, int | None], ...] = ()  # (RLIMIT_…, soft, hard)
    descriptors: tuple[int, ...] = ()  # kept open, and the others closed, for a command
    log: Log | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker, or several of the same (`count`)."""

    kind: Kind
    name: str
    target: Callable[..., Any] | str | None = None  # a callable, or "module:function"
    argv: tuple[str, ...] = ()
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    most: int | None = None  # that it may be scaled to
    restart: Restart = "permanent"
    ready: str = ""  # "": at once; "said"; "notify"; "fd:N"; "port:HOST:PORT"; "alive:SECONDS"
    start_timeout: float = START_TIMEOUT  # seconds
    grace: float = GRACE  # seconds
    heartbeat: float | None = None  # seconds that may pass between two heartbeats
    memory_limit: int | None = None  # bytes of resident memory
    max_age: float | None = None  # seconds
    max_requests: int | None = None
    jitter: float = JITTER
    settings: Settings = Settings()
    aside: bool = False  # it serves others: alone, it does not keep the tree up
    prefix: bool = False  # its lines in the common log carry its name

    def names(self) -> list[str]:
        """The names of all of it: `resizer`, or `resizer-1` … `resizer-4`."""
        if self.count == 1:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(1, self.count + 1)]


def process(
    name: str,
    target: Callable[..., Any] | str | Sequence[str],
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    count: int = 1,
    most: int | None = None,
    restart: Restart = "permanent",
    ready: bool | str | int = False,
    start_timeout: float = START_TIMEOUT,
    grace: float = GRACE,
    heartbeat: float | None = None,
    env: Mapping[str, str | None] | None = None,
    directory: str | None = None,
    user: str | int | None = None,
    group: str | int | None = None,
    umask: int | None = None,
    nice: int | None = None,
    affinity: Iterable[int] | None = None,
    limits: Mapping[str, int | tuple[int | None, int | None]] | None = None,
    descriptors: Sequence[int] = (),
    memory_limit: int | None = None,
    max_age: float | None = None,
    max_requests: int | None = None,
    log: str | None = None,
    log_bytes: int = LOG_BYTES,
    log_files: int = LOG_FILES,
    prefix: bool = False,
) -> Worker:
    """A worker that is a process: a callable, "module:function" (imported there), or a command's words.

    `ready`: False, ready at once; True, when it calls `nbmon.ready()`; for a command "notify" (sd_notify(3)),
    "fd:N" (a line written to descriptor N, as s6 has it), "alive:SECONDS" (it has lived so long) or a port,
    as number or "HOST:PORT", that answers.
    `most` bounds what it may be scaled to. Times in seconds, memory and log sizes in bytes. `env` adds to the
    environment; None removes a variable. With `prefix`, each of its lines in the common log is `NAME | line`.
    `limits` are setrlimit(2)'s by name: {"nofile": 1024}. WorkerError says what is not accepted.
    """
    from os.path import abspath

    is_command = not (callable(target) or isinstance(target, str))
    settings = Settings(
        env=tuple((env or {}).items()),
        directory=None if directory is None else abspath(directory),
        user=user,
        group=group,
        umask=umask,
        nice=nice,
        affinity=None if affinity is None else frozenset(affinity),
        limits=checked_limits(name, limits or {}),
        descriptors=tuple(descriptors),
        log=None if log is None else Log(abspath(log), log_bytes, log_files),
    )
    return _checked(
        Worker(
            kind="process",
            name=name,
            target=None if is_command else checked_target(name, target),
            argv=checked_argv(name, target) if is_command else (),
            args=tuple(args),
            kwargs=dict(kwargs or {}),
            count=count,
            most=most,
            restart=restart,
            ready=checked_readiness(name, ready, is_command),
            start_timeout=start_timeout,
            grace=grace,
            heartbeat=heartbeat,
            memory_limit=memory_limit,
            max_age=max_age,
            max_requests=max_requests,
            settings=settings,
            prefix=prefix,
        )
    )


def thread(name: str, target: Callable[..., Any] | str, **options: Any) -> Worker:
    """A worker that is a thread, in a process that hosts all the threads of its supervisor.

    Options: args, kwargs, count, restart, ready (bool), start_timeout, grace, heartbeat, max_age,
    max_requests; see `process`. One that does not stop within `grace` costs its host.
    """
    return _hosted("thread", name, target, options)


def coroutine(name: str, target: Callable[..., Any] | str, **options: Any) -> Worker:
    """A worker that is a coroutine, in a process whose event loop all coroutines of its supervisor share.

    `target` is an `async def` function; options as for `thread`. It is stopped by cancellation.
    """
    return _hosted("coroutine", name, target, options)


_PROCESS = frozenset(process.__kwdefaults__ or ())
_OWN_PROCESS = (
    {"env", "directory", "user", "group", "umask", "nice", "affinity", "limits"}
    | {"descriptors", "memory_limit", "log", "log_bytes", "log_files", "prefix"}
)  # fmt: skip
_HOSTED = _PROCESS - _OWN_PROCESS


def _hosted(kind: Kind, name: str, target: Any, options: dict[str, Any]) -> Worker:
    for key in options:
        if key not in _HOSTED:
            hint = " (a process has it)" if key in _PROCESS else ""
            raise WorkerError(
                f"a {kind} has no option {key!r}{hint}; accepted are {', '.join(sorted(_HOSTED))}"
            )
    options["args"] = tuple(options.get("args", ()))
    options["kwargs"] = dict(options.get("kwargs") or {})
    options["ready"] = checked_readiness(name, options.get("ready", False), False)
    return _checked(Worker(kind=kind, name=name, target=checked_target(name, target), **options))


def _checked(worker: Worker) -> Worker:
    """`worker` if its values make sense; WorkerError."""
    name = checked_name("a worker", worker.name)
    whole_number(name, "count", worker.count, 0)
    checked_choice(name, "restart", worker.restart, get_args(Restart))
    checked_number(name, "start_timeout", worker.start_timeout, positive=True)
    checked_number(name, "grace", worker.grace)
    if not isinstance(worker.prefix, bool):
        raise WorkerError(f"{name}: prefix is {worker.prefix!r}; accepted are True and False")
    for key in ("heartbeat", "max_age"):
        if getattr(worker, key) is not None:
            checked_number(name, key, getattr(worker, key), positive=True)
    for key in ("most", "memory_limit", "max_requests"):
        if getattr(worker, key) is not None:
            whole_number(name, key, getattr(worker, key), 1)
    if worker.settings.log is not None:
        whole_number(name, "log_bytes", worker.settings.log.size, 1)
        whole_number(name, "log_files", worker.settings.log.files, 0)
        if worker.prefix:
            raise WorkerError(f"{name}: prefix is for the common log; leave it out, or the log of its own")
    return worker


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a worker that died young waits."""

    first: float = 0.1  # seconds
    cap: float = 30.0  # seconds
    healthy: float = HEALTHY  # seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """A supervisor as plain values."""

    children: tuple[Worker | Plan, ...]
    name: str = ""
    strategy: Strategy = "one_for_one"
    intensity: int = 5
    period: float = 60.0  # seconds
    backoff: Backoff = Backoff()
    restart: Restart = "permanent"
    strict_start: bool = False
    prefix: bool = False  # as a worker's, for all below


def checked_plan(plan: Plan) -> Plan:
    """`plan` if its values make sense; WorkerError."""
    called = f"supervisor {plan.name!r}" if plan.name else "the supervisor"
    checked_choice(called, "strategy", plan.strategy, get_args(Strategy))
    checked_choice(called, "restart", plan.restart, get_args(Restart))
    whole_number(called, "intensity", plan.intensity, 0)
    checked_number(called, "period", plan.period, positive=True)
    checked_number(called, "backoff", plan.backoff.first)
    checked_number(called, "backoff_cap", plan.backoff.cap)
    checked_number(called, "healthy", plan.backoff.healthy)
    if not isinstance(plan.prefix, bool):
        raise WorkerError(f"{called}: prefix is {plan.prefix!r}; accepted are True and False")
    seen: set[str] = set()
    for child in plan.children:
        if isinstance(child, Plan):
            checked_name("an inner supervisor", child.name)
        for name in {child.name, *(child.names() if isinstance(child, Worker) else ())}:
            if name in seen:
                raise WorkerError(f"{called} has two children named {name!r}; give each its own name")
            seen.add(name)
    return plan
