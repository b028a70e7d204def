"""What is tried: for each thing, how to look at it and how to change it, from wherever the call is made.

Every `look` asks the kernel or the C library about the caller itself: /proc/thread-self, calls that mean us.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nbmon.lab import proc
from nbmon.lab.experiment import JSON
from nbmon.lab.experiments.share import native
from nbmon.lab.experiments.share.bench import BENCH, VARIABLE

ALL_SHARED = MappingProxyType({"thread": "shared", "process": "own", "coroutine": "shared"})
ALL_OWN = MappingProxyType({"thread": "own", "process": "own", "coroutine": "shared"})
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that two workers may share. Without `change`, `look` is an identity that two have or not."""

    what: str
    look: Callable[[], JSON]
    change: Callable[[JSON], None] | None = None
    value: Callable[[], JSON] = lambda: None  # another one than is there
    documented: Mapping[str, str] = field(
        default_factory=lambda: ALL_SHARED
    )  # what holds where it cannot be tried
    source: str = "pthreads(7)"
    possible: Callable[[], bool] = lambda: True
    impossible: str = ""
    differs: str = ""  # where folklore or POSIX and Linux differ


def _status(key: str) -> str:
    return proc.status("thread-self")[key]


def _close(value: JSON) -> None:
    if value == "closed":
        os.close(BENCH.spare)
    else:
        os.dup2(BENCH.file, BENCH.spare)


def _is_open() -> str:
    try:
        os.fstat(BENCH.spare)
    except OSError:
        return "closed"
    return "open"


def _handled() -> str:
    caught = signal.SIGUSR1 in proc.signals(proc.status("thread-self"), "SigCgt")
    return "caught" if caught else "default"


def _handle(value: JSON) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL if value == "default" else lambda *_: None)


def _mask(value: JSON) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK if value == "blocked" else signal.SIG_UNBLOCK, [signal.SIGUSR2])


def _masked() -> str:
    blocked = signal.SIGUSR2 in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return "blocked" if blocked else "let through"


def _limit(value: JSON) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (value, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _set_class(value: JSON) -> None:
    os.sched_setscheduler(0, getattr(os, value), os.sched_param(0))


def _class() -> str:
    names = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_BATCH: "SCHED_BATCH"}
    found = os.sched_getscheduler(0)
    return names.get(found, str(found))


def _renice(value: JSON) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, value)


def _nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _rename(value: JSON) -> None:
    with open("/proc/thread-self/comm", "w", encoding="utf-8") as file:  # noqa: PTH123 - not made, overwritten
        file.write(value)


def _identity() -> list[int]:
    return [int(_status(key).split()[1]) for key in ("Uid", "Gid")]


def _be(value: JSON) -> None:
    """The effective ids, by the C library. The group first on the way down: it takes the privilege."""
    user, group = value
    for call, number in [(os.setresgid, group), (os.setresuid, user)][:: 1 if user else -1]:
        call(-1, number, -1)


def _be_raw(value: JSON) -> None:
    native.raw_setresuid(value)


def _raw_user() -> int:
    return _identity()[0]


def _root() -> bool:
    return os.geteuid() == 0


