"""In a forked worker: its function is called, asked to stop by SIGTERM, and its end is told.

Must not know the supervisor, only the socket to it. SIGTERM sets the flag that `nbmon.stopping()` reads; a
function that has never looked at it is ended by SystemExit, so that `finally` and `with` do their work.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from nbmon.workers import inside, notices

FRAMES_TOLD = 8  # the innermost ones of an exception


class ProcessWorker(inside.CurrentWorker):
    """A worker that has a process of its own."""

    def __init__(
        self, sock: socket.socket, name: str, number: int, restarts: int, heartbeat: float | None
    ) -> None:
        super().__init__(name, "process", number, restarts, say=self._send, heartbeat=heartbeat)
        self._sock = sock
        self._asked = False
        self._pipe: tuple[int, int] | None = None

    def _send(self, word: str) -> None:
        # A heartbeat that finds no room is not worth waiting for: the next one is near.
        flags = socket.MSG_DONTWAIT if word == "beat" else 0
        try:
            self._sock.send(notices.WORDS[word], flags)
        except OSError:  # the supervisor is gone, and this process about to be
            pass

    def on_term(self, _number: int, _frame: object) -> None:
        """The handler of SIGTERM."""
        if self._asked and not self.listens:
            return
        self._asked = True
        if self._pipe is not None:
            os.write(self._pipe[1], b".")
        if not self.listens:
            raise SystemExit(0)

    def stopping(self) -> bool:
        """Whether SIGTERM has come."""
        self.listens = True
        return self._asked

    def wait_stopping(self, timeout: float | None) -> bool:
        """Wait for SIGTERM; in any thread of the process."""
        self.listens = True
        if self._pipe is None:
            self._pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)  # never read from: it stays readable
        poller = select.poll()
        poller.register(self._pipe[0], select.POLLIN)
        if not self._asked:  # else it came before there was a pipe
            poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
        return self._asked


def live(
    worker: ProcessWorker, sock: socket.socket, target: Callable[..., Any] | str, args: Any, kwargs: Any
) -> int:
    """Call the worker's function; the exit code."""
    import atexit

    atexit._clear()  # the master's own are none of this process's
    inside.enter_process(worker)
    signal.signal(signal.SIGTERM, worker.on_term)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    code = 1
    try:
        called = find(target)(*args, **kwargs)
        if hasattr(called, "__await__"):
            _run(called)
        code = 0
    except SystemExit as error:
        code = _exit_code(error.code, sock)
    except BaseException as error:
        tell(sock, *told(error))
        sys.excepthook(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what takes long from here on may be ended
        _end()
    return code


def host(run: Callable[[], int]) -> int:
    """A process that is no worker, but has some; the exit code."""
    import atexit

    atexit._clear()
    inside.enter_process(None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    code = 1
    try:
        code = run()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _end()
    return code


def leave_program() -> None:
    """In a forked helper: what the program has at its exit, and its signals, are none of this process's."""
    import atexit

    atexit._clear()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def find(target: Callable[..., Any] | str) -> Callable[..., Any]:
    """The callable itself, or what "module:function" names, imported here and now."""
    if not isinstance(target, str):
        return target
    from importlib import import_module

    module, _, path = target.partition(":")
    found: Any = import_module(module)
    for word in path.split("."):
        found = getattr(found, word)
    return found  # type: ignore[no-any-return]  # it is called, and tells if it cannot be


def told(error: BaseException) -> tuple[str, str]:
    """An exception as a sentence with its place, and its last frames; the first one is this module's."""
    import traceback

    what = type(error).__name__ + (f": {error}" if str(error) else "")
    frames = traceback.extract_tb(error.__traceback__)[1:]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    return what.splitlines()[0][:500] + where, "".join(traceback.format_list(frames[-FRAMES_TOLD:]))


def tell(sock: socket.socket, sentence: str, frames: str) -> None:
    """Tell the supervisor what this process dies of."""
    try:
        sock.send(notices.last_words(sentence, frames))
    except OSError:  # the exit code will have to do
        pass


def _run(awaitable: Any) -> None:
    """A coroutine function as a process: its own event loop."""
    import asyncio

    async def wait() -> None:
        await awaitable

    asyncio.run(wait())


def _exit_code(code: object, sock: socket.socket) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    tell(sock, str(code).splitlines()[0][:500] if str(code) else "", "")
    return 1


def _end() -> None:
    """What the interpreter does at its end, as far as a program can see it."""
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its children
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except BaseException:  # noqa: S110 - nothing may keep the process from ending now
        pass
