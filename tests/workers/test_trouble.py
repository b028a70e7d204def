"""What a supervisor has to live through."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from support.proc import GROSS_HANG, Process, wait_until
from workers.asking import CONTROLLED, ask, states
from workers.trees import running


def test_workers_killed_at_random_are_all_back_and_nothing_is_left_of_the_dead(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        chance = random.Random(7)
        until = time.monotonic() + 3.0
        killed = 0
        while time.monotonic() < until:
            row = chance.choice(ask(tree)["workers"])
            if row["pid"] and row["state"] == "running":
                try:
                    os.kill(row["pid"], chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]))
                    killed += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        wait_until(lambda: set(states(tree).values()) == {"running"})
        assert killed > 20
        assert len(tree.children()) == 5  # two processes, two hosts, the keeper
        assert not [child for child in children_of(tree.pid) if Process(child).state == "Z"]
        assert tree.stop() == 0
        tree.wait_until_nothing_is_left()


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def test_an_idle_supervisor_is_not_woken(tmp_path, monkeypatch):
    monkeypatch.setenv("COVERAGE_PROCESS_CONFIG", "")  # its memory, not that of what measures coverage
    with running(tmp_path, CONTROLLED) as tree:
        wait_until(lambda: Process(tree.pid).state == "S")
        time.sleep(0.2)

        def switches():
            return tree_process.status("voluntary_ctxt_switches")

        tree_process = Process(tree.pid)
        before = switches()
        time.sleep(1.0)
        assert switches() == before
        memory = int(tree_process.status("VmRSS").split()[0])
        assert memory < 25 * 1024  # KiB; alone it has 15
        assert tree.stop() == 0


def test_a_full_disk_under_the_common_log_stops_nobody(tmp_path):
    body = CONTROLLED + "import os\nfull = os.open('/dev/full', os.O_WRONLY)\nos.dup2(full, 2)\n"
    with running(tmp_path, body) as tree:
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        tree.pid_of("web-1", 2)
        assert tree.stop() == 0


def test_the_reader_of_the_common_log_may_go(tmp_path):
    body = CONTROLLED + "r, w = os.pipe()\nos.dup2(w, 2)\nos.close(r)\nos.close(w)\n"
    with running(tmp_path, body) as tree:
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        tree.pid_of("web-1", 2)
        assert tree.stop() == 0


def test_a_worker_that_uses_too_much_memory_is_renewed_gently(tmp_path):
    body = """
    import nbmon.workers.health as health
    health.MEMORY_LOOK = 0.1
    def grow():
        note("up a", os.getpid())
        nbmon.stopping()
        nbmon.ready()
        if nbmon.current_worker().restarts == 0:
            held = bytearray(100 << 20)
        nbmon.wait_stopping()
        note("gently")
    tree = Supervisor(process("a", grow, ready=True, memory_limit=80 << 20), intensity=0)
    """
    with running(tmp_path, body) as tree:
        tree.pid_of("a", 2)
        assert "gently" in tree.notes
        assert "MiB of memory and is renewed" in tree.text
        assert tree.stop() == 0


def test_workers_are_renewed_by_age_and_after_their_requests(tmp_path):
    body = """
    def count():
        note("up", nbmon.current_worker().name, os.getpid())
        nbmon.ready()
        while not nbmon.wait_stopping(0.01):
            nbmon.handled()
    tree = Supervisor(process("old", serve, ready=True, max_age=0.3), process("busy", count, max_requests=20),
                      thread("t", count, max_requests=30), intensity=0)
    """
    with running(tmp_path, body) as tree:
        for name in ("old", "busy", "t"):
            tree.wait_for(f"up {name}", 3)
        assert "died" not in tree.text
        assert tree.stop() == 0


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare(1)")
def test_as_pid_1_it_reaps_the_orphans_of_others_and_keeps_its_own(tmp_path):
    program = """
import os, time, nbmon
from nbmon import Supervisor, process
def leave_orphans():
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(0.05)
            os._exit(0)
        os.wait()
    nbmon.ready()
    nbmon.wait_stopping()
