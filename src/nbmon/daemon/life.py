"""What a process gets once it is the daemon: handlers, hooks for what nobody catches, and an orderly end."""

from __future__ import annotations

import os
import sys

from nbmon.daemon import logs, readiness, signals, watch
from nbmon.daemon.errors import StreamError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn

    from nbmon.daemon.streams import Streams


def begin(
    streams: Streams | None,
    on_reload: Callable[[], None] | None = None,
    patience: float = signals.PATIENCE,
) -> None:
    """Handlers for SIGTERM and SIGHUP where the program has none.

    The uncaught goes to the log, with a time. `patience`: seconds that threads have after SIGTERM.
    """
    signals.install(lambda: reload(streams, on_reload), patience)
    hear_the_uncaught()
    overhear_stderr()


def reload(streams: Streams | None, on_reload: Callable[[], None] | None = None) -> None:
    """What SIGHUP asks for: the logs are opened again, then the program's own hook is called."""
    reopen_logs(streams)
    if on_reload is not None:
        on_reload()


def reopen_logs(streams: Streams | None) -> None:
    """Open the streams and the program's logging files again.

    What fails keeps its old file, and stderr says so.
    """
    failures = logs.reopen()
    if streams is not None:
        try:
            streams.reopen()
        except StreamError as error:
            failures.append(str(error))
    for sentence in failures:
        say(sentence)


def load_early() -> None:
    """Import what telling of an uncaught exception needs: by telling of one."""
    import threading  # noqa: F401 - loaded, not used yet
    import traceback

    try:
        raise LookupError
    except LookupError as error:
        traceback.format_exception(error)


def say(text: str) -> None:
    """One line to stderr with a time, in a single write; a stderr that is gone is no reason to die."""
    import time

    now = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        sys.stderr.write(f"{now} [{os.getpid()}] {text.rstrip()}\n")
    except (AttributeError, OSError, ValueError):
        pass


def hear_the_uncaught() -> None:
    """sys.excepthook and threading.excepthook: the reason to whom is waiting, the traceback to the log."""
    import threading

    theirs = sys.excepthook

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        reason, text = watch.reason_of(error.with_traceback(trace))
        if readiness.channel is not None:
            readiness.channel.failed(reason, text)
        if theirs is sys.__excepthook__:
            say(f"uncaught exception\n{text or reason}")
        else:  # the program's own, set before it became a daemon
            theirs(kind, error, trace)

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or isinstance(args.exc_value, SystemExit):  # as threading's own does
            return
        name = args.thread.name if args.thread else "a thread"
        say(f"uncaught exception in thread {name}\n{watch.reason_of(args.exc_value)[1]}")

    sys.excepthook = uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = uncaught_in_thread


def overhear_stderr() -> None:
    """Remember the last text written to stderr while the start is watched: what sys.exit("why") leaves."""
    import atexit
    import time

    stream: Any = sys.stderr
    plain, until = stream.write, time.monotonic() + readiness.SETTLE_TIME
    last = ""

    def write(text: str) -> int:
        nonlocal last
        last = text[-readiness.MAX_REASON :] if text.strip() else last
        if time.monotonic() > until and readiness.channel is not None and not readiness.channel.listened:
            vars(stream).pop("write", None)  # heard enough; another thread may have been quicker
        return int(plain(text))

    def leave_last_words() -> None:
        if last and readiness.channel is not None:
            readiness.channel.heard(last)

    stream.write = write
    atexit.register(leave_last_words)


def leave(run: Callable[[], object]) -> NoReturn:
    """Run, and end the process as the interpreter would, without climbing up a stack that is another's."""
    code = 1
    try:
        run()
        code = 0
    except SystemExit as error:
        code = exit_code(error.code)
    except BaseException:  # noqa: BLE001, RUF100 - as the interpreter does at the very end
        sys.excepthook(*sys.exc_info())
    finally:
        end(code)


def exit_code(code: object) -> int:
    """What sys.exit(code) means; a text is written to stderr, as Python does."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def end(code: int, join: bool = True) -> NoReturn:
    """Join the threads, run atexit, flush, exit: what Py_FinalizeEx does of it that a program can see."""
    import atexit
    import threading

    try:
        if join:
            threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its children
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:  # noqa: BLE001, S110, RUF100 - nothing may keep the process from ending now
        pass
    os._exit(code)
