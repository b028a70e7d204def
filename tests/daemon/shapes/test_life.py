"""The shapes in which the copied recipe is found, each lived through from start to stop.

Every program in `programs/` knows the kit by its import line alone. The table says what is particular
to each; the tests look at the daemon through /proc.
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.proc import Process, wait_until

NULL = "/dev/null"
USUAL = frozenset({"start", "stop", "restart"})
SOCKET, EPOLL, PIPE = "socket:", "anon_inode:[eventpoll]", "pipe:"


@dataclass(frozen=True)
class Shape:
    """What is particular to a program; the defaults are the plain recipe's."""

    name: str
    verbs: frozenset[str] = USUAL  # none: the program starts when it is called
    operand: tuple[str, ...] = ()  # words after the verb
    sign: str = "nbmon.log"  # the file in which the daemon says "alive"
    pidfile: str = "shape.pid"
    out: str = "nbmon.log"  # what descriptor 1 is, from the folder of the start
    err: str = "nbmon.log"
    keeps: tuple[str, ...] = ()  # descriptors beyond 0 1 2 and the pid file: how their targets begin
    home: str = "/"  # the working directory; "." is the folder of the start
    umask: int = 0o022
    ignores: frozenset[int] = frozenset()  # signals that it may be found to ignore, or to block: system(3)
    blocks: frozenset[int] = frozenset()
    said: dict[str, str] = field(default_factory=dict)  # what it prints itself, by verb; regular expressions

    def words(self, verb: str) -> tuple[str, ...]:
        return (verb, *self.operand) if self.verbs else ()

    def expected(self, verb: str, text: str) -> bool:
        return re.fullmatch(self.said.get(verb, self.said.get(verb.partition(" ")[0], "")), text) is not None


def log(name: str, **more: object) -> dict[str, object]:
    """A shape whose streams and sign are in one log of its own."""
    return {"sign": name, "out": name, "err": name, **more}


STATUS = USUAL | {"status"}
JOB_CONTROL = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})  # ignored by PEP 3143's default map
NO_VERBS: dict[str, object] = {"verbs": frozenset()}