PROBES = {
    probe.what: probe
    for probe in (
        Probe("memory", lambda: BENCH.cell[0], BENCH.set_cell, lambda: "new"),
        Probe(
            "a shared mapping",
            BENCH.read_mapping,
            BENCH.write_mapping,
            lambda: "new",
            differs="made before the fork, it stays common to both processes",
        ),
        Probe("descriptor table (a close)", _is_open, _close, lambda: "closed"),
        Probe(
            "file offset (a seek)",
            lambda: os.lseek(BENCH.file, 0, os.SEEK_CUR),
            BENCH.seek,
            lambda: 4096,
            differs="fork copies the table of descriptors, not what they point at: the offset stays common "
            "(fork(2)), so that two processes reading one inherited file get alternate parts of it",
        ),
        Probe("signal handlers", _handled, _handle, lambda: "caught", source="signal(7)"),
        Probe("working directory", os.getcwd, os.chdir, lambda: BENCH.folder),
        Probe("umask", lambda: _status("Umask"), BENCH.umask, lambda: "0027"),
        Probe(
            "environment",
            lambda: native.getenv(VARIABLE),
            BENCH.environ,
            lambda: "new",
        ),
        Probe("resource limits", _open_files, _limit, lambda: _open_files() - 1, source="getrlimit(2)"),
        Probe("process id", os.getpid, source="getpid(2)"),
        Probe("kernel thread id", threading.get_native_id, documented=ALL_OWN, source="gettid(2)"),
        Probe(
            "stack",
            native.stack,
            documented=ALL_OWN,
            differs="a thread's stack is its own by habit, not by a wall: others can write to its address. "
            "Forked processes have the same address and other memory behind it. An asyncio coroutine has no "
            "stack: its frames lie on the heap, and it runs on its thread's",
        ),
        Probe(
            "stack pointer (a register)",
            native.stack_pointer,
            documented=ALL_OWN,
            possible=native.knows_registers,
            impossible=f"where getcontext(3) puts it is not known for {os.uname().machine}",
        ),
        Probe("signal mask", _masked, _mask, lambda: "blocked", ALL_OWN, "pthread_sigmask(3)"),
        Probe(
            "nice",
            _nice,
            _renice,
            lambda: _nice() + 1,
            ALL_OWN,
            "setpriority(2)",
            differs="POSIX has one nice value for a process; on Linux each thread has its own "
            "(setpriority(2), nptl(7))",
        ),
        Probe(
            "scheduling class",
            _class,
            _set_class,
            lambda: "SCHED_OTHER" if _class() == "SCHED_BATCH" else "SCHED_BATCH",
            ALL_OWN,
            "sched(7)",
            differs="POSIX lets sched_setscheduler act on the process; on Linux it acts on the one thread",
        ),
        Probe(
            "CPU affinity",
            lambda: sorted(os.sched_getaffinity(0)),
            lambda value: os.sched_setaffinity(0, value),
            lambda: sorted(os.sched_getaffinity(0))[:1],
            ALL_OWN,
            "sched_setaffinity(2)",
            possible=lambda: len(os.sched_getaffinity(0)) > 1,
            impossible="one core is allowed here",
        ),
        Probe(
            "name",
            lambda: proc.name("thread-self"),
            _rename,
            lambda: "lab-other",
            ALL_OWN,
            "PR_SET_NAME(2const)",
            differs="what ps and top show is the first thread's name; Python's Thread.name is another thing "
            "(given to the kernel from Python 3.14 on)",
        ),
        Probe("errno", native.errno_place, documented=ALL_OWN, source="errno(3)"),
        Probe("thread-locals", BENCH.read_local, BENCH.write_local, lambda: "new", ALL_OWN, "threading"),
        Probe(
            "context variables",
            BENCH.variable.get,
            BENCH.set_variable,
            lambda: "new",
            {"thread": "own", "process": "own", "coroutine": "own"},
            "contextvars",
            differs="each task of a loop runs in a copy of the context in which it was made",
        ),
        Probe(
            "uid and gid",
            _identity,
            _be,
            lambda: [NOBODY, NOBODY],
            possible=_root,
            impossible="only root may change them",
            source="nptl(7)",
        ),
        Probe(
            "uid, by a bare system call",
            _raw_user,
            _be_raw,
            lambda: NOBODY,
            ALL_OWN,
            "nptl(7)",
            possible=lambda: _root() and native.knows_setresuid(),
            impossible="only root may change it",
            differs="POSIX has one identity for a process; Linux keeps one for each thread. The C library "
            "makes all change theirs by a signal; a bare system call changes one (nptl(7))",
        ),
    )
}
