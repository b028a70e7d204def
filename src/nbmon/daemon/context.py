"""The context manager: DaemonContext, as PEP 3143 describes it.

Where the PEP is silent the kit's own rules hold: the starter waits until the body has not failed at
once, threads are refused, logging's files stay open, SIGHUP without an entry in `signal_map` reopens the
logs.
"""

from __future__ import annotations

import os
import sys

from nbmon.daemon.errors import DetachError, StartFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType, TracebackType
    from typing import Any, Self

    from nbmon.daemon.detach import Detachment

INIT = 1  # the pid of init


class DaemonContext:
    """The behaviour of a daemon process as attributes; `open()`, or `with`, puts them into effect.

    Every attribute may be set until then; its default is the PEP's.
    """

    def __init__(  # noqa: PLR0917 - the order of the PEP's reference implementation
        self,
        chroot_directory: str | None = None,
        working_directory: str = "/",
        umask: int = 0,
        uid: int | str | None = None,
        gid: int | str | None = None,
        initgroups: bool = False,
        prevent_core: bool = True,
        detach_process: bool | None = None,
        files_preserve: Iterable[Any] | None = None,
        pidfile: Any = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        signal_map: Mapping[int, Any] | None = None,
    ) -> None:
        self.chroot_directory = chroot_directory
        self.working_directory = working_directory
        self.umask = umask
        self.uid = os.getuid() if uid is None else uid
        # A user of its own without a group named takes that user's group: root's is no default for a daemon.
        self.gid = os.getgid() if gid is None and uid is None else gid
        self.initgroups = initgroups
        self.prevent_core = prevent_core
        self.detach_process = is_detach_required() if detach_process is None else detach_process
        self.files_preserve = files_preserve
        self.pidfile = pidfile
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.signal_map = default_signal_map() if signal_map is None else signal_map
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether this process is the daemon that open() made."""
        return self._is_open

    def open(self) -> None:
        """Become a daemon; nothing when it is one already.

        DaemonError says what could not be done. A body that fails at once is told by the starter's
        stderr and its exit code 1.
        """
        if self._is_open:
            return
        handlers = self._handlers()
        detachment = self._detachment()
        if self.detach_process:
            self._detach(detachment)
        else:
            _stay(detachment)
        self._begin(detachment, handlers)

    def close(self) -> None:
        """Leave the pid file's context; nothing when not open. Also called at exit."""
        if not self._is_open:
            return
        self._is_open = False
        if self.pidfile is not None:
            self.pidfile.__exit__(None, None, None)

    def terminate(self, signal_number: int, stack_frame: FrameType | None) -> None:  # noqa: ARG002 - PEP's
        """A handler for signals that end the process: raises SystemExit, naming the signal."""
        import signal

        raise SystemExit(f"terminated by {signal.Signals(signal_number).name}")

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _detach(self, detachment: Detachment) -> None:
        from nbmon.daemon.detach import detach
        from nbmon.daemon.function import leave_starter

        try:
            launched = detach(detachment)
        except StartFailed as error:
            if not error.entered:  # the kit's failure, which the caller may handle
                raise DetachError(error.reason) from None
            print(error, file=sys.stderr)  # the body's own, which happened in the daemon
            leave_starter(1)
        if launched is not None:
            leave_starter(0)

    def _detachment(self) -> Detachment:
        from nbmon.daemon.descriptors import descriptor_of
        from nbmon.daemon.detach import Detachment
        from nbmon.daemon.pidfile import PidFile
        from nbmon.daemon.privileges import Identity
        from nbmon.daemon.streams import Streams

        if isinstance(self.pidfile, (str, bytes, os.PathLike)):
            self.pidfile = PidFile(self.pidfile)
        preserved = {descriptor_of(thing) for thing in self.files_preserve or ()}
        return Detachment(
            Streams(self.stdin, self.stdout, self.stderr),
            pidfile=self.pidfile,
            umask=self.umask,
            working_directory=self.working_directory,
            chroot_directory=self.chroot_directory,
            identity=Identity(self.uid, self.gid, self.initgroups),
            prevent_core=self.prevent_core,
            keep={fd for fd in preserved if fd is not None},
            keep_own=False,
        )

    def _begin(self, detachment: Detachment, handlers: dict[int, Any]) -> None:
        import atexit
        import signal

        from nbmon.daemon import life

        for number, handler in handlers.items():
            signal.signal(number, handler)
        life.begin(detachment.streams)
        self._is_open = True
        atexit.register(self.close)

    def _handlers(self) -> dict[int, Any]:
        """signal_map with None as "ignore" and a name as this object's method of that name; DetachError."""
        import signal

        handlers = {
            number: getattr(self, target) if isinstance(target, str) else target
            for number, target in self.signal_map.items()
        }
        handlers = {number: signal.SIG_IGN if one is None else one for number, one in handlers.items()}
        possible = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
        for number, handler in handlers.items():
            _check_handler(number, handler, number in possible)
        return handlers


def _check_handler(number: Any, handler: Any, is_possible: bool) -> None:
    """DetachError for what signal(2) would refuse, when nobody could be told any more."""
    if not is_possible:
        raise DetachError(f"signal_map has {number!r}; accepted are signals that can be handled, as SIGHUP")
    if not callable(handler) and handler not in (0, 1):  # SIG_DFL, SIG_IGN
        raise DetachError(
            f"signal_map has {handler!r} for signal {int(number)}; accepted are None (it is ignored), "
            f"the name of a method, and a function"
        )


def _stay(detachment: Detachment) -> None:
    """All that open() does without a fork: for a process that init or a super-server started."""
    from nbmon.daemon import detach

    detachment.streams.open()
    detach.flush()
    for step in (
        detach.close_descriptors,
        detach.reset_signal_mask,
        detach.connect_streams,
        detach.set_umask,
        detach.change_directory,
        detach.write_pid_file,
        detach.drop_privileges,
        detach.tell_starter,
    ):
        step(detachment)


def default_signal_map() -> dict[int, str | None]:
    """PEP 3143's: the terminal's stops are ignored, SIGTERM terminates."""
    from signal import SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU

    return {SIGTSTP: None, SIGTTIN: None, SIGTTOU: None, SIGTERM: "terminate"}


def is_detach_required() -> bool:
    """False when init or a super-server such as inetd started this process; they look after it themselves."""
    from nbmon.daemon.inside import stays_in_foreground

    return os.getppid() != INIT and not _stdin_is_socket() and not stays_in_foreground()


def _stdin_is_socket() -> bool:
    import stat

    try:
        return stat.S_ISSOCK(os.fstat(0).st_mode)
    except OSError:
        return False
