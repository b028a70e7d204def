"""Readiness: when a start has succeeded, and the words by which a daemon says so.

The decision is the table below. The words travel two ways: what is said in good health goes through a
pipe, which wakes the watcher; the reason of a death is left in a page of shared memory, which costs the
daemon no descriptor. Must not know forks, pid files or terminals.
"""

from __future__ import annotations

import os
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap

SETTLE_TIME = 0.1  # seconds that a run() which knows nothing of readiness must live through
MAX_SETTLE_TIME = 1.0  # seconds, for one that is still running or reading: a busy machine gave it no time
LAST_WORDS_SIZE = 64 * 1024  # bytes of shared memory, touched only by a daemon that dies
MAX_REASON = 4_000  # characters
MAX_TRACEBACK = 8_000  # characters, of its end; 4 bytes each fit well into the page
MAX_NOTE = 2_000  # characters, so that it fits into a pipe (pipe(7)) even when nobody reads
LINE_FEED = b"\x1e"  # stands for a line feed inside a note; the words are lines


class State(Enum):
    """How far a start has come."""

    DETACHING = "detaching"  # no word yet
    SETTLING = "settling"  # run() was entered and must only not fail at once
    AWAITING = "awaiting"  # run() was entered and has to say that it is ready
    READY = "ready"
    FAILED = "failed"


class Event(Enum):
    """What the watcher hears."""

    ENTERED = "entered"
    ENTERED_AWARE = "entered, will say ready"
    SAID_READY = "said ready"
    ENDED = "ended with exit code 0"
    DIED = "died: another exit code, or a signal"
    TIME_UP = "time is up"
    ABANDONED = "the starter is gone"


TERMINAL = frozenset({State.READY, State.FAILED})

TABLE: dict[tuple[State, Event], State] = {
    (State.DETACHING, Event.ENTERED): State.SETTLING,
    (State.DETACHING, Event.ENTERED_AWARE): State.AWAITING,
    (State.DETACHING, Event.SAID_READY): State.READY,
    (State.DETACHING, Event.ENDED): State.FAILED,
    (State.DETACHING, Event.DIED): State.FAILED,
    (State.DETACHING, Event.TIME_UP): State.FAILED,
    (State.DETACHING, Event.ABANDONED): State.FAILED,
    (State.SETTLING, Event.ENTERED): State.SETTLING,
    (State.SETTLING, Event.ENTERED_AWARE): State.SETTLING,
    (State.SETTLING, Event.SAID_READY): State.READY,
    (State.SETTLING, Event.ENDED): State.READY,  # a short job that did what it had to
    (State.SETTLING, Event.DIED): State.FAILED,
    (State.SETTLING, Event.TIME_UP): State.READY,  # it has not failed at once
    (State.SETTLING, Event.ABANDONED): State.FAILED,
    (State.AWAITING, Event.ENTERED): State.AWAITING,
    (State.AWAITING, Event.ENTERED_AWARE): State.AWAITING,
    (State.AWAITING, Event.SAID_READY): State.READY,
    (State.AWAITING, Event.ENDED): State.FAILED,
    (State.AWAITING, Event.DIED): State.FAILED,
    (State.AWAITING, Event.TIME_UP): State.FAILED,
    (State.AWAITING, Event.ABANDONED): State.FAILED,
    **{(State.READY, event): State.READY for event in Event},
    **{(State.FAILED, event): State.FAILED for event in Event},
}


def failure(event: Event, status: int, timeout: float, words: list[str]) -> list[str]:
    """The verdict over a start that failed: the daemon's own words where they are to the point, else ours."""
    kind = words[0] if words else ""
    if event is Event.DIED and kind in ("failed", "running"):
        return words
    if event is Event.DIED and kind == "heard" and os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1:
        return [
            "failed",
            words[1],
            "",
        ]  # Python's own way of sys.exit("why"): written to stderr, then exit code 1
    return ["failed", explain(event, status, timeout), ""]


def explain(event: Event, status: int, timeout: float) -> str:
    """The reason of a failed start, where the daemon left none; `status` as waitpid(2) gives it."""
    if event is Event.TIME_UP:
        return f"it was not ready within {timeout:g} seconds and was ended"
    if event is Event.ABANDONED:
        return "the start was interrupted"
    if event is Event.ENDED:
        return "it ended before it was ready"
    return death(status)


