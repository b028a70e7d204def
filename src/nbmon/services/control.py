"""The verbs, without a word printed: find a service, start, stop, reload it, tell what it does."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH109, PTH110, PTH112, PTH118
from __future__ import annotations

import os

from nbmon.services import places, records
from nbmon.services.crewlist import Worker, told_by_tree, with_usage
from nbmon.services.errors import MisuseError, ServiceError, near, printable
from nbmon.services.records import Known
from nbmon.services.service import STOP_TIMEOUT, Options, Service, is_name
from nbmon.services.values import Value

TYPE_CHECKING = False  # as mypy reads it; `typing` would be a large part of what is loaded
if TYPE_CHECKING:
    from typing import Literal

    from nbmon.daemon import StartFailed
    from nbmon.services.build import Built

    State = Literal["running", "dead", "stopped"]


class BrokenError(ServiceError):
    """The service's own code raised something, in the foreground."""

    def __init__(self, name: str, error: Exception) -> None:
        from nbmon.services.classes import told

        super().__init__(f"{name} failed: {told(error)}; nbmon run --debug shows the traceback")


class NotStartedError(ServiceError):
    """The daemon gave up before it was ready; `traceback` is its own side, where there is one."""

    def __init__(self, name: str, log: str, failure: StartFailed) -> None:
        told = f" (its log: {printable(log)})" if log and failure.traceback else ""
        super().__init__(f"{name} did not start: {failure.reason}{told}")
        self.traceback = failure.traceback


class Started(Value):
    """A service that became ready."""

    name: str
    pid: int
    url: str | None = None
    note: str | None = None  # what a program of its own said when it was ready


class Ended(Value):
    """What `stop` found: `pid` None if nobody ran, `killed` by SIGKILL, `swept` if a file had been left."""

    name: str
    pid: int | None
    killed: bool
    swept: bool


class View(Value):
    """One service, as `status --json` shows it; times in seconds, memory in bytes."""

    name: str
    state: State
    pid: int | None
    uptime: float | None
    url: str | None
    kind: str | None
    target: str | None
    log: str | None
    pidfile: str
    restarts: int = 0
    cpu_seconds: float | None = None
    memory: int | None = None
    workers: tuple[Worker, ...] = ()
    helpers: tuple[Worker, ...] = ()  # what stands beside the workers of a picture server: darkroom, index


def find(word: str) -> Known | None:
    """The service, running or dead, that `word` names: its name, else its target. MisuseError if several."""
    folder = places.runtime_folder()
    by_name = records.known(folder, word)
    if by_name is not None:
        return by_name
    wanted = _target_of(word)
    found = [
        known for known in records.all_known(folder) if known.record and _is(known.record.service, wanted)
    ]
    if len(found) > 1:
        raise MisuseError(
            f"{printable(word)} runs under several names: {', '.join(f.name for f in found)}; give one"
        )
    return found[0] if found else None


def names() -> list[str]:
    """Every name that is known now."""
    return [known.name for known in records.all_known(places.runtime_folder())]


def unknown(word: str) -> str:
    """The sentence for a word that names no running service."""
    return f"{printable(word)} is not running.{near(word, names())}"


def start(service: Service) -> Started:
    """Start it and return once it is ready. Under a service manager it runs here, and this does not return.

    ServiceError or the kit's DaemonError if it did not become ready: then nothing is left of it.
    """
    _refuse_if_running(service)
    from nbmon.services.build import build

    return _launch(build(service))


def run(service: Service) -> None:
    """Run it in the foreground until it ends; SystemExit carries its code. Raises as `start` does."""
    _refuse_if_running(service)
    from nbmon.daemon import AlreadyRunning
    from nbmon.services.build import build

    built = build(service, foreground=True)
    try:
        built.daemon.run_in_foreground()
    except AlreadyRunning:
        _refuse_if_running(service)
        raise
    except Exception as error:
        if not built.entered:
            raise
        raise BrokenError(service.name, error) from error


def stop(known: Known, grace: float | None = None) -> Ended:
    """End it and sweep up what it may have left; DaemonError without the right to."""
    from nbmon.daemon.stopping import stop as end

    if grace is None:
        grace = known.record.stop_timeout if known.record else STOP_TIMEOUT
    lock = known.lock
    left = lock.leftover()
    stopped = end(lock, grace)
    if left:
        lock.sweep()
    _forget(known, stopped.was)
    return Ended(name=known.name, pid=stopped.was, killed=stopped.killed, swept=left)


def restart(word: str, grace: float | None, config_path: str | None) -> tuple[Ended | None, Started]:
    """Stop what runs, if anything does, and start it with the same options.

    What can be found wrong without stopping it (its folder, its module) is found before.
    """
    from nbmon.services.build import build

    known = find(word)
    service = _again(known, word, config_path)
    built = build(service)
    ended = stop(known, grace) if known else None
    return ended, _launch(built)


def reload(known: Known) -> int | None:
    """SIGHUP: its pid, or None if it does not run. DaemonError without the right to.

    ServiceError for a command that knows nothing of SIGHUP, which would end it.
    """
    from signal import SIGHUP

    from nbmon.daemon.stopping import send
    from nbmon.services import usage

    program = _program(known)
    if program and known.lock.holder() and not usage.heeds(program, SIGHUP):
        raise ServiceError(
            f"{known.name} would end of a reload: its program (pid {program}) does nothing on SIGHUP; "
            f"nbmon restart {known.name} starts it anew"
        )
    return send(known.lock, SIGHUP)