def look():
    assert os.getpid() != 1
    for _ in range(200):
        states = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                states.append(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0])
            except OSError:
                pass
        if "Z" not in states and time.monotonic() > since + 0.3:
            print("no zombies", len(states), flush=True)
            os.kill(1, 15)
            break
        time.sleep(0.02)
    nbmon.wait_stopping()
since = time.monotonic()
Supervisor(process("a", leave_orphans, ready=True), process("b", look)).run()
print("pid", os.getpid(), "ends", flush=True)
"""
    (tmp_path / "one.py").write_text(program)
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "one.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=GROSS_HANG)
    if "unshare:" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout.splitlines()[0].startswith("no zombies"), done
    assert "pid 1 ends" in done.stdout


def test_a_new_start_over_the_remains_works(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        tree.process.kill()
        tree.wait_until_nothing_is_left()
        assert (tmp_path / "control.sock").exists()
    (tmp_path / "notes").unlink()
    with running(tmp_path, CONTROLLED) as tree:
        assert set(states(tree).values()) == {"running"}
        assert tree.stop() == 0


def test_a_second_supervisor_of_the_same_place_is_refused_and_the_first_goes_on(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        command = [sys.executable, "tree_program.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=GROSS_HANG)
        assert done.returncode == 1
        assert "another supervisor listens at control.sock; stop it first" in done.stderr
        assert set(states(tree).values()) == {"running"}
        assert tree.stop() == 0


def test_a_supervisor_that_was_stopped_for_a_while_catches_up(tmp_path):
    with running(tmp_path, CONTROLLED) as tree:
        tree.send(signal.SIGSTOP)
        wait_until(lambda: Process(tree.pid).state == "T")
        os.kill(tree.pid_of("web-1"), signal.SIGKILL)
        os.kill(tree.pid_of("web-2"), signal.SIGKILL)
        tree.send(signal.SIGCONT)
        tree.pid_of("web-1", 2)
        tree.pid_of("web-2", 2)
        assert tree.stop() == 0


STEPPED = """
import itertools
_real, _steps = time.time, itertools.cycle([0, 7200, -86400, 3600])
time.time = lambda: _real() + next(_steps)  # a clock that is set by hours at every look

tree = Supervisor(process("web", serve, count=2, ready=True, heartbeat=None), backoff=0.05)
_run = tree.run
tree.run = lambda on_ready: _run(on_ready, control="control.sock")
"""


def test_a_clock_that_is_set_by_hours_changes_nothing(tmp_path):
    with running(tmp_path, STEPPED) as tree:
        for life in (1, 2, 3):
            os.kill(tree.pid_of("web-1", life), signal.SIGKILL)
        tree.pid_of("web-1", 4)
        wait_until(lambda: set(states(tree).values()) == {"running"})
        rows = ask(tree)["workers"]
        assert [row["restarts"] for row in rows] == [3, 0]
        assert all(0 <= row["uptime"] < GROSS_HANG for row in rows)
        assert tree.stop() == 0


SERVER = """
import select, socket
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
listener.setblocking(False)
with open("port", "w") as file:
    file.write(str(listener.getsockname()[1]))

def answer():
    nbmon.stopping()
    nbmon.ready()
    while not nbmon.stopping():
        if not select.select([listener], [], [], 0.05)[0]:
            continue
        try:
            connection, _ = listener.accept()
        except BlockingIOError:  # another worker was quicker
            continue
        connection.recv(100)
        connection.sendall(b"answered by %d" % os.getpid())
        connection.close()

tree = Supervisor(process("web", answer, count=2, ready=True))
_run = tree.run
tree.run = lambda on_ready: _run(on_ready, control="control.sock")
"""


def test_reloads_under_load_lose_no_request(tmp_path):
    with running(tmp_path, SERVER) as tree:
        port = int((tmp_path / "port").read_text())
        over = threading.Event()
        answers, failures = [], []

        def load():
            while not over.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=GROSS_HANG) as sock:
                        sock.sendall(b"hello")
                        answers.append(sock.recv(100))
                except OSError as error:
                    failures.append(error)

        loading = threading.Thread(target=load)
        loading.start()
        try:
            for _ in range(20):
                ask(tree, "reload")
        finally:
            over.set()
            loading.join()
        assert failures == []
        assert all(answer.startswith(b"answered by ") for answer in answers)
        assert len(set(answers)) > 4
        assert tree.stop() == 0