def death(status: int) -> str:
    """What a process died of, in words; `status` as waitpid(2) gives it."""
    if not os.WIFSIGNALED(status):
        return f"it exited with code {os.waitstatus_to_exitcode(status)} before it was ready"
    import signal

    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:  # a real-time signal without a name of its own
        name = f"signal {number}"
    return f"it was killed by {name} ({signal.strsignal(number) or 'unknown'}) before it was ready"


def pack(*fields: str) -> bytes:
    """Several texts as one block of bytes; a NUL inside a text is replaced."""
    return "\0".join(field.replace("\0", "\ufffd") for field in fields).encode("utf-8", "backslashreplace")


def unpack(block: bytes) -> list[str]:
    """The texts that `pack` put together."""
    return block.decode("utf-8", "replace").split("\0")


class LastWords:
    """A page that the daemon and its watcher share; made before the fork, read after the death."""

    def __init__(self) -> None:
        import mmap

        self._page: mmap.mmap = mmap.mmap(-1, LAST_WORDS_SIZE)

    def write(self, *fields: str) -> None:
        """Leave the reason of a death; the last one wins."""
        block = pack(*fields)[: LAST_WORDS_SIZE - 4]
        self._page[4 : 4 + len(block)] = block
        self._page[:4] = len(block).to_bytes(4, "big")

    def read(self) -> list[str]:
        """What was left; an empty list when nothing was."""
        length = int.from_bytes(self._page[:4], "big")
        return unpack(self._page[4 : 4 + length]) if length else []


class Channel:
    """The daemon's end: what it says, while somebody may listen.

    Every method is harmless when nobody does.
    """

    def __init__(self, pipe: int, words: LastWords) -> None:
        self._pipe = pipe
        self._words = words
        self._owner = os.getpid()

    def entered(self, aware: bool) -> None:
        """run() is entered now; one that will not say ready needs the pipe no longer."""
        self._say(b"aware\n" if aware else b"entered\n")
        if not aware:
            self._hang_up()

    def ready(self, note: str) -> None:
        """Ready; `note` is what the starter shows."""
        if self._pipe < 0:
            self._words.write("ready", note[:MAX_NOTE])
        self._say(b"ready " + pack(note[:MAX_NOTE]).replace(b"\n", LINE_FEED) + b"\n")
        self._hang_up()

    def failed(self, reason: str, traceback: str = "") -> None:
        """Leave why this process is about to die; a forked child of the daemon has no say."""
        if os.getpid() == self._owner:
            self._words.write("failed", reason[:MAX_REASON], traceback[-MAX_TRACEBACK:])

    def running(self, pid: int | None, pidfile: str) -> None:
        """Another daemon holds the pid file."""
        self._words.write("running", "" if pid is None else str(pid), pidfile)

    def heard(self, text: str) -> None:
        """Leave the last that was written to stderr: the reason, if this is the end by sys.exit("why")."""
        if os.getpid() == self._owner and not self.left_words():
            self._words.write("heard", text.strip()[-MAX_REASON:])

    @property
    def listened(self) -> bool:
        """Whether the starter still waits for a word."""
        return self._pipe >= 0

    def left_words(self) -> bool:
        """Whether a reason was left already."""
        return self._words.read()[:1] in (["failed"], ["running"])

    def _say(self, line: bytes) -> None:
        if self._pipe >= 0:
            try:
                os.write(self._pipe, line)
            except OSError:  # the watcher is gone; the daemon goes on
                pass

    def _hang_up(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


channel: Channel | None = None  # of this process; set once, by the step that tells the starter


def ready(note: str = "") -> None:
    """Say that the daemon is ready; `start` returns now and shows `note`.

    Harmless when said twice, in the foreground, or by a program that was never detached. Under systemd
    it is READY=1, with the note as its STATUS.
    """
    if channel is not None:
        channel.ready(note)
    if "NOTIFY_SOCKET" in os.environ:
        from nbmon.daemon.notify import notify

        line = " ".join(note.split())
        notify(f"READY=1\nSTATUS={line}" if line else "READY=1")
