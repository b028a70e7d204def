"""What supervision costs on this machine: python -m bench.supervisors.own

Respawn after SIGKILL (to the new process, and to readiness), workers in numbers (started, all killed at once, all back;
the master's CPU for each), threads and coroutines that fail once each, what an idle supervisor costs; a hundred reloads
and a minute of kills under load.
"""

import contextlib
import os
import random
import select
import signal
import socket
import statistics
import threading
import time
from pathlib import Path

import nbmon
from nbmon import Supervisor, coroutine, process, thread

ROUNDS = 8
NUMBERS = (10, 100, 1000)
UNLIMITED = 1_000_000  # restarts
GAP = 0.1  # seconds between two looks
RELOADS = 100
KILLING = 60.0  # seconds
PAUSE = 0.05  # seconds between two kills


def work():
    nbmon.stopping()
    nbmon.ready()
    nbmon.wait_stopping()


def fail_once():
    nbmon.ready()
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    nbmon.wait_stopping()


async def fail_once_too():
    if nbmon.current_worker().restarts == 0:
        raise ValueError("once")
    await nbmon.stopped()


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(pid, key):
    return next(
        line.split()[1]
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith(key)
    )


def pid_of(tree, name):
    return next(row["pid"] for row in tree.status()["workers"] if row["name"] == name)


def all_back(tree):
    while not all(r["state"] == "running" and r["restarts"] == 1 for r in tree.status()["workers"]):
        time.sleep(GAP)


def respawn():
    tree = Supervisor(
        process("function", work, ready=True), process("command", ["sleep", "1000"]), intensity=UNLIMITED
    )
    with tree:
        for name in ("function", "command"):
            taken = {"started": [], "ready": []}
            for _ in range(ROUNDS):
                pid = pid_of(tree, name)
                time.sleep(1.1)  # a healthy life, so that the restart is immediate
                began = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                event = {}
                while event.get("event") != "ready":
                    event = tree._background.remote.event(30)
                    if event["event"] in taken:
                        taken[event["event"]].append((time.monotonic() - began) * 1e3)
            figures = ", ".join(
                f"{what} {statistics.median(v):.1f} ms (worst {max(v):.1f})" for what, v in taken.items()
            )
            print(f"{name} killed: {figures}")


def numbers(count):
    tree = Supervisor(process("w", work, count=count, ready=True), intensity=UNLIMITED, healthy=0)
    began = time.monotonic()
    with tree:
        started = time.monotonic() - began
        master = tree.status()["pid"]
        pids = [row["pid"] for row in tree.status()["workers"]]
        before, began = cpu(master), time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        all_back(tree)
        back, used = time.monotonic() - began, cpu(master) - before
    print(
        f"{count} workers: started {started / count * 1e3:.1f} ms each; killed and back {back / count * 1e3:.1f} ms each, "
        f"{used / count * 1e3:.1f} ms of the master's CPU each"
    )


def idle():
    with Supervisor(process("w", work, ready=True, count=2)) as tree:
        master = tree.status()["pid"]
        time.sleep(0.5)
        before = status(master, "voluntary_ctxt_switches")
        time.sleep(3)
        woken = int(status(master, "voluntary_ctxt_switches")) - int(before)
        print(f"idle: {woken} wake-ups in 3 s, {int(status(master, 'VmRSS')) / 1024:.1f} MiB")


def many():
    tree = Supervisor(
        thread("t", fail_once, count=500, ready=True),
        coroutine("c", fail_once_too, count=10_000),
        intensity=UNLIMITED,
        healthy=0,
    )
    began = time.monotonic()
    with tree:
        all_back(tree)
        print(
            f"500 threads and 10,000 coroutines: each failed once, all back after {time.monotonic() - began:.1f} s"
        )


def answer(listener):
    nbmon.stopping()
    nbmon.ready()
    while not nbmon.stopping():
        if not select.select([listener], [], [], GAP)[0]:
            continue
        with contextlib.suppress(BlockingIOError):  # another worker was quicker
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"%d" % os.getpid())
            connection.close()


@contextlib.contextmanager
def loaded(count):
    """A tree of `count` workers that answer on one socket, a client that asks without a pause, and what it got."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    tree = Supervisor(
        process("web", answer, args=(listener,), count=count, ready=True), intensity=UNLIMITED, healthy=0
    )
    answers, failures, over = [], [], threading.Event()

    def ask():
        while not over.is_set():
            try:
                with socket.create_connection(listener.getsockname(), timeout=30) as sock:
                    sock.sendall(b"hello")
                    (answers if (got := sock.recv(100)) else failures).append(got)
            except OSError as error:
                failures.append(error)

    with tree:
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield tree, answers, failures
        finally:
            over.set()
            asking.join()


def reloads():
    with loaded(2) as (tree, answers, failures):
        began = time.monotonic()
        for _ in range(RELOADS):
            tree.reload()
        each = (time.monotonic() - began) / RELOADS * 1e3
    print(
        f"{RELOADS} reloads under load: {len(failures)} of {len(answers)} requests failed, {each:.0f} ms a reload, "
        f"answered by {len(set(answers))} processes"
    )


def kills():
    chance, killed = random.Random(1), 0
    with loaded(4) as (tree, answers, failures):
        until = time.monotonic() + KILLING
        while time.monotonic() < until:
            rows = [row for row in tree.status()["workers"] if row["state"] == "running"]
            if rows:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(
                        chance.choice(rows)["pid"],
                        chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]),
                    )
                    killed += 1
            time.sleep(PAUSE)
        while any(row["state"] != "running" for row in tree.status()["workers"]):
            time.sleep(GAP)
        master = tree.status()["pid"]
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        zombies = sum(status(child, "State") == "Z" for child in children)
    print(
        f"{killed} kills in {KILLING:g} s under load: all 4 workers back, {len(answers)} requests answered, {len(failures)} "
        f"failed with the worker that held them, {zombies} zombies"
    )


if __name__ == "__main__":
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # the log of the deaths
    respawn()
    for number in NUMBERS:
        numbers(number)
    idle()
    many()
    reloads()
    kills()
