"""What can go wrong in the daemon kit, each said as a finished sentence.

`str(error)` is what a person reads; a face prints it and exits 1. Must not import anything.
"""


class DaemonError(Exception):
    """A failure of the kit that a person may be told of; `str(error)` is a finished sentence."""


class AlreadyRunning(DaemonError):  # noqa: N818 - the sentence that a user knows it by
    """The pid file is held by a running daemon; `pid` is None when the holder cannot be known."""

    def __init__(self, pid: int | None, pidfile: str) -> None:
        who = f"already running with pid {pid}" if pid is not None else "already running (pid unknown)"
        super().__init__(f"{who}: pid file {pidfile} is held by it")
        self.pid = pid
        self.pidfile = pidfile


class StartFailed(DaemonError):  # noqa: N818 - as above
    """The daemon did not become ready.

    `traceback` is the daemon's own side of it, where there is one; `entered` says whether the program's
    own code had been reached.
    """

    def __init__(self, reason: str, traceback: str | None = None, entered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.traceback = traceback
        self.entered = entered


class NotPermitted(DaemonError):  # noqa: N818 - as above
    """No right to signal the daemon."""


class PidFileError(DaemonError):
    """The pid file cannot be used: missing folder, no right, a symbolic link, a full disk."""


class StreamError(DaemonError):
    """A standard stream cannot be opened where the user asked for it."""


class DetachError(DaemonError):
    """A step of detaching failed: threads alive, no such user, privileges that come back."""