def _program(known: Known) -> int | None:
    """The pid of a command that runs, as its supervisor or its record tells it."""
    if known.record is None or known.record.service.kind != "command":
        return None
    told = told_by_tree(known).workers
    return told[0].pid if told else known.record.program


def view(known: Known) -> View:
    """What `status` tells of it; DaemonError if its pid file cannot be read."""
    from nbmon.daemon.holder import HolderUnknown

    lock, record = known.lock, known.record
    try:
        pid = lock.holder()
        state: State = "running" if pid else "dead" if lock.leftover() else "stopped"
    except HolderUnknown:
        pid, state = None, "running"
    fresh = record if record and (pid is None or record.pid == pid) else None
    shown = View(
        name=known.name,
        state=state,
        pid=pid,
        uptime=None,
        url=fresh.url if fresh and state == "running" else None,
        kind=record.service.kind if record else None,
        target=record.service.said if record else None,
        log=(record.log or None) if record else log_place(known.name),
        pidfile=known.pidfile,
    )
    return with_usage(shown, fresh) if pid else shown


def absent(word: str) -> View:
    """What `status` tells of a name that nobody knows."""
    shown = printable(word)
    return View(
        name=shown,
        state="stopped",
        pid=None,
        uptime=None,
        url=None,
        kind=None,
        target=None,
        log=None,
        pidfile=records.pidfile_of(places.runtime_folder(), shown),
    )


def views() -> list[View]:
    """All that run or left a pid file behind."""
    found = (view(known) for known in records.all_known(places.runtime_folder()))
    return [one for one in found if one.state != "stopped"]


def log_of(word: str, config_path: str | None) -> str:
    """The path of the log that `word` names, also when it does not run. ServiceError if there is none."""
    known = find(word)
    if known and known.record:
        if known.record.log:
            return known.record.log
        raise ServiceError(f"{known.name} has no log file: it runs in a terminal or writes elsewhere")
    from nbmon.services import targets

    place = log_place(known.name if known else word)
    if place is not None and os.path.exists(place):
        return place
    try:
        service = targets.resolve(word, config_path=config_path)
    except ServiceError:
        raise ServiceError(f"there is no log of {printable(word)}.{near(word, names())}") from None
    place = service.options.log or f"{places.state_folder()}/{service.name}.log"
    if not os.path.exists(place):
        raise ServiceError(f"{service.name} has no log yet: {printable(place)} is not there")
    return place


def log_place(name: str) -> str | None:
    """Where nbmon keeps the log of `name`, unless it was told another place."""
    return f"{places.state_folder()}/{name}.log" if is_name(name) else None


def _launch(built: Built) -> Started:
    from nbmon.daemon import AlreadyRunning, StartFailed, launch

    try:
        launched = launch(built.daemon)
    except AlreadyRunning:
        _refuse_if_running(built.service)
        raise
    except StartFailed as error:
        raise NotStartedError(built.service.name, built.log, error) from None
    is_url = built.service.kind == "pictures"
    note = launched.note or None
    url, said = (note, None) if is_url else (None, note)
    return Started(name=built.service.name, pid=launched.pid, url=url, note=said)


def _refuse_if_running(service: Service) -> None:
    known = records.known(places.runtime_folder(), service.name)
    if known is None:
        return
    seen = view(known)
    if seen.state != "running":
        return
    who = f"pid {seen.pid}" if seen.pid else "pid unknown"
    if known.record is None or known.record.service.identity == service.identity:
        where = f" at {seen.url}" if seen.url else ""
        raise ServiceError(f"{service.name} is already running{where} ({who}, pid file {known.pidfile})")
    raise ServiceError(
        f"the name {service.name} is taken by {printable(seen.target or '')} ({who}); "
        f"give another, as in --name {service.name}-2"
    )


def _forget(known: Known, pid: int | None) -> None:
    """Remove the record that a dead one left; that of one started meanwhile has another pid."""
    from nbmon.services import treesocket

    folder = places.runtime_folder()
    record = records.read(folder, known.name)
    if record and known.record and record.pid in (pid, known.record.pid) and known.lock.holder() is None:
        records.remove(folder, known.name)
        treesocket.sweep(known.pidfile)


def _again(known: Known | None, word: str, config_path: str | None) -> Service:
    """The service to start anew: as recorded, else as `word` means it now."""
    from nbmon.services import targets

    if known is None or known.record is None:
        return targets.resolve(word, config_path=config_path)
    service = known.record.service.replace(origin="")  # the file may have changed since
    if service.kind == "pictures" and (fault := targets.folder_fault(service.target, service.target)):
        raise ServiceError(f"{known.name} is left as it is: {fault}")
    return service


def _target_of(word: str) -> Service | None:
    """`word` as a target, as far as that can be told without its being there."""
    from nbmon.services import targets

    try:
        here = os.getcwd()
    except FileNotFoundError:
        here = "/"
    if not word or "\0" in word:
        return None
    kind: Literal["pictures", "class"] = "pictures"
    target = os.path.normpath(os.path.join(here, word))
    if targets.meaning(word, [], os.path.isdir(word)) is targets.Meaning.CLASS:
        kind, target = "class", word
    return Service(name="wanted", kind=kind, target=target, directory=here, options=Options())


def _is(service: Service, wanted: Service | None) -> bool:
    return wanted is not None and service.identity == wanted.identity
