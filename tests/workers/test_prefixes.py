"""Prefixes in the common log, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from nbmon.workers.prefixer import LONGEST_LINE
from support.proc import Process, wait_until
from workers.trees import running


def lines_of(tree, name):
    return [line.split(" | ", 1)[1] for line in tree.text.split("\n") if line.startswith(f"{name} | ")]


def writer_of(tree, *names):
    """The children are the keeper, the workers, and the writer, which alone has a second thread."""
    others = {tree.pid_of(name) for name in names}
    return next(c for c in tree.children() if c.pid not in others and c.status("Threads") == "2")


def test_each_line_carries_the_name_of_its_worker_in_order(tmp_path):
    body = """
    def count():
        for number in range(2000):
            print("made", number, "x" * (number % 300), file=(sys.stdout, sys.stderr)[number % 2], flush=True)
        serve()
    tree = Supervisor(process("resizer", count, count=3, ready=True, prefix=True),
                      process("plain", ["sh", "-c", "echo plain; exec sleep 1000"]))
    """
    with running(tmp_path, body) as tree:
        assert tree.stop() == 0
        wanted = [f"made {number} {'x' * (number % 300)}" for number in range(2000)]
        for number in (1, 2, 3):
            assert lines_of(tree, f"resizer-{number}") == wanted
        others = [line for line in tree.text.splitlines() if not line.startswith("resizer-")]
        assert others == ["plain"]
        tree.wait_until_nothing_is_left()


def test_a_supervisors_prefix_holds_for_all_below_but_logs_of_their_own(tmp_path):
    body = """
    import asyncio
    def talk():
        print("hello", flush=True)
        serve()
    async def feed():
        print("hello", flush=True)
        nbmon.ready()
        await nbmon.stopped()
    shell = ["sh", "-c", "echo hello; exec sleep 1000"]
    tree = Supervisor(Supervisor(process("c", shell), process("own", shell, log="own.log"), name="in"),
                      thread("t", talk, ready=True), coroutine("f", feed, ready=True), prefix=True)
    """
    with running(tmp_path, body) as tree:
        wait_until(lambda: (tmp_path / "own.log").read_text() == "hello\n")
        assert tree.stop() == 0
        assert sorted(tree.text.splitlines()) == ["coroutines | hello", "in/c | hello", "threads | hello"]


def test_a_long_line_is_cut_and_one_without_end_is_not_lost(tmp_path):
    script = "yes | head -c 200000 | tr -d '\\n'; echo; printf 'no end'"
    body = f"""
    tree = Supervisor(process("a", ["sh", "-c", {script!r}], restart="temporary", prefix=True))
    """
    with running(tmp_path, body, ready=False) as tree:
        assert tree.process.wait(30) == 0
        long, short = lines_of(tree, "a")
        assert short == "no end"
        assert long.endswith("y … (cut)")
        assert len(long.encode()) <= LONGEST_LINE


def test_a_killed_worker_leaves_its_last_words_on_a_line_of_their_own(tmp_path):
    body = """
    def talk():
        sys.stdout.write("half a line")
        sys.stdout.flush()
        serve()
    tree = Supervisor(process("a", talk, ready=True, prefix=True), healthy=0)
    """
    with running(tmp_path, body) as tree:
        os.kill(tree.pid_of("a"), signal.SIGKILL)
        tree.wait_for("up a", 2)
        assert tree.stop() == 0
        assert lines_of(tree, "a") == ["half a line", "half a line"]


def test_lives_that_end_leave_no_descriptor_behind(tmp_path):
    body = """
    tree = Supervisor(process("a", serve, ready=True, prefix=True), healthy=0, intensity=100)
    """
    with running(tmp_path, body) as tree:
        before = len(Process(tree.pid).descriptors)
        for life in range(1, 21):
            os.kill(tree.pid_of("a", life), signal.SIGKILL)
            tree.wait_for("up a", life + 1)
        assert len(Process(tree.pid).descriptors) <= before + 2
        writer = writer_of(tree, "a")
        wait_until(
            lambda: sum(link.startswith("pipe:") for link in writer.descriptors.values()) == 1,
            what="one pipe in the writer, of the life that is",
        )
        assert tree.stop() == 0


def test_the_writer_that_is_killed_is_replaced(tmp_path):
    body = """
    def talk():
        print("first", flush=True)
        note("up", "a", os.getpid())
        nbmon.ready()
        while not os.path.exists("go"):
            time.sleep(0.05)
        print("second", flush=True)
        nbmon.wait_stopping()
    tree = Supervisor(process("a", talk, ready=True, prefix=True))
    """
    with running(tmp_path, body) as tree:
        tree.wait_for_log("a | first\n")
        writer = writer_of(tree, "a")
        os.kill(writer.pid, signal.SIGKILL)
        wait_until(lambda: not writer.alive)
        (tmp_path / "go").touch()
        tree.wait_for_log("a | second\n")
        assert "the writer of the common log was killed by SIGKILL and is replaced" in tree.text
        assert tree.stop() == 0


def test_who_escaped_with_a_pipe_does_not_hold_up_the_end(tmp_path):
    body = """
    script = "setsid sleep 60 & echo $! >> sleeper; echo up a $$ >> notes; exec sleep 1000"
    tree = Supervisor(process("a", ["sh", "-c", script], prefix=True))
    """
    with running(tmp_path, body) as tree:
        tree.wait_for("up a")
        since = time.monotonic()
        assert tree.stop() == 0
        assert time.monotonic() - since < 8  # less than the time that a disk has


TREE = """
import sys, nbmon
from nbmon import Supervisor, process
def flood():
    for _ in range(100_000):
        sys.stdout.write("x" * 99 + "\\n")
    sys.stdout.flush()
    open("done", "w").close()
    nbmon.wait_stopping()
Supervisor(process("a", flood, prefix=True)).run()
"""


def start_flood(folder, stderr):
    return subprocess.Popen(
        [sys.executable, "-c", TREE], cwd=folder, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr
    )


def test_a_full_disk_under_the_common_log_holds_up_nobody(tmp_path):
    with open("/dev/full", "wb") as full:
        program = start_flood(tmp_path, full)
    try:
        wait_until((tmp_path / "done").exists)
        program.terminate()
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()


def test_nobody_reading_the_common_log_holds_up_nobody_and_what_is_missing_is_counted(tmp_path):
    reading, writing = os.pipe()
    program = start_flood(tmp_path, writing)
    os.close(writing)
    try:
        wait_until((tmp_path / "done").exists)  # and nobody has read
        program.terminate()
        with open(reading, "rb") as file:
            text = file.read()
        assert program.wait(30) == 0
        lines = text.splitlines()
        assert set(lines) - {b"a | " + b"x" * 99} == {line for line in lines if line.startswith(b"nbmon: ")}
        missing = sum(int(line.split()[1]) for line in lines if line.startswith(b"nbmon: "))
        assert missing > 0
        assert missing + len(b"a | \n" + b"x" * 99) * lines.count(b"a | " + b"x" * 99) == 104 * 100_000
    finally:
        program.kill()
        program.wait()
