"""From a service to the daemon that does it. What is heavy is imported in the daemon, where it runs."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH100
from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbmon.daemon import Daemon, inside
from nbmon.services import places, records
from nbmon.services.commands import KEEPERS_TIME, CommandDaemon
from nbmon.services.errors import ServiceError, printable, reason_of
from nbmon.services.records import Record
from nbmon.services.service import PORT, START_TIMEOUT, STOP_TIMEOUT, Service
from nbmon.services.succession import Succession
from nbmon.services.trees import TreeDaemon

if TYPE_CHECKING:
    from nbmon.pictures import Folder
    from nbmon.serve import App
    from nbmon.services.crew import Crew
    from nbmon.services.serving import Outfit
    from nbmon.services.words import Restart

DEFAULTS = ("nbmon.pid", "nbmon.log")  # `Daemon`'s own, which stand for "not chosen"
Note = Callable[[str], None]  # told the url once it serves


class Built:
    """A daemon, ready to be launched, that keeps its own record while it runs."""

    def __init__(self, service: Service, daemon: Daemon, folder: str, *, foreground: bool) -> None:
        self.service = service
        self.daemon = daemon
        self.folder = folder
        self.foreground = foreground
        self.succession = Succession(service, daemon, foreground=foreground)
        self.entered = (
            False  # the service's own code has been reached: what is raised from then on is its own
        )
        self.log = _log_of(daemon)
        self.pidfile = os.path.abspath(daemon.pidfile)
        self.run: Callable[[], Any] = daemon.run
        # An attribute of the instance, so that static, inherited and decorated `run`s are kept alike.
        daemon.run = self._run_recorded  # type: ignore[method-assign]

    def remember(self, url: str | None = None, program: int | None = None) -> None:
        """Write the record of this process; ServiceError."""
        started = time.clock_gettime(time.CLOCK_BOOTTIME)
        record = Record(
            service=self.service,
            pid=os.getpid(),
            program=program,
            pidfile=self.pidfile,
            log="" if self.foreground else self.log,
            stop_timeout=float(self.daemon.stop_timeout),
            url=url,
            started=started,
        )
        records.write(self.folder, record)

    def serving(self, url: str) -> None:
        """Remember where it serves, and say so: the log has it, and in the foreground stdout."""
        self._remember_or_exit(url)
        if self.foreground:
            print(url, flush=True)
        else:
            _log_line(f"serving {printable(self.service.target)} at {url}")

    def _run_recorded(self) -> None:
        """What the daemon runs. Its record goes before the lock of its pid file: it can only be its own."""
        _set_title(self.service)
        owner = os.getpid()
        try:
            if self.service.kind == "class":  # the others know more of themselves a little later
                self._remember_or_exit()
            self.entered = True
            inside.run(self.run)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            sys.exit(reason_of(error))
        finally:
            if os.getpid() == owner:  # a child that the program forked also passes here
                records.remove(self.folder, self.service.name)

    def executed(self, program: int | None) -> None:
        """Remember the command that runs, and its pid, unless a supervisor knows it."""
        self._remember_or_exit(program=program)

    def _remember_or_exit(self, url: str | None = None, program: int | None = None) -> None:
        try:
            self.remember(url, program)
        except ServiceError as error:
            sys.exit(str(error))


class PictureDaemon(Daemon):
    """Serves a folder's pictures; ready once its sockets answer, with its url as the note."""

    wait_ready = True
    succession: Succession
    folder: Folder | None = None  # once it is opened
    outfit: Outfit | None = None

    def set_up(self, service: Service, serving: Note) -> None:
        """Give it its service, and whom to tell the url."""
        self.service = service
        self.serving = serving

    def on_reload(self) -> None:
        """Show what is at the folder's path now: it may have been renamed, and another put in its place."""
        if self.folder is None:
            return
        if self.outfit is not None:
            self.outfit.reload()
        from nbmon.pictures import FolderError

        try:
            self.folder.reopen()
        except FolderError as error:
            _log_line(f"{error}; the one that was opened before is shown")

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C. `sys.exit` with a sentence if that cannot begin."""
        from nbmon.pictures import FolderError

        try:
            crew, app = self._prepared(self.succession.beside)
            assert self.outfit is not None
            self.outfit.open_log()
            sockets = self._sockets(self.outfit)
        except (FolderError, ServiceError) as error:
            sys.exit(str(error))
        self._serve(crew, app, sockets)

    def rehearse(self) -> None:
        """Do what can be done without a socket. ServiceError."""
        from nbmon.pictures import FolderError

        try:
            self._prepared()
        except FolderError as error:
            raise ServiceError(str(error)) from None
        assert self.outfit is not None
        self.outfit.rehearse()

    def _prepared(self, handed: Mapping[str, Any] = {}) -> tuple[Crew, App]:
        """Who will serve, and what. `handed`: over by a former image of this process."""
        from nbmon.pictures import Folder, Pictures
        from nbmon.serve.ledger import Ledger
        from nbmon.services.crew import Crew, load_for_children
        from nbmon.services.indexing import indexing
        from nbmon.services.processing import Equipment
        from nbmon.services.serving import Outfit

        options, ledger = self.service.options, Ledger()
        self.outfit = outfit = Outfit(options)
        crew = Crew(
            options, outfit, ledger, lambda worker: _set_title(self.service, worker), handed.get("board")
        )
        self.succession.board = crew.board
        self.folder = Folder(self.service.target)
        equipment = Equipment(options, self.service.target, handed.get("darkroom"))
        self.succession.darkroom = equipment.listener
        outfit.further = equipment.metrics
        lists, indexer = indexing(self.folder.path) or (None, None)
        app = Pictures(
            self.folder,
            processing=equipment.processing,
            show_location=options.show_location is True,
            lists=lists,
        )
        crew.beside += [worker for worker in (equipment.worker, indexer) if worker is not None]
        if crew.shares:
            load_for_children(app)
        return crew, outfit.dress(app, ledger, crew.snapshots, crew.processes)

    def _sockets(self, outfit: Outfit) -> list[Any]:
        """To listen on: new ones, or those of a former image of this process."""
        if self.succession.handed:
            sockets = outfit.take_over(self.succession.beside)
        else:
            port = PORT if self.service.options.port is None else self.service.options.port
            sockets = outfit.listen(another=f"--port {_next(port)}")
        self.succession.listening, self.succession.aside = sockets, outfit.aside_sockets
        self.succession.files = lambda: outfit.socket_files
        return sockets

    def _serve(self, crew: Crew, app: Any, sockets: list[Any]) -> None:
        from nbmon.serve import remove_socket_files
        from nbmon.services.treesocket import control_of

        assert self.outfit is not None
        _log_to_stderr()
        url = self.outfit.url(sockets)

        def announce() -> None:
            self.serving(url)
            self.ready(url)

        try:
            crew.serve(app, sockets, announce, control_of(os.path.abspath(self.pidfile)), self.succession)
        finally:
            remove_socket_files(sockets)
            self.outfit.close()
        _log_line("stopped")


def _next(port: int) -> int:
    """Another port to propose, which needs no right."""
    return port + 1 if 1024 <= port < 65535 else PORT


def build(service: Service, *, foreground: bool = False) -> Built:
    """The daemon of `service`, with its pid file and log in their places. ServiceError."""
    folder = places.runtime_folder(make=True)
    pidfile = records.pidfile_of(folder, service.name)
    log = "" if foreground else _log(service)
    daemon = _daemon(service, {"pidfile": pidfile, "stdin": os.devnull, "stdout": log, "stderr": log})
    built = Built(service, daemon, folder, foreground=foreground)
    if isinstance(daemon, PictureDaemon):
        daemon.set_up(service, built.serving)
    if isinstance(daemon, CommandDaemon):
        daemon.set_up(service, built.executed, _restart_of_command(foreground=foreground))
    if isinstance(daemon, (PictureDaemon, CommandDaemon, TreeDaemon)):
        daemon.succession = built.succession
    _set_timeouts(daemon, service)
    if service.options.prefix:
        _set_prefix(daemon, service)
    return built


def _set_prefix(daemon: Daemon, service: Service) -> None:
    """ServiceError where there are no workers whose names could stand before their lines."""
    if isinstance(daemon, TreeDaemon):
        daemon.prefix = True
    elif service.kind == "class":
        raise ServiceError(
            f"--prefix is for what has workers: picture servers, commands and Supervisors; "
            f"{service.target} is a Daemon, whose log is its own"
        )
    elif isinstance(daemon, CommandDaemon) and daemon.restarts == "temporary":
        raise ServiceError(
            "--prefix is for a command that nbmon supervises; this one writes to the terminal itself: "
            "leave it out, or add --restart transient"
        )


def _restart_of_command(*, foreground: bool) -> Restart:
    """In the foreground its exit code is told to who started it: a person, a container, a service manager."""
    return "temporary" if foreground or inside.stays_in_foreground() else "transient"


def _daemon(service: Service, given: dict[str, str]) -> Daemon:
    if service.kind == "pictures":
        return PictureDaemon(**given)  # type: ignore[arg-type]  # the four are all texts
    if service.kind == "command":
        command = CommandDaemon(**given)  # type: ignore[arg-type]  # the four are all texts
        command.working_directory = service.directory
        return command
    return _of_class(service, given)


def _of_class(service: Service, given: dict[str, str]) -> Daemon:
    from nbmon.services import classes

    try:
        daemon = classes.instance(classes.find(service.target, service.directory), given)
    except ServiceError as error:
        if not service.origin:
            raise
        raise ServiceError(f"{service.origin}: {error}") from error.__cause__
    if service.options.directory is not None:
        daemon.working_directory = service.options.directory
    if service.options.log is not None:
        daemon.stdout = daemon.stderr = given["stdout"]
    if _is_default(daemon.pidfile, 0):
        daemon.pidfile = given["pidfile"]
    for stream in ("stdout", "stderr"):
        if _is_default(getattr(daemon, stream), 1):
            setattr(daemon, stream, given["stdout"])
    return daemon


def _is_default(value: object, which: int) -> bool:
    return value is None or (
        isinstance(value, str) and value in (DEFAULTS[which], os.path.abspath(DEFAULTS[which]))
    )


def _set_timeouts(daemon: Daemon, service: Service) -> None:
    own = service.kind == "class"  # a class may have set its own; ours do not
    for key, otherwise in (("start_timeout", START_TIMEOUT), ("stop_timeout", STOP_TIMEOUT)):
        said = getattr(service.options, key)
        if said is not None or not own:
            setattr(daemon, key, otherwise if said is None else said)
    if isinstance(daemon, CommandDaemon):  # the program's grace time, and that of what it may leave behind
        daemon.stop_timeout = 2 * daemon.grace + KEEPERS_TIME


def _log(service: Service) -> str:
    """The absolute path of the log; its own place is made, a folder that a person named is not."""
    if service.options.log is None:
        return f"{places.state_folder(make=True)}/{service.name}.log"
    return _checked_log(service.options.log)


def _checked_log(path: str) -> str:
    """`path` if it can be written to; ServiceError. An empty log may be made, which is what was asked."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o640))
    except OSError as error:
        raise ServiceError(
            f"cannot write the log {path}: {reason_of(error)}; name another with --log"
        ) from None
    return path


def _log_of(daemon: Daemon) -> str:
    """The log that a daemon writes, where it is a file with a name."""
    for stream in (daemon.stdout, daemon.stderr):
        name = stream if isinstance(stream, str) else getattr(stream, "name", None)
        if isinstance(name, str) and name not in ("", os.devnull) and not name.startswith("<"):
            return os.path.abspath(name)
    return ""


def _log_to_stderr() -> None:
    """What `logging` is told goes to the log with a time; stderr is the log, or the terminal."""
    import logging

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)


def _log_line(text: str) -> None:
    import logging

    logging.getLogger(__name__).info(text)


def _set_title(service: Service, worker: str = "") -> None:
    from setproctitle import setproctitle

    part = f"/{worker}" if worker else ""
    setproctitle(f"nbmon: {service.name}{part} ({service.kind})")
