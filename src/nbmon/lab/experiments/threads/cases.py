"""What threads do, each case as a program of its own: it tells over a descriptor what happens when.

A case marks what a lane (the main thread, another) does from now on, and says what it saw. Nothing is judged.
"""

from __future__ import annotations

import _thread
import atexit
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORK = 0.12  # seconds that a thread works
MAIN, OTHER, CHILD = "main thread", "thread", "forked child"
LONG_NAME = "a-thread-with-a-long-name"

_fd = -1


def mark(lane: str, what: str) -> None:
    """From now on this lane does that."""
    _say({"mark": [time.monotonic_ns(), lane, what]})


def saw(**seen: Any) -> None:
    """What was observed."""
    _say({"saw": seen})


def _say(value: object) -> None:
    os.write(_fd, (json.dumps(value) + "\n").encode())


def work() -> None:
    """What every thread here does, unless it is cut off."""
    mark(OTHER, "works")
    time.sleep(WORK)
    mark(OTHER, "ended")


def _leave() -> None:
    mark(MAIN, "at exit")


def _started(**options: Any) -> threading.Thread:
    mark(MAIN, "works")
    thread = threading.Thread(target=work, **options)
    thread.start()
    return thread


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    mark(MAIN, "waits in join")
    thread.join(timeout)
    mark(MAIN, "works")


def joined() -> None:
    """start(), join(): the main thread waits."""
    thread = _started()
    _join(thread)
    saw(alive_after_join=thread.is_alive())
    _leave()


def not_joined() -> None:
    """start() alone: is the thread waited for at the end of the program?"""
    _started()
    atexit.register(lambda: mark(MAIN, "atexit functions"))
    _leave()


def daemon() -> None:
    """daemon=True, not joined."""
    _started(daemon=True)
    _leave()


def daemon_joined() -> None:
    """daemon=True and join(): it is waited for after all."""
    thread = _started(daemon=True)
    _join(thread)
    saw(alive_after_join=thread.is_alive())
    _leave()


def low_level() -> None:
    """_thread.start_new_thread: no object, nothing to join."""
    mark(MAIN, "works")
    begun = threading.Lock()
    begun.acquire()

    def life() -> None:
        begun.release()
        work()

    _thread.start_new_thread(life, ())
    begun.acquire()
    saw(known_to_threading=len(threading.enumerate()) - 1)
    _leave()


def subclass() -> None:
    """A class with run(), begun by start(): run is called in the new thread."""

    class Worker(threading.Thread):
        def run(self) -> None:
            saw(in_main_thread=threading.get_native_id() == os.getpid())
            work()

    mark(MAIN, "works")
    thread = Worker()
    thread.start()
    _join(thread)
    _leave()


def run_called() -> None:
    """run() called instead of start(): no thread at all."""

    class Worker(threading.Thread):
        def run(self) -> None:
            saw(in_main_thread=threading.get_native_id() == os.getpid())
            mark(MAIN, "works in run")
            time.sleep(WORK)

    Worker().run()
    _leave()


def wrong_calls() -> None:
    """join before start, start twice, join oneself."""
    thread = threading.Thread(target=work)
    before = _refused(thread.join)
    mark(MAIN, "works")
    thread.start()
    again = _refused(thread.start)
    itself = _refused(threading.current_thread().join)
    saw(join_before_start=before, start_twice=again, join_itself=itself)
    _join(thread)
    _leave()


def _refused(call: Callable[[], None]) -> str:
    try:
        call()
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    return "accepted"


def join_timeout() -> None:
    """join(timeout) returns None whether the thread ended or not; is_alive() tells."""
    thread = _started()
    mark(MAIN, "waits in join")
    first = thread.join(WORK / 6)  # type: ignore[func-returns-value]  # that it returns nothing is the lesson
    mark(MAIN, "works")
    saw(returned_early=repr(first), alive_then=thread.is_alive())
    _join(thread)
    saw(alive_after_join=thread.is_alive())
    _leave()


def alive() -> None:
    """is_alive() before start, while it runs, after join."""
    thread = threading.Thread(target=work)
    before = thread.is_alive()
    mark(MAIN, "works")
    thread.start()
    during = thread.is_alive()
    _join(thread)
    saw(before_start=before, running=during, after_join=thread.is_alive())
    _leave()


def names() -> None:
    """Thread.name, and the name that ps and top show."""

    def life() -> None:
        kernel = Path("/proc/thread-self/comm")
        first = kernel.read_text().strip()
        kernel.write_text(LONG_NAME)
        saw(python=threading.current_thread().name, kernel=first, kernel_when_set=kernel.read_text().strip())
        work()

    mark(MAIN, "works")
    thread = threading.Thread(target=life, name=LONG_NAME)
    thread.start()
    _join(thread)
    _leave()


def exception() -> None:
    """An exception that a thread does not catch."""

    def fail() -> None:
        raise ValueError("of the thread's own")

    _ends_by(fail)


def system_exit() -> None:
    """sys.exit(3) in a thread."""
    _ends_by(lambda: sys.exit(3))


def _ends_by(last: Callable[[], None]) -> None:
    """A thread that works and does this at last; does the main thread hear of it?"""

    def life() -> None:
        mark(OTHER, "works")
        time.sleep(WORK / 2)
        mark(OTHER, "ended")
        last()

    mark(MAIN, "works")
    thread = threading.Thread(target=life)
    thread.start()
    _join(thread)
    saw(main_goes_on=True)
    _leave()


def ctrl_c() -> None:
    """SIGINT, as Ctrl-C sends it: where is KeyboardInterrupt raised?"""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    thread = _started()
    try:
        mark(MAIN, "waits")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(WORK)
        saw(raised_in="nothing")
    except KeyboardInterrupt:
        saw(raised_in=threading.current_thread().name, thread_alive=thread.is_alive())
    _join(thread)
    _leave()


def fork() -> None:
    """fork while another thread runs and holds a lock."""
    held, locked = threading.Lock(), threading.Event()

    def life() -> None:
        with held:
            locked.set()
            work()

    mark(MAIN, "works")
    thread = threading.Thread(target=life)
    thread.start()
    locked.wait()
    threads = _threads()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        pid = os.fork()
    if pid == 0:
        _in_child(held)
    os.waitpid(pid, 0)
    saw(python_warns=bool(warned), threads_in_parent=threads)
    _join(thread)
    _leave()


def _in_child(held: threading.Lock) -> None:
    mark(CHILD, "waits for the lock")
    got = held.acquire(timeout=2 * WORK)  # the holder, where it lives on, is done by then
    saw(threads_in_child=_threads(), child_got_the_lock=got)
    mark(CHILD, "ended")
    os._exit(0)


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


CASES = (
    *(joined, not_joined, daemon, daemon_joined, low_level, subclass, run_called, wrong_calls),
    *(join_timeout, alive, names, exception, system_exit, ctrl_c, fork),
)


def main(args: list[str]) -> None:
    """Run one."""
    global _fd  # noqa: PLW0603 - a program of one case
    _fd = int(args[1])
    os.set_inheritable(_fd, False)
    next(case for case in CASES if case.__name__ == args[0])()
