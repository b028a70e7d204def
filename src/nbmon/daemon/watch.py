"""Watching over a start: the child, parent of the daemon, watches; the starter waits for its verdict.

The decision is `readiness.TABLE`; here stand the poll, the killing of a half-started daemon, and the words on
the pipe.
"""

from __future__ import annotations

import os
import time

from nbmon.daemon import readiness
from nbmon.daemon.errors import AlreadyRunning, DaemonError, StartFailed
from nbmon.daemon.readiness import Event, State
from nbmon.daemon.settings import milliseconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nbmon.daemon.detach import Detachment

MAX_VERDICT = 256 * 1024  # bytes
KILL_TIMEOUT = 10.0  # seconds for the kernel to end a killed process


class Launched:
    """A daemon that is ready: its `pid`, and the `note` that it gave to ready()."""

    __slots__ = ("note", "pid")

    def __init__(self, pid: int, note: str = "") -> None:
        self.pid = pid
        self.note = note

    def __repr__(self) -> str:
        return f"Launched(pid={self.pid}, note={self.note!r})"


def verdict(d: Detachment) -> Launched:
    """In the starter: wait for the child's word. Launched, or the error that it tells of.

    An exception that arrives while waiting (Ctrl-C) closes the pipe; the child ends the half-started daemon.
    """
    try:
        block = _read_all(d.verdict_pipe[0])
        if not block:
            _end_orphans(d)
    finally:
        os.close(d.verdict_pipe[0])
        _reap(d.child)
    return _judge(readiness.unpack(block))


def _end_orphans(d: Detachment) -> None:
    """The child was killed before it gave a verdict: end the daemon that it would have watched over."""
    import signal

    try:
        # Not reaped yet, so nobody else can have its number, nor that of the group that it led.
        os.waitid(os.P_PID, d.child, os.WEXITED | os.WNOWAIT)
        holder = _holder_in(d.child, d.pidfile)
        os.killpg(d.child, signal.SIGKILL)
    except (ChildProcessError, ProcessLookupError):  # reaped by another, or it came not as far as setsid(2)
        return
    if holder is not None:
        _wait_for(holder)
    _remove_leftover(d.pidfile)


def _holder_in(session: int, pidfile: object) -> int | None:
    """A pidfd of the pid file's holder, if that is in `session`: only to wait for it, never to signal it."""
    from nbmon.daemon.pidfile import PidFile

    try:
        pid = pidfile.holder() if isinstance(pidfile, PidFile) else None
        return os.pidfd_open(pid) if pid is not None and os.getsid(pid) == session else None
    except (DaemonError, OSError):
        return None


def _wait_for(pidfd: int) -> None:
    """Wait for the end of a killed process, and close its pidfd."""
    import select

    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    waiting.poll(KILL_TIMEOUT * 1000)
    os.close(pidfd)


def _read_all(fd: int) -> bytes:
    block = b""
    while len(block) < MAX_VERDICT and (data := os.read(fd, 65536)):
        block += data
    return block


def _judge(words: list[str]) -> Launched:
    kind, *rest = words
    if kind == "ready":
        return Launched(int(rest[0]), rest[1])
    if kind == "running":
        raise AlreadyRunning(int(rest[0]) if rest[0] else None, rest[1])
    if kind == "failed":
        raise StartFailed(rest[0], rest[1] or None, entered=rest[2:] == ["entered"])
    raise StartFailed("the start was interrupted: its first process died without a word")


def report(d: Detachment, error: BaseException) -> None:
    """In the child or the daemon: say that a step failed; the daemon leaves words, the child the verdict."""
    words = _words_for(error)
    if readiness.channel is not None and d.daemon == 0:
        getattr(readiness.channel, words[0])(*_arguments(words, error))
    else:
        _tell(d.verdict_pipe[1], words)


def _arguments(words: list[str], error: BaseException) -> tuple[object, ...]:
    if isinstance(error, AlreadyRunning):
        return error.pid, error.pidfile
    return tuple(words[1:])


def _words_for(error: BaseException) -> list[str]:
    if isinstance(error, AlreadyRunning):
        return ["running", "" if error.pid is None else str(error.pid), error.pidfile]
    return ["failed", *reason_of(error)]


def reason_of(error: BaseException) -> tuple[str, str]:
    """A sentence for a person, and the traceback for `--debug` and the log."""
    if isinstance(error, DaemonError):
        return str(error), getattr(error, "traceback", None) or ""
    if isinstance(error, SystemExit):
        return exit_reason(error.code), ""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":"), _traceback(error)


def _traceback(error: BaseException) -> str:
    try:
        import traceback

        return "".join(traceback.format_exception(error))
    except Exception as second:  # its files cannot be read any more: another root, another user
        return f"{type(error).__name__}: {error} (no traceback: {second})"


def exit_reason(code: object) -> str:
    """Why a program left by sys.exit(code) before it was ready."""
    if isinstance(code, str) and code.strip():
        return code.strip()
    if code is None or code == 0:
        return "it ended before it was ready"
    return f"it exited with code {code} before it was ready"


def over(d: Detachment) -> None:
    """In the child: watch until the daemon is ready, dead or too late; say so to the starter; exit."""
    import signal

    # From here on only the starter's end decides; and the program's own SIGCHLD handler must not reap
    # our daemon.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    failed = True
    try:
        watcher = Watcher(d)
        _tell(d.verdict_pipe[1], watcher.watch())
        failed = watcher.state is State.FAILED
    except BaseException as error:  # a daemon that nobody watches must not stay
        _kill(d)
        report(d, error)
        raise
    finally:
        if failed:
            _end_group()
    os._exit(0)


