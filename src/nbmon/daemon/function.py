"""The function: `daemonize()` for programs that want no class."""

from __future__ import annotations

import os
import sys

from nbmon.daemon.errors import DaemonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


def daemonize(
    stdin: Any = os.devnull, stdout: Any = os.devnull, stderr: Any = os.devnull, pidfile: Any = None
) -> None:
    """Become a daemon: returns in the daemon only.

    The process that called exits 0 once the daemon has not failed at once, 1 with a reason on stderr;
    its own atexit functions are left to the daemon. The streams are paths or open files, a `stderr` of None
    is the same as `stdout`; `pidfile` is a path, or None. Under a service manager, or as PID 1, nothing forks
    and the streams stay as they are.
    """
    try:
        launched = _detach(stdin, stdout, stderr, pidfile)
    except DaemonError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    if launched is not None:
        leave_starter(0)


def leave_starter(code: int) -> NoReturn:
    """Exit without the program's atexit functions: what they would clear away is the daemon's now."""
    from nbmon.daemon.detach import flush

    flush()
    os._exit(code)


def _detach(stdin: Any, stdout: Any, stderr: Any, pidfile: Any) -> Any:
    import atexit

    from nbmon.daemon import life, signals
    from nbmon.daemon.detach import Detachment, detach
    from nbmon.daemon.inside import stays_in_foreground
    from nbmon.daemon.pidfile import PidFile
    from nbmon.daemon.streams import Streams, stderr_of

    held = PidFile(pidfile) if pidfile is not None else None
    if stays_in_foreground():
        if held is not None:
            held.acquire()
            atexit.register(held.release)
        signals.install(lambda: life.reload(None))
        return None
    streams = Streams(stdin, stdout, stderr_of(stdout, stderr))
    launched = detach(Detachment(streams, pidfile=held))
    if launched is None:
        if held is not None:
            atexit.register(held.release)
        life.begin(streams)
    return launched