SHAPES = (
    # How the class is made
    Shape("plain", verbs=STATUS),
    Shape("positional", sign="out.log", out="out.log", err="err.log"),
    Shape("keywords", **log("both.log")),
    Shape("explicit_init", **log("poller.log")),
    Shape("old_super", sign="worker.log", out="worker.log"),
    Shape("no_super", **log("bare.log")),
    Shape("reassigned", verbs=STATUS, **log("late.log")),
    Shape("multiple"),
    Shape("abstract"),
    Shape("static_run"),
    Shape("class_attributes", **log("settled.log")),
    Shape("pathlib_pid", **log("modern.log")),
    Shape("lower_case"),
    Shape("module_import"),
    Shape("composed", sign="app.log", out="app.log"),
    # How the verbs are found
    Shape("two_daemons", operand=("reader",), pidfile="reader.pid", **log("reader.log")),
    Shape("independent_ifs", said={"stop": "done\n"}),
    Shape("argparse_verbs", verbs=STATUS),
    Shape("click_group"),
    # What is overridden
    Shape(
        "overridden_start",
        said={"start": "starting\n", "stop": "stopping\n", "restart": "stopping\nstarting\n"},
    ),
    Shape("overridden_all", sign="chatty.log", keeps=("chatty.log",)),
    Shape("overridden_daemonize"),
    Shape("by_hand", verbs=frozenset({"start", "stop"})),
    Shape("own_status", verbs=STATUS),
    Shape("extras", verbs=frozenset({"start", "stop", "status"}), home=".", umask=0o027, **log("extra.log")),
    Shape(
        "extras_positional",
        sign="handed.log",
        out="handed.log",
        err=NULL,
        home=".",
        said={  # by the kit, for verbose=1 is this variant's default
            "start": r"Handed started with pid \d+\n",
            "stop": r"Handed stopped \(was pid \d+\)\n",
            "restart": r"Handed stopped \(was pid \d+\)\nHanded started with pid \d+\n",
            "start again": "",
            "stop again": "",
        },
    ),
    # Signals and leaving
    Shape("handler_in_run"),
    Shape("handler_at_import", **log("early.log")),
    Shape("handler_flag"),
    Shape("handler_in_init"),
    Shape("handler_exception"),
    Shape("own_reload"),
    Shape("atexit_delpid"),
    Shape("cleanup"),
    Shape("bare_except"),
    Shape("pausing"),
    # What runs inside
    Shape("threads"),
    Shape("threads_only"),
    Shape("thread_joined"),
    Shape("timer_queue"),
    Shape("executor"),
    Shape("processes", keeps=(PIPE,)),
    Shape("queue_global", keeps=(PIPE,)),
    Shape("forks"),
    Shape("child_process"),
    Shape("shell", ignores=frozenset({signal.SIGINT, signal.SIGQUIT}), blocks=frozenset({signal.SIGCHLD})),
    Shape("asyncio_run", keeps=(SOCKET, EPOLL)),
    Shape("asyncio_signal", keeps=(SOCKET, EPOLL)),
    Shape("asyncio_global", keeps=(SOCKET, EPOLL)),
    Shape("greenlets"),
    Shape("http_in_run", keeps=(SOCKET,)),
    # What is open before the start
    Shape("socket_attribute", keeps=(SOCKET,)),
    Shape("socket_nested", keeps=(SOCKET,)),
    Shape("global_file", sign="global.log", keeps=("global.log",)),
    Shape("global_database", keeps=("global.sqlite",)),
    Shape("logging_basic", sign="basic.log", keeps=("basic.log",)),
    Shape("logging_rotating", sign="rolling.log", keeps=("rolling.log",)),
    Shape("logging_config", sign="config.log", err="terminal.log", keeps=("config.log",)),
    Shape("logging_in_run", sign="late.log", out=NULL, err=NULL, keeps=("late.log",)),
    Shape("file_objects", sign="out.log", out="out.log", err="err.log", keeps=("out.log", "err.log")),
    Shape("unicode_print"),
    Shape(
        "print_before",
        verbs=frozenset({"start", "stop"}),
        said={"start": "starting it\n", "stop": "stopping it\nstopped it\n"},
    ),
    Shape("chdir_back", sign="relative.txt", home="."),
    Shape("chdir_in_init", **log("settler.log")),
    Shape("reads_stdin"),
    Shape("fifo"),
    # The function
    Shape("function_positional", **log("function.log"), **NO_VERBS),
    Shape("function_keywords", sign="out.log", out="out.log", err="err.log", **NO_VERBS),
    Shape("function_pidfile", verbs=frozenset({"start", "stop"}), **log("daemon.log")),
    # PEP 3143's context
    Shape("context_plain", sign="context.log", out=NULL, err=NULL, umask=0, ignores=JOB_CONTROL, **NO_VERBS),
    Shape(
        "context_full",
        sign="kept.log",
        out="out.log",
        err="err.log",
        keeps=("kept.log", "out.log", "err.log"),
        home=".",
        umask=0o002,
        ignores=frozenset({signal.SIGTSTP}),
        **NO_VERBS,
    ),
    Shape("context_open", sign="kept.log", out=NULL, err=NULL, keeps=("kept.log",), umask=0o077, **NO_VERBS),
)


def started(run, shape: Shape) -> Process:
    """Start, with a descriptor leaked as a careless shell leaks it; the daemon, once it has spoken."""
    with open(run.folder / "leaked", "w") as leak:
        result = run(shape.name, *shape.words("start"), pass_fds=[leak.fileno()])
    assert (result.returncode, result.stderr) == (0, "")
    assert shape.expected("start", result.stdout)
    run.says(shape.sign, "alive")
    return run.daemon(shape.pidfile)


def assert_out_of_the_session(daemon: Process, starters: list[int]) -> None:
    assert daemon.session != daemon.pid, "a session leader could get a terminal again"
    assert not Process(daemon.session).alive, "the session's leader went after the second fork"
    assert daemon.group == daemon.session
    assert daemon.tty == 0
    assert daemon.parent not in starters


def assert_ground_is_clean(daemon: Process, shape: Shape, folder: Path) -> None:
    assert daemon.cwd == os.path.normpath(folder / shape.home)
    assert daemon.umask == shape.umask
    assert daemon.signals("SigBlk") <= shape.blocks
    # SIGPIPE and SIGXFSZ are CPython's own; posix_spawn leaves the signals that libc hides (nptl(7)) ignored.
    ignored = daemon.signals("SigIgn") & signal.valid_signals()
    assert ignored - shape.ignores == {signal.SIGPIPE, signal.SIGXFSZ}