class Watcher:
    """Hears the daemon's words and its death, and walks the table of readiness."""

    def __init__(self, d: Detachment) -> None:
        import select

        self.state = State.DETACHING
        self.note = ""
        self.status = 0  # as waitpid(2) gives it, once the daemon is dead
        self._d = d
        self._latest = 0.0  # when SETTLING ends, however busy the daemon is
        self._lines: list[bytes] = []
        self._tail = b""
        self._pidfd = os.pidfd_open(d.daemon)
        self._poll = select.poll()
        self._poll.register(d.ready_pipe[0], select.POLLIN)
        self._poll.register(self._pidfd, select.POLLIN)
        self._poll.register(d.verdict_pipe[1], 0)  # POLLERR when the starter has gone

    def watch(self) -> list[str]:
        """Until the table says READY or FAILED; the verdict as words, once nothing is left of a failure."""
        event, entered, deadline = Event.ENTERED, False, time.monotonic() + self._d.start_timeout
        while self.state not in readiness.TERMINAL:
            event = self._next_event(deadline)
            state = readiness.TABLE[self.state, event]
            if state is State.SETTLING and self.state is not state:
                deadline = time.monotonic() + readiness.SETTLE_TIME
                self._latest = time.monotonic() + readiness.MAX_SETTLE_TIME
            entered = entered or state in (State.SETTLING, State.AWAITING)
            self.state = state
        if self.state is State.FAILED:
            self._clean_up(event)
        words = self._d.words.read() if self._d.words else []
        if self.state is State.READY:
            return ["ready", str(self._d.daemon), words[1] if words[:1] == ["ready"] else self.note]
        verdict = readiness.failure(event, self.status, self._d.start_timeout, words)
        return [*verdict, "entered"] if entered and verdict[0] == "failed" else verdict

    def _next_event(self, deadline: float) -> Event:
        while True:
            if self._lines:
                event = self._said(self._lines.pop(0))
                if event is not None:
                    return event
                continue
            found = dict(self._poll.poll(milliseconds(deadline - time.monotonic())))
            if self._d.verdict_pipe[1] in found:
                return Event.ABANDONED
            if self._d.ready_pipe[0] in found:  # before the death: it may have spoken first
                self._hear()
            elif self._pidfd in found:
                _, self.status = os.waitpid(self._d.daemon, 0)
                return Event.DIED if self.status or self._left_a_reason() else Event.ENDED
            elif time.monotonic() >= deadline:
                if not self._still_starting():
                    return Event.TIME_UP
                deadline = time.monotonic() + readiness.SETTLE_TIME

    def _left_a_reason(self) -> bool:
        """Whether an end with exit code 0 is a failure all the same: SIGTERM came."""
        return self._d.words is not None and self._d.words.read()[:1] == ["failed"]

    def _still_starting(self) -> bool:
        """Whether it still runs or reads: on a busy machine it may not have come to its failure yet."""
        if self.state is not State.SETTLING or time.monotonic() >= self._latest:
            return False
        try:
            with open(f"/proc/{self._d.daemon}/stat", "rb") as stat:
                return stat.read().rpartition(b")")[2].split()[0] in (b"R", b"D")  # proc(5)
        except OSError:  # no /proc here
            return False

    def _hear(self) -> None:
        data = os.read(self._d.ready_pipe[0], 65536)
        if not data:
            self._poll.unregister(self._d.ready_pipe[0])
        *lines, self._tail = (self._tail + data).split(b"\n")
        self._lines.extend(lines)

    def _said(self, line: bytes) -> Event | None:
        word, _, rest = line.partition(b" ")
        if word == b"ready":
            self.note = readiness.unpack(rest.replace(readiness.LINE_FEED, b"\n"))[0]
            return Event.SAID_READY
        return {b"entered": Event.ENTERED, b"aware": Event.ENTERED_AWARE}.get(word)

    def _clean_up(self, event: Event) -> None:
        """Leave nothing of a start that failed: no process and no pid file."""
        if event in (Event.TIME_UP, Event.ABANDONED):
            self.status = _end(self._d.daemon, self._pidfd, self._d.stop_timeout)
        _remove_leftover(self._d.pidfile)


def _end(pid: int, pidfd: int, grace: float) -> int:
    """SIGTERM, SIGKILL after `grace` seconds; returns the status. Our own child: its number is safe."""
    import select
    import signal

    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, None)):
        try:
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            break
        if waiting.poll(None if patience is None else milliseconds(patience)):
            break
    return os.waitpid(pid, 0)[1]


def _kill(d: Detachment) -> None:
    """End a daemon whose watcher has failed, and remove its pid file."""
    import signal

    try:
        os.waitid(os.P_PID, d.daemon, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # still ours, so its number is
        os.kill(d.daemon, signal.SIGKILL)
        os.waitpid(d.daemon, 0)
    except ChildProcessError:  # it has been reaped: it is gone
        pass
    _remove_leftover(d.pidfile)


def _remove_leftover(pidfile: object) -> None:
    from nbmon.daemon.pidfile import PidFile

    if not isinstance(pidfile, PidFile):
        return
    try:
        pidfile.sweep()
    except DaemonError:  # another daemon was quicker, or it is no pid file: then it is not ours to remove
        pass


def _end_group() -> None:
    """Kill what a failed daemon left in its group, which is this process's own, and with it this one."""
    import signal

    if os.getsid(0) == os.getpid():  # never the user's own group
        os.killpg(0, signal.SIGKILL)


def _tell(fd: int, words: list[str]) -> None:
    block = readiness.pack(*words)
    try:
        while block:
            block = block[os.write(fd, block) :]
    except OSError:  # the starter is gone
        pass


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # SIGCHLD is ignored, or the program's handler was quicker
        pass