def is_file(daemon: Process, fd: int, path: Path) -> bool:
    """By device and inode: a file that was linked into place is shown under its first name."""
    try:
        return os.path.samestat(os.stat(f"/proc/{daemon.pid}/fd/{fd}"), path.stat())
    except FileNotFoundError:
        return False


def assert_descriptors_are_its_own(daemon: Process, shape: Shape, folder: Path) -> None:
    held = daemon.descriptors
    assert [held.pop(fd) for fd in (0, 1, 2)] == [NULL, str(folder / shape.out), str(folder / shape.err)]
    kept = tuple(str(folder / name) for name in shape.keeps)
    # coverage, when it measures, keeps its file open in the daemon too
    expected = (*shape.keeps, *kept)
    rest = {
        fd: target
        for fd, target in held.items()
        if not (target.startswith(expected) or ".coverage" in target)
    }
    assert {t for fd, t in rest.items() if not is_file(daemon, fd, folder / shape.pidfile)} == set()


def assert_stopped(run, shape: Shape, daemon: Process) -> None:
    if "stop" not in shape.verbs:
        os.kill(daemon.pid, signal.SIGTERM)
        return wait_until(lambda: not daemon.alive)
    result = run(shape.name, *shape.words("stop"))
    assert (result.returncode, result.stderr) == (0, "")
    assert shape.expected("stop", result.stdout)
    if shape.name == "function_pidfile":  # its stop, written by hand, does not wait
        wait_until(lambda: not daemon.alive)
    assert not daemon.alive
    return None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_program_lives_from_start_to_stop_as_with_the_recipe(run, shape):
    if shape.name == "greenlets":
        pytest.importorskip("greenlet", reason="the shape with greenlets needs that package")
    daemon = started(run, shape)
    assert run.read(shape.pidfile) == f"{daemon.pid}\n"
    assert_out_of_the_session(daemon, run.processes())
    assert_ground_is_clean(daemon, shape, run.folder)
    assert_descriptors_are_its_own(daemon, shape, run.folder)
    if shape.verbs:
        assert_second_is_refused(run, shape, daemon)
    if "status" in shape.verbs:
        assert str(daemon.pid) in run(shape.name, *shape.words("status")).stdout
    if "restart" in shape.verbs:
        daemon = restarted(run, shape, daemon)
    assert_stopped(run, shape, daemon)
    assert run.processes() == []
    if "stop" in shape.verbs:
        assert_nothing_to_stop(run, shape)


def assert_second_is_refused(run, shape: Shape, daemon: Process) -> None:
    second = run(shape.name, *shape.words("start"))
    assert second.returncode == 1
    assert shape.expected("start again", second.stdout)
    assert str(run.folder / shape.pidfile) in second.stderr
    assert second.stderr.count("\n") == 1, "one sentence, no traceback"
    assert daemon.alive


def restarted(run, shape: Shape, before: Process) -> Process:
    result = run(shape.name, *shape.words("restart"))
    assert (result.returncode, result.stderr) == (0, "")
    assert shape.expected("restart", result.stdout)
    assert not before.alive
    after = run.daemon(shape.pidfile)
    assert after.pid != before.pid
    assert after.alive
    return after


def assert_nothing_to_stop(run, shape: Shape) -> None:
    assert not (run.folder / shape.pidfile).exists()
    if shape.name == "function_pidfile":  # its stop, written by hand, reads the missing file
        return
    result = run(shape.name, *shape.words("stop"))
    assert result.returncode == 0
    assert shape.expected("stop again", result.stdout)
    assert str(run.folder / shape.pidfile) in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["plain", "keywords", "pathlib_pid", "argparse_verbs", "click_group"])
@pytest.mark.parametrize("words", [(), ("dance",)], ids=["no verb", "unknown verb"])
def test_a_wrong_command_line_is_still_the_programs_own_affair(run, name, words):
    assert run(name, *words).returncode == 2
    assert not (run.folder / "shape.pid").exists()


def test_every_program_is_in_the_table_or_has_a_test_of_its_own():
    programs = {path.stem for path in (Path(__file__).parent / "programs").glob("*.py")}
    apart = (Path(__file__).parent / "test_particulars.py").read_text()
    assert {name for name in programs - {s.name for s in SHAPES} if f'"{name}"' not in apart} == set()
